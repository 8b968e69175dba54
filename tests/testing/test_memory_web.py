"""The web in memory: the faults it can make, and that nobody but their host is harmed by them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from evouch.clock import Tick
from evouch.errors import Offline, TimedOut
from evouch.ocpi.http import Request, Response
from evouch.testing import ManualClock
from evouch.testing.ocpi import OFF_CURVE, Host, MemoryWeb

GOOD = {"data": {"evaluated_element": "03aa"}, "status_code": 1000}


class Echo:
    """Answers what a signature would look like, and remembers who asked for what."""

    def __init__(self) -> None:
        self.seen: list[Request] = []

    async def handle(self, request: Request, *, address: str = "") -> Response:
        self.seen.append(request)
        return Response(status=200, headers={"content-type": "application/json"}, body=json.dumps(GOOD).encode())


class Pair:
    """Two hosts, one of which has faults."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.web = MemoryWeb(self.clock)
        self.ill, self.well = Echo(), Echo()
        self.host: Host = self.web.host("https://ill.test", self.ill.handle)
        self.web.host("https://well.test/", self.well.handle)

    async def ask(self, host: str = "ill", path: str = "/oprf/sign", method: str = "POST") -> Response:
        request = Request(method=method, url=f"https://{host}.test{path}", headers={"Accept": "*/*"}, body=b"{}")
        return await self.web.send(request, by=Tick(self.clock.tick() + 5))


def play(story: Callable[[Pair], Awaitable[None]]) -> None:
    async def whole() -> None:
        pair = Pair()
        await story(pair)
        await pair.web.close()

    asyncio.run(whole())


async def read(asked: Awaitable[Response]) -> tuple[int, Any]:
    response = await asked
    return response.status, json.loads(response.body)


def test_a_request_arrives_at_the_host_it_names_with_its_path_and_plain_names_of_headers() -> None:
    async def story(pair: Pair) -> None:
        pair.web.host("https://ill.test/deep", pair.well.handle)
        assert await read(pair.ask(path="/a%20b?c=d")) == (200, GOOD)
        await pair.ask(path="/deep/er")
        assert (pair.ill.seen[0].url, pair.ill.seen[0].headers) == ("/a%20b?c=d", {"accept": "*/*"})
        assert pair.well.seen[0].url == "/deep/er"
        for nobody in ("nobody", "ill.test.evil"):
            with pytest.raises(Offline):
                await pair.ask(nobody)
        pair.web.unplug("https://ill.test")
        with pytest.raises(Offline):
            await pair.ask()

    play(story)


@pytest.mark.parametrize("fault", ["dead", "lost", "slow"])
def test_a_deadline_holds_whatever_the_server_does_and_the_neighbour_answers(fault: str) -> None:
    async def story(pair: Pair) -> None:
        arguments = (10.0,) if fault == "slow" else ()
        getattr(pair.host, fault)(*arguments)
        asked = asyncio.ensure_future(pair.ask())
        await pair.clock.advance(4.9)
        assert not asked.done()
        assert (await pair.ask("well")).status == 200
        await pair.clock.advance(0.2)
        with pytest.raises(TimedOut):
            await asked
        await pair.clock.advance(10)
        assert len(pair.ill.seen) == {"dead": 0, "lost": 1, "slow": 1}[fault]

    play(story)


def test_a_slow_server_answers_after_its_time() -> None:
    async def story(pair: Pair) -> None:
        pair.host.slow(3)
        asked = asyncio.ensure_future(pair.ask())
        await pair.clock.advance(2.9)
        assert not asked.done()
        await pair.clock.advance(0.2)
        assert (await asked).status == 200

    play(story)


def test_answers_can_be_wrong_in_every_way() -> None:
    async def story(pair: Pair) -> None:
        pair.host.offline()
        with pytest.raises(Offline):
            await pair.ask()
        pair.host.well()
        pair.host.status(503, times=1)
        assert (await pair.ask()).body.startswith(b"<")
        pair.host.limited(7, times=1)
        limited = await pair.ask()
        assert (limited.status, limited.headers["retry-after"]) == (429, "7")
        pair.host.garbage(times=1)
        with pytest.raises(ValueError):
            await read(pair.ask())
        pair.host.partial(times=1)
        with pytest.raises(ValueError):
            await read(pair.ask())
        pair.host.wrong_point()
        assert (await read(pair.ask(path="/elsewhere")))[1] == GOOD
        assert (await read(pair.ask()))[1]["data"] == {"evaluated_element": OFF_CURVE}
        pair.host.well()
        assert await read(pair.ask()) == (200, GOOD)

    play(story)


def test_faults_are_for_some_addresses_and_a_number_of_times_and_add_up() -> None:
    async def story(pair: Pair) -> None:
        pair.host.status(500, on="sign", times=2)
        assert [(await pair.ask()).status for _ in range(3)] == [500, 500, 200]
        pair.host.one_item()
        pair.host.partial(on="list")
        await pair.ask(path="/list?limit=50&offset=3", method="GET")
        await pair.ask(path="/list?limit=50")
        assert [each.url for each in pair.ill.seen[-2:]] == ["/list?limit=1&offset=3", "/list?limit=50"]

    play(story)


def test_the_log_holds_every_byte_that_crossed() -> None:
    async def story(pair: Pair) -> None:
        await pair.ask(path="/a?secret=1")
        pair.web.unplug("https://well.test")
        with pytest.raises(Offline):
            await pair.ask("well", method="GET")
        first, second = pair.web.log
        assert {b"https://ill.test/a?secret=1", b"{}", b"Accept: */*", json.dumps(GOOD).encode()} <= set(first.parts)
        assert second.response is None
        assert [each.url for each in pair.web.requests("/a")] == ["https://ill.test/a?secret=1"]
        assert [each.method for each in pair.web.requests(method="GET")] == ["GET"]

    play(story)
