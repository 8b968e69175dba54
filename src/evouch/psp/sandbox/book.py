"""The sandbox account: its holds, the first answer of every idempotency key, and its events.

All methods return at once and do all or nothing, so nothing can come between a question and
its answer. What changed waits in :meth:`Book.unsaved` for the shell to write down before it
tells anybody.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import msgspec

from evouch.clock import Entropy
from evouch.errors import Refused
from evouch.psp.sandbox import machine
from evouch.psp.sandbox.faults import Faults
from evouch.psp.sandbox.messages import EventView, hold_view
from evouch.psp.sandbox.records import Answer, Delivery, Event, HoldRecord, Record, State
from evouch.units import Money

__all__ = ["Book"]

#: Most holds kept at a time; a sandbox that is flooded says so instead of eating the machine.
MAX_HOLDS = 100_000


class Book:
    """One merchant's account at the sandbox provider.

    ``public_url`` is the address under which browsers reach the payment pages, without a
    slash at its end. ``merchant`` is the name that drivers see.
    """

    def __init__(self, entropy: Entropy, *, merchant: str, public_url: str = "") -> None:
        self.merchant = merchant
        self.public_url = public_url
        self.faults = Faults()
        self._entropy = entropy
        self._holds: dict[str, HoldRecord] = {}
        self._answers: dict[str, Answer] = {}
        self._events: list[Event] = []
        self._news: list[Event] = []
        self._deliveries: dict[str, Delivery] = {}
        self._unsaved: dict[tuple[type, str], Record] = {}

    def open(self, amount: Money, *, return_url: str, description: str, reference: str, at: datetime) -> HoldRecord:
        """Open a hold that somebody has to approve within :data:`machine.PAGE_LASTS`."""
        if len(self._holds) >= MAX_HOLDS:
            raise Refused("tooManyHolds")
        hold = HoldRecord(
            id=f"hold_{self._entropy.id()}",
            minor=amount.minor,
            currency=amount.currency,
            description=description,
            reference=reference,
            return_url=return_url,
            created_at=at,
            expires_at=at + machine.PAGE_LASTS,
        )
        return self._keep(hold)

    def hold(self, id: str, at: datetime) -> HoldRecord:
        """Return a hold as it stands now; Refused("noSuchHold")."""
        hold = self._holds.get(id)
        if hold is None:
            raise Refused("noSuchHold")
        now = machine.current(hold, at)
        if now is not hold:
            self._keep(now)
            self._tell("hold.expired", now, at)
        return now

    def change(self, id: str, step: Callable[[HoldRecord], HoldRecord], at: datetime) -> HoldRecord:
        """Take a step of :mod:`machine` with a hold, keep the outcome and tell of it."""
        before = self.hold(id, at)
        after = self._keep(step(before))
        for kind in _kinds(before, after):
            self._tell(kind, after, at)
        return after

    def expire(self, id: str, at: datetime) -> HoldRecord:
        """Let a hold run out now, as if its days had passed."""
        return self.change(id, lambda hold: machine.current(hold, max(at, hold.expires_at)), at)

    def sweep(self, at: datetime) -> None:
        """Notice what has expired, so that its webhooks go out."""
        for id in list(self._holds):
            self.hold(id, at)

    def new_id(self, prefix: str) -> str:
        """Return a fresh id that nobody can guess."""
        return f"{prefix}_{self._entropy.id()}"

    def answer(self, key: str) -> Answer | None:
        """Return what this idempotency key was answered the first time."""
        return self._answers.get(key)

    def keep_answer(self, answer: Answer) -> None:
        """Keep the first answer of a key."""
        self._answers[answer.key] = answer
        self._note(answer, answer.key)

    def events(self, *, after: str = "", limit: int = 100) -> list[Event]:
        """Return events in order, those after the event with id ``after``; Refused("noSuchEvent")."""
        if not after:
            return self._events[:limit]
        for index, event in enumerate(self._events):
            if event.id == after:
                return self._events[index + 1 : index + 1 + limit]
        raise Refused("noSuchEvent")

    def news(self) -> list[Event]:
        """Take the events that happened since the last call."""
        news, self._news = self._news, []
        return news

    def undelivered(self) -> Iterator[tuple[Event, int]]:
        """Yield the events whose webhooks nobody took yet, with the tries made."""
        for event in self._events:
            delivery = self._deliveries[event.id]
            if not delivery.done:
                yield event, delivery.tries

    def delivered(self, event: Event, *, tries: int, done: bool) -> None:
        """Note a try to send a webhook; ``done`` when it was taken, or is given up."""
        self._deliveries[event.id] = delivery = Delivery(event=event.id, tries=tries, done=done)
        self._note(delivery, event.id)

    def unsaved(self) -> list[Record]:
        """Return what changed and is not written down yet, each record in its latest form."""
        return list(self._unsaved.values())

    def saved(self, records: Iterable[Record]) -> None:
        """Note that these records are written down; one that changed meanwhile stays unsaved."""
        written = {id(record) for record in records}
        self._unsaved = {key: record for key, record in self._unsaved.items() if id(record) not in written}

    def load(self, records: Iterable[Record]) -> None:
        """Take over what an earlier process wrote."""
        for record in records:
            match record:
                case HoldRecord():
                    self._holds[record.id] = record
                case Answer():
                    self._answers[record.key] = record
                case Event():
                    self._events.append(record)
                case Delivery():
                    self._deliveries[record.event] = record
        self._events.sort(key=lambda event: event.number)

    def _keep(self, hold: HoldRecord) -> HoldRecord:
        self._holds[hold.id] = hold
        self._note(hold, hold.id)
        return hold

    def _tell(self, kind: str, hold: HoldRecord, at: datetime) -> None:
        id = self.new_id("evt")
        view = EventView(id=id, type=kind, created_at=at, hold=hold_view(hold, self.public_url))
        body = msgspec.json.encode(view)
        event = Event(id=id, number=len(self._events) + 1, kind=kind, hold=hold.id, at=at, body=body)
        self._events.append(event)
        self._news.append(event)
        self._note(event, id)
        self.delivered(event, tries=0, done=False)

    def _note(self, record: Record, key: str) -> None:
        self._unsaved[type(record), key] = record


def _kinds(before: HoldRecord, after: HoldRecord) -> Iterator[str]:
    if len(after.attempts) > len(before.attempts):
        yield "hold.attempt_declined"
    if len(after.refunds) > len(before.refunds):
        yield "refund.created"
    if after.state is not before.state and after.state not in (State.PENDING, State.CHALLENGED):
        yield f"hold.{after.state}"
