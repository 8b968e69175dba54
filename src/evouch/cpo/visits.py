"""What the operator knows of each connection while it lasts: what it is taken for, and what it waits for.

Everything about a proof lives here, with the connection, and nowhere with the station's id:
a nonce, a failure or a proof of one connection says nothing of another.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from evouch.charging.dialogue import Link
from evouch.clock import Clock, Tick
from evouch.identity.challenge import Challenge
from evouch.identity.enrolment import SigningInput
from evouch.identity.standing import ACTING, Standing, Turn, step
from evouch.ids import StationId

__all__ = ["LIMITED", "UNPROVEN", "Outcome", "StandingView", "Visit", "Visits"]

#: What a connection may say before it has proved itself, by version: boot, ask the time, and
#: messages of transactions, which are held or put into quarantine (docs/decisions/035, 037).
UNPROVEN: Final[dict[bool, frozenset[str]]] = {
    True: frozenset({"BootNotification", "Heartbeat", "StartTransaction", "StopTransaction", "MeterValues"}),
    False: frozenset({"BootNotification", "Heartbeat", "TransactionEvent"}),
}
#: What one may say that cannot prove itself and is borne with: how it is, too.
LIMITED: Final[dict[bool, frozenset[str]]] = {
    v16: actions
    | {"StatusNotification", "FirmwareStatusNotification", "LogStatusNotification", "SecurityEventNotification"}
    | ({"DiagnosticsStatusNotification", "SignedFirmwareStatusNotification"} if v16 else {"NotifyEvent"})
    for v16, actions in UNPROVEN.items()
}


class Outcome(NamedTuple):
    """How a challenge ended. ``step`` is where it failed: a step of the proof, or why there was none."""

    proven: bool
    step: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingView:
    """What operators see of a station's connection. ``last_failure`` is the step and when."""

    state: Standing
    since: datetime
    how: str = ""
    identity: str | None = None
    signing: SigningInput | None = None
    last_failure: tuple[str, datetime] | None = None
    candidates: int = 0


@dataclass(slots=True, eq=False)
class Visit:
    """One connection."""

    link: Link
    since: datetime
    standing: Standing = Standing.NEW
    #: whether what it says is acted upon: its standing is one of ``ACTING``
    acting: bool = False
    how: str = ""
    identity: str | None = None
    signing: SigningInput | None = None
    #: BootNotification was heard on this connection; and it was told to wait for its proof, or to go away for a while
    booted: bool = False
    pending: bool = False
    rejected: bool = False
    #: as the station says; judged by nothing but its own memory of what it cannot do
    firmware: str | None = None
    #: the open challenge; taken out before an answer is judged
    asked: Challenge | None = None
    #: done when the challenge that is under way has ended
    round: asyncio.Future[Outcome] | None = None
    failures: int = 0
    pause_until: Tick | None = None
    last_failure: tuple[str, datetime] | None = None
    #: done when what was in quarantine has been played in; what is said later waits for it
    replay: asyncio.Future[None] | None = None
    gone: bool = False

    @property
    def station(self) -> StationId:
        """The station it claims to be."""
        return self.link.station

    @property
    def v16(self) -> bool:
        """Whether it speaks 1.6."""
        return self.link.version == "ocpp1.6"

    def turn(self, turn: Turn, clock: Clock, how: str = "") -> None:
        """Go to the standing that the table names."""
        before, self.standing = self.standing, step(self.standing, turn)
        self.acting = self.standing in ACTING
        if before is not self.standing:
            self.since = clock.now()
        self.how = how

    def paused(self, now: Tick) -> bool:
        """Whether it has failed and its pause is not over."""
        return self.pause_until is not None and now < self.pause_until


@dataclass(slots=True)
class Visits:
    """All live connections, by their own name and by station."""

    _all: dict[str, Visit] = field(default_factory=dict)
    _of: dict[StationId, dict[str, Visit]] = field(default_factory=dict)

    def add(self, visit: Visit) -> None:
        """Note a connection."""
        self._all[visit.link.connection] = visit
        self._of.setdefault(visit.station, {})[visit.link.connection] = visit

    def remove(self, link: Link) -> Visit | None:
        """Forget a connection."""
        visit = self._all.pop(link.connection, None)
        siblings = self._of.get(link.station, {})
        siblings.pop(link.connection, None)
        if not siblings:
            self._of.pop(link.station, None)
        return visit

    def get(self, link: Link) -> Visit | None:
        """Return what is known of a connection."""
        return self._all.get(link.connection)

    def of(self, station: StationId) -> list[Visit]:
        """Return the connections of a station, oldest first."""
        return list(self._of.get(station, {}).values())

    def live(self, station: StationId) -> Visit | None:
        """Return the connection that orders for the station go to."""
        there = self._of.get(station)
        if not there:
            return None
        return next((visit for visit in reversed(there.values()) if not visit.link.candidate), None)

    def __iter__(self) -> Iterator[Visit]:
        return iter(list(self._all.values()))
