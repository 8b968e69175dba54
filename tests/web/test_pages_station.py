"""The display pages over HTTP, in process: what a kiosk browser, a script and a stranger get."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Any, cast

import httpx2
import pytest

from evouch.charging import dialogue as d
from evouch.charging.tokens import Limit
from evouch.ids import EvseNumber, Mac, StationId
from evouch.station.machine import Phase
from evouch.units import Money, Wh
from evouch.web.pages_station import _follow, create_station_app
from evouch.web.station_view import display
from tests.station.house import CARD, House, house, run

JSON = {"Accept": "application/json"}
CARS = {"car 1": Mac(bytes.fromhex("02005E10AB0E"))}


@asynccontextmanager
async def kiosk(**spec: object) -> AsyncIterator[tuple[House, httpx2.AsyncClient]]:
    async with house(**spec) as home:  # type: ignore[arg-type]
        app = create_station_app({StationId("CS-1"): home.station}, cars=CARS)
        transport = httpx2.ASGITransport(app=cast("Any", app))
        async with httpx2.AsyncClient(transport=transport, base_url="http://kiosk.test") as browser:
            yield home, browser


class Page(HTMLParser):
    """Collects what a strict content security policy would refuse, and the addresses that a page loads."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.loaded: list[str] = []
        self.forms: list[str] = []
        self._script = False
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._script = tag in {"script", "style"}
        self.inline += [f"{tag} {name}" for name in named if name == "style" or name.startswith("on")]
        self.loaded += [str(named[name]) for name in ("src", "href") if name in named and tag != "a"]
        self.forms += [str(named["action"])] if tag == "form" else []

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.inline.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._script = False


def test_a_display_shows_the_code_with_everything_to_compare_it_with() -> None:
    async def story() -> None:
        async with kiosk() as (home, browser):
            await home.provision()
            answer = await browser.get("/CS-1/1")
            assert 200 == answer.status_code
            paper = answer.text.split('class="paper"')[1]
            assert "<svg" in paper.partition("</a>")[0]
            # whoever has no phone at hand clicks the code
            assert 'href="https://pay.example/q/CS-1/1/CN63y502?v=v1"' in paper
            for text in ("pay.example", "CS-1", "EVSE", "New code in", "25 s"):
                assert text in answer.text

    run(story())


def test_no_page_holds_anything_that_a_strict_policy_would_refuse() -> None:
    async def story() -> None:
        async with kiosk() as (home, browser):
            await home.provision()
            for path in ("/", "/CS-1/1", "/CS-1/1/driver"):
                answer = await browser.get(path)
                page = Page(answer.text)
                assert [] == page.inline
                assert all(each.startswith("/assets/") for each in page.loaded)
                assert all(each.startswith("/CS-1/1/") for each in page.forms)
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
                assert "no-referrer" == answer.headers["Referrer-Policy"]
                for each in page.loaded:
                    assert 200 == (await browser.get(each)).status_code

    run(story())


def test_a_car_that_has_an_address_has_a_button_of_its_own_and_no_page_says_the_address() -> None:
    async def story() -> None:
        async with kiosk() as (home, browser):
            await home.provision()
            shown = (await browser.get("/CS-1/1")).text
            assert "Plug in car 1" in shown
            assert "ab0e" not in shown.lower().replace(":", "")
            unknown = await browser.post("/CS-1/1/plug", data={"car": "car 2"})
            assert (400, "There is no such car here.") == (unknown.status_code, unknown.text)
            plugged = await browser.post("/CS-1/1/plug", data={"car": "car 1"}, headers=JSON)
            assert plugged.json()["plugged"]
            assert CARS["car 1"] == home.bay.car.vehicle

    run(story())


def test_without_scripts_the_page_refreshes_itself_every_second() -> None:
    async def story() -> None:
        async with kiosk() as (_, browser):
            assert '<noscript><meta http-equiv="refresh" content="1"></noscript>' in (await browser.get("/CS-1/1")).text

    run(story())


