"""Behind a reverse proxy: whose word about a station's TLS connection is taken, and how it is read.

RFC 9440, "Client-Cert HTTP Header Field". Only proxies that an operator has named are
believed; from anybody else the header is as if it had not been sent, for a station could
write it as well. A named proxy ends TLS for us, so what comes through it counts as TLS. It
must strip the header from what its own clients send, and send none where there was no
certificate.
"""

import base64
import binascii
import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

__all__ = ["MAX_CERTIFICATE", "Proxies", "client_certificate"]

#: Longest certificate that is taken, in bytes: an RSA-4096 leaf with every extension in use is a third of that.
MAX_CERTIFICATE: Final = 8192
#: DER tag of a SEQUENCE, which every certificate is (X.690 §8.9).
_SEQUENCE: Final = 0x30
#: From here on the first length byte counts the bytes of the length (X.690 §8.1.3.5).
_LONG_FORM: Final = 0x80


class Proxies:
    """The addresses of an operator's proxies. Each is an address or a network in CIDR notation.

    Raises :class:`ValueError` for what is neither, a network with host bits set included.
    """

    def __init__(self, addresses: Iterable[str] = ()) -> None:
        self._networks = tuple(ipaddress.ip_network(address) for address in addresses)

    def __contains__(self, address: str) -> bool:
        """Tell whether a peer's address is a proxy's; an IPv4 address may come written as IPv6."""
        if not self._networks:
            return False
        try:
            peer = ipaddress.ip_address(address)
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer.version == network.version and peer in network for network in self._networks)


def client_certificate(headers: Sequence[str]) -> bytes | None:
    """Return the certificate in a proxy's Client-Cert headers, in DER; None where there is no such header.

    Raises :class:`ValueError` where there are several, or one that is no byte sequence of a
    structured field (RFC 8941 §3.3.5) with one certificate in it.
    """
    if not headers:
        return None
    if len(headers) > 1:
        raise ValueError("several Client-Cert headers")
    field = headers[0].strip(" ")
    if len(field) <= 2 or field[0] != ":" or field[-1] != ":":  # noqa: PLR2004 — two colons and something between
        raise ValueError("Client-Cert is no byte sequence")
    try:
        certificate = base64.b64decode(field[1:-1], validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("Client-Cert is no base64") from None
    if not _is_one_sequence(certificate):
        raise ValueError("Client-Cert holds no certificate")
    return certificate


def _is_one_sequence(der: bytes) -> bool:
    """Tell whether ``der`` is one SEQUENCE from its first byte to its last."""
    if not 2 < len(der) <= MAX_CERTIFICATE or der[0] != _SEQUENCE:  # noqa: PLR2004 — tag and length
        return False
    if der[1] < _LONG_FORM:
        return len(der) == 2 + der[1]
    start = 2 + der[1] - _LONG_FORM
    return len(der) == start + int.from_bytes(der[2:start], "big")
