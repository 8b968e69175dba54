"""What a payment provider can do to an operator: answer late, twice, wrongly, or not at all."""

from datetime import timedelta

import pytest

from evouch.charging import dialogue as d
from evouch.charging.tariffs import Tariff
from evouch.charging.tokens import Limit
from evouch.cpo.offers import Terms
from evouch.errors import LocalError, Refused, TimedOut
from evouch.psp.sandbox.faults import Fault
from evouch.units import Money
from evouch.webpayment.checkout import State
from tests.cpo.plays import charging, expect_peace, holds, play, start_order, waiting
from tests.cpo.town import SELLER, Town

CHALLENGE = "4000002500003155"


def test_webhook_and_browser_both_lost_the_payment_is_found_within_twenty_seconds() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        place.psp.webhook = None
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        assert station.got(d.StartCharging) == []
        await place.clock.advance(21)
        assert len(station.got(d.StartCharging)) == 1

    play(story)


def test_paid_in_the_last_second_and_nobody_told_us_still_starts() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        place.psp.webhook = None
        checkout = await place.scan_and_begin()
        await place.clock.advance(299.5)
        await place.pay(checkout)
        await place.clock.advance(1)
        assert len(station.got(d.StartCharging)) == 1

    play(story)


def test_a_webhook_that_comes_three_days_late_starts_nothing() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        kept: list[tuple[dict[str, str], bytes]] = []

        async def keep(headers: dict[str, str], body: bytes) -> None:
            kept.append((headers, body))

        place.psp.webhook = keep
        checkout = await place.scan_and_begin()
        await place.clock.advance(301)
        assert (await place.now(checkout)).state is State.RELEASED
        await place.clock.advance(3 * 86_400)
        assert kept
        for headers, body in kept:
            with pytest.raises(Refused, match="badSignature"):  # signed too long ago to be taken
                await place.cpo.payments.webhook(headers, body)
        assert station.got(d.StartCharging) == []

    play(story)


@pytest.mark.parametrize(
    "fault", [Fault.WEBHOOK_FORGED, Fault.WEBHOOK_REORDERED, Fault.WEBHOOK_LATE, Fault.WEBHOOK_DOUBLED]
)
def test_whatever_happens_to_webhooks_there_is_one_start(fault: Fault) -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        place.psp.arm(fault)
        place.psp.arm(fault)
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        await place.clock.advance(25)
        assert len(station.got(d.StartCharging)) == 1
        assert (await place.now(checkout)).state is State.WAITING

    play(story)


def test_a_forged_webhook_moves_nothing() -> None:
    async def story(place: Town) -> None:
        await place.station()
        checkout = await place.scan_and_begin()
        body = f'{{"id":"evt_1","type":"hold.held","hold":{{"id":"{checkout.psp_ref}"}}}}'.encode()
        with pytest.raises(Refused, match="badSignature"):
            await place.cpo.payments.webhook({"evouch-signature": "t=1,v1=00"}, body)
        assert (await place.now(checkout)).state is State.PAYING

    play(story)


def test_an_abandoned_3ds_step_frees_the_evse_and_the_card() -> None:
    async def story(place: Town) -> None:
        await place.station()
        checkout = await place.scan_and_begin()
        await place.pay(checkout, CHALLENGE)
        assert (await place.now(checkout)).state is State.PAYING
        await place.clock.advance(302)
        assert (await place.now(checkout)).reason == "notPaidInTime"
        assert await expect_peace(place.store, place.psp) == 0

    play(story)


def test_cancelled_at_the_provider_is_cancelled() -> None:
    async def story(place: Town) -> None:
        await place.station()
        checkout = await place.scan_and_begin()
        await place.psp.cancel(checkout.psp_ref)
        await place.clock.advance(1)
        now = await place.now(checkout)
        assert (now.state, now.reason) == (State.RELEASED, "cancelled")

    play(story)


@pytest.mark.parametrize("operation", ["hold", "look", "capture", "release"])
@pytest.mark.parametrize("fault", [Fault.LOSE_REQUEST, Fault.LOSE_ANSWER, Fault.SERVER_ERROR])
def test_no_answer_before_or_after_the_effect_moves_money_once_or_not_at_all(fault: Fault, operation: str) -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        for _ in range(2):
            place.psp.arm(fault, operation)
        try:
            checkout = await place.scan_and_begin()
        except Refused:
            await place.clock.advance(120)
            assert await expect_peace(place.store, place.psp) == 0
            return
        await place.pay(checkout)
        await place.clock.advance(45)
        order = start_order(station)
        await station.start(order.token, remote=order.remote_start)
        if operation == "release":
            await station.end("T-1", 0)
        else:
            await station.end("T-1", 2_000)
        await place.clock.advance(120)
        assert await expect_peace(place.store, place.psp) == (0 if operation == "release" else 1)
        assert len(holds(place.psp)) == 1

    play(story)


