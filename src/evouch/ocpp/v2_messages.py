"""Messages of OCPP 2.0.1 and 2.1 that stations send, and the parts of all, as far as they are handled here.

Field names are ours, ``name=`` is the wire's. Members that nothing here reads are left out:
the official schema has checked them before a payload is read as one of these. Objects that
belong to others (DataTransfer ``data``) pass as they are.

Source: OCPP 2.0.1 and 2.1 part 2, sections "Messages" and "Datatypes"; the JSON schemas of part 3.
"""

from decimal import Decimal
from typing import Any

import msgspec
from msgspec import field

from evouch.ocpp.forms import Struct

# ── parts ───────────────────────────────────────────────────────────────────────────────


class StatusInfo(Struct):
    """Why something was refused."""

    reason: str = field(name="reasonCode")
    info: str | None = field(name="additionalInfo", default=None)


class Evse(Struct):
    """An EVSE, and a connector of it."""

    id: int
    connector: int | None = field(name="connectorId", default=None)


class AdditionalInfo(Struct):
    """What else is known of a token."""

    value: str = field(name="additionalIdToken")
    type: str


class IdToken(Struct):
    """A token; ``type`` is an enumeration on 2.0.1 and free text on 2.1."""

    value: str = field(name="idToken")
    type: str
    additional: list[AdditionalInfo] | None = field(name="additionalInfo", default=None)


class IdTokenInfo(Struct):
    """The verdict on a token."""

    status: str
    expires: str | None = field(name="cacheExpiryDateTime", default=None)
    group: IdToken | None = field(name="groupIdToken", default=None)


class MessageContent(Struct):
    """A sentence for the driver."""

    format: str
    content: str
    language: str | None = None


class Unit(Struct):
    """Unit of a sampled value and the power of ten it is counted in."""

    unit: str | None = None
    multiplier: int | None = None


class SampledValue(Struct):
    """One value of a meter."""

    value: Decimal
    context: str | None = None
    measurand: str | None = None
    phase: str | None = None
    location: str | None = None
    unit: Unit | None = field(name="unitOfMeasure", default=None)


class MeterValue(Struct):
    """What was sampled at one moment."""

    timestamp: str
    sampled: list[SampledValue] = field(name="sampledValue")


class Component(Struct):
    """A component of the device model, perhaps of one EVSE."""

    name: str
    instance: str | None = None
    evse: Evse | None = None


class Variable(Struct):
    """A variable of a component."""

    name: str
    instance: str | None = None


class TransactionLimit(Struct):
    """What a transaction may not exceed; 2.1 only. Station currency, Wh, seconds."""

    cost: Decimal | None = field(name="maxCost", default=None)
    energy: Decimal | None = field(name="maxEnergy", default=None)
    time: int | None = field(name="maxTime", default=None)


# ── what stations say ───────────────────────────────────────────────────────────────────


class ChargingStation(Struct):
    """Who boots."""

    model: str
    vendor: str = field(name="vendorName")
    serial: str | None = field(name="serialNumber", default=None)
    firmware: str | None = field(name="firmwareVersion", default=None)


class BootNotification(Struct):
    """BootNotificationRequest."""

    reason: str
    station: ChargingStation = field(name="chargingStation")


class StatusNotification(Struct):
    """StatusNotificationRequest."""

    timestamp: str
    status: str = field(name="connectorStatus")
    evse: int = field(name="evseId")
    connector: int = field(name="connectorId")


class Authorize(Struct):
    """AuthorizeRequest."""

    token: IdToken = field(name="idToken")


class AuthorizeAnswer(Struct):
    """AuthorizeResponse."""

    info: IdTokenInfo = field(name="idTokenInfo")


class Transaction(Struct):
    """The transaction that an event is about."""

    id: str = field(name="transactionId")
    state: str | None = field(name="chargingState", default=None)
    stopped: str | None = field(name="stoppedReason", default=None)
    remote_start: int | None = field(name="remoteStartId", default=None)


class TransactionEvent(Struct):
    """TransactionEventRequest."""

    type: str = field(name="eventType")
    timestamp: str
    trigger: str = field(name="triggerReason")
    seq: int = field(name="seqNo")
    transaction: Transaction = field(name="transactionInfo")
    offline: bool | None = None
    reservation: int | None = field(name="reservationId", default=None)
    evse: Evse | None = None
    token: IdToken | None = field(name="idToken", default=None)
    values: list[MeterValue] | None = field(name="meterValue", default=None)


class TransactionEventAnswer(Struct):
    """TransactionEventResponse. ``limit`` exists on 2.1 only."""

    cost: Decimal | None = field(name="totalCost", default=None)
    info: IdTokenInfo | None = field(name="idTokenInfo", default=None)
    limit: TransactionLimit | None = field(name="transactionLimit", default=None)
    message: MessageContent | None = field(name="updatedPersonalMessage", default=None)


class MeterValues(Struct):
    """MeterValuesRequest."""

    evse: int = field(name="evseId")
    values: list[MeterValue] = field(name="meterValue")


class DataTransfer(Struct):
    """DataTransferRequest; ``data`` is anything."""

    vendor: str | None = field(name="vendorId", default=None)
    message: str | None = field(name="messageId", default=None)
    data: Any = msgspec.UNSET


class DataTransferAnswer(Struct):
    """DataTransferResponse."""

    status: str
    info: StatusInfo | None = field(name="statusInfo", default=None)
    data: Any = msgspec.UNSET


class VariableAttribute(Struct):
    """One attribute of a reported variable; without a type it is the actual value."""

    type: str | None = None
    value: str | None = None
    mutability: str | None = None


class VariableCharacteristics(Struct):
    """What values a reported variable can take."""

    type: str = field(name="dataType")
    monitored: bool = field(name="supportsMonitoring")
    unit: str | None = None
    minimum: Decimal | None = field(name="minLimit", default=None)
    maximum: Decimal | None = field(name="maxLimit", default=None)
    values: str | None = field(name="valuesList", default=None)


class ReportData(Struct):
    """One reported variable."""

    component: Component
    variable: Variable
    attributes: list[VariableAttribute] = field(name="variableAttribute")
    characteristics: VariableCharacteristics | None = field(name="variableCharacteristics", default=None)


class NotifyReport(Struct):
    """NotifyReportRequest: a page of a report."""

    request: int = field(name="requestId")
    generated_at: str = field(name="generatedAt")
    seq: int = field(name="seqNo")
    more: bool | None = field(name="tbc", default=None)
    data: list[ReportData] | None = field(name="reportData", default=None)


class EventData(Struct):
    """One event of a NotifyEvent: a variable, and what it has become."""

    id: int = field(name="eventId")
    timestamp: str
    trigger: str
    value: str = field(name="actualValue")
    kind: str = field(name="eventNotificationType")
    component: Component
    variable: Variable
    transaction: str | None = field(name="transactionId", default=None)


class NotifyEvent(Struct):
    """NotifyEventRequest."""

    generated_at: str = field(name="generatedAt")
    seq: int = field(name="seqNo")
    data: list[EventData] = field(name="eventData")
