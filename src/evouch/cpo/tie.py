"""What joins an OCPP transaction to the payment that it was started for.

A payment finds its transaction by the remote start's number, or by its one-time token on
its EVSE; either may come in the first message or a later one, before or after the station's
answer to the remote start. A transaction that finds a payment which is over already is a
*late start*: it is refused, stopped, and costs nobody anything. So is a second transaction
of one payment, and one at another EVSE than was paid for.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from evouch.charging.dialogue import SessionFact
from evouch.charging.equipment import EvsePlace
from evouch.charging.tokens import Authorization, Limit, TokenStatus
from evouch.clock import Tick
from evouch.cpo.authorize import CACHE_TIME
from evouch.cpo.checkouts import Checkouts
from evouch.cpo.locks import Locks
from evouch.cpo.registry import Registry
from evouch.cpo.running_cost import RunningCost
from evouch.cpo.stopping import Stopping
from evouch.ids import EvseNumber, PaymentId, StationId
from evouch.store.ports import Change, Put, Store
from evouch.store.records import Transaction
from evouch.units import Money, Watts
from evouch.webpayment.checkout import Checkout, Event, State

__all__ = ["RoamingTie", "Tie"]

#: How long a station may remember the token of a roaming partner's customer: as long as a yes is good anyway.
ROAMING_TIME: Final = timedelta(minutes=15)

_EXPECTED = frozenset({State.STARTING, State.WAITING})
_RUNNING = frozenset({State.CHARGING, State.STOPPING})


class RoamingTie(Protocol):
    """The same knot for charges of roaming partners' customers."""

    async def moved(
        self, put: Put[Transaction], fact: SessionFact, judged: Authorization | None, changes: tuple[Change, ...]
    ) -> Transaction | None:
        """Write a message of a transaction that is such a charge; None, and nothing written, where there is no need."""

    async def ended(self, record: Transaction, changes: tuple[Change, ...]) -> bool:
        """Write the end of one; False, and nothing written, where it is none."""

    def others(self, record: Transaction) -> None:
        """Somebody else charges at an EVSE."""

    def evse_of(self, station: StationId, fact: SessionFact) -> EvseNumber | None:
        """Return the EVSE that a message without one must mean."""


