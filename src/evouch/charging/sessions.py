"""The life of one charging session, as a table.

Rules of this file: everything that moves a session from one state to another stands in
``TABLE``; no other module compares or assigns states. Events that the table does not name
for a state raise :class:`~evouch.errors.LocalError` from :func:`step`, except that a fact
may repeat (stations retry): :func:`repeats` says which change nothing.
"""

from enum import StrEnum
from typing import Final

from evouch.errors import LocalError

__all__ = ["TABLE", "SessionEvent", "SessionState", "repeats", "step"]


class SessionState(StrEnum):
    """Where a session stands."""

    PENDING = "pending"  # the station opened a transaction; no energy yet
    CHARGING = "charging"
    SUSPENDED = "suspended"
    STOPPING = "stopping"  # we asked the station to stop
    ENDED = "ended"


class SessionEvent(StrEnum):
    """What can happen to a session."""

    ENERGY = "energy"
    SUSPEND = "suspend"
    STOP_ASKED = "stop asked"
    STOP_FAILED = "stop failed"
    END = "end"


_S, _E = SessionState, SessionEvent

TABLE: Final[dict[SessionState, dict[SessionEvent, SessionState]]] = {
    _S.PENDING: {_E.ENERGY: _S.CHARGING, _E.SUSPEND: _S.SUSPENDED, _E.STOP_ASKED: _S.STOPPING, _E.END: _S.ENDED},
    _S.CHARGING: {_E.ENERGY: _S.CHARGING, _E.SUSPEND: _S.SUSPENDED, _E.STOP_ASKED: _S.STOPPING, _E.END: _S.ENDED},
    _S.SUSPENDED: {_E.ENERGY: _S.CHARGING, _E.SUSPEND: _S.SUSPENDED, _E.STOP_ASKED: _S.STOPPING, _E.END: _S.ENDED},
    _S.STOPPING: {
        _E.ENERGY: _S.STOPPING,
        _E.SUSPEND: _S.STOPPING,
        _E.STOP_ASKED: _S.STOPPING,
        _E.STOP_FAILED: _S.CHARGING,
        _E.END: _S.ENDED,
    },
    _S.ENDED: {},
}


def step(state: SessionState, event: SessionEvent) -> SessionState:
    """Return the next state; raise LocalError where the table names none."""
    try:
        return TABLE[state][event]
    except KeyError:
        msg = f"a session that is {state} cannot {event}"
        raise LocalError(msg) from None


def repeats(state: SessionState, event: SessionEvent) -> bool:
    """Return whether ``event`` says nothing new: anything after the end, which retries bring."""
    return state is SessionState.ENDED and event is not SessionEvent.STOP_ASKED
