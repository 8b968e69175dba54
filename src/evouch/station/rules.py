"""Which messages follow from a step of an EVSE.

Rules of this file: facts are derived by comparing the state before with the state after,
never by asking which event it was, except for the words that name the trigger. So every
TxStartPoint and TxStopPoint is one condition that begins or ceases to hold:

===================  ===============================================================
``Authorized``       somebody is authorised (from AWAITING or STARTING on)
``EVConnected``      a cable is in
``PowerPathClosed``  power can flow; ``DataSigned`` and ``EnergyTransfer`` count as this
``Ready``            ours, for 1.6: authorised and plugged in, as StartTransaction wants
===================  ===============================================================

Sources: OCPP 2.x part 2 E01–E06, F01–F03 and the trigger words of §3.x TriggerReasonEnumType;
OCPP 1.6 §4.8, §4.10 and §6.45 (Reason).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

from evouch.charging.dialogue import (
    ChargingState,
    ConnectorChanged,
    Reading,
    SessionEnded,
    SessionFact,
    SessionStarted,
    SessionUpdated,
)
from evouch.charging.equipment import ConnectorStatus
from evouch.ids import TransactionId
from evouch.station.machine import AUTHORISED, ENERGISED, Cause, Event, EvseState, Phase, Session, Signal
from evouch.station.machine import step as table_step

__all__ = ["Moment", "Outcome", "Rules", "connector_facts", "periodic", "status", "step"]

S = TypeVar("S", bound=SessionFact)

_C, _P = ConnectorStatus, Phase

#: OCPP 1.6 §4.9: the nine states of a connector.
_STATUS_16: Final = {
    _P.AVAILABLE: _C.AVAILABLE, _P.OCCUPIED: _C.PREPARING, _P.AWAITING: _C.PREPARING, _P.STARTING: _C.PREPARING,
    _P.CHARGING: _C.CHARGING, _P.SUSPENDED_EV: _C.SUSPENDED_EV, _P.SUSPENDED_EVSE: _C.SUSPENDED_EVSE,
    _P.FINISHING: _C.FINISHING, _P.RESERVED: _C.RESERVED, _P.UNAVAILABLE: _C.UNAVAILABLE, _P.FAULTED: _C.FAULTED,
}  # fmt: skip

#: States that concern all connectors of an EVSE, whatever is plugged in.
_WHOLE: Final = {_P.RESERVED: _C.RESERVED, _P.UNAVAILABLE: _C.UNAVAILABLE, _P.FAULTED: _C.FAULTED}

#: Why a charge stopped: 1.6 Reason, 2.x ReasonEnumType, 2.x TriggerReasonEnumType.
_CAUSES: Final = {
    Cause.REMOTE: ("Remote", "Remote", "RemoteStop"),
    Cause.LOCAL: ("Local", "Local", "StopAuthorized"),
    Cause.UNPLUGGED: ("EVDisconnected", "EVDisconnected", "EVCommunicationLost"),
    Cause.TIMEOUT: ("Other", "Timeout", "EVConnectTimeout"),
    Cause.DEAUTHORISED: ("DeAuthorized", "DeAuthorized", "Deauthorized"),
    Cause.SOFT_RESET: ("SoftReset", "Reboot", "ResetCommand"),
    Cause.HARD_RESET: ("HardReset", "ImmediateReset", "ResetCommand"),
    Cause.UNLOCK: ("UnlockCommand", "Other", "UnlockCommand"),
    Cause.FAULT: ("Other", "Other", "AbnormalCondition"),
    Cause.ENERGY_LIMIT: ("Other", "EnergyLimitReached", "EnergyLimitReached"),
    Cause.TIME_LIMIT: ("Other", "TimeLimitReached", "TimeLimitReached"),
    # ReasonEnumType has no word for a cost limit; "a local credit limit has been exceeded" is the nearest.
    Cause.COST_LIMIT: ("Other", "LocalOutOfCredit", "CostLimitReached"),
    Cause.POWER_LOSS: ("PowerLoss", "PowerLoss", "AbnormalCondition"),
}

#: TriggerReasonEnumType of the signals that have no cause.
_TRIGGERS: Final = {
    Signal.PLUG: "CablePluggedIn",
    Signal.UNPLUG: "EVCommunicationLost",
    Signal.PULL: "EVCommunicationLost",
    Signal.GRANTED: "Authorized",
    Signal.FAULT: "AbnormalCondition",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What of the version and the configuration decides about messages."""

    modern: bool
    start_points: frozenset[str] = frozenset({"Ready"})
    stop_points: frozenset[str] = frozenset({"Ready"})
    #: an oddity of firmware in the field: Started without evse
    started_without_evse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the world looked like when the event came."""

    at: datetime
    reading: Reading
    #: id that a transaction gets if this step opens one
    fresh: TransactionId
    online: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state after a step, and what to say about it, in this order."""

    state: EvseState
    facts: tuple[ConnectorChanged | SessionFact, ...] = ()


