"""Asking eMSPs which vehicle this is, without telling them: the operator's side of the OPRF (§5.1, §5.2).

One address goes in, one VID per eMSP comes out. Each eMSP gets a point that was blinded for it
alone: with a shared one, eMSPs could tell each other that they were asked about the same
plug-in. All are asked at once under one deadline; who is dead, slow or lying costs the others
nothing. Everybody is waited for a second, for two eMSPs that know one car are a conflict that
only the operator can see; after that a car that somebody knows waits for nobody else, and a
partner whose circuit is open holds nobody up. What they say later still tells whether they live.

The address and what unblinds the answers are local to :meth:`Asking.ask` and gone when it
returns; the calls in flight hold a blinded point and nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from evouch.autocharge.breaker import Breaker, BreakerTerms
from evouch.autocharge.mac import MacFilter, MacVerdict
from evouch.autocharge.mac_rules import default_filter
from evouch.clock import Clock, Entropy, Tick
from evouch.errors import PeerFault, PeerGarbled, PeerRefused, TimedOut, Unreachable
from evouch.ids import Mac, Vid
from evouch.oprf.client import Blinder, Kept
from evouch.oprf.group import Group, InvalidElement

__all__ = ["KNOWN_SECONDS", "SIGN_SECONDS", "Asking", "Enough", "Heard", "Oracle"]

#: How long all eMSPs together may take (§5.1.1 step 2, §5.1.2 step 4.1: RECOMMENDED).
SIGN_SECONDS: Final = 5.0

#: How long everybody is waited for where a car is known: far more than an eMSP that lives needs to sign, and less
#: than a driver notices in front of a start that is delayed anyway.
KNOWN_SECONDS: Final = 1.0

#: Says of the VIDs that are there whether they will do.
Enough = Callable[[Mapping[str, Vid]], Awaitable[bool]]
Calls = set[asyncio.Task[None]]

_TIMED_OUT: Final = "timedOut"
_LATE: Final = "late"
_OPEN: Final = "open circuit"
_INVALID: Final = "invalidElement"

_log = structlog.get_logger(__name__)


class Oracle(Protocol):
    """One eMSP that can be asked for a signature."""

    @property
    def name(self) -> str:
        """Our local name of the partner."""

    async def sign(self, blinded: bytes, *, by: Tick) -> bytes:
        """Send a blinded point of 33 octets; return the evaluated one in either SEC1 form, or raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What came of asking. Every partner that was named is in ``vids`` or in ``silent``, never in both.

    ``silent`` says why there is no VID: timedOut, late (others were enough), offline, refused, invalidElement,
    failed, open circuit. Where the address may not be asked about, both are empty and ``verdict`` says why.
    """

    vids: dict[str, Vid] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    #: seconds until each answer came
    took: dict[str, float] = field(default_factory=dict)
    #: what the filter says of the address
    verdict: MacVerdict = field(default_factory=lambda: MacVerdict(accepted=True))


@dataclass(slots=True)
class _Answers:
    """What arrives while we wait: elements as they came, reasons, and when."""

    elements: dict[str, bytes] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    vids: dict[str, Vid] = field(default_factory=dict)


class Asking:
    """Asks eMSPs. ``filter`` decides which addresses nobody is asked about; ours where none is given.

    ``known`` is how many seconds a car that somebody knows waits for the others.
    """

    def __init__(
        self,
        clock: Clock,
        entropy: Entropy,
        *,
        group: Group | None = None,
        filter: MacFilter | None = None,
        breaker: BreakerTerms | None = None,
        known: float = KNOWN_SECONDS,
    ) -> None:
        self.breaker = Breaker(breaker or BreakerTerms())
        self.filter = filter or default_filter()
        self._clock = clock
        self._entropy = entropy
        self._group = group
        self._known = known
        #: what nobody waits for any more, until its own deadline
        self._late: set[asyncio.Task[None]] = set()

    async def ask(self, mac: Mac, oracles: Sequence[Oracle], *, by: Tick, enough: Enough | None = None) -> Heard:
        """Return what the eMSPs made of an address: as soon as all have answered, and at ``by`` at the latest.

        After a second it returns as soon as ``enough`` says of the VIDs so far that they will do. Raises
        nothing that a partner could cause.
        """
        verdict = self.filter.judge(mac)
        if not verdict.accepted:
            return Heard(verdict=verdict)
        asked = [each for each in oracles if self.breaker.may(each.name, self._clock.tick())]
        kept, sent = self._blind(mac, asked)
        answers = await self._gather(asked, sent, by, kept, enough)
        left_out = dict.fromkeys({each.name for each in oracles} - {each.name for each in asked}, _OPEN)
        return Heard(vids=answers.vids, silent=answers.reasons | left_out, took=answers.took, verdict=verdict)

    def _blind(self, mac: Mac, asked: Iterable[Oracle]) -> tuple[dict[str, Kept], dict[str, bytes]]:
        """Hash the address to the curve once, and blind it afresh for each."""
        kept: dict[str, Kept] = {}
        sent: dict[str, bytes] = {}
        blinder = Blinder(mac.reveal(), group=self._group)
        for each in asked:
            kept[each.name], sent[each.name] = blinder.blind(self._entropy)
        return kept, sent

    async def _gather(
        self, asked: Sequence[Oracle], sent: Mapping[str, bytes], by: Tick, kept: Mapping[str, Kept],
        enough: Enough | None,
    ) -> _Answers:  # fmt: skip
        answers = _Answers()

        async def will_do() -> bool:
            self._finish(kept, answers)
            return enough is not None and await enough(answers.vids)

        calls = {asyncio.create_task(self._one(each, sent[each.name], by, answers), name=each.name) for each in asked}
        try:
            missing = await self._wait(calls, by, will_do)
        except BaseException:
            _cancel(calls)
            raise
        self._finish(kept, answers)
        heard = _Answers(answers.elements, dict(answers.reasons), dict(answers.took), answers.vids)
        late = self._clock.tick() < by
        heard.reasons |= dict.fromkeys((each.get_name() for each in missing), _LATE if late else _TIMED_OUT)
        self._see_out(missing, answers, by)
        return heard

    async def _wait(self, calls: Calls, by: Tick, will_do: Callable[[], Awaitable[bool]]) -> Calls:
        """Wait for all calls, for a second; then for as many as are needed. Return those that are missing."""
        soon = Tick(min(by, self._clock.tick() + self._known))
        calls = await self._until(soon, calls)
        while calls and self._clock.tick() < by and not self._only_probes(calls) and not await will_do():
            calls = await self._until(by, calls, first=True)
        return calls

    async def _until(self, tick: Tick, calls: Calls, *, first: bool = False) -> Calls:
        """Wait until ``tick``, or until all calls have ended, or the first one; return those that have not."""
        bell = asyncio.create_task(self._clock.sleep_until(tick))
        try:
            while calls and not bell.done():
                done, _ = await asyncio.wait({bell, *calls}, return_when=asyncio.FIRST_COMPLETED)
                calls = calls - done
                if first:
                    break
        finally:
            bell.cancel()
        return calls

    def _only_probes(self, calls: Calls) -> bool:
        return all(self.breaker.is_open(each.get_name()) for each in calls)

    def _see_out(self, calls: Calls, answers: _Answers, by: Tick) -> None:
        """Leave calls to themselves until ``by``: what they say is used by nobody, but shows who lives."""
        if not calls:
            return
        if self._clock.tick() >= by:
            self._give_up(calls)
            return

        async def watch() -> None:
            missing = await self._until(by, calls)
            for name in {each.get_name() for each in calls - missing} & answers.elements.keys():
                self.breaker.succeeded(name)
            self._give_up(missing)

        task = asyncio.create_task(watch())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _give_up(self, calls: Calls) -> None:
        """End calls that are over their deadline; not awaited: who does not stop when told to delays nobody."""
        _cancel(calls)
        for each in calls:
            self.breaker.failed(each.get_name(), self._clock.tick())

    async def _one(self, oracle: Oracle, blinded: bytes, by: Tick, answers: _Answers) -> None:
        began = self._clock.tick()
        try:
            answers.elements[oracle.name] = await oracle.sign(blinded, by=by)
        except Exception as error:  # noqa: BLE001 - one partner's fault, or a bug in speaking to it, is not the others' loss
            answers.reasons[oracle.name] = _reason(error)
            self._note(oracle.name, error)
        else:
            answers.took[oracle.name] = self._clock.tick() - began

    def _note(self, name: str, error: Exception) -> None:
        """A partner that says no is there; one that says nothing, or nothing of use, is a failure."""
        _log.info("sign_failed", partner=name, error=type(error).__name__)
        if isinstance(error, PeerRefused) and not isinstance(error, PeerGarbled):
            self.breaker.succeeded(name)
        else:
            self.breaker.failed(name, self._clock.tick())

    def _finish(self, kept: Mapping[str, Kept], answers: _Answers) -> None:
        """Make VIDs of the answers that are new."""
        for name in answers.elements.keys() - answers.vids.keys() - answers.reasons.keys():
            try:
                answers.vids[name] = Vid(kept[name].finish(answers.elements[name]).hex())
                self.breaker.succeeded(name)
            except InvalidElement as error:
                answers.reasons[name] = _INVALID
                answers.took.pop(name, None)
                self._note(name, error)


def _cancel(calls: Calls) -> None:
    for each in calls:
        each.cancel()


def _reason(error: Exception) -> str:
    match error:
        case TimedOut():
            return _TIMED_OUT
        case Unreachable():
            return "offline"
        case InvalidElement() | PeerGarbled():
            return _INVALID
        case PeerRefused() | PeerFault():
            return "refused"
        case _:
            return "failed"
