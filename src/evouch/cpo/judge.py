"""What comes of the answer to a challenge: a proof that counts, or one of the ways to fail.

Rules of this file:

* What a proof changes for good (the pinned signing input, a promotion, a first use) is
  written before the connection counts as proven.
* A failure is silence to the station and a named security event to the operator. The pause
  before the next challenge doubles; after some failures the connection is closed, a
  candidate after its first.
* One that does not know the message is what the operator wishes, except where the station
  has ever proved itself: then it is an attempt to get by with less.
* Signatures are what costs: who has sent wrong ones in a station's name, over however many
  connections, is refused unread for a while. Nobody else is, and right ones are not counted.
* A connection that acts already and fails may finish what it charges, and is closed then.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, ip_address
from typing import Any, Final

from evouch.charging.dialogue import IdentityProof, Trigger, Unspeakable
from evouch.charging.rates import Limiter, Rate
from evouch.clock import Clock, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.alarms import Alarms
from evouch.cpo.identities import Identities, describe
from evouch.cpo.identity_terms import IdentityTerms
from evouch.cpo.visitors import Visitors
from evouch.cpo.visits import LIMITED, Outcome, Visit
from evouch.errors import PeerGarbled, PeerRefused, Refused, TimedOut, Unreachable
from evouch.identity.challenge import Challenge
from evouch.identity.enrolment import Identity, IdentityKind, SigningInput
from evouch.identity.policy import Decision, OnUnsupported
from evouch.identity.proof import Expected, Step, Verdict, verify
from evouch.identity.standing import Standing, Turn
from evouch.ids import StationId

__all__ = ["EVENTS", "FAILED_EVENT", "Judge", "Watcher", "pause"]

#: Seconds of the first pause after a failure; each further one doubles it.
FIRST_PAUSE: Final = 60
LONGEST_PAUSE: Final = 3600
#: Failures after which a connection is closed.
MOST_FAILURES: Final = 5
#: Wrong signatures in a station's name from one place; what comes beyond is not verified. A right one costs nothing.
WRONG_SIGNATURES: Final = Rate(count=10, seconds=60, burst=10)
#: Seconds for the trigger of the next BootNotification; a station that does not obey boots by itself.
NUDGE_TIME: Final = 10.0
#: Seconds between two looks whether a doubted connection still charges.
IDLE_CHECK: Final = 10.0

#: Codes by which a station says that it does not know the message. The others find fault with its form.
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
    "limit": "IdentityProofsLimited",
}
FAILED_EVENT: Final = "FailedToAuthenticateAtCentralSystem"


class Watcher:
    """What the challenger tells of connections. All are called at once, none may wait."""

    def cleared(self, visit: Visit) -> None:
        """It is a station's own from now on."""

    def borne(self, visit: Visit) -> None:
        """It cannot prove itself and is borne with."""

    def doubted(self, visit: Visit) -> None:
        """It is not a station's own any more, but may finish what it charges."""

    def hang_up(self, visit: Visit, reason: str) -> None:
        """Close it with 1008."""

    def charging(self, station: StationId) -> bool:
        """Whether anything charges at this station."""
        return False