def step(state: EvseState, event: Event, moment: Moment, rules: Rules) -> Outcome:
    """Take ``event``; return the new state, with its session opened, kept or closed, and the facts."""
    after = table_step(state, event)
    changes = _status_changes(state, after, moment.at, rules)
    after, said = _session_change(state, after, event, moment, rules)
    return Outcome(after, (*changes, said) if said else changes)


def periodic(state: EvseState, moment: Moment, rules: Rules, trigger: str = "MeterValuePeriodic") -> Outcome:
    """Return the meter reading of a running transaction, or nothing where there is none."""
    if state.session is None:
        return Outcome(state)
    context = "Trigger" if trigger == "Trigger" else "Sample.Periodic"
    after, fact = _say(SessionUpdated, state, trigger, moment, rules, context=context)
    return Outcome(after, (fact,))


# ── connector status ────────────────────────────────────────────────────────────────────


def status(state: EvseState, connector: int, rules: Rules) -> ConnectorStatus:
    """Return what ``connector`` reports: nine words on 1.6, five on 2.x (part 2 ConnectorStatusEnumType)."""
    if state.phase in _WHOLE:
        return _WHOLE[state.phase]
    if rules.modern:
        return _C.OCCUPIED if state.cable == connector else _C.AVAILABLE
    if connector != (state.cable or state.connectors[0]):
        return _C.UNAVAILABLE if state.busy else _C.AVAILABLE
    if state.phase is _P.AUTHORISING:
        return _C.PREPARING if state.cable else _C.AVAILABLE
    return _STATUS_16[state.phase]


def connector_facts(state: EvseState, at: datetime, rules: Rules) -> tuple[ConnectorChanged, ...]:
    """Return the status of every connector, as it is reported after a boot and on request."""
    return tuple(_connector_fact(state, connector, at, rules) for connector in state.connectors)


def _connector_fact(state: EvseState, connector: int, at: datetime, rules: Rules) -> ConnectorChanged:
    return ConnectorChanged(
        evse=state.number,
        connector=connector,
        status=status(state, connector, rules),
        at=at,
        error=state.fault or "NoError",
    )


def _status_changes(before: EvseState, after: EvseState, at: datetime, rules: Rules) -> tuple[ConnectorChanged, ...]:
    return tuple(
        _connector_fact(after, connector, at, rules)
        for connector in after.connectors
        if (status(before, connector, rules), before.fault) != (status(after, connector, rules), after.fault)
    )


# ── transactions ────────────────────────────────────────────────────────────────────────


def _holds(state: EvseState, point: str) -> bool:
    plugged = state.cable is not None
    match point:
        case "Authorized":
            return state.phase in AUTHORISED
        case "EVConnected" | "ParkingBayOccupancy":
            return plugged
        case "Ready":
            return state.phase in AUTHORISED and state.phase is not Phase.AWAITING
        case _:
            return state.phase in ENERGISED


def _opens(before: EvseState, after: EvseState, rules: Rules) -> bool:
    newly_authorised = after.busy and not before.busy
    return any(_holds(after, point) and (newly_authorised or not _holds(before, point)) for point in rules.start_points)


