"""OCPP 1.6: StartTransaction, MeterValues and StopTransaction.

Lifted into session facts and back, as ``v16_facts`` does with everything else that a
station says. meterStart and meterStop become the readings ``Transaction.Begin`` and
``Transaction.End``; a missing reason is Local; triggers are the nearest words of 2.x.

Source: OCPP 1.6 edition 2, §4.8 StartTransaction, §4.7 MeterValues, §4.10 StopTransaction.
"""

from typing import Final

from evouch.charging.dialogue import (
    MeterSampled,
    Noted,
    Reading,
    SessionAnswer,
    SessionEnded,
    SessionStarted,
    SessionUpdated,
    Unspeakable,
)
from evouch.charging.equipment import Wiring
from evouch.errors import LocalError
from evouch.ids import EvseNumber
from evouch.ocpp import v16_messages as msg
from evouch.ocpp import v16_parts as part
from evouch.ocpp import vehicles
from evouch.ocpp.forms import plain, read, read_time
from evouch.ocpp.translator import Call, Json
from evouch.units import Wh, format_time

__all__ = [
    "answer_start", "answer_stop", "heard_start", "heard_stop", "heard_update", "meter_values", "say_meter_values",
    "say_start", "say_stop", "say_update", "start", "stop",
]  # fmt: skip


# ── StartTransaction ────────────────────────────────────────────────────────────────────


def start(wiring: Wiring, _action: str, payload: Json) -> SessionStarted:
    """Read StartTransaction. Its trigger is Authorized: the id comes with the answer."""
    start = read(msg.StartTransaction, payload)
    at = read_time(start.timestamp)
    return SessionStarted(
        transaction=None,
        at=at,
        evse=wiring.evse_of(start.connector),
        connector=start.connector,
        token=vehicles.of_tag(start.tag),
        readings=(Reading(at=at, energy=Wh(start.meter), context="Transaction.Begin"),),
        trigger="Authorized",
        reservation=start.reservation,
    )


def answer_start(_wiring: Wiring, _fact: SessionStarted, answer: SessionAnswer) -> Json:
    """Return StartTransaction.conf. It has to carry an id even where it refuses: -1, which we never assign."""
    if answer.authorization is None or (answer.authorization.accepted and answer.transaction is None):
        raise LocalError("a 1.6 start is answered with a verdict, and a yes with a transaction id")
    number = -1 if answer.transaction is None else part.needed_number(answer.transaction)
    return plain(msg.StartTransactionAnswer(info=part.id_tag_info(answer.authorization), transaction=number))


def say_start(wiring: Wiring, fact: SessionStarted) -> Call | Unspeakable:
    """Return StartTransaction; without a token that fits 1.6 cannot start."""
    if fact.token is None or not part.fits(fact.token):
        return Unspeakable(wiring.version, "SessionStarted")
    said = msg.StartTransaction(
        connector=part.connector_for(wiring, fact.evse, fact.connector),
        tag=vehicles.tag(fact.token),
        meter=_register(fact.readings, "Transaction.Begin"),
        timestamp=format_time(fact.at),
        reservation=fact.reservation,
    )
    return "StartTransaction", plain(said)


def _register(readings: tuple[Reading, ...], context: str) -> int:
    """Return the meter register at one end of a transaction; where no reading says so, the one nearest to it."""
    named = [one.energy for one in readings if one.energy is not None and one.context == context]
    known = named or [one.energy for one in readings if one.energy is not None]
    return int(known[-1] if context == "Transaction.End" else known[0]) if known else 0


def heard_start(_wiring: Wiring, _fact: SessionStarted, payload: Json) -> SessionAnswer:
    """Return verdict and transaction id."""
    answer = read(msg.StartTransactionAnswer, payload)
    return SessionAnswer(
        authorization=part.authorization_of(answer.info), transaction=part.transaction_of(answer.transaction)
    )


# ── MeterValues ─────────────────────────────────────────────────────────────────────────

#: What a reading's context says about why it was sent, in the words of 2.x TriggerReasonEnumType.
_TRIGGERS: Final = {"Sample.Clock": "MeterValueClock", "Trigger": "Trigger"}


def meter_values(wiring: Wiring, action: str, payload: Json) -> SessionUpdated | MeterSampled | Noted:
    """Read MeterValues. A transactionId below 1 is how some stations say that there is none."""
    sampled = read(msg.MeterValues, payload)
    evse = wiring.evse_of(sampled.connector) if sampled.connector else EvseNumber(0)
    readings = part.readings_of(sampled.values)
    bound = sampled.transaction is not None and sampled.transaction > 0
    if not sampled.values or (evse is None and not bound):
        return Noted(action=action, payload=payload)
    if sampled.transaction is None or not bound:
        return MeterSampled(evse=evse or EvseNumber(0), readings=readings)
    return SessionUpdated(
        transaction=part.transaction_of(sampled.transaction),
        at=read_time(sampled.values[-1].timestamp),
        evse=evse or None,
        connector=sampled.connector,
        readings=readings,
        trigger=_TRIGGERS.get(readings[-1].context if readings else "", "MeterValuePeriodic"),
    )


