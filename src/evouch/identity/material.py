"""What an operator types, turned into the one text that is enrolled and compared.

publicKey: the ``{"type", "encoding", "value"}`` of a KEY.json, as text or decoded, alone or as
``evouch identity keygen --json`` prints it, or a public key in PEM; x509Certificate: a certificate in PEM, or its
SHA-256 in hex (colons as openssl prints them); web3: a DID.
"""

from contextlib import suppress
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from evouch import wire
from evouch.errors import Refused
from evouch.identity import encoding
from evouch.identity.certificate import der_of, read_certificate
from evouch.identity.did import read_did
from evouch.identity.enrolment import IdentityKind
from evouch.identity.keys import KeyType, PublicKey, public_key, read_key, refuse_public_demo

__all__ = ["key_document", "key_in_pem", "read_material"]

Json = Any

#: Members that follow from the key and are there for people.
_BESIDE: Final = frozenset({"did", "fingerprint", "material"})


def read_material(kind: IdentityKind, given: str | Json) -> str:
    """Return the :attr:`Identity.material` of what was given.

    Raises ``Refused``: badKey, weakKey, publicDemoKey, badDid, unsupportedDid, badCertificate.
    """
    match kind:
        case IdentityKind.PUBLIC_KEY:
            return read_key(key_document(_decoded(given) if isinstance(given, str) else given)).material
        case IdentityKind.WEB3:
            if not isinstance(given, str):
                raise Refused("badDid", "a DID is a text")
            return read_did(given.strip()).normalised
        case IdentityKind.CERTIFICATE:
            if not isinstance(given, str):
                raise Refused("badCertificate", "a certificate is its PEM, or the SHA-256 of it in hex")
            return _certificate(given.strip())


def key_document(document: Json) -> Json:
    """Return a KEY.json without what ``keygen`` prints beside the key; anything else as it is."""
    if not isinstance(document, dict):
        return document
    return {name: value for name, value in document.items() if name not in _BESIDE}


def key_in_pem(text: str) -> PublicKey:
    """Return the key of an SPKI in PEM, as ``openssl pkey -pubout`` writes it; ``Refused("badKey")``."""
    try:
        loaded = serialization.load_pem_public_key(text.encode("utf-8", "replace"))
    except (ValueError, UnsupportedAlgorithm):
        raise Refused("badKey", "not a public key in PEM") from None
    spki = loaded.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    for type in KeyType:
        with suppress(Refused):
            return public_key(type, spki)
    raise Refused("badKey", "a key of a station is ed25519, ecP256 or secp256k1")


def _decoded(text: str) -> Json:
    if "-----BEGIN" in text:
        return key_in_pem(text).document()
    try:
        return wire.decode(text)
    except wire.MalformedJson as error:
        raise Refused("badKey", f"not JSON: {error}") from None


def _certificate(text: str) -> str:
    if "-----BEGIN" in text:
        certificate = read_certificate(der_of(text))
        refuse_public_demo(certificate.key)
        return certificate.sha256
    try:
        raw = encoding.read_hex(text.replace(":", ""))
    except ValueError:
        raw = b""
    if len(raw) != 32:  # noqa: PLR2004 - SHA-256
        raise Refused("badCertificate", "a fingerprint is the SHA-256 of a certificate: 64 hex digits")
    return raw.hex()
