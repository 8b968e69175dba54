"""Asking eMSPs which vehicle this is, without telling them: the operator's side of the OPRF (§5.1, §5.2).

One address goes in, one VID per eMSP comes out. Each eMSP gets a point that was blinded for it
alone: with a shared one, eMSPs could tell each other that they were asked about the same
plug-in. All are asked at once under one deadline; who is dead, slow or lying costs the others
nothing. The address and what unblinds the answers are local to :meth:`Asking.ask` and gone
when it returns; the calls in flight hold a blinded point and nothing else.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
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

__all__ = ["SIGN_SECONDS", "Asking", "Heard", "Oracle"]

#: How long all eMSPs together may take (§5.1.1 step 2, §5.1.2 step 4.1: RECOMMENDED).
SIGN_SECONDS: Final = 5.0

_TIMED_OUT: Final = "timedOut"
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

    ``silent`` says why there is no VID: timedOut, offline, refused, invalidElement, failed, open circuit. Where
    the address may not be asked about, both are empty and ``verdict`` says why.
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


class Asking:
    """Asks eMSPs. ``filter`` decides which addresses nobody is asked about; ours where none is given."""

    def __init__(
        self,
        clock: Clock,
        entropy: Entropy,
        *,
        group: Group | None = None,
        filter: MacFilter | None = None,
        breaker: BreakerTerms | None = None,
    ) -> None:
        self.breaker = Breaker(breaker or BreakerTerms())
        self.filter = filter or default_filter()
        self._clock = clock
        self._entropy = entropy
        self._group = group

    async def ask(self, mac: Mac, oracles: Sequence[Oracle], *, by: Tick) -> Heard:
        """Return what the eMSPs made of an address: as soon as all have answered, and at ``by`` at the latest.

        Raises nothing that a partner could cause.
        """
        verdict = self.filter.judge(mac)
        if not verdict.accepted:
            return Heard(verdict=verdict)
        asked = [each for each in oracles if self.breaker.may(each.name, self._clock.tick())]
        kept, sent = self._blind(mac, asked)
        answers = await self._gather(asked, sent, by)
        vids = self._finish(kept, answers)
        left_out = dict.fromkeys({each.name for each in oracles} - {each.name for each in asked}, _OPEN)
        return Heard(vids=vids, silent=answers.reasons | left_out, took=answers.took, verdict=verdict)

    def _blind(self, mac: Mac, asked: Iterable[Oracle]) -> tuple[dict[str, Kept], dict[str, bytes]]:
        """Hash the address to the curve once, and blind it afresh for each."""
        kept: dict[str, Kept] = {}
        sent: dict[str, bytes] = {}
        blinder = Blinder(mac.reveal(), group=self._group)
        for each in asked:
            kept[each.name], sent[each.name] = blinder.blind(self._entropy)
        return kept, sent

    async def _gather(self, asked: Iterable[Oracle], sent: Mapping[str, bytes], by: Tick) -> _Answers:
        answers = _Answers()
        calls = {asyncio.create_task(self._one(each, sent[each.name], by, answers)) for each in asked}
        bell = asyncio.create_task(self._clock.sleep_until(by))
        try:
            while calls and not bell.done():
                _, calls = await asyncio.wait({bell, *calls}, return_when=asyncio.FIRST_COMPLETED)
                calls.discard(bell)
        finally:
            for late in (bell, *calls):  # not awaited: who does not stop when told to delays nobody
                late.cancel()
        for each in sent.keys() - answers.elements.keys() - answers.reasons.keys():
            answers.reasons[each] = _TIMED_OUT
            self.breaker.failed(each, self._clock.tick())
        return _Answers(dict(answers.elements), dict(answers.reasons), dict(answers.took))

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

    def _finish(self, kept: Mapping[str, Kept], answers: _Answers) -> dict[str, Vid]:
        vids: dict[str, Vid] = {}
        for name, element in answers.elements.items():
            try:
                vids[name] = Vid(kept[name].finish(element).hex())
                self.breaker.succeeded(name)
            except InvalidElement as error:
                answers.reasons[name] = _INVALID
                answers.took.pop(name, None)
                self._note(name, error)
        return vids


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