def _closes(before: EvseState, after: EvseState, rules: Rules) -> bool:
    ceased = any(_holds(before, point) and not _holds(after, point) for point in rules.stop_points)
    deserted = after.cable is None and not after.busy and after.phase is not Phase.AUTHORISING
    return ceased or deserted


def _session_change(
    before: EvseState, after: EvseState, event: Event, moment: Moment, rules: Rules
) -> tuple[EvseState, SessionFact | None]:
    if before.session is None:
        return _open(after, event, moment, rules) if _opens(before, after, rules) else (after, None)
    if _closes(before, after, rules):
        return _close(before, after, event, moment, rules)
    if rules.modern and _worth_telling(before, after):
        return _say(SessionUpdated, after, _trigger(before, after, event), moment, rules)
    return after, None


def _worth_telling(before: EvseState, after: EvseState) -> bool:
    authorised = after.busy and not before.busy
    return authorised or _charging_state(before) is not _charging_state(after)


def _open(after: EvseState, event: Event, moment: Moment, rules: Rules) -> tuple[EvseState, SessionFact]:
    opened = replace(after, session=Session(handle=moment.fresh))
    remote = after.remote_start is not None and event.signal is not Signal.PLUG
    trigger = "RemoteStart" if remote else _trigger(None, opened, event)
    state, fact = _say(SessionStarted, opened, trigger, moment, rules, context="Transaction.Begin")
    return state, replace(fact, evse=None, connector=None) if rules.started_without_evse else fact


def _close(
    before: EvseState, after: EvseState, event: Event, moment: Moment, rules: Rules
) -> tuple[EvseState, SessionFact]:
    cause = after.cause or Cause.UNPLUGGED
    old, new, _ = _CAUSES[cause]
    closing = replace(after, session=before.session)
    _, fact = _say(SessionEnded, closing, _trigger(before, after, event), moment, rules, context="Transaction.End")
    fact = replace(fact, reason=new if rules.modern else old, connector=after.cable or before.cable)
    if cause is Cause.LOCAL or (before.token is not None and before.token.vehicle and not rules.modern):
        fact = replace(fact, token=before.token)
    return replace(after, session=None, cause=None), fact


def _trigger(before: EvseState | None, after: EvseState, event: Event) -> str:
    if event.signal is Signal.STOP and after.cause is not None:
        return _CAUSES[after.cause][2]
    if event.signal is Signal.GRANTED and after.remote_start is not None:
        return "RemoteStart"
    if event.signal is Signal.PLUG and before is not None and before.phase is Phase.SUSPENDED_EV:
        return "ChargingStateChanged"
    return _TRIGGERS.get(event.signal, "ChargingStateChanged")


def _say(
    kind: type[S], state: EvseState, trigger: str, moment: Moment, rules: Rules, *, context: str = ""
) -> tuple[EvseState, S]:
    """Return the state with its session one message further, and that message; a context adds the meter's reading."""
    session = state.session or Session(handle=moment.fresh)
    say_token = state.busy and not session.token_told
    say_remote = state.remote_start is not None and not session.remote_told
    told = replace(
        session,
        seq=session.seq + 1,
        token_told=session.token_told or say_token,
        remote_told=session.remote_told or say_remote,
    )
    fact = kind(
        transaction=session.handle if rules.modern else None,
        at=moment.at,
        evse=state.number,
        connector=state.cable,
        token=state.token if say_token else None,
        remote_start=state.remote_start if say_remote else None,
        readings=(replace(moment.reading, context=context),) if context else (),
        seq=session.seq if rules.modern else None,
        trigger=trigger,
        state=_charging_state(state) if rules.modern else None,
        offline=not moment.online,
    )
    return replace(state, session=told), fact


def _charging_state(state: EvseState) -> ChargingState:
    if state.cable is None:
        return ChargingState.IDLE
    words = {
        Phase.CHARGING: ChargingState.CHARGING,
        Phase.SUSPENDED_EV: ChargingState.SUSPENDED_EV,
        Phase.SUSPENDED_EVSE: ChargingState.SUSPENDED_EVSE,
    }
    return words.get(state.phase, ChargingState.EV_CONNECTED)
