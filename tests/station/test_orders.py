"""What a station answers to each order, and what follows from it."""

from datetime import timedelta
from typing import Any

import pytest

from evouch.charging import dialogue as d
from evouch.charging.tokens import IdToken, Limit
from evouch.errors import PeerFault
from evouch.ids import EvseNumber, OcppVersion, RemoteStartId, TransactionId
from evouch.station.display import Kind
from evouch.station.machine import Phase
from evouch.station.spec import V16, V21, V201, EvseSpec, Quirk
from evouch.units import Money, Wh
from tests.proofs import proves
from tests.station.house import ALL, CARD, E1, E2, PAYER, House, house, run, two_evses

MODERN = (V201, V21)


# ── remote start and stop ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("plug_first", [True, False])
def test_a_remote_start_charges_in_both_orders_and_a_remote_stop_lets_the_car_go(
    version: OcppVersion, plug_first: bool
) -> None:
    async def story() -> None:
        async with house(version) as home:
            if plug_first:
                await home.station.plug(1)
            assert (await home.start()).accepted
            assert plug_first or Kind.PLUG_IN is home.station.screen(1).kind
            await home.station.plug(1)
            await home.pass_time(1)
            assert home.station.screen(1).latched
            (started,) = home.backend.of(d.SessionStarted)
            assert (PAYER, RemoteStartId(7)) == (started.token, started.remote_start)
            assert (await home.stop()).accepted
            shown = home.station.screen(1)
            assert (Kind.FINISHED, True, False) == (shown.kind, shown.plugged, shown.latched)
            assert ["Remote"] == [fact.reason for fact in home.backend.of(d.SessionEnded)]
            await home.station.unplug(1)
            await home.pass_time(1)
            assert "Available" == home.statuses()[-1]

    run(story())


@pytest.mark.parametrize("version", MODERN)
def test_the_answer_to_a_remote_start_names_a_transaction_that_is_open(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version, settings={"TxCtrlr.TxStartPoint": "Authorized"}) as home:
            answer = await home.start()
            assert answer.transaction == home.backend.of(d.SessionStarted)[0].transaction
        async with house(version, settings={"TxCtrlr.TxStartPoint": "EVConnected"}) as home:
            await home.station.plug(1)
            await home.pass_time(0)
            answer = await home.start()
            assert answer.transaction == home.backend.of(d.SessionStarted)[0].transaction

    run(story())


def test_a_remote_start_names_an_evse_and_a_connector_that_are_there() -> None:
    async def story() -> None:
        async with house() as home:
            for evse, connector in ((9, None), (0, None), (1, 5)):
                order = d.StartCharging(
                    evse=EvseNumber(evse), token=PAYER, remote_start=RemoteStartId(1), connector=connector
                )
                assert not (await home.backend.order(order)).accepted

    run(story())


def test_nobody_stops_a_transaction_that_does_not_run() -> None:
    async def story() -> None:
        async with house() as home:
            stop = d.StopCharging(transaction=TransactionId("unheard"))
            assert not (await home.backend.order(stop)).accepted
            await home.station.plug(1)
            await home.start()
            ours = d.StopCharging(transaction=home.transaction)
            assert (await home.backend.order(ours)).accepted
            assert not (await home.backend.order(ours)).accepted, "twice"

    run(story())


# ── the web payment lock ────────────────────────────────────────────────────────────────


@proves("C25.FR.22")
@pytest.mark.parametrize("version", ALL)
def test_a_payment_by_phone_keeps_cards_and_reservations_away_for_exactly_its_timeout(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version) as home:
            await home.provision()
            before = list(home.statuses())
            assert d.LockAnswer(d.LockOutcome.TAKEN) == await home.lock(60)
            assert Kind.LOCKED is home.station.screen(1).kind
            await home.station.swipe(1, CARD)
            assert "paying" in home.bay.message
            assert "Occupied" == (await reserve(home)).status
            await home.pass_time(59.9)
            assert home.bay.locked
            await home.pass_time(0.1)
            assert not home.bay.locked
            assert "not finished in time" in home.bay.message
            assert Kind.CODE is home.station.screen(1).kind
            assert before == home.statuses(), "the lock is no state of the connector"
            assert not home.backend.of(d.TokenPresented)
            assert (await reserve(home)).accepted

    run(story())


def test_a_lock_does_not_care_about_a_stepping_wall_clock() -> None:
    async def story() -> None:
        async with house() as home:
            await home.lock(60)
            home.clock.step_wall(3600)
            await home.pass_time(59)
            assert home.bay.locked

    run(story())


