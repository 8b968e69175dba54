"""Lists in pages (transport §pagination): what is asked for, and how the next page is named.

The order of a list is fixed and oldest first, so that what is added while somebody reads comes
at its end. How many objects there are is counted for the partner that asks.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from evouch.errors import PeerFault
from evouch.ocpi.codec import read_time
from evouch.ocpi.ports import Page

__all__ = ["MOST", "page_headers", "page_of"]

#: Objects on one page, where nothing else is set: a Location is about two kilobytes.
MOST: Final = 100
#: Digits of an offset or a limit: no list of this field is longer.
_MOST_DIGITS: Final = 9


def page_of(query: Mapping[str, str], most: int = MOST) -> Page:
    """Return what a query asks for; a limit above ``most`` is ``most``. PeerFault 2001 where it is no page."""
    limit = _number(query, "limit", most)
    if limit == 0:
        raise PeerFault("2001", "limit: at least 1", {"member": "limit"})
    since, until = (_moment(query, name) for name in ("date_from", "date_to"))
    return Page(since=since, until=until, offset=_number(query, "offset", 0), limit=min(limit, most))


def page_headers(url: str, query: Mapping[str, str], page: Page, total: int, most: int = MOST) -> dict[str, str]:
    """Return how many objects there are, and where the next page is, with the same filters and an explicit limit."""
    headers = {"x-total-count": str(total), "x-limit": str(most)}
    following = page.offset + page.limit
    if following < total:
        asked = {**query, "offset": str(following), "limit": str(page.limit)}
        headers["link"] = f'<{url}?{urlencode(asked)}>; rel="next"'
    return headers


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        raise PeerFault("2001", f"{name}: not a number", {"member": name})
    return int(text)


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        return read_time(text)
    except PeerFault as fault:
        raise PeerFault("2001", f"{name}: {fault.description}", {"member": name}) from None
