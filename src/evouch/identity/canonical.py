"""The one form of a payload that is hashed and signed: JSON by RFC 8785.

W3CP does not say which form it means. Its firmware sorts the members and writes them
compactly, which for this payload gives the bytes of RFC 8785, with one difference that
matters: it hashes members that it does not send. A proof without ``web3Identity`` was hashed
with ``"web3Identity":null``. So there are two forms of a received payload, and the hash that
was sent with it selects one:

1. the payload as it was received,
2. the payload with the absent members of W3CP's IdentityProof restored as null:
   ``web3Identity``, and within it ``did``, ``kid`` and ``method``.

That firmware also escapes control characters with upper-case digits, as no RFC 8785 does. There
is no third form for that: nonces, station ids and DIDs hold none, so such a payload is not
an honest one and its hash does not match. Timestamps are hashed as the text that was sent.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import rfc8785

__all__ = ["MAX_POW_NONCE", "canonical", "select", "with_nulls"]

#: Largest ``powNonce``: RFC 8785 §3.2.2.3 has no way to write a larger integer (2⁵³ − 1).
MAX_POW_NONCE: Final = (1 << 53) - 1

_WEB3: Final = {"did": None, "kid": None, "method": None}
#: Writes objects of texts, integers and nulls whose members have ASCII names as RFC 8785 does, in a third of the time.
_QUICK: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def canonical(payload: Mapping[str, Any]) -> bytes:
    """Return ``payload`` by RFC 8785; raise :class:`ValueError` for a lone surrogate or an unsafe integer."""
    return rfc8785.dumps(payload)


def select(payload: Mapping[str, Any], digest: bytes) -> bytes | None:
    """Return the form whose SHA-256 is ``digest``, or None; raise :class:`ValueError` as :func:`canonical`."""
    # what is written quickly only has to be believed where the hash says the same
    for write in (_quickly, canonical):
        for each in _candidates(payload):
            form = write(each)
            if hashlib.sha256(form).digest() == digest:
                return form
    return None


def with_nulls(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``payload`` with the absent members of W3CP's IdentityProof as null."""
    web3 = payload.get("web3Identity")
    return {**payload, "web3Identity": _WEB3 | web3 if isinstance(web3, dict) else None}


def _candidates(payload: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what may have been hashed, the likelier one first, each made when asked for."""
    yield payload
    restored = with_nulls(payload)
    if restored != payload:
        yield restored


def _quickly(payload: Mapping[str, Any]) -> bytes:
    return _QUICK.encode(payload).encode()