def test_a_second_message_extends_and_zero_releases() -> None:
    async def story() -> None:
        async with house() as home:
            await home.lock(30)
            await home.pass_time(20)
            await home.lock(30)
            await home.pass_time(29)
            assert home.bay.locked
            assert d.LockOutcome.TAKEN is (await home.lock(0)).outcome
            assert not home.bay.locked
            assert "invalidTimeout" == (await home.lock(0)).reason
            await home.pass_time(60)
            assert "" == home.bay.message, "a released lock does not expire"

    run(story())


@proves("C25.FR.22")
def test_a_remote_start_of_any_token_ends_the_lock() -> None:
    async def story() -> None:
        async with house() as home:
            await home.lock(300)
            await home.start(IdToken("somebody else"))
            assert not home.bay.locked

    run(story())


def test_a_card_that_was_being_checked_when_the_lock_came_does_not_start() -> None:
    async def story() -> None:
        async with house() as home:
            home.backend.answers[d.TokenPresented] = lambda _: accept_after(home, 5)
            await home.station.swipe(1, CARD)
            await home.pass_time(1)
            await home.lock(60)
            await home.pass_time(10)
            assert (Phase.AVAILABLE, True) == (home.phase(), "paying" in home.bay.message)

    run(story())


async def accept_after(home: House, seconds: float) -> Any:
    from evouch.charging.tokens import Authorization, TokenStatus
    from evouch.clock import Tick

    await home.clock.sleep_until(Tick(home.clock.tick() + seconds))
    return Authorization(status=TokenStatus.ACCEPTED)


@pytest.mark.parametrize("version", ALL)
def test_an_evse_that_charges_is_not_locked(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version) as home:
            await home.station.plug(1)
            await home.start()
            answer = await home.lock(60)
            assert not home.bay.locked
            expected = d.LockOutcome.TAKEN if version == V21 else d.LockOutcome.REJECTED
            assert (expected, "" if version == V21 else "evseOccupied") == (answer.outcome, answer.reason)

    run(story())


@pytest.mark.parametrize("version", MODERN)
def test_a_car_that_is_plugged_in_and_in_an_unpaid_transaction_can_still_be_locked_for_its_payer(
    version: OcppVersion,
) -> None:
    async def story() -> None:
        async with house(version, settings={"TxCtrlr.TxStartPoint": "EVConnected"}) as home:
            await home.station.plug(1)
            assert d.LockOutcome.TAKEN is (await home.lock(60)).outcome
            assert home.bay.locked

    run(story())


def test_an_evse_that_is_not_there_cannot_be_locked() -> None:
    async def story() -> None:
        async with house() as home:
            assert "invalidEvseId" == (await home.lock(60, evse=0)).reason
            assert "invalidEvseId" == (await home.lock(60, evse=2)).reason
            assert "invalidConnectorId" == (await home.lock(60, evse=0, connector=3)).reason
            failed = d.WebPaymentFailed(evse=EvseNumber(2))
            assert "invalidEvseId" == (await home.backend.order(failed)).reason

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_a_failed_payment_releases_the_lock_and_shows_why(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version) as home:
            await home.provision()
            await home.lock(300)
            order = d.WebPaymentFailed(evse=E1, messages=(d.Text("Your card was declined."),))
            assert d.LockAnswer(d.LockOutcome.TAKEN) == await home.backend.order(order)
            shown = home.station.screen(1)
            assert (Kind.CODE, "Your card was declined.") == (shown.kind, shown.message)
            await home.pass_time(20)
            assert "" == home.station.screen(1).message

    run(story())


def test_firmware_that_never_heard_of_web_payments_says_so() -> None:
    async def story() -> None:
        async with house(quirks=frozenset({Quirk.NO_PAYMENT_NOTICE})) as home:
            assert d.LockOutcome.UNKNOWN is (await home.lock(60)).outcome
            failed = d.WebPaymentFailed(evse=E1)
            assert d.LockOutcome.UNKNOWN is (await home.backend.order(failed)).outcome
            assert not home.bay.locked

    run(story())


# ── limits of 2.1 ───────────────────────────────────────────────────────────────────────


async def limited(home: House, limit: Limit) -> None:
    home.backend.answers[d.SessionStarted] = d.SessionAnswer(limit=limit)
    await home.station.plug(1)
    await home.start()


def ended(home: House) -> list[tuple[str, str]]:
    return [(fact.reason, fact.trigger) for fact in home.backend.of(d.SessionEnded)]