def test_with_scripts_the_server_sends_a_screen_when_it_differs_and_at_the_boundary_of_a_slot() -> None:
    async def story() -> None:
        async with kiosk() as (home, _):
            await home.provision()
            events = _follow(home.station, 1, "")
            first = await anext(events)
            assert "25 s" in str(first.data)
            for _ in range(25):
                await home.pass_time(0)
                following = asyncio.ensure_future(anext(events))
                await home.pass_time(1)
                sent = await following
            assert "30 s" in str(sent.data)
            assert str(first.data) != str(sent.data)
            assert "\n" not in str(sent.data)
            await events.aclose()  # type: ignore[attr-defined]

    run(story())


def test_buttons_are_forms_that_lead_back_to_the_display() -> None:
    async def story() -> None:
        async with kiosk() as (home, browser):
            answer = await browser.post("/CS-1/1/plug")
            assert (303, "/CS-1/1") == (answer.status_code, answer.headers["Location"])
            assert Phase.OCCUPIED is home.phase()
            await browser.post("/CS-1/1/swipe", data={"token": CARD})
            await home.pass_time(1)
            assert Phase.CHARGING is home.phase()
            await browser.post("/CS-1/1/stop")
            await browser.post("/CS-1/1/unplug")
            assert Phase.AVAILABLE is home.phase()

    run(story())


def test_scripts_get_the_screen_as_json() -> None:
    async def story() -> None:
        async with kiosk() as (home, browser):
            await home.provision()
            screen = (await browser.get("/CS-1/1/screen")).json()
            assert ("code", "https://pay.example/q/CS-1/1/CN63y502?v=v1") == (screen["kind"], screen["url"])
            assert ("pay.example", 25) == (screen["host"], screen["remaining"])
            await browser.post("/CS-1/1/swipe", json={"token": CARD}, headers=JSON)
            await home.pass_time(0)
            screen = (await browser.post("/CS-1/1/plug", json={"connector": 1}, headers=JSON)).json()
            assert ("charging", True, 22_000) == (screen["kind"], screen["latched"], screen["charge"]["power"])
            home.bay.costs(Money.of("1.20", "EUR"))
            screen = (await browser.get("/CS-1/1/screen")).json()
            assert {"amount": "1.20", "currency": "EUR"} == screen["charge"]["cost"]

    run(story())


def test_a_car_with_an_address_is_plugged_in_and_its_start_is_announced() -> None:
    async def story() -> None:
        async with kiosk(autocharge="during") as (home, browser):
            await home.provision()
            assert "MAC address" in (await browser.get("/CS-1/1/driver")).text
            await browser.post("/CS-1/1/plug", data={"vehicle": "02:00:5e:10:ab:0f"})
            assert home.bay.car.vehicle == Mac(bytes.fromhex("02005E10AB0F"))
            assert "MAC address" not in (await browser.get("/CS-1/1/driver")).text
            await home.backend.order(d.AnnounceStart(evse=EvseNumber(1), seconds=10))
            wanted = "Charging starts in 10 s."
            page = await browser.get("/CS-1/1")
            assert wanted in page.text
            assert "Scan to charge" in page.text
            assert wanted in (await browser.get("/CS-1/1/screen")).json()["notice"]
            for name in ("/CS-1/1", "/CS-1/1/screen", "/CS-1/1/driver"):
                assert "ab0f" not in (await browser.get(name)).text.casefold()

    run(story())


def test_limits_are_typed_in_as_people_say_them() -> None:
    async def story() -> None:
        async with kiosk() as (home, browser):
            await home.provision()
            fields = {"kwh": "20,5", "minutes": "90", "cost": "15.50"}
            await browser.post("/CS-1/1/limits", data=fields)
            expected = Limit(max_cost=Money.of("15.50", "EUR"), max_energy=Wh(20_500), max_time=5400)
            assert expected == home.bay.wishes
            assert "20.50 kWh · 1:30:00 h · €15.50" in (await browser.get("/CS-1/1")).text

    run(story())


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/CS-1/1/limits", {"kwh": "many"}, 400),
        ("/CS-1/1/limits", {"kwh": "-1"}, 400),
        ("/CS-1/1/limits", {"cost": "1.005"}, 400),
        ("/CS-1/1/limits", {"kwh": "1e9"}, 400),
        ("/CS-1/1/limits", {"kwh": "NaN"}, 400),
        ("/CS-1/1/swipe", {"token": "x" * 21}, 400),
        ("/CS-1/1/swipe", {"token": "x" * 5000}, 400),
        ("/CS-1/1/plug", {"vehicle": "02:00:5e:10:ab"}, 400),
        ("/CS-1/1/explode", {}, 404),
        ("/CS-1/9/plug", {}, 404),
        ("/CS-9/1/plug", {}, 404),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(path: str, body: dict[str, str], status: int) -> None:
    async def story() -> None:
        async with kiosk() as (home, browser):
            before = home.bay.state
            assert status == (await browser.post(path, data=body)).status_code
            assert status == (await browser.post(path, json=body)).status_code
            assert before == home.bay.state

    run(story())


