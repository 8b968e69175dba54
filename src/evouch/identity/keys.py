"""Keys of stations: Ed25519, P-256 and secp256k1, read strictly, each with one normal form.

A key is known by its SPKI (DER SubjectPublicKeyInfo, points uncompressed); whatever else it
was given as (raw bytes, a compressed point) is turned into that. The algorithm of a
signature follows from the enrolled key, never from the message.

Two kinds of keys are refused: Ed25519 points of small order, for which one signature verifies
under nearly any message, and the keys that the reference installation of W3CP publishes
together with their private halves. The first are never used; the second may be read for
an offline check, but not enrolled.
"""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256

from evouch.clock import Entropy
from evouch.errors import Refused
from evouch.identity import encoding
from evouch.ids import KeyBytes

__all__ = [
    "KeyType", "PrivateKey", "PublicKey", "key_of", "public_key", "read_key", "refuse_public_demo", "refuse_weak",
]  # fmt: skip

Json = Any


class KeyType(StrEnum):
    """``type`` of W3CP's W3CPPublicKey."""

    ED25519 = "ed25519"
    P256 = "ecP256"
    SECP256K1 = "secp256k1"


_CURVES: Final = {KeyType.P256: ec.SECP256R1(), KeyType.SECP256K1: ec.SECP256K1()}
#: Everything of an SPKI before the key itself (RFC 8410 §4, RFC 5480 §2): point uncompressed, and compressed.
_HEADERS: Final = {
    KeyType.ED25519: (bytes.fromhex("302a300506032b6570032100"),),
    KeyType.P256: (
        bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200"),
        bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200"),
    ),
    KeyType.SECP256K1: (
        bytes.fromhex("3056301006072a8648ce3d020106052b8104000a034200"),
        bytes.fromhex("3036301006072a8648ce3d020106052b8104000a032200"),
    ),
}
_ECDSA: Final = ec.ECDSA(SHA256())
#: A digest of 32 bytes that was made elsewhere; its algorithm counts for its length only.
_PREHASHED: Final = ec.ECDSA(utils.Prehashed(SHA256()))
_RAW_SIGNATURE: Final = 64
_RECOVERABLE: Final = 65
#: Last byte of an Ethereum signature, old and new spelling.
_RECOVERY_IDS: Final = frozenset({0, 1, 27, 28})

_FIELD: Final = (1 << 255) - 19
#: The y coordinates of the eight points of small order; every encoding of one is caught, canonical or not.
_SMALL_ORDER: Final = frozenset({
    0,
    1,
    _FIELD - 1,
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
})  # fmt: skip

