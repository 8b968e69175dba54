"""Asking a station to stop, until it does; and knowing when to ask.

A charge may never cost more than was held or agreed. Meters speak every few seconds at
best, and a station may lie or fall silent, so after every reading the operator reckons
with the worst: full power from that moment on. When even that could reach the limit, the
stop goes out, a margin early for the stop to travel and act.
"""

from dataclasses import dataclass, field
from typing import Final

import structlog

from evouch.charging.dialogue import StationCalls, StopCharging, Yes
from evouch.charging.equipment import EvsePlace
from evouch.charging.tariffs import seconds_until
from evouch.charging.tokens import Limit
from evouch.clock import Clock, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.checkouts import Checkouts
from evouch.cpo.registry import Registry
from evouch.ids import PaymentId, StationId, TransactionId
from evouch.units import Watts
from evouch.webpayment.checkout import Checkout, Event, State

__all__ = ["Stopping"]

#: Seconds between a stop and the end of energy: a contactor and a slow modem.
STOP_MARGIN: Final = 5
#: Seconds until a stop is asked again, and again, while the charge has not ended.
#: A station that comes back is asked at once.
ASK_AGAIN: Final = (10, 10, 10, 10, 10, 10, 60, 60, 300)
#: Seconds until a refused stop of an unauthorised charge is asked again. The first time soon: a station may
#: hear the stop while it still works on the answer that told it the id of its transaction.
INSIST: Final = (1, 10, 60)
#: Seconds a station has to answer.
ANSWER_TIME: Final = 30
#: Power that is reckoned with where nobody registered the EVSE's.
WORST_POWER: Final = Watts(400_000)

_log = structlog.get_logger("evouch.cpo.stopping")


@dataclass(slots=True)
class Stopping:
    """Stops for money's sake, for the driver's, or because nobody authorised the charge."""

    calls: StationCalls
    checkouts: Checkouts
    registry: Registry
    agenda: Agenda
    clock: Clock
    #: transactions that run and should not
    _unwanted: set[tuple[StationId, TransactionId]] = field(default_factory=set)

    def watch(self, checkout: Checkout, heard: Tick, power: Watts | None = None) -> None:
        """Promise a stop for the moment when the charge could first pass its limit.

        ``checkout`` carries energy and seconds of the last reading, ``heard`` when it came.
        ``power`` is what the station delivers: it counts where it is more than was registered.
        """
        evse = self.registry.evse(checkout.place)
        power = max(evse.max_power if evse else WORST_POWER, power or Watts(0))
        left = seconds_until(self.limit(checkout), checkout.tariff, checkout.energy, checkout.seconds, power)
        if left is None:
            self.agenda.drop(("cap", checkout.payment))
            return
        due = Tick(heard + float(left) - STOP_MARGIN)
        self.agenda.at(due, ("cap", checkout.payment), lambda: self.stop(checkout.payment, "limitReached"))

    def limit(self, checkout: Checkout) -> Limit:
        """Return the limits that hold: what the driver agreed to, and the hold in any case."""
        agreed = checkout.limit
        return Limit(max_cost=checkout.cap, max_energy=agreed.max_energy, max_time=agreed.max_time)

    async def stop(self, payment: PaymentId, reason: str, asked: int = 0) -> None:
        """Stop a paid charge, and keep asking until the station says that it ended: each state has its promise."""
        checkout = await self.checkouts.get(payment)
        if checkout is None or not checkout.can(Event.STOP_ASKED):
            return
        if checkout.state is not State.STOPPING:
            await self.checkouts.advance(payment, Event.STOP_ASKED, reason=reason)
        elif checkout.transaction is not None:
            await self._ask(checkout.place.station, checkout.transaction)
            self.ask_again(payment, ASK_AGAIN[min(asked, len(ASK_AGAIN) - 1)], asked + 1)

    def ask_again(self, payment: PaymentId, wait: float, asked: int = 0) -> None:
        """Promise to repeat a stop, if the charge is one that was stopped and has not ended."""
        checkout = self.checkouts.running(payment)
        if checkout is not None and checkout.state is State.STOPPING:
            self.agenda.after(wait, ("stop", payment), lambda: self.stop(payment, checkout.reason, asked))

    def ended(self, payment: PaymentId) -> None:
        """Forget what was promised for a charge that is over."""
        self.agenda.drop(("cap", payment))
        self.agenda.drop(("stop", payment))

    def unauthorised(self, place: EvsePlace, transaction: TransactionId) -> None:
        """Stop a charge that nobody may have; the station was told so in its answer already."""
        if (place.station, transaction) not in self._unwanted:
            self._unwanted.add((place.station, transaction))
            self.agenda.soon(lambda: self._insist(place.station, transaction, INSIST))

    def is_unwanted(self, station: StationId, transaction: TransactionId) -> bool:
        """Return whether a charge is being stopped as unauthorised."""
        return (station, transaction) in self._unwanted

    def over(self, station: StationId, transaction: TransactionId) -> None:
        """Forget what was promised for a transaction that is over."""
        self._unwanted.discard((station, transaction))
        self.agenda.drop(("stop", station, transaction))

    def back_online(self, station: StationId) -> None:
        """Ask again at once where a stop was waiting for the station to come back."""
        for checkout in self.checkouts.at(station):
            self.ask_again(checkout.payment, 0)

    async def _insist(self, station: StationId, transaction: TransactionId, pauses: tuple[int, ...]) -> None:
        """Ask until the station says that it ended: one that accepts a stop may still not act on it."""
        accepted = await self._ask(station, transaction)
        if (station, transaction) not in self._unwanted:
            return
        again, *later = pauses[-1:] if accepted else pauses
        key = ("stop", station, transaction)
        self.agenda.after(again, key, lambda: self._insist(station, transaction, tuple(later) or pauses[-1:]))

    async def _ask(self, station: StationId, transaction: TransactionId) -> bool:
        by = Tick(self.clock.tick() + ANSWER_TIME)
        answer = await self.calls.call(station, StopCharging(transaction=transaction), by=by)
        accepted = isinstance(answer, Yes) and answer.accepted
        if not accepted:
            _log.warning("stop not accepted", station=station, answer=type(answer).__name__)
        return accepted