@dataclass(slots=True)
class Judge:
    """Turns answers into standings. ``again`` asks a connection once more, ``gate`` lets it say next to nothing."""

    identities: Identities
    visitors: Visitors
    terms: IdentityTerms
    agenda: Agenda
    alarms: Alarms
    clock: Clock
    watcher: Watcher = field(default_factory=Watcher)
    again: Callable[[Visit], object] = lambda _visit: None
    gate: Callable[[Visit], None] = lambda _visit: None
    _wrong: Limiter = field(default_factory=lambda: Limiter(WRONG_SIGNATURES))

    async def judge(self, visit: Visit, asked: Challenge, answer: object) -> Outcome:
        """Give the connection the standing that its answer to ``asked`` has earned."""
        match answer:
            case IdentityProof(document=document):
                return await self._proof(visit, asked, document)
            case TimedOut():
                return self.unsupported(visit, "no answer", step="timeout")
            case Unspeakable():
                return self.unsupported(visit, "this version cannot say it")
            case PeerGarbled(code=code):  # it answers, so it knows the message
                return self.failed(visit, Step.FORM, code)
            case PeerRefused(code=code) if code in UNKNOWN_MESSAGE:
                self._remember_unable(visit)
                return self.unsupported(visit, code)
            case PeerRefused(code="SecurityError"):  # a careful station: the challenge was made for another host
                return self.failed(visit, "refused", "the station refused the challenge")
            case PeerRefused(code=code):
                return self.failed(visit, Step.FORM, code)
            case Unreachable():
                return Outcome(proven=False, step="offline", reason="the connection ended")
        return self.failed(visit, Step.FORM, "no proof")

    async def _proof(self, visit: Visit, asked: Challenge, document: Any) -> Outcome:
        if self.clock.tick() >= asked.expires:
            return self.failed(visit, "expired", "the challenge had expired")
        whose = f"{_neighbourhood(visit.link.entrance.address)} {visit.station}"
        if self._wrong.left(whose, self.clock.tick()):
            return self.failed(visit, "limit", "too many wrong signatures before it")
        verdict = verify(document, self._expected(visit, asked))
        if not verdict.valid:
            if verdict.step is Step.SIGNATURE:  # the one step that costs something
                self._wrong.wait(whose, self.clock.tick())
            return self.failed(visit, verdict.step or Step.SIGNATURE, verdict.reason)
        try:
            identity = await self._kept(visit, verdict)
        except Refused as refused:
            return self.failed(visit, Step.KEY, str(refused))
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
            made_with = visit.link.entrance.certificate if verdict.identity.kind is IdentityKind.CERTIFICATE else None
            return await self.identities.proved(verdict.identity.id, signing, certificate=made_with)
        if verdict.offered is None:
            raise Refused("unknownIdentity")
        kind, material = verdict.offered
        made_with = visit.link.entrance.certificate if kind is IdentityKind.CERTIFICATE else None
        return await self.identities.first_use(visit.station, kind, material, signing, certificate=made_with)

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
        self._ask_when_it_ends(visit, identity)
        if self.terms.recheck:
            key = ("recheck", visit.link.connection)
            self.agenda.after(self.terms.recheck * 3600, key, lambda: self._ask_again(visit))

    def _ask_when_it_ends(self, visit: Visit, identity: Identity) -> None:
        """What was proved by a key is good for as long as the key is."""
        key = ("ends", visit.link.connection)
        if identity.not_after is None:
            self.agenda.drop(key)
        else:
            left = (identity.not_after - self.clock.now()).total_seconds()
            self.agenda.after(left, key, lambda: self._ask_again(visit))

    def _clear(self, visit: Visit) -> None:
        self.watcher.cleared(visit)
        if visit.pending:
            self.agenda.soon(lambda: self._nudge(visit))
            visit.pending = False

    def failed(self, visit: Visit, step: str, reason: str, *, event: str = "") -> Outcome:
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
        self.gate(visit)
        visit.failures += 1
        seconds = pause(visit.failures)
        visit.pause_until = Tick(self.clock.tick() + seconds)
        if visit.failures >= MOST_FAILURES or visit.link.candidate:  # its place is wanted
            self.watcher.hang_up(visit, "identity not proved")
        elif not visit.booted:  # nobody told it to boot again: it is asked when its pause is over
            self.agenda.after(seconds, ("pause", visit.link.connection), lambda: self._after_pause(visit))

    def _doubt(self, visit: Visit) -> None:
        """It failed where it acts: a rule that trusts it holds; otherwise it ends what it charges, and then itself."""
        ruling = self.visitors.ruling(visit)
        if visit.standing is Standing.TRUSTED and ruling.decision is Decision.TRUST:
            return
        visit.turn(Turn.FAIL, self.clock, visit.how)
        self.watcher.doubted(visit)
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

    def unsupported(self, visit: Visit, reason: str, *, step: str = "unsupported") -> Outcome:
        """It does not know the message: what the operator wishes, but never for one that has proved itself once."""
        if self.identities.proven_before(visit.station):
            busy = visit.acting and step == "timeout"  # asked again, it may have had other things to do
            return self.failed(visit, step, reason, event="" if busy else EVENTS["downgrade"])
        wish = OnUnsupported(self.terms.on_unsupported)
        entrance = visit.link.entrance
        if visit.acting or visit.standing is Standing.DOUBTED or wish is OnUnsupported.REJECT:
            return self.failed(visit, step, reason)
        self.alarms.sound(EVENTS[step], visit.station, f"{reason}, from {entrance.address or 'unknown'}")
        visit.last_failure = (step, self.clock.now())
        if wish is OnUnsupported.ALLOW_UNTRUSTED:
            self._bear(visit, reason)
        elif (entrance.certificate is not None or entrance.basic) and not visit.link.candidate:
            visit.turn(Turn.TRUST, self.clock, "mTLS instead" if entrance.certificate is not None else "Basic instead")
            visit.link.allow(None)
            self._clear(visit)
        else:
            return self.failed(visit, step, f"{reason}, and nothing to fall back on")
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
        firmware = self.visitors.firmware(visit)
        if record is None or record.unable == firmware or self.identities.proven_before(visit.station):
            return
        self.agenda.soon(
            lambda: self.identities.registry.change(visit.station, lambda now: replace(now, unable=firmware))
        )

    async def _nudge(self, visit: Visit) -> None:
        """Have the station boot again, which is how it learns that it is in; unasked it does so after its interval."""
        if not visit.gone:
            await visit.link.call(Trigger(message="BootNotification"), by=Tick(self.clock.tick() + NUDGE_TIME))

    async def _ask_again(self, visit: Visit) -> None:
        if not visit.gone and visit.acting:
            self.again(visit)

    async def _after_pause(self, visit: Visit) -> None:
        if not visit.gone and not visit.booted and visit.standing is Standing.FAILED:
            self.again(visit)


def pause(failures: int) -> int:
    """Return the seconds that a connection has to wait after so many failures."""
    return min(FIRST_PAUSE << max(0, failures - 1), LONGEST_PAUSE)


def _neighbourhood(address: str) -> str:
    """Return an address, of IPv6 its /64: whoever has one of those has all of it."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return str(parsed) if isinstance(parsed, IPv4Address) else parsed.packed[:8].hex()
