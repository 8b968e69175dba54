"""``evouch demo``: drivers pay at three stations, an impostor stays dark, and a car comes to be known and forgotten."""

import asyncio
import base64
import json
import stat
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evouch.cli import demo as demo_module
from evouch.cli import demo_autocharge, demo_town
from evouch.cli.demo import Demo, Pace
from evouch.cli.demo_autocharge import Autocharge
from evouch.cli.demo_identity import IMPOSTOR, PROVING, key_in
from evouch.clock import SystemEntropy
from evouch.errors import LocalError
from evouch.ids import Mac, StationId
from evouch.station.display import Kind
from evouch.testing.clock import ManualClock
from evouch.testing.phone import Phone
from tests.proofs import proves

#: Seconds from the start to three displays with a code and one without.
READY = 5.0
#: For a story in which nobody has to read or scan.
QUICK = Pace(announced=1, code=6)
OTHERS = (StationId("DEMO-201"), StationId("DEMO-21"))


@asynccontextmanager
async def playing(folder: Path) -> AsyncIterator[Demo]:
    demo = Demo(folder, pace=QUICK)
    await demo.start()
    try:
        yield demo
    finally:
        await demo.stop()


def play(folder: Path, story: Callable[[Demo], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        async with playing(folder) as demo:
            await story(demo)

    asyncio.run(asyncio.wait_for(run(), 60))


@proves("W11", "W12", "W18")
def test_the_story_settles_where_stations_are_themselves_and_the_impostor_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_module, "CHARGE", 0.3)
    monkeypatch.setattr(demo_autocharge, "QUIET", 0.15)

    async def story(demo: Demo) -> None:
        summary = await demo.story()
        assert summary["ok"], summary
        told = {tale["station"]: tale for tale in summary["stations"]}
        assert {PROVING, *OTHERS} == told.keys()
        assert {"SETTLED"} == {tale["state"] for tale in told.values()}
        assert "proven" == told[PROVING]["identity"]["standing"]
        assert told[PROVING]["identity"]["how"].startswith("ed25519 key ")
        assert {"trusted"} == {told[id]["identity"]["standing"] for id in OTHERS}
        (turned_away,) = summary["refused"]
        assert (IMPOSTOR, "signature", None) == (turned_away["station"], turned_away["step"], turned_away["code"])
        assert "refused" == turned_away["identity"]["standing"]
        assert all(each["identity"]["since"].endswith("Z") for each in (*told.values(), turned_away))
        steps = {step["step"]: step["seen"] for step in summary["autocharge"]["steps"]}
        assert ["new car", "starts by itself", "implausible", "conflict", "revoked", "paid by code"] == list(steps)
        assert "RFID" == steps["new car"]["session"]["token"]
        assert "Charging starts in" in steps["starts by itself"]["display"]
        assert {"emsp": "greenway", "status": "COMPLETED"}.items() <= steps["starts by itself"]["session"].items()
        assert ("NOT_ALLOWED", "confirm") == (
            steps["implausible"]["verdict"],
            steps["implausible"]["asked on the phone"],
        )
        assert "COMPLETED" == steps["implausible"]["after a yes"]["status"]
        assert ("blueline", {"greenway": 1}) == (steps["conflict"]["chosen"], steps["conflict"]["told of the conflict"])
        assert {"AUTO_CHARGE_REVOKED"} == set(steps["revoked"]["whitelist"].values())
        paid = steps["paid by code"]
        assert ("replaced", "SETTLED") == (paid["announced start"], paid["payment"]["state"])
        told_and_kept.extend((json.dumps(summary).encode(), bytes(demo.car.reveal())))

    told_and_kept: list[bytes] = []
    play(tmp_path, story)
    said, car = told_and_kept
    kept = [said, *(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())]
    assert len(kept) > len(demo_town.PROVIDERS)
    assert not any(spelling in text for text in kept for spelling in spellings(car))


def spellings(mac: bytes) -> set[bytes]:
    """Return an address as octets, as digits with and without separators in both cases, and in base64."""
    digits = {mac.hex(*separator) for separator in ((), (":",), ("-",), (".",), (" ",), (".", 2), ("-", 3))}
    return {mac, base64.b64encode(mac), *(text.encode() for each in digits for text in (each, each.upper()))}


def test_the_cars_story_ends_with_the_first_step_that_does_not_turn_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def well(_story: object, _here: object) -> dict[str, str]:
        return {"what": "came"}

    async def badly(_story: object, _here: object) -> dict[str, str]:
        raise LocalError("not seen: energy")

    steps = [(name, demo_town.FIRST, "", play) for name, play in (("one", well), ("two", badly), ("three", well))]
    monkeypatch.setattr(demo_autocharge, "_STEPS", steps)
    operator: Any = SimpleNamespace(clock=ManualClock(), cpo=SimpleNamespace(roaming=object()))
    simulators: Any = {PROVING: object()}
    nobody: Any = (None, None)
    told = asyncio.run(Autocharge(operator, nobody, simulators, Mac(bytes(6))).tell())
    assert [("one", True), ("two", False)] == [(each["step"], each["ok"]) for each in told["steps"]]
    assert (False, "LocalError: not seen: energy") == (told["ok"], told["steps"][1]["error"])


def test_it_is_ready_soon_and_says_who_is_who_to_drivers_and_operators(tmp_path: Path) -> None:
    async def story(demo: Demo) -> None:
        assert await demo.identified(READY - (time.monotonic() - began))
        stations = demo.simulators.stations
        for id in (PROVING, *OTHERS):
            while not stations[id].screen(1).url:
                await stations[id].watch()
        assert time.monotonic() - began < READY
        shown = stations[IMPOSTOR].screen(1)
        assert (Kind.OUT_OF_ORDER, "") == (shown.kind, shown.url)
        said = demo.addresses()
        assert "proved its key" in said[f"identity {PROVING}"]
        assert "refused" in said[f"identity {IMPOSTOR}"]
        phone = Phone()
        try:
            await phone.open(said[f"display {IMPOSTOR}"])
            assert "does not recognise this charging point" in phone.text()
            await phone.open(next(url for name, url in said.items() if name.startswith(f"display {PROVING}")))
            assert "Plug in car 1" in phone.text()
            await phone.open(said["operator"])
            name, password = said["operator login"].split(" / ")
            await phone.submit("/operator/login", name=name, password=password)
            assert IMPOSTOR in phone.text()
            await phone.open(said["operator"] + "/security")
            assert f"A station did not prove its identity. {IMPOSTOR} signature:" in phone.text()
            await a_phone_holds_both_personal_links(phone, said)
        finally:
            await phone.close()

    began = time.monotonic()
    play(tmp_path, story)


async def a_phone_holds_both_personal_links(phone: Phone, said: dict[str, str]) -> None:
    """Browsers give cookies to every port of a machine: services on one must not take each other's."""
    links = [said[f"{each.name}, phone of Robin"] for each in demo_town.PROVIDERS]
    for link in links:
        await phone.open(link)
        await phone.submit("/me/enter", token=link)
    for link, each in zip(links, demo_town.PROVIDERS, strict=True):
        await phone.open(link.partition("/enter")[0])
        assert each.contract in phone.text()


def test_a_demo_with_a_folder_of_its_own_finds_its_keys_again(tmp_path: Path) -> None:
    first = key_in(tmp_path / "key.pem", SystemEntropy())
    assert first.public == key_in(tmp_path / "key.pem", SystemEntropy()).public
    assert 0o600 == stat.S_IMODE((tmp_path / "key.pem").stat().st_mode)
