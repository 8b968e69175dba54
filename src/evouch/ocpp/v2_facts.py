"""OCPP 2.0.1 and 2.1: what stations say, lifted into facts and back, and how they are answered.

Each message has up to four functions: ``_x`` reads it for the backend, ``_answer_x`` writes
the response, ``_say_x`` writes it for the station, ``_heard_x`` reads the response. What
exists on 2.1 only is written where the wiring's version is 2.1, and read wherever it appears.

Source: OCPP 2.0.1 and 2.1 part 2, section 1 "Messages"; the class docstrings of
``v2_messages`` name each one.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from msgspec import UNSET

from evouch.charging.dialogue import (
    Booted,
    ConnectorChanged,
    DataAnswer,
    DataReceived,
    Fact,
    MeterSampled,
    Noted,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    SettingsReported,
    StillThere,
    TokenPresented,
    Unspeakable,
    VehicleIdentified,
)
from evouch.charging.equipment import ConnectorStatus, Wiring
from evouch.charging.macs import parse_mac
from evouch.charging.tokens import Authorization
from evouch.errors import LocalError
from evouch.ids import EvseNumber, TransactionId
from evouch.ocpp import alike, v2_sessions, vehicles
from evouch.ocpp import v2_messages as msg
from evouch.ocpp import v2_parts as part
from evouch.ocpp.forms import one_of, plain, read, read_time
from evouch.ocpp.redaction import hidden
from evouch.ocpp.translator import Call, Json
from evouch.units import format_time

__all__ = ["ANSWERS", "FACTS", "FACTS_21", "HEARD", "SAYINGS"]


def _when(at: datetime | None, fact: object) -> str:
    if at is None:
        raise LocalError(f"{type(fact).__name__} needs its time on OCPP 2.x")
    return format_time(at)


# ── BootNotification, Heartbeat, StatusNotification, Authorize ──────────────────────────


def _boot(_wiring: Wiring, _action: str, payload: Json) -> Booted:
    boot = read(msg.BootNotification, payload)
    who = boot.station
    return Booted(
        vendor=who.vendor,
        model=who.model,
        serial=who.serial or "",
        firmware=who.firmware or "",
        reason=boot.reason,
    )


def _say_boot(_wiring: Wiring, fact: Booted) -> Call:
    station = msg.ChargingStation(
        vendor=fact.vendor, model=fact.model, serial=fact.serial or None, firmware=fact.firmware or None
    )
    return "BootNotification", plain(msg.BootNotification(reason=fact.reason, station=station))


#: ConnectorStatusEnumType of 2.x has one word for all that goes on while a cable is in.
_OCCUPIED: Final = frozenset({
    ConnectorStatus.PREPARING, ConnectorStatus.CHARGING, ConnectorStatus.SUSPENDED_EV,
    ConnectorStatus.SUSPENDED_EVSE, ConnectorStatus.FINISHING,
})  # fmt: skip


def _status(_wiring: Wiring, _action: str, payload: Json) -> ConnectorChanged:
    status = read(msg.StatusNotification, payload)
    return ConnectorChanged(
        evse=EvseNumber(status.evse),
        connector=status.connector,
        status=one_of(ConnectorStatus, status.status),
        at=read_time(status.timestamp),
    )


def _say_status(wiring: Wiring, fact: ConnectorChanged) -> Call:
    status = ConnectorStatus.OCCUPIED if fact.status in _OCCUPIED else fact.status
    connector = fact.connector or (wiring.connector_of(fact.evse) if fact.evse else 0)
    said = msg.StatusNotification(
        timestamp=_when(fact.at, fact), status=status, evse=int(fact.evse), connector=connector
    )
    return "StatusNotification", plain(said)


def _authorize(_wiring: Wiring, _action: str, payload: Json) -> TokenPresented:
    return TokenPresented(token=part.token_of(read(msg.Authorize, payload).token))


def _answer_authorize(wiring: Wiring, _fact: TokenPresented, answer: Authorization) -> Json:
    return plain(msg.AuthorizeAnswer(info=part.id_token_info(answer, wiring)))


def _say_authorize(wiring: Wiring, fact: TokenPresented) -> Call | Unspeakable:
    if not part.fits(fact.token, wiring):
        return Unspeakable(wiring.version, "TokenPresented")
    return "Authorize", plain(msg.Authorize(token=part.id_token(fact.token, wiring)))


def _heard_authorize(_wiring: Wiring, _fact: TokenPresented, payload: Json) -> Authorization:
    return part.authorization_of(read(msg.AuthorizeAnswer, payload).info)


# ── DataTransfer ────────────────────────────────────────────────────────────────────────


def _data(_wiring: Wiring, _action: str, payload: Json) -> DataReceived:
    sent = read(msg.DataTransfer, payload)
    return DataReceived(
        vendor=sent.vendor or None, message=sent.message, data=None if sent.data is UNSET else hidden(sent.data)
    )


def _answer_data(_wiring: Wiring, _fact: DataReceived, answer: DataAnswer) -> Json:
    return plain(part.data_payload(answer))


def _say_data(_wiring: Wiring, fact: DataReceived) -> Call:
    sent = msg.DataTransfer(
        vendor=fact.vendor or "", message=fact.message, data=UNSET if fact.data is None else fact.data
    )
    return "DataTransfer", plain(sent)


def _heard_data(_wiring: Wiring, _fact: DataReceived, payload: Json) -> DataAnswer:
    return part.data_answer(read(msg.DataTransferAnswer, payload))


# ── NotifyReport ────────────────────────────────────────────────────────────────────────


def _report(_wiring: Wiring, _action: str, payload: Json) -> SettingsReported:
    page = read(msg.NotifyReport, payload)
    return SettingsReported(
        request=page.request,
        page=page.seq,
        more=bool(page.more),
        settings=tuple(part.reported(page.data or ())),
        at=read_time(page.generated_at, "generatedAt"),
    )


def _say_report(_wiring: Wiring, fact: SettingsReported) -> Call:
    page = msg.NotifyReport(
        request=fact.request,
        generated_at=_when(fact.at, fact),
        seq=fact.page,
        more=fact.more,
        data=list(map(part.report_data, fact.settings)) or None,
    )
    return "NotifyReport", plain(page)


# ── NotifyEvent ─────────────────────────────────────────────────────────────────────────


def _event(wiring: Wiring, action: str, payload: Json) -> VehicleIdentified | Noted:
    """Read NotifyEvent: which vehicle is connected, or whatever else a monitor noticed."""
    events = [each for each in read(msg.NotifyEvent, payload).data if _names_vehicle(each)]
    if not events:
        return alike.noted(wiring, action, payload)
    read_off = [(each, parse_mac(each.value)) for each in events]
    # A fact is about one vehicle: of several in one message the first that can be read.
    event, mac = next((pair for pair in read_off if pair[1]), read_off[0])
    place = event.component.evse
    return VehicleIdentified(
        mac=mac,
        evse=EvseNumber(place.id) if place and place.id else None,
        connector=place.connector if place else None,
        transaction=TransactionId(event.transaction) if event.transaction else None,
        at=read_time(event.timestamp),
    )


def _names_vehicle(event: msg.EventData) -> bool:
    return (event.component.name.casefold(), event.variable.name.casefold()) == ("connectedev", "vehicleid")


def _say_event(_wiring: Wiring, fact: VehicleIdentified) -> Call:
    at = _when(fact.at, fact)
    event = msg.EventData(
        id=0,
        timestamp=at,
        trigger="Delta",
        value=vehicles.spelled(fact.mac) if fact.mac else "",
        kind="HardWiredNotification",
        component=msg.Component(name="ConnectedEV", evse=part.evse_part(fact.evse, fact.connector)),
        variable=msg.Variable(name="VehicleId"),
        transaction=fact.transaction,
    )
    return "NotifyEvent", plain(msg.NotifyEvent(generated_at=at, seq=0, data=[event]))


# ── what needs no more than an acknowledgement ──────────────────────────────────────────

#: What each notification is answered with. A question that we cannot answer gets the no that its
#: enumeration has; one whose no would be a lie (a VAT number called invalid) is not handled at all.
_UNSUPPORTED: Final = {"reasonCode": "UnsupportedRequest"}
_NOTED: Final[Mapping[str, Json]] = MappingProxyType({
    "ClearedChargingLimit": {},
    "FirmwareStatusNotification": {},
    "Get15118EVCertificate": {"status": "Failed", "exiResponse": "", "statusInfo": _UNSUPPORTED},
    "GetCertificateStatus": {"status": "Failed", "statusInfo": _UNSUPPORTED},
    "LogStatusNotification": {},
    "NotifyChargingLimit": {},
    "NotifyCustomerInformation": {},
    "NotifyDisplayMessages": {},
    "NotifyEVChargingNeeds": {"status": "Rejected", "statusInfo": _UNSUPPORTED},
    "NotifyEVChargingSchedule": {"status": "Accepted"},
    "NotifyMonitoringReport": {},
    "PublishFirmwareStatusNotification": {},
    "ReportChargingProfiles": {},
    "ReservationStatusUpdate": {},
    "SecurityEventNotification": {},
    "SignCertificate": {"status": "Rejected", "statusInfo": _UNSUPPORTED},
})  # fmt: skip
_NOTED_21: Final[Mapping[str, Json]] = MappingProxyType({
    "NotifyDERAlarm": {},
    "NotifyDERStartStop": {},
    "NotifyPriorityCharging": {},
    "NotifySettlement": {},
    "ReportDERControl": {},
})  # fmt: skip
_NO_ANSWER: Final[Mapping[str, Json]] = MappingProxyType({**_NOTED, **_NOTED_21, "NotifyEvent": {}})


def _answer_noted(_wiring: Wiring, fact: Noted, _answer: None) -> Json:
    return dict(_NO_ANSWER[fact.action])


# ── the tables ──────────────────────────────────────────────────────────────────────────

FACTS: Final[Mapping[str, Callable[[Wiring, str, Json], Fact[Any]]]] = MappingProxyType({
    "Authorize": _authorize,
    "BootNotification": _boot,
    "DataTransfer": _data,
    "Heartbeat": alike.heartbeat,
    "MeterValues": v2_sessions.meter_values,
    "NotifyEvent": _event,
    "NotifyReport": _report,
    "StatusNotification": _status,
    "TransactionEvent": v2_sessions.transaction,
    **dict.fromkeys(_NOTED, alike.noted),
})  # fmt: skip
FACTS_21: Final = MappingProxyType({**FACTS, **dict.fromkeys(_NOTED_21, alike.noted)})

ANSWERS: Final[Mapping[type, Callable[[Wiring, Any, Any], Json]]] = MappingProxyType({
    Booted: alike.answer_boot,
    ConnectorChanged: alike.acknowledge,
    DataReceived: _answer_data,
    MeterSampled: alike.acknowledge,
    Noted: _answer_noted,
    SessionEnded: v2_sessions.answer_transaction,
    SessionStarted: v2_sessions.answer_transaction,
    SessionUpdated: v2_sessions.answer_transaction,
    SettingsReported: alike.acknowledge,
    StillThere: alike.answer_heartbeat,
    TokenPresented: _answer_authorize,
    VehicleIdentified: alike.acknowledge,
})  # fmt: skip

SAYINGS: Final[Mapping[type, Callable[[Wiring, Any], Call | Unspeakable]]] = MappingProxyType({
    Booted: _say_boot,
    ConnectorChanged: _say_status,
    DataReceived: _say_data,
    MeterSampled: v2_sessions.say_meter_values,
    Noted: alike.say_noted,
    SessionEnded: v2_sessions.say_transaction,
    SessionStarted: v2_sessions.say_transaction,
    SessionUpdated: v2_sessions.say_transaction,
    SettingsReported: _say_report,
    StillThere: alike.say_heartbeat,
    TokenPresented: _say_authorize,
    VehicleIdentified: _say_event,
})  # fmt: skip

HEARD: Final[Mapping[type, Callable[[Wiring, Any, Json], Any]]] = MappingProxyType({
    Booted: alike.heard_boot,
    ConnectorChanged: alike.acknowledged,
    DataReceived: _heard_data,
    MeterSampled: alike.acknowledged,
    Noted: alike.acknowledged,
    SessionEnded: v2_sessions.heard_transaction,
    SessionStarted: v2_sessions.heard_transaction,
    SessionUpdated: v2_sessions.heard_transaction,
    SettingsReported: alike.acknowledged,
    StillThere: alike.heard_heartbeat,
    TokenPresented: _heard_authorize,
    VehicleIdentified: alike.acknowledged,
})  # fmt: skip
