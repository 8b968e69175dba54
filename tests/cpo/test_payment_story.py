"""One driver, one payment: what happens to the money, whatever happens to the charge."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import pytest

from evouch.charging import dialogue as d
from evouch.charging.equipment import ConnectorStatus, EvsePlace
from evouch.charging.tokens import IdToken, Limit, TokenKind, TokenStatus
from evouch.errors import InvalidCode, Offline, PeerRefused, Refused, TimedOut
from evouch.ids import EvseNumber, StationId, TransactionId
from evouch.psp.sandbox.faults import Fault
from evouch.units import Money, Wh
from evouch.webpayment.checkout import Checkout, State
from tests.cpo.town import Town, living, town

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")


def play(story: Callable[[Town], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with town() as place:
            await story(place)

    asyncio.run(run())


def start_order(station: Any) -> d.StartCharging:
    order: d.StartCharging = station.got(d.StartCharging)[-1]
    return order


async def charging(place: Town, version: str = "ocpp2.1", **more: Any) -> tuple[Any, Checkout, str]:
    """Bring a driver as far as a running charge."""
    station = await place.station(version=version)
    checkout = await place.scan_and_begin(**more)
    await place.pay(checkout)
    order = start_order(station)
    answer = await station.start(order.token, remote=order.remote_start)
    assert answer.authorization is not None
    assert answer.authorization.accepted
    return station, await place.now(checkout), str(answer.transaction)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_paid_charge_is_captured_to_the_cent_and_the_rest_goes_back(version: str) -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place, version)
        assert checkout.state is State.CHARGING
        await place.clock.advance(60)
        await station.meter(transaction, 3_000)
        await place.clock.advance(60)
        await station.end(transaction, 1_333)
        await place.clock.advance(1)
        done = await place.now(checkout)
        assert done.state is State.SETTLED
        assert done.energy == 4_333
        assert done.captured == Money(Decimal("2.17"), "EUR")
        hold = await place.psp.look(done.psp_ref)
        assert hold.captured == done.captured

    play(story)


@pytest.mark.parametrize(
    ("version", "kind"),
    [("ocpp2.1", TokenKind.DIRECT_PAYMENT), ("ocpp2.0.1", TokenKind.CENTRAL), ("ocpp1.6", TokenKind.UNSAID)],
)
def test_the_start_token_is_what_the_version_has_room_for(version: str, kind: TokenKind) -> None:
    async def story(place: Town) -> None:
        station, checkout, _ = await charging(place, version)
        token = start_order(station).token
        assert token.kind is kind
        if version == "ocpp2.1":
            assert token.value == checkout.psp_ref
        else:
            assert len(token.value) == 20
            assert set(token.value) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")

    play(story)


def test_plug_first_then_pay_ties_the_running_transaction() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        await station.start(None, transaction="PLUGGED")
        checkout = await place.scan_and_begin()
        station.answers[d.StartCharging] = d.StartAnswer(accepted=True, transaction=TransactionId("PLUGGED"))
        await place.pay(checkout)
        order = start_order(station)
        answer = await station.meter("PLUGGED", 0, token=order.token, remote_start=order.remote_start)
        assert answer.authorization is not None
        assert answer.authorization.accepted
        assert answer.limit == Limit(max_cost=Money.of(30, "EUR"))
        await station.meter("PLUGGED", 2_000)
        await station.end("PLUGGED")
        await place.clock.advance(1)
        assert (await place.now(checkout)).captured == Money.of("1.00", "EUR")

    play(story)


def test_a_code_opens_one_payment_and_no_second_phone_gets_in() -> None:
    async def story(place: Town) -> None:
        await place.station()
        offers = [place.cpo.payments.offer(place.claim(), browser=name, address="a") for name in ("one", "two")]
        first = await place.cpo.payments.begin(offers[0].grant, browser="one", limit=Limit())
        with pytest.raises(Refused, match="slotTaken"):
            await place.cpo.payments.begin(offers[1].grant, browser="two", limit=Limit())
        again = await place.cpo.payments.begin(offers[0].grant, browser="one", limit=Limit())
        assert again.payment == first.payment

    play(story)


def test_two_phones_at_the_same_instant_open_one_payment() -> None:
    async def story(place: Town) -> None:
        await place.station()
        offers = {
            name: place.cpo.payments.offer(place.claim(), browser=name, address="a") for name in ("one", "two", "three")
        }
        tries = [place.cpo.payments.begin(offer.grant, browser=name, limit=Limit()) for name, offer in offers.items()]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(result, Checkout) for result in results) == 1
        assert len(await place.store.checkouts()) == 1

    play(story)


def test_no_code_of_another_time_place_or_making_opens_anything() -> None:
    async def story(place: Town) -> None:
        await place.station(evses=2)
        await place.station("CS-2")
        good = place.code()
        for claim in (
            place.claim(code=place.code(offset=-2)),
            place.claim(code=place.code(offset=2)),
            place.claim(evse=2, code=good),
            place.claim("CS-2", code=good),
            place.claim("NOBODY", code=good),
            place.claim(code=good[:-1]),
            place.claim(code=good + "x"),
            place.claim(code="é" * 8),
        ):
            with pytest.raises(InvalidCode) as refusal:
                place.cpo.payments.offer(claim, browser="b", address="a")
            assert refusal.value.reason == "invalidCode"
        for offset in (-1, 0, 1):
            place.cpo.payments.offer(place.claim(code=place.code(offset=offset)), browser="b", address="a")

    play(story)


def test_a_grant_is_of_no_use_in_another_browser_or_after_its_time() -> None:
    async def story(place: Town) -> None:
        await place.station()
        offer = place.cpo.payments.offer(place.claim(), browser="mine", address="a")
        with pytest.raises(Refused, match="badGrant"):
            await place.cpo.payments.begin(offer.grant, browser="theirs", limit=Limit())
        await place.clock.advance(601)
        with pytest.raises(Refused, match="grantExpired"):
            await place.cpo.payments.begin(offer.grant, browser="mine", limit=Limit())
        assert await place.store.checkouts() == []

    play(story)


async def expect_released(place: Town, checkout: Checkout, reason: str) -> Checkout:
    await place.clock.advance(1)
    done = await place.now(checkout)
    assert (done.state, done.reason) == (State.RELEASED, reason)
    hold = await place.psp.look(done.psp_ref)
    assert hold.captured.amount == 0
    assert hold.status == "released"
    assert place.cpo.locks.holder(done.place, place.clock.tick()) is None
    return done


def test_a_refused_start_gives_the_hold_back() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        station.answers[d.StartCharging] = d.StartAnswer(accepted=False, reason="Rejected")
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        await expect_released(place, checkout, "startRejected")
        assert station.got(d.WebPaymentFailed)

    play(story)


def test_a_station_that_answers_the_start_with_an_error_gives_the_hold_back() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        station.answers[d.StartCharging] = lambda order: PeerRefused("InternalError")
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        await expect_released(place, checkout, "startRejected")

    play(story)


def test_paid_but_offline_starts_nothing_and_gives_the_hold_back() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        checkout = await place.scan_and_begin()
        station.leave()
        await place.pay(checkout)
        await expect_released(place, checkout, "stationOffline")
        await station.arrive()
        await place.clock.advance(60)
        assert station.got(d.StartCharging) == []

    play(story)


def test_a_connection_lost_before_the_start_was_sent_gives_the_hold_back() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        station.answers[d.StartCharging] = lambda order: Offline("gone")
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        await expect_released(place, checkout, "stationOffline")

    play(story)


@pytest.mark.parametrize("version", VERSIONS)
def test_never_plugged_gives_the_hold_back_after_the_stations_own_timeout(version: str) -> None:
    async def story(place: Town) -> None:
        await place.station(version=version)
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        assert (await place.now(checkout)).state is State.WAITING
        await place.clock.advance(60 + 29)
        assert (await place.now(checkout)).state is State.WAITING
        await place.clock.advance(2)
        await expect_released(place, checkout, "neverPlugged")

    play(story)


def test_a_16_connector_back_to_available_ends_the_wait() -> None:
    async def story(place: Town) -> None:
        station = await place.station(version="ocpp1.6")
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        await station.status(ConnectorStatus.PREPARING)
        await place.clock.advance(1)
        assert (await place.now(checkout)).state is State.WAITING
        await station.status(ConnectorStatus.AVAILABLE)
        await expect_released(place, checkout, "neverPlugged")

    play(story)


def test_an_unanswered_start_keeps_the_hold_until_it_cannot_start_any_more() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        station.answers[d.StartCharging] = lambda order: TimedOut("no answer")
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        assert (await place.now(checkout)).state is State.WAITING
        order = start_order(station)
        await station.start(order.token, remote=order.remote_start)
        assert (await place.now(checkout)).state is State.CHARGING

    play(story)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_start_after_the_release_is_refused_stopped_and_costs_nobody(version: str) -> None:
    async def story(place: Town) -> None:
        station = await place.station(version=version)
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        order = start_order(station)
        await place.clock.advance(95)
        await expect_released(place, checkout, "neverPlugged")
        answer = await station.start(order.token, remote=order.remote_start)
        await place.clock.advance(1)
        assert answer.authorization is not None
        assert answer.authorization.status is TokenStatus.INVALID
        assert [stop.transaction for stop in station.got(d.StopCharging)] == [answer.transaction]
        await station.end(str(answer.transaction), 500)
        await place.clock.advance(1)
        hold = await place.psp.look((await place.now(checkout)).psp_ref)
        assert hold.captured.amount == 0
        assert [event.kind for event in await place.store.security_events()] == ["lateStart"]

    play(story)


def test_the_token_of_a_cancelled_payment_dies_at_once() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        order = start_order(station)
        await place.cpo.payments.cancel(checkout.payment)
        answer = await station.say(d.TokenPresented(token=order.token))
        assert answer.status is TokenStatus.INVALID
        await expect_released(place, checkout, "cancelled")

    play(story)


def test_a_used_token_opens_nothing_again_not_even_at_its_own_station() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        token = start_order(station).token
        assert (
            await station.say(d.TokenPresented(token=IdToken(token.value.upper(), token.kind)))
        ).status is TokenStatus.CONCURRENT_TX
        await station.end(transaction, 1000)
        await place.clock.advance(1)
        assert (await place.now(checkout)).state is State.SETTLED
        assert (await station.say(d.TokenPresented(token=token))).status is TokenStatus.INVALID
        other = await place.station("CS-2")
        assert (await other.say(d.TokenPresented(token=token))).status is TokenStatus.INVALID

    play(story)


def test_the_token_is_good_at_its_own_station_only() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        other = await place.station("CS-2")
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        token = start_order(station).token
        assert (await other.say(d.TokenPresented(token=token))).status is TokenStatus.INVALID
        mine = await station.say(d.TokenPresented(token=token))
        assert mine.accepted
        assert mine.expires == (await place.now(checkout)).plug_until

    play(story)


def test_three_declined_cards_use_the_code_up_and_fewer_do_not() -> None:
    async def story(place: Town) -> None:
        await place.station()
        checkout = await place.scan_and_begin()
        for _ in range(3):
            await place.psp.pay((await place.now(checkout)).psp_ref, "4000000000000002")
        await place.clock.advance(1)
        now = await place.now(checkout)
        assert now.state in {State.OPENED, State.PAYING, State.ABANDONED, State.RELEASED}
        assert now.captured is None

    play(story)


def test_not_paid_in_time_frees_the_evse() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        checkout = await place.scan_and_begin()
        assert station.got(d.WebPaymentStarted)[0].timeout == 300
        await place.clock.advance(301)
        await expect_released(place, checkout, "notPaidInTime")
        offer = place.cpo.payments.offer(place.claim(), browser="next", address="a")
        assert offer.busy == ""

    play(story)


def test_a_charge_without_energy_costs_nothing() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        await station.end(transaction, 0, reason="EVDisconnected")
        await expect_released(place, checkout, "noEnergy")

    play(story)


def test_a_repeated_end_and_late_meter_values_move_no_money_twice() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place, "ocpp1.6")
        await station.end(transaction, 2_000)
        await station.end(transaction, 0)
        await station.meter(transaction, 700)
        await place.clock.advance(5)
        done = await place.now(checkout)
        assert done.captured == Money.of("1.00", "EUR")
        assert (
            len(
                [
                    intent
                    for intent in await place.store.intents(payment=checkout.payment)
                    if intent.movement == "capture"
                ]
            )
            == 1
        )

    play(story)


def test_a_repeated_16_start_gets_the_same_transaction_id() -> None:
    async def story(place: Town) -> None:
        station, _, transaction = await charging(place, "ocpp1.6")
        order = start_order(station)
        station.seq = 0
        again = await station.start(order.token)
        assert again.transaction == transaction
        assert len(await place.store.transactions()) == 1

    play(story)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_charge_is_stopped_before_its_cost_can_pass_the_hold(version: str) -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place, version, limit=Limit(max_cost=Money.of("2.00", "EUR")))
        delivered = unsaid = reaction = 0
        for second in range(1, 1200):
            await place.clock.advance(1)
            unsaid += 22_000 * second // 3600 - 22_000 * (second - 1) // 3600
            reaction += bool(station.got(d.StopCharging))
            if reaction > 3:  # a contactor takes its time
                break
            if second % 30 == 0:
                await station.meter(transaction, unsaid)
                delivered, unsaid = delivered + unsaid, 0
        delivered += unsaid
        assert Decimal(delivered) / 1000 * Decimal("0.50") <= 2
        assert delivered > 3_900
        await station.end(transaction, unsaid)
        await place.clock.advance(1)
        done = await place.now(checkout)
        assert done.captured is not None
        assert done.captured <= Money.of("2.00", "EUR")
        assert done.reason == "limitReached"

    play(story)


def test_a_silent_meter_is_stopped_by_the_worst_case() -> None:
    async def story(place: Town) -> None:
        station, _, _ = await charging(place, limit=Limit(max_energy=Wh(1000)))
        await place.clock.advance(158)
        assert not station.got(d.StopCharging)
        await place.clock.advance(2)
        assert station.got(d.StopCharging)

    play(story)


def test_max_time_stops_the_charge() -> None:
    async def story(place: Town) -> None:
        station, _, transaction = await charging(place, limit=Limit(max_time=600))
        for _ in range(19):
            await place.clock.advance(30)
            await station.meter(transaction, 10)
        assert not station.got(d.StopCharging)
        await place.clock.advance(26)
        assert station.got(d.StopCharging)

    play(story)


def test_a_meter_that_lies_is_captured_up_to_the_hold_and_no_further() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        await station.end(transaction, 90_000)
        await place.clock.advance(1)
        assert (await place.now(checkout)).captured == Money.of(30, "EUR")

    play(story)


def test_a_register_that_runs_backwards_takes_nothing_back() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        await station.meter(transaction, 2_000)
        await station.meter(transaction, -1_500)
        await station.end(transaction, 0)
        await place.clock.advance(1)
        assert (await place.now(checkout)).energy == 2_000

    play(story)


def test_stop_is_asked_again_until_the_station_ends() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        station.answers[d.StopCharging] = lambda order: TimedOut("slow")
        await place.cpo.payments.stop(checkout.payment)
        await place.clock.advance(25)
        assert len(station.got(d.StopCharging)) == 3
        station.leave()
        await station.arrive(boot=False)
        await place.clock.advance(0.1)
        assert len(station.got(d.StopCharging)) == 4
        await station.end(transaction, 1_000)
        await place.clock.advance(60)
        assert len(station.got(d.StopCharging)) == 4
        assert (await place.now(checkout)).state is State.SETTLED

    play(story)


def test_an_operator_killed_in_the_middle_of_a_charge_resumes_it() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place, limit=Limit(max_energy=Wh(5_000)))
        await station.meter(transaction, 1_000)
        after = place.restarted()
        async with living(after):
            station._backend = after.cpo.backend
            await station.arrive(boot=False)
            answer = await station.meter(transaction, 1_000)
            assert answer.total_cost == Money.of("1.00", "EUR")
            await after.clock.advance(500)
            assert station.got(d.StopCharging), "the cap did not survive"
            await station.end(transaction, 1_000)
            await after.clock.advance(1)
            assert (await after.now(checkout)).captured == Money.of("1.50", "EUR")

    play(story)


def test_a_capture_whose_answer_was_lost_is_asked_again_and_taken_once() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        place.psp.arm(Fault.LOSE_ANSWER, "capture")
        await station.end(transaction, 2_000)
        await place.clock.advance(0.5)
        assert (await place.now(checkout)).state is State.CAPTURING
        await place.clock.advance(5)
        assert (await place.now(checkout)).captured == Money.of("1.00", "EUR")

    play(story)


def test_a_capture_under_way_at_the_kill_is_finished_after_the_restart() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        place.psp.arm(Fault.LOSE_REQUEST, "capture")
        await station.end(transaction, 2_000)
        await place.clock.advance(0.1)
        after = place.restarted()
        async with living(after):
            await after.clock.advance(1)
            assert (await after.now(checkout)).captured == Money.of("1.00", "EUR")

    play(story)


def test_every_webhook_ten_times_is_once() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        place.psp.arm(Fault.WEBHOOK_DOUBLED)
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        await place.clock.advance(10)
        assert len(station.got(d.StartCharging)) == 1

    play(story)


def test_a_lost_webhook_is_made_up_for_by_the_browsers_return() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        place.psp.webhook = None
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        assert not station.got(d.StartCharging)
        await place.cpo.payments.returned(checkout.payment)
        await place.clock.advance(0)
        assert len(station.got(d.StartCharging)) == 1

    play(story)


def test_while_somebody_pays_no_card_starts_on_that_evse_and_the_other_one_is_free() -> None:
    from evouch.store.ports import Put
    from evouch.store.records import TokenRecord

    async def story(place: Town) -> None:
        station = await place.station(evses=2)
        await place.store.commit(Put(TokenRecord(key="card")))
        await place.scan_and_begin()
        card = IdToken("CARD", TokenKind.ISO14443)
        assert (await station.say(d.TokenPresented(token=card))).accepted, "an Authorize names no EVSE"
        refused = await station.start(card, transaction="A", evse=1)
        assert refused.authorization is not None
        assert refused.authorization.status is TokenStatus.INVALID
        await place.clock.advance(0)
        assert station.got(d.StopCharging)
        await station.end("A")
        taken = await station.start(card, transaction="B", evse=2)
        assert taken.authorization is not None
        assert taken.authorization.accepted

    play(story)


def test_a_station_with_one_evse_refuses_cards_already_at_authorize() -> None:
    from evouch.store.ports import Put
    from evouch.store.records import TokenRecord

    async def story(place: Town) -> None:
        station = await place.station()
        await place.store.commit(Put(TokenRecord(key="card")))
        checkout = await place.scan_and_begin()
        card = IdToken("card")
        assert (await station.say(d.TokenPresented(token=card))).status is TokenStatus.INVALID
        await place.cpo.payments.cancel(checkout.payment)
        await place.clock.advance(1)
        assert (await station.say(d.TokenPresented(token=card))).accepted

    play(story)


def test_an_occupied_station_ends_the_payment_before_it_costs() -> None:
    async def story(place: Town) -> None:
        station = await place.station(version="ocpp1.6")
        station.answers[d.WebPaymentStarted] = d.LockAnswer(d.LockOutcome.REJECTED, "evseOccupied")
        with pytest.raises(Refused, match="evseBusy"):
            await place.scan_and_begin()
        (checkout,) = await place.store.checkouts()
        await expect_released(place, checkout, "evseBusy")

    play(story)


def test_a_station_that_does_not_know_the_notice_is_paid_at_all_the_same() -> None:
    async def story(place: Town) -> None:
        station = await place.station(version="ocpp1.6")
        station.answers[d.WebPaymentStarted] = d.LockAnswer(d.LockOutcome.UNKNOWN)
        station.answers[d.WebPaymentFailed] = d.LockAnswer(d.LockOutcome.UNKNOWN)
        checkout = await place.scan_and_begin()
        assert place.cpo.locks.holder(checkout.place, place.clock.tick()) == checkout.payment
        await place.cpo.payments.cancel(checkout.payment)
        await expect_released(place, checkout, "cancelled")
        assert [order.timeout for order in station.got(d.WebPaymentStarted)] == [300, 0]

    play(story)


def test_a_provider_that_is_down_frees_the_evse_at_once() -> None:
    async def story(place: Town) -> None:
        await place.station()
        place.psp.arm(Fault.LOSE_REQUEST, "hold")
        with pytest.raises(Refused, match="providerDown"):
            await place.scan_and_begin()
        assert place.cpo.locks.holder(EvsePlace(StationId("CS-1"), EvseNumber(1)), place.clock.tick()) is None

    play(story)


def test_the_ledger_balances_after_every_kind_of_end() -> None:
    async def story(place: Town) -> None:
        station, checkout, transaction = await charging(place)
        await station.end(transaction, 4_000)
        await place.clock.advance(1)
        totals: dict[str, Decimal] = {}
        for row in await place.store.entries(checkout.payment):
            assert row.amount.amount > 0
            totals[row.debit] = totals.get(row.debit, Decimal(0)) + row.amount.amount
            totals[row.credit] = totals.get(row.credit, Decimal(0)) - row.amount.amount
        assert sum(totals.values()) == 0
        assert totals

    play(story)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_repeated_start_is_answered_as_the_first_time_expiry_and_limit_included(version: str) -> None:
    async def story(place: Town) -> None:
        station = await place.station(version=version)
        checkout = await place.scan_and_begin()
        await place.pay(checkout)
        order = start_order(station)
        first = await station.start(order.token, remote=order.remote_start)
        again = await station.start(order.token, remote=order.remote_start)
        assert first.authorization is not None
        assert again.authorization is not None
        assert again.authorization.expires == first.authorization.expires == (await place.now(checkout)).plug_until
        assert (again.transaction, again.limit) == (first.transaction, first.limit)

    play(story)
