"""Stations of other hands that misbehave, as stations in the field do: none of it may cost anybody anything."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import ocpp.exceptions
import pytest

from evouch.cpo.provision import Report
from evouch.ids import StationId
from evouch.testing.town import Town
from evouch.units import Money
from evouch.webpayment.checkout import State
from tests.interop.desk import PASSWORD, begin, captures, desk, lively, scan, waiting
from tests.interop.station import ENERGY, connected
from tests.interop.strangers import VERSIONS, Hurried, until, utc
from tests.interop.test_strange_stations import each_version, euro, play

modern = pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])

START = {one: "RemoteStartTransaction" if one == "ocpp1.6" else "RequestStartTransaction" for one in VERSIONS}
STOP = {one: "RemoteStopTransaction" if one == "ocpp1.6" else "RequestStopTransaction" for one in VERSIONS}


@dataclass
class SelfDestruct:
    """An action of no version."""

    seconds: int = 3


async def refused(station: Any, said: Any) -> Any:
    """Send what the package itself would not let out; return the CALLERROR's exception."""
    with pytest.raises(ocpp.exceptions.OCPPError) as caught:
        await station.call(said, suppress=False, skip_schema_validation=True)
    return caught.value


def instead(station: Any, action: str, answer: Any) -> None:
    """Put other firmware behind an action: ``answer`` is an exception, or a function."""

    def handler(**payload: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer(**payload)

    station.route_map[action]["_on_action"] = handler


async def provisioned(town: Town, station: Any) -> Report:
    """Provision once more, as soon as the one after the boot is over."""
    async with asyncio.timeout(5):
        while not (report := await town.cpo.stations.provision(StationId(station.name), actor="test")).outcome:
            await asyncio.sleep(0.01)
    return report


def _verdict(answer: Any) -> Any:
    """What a start was answered with: the number it was given, and whether it may run."""
    if hasattr(answer, "id_tag_info"):
        return answer.transaction_id, answer.id_tag_info["status"]
    return answer.id_token_info["status"]


# ── messages ────────────────────────────────────────────────────────────────────────────


@each_version
def test_messages_that_nobody_knows_are_refused_and_the_connection_lives(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        # the package's own reading of the two codes is the other way round; these are OCPP-J's
        assert (await refused(station, SelfDestruct())).code == "NotImplemented"
        assert (await refused(station, station._call.Reset(type="Hard"))).code == "NotSupported"
        answer = await station.call(station._call.DataTransfer(vendor_id="com.example"), suppress=False)
        assert answer.status == "UnknownVendorId"
        assert await station.heartbeat()

    play(version, story)


@each_version
def test_wrong_payloads_earn_the_code_that_their_version_names(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        boot, old = station._call.BootNotification, version == "ocpp1.6"
        missing = boot(None, "x") if old else boot({"model": "x"}, "PowerUp")
        wrong = boot(7, "x") if old else boot({"model": "x", "vendor_name": 7}, "PowerUp")
        too_long = boot("x" * 60, "x") if old else boot({"model": "x", "vendor_name": "x" * 60}, "PowerUp")
        occurrence = "OccurenceConstraintViolation" if old else "OccurrenceConstraintViolation"
        assert (await refused(station, missing)).code == occurrence
        assert (await refused(station, wrong)).code == "TypeConstraintViolation"
        assert (await refused(station, too_long)).code == "PropertyConstraintViolation"
        assert await station.heartbeat()

    play(version, story)


@each_version
def test_answers_to_nothing_and_noise_disturb_nobody(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        noise = ('[3,"nobody",{}]', '[4,"nobody","InternalError","",{}]', "{}", "OCPP?", "[]", "[9,1]", "")
        for frame in noise:
            await station.tape.socket.send(frame)
        assert await station.heartbeat()
        assert scan(town, station.url).grant

    play(version, story)


@each_version
def test_a_station_that_boots_with_a_fault_is_offered_once_it_is_well(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        await station.status("Faulted")
        assert scan(town, station.url).busy == "evseUnavailable"
        await station.status(station.OCCUPIED)
        assert scan(town, station.url).busy == ""

    play(version, story)


# ── settings ────────────────────────────────────────────────────────────────────────────


@each_version
def test_a_station_that_fails_to_be_configured_shows_nothing_and_charges_cards(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        action = "ChangeConfiguration" if version == "ocpp1.6" else "SetVariables"
        instead(station, action, ocpp.exceptions.InternalError())
        assert await station.boot() == "Accepted"
        await station.status("Available")
        await until(lambda: len(station.tape.calls(action)) >= 4)
        report = await provisioned(town, station)
        assert list(report.outcome.values()) == ["rejected"]
        assert station.web("SharedSecret") == ""
        assert await station.heartbeat()

    play(version, story)


@each_version
def test_a_rejected_secret_is_said_and_the_code_stays_off(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        if version == "ocpp1.6":
            plain = station.on_change_configuration

            def change(key: str, **rest: Any) -> Any:
                if key.endswith("SharedSecret"):
                    return station.conf.ChangeConfiguration(status="Rejected")
                return plain(key=key, **rest)

            instead(station, "ChangeConfiguration", change)
        else:
            usual = station.on_set_variables

            def set_variables(set_variable_data: Any) -> Any:
                answer = usual(set_variable_data=set_variable_data)
                for one in answer.set_variable_result:
                    if one["variable"]["name"] == "SharedSecret":
                        one["attribute_status"] = "Rejected"
                return answer

            instead(station, "SetVariables", set_variables)
        assert await station.boot() == "Accepted"
        await until(lambda: station.web("Length"))
        report = await provisioned(town, station)
        assert list(report.outcome.values()) == ["secretRejected"]
        assert station.web("Enabled") == "false"

    play(version, story)


# ── notices ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1"])
def test_not_implemented_is_a_legal_answer_to_data_transfer(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        del station.route_map["DataTransfer"]
        await lively(station)
        checkout = await begin(town, station)
        await until(lambda: station.tape.refusals)
        assert station.tape.refusals[0][2] == "NotImplemented"
        await town.pay(checkout)
        await town.reach(checkout, State.WAITING)
        await station.plug()
        await station.deliver(5_000, 10)
        await station.unplug()
        done = await town.reach(checkout, State.SETTLED)
        assert done.captured == euro("3.15")

    play(version, story)


def test_a_21_station_that_answers_nothing_to_the_notice_still_charges() -> None:
    """The package leaves a 2.1 action without a handler unanswered: its own fault, and a good likeness of the field."""

    async def run() -> None:
        async with desk("ocpp2.1", clock=Hurried(10)) as (town, station):
            del station.route_map["NotifyWebPaymentStarted"]
            await lively(station)
            checkout = await begin(town, station)
            await town.pay(checkout)
            await town.reach(checkout, State.WAITING)
            await station.plug()
            await station.deliver(5_000, 10)
            await station.unplug()
            done = await town.reach(checkout, State.SETTLED)
            assert done.energy == 5_000
            assert station.tape.calls("NotifyWebPaymentStarted")

    asyncio.run(run())


# ── starting and stopping ───────────────────────────────────────────────────────────────


@each_version
@pytest.mark.parametrize("how", ["error", "rejected"])
def test_a_start_that_the_station_will_not_take_costs_nothing(version: str, how: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        no = getattr(station._call_result, START[version])(status="Rejected")
        instead(station, START[version], ocpp.exceptions.InternalError() if how == "error" else lambda **_: no)
        checkout = await begin(town, station)
        await town.pay(checkout)
        done = await town.reach(checkout, State.RELEASED)
        assert (done.reason, captures(town)) == ("startRejected", 0)

    play(version, story)


def test_a_16_connector_back_to_available_ends_the_attempt() -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        checkout = await waiting(town, station)
        await station.status("Preparing")
        await station.status("Available")
        done = await town.reach(checkout, State.RELEASED)
        assert (done.reason, captures(town)) == ("neverPlugged", 0)

    play("ocpp1.6", story)


@each_version
def test_a_stop_that_is_refused_at_first_is_asked_again(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        checkout = await waiting(town, station)
        await town.cpo.payments.cancel(checkout.payment)
        usual = station.route_map[STOP[version]]["_on_action"]
        refusals = [getattr(station._call_result, STOP[version])(status="Rejected")]
        instead(station, STOP[version], lambda **asked: refusals.pop() if refusals else usual(**asked))
        del station.route_map[STOP[version]]["_after_action"]
        await station.plug()
        await until(lambda: len(station.tape.calls(STOP[version])) == 2)
        await station.end("Remote")

    play(version, story)


@each_version
def test_the_same_start_and_the_same_stop_again_and_again_are_one_charge(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        checkout = await waiting(town, station)
        old = version == "ocpp1.6"
        if not old:
            station.open()
        more = {} if old else {"id_token": station.token, "remote_start_id": station.remote_start}
        start = station.start_message() if old else station.event("Started", "RemoteStart", **more)
        first, *again = [await station.call(start, suppress=False) for _ in range(3)]
        assert [_verdict(one) for one in again] == [_verdict(first)] * 2
        if old:
            station.transaction = first.transaction_id
        station.draw(5_000, 10)
        stop = (
            station.stop_message("Local")
            if old
            else station.event("Ended", "StopAuthorized", "Idle", stopped_reason="Local")
        )
        for _ in range(3):
            await station.call(stop, suppress=False)
        done = await town.reach(checkout, State.SETTLED)
        await station.call(stop, suppress=False)
        assert (done.captured, captures(town)) == (euro("3.15"), 1)
        assert len(await town.cpo.store.transactions()) == 1

    play(version, story)


@each_version
def test_the_end_of_a_transaction_that_nobody_knows_is_taken_quietly(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        station.transaction = 4711 if version == "ocpp1.6" else "gone"
        await station.end("Local")
        assert captures(town) == 0
        assert scan(town, station.url).busy in ("", "evseBusy")

    play(version, story)


@modern
def test_started_without_evse_and_ended_with_seq_1_is_a_whole_charge(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        station.plugged = True
        await station.status("Occupied")
        station.open()
        await station.tell(station.event("Started", "CablePluggedIn", "EVConnected", evse=None, meter_value=None))
        checkout = await begin(town, station)
        await town.pay(checkout)
        await until(lambda: station.token)
        begun = station.readings()
        station.draw(5_000, 10)
        ended = station.event(
            "Ended", "StopAuthorized", "Idle", evse=None, stopped_reason="Local", id_token=station.token,
            meter_value=[*begun, *station.readings()],
        )  # fmt: skip
        assert ended.seq_no == 1
        await station.tell(ended)
        done = await town.reach(checkout, State.SETTLED)
        assert (done.energy, done.captured) == (5_000, euro("3.15"))

    play(version, story)


@modern
def test_a_transaction_that_began_with_the_cable_finds_its_payment_later(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        station.plugged = True
        await station.status("Occupied")
        station.open()
        await station.tell(station.event("Started", "CablePluggedIn", "EVConnected"))
        checkout = await begin(town, station)
        await town.pay(checkout)
        token = await until(lambda: station.token)
        answer = await station.tell(
            station.event("Updated", "RemoteStart", id_token=token, remote_start_id=station.remote_start)
        )
        assert answer.id_token_info["status"] == "Accepted"
        limit = {"max_cost": 30} if version == "ocpp2.1" else None
        assert getattr(answer, "transaction_limit", None) == limit
        await station.deliver(5_000, 10)
        await station.unplug()
        done = await town.reach(checkout, State.SETTLED)
        assert done.captured == euro("3.15")

    play(version, story)


# ── meters and lines ────────────────────────────────────────────────────────────────────


@each_version
def test_kilowatt_hours_are_understood(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        checkout = await waiting(town, station)
        await station.plug()
        station.draw(5_000, 10)
        if version == "ocpp1.6":
            value = {"value": f"{station.meter / 1000:.3f}", "unit": "kWh"}  # no measurand: energy
            reading = {"timestamp": utc(station.now()), "sampled_value": [value]}
            await station.call(station._call.MeterValues(1, [reading], station.transaction), suppress=False)
        else:
            unit = {"unit": "Wh", "multiplier": 3}
            sampled = {"value": station.meter / 1000, "measurand": ENERGY, "unit_of_measure": unit}
            reading = {"timestamp": utc(station.now()), "sampled_value": [sampled]}
            await station.tell(station.event("Updated", "MeterValuePeriodic", meter_value=[reading]))
        assert (await town.cpo.payments.view(checkout.payment)).cost == euro("3.15")
        await station.unplug()
        done = await town.reach(checkout, State.SETTLED)
        assert done.captured == Money(Decimal("3.15"), "EUR")

    play(version, story)


@each_version
def test_the_end_may_come_over_another_connection(version: str) -> None:
    async def story(town: Town, station: Any) -> None:
        await lively(station)
        checkout = await waiting(town, station)
        await station.plug()
        async with connected(
            version, town.server.port, name=station.name, password=PASSWORD, clock=station.clock
        ) as again:
            await again.heartbeat()
            await asyncio.wait_for(station.tape.socket.wait_closed(), 5)
            assert await again.boot() == "Accepted"
            again.meter, again.transaction = station.meter, station.transaction
            again.draw(5_000, 10)
            again.seq = getattr(station, "seq", 0)
            await again.end("PowerLoss")
        done = await town.reach(checkout, State.SETTLED)
        assert (done.captured, captures(town)) == (euro("3.15"), 1)

    play(version, story)