#: SHA-256 of the SPKIs whose private keys stand in the reference installation and demo of W3CP (P-256; three DIDs).
_PUBLIC_DEMO: Final = frozenset({
    "b0210b0d1f9c3ee596f825d5859bed1cccab8844a43bfca1cc394475bc701eef",
    "eb994e8cb79148442fae0ea9e64895c43ba22c91f49f8021cf82488a48368891",
    "d5c9a477db8416e06e9af5168abb50e5d415771178102ee89abcfbe1cf9b2dc6",
    "3a6986c3fe6d05ee6da369f8a382ef2821b0599baf729534145d9a1b6bfc00dc",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key in its normal form. Two are equal if type and SPKI are."""

    type: KeyType
    spki: bytes
    _loaded: Any = field(repr=False, compare=False)

    @property
    def raw(self) -> bytes:
        """The 32 bytes of an Ed25519 key, or the 65 of an uncompressed point."""
        return self.spki[len(_HEADERS[self.type][0]) :]

    @property
    def compressed(self) -> bytes:
        """The 32 bytes of an Ed25519 key, or the 33 of a compressed point (SEC 1 §2.3.3)."""
        raw = self.raw
        return raw if self.type is KeyType.ED25519 else bytes([2 + raw[-1] % 2]) + raw[1:33]

    @property
    def material(self) -> str:
        """``<type>:<base64url of its SPKI>``, as :attr:`Identity.material` has it."""
        return f"{self.type}:{encoding.base64url(self.spki)}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the SPKI in hex: what people compare."""
        return hashlib.sha256(self.spki).hexdigest()

    def document(self) -> dict[str, str]:
        """Return W3CP's W3CPPublicKey of it."""
        return {"type": self.type.value, "encoding": "base64url", "value": encoding.base64url(self.spki)}

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Return whether ``signature`` was made over ``message``: Ed25519, or ECDSA with SHA-256.

        An ECDSA signature may be DER, the 64 bytes r ‖ s, and under secp256k1 the 65 bytes
        r ‖ s ‖ v of Ethereum.
        """
        try:
            if self.type is KeyType.ED25519:
                self._loaded.verify(signature, message)
            else:
                self._loaded.verify(self._der(signature), message, _ECDSA)
        except (InvalidSignature, ValueError):
            return False
        return True

    def verify_digest(self, signature: bytes, digest: bytes) -> bool:
        """Return whether ``signature`` is ECDSA over a ``digest`` of 32 bytes that is not hashed again."""
        if self.type is KeyType.ED25519:
            return False
        try:
            self._loaded.verify(self._der(signature), digest, _PREHASHED)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _der(self, signature: bytes) -> bytes:
        size = len(signature)
        if size == _RECOVERABLE and self.type is KeyType.SECP256K1 and signature[-1] in _RECOVERY_IDS:
            signature, size = signature[:-1], _RAW_SIGNATURE
        if size != _RAW_SIGNATURE:
            return signature
        return utils.encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))


# ── reading ─────────────────────────────────────────────────────────────────────────────


def public_key(type: KeyType, given: bytes) -> PublicKey:
    """Return the key in ``given``: an SPKI, 32 raw bytes (Ed25519) or a point of SEC 1. ``Refused("badKey")``.

    It is not judged: see :func:`refuse_weak` and :func:`refuse_public_demo`.
    """
    raw = next((given[len(each) :] for each in _HEADERS[type] if given.startswith(each)), given)
    try:
        if type is KeyType.ED25519:
            return PublicKey(type, _HEADERS[type][0] + raw, ed25519.Ed25519PublicKey.from_public_bytes(raw))
        loaded = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[type], raw)
    except ValueError:
        raise Refused("badKey", f"not a key of type {type}") from None
    point = loaded.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return PublicKey(type, _HEADERS[type][0] + point, loaded)


def read_key(document: Json, *, enrolling: bool = True) -> PublicKey:
    """Return the key of a ``{"type", "encoding", "value"}`` as W3CP writes one.

    Raises ``Refused``: ``badKey``, and while ``enrolling`` ``weakKey`` and ``publicDemoKey``.
    """
    if not isinstance(document, dict) or document.keys() != {"type", "encoding", "value"}:
        raise Refused("badKey", "a key is an object of type, encoding and value")
    if document["encoding"] != "base64url" or not isinstance(document["value"], str):
        raise Refused("badKey", "the encoding of a key is base64url")
    try:
        key = public_key(KeyType(document["type"]), encoding.read_base64url(document["value"]))
    except (ValueError, TypeError):
        raise Refused("badKey", "unknown type, or value that is not base64url") from None
    return refuse_public_demo(refuse_weak(key)) if enrolling else key


@lru_cache(maxsize=16_384)  # one per enrolled station; loading a key costs as much as using it
def key_of(material: str) -> PublicKey:
    """Return the key of an enrolled ``<type>:<base64url of its SPKI>``; ``Refused`` badKey or weakKey."""
    type, _, value = material.partition(":")
    try:
        return refuse_weak(public_key(KeyType(type), encoding.read_base64url(value)))
    except ValueError:
        raise Refused("badKey", "material of another form") from None


def refuse_weak(key: PublicKey) -> PublicKey:
    """Return ``key``; ``Refused("weakKey")`` for an Ed25519 point of small order, under which anybody can sign."""
    if key.type is KeyType.ED25519:
        y = int.from_bytes(key.raw, "little") & ((1 << 255) - 1)
        if y % _FIELD in _SMALL_ORDER:
            raise Refused("weakKey", "an Ed25519 key of small order: signatures under it prove nothing")
    return key


def refuse_public_demo(key: PublicKey) -> PublicKey:
    """Return ``key``; ``Refused("publicDemoKey")`` if its private half is published."""
    if key.fingerprint in _PUBLIC_DEMO:
        raise Refused("publicDemoKey", "the private half of this key is published with the reference of W3CP")
    return key


# ── signing ─────────────────────────────────────────────────────────────────────────────


class PrivateKey:
    """A private key: for stations, simulators and the command line."""

    __slots__ = ("_loaded", "public")

    def __init__(self, loaded: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self._loaded = loaded
        self.public = _public_half(loaded)

    @classmethod
    def generate(cls, type: KeyType, entropy: Entropy) -> Self:
        """Return a new key, drawn from ``entropy`` (EC: FIPS 186-5 §A.2.1, with 128 extra bits)."""
        if type is KeyType.ED25519:
            return cls(ed25519.Ed25519PrivateKey.from_private_bytes(entropy.bytes(32)))
        number = int.from_bytes(entropy.bytes(48), "big") % (_CURVES[type].group_order - 1) + 1
        return cls(ec.derive_private_key(number, _CURVES[type]))

    @classmethod
    def from_pkcs8(cls, given: KeyBytes) -> Self:
        """Return the key of an unencrypted PKCS #8 in PEM or DER; ``Refused("badKey")``."""
        raw = given.reveal()
        load = serialization.load_pem_private_key if b"-----BEGIN" in raw else serialization.load_der_private_key
        try:
            loaded = load(raw, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise Refused("badKey", "not an unencrypted private key in PKCS #8") from None
        if not isinstance(loaded, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
            raise Refused("badKey", "a key of a station is ed25519, ecP256 or secp256k1")
        return cls(loaded)

    @classmethod
    def from_pem(cls, given: KeyBytes) -> Self:
        """Return the same: PEM and DER tell themselves apart."""
        return cls.from_pkcs8(given)

    def pem(self) -> KeyBytes:
        """Return it as PKCS #8 in PEM, unencrypted."""
        return KeyBytes(
            self._loaded.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def sign(self, message: bytes) -> bytes:
        """Return the signature over ``message``: 64 bytes of Ed25519, or ECDSA with SHA-256 as DER."""
        if isinstance(self._loaded, ed25519.Ed25519PrivateKey):
            return self._loaded.sign(message)
        return self._loaded.sign(message, _ECDSA)


def _public_half(loaded: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> PublicKey:
    if isinstance(loaded, ed25519.Ed25519PrivateKey):
        return public_key(KeyType.ED25519, loaded.public_key().public_bytes_raw())
    type = next((each for each, curve in _CURVES.items() if curve.name == loaded.curve.name), None)
    if type is None:
        raise Refused("badKey", f"a curve of a station is ecP256 or secp256k1, not {loaded.curve.name}")
    point = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    return public_key(type, loaded.public_key().public_bytes(*point))
