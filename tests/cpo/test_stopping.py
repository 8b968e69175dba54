"""The cap: never passed by what anybody pays, whatever the meter does."""

from decimal import Decimal
from typing import Any

import pytest

from evouch.charging import dialogue as d
from evouch.charging.tokens import Limit
from evouch.errors import PeerRefused, TimedOut
from evouch.ids import EvseNumber, TransactionId
from evouch.units import Money, Watts, Wh
from evouch.webpayment.checkout import State
from tests.cpo.plays import VERSIONS, charging, play
from tests.cpo.town import Town

CAP = Limit(max_cost=Money.of("2.00", "EUR"))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_station_stronger_than_registered_is_reckoned_with_as_strong_as_it_is(version: str) -> None:
    async def story(place: Town) -> None:
        station, _, transaction = await charging(place, version, limit=Limit(max_energy=Wh(10_000)))
        reading = d.Reading(at=place.clock.now(), energy=Wh(1_000), power=Watts(300_000))
        await station.say(
            d.SessionUpdated(
                transaction=TransactionId(transaction), at=place.clock.now(), evse=EvseNumber(1), readings=(reading,)
            )
        )
        await place.clock.advance(10_000 * 3600 / 300_000 - 4)
        assert station.got(d.StopCharging)

    play(story)


@pytest.mark.parametrize("answer", [TimedOut("slow"), PeerRefused("InternalError"), d.Yes(accepted=False)])
def test_a_stop_that_is_not_taken_is_asked_again(answer: Any) -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        station.answers[d.StopCharging] = answer
        await place.cpo.payments.stop(checkout.payment)
        await place.clock.advance(35)
        assert len(station.got(d.StopCharging)) == 4
        await station.end(transaction, 2_000)
        await place.clock.advance(1_000)
        assert len(station.got(d.StopCharging)) == 4
        assert (await place.now(checkout)).state is State.SETTLED

    play(story)


def test_a_stop_that_was_pressed_takes_the_place_of_the_cap() -> None:
    async def story(place: Town) -> None:
        station, checkout, _ = await charging(place, limit=CAP)
        assert place.cpo.agenda.promised(("cap", checkout.payment))
        await place.cpo.payments.stop(checkout.payment)
        await place.clock.advance(1)
        assert not place.cpo.agenda.promised(("cap", checkout.payment))
        assert place.cpo.agenda.promised(("stop", checkout.payment))
        assert len(station.got(d.StopCharging)) == 1

    play(story)


@pytest.mark.parametrize("jump", [90_000, 10**9])
def test_a_meter_that_jumps_takes_no_more_than_was_agreed(jump: int) -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place, limit=CAP)
        await station.meter(transaction, jump)
        await place.clock.advance(1)
        assert station.got(d.StopCharging)
        await station.end(transaction, 0)
        await place.clock.advance(1)
        assert (await place.now(checkout)).captured == Money(Decimal("2.00"), "EUR")

    play(story)


def test_a_meter_that_is_reset_takes_nothing_back_and_adds_nothing_twice() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        await station.meter(transaction, 2_000)
        station.register = 0
        await station.meter(transaction, 0)
        await station.end(transaction, 500)
        await place.clock.advance(1)
        assert (await place.now(checkout)).energy == 2_000

    play(story)


def test_the_station_is_told_the_limit_once_and_never_more_than_the_hold() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        checkout = await place.scan_and_begin(limit=Limit(max_cost=Money.of(500, "EUR")))
        assert checkout.hold == Money.of(30, "EUR")
        await place.pay(checkout)
        order = station.got(d.StartCharging)[-1]
        first = await station.start(order.token, remote=order.remote_start)
        assert first.limit is not None
        assert first.limit.max_cost == Money.of(30, "EUR")
        assert (await station.meter("T-1", 100)).limit is None

    play(story)


@pytest.mark.parametrize("version", VERSIONS)
def test_meter_values_after_the_end_and_five_repeated_ends_change_nothing(version: str) -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place, version)
        await station.end(transaction, 2_000)
        for _ in range(5):
            await station.end(transaction, 0)
            await station.meter(transaction, 700)
        await place.clock.advance(5)
        assert (await place.now(checkout)).captured == Money.of("1.00", "EUR")

    play(story)


def test_the_cable_pulled_within_five_seconds_costs_what_flowed() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        await place.clock.advance(4)
        await station.end(transaction, 30, reason="EVDisconnected")
        await place.clock.advance(1)
        assert (await place.now(checkout)).captured == Money.of("0.02", "EUR")

    play(story)
