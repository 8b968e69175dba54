"""Messages of OCPP 2.0.1 and 2.1 that backends send, as far as they are handled here.

Source: OCPP 2.0.1 and 2.1 part 2, sections "Messages" and "Datatypes"; the JSON schemas of part 3.
"""

from decimal import Decimal

from msgspec import field

from evouch.ocpp.forms import Struct
from evouch.ocpp.v2_messages import Component, Evse, IdToken, StatusInfo, Variable


class StatusAnswer(Struct):
    """The response of most orders: a word, and perhaps why."""

    status: str
    info: StatusInfo | None = field(name="statusInfo", default=None)


class RequestStart(Struct):
    """RequestStartTransactionRequest."""

    remote_start: int = field(name="remoteStartId")
    token: IdToken = field(name="idToken")
    evse: int | None = field(name="evseId", default=None)


class RequestStartAnswer(Struct):
    """RequestStartTransactionResponse."""

    status: str
    info: StatusInfo | None = field(name="statusInfo", default=None)
    transaction: str | None = field(name="transactionId", default=None)


class RequestStop(Struct):
    """RequestStopTransactionRequest."""

    transaction: str = field(name="transactionId")


class CostUpdated(Struct):
    """CostUpdatedRequest; the currency is the station's own."""

    cost: Decimal = field(name="totalCost")
    transaction: str = field(name="transactionId")


class SetVariable(Struct):
    """One variable to set."""

    component: Component
    variable: Variable
    value: str = field(name="attributeValue")
    attribute: str | None = field(name="attributeType", default=None)


class SetVariables(Struct):
    """SetVariablesRequest."""

    data: list[SetVariable] = field(name="setVariableData")


class SetVariableResult(Struct):
    """What became of one variable."""

    component: Component
    variable: Variable
    status: str = field(name="attributeStatus")
    attribute: str | None = field(name="attributeType", default=None)
    info: StatusInfo | None = field(name="attributeStatusInfo", default=None)


class SetVariablesAnswer(Struct):
    """SetVariablesResponse."""

    results: list[SetVariableResult] = field(name="setVariableResult")


class GetVariable(Struct):
    """One variable to read."""

    component: Component
    variable: Variable
    attribute: str | None = field(name="attributeType", default=None)


class GetVariables(Struct):
    """GetVariablesRequest."""

    data: list[GetVariable] = field(name="getVariableData")


class GetVariableResult(Struct):
    """One variable as it was read."""

    component: Component
    variable: Variable
    status: str = field(name="attributeStatus")
    value: str | None = field(name="attributeValue", default=None)
    attribute: str | None = field(name="attributeType", default=None)
    info: StatusInfo | None = field(name="attributeStatusInfo", default=None)


class GetVariablesAnswer(Struct):
    """GetVariablesResponse."""

    results: list[GetVariableResult] = field(name="getVariableResult")


class GetBaseReport(Struct):
    """GetBaseReportRequest."""

    request: int = field(name="requestId")
    base: str = field(name="reportBase")


class Reset(Struct):
    """ResetRequest."""

    type: str
    evse: int | None = field(name="evseId", default=None)


class ChangeAvailability(Struct):
    """ChangeAvailabilityRequest."""

    status: str = field(name="operationalStatus")
    evse: Evse | None = None


class UnlockConnector(Struct):
    """UnlockConnectorRequest."""

    evse: int = field(name="evseId")
    connector: int = field(name="connectorId")


class TriggerMessage(Struct):
    """TriggerMessageRequest. ``custom`` exists on 2.1 only."""

    message: str = field(name="requestedMessage")
    evse: Evse | None = None
    custom: str | None = field(name="customTrigger", default=None)


class ReserveNow(Struct):
    """ReserveNowRequest."""

    id: int
    expires: str = field(name="expiryDateTime")
    token: IdToken = field(name="idToken")
    evse: int | None = field(name="evseId", default=None)


class CancelReservation(Struct):
    """CancelReservationRequest."""

    id: int = field(name="reservationId")


class NotifyWebPaymentStarted(Struct):
    """NotifyWebPaymentStartedRequest, 2.1 only (use case C25)."""

    evse: int = field(name="evseId")
    timeout: int
