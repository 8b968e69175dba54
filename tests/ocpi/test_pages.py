"""Lists in pages: whoever follows the links meets every object once, however small the pages."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evouch.ocpi import model as m
from evouch.ocpi.partner import Role
from evouch.ocpi.server import ServerTerms
from tests.ocpi.serving import AT, Said, Serving, run, sample
from tests.proofs import proves

LISTS = [(Role.CPO, "locations", m.Location), (Role.CPO, "tariffs", m.Tariff), (Role.CPO, "sessions", m.Session),
         (Role.EMSP, "tokens", m.Token), (Role.EMSP, "vehicles", m.VehicleObject)]  # fmt: skip
KEYS = {m.Token: "uid", m.VehicleObject: "contract_id"}


def following(said: Said) -> str | None:
    """Return the address of the next page."""
    link = said.headers.get("link")
    if link is None:
        return None
    assert link.startswith("<https://")
    assert link.endswith('>; rel="next"')
    return link[1 : link.index(">")]


async def crawl(serving: Serving, url: str) -> list[Said]:
    pages = [await serving.get("GET", url)]
    while (link := following(pages[-1])) is not None:
        pages.append(await serving.get("GET", link.removeprefix(serving.base)))
    return pages


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(LISTS), st.integers(0, 12), st.integers(1, 15), st.integers(0, 14), st.integers(1, 5))
def test_a_crawl_meets_every_object_once_and_in_order(
    which: Any, count: int, limit: int, offset: int, most: int
) -> None:
    async def story() -> None:
        role, module, kind = which
        key = KEYS.get(kind, "id")
        serving = Serving(role, ServerTerms(page=most))
        serving.handlers.lists[module] = [sample(kind, **{key: f"n{number}"}) for number in range(count)]
        pages = await crawl(serving, f"/ocpi/2.3.0/{module}/?limit={limit}&offset={offset}&own=x%20y")
        assert [each[key] for page in pages for each in page.data] == [f"n{n}" for n in range(offset, count)]
        for page in pages:
            assert len(page.data) <= min(limit, most)
            assert (page.headers["x-total-count"], page.headers["x-limit"]) == (str(count), str(most))
            if link := following(page):
                asked = parse_qs(urlsplit(link).query)
                assert (asked["limit"], asked["own"]) == ([str(min(limit, most))], ["x y"])
        assert serving.call.query["own"] == "x y"

    asyncio.run(story())


@proves("S7")
@pytest.mark.parametrize(("role", "module", "kind"), LISTS)
def test_a_list_begins_at_date_from_and_ends_before_date_to(role: Role, module: str, kind: type[m.Wire]) -> None:
    async def story() -> None:
        serving = Serving(role)
        moments = [(AT + timedelta(hours=hour)).isoformat() for hour in range(4)]
        serving.handlers.lists[module] = [sample(kind, last_updated=each) for each in moments]
        said = await serving.ask("GET", f"{module}?date_from=2024-05-23T11:00:00&date_to=2024-05-23T13:00:00Z&limit=1")
        assert said.headers["x-total-count"] == "2"
        assert serving.call.page is not None
        assert (serving.call.page.since, serving.call.page.until) == (
            AT + timedelta(hours=1), AT + timedelta(hours=3),
        )  # fmt: skip
        link = following(said)
        assert link is not None
        (last,) = (await serving.get("GET", link.removeprefix(serving.base))).data
        assert last["last_updated"] == "2024-05-23T12:00:00.000Z"

    run(story())


def test_without_a_limit_a_page_is_as_large_as_the_server_allows_and_the_last_one_has_no_link() -> None:
    async def story() -> None:
        serving = Serving()
        serving.handlers.lists["tokens"] = [sample(m.Token, uid=f"n{n}") for n in range(101)]
        first, last = await crawl(serving, "/ocpi/2.3.0/tokens")
        assert (len(first.data), len(last.data)) == (100, 1)
        assert "link" not in last.headers
        assert (await serving.ask("GET", "tokens?offset=999999999")).data == []

    run(story())