def test_a_capture_refused_once_is_asked_again_under_a_new_key() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        place.psp.arm(Fault.REFUSE_CAPTURE, "capture")
        await station.end(transaction, 2_000)
        await place.clock.advance(30)
        assert (await place.now(checkout)).captured == Money.of("1.00", "EUR")
        await expect_peace(place.store, place.psp)

    play(story)


def test_a_capture_refused_for_good_is_reported_and_the_hold_given_back() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        for _ in range(20):
            place.psp.arm(Fault.REFUSE_CAPTURE, "capture")
        await station.end(transaction, 2_000)
        await place.clock.advance(1_200)
        now = await place.now(checkout)
        assert (now.state, now.reason) == (State.RELEASED, "captureImpossible")
        assert [event.kind for event in await place.store.security_events()] == ["captureImpossible"]
        assert await expect_peace(place.store, place.psp) == 0

    play(story)


def test_a_hold_that_ran_out_is_reported_and_never_captured() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        place.psp.webhook = None
        await place.psp.expire(checkout.psp_ref)
        await station.end(transaction, 2_000)
        await place.clock.advance(5)
        assert (await place.now(checkout)).reason == "captureImpossible"
        assert await expect_peace(place.store, place.psp) == 0

    play(story)


def test_a_hold_that_is_gone_during_the_charge_stops_the_charge() -> None:
    async def story(place: Town) -> None:
        station, checkout, _ = await charging(place)
        await place.psp.expire(checkout.psp_ref)
        await place.clock.advance(1)
        assert station.got(d.StopCharging)
        assert (await place.now(checkout)).reason == "holdGone"
        assert [event.kind for event in await place.store.security_events()] == ["holdGone"]

    play(story)


@pytest.mark.parametrize("restart", [False, True])
def test_what_is_owed_is_taken_before_the_hold_runs_out_and_the_charge_is_stopped(restart: bool) -> None:
    async def story(place: Town) -> None:
        from tests.cpo.town import living

        station, checkout, transaction = await charging(place)
        await station.meter(transaction, 2_000)
        before = await place.now(checkout)
        assert before.capture_before is not None
        station.leave()
        left = (before.capture_before - timedelta(hours=24) - place.clock.now()).total_seconds()

        async def overdue(town: Town) -> None:
            await town.clock.advance(left - 60)
            assert (await town.now(checkout)).state in (State.CHARGING, State.STOPPING)
            await town.clock.advance(120)
            done = await town.now(checkout)
            assert (done.state, done.reason) == (State.SETTLED, "holdOverdue")
            assert done.captured == Money.of("1.00", "EUR")
            station._backend = town.cpo.backend
            await station.arrive(boot=False)
            station.orders.clear()
            await station.meter(transaction, 2_000)
            await town.clock.advance(700)
            assert station.got(d.StopCharging), "nobody pays for the rest"
            await station.end(transaction, 1_000)
            await town.clock.advance(5)
            assert await expect_peace(town.store, town.psp) == 1

        if restart:
            after = place.restarted()
            async with living(after):
                await overdue(after)
        else:
            await overdue(place)

    play(story)


def test_pressing_twice_at_the_same_instant_is_once() -> None:
    import asyncio

    async def story(place: Town) -> None:
        await place.station()
        grant = place.cpo.payments.offer(place.claim(), browser="b", address="a").grant
        begun = await asyncio.gather(*(place.cpo.payments.begin(grant, browser="b", limit=Limit()) for _ in range(5)))
        assert len({one.payment for one in begun}) == 1
        assert all(one.pay_url for one in begun)
        assert len(holds(place.psp)) == 1

    play(story)


def test_a_limit_in_another_currency_is_refused_before_anything_is_spent() -> None:
    async def story(place: Town) -> None:
        await place.station()
        grant = place.cpo.payments.offer(place.claim(), browser="b", address="a").grant
        with pytest.raises(Refused, match="badLimit"):
            await place.cpo.payments.begin(grant, browser="b", limit=Limit(max_cost=Money.of(5, "SEK")))
        assert await place.store.checkouts() == []

    play(story)


def test_a_hold_in_another_currency_than_the_price_cannot_be_configured() -> None:
    with pytest.raises(LocalError):
        Terms(tariff=Tariff(currency="SEK"), hold=Money.of(30, "EUR"), seller=SELLER)


def test_a_reason_of_a_declined_card_does_not_stick_to_the_charge() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        checkout = await place.scan_and_begin()
        await place.psp.pay(checkout.psp_ref, "4000000000000002")
        await place.pay(checkout)
        order = start_order(station)
        await station.start(order.token, remote=order.remote_start)
        await station.end("T-1", 2_000)
        await place.clock.advance(1)
        assert (await place.now(checkout)).reason == ""

    play(story)


def test_browser_closed_after_the_payment_changes_nothing() -> None:
    async def story(place: Town) -> None:
        station, checkout = await waiting(place)
        station.answers[d.StopCharging] = TimedOut("slow")
        order = start_order(station)
        await station.start(order.token, remote=order.remote_start)
        await station.end("T-1", 2_000)
        await place.clock.advance(1)
        assert (await place.now(checkout)).state is State.SETTLED

    play(story)
