"""One EVSE of a station, as a table.

Rules of this file:

- ``TABLE`` names every step. A pair of states is "without cable, with cable": the cable
  is a fact of its own, which every event but plugging leaves as it is. ``STAY`` is a step
  that keeps the state and still takes what the event brings.
- A reservation ends with its use, by an UNRESERVE, and where the EVSE breaks or goes out of
  service (OCPP 1.6 §5.13, 2.x part 2 H01).
- An event that the table does not name for a state changes nothing (a driver may press any
  button at any time); :func:`can` asks beforehand.
- The table knows no version, no clock, no socket. Which messages follow from a step is
  decided by ``rules``, from the state before and the state after.
- Who may start is decided here too (:func:`presented`, :func:`ordered`), because the
  answer depends on nothing but the state.

States::

    AVAILABLE ── ask ──► AUTHORISING ── granted ──► AWAITING ── plug ──► STARTING ──► CHARGING
        │                    ▲                                             ▲             │
      plug ──► OCCUPIED ─────┴─────────────── granted ─────────────────────┘           stop
                                                                                         ▼
    RESERVED, UNAVAILABLE, FAULTED beside it              AVAILABLE ◄── unplug ── FINISHING
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from evouch.charging.tokens import IdToken
from evouch.ids import EvseNumber, RemoteStartId, TransactionId

__all__ = [
    "AUTHORISED", "ENERGISED", "PAYING", "TABLE", "Cause", "Event", "EvseState", "Phase", "Reservation", "Session",
    "Signal", "can", "ordered", "presented", "step",
]  # fmt: skip


class Phase(StrEnum):
    """Where an EVSE stands."""

    AVAILABLE = "available"
    OCCUPIED = "occupied"  # a cable is in, nobody has said who pays
    AUTHORISING = "authorising"  # the backend is being asked about a token
    AWAITING = "awaiting cable"  # authorised, nothing plugged in yet
    STARTING = "starting"  # authorised and plugged in, contactor still open
    CHARGING = "charging"
    SUSPENDED_EV = "suspended by the car"
    SUSPENDED_EVSE = "suspended by the station"
    FINISHING = "finishing"  # the charge is over, the cable still in
    RESERVED = "reserved"
    UNAVAILABLE = "unavailable"
    FAULTED = "faulted"


class Signal(StrEnum):
    """What can happen to an EVSE."""

    PLUG = "plug"
    UNPLUG = "unplug"
    PULL = "unplug without ending the charge"
    ASK = "ask"
    GRANTED = "granted"
    DENIED = "denied"
    CLOSE = "contactor closed"
    PAUSE_EV = "car takes nothing"
    PAUSE_EVSE = "station gives nothing"
    RESUME = "resume"
    STOP = "stop"
    FAULT = "fault"
    CLEAR = "fault cleared"
    RESERVE = "reserve"
    UNRESERVE = "reservation over"
    CLOSE_DOWN = "taken out of service"
    OPEN_UP = "put into service"


class Cause(StrEnum):
    """Why a charge stops. ``rules`` holds the wire words of each version."""

    REMOTE = "remote"
    LOCAL = "local"
    UNPLUGGED = "unplugged"
    TIMEOUT = "no cable in time"
    DEAUTHORISED = "deauthorised"
    SOFT_RESET = "soft reset"
    HARD_RESET = "hard reset"
    UNLOCK = "unlock"
    FAULT = "fault"
    ENERGY_LIMIT = "energy limit"
    TIME_LIMIT = "time limit"
    COST_LIMIT = "cost limit"
    POWER_LOSS = "power loss"


_P, _S = Phase, Signal
_IDLE: Final = (_P.AVAILABLE, _P.OCCUPIED)
_OVER: Final = (_P.AVAILABLE, _P.FINISHING)
_READY: Final = (_P.AWAITING, _P.STARTING)
Target = Phase | tuple[Phase, Phase] | None
STAY: Final = None

#: What every state shares, unless its row says otherwise.
_ALWAYS: Final[dict[Signal, Target]] = {_S.FAULT: _P.FAULTED, _S.CLOSE_DOWN: STAY, _S.OPEN_UP: STAY}
#: What every state of a running charge shares.
_RUNNING: Final[dict[Signal, Target]] = {**_ALWAYS, _S.STOP: _OVER, _S.UNPLUG: _P.AVAILABLE}

TABLE: Final[dict[Phase, dict[Signal, Target]]] = {
    _P.AVAILABLE: {
        **_ALWAYS, _S.PLUG: _P.OCCUPIED, _S.ASK: _P.AUTHORISING, _S.GRANTED: _READY,
        _S.RESERVE: _P.RESERVED, _S.CLOSE_DOWN: _P.UNAVAILABLE,
    },
    _P.OCCUPIED: {
        **_ALWAYS, _S.UNPLUG: _P.AVAILABLE, _S.ASK: _P.AUTHORISING, _S.GRANTED: _READY, _S.CLOSE_DOWN: _P.UNAVAILABLE,
    },
    _P.AUTHORISING: {
        **_ALWAYS, _S.PLUG: STAY, _S.UNPLUG: STAY, _S.GRANTED: _READY, _S.DENIED: _IDLE,
        _S.STOP: _IDLE, _S.UNRESERVE: STAY,
    },
    _P.AWAITING: {**_ALWAYS, _S.PLUG: _P.STARTING, _S.STOP: _IDLE},
    _P.STARTING: {**_RUNNING, _S.CLOSE: _P.CHARGING},
    _P.CHARGING: {
        **_RUNNING, _S.PAUSE_EV: _P.SUSPENDED_EV, _S.PAUSE_EVSE: _P.SUSPENDED_EVSE, _S.PULL: _P.SUSPENDED_EV,
    },
    _P.SUSPENDED_EV: {**_RUNNING, _S.RESUME: _P.CHARGING, _S.PULL: STAY, _S.PLUG: _P.CHARGING},
    _P.SUSPENDED_EVSE: {**_RUNNING, _S.RESUME: _P.CHARGING, _S.PULL: _P.SUSPENDED_EV},
    _P.FINISHING: {
        **_ALWAYS, _S.UNPLUG: _P.AVAILABLE, _S.ASK: _P.AUTHORISING, _S.GRANTED: _READY, _S.CLOSE_DOWN: _P.UNAVAILABLE,
    },
    _P.RESERVED: {
        **_ALWAYS, _S.PLUG: STAY, _S.UNPLUG: STAY, _S.ASK: _P.AUTHORISING, _S.GRANTED: _READY,
        _S.UNRESERVE: _IDLE, _S.CLOSE_DOWN: _P.UNAVAILABLE,
    },
    _P.UNAVAILABLE: {**_ALWAYS, _S.PLUG: STAY, _S.UNPLUG: STAY, _S.OPEN_UP: _IDLE},
    _P.FAULTED: {**_ALWAYS, _S.PLUG: STAY, _S.UNPLUG: STAY, _S.CLEAR: _IDLE},
}  # fmt: skip

#: What a driver with a card reads while a payment by phone holds the EVSE.
PAYING: Final = "Somebody is paying for this charging point by phone. Please wait a moment."

AUTHORISED: Final = frozenset({_P.AWAITING, _P.STARTING, _P.CHARGING, _P.SUSPENDED_EV, _P.SUSPENDED_EVSE})
ENERGISED: Final = frozenset({_P.CHARGING, _P.SUSPENDED_EV, _P.SUSPENDED_EVSE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An open transaction. ``handle`` is ours; on 2.x it is the transaction id, on 1.6 the backend assigns that."""

    handle: TransactionId
    seq: int = 0
    token_told: bool = False
    remote_told: bool = False


