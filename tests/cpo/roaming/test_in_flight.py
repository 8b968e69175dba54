"""Several requests at once, on a store that takes its time: as if one had come after the other."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from evouch.charging.roaming import ChargeState
from evouch.charging.tokens import IdToken, TokenStatus
from evouch.charging.vehicles import AutoChargeStatus, Vehicle
from evouch.clock import Tick
from evouch.ids import PartyId, PaymentId, Vid
from evouch.ocpi.codec import read
from evouch.ocpi.model import Cdr, VehicleObject
from evouch.store.memory import MemoryStore
from evouch.store.ports import Change
from evouch.store.records import OcpiObject
from evouch.testing.clock import ManualClock
from tests.cpo.roaming.emsp import revoked
from tests.cpo.roaming.test_commands import HERE, start
from tests.cpo.roaming.world import Disk, World, arrive, car, identify, play, plug, present, starts, unplug


class Slow(Disk):
    """A store whose answers and commits come later, as a database's do."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(), fail_at=-1)

    async def commit(self, *changes: Change) -> None:
        await _later()
        await super().commit(*changes)
        await _later()

    async def vehicle(self, owner: PartyId, vid: Vid) -> Vehicle | None:
        found = await self.store.vehicle(owner, vid)
        await _later()
        return found

    async def ocpi_object(self, *key: Any) -> OcpiObject | None:
        found = await self.store.ocpi_object(*key)
        await _later()
        return found


async def _later() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("first", [True, False])
def test_of_a_grant_and_a_revocation_that_arrive_together_the_later_word_stays(*, first: bool) -> None:
    async def story(place: World) -> None:
        emsp, put = await place.emsp(), place.roaming.whitelist.put
        vehicle = await place.knows(emsp)
        await place.clock.advance(60)
        again = replace(vehicle, authorized=place.clock.now())
        await place.clock.advance(60)
        both = [revoked(vehicle, place.clock.now()), again]
        await asyncio.gather(
            *(put(place.partner(), each.vid, VehicleObject.of(each)) for each in (both if first else both[::-1]))
        )
        known = await place.store.vehicle(emsp.party, vehicle.vid)
        assert known is not None
        assert known.status is AutoChargeStatus.REVOKED

    play(story, Slow())


def test_a_card_that_is_blocked_stays_so_when_an_older_word_arrives_with_it() -> None:
    async def story(place: World) -> None:
        emsp, put = await place.emsp(), place.roaming.tokens.put
        await place.card(emsp, whitelist="ALLOWED")
        await place.clock.advance(5)
        good = emsp.token("CARD", "ALLOWED")
        await place.clock.advance(5)
        blocked = emsp.token("CARD", "ALLOWED", valid=False)
        await asyncio.gather(*(put(place.partner(), emsp.party, "CARD", each) for each in (blocked, good)))
        found = await place.roaming.tokens.find("CARD")
        assert found is not None
        assert not found.token.valid

    play(story, Slow())


def test_two_changes_of_one_card_at_once_are_two_changes() -> None:
    async def story(place: World) -> None:
        emsp, patch = await place.emsp(), place.roaming.tokens.patch
        await place.card(emsp, whitelist="ALLOWED")
        await place.clock.advance(5)
        at = {"last_updated": "2030-01-01T00:00:00Z"}
        await asyncio.gather(
            patch(place.partner(), emsp.party, "CARD", "RFID", at | {"valid": False}),
            patch(place.partner(), emsp.party, "CARD", "RFID", at | {"visual_number": "77"}),
        )
        found = await place.roaming.tokens.find("CARD")
        assert found is not None
        assert (found.token.valid, found.token.visual_number) == (False, "77")

    play(story, Slow())


def test_a_revocation_that_is_read_from_the_list_stops_a_start_that_waits() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        vehicle = await place.knows(emsp)
        await arrive(station)
        await place.clock.advance(2)
        emsp.own_vehicles[vehicle.vid] = revoked(vehicle, place.clock.now())
        await place.roaming.polling.poll(place.partner(), "vehicles")
        await place.clock.advance(20)
        assert not starts(station)

    play(story)


