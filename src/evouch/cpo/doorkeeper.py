"""Who may say what: stands between the transport and the operator's answers (:mod:`evouch.cpo.backend`).

A connection that is a station's own passes with one look. Of the others:

* BootNotification is answered Pending while a proof is awaited, Rejected after a failure, and
  teaches nothing: what a stranger says of itself is not written down.
* A start is held while the challenge runs. Proven, it is answered like any other; otherwise it
  is refused and its content kept. Nobody unproven ever gets a transaction id.
* Readings and ends of a transaction are written, then acknowledged, and believed only when
  the same connection proves itself (:mod:`evouch.cpo.quarantine`).
* Everything else is SecurityError, and the challenge goes out if it has not yet.

A candidate is nobody's connection until it is promoted: orders do not go to it, and what it
says does not count as the station's presence.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from evouch.charging.dialogue import (
    BootAnswer,
    Booted,
    BootStatus,
    ConnectorChanged,
    Evidence,
    Fact,
    Link,
    Noted,
    SessionAnswer,
    SessionEnded,
    SessionFact,
    SessionStarted,
    StillThere,
    TimeAnswer,
    TokenPresented,
    VehicleIdentified,
)  # fmt: skip
from evouch.clock import Clock, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.alarms import Alarms
from evouch.cpo.backend import CpoBackend, Onlooker
from evouch.cpo.challenger import Challenger
from evouch.cpo.judge import Watcher, pause
from evouch.cpo.quarantine import Quarantine
from evouch.cpo.registration import Registration
from evouch.cpo.sessions import Sessions
from evouch.cpo.stations import Switch
from evouch.cpo.visits import Visit
from evouch.errors import PeerFault
from evouch.identity.standing import Standing
from evouch.ids import StationId

__all__ = ["Doorkeeper"]

#: Seconds that a start waits for the proof: shorter than a station waits for its answer.
HOLD: Final = 15.0
#: WebSocket close code for a policy that was broken (RFC 6455 §7.4.1).
POLICY: Final = 1008

_UNSAID: Final = "this station has not proved its identity"


@dataclass(slots=True)
class Doorkeeper(Watcher):
    """Implements ``dialogue.Backend``, and watches the challenger for who may pass."""

    inner: CpoBackend
    challenger: Challenger
    quarantine: Quarantine
    alarms: Alarms
    sessions: Sessions
    registration: Registration
    agenda: Agenda
    switch: Switch
    clock: Clock
    onlooker: Onlooker

    def __post_init__(self) -> None:
        self.challenger.judge.watcher = self

    # ── dialogue.Backend ──

    def joined(self, link: Link) -> None:
        """A station connected and was admitted; who it is may be open yet."""
        visit = self.challenger.arrived(link)
        if not link.candidate:
            self.inner.joined(link, proven=visit.acting)
        if not visit.acting:
            return
        if link.candidate:
            asyncio.get_running_loop().call_soon(self._take_over, visit)
        else:
            self._raise_profile(link)
            self.onlooker.joined(link)

    def left(self, link: Link) -> None:
        """That connection is gone; a newer one of the same station is not touched."""
        self.challenger.left(link)
        self.inner.left(link)
        if self.quarantine.holds(link.connection):
            self.agenda.soon(lambda: self.quarantine.left(link.connection))
        if self.challenger.visits.of(link.station):
            asyncio.get_running_loop().call_soon(self._succeed, link.station)

    def defends(self, link: Link) -> bool:
        """Return whether this connection has proved its identity."""
        return self.challenger.defends(link)

    def hear(self, link: Link, fact: Fact[Any], evidence: Evidence) -> Any:
        """Take a fact and answer it, at once or as an awaitable."""
        visit = self.challenger.visit(link)
        if visit.acting:
            if visit.replay is not None and isinstance(fact, SessionFact):
                return self._after_replay(visit, fact, evidence)
            return self.inner.hear(link, fact, evidence)
        if visit.standing is Standing.DOUBTED:
            return self._doubted(visit, fact, evidence)
        return self._unproven(visit, fact, evidence)

    # ── the unproven ──

    def _unproven(self, visit: Visit, fact: Fact[Any], evidence: Evidence) -> Any:
        if isinstance(fact, StillThere):
            return TimeAnswer(self.clock.now())
        if isinstance(fact, Booted):
            return self._boot(visit, fact)
        if isinstance(fact, SessionFact):
            self.challenger.contact(visit)
            return self._session(visit, fact, evidence)
        if visit.standing is Standing.UNTRUSTED and isinstance(fact, ConnectorChanged | Noted):
            return self._bear(visit, fact, evidence)
        self.challenger.contact(visit)
        raise PeerFault("SecurityError", _UNSAID)

    def _bear(self, visit: Visit, fact: Fact[Any], evidence: Evidence) -> Any:
        """Acknowledge how it says it is. A connector that calls itself free ends nobody's transaction."""
        return self.inner.hear(visit.link, fact, evidence) if isinstance(fact, Noted) else None

    def _boot(self, visit: Visit, fact: Booted) -> BootAnswer:
        visit.booted, visit.firmware = True, fact.firmware
        if visit.standing is Standing.UNTRUSTED:
            visit.pending = False
            status = BootStatus.PENDING if self.inner.waits(visit.station) else BootStatus.ACCEPTED
            return BootAnswer(status, self.clock.now(), self.inner.heartbeat)
        self.agenda.drop(("pause", visit.link.connection))
        if visit.standing is Standing.FAILED and visit.paused(self.clock.tick()):
            return self._reject(visit)
        visit.pending, visit.rejected = True, False
        self.inner.pend(visit.link)
        self.challenger.contact(visit)
        if visit.standing is Standing.FAILED:  # it cannot be asked, and that was judged at once
            return self._reject(visit)
        return BootAnswer(BootStatus.PENDING, self.clock.now(), self.challenger.terms.pending_interval)

    def _reject(self, visit: Visit) -> BootAnswer:
        visit.rejected = True
        return BootAnswer(BootStatus.REJECTED, self.clock.now(), pause(visit.failures))

    # ── messages of transactions ──

    async def _session(self, visit: Visit, fact: SessionFact, evidence: Evidence) -> SessionAnswer:
        if _asks_for_energy(fact) and visit.round is not None:
            await self._hold(visit.round)
        if visit.acting:  # it was proven while this message waited for its turn
            return await self._after_replay(visit, fact, evidence, waited=True)
        if self.inner.registry.station(visit.station) is None:  # nobody registered it: it has no transactions
            raise PeerFault("SecurityError", _UNSAID)
        if full := self.quarantine.full(visit.link, evidence):
            self.alarms.sound("quarantineFull", visit.station, full)
            raise PeerFault("SecurityError", _UNSAID)
        await self.quarantine.keep(visit, fact, evidence, refused=_asks_for_energy(fact))
        if _asks_for_energy(fact):
            raise PeerFault("SecurityError", _UNSAID)
        return SessionAnswer()

    async def _hold(self, round: asyncio.Future[Any]) -> None:
        """Wait until the challenge has ended, but no longer than a station waits for its answer."""
        limit = asyncio.ensure_future(self.clock.sleep_until(Tick(self.clock.tick() + HOLD)))
        try:
            await asyncio.wait((round, limit), return_when=asyncio.FIRST_COMPLETED)
        finally:
            limit.cancel()

    async def _after_replay(
        self, visit: Visit, fact: SessionFact, evidence: Evidence, *, waited: bool = False
    ) -> SessionAnswer:
        """Handle a message like any other; one that ``waited`` for the proof is not told to wait for the next boot."""
        while visit.replay is not None:  # proven, doubted and proven again, it has more than one
            await asyncio.shield(visit.replay)
        result: SessionAnswer
        if not visit.acting:  # doubted while this waited
            result = await self._doubted(visit, fact, evidence)
            return result
        if waited and not self.inner.waits(visit.station):
            return await self.inner.book(visit.link, fact)
        result = await self.inner.hear(visit.link, fact, evidence)
        return result

    async def _play_in(self, visit: Visit, done: asyncio.Future[None]) -> None:
        """Book what this connection sent before it proved itself; whoever waits for ``done`` goes on."""
        try:
            if not await self.quarantine.play_in(visit.link, self.inner.book):
                self.alarms.sound("quarantineNotBooked", visit.station)
        finally:
            done.set_result(None)
            if visit.replay is done:
                visit.replay = None

    def _doubted(self, visit: Visit, fact: Fact[Any], evidence: Evidence) -> Any:
        """It may end what it charges and begin nothing, not by speaking of a transaction that we do not know either."""
        if isinstance(fact, TokenPresented | VehicleIdentified) or (
            isinstance(fact, SessionFact) and (_asks_for_energy(fact) or not self._runs(visit, fact))
        ):
            raise PeerFault("SecurityError", _UNSAID)
        if isinstance(fact, Booted):
            visit.pending = True
            return BootAnswer(BootStatus.PENDING, self.clock.now(), self.challenger.terms.pending_interval)
        return self.inner.hear(visit.link, fact, evidence)

    def _runs(self, visit: Visit, fact: SessionFact) -> bool:
        """Return whether a message speaks of a transaction that runs at this station."""
        return fact.transaction is not None and self.sessions.live(visit.station, fact.transaction) is not None

    # ── what the challenger tells ──

    def cleared(self, visit: Visit) -> None:
        """It is a station's own from now on: it takes over, and what it said before counts."""
        if self.quarantine.holds(visit.link.connection):
            done = visit.replay = asyncio.get_running_loop().create_future()
            self.agenda.soon(lambda: self._play_in(visit, done))
        self._take_over(visit)

    def borne(self, visit: Visit) -> None:
        """It stays what it is: connected, and nothing that orders go to."""

    def doubted(self, visit: Visit) -> None:
        """Nobody is sent there any more."""
        self.inner.doubt(visit.link)

    def hang_up(self, visit: Visit, reason: str) -> None:
        """Close it, once whatever is being answered is on its way."""
        asyncio.get_running_loop().call_soon(self.switch.hang_up, visit.link, reason, POLICY)

    def charging(self, station: StationId) -> bool:
        """Return whether anything charges at this station."""
        return any(live.record.station == station for live in self.sessions.all())

    def _take_over(self, visit: Visit) -> None:
        link = visit.link
        if visit.gone or (link.candidate and not self.switch.promote(link)):
            return
        self.inner.clear(link, pending=visit.pending)
        self._raise_profile(link)
        self.onlooker.joined(link)
        if not visit.pending:  # otherwise the boot that it is triggered to say does the same
            self.registration.resumed(link)

    def _succeed(self, station: StationId) -> None:
        """The station's connection ended and a candidate has taken its place: it is here now, unproven as it is."""
        visit = self.challenger.visits.live(station)
        if visit is not None and not visit.gone:
            self.inner.succeed(visit.link, proven=visit.acting)

    def _raise_profile(self, link: Link) -> None:
        """Remember the highest security profile that a station has used: it does not go back below it.

        Nobody who only knows its password raises it, and so locks the station out.
        """
        profile = link.entrance.profile
        record = self.inner.registry.station(link.station)
        if record is not None and profile > record.profile:
            self.agenda.soon(lambda: self.inner.registry.raise_profile(link.station, profile))


def _asks_for_energy(fact: SessionFact) -> bool:
    """Return whether the answer to this would be a promise: a start, or a token shown later on."""
    return isinstance(fact, SessionStarted) or (fact.token is not None and not isinstance(fact, SessionEnded))
