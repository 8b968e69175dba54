"""Messages of OCPP 1.6J, as far as they are handled here.

Field names are ours, ``name=`` is the wire's. Members that nothing here reads are left out:
the official schema has checked them before a payload is read as one of these.

Source: OCPP 1.6 edition 2, sections 6 "Messages" and 7 "Types"; the JSON schemas of OCPP-J 1.6.
"""

from msgspec import field

from evouch.ocpp.forms import Struct

# ── parts ───────────────────────────────────────────────────────────────────────────────


class IdTagInfo(Struct):
    """The verdict on an idTag (§7.27)."""

    status: str
    expires: str | None = field(name="expiryDate", default=None)
    parent: str | None = field(name="parentIdTag", default=None)


class SampledValue(Struct):
    """One value of a meter (§7.43); ``value`` is text, for it may be signed data."""

    value: str
    context: str | None = None
    format: str | None = None
    measurand: str | None = None
    phase: str | None = None
    location: str | None = None
    unit: str | None = None


class MeterValue(Struct):
    """What was sampled at one moment (§7.33)."""

    timestamp: str
    sampled: list[SampledValue] = field(name="sampledValue")


class KeyValue(Struct):
    """One configuration key (§7.29)."""

    key: str
    readonly: bool
    value: str | None = None


# ── what stations say ───────────────────────────────────────────────────────────────────


class BootNotification(Struct):
    """BootNotification.req (§6.3)."""

    vendor: str = field(name="chargePointVendor")
    model: str = field(name="chargePointModel")
    serial: str | None = field(name="chargePointSerialNumber", default=None)
    #: deprecated by 1.6, and still the only serial number that some stations send
    box_serial: str | None = field(name="chargeBoxSerialNumber", default=None)
    firmware: str | None = field(name="firmwareVersion", default=None)


class StatusNotification(Struct):
    """StatusNotification.req (§6.47)."""

    connector: int = field(name="connectorId")
    error: str = field(name="errorCode")
    status: str
    info: str | None = None
    timestamp: str | None = None


class Authorize(Struct):
    """Authorize.req (§6.1)."""

    tag: str = field(name="idTag")


class AuthorizeAnswer(Struct):
    """Authorize.conf (§6.2)."""

    info: IdTagInfo = field(name="idTagInfo")


class StartTransaction(Struct):
    """StartTransaction.req (§6.45)."""

    connector: int = field(name="connectorId")
    tag: str = field(name="idTag")
    meter: int = field(name="meterStart")
    timestamp: str
    reservation: int | None = field(name="reservationId", default=None)


class StartTransactionAnswer(Struct):
    """StartTransaction.conf (§6.46)."""

    info: IdTagInfo = field(name="idTagInfo")
    transaction: int = field(name="transactionId")


class MeterValues(Struct):
    """MeterValues.req (§6.31)."""

    connector: int = field(name="connectorId")
    values: list[MeterValue] = field(name="meterValue")
    transaction: int | None = field(name="transactionId", default=None)


class StopTransaction(Struct):
    """StopTransaction.req (§6.49)."""

    meter: int = field(name="meterStop")
    timestamp: str
    transaction: int = field(name="transactionId")
    tag: str | None = field(name="idTag", default=None)
    reason: str | None = None
    values: list[MeterValue] | None = field(name="transactionData", default=None)


class StopTransactionAnswer(Struct):
    """StopTransaction.conf (§6.50)."""

    info: IdTagInfo | None = field(name="idTagInfo", default=None)


class DataTransfer(Struct):
    """DataTransfer.req (§6.17); ``data`` is text."""

    vendor: str | None = field(name="vendorId", default=None)
    message: str | None = field(name="messageId", default=None)
    data: str | None = None


class DataTransferAnswer(Struct):
    """DataTransfer.conf (§6.18)."""

    status: str
    data: str | None = None


# ── what backends say ───────────────────────────────────────────────────────────────────


class StatusAnswer(Struct):
    """The confirmation of most orders: a word."""

    status: str


class RemoteStart(Struct):
    """RemoteStartTransaction.req (§6.33)."""

    tag: str = field(name="idTag")
    connector: int | None = field(name="connectorId", default=None)


class RemoteStop(Struct):
    """RemoteStopTransaction.req (§6.35)."""

    transaction: int = field(name="transactionId")


class ChangeConfiguration(Struct):
    """ChangeConfiguration.req (§6.9)."""

    key: str
    value: str


class GetConfiguration(Struct):
    """GetConfiguration.req (§6.23)."""

    keys: list[str] | None = field(name="key", default=None)


class GetConfigurationAnswer(Struct):
    """GetConfiguration.conf (§6.24)."""

    known: list[KeyValue] | None = field(name="configurationKey", default=None)
    unknown: list[str] | None = field(name="unknownKey", default=None)


class Reset(Struct):
    """Reset.req (§6.39)."""

    type: str


class ChangeAvailability(Struct):
    """ChangeAvailability.req (§6.7)."""

    connector: int = field(name="connectorId")
    type: str


class UnlockConnector(Struct):
    """UnlockConnector.req (§6.53)."""

    connector: int = field(name="connectorId")


class TriggerMessage(Struct):
    """TriggerMessage.req (§6.51), and ExtendedTriggerMessage.req of the security whitepaper (§4.2)."""

    message: str = field(name="requestedMessage")
    connector: int | None = field(name="connectorId", default=None)


class ReserveNow(Struct):
    """ReserveNow.req (§6.37)."""

    connector: int = field(name="connectorId")
    expires: str = field(name="expiryDate")
    tag: str = field(name="idTag")
    id: int = field(name="reservationId")


class CancelReservation(Struct):
    """CancelReservation.req (§6.5)."""

    id: int = field(name="reservationId")
