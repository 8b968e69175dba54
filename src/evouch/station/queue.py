"""Transaction messages on their way to the backend, across any outage: pure.

Rules (OCPP 1.6 §3.7 and §3.7.1; OCPP 2.x part 2 E04, E12, E13):

- What concerns a transaction is delivered in the order in which it happened, one at a time.
- Being offline is no failed attempt: messages wait as long as it takes.
- A backend that answers with an error, or not in time, failed to process the message: it is
  sent again after ``interval`` seconds, then after twice, three times as many, ``attempts``
  times in all. After that it is put aside, for a message that the backend will never take
  must not stop the others.
- The queue lives in this process's memory, as all of a simulated station does: a reset and a
  blackout keep it, the end of the process does not. A real station writes it to flash.
- On 1.6 the backend names the transaction in its answer to StartTransaction: messages that
  were queued before are completed with it when their turn comes.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Final

from evouch.charging.dialogue import SessionFact, SessionStarted
from evouch.clock import Tick
from evouch.ids import TransactionId

__all__ = ["UNKNOWN", "Entry", "Queue", "Retries"]

#: transactionId of a StopTransaction whose StartTransaction was put aside.
UNKNOWN: Final = TransactionId("-1")


@dataclass(frozen=True, slots=True)
class Retries:
    """1.6 TransactionMessageAttempts and -RetryInterval; 2.x MessageAttempts and MessageAttemptInterval."""

    attempts: int = 3
    interval: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One message. ``handle`` is the station's own name of its transaction."""

    handle: TransactionId
    fact: SessionFact
    tries: int = 0
    not_before: Tick = Tick(0.0)


@dataclass(slots=True)
class Queue:
    """The queue and what it learned about transaction ids."""

    modern: bool
    _entries: deque[Entry] = field(default_factory=deque)
    _names: dict[TransactionId, TransactionId] = field(default_factory=dict)
    #: messages that the backend failed to process however often they were sent
    aside: list[Entry] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, handle: TransactionId, fact: SessionFact) -> None:
        """Append a message."""
        self._entries.append(Entry(handle=handle, fact=fact))

    def head(self, at: Tick) -> Entry | None:
        """Return the message whose turn it is, complete; None if there is none or its time has not come."""
        if not self._entries or self._entries[0].not_before > at:
            return None
        return self._complete(self._entries[0])

    def next_deadline(self) -> Tick | None:
        """Return when the first message may be sent."""
        return self._entries[0].not_before if self._entries else None

    def delivered(self, transaction: TransactionId | None = None) -> None:
        """Take the first message off: it was answered; ``transaction`` is the name that the backend gave."""
        entry = self._entries.popleft()
        if transaction is not None and isinstance(entry.fact, SessionStarted):
            self._names[entry.handle] = transaction

    def failed(self, at: Tick, retries: Retries) -> bool:
        """Note that the backend failed to process the first message; return whether it was put aside."""
        entry = self._entries.popleft()
        tries = entry.tries + 1
        if tries >= retries.attempts:
            self.aside.append(replace(entry, tries=tries))
            return True
        again = replace(entry, tries=tries, not_before=Tick(at + retries.interval * tries))
        self._entries.appendleft(again)
        return False

    def name(self, handle: TransactionId) -> TransactionId | None:
        """Return what the backend calls a transaction, None before it said so."""
        return handle if self.modern else self._names.get(handle)

    def handle(self, name: TransactionId) -> TransactionId | None:
        """Return the station's own name of the transaction that the backend calls ``name``."""
        if self.modern:
            return name
        return next((ours for ours, theirs in self._names.items() if theirs == name), None)

    def _complete(self, entry: Entry) -> Entry:
        if self.modern or isinstance(entry.fact, SessionStarted):
            return entry
        return replace(entry, fact=replace(entry.fact, transaction=self._names.get(entry.handle, UNKNOWN)))
