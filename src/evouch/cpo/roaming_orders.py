"""Orders to stations that a partner's command asks for, and what became of them in the words of OCPI.

What a station answers is told once, to the address that the partner gave. It is owed in memory
only: after a restart the partner's own patience ends its waiting, and sessions say what came of it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from evouch.charging.dialogue import LockAnswer, LockOutcome, Order, StationCalls, Unspeakable, Yes
from evouch.charging.equipment import EvsePlace
from evouch.clock import Clock, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.roaming_results import Results
from evouch.cpo.roaming_start import ANSWER_TIME
from evouch.errors import PeerRefused, Unreachable
from evouch.ocpi.model import CommandResponse, DisplayText
from evouch.ocpi.partner import Partner

__all__ = ["PartnerOrders", "answer"]

#: Seconds until a result is said of what a station answers by itself.
SOON: Final = 45


@dataclass(slots=True)
class PartnerOrders:
    """Gives orders, and tells the partner."""

    calls: StationCalls
    results: Results
    agenda: Agenda
    clock: Clock

    def give(
        self, partner: Partner, url: str | None, place: EvsePlace, order: Order[Any],
        heard: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:  # fmt: skip
        """Give an order beside whatever is answered now; ``heard`` is told the word before the partner is."""
        self.agenda.soon(lambda: self._give(partner, url, place, order, heard))

    async def _give(
        self, partner: Partner, url: str | None, place: EvsePlace, order: Order[Any],
        heard: Callable[[str], Awaitable[None]] | None,
    ) -> None:  # fmt: skip
        word = _word(await self.calls.call(place.station, order, by=Tick(self.clock.tick() + ANSWER_TIME)))
        if heard is not None:
            await heard(word)
        self.results.send(partner, url, word)


def answer(result: str, text: str = "", *, timeout: int = SOON) -> CommandResponse:
    """Return what a partner is answered at once."""
    message = (DisplayText(language="en", text=text),) if text else ()
    return CommandResponse(result=result, timeout=timeout, message=message)


def _word(answer: object) -> str:
    """Return what a station's answer comes to (mod_commands §CommandResultType)."""
    match answer:
        case Yes(accepted=True) | LockAnswer(outcome=LockOutcome.TAKEN):
            return "ACCEPTED"
        case LockAnswer(outcome=LockOutcome.UNKNOWN):  # the operator's own lock holds all the same
            return "ACCEPTED"
        case Unspeakable():
            return "NOT_SUPPORTED"
        case Yes() | LockAnswer() | PeerRefused():
            return "REJECTED"
        case Unreachable():
            return "TIMEOUT"
    return "FAILED"
