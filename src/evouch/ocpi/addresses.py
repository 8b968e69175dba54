"""Which addresses a partner may send us to.

``credentials.url``, endpoints, ``Link`` and ``response_url`` come from outside, and each is an
invitation to knock somewhere in our name: at a neighbour of ours, at the cloud's metadata, at a
database (docs/decisions/065). Rules of this file:

* https, a host, at most 255 characters (OCPI types §URL), nothing to log in with, no fragment.
* Port 443, or one from 1024 on: services that speak otherwise than HTTP live below.
* A host whose last label is a number is a plain dotted IPv4 address or nothing: ``0x7f000001``,
  ``2130706433`` and ``0177.0.0.1`` are read as addresses by some libraries and as names by others.
* No literal address outside the public internet, also where IPv6 carries an IPv4 address inside.
* What a name resolves to is looked at again when the connection is made (``ocpi.aio_client``):
  a name that answered with a public address a moment ago proves nothing.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from evouch.errors import PeerFault

__all__ = ["MAX_URL", "AddressPolicy", "BadAddress"]

#: OCPI types §URL.
MAX_URL: Final = 255
HTTPS_PORT: Final = 443
HTTP_PORT: Final = 80
FIRST_FREE_PORT: Final = 1024
LAST_PORT: Final = 65_535

_NAME = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?\Z"
)
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?\Z")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

#: Everything that is not the public internet (IANA special-purpose registries), whatever Python's own list says today.
_CLOSED: Final = tuple(
    ipaddress.ip_network(each)
    for each in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        # what is outside 2000::/3 has not been given out, or is not for everybody
        "::/3", "4000::/2", "8000::/1", "2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "3fff::/20",
    )
)  # fmt: skip
#: Networks whose addresses carry an IPv4 address: NAT64 (RFC 6052, 8215), IPv4-compatible (RFC 4291 §2.5.5.1).
_LAST_32_BITS: Final = tuple(ipaddress.IPv6Network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96"))


class BadAddress(PeerFault):
    """A partner named an address that we do not go to; the description says which rule it breaks."""

    def __init__(self, why: str) -> None:
        super().__init__("2001", why)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPolicy:
    """Where we go at a partner's word. The defaults are for production; the others for one's own machine."""

    #: http as well: nothing protects the token on its way
    allow_http: bool = False
    #: 127.0.0.0/8 and ::1, by any name, on any port
    allow_loopback: bool = False
    #: private networks, and all others that are not public
    allow_private: bool = False
    #: names, in lower case, that may lead into private networks: partners behind a VPN
    hosts: frozenset[str] = frozenset()

    @classmethod
    def development(cls) -> "AddressPolicy":
        """Return the policy of tests and demonstrations: this machine, without TLS."""
        return cls(allow_http=True, allow_loopback=True)

    def check(self, url: str) -> str:
        """Return ``url``; raise BadAddress where it is not one that we go to. Looks nothing up."""
        parts, port = _split(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and self.allow_http):
            raise BadAddress("an address begins with https://")
        if "@" in parts.netloc or parts.fragment:
            raise BadAddress("an address holds neither a login nor a fragment")
        self._check_host(parts.hostname or "", port)
        return url

    def admits(self, address: str, host: str = "") -> bool:
        """Return whether a connection may be made to this IP address, which ``host`` resolved to."""
        try:
            ip = _inner(ipaddress.ip_address(address.partition("%")[0]))
        except ValueError:
            return False
        if ip.is_loopback:
            return self.allow_loopback
        closed = any(ip.version == each.version and ip in each for each in _CLOSED)
        return not closed or self.allow_private or (not _is_number(host) and host.lower().rstrip(".") in self.hosts)

    def _check_host(self, host: str, port: int | None) -> None:
        literal = _literal(host)
        if literal is not None and not self.admits(literal):
            raise BadAddress("an address is on the public internet")
        local = self.allow_loopback and (host == "localhost" or literal is not None)
        if host == "localhost" and not self.allow_loopback:
            raise BadAddress("an address is on the public internet")
        usual = {None, HTTPS_PORT} | ({HTTP_PORT} if self.allow_http else set())
        if port not in usual and not local and not FIRST_FREE_PORT <= (port or 0) <= LAST_PORT:
            raise BadAddress("a port is 443, or 1024 and above")


def _split(url: str) -> tuple[SplitResult, int | None]:
    if not url or len(url) > MAX_URL:
        raise BadAddress(f"an address has 1 to {MAX_URL} characters")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise BadAddress("an address is printable ASCII without blanks")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadAddress("an address that cannot be read") from None
    if not parts.hostname:
        raise BadAddress("an address names a host")
    return parts, port


def _literal(host: str) -> str | None:
    """Return the IP address that a host is written as; None for a name; BadAddress for what is neither."""
    if ":" in host or _is_number(host):
        try:
            return str(ipaddress.ip_address(host))
        except ValueError:
            raise BadAddress("an IP address in a spelling that libraries read differently") from None
    if not _NAME.match(host):
        raise BadAddress("an address names a host")
    return None


def _is_number(host: str) -> bool:
    return bool(_NUMBER.match(host.rstrip(".").rpartition(".")[2]))


def _inner(ip: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one, where there is one: that is where the packets end."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if (inside := ip.ipv4_mapped or ip.sixtofour) is not None:
        return inside
    if ip.teredo is not None:
        return ip.teredo[1]
    if any(ip in each for each in _LAST_32_BITS) and int(ip) > 1:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip
