"""A backend reduced to what it hears and answers, in the neutral dialogue: no OCPP, no socket.

For tests of a station. ``answers`` maps a fact's type to the answer, or to a function of
the fact; what is not in it gets the answer of a backend that agrees. Answers may be the
errors that a connection returns as values.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from evouch.charging import dialogue as d
from evouch.charging.tokens import Authorization, TokenStatus
from evouch.clock import Clock, Tick
from evouch.errors import EvouchError, Offline
from evouch.ids import Secret, TransactionId

__all__ = ["PlainBackend", "PlainLine"]

F = TypeVar("F", bound=d.Fact[Any])


class PlainBackend:
    """Implements the station's ``Connect``: every call opens a line, unless ``down`` says what happens instead."""

    def __init__(self, clock: Clock, *, assigns_transactions: bool = False) -> None:
        self.clock = clock
        self.heard: list[d.Fact[Any]] = []
        self.answers: dict[type, Any] = {}
        self.down: EvouchError | None = None
        self.lines: list[PlainLine] = []
        self.attempts: list[Tick] = []
        self.passwords: list[Secret | None] = []
        #: as a 1.6 backend, which names transactions
        self.assigns_transactions = assigns_transactions
        self._transactions = 41

    async def __call__(
        self, *, password: Secret | None, hear: Callable[[Any, Any, d.Evidence], Any], on_close: Callable[..., None]
    ) -> "PlainLine":
        """Open a line."""
        self.attempts.append(self.clock.tick())
        self.passwords.append(password)
        if self.down is not None:
            raise self.down
        line = PlainLine(self, hear, on_close)
        self.lines.append(line)
        return line

    def of(self, kind: type[F]) -> list[F]:
        """Return the facts of one type that were heard, in order."""
        return [fact for fact in self.heard if isinstance(fact, kind)]

    async def order(self, order: d.Order[Any]) -> Any:
        """Give an order over the last line; return the answer."""
        evidence = d.Evidence(frame=b"", received_at=self.clock.now(), connection="plain")
        answer = self.lines[-1].hear(None, order, evidence)
        return await answer if hasattr(answer, "__await__") else answer

    def hang_up(self) -> None:
        """Cut the last line."""
        self.lines[-1].cut()

    def answer(self, fact: d.Fact[Any]) -> Any:
        """Return what this backend answers to ``fact``."""
        self.heard.append(fact)
        for kind, answer in self.answers.items():
            if isinstance(fact, kind):
                return answer(fact) if callable(answer) else answer
        return self._agree(fact)

    def _agree(self, fact: d.Fact[Any]) -> Any:
        match fact:
            case d.Booted():
                return d.BootAnswer(d.BootStatus.ACCEPTED, self.clock.now(), 300)
            case d.StillThere():
                return d.TimeAnswer(self.clock.now())
            case d.TokenPresented():
                return Authorization(status=TokenStatus.ACCEPTED)
            case d.SessionStarted() if self.assigns_transactions:
                self._transactions += 1
                granted = Authorization(status=TokenStatus.ACCEPTED)
                return d.SessionAnswer(granted, TransactionId(str(self._transactions)))
            case d.SessionFact():
                return d.SessionAnswer()
            case _:
                return None


class PlainLine:
    """One open line. An answer that is None where the fact expects one never comes: the deadline passes."""

    def __init__(
        self, backend: PlainBackend, hear: Callable[[Any, Any, d.Evidence], Any], on_close: Callable[..., None]
    ) -> None:
        self.backend = backend
        self.hear = hear
        self.open = True
        self.muted = False
        self._on_close = on_close

    async def say(self, fact: d.Fact[Any], *, by: Tick) -> Any:
        """Take a fact; answer it in the next round of the event loop, as a socket would."""
        await asyncio.sleep(0)
        if not self.open:
            return Offline("hung up")
        answer = self.backend.answer(fact)
        return await answer if hasattr(answer, "__await__") else answer

    def mute(self, mute: bool) -> None:  # noqa: FBT001  # it is the value itself
        """Take note that the station answers no orders."""
        self.muted = mute

    async def close(self) -> None:
        """Hang up from the station's side."""
        self.cut()

    def cut(self) -> None:
        """Hang up."""
        if self.open:
            self.open = False
            self._on_close(Offline("hung up"))