@dataclass(slots=True)
class Tie:
    """Both ends of the knot."""

    store: Store
    registry: Registry
    checkouts: Checkouts
    stopping: Stopping
    locks: Locks
    running_cost: RunningCost
    #: None: the operator has no roaming partners
    roaming: RoamingTie | None = None

    def place_of(self, station: StationId, fact: SessionFact) -> EvseNumber | None:
        """Return the EVSE that a message without one must mean, from the payment it names."""
        for checkout in self.checkouts.at(station):
            if _names(checkout, fact):
                return checkout.place.evse
        return self.roaming.evse_of(station, fact) if self.roaming is not None else None

    async def moved(
        self, put: Put[Transaction], fact: SessionFact, judged: Authorization | None, changes: tuple[Change, ...]
    ) -> tuple[Transaction, Limit | None]:
        """Write a message of a running transaction; return the record, and the limit if this message ties it."""
        record = put.record
        checkout = self._running(record) or await self._payment(record, fact)
        if checkout is None:
            return await self._unpaid(put, fact, judged, changes), None
        if record.payment == checkout.payment:
            await self.store.commit(put, *changes)
            if checkout.state not in _RUNNING:  # taken early, for the hold was about to end
                self._stop(record)
            return record, None
        if not _fits(checkout, record):
            return await self._late(record, checkout, changes), None
        return await self._bind(record, fact, checkout, changes)

    async def _unpaid(
        self, put: Put[Transaction], fact: SessionFact, judged: Authorization | None, changes: tuple[Change, ...]
    ) -> Transaction:
        """Write a message of a transaction that nobody pays for here: a card's, or that of a partner's customer."""
        record = put.record
        written = await self.roaming.moved(put, fact, judged, changes) if self.roaming is not None else None
        if written is None:
            await self.store.commit(put, *changes)
        else:
            record = written
        if record.status is not TokenStatus.ACCEPTED:
            self._stop(record)
        elif judged is not None and judged.accepted:
            self.stopping.over(record.station, record.id)
            if self.roaming is not None:
                self.roaming.others(record)
        return record

    async def ended(self, record: Transaction, fact: SessionFact, *changes: Change) -> None:
        """Write the end of a transaction and of the charge that was paid for."""
        self.stopping.over(record.station, record.id)
        if record.payment is None and (named := await self._payment(record, fact)):
            if _fits(named, record):
                record = replace(record, payment=named.payment)
            elif record.energy and record.status is TokenStatus.ACCEPTED:
                changes = (*changes, self._alarm(record, named))
        if self.roaming is not None and await self.roaming.ended(record, changes):
            return
        await self._end(record, (Put(record), *changes))

    async def settle(self, record: Transaction) -> None:
        """Finish the payment of a transaction whose end was written by a process that then died."""
        await self._end(record, ())

    async def overdue(self, payment: PaymentId) -> None:
        """Take what is known to be owed before the hold runs out, and have the charge stopped."""
        checkout = self.checkouts.running(payment)
        if checkout is None or checkout.state not in _RUNNING or checkout.transaction is None:
            return
        record = await self.store.transaction(checkout.place.station, checkout.transaction)
        if record is None:
            return
        await self._end(
            record, (self.registry.alarm("holdOverdue", record.station, str(payment)),), reason="holdOverdue"
        )
        self._stop(record)

    async def _end(self, record: Transaction, changes: tuple[Change, ...], reason: str = "") -> None:
        checkout = self._running(record)
        if checkout is None:
            await self.store.commit(*changes)
            return
        measured = self._measure(checkout, record)
        due = self.checkouts.due(measured)
        event = Event.ENDED_WITH_ENERGY if due else Event.ENDED_WITHOUT_ENERGY
        reason = reason or checkout.reason or ("" if measured.energy else "noEnergy")
        after = await self.checkouts.advance(
            checkout.payment, event, *changes,
            energy=measured.energy, seconds=measured.seconds, cost=measured.cost, transaction=record.id,
            started_at=checkout.started_at or record.started_at, ended_at=record.ended_at, reason=reason,
        )  # fmt: skip
        if after is None:
            await self.store.commit(*changes)
        self.locks.free(checkout.place, checkout.payment)
        self.stopping.ended(checkout.payment)

    def measured(self, record: Transaction, heard: Tick, power: Watts | None = None) -> Money | None:
        """Carry a reading over to the payment: pages show it, the cap is reckoned anew. Return the running cost."""
        checkout = self._running(record)
        if checkout is None:
            return None
        after = self._measure(checkout, record)
        due = self.checkouts.due(after)
        if checkout.state in _RUNNING:
            self.checkouts.touch(after)
            self.running_cost.show(record, due)
        if checkout.state is State.CHARGING:
            self.stopping.watch(after, heard, power)
        return due

    def cost(self, record: Transaction) -> Money | None:
        """Return the running cost of a paid transaction."""
        checkout = self._running(record)
        return self.checkouts.due(self._measure(checkout, record)) if checkout else None

    def limit(self, record: Transaction) -> Limit | None:
        """Return the limits of a paid transaction."""
        checkout = self._running(record)
        return self.stopping.limit(checkout) if checkout else None

    def expires(self, record: Transaction) -> datetime | None:
        """Return until when a station may remember that this transaction's token was good."""
        now = self.registry.clock.now()
        if record.payment is not None:  # a one-time token: once its charge is over, it is good for nothing
            checkout = self._running(record)
            return checkout.plug_until if checkout else now
        if record.roaming is not None:  # tomorrow its eMSP may say otherwise
            return now + ROAMING_TIME
        return now + CACHE_TIME if record.status is TokenStatus.ACCEPTED else None

    def _running(self, record: Transaction) -> Checkout | None:
        return None if record.payment is None else self.checkouts.running(record.payment)

    async def _payment(self, record: Transaction, fact: SessionFact) -> Checkout | None:
        if record.payment is not None:
            return await self.checkouts.get(record.payment)
        if fact.remote_start is not None and (one := await self.checkouts.by_start(record.station, fact.remote_start)):
            return one
        if fact.token is not None and (one := await self.checkouts.by_token(fact.token.key)):
            return one if one.place.station == record.station else None
        return next(
            (one for one in self.checkouts.at(record.station) if _is(one, record) or _flows_for(one, record)), None
        )

    async def _bind(
        self, record: Transaction, fact: SessionFact, checkout: Checkout, changes: tuple[Change, ...]
    ) -> tuple[Transaction, Limit | None]:
        bound = replace(record, payment=checkout.payment)
        after = await self.checkouts.advance(
            checkout.payment, Event.TRANSACTION_STARTED, Put(bound), *changes,
            only=lambda now: _fits(now, record), transaction=record.id, started_at=checkout.started_at or fact.at,
        )  # fmt: skip
        if after is None:  # it was given up while this message waited for its turn
            return await self._late(record, checkout, changes), None
        self.locks.free(checkout.place, checkout.payment)
        return bound, self.stopping.limit(after)

    async def _late(self, record: Transaction, checkout: Checkout, changes: tuple[Change, ...]) -> Transaction:
        refused = replace(record, payment=None, status=TokenStatus.INVALID)
        first = not self.stopping.is_unwanted(record.station, record.id)
        await self.store.commit(Put(refused), *changes, *((self._alarm(record, checkout),) if first else ()))
        self._stop(record)
        return refused

    def _alarm(self, record: Transaction, checkout: Checkout) -> Change:
        detail = f"payment {checkout.payment} is {checkout.state}, transaction at EVSE {record.evse}"
        return self.registry.alarm("lateStart", record.station, detail)

    def _stop(self, record: Transaction) -> None:
        self.stopping.unauthorised(EvsePlace(record.station, record.evse), record.id)

    def _measure(self, checkout: Checkout, record: Transaction) -> Checkout:
        """Return the payment with the energy, time and cost of the transaction so far."""
        began = checkout.started_at or record.started_at
        until = record.ended_at or record.last_at or began
        seconds = max(checkout.seconds, int((until - began).total_seconds()), 0)
        seconds = min(seconds, _longest(checkout, self.registry.clock.now()))
        energy = record.energy
        if energy == checkout.energy and seconds == checkout.seconds and checkout.cost is not None:
            return checkout
        return checkout.measured(energy, seconds, checkout.tariff.cost(energy, seconds))


