"""Whom a client certificate names: common name and organisation (OCPP security whitepaper, A00.FR.404, 405)."""

from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.x509.oid import NameOID

__all__ = ["Subject", "subject"]


@dataclass(frozen=True, slots=True)
class Subject:
    """The names in a certificate's subject; empty where it is none that can be read."""

    common_names: frozenset[str] = frozenset()
    organizations: frozenset[str] = frozenset()

    def names(self, name: str, *, organization: str = "") -> bool:
        """Return whether it was made for ``name``, and by ``organization`` where one is asked for. Byte for byte."""
        return name in self.common_names and (not organization or organization in self.organizations)


@lru_cache(maxsize=4096)  # a station presents the same one on every connection
def subject(der: bytes) -> Subject:
    """Return whom a certificate names. It is not verified here: the transport has done that."""
    try:
        read = x509.load_der_x509_certificate(der).subject
        return Subject(_values(read, NameOID.COMMON_NAME), _values(read, NameOID.ORGANIZATION_NAME))
    except (ValueError, TypeError, x509.InvalidVersion):
        return Subject()


def _values(name: x509.Name, oid: x509.ObjectIdentifier) -> frozenset[str]:
    return frozenset(str(each.value) for each in name.get_attributes_for_oid(oid))
