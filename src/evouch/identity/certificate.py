"""Certificates that stations present in TLS: their key, their fingerprint, and when they are valid.

Which authorities are believed is decided where TLS is; an identity of this kind is one
certificate, enrolled by its SHA-256. Its key signs the proof, so it has to be one that the
proof can be signed with: P-256 or Ed25519, not RSA.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from evouch.errors import Refused
from evouch.identity.keys import KeyType, PublicKey, public_key, refuse_weak

__all__ = ["Certificate", "der_of", "fingerprint", "read_certificate"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a proof needs of a certificate. ``sha256`` is over its DER, in lower-case hex."""

    sha256: str
    key: PublicKey
    not_before: datetime
    not_after: datetime

    def valid(self, at: datetime) -> bool:
        """Return whether ``at`` lies within its validity (RFC 5280 §4.1.2.5: both ends are in it)."""
        return self.not_before <= at <= self.not_after


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 of a certificate in lower-case hex."""
    return hashlib.sha256(der).hexdigest()


@lru_cache(maxsize=4096)  # a station presents the same one on every connection
def read_certificate(der: bytes) -> Certificate:
    """Return the certificate in ``der``; ``Refused`` badCertificate or weakKey."""
    try:
        read = x509.load_der_x509_certificate(der)
        loaded = read.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise Refused("badCertificate", "not an X.509 certificate") from None
    return Certificate(fingerprint(der), _key(loaded), read.not_valid_before_utc, read.not_valid_after_utc)


def der_of(pem: str | bytes) -> bytes:
    """Return the DER of the one certificate in ``pem``; ``Refused("badCertificate")``."""
    try:
        found = x509.load_pem_x509_certificates(pem.encode() if isinstance(pem, str) else pem)
    except ValueError:
        raise Refused("badCertificate", "not a certificate in PEM") from None
    if len(found) != 1:
        raise Refused("badCertificate", "more than one certificate: give the station's own")
    return found[0].public_bytes(serialization.Encoding.DER)


def _key(loaded: object) -> PublicKey:
    if isinstance(loaded, ed25519.Ed25519PublicKey):
        return refuse_weak(public_key(KeyType.ED25519, loaded.public_bytes_raw()))
    if isinstance(loaded, ec.EllipticCurvePublicKey) and isinstance(loaded.curve, ec.SECP256R1):
        form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        return public_key(KeyType.P256, loaded.public_bytes(*form))
    name = "an RSA certificate" if isinstance(loaded, rsa.RSAPublicKey) else "a certificate of this kind"
    raise Refused("badCertificate", f"{name} is not accepted: P-256 or Ed25519")
