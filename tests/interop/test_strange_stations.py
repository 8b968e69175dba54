"""A station of other hands at our operator: the whole story, per version, over real WebSockets."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import pytest
import websockets

from evouch.charging.tokens import Limit
from evouch.errors import InvalidCode
from evouch.ids import StationId
from evouch.testing.town import TEMPLATE, Town
from evouch.units import Money
from evouch.webpayment.checkout import State
from tests.interop.desk import begin, captures, desk, lively, scan
from tests.interop.station import connected
from tests.interop.strangers import VERSIONS, until

each_version = pytest.mark.parametrize("version", list(VERSIONS))

Story = Callable[[Town, Any], Coroutine[Any, Any, None]]


def play(version: str, story: Story, **how: Any) -> None:
    async def run() -> None:
        async with desk(version, **how) as (town, station):
            await story(town, station)

    asyncio.run(run())


def euro(amount: str) -> Money:
    return Money.of(amount, "EUR")


async def settled(town: Town, station: Any, checkout: Any) -> None:
    """5 kWh in 10 minutes were delivered: 5 × 0.59 + 10 × 0.02, and the rest of the hold goes back."""
    done = await town.reach(checkout, State.SETTLED)
    assert (done.energy, done.captured) == (5_000, euro("3.15"))
    assert 600 <= done.seconds <= 605
    receipt = await town.cpo.payments.receipt(checkout.payment)
    assert (receipt.gross, receipt.released) == (euro("3.15"), euro("26.85"))
    assert receipt.net + receipt.vat == receipt.gross
    hold = await town.psp.look(checkout.psp_ref)
    assert hold.captured == euro("3.15")
    assert captures(town) == 1
    assert station.tape.refusals == []


@each_version
def test_it_boots_and_is_told_how_to_meter_and_what_to_show(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        assert await station.heartbeat()
        assert station.web("URLTemplate") == TEMPLATE
        assert (station.web("ValidityTime"), station.web("Length"), station.web("TOTPVersion")) == ("30", "8", "v1")
        assert len(station.web("SharedSecret")) == 32
        interval = "MeterValueSampleInterval" if version == "ocpp1.6" else "SampledDataCtrlr.TxUpdatedInterval"
        assert station.settings[interval] == "1"
        view = town.cpo.stations.get(StationId("STRANGER*1"))
        assert (view.record.vendor, view.record.version) == ("Stranger", version)
        assert station.tape.refusals == []

    play(version, story)


@each_version
def test_frames_are_compact_and_carry_no_nulls(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        for text in station.tape.raw:
            assert ": " not in text.replace("https://", "")
            assert '", "' not in text
            assert "null" not in text

    play(version, story)


@each_version
def test_its_code_opens_its_offer_and_no_other_code_does(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        offer = scan(town, station.url)
        assert (offer.station_name, offer.evse_id, offer.hold) == ("A stranger", "DE*TWN*E1", euro("30"))
        with pytest.raises(InvalidCode):
            scan(town, station.url.replace("?v=v1", "x?v=v1"))
        old = station.url
        station.settings["WebPaymentsCtrlr.1.SharedSecret"] = "another secret"
        with pytest.raises(InvalidCode):
            scan(town, station.url)
        assert scan(town, old).grant

    play(version, story)


@each_version
def test_pay_first_then_plug_stopped_on_the_phone(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        checkout = await begin(town, station)
        name, notice = (await until(lambda: station.notices))[0]
        assert (name, notice["evseId"], notice["timeout"]) == ("NotifyWebPaymentStarted", 1, 300)
        await town.pay(checkout)
        await town.reach(checkout, State.WAITING)
        assert station.transaction is None
        await station.plug()
        await town.reach(checkout, State.CHARGING)
        await station.deliver(2_000, 4)
        await station.deliver(3_000, 6)
        view = await town.cpo.payments.view(checkout.payment)
        assert (view.energy, view.cost) == (5_000, euro("3.15"))
        await town.cpo.payments.stop(checkout.payment)
        await settled(town, station, checkout)
        assert station.transaction is None

    play(version, story)


@each_version
def test_plug_first_then_pay_ended_at_the_plug(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        await station.plug()
        checkout = await begin(town, station)
        await town.pay(checkout)
        await town.reach(checkout, State.CHARGING)
        await until(lambda: station.answers)
        await station.deliver(5_000, 10)
        await station.unplug()
        await settled(town, station, checkout)

    play(version, story)


@each_version
def test_the_start_token_is_what_the_version_has_for_it(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        checkout = await begin(town, station)
        await town.pay(checkout)
        await until(lambda: station.token)
        if version == "ocpp1.6":
            assert len(station.token) == 20
            assert set(station.token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
            return
        (order,) = station.tape.calls("RequestStartTransaction")
        assert order["evseId"] == 1
        if version == "ocpp2.0.1":
            assert order["idToken"]["type"] == "Central"
            return
        card = {one["type"]: one["additionalIdToken"] for one in order["idToken"]["additionalInfo"]}
        assert (order["idToken"]["type"], order["idToken"]["idToken"]) == ("DirectPayment", checkout.psp_ref)
        assert card["CardLast4Digits"] == "4242"

    play(version, story)


@each_version
def test_a_station_that_asks_first_is_told_yes_once(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        checkout = await begin(town, station)
        await town.pay(checkout)
        token = await until(lambda: station.token)
        await town.reach(checkout, State.WAITING)
        assert await station.authorize(token) == "Accepted"
        await station.plug()
        await town.reach(checkout, State.CHARGING)
        assert await station.authorize(token) == "ConcurrentTx"
        await station.deliver(5_000, 10)
        await station.unplug()
        await settled(town, station, checkout)
        assert await station.authorize(token) == "Invalid"

    play(version, story)


def test_21_is_given_the_limit_with_the_start_and_the_cost_with_every_reading() -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        checkout = await begin(town, station, limit=Limit(max_cost=euro("12.50")))
        await town.pay(checkout)
        await town.reach(checkout, State.WAITING)
        await station.plug()
        await station.deliver(5_000, 10)
        await station.unplug()
        started, updated, ended = station.answers
        assert started.id_token_info["status"] == "Accepted"
        assert started.transaction_limit == {"max_cost": 12.5}
        assert (updated.total_cost, ended.total_cost) == (3.15, 3.15)
        assert updated.transaction_limit is None
        done = await town.reach(checkout, State.SETTLED)
        assert done.hold == euro("12.50")

    play("ocpp2.1", story)


@each_version
def test_the_operator_stops_it_before_the_hold_is_used_up(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        checkout = await begin(town, station, limit=Limit(max_cost=euro("5.00")))
        await town.pay(checkout)
        await town.reach(checkout, State.WAITING)
        await station.plug()
        await station.deliver(8_400, 1)  # 4.98: within the next seconds even this could pass the limit
        await until(lambda: station.transaction is None)
        done = await town.reach(checkout, State.SETTLED)
        assert done.captured == Money(Decimal("4.98"), "EUR")

    play(version, story)


@each_version
def test_a_start_that_the_driver_cancelled_is_refused_and_stopped(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        checkout = await begin(town, station)
        await town.pay(checkout)
        await town.reach(checkout, State.WAITING)
        await town.cpo.payments.cancel(checkout.payment)
        await town.reach(checkout, State.RELEASED)
        await station.plug()
        info = station.answers[0].id_tag_info if version == "ocpp1.6" else station.answers[0].id_token_info
        assert info["status"] == "Invalid"
        order = "RemoteStopTransaction" if version == "ocpp1.6" else "RequestStopTransaction"
        await until(lambda: station.tape.calls(order))
        await until(lambda: station.transaction is None)
        assert captures(town) == 0

    play(version, story)


@each_version
def test_an_aborted_payment_is_told_to_the_station_in_words(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        checkout = await begin(town, station)
        await until(lambda: station.notices)
        await town.psp.cancel(checkout.psp_ref)
        await until(lambda: len(station.notices) == 2)
        name, notice = station.notices[1]
        assert name == "NotifyWebPaymentFailed"
        assert (notice["evseId"], notice["errorMessage"][0]["format"]) == (1, "UTF8")
        assert notice["errorMessage"][0]["content"]
        if version == "ocpp1.6":
            assert notice["connectorId"] == 1

    play(version, story)


@each_version
def test_a_wrong_password_stays_outside(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        with pytest.raises(websockets.InvalidStatus, match="401"):
            async with connected(version, town.server.port, password="not the password at all"):
                pass
        assert await station.heartbeat(), "the one inside is not disturbed"

    play(version, story)


@each_version
def test_a_held_boot_is_pending_and_earns_no_energy(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await town.cpo.stations.hold_boot(StationId("STRANGER*1"), hold=True, actor="test")
        assert await station.boot() == "Pending"
        token = "CARD" if version == "ocpp1.6" else {"id_token": "CARD", "type": "ISO14443"}
        with pytest.raises(Exception, match="SecurityError"):
            await station.authorize(token)
        await town.cpo.stations.hold_boot(StationId("STRANGER*1"), hold=False, actor="test")
        await lively(station)

    play(version, story)
