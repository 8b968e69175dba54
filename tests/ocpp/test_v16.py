"""OCPP 1.6: connectors become EVSEs, meterStart and meterStop become readings, keys become settings."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from evouch.charging.dialogue import (
    BootAnswer,
    Booted,
    BootStatus,
    CancelReservation,
    ChangeAvailability,
    ClearCache,
    Configure,
    ConnectorChanged,
    CostSoFar,
    DataAnswer,
    DataReceived,
    DataStatus,
    MeterSampled,
    Noted,
    Order,
    RawAnswer,
    RawCall,
    Reading,
    ReadSettings,
    ReportSettings,
    Reserve,
    Reset,
    SendData,
    SessionAnswer,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    Setting,
    SettingResult,
    SettingsReported,
    SettingStatus,
    StartAnswer,
    StartCharging,
    StillThere,
    StopCharging,
    TimeAnswer,
    TokenPresented,
    Trigger,
    Unlock,
    Unspeakable,
    Yes,
)
from evouch.charging.equipment import ConnectorStatus, Evse, Wiring
from evouch.charging.tokens import Authorization, IdToken, TokenKind, TokenStatus
from evouch.errors import LocalError, PeerFault, PeerRefused
from evouch.ids import EvseNumber, OcppVersion, RemoteStartId, Secret, TransactionId
from evouch.ocpp.translate import translator
from evouch.ocpp.versions import V16, V21
from evouch.units import Money, Watts, Wh
from tests.ocpp.samples import sample
from tests.ocpp.wiretalk import (
    NOON,
    answered,
    answered_at_once,
    calls,
    carried_out,
    heard,
    lifted,
    over_the_wire,
    request,
    response,
    spoken,
    wired,
)

ONE, TWO = EvseNumber(1), EvseNumber(2)
TX = TransactionId("42")
TAG = IdToken("ABCDEFGHIJKLMNOPQRST")
YES, NO = Yes(accepted=True, status="Accepted"), Yes(accepted=False, status="Rejected")
WIRING = wired(V16)
SPEAKS = translator(V16, WIRING)


def fact(action: str, **payload: Any) -> Any:
    return SPEAKS.fact(action, over_the_wire(payload))


def unspeakable(order: Order[Any]) -> bool:
    return isinstance(SPEAKS.order(order), Unspeakable)


def test_a_translator_speaks_the_version_that_the_station_is_wired_for() -> None:
    with pytest.raises(LocalError):
        translator(V21, WIRING)


# ── boot, heartbeat, status, authorize ──────────────────────────────────────────────────


def test_boot_and_heartbeat() -> None:
    booted = Booted(vendor="V", model="M", serial="S", firmware="1.0")
    assert lifted(booted, WIRING) == booted
    answer = BootAnswer(BootStatus.REJECTED, NOON, 300)
    assert answered(booted, answer, WIRING) == answer
    assert answered(StillThere(), TimeAnswer(NOON), WIRING) == TimeAnswer(NOON)
    assert lifted(StillThere(), WIRING) == StillThere()


def test_the_serial_number_may_stand_in_the_deprecated_place() -> None:
    boot = fact("BootNotification", chargePointVendor="V", chargePointModel="M", chargeBoxSerialNumber="B")
    assert boot.serial == "B"


def test_a_connector_belongs_to_the_evse_of_the_table() -> None:
    changed = ConnectorChanged(
        evse=TWO, connector=3, status=ConnectorStatus.FAULTED, at=NOON, error="GroundFailure", info="rain"
    )
    assert lifted(changed, WIRING) == changed
    whole = ConnectorChanged(evse=EvseNumber(0), connector=0, status=ConnectorStatus.AVAILABLE)
    assert lifted(whole, WIRING) == whole
    assert spoken(replace(changed, connector=0), WIRING)[1]["connectorId"] == 2


def test_without_a_table_connectors_are_evses() -> None:
    changed = ConnectorChanged(evse=EvseNumber(4), connector=4, status=ConnectorStatus.PREPARING)
    assert lifted(changed, Wiring(V16)) == changed


def test_a_connector_beyond_the_table_is_noted_and_acknowledged() -> None:
    payload = {"connectorId": 9, "errorCode": "NoError", "status": "Available"}
    noted = fact("StatusNotification", **payload)
    assert noted == Noted(action="StatusNotification", payload=payload)
    assert SPEAKS.answer(noted, None) == {}
    value = {"timestamp": "2026-06-01T12:00:00Z", "sampledValue": [{"value": "1"}]}
    assert isinstance(fact("MeterValues", connectorId=9, meterValue=[value]), Noted)


def test_what_needs_no_answer_gets_an_empty_one() -> None:
    changed = ConnectorChanged(evse=ONE, connector=1, status=ConnectorStatus.AVAILABLE)
    assert answered(changed, None, WIRING) is None


def test_what_1_6_has_no_word_for_is_the_nearest_one() -> None:
    occupied = ConnectorChanged(evse=ONE, connector=1, status=ConnectorStatus.OCCUPIED, error="Earthquake")
    _, payload = spoken(occupied, WIRING)
    assert (payload["status"], payload["errorCode"]) == ("Preparing", "OtherError")


@pytest.mark.parametrize(
    ("status", "wire"),
    [
        (TokenStatus.ACCEPTED, "Accepted"),
        (TokenStatus.BLOCKED, "Blocked"),
        (TokenStatus.CONCURRENT_TX, "ConcurrentTx"),
        (TokenStatus.EXPIRED, "Expired"),
        (TokenStatus.NO_CREDIT, "Invalid"),
        (TokenStatus.UNKNOWN, "Invalid"),
        (TokenStatus.NOT_AT_THIS_TIME, "Invalid"),
    ],
)
def test_a_verdict(status: TokenStatus, wire: str) -> None:
    verdict = Authorization(status=status, expires=NOON, group="depot")
    presented = TokenPresented(token=TAG)
    assert lifted(presented, WIRING) == presented
    assert SPEAKS.answer(presented, verdict)["idTagInfo"]["status"] == wire
    assert answered(presented, verdict, WIRING) == replace(verdict, status=TokenStatus(wire))
    assert answered(presented, replace(verdict, group="g" * 21), WIRING).group is None


@pytest.mark.parametrize("value", ["", "A" * 21])
def test_a_token_that_is_no_id_tag_cannot_be_said(value: str) -> None:
    token = IdToken(value)
    assert isinstance(SPEAKS.say(TokenPresented(token=token)), Unspeakable)
    assert unspeakable(StartCharging(evse=ONE, token=token, remote_start=RemoteStartId(1)))
    assert unspeakable(Reserve(id=1, evse=ONE, token=token, expires=NOON))
    started = SessionStarted(transaction=None, at=NOON, evse=ONE, token=token)
    assert isinstance(SPEAKS.say(started), Unspeakable)
    assert isinstance(SPEAKS.say(replace(started, token=None)), Unspeakable)


# ── transactions ────────────────────────────────────────────────────────────────────────

STARTED = SessionStarted(
    transaction=None,
    at=NOON,
    evse=TWO,
    connector=3,
    token=TAG,
    readings=(Reading(at=NOON, energy=Wh(1234), context="Transaction.Begin"),),
    trigger="Authorized",
    reservation=5,
)


def test_meter_start_is_the_first_reading() -> None:
    action, payload = spoken(STARTED, WIRING)
    assert action == "StartTransaction"
    assert payload == {
        "connectorId": 3,
        "idTag": TAG.value,
        "meterStart": 1234,
        "timestamp": "2026-06-01T12:00:00.000Z",
        "reservationId": 5,
    }
    assert lifted(STARTED, WIRING) == STARTED
    assert spoken(replace(STARTED, readings=()), WIRING)[1]["meterStart"] == 0
    earlier, silent = Reading(at=NOON, energy=Wh(7)), Reading(at=NOON, context="Transaction.Begin")
    several = replace(STARTED, readings=(earlier, silent, *STARTED.readings))
    assert spoken(several, WIRING)[1]["meterStart"] == 1234
    assert spoken(replace(STARTED, readings=(silent, earlier)), WIRING)[1]["meterStart"] == 7


def test_a_start_at_an_unknown_connector_has_no_evse() -> None:
    started = fact("StartTransaction", connectorId=9, idTag="x", meterStart=0, timestamp="2026-06-01T12:00:00Z")
    assert (started.evse, started.connector) == (None, 9)


def test_the_answer_to_a_start_assigns_the_transaction() -> None:
    yes = SessionAnswer(authorization=Authorization(status=TokenStatus.ACCEPTED), transaction=TX)
    assert SPEAKS.answer(STARTED, yes)["transactionId"] == 42
    assert answered(STARTED, yes, WIRING) == yes
    no = SessionAnswer(authorization=Authorization(status=TokenStatus.INVALID))
    assert SPEAKS.answer(STARTED, no)["transactionId"] == -1


@pytest.mark.parametrize(
    "answer",
    [
        SessionAnswer(),
        SessionAnswer(authorization=Authorization(status=TokenStatus.ACCEPTED)),
        SessionAnswer(authorization=Authorization(status=TokenStatus.ACCEPTED), transaction=TransactionId("tx-1")),
    ],
)
def test_an_answer_that_1_6_cannot_give_is_our_own_mistake(answer: SessionAnswer) -> None:
    with pytest.raises(LocalError):
        SPEAKS.answer(STARTED, answer)


def test_meter_values_of_a_transaction_update_it() -> None:
    later = NOON + timedelta(seconds=30)
    readings = (
        Reading(at=NOON, energy=Wh(2000)),
        Reading(at=later, energy=Wh(2100), power=Watts(11000), soc=Decimal("55.5")),
    )
    update = SessionUpdated(
        transaction=TX, at=later, evse=TWO, connector=3, readings=readings, trigger="MeterValuePeriodic"
    )
    assert lifted(update, WIRING) == update
    assert answered(update, SessionAnswer(), WIRING) == SessionAnswer()
    assert isinstance(SPEAKS.say(replace(update, readings=())), Unspeakable)


@pytest.mark.parametrize(
    ("context", "trigger"),
    [("Sample.Clock", "MeterValueClock"), ("Trigger", "Trigger"), ("Other", "MeterValuePeriodic")],
)
def test_the_context_says_why_a_reading_was_sent(context: str, trigger: str) -> None:
    value = {"timestamp": "2026-06-01T12:00:00Z", "sampledValue": [{"value": "1", "context": context}]}
    assert fact("MeterValues", connectorId=1, transactionId=42, meterValue=[value]).trigger == trigger


@pytest.mark.parametrize("transaction", [None, 0, -1])
def test_meter_values_of_no_transaction(transaction: int | None) -> None:
    value = {"timestamp": "2026-06-01T12:00:00Z", "sampledValue": [{"value": "1"}]}
    named = {} if transaction is None else {"transactionId": transaction}
    sampled = fact("MeterValues", connectorId=3, meterValue=[value], **named)
    assert sampled == MeterSampled(evse=TWO, readings=(Reading(at=NOON, energy=Wh(1)),))


def test_clock_aligned_values_of_the_whole_station() -> None:
    sampled = MeterSampled(evse=EvseNumber(0), readings=(Reading(at=NOON, energy=Wh(1), context="Sample.Clock"),))
    assert lifted(sampled, WIRING) == sampled
    assert isinstance(SPEAKS.say(replace(sampled, readings=())), Unspeakable)


def test_values_without_measurand_or_unit_in_kwh_and_signed() -> None:
    sampled = [
        {"value": "OCMF|...", "format": "SignedData"},
        {"value": "99999", "format": "SignedData"},
        {"value": "12.5", "unit": "kWh"},
        {"value": "3.1", "measurand": "Power.Active.Import", "unit": "kW"},
    ]
    value = {"timestamp": "2026-06-01T12:00:00Z", "sampledValue": sampled}
    payload = {"connectorId": 1, "transactionId": 42, "meterValue": [value]}
    request(V16, "MeterValues", payload)
    assert fact("MeterValues", **payload).readings == (Reading(at=NOON, energy=Wh(12500), power=Watts(3100)),)


ENDED = SessionEnded(
    transaction=TX,
    at=NOON,
    token=TAG,
    readings=(
        Reading(at=NOON, energy=Wh(1234), context="Transaction.Begin"),
        Reading(at=NOON, energy=Wh(9999), context="Transaction.End"),
    ),
    trigger="RemoteStop",
    reason="Remote",
)


def test_meter_stop_is_the_last_reading() -> None:
    _, payload = spoken(ENDED, WIRING)
    assert (payload["meterStop"], payload["transactionId"], len(payload["transactionData"])) == (9999, 42, 1)
    assert lifted(ENDED, WIRING) == ENDED


def test_the_least_that_a_stop_says() -> None:
    stop = fact("StopTransaction", meterStop=7, timestamp="2026-06-01T12:00:00Z", transactionId=42)
    assert stop == SessionEnded(
        transaction=TX,
        at=NOON,
        readings=(Reading(at=NOON, energy=Wh(7), context="Transaction.End"),),
        trigger="StopAuthorized",
        reason="Local",
    )


@pytest.mark.parametrize(
    ("said", "wire", "trigger"),
    [
        ("EVDisconnected", "EVDisconnected", "EVCommunicationLost"),
        ("ImmediateReset", "HardReset", "ResetCommand"),
        ("Timeout", "Other", "AbnormalCondition"),
        ("", "Local", "StopAuthorized"),
        ("DeAuthorized", "DeAuthorized", "Deauthorized"),
        ("UnlockCommand", "UnlockCommand", "UnlockCommand"),
    ],
)
def test_reasons(said: str, wire: str, trigger: str) -> None:
    ended = lifted(replace(ENDED, reason=said), WIRING)
    assert isinstance(ended, SessionEnded)
    assert (ended.reason, ended.trigger) == (wire, trigger)


def test_the_answer_to_a_stop() -> None:
    assert answered(ENDED, SessionAnswer(), WIRING) == SessionAnswer()
    verdict = SessionAnswer(authorization=Authorization(status=TokenStatus.EXPIRED))
    assert answered(ENDED, verdict, WIRING) == verdict


@pytest.mark.parametrize("transaction", [None, "tx-1", "", "--1", "٤٢", "9" * 30])
def test_a_transaction_that_the_backend_did_not_assign_cannot_be_named(transaction: str | None) -> None:
    named = None if transaction is None else TransactionId(transaction)
    with pytest.raises(LocalError):
        SPEAKS.say(replace(ENDED, transaction=named))
    if named is not None:
        assert unspeakable(StopCharging(transaction=named))


@pytest.mark.parametrize("time", ["yesterday", "2026-06-01T12:00:00", "222222017-01-01T00:00:00Z", ""])
def test_a_time_that_is_none_is_a_property_constraint_violation(time: str) -> None:
    value = {"timestamp": time, "sampledValue": [{"value": "1"}]}
    for action, payload in (
        ("StartTransaction", {"connectorId": 1, "idTag": "x", "meterStart": 0, "timestamp": time}),
        ("StopTransaction", {"transactionId": 1, "meterStop": 0, "timestamp": time}),
        ("MeterValues", {"connectorId": 1, "meterValue": [value]}),
    ):
        with pytest.raises(PeerFault) as caught:
            fact(action, **payload)
        assert caught.value.code == "PropertyConstraintViolation"


# ── notifications, DataTransfer ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "action",
    [
        "DiagnosticsStatusNotification", "FirmwareStatusNotification", "LogStatusNotification",
        "SecurityEventNotification", "SignCertificate", "SignedFirmwareStatusNotification",
    ],
)  # fmt: skip
def test_a_notification_is_noted_and_a_request_to_sign_refused(action: str) -> None:
    payload = over_the_wire(sample(V16, action))
    noted = fact(action, **payload)
    assert noted == Noted(action=action, payload=payload)
    assert SPEAKS.say(noted) == (action, payload)
    answer = response(V16, action, SPEAKS.answer(noted, None))
    assert answer == ({"status": "Rejected"} if action == "SignCertificate" else {})


@pytest.mark.parametrize("action", ["Reset", "Nonsense", "TransactionEvent"])
def test_an_action_that_is_not_handled_is_not_supported(action: str) -> None:
    with pytest.raises(PeerFault) as caught:
        fact(action)
    assert caught.value.code == "NotSupported"


def test_vendor_data_is_text() -> None:
    received = DataReceived(vendor="acme", message="M", data="{ not touched }")
    assert lifted(received, WIRING) == received
    assert fact("DataTransfer", data="x") == DataReceived(vendor=None, data="x")
    answer = DataAnswer(DataStatus.ACCEPTED, data={"a": [1, Decimal("1.50")]})
    assert answered(received, answer, WIRING) == replace(answer, data='{"a":[1,1.50]}')
    why = DataAnswer(DataStatus.REJECTED, reason="tooLong", info="at most 5")
    assert json.loads(answered(received, why, WIRING).data) == {
        "reasonCode": "tooLong",
        "additionalInfo": "at most 5",
    }


def test_a_data_transfer_to_the_station() -> None:
    order = SendData(vendor="acme", message="M", data={"a": 1})
    assert heard(order, WIRING) == [replace(order, data='{"a":1}')]
    assert carried_out(order, DataAnswer(DataStatus.ACCEPTED, "ok"), WIRING) == DataAnswer(DataStatus.ACCEPTED, "ok")
    answer = SPEAKS.outcome(order, [PeerRefused("NotImplemented")])
    assert answer == DataAnswer(DataStatus.UNKNOWN_VENDOR, reason="NotImplemented")
    refused = PeerRefused("InternalError")
    assert SPEAKS.outcome(order, [refused]) is refused
    assert answered_at_once(V16, "DataTransfer", {"data": "x"}) == {"status": "UnknownVendorId"}


# ── orders ──────────────────────────────────────────────────────────────────────────────


def test_a_remote_start_always_names_the_connector() -> None:
    order = StartCharging(evse=TWO, token=IdToken("x", TokenKind.DIRECT_PAYMENT), remote_start=RemoteStartId(7))
    assert calls(order, WIRING) == [("RemoteStartTransaction", {"idTag": "x", "connectorId": 2})]
    other = replace(order, connector=3)
    assert calls(other, WIRING) == [("RemoteStartTransaction", {"idTag": "x", "connectorId": 3})]
    assert heard(other, WIRING) == [replace(other, token=IdToken("x"), remote_start=RemoteStartId(0))]
    assert carried_out(order, StartAnswer(True), WIRING) == StartAnswer(True)
    assert carried_out(order, StartAnswer(False, None, "Occupied"), WIRING) == StartAnswer(False)
    refused = PeerRefused("NotSupported")
    assert SPEAKS.outcome(order, [refused]) is refused


def test_a_remote_start_without_connector_leaves_the_choice_to_the_station() -> None:
    assert SPEAKS.told("RemoteStartTransaction", {"idTag": "x"}).evse == 0  # type: ignore[attr-defined]
    only = translator(V16, Wiring(V16, {TWO: WIRING.evses[TWO]}))
    assert only.told("RemoteStartTransaction", {"idTag": "x"}).evse == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("action", "payload", "status"),
    [
        ("RemoteStartTransaction", {"idTag": "x", "connectorId": 9}, "Rejected"),
        ("ChangeAvailability", {"connectorId": 9, "type": "Operative"}, "Rejected"),
        ("UnlockConnector", {"connectorId": 9}, "NotSupported"),
        ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 9}, "Rejected"),
        (
            "ReserveNow",
            {"connectorId": 9, "idTag": "x", "reservationId": 1, "expiryDate": "2026-06-01T12:00:00Z"},
            "Rejected",
        ),
    ],
)
def test_a_connector_that_does_not_exist_is_refused_in_the_words_of_the_message(
    action: str, payload: dict[str, Any], status: str
) -> None:
    assert answered_at_once(V16, action, payload) == {"status": status}


#: Orders answered by a status word, and the words they can be answered with.
WORDY: list[tuple[Any, Sequence[Yes]]] = [
    (StopCharging(transaction=TX), [YES, NO]),
    (CancelReservation(id=3), [YES, NO]),
    (ClearCache(), [YES, NO]),
    (ChangeAvailability(operative=False, evse=TWO, connector=3), [YES, NO, Yes(True, "Scheduled")]),
    (ChangeAvailability(operative=True), [YES, NO]),
    (Reset(hard=True), [YES, NO]),
    (Reset(), [YES]),
    (Unlock(evse=TWO, connector=3), [Yes(True, "Unlocked"), Yes(False, "UnlockFailed"), Yes(False, "NotSupported")]),
    (Trigger(message="Heartbeat"), [YES, Yes(False, "NotImplemented")]),
    (Trigger(message="StatusNotification", evse=TWO, connector=3), [YES]),
    (Trigger(message="SignChargePointCertificate"), [YES]),
    (Reserve(id=1, evse=TWO, connector=3, token=TAG, expires=NOON), [YES, NO, Yes(False, "Occupied")]),
    (Reserve(id=1, evse=EvseNumber(0), token=TAG, expires=NOON), [YES]),
]


@pytest.mark.parametrize(("order", "answers"), WORDY, ids=lambda value: type(value).__name__)
def test_orders_answered_by_a_word(order: Any, answers: Sequence[Yes]) -> None:
    assert heard(order, WIRING) == [order]
    for answer in answers:
        assert carried_out(order, answer, WIRING) == answer
    # words of another version, or none at all, become the plain one
    assert carried_out(order, Yes(accepted=False, status="OngoingAuthorizedTransaction"), WIRING).accepted is False
    assert carried_out(order, Yes(accepted=True), WIRING).accepted is True
    refused = PeerRefused("InternalError")
    assert SPEAKS.outcome(order, [refused]) is refused


def test_an_evse_with_two_connectors_is_taken_out_of_service_by_two_calls() -> None:
    order = ChangeAvailability(operative=False, evse=TWO)
    assert [payload["connectorId"] for _, payload in calls(order, WIRING)] == [2, 3]
    bare = Wiring(V16, {TWO: Evse(number=TWO, connectors=())})
    assert [payload["connectorId"] for _, payload in calls(order, bare)] == [2]
    accepted, scheduled, rejected = ({"status": word} for word in ("Accepted", "Scheduled", "Rejected"))
    assert SPEAKS.outcome(order, [accepted, scheduled]) == Yes(True, "Scheduled")
    assert SPEAKS.outcome(order, [rejected, accepted]) == NO
    assert SPEAKS.outcome(order, [accepted]) == YES


def test_extended_triggers_go_by_their_own_message() -> None:
    assert calls(Trigger(message="LogStatusNotification"), WIRING)[0][0] == "ExtendedTriggerMessage"
    assert calls(Trigger(message="Heartbeat"), WIRING)[0][0] == "TriggerMessage"


def test_what_1_6_cannot_say() -> None:
    assert unspeakable(Trigger(message="TransactionEvent"))
    assert unspeakable(Reset(evse=ONE))
    assert unspeakable(ReportSettings(request=1))
    reported = SettingsReported(request=1, page=0, more=False, settings=())
    assert isinstance(SPEAKS.say(reported), Unspeakable)
    with pytest.raises(LocalError):
        SPEAKS.answer(reported, None)


def test_any_call_that_an_operator_wrote() -> None:
    order = RawCall(action="GetLocalListVersion", payload={})
    assert SPEAKS.order(order) == (("GetLocalListVersion", {}),)
    assert SPEAKS.outcome(order, [{"listVersion": 3}]) == RawAnswer({"listVersion": 3})


# ── the running cost ────────────────────────────────────────────────────────────────────

SHOWS_COST = wired(V16, cost_messages=True, currency="EUR")
COST = CostSoFar(transaction=TX, cost=Money.of("1.50", "EUR"), at=NOON, meter=Wh(1234))


def test_the_running_cost_is_an_oca_data_transfer_where_the_station_shows_it() -> None:
    ((action, payload),) = calls(COST, SHOWS_COST)
    assert action == "DataTransfer"
    assert (payload["vendorId"], payload["messageId"]) == ("org.openchargealliance.costmsg", "RunningCost")
    assert payload["data"] == (
        '{"transactionId":42,"cost":1.50,"timestamp":"2026-06-01T12:00:00.000Z","meterValue":1234,'
        '"state":"Charging","chargingPrice":{}}'
    )
    assert heard(COST, SHOWS_COST) == [COST]
    assert carried_out(COST, YES, SHOWS_COST) == YES
    assert carried_out(COST, NO, SHOWS_COST) == NO
    refused = PeerRefused("NotSupported")
    assert SPEAKS.outcome(COST, [refused]) is refused
    assert SPEAKS.outcome(COST, [{"status": "UnknownVendorId"}]) == Yes(False, "UnknownVendorId")


def test_no_running_cost_for_a_station_that_does_not_show_it_or_without_a_meter_reading() -> None:
    assert unspeakable(COST)
    shows = translator(V16, SHOWS_COST)
    for incomplete in (
        replace(COST, at=None),
        replace(COST, meter=None),
        replace(COST, transaction=TransactionId("x")),
    ):
        assert isinstance(shows.order(incomplete), Unspeakable)


def test_a_running_cost_that_the_station_does_not_know_is_vendor_data() -> None:
    ((_, payload),) = calls(COST, SHOWS_COST)
    assert isinstance(SPEAKS.told("DataTransfer", payload), SendData)


@pytest.mark.parametrize("data", ["nonsense", "[]", '{"cost":1}', '{"transactionId":1,"cost":1,"timestamp":"no"}'])
def test_a_running_cost_that_cannot_be_read_is_rejected(data: str) -> None:
    from evouch.ocpp.translator import AnsweredAlready

    payload = {"vendorId": "org.openchargealliance.costmsg", "messageId": "RunningCost", "data": data}
    with pytest.raises(AnsweredAlready) as caught:
        translator(V16, SHOWS_COST).told("DataTransfer", payload)
    assert caught.value.payload == {"status": "Rejected"}


# ── settings ────────────────────────────────────────────────────────────────────────────


def web(variable: str, value: str | Secret | None = None, evse: EvseNumber | None = ONE) -> Setting:
    return Setting(component="WebPaymentsCtrlr", variable=variable, value=value, evse=evse)


def key(name: str, value: str | None = None) -> Setting:
    return Setting(component="", variable=name, value=value)


def test_settings_are_changed_one_after_the_other() -> None:
    settings = (web("SharedSecret", Secret("s3cr3t-s3cr3t")), web("Length", "8", TWO), key("HeartbeatInterval", "30"))
    order = Configure(settings=settings)
    sent = [payload for _, payload in calls(order, WIRING)]
    assert sent == [
        {"key": "WebPaymentsCtrlr.1.SharedSecret", "value": "s3cr3t-s3cr3t"},
        {"key": "WebPaymentsCtrlr.2.Length", "value": "8"},
        {"key": "HeartbeatInterval", "value": "30"},
    ]
    told = heard(order, WIRING)
    assert told == [Configure(settings=(setting,)) for setting in settings]
    assert "s3cr3t" not in repr(told)


@pytest.mark.parametrize(
    ("status", "wire"),
    [
        (SettingStatus.ACCEPTED, "Accepted"),
        (SettingStatus.REBOOT_REQUIRED, "RebootRequired"),
        (SettingStatus.REJECTED, "Rejected"),
        (SettingStatus.UNKNOWN_VARIABLE, "NotSupported"),
        (SettingStatus.UNKNOWN_COMPONENT, "NotSupported"),
    ],
)
def test_what_became_of_a_setting(status: SettingStatus, wire: str) -> None:
    setting = key("HeartbeatInterval", "30")
    (told,) = heard(Configure(settings=(setting,)), WIRING)
    assert SPEAKS.done(told, (SettingResult(setting=setting, status=status),)) == {"status": wire}
    unknown = status is SettingStatus.UNKNOWN_COMPONENT
    expected = SettingResult(setting=setting, status=SettingStatus.UNKNOWN_VARIABLE if unknown else status)
    assert SPEAKS.outcome(Configure(settings=(setting,)), [{"status": wire}]) == (expected,)
    assert SPEAKS.done(told, ()) == {"status": "Rejected"}


def test_some_answers_may_be_missing_and_some_may_be_errors() -> None:
    order = Configure(settings=(key("A", "1"), key("B", "2"), key("C", "3")))
    results = SPEAKS.outcome(order, [{"status": "Accepted"}, PeerRefused("InternalError")])
    assert not isinstance(results, PeerRefused)
    assert [(one.status, one.reason) for one in results] == [
        (SettingStatus.ACCEPTED, ""),
        (SettingStatus.REJECTED, "InternalError"),
        (SettingStatus.REJECTED, "NoAnswer"),
    ]
    refused = PeerRefused("NotSupported")
    assert SPEAKS.outcome(order, [refused, PeerRefused("NotSupported")]) is refused
    assert SPEAKS.outcome(Configure(settings=()), []) == ()


def test_settings_are_read_and_spelled_back_as_they_were_asked_for() -> None:
    told = SPEAKS.told("GetConfiguration", {"key": ["webpaymentsctrlr.1.LENGTH", "heartbeatInterval", "Nope"]})
    assert told == ReadSettings(settings=(web("Length"), key("heartbeatInterval"), key("Nope")))
    assert isinstance(told, ReadSettings)
    answer = (
        SettingResult(setting=told.settings[0], status=SettingStatus.ACCEPTED, value="8"),
        SettingResult(setting=told.settings[1], status=SettingStatus.ACCEPTED, value="30", readonly=True),
        SettingResult(setting=told.settings[2], status=SettingStatus.UNKNOWN_VARIABLE),
    )
    payload = response(V16, "GetConfiguration", SPEAKS.done(told, answer))
    assert payload == {
        "configurationKey": [
            {"key": "webpaymentsctrlr.1.LENGTH", "readonly": False, "value": "8"},
            {"key": "heartbeatInterval", "readonly": True, "value": "30"},
        ],
        "unknownKey": ["Nope"],
    }
    assert SPEAKS.outcome(told, [payload]) == answer


def test_a_key_that_a_station_forgets_is_unknown() -> None:
    order = ReadSettings(settings=(key("A"),))
    (result,) = SPEAKS.outcome(order, [{}])  # type: ignore[misc]
    assert result.status is SettingStatus.UNKNOWN_VARIABLE
    refused = PeerRefused("NotSupported")
    assert SPEAKS.outcome(order, [refused]) is refused


def test_no_keys_ask_for_all_of_them() -> None:
    assert calls(ReadSettings(), WIRING) == [("GetConfiguration", {})]
    assert heard(ReadSettings(), WIRING) == [ReadSettings()]
    everything = (
        SettingResult(setting=web("Length", None, None), status=SettingStatus.ACCEPTED, value="8"),
        SettingResult(setting=key("HeartbeatInterval"), status=SettingStatus.ACCEPTED, value=""),
    )
    assert carried_out(ReadSettings(), everything, WIRING) == everything


def test_the_secret_is_returned_without_a_value_and_not_taken_from_a_station_that_gives_it() -> None:
    order = ReadSettings(settings=(web("SharedSecret"),))
    for status in (SettingStatus.ACCEPTED, SettingStatus.REJECTED):
        leaked = (SettingResult(setting=order.settings[0], status=status, value="s3cr3t"),)
        payload = SPEAKS.done(order, leaked)
        assert payload == {"configurationKey": [{"key": "WebPaymentsCtrlr.1.SharedSecret", "readonly": False}]}
    given = {"key": "webpaymentsctrlr.1.sharedsecret", "readonly": False, "value": "s3cr3t"}
    for asked in (order, ReadSettings()):
        (result,) = SPEAKS.outcome(asked, [{"configurationKey": [given]}])  # type: ignore[misc]
        assert (result.setting.variable, result.value) == ("SharedSecret", None)


@pytest.mark.parametrize(
    "setting",
    [
        Setting(component="TxCtrlr", variable="TxStartPoint", value="x"),
        key("K" * 51, "x"),
        key("", "x"),
        web("URLTemplate", "x" * 501),
    ],
)
def test_settings_that_1_6_cannot_say(setting: Setting) -> None:
    assert unspeakable(Configure(settings=(setting,)))
    if setting.component != "WebPaymentsCtrlr":
        assert unspeakable(ReadSettings(settings=(setting,)))


def test_a_time_with_another_zone_is_the_same_moment() -> None:
    stop = fact("StopTransaction", meterStop=7, timestamp="2026-06-01T14:00:00+02:00", transactionId=42)
    assert stop.at == datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_the_version_is_the_one_of_the_wiring() -> None:
    assert SPEAKS.version == OcppVersion("ocpp1.6")
