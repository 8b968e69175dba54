"""Who is asked for a proof, when, and what comes of it: connection by connection.

Rules of this file:

* What a connection may do is decided when it joins (:mod:`evouch.identity.policy`); whoever is
  not trusted may boot and ask the time until it has proved itself.
* The challenge goes out after the Pending answer, when another CALL comes first, or after
  some seconds of silence; one at a time, and none to a station that was told to go away.
* A nonce is taken out of the connection's state before its answer is judged: whatever the
  answer is, it was the last one.
* What a proof changes for good (the pinned signing input, a promotion, a first use) is
  written before the connection counts as proven.
* A failure is silence to the station and a named security event to the operator. The pause
  before the next challenge doubles; after some failures the connection is closed.
* A connection that acts already is asked where it stands: it goes on while the answer is
  awaited, and if it fails it may finish what it charges and is closed then.
"""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from evouch.charging.dialogue import IdentityProof, Link, Order, ProveIdentity, StopCharging, Trigger, Unspeakable
from evouch.clock import Clock, Entropy, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.alarms import Alarms
from evouch.cpo.identities import Identities, describe
from evouch.cpo.identity_terms import IdentityTerms
from evouch.cpo.visits import LIMITED, UNPROVEN, Outcome, StandingView, Visit, Visits
from evouch.errors import PeerRefused, Refused, TimedOut, Unreachable
from evouch.identity.challenge import Challenge, issue
from evouch.identity.enrolment import Identity, SigningInput
from evouch.identity.policy import Decision, OnUnsupported, Rule, Ruling, Visitor, decide
from evouch.identity.proof import Expected, Step, Verdict, verify
from evouch.identity.standing import Standing, Turn
from evouch.identity.work import patience
from evouch.ids import StationId

__all__ = ["Challenger", "Watcher"]

_log = structlog.get_logger("evouch.cpo.challenger")

#: Seconds that a station has to answer: one that does not know the message may keep silent for ever.
ANSWER_TIME: Final = 15.0
#: Seconds of the first pause after a failure; each further one doubles it.
FIRST_PAUSE: Final = 60
LONGEST_PAUSE: Final = 3600
#: Failures after which a connection is closed.
MOST_FAILURES: Final = 5
#: Seconds for the trigger of the next BootNotification; a station that does not obey boots by itself.
NUDGE_TIME: Final = 10.0
#: Seconds between two looks whether a doubted connection still charges.
IDLE_CHECK: Final = 10.0

#: Codes by which a station says that it does not know the message. The others say that its proof broke a schema.
UNKNOWN_MESSAGE: Final = frozenset({
    "NotImplemented", "NotSupported", "FormationViolation", "FormatViolation", "ProtocolError", "GenericError",
    "InternalError", "MessageTypeNotSupported", "RpcFrameworkError",
})  # fmt: skip

#: Step that failed → kind of the security event; names of the OCPP 1.6 security whitepaper where it has one.
EVENTS: Final = {
    Step.FORM: "InvalidMessages",
    Step.NONCE: "AttemptedReplayAttacks",
    "timeout": "IdentityChallengeTimedOut",
    "unsupported": "IdentityChallengeUnsupported",
    "downgrade": "IdentityDowngradeAttempt",
    "internal": "identityNotJudged",
}
FAILED_EVENT: Final = "FailedToAuthenticateAtCentralSystem"

#: What is told of each rule that lets a station in.
TRUSTED_BY: Final = {
    Rule.TRUSTED: "trusted",
    Rule.CERTIFICATE: "mTLS",
    Rule.NETWORK: "Basic and network",
    None: "nothing enrolled",
}


class Watcher:
    """What the challenger tells of connections. All are called at once, none may wait."""

    def cleared(self, visit: Visit) -> None:
        """It is a station's own from now on."""

    def borne(self, visit: Visit) -> None:
        """It cannot prove itself and is borne with."""

    def hang_up(self, visit: Visit, reason: str) -> None:
        """Close it with 1008."""

    def charging(self, station: StationId) -> bool:
        """Whether anything charges at this station."""
        return False


