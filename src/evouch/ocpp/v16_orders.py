"""OCPP 1.6: what backends want, lowered into messages and back, and how it is answered.

Each order has up to four functions: ``_x`` writes its CALLs for the backend, ``_outcome_x``
reads the confirmations, ``_told_x`` reads the CALL for the station, ``_done_x`` writes the
confirmation. Orders whose answer is a status word share one table of words.

An EVSE becomes its connector; an order to an EVSE with several connectors becomes one CALL
for each where that makes sense. A station refuses a connector that its wiring does not know
with the word that the message has for it.

Source: OCPP 1.6 edition 2, section 6; the security whitepaper for ExtendedTriggerMessage.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from evouch.charging.dialogue import (
    CancelReservation,
    ChangeAvailability,
    ClearCache,
    Order,
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
from evouch.ids import EvseNumber, RemoteStartId
from evouch.ocpp import v16_messages as msg
from evouch.ocpp import v16_parts as part
from evouch.ocpp import vehicles
from evouch.ocpp.forms import plain, read, read_time, said_yes, word
from evouch.ocpp.translator import AnsweredAlready, Call, Json
from evouch.units import format_time

__all__ = ["DONE", "ORDERS", "OUTCOMES", "TOLD", "Answers", "Calls"]

Calls = tuple[Call, ...] | Unspeakable
Answers = Sequence[Json | PeerRefused]

#: Status words of each order's confirmation and whether they mean yes; the first of each kind is the plain one.
_PLAIN: Final = MappingProxyType({"Accepted": True, "Rejected": False})
_WORDS: Final[Mapping[type, Mapping[str, bool]]] = MappingProxyType({
    CancelReservation: _PLAIN,
    ChangeAvailability: {**_PLAIN, "Scheduled": True},
    ClearCache: _PLAIN,
    Reserve: {**_PLAIN, "Faulted": False, "Occupied": False, "Unavailable": False},
    Reset: _PLAIN,
    StopCharging: _PLAIN,
    Trigger: {**_PLAIN, "NotImplemented": False},
    Unlock: {"Unlocked": True, "UnlockFailed": False, "NotSupported": False},
})  # fmt: skip


def _outcome_yes(_wiring: Wiring, order: Order[Yes], answers: Answers) -> Yes | PeerRefused:
    """Return the answer of all connectors together: the first no, else the last yes."""
    result = Yes(accepted=False)
    for answer in answers:
        if isinstance(answer, PeerRefused):
            return answer
        result = said_yes(read(msg.StatusAnswer, answer).status, _WORDS[type(order)])
        if not result.accepted:
            break
    return result


def _done_yes(_wiring: Wiring, order: Order[Yes], answer: Yes) -> Json:
    return plain(msg.StatusAnswer(status=word(answer, _WORDS[type(order)])))


def _evse_of(wiring: Wiring, connector: int, refusal: str = "Rejected") -> EvseNumber:
    """Return the EVSE of a connector. Raises AnsweredAlready with the message's own no where there is none."""
    evse = wiring.evse_of(connector)
    if evse is None:
        raise AnsweredAlready({"status": refusal})
    return evse


# ── RemoteStartTransaction, RemoteStopTransaction ───────────────────────────────────────


def _start(wiring: Wiring, order: StartCharging) -> Calls:
    if not part.fits(order.token):
        return Unspeakable(wiring.version, "StartCharging")
    connector = part.connector_for(wiring, order.evse, order.connector)
    return (("RemoteStartTransaction", plain(msg.RemoteStart(tag=vehicles.tag(order.token), connector=connector))),)


def _outcome_start(_wiring: Wiring, _order: StartCharging, answers: Answers) -> StartAnswer | PeerRefused:
    first = answers[0]
    if isinstance(first, PeerRefused):
        return first
    return StartAnswer(read(msg.StatusAnswer, first).status == "Accepted")


def _told_start(wiring: Wiring, payload: Json) -> StartCharging:
    """Read RemoteStartTransaction; without a connector it is the only EVSE, or 0 where the station has to choose.

    1.6 has no remoteStartId; it is 0 here.
    """
    request = read(msg.RemoteStart, payload)
    only = next(iter(wiring.evses)) if len(wiring.evses) == 1 else EvseNumber(0)
    evse = only if request.connector is None else _evse_of(wiring, request.connector)
    return StartCharging(
        evse=evse, token=vehicles.of_tag(request.tag), remote_start=RemoteStartId(0), connector=request.connector
    )


def _done_start(_wiring: Wiring, _order: StartCharging, answer: StartAnswer) -> Json:
    return {"status": "Accepted" if answer.accepted else "Rejected"}


def _stop(wiring: Wiring, order: StopCharging) -> Calls:
    number = part.number_of(order.transaction)
    if number is None:
        return Unspeakable(wiring.version, "StopCharging")
    return (("RemoteStopTransaction", plain(msg.RemoteStop(transaction=number))),)


def _told_stop(_wiring: Wiring, payload: Json) -> StopCharging:
    return StopCharging(transaction=part.transaction_of(read(msg.RemoteStop, payload).transaction))


# ── Reset, ChangeAvailability, UnlockConnector, TriggerMessage, ClearCache ──────────────


def _reset(wiring: Wiring, order: Reset) -> Calls:
    if order.evse:
        return Unspeakable(wiring.version, "Reset")
    return (("Reset", plain(msg.Reset(type="Hard" if order.hard else "Soft"))),)


