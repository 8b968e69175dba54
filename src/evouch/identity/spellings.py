"""One key has many spellings: what they have in common, so that a key is recognised in another one.

A key document, ``did:key``, ``did:w3cp``, ``did:kilt`` and any number of certificates may hold
one and the same key. Its common name is the SHA-256 of its SPKI in hex; of a secp256k1
key it is the address of its Ethereum account (``0x…``, lower case, without a chain), for some
spellings hold nothing but that address.
"""

import hashlib
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from evouch.errors import Refused
from evouch.identity.certificate import der_of, read_certificate
from evouch.identity.did import did_of
from evouch.identity.enrolment import IdentityKind
from evouch.identity.ethereum import address_of
from evouch.identity.keys import KeyType, PublicKey, key_of

__all__ = ["common_name", "common_name_of_certificate", "common_name_of_key"]


def common_name(kind: IdentityKind, material: str, given: Any = None) -> str:
    """Return what the spellings of this key have in common.

    ``material`` is what :func:`~evouch.identity.material.read_material` has made of ``given``. Empty
    for a certificate of which nothing but the fingerprint was given: nobody knows its key yet.
    """
    match kind:
        case IdentityKind.PUBLIC_KEY:
            return common_name_of_key(key_of(material))
        case IdentityKind.WEB3:
            did = did_of(material)
            return common_name_of_key(did.key) if did.key is not None else _account(did.address or b"")
        case IdentityKind.CERTIFICATE:
            pem = isinstance(given, str) and "-----BEGIN" in given
            return common_name_of_certificate(der_of(given)) if pem else ""


def common_name_of_key(key: PublicKey) -> str:
    """Return what the spellings of ``key`` have in common."""
    return _account(address_of(key.raw)) if key.type is KeyType.SECP256K1 else key.fingerprint


@lru_cache(maxsize=4096)  # a station presents the same one on every connection
def common_name_of_certificate(der: bytes) -> str:
    """Return the same of the key in a certificate, RSA too; empty where it cannot be read."""
    try:
        return common_name_of_key(read_certificate(der).key)
    except Refused:
        pass
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        return ""
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(*form)).hexdigest()


def _account(address: bytes) -> str:
    return f"0x{address.hex()}"
