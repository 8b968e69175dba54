"""The station's side: a SignedChallenge.conf, as this package writes it or as W3CP's firmware does.

============  ==================================  ==========================================
of            own                                 reference
============  ==================================  ==========================================
hashed        the payload as it is sent           with ``web3Identity`` and ``kid`` as null
signed        the canonical payload               the ASCII text of the hash
hash          64 hex digits                       base64url
signature     ``0x`` and hex digits               base64url
timestamp     milliseconds                        nanoseconds
``type``      left out                            ``identityProof``
============  ==================================  ==========================================
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from evouch.identity import encoding, work
from evouch.identity.canonical import canonical, with_nulls
from evouch.identity.certificate import fingerprint
from evouch.identity.enrolment import IdentityKind
from evouch.identity.keys import PrivateKey
from evouch.identity.shape import TYPE
from evouch.units import format_time

__all__ = ["Profile", "prove", "search"]


class Profile(StrEnum):
    """Whose habits a proof is written with."""

    OWN = "own"
    REFERENCE = "reference"


def prove(
    key: PrivateKey,
    *,
    station: str,
    nonce: str,
    at: datetime | str,
    kind: IdentityKind = IdentityKind.PUBLIC_KEY,
    did: str = "",
    certificate: bytes | None = None,
    difficulty: int = 0,
    profile: Profile = Profile.OWN,
    offer_key: bool = False,
    pow_nonce: int | None = None,
) -> dict[str, Any]:
    """Return the proof that ``key`` makes for a challenge.

    ``at`` is the station's time, or its text as it shall be sent. A proof of type web3
    says ``did`` if there is one; one of type x509Certificate the SHA-256 of ``certificate``
    (DER), whose key this has to be; ``offer_key`` puts the public key into one of type
    publicKey, for trust on first use. Work is done here, for as long as ``difficulty`` asks,
    unless it was done before: ``pow_nonce``, see :func:`search`.
    """
    payload: dict[str, Any] = {
        "cpId": station,
        "timestamp": at if isinstance(at, str) else _timestamp(at, profile),
        "nonce": nonce,
        "identityType": kind.value,
        "powNonce": 0,
    }
    if kind is IdentityKind.WEB3 and did:
        payload["web3Identity"] = {"did": did, "method": _method(did)}
    if kind is IdentityKind.CERTIFICATE and certificate is not None:
        payload["x509Identity"] = {"certificateSha256": fingerprint(certificate)}
    if kind is IdentityKind.PUBLIC_KEY and offer_key:
        payload["publicKey"] = key.public.document()
    payload["powNonce"] = _work(payload, profile, difficulty) if pow_nonce is None else pow_nonce
    return _signed(key, payload, profile)


def _signed(key: PrivateKey, payload: dict[str, Any], profile: Profile) -> dict[str, Any]:
    form = _hashed(payload, profile)
    digest = hashlib.sha256(form).digest()
    if profile is Profile.REFERENCE:
        text = encoding.base64url(digest)
        signature = encoding.base64url(key.sign(text.encode()))
        return {"payload": payload, "payloadSignature": signature, "payloadSha256Hash": text, "type": TYPE}
    return {"payload": payload, "payloadSignature": "0x" + key.sign(form).hex(), "payloadSha256Hash": digest.hex()}


def _hashed(payload: Mapping[str, Any], profile: Profile) -> bytes:
    return canonical(with_nulls(payload) if profile is Profile.REFERENCE else payload)


def search(payload: Mapping[str, Any], profile: Profile, difficulty: int) -> Iterator[int | None]:
    """Look for the powNonce of ``payload`` in slices, as :func:`evouch.identity.work.search` does."""
    return work.search(*_around_nonce(payload, profile), difficulty)


def _work(payload: Mapping[str, Any], profile: Profile, difficulty: int) -> int:
    """Return the powNonce; W3CP's firmware counts from 1 also where no work is asked for."""
    return work.solve(*_around_nonce(payload, profile), difficulty)


def _around_nonce(payload: Mapping[str, Any], profile: Profile) -> tuple[bytes, bytes]:
    """Return what is hashed before and after the powNonce."""
    before, _, after = _hashed({**payload, "powNonce": 0}, profile).rpartition(b'"powNonce":0')
    return before + b'"powNonce":', after


def _timestamp(at: datetime, profile: Profile) -> str:
    if profile is Profile.OWN:
        return format_time(at)
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond * 1000:09d}Z"


def _method(did: str) -> str:
    """Return W3CP's name for the method of a DID: did:w3cp is its "polkadot", did:ethr its "ewc"."""
    method = did.split(":")[1]
    return {"w3cp": "polkadot", "ethr": "ewc"}.get(method, method)