def _names(checkout: Checkout, fact: SessionFact) -> bool:
    if fact.remote_start is not None and fact.remote_start == checkout.remote_start:
        return True
    return fact.token is not None and checkout.token is not None and fact.token.key == checkout.token.key


def _is(checkout: Checkout, record: Transaction) -> bool:
    return checkout.place.station == record.station and checkout.transaction == record.id


def _fits(checkout: Checkout, record: Transaction) -> bool:
    """Whether this may be the charge that was paid for: at its EVSE, and no other one before it."""
    here = EvsePlace(record.station, record.evse) == checkout.place
    return here and (checkout.state in _EXPECTED or (checkout.state in _RUNNING and _is(checkout, record)))


def _flows_for(checkout: Checkout, record: Transaction) -> bool:
    """Whether energy flows, for nobody else, at the EVSE that waits for this payer: a message was lost."""
    alone = record.token is None and record.energy > 0 and EvsePlace(record.station, record.evse) == checkout.place
    return alone and checkout.state in _EXPECTED


def _longest(checkout: Checkout, now: datetime) -> int:
    """Return the seconds since we asked for the start: no clock of a station makes a charge longer than that."""
    asked = next((step.at for step in checkout.steps if step.state is State.STARTING), checkout.created_at)
    return max(0, int((now - asked).total_seconds()))
