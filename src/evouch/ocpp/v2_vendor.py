"""OCPP 2.x: NotifyWebPaymentStarted, NotifyWebPaymentFailed, AutochargeStart and DataTransfer to the station.

2.1 has NotifyWebPaymentStarted itself (use case C25); 2.0.1 carries the same content in a
DataTransfer. NotifyWebPaymentFailed is a DataTransfer on both. Refusals of a DataTransfer
say why in ``statusInfo`` and, with the same members, in ``data``: the source's text names
one place and its sample the other.
"""

from msgspec import UNSET

from evouch.charging.dialogue import (
    AnnounceStart,
    DataAnswer,
    DataStatus,
    LockAnswer,
    LockOutcome,
    Order,
    SendData,
    WebPaymentFailed,
    WebPaymentStarted,
)
from evouch.charging.equipment import Wiring
from evouch.errors import PeerRefused
from evouch.ocpp import v2_messages as msg
from evouch.ocpp import v2_parts as part
from evouch.ocpp.extensions import autocharge, web_payment
from evouch.ocpp.forms import ADDITIONAL_INFO, plain, read
from evouch.ocpp.translator import AnsweredAlready, Json
from evouch.ocpp.v2_orders import Answers, Calls
from evouch.ocpp.versions import V21

__all__ = [
    "announce", "done_data", "done_failed", "done_started", "failed", "outcome_data", "outcome_lock", "send_data",
    "started", "told_data", "told_started",
]  # fmt: skip


# ── backend ─────────────────────────────────────────────────────────────────────────────


def started(wiring: Wiring, order: WebPaymentStarted) -> Calls:
    """Return NotifyWebPaymentStarted, as a message of its own or in a DataTransfer."""
    content = web_payment.started_data(order)
    return ((web_payment.STARTED, content),) if wiring.version == V21 else _transfer(web_payment.STARTED, content)


def announce(_wiring: Wiring, order: AnnounceStart) -> Calls:
    """Return AutochargeStart in a DataTransfer."""
    transfer = msg.DataTransfer(vendor=autocharge.VENDOR, message=autocharge.START, data=autocharge.start_data(order))
    return (("DataTransfer", plain(transfer)),)


def failed(_wiring: Wiring, order: WebPaymentFailed) -> Calls:
    """Return NotifyWebPaymentFailed in a DataTransfer."""
    return _transfer(web_payment.FAILED, web_payment.failed_data(order))


def _transfer(message: str, content: Json) -> Calls:
    transfer = msg.DataTransfer(vendor=web_payment.VENDOR, message=message, data=content)
    return (("DataTransfer", plain(transfer)),)


def outcome_lock(
    wiring: Wiring, order: WebPaymentStarted | WebPaymentFailed, answers: Answers
) -> LockAnswer | PeerRefused:
    """Return what the station made of either message. The response of the 2.1 message is empty, and a yes."""
    first = answers[0]
    if isinstance(first, PeerRefused):
        return web_payment.understood_error(first)
    if wiring.version == V21 and isinstance(order, WebPaymentStarted):
        return LockAnswer(LockOutcome.TAKEN)
    answer = read(msg.DataTransferAnswer, first)
    info = {"reasonCode": answer.info.reason, "additionalInfo": answer.info.info} if answer.info else {}
    return web_payment.understood(answer.status, info, None if answer.data is UNSET else answer.data)


def send_data(_wiring: Wiring, order: SendData) -> Calls:
    """Return a DataTransfer of any vendor."""
    data = UNSET if order.data is None else order.data
    return (("DataTransfer", plain(msg.DataTransfer(vendor=order.vendor, message=order.message, data=data))),)


def outcome_data(_wiring: Wiring, _order: SendData, answers: Answers) -> DataAnswer | PeerRefused:
    """Return the station's answer. CALLERROR NotImplemented is one of the legal ways to say "unknown"."""
    first = answers[0]
    if isinstance(first, PeerRefused):
        unknown = first.code in {"NotImplemented", "NotSupported"}
        return DataAnswer(DataStatus.UNKNOWN_VENDOR, reason=first.code) if unknown else first
    return part.data_answer(read(msg.DataTransferAnswer, first))


# ── station ─────────────────────────────────────────────────────────────────────────────


def told_started(wiring: Wiring, payload: Json) -> WebPaymentStarted:
    """Read the message of 2.1. Raises PeerFault with the code of the source's table."""
    try:
        order = web_payment.read_started(payload, wiring)
    except web_payment.Wrong as wrong:
        raise web_payment.wrong_fault(wrong, payload) from None
    return order


def told_data(wiring: Wiring, payload: Json) -> Order[object]:
    """Read a DataTransfer: a message of ours, or somebody's data. Raises AnsweredAlready with the source's refusal."""
    transfer = read(msg.DataTransfer, payload)
    data = None if transfer.data is UNSET else transfer.data
    if not transfer.vendor:
        raise AnsweredAlready({"status": DataStatus.UNKNOWN_VENDOR.value})
    if transfer.vendor == autocharge.VENDOR:
        return autocharge.told(wiring, transfer.message, data)
    if transfer.vendor != web_payment.VENDOR:
        return SendData(vendor=transfer.vendor, message=transfer.message, data=data)
    try:
        if transfer.message == web_payment.FAILED:
            return web_payment.read_failed(web_payment.read_data(data), wiring)
        if transfer.message == web_payment.STARTED and wiring.version != V21:
            return web_payment.read_started(web_payment.read_data(data), wiring)
    except web_payment.Wrong as wrong:
        raise AnsweredAlready(_refused(wrong.reason, wrong.sentence)) from None
    raise AnsweredAlready({"status": DataStatus.UNKNOWN_MESSAGE.value})


def done_started(wiring: Wiring, order: WebPaymentStarted, answer: LockAnswer) -> Json:
    """Return the answer to NotifyWebPaymentStarted. Raises PeerFault on 2.1, where a refusal is a CALLERROR."""
    if wiring.version != V21:
        return _lock_payload(answer)
    fault = web_payment.fault(order, answer)
    if fault is not None:
        raise fault
    return {}


def done_failed(_wiring: Wiring, _order: WebPaymentFailed, answer: LockAnswer) -> Json:
    """Return the answer to NotifyWebPaymentFailed."""
    return _lock_payload(answer)


def _lock_payload(answer: LockAnswer) -> Json:
    if answer.outcome is LockOutcome.TAKEN:
        return {"status": DataStatus.ACCEPTED.value}
    if answer.outcome is LockOutcome.UNKNOWN:
        message = answer.reason == DataStatus.UNKNOWN_MESSAGE
        return {"status": DataStatus.UNKNOWN_MESSAGE.value if message else DataStatus.UNKNOWN_VENDOR.value}
    return _refused(answer.reason, answer.info)


def _refused(reason: str, info: str = "") -> Json:
    refusal = web_payment.refusal(reason, info[:ADDITIONAL_INFO])
    why = plain(web_payment.Refusal(reason=refusal.reason, info=refusal.info))
    return {"status": DataStatus.REJECTED.value, "statusInfo": why, "data": dict(why)}


def done_data(_wiring: Wiring, _order: SendData, answer: DataAnswer) -> Json:
    """Return the answer to a DataTransfer of any vendor."""
    return plain(part.data_payload(answer))
