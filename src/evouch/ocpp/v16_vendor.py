"""OCPP 1.6: DataTransfer to the station, and the four messages that we carry in it.

NotifyWebPaymentStarted and NotifyWebPaymentFailed (vendor ``cloud.charging.open``) put a
JSON object into the string ``data``; they name connectorId and evseId, and a station takes
either. RunningCost is the OCA application note "OCPP & California Pricing Requirements"
(section 3 for 1.6; vendor ``org.openchargealliance.costmsg``; a station that shows it has
the key ``CustomDisplayCostAndPrice``): it goes only to stations whose wiring says so.
Vendor, message ids and members as implemented by EVerest/libocpp
(doc/california_pricing_requirements.md) and citrineos-core (CaliforniaPricing module).
AutochargeStart is ours (``extensions.autocharge``).
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from msgspec import field

from evouch.charging.dialogue import (
    AnnounceStart,
    CostSoFar,
    DataAnswer,
    DataStatus,
    LockAnswer,
    LockOutcome,
    Order,
    SendData,
    Unspeakable,
    WebPaymentFailed,
    WebPaymentStarted,
    Yes,
)
from evouch.charging.equipment import Wiring
from evouch.errors import PeerFault, PeerRefused
from evouch.ids import TransactionId
from evouch.ocpp import v16_messages as msg
from evouch.ocpp import v16_parts as part
from evouch.ocpp.extensions import autocharge, web_payment
from evouch.ocpp.forms import Struct, plain, read, read_time
from evouch.ocpp.translator import AnsweredAlready, Json
from evouch.ocpp.v16_orders import Answers, Calls
from evouch.units import Money, Wh, format_time

__all__ = [
    "COST_VENDOR", "announce", "cost", "done_cost", "done_data", "done_lock", "failed", "outcome_cost", "outcome_data",
    "outcome_lock", "send_data", "started", "told_data",
]  # fmt: skip

COST_VENDOR: Final = "org.openchargealliance.costmsg"
_RUNNING_COST: Final = "RunningCost"


# ── backend ─────────────────────────────────────────────────────────────────────────────


def started(wiring: Wiring, order: WebPaymentStarted) -> Calls:
    """Return NotifyWebPaymentStarted."""
    connector = part.connector_for(wiring, order.evse, order.connector)
    return _transfer(web_payment.VENDOR, web_payment.STARTED, web_payment.started_data(order, connector))


def announce(wiring: Wiring, order: AnnounceStart) -> Calls:
    """Return AutochargeStart."""
    connector = part.connector_for(wiring, order.evse, order.connector)
    return _transfer(autocharge.VENDOR, autocharge.START, autocharge.start_data(order, connector))


def failed(wiring: Wiring, order: WebPaymentFailed) -> Calls:
    """Return NotifyWebPaymentFailed."""
    connector = part.connector_for(wiring, order.evse, order.connector)
    return _transfer(web_payment.VENDOR, web_payment.FAILED, web_payment.failed_data(order, connector))


def _transfer(vendor: str, message: str | None, data: object) -> Calls:
    transfer = msg.DataTransfer(vendor=vendor, message=message, data=part.text_of_data(data))
    return (("DataTransfer", plain(transfer)),)


def outcome_lock(
    _wiring: Wiring, _order: WebPaymentStarted | WebPaymentFailed, answers: Answers
) -> LockAnswer | PeerRefused:
    """Return what the station made of either message."""
    first = answers[0]
    if isinstance(first, PeerRefused):
        return web_payment.understood_error(first)
    answer = read(msg.DataTransferAnswer, first)
    return web_payment.understood(answer.status, {}, answer.data)


def send_data(_wiring: Wiring, order: SendData) -> Calls:
    """Return a DataTransfer of any vendor; data that is no text becomes JSON text."""
    return _transfer(order.vendor, order.message, order.data)


def outcome_data(_wiring: Wiring, _order: SendData, answers: Answers) -> DataAnswer | PeerRefused:
    """Return the station's answer. CALLERROR NotImplemented is one of the legal ways to say "unknown"."""
    first = answers[0]
    if isinstance(first, PeerRefused):
        unknown = first.code in {"NotImplemented", "NotSupported"}
        return DataAnswer(DataStatus.UNKNOWN_VENDOR, reason=first.code) if unknown else first
    return part.data_answer(read(msg.DataTransferAnswer, first))


# ── the running cost ────────────────────────────────────────────────────────────────────


class _RunningCost(Struct):
    """Content of RunningCost. Prices are left empty: the station shows the sum and computes nothing itself."""

    transaction: int = field(name="transactionId")
    cost: Decimal
    timestamp: str | None = None
    meter: int | None = field(name="meterValue", default=None)
    state: str | None = None
    price: dict[str, Any] | None = field(name="chargingPrice", default=None)


