"""Lists of partners are read to their end, whatever their pages look like."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from evouch.errors import PeerGarbled, PeerRefused
from evouch.ocpi import model as m
from evouch.ocpi.crawling import MAX_PAGES, crawl, first_url, next_url
from evouch.ocpi.exchange import Reply
from tests.ocpi.serving import SAMPLES

URL = "https://e.test/ocpi/tokens"
HOSTS = frozenset({"e.test"})


def token(number: int) -> dict[str, Any]:
    return SAMPLES[m.Token] | {"uid": f"CARD-{number}"}


class Book:
    """A list of a partner, with a Link on every page but the last."""

    def __init__(self, count: int, size: int = 2) -> None:
        self.items = [token(each) for each in range(count)]
        self.size = size
        self.asked: list[str] = []

    async def __call__(self, url: str) -> Reply:
        self.asked.append(url)
        offset = int(dict(parse_qsl(urlsplit(url).query)).get("offset", 0))
        page = self.items[offset : offset + self.size]
        headers = {"x-total-count": str(len(self.items))}
        if offset + self.size < len(self.items):
            headers["link"] = f'<{URL}?offset={offset + self.size}&limit={self.size}>; rel="next"'
        return Reply(data=page, headers=headers)


async def uids(book: Any) -> list[str]:
    found = crawl(first_url(URL, None), book, m.Token, "2.3.0", HOSTS)
    return [each.uid.removeprefix("CARD-") async for each in found]


async def test_every_page_is_read_and_each_object_once() -> None:
    book = Book(5)
    assert list("01234") == await uids(book)
    assert 3 == len(book.asked)


async def test_good_objects_on_a_page_with_bad_ones_count() -> None:
    book = Book(4)
    book.items[1] = {"uid": 7}
    book.items[2] = None  # type: ignore[call-overload]
    assert ["0", "3"] == await uids(book)


async def test_what_slips_over_our_place_when_others_go_is_not_missed() -> None:
    book = Book(6)
    read = book.__call__

    async def shrinking(url: str) -> Reply:
        reply = await read(url)
        if len(book.asked) == 1:
            del book.items[:2]
        return reply

    assert {"2", "3", "4", "5"} <= set(await uids(shrinking))


async def test_a_list_that_goes_round_ends() -> None:
    async def around(url: str) -> Reply:
        return Reply(data=[token(1)], headers={"link": f'<{URL}>; rel="next"'})

    assert ["1", "1"] == await uids(around)


async def test_a_list_without_end_ends() -> None:
    asked = []

    async def endless(url: str) -> Reply:
        asked.append(url)
        return Reply(data=[], headers={"link": f'<{URL}?offset={len(asked)}>; rel="next"'})

    assert [] == await uids(endless)
    assert MAX_PAGES == len(asked)


async def test_a_total_that_keeps_falling_goes_round_in_no_circle() -> None:
    asked: list[str] = []

    async def falling(url: str) -> Reply:
        asked.append(url)
        total = str(max(0, 50 - len(asked)))
        return Reply(data=[], headers={"x-total-count": total, "link": f'<{URL}?offset=2>; rel="next"'})

    await uids(falling)
    assert 3 >= len(asked)


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("", ""),
        ('<https://e.test/p2>; rel="next"', "https://e.test/p2"),
        ("<https://e.test/p2>;rel=next", "https://e.test/p2"),
        ('</p2?offset=2>; title="x"; REL="last next"', "https://e.test/p2?offset=2"),
        ('<https://e.test/p0>; rel="prev", <https://e.test/p2>; rel="next"', "https://e.test/p2"),
        ('<https://evil.test/>; rel="last"', ""),
        ("garbage", ""),
    ],
)
def test_the_next_page_is_where_link_says(link: str, found: str) -> None:
    assert found == next_url(f"{URL}?limit=2", {"link": link}, HOSTS)


@pytest.mark.parametrize(
    "target", ["https://evil.test/", "//evil.test/", "https://e.test@evil.test/", "https://e.test:1/"]
)
def test_the_token_goes_to_no_host_that_is_not_the_partners(target: str) -> None:
    with pytest.raises(PeerGarbled, match="host"):
        next_url(URL, {"link": f'<{target}>; rel="next"'}, HOSTS)


@pytest.mark.parametrize("data", [None, {}, "tokens", 7])
async def test_a_page_that_is_no_list_is_garbled(data: Any) -> None:
    async def strange(url: str) -> Reply:
        return Reply(data=data)

    with pytest.raises(PeerGarbled):
        await uids(strange)


async def test_what_the_partner_refuses_in_the_middle_is_said() -> None:
    book = Book(6)
    read = book.__call__

    async def limited(url: str) -> Reply:
        if len(book.asked) == 2:
            raise PeerRefused("http 429")
        return await read(url)

    with pytest.raises(PeerRefused, match="429"):
        await uids(limited)
