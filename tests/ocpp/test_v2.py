"""OCPP 2.0.1 and 2.1: what the messages are, what is answered, and what the older one cannot say."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from evouch.charging.dialogue import (
    BootAnswer,
    Booted,
    BootStatus,
    CancelReservation,
    ChangeAvailability,
    ChargingState,
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
    Text,
    TimeAnswer,
    TokenPresented,
    Trigger,
    Unlock,
    Unspeakable,
    Yes,
)
from evouch.charging.equipment import ConnectorStatus, Wiring
from evouch.charging.tokens import Authorization, IdToken, Limit, TokenKind, TokenStatus
from evouch.errors import LocalError, PeerFault, PeerRefused
from evouch.ids import EvseNumber, OcppVersion, RemoteStartId, Secret, TransactionId
from evouch.ocpp.translate import translator
from evouch.ocpp.versions import V21, V201
from evouch.units import Money, Watts, Wh
from tests.ocpp.samples import sample
from tests.ocpp.wiretalk import (
    FAMILY_2,
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

EVSE = EvseNumber(1)
TX = TransactionId("tx-1")
PAYER = IdToken("psp-ref-1", TokenKind.DIRECT_PAYMENT)
BEGIN = Reading(at=NOON, energy=Wh(1000), context="Transaction.Begin")
YES, NO = Yes(accepted=True, status="Accepted"), Yes(accepted=False, status="Rejected")


def started(**more: Any) -> SessionStarted:
    members: dict[str, Any] = {"transaction": TX, "at": NOON, "evse": EVSE, "connector": 1, "seq": 0}
    return SessionStarted(**(members | {"trigger": "RemoteStart", "readings": (BEGIN,)} | more))


def fact(version: OcppVersion, action: str, payload: Any) -> Any:
    return translator(version, wired(version)).fact(action, over_the_wire(payload))


def unspeakable(version: OcppVersion, order: Order[Any]) -> bool:
    return isinstance(translator(version, wired(version)).order(order), Unspeakable)


# ── facts ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", FAMILY_2)
def test_boot(version: OcppVersion) -> None:
    booted = Booted(vendor="V", model="M", serial="S", firmware="1.0", reason="PowerUp")
    assert lifted(booted, wired(version)) == booted
    answer = BootAnswer(BootStatus.PENDING, NOON, 300)
    assert answered(booted, answer, wired(version)) == answer
    assert answered(StillThere(), TimeAnswer(NOON), wired(version)) == TimeAnswer(NOON)


@pytest.mark.parametrize("version", FAMILY_2)
def test_a_transaction_as_the_wire_has_it(version: OcppVersion) -> None:
    said = started(remote_start=RemoteStartId(4), token=PAYER, state=ChargingState.CHARGING, reservation=5)
    action, payload = spoken(said, wired(version))
    assert action == "TransactionEvent"
    assert payload["transactionInfo"] == {"transactionId": "tx-1", "chargingState": "Charging", "remoteStartId": 4}
    assert payload["idToken"]["type"] == ("DirectPayment" if version == V21 else "Central")
    again = lifted(said, wired(version))
    expected = said if version == V21 else replace(said, token=IdToken(PAYER.value, TokenKind.CENTRAL))
    assert again == expected


@pytest.mark.parametrize("version", FAMILY_2)
def test_stations_in_the_field_start_without_an_evse_and_end_without_a_reason(version: OcppVersion) -> None:
    payload = {
        "eventType": "Started",
        "timestamp": "2026-06-01T12:00:00Z",
        "triggerReason": "CablePluggedIn",
        "seqNo": 0,
        "transactionInfo": {"transactionId": "tx-1"},
    }
    begun = fact(version, "TransactionEvent", payload)
    assert isinstance(begun, SessionStarted)
    assert (begun.evse, begun.connector, begun.readings) == (None, None, ())
    ended = fact(version, "TransactionEvent", payload | {"eventType": "Ended", "seqNo": 1})
    assert isinstance(ended, SessionEnded)
    assert ended.reason == "Local"


@pytest.mark.parametrize("version", FAMILY_2)
def test_a_token_of_a_kind_that_nobody_listed_is_left_unsaid(version: OcppVersion) -> None:
    presented = fact(version, "Authorize", {"idToken": {"idToken": "x", "type": "Palm"}})
    assert presented == TokenPresented(token=IdToken("x", TokenKind.UNSAID))


@pytest.mark.parametrize("version", FAMILY_2)
def test_energy_with_unit_and_multiplier(version: OcppVersion) -> None:
    sampled = [
        {"value": Decimal("1.5"), "unitOfMeasure": {"unit": "kWh", "multiplier": 1}},
        {"value": 7, "measurand": "Power.Active.Import", "unitOfMeasure": {"unit": "kW"}},
        {"value": 55, "measurand": "SoC"},
        {"value": 230, "measurand": "Voltage"},
    ]
    payload = {"evseId": 1, "meterValue": [{"timestamp": "2026-06-01T12:00:00Z", "sampledValue": sampled}]}
    request(version, "MeterValues", payload)
    reading = Reading(at=NOON, energy=Wh(15000), power=Watts(7000), soc=Decimal(55))
    assert fact(version, "MeterValues", payload) == MeterSampled(evse=EVSE, readings=(reading,))


@pytest.mark.parametrize("version", FAMILY_2)
@pytest.mark.parametrize("time", ["yesterday", "2026-06-01T12:00:00", "222222017-01-01T00:00:00Z", ""])
def test_a_time_that_is_none_is_a_property_constraint_violation(version: OcppVersion, time: str) -> None:
    payload = {
        "timestamp": time,
        "connectorStatus": "Available",
        "evseId": 1,
        "connectorId": 1,
    }
    with pytest.raises(PeerFault) as caught:
        fact(version, "StatusNotification", payload)
    assert caught.value.code == "PropertyConstraintViolation"
    assert caught.value.details["property"] == "timestamp"


@pytest.mark.parametrize("version", FAMILY_2)
def test_what_slips_past_a_schema_is_refused_by_type(version: OcppVersion) -> None:
    with pytest.raises(PeerFault) as caught:
        fact(version, "StatusNotification", {"timestamp": 5})
    assert caught.value.code == "TypeConstraintViolation"


@pytest.mark.parametrize("version", FAMILY_2)
def test_an_action_that_is_not_handled_is_not_supported(version: OcppVersion) -> None:
    for action in ("VatNumberValidation", "Nonsense", "Reset"):
        with pytest.raises(PeerFault) as caught:
            fact(version, action, {})
        assert caught.value.code == "NotSupported"


@pytest.mark.parametrize("version", FAMILY_2)
def test_every_notification_is_noted_and_answered_with_what_the_schema_wants(version: OcppVersion) -> None:
    speaks = translator(version, wired(version))
    noted = 0
    for action in speaks.handled_by_csms:
        payload = over_the_wire(sample(version, action))
        if action in {"TransactionEvent", "MeterValues", "StatusNotification", "NotifyReport", "BootNotification"}:
            continue
        said = speaks.fact(action, payload)
        if isinstance(said, Noted):
            noted += 1
            assert said == Noted(action=action, payload=payload)
            assert speaks.say(said) == (action, payload)
            assert speaks.heard(said, response(version, action, speaks.answer(said, None))) is None
    assert noted == (22 if version == V21 else 17)


def test_settlement_is_a_message_of_2_1() -> None:
    assert "NotifySettlement" in translator(V21, wired(V21)).handled_by_csms
    assert "NotifySettlement" not in translator(V201, wired(V201)).handled_by_csms


@pytest.mark.parametrize("version", FAMILY_2)
def test_2_x_has_one_word_for_a_connector_with_a_cable_in_it(version: OcppVersion) -> None:
    said = ConnectorChanged(evse=EVSE, connector=0, status=ConnectorStatus.SUSPENDED_EV, at=NOON)
    heard_as = replace(said, status=ConnectorStatus.OCCUPIED, connector=1)
    assert lifted(said, wired(version)) == heard_as


@pytest.mark.parametrize("version", FAMILY_2)
def test_what_the_station_forgets_is_our_own_mistake(version: OcppVersion) -> None:
    speaks = translator(version, wired(version))
    for said in (
        ConnectorChanged(evse=EVSE, connector=1, status=ConnectorStatus.AVAILABLE),
        SettingsReported(request=1, page=0, more=False, settings=()),
        started(transaction=None),
        started(seq=None),
    ):
        with pytest.raises(LocalError):
            speaks.say(said)


@pytest.mark.parametrize("version", FAMILY_2)
def test_words_of_2_1_are_said_on_2_0_1_as_the_nearest_ones(version: OcppVersion) -> None:
    said = SessionUpdated(transaction=TX, at=NOON, seq=3, trigger="LimitSet")
    _, payload = spoken(said, wired(version))
    assert payload["triggerReason"] == ("LimitSet" if version == V21 else "Trigger")
    ended = SessionEnded(transaction=TX, at=NOON, seq=4, trigger="StopAuthorized", reason="SoftReset")
    assert spoken(ended, wired(version))[1]["transactionInfo"]["stoppedReason"] == "Reboot"


# ── answers to facts ────────────────────────────────────────────────────────────────────

VERDICT = Authorization(status=TokenStatus.ACCEPTED, expires=datetime(2026, 6, 1, 12, 5, tzinfo=UTC), group="depot")


@pytest.mark.parametrize("version", FAMILY_2)
def test_a_verdict(version: OcppVersion) -> None:
    assert answered(TokenPresented(token=PAYER), VERDICT, wired(version)) == VERDICT
    long = replace(VERDICT, group="g" * 256)
    assert answered(TokenPresented(token=PAYER), long, wired(version)).group is None


@pytest.mark.parametrize("version", FAMILY_2)
def test_cost_and_message_are_said_on_both_and_a_limit_on_2_1_only(version: OcppVersion) -> None:
    wiring = wired(version, currency="EUR")
    limit = Limit(max_cost=Money.of("50.00", "EUR"), max_energy=Wh(20000), max_time=300)
    answer = SessionAnswer(
        authorization=VERDICT, total_cost=Money.of("1.20", "EUR"), limit=limit, message=Text("Laden läuft", "de")
    )
    expected = answer if version == V21 else replace(answer, limit=None)
    assert answered(started(), answer, wiring) == expected
    payload = translator(version, wiring).answer(started(), answer)
    assert payload["totalCost"] == Decimal("1.20")
    assert ("transactionLimit" in payload) == (version == V21)


@pytest.mark.parametrize("version", FAMILY_2)
def test_an_answer_without_content_is_an_empty_object(version: OcppVersion) -> None:
    assert translator(version, wired(version)).answer(started(), SessionAnswer(limit=Limit())) == {}


def test_nothing_is_free_of_charge_but_zero() -> None:
    answer = SessionAnswer(total_cost=Money.zero("EUR"))
    assert translator(V201, wired(V201)).answer(started(), answer) == {"totalCost": Decimal(0)}


def test_amounts_arrive_in_the_currency_of_the_station() -> None:
    answer = answered(started(), SessionAnswer(total_cost=Money.of("3", "CHF")), Wiring(V21))
    assert answer.total_cost == Money.of("3", "XXX")


def test_a_message_is_cut_to_what_the_version_takes() -> None:
    answer = SessionAnswer(message=Text("x" * 2000, format="QRCODE"))
    assert len(answered(started(), answer, wired(V21)).message.content) == 1024
    old = answered(started(), answer, wired(V201)).message
    assert (len(old.content), old.format) == (512, "URI")


# ── orders ──────────────────────────────────────────────────────────────────────────────


def test_a_paid_start_on_2_1_names_the_payment() -> None:
    order = StartCharging(
        evse=EVSE, token=PAYER, remote_start=RemoteStartId(7), additional=(("CardLast4Digits", "4242"),)
    )
    ((action, payload),) = calls(order, wired(V21))
    assert action == "RequestStartTransaction"
    assert payload == {
        "evseId": 1,
        "remoteStartId": 7,
        "idToken": {
            "idToken": "psp-ref-1",
            "type": "DirectPayment",
            "additionalInfo": [{"additionalIdToken": "4242", "type": "CardLast4Digits"}],
        },
    }
    assert heard(order, wired(V21)) == [order]


def test_a_paid_start_on_2_0_1_is_a_central_token() -> None:
    order = StartCharging(evse=EVSE, token=PAYER, remote_start=RemoteStartId(7), additional=(("PspRef", "p"),))
    ((_, payload),) = calls(order, wired(V201))
    assert payload["idToken"] == {"idToken": "psp-ref-1", "type": "Central"}


@pytest.mark.parametrize(("version", "length"), [(V201, 36), (V21, 255)])
def test_a_token_longer_than_the_version_takes_cannot_be_said(version: OcppVersion, length: int) -> None:
    fits, long = IdToken("a" * length, TokenKind.CENTRAL), IdToken("a" * (length + 1), TokenKind.CENTRAL)
    order = StartCharging(evse=EVSE, token=fits, remote_start=RemoteStartId(1))
    assert len(calls(order, wired(version))) == 1
    assert unspeakable(version, replace(order, token=long))
    assert unspeakable(version, replace(order, evse=EvseNumber(0)))
    reserve = Reserve(id=1, evse=EVSE, token=long, expires=NOON)
    assert unspeakable(version, reserve)
    assert isinstance(translator(version, wired(version)).say(TokenPresented(token=long)), Unspeakable)
    assert isinstance(translator(version, wired(version)).say(started(token=long)), Unspeakable)


@pytest.mark.parametrize("version", FAMILY_2)
def test_a_start_that_names_no_evse_leaves_the_choice_to_the_station(version: OcppVersion) -> None:
    payload = {"remoteStartId": 1, "idToken": {"idToken": "x", "type": "Central"}}
    assert translator(version, wired(version)).told("RequestStartTransaction", payload).evse == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("version", FAMILY_2)
def test_the_answer_to_a_start(version: OcppVersion) -> None:
    order = StartCharging(evse=EVSE, token=PAYER, remote_start=RemoteStartId(1))
    for answer in (StartAnswer(True, TX), StartAnswer(True), StartAnswer(False, None, "Occupied")):
        assert carried_out(order, answer, wired(version)) == answer


#: Orders answered by a status word, and the words they can be answered with.
WORDY: list[tuple[Any, Sequence[Yes]]] = [
    (StopCharging(transaction=TX), [YES, NO]),
    (CancelReservation(id=3), [YES, NO]),
    (ClearCache(), [YES, NO]),
    (ChangeAvailability(operative=False, evse=EVSE, connector=1), [YES, NO, Yes(True, "Scheduled")]),
    (ChangeAvailability(operative=True), [YES]),
    (Reset(hard=True), [YES, NO, Yes(True, "Scheduled")]),
    (Reset(evse=EVSE), [Yes(False, "Rejected", "InUse")]),
    (Unlock(evse=EVSE, connector=1), [Yes(True, "Unlocked"), Yes(False, "OngoingAuthorizedTransaction")]),
    (Trigger(message="Heartbeat"), [YES, NO, Yes(False, "NotImplemented")]),
    (Trigger(message="StatusNotification", evse=EVSE, connector=1), [YES]),
    (ReportSettings(request=5, base="SummaryInventory"), [YES, Yes(False, "EmptyResultSet")]),
    (Reserve(id=1, evse=EVSE, token=IdToken("x", TokenKind.CENTRAL), expires=NOON), [YES, Yes(False, "Occupied")]),
]


@pytest.mark.parametrize("version", FAMILY_2)
@pytest.mark.parametrize(("order", "answers"), WORDY, ids=lambda value: type(value).__name__)
def test_orders_answered_by_a_word(version: OcppVersion, order: Any, answers: Sequence[Yes]) -> None:
    assert heard(order, wired(version)) == [order]
    for answer in answers:
        assert carried_out(order, answer, wired(version)) == answer
    # words of another version, or none at all, become the plain one
    assert carried_out(order, Yes(accepted=False, status="NotSupportedHere"), wired(version)).accepted is False
    assert carried_out(order, Yes(accepted=True), wired(version)).accepted is True
    refused = PeerRefused("InternalError")
    assert translator(version, wired(version)).outcome(order, [refused]) is refused


@pytest.mark.parametrize("version", FAMILY_2)
def test_evse_0_is_the_station(version: OcppVersion) -> None:
    speaks = translator(version, wired(version))
    assert speaks.told("Reset", {"type": "OnIdle", "evseId": 0}) == Reset()
    assert speaks.told("Reset", {"type": "ImmediateAndResume"}) == Reset(hard=True)
    availability = {"operationalStatus": "Operative", "evse": {"id": 0}}
    assert speaks.told("ChangeAvailability", availability) == ChangeAvailability(operative=True)
    assert speaks.told("DataTransfer", {"vendorId": "acme"}) == SendData(vendor="acme")


def test_2_1_can_trigger_anything_and_2_0_1_what_it_lists() -> None:
    order = Trigger(message="ShowCode", evse=EVSE)
    ((_, payload),) = calls(order, wired(V21))
    assert payload == {"requestedMessage": "CustomTrigger", "customTrigger": "ShowCode", "evse": {"id": 1}}
    assert heard(order, wired(V21)) == [order]
    assert unspeakable(V201, order)
    assert unspeakable(V21, Trigger(message="x" * 51))
    assert unspeakable(V201, Trigger(message="SignV2G20Certificate"))
    assert calls(Trigger(message="SignV2G20Certificate"), wired(V21))


@pytest.mark.parametrize("version", FAMILY_2)
def test_the_running_cost(version: OcppVersion) -> None:
    wiring = wired(version, currency="EUR")
    order = CostSoFar(transaction=TX, cost=Money.of("1.234", "EUR"))
    assert calls(order, wiring) == [("CostUpdated", {"totalCost": Decimal("1.23"), "transactionId": "tx-1"})]
    assert heard(order, wiring) == [replace(order, cost=Money.of("1.23", "EUR"))]
    assert carried_out(order, YES, wiring) == YES
    refused = PeerRefused("NotSupported")
    assert translator(version, wiring).outcome(order, [refused]) is refused


@pytest.mark.parametrize("version", FAMILY_2)
def test_any_call_that_an_operator_wrote(version: OcppVersion) -> None:
    speaks, order = translator(version, wired(version)), RawCall(action="GetLog", payload={"any": None})
    assert speaks.order(order) == (("GetLog", {"any": None}),)
    assert speaks.outcome(order, [{"status": "Accepted"}]) == RawAnswer({"status": "Accepted"})
    refused = PeerRefused("NotSupported")
    assert speaks.outcome(order, [refused]) is refused


# ── DataTransfer ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", FAMILY_2)
def test_vendor_data_passes_untouched_in_both_directions(version: OcppVersion) -> None:
    data = {"a": None, "b": [1, Decimal("1.50"), {"customData": {"x": ""}}]}
    received = DataReceived(vendor="acme", message="M", data=data)
    assert lifted(received, wired(version)) == received
    answer = DataAnswer(DataStatus.REJECTED, data, "why", "because")
    assert answered(received, answer, wired(version)) == answer
    order = SendData(vendor="acme", data=data)
    assert heard(order, wired(version)) == [order]
    assert carried_out(order, answer, wired(version)) == answer


@pytest.mark.parametrize("version", FAMILY_2)
def test_a_data_transfer_without_vendor_reaches_the_backend(version: OcppVersion) -> None:
    assert fact(version, "DataTransfer", {"data": 1}) == DataReceived(vendor=None, data=1)
    assert answered_at_once(version, "DataTransfer", {"data": 1}) == {"status": "UnknownVendorId"}


@pytest.mark.parametrize("version", FAMILY_2)
def test_not_implemented_is_a_legal_answer_to_a_data_transfer(version: OcppVersion) -> None:
    speaks, order = translator(version, wired(version)), SendData(vendor="acme")
    answer = speaks.outcome(order, [PeerRefused("NotImplemented")])
    assert answer == DataAnswer(DataStatus.UNKNOWN_VENDOR, reason="NotImplemented")
    refused = PeerRefused("SecurityError")
    assert speaks.outcome(order, [refused]) is refused


# ── settings ────────────────────────────────────────────────────────────────────────────


def web(variable: str, value: str | Secret | None = None, evse: EvseNumber | None = EVSE) -> Setting:
    return Setting(component="WebPaymentsCtrlr", variable=variable, value=value, evse=evse)


def done(setting: Setting, status: SettingStatus, **more: Any) -> SettingResult:
    return SettingResult(setting=setting, status=status, **more)


@pytest.mark.parametrize("version", FAMILY_2)
def test_settings_are_written_in_one_message_and_answered_one_by_one(version: OcppVersion) -> None:
    settings = (web("ValidityTime", "30"), web("SharedSecret", Secret("s3cr3t-s3cr3t")), web("Length", "8", None))
    order = Configure(settings=settings)
    ((action, payload),) = calls(order, wired(version))
    assert action == "SetVariables"
    assert payload["setVariableData"][1] == {
        "component": {"name": "WebPaymentsCtrlr", "evse": {"id": 1}},
        "variable": {"name": "SharedSecret"},
        "attributeValue": "s3cr3t-s3cr3t",
    }
    assert heard(order, wired(version)) == [order]
    statuses = (SettingStatus.ACCEPTED, SettingStatus.REBOOT_REQUIRED, SettingStatus.UNKNOWN_VARIABLE)
    answer = tuple(done(one, status, reason="why") for one, status in zip(settings, statuses, strict=True))
    assert carried_out(order, answer, wired(version)) == answer


@pytest.mark.parametrize("version", FAMILY_2)
@pytest.mark.parametrize("kind", [Configure, ReadSettings])
def test_a_long_order_goes_out_as_messages_of_ten(version: OcppVersion, kind: Any) -> None:
    """A station may limit the items of a message (DeviceDataCtrlr.ItemsPerMessage) and refuse all beyond that."""
    value = "1" if kind is Configure else None
    settings = tuple(Setting(component="TxCtrlr", variable=f"V{number}", value=value) for number in range(23))
    order = kind(settings=settings)
    said = calls(order, wired(version))
    assert [len(next(iter(payload.values()))) for _, payload in said] == [10, 10, 3]
    speaks: Any = translator(version, wired(version))
    answers = []
    for action, payload in said:
        part = speaks.told(action, payload)
        results = tuple(done(one, SettingStatus.ACCEPTED) for one in part.settings)
        answers.append(response(version, action, speaks.done(part, results)))
    assert [one.setting for one in speaks.outcome(order, answers)] == list(settings)
    refused = PeerRefused("OccurrenceConstraintViolation")
    statuses = [one.status for one in speaks.outcome(order, [answers[0], refused, answers[2]])]
    assert statuses == [SettingStatus.ACCEPTED] * 10 + [SettingStatus.REJECTED] * 10 + [SettingStatus.ACCEPTED] * 3
    assert speaks.outcome(order, [refused] * 3) is refused


@pytest.mark.parametrize("version", FAMILY_2)
def test_no_secret_stays_in_an_order_but_as_a_secret(version: OcppVersion) -> None:
    order = Configure(settings=(web("sharedsecret", "s3cr3t-s3cr3t"),))
    (told,) = heard(order, wired(version))
    assert isinstance(told, Configure)
    assert told.settings[0].value == Secret("s3cr3t-s3cr3t")
    assert "s3cr3t" not in repr(told)
    assert "s3cr3t" not in repr(told.asked)


@pytest.mark.parametrize("version", FAMILY_2)
def test_the_secret_is_never_read(version: OcppVersion) -> None:
    order = ReadSettings(settings=(web("SharedSecret"), web("ValidityTime")))
    assert heard(order, wired(version)) == [order]
    leaked = (
        done(order.settings[0], SettingStatus.ACCEPTED, value="s3cr3t"),
        done(order.settings[1], SettingStatus.ACCEPTED, value="30"),
    )
    result = carried_out(order, leaked, wired(version))
    assert [(one.status, one.value) for one in result] == [
        (SettingStatus.REJECTED, None),
        (SettingStatus.ACCEPTED, "30"),
    ]
    # and a station that gives it away is not listened to
    component, variable = {"name": "WebPaymentsCtrlr", "evse": {"id": 1}}, {"name": "sharedSecret"}
    given = {"component": component, "variable": variable, "attributeStatus": "Accepted", "attributeValue": "s3cr3t"}
    speaks = translator(version, wired(version))
    (first, second) = speaks.outcome(order, [{"getVariableResult": [given]}])  # type: ignore[misc]
    assert first.value is None
    assert (second.status, second.reason) == (SettingStatus.REJECTED, "NoAnswer")


@pytest.mark.parametrize("version", FAMILY_2)
def test_what_a_setting_cannot_express_is_answered_without_asking_the_station(version: OcppVersion) -> None:
    items: list[dict[str, Any]] = [
        {"component": {"name": "TxCtrlr"}, "variable": {"name": "TxStartPoint"}, "attributeType": "Target"},
        {"component": {"name": "TxCtrlr", "instance": "2"}, "variable": {"name": "TxStartPoint"}},
        {"component": {"name": "Connector", "evse": {"id": 1, "connectorId": 1}}, "variable": {"name": "Enabled"}},
        {"component": {"name": "TxCtrlr"}, "variable": {"name": "TxStartPoint"}, "attributeType": "Actual"},
    ]
    speaks = translator(version, wired(version))
    read = speaks.told("GetVariables", request(version, "GetVariables", {"getVariableData": items}))
    setting = Setting(component="TxCtrlr", variable="TxStartPoint")
    assert read == ReadSettings(settings=(setting,))
    answer = (done(setting, SettingStatus.ACCEPTED, value="Authorized"),)
    results = response(version, "GetVariables", speaks.done(read, answer))["getVariableResult"]
    statuses = ["NotSupportedAttributeType", "UnknownComponent", "UnknownComponent", "Accepted"]
    given = [dict(item, attributeStatus=status) for item, status in zip(items, statuses, strict=True)]
    given[-1]["attributeValue"] = "Authorized"
    assert results == given


@pytest.mark.parametrize("version", FAMILY_2)
def test_settings_that_2_x_cannot_say(version: OcppVersion) -> None:
    old = Setting(component="", variable="HeartbeatInterval", value="30")
    assert unspeakable(version, Configure(settings=(old,)))
    assert unspeakable(version, ReadSettings(settings=(old,)))
    assert unspeakable(version, ReadSettings())
    long = web("URLTemplate", "x" * (1001 if version == V201 else 2501))
    assert unspeakable(version, Configure(settings=(long,)))
    speaks = translator(version, wired(version))
    assert speaks.order(Configure(settings=())) == ()
    assert speaks.outcome(Configure(settings=()), []) == ()
    refused = PeerRefused("NotSupported")
    assert speaks.outcome(Configure(settings=(web("Length", "8"),)), [refused]) is refused
    assert speaks.outcome(ReadSettings(settings=(web("Length"),)), [refused]) is refused


@pytest.mark.parametrize("version", FAMILY_2)
def test_a_page_of_a_report(version: OcppVersion) -> None:
    page = SettingsReported(
        request=9,
        page=2,
        more=True,
        at=NOON,
        settings=(
            done(web("ValidityTime"), SettingStatus.ACCEPTED, value="30"),
            done(web("URLParameters"), SettingStatus.ACCEPTED, value="maxtime", readonly=True),
            done(Setting(component="ClockCtrlr", variable="TimeZone"), SettingStatus.ACCEPTED, value=""),
        ),
    )
    assert lifted(page, wired(version)) == page
    _, payload = spoken(page, wired(version))
    limits = payload["reportData"][0]["variableCharacteristics"]
    assert (limits["dataType"], limits["unit"], limits["minLimit"], limits["maxLimit"]) == ("integer", "s", 6, 3600)


@pytest.mark.parametrize("version", FAMILY_2)
def test_a_report_never_carries_the_secret(version: OcppVersion) -> None:
    page = SettingsReported(
        request=9, page=0, more=False, at=NOON, settings=(done(web("SharedSecret"), SettingStatus.ACCEPTED, value="x"),)
    )
    _, payload = spoken(page, wired(version))
    assert payload["reportData"][0]["variableAttribute"] == [{"mutability": "WriteOnly"}]
    payload["reportData"][0]["variableAttribute"] = [{"type": "Target", "value": "x"}, {"value": "leak"}]
    (result,) = fact(version, "NotifyReport", payload).settings
    assert result.value is None
    del payload["reportData"]
    assert fact(version, "NotifyReport", payload).settings == ()


# ── the corners ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", FAMILY_2)
def test_what_needs_no_answer_gets_an_empty_one(version: OcppVersion) -> None:
    reading = Reading(at=NOON, energy=Wh(1))
    for said in (
        ConnectorChanged(evse=EVSE, connector=1, status=ConnectorStatus.AVAILABLE, at=NOON),
        MeterSampled(evse=EVSE, readings=(reading,)),
        SettingsReported(request=1, page=0, more=False, settings=(), at=NOON),
    ):
        assert answered(said, None, wired(version)) is None


@pytest.mark.parametrize("version", FAMILY_2)
def test_a_meter_that_says_nothing_is_not_said(version: OcppVersion) -> None:
    said = MeterSampled(evse=EVSE, readings=(Reading(at=NOON),))
    assert isinstance(translator(version, wired(version)).say(said), Unspeakable)


@pytest.mark.parametrize("version", FAMILY_2)
def test_a_refused_start_stays_one(version: OcppVersion) -> None:
    order = StartCharging(evse=EVSE, token=PAYER, remote_start=RemoteStartId(1))
    refused = PeerRefused("SecurityError")
    assert translator(version, wired(version)).outcome(order, [refused]) is refused


@pytest.mark.parametrize("version", FAMILY_2)
def test_an_update_is_neither_start_nor_end(version: OcppVersion) -> None:
    said = SessionUpdated(transaction=TX, at=NOON, seq=3, trigger="MeterValuePeriodic", evse=EVSE)
    assert lifted(said, wired(version)) == said


@pytest.mark.parametrize("version", FAMILY_2)
def test_settings_that_nobody_asked_for_on_a_wire_can_be_answered(version: OcppVersion) -> None:
    order = ReadSettings(settings=(web("Length"), web("ValidityTime")))
    answer = (done(order.settings[0], SettingStatus.REBOOT_REQUIRED, value="8"),)
    payload = response(version, "GetVariables", translator(version, wired(version)).done(order, answer))
    assert [(one["attributeStatus"], one.get("attributeValue")) for one in payload["getVariableResult"]] == [
        ("Accepted", "8"),
        ("Rejected", None),
    ]


@pytest.mark.parametrize("version", FAMILY_2)
def test_a_word_that_no_version_has_is_a_property_constraint_violation(version: OcppVersion) -> None:
    payload = {"timestamp": "2026-06-01T12:00:00Z", "connectorStatus": "Sleepy", "evseId": 1, "connectorId": 1}
    with pytest.raises(PeerFault) as caught:
        fact(version, "StatusNotification", payload)
    assert caught.value.code == "PropertyConstraintViolation"
