"""OCPP 2.0.1 and 2.1: what backends want, lowered into messages and back, and how it is answered.

Each order has up to four functions: ``_x`` writes its CALL for the backend, ``_outcome_x``
reads the response, ``_told_x`` reads the CALL for the station, ``_done_x`` writes the
response. Orders whose answer is a status word share one table of words.

Source: OCPP 2.0.1 and 2.1 part 2, section 1 "Messages"; the class docstrings of
``v2_messages`` name each one.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from evouch.charging.dialogue import (
    CancelReservation,
    ChangeAvailability,
    ClearCache,
    CostSoFar,
    Order,
    ReportSettings,
    Reserve,
    Reset,
    StartAnswer,
    StartCharging,
    StopCharging,
    Trigger,
    Unlock,
    Unspeakable,
    Yes,
)
from evouch.charging.equipment import Wiring
from evouch.errors import PeerRefused
from evouch.ids import EvseNumber, RemoteStartId, TransactionId
from evouch.ocpp import v2_parts as part
from evouch.ocpp import v2_requests as msg
from evouch.ocpp.forms import plain, read, read_time, said_yes, word
from evouch.ocpp.translator import Call, Json
from evouch.ocpp.v2_messages import Evse
from evouch.ocpp.versions import V21
from evouch.units import Money, format_time

__all__ = ["DONE", "ORDERS", "OUTCOMES", "TOLD", "Answers", "Calls"]

Calls = tuple[Call, ...] | Unspeakable
Answers = Sequence[Json | PeerRefused]

#: Status words of each order's response and whether they mean yes; the first of each kind is the plain one.
_PLAIN: Final = MappingProxyType({"Accepted": True, "Rejected": False})
_WORDS: Final[Mapping[type, Mapping[str, bool]]] = MappingProxyType({
    CancelReservation: _PLAIN,
    ChangeAvailability: {**_PLAIN, "Scheduled": True},
    ClearCache: _PLAIN,
    ReportSettings: {**_PLAIN, "NotSupported": False, "EmptyResultSet": False},
    Reserve: {**_PLAIN, "Faulted": False, "Occupied": False, "Unavailable": False},
    Reset: {**_PLAIN, "Scheduled": True},
    StopCharging: _PLAIN,
    Trigger: {**_PLAIN, "NotImplemented": False},
    Unlock: {
        "Unlocked": True, "UnlockFailed": False, "OngoingAuthorizedTransaction": False, "UnknownConnector": False,
    },
})  # fmt: skip


def _outcome_yes(_wiring: Wiring, order: Order[Yes], answers: Answers) -> Yes | PeerRefused:
    first = answers[0]
    if isinstance(first, PeerRefused):
        return first
    answer = read(msg.StatusAnswer, first)
    return said_yes(answer.status, _WORDS[type(order)], answer.info.reason if answer.info else "")


def _done_yes(_wiring: Wiring, order: Order[Yes], answer: Yes) -> Json:
    return plain(msg.StatusAnswer(status=word(answer, _WORDS[type(order)]), info=part.status_info(answer.reason)))


# ── RequestStartTransaction, RequestStopTransaction, CostUpdated ────────────────────────


def _start(wiring: Wiring, order: StartCharging) -> Calls:
    if order.evse < 1 or not part.fits(order.token, wiring):
        return Unspeakable(wiring.version, "StartCharging")
    token = part.id_token(order.token, wiring, order.additional)
    request = msg.RequestStart(remote_start=int(order.remote_start), token=token, evse=int(order.evse))
    return (("RequestStartTransaction", plain(request)),)


def _outcome_start(_wiring: Wiring, _order: StartCharging, answers: Answers) -> StartAnswer | PeerRefused:
    first = answers[0]
    if isinstance(first, PeerRefused):
        return first
    answer = read(msg.RequestStartAnswer, first)
    transaction = TransactionId(answer.transaction) if answer.transaction else None
    return StartAnswer(answer.status == "Accepted", transaction, answer.info.reason if answer.info else "")


def _told_start(wiring: Wiring, payload: Json) -> StartCharging:
    """Read RequestStartTransaction; without an EVSE it is the only one, or 0 where the station has to choose."""
    request = read(msg.RequestStart, payload)
    only = next(iter(wiring.evses)) if len(wiring.evses) == 1 else EvseNumber(0)
    return StartCharging(
        evse=only if request.evse is None else EvseNumber(request.evse),
        token=part.token_of(request.token),
        remote_start=RemoteStartId(request.remote_start),
        additional=tuple((one.type, one.value) for one in request.token.additional or ()),
    )


def _done_start(_wiring: Wiring, _order: StartCharging, answer: StartAnswer) -> Json:
    return plain(
        msg.RequestStartAnswer(
            status="Accepted" if answer.accepted else "Rejected",
            info=part.status_info(answer.reason),
            transaction=answer.transaction,
        )
    )


def _stop(_wiring: Wiring, order: StopCharging) -> Calls:
    return (("RequestStopTransaction", plain(msg.RequestStop(transaction=order.transaction))),)


def _told_stop(_wiring: Wiring, payload: Json) -> StopCharging:
    return StopCharging(transaction=TransactionId(read(msg.RequestStop, payload).transaction))


def _cost(_wiring: Wiring, order: CostSoFar) -> Calls:
    request = msg.CostUpdated(cost=order.cost.rounded().amount, transaction=order.transaction)
    return (("CostUpdated", plain(request)),)


def _outcome_cost(_wiring: Wiring, _order: CostSoFar, answers: Answers) -> Yes | PeerRefused:
    first = answers[0]
    return first if isinstance(first, PeerRefused) else Yes(accepted=True, status="Accepted")


def _told_cost(wiring: Wiring, payload: Json) -> CostSoFar:
    request = read(msg.CostUpdated, payload)
    return CostSoFar(transaction=TransactionId(request.transaction), cost=Money(request.cost, wiring.currency))


def _done_cost(_wiring: Wiring, _order: CostSoFar, _answer: Yes) -> Json:
    return {}


# ── GetBaseReport, Reset, ChangeAvailability, UnlockConnector, TriggerMessage, ClearCache ─


def _report(_wiring: Wiring, order: ReportSettings) -> Calls:
    return (("GetBaseReport", plain(msg.GetBaseReport(request=order.request, base=order.base))),)


def _told_report(_wiring: Wiring, payload: Json) -> ReportSettings:
    request = read(msg.GetBaseReport, payload)
    return ReportSettings(request=request.request, base=request.base)


def _reset(_wiring: Wiring, order: Reset) -> Calls:
    request = msg.Reset(type="Immediate" if order.hard else "OnIdle", evse=int(order.evse) if order.evse else None)
    return (("Reset", plain(request)),)


def _told_reset(_wiring: Wiring, payload: Json) -> Reset:
    request = read(msg.Reset, payload)
    return Reset(hard=request.type != "OnIdle", evse=EvseNumber(request.evse) if request.evse else None)


def _availability(_wiring: Wiring, order: ChangeAvailability) -> Calls:
    status = "Operative" if order.operative else "Inoperative"
    request = msg.ChangeAvailability(status=status, evse=part.evse_part(order.evse, order.connector))
    return (("ChangeAvailability", plain(request)),)


def _told_availability(_wiring: Wiring, payload: Json) -> ChangeAvailability:
    request = read(msg.ChangeAvailability, payload)
    evse, connector = _place(request.evse)
    return ChangeAvailability(operative=request.status == "Operative", evse=evse, connector=connector)


def _place(evse: Evse | None) -> tuple[EvseNumber | None, int | None]:
    return (EvseNumber(evse.id), evse.connector) if evse and evse.id else (None, None)


def _unlock(_wiring: Wiring, order: Unlock) -> Calls:
    return (("UnlockConnector", plain(msg.UnlockConnector(evse=int(order.evse), connector=order.connector))),)


def _told_unlock(_wiring: Wiring, payload: Json) -> Unlock:
    request = read(msg.UnlockConnector, payload)
    return Unlock(evse=EvseNumber(request.evse), connector=request.connector)


#: MessageTriggerEnumType of both versions; 2.1 has three more, and CustomTrigger for everything else.
_TRIGGERS: Final = frozenset({
    "BootNotification", "FirmwareStatusNotification", "Heartbeat", "LogStatusNotification", "MeterValues",
    "PublishFirmwareStatusNotification", "SignChargingStationCertificate", "SignCombinedCertificate",
    "SignV2GCertificate", "StatusNotification", "TransactionEvent",
})  # fmt: skip
_CUSTOM: Final = "CustomTrigger"
_CUSTOM_LENGTH: Final = 50


def _trigger(wiring: Wiring, order: Trigger) -> Calls:
    listed = order.message in _TRIGGERS or (wiring.version == V21 and order.message == "SignV2G20Certificate")
    if not listed and (wiring.version != V21 or len(order.message) > _CUSTOM_LENGTH):
        return Unspeakable(wiring.version, "Trigger")
    evse = part.evse_part(order.evse, order.connector)
    request = msg.TriggerMessage(
        message=order.message if listed else _CUSTOM, evse=evse, custom=None if listed else order.message
    )
    return (("TriggerMessage", plain(request)),)


def _told_trigger(_wiring: Wiring, payload: Json) -> Trigger:
    request = read(msg.TriggerMessage, payload)
    evse, connector = _place(request.evse)
    message = request.custom if request.message == _CUSTOM and request.custom else request.message
    return Trigger(message=message, evse=evse, connector=connector)


def _clear_cache(_wiring: Wiring, _order: ClearCache) -> Calls:
    return (("ClearCache", {}),)


def _told_clear_cache(_wiring: Wiring, _payload: Json) -> ClearCache:
    return ClearCache()


# ── ReserveNow, CancelReservation ───────────────────────────────────────────────────────


def _reserve(wiring: Wiring, order: Reserve) -> Calls:
    if not part.fits(order.token, wiring):
        return Unspeakable(wiring.version, "Reserve")
    request = msg.ReserveNow(
        id=order.id,
        expires=format_time(order.expires),
        token=part.id_token(order.token, wiring),
        evse=int(order.evse) or None,
    )
    return (("ReserveNow", plain(request)),)


def _told_reserve(_wiring: Wiring, payload: Json) -> Reserve:
    request = read(msg.ReserveNow, payload)
    return Reserve(
        id=request.id,
        evse=EvseNumber(request.evse or 0),
        token=part.token_of(request.token),
        expires=read_time(request.expires, "expiryDateTime"),
    )


def _cancel(_wiring: Wiring, order: CancelReservation) -> Calls:
    return (("CancelReservation", plain(msg.CancelReservation(id=order.id))),)


def _told_cancel(_wiring: Wiring, payload: Json) -> CancelReservation:
    return CancelReservation(id=read(msg.CancelReservation, payload).id)


# ── the tables; settings and vendor messages are in files of their own ──────────────────

ORDERS: Final[Mapping[type, Callable[[Wiring, Any], Calls]]] = MappingProxyType({
    CancelReservation: _cancel,
    ChangeAvailability: _availability,
    ClearCache: _clear_cache,
    CostSoFar: _cost,
    ReportSettings: _report,
    Reserve: _reserve,
    Reset: _reset,
    StartCharging: _start,
    StopCharging: _stop,
    Trigger: _trigger,
    Unlock: _unlock,
})  # fmt: skip

OUTCOMES: Final[Mapping[type, Callable[[Wiring, Any, Answers], Any]]] = MappingProxyType({
    **dict.fromkeys(_WORDS, _outcome_yes),
    CostSoFar: _outcome_cost,
    StartCharging: _outcome_start,
})  # fmt: skip

TOLD: Final[Mapping[str, Callable[[Wiring, Json], Order[Any]]]] = MappingProxyType({
    "CancelReservation": _told_cancel,
    "ChangeAvailability": _told_availability,
    "ClearCache": _told_clear_cache,
    "CostUpdated": _told_cost,
    "GetBaseReport": _told_report,
    "RequestStartTransaction": _told_start,
    "RequestStopTransaction": _told_stop,
    "ReserveNow": _told_reserve,
    "Reset": _told_reset,
    "TriggerMessage": _told_trigger,
    "UnlockConnector": _told_unlock,
})  # fmt: skip

DONE: Final[Mapping[type, Callable[[Wiring, Any, Any], Json]]] = MappingProxyType({
    **dict.fromkeys(_WORDS, _done_yes),
    CostSoFar: _done_cost,
    StartCharging: _done_start,
})  # fmt: skip