def test_an_energy_limit_is_confirmed_and_kept_to_the_watt_hour() -> None:
    async def story() -> None:
        async with house() as home:
            await limited(home, Limit(max_energy=Wh(1000)))
            assert "Updated LimitSet" == home.told()[-1]
            await home.pass_time(163)
            assert [] == ended(home)
            await home.pass_time(1)
            assert [("EnergyLimitReached", "EnergyLimitReached")] == ended(home)
            assert 1_235_567 == home.backend.of(d.SessionEnded)[0].readings[0].energy

    run(story())


def test_a_time_limit_counts_from_the_start_of_the_transaction() -> None:
    async def story() -> None:
        async with house() as home:
            await limited(home, Limit(max_time=300))
            await home.pass_time(299)
            assert [] == ended(home)
            await home.pass_time(2)
            assert [("TimeLimitReached", "TimeLimitReached")] == ended(home)

    run(story())


def test_a_cost_limit_ends_the_charge_when_the_backend_says_that_it_costs_so_much() -> None:
    async def story() -> None:
        async with house() as home:
            await limited(home, Limit(max_cost=Money.of(5, "EUR")))
            for cost, expected in (("4.99", []), ("5.00", [("LocalOutOfCredit", "CostLimitReached")])):
                order = d.CostSoFar(transaction=home.transaction, cost=Money.of(cost, "EUR"))
                assert (await home.backend.order(order)).accepted
                await home.pass_time(0)
                assert expected == ended(home)

    run(story())


@pytest.mark.parametrize(
    ("version", "settings"), [(V201, {}), (V21, {"TxCtrlr.SupportedLimits": "MaxTime"})], ids=["2.0.1", "2.1"]
)
def test_a_limit_that_the_station_does_not_keep_is_not_confirmed(
    version: OcppVersion, settings: dict[str, str]
) -> None:
    async def story() -> None:
        async with house(version, settings=settings) as home:
            await limited(home, Limit(max_energy=Wh(100)))
            await home.pass_time(120)
            assert "Updated LimitSet" not in home.told()
            assert [] == ended(home)

    run(story())


def test_the_cost_of_a_transaction_that_does_not_run_is_refused() -> None:
    async def story() -> None:
        async with house() as home:
            order = d.CostSoFar(transaction=TransactionId("unheard"), cost=Money.of(1, "EUR"))
            assert not (await home.backend.order(order)).accepted

    run(story())


# ── equipment ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("version", "hard", "reason"),
    [(V16, False, "SoftReset"), (V16, True, "HardReset"), (V21, True, "ImmediateReset")],
)
def test_a_reset_ends_the_charge_says_so_and_boots_anew(version: OcppVersion, hard: bool, reason: str) -> None:
    async def story() -> None:
        async with house(version) as home:
            await home.provision()
            await home.station.plug(1)
            await home.start()
            await home.pass_time(30)
            assert "Accepted" == (await home.backend.order(d.Reset(hard=hard))).status
            await home.pass_time(2)
            assert [reason] == [fact.reason for fact in home.backend.of(d.SessionEnded)]
            assert not home.station.online
            assert not home.station.time.synced
            await home.pass_time(5)
            assert ["PowerUp", "RemoteReset"] == [fact.reason for fact in home.backend.of(d.Booted)]
            await home.station.unplug(1)
            assert Kind.CODE is home.station.screen(1).kind, "settings survive"

    run(story())


@pytest.mark.parametrize("version", MODERN)
def test_a_reset_on_idle_waits_for_the_end_of_the_charge(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version) as home:
            await home.station.plug(1)
            await home.start()
            await home.pass_time(1)
            assert "Scheduled" == (await home.backend.order(d.Reset())).status
            await home.pass_time(30)
            assert Phase.CHARGING is home.phase()
            await home.stop()
            await home.pass_time(10)
            assert ["PowerUp", "ScheduledReset"] == [fact.reason for fact in home.backend.of(d.Booted)]

    run(story())


def test_an_evse_can_be_reset_alone() -> None:
    async def story() -> None:
        async with house() as home:
            await home.station.plug(1)
            await home.start()
            await home.pass_time(1)
            assert (await home.backend.order(d.Reset(evse=E1))).status == "Scheduled"
            assert home.phase() is Phase.CHARGING
            assert (await home.backend.order(d.Reset(evse=E1, hard=True))).accepted
            await home.pass_time(1)
            assert (Phase.FINISHING, True) == (home.phase(), home.station.online)
            assert not (await home.backend.order(d.Reset(evse=EvseNumber(9), hard=True))).accepted

    run(story())