def cost(wiring: Wiring, order: CostSoFar) -> Calls:
    """Return RunningCost, to a station that shows it, with the register and time that the message requires."""
    number = part.number_of(order.transaction)
    if not wiring.cost_messages or number is None or order.at is None or order.meter is None:
        return Unspeakable(wiring.version, "CostSoFar")
    content = _RunningCost(
        transaction=number,
        timestamp=format_time(order.at),
        meter=int(order.meter),
        cost=order.cost.rounded().amount,
        state="Charging",
        price={},
    )
    return _transfer(COST_VENDOR, _RUNNING_COST, plain(content))


def outcome_cost(_wiring: Wiring, _order: CostSoFar, answers: Answers) -> Yes | PeerRefused:
    """Return whether the station shows the cost."""
    first = answers[0]
    if isinstance(first, PeerRefused):
        return first
    status = read(msg.DataTransferAnswer, first).status
    return Yes(status == "Accepted", status)


def _read_cost(content: Mapping[str, Any], wiring: Wiring) -> CostSoFar:
    running = read(_RunningCost, content)
    at: datetime | None = read_time(running.timestamp) if running.timestamp else None
    return CostSoFar(
        transaction=TransactionId(str(running.transaction)),
        cost=Money(running.cost, wiring.currency),
        at=at,
        meter=None if running.meter is None else Wh(running.meter),
    )


def done_cost(_wiring: Wiring, _order: CostSoFar, answer: Yes) -> Json:
    """Return the answer to RunningCost."""
    return {"status": "Accepted" if answer.accepted else "Rejected"}


# ── station ─────────────────────────────────────────────────────────────────────────────


def told_data(wiring: Wiring, payload: Json) -> Order[Any]:
    """Read a DataTransfer: a message of ours, or somebody's data. Raises AnsweredAlready with the source's refusal."""
    transfer = read(msg.DataTransfer, payload)
    if not transfer.vendor:
        raise AnsweredAlready({"status": DataStatus.UNKNOWN_VENDOR.value})
    if transfer.vendor == web_payment.VENDOR:
        return _told_payment(wiring, transfer)
    if transfer.vendor == autocharge.VENDOR:
        return autocharge.told(wiring, transfer.message, transfer.data)
    if (transfer.vendor, transfer.message) == (COST_VENDOR, _RUNNING_COST) and wiring.cost_messages:
        return _told_cost(wiring, transfer)
    return SendData(vendor=transfer.vendor, message=transfer.message, data=transfer.data)


def _told_payment(wiring: Wiring, transfer: msg.DataTransfer) -> WebPaymentStarted | WebPaymentFailed:
    try:
        if transfer.message == web_payment.STARTED:
            return web_payment.read_started(web_payment.read_data(transfer.data), wiring)
        if transfer.message == web_payment.FAILED:
            return web_payment.read_failed(web_payment.read_data(transfer.data), wiring)
    except web_payment.Wrong as wrong:
        raise AnsweredAlready(_refused(wrong.reason, wrong.sentence)) from None
    raise AnsweredAlready({"status": DataStatus.UNKNOWN_MESSAGE.value})


def _told_cost(wiring: Wiring, transfer: msg.DataTransfer) -> CostSoFar:
    try:
        return _read_cost(web_payment.read_data(transfer.data), wiring)
    except (web_payment.Wrong, PeerFault):
        raise AnsweredAlready({"status": DataStatus.REJECTED.value}) from None


def done_lock(_wiring: Wiring, order: WebPaymentStarted | WebPaymentFailed, answer: LockAnswer) -> Json:
    """Return the answer to either message. An EVSE is called wrong by the name it was asked for."""
    if answer.outcome is LockOutcome.TAKEN:
        return {"status": DataStatus.ACCEPTED.value}
    if answer.outcome is LockOutcome.UNKNOWN:
        message = answer.reason == DataStatus.UNKNOWN_MESSAGE
        return {"status": DataStatus.UNKNOWN_MESSAGE.value if message else DataStatus.UNKNOWN_VENDOR.value}
    asked = order.asked if isinstance(order.asked, dict) else {"evseId": order.evse}
    by_connector = answer.reason == "invalidEvseId" and asked.get("evseId") is None
    return _refused("invalidConnectorId" if by_connector else answer.reason, answer.info)


def _refused(reason: str, info: str = "") -> Json:
    data = part.text_of_data(plain(web_payment.refusal(reason, info)))
    return {"status": DataStatus.REJECTED.value, "data": data}


def done_data(_wiring: Wiring, _order: SendData, answer: DataAnswer) -> Json:
    """Return the answer to a DataTransfer of any vendor."""
    return plain(part.data_payload(answer))
