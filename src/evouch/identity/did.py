"""DIDs that carry their key or its address in their own text; nothing is looked up anywhere.

========================  ============================================================================
``did:key:z…``            multibase base58 of multicodec and key: Ed25519, P-256, secp256k1
``did:w3cp:…``            W3CP's own: base58 of the 32 bytes of an Ed25519 key
``did:kilt:light:00…``    W3CP's firmware: base58 of the 32 bytes of an Ed25519 key. KILT's own specification
                          has an SS58 address there, and 00 means sr25519 (not supported), 01 Ed25519
``did:ethr:[chain:]0x…``  an Ethereum address of 20 bytes, or a compressed secp256k1 key of 33
``did:ewc:[chain:]0x…``   the same, under the name that W3CP gives it
========================  ============================================================================

An Ethereum DID is what its text says: a key rotation that is recorded on a chain is not seen.
Identities are compared by their normalised DID, never by the key across methods.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from evouch.errors import Refused
from evouch.identity import encoding
from evouch.identity.keys import KeyType, PublicKey, public_key, refuse_public_demo, refuse_weak

__all__ = ["Did", "did_key", "did_of", "read_did"]

#: Longest DID: the details that KILT allows behind a light DID are the only longer ones, and not supported.
_LONGEST: Final = 200
_FORM: Final = re.compile(r"did:([a-z0-9]+):([A-Za-z0-9.\-_:%]+)\Z")
_MULTICODEC: Final = {b"\xed\x01": KeyType.ED25519, b"\xe7\x01": KeyType.SECP256K1, b"\x80\x24": KeyType.P256}
_PREFIXES: Final = {type: prefix for prefix, type in _MULTICODEC.items()}
_KEY_SIZE: Final = 32

_KILT: Final = re.compile(r"light:([0-9]{2})([1-9A-HJ-NP-Za-km-z]+)\Z")
#: SS58: one byte for the network, the key, two bytes of checksum. KILT's network is 38.
_SS58_SIZE: Final = 35
_KILT_NETWORK: Final = 38

_ETHEREUM: Final = re.compile(r"(?:([A-Za-z0-9\-]{1,64}):)?0x([0-9A-Fa-f]{40}|[0-9A-Fa-f]{66})\Z")
_ADDRESS_DIGITS: Final = 40
#: Names of the chain that a DID without one means (ethr DID method, "Method Specific Identifier").
_MAINNET: Final = frozenset({"mainnet", "0x1"})


@dataclass(frozen=True, slots=True)
class Did:
    """A DID that was understood: either ``key`` or, for an Ethereum account, ``address`` (20 bytes) is there."""

    method: str
    #: The one spelling that is enrolled and compared.
    normalised: str
    key: PublicKey | None
    address: bytes | None = None


def read_did(text: str, *, enrolling: bool = True) -> Did:
    """Return what ``text`` says.

    Raises ``Refused``: ``badDid``, ``unsupportedDid``, and while ``enrolling`` ``weakKey`` and
    ``publicDemoKey``.
    """
    did = _parsed(text)
    if enrolling and did.key is not None:
        refuse_public_demo(refuse_weak(did.key))
    return did


@lru_cache(maxsize=16_384)  # one per enrolled station, like key_of
def did_of(material: str) -> Did:
    """Return an enrolled DID; ``Refused``: badDid, unsupportedDid, weakKey."""
    did = _parsed(material)
    if did.key is not None:
        refuse_weak(did.key)
    return did


def did_key(key: PublicKey) -> str:
    """Return the did:key of ``key``."""
    return "did:key:z" + encoding.base58(_PREFIXES[key.type] + key.compressed)


def _parsed(text: str) -> Did:
    found = _FORM.match(text) if len(text) <= _LONGEST else None
    if found is None:
        raise Refused("badDid", "a DID is did:<method>:<what the method wants>, without a fragment")
    read = _METHODS.get(found[1])
    if read is None:
        raise Refused("unsupportedDid", f"DID method {found[1]}")
    try:
        return read(found[1], found[2])
    except ValueError as error:
        raise Refused("badDid", str(error)) from None


def _key(method: str, rest: str) -> Did:
    if not rest.startswith("z"):
        raise Refused("unsupportedDid", "a did:key that is not in base58")
    raw = encoding.read_base58(rest[1:])
    type = _MULTICODEC.get(raw[:2])
    if type is None:
        raise Refused("unsupportedDid", "a did:key that is not Ed25519, P-256 or secp256k1")
    key = _checked(type, raw[2:])
    if did_key(key) != f"did:key:{rest}":
        raise Refused("badDid", "a did:key has its point compressed")
    return Did(method, f"did:key:{rest}", key)


def _w3cp(method: str, rest: str) -> Did:
    return Did(method, f"did:w3cp:{rest}", _checked(KeyType.ED25519, encoding.read_base58(rest)))


def _kilt(method: str, rest: str) -> Did:
    found = _KILT.match(rest)
    if found is None:
        raise Refused("unsupportedDid", "only light DIDs of KILT, without details, can be read offline")
    code, raw = found[1], encoding.read_base58(found[2])
    if len(raw) == _SS58_SIZE:
        if code != "01":
            raise Refused("unsupportedDid", f"a light DID of KILT with key type {code}; 01, Ed25519, is supported")
        raw = _from_ss58(raw)
    elif len(raw) != _KEY_SIZE or code != "00":
        raise Refused("badDid", "a light DID of KILT has an SS58 address, and one of W3CP 00 and 32 bytes")
    return Did(method, f"did:kilt:{rest}", _checked(KeyType.ED25519, raw))


def _from_ss58(raw: bytes) -> bytes:
    """Return the key in an SS58 address of KILT's network."""
    content, checksum = raw[:-2], raw[-2:]
    if content[0] != _KILT_NETWORK or hashlib.blake2b(b"SS58PRE" + content).digest()[:2] != checksum:
        raise Refused("badDid", "not an address of KILT: network or checksum is wrong")
    return content[1:]


def _ethereum(method: str, rest: str) -> Did:
    found = _ETHEREUM.match(rest)
    if found is None:
        raise Refused("badDid", "an Ethereum DID ends in 0x and 40 or 66 hex digits")
    chain, digits = (found[1] or "").lower(), found[2].lower()
    named = "" if chain in _MAINNET and method == "ethr" else f"{chain}:" if chain else ""
    normalised, raw = f"did:{method}:{named}0x{digits}", bytes.fromhex(digits)
    if len(digits) == _ADDRESS_DIGITS:
        return Did(method, normalised, None, raw)
    return Did(method, normalised, _checked(KeyType.SECP256K1, raw))


def _checked(type: KeyType, raw: bytes) -> PublicKey:
    """Return the key of exactly these bytes: an SPKI has no place in a DID."""
    if len(raw) != _KEY_SIZE + (type is not KeyType.ED25519):
        raise Refused("badDid", f"not the bytes of a key of type {type}")
    try:
        return public_key(type, raw)
    except Refused as error:
        raise Refused("badDid", error.detail) from None


_METHODS: Final[dict[str, Callable[[str, str], Did]]] = {
    "key": _key, "w3cp": _w3cp, "kilt": _kilt, "ethr": _ethereum, "ewc": _ethereum,
}  # fmt: skip
