"""What an eMSP is told of a charge: PENDING at the start, ACTIVE with energy, COMPLETED, and one bill."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from evouch.charging.roaming import ChargeState
from evouch.charging.tokens import IdToken, TokenStatus
from evouch.cpo.roaming_push import OWED
from evouch.ocpi.model import Cdr, Session
from evouch.ocpi.partner import Role
from evouch.store.memory import MemoryStore
from evouch.store.ports import StoreFailed
from tests.cpo.roaming.emsp import Emsp
from tests.cpo.roaming.world import CAR, Disk, World, arrive, car, play, plug, present, starts
from tests.proofs import proves

CARD = IdToken("CARD")


async def charging(place: World, **how: Any) -> tuple[Emsp, Any, str]:
    emsp, station = await place.emsp(), await place.place(**how)
    await place.card(emsp)
    await plug(station)
    await present(station, CARD)
    started = await station.start(CARD)
    assert started.authorization.accepted
    await place.clock.advance(0)
    return emsp, station, str(started.transaction)


@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
def test_a_session_is_pending_active_and_completed_and_then_billed_once(version: str) -> None:
    async def story(place: World) -> None:
        emsp, station, id = await charging(place, version=version)
        charge = await place.charge()
        assert emsp.seen(charge.id) == ["PENDING"]
        await place.clock.advance(30)
        await station.meter(id, 1000)
        await place.clock.advance(0)
        assert emsp.seen(charge.id) == ["PENDING", "ACTIVE"]
        await place.clock.advance(30 * 60)
        await station.end(id, 1000)
        await place.clock.advance(0)
        assert emsp.seen(charge.id) == ["PENDING", "ACTIVE", "COMPLETED"]
        (cdr,) = emsp.cdrs
        assert cdr.total_energy == Decimal("2.000")
        assert cdr.total_cost.before_taxes + cdr.total_cost.taxes[0].amount == Decimal("1.00")
        assert cdr.total_cost.before_taxes == Decimal("0.84")
        assert cdr.total_time == Decimal("0.5083")
        assert (cdr.session_id, cdr.auth_method, cdr.authorization_reference) == (charge.id, "AUTH_REQUEST", "REF-1")
        assert (cdr.cdr_location.city, cdr.cdr_location.evse_uid) == ("Berlin", "CS-1-1")
        assert cdr.cdr_token == emsp.last.cdr_token
        assert (await place.charge()).state is ChargeState.COMPLETED

    play(story)


def test_updates_come_at_a_bounded_rate() -> None:
    async def story(place: World) -> None:
        emsp, station, id = await charging(place)
        charge = await place.charge()
        for _ in range(60):
            await place.clock.advance(10)
            await station.meter(id, 100)
        await place.clock.advance(0)
        updates = emsp.sessions[charge.id]
        assert 8 <= len(updates) <= 13
        assert updates[-1].kwh > updates[2].kwh
        assert updates[-1].total_cost is not None
        assert updates[2].total_cost is not None
        assert updates[-1].total_cost.before_taxes > updates[2].total_cost.before_taxes

    play(story)


@proves("A22")
def test_session_and_bill_of_a_car_name_its_vid_and_go_to_its_emsp_alone() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        other = await place.emsp("other", "FROTH")
        vehicle = await place.knows(emsp, contract="CAR-CONTRACT")
        await arrive(station)
        await place.clock.advance(11)
        await station.start(starts(station)[0].token)
        await station.meter("T-1", 1000)
        await station.end("T-1", 1000)
        await place.clock.advance(1)
        (cdr,) = emsp.cdrs
        assert (cdr.cdr_token.uid, cdr.cdr_token.type, cdr.cdr_token.contract_id) == (
            vehicle.vid, "VEHICLE_HASHED_MAC_IDENTIFIER", "CAR-CONTRACT",
        )  # fmt: skip
        assert not other.sessions
        assert not other.cdrs
        lists = [await _list(place, each) for each in (emsp, other)]
        assert [len(each) for pair in lists for each in pair] == [1, 1, 0, 0]

    play(story)


async def _list(place: World, emsp: Emsp) -> tuple[list[Session], list[Cdr]]:
    asks = place.ask(emsp)
    return (
        [each async for each in asks.pages(emsp.cpo, "sessions", Session, by=place.by())],
        [each async for each in asks.pages(emsp.cpo, "cdrs", Cdr, by=place.by())],
    )


@proves("R34")
def test_a_partner_that_gave_up_the_module_hears_no_more_of_a_vehicle() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        await station.start(car())
        await place.clock.advance(0)
        partner = place.partner()
        kept = tuple(each for each in partner.endpoints if each.module not in {"vehicles", "oprf"})
        place.roaming.partners.load([replace(partner, endpoints=kept)])
        before = len(emsp.sessions[(await place.charge()).id])
        await station.meter("T-1", 1000)
        await station.end("T-1", 1000)
        await place.clock.advance(60)
        assert len(emsp.sessions[(await place.charge()).id]) == before
        assert not emsp.cdrs
        assert not (await _list(place, emsp))[1]

    play(story)


@proves("A24")
def test_what_an_emsp_missed_is_sent_as_it_stands_when_it_is_back() -> None:
    async def story(place: World) -> None:
        emsp, station, id = await charging(place)
        charge = await place.charge()
        emsp.host.offline()
        await station.meter(id, 1000)
        await place.clock.advance(90)
        await station.meter(id, 1000)
        await station.end(id, 1000)
        await place.clock.advance(60)
        assert emsp.seen(charge.id) == ["PENDING"]
        emsp.host.well()
        await place.clock.advance(1000)
        assert emsp.seen(charge.id)[-1] == "COMPLETED"
        assert "ACTIVE" not in emsp.seen(charge.id)
        assert [each.total_energy for each in emsp.cdrs] == [Decimal("3.000")]

    play(story)


def test_a_bill_that_was_not_acknowledged_is_posted_after_a_restart_and_then_no_more() -> None:
    async def story(place: World) -> None:
        emsp, station, id = await charging(place)
        emsp.host.offline()
        await station.end(id, 1000)
        await place.clock.advance(2)
        emsp.host.well()
        async with place.reborn() as after:
            await after.clock.advance(120)
            assert len(emsp.cdrs) == 1
            assert emsp.seen((await after.charge()).id)[-1] == "COMPLETED"
            async with after.reborn() as third:
                await third.clock.advance(1000)
        assert len([each for each in place.web.log if each.response and each.request.url.endswith("/cdrs")]) == 1
        assert len(emsp.cdrs) == 1

    play(story)


def test_a_bill_that_its_emsp_refuses_for_good_is_kept_for_people_and_sent_no_more() -> None:
    async def story(place: World) -> None:
        emsp, station, id = await charging(place)
        record = (await place.store.transactions())[0]
        emsp.cdrs.append(place.roaming.tie._cdr(await place.charge(), record, place.clock.now()))
        await station.end(id, 1000)
        await place.clock.advance(5)
        async with place.reborn() as after:
            await after.clock.advance(3600)
        assert len([each for each in place.web.log if each.request.url.endswith("/cdrs")]) == 1
        (owed,), _ = await place.store.ocpi_page(OWED, "mobi")
        assert owed.body == {"refused": "2001"}

    play(story)


def test_a_bill_of_while_the_partner_was_none_is_sent_when_it_is_one_again() -> None:
    async def story(place: World) -> None:
        emsp, station, id = await charging(place)
        partners = place.roaming.partners
        await partners.unregister("mobi", actor="ann")
        await station.end(id, 1000)
        await place.clock.advance(60)
        assert not emsp.cdrs
        token = await emsp.partners.invite("cpo", Role.CPO, actor="ann")
        await partners.add("mobi", Role.EMSP, f"{emsp.url}/ocpi/versions", token, actor="bob")
        await partners.register("mobi", actor="bob")
        await place.clock.advance(1)
        assert len(emsp.cdrs) == 1
        assert not (await place.store.ocpi_page(OWED, "mobi"))[0]

    play(story)


def test_how_far_one_was_with_a_partner_goes_with_it() -> None:
    async def story(place: World) -> None:
        await charging(place)
        await place.clock.advance(60)
        assert await place.store.partner_syncs()
        await place.roaming.partners.remove("mobi", actor="ann")
        await place.clock.advance(24 * 3600)
        assert ([], []) == (place.roaming.syncs(), await place.store.partner_syncs())

    play(story)


def test_a_charge_goes_on_after_a_restart() -> None:
    async def story(place: World) -> None:
        emsp, station, id = await charging(place)
        async with place.reborn() as after:
            again = after.back(station)
            await again.meter(id, 1000)
            await after.clock.advance(5)
            await again.end(id, 1000)
            await after.clock.advance(5)
            assert list(dict.fromkeys(emsp.seen((await after.charge()).id))) == ["PENDING", "ACTIVE", "COMPLETED"]
            assert len(emsp.cdrs) == 1

    play(story)


def test_a_queued_start_after_a_restart_finds_the_yes_by_asking_for_the_car_again() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place(version="ocpp1.6")
        await place.knows(emsp)
        assert (await arrive(station)).accepted
        async with place.reborn() as after:
            again = after.back(station)
            started = await again.start(car())
            assert started.authorization.accepted
            assert (len(emsp.asked), emsp.signed) == (1, 2)
            assert (await after.charge()).state is ChargeState.PENDING
            ended = await again.end(str(started.transaction), 1000, token=car())
            assert ended.authorization.accepted
            assert emsp.signed == 2
            await after.clock.advance(1)
            assert len(emsp.cdrs) == 1

    play(story, start_delay=0)


def test_an_end_alone_that_names_the_car_finds_its_charge() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        assert (await arrive(station)).accepted
        async with place.reborn() as after:
            again = after.back(station)
            await again.end("T-7", 1000, token=car())
            await after.clock.advance(1)
            assert (await after.charge()).state is ChargeState.COMPLETED
            assert len(emsp.cdrs) == 1
            assert len(emsp.asked) == 1

    play(story, start_delay=0)


def test_an_end_that_names_a_car_begins_nothing() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        await station.end("T-7", 1000, token=car())
        assert not emsp.asked
        assert not await place.charges()

    play(story)


def test_a_start_that_is_said_twice_asks_once() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place(version="ocpp1.6")
        await place.knows(emsp)
        first = await station.start(car())
        second = await station.start(car())
        assert (first.transaction, second.authorization.status) == (second.transaction, TokenStatus.ACCEPTED)
        assert (len(await place.charges()), len(emsp.asked)) == (1, 1)

    play(story)


@pytest.mark.parametrize("kept", [True, False])
def test_nothing_is_answered_that_was_not_written(kept: bool) -> None:
    store = Disk(MemoryStore(), fail_at=10**9)

    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        store.fail_in(1, kept=kept, stays_down=False)
        with pytest.raises(StoreFailed):
            await arrive(station)
        await place.clock.advance(30)
        assert not starts(station)
        answer = await present(station, car())
        assert answer.status is TokenStatus.INVALID
        await place.clock.advance(11)
        assert len(starts(station)) == 1

    play(story, store)


@pytest.mark.parametrize("kept", [True, False])
def test_a_start_whose_write_failed_is_bound_when_it_is_said_again(kept: bool) -> None:
    store = Disk(MemoryStore(), fail_at=10**9)

    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.card(emsp)
        await present(station, CARD)
        store.fail_in(1, kept=kept, stays_down=False)
        with pytest.raises(StoreFailed):
            await station.start(CARD)
        again = await station.start(CARD)
        assert again.authorization.accepted
        assert (await place.charge()).state is ChargeState.PENDING
        await station.meter("T-1", 500)
        await station.end("T-1", 500)
        await place.clock.advance(5)
        assert len(emsp.cdrs) == 1

    play(story, store)


def test_an_announced_start_does_not_outlive_the_process_for_another_car_may_be_there() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        await arrive(station)
        async with place.reborn() as after:
            again = after.back(station)
            await after.clock.advance(15)
            assert not starts(again)
            assert (await after.charge()).state is ChargeState.LAPSED

    play(story)


def test_a_car_that_left_while_the_process_was_down_starts_nobodys_charge() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        await arrive(station)
        async with place.reborn() as after:
            again = after.back(station, plugged=False)
            await after.clock.advance(15)
            await plug(again)
            await after.clock.advance(60)
            assert not starts(again)
            assert (await after.charge()).state is ChargeState.LAPSED

    play(story)


def test_a_process_that_was_down_for_long_starts_nothing() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        await arrive(station)
        place.clock.step_wall(90)
        async with place.reborn() as after:
            again = after.back(station)
            await after.clock.advance(30)
            assert not starts(again)

    play(story)


@pytest.mark.parametrize("kept", [True, False])
def test_an_end_whose_write_failed_is_told_and_billed_when_it_is_said_again(kept: bool) -> None:
    store = Disk(MemoryStore(), fail_at=10**9)

    async def story(place: World) -> None:
        emsp, station, id = await charging(place)
        store.fail_in(1, kept=kept, stays_down=False)
        with pytest.raises(StoreFailed):
            await station.end(id, 1000)
        await station.end(id, 0)
        await place.clock.advance(5)
        assert len(emsp.cdrs) == 1
        assert emsp.seen((await place.charge()).id)[-1] == "COMPLETED"

    play(story, store)


def test_a_remote_start_under_way_outlives_the_process() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        await arrive(station)
        await place.clock.advance(11)
        order = starts(station)[0]
        async with place.reborn() as after:
            again = after.back(station)
            assert (await again.start(order.token, remote=order.remote_start)).authorization.accepted
            assert (await after.charge()).state is ChargeState.PENDING

    play(story)


def test_a_remote_start_that_led_to_nothing_lapses_after_a_restart_too() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        await arrive(station)
        await place.clock.advance(11)
        async with place.reborn() as after:
            await after.clock.advance(100)
            assert (await after.charge()).state is ChargeState.LAPSED

    play(story)


def test_a_transaction_that_names_only_the_remote_start_is_its_charge() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        await arrive(station)
        await place.clock.advance(11)
        await station.start(None, remote=starts(station)[0].remote_start)
        assert (await place.charge()).state is ChargeState.PENDING
        await asyncio.sleep(0)
        assert CAR.lower() not in repr(await place.charge())

    play(story)
