"""Whose page a URL leads to: what the first part of a template may look like.

A driver can check one thing before typing in a card number: the host under the code. So it
has to be a plain name over https. Numbers, credentials and letters that only look like
others are what forged codes are made of.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final, Self

__all__ = ["Origin"]

_AUTHORITY: Final = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._\-]+)(?::(?P<port>[0-9]{1,5}))?\Z")
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?\Z")
#: As browsers decide it: a host is an IPv4 address if its last label is a number, hexadecimal included.
_NUMERIC: Final = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
_LOOPBACK_V4: Final = re.compile(r"127(?:\.[0-9]{1,3}){3}\Z")
_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_MAX_HOST: Final = 253
_MAX_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port, lower-case; ``port`` is None where it is the scheme's own."""

    scheme: str
    host: str
    port: int | None = None

    @classmethod
    def parse(cls, scheme: str, authority: str) -> Self:
        """Return the origin; raise :class:`ValueError` with the rule that makes it unusable for anybody."""
        if "@" in authority:
            raise ValueError("credentials in the URL")
        found = _AUTHORITY.match(authority.lower())
        if found is None:
            raise ValueError("no host name")
        port = int(found["port"]) if found["port"] else None
        if port is not None and not 1 <= port <= _MAX_PORT:
            raise ValueError("no such port")
        scheme = scheme.lower()
        return cls(scheme, found["host"], None if port == _DEFAULT_PORTS.get(scheme) else port)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port else "")

    @property
    def loopback(self) -> bool:
        """Whether the host is this machine itself."""
        return self.host in {"localhost", "[::1]"} or bool(_LOOPBACK_V4.match(self.host))

    def dangers(self, *, loopback_http: bool, hosts: Collection[str]) -> Iterator[str]:
        """Say what makes this origin unfit for a code that strangers scan; nothing where it is fit.

        ``loopback_http`` is for one machine playing all roles. ``hosts``, unless empty, are
        the only ones allowed.
        """
        if hosts and self.host not in {host.lower() for host in hosts}:
            yield f"{self.host} is not one of the allowed hosts"
        if self.loopback:
            if not loopback_http:
                yield "the host is this machine itself; no phone could open it"
            return
        if self.scheme != "https":
            yield "not https"
        yield from self._host_dangers()

    def _host_dangers(self) -> Iterator[str]:
        labels = self.host.split(".")
        if self.host.startswith("[") or _NUMERIC.match(labels[-1]):
            yield "the host is an IP address, which nobody can recognise"
        elif any(label.startswith("xn--") for label in labels):
            yield "the host has letters beyond ASCII, which can be mistaken for others"
        elif len(self.host) > _MAX_HOST or not all(_LABEL.match(label) for label in labels):
            yield "no valid host name"