@dataclass(slots=True)
class Challenger:
    """All challenges. ``visits`` holds what is known of each connection."""

    identities: Identities
    terms: IdentityTerms
    agenda: Agenda
    alarms: Alarms
    clock: Clock
    entropy: Entropy
    watcher: Watcher = field(default_factory=Watcher)
    visits: Visits = field(default_factory=Visits)

    # ── connections come and go ──

    def arrived(self, link: Link) -> Visit:
        """Judge a new connection: let it in, or gate it and ask it in a moment."""
        visit = Visit(link=link, since=self.clock.now())
        self.visits.add(visit)
        ruling = self._ruling(visit)
        if ruling.decision is Decision.TRUST and self._counts(visit, ruling):
            visit.turn(Turn.TRUST, self.clock, TRUSTED_BY[ruling.rule])
            return visit
        self._gate(visit)
        if self._mute(visit):
            self._unsupported(visit, "OCPP 2.x is not asked")
        else:
            self.agenda.after(self.terms.silence, ("silence", link.connection), lambda: self._after_silence(visit))
        return visit

    def left(self, link: Link) -> Visit | None:
        """Forget a connection; who waits for its answer hears that there is none."""
        visit = self.visits.remove(link)
        if visit is not None:
            visit.gone = True
            visit.asked = None
            for key in ("silence", "recheck", "pause", "idle"):
                self.agenda.drop((key, link.connection))
        return visit

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
        if self._mute(visit):
            return Outcome(proven=False, step="unsupported", reason="OCPP 2.x is not asked")
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
            visit.rejected = False
            self.agenda.drop(("silence", visit.link.connection))
            if visit.standing in {Standing.NEW, Standing.FAILED}:
                if self._mute(visit):
                    return self._end(visit, self._unsupported(visit, "OCPP 2.x is not asked"))
                visit.turn(Turn.ASK, self.clock)
            self.agenda.soon(lambda: self._round(visit))
        return visit.round

    async def _round(self, visit: Visit) -> None:
        outcome = Outcome(proven=False, step="offline", reason="the connection ended")
        try:
            outcome = await self._ask_and_judge(visit)
        except Exception as error:  # noqa: BLE001  # whatever broke, no connection shall be asked for ever
            _log.error("challenge broken", station=visit.station, error=type(error).__name__)
            if not visit.gone:
                outcome = self._failed(visit, "internal", type(error).__name__, event=EVENTS["internal"])
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
        terms, tick = self.terms, self.clock.tick()
        asked = visit.asked = issue(
            self.entropy, self.clock.now(), tick,
            difficulty=terms.difficulty, ttl=terms.ttl, endpoint=terms.endpoint,
        )  # fmt: skip
        order = ProveIdentity(nonce=asked.nonce, timestamp=asked.timestamp, difficulty=asked.difficulty)
        answer = await visit.link.call(order, by=Tick(tick + ANSWER_TIME + patience(asked.difficulty)))
        open, visit.asked = visit.asked, None
        if visit.gone or open is not asked:
            return Outcome(proven=False, step="offline", reason="the connection ended")
        return await self._judge(visit, asked, answer)

    # ── judging ──

    async def _judge(self, visit: Visit, asked: Challenge, answer: object) -> Outcome:
        match answer:
            case IdentityProof(document=document):
                return await self._proof(visit, asked, document)
            case TimedOut():
                return self._unsupported(visit, "no answer", step="timeout")
            case Unspeakable():
                return self._unsupported(visit, "this version cannot say it")
            case PeerRefused(code=code) if code in UNKNOWN_MESSAGE:
                self._remember_unable(visit)
                return self._unsupported(visit, code)
            case PeerRefused(code="SecurityError"):  # a careful station: the challenge was made for another host
                return self._failed(visit, "refused", "the station refused the challenge")
            case PeerRefused(code=code):
                return self._failed(visit, Step.FORM, code)
            case Unreachable():
                return Outcome(proven=False, step="offline", reason="the connection ended")
        return self._failed(visit, Step.FORM, "no proof")

    async def _proof(self, visit: Visit, asked: Challenge, document: Any) -> Outcome:
        if self.clock.tick() >= asked.expires:
            return self._failed(visit, "expired", "the challenge had expired")
        verdict = verify(document, self._expected(visit, asked))
        if not verdict.valid:
            return self._failed(visit, verdict.step or Step.SIGNATURE, verdict.reason)
        try:
            identity = await self._kept(visit, verdict)
        except Refused as refused:
            return self._failed(visit, Step.KEY, str(refused))
        if visit.gone:
            return Outcome(proven=False, step="offline", reason="the connection ended")
        self._proven(visit, identity, verdict.signing)
        return Outcome(proven=True, reason="; ".join(verdict.warnings))

    def _expected(self, visit: Visit, asked: Challenge) -> Expected:
        station, terms = visit.station, self.terms
        return Expected(
            station=station, nonce=asked.nonce, now=self.clock.now(), difficulty=asked.difficulty,
            identities=self.identities.usable(station), certificate=visit.link.entrance.certificate,
            window=terms.window, enforce_time=terms.enforce_time, first_use=self.identities.window_open(station),
        )  # fmt: skip

    async def _kept(self, visit: Visit, verdict: Verdict) -> Identity:
        """Write what this proof changes for good."""
        signing = verdict.signing or SigningInput.CANONICAL
        if verdict.identity is not None:
            return await self.identities.proved(verdict.identity.id, signing)
        if verdict.offered is None:
            raise Refused("unknownIdentity")
        kind, material = verdict.offered
        return await self.identities.first_use(visit.station, kind, material, signing)

    # ── outcomes ──

    def _proven(self, visit: Visit, identity: Identity, signing: SigningInput | None) -> None:
        acted = visit.acting
        visit.turn(Turn.PROVE, self.clock, describe(identity))
        visit.identity, visit.signing = identity.id, signing
        visit.failures, visit.pause_until = 0, None
        self.agenda.drop(("idle", visit.link.connection))
        visit.link.allow(None, proven=True)
        if not acted:
            self._clear(visit)
        if self.terms.recheck:
            key = ("recheck", visit.link.connection)
            self.agenda.after(self.terms.recheck * 3600, key, lambda: self._ask_again(visit))

    def _clear(self, visit: Visit) -> None:
        self.watcher.cleared(visit)
        if visit.pending:
            self.agenda.soon(lambda: self._nudge(visit))

    def _failed(self, visit: Visit, step: str, reason: str, *, event: str = "") -> Outcome:
        """Note a failure. The station hears nothing; its next boot is answered Rejected until the pause is over."""
        outcome = Outcome(proven=False, step=str(step), reason=reason)
        visit.last_failure = (str(step), self.clock.now())
        detail = f"{step}: {reason}, from {visit.link.entrance.address or 'unknown'}"
        self.alarms.sound(event or EVENTS.get(step, FAILED_EVENT), visit.station, detail)
        if visit.standing in {Standing.TRUSTED, Standing.PROVEN, Standing.DOUBTED}:
            self._doubt(visit)
        else:
            self._pause(visit)
        return outcome

    def _pause(self, visit: Visit) -> None:
        visit.turn(Turn.FAIL, self.clock)
        self._gate(visit)
        visit.failures += 1
        pause = self.pause(visit)
        visit.pause_until = Tick(self.clock.tick() + pause)
        if visit.failures >= MOST_FAILURES:
            self.watcher.hang_up(visit, "identity not proved")
        elif not visit.booted:  # nobody told it to boot again: it is asked when its pause is over
            self.agenda.after(pause, ("pause", visit.link.connection), lambda: self._after_pause(visit))

    def _doubt(self, visit: Visit) -> None:
        """It failed where it acts: a rule that trusts it holds; otherwise it ends what it charges, and then itself."""
        ruling = self._ruling(visit)
        if visit.standing is Standing.TRUSTED and ruling.decision is Decision.TRUST:
            return
        visit.turn(Turn.FAIL, self.clock, visit.how)
        self._close_when_idle(visit)

    def _close_when_idle(self, visit: Visit) -> None:
        if visit.gone or visit.standing is not Standing.DOUBTED:
            return
        if not self.watcher.charging(visit.station):
            self.watcher.hang_up(visit, "identity not proved again")
            return
        self.agenda.after(IDLE_CHECK, ("idle", visit.link.connection), lambda: self._look_again(visit))

    async def _look_again(self, visit: Visit) -> None:
        self._close_when_idle(visit)

    def _unsupported(self, visit: Visit, reason: str, *, step: str = "unsupported") -> Outcome:
        """It does not know the message: what the operator wishes, but never for one that has proved itself once."""
        if self.identities.proven_before(visit.station):
            return self._failed(visit, step, reason, event=EVENTS["downgrade"])
        wish = OnUnsupported(self.terms.on_unsupported)
        entrance = visit.link.entrance
        if visit.acting or wish is OnUnsupported.REJECT:
            return self._failed(visit, step, reason)
        self.alarms.sound(EVENTS[step], visit.station, f"{reason}, from {entrance.address or 'unknown'}")
        visit.last_failure = (step, self.clock.now())
        if wish is OnUnsupported.ALLOW_UNTRUSTED:
            self._bear(visit, reason)
        elif (entrance.certificate is not None or entrance.basic) and not visit.link.candidate:
            visit.turn(Turn.TRUST, self.clock, "mTLS instead" if entrance.certificate is not None else "Basic instead")
            visit.link.allow(None)
            self._clear(visit)
        else:
            return self._failed(visit, step, f"{reason}, and nothing to fall back on")
        return Outcome(proven=False, step=step, reason=reason)

    def _bear(self, visit: Visit, reason: str) -> None:
        visit.turn(Turn.BEAR, self.clock, f"unproven: {reason}")
        visit.link.allow(LIMITED[visit.v16])
        self.watcher.borne(visit)
        if visit.pending:
            self.agenda.soon(lambda: self._nudge(visit))

    def _remember_unable(self, visit: Visit) -> None:
        """Keep which firmware did not know the message: operators see it, and the harmless are not asked twice."""
        record = self.identities.registry.station(visit.station)
        firmware = self._firmware(visit)
        if record is None or record.unable == firmware or self.identities.proven_before(visit.station):
            return
        self.agenda.soon(
            lambda: self.identities.registry.change(visit.station, lambda now: replace(now, unable=firmware))
        )

    async def _nudge(self, visit: Visit) -> None:
        """Have the station boot again, which is how it learns that it is in; unasked it does so after its interval."""
        if not visit.gone:
            await visit.link.call(Trigger(message="BootNotification"), by=Tick(self.clock.tick() + NUDGE_TIME))

    # ── later ──

    async def _after_silence(self, visit: Visit) -> None:
        if not visit.gone and visit.standing is Standing.NEW:
            self.ask(visit)

    async def _after_pause(self, visit: Visit) -> None:
        if not visit.gone and not visit.booted and visit.standing is Standing.FAILED:
            self.ask(visit)

    async def _ask_again(self, visit: Visit) -> None:
        if not visit.gone and visit.acting:
            self.ask(visit)

    def revoked(self, identity: Identity) -> None:
        """Drop what this identity has proved."""
        for visit in self.visits.of(identity.station):
            if visit.identity == identity.id:
                self.watcher.hang_up(visit, "identity revoked")

    def unsettled(self, station: StationId) -> None:
        """Something that let this station's connection in is no longer so: ask it, or close it."""
        visit = self.visits.live(station)
        record = self.identities.registry.station(station)
        if visit is not None and record is not None and visit.link.entrance.profile < record.profile:
            self.watcher.hang_up(visit, "security profile too low")
        elif visit is None or visit.standing is not Standing.TRUSTED or self._mute(visit):
            return
        elif self._ruling(visit).decision is Decision.CHALLENGE:
            self.ask(visit)

    # ── who ──

    def _ruling(self, visit: Visit) -> Ruling:
        station, entrance = visit.station, visit.link.entrance
        record = self.identities.registry.station(station)
        return decide(
            self.terms.rules,
            Visitor(
                trusted=record is not None and record.trusted,
                certificate=entrance.certificate is not None, basic=entrance.basic, address=entrance.address,
                enrolled=bool(self.identities.usable(station)), window=self.identities.window_open(station),
                proven_before=self.identities.proven_before(station),
            ),
        )  # fmt: skip

    def _counts(self, visit: Visit, ruling: Ruling) -> bool:
        """A newcomer beside a connection that is proven has to prove itself too: by a key or a certificate."""
        return not visit.link.candidate or ruling.rule is Rule.CERTIFICATE

    def _mute(self, visit: Visit) -> bool:
        """Whether it cannot be asked, or need not be: nothing is enrolled that it could prove, and it never could."""
        if not visit.v16 and not self.terms.ocpp2:
            return True
        record = self.identities.registry.station(visit.station)
        if record is None or record.unable is None or record.unable != self._firmware(visit):
            return False
        nothing = not self.identities.usable(visit.station) and not self.identities.window_open(visit.station)
        return nothing and self.terms.on_unsupported != OnUnsupported.REJECT

    def _firmware(self, visit: Visit) -> str:
        record = self.identities.registry.station(visit.station)
        return visit.firmware if visit.firmware is not None else record.firmware if record is not None else ""

    def _gate(self, visit: Visit) -> None:
        visit.link.allow(UNPROVEN[visit.v16], refused=lambda _action: self.contact(visit))

    @staticmethod
    def pause(visit: Visit) -> int:
        """Return the seconds that a connection has to wait after its failures."""
        return min(FIRST_PAUSE << max(0, visit.failures - 1), LONGEST_PAUSE)