def say_update(wiring: Wiring, fact: SessionUpdated) -> Call | Unspeakable:
    """Return MeterValues. Without a reading 1.6 has nothing to say: states go by StatusNotification."""
    said = _sampled(wiring, fact.evse, fact.connector, fact.readings)
    if said is None:
        return Unspeakable(wiring.version, "SessionUpdated")
    said.transaction = part.needed_number(fact.transaction)
    return "MeterValues", plain(said)


def say_meter_values(wiring: Wiring, fact: MeterSampled) -> Call | Unspeakable:
    """Return MeterValues that belong to no transaction."""
    said = _sampled(wiring, fact.evse, None, fact.readings)
    return Unspeakable(wiring.version, "MeterSampled") if said is None else ("MeterValues", plain(said))


def _sampled(
    wiring: Wiring, evse: EvseNumber | None, connector: int | None, readings: tuple[Reading, ...]
) -> msg.MeterValues | None:
    values = part.meter_values(readings)
    place = part.connector_for(wiring, evse, connector)
    return msg.MeterValues(connector=place, values=values) if values else None


def heard_update(_wiring: Wiring, _fact: SessionUpdated, _payload: Json) -> SessionAnswer:
    """Return what MeterValues.conf says: nothing."""
    return SessionAnswer()


# ── StopTransaction ─────────────────────────────────────────────────────────────────────

#: Reason (§7.36) → the TriggerReason of 2.x that comes nearest.
_REASONS: Final = {
    "DeAuthorized": "Deauthorized",
    "EVDisconnected": "EVCommunicationLost",
    "EmergencyStop": "AbnormalCondition",
    "HardReset": "ResetCommand",
    "Local": "StopAuthorized",
    "Other": "AbnormalCondition",
    "PowerLoss": "AbnormalCondition",
    "Reboot": "ResetCommand",
    "Remote": "RemoteStop",
    "SoftReset": "ResetCommand",
    "UnlockCommand": "UnlockCommand",
}
#: Reasons of 2.x that 1.6 names otherwise; all others are Other.
_REASONS_2: Final = {"ImmediateReset": "HardReset", "": "Local"}


def stop(_wiring: Wiring, _action: str, payload: Json) -> SessionEnded:
    """Read StopTransaction; a missing reason is Local (§6.49)."""
    stop = read(msg.StopTransaction, payload)
    at = read_time(stop.timestamp)
    reason = stop.reason or "Local"
    end = Reading(at=at, energy=Wh(stop.meter), context="Transaction.End")
    return SessionEnded(
        transaction=part.transaction_of(stop.transaction),
        at=at,
        token=vehicles.of_tag(stop.tag) if stop.tag else None,
        readings=(*part.readings_of(stop.values), end),
        trigger=_REASONS.get(reason, "AbnormalCondition"),
        reason=reason,
    )


def answer_stop(_wiring: Wiring, _fact: SessionEnded, answer: SessionAnswer) -> Json:
    """Return StopTransaction.conf, with a verdict only where there is one."""
    verdict = part.id_tag_info(answer.authorization) if answer.authorization else None
    return plain(msg.StopTransactionAnswer(info=verdict))


def say_stop(_wiring: Wiring, fact: SessionEnded) -> Call:
    """Return StopTransaction."""
    reason = fact.reason if fact.reason in _REASONS else _REASONS_2.get(fact.reason, "Other")
    tag = vehicles.tag(fact.token) if fact.token is not None and part.fits(fact.token) else None
    said = msg.StopTransaction(
        meter=_register(fact.readings, "Transaction.End"),
        timestamp=format_time(fact.at),
        transaction=part.needed_number(fact.transaction),
        tag=tag,
        reason=reason,
        values=part.meter_values(_between(fact.readings)) or None,
    )
    return "StopTransaction", plain(said)


def _between(readings: tuple[Reading, ...]) -> tuple[Reading, ...]:
    """Return the readings without the one that becomes meterStop, unless it says more than that."""
    last = readings[-1] if readings else None
    plain_end = last is not None and last.context == "Transaction.End" and last.power is None and last.soc is None
    return readings[:-1] if plain_end else readings


def heard_stop(_wiring: Wiring, _fact: SessionEnded, payload: Json) -> SessionAnswer:
    """Return the verdict, where there is one."""
    info = read(msg.StopTransactionAnswer, payload).info
    return SessionAnswer(authorization=part.authorization_of(info) if info else None)
