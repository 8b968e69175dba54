"""What is promised for a payment, state by state: the reason why none stays unfinished for ever.

The rule of this file: a payment that is not over has a promise in the agenda that ends its
state, whatever the driver, the station and the provider do or leave undone.

=====================  ===========================================================================
opened, paying         the lock's end gives up; a look at the hold every few seconds before that
held                   the start is sent, now
starting, waiting      the station's plug timeout and a margin give up
charging               the cap stops; before the hold runs out, what is owed so far is taken
stopping               the stop is repeated; the same end of the hold
capturing, releasing   the provider is asked until it answers (``Checkouts``)
=====================  ===========================================================================

After a restart, or when a write turns out to have been kept after all, the same promises are made anew.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from evouch.clock import Clock, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.checkouts import Checkouts
from evouch.cpo.holding import Holding
from evouch.cpo.locks import Locks
from evouch.cpo.sessions import Sessions
from evouch.cpo.starting import Starting
from evouch.cpo.stopping import Stopping
from evouch.cpo.tie import Tie
from evouch.ids import PaymentId
from evouch.store.ports import Store
from evouch.store.records import Transaction
from evouch.webpayment.checkout import Checkout, Event, State

__all__ = ["Upkeep"]

#: What remains of a hold when the cost known so far is taken, however the charge is doing.
OVERDUE_MARGIN: Final = timedelta(hours=24)
#: How long a hold lasts where the provider would not say: shorter than any card scheme allows.
HOLD_LIFE: Final = timedelta(days=4)

_BEFORE_CHARGE: Final = frozenset({State.OPENED, State.PAYING, State.HELD, State.STARTING, State.WAITING})

#: Promises by the states that they are for.
_KEPT_FOR: Final = {
    "lock": frozenset({State.OPENED, State.PAYING}),
    "look": frozenset({State.OPENED, State.PAYING}),
    "start": frozenset({State.HELD}),
    "plug": frozenset({State.STARTING, State.WAITING}),
    "cap": frozenset({State.CHARGING}),
    "stop": frozenset({State.STOPPING}),
    "overdue": frozenset({State.CHARGING, State.STOPPING}),
}

#: What the station's display says when a payment ends before the charge.
_SENTENCES: Final = {
    "cardDeclined": "The card was declined.",
    "notPaidInTime": "The payment was not finished in time.",
    "cancelled": "The payment was cancelled.",
    "neverPlugged": "No car was plugged in. Nothing was charged.",
    "startRejected": "The station could not start. Nothing was charged.",
}

_log = structlog.get_logger("evouch.cpo")


@dataclass(slots=True)
class Upkeep:
    """Makes and drops the promises of payments as they move on."""

    store: Store
    agenda: Agenda
    clock: Clock
    locks: Locks
    checkouts: Checkouts
    holding: Holding
    sessions: Sessions
    starting: Starting
    stopping: Stopping
    tie: Tie

    def stepped(self, before: Checkout, event: Event, after: Checkout) -> None:
        """A payment moved on: forget what was promised for its old state, and promise what the new one needs."""
        for name, states in _KEPT_FOR.items():
            if after.state not in states:
                self.agenda.drop((name, after.payment))
        if after.state is not before.state:
            self._promise(after)
        if before.state in _BEFORE_CHARGE and after.state in (State.RELEASING, State.ABANDONED):
            self.locks.free(after.place, after.payment)
            why = _SENTENCES.get(after.reason, "The payment was not completed. Nothing was charged.")
            self.agenda.soon(lambda: self.starting.unlock(after, why))
        _log.info("payment", payment=after.payment, state=after.state, after=event, station=after.place.station)

    def found(self, checkout: Checkout) -> None:
        """A payment is further than memory was: promise for it what its state needs, and measure it anew."""
        self._promise(checkout)
        self.agenda.after(0, ("resume", checkout.payment), lambda: self._resume_charge(checkout.payment))

    def take_up(self, checkout: Checkout) -> None:
        """Take up a payment that was under way when the process ended."""
        if checkout.state is not State.HELD:
            self._promise(checkout)
        self.agenda.after(0, ("resume", checkout.payment), lambda: self._resume(checkout.payment))

    def _promise(self, checkout: Checkout) -> None:
        payment = checkout.payment
        match checkout.state:
            case State.OPENED | State.PAYING:
                self._lock(checkout, (checkout.lock_until - self.clock.now()).total_seconds())
                self.holding.expire(checkout)
            case State.HELD:
                self.agenda.after(0, ("start", payment), lambda: self.starting.start(payment))
            case State.STARTING | State.WAITING if checkout.plug_until is not None:
                self._lock(checkout, (checkout.plug_until - self.clock.now()).total_seconds())
                self.starting.await_plug(checkout)
            case State.CHARGING:
                self._before_overdue(checkout)
            case State.STOPPING:
                self._before_overdue(checkout)
                self.stopping.ask_again(payment, 0)
            case _:
                pass

    def _lock(self, checkout: Checkout, seconds: float) -> None:
        """Keep the EVSE for the payer until the promise that ends this state."""
        now = self.clock.tick()
        self.locks.take(checkout.place, checkout.payment, Tick(now + max(0.0, seconds)), now)

    def _before_overdue(self, checkout: Checkout) -> None:
        """Promise to take what is owed before the hold runs out; of a short hold a quarter remains then."""
        ends = checkout.capture_before or checkout.created_at + HOLD_LIFE
        margin = min(OVERDUE_MARGIN, (ends - checkout.created_at) / 4)
        left = (ends - margin - self.clock.now()).total_seconds()
        self.agenda.after(left, ("overdue", checkout.payment), lambda: self.tie.overdue(checkout.payment))

    async def _resume(self, payment: PaymentId) -> None:
        """Do for a payment what a restart calls for. Stations are not here yet: what was not sent is not sent."""
        checkout = self.checkouts.running(payment)
        match checkout.state if checkout is not None else None:
            case State.OPENED | State.PAYING:
                await self.holding.reconcile(payment)
            case State.HELD:
                await self.checkouts.advance(payment, Event.GIVE_UP, reason="stationOffline")
            case State.STARTING:
                await self.checkouts.advance(payment, Event.START_UNANSWERED)
            case _:
                await self._resume_charge(payment)

    async def _resume_charge(self, payment: PaymentId) -> None:
        checkout = self.checkouts.running(payment)
        if checkout is None or checkout.transaction is None or checkout.state not in (State.CHARGING, State.STOPPING):
            return
        record = await self.store.transaction(checkout.place.station, checkout.transaction)
        if record is None:
            return
        live = self.sessions.live(record.station, record.id)
        if live is None and record.ended_at is not None:
            await self.tie.settle(record)
        else:
            self.tie.measured(record, self._read_at(checkout, record), live.power if live else None)

    def _read_at(self, checkout: Checkout, record: Transaction) -> Tick:
        """Return when the last reading was taken: energy has flowed since, also while nobody listened."""
        now = self.clock.now()
        began = next((step.at for step in checkout.steps if step.state is State.CHARGING), checkout.created_at)
        age = min(now - (record.last_at or began), now - began).total_seconds()
        return Tick(self.clock.tick() - max(0.0, age))
