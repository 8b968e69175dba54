"""What groups of settings are made of: the struct that knows its names, where things listen, and which addresses do."""

from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from evouch.webpayment.origin import Origin

__all__ = ["Http", "Listen", "Section", "no_password_in", "safe_for_phones"]

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of settings. A name that it does not have is an error, not a wish."""


class Listen(Section, frozen=True, kw_only=True):
    """Where a server listens. Port 0 takes any free one and prints it."""

    host: str = "127.0.0.1"
    port: Port = 0


class Http(Listen, frozen=True, kw_only=True):
    """Where pages and API are served. ``proxies`` are the addresses whose X-Forwarded-For is believed."""

    proxies: tuple[str, ...] = ()


def safe_for_phones(url: str) -> None:
    """Refuse a public address that strangers' browsers must not use: http is for this machine only."""
    if not url:
        return
    parts = urlsplit(url)
    origin = Origin.parse(parts.scheme, parts.netloc)
    if origin.scheme != "https" and not (origin.scheme == "http" and origin.loopback):
        raise ValueError("must be https, or http on a loopback address")
    if parts.query or parts.fragment:
        raise ValueError("is an address without query or fragment")


def no_password_in(database: str) -> None:
    """Refuse the address of a database that holds a password: settings are shown."""
    if database and urlsplit(database).password is not None:
        raise ValueError("no password in a database address: use PGPASSFILE or ~/.pgpass")
