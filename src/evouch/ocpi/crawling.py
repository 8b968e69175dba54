"""Reading a list of a partner, page after page (transport §pagination).

Rules of this file:

* ``Link`` is followed as it stands, to hosts that the partner's own endpoints are on, and no others:
  the token goes along.
* No address is read twice, and no list has more than :data:`MAX_PAGES` pages: a list that never ends
  is one that goes round.
* Objects that cannot be read are left out, and the others of their page are not.
* Where ``X-Total-Count`` falls while we read, objects have gone from before our place, and others have
  slipped over it: the next page begins that much earlier. Some come twice then; none is missed.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import structlog

from evouch.errors import PeerFault, PeerGarbled
from evouch.ocpi.codec import read
from evouch.ocpi.exchange import Reply
from evouch.ocpi.model import Wire
from evouch.units import format_time

__all__ = ["MAX_PAGES", "PAGE", "crawl", "first_url", "next_url"]

W = TypeVar("W", bound=Wire)

#: Objects that a page is asked for; the partner may give fewer.
PAGE: Final = 200
#: Pages of one list. A million vehicles are five thousand.
MAX_PAGES: Final = 10_000
#: Longest number of a header that is taken for one.
_DIGITS: Final = 12

_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_NEXT = re.compile(r";\s*rel\s*=\s*(\"[^\"]*\bnext\b[^\"]*\"|next\b)", re.IGNORECASE)

_log = structlog.get_logger("evouch.ocpi.crawling")

Ask = Callable[[str], Awaitable[Reply]]


def first_url(endpoint: str, since: datetime | None, *, limit: int = PAGE) -> str:
    """Return where a list begins; ``since`` is inclusive."""
    query = {"date_from": format_time(since)} if since is not None else {}
    return f"{endpoint}?{urlencode({**query, 'limit': str(limit)})}"


async def crawl(url: str, ask: Ask, kind: type[W], version: str, hosts: frozenset[str]) -> AsyncIterator[W]:
    """Yield the objects of a list from ``url`` on. Raises PeerGarbled where a page is none, and what ``ask`` raises."""
    seen: set[str] = set()
    total: int | None = None
    while url and url not in seen and len(seen) < MAX_PAGES:
        seen.add(url)
        reply = await ask(url)
        for found in _objects(reply.data, kind, version):
            yield found
        before, total = total, _number(reply.headers, "x-total-count")
        url = next_url(url, reply.headers, hosts, fallen=max(0, before - total) if before and total else 0)


def next_url(url: str, headers: Mapping[str, str], hosts: frozenset[str], *, fallen: int = 0) -> str:
    """Return where the next page is, "" after the last one; PeerGarbled where it is at somebody else's."""
    target = next(
        (urljoin(url, link) for link, rest in _LINK.findall(headers.get("link", "")) if _NEXT.search(rest)), ""
    )
    if target and urlsplit(target).netloc.lower() not in hosts:
        raise PeerGarbled("link", "the next page is at a host that no endpoint is on")
    return _earlier(target or url, fallen) if fallen else target


def _earlier(url: str, by: int) -> str:
    """Return an address with its offset lowered."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    offset = query.get("offset", "0")
    query["offset"] = str(max(0, (int(offset) if offset.isdecimal() and len(offset) <= _DIGITS else 0) - by))
    return urlunsplit(parts._replace(query=urlencode(query)))


def _objects(data: Any, kind: type[W], version: str) -> list[W]:
    if not isinstance(data, list):
        raise PeerGarbled("data", "expected a list")
    found = []
    for each in data:
        try:
            found.append(read(each, kind, version))
        except PeerFault as fault:
            _log.warning("object of a partner cannot be read", kind=kind.__name__, why=fault.details.get("member", ""))
    return found


def _number(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None
