"""OCPP 2.0.1 and 2.1: TransactionEvent and MeterValues.

Lifted into session facts and back, as ``v2_facts`` does with everything else that a
station says. 2.1 can be told a limit; words that only 2.1 has are said on 2.0.1 as the
nearest ones. Amounts travel without a currency: they are in the station's own.

Source: OCPP 2.1 part 2, use cases E01–E16 and I02, TransactionEventRequest and -Response.
"""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from evouch.charging.dialogue import (
    ChargingState,
    MeterSampled,
    SessionAnswer,
    SessionEnded,
    SessionFact,
    SessionStarted,
    SessionUpdated,
    Unspeakable,
)
from evouch.charging.equipment import Wiring
from evouch.charging.tokens import Limit
from evouch.errors import LocalError
from evouch.ids import EvseNumber, RemoteStartId, TransactionId
from evouch.ocpp import v2_messages as msg
from evouch.ocpp import v2_parts as part
from evouch.ocpp.forms import one_of, plain, read, read_time
from evouch.ocpp.translator import Call, Json
from evouch.ocpp.versions import V21
from evouch.units import Money, Wh, format_time

__all__ = [
    "answer_transaction", "heard_transaction", "meter_values", "say_meter_values", "say_transaction", "transaction",
]  # fmt: skip


# ── TransactionEvent ────────────────────────────────────────────────────────────────────


def transaction(_wiring: Wiring, _action: str, payload: Json) -> SessionFact:
    """Read TransactionEvent; its EVSE may be missing, as stations in the field leave it out."""
    event = read(msg.TransactionEvent, payload)
    about = event.transaction
    common: dict[str, Any] = {
        "transaction": TransactionId(about.id),
        "at": read_time(event.timestamp),
        "evse": EvseNumber(event.evse.id) if event.evse and event.evse.id else None,
        "connector": event.evse.connector if event.evse else None,
        "token": part.token_of(event.token) if event.token else None,
        "remote_start": None if about.remote_start is None else RemoteStartId(about.remote_start),
        "readings": part.readings_of(event.values),
        "seq": event.seq,
        "trigger": event.trigger,
        "state": one_of(ChargingState, about.state) if about.state else None,
        "offline": bool(event.offline),
    }
    if event.type == "Started":
        return SessionStarted(**common, reservation=event.reservation)
    if event.type == "Ended":
        # Part 2, TransactionType.stoppedReason: a station may leave it out where it is Local.
        return SessionEnded(**common, reason=about.stopped or "Local")
    return SessionUpdated(**common)


def answer_transaction(wiring: Wiring, _fact: SessionFact, answer: SessionAnswer) -> Json:
    """Return TransactionEventResponse. A limit is said on 2.1 only, a cost rounded to minor units."""
    limit = answer.limit if wiring.version == V21 and answer.limit else None
    return plain(
        msg.TransactionEventAnswer(
            cost=answer.total_cost.rounded().amount if answer.total_cost is not None else None,
            info=part.id_token_info(answer.authorization, wiring) if answer.authorization else None,
            limit=_limit_part(limit) if limit else None,
            message=part.message_content(answer.message, wiring) if answer.message else None,
        )
    )


def _limit_part(limit: Limit) -> msg.TransactionLimit:
    return msg.TransactionLimit(
        cost=limit.max_cost.amount if limit.max_cost is not None else None,
        energy=None if limit.max_energy is None else Decimal(limit.max_energy),
        time=limit.max_time,
    )


#: Reasons of 1.6 that 2.x names otherwise (ReasonEnumType).
_REASONS: Final = {"HardReset": "ImmediateReset", "SoftReset": "Reboot", "UnlockCommand": "Other"}
_TYPES: Final[Mapping[type, str]] = MappingProxyType(
    {SessionStarted: "Started", SessionUpdated: "Updated", SessionEnded: "Ended"}
)


def say_transaction(wiring: Wiring, fact: SessionFact) -> Call | Unspeakable:
    """Return TransactionEvent."""
    if fact.transaction is None or fact.seq is None:
        raise LocalError("a transaction of OCPP 2.x has an id and a sequence number from the start")
    if fact.token is not None and not part.fits(fact.token, wiring):
        return Unspeakable(wiring.version, type(fact).__name__)
    reason = fact.reason if isinstance(fact, SessionEnded) else ""
    values = [value for reading in fact.readings if (value := part.meter_value(reading))]
    said = msg.TransactionEvent(
        type=_TYPES[type(fact)],
        timestamp=format_time(fact.at),
        trigger=_trigger(fact, wiring),
        seq=fact.seq,
        transaction=msg.Transaction(
            id=fact.transaction,
            state=fact.state,
            stopped=_REASONS.get(reason, reason) or None,
            remote_start=fact.remote_start,
        ),
        offline=True if fact.offline else None,
        reservation=fact.reservation if isinstance(fact, SessionStarted) else None,
        evse=part.evse_part(fact.evse, fact.connector),
        token=part.id_token(fact.token, wiring) if fact.token else None,
        values=values or None,
    )
    return "TransactionEvent", plain(said)


#: Triggers that 2.1 added, and what 2.0.1 says instead.
_TRIGGERS_21: Final = {
    "CostLimitReached": "AbnormalCondition",
    "LimitSet": "Trigger",
    "OperationModeChanged": "ChargingRateChanged",
    "RunningCost": "Trigger",
    "SoCLimitReached": "EnergyLimitReached",
    "TariffChanged": "Trigger",
    "TariffNotAccepted": "Deauthorized",
    "TxResumed": "ChargingStateChanged",
}


def _trigger(fact: SessionFact, wiring: Wiring) -> str:
    trigger = fact.trigger or "Trigger"
    return trigger if wiring.version == V21 else _TRIGGERS_21.get(trigger, trigger)


def heard_transaction(wiring: Wiring, _fact: SessionFact, payload: Json) -> SessionAnswer:
    """Return what the backend answered."""
    answer = read(msg.TransactionEventAnswer, payload)
    return SessionAnswer(
        authorization=part.authorization_of(answer.info) if answer.info else None,
        total_cost=None if answer.cost is None else Money(answer.cost, wiring.currency),
        limit=_limit_of(answer.limit, wiring) if answer.limit else None,
        message=part.text_of(answer.message) if answer.message else None,
    )


def _limit_of(limit: msg.TransactionLimit, wiring: Wiring) -> Limit:
    return Limit(
        max_cost=None if limit.cost is None else Money(limit.cost, wiring.currency),
        max_energy=None if limit.energy is None else Wh(int(limit.energy)),
        max_time=limit.time,
    )


# ── MeterValues ─────────────────────────────────────────────────────────────────────────


def meter_values(_wiring: Wiring, _action: str, payload: Json) -> MeterSampled:
    """Read MeterValues, which on 2.x never belong to a transaction."""
    sampled = read(msg.MeterValues, payload)
    return MeterSampled(evse=EvseNumber(sampled.evse), readings=part.readings_of(sampled.values))


def say_meter_values(wiring: Wiring, fact: MeterSampled) -> Call | Unspeakable:
    """Return MeterValues."""
    values = [value for reading in fact.readings if (value := part.meter_value(reading))]
    if not values:
        return Unspeakable(wiring.version, "MeterSampled")
    return "MeterValues", plain(msg.MeterValues(evse=int(fact.evse), values=values))
