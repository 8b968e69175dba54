"""Transactions as stations tell them: lost, late, doubled, out of order, with odd meters and odd clocks."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from evouch.charging import dialogue as d
from evouch.charging.equipment import ConnectorStatus, EvsePlace
from evouch.charging.tokens import IdToken, TokenStatus
from evouch.errors import PeerRefused
from evouch.ids import EvseNumber, StationId, TransactionId
from evouch.store.ports import Put
from evouch.store.records import TokenRecord
from evouch.units import Money, Wh
from evouch.webpayment.checkout import State
from tests.cpo.plays import charging, expect_peace, play, start_order, waiting
from tests.cpo.town import Town, living

V2 = ("ocpp2.0.1", "ocpp2.1")


@pytest.mark.parametrize("version", V2)
def test_a_lost_start_is_made_up_for_by_an_update_with_our_number_or_token(version: str) -> None:
    async def story(place: Town) -> None:
        station, checkout = await waiting(place, version)
        order = start_order(station)
        await station.meter("T-1", 0, remote_start=order.remote_start)
        assert (await place.now(checkout)).state is State.CHARGING
        await station.end("T-1", 2_000)
        await place.clock.advance(1)
        assert await expect_peace(place.store, place.psp) == 1

    play(story)


@pytest.mark.parametrize("version", V2)
def test_only_the_end_arrives_and_it_is_paid(version: str) -> None:
    async def story(place: Town) -> None:
        station, checkout = await waiting(place, version)
        order = start_order(station)
        readings = tuple(
            d.Reading(at=place.clock.now(), energy=Wh(wh), context=context)
            for wh, context in ((1_000, "Transaction.Begin"), (3_000, "Transaction.End"))
        )
        await station.say(
            d.SessionEnded(transaction=TransactionId("T"), at=place.clock.now(), token=order.token, readings=readings)
        )
        await place.clock.advance(1)
        assert (await place.now(checkout)).captured == Money.of("1.00", "EUR")

    play(story)


@pytest.mark.parametrize("version", V2)
def test_energy_at_the_payers_evse_that_nobody_else_claims_is_the_payers(version: str) -> None:
    async def story(place: Town) -> None:
        station, checkout = await waiting(place, version)
        await station.meter("T-1", 0)
        assert (await place.now(checkout)).state is State.WAITING
        await station.meter("T-1", 2_000)
        assert (await place.now(checkout)).state is State.CHARGING
        await station.end("T-1", 0)
        await place.clock.advance(1)
        assert await expect_peace(place.store, place.psp) == 1

    play(story)


def test_a_start_that_comes_after_its_updates_brings_the_energy_before_them() -> None:
    async def story(place: Town) -> None:
        station, checkout = await waiting(place)
        order = start_order(station)
        began, token = place.clock.now(), order.token
        await place.clock.advance(30)
        await station.meter("T-1", 1_000, remote_start=order.remote_start)
        reading = d.Reading(at=began, energy=Wh(1_000), context="Transaction.Begin")
        await station.say(
            d.SessionStarted(
                transaction=TransactionId("T-1"), at=began, evse=EvseNumber(1), token=token, readings=(reading,)
            )
        )
        await station.end("T-1", 1_000)
        await place.clock.advance(1)
        assert (await place.now(checkout)).energy == 2_000

    play(story)


def test_the_same_start_twice_at_the_same_instant_opens_one_transaction() -> None:
    async def story(place: Town) -> None:
        station, checkout = await waiting(place, "ocpp1.6")
        order = start_order(station)
        answers = await asyncio.gather(*(station.start(order.token) for _ in range(3)))
        assert len({answer.transaction for answer in answers}) == 1
        assert len(await place.store.transactions()) == 1
        assert (await place.now(checkout)).state is State.CHARGING

    play(story)


def test_an_update_that_races_the_end_brings_no_transaction_back_to_life() -> None:
    async def story(place: Town) -> None:
        station, _, transaction = await charging(place)
        await asyncio.gather(
            station.meter(transaction, 1_000), station.end(transaction, 1_000), station.meter(transaction, 500)
        )
        await place.clock.advance(1)
        assert place.cpo.sessions.all() == []
        await expect_peace(place.store, place.psp)

    play(story)


def test_the_token_opens_one_transaction_and_a_second_one_is_stopped() -> None:
    async def story(place: Town) -> None:
        station, checkout, first = await charging(place)
        order = start_order(station)
        second = await station.start(order.token, transaction="T-2", remote=order.remote_start)
        await place.clock.advance(1)
        assert second.authorization is not None
        assert second.authorization.status is TokenStatus.CONCURRENT_TX
        assert [stop.transaction for stop in station.got(d.StopCharging)] == ["T-2"]
        await station.meter("T-2", 50_000)
        await station.end("T-2", 0)
        assert (await place.now(checkout)).transaction == first
        await station.end(first, 0)
        await place.clock.advance(1)
        assert (await place.now(checkout)).energy <= 50_000

    play(story)


def test_paid_here_started_there_is_refused_stopped_and_costs_nobody() -> None:
    async def story(place: Town) -> None:
        station = await place.station(evses=2)
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        order = start_order(station)
        answer = await station.start(order.token, evse=2, remote=order.remote_start)
        assert answer.authorization is not None
        assert answer.authorization.status is TokenStatus.INVALID
        await place.clock.advance(1)
        assert station.got(d.StopCharging)
        await station.end("T-1", 3_000)
        await place.clock.advance(200)
        assert await expect_peace(place.store, place.psp) == 0

    play(story)


def test_another_card_at_the_reader_of_a_running_charge_changes_nothing() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        await place.store.commit(Put(TokenRecord(key="card")))
        await station.start(IdToken("card"))
        answer = await station.meter("T-1", 100, token=IdToken("stranger"))
        await place.clock.advance(1)
        assert answer.authorization is not None
        assert answer.authorization.status is TokenStatus.INVALID
        assert station.got(d.StopCharging) == []
        assert place.cpo.sessions.token_in_use("card", but=None)

    play(story)


@pytest.mark.parametrize("year", [1, 1970, 2098, 9999])
def test_an_absurd_clock_bills_no_more_than_the_time_that_passed(year: int) -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        await place.clock.advance(60)
        then = datetime(year, 6, 1, tzinfo=UTC)
        reading = d.Reading(at=then, energy=Wh(2_000), context="Sample.Periodic")
        await station.say(
            d.SessionUpdated(transaction=TransactionId(transaction), at=then, evse=EvseNumber(1), readings=(reading,))
        )
        await station.say(d.SessionEnded(transaction=TransactionId(transaction), at=then))
        await place.clock.advance(1)
        done = await place.now(checkout)
        assert done.state is State.SETTLED
        assert done.seconds <= 61
        after = place.restarted()
        async with living(after):
            assert after.cpo.sessions.all() == []

    play(story)


def test_a_poisoned_transaction_does_not_keep_the_others_from_being_resumed() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        record = await place.store.transaction(station.id, TransactionId(transaction))
        assert record is not None
        from dataclasses import replace

        absurd = replace(record, id=TransactionId("X"), start_key="id:X", last_at=datetime(9999, 12, 31, tzinfo=UTC))
        await place.store.commit(Put(absurd))
        after = place.restarted()
        async with living(after):
            station._backend = after.cpo.backend
            await station.arrive(boot=False)
            await station.end(transaction, 2_000)
            await after.clock.advance(1)
            assert (await after.now(checkout)).state is State.SETTLED

    play(story)


def test_a_charge_that_its_station_forgot_is_settled_once_its_connector_is_free() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        await station.meter(transaction, 2_000)
        station.leave()
        await station.arrive()  # says Available; of the transaction it knows nothing
        await place.clock.advance(601)
        done = await place.now(checkout)
        assert (done.state, done.captured) == (State.SETTLED, Money.of("1.00", "EUR"))
        assert place.cpo.payments.offer(place.claim(), browser="n", address="a").busy == ""
        await station.end(transaction, 9_000)
        await place.clock.advance(1)
        assert await expect_peace(place.store, place.psp) == 1

    play(story)


def test_a_charge_whose_station_speaks_of_it_again_is_not_taken_for_forgotten() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        await station.status(ConnectorStatus.AVAILABLE)
        await place.clock.advance(300)
        await station.meter(transaction, 500)
        await place.clock.advance(400)
        assert (await place.now(checkout)).state is State.CHARGING

    play(story)


def test_a_16_station_that_repeats_an_unknown_transaction_leaves_one_event() -> None:
    async def story(place: Town) -> None:
        station = await place.station(version="ocpp1.6")
        for _ in range(20):
            await station.meter("4711", 10)
        assert [event.kind for event in await place.store.security_events()] == ["unknownTransaction"]

    play(story)


def test_a_late_start_is_stopped_again_until_it_ends() -> None:
    async def story(place: Town) -> None:
        station, checkout = await waiting(place)
        order = start_order(station)
        await place.cpo.payments.cancel(checkout.payment)
        station.answers[d.StopCharging] = PeerRefused("InternalError")
        await station.start(order.token, remote=order.remote_start)
        await place.clock.advance(800)
        asked = len(station.got(d.StopCharging))
        assert asked >= 5
        await station.end("T-1", 500)
        await place.clock.advance(2_000)
        assert len(station.got(d.StopCharging)) == asked
        assert await expect_peace(place.store, place.psp) == 0

    play(story)


def test_while_the_payer_walks_to_the_car_no_card_starts_there_also_after_the_lock_and_a_restart() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        await place.store.commit(Put(TokenRecord(key="card")))
        checkout = await place.scan_and_begin()
        await place.clock.advance(290)
        await place.pay(checkout)
        await place.clock.advance(20)  # the lock of the payment page would be over by now
        assert (await station.start(IdToken("card"), transaction="A")).authorization.status is TokenStatus.INVALID  # type: ignore[union-attr]
        await station.end("A")
        after = place.restarted()
        async with living(after):
            station._backend = after.cpo.backend
            await station.arrive(boot=False)
            assert after.cpo.locks.holder(EvsePlace(StationId("CS-1"), EvseNumber(1)), after.clock.tick())
            again = await station.start(IdToken("card"), transaction="B")
            assert again.authorization is not None
            assert again.authorization.status is TokenStatus.INVALID

    play(story)


@pytest.mark.parametrize("silence", [0, 400])
def test_the_cap_counts_the_time_that_the_operator_was_dead(silence: int) -> None:
    from evouch.charging.tokens import Limit

    async def story(place: Town) -> None:
        station, _, transaction = await charging(place, limit=Limit(max_energy=Wh(3_000)))
        await station.meter(transaction, 100)
        heard = place.clock.now()
        after = place.restarted()
        place.cpo.connect(place.stations.__class__())  # the old process reaches nobody any more
        await after.clock.advance(silence)
        station.orders.clear()
        async with living(after):
            station._backend = after.cpo.backend
            await station.arrive(boot=False)
            while not station.got(d.StopCharging):
                await after.clock.advance(1)
            assert after.clock.now() - heard <= timedelta(seconds=max(silence, 2_900 * 3600 // 22_000) + 2)

    play(story)
