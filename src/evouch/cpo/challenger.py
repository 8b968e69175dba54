"""Who is asked for a proof, and when: connection by connection.

Rules of this file:

* What a connection may do is decided when it joins (:mod:`evouch.identity.policy`); whoever is
  not trusted may boot and ask the time until it has proved itself.
* The challenge goes out after the Pending answer, when another CALL comes first, or after
  some seconds of silence; one at a time, and none to a station that was told to go away.
* A nonce is taken out of the connection's state before its answer is judged
  (:mod:`evouch.cpo.judge`): whatever the answer is, it was the last one.
* A connection that acts already is asked where it stands, and goes on while the answer is awaited.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from evouch.charging.dialogue import Link, Order, ProveIdentity, StopCharging
from evouch.clock import Clock, Entropy, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.identities import Identities
from evouch.cpo.identity_terms import IdentityTerms
from evouch.cpo.judge import EVENTS, FAILED_EVENT, Judge
from evouch.cpo.visitors import Visitors
from evouch.cpo.visits import UNPROVEN, Outcome, StandingView, Visit, Visits
from evouch.errors import Refused, TimedOut, Unsent
from evouch.identity.challenge import Challenge, issue
from evouch.identity.enrolment import Identity
from evouch.identity.policy import Decision, Rule
from evouch.identity.standing import Standing, Turn
from evouch.identity.work import patience
from evouch.ids import StationId

__all__ = ["EVENTS", "FAILED_EVENT", "TRUSTED_BY", "Challenger"]

_log = structlog.get_logger("evouch.cpo.challenger")

#: Seconds that a station has to answer: one that does not know the message may keep silent for ever.
ANSWER_TIME: Final = 15.0
#: Seconds of silence after which a candidate is asked: its place is wanted. Not at once, for some
#: stations drop every CALL that reaches them before the answer to their first BootNotification.
CANDIDATE_SILENCE: Final = 2.0
#: Challenges to a station that acts which may find no turn among its other calls, before that counts as silence.
PATIENCE: Final = 10
#: What is told of each rule that lets a station in.
TRUSTED_BY: Final = {
    Rule.TRUSTED: "trusted",
    Rule.CERTIFICATE: "mTLS",
    Rule.NETWORK: "Basic and network",
    None: "nothing enrolled",
}


@dataclass(slots=True)
class Challenger:
    """All challenges. ``visits`` holds what is known of each connection."""

    identities: Identities
    visitors: Visitors
    judge: Judge
    terms: IdentityTerms
    agenda: Agenda
    clock: Clock
    entropy: Entropy
    visits: Visits = field(default_factory=Visits)

    def __post_init__(self) -> None:
        self.judge.again, self.judge.gate = self.ask, self.gate

    # ── connections come and go ──

    def arrived(self, link: Link) -> Visit:
        """Judge a new connection: let it in, or gate it and ask it in a moment."""
        visit = Visit(link=link, since=self.clock.now())
        self.visits.add(visit)
        if self.visitors.barred(visit):
            self.gate(visit)
            self.judge.watcher.hang_up(visit, "blocked")
            return visit
        ruling = self.visitors.ruling(visit)
        if ruling.decision is Decision.TRUST and self.visitors.counts(visit, ruling):
            visit.turn(Turn.TRUST, self.clock, TRUSTED_BY[ruling.rule])
            self._when_more_counts(visit.station)
            return visit
        self.gate(visit)
        if self.visitors.mute(visit):
            self.judge.unsupported(visit, self.visitors.why_mute(visit))
        else:
            silence = min(self.terms.silence, CANDIDATE_SILENCE) if link.candidate else self.terms.silence
            self.agenda.after(silence, ("silence", link.connection), lambda: self._after_silence(visit))
        return visit

    def left(self, link: Link) -> Visit | None:
        """Forget a connection; who waits for its answer hears that there is none."""
        visit = self.visits.remove(link)
        if visit is not None:
            visit.gone = True
            visit.asked = None
            for key in ("silence", "recheck", "ends", "pause", "idle"):
                self.agenda.drop((key, link.connection))
        return visit

    def _when_more_counts(self, station: StationId) -> None:
        """Look again when the next identity of a station begins to count: it asks for a proof from then on."""
        begins = self.identities.begins(station)
        if begins is None or not self.visits.of(station):
            return

        async def look() -> None:
            self.unsettled(station)

        self.agenda.after((begins - self.clock.now()).total_seconds(), ("begins", station), look)

    def candidates_first(self, station: StationId) -> list[Visit]:
        """Return the connections of a station in the order in which they are closed, so that none inherits."""
        return sorted(self.visits.of(station), key=lambda visit: not visit.link.candidate)

    def visit(self, link: Link) -> Visit:
        """Return what is known of a connection."""
        return self.visits.get(link) or self.arrived(link)

    def defends(self, link: Link) -> bool:
        """Return whether this connection has proved itself."""
        visit = self.visits.get(link)
        return visit is not None and visit.standing in {Standing.PROVEN, Standing.DOUBTED}

    def acting(self, station: StationId) -> bool:
        """Return whether orders may go to this station; also where it is not connected at all."""
        visit = self.visits.live(station)
        return visit is None or visit.acting

    def may_order(self, station: StationId, order: Order[Any]) -> bool:
        """Return whether this order may go to this station: of a doubted one only the end of a charge is wanted."""
        visit = self.visits.live(station)
        if visit is None or visit.acting:
            return True
        return visit.standing is Standing.DOUBTED and isinstance(order, StopCharging)

    def standing(self, station: StationId) -> StandingView | None:
        """Return what the station's connection is taken for; None where there is none."""
        visit = self.visits.live(station)
        if visit is None:
            return None
        return StandingView(
            state=visit.standing, since=visit.since, how=visit.how, identity=visit.identity, signing=visit.signing,
            last_failure=visit.last_failure, candidates=len(self.visits.of(station)) - 1,
        )  # fmt: skip

    # ── asking ──

    async def challenge(self, station: StationId, *, actor: str) -> Outcome:
        """Ask the station's connection for a proof now; Refused: offline, and toldToWait by OCPP 1.6 §4.2."""
        visit = self.visits.live(station)
        if visit is None:
            raise Refused("offline", "the station is not connected")
        if visit.rejected and not visit.acting:
            raise Refused("toldToWait", "its boot was rejected: it hears nothing until it boots again")
        await self.identities.registry.store.commit(self.identities.registry.audit(actor, "challenge station", station))
        if self.visitors.mute(visit):
            return Outcome(proven=False, step="unsupported", reason=self.visitors.why_mute(visit))
        return await asyncio.shield(self.ask(visit))

    def contact(self, visit: Visit) -> None:
        """It said something that only a proven connection may say: ask it, unless it was asked or has to wait."""
        if visit.standing is Standing.NEW or (
            visit.standing is Standing.FAILED and not visit.rejected and not visit.paused(self.clock.tick())
        ):
            self.ask(visit)

    def ask(self, visit: Visit) -> asyncio.Future[Outcome]:
        """Send a challenge beside whatever goes on now, or return the one under way."""
        if visit.round is None:
            visit.round = asyncio.get_running_loop().create_future()
            try:
                return self._begin(visit, visit.round)
            except Exception as error:  # whatever broke, no connection shall be asked for ever
                self._end(visit, Outcome(proven=False, step="internal", reason=type(error).__name__))
                raise
        return visit.round

    def _begin(self, visit: Visit, round: asyncio.Future[Outcome]) -> asyncio.Future[Outcome]:
        visit.rejected = False
        self.agenda.drop(("silence", visit.link.connection))
        if visit.standing in {Standing.NEW, Standing.FAILED}:
            visit.turn(Turn.ASK, self.clock)
            if self.visitors.mute(visit):  # what it would answer is known
                return self._end(visit, self.judge.unsupported(visit, self.visitors.why_mute(visit)))
        self.agenda.soon(lambda: self._round(visit))
        return round

    async def _round(self, visit: Visit) -> None:
        outcome = Outcome(proven=False, step="offline", reason="the connection ended")
        try:
            outcome = await self._ask_and_judge(visit)
        except Exception as error:  # noqa: BLE001  # whatever broke, no connection shall be asked for ever
            _log.error("challenge broken", station=visit.station, error=type(error).__name__)
            if not visit.gone:
                outcome = self.judge.failed(visit, "internal", type(error).__name__, event=EVENTS["internal"])
        finally:
            self._end(visit, outcome)

    def _end(self, visit: Visit, outcome: Outcome) -> asyncio.Future[Outcome]:
        done, visit.round = visit.round, None
        if done is None:
            done = asyncio.get_running_loop().create_future()
        if not done.done():
            done.set_result(outcome)
        return done

    async def _ask_and_judge(self, visit: Visit) -> Outcome:
        """Ask, and judge the answer. A station that acts is asked again where there was only no time.

        Behind a slow CALL the challenge may not have been sent at all, or so late that the answer
        to it came too late. A proven one is not let go for that.
        """
        unsent, late = 0, 0
        while True:
            asked, answer = await self._ask_once(visit)
            open, visit.asked = visit.asked, None
            if visit.gone or open is not asked:
                return Outcome(proven=False, step="offline", reason="the connection ended")
            if visit.acting and isinstance(answer, Unsent) and unsent < PATIENCE:
                unsent += 1
            elif visit.standing is Standing.PROVEN and isinstance(answer, TimedOut) and not late:
                late += 1
            else:
                return await self.judge.judge(visit, asked, answer)

    async def _ask_once(self, visit: Visit) -> tuple[Challenge, object]:
        terms, tick = self.terms, self.clock.tick()
        asked = visit.asked = issue(
            self.entropy, self.clock.now(), tick,
            difficulty=terms.difficulty, ttl=terms.ttl, endpoint=terms.endpoint,
        )  # fmt: skip
        order = ProveIdentity(nonce=asked.nonce, timestamp=asked.timestamp, difficulty=asked.difficulty)
        soon = Tick(tick + ANSWER_TIME + patience(asked.difficulty))
        by = asked.expires if visit.acting else soon  # behind whatever else a working station is being asked
        return asked, await visit.link.call(order, by=by)

    # ── later ──

    async def _after_silence(self, visit: Visit) -> None:
        if not visit.gone and visit.standing is Standing.NEW:
            self.ask(visit)

    def revoked(self, identity: Identity) -> None:
        """Drop what this identity has proved, and what its certificate or its key has opened."""
        for visit in self.visits:
            if visit.identity == identity.id:
                self.judge.watcher.hang_up(visit, "identity revoked")
            elif self.visitors.banned(visit):
                self.judge.watcher.hang_up(visit, "certificate revoked")

    def unsettled(self, station: StationId) -> None:
        """What let this station's connections in may be so no longer: ask each, or close it."""
        self._when_more_counts(station)
        record = self.identities.registry.station(station)
        if record is None:
            return
        for visit in self.candidates_first(station):
            if visit.link.entrance.profile < record.profile:
                self.judge.watcher.hang_up(visit, "security profile too low")
            elif visit.standing is Standing.TRUSTED and self.visitors.ruling(visit).decision is Decision.CHALLENGE:
                if self.visitors.mute(visit):
                    self.judge.watcher.hang_up(visit, "not trusted any more")
                else:
                    self.ask(visit)

    def gate(self, visit: Visit) -> None:
        """Let it boot, ask the time and speak of transactions; whatever else it says brings the challenge."""
        visit.link.allow(UNPROVEN[visit.v16], refused=lambda _action: self.contact(visit))