def test_settings_that_wait_for_a_reboot_show_after_it() -> None:
    async def story() -> None:
        async with house(quirks=frozenset({Quirk.REBOOT_REQUIRED})) as home:
            assert {"RebootRequired"} == {result.status for result in await home.provision()}
            assert Kind.HIDDEN is home.station.screen(1).kind
            await home.backend.order(d.Reset())
            await home.pass_time(10)
            assert Kind.CODE is home.station.screen(1).kind

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_a_connector_is_taken_out_of_service_now_or_after_its_charge(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version) as home:
            out, back = (d.ChangeAvailability(operative=operative, evse=E1) for operative in (False, True))
            assert "Accepted" == (await home.backend.order(out)).status
            assert Kind.OUT_OF_ORDER is home.station.screen(1).kind
            assert not (await home.start()).accepted
            assert "Accepted" == (await home.backend.order(back)).status
            await home.station.plug(1)
            await home.start()
            assert "Scheduled" == (await home.backend.order(out)).status
            assert Phase.CHARGING is home.phase()
            await home.stop()
            assert "Unavailable" == home.statuses()[-1]
            assert not (await home.backend.order(d.ChangeAvailability(operative=True, evse=EvseNumber(9)))).accepted

    run(story())


def test_a_whole_station_is_taken_out_of_service() -> None:
    async def story() -> None:
        async with house(evses=two_evses(V21)) as home:
            await home.backend.order(d.ChangeAvailability(operative=False))
            assert {Phase.UNAVAILABLE} == {bay.state.phase for bay in home.station.bays.values()}

    run(story())


@pytest.mark.parametrize(
    ("version", "status", "unknown"),
    [(V16, "Unlocked", "NotSupported"), (V21, "OngoingAuthorizedTransaction", "UnknownConnector")],
)
def test_unlocking_ends_a_charge_on_1_6_only(version: OcppVersion, status: str, unknown: str) -> None:
    async def story() -> None:
        async with house(version) as home:
            unlock = d.Unlock(evse=E1, connector=1)
            assert "Unlocked" == (await home.backend.order(unlock)).status
            await home.station.plug(1)
            await home.start()
            await home.pass_time(1)
            assert status == (await home.backend.order(unlock)).status
            await home.pass_time(1)
            expected = [("UnlockCommand", "UnlockCommand")] if version == V16 else []
            assert expected == ended(home)
            assert unknown == (await home.backend.order(d.Unlock(evse=E1, connector=9))).status

    run(story())


# ── reservations ────────────────────────────────────────────────────────────────────────


async def reserve(home: House, id: int = 5, evse: int = 1, minutes: int = 10) -> d.Yes:
    expires = home.station.time.now() + timedelta(minutes=minutes)
    order = d.Reserve(id=id, evse=EvseNumber(evse), token=IdToken(CARD), expires=expires)
    answer: d.Yes = await home.backend.order(order)
    return answer


@pytest.mark.parametrize("version", ALL)
def test_a_reservation_keeps_everybody_else_away_until_it_expires(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version) as home:
            await home.provision()
            assert (await reserve(home)).accepted
            assert Kind.RESERVED is home.station.screen(1).kind
            assert not (await home.start()).accepted
            await home.station.swipe(1, "another")
            assert "reserved" in home.bay.message
            await home.pass_time(600)
            assert Kind.CODE is home.station.screen(1).kind
            assert ["Available", "Reserved", "Available"] == home.statuses()

    run(story())


def test_who_reserved_charges_and_the_reservation_is_used_up() -> None:
    async def story() -> None:
        async with house() as home:
            await reserve(home)
            await home.station.swipe(1, CARD)
            await home.pass_time(1)
            await home.station.plug(1)
            assert Phase.CHARGING is home.phase()
            assert not (await home.backend.order(d.CancelReservation(id=5))).accepted

    run(story())


def test_a_reservation_is_prolonged_and_cancelled_by_its_id() -> None:
    async def story() -> None:
        async with house() as home:
            await reserve(home)
            assert (await reserve(home, minutes=20)).accepted
            await home.pass_time(900)
            assert Phase.RESERVED is home.phase()
            assert "Occupied" == (await reserve(home, id=6)).status
            assert (await home.backend.order(d.CancelReservation(id=5))).accepted
            assert Phase.AVAILABLE is home.phase()

    run(story())


@pytest.mark.parametrize(
    ("what", "status"),
    [("plug", "Occupied"), ("fault", "Faulted"), ("close", "Unavailable")],
)
def test_what_cannot_be_reserved_says_why(what: str, status: str) -> None:
    async def story() -> None:
        async with house() as home:
            if what == "plug":
                await home.station.plug(1)
            elif what == "fault":
                await home.station.fault(1)
            else:
                await home.backend.order(d.ChangeAvailability(operative=False, evse=E1))
            assert status == (await reserve(home)).status
            assert "Rejected" == (await reserve(home, evse=9)).status
            assert "Rejected" == (await reserve(home, minutes=-1)).status

    run(story())