def _told_reset(_wiring: Wiring, payload: Json) -> Reset:
    return Reset(hard=read(msg.Reset, payload).type == "Hard")


def _availability(wiring: Wiring, order: ChangeAvailability) -> Calls:
    kind = "Operative" if order.operative else "Inoperative"
    return tuple(
        ("ChangeAvailability", plain(msg.ChangeAvailability(connector=connector, type=kind)))
        for connector in _connectors(wiring, order)
    )


def _connectors(wiring: Wiring, order: ChangeAvailability) -> tuple[int, ...]:
    if order.connector or not order.evse:
        return (order.connector or 0,)
    known = wiring.evses.get(order.evse)
    return known.connectors if known and known.connectors else (wiring.connector_of(order.evse),)


def _told_availability(wiring: Wiring, payload: Json) -> ChangeAvailability:
    request = read(msg.ChangeAvailability, payload)
    operative = request.type == "Operative"
    if not request.connector:
        return ChangeAvailability(operative=operative)
    evse = _evse_of(wiring, request.connector)
    return ChangeAvailability(operative=operative, evse=evse, connector=request.connector)


def _unlock(wiring: Wiring, order: Unlock) -> Calls:
    connector = part.connector_for(wiring, order.evse, order.connector)
    return (("UnlockConnector", plain(msg.UnlockConnector(connector=connector))),)


def _told_unlock(wiring: Wiring, payload: Json) -> Unlock:
    """Read UnlockConnector; an unknown connector is NotSupported (§5.18)."""
    connector = read(msg.UnlockConnector, payload).connector
    return Unlock(evse=_evse_of(wiring, connector, "NotSupported"), connector=connector)


#: MessageTrigger (§7.35), and what only the ExtendedTriggerMessage of the security whitepaper has.
_TRIGGERS: Final = frozenset({
    "BootNotification", "DiagnosticsStatusNotification", "FirmwareStatusNotification", "Heartbeat",
    "MeterValues", "StatusNotification",
})  # fmt: skip
_EXTENDED: Final = frozenset({"LogStatusNotification", "SignChargePointCertificate"})


def _trigger(wiring: Wiring, order: Trigger) -> Calls:
    if order.message not in _TRIGGERS | _EXTENDED:
        return Unspeakable(wiring.version, "Trigger")
    connector = part.connector_for(wiring, order.evse, order.connector) or None
    action = "ExtendedTriggerMessage" if order.message in _EXTENDED else "TriggerMessage"
    return ((action, plain(msg.TriggerMessage(message=order.message, connector=connector))),)


def _told_trigger(wiring: Wiring, payload: Json) -> Trigger:
    request = read(msg.TriggerMessage, payload)
    if not request.connector:
        return Trigger(message=request.message)
    evse = _evse_of(wiring, request.connector)
    return Trigger(message=request.message, evse=evse, connector=request.connector)


def _clear_cache(_wiring: Wiring, _order: ClearCache) -> Calls:
    return (("ClearCache", {}),)


def _told_clear_cache(_wiring: Wiring, _payload: Json) -> ClearCache:
    return ClearCache()


# ── ReserveNow, CancelReservation ───────────────────────────────────────────────────────


def _reserve(wiring: Wiring, order: Reserve) -> Calls:
    if not part.fits(order.token):
        return Unspeakable(wiring.version, "Reserve")
    request = msg.ReserveNow(
        connector=part.connector_for(wiring, order.evse, order.connector),
        expires=format_time(order.expires),
        tag=vehicles.tag(order.token),
        id=order.id,
    )
    return (("ReserveNow", plain(request)),)


def _told_reserve(wiring: Wiring, payload: Json) -> Reserve:
    """Read ReserveNow; connector 0 leaves the choice to the station."""
    request = read(msg.ReserveNow, payload)
    return Reserve(
        id=request.id,
        evse=_evse_of(wiring, request.connector) if request.connector else EvseNumber(0),
        token=vehicles.of_tag(request.tag),
        expires=read_time(request.expires, "expiryDate"),
        connector=request.connector or None,
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
    Reserve: _reserve,
    Reset: _reset,
    StartCharging: _start,
    StopCharging: _stop,
    Trigger: _trigger,
    Unlock: _unlock,
})  # fmt: skip

OUTCOMES: Final[Mapping[type, Callable[[Wiring, Any, Answers], Any]]] = MappingProxyType({
    **dict.fromkeys(_WORDS, _outcome_yes),
    StartCharging: _outcome_start,
})  # fmt: skip

TOLD: Final[Mapping[str, Callable[[Wiring, Json], Order[Any]]]] = MappingProxyType({
    "CancelReservation": _told_cancel,
    "ChangeAvailability": _told_availability,
    "ClearCache": _told_clear_cache,
    "ExtendedTriggerMessage": _told_trigger,
    "RemoteStartTransaction": _told_start,
    "RemoteStopTransaction": _told_stop,
    "ReserveNow": _told_reserve,
    "Reset": _told_reset,
    "TriggerMessage": _told_trigger,
    "UnlockConnector": _told_unlock,
})  # fmt: skip

DONE: Final[Mapping[type, Callable[[Wiring, Any, Any], Json]]] = MappingProxyType({
    **dict.fromkeys(_WORDS, _done_yes),
    StartCharging: _done_start,
})  # fmt: skip