@pytest.mark.parametrize("body", [b"[1]", b'{"token": {"a": 1}}', b'{"token": "a", "token": "b"}', b"{"])
def test_json_that_is_no_flat_object_is_refused(body: bytes) -> None:
    async def story() -> None:
        async with kiosk() as (_, browser):
            headers = {"Content-Type": "application/json"}
            assert 400 == (await browser.post("/CS-1/1/swipe", content=body, headers=headers)).status_code

    run(story())


def test_another_site_cannot_press_the_buttons() -> None:
    async def story() -> None:
        async with kiosk() as (home, browser):
            for origin, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 303), ("none", 303)):
                answer = await browser.post("/CS-1/1/plug", headers={"Sec-Fetch-Site": origin})
                assert status == answer.status_code
                await home.station.unplug(1)

    run(story())


def test_pages_that_are_not_there() -> None:
    async def story() -> None:
        async with kiosk() as (_, browser):
            for path in ("/CS-9/1", "/CS-1/9", "/CS-1/9/screen", "/assets/station.txt", "/assets/../pages_station.py"):
                assert 404 == (await browser.get(path)).status_code

    run(story())


def test_text_from_the_backend_is_shown_as_text() -> None:
    async def story() -> None:
        async with kiosk() as (home, browser):
            words = "<script>alert(1)</script>"
            await home.backend.order(d.WebPaymentFailed(evse=home.bay.spec.number, messages=(d.Text(words),)))
            page = (await browser.get("/CS-1/1")).text
            assert words not in page
            assert "&lt;script&gt;" in page

    run(story())


STEPS: dict[str, Callable[[House], Awaitable[object]]] = {
    "lock": lambda home: home.lock(60),
    "start": lambda home: home.start(),
    "plug": lambda home: home.station.plug(1),
    "stop": lambda home: home.stop(),
    "cost": lambda home: home.backend.order(d.CostSoFar(transaction=home.transaction, cost=Money.of("4.37", "EUR"))),
    "fault": lambda home: home.station.fault(1),
    "offline": lambda home: home.station.go_offline(),
    "forget": lambda home: home.provision(Enabled="false"),
}


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (("lock",), ("Payment in progress", "60", "seconds")),
        (("start",), ("Please plug in",)),
        (("start", "plug"), ("Charging", "kWh", "22.0", "The cost is on your phone")),
        (("start", "plug", "cost"), ("€4.37",)),
        (("start", "plug", "stop"), ("Charging finished", "You can unplug now")),
        (("fault",), ("Out of order",)),
        (("offline",), ("no connection", "Offline")),
        (("forget",), ("not set up",)),
    ],
)
def test_every_screen_says_what_it_has_to_say(steps: tuple[str, ...], words: tuple[str, ...]) -> None:
    async def story() -> None:
        async with kiosk() as (home, browser):
            await home.provision()
            for step in steps:
                await STEPS[step](home)
            page = (await browser.get("/CS-1/1")).text
            for word in words:
                assert word in page
            assert 'class="paper"' not in page, "no code while the charging point is not free"

    run(story())


def test_pages_can_be_mounted_below_a_path() -> None:
    async def story() -> None:
        async with house() as home:
            markup = display(home.station, 1, "/stations")
            page = Page(markup)
            assert all(each.startswith("/stations/assets/") for each in page.loaded)
            assert all(each.startswith("/stations/CS-1/1/") for each in page.forms)

    run(story())
