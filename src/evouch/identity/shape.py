"""The form of SignedChallenge.conf: which members there are, and of what type. Step 1 of a proof.

Everything is decided by the tables below. No member may be unknown, and none but ``powNonce``
is a number, so a proof that passes is at most three objects deep and holds no number but an
integer. Duplicate members and lone surrogates are refused before, where frames are decoded
(:mod:`evouch.wire`).

``x509Identity`` and ``publicKey`` are members of ours: W3CP's IdentityProof names neither a
certificate nor a key.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from evouch.identity.canonical import MAX_POW_NONCE
from evouch.identity.enrolment import IdentityKind

__all__ = ["MAX_BYTES", "TYPE", "Claim", "Misshapen", "read"]

Json = Any

#: Largest canonical payload: an honest one has about 250 bytes, one with a certificate in PEM about 2,000.
MAX_BYTES: Final = 8 * 1024
#: ``type`` of the native W3CP message, which the layer for OCPP leaves out.
TYPE: Final = "identityProof"

_TEXT: Final = (str,)
_TEXT_OR_NULL: Final = (str, type(None))
_OBJECT: Final = (dict,)
_OBJECT_OR_NULL: Final = (dict, type(None))

_Members = Mapping[str, tuple[type, ...]]
_MESSAGE: Final[_Members] = {"payload": _OBJECT, "payloadSignature": _TEXT, "payloadSha256Hash": _TEXT}
_MESSAGE_OPTIONAL: Final[_Members] = {"type": _TEXT}
_PAYLOAD: Final[_Members] = {
    "cpId": _TEXT, "timestamp": _TEXT, "nonce": _TEXT, "identityType": _TEXT, "powNonce": (int,),
}  # fmt: skip
_PAYLOAD_OPTIONAL: Final[_Members] = {
    "web3Identity": _OBJECT_OR_NULL, "x509Identity": _OBJECT, "publicKey": _OBJECT,
}  # fmt: skip
_WEB3: Final[_Members] = {"did": _TEXT_OR_NULL, "method": _TEXT_OR_NULL, "kid": _TEXT_OR_NULL}
_X509: Final[_Members] = {"certificateSha256": _TEXT, "certificatePem": _TEXT}
_KEY: Final[_Members] = {"type": _TEXT, "encoding": _TEXT, "value": _TEXT}
_NOTHING: Final[_Members] = {}
#: Member of the payload → the one identityType whose proof may say it.
_OF_KIND: Final = {
    "web3Identity": IdentityKind.WEB3,
    "x509Identity": IdentityKind.CERTIFICATE,
    "publicKey": IdentityKind.PUBLIC_KEY,
}


class Misshapen(ValueError):
    """The document is not a SignedChallenge.conf; the message says which rule it broke."""


class Claim(NamedTuple):
    """What a proof says, as it was said. ``method`` and ``kid`` of a web3Identity are hints and decide nothing."""

    payload: dict[str, Any]
    signature: str
    hash: str
    station: str
    timestamp: str
    nonce: str
    kind: IdentityKind
    did: str | None
    #: ``x509Identity`` and ``publicKey``, each with its members
    certificate: dict[str, str] | None
    public_key: dict[str, str] | None


def read(document: Json) -> Claim:
    """Return what ``document`` (decoded JSON) says; raise :class:`Misshapen`."""
    message = _object("the answer", document, _MESSAGE, _MESSAGE_OPTIONAL)
    if message.get("type", TYPE) != TYPE:
        raise Misshapen(f"type is {TYPE} or absent")
    payload = _object("payload", message["payload"], _PAYLOAD, _PAYLOAD_OPTIONAL)
    if not 0 <= payload["powNonce"] <= MAX_POW_NONCE:
        raise Misshapen("powNonce is an integer from 0 to 2^53 - 1")
    try:
        kind = IdentityKind(payload["identityType"])
    except ValueError:
        raise Misshapen("identityType is publicKey, x509Certificate or web3") from None
    extras = {name: payload[name] for name in _OF_KIND if payload.get(name) is not None}
    if extras:
        _check_extras(extras, kind)
    if _length(payload) > MAX_BYTES:
        raise Misshapen(f"the payload has more than {MAX_BYTES} bytes")
    return Claim(
        payload=payload,
        signature=message["payloadSignature"],
        hash=message["payloadSha256Hash"],
        station=payload["cpId"],
        timestamp=payload["timestamp"],
        nonce=payload["nonce"],
        kind=kind,
        did=extras["web3Identity"].get("did") if "web3Identity" in extras else None,
        certificate=extras.get("x509Identity"),
        public_key=extras.get("publicKey"),
    )


def _object(name: str, value: Json, required: _Members, optional: _Members) -> dict[str, Any]:
    if type(value) is not dict:
        raise Misshapen(f"{name} is an object")
    if not required.keys() <= value.keys():
        raise Misshapen(f"{name} has no {min(required.keys() - value.keys())}")
    for member, content in value.items():
        types = required.get(member) or optional.get(member)
        if types is None:
            raise Misshapen(f"{name} has a member that is not known")
        # exactly these types: True is an int for isinstance, and 1.0 arrives as a Decimal
        if type(content) not in types:
            raise Misshapen(f"{member} of {name} is of the wrong type")
    return value


def _check_extras(said: dict[str, Any], kind: IdentityKind) -> None:
    if wrong := [name for name in said if _OF_KIND[name] is not kind]:
        raise Misshapen(f"{wrong[0]} in a proof of type {kind}")
    if "web3Identity" in said:
        _object("web3Identity", said["web3Identity"], _NOTHING, _WEB3)
    if "x509Identity" in said and not _object("x509Identity", said["x509Identity"], _NOTHING, _X509):
        raise Misshapen("x509Identity is empty")
    if "publicKey" in said:
        _object("publicKey", said["publicKey"], _KEY, _NOTHING)


def _length(value: Json) -> int:
    """Return the length of all texts: a payload whose texts are short has a short canonical form."""
    length = 0
    for each in value.values():
        if type(each) is str:
            length += len(each)
        elif type(each) is dict:
            length += _length(each)
    return length
