"""A station's own PEM files: its private key, its certificate, and what it shows of them in TLS."""

import ssl
from pathlib import Path
from typing import Final

from evouch.errors import EvouchError

__all__ = ["BadPemFile", "certificate_in", "client_tls", "contents"]

#: What stands around a certificate (RFC 7468).
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"


class BadPemFile(EvouchError):
    """A PEM file cannot be read, or does not hold what it should."""


def contents(path: Path) -> bytes:
    """Return what stands in the file; raise BadPemFile where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadPemFile(f"{path}: {error.strerror}") from None


def certificate_in(path: Path) -> bytes:
    """Return the first certificate of a file in DER; raise BadPemFile where there is none."""
    text = contents(path).decode("ascii", "replace")
    try:
        return ssl.PEM_cert_to_DER_cert(text[text.index(_BEGIN) : text.index(_END) + len(_END)])
    except ValueError:
        raise BadPemFile(f"{path}: holds no certificate") from None


def client_tls(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return how a station speaks TLS: whom it believes (None: whom the system does), and what it shows of itself."""
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:  # SSLError is one
        raise BadPemFile(f"{ca}: {error}") from None
    if certificate is not None:
        try:
            context.load_cert_chain(certificate, key)
        except OSError as error:
            raise BadPemFile(f"{certificate} and {key}: {error}") from None
    return context
