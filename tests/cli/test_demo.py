"""``evouch demo``: one station proves its key and charges, two are trusted, and an impostor stays dark."""

import asyncio
import stat
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from evouch.cli import demo as demo_module
from evouch.cli.demo import Demo
from evouch.cli.demo_identity import IMPOSTOR, PROVING, key_in
from evouch.clock import SystemEntropy
from evouch.ids import StationId
from evouch.station.display import Kind
from evouch.testing.phone import Phone
from tests.proofs import proves

#: Seconds from the start to three displays with a code and one without.
READY = 5.0
OTHERS = (StationId("DEMO-201"), StationId("DEMO-21"))


@asynccontextmanager
async def playing(folder: Path) -> AsyncIterator[Demo]:
    demo = Demo(folder)
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
    monkeypatch.setattr(demo_module, "CHARGE", 1.0)

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

    play(tmp_path, story)


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
            await phone.open(said["operator"])
            name, password = said["operator login"].split(" / ")
            await phone.submit("/operator/login", name=name, password=password)
            assert IMPOSTOR in phone.text()
            await phone.open(said["operator"] + "/security")
            assert f"A station did not prove its identity. {IMPOSTOR} signature:" in phone.text()
        finally:
            await phone.close()

    began = time.monotonic()
    play(tmp_path, story)


def test_a_demo_with_a_folder_of_its_own_finds_its_keys_again(tmp_path: Path) -> None:
    first = key_in(tmp_path / "key.pem", SystemEntropy())
    assert first.public == key_in(tmp_path / "key.pem", SystemEntropy()).public
    assert 0o600 == stat.S_IMODE((tmp_path / "key.pem").stat().st_mode)
