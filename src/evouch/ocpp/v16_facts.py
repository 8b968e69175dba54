"""OCPP 1.6: what stations say, lifted into facts and back, and how they are answered.

Each message has up to four functions: ``_x`` reads it for the backend, ``_answer_x`` writes
the confirmation, ``_say_x`` writes it for the station, ``_heard_x`` reads the confirmation.

1.6 knows connectors only: their EVSE is looked up in the station's wiring. A message about
a connector that the wiring does not know is acknowledged and noted, not refused: some
stations repeat a refused message for ever.

Source: OCPP 1.6 edition 2, section 6; the class docstrings of ``v16_messages`` name each one.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from evouch.charging.dialogue import (
    Booted,
    ConnectorChanged,
    DataAnswer,
    DataReceived,
    DataStatus,
    Fact,
    MeterSampled,
    Noted,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    StillThere,
    TokenPresented,
    Unspeakable,
    VehicleIdentified,
)
from evouch.charging.equipment import ConnectorStatus, Wiring
from evouch.charging.tokens import Authorization
from evouch.ids import EvseNumber
from evouch.ocpp import alike, v16_sessions, vehicles
from evouch.ocpp import v16_messages as msg
from evouch.ocpp import v16_parts as part
from evouch.ocpp.extensions import autocharge
from evouch.ocpp.forms import clip, one_of, plain, read, read_time
from evouch.ocpp.redaction import hidden
from evouch.ocpp.translator import Call, Json
from evouch.units import format_time

__all__ = ["ANSWERS", "FACTS", "HEARD", "SAYINGS"]

#: Longest info of a StatusNotification (§6.47).
_INFO: Final = 50


# ── BootNotification, Heartbeat, StatusNotification, Authorize ──────────────────────────


def _boot(_wiring: Wiring, _action: str, payload: Json) -> Booted:
    boot = read(msg.BootNotification, payload)
    return Booted(
        vendor=boot.vendor,
        model=boot.model,
        serial=boot.serial or boot.box_serial or "",
        firmware=boot.firmware or "",
    )


def _say_boot(_wiring: Wiring, fact: Booted) -> Call:
    boot = msg.BootNotification(
        vendor=fact.vendor, model=fact.model, serial=fact.serial or None, firmware=fact.firmware or None
    )
    return "BootNotification", plain(boot)


def _status(wiring: Wiring, action: str, payload: Json) -> ConnectorChanged | Noted:
    status = read(msg.StatusNotification, payload)
    evse = wiring.evse_of(status.connector) if status.connector else EvseNumber(0)
    if evse is None:
        return Noted(action=action, payload=payload)
    return ConnectorChanged(
        evse=evse,
        connector=status.connector,
        status=one_of(ConnectorStatus, status.status),
        at=read_time(status.timestamp) if status.timestamp else None,
        error=status.error,
        info=status.info or "",
    )


#: ChargePointErrorCode (§7.6); a fault that 1.6 has no word for is an OtherError.
_ERRORS: Final = frozenset({
    "ConnectorLockFailure", "EVCommunicationError", "GroundFailure", "HighTemperature", "InternalError",
    "LocalListConflict", "NoError", "OtherError", "OverCurrentFailure", "PowerMeterFailure",
    "PowerSwitchFailure", "ReaderFailure", "ResetFailure", "UnderVoltage", "OverVoltage", "WeakSignal",
})  # fmt: skip


def _say_status(wiring: Wiring, fact: ConnectorChanged) -> Call:
    occupied = fact.status is ConnectorStatus.OCCUPIED
    said = msg.StatusNotification(
        connector=part.connector_for(wiring, fact.evse, fact.connector),
        error=fact.error if fact.error in _ERRORS else "OtherError",
        # A cable is in and more is not known: Preparing, the first of the states that 2.x calls Occupied.
        status=ConnectorStatus.PREPARING if occupied else fact.status,
        info=clip(fact.info, _INFO),
        timestamp=format_time(fact.at) if fact.at else None,
    )
    return "StatusNotification", plain(said)


def _authorize(_wiring: Wiring, _action: str, payload: Json) -> TokenPresented:
    return TokenPresented(token=vehicles.of_tag(read(msg.Authorize, payload).tag))


def _answer_authorize(_wiring: Wiring, _fact: TokenPresented, answer: Authorization) -> Json:
    return plain(msg.AuthorizeAnswer(info=part.id_tag_info(answer)))


def _say_authorize(wiring: Wiring, fact: TokenPresented) -> Call | Unspeakable:
    if not part.fits(fact.token):
        return Unspeakable(wiring.version, "TokenPresented")
    return "Authorize", plain(msg.Authorize(tag=vehicles.tag(fact.token)))


def _heard_authorize(_wiring: Wiring, _fact: TokenPresented, payload: Json) -> Authorization:
    return part.authorization_of(read(msg.AuthorizeAnswer, payload).info)


# ── DataTransfer ────────────────────────────────────────────────────────────────────────


def _data(wiring: Wiring, _action: str, payload: Json) -> DataReceived | VehicleIdentified:
    sent = read(msg.DataTransfer, payload)
    if sent.vendor == autocharge.VENDOR:
        return autocharge.identified(wiring, sent.message, sent.data)
    return DataReceived(vendor=sent.vendor or None, message=sent.message, data=hidden(sent.data))


def _answer_data(_wiring: Wiring, _fact: DataReceived, answer: DataAnswer) -> Json:
    return plain(part.data_payload(answer))


def _say_data(_wiring: Wiring, fact: DataReceived) -> Call:
    sent = msg.DataTransfer(vendor=fact.vendor or "", message=fact.message, data=part.text_of_data(fact.data))
    return "DataTransfer", plain(sent)


def _heard_data(_wiring: Wiring, _fact: DataReceived, payload: Json) -> DataAnswer:
    return part.data_answer(read(msg.DataTransferAnswer, payload))


def _answer_vehicle(_wiring: Wiring, _fact: VehicleIdentified, _answer: None) -> Json:
    return {"status": DataStatus.ACCEPTED.value}


def _say_vehicle(wiring: Wiring, fact: VehicleIdentified) -> Call:
    connector = part.connector_for(wiring, fact.evse, fact.connector)
    data = autocharge.identified_data(fact, connector, part.number_of(fact.transaction))
    sent = msg.DataTransfer(vendor=autocharge.VENDOR, message=autocharge.IDENTIFIED, data=part.text_of_data(data))
    return "DataTransfer", plain(sent)


# ── what needs no more than an acknowledgement ──────────────────────────────────────────

#: What each notification is answered with. We have no certificate authority: a request to sign is refused.
_NOTED: Final[Mapping[str, Json]] = MappingProxyType({
    "DiagnosticsStatusNotification": {},
    "FirmwareStatusNotification": {},
    "LogStatusNotification": {},
    "SecurityEventNotification": {},
    "SignCertificate": {"status": "Rejected"},
    "SignedFirmwareStatusNotification": {},
})  # fmt: skip


def _answer_noted(_wiring: Wiring, fact: Noted, _answer: None) -> Json:
    return dict(_NOTED.get(fact.action, {}))


# ── the tables ──────────────────────────────────────────────────────────────────────────

FACTS: Final[Mapping[str, Callable[[Wiring, str, Json], Fact[Any]]]] = MappingProxyType({
    "Authorize": _authorize,
    "BootNotification": _boot,
    "DataTransfer": _data,
    "Heartbeat": alike.heartbeat,
    "MeterValues": v16_sessions.meter_values,
    "StartTransaction": v16_sessions.start,
    "StatusNotification": _status,
    "StopTransaction": v16_sessions.stop,
    **dict.fromkeys(_NOTED, alike.noted),
})  # fmt: skip

ANSWERS: Final[Mapping[type, Callable[[Wiring, Any, Any], Json]]] = MappingProxyType({
    Booted: alike.answer_boot,
    ConnectorChanged: alike.acknowledge,
    DataReceived: _answer_data,
    MeterSampled: alike.acknowledge,
    Noted: _answer_noted,
    SessionEnded: v16_sessions.answer_stop,
    SessionStarted: v16_sessions.answer_start,
    SessionUpdated: alike.acknowledge,
    StillThere: alike.answer_heartbeat,
    TokenPresented: _answer_authorize,
    VehicleIdentified: _answer_vehicle,
})  # fmt: skip

#: SettingsReported is missing: 1.6 has no reports.
SAYINGS: Final[Mapping[type, Callable[[Wiring, Any], Call | Unspeakable]]] = MappingProxyType({
    Booted: _say_boot,
    ConnectorChanged: _say_status,
    DataReceived: _say_data,
    MeterSampled: v16_sessions.say_meter_values,
    Noted: alike.say_noted,
    SessionEnded: v16_sessions.say_stop,
    SessionStarted: v16_sessions.say_start,
    SessionUpdated: v16_sessions.say_update,
    StillThere: alike.say_heartbeat,
    TokenPresented: _say_authorize,
    VehicleIdentified: _say_vehicle,
})  # fmt: skip

HEARD: Final[Mapping[type, Callable[[Wiring, Any, Json], Any]]] = MappingProxyType({
    Booted: alike.heard_boot,
    ConnectorChanged: alike.acknowledged,
    DataReceived: _heard_data,
    MeterSampled: alike.acknowledged,
    Noted: alike.acknowledged,
    SessionEnded: v16_sessions.heard_stop,
    SessionStarted: v16_sessions.heard_start,
    SessionUpdated: v16_sessions.heard_update,
    StillThere: alike.heard_heartbeat,
    TokenPresented: _heard_authorize,
    VehicleIdentified: alike.acknowledged,
})  # fmt: skip