@dataclass(frozen=True, slots=True)
class Reservation:
    """Who an EVSE is kept for, and until when."""

    id: int
    token: IdToken
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseState:
    """All that the table works on."""

    number: EvseNumber
    connectors: tuple[int, ...] = (1,)
    phase: Phase = Phase.AVAILABLE
    #: connector that a cable is plugged into
    cable: int | None = None
    token: IdToken | None = None
    remote_start: RemoteStartId | None = None
    session: Session | None = None
    reservation: Reservation | None = None
    cause: Cause | None = None
    fault: str = ""
    #: in service, or (False) to be taken out as soon as the charge is over
    operative: bool = True

    @property
    def busy(self) -> bool:
        """Whether somebody charges here or is about to: what a lock, a reservation and a second start respect."""
        return self.phase in AUTHORISED

    @property
    def latched(self) -> bool:
        """Whether the plug is held: from the moment that a charge is authorised to its end."""
        return self.busy and self.cable is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A signal and what it brings along."""

    signal: Signal
    connector: int | None = None
    token: IdToken | None = None
    remote_start: RemoteStartId | None = None
    cause: Cause | None = None
    code: str = ""
    reservation: Reservation | None = None


def can(state: EvseState, signal: Signal) -> bool:
    """Return whether ``signal`` does anything now."""
    return signal in TABLE[state.phase]


def step(state: EvseState, event: Event) -> EvseState:
    """Return the state after ``event``. The session is left alone: opening and closing it is up to ``rules``."""
    if not can(state, event.signal):
        return state
    target = TABLE[state.phase][event.signal]
    moved = _carry(state, event)
    if target is STAY:
        return moved
    phase = target if isinstance(target, Phase) else target[moved.cable is not None]
    return _forget(replace(moved, phase=_rest(moved, phase)))


def _carry(state: EvseState, event: Event) -> EvseState:
    """Return ``state`` with what the event brings, whatever phase it leads to."""
    match event.signal:
        case Signal.PLUG:
            return replace(state, cable=event.connector, cause=state.cause if state.session else None)
        case Signal.UNPLUG | Signal.PULL:
            gone = state.cause or (Cause.UNPLUGGED if event.signal is Signal.UNPLUG else None)
            return replace(state, cable=None, cause=gone)
        case Signal.ASK | Signal.GRANTED:
            token, remote = event.token or state.token, event.remote_start or state.remote_start
            return replace(state, token=token, remote_start=remote, cause=None)
        case Signal.STOP:
            return replace(state, cause=event.cause)
        case Signal.FAULT:
            return replace(state, fault=event.code, cause=Cause.FAULT)
        case Signal.CLEAR:
            return replace(state, fault="")
        case Signal.RESERVE | Signal.UNRESERVE:
            return replace(state, reservation=event.reservation)
        case Signal.CLOSE_DOWN | Signal.OPEN_UP:
            return replace(state, operative=event.signal is Signal.OPEN_UP)
        case _:
            return state


def _rest(state: EvseState, phase: Phase) -> Phase:
    """Return where an EVSE really comes to rest: being out of service or reserved goes before being idle."""
    if phase in (*_IDLE, Phase.FINISHING) and not state.operative:
        return Phase.UNAVAILABLE
    if phase in _IDLE and state.reservation is not None:
        return Phase.RESERVED
    return phase


def _forget(state: EvseState) -> EvseState:
    """Return ``state`` without what its phase has no use for."""
    if state.busy:
        used = state.reservation is not None and state.token is not None
        return replace(state, reservation=None) if used else state
    if state.phase is Phase.AUTHORISING:
        return state
    kept = None if state.phase in {Phase.FAULTED, Phase.UNAVAILABLE} else state.reservation
    return replace(state, token=None, remote_start=None, reservation=kept)


# ── who may start ───────────────────────────────────────────────────────────────────────


def presented(state: EvseState, token: IdToken, *, locked: bool) -> Event | str:
    """Return the event that a card at the reader makes, or the sentence that turns it away."""
    if state.busy:
        if state.token is not None and _same(state.token, token):
            return Event(signal=Signal.STOP, cause=Cause.LOCAL)
        return "This charging point is in use. Only the card that started the charge can stop it."
    refusal = _out_of_use(state) or _not_yours(state, token)
    if not refusal and locked:
        refusal = PAYING
    return refusal or Event(signal=Signal.ASK, token=token)


def ordered(state: EvseState, token: IdToken) -> str:
    """Return why a remote start cannot be accepted, empty where it can."""
    if state.busy or state.phase is Phase.AUTHORISING or _unplug_first(state):
        return "Occupied"
    if not state.operative or state.phase in {Phase.UNAVAILABLE, Phase.FAULTED}:
        return "OutOfService"
    return "Reserved" if _not_yours(state, token) else ""


def _out_of_use(state: EvseState) -> str:
    if state.phase is Phase.FAULTED:
        return "This charging point has a fault and cannot charge."
    if state.phase is Phase.UNAVAILABLE or not state.operative:
        return "This charging point is out of service."
    if state.phase is Phase.AUTHORISING:
        return "One moment, please: a card is being checked."
    return "Please unplug first: the last charge is not closed yet." if _unplug_first(state) else ""


def _unplug_first(state: EvseState) -> bool:
    """Return whether the last transaction ends only with the cable (TxStopPoint EVConnected)."""
    return state.phase is Phase.FINISHING and state.session is not None


def _not_yours(state: EvseState, token: IdToken) -> str:
    if state.reservation is None or _same(state.reservation.token, token):
        return ""
    return "This charging point is reserved for somebody else."


def _same(one: IdToken, other: IdToken) -> bool:
    """Return whether two tokens are one; vehicles are told apart by their addresses alone."""
    if one.vehicle or other.vehicle:
        return one.mac is not None and one.mac == other.mac
    return one.key == other.key
