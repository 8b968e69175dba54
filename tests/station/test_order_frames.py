"""Orders as a certification tool gives them: raw frames in, raw frames out."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from evouch.ids import OcppVersion
from evouch.ocpp.versions import actions
from evouch.station.machine import Phase
from evouch.station.spec import V16, V21, V201, Screens
from tests.ocpp.samples import schema_of
from tests.station.frames import Tool, remote_start, reserve, tool
from tests.station.house import ALL, CARD, E1, SECRET, TEMPLATE, run

MODERN = (V201, V21)
modern = pytest.mark.parametrize("version", MODERN)
each = pytest.mark.parametrize("version", ALL)


def in_seconds(desk: Tool, seconds: float) -> str:
    """Return a time of the station's clock, as the wire has it."""
    moment = desk.station.time.now().timestamp() + seconds
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# ── reservations ────────────────────────────────────────────────────────────────────────


@each
def test_a_reservation_that_nobody_used_ends_at_its_time_and_2_x_says_so(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            assert await desk.status(*reserve(version, in_seconds(desk, 60))) == "Accepted"
            assert desk.phase() is Phase.RESERVED
            assert not desk.station.screen(1).url
            await desk.pass_time(61)
            assert desk.phase() is Phase.AVAILABLE
            over = [] if version == V16 else [{"reservationId": 5, "reservationUpdateStatus": "Expired"}]
            assert desk.told("ReservationStatusUpdate") == over

    run(story())


@each
@pytest.mark.parametrize("how", ["fault", "out of service"])
def test_a_reservation_ends_where_the_evse_does(version: OcppVersion, how: str) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            assert await desk.status(*reserve(version, in_seconds(desk, 600))) == "Accepted"
            if how == "fault":
                await desk.station.fault(1)
                await desk.station.clear_fault(1)
            else:
                for operative in (False, True):
                    assert await desk.status(*availability(version, operative=operative)) == "Accepted"
            await desk.pass_time()
            assert desk.phase() is Phase.AVAILABLE
            over = [] if version == V16 else [{"reservationId": 5, "reservationUpdateStatus": "Removed"}]
            assert desk.told("ReservationStatusUpdate") == over
            await desk.pass_time(700)
            assert desk.told("ReservationStatusUpdate") == over
            assert await desk.status("CancelReservation", {"reservationId": 5}) == "Rejected"

    run(story())


@each
def test_used_and_cancelled_reservations_are_not_told_as_over(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            assert await desk.status(*reserve(version, in_seconds(desk, 600))) == "Accepted"
            assert await desk.status("CancelReservation", {"reservationId": 5}) == "Accepted"
            assert desk.phase() is Phase.AVAILABLE
            assert await desk.status(*reserve(version, in_seconds(desk, 600))) == "Accepted"
            assert await desk.status(*remote_start(version, "SOMEBODY")) == "Rejected"
            assert await desk.status(*remote_start(version, "MEMBER")) == "Accepted"
            await desk.pass_time(700)
            assert desk.told("ReservationStatusUpdate") == []

    run(story())


@each
def test_one_id_is_one_reservation(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            until = in_seconds(desk, 60)
            assert await desk.status(*reserve(version, until)) == "Accepted"
            assert await desk.status(*reserve(version, until, evse=2)) == "Accepted"
            assert [bay.reserved for bay in desk.station.bays.values()] == [None, 5]
            await desk.pass_time(61)
            assert [bay.reserved for bay in desk.station.bays.values()] == [None, None]

    run(story())


@each
def test_a_reservation_that_ends_while_a_card_is_checked_does_not_stay(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            assert await desk.status(*reserve(version, in_seconds(desk, 60), token=CARD)) == "Accepted"
            desk.answers["Authorize"] = None
            await desk.pass_time(50)
            await desk.station.swipe(1, CARD)
            await desk.pass_time(20)
            assert desk.phase() is Phase.AUTHORISING
            await desk.pass_time(30)
            assert desk.phase() is Phase.AVAILABLE

    run(story())


# ── availability, reset, unlock ─────────────────────────────────────────────────────────


def availability(version: OcppVersion, *, operative: bool, evse: int | None = 1) -> tuple[str, Any]:
    word = "Operative" if operative else "Inoperative"
    if version == V16:
        return "ChangeAvailability", {"connectorId": evse or 0, "type": word}
    place = {} if evse is None else {"evse": {"id": evse}}
    return "ChangeAvailability", {"operationalStatus": word, **place}


async def charging(desk: Tool) -> None:
    await desk.station.plug(1)
    assert await desk.status(*remote_start(desk.version)) == "Accepted"
    await desk.pass_time(1)
    assert desk.phase() is Phase.CHARGING


def last_status(desk: Tool, evse: int = 1) -> str:
    key, word = ("connectorId", "status") if desk.version == V16 else ("evseId", "connectorStatus")
    status: str = [one[word] for one in desk.told("StatusNotification") if one[key] == evse][-1]
    return status


@each
def test_out_of_service_waits_for_the_charge_and_can_be_taken_back(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            await charging(desk)
            assert await desk.status(*availability(version, operative=False)) == "Scheduled"
            assert desk.phase() is Phase.CHARGING
            assert await desk.status(*availability(version, operative=True)) == "Accepted"
            assert await desk.status(*availability(version, operative=False, evse=None)) == "Scheduled"
            await desk.pass_time()
            assert last_status(desk, 2) == "Unavailable"
            if version == V16:
                assert last_status(desk, 0) == "Unavailable"
            await desk.station.unplug(1)
            await desk.pass_time()
            assert last_status(desk) == "Unavailable"
            assert await desk.status(*remote_start(version)) == "Rejected"
            assert await desk.status(*availability(version, operative=False, evse=9)) == "Rejected"

    run(story())


@modern
@pytest.mark.parametrize("evse", [{}, {"evseId": 1}])
def test_a_reset_on_idle_is_scheduled_while_a_charge_runs(version: OcppVersion, evse: dict[str, int]) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            await charging(desk)
            assert await desk.status("Reset", {"type": "OnIdle"} | evse) == "Scheduled"
            await desk.pass_time(30)
            assert desk.phase() is Phase.CHARGING
            await desk.station.unplug(1)
            await desk.pass_time(30)
            assert len(desk.told("BootNotification")) == (1 if evse else 2)
            assert desk.told("BootNotification")[-1]["reason"] == ("PowerUp" if evse else "ScheduledReset")

    run(story())


def unlock(version: OcppVersion, evse: int = 1) -> tuple[str, Any]:
    return "UnlockConnector", {"connectorId": evse} if version == V16 else {"evseId": evse, "connectorId": 1}


@each
def test_unlocking(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            assert await desk.status(*unlock(version)) == "Unlocked"
            assert await desk.status(*unlock(version, 9)) == ("NotSupported" if version == V16 else "UnknownConnector")
            await charging(desk)
            word = "Unlocked" if version == V16 else "OngoingAuthorizedTransaction"
            assert await desk.status(*unlock(version)) == word
            await desk.pass_time(1)
            assert (desk.phase() is Phase.CHARGING) is (version != V16)

    run(story())


# ── on request ──────────────────────────────────────────────────────────────────────────

SAID = {"BootNotification", "Heartbeat", "MeterValues", "StatusNotification", "TransactionEvent"}


def triggers(version: OcppVersion) -> list[str]:
    """Return every message that the version lets a backend ask for."""
    schema = schema_of(version, "TriggerMessage")
    listed = schema["properties"]["requestedMessage"]
    listed = listed if "enum" in listed else schema["definitions"]["MessageTriggerEnumType"]
    words: list[str] = listed["enum"]
    return words


@pytest.mark.parametrize(("version", "message"), [(one, word) for one in ALL for word in triggers(one)])
def test_every_message_that_can_be_asked_for_is_said_or_not_implemented(version: OcppVersion, message: str) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            await charging(desk)
            before = len(desk.told(message))
            place = {"connectorId": 1} if version == V16 else {"evse": {"id": 1, "connectorId": 1}}
            status = await desk.status("TriggerMessage", {"requestedMessage": message, **place})
            await desk.pass_time()
            said = len(desk.told(message)) - before
            if message not in SAID:
                assert (status, said) == ("NotImplemented", 0)
            elif message == "BootNotification" and version != V16:
                assert (status, said) == ("Rejected", 0)
            else:
                assert (status, said) == ("Accepted", 1)

    run(story())


@modern
@pytest.mark.parametrize("place", [{}, {"evse": {"id": 1}}, {"evse": {"id": 1, "connectorId": 9}}, {"evse": {"id": 9}}])
def test_2_x_has_to_name_the_connector_whose_status_it_wants(version: OcppVersion, place: dict[str, Any]) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            before = len(desk.told("StatusNotification"))
            assert (
                await desk.status("TriggerMessage", {"requestedMessage": "StatusNotification", **place}) == "Rejected"
            )
            assert len(desk.told("StatusNotification")) == before

    run(story())


@each
def test_actions_that_this_firmware_does_not_have(version: OcppVersion) -> None:
    """Known and unhandled is NotSupported, unknown NotImplemented (OCPP-J 1.6 table 7, 2.x part 4)."""

    async def story() -> None:
        async with tool(version) as desk:
            known = "GetDiagnostics" if version == V16 else "GetLog"
            assert known in actions(version)
            assert (await desk.ask(known, {}))[0] == "NotSupported"
            assert (await desk.ask("SelfDestruct", {}))[0] == "NotImplemented"

    run(story())


# ── settings ────────────────────────────────────────────────────────────────────────────


def web(name: str, evse: int | None = 1) -> dict[str, Any]:
    place = {} if evse is None else {"evse": {"id": evse}}
    return {"component": {"name": "WebPaymentsCtrlr", **place}, "variable": {"name": name}}


async def change(desk: Tool, name: str, value: str) -> tuple[str, str]:
    """Set one variable of WebPaymentsCtrlr on EVSE 1; return status and reasonCode."""
    if desk.version == V16:
        asked = {"key": f"WebPaymentsCtrlr.1.{name}", "value": value}
        return await desk.status("ChangeConfiguration", asked), ""
    answer = await desk.result("SetVariables", {"setVariableData": [{**web(name), "attributeValue": value}]})
    (result,) = answer["setVariableResult"]
    return result["attributeStatus"], result.get("attributeStatusInfo", {}).get("reasonCode", "")


@each
@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("ValidityTime", "6", ""), ("ValidityTime", "3600", ""), ("ValidityTime", "5", "ValueTooLow"),
        ("ValidityTime", "3601", "ValueTooHigh"), ("ValidityTime", "soon", "InvalidValue"),
        ("Length", "6", ""), ("Length", "5", "ValueTooLow"), ("Length", "256", "ValueTooHigh"),
        ("SharedSecret", "12345678", ""), ("SharedSecret", "1234567", "ValueTooShort"),
        ("SharedSecret", "no blanks allowed", "InvalidValue"),
        ("TOTPVersion", "v1", ""), ("TOTPVersion", "v2", "InvalidValue"),
        ("QRCodeQuality", "quartile", ""), ("QRCodeQuality", "Best", "InvalidValue"),
        ("Enabled", "TRUE", ""), ("Enabled", "maybe", "InvalidValue"),
        ("URLParameters", "maxtime", "ReadOnly"),
        ("URLTemplate", TEMPLATE, ""), ("URLTemplate", "https://pay.example/{evse}", "InvalidValue"),
        ("URLTemplate", "http://pay.example/{evse}/{totp}", "InvalidValue"),
        ("URLTemplate", "https://u:p@pay.example/{evse}/{totp}", "InvalidValue"),
        ("URLTemplate", "https://pay.example/{evse}/{totp}/{nonsense}", "InvalidValue"),
        ("Nonsense", "1", "unknown"),
    ],
)  # fmt: skip
def test_each_range_of_web_payments_on_the_wire(version: OcppVersion, name: str, value: str, reason: str) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            status, why = await change(desk, name, value)
            if reason == "unknown":
                assert status == ("NotSupported" if version == V16 else "UnknownVariable")
            else:
                assert status == ("Rejected" if reason else "Accepted")
                assert why == ("" if version == V16 else reason)

    run(story())


@modern
def test_attributes_and_secrets_that_cannot_be_read(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            await change(desk, "SharedSecret", SECRET)
            asked = [
                web("SharedSecret"), web("ValidityTime") | {"attributeType": "Target"}, web("ValidityTime"),
                web("Nonsense"), web("ValidityTime", None), web("ValidityTime", 9),
                {"component": {"name": "Nothing"}, "variable": {"name": "x"}},
            ]  # fmt: skip
            answer = await desk.result("GetVariables", {"getVariableData": asked})
            statuses = [one["attributeStatus"] for one in answer["getVariableResult"]]
            assert statuses == [
                "Rejected", "NotSupportedAttributeType", "Accepted", "UnknownVariable", "Rejected", "UnknownComponent",
                "UnknownComponent",
            ]  # fmt: skip
            assert SECRET not in str(answer)

    run(story())


@modern
@pytest.mark.parametrize("base", ["FullInventory", "ConfigurationInventory", "SummaryInventory"])
def test_a_base_report_comes_in_pages_without_secrets(version: OcppVersion, base: str) -> None:
    async def story() -> None:
        async with tool(version, screens=Screens.PER_EVSE) as desk:
            await change(desk, "SharedSecret", SECRET)
            status = await desk.status("GetBaseReport", {"requestId": 9, "reportBase": base})
            await desk.pass_time()
            pages = desk.told("NotifyReport")
            if base == "SummaryInventory":
                assert (status, pages) == ("NotSupported", [])
                return
            assert status == "Accepted"
            assert [page["seqNo"] for page in pages] == list(range(len(pages)))
            assert [page["tbc"] for page in pages] == [True] * (len(pages) - 1) + [False]
            assert {page["requestId"] for page in pages} == {9}
            rows = [row for page in pages for row in page["reportData"]]
            assert SECRET not in str(pages)
            secrets = [row for row in rows if row["variable"]["name"] in {"SharedSecret", "BasicAuthPassword"}]
            assert len(secrets) == 3
            for row in secrets:
                assert row["variableAttribute"] == [{"mutability": "WriteOnly"}]
            readonly = [row for row in rows if row["variableAttribute"][0].get("mutability") == "ReadOnly"]
            assert bool(readonly) is (base == "FullInventory")

    run(story())


def test_1_6_gives_its_keys_and_no_secret() -> None:
    async def story() -> None:
        async with tool(V16) as desk:
            await change(desk, "SharedSecret", SECRET)
            answer = await desk.result("GetConfiguration", {})
            keys = {one["key"]: one for one in answer["configurationKey"]}
            assert keys["WebPaymentsCtrlr.1.SharedSecret"] == {
                "key": "WebPaymentsCtrlr.1.SharedSecret",
                "readonly": False,
            }
            assert "value" not in keys["AuthorizationKey"]
            assert SECRET not in str(answer)
            asked = {"key": ["webpaymentsctrlr.1.sharedsecret", "WebPaymentsCtrlr.9.Length", "Nothing"]}
            answer = await desk.result("GetConfiguration", asked)
            assert [one["key"] for one in answer["configurationKey"]] == ["webpaymentsctrlr.1.sharedsecret"]
            assert answer["unknownKey"] == ["WebPaymentsCtrlr.9.Length", "Nothing"]

    run(story())


# ── transaction messages across failures ────────────────────────────────────────────────


@each
def test_what_the_backend_fails_to_process_is_sent_again_as_configured_in_order(version: OcppVersion) -> None:
    action = "StartTransaction" if version == V16 else "TransactionEvent"
    retries = {
        "TransactionMessageAttempts": "3", "TransactionMessageRetryInterval": "10",
        "OCPPCommCtrlr.MessageAttempts": "3", "OCPPCommCtrlr.MessageAttemptInterval": "10",
    }  # fmt: skip

    async def story() -> None:
        async with tool(version, settings=retries) as desk:
            desk.answers[action] = "InternalError"
            await desk.station.plug(1)
            assert await desk.status(*remote_start(version)) == "Accepted"
            await desk.pass_time(29)
            tries = [at for (name, _), at in zip(desk.said, desk.said_at, strict=True) if name == action]
            first = desk.told(action)[0]
            assert [later - earlier for earlier, later in pairwise(tries)] == [10]
            assert desk.told(action)[1] == first
            await desk.pass_time(2)
            assert desk.told(action)[2] == first
            if version != V16:
                desk.answers.clear()
                await desk.pass_time(60)
                numbers = [one["seqNo"] for one in desk.told(action)[3:]]
                assert numbers == sorted(numbers)

    run(story())


@each
def test_what_happened_offline_is_told_later_in_order_and_marked_on_2_x(version: OcppVersion) -> None:
    async def story() -> None:
        every = {"MeterValueSampleInterval": "10", "SampledDataCtrlr.TxUpdatedInterval": "10"}
        async with tool(version, settings=every) as desk:
            await charging(desk)
            await desk.station.go_offline()
            at = len(desk.said)
            await desk.pass_time(25)
            await desk.station.unplug(1)
            desk.station.come_online()
            await desk.pass_time(10)
            late = [(name, one) for name, one in desk.said[at:] if name in {
                "TransactionEvent", "MeterValues", "StopTransaction"}]  # fmt: skip
            times = [one.get("timestamp") or one["meterValue"][0]["timestamp"] for _, one in late]
            assert times == sorted(times)
            if version == V16:
                assert [name for name, _ in late] == ["MeterValues", "MeterValues", "StopTransaction"]
                assert {one["transactionId"] for _, one in late} == {42}
            else:
                assert [one["eventType"] for _, one in late] == ["Updated", "Updated", "Ended"]
                assert all(one["offline"] for _, one in late)
                everything = desk.told("TransactionEvent")
                assert [one["seqNo"] for one in everything] == list(range(len(everything)))
            assert desk.station.bays[E1].state.session is None
            assert len(desk.station.queue) == 0

    run(story())


@each
def test_a_blackout_ends_the_charge_with_its_reason_after_the_boot(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            await charging(desk)
            await desk.station.black_out()
            await desk.pass_time(10)
            assert len(desk.told("BootNotification")) == 2
            if version == V16:
                assert desk.told("StopTransaction")[0]["reason"] == "PowerLoss"
            else:
                assert desk.told("BootNotification")[1]["reason"] == "PowerUp"
                ended = [one for one in desk.told("TransactionEvent") if one["transactionInfo"].get("stoppedReason")]
                assert [one["transactionInfo"]["stoppedReason"] for one in ended] == ["PowerLoss"]

    run(story())


@each
def test_pauses_of_the_car_and_of_the_station(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            await charging(desk)
            for by_car, phase, word in ((True, Phase.SUSPENDED_EV, "EV"), (False, Phase.SUSPENDED_EVSE, "EVSE")):
                await desk.station.pause(1, by_car=by_car)
                await desk.pass_time(5)
                assert desk.phase() is phase
                paused = desk.station.screen(1).charge
                await desk.pass_time(60)
                assert paused is not None
                assert desk.station.screen(1).charge.energy == paused.energy  # type: ignore[union-attr]
                if version == V16:
                    assert last_status(desk) == f"Suspended{word}"
                else:
                    states = [one["transactionInfo"].get("chargingState") for one in desk.told("TransactionEvent")]
                    assert f"Suspended{word}" in states
                await desk.station.resume(1)
                await desk.pass_time(1)
                assert desk.phase() is Phase.CHARGING

    run(story())