@pytest.mark.parametrize("other", [False, True])
def test_of_two_commands_to_start_one_evse_at_once_one_starts(*, other: bool) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        second = await place.emsp("other", "FROTH") if other else emsp
        orders = [
            place.ask(each).command(each.cpo, "START_SESSION", start(each), by=place.by()) for each in (emsp, second)
        ]
        asking = asyncio.gather(*orders)
        await place.clock.advance(1)
        assert sorted(each.result for each in await asking) == ["ACCEPTED", "REJECTED"]
        assert len(starts(station)) == len(await place.charges()) == 1

    play(story, Slow())


def test_somebody_who_begins_to_pay_while_a_command_is_written_has_the_evse() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        asking = asyncio.ensure_future(
            place.roaming.commands.take(place.partner(), "2.3.0", "START_SESSION", start(emsp))
        )
        await asyncio.sleep(0)
        now = place.clock.tick()
        assert place.cpo.locks.take(HERE, PaymentId("payer"), Tick(now + 60), now)
        await place.clock.advance(1)
        await asking
        assert not starts(station)
        assert [each.state for each in await place.charges()] == [ChargeState.REPLACED]

    play(story, Slow())


@pytest.mark.parametrize("during", [False, True])
def test_what_is_heard_of_a_car_after_it_has_left_is_not_held_for_the_next_one(*, during: bool) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.card(emsp)
        emsp.host.slow(3, on="oprf")
        await plug(station)
        asking = asyncio.ensure_future(identify(station) if during else present(station, car()))
        await place.clock.advance(1)
        await unplug(station)
        await plug(station)
        await place.clock.advance(3)
        await asking
        await present(station, IdToken("CARD"))
        await station.start(IdToken("CARD"))
        await place.clock.advance(2)
        assert not emsp.bindings

    play(story)


def test_a_car_that_leaves_while_its_emsp_is_asked_starts_nothing_for_the_next_one() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        emsp.host.slow(3, on="authorize")
        await plug(station)
        asking = asyncio.ensure_future(present(station, car()))
        await place.clock.advance(1)
        await unplug(station)
        await plug(station)
        await place.clock.advance(30)
        assert (await asking).status is TokenStatus.INVALID
        assert not await place.charges()
        assert not starts(station)

    play(story)


@pytest.mark.parametrize("leaves", [1, 2])
def test_of_two_that_came_together_one_that_leaves_does_not_make_the_other_one_the_customer(leaves: int) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place(evses=2)
        await place.knows(emsp)
        emsp.host.slow(3, on="authorize")
        for evse in (1, 2):
            await plug(station, evse)
        asking = asyncio.ensure_future(present(station, car()))
        await place.clock.advance(1)
        await unplug(station, leaves)
        await place.clock.advance(30)
        assert (await asking).accepted  # whose car it was, the start of a transaction says by naming it again
        assert not starts(station)
        (charge,) = await place.charges()
        assert (charge.state, charge.evse, charge.candidates) == (ChargeState.AUTHORIZED, None, (3 - leaves,))

    play(story)


class Ticking(Disk):
    """A store whose commits take a quarter of a second."""

    def __init__(self) -> None:
        super().__init__(MemoryStore(), fail_at=-1)
        self.clock: ManualClock | None = None

    async def commit(self, *changes: Change) -> None:
        await super().commit(*changes)
        if self.clock is not None:
            self.clock.step_wall(0.25)


def test_the_bill_that_is_sent_is_the_one_that_was_written() -> None:
    disk = Ticking()

    async def story(place: World) -> None:
        disk.clock = place.clock
        emsp, station = await place.emsp(), await place.place()
        await place.card(emsp)
        await plug(station)
        await present(station, IdToken("CARD"))
        await station.start(IdToken("CARD"))
        await place.clock.advance(60)
        await station.end("T-1", 5000)
        await place.clock.advance(1)
        (kept,), _ = await place.store.ocpi_page("cdrs", "mobi")
        assert [read(kept.body, Cdr)] == emsp.cdrs

    play(story, disk)