# ── on request ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ALL)
def test_triggers_that_every_version_has(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version, evses=two_evses(version)) as home:
            home.backend.heard.clear()
            for message, evse in (("Heartbeat", None), ("StatusNotification", E2), ("MeterValues", E1)):
                connector = home.station.bays[E2].spec.connectors[0] if evse is E2 else None
                answer = await home.backend.order(d.Trigger(message=message, evse=evse, connector=connector))
                assert "Accepted" == answer.status
                await home.pass_time(0)
            assert [d.StillThere, d.ConnectorChanged, d.MeterSampled] == [type(fact) for fact in home.backend.heard]
            unknown = await home.backend.order(d.Trigger(message="FirmwareStatusNotification"))
            assert "NotImplemented" == unknown.status
            nowhere = await home.backend.order(d.Trigger(message="StatusNotification", evse=EvseNumber(9)))
            assert "Rejected" == nowhere.status

    run(story())


@pytest.mark.parametrize(("version", "status", "boots"), [(V16, "Accepted", 2), (V21, "Rejected", 1)])
def test_an_accepted_2_x_station_does_not_boot_once_more(version: OcppVersion, status: str, boots: int) -> None:
    async def story() -> None:
        async with house(version) as home:
            assert status == (await home.backend.order(d.Trigger(message="BootNotification"))).status
            await home.pass_time(0)
            assert boots == len(home.backend.of(d.Booted))

    run(story())


def test_a_transaction_is_reported_on_request() -> None:
    async def story() -> None:
        async with house() as home:
            trigger = d.Trigger(message="TransactionEvent", evse=E1)
            assert "Rejected" == (await home.backend.order(trigger)).status
            await home.station.plug(1)
            await home.start()
            assert "Accepted" == (await home.backend.order(trigger)).status
            await home.pass_time(1)
            assert "Updated Trigger" == home.told()[-1]
            assert "Trigger" == home.backend.of(d.SessionUpdated)[-1].readings[0].context

    run(story())


def test_1_6_meter_values_on_request_belong_to_the_transaction_that_runs() -> None:
    async def story() -> None:
        async with house(V16) as home:
            await home.station.plug(1)
            await home.start()
            await home.pass_time(1)
            await home.backend.order(d.Trigger(message="MeterValues", evse=E1))
            await home.pass_time(1)
            assert ["42"] == [fact.transaction for fact in home.backend.of(d.SessionUpdated)]

    run(story())


def test_a_report_follows_its_answer_in_pages() -> None:
    async def story() -> None:
        async with house() as home:
            assert (await home.backend.order(d.ReportSettings(request=9))).accepted
            await home.pass_time(0)
            pages = home.backend.of(d.SettingsReported)
            assert pages
            assert not pages[-1].more
            odd = await home.backend.order(d.ReportSettings(request=9, base="SummaryInventory"))
            assert "NotSupported" == odd.status

    run(story())


def test_vendors_that_nobody_here_knows_are_told_so() -> None:
    async def story() -> None:
        async with house() as home:
            answer = await home.backend.order(d.SendData(vendor="com.example", message="Hello"))
            assert d.DataStatus.UNKNOWN_VENDOR is answer.status
            assert (await home.backend.order(d.ClearCache())).accepted

    run(story())


def test_what_this_firmware_cannot_do_is_not_supported() -> None:
    async def story() -> None:
        async with house() as home:
            with pytest.raises(PeerFault) as refused:
                await home.backend.order(d.RawCall(action="GetCompositeSchedule", payload={}))
            assert "NotSupported" == refused.value.code

    run(story())


def test_slow_firmware_answers_late_and_does_what_it_said() -> None:
    async def story() -> None:
        async with house(answer_delay=8.0) as home:
            home.station.timers.spawn(home.lock(60))
            await home.pass_time(7)
            assert not home.bay.locked
            await home.pass_time(1)
            assert home.bay.locked

    run(story())


def test_an_evse_with_two_connectors_is_one_evse() -> None:
    async def story() -> None:
        async with house(evses=(EvseSpec(number=E1, connectors=(1, 2)),)) as home:
            await home.lock(60, connector=2)
            assert home.bay.locked
            await home.station.plug(1, 2)
            await home.start()
            assert [2] == [fact.connector for fact in home.backend.of(d.SessionStarted)]

    run(story())
