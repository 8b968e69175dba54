"""Stations without a wire keep the rules of those with one: the gate, and who gives way to whom."""

import asyncio
from typing import Any

from evouch.charging import dialogue as d
from evouch.errors import Offline, PeerRefused
from evouch.ids import EvseNumber
from evouch.testing import ManualClock
from evouch.testing.stations import PlainStation, PlainStations
from tests.ocpp.ears import Ear

OPEN = frozenset({"BootNotification"})


def town(version: str = "ocpp1.6") -> tuple[PlainStation, Ear, PlainStations]:
    clock = ManualClock()
    ear, stations = Ear(clock), PlainStations()
    return PlainStation("CS1", ear, stations, clock, version), ear, stations


def test_the_gate_answers_what_it_does_not_let_through_and_tells_the_backend() -> None:
    async def story() -> None:
        station, ear, _ = town()
        await station.arrive(boot=False)
        told: list[str] = []
        station.link.allow(OPEN, refused=told.append)
        facts: list[d.Fact[Any]] = [
            d.Booted(vendor="v", model="m"),
            d.StillThere(),
            d.MeterSampled(evse=EvseNumber(1), readings=()),
            d.Noted(action="FirmwareStatusNotification"),
        ]
        answers = [await station.say(fact) for fact in facts]
        assert [isinstance(each, PeerRefused) for each in answers] == [False, False, True, True]
        assert told == ["MeterValues", "FirmwareStatusNotification"]
        station.link.allow(None, proven=True)
        await station.say(d.StillThere())
        assert [each.proven for each in ear.evidence] == [False, False, True]

    asyncio.run(story())


def test_beside_a_defended_connection_another_waits_until_it_is_promoted() -> None:
    async def story() -> None:
        station, ear, stations = town()
        await station.arrive(boot=False)
        first = station.link
        ear.proven.add(first.connection)
        second = station.knock()
        assert (second.candidate, station.link) == (True, first)
        assert await second.call(d.Reset(), by=ear.clock.tick()) == d.Yes(accepted=True, status="Accepted")
        assert stations.promote(second)
        assert (second.candidate, station.link, ear.leaves) == (False, second, [first.connection])
        assert isinstance(await first.call(d.Reset(), by=ear.clock.tick()), Offline)
        assert stations.promote(first) is False
        assert stations.hang_up(second, "revoked")
        assert isinstance(await stations.call(station.id, d.Reset(), by=ear.clock.tick()), Offline)
        assert stations.hang_up(second, "again") is False

    asyncio.run(story())


def test_if_the_defended_one_ends_the_oldest_that_waits_is_the_stations() -> None:
    station, ear, _ = town()
    first = station.knock()
    ear.proven.add(first.connection)
    second, third = station.knock(), station.knock()
    station.leave()
    assert station.link is second
    assert (second.candidate, third.candidate) == (False, True)


def test_an_undefended_connection_is_replaced() -> None:
    station, ear, _ = town()
    first, second = station.knock(), station.knock()
    assert station.link is second
    assert ear.leaves == [first.connection]
    assert not second.candidate
