"""Telling a station what the charge has cost so far, where its answer has no room for it.

On 2.x the running cost travels in the answer to each TransactionEvent. OCPP 1.6 answers
meter values with nothing, so a station that shows the OCA cost messages
(``CustomDisplayCostAndPrice``) is sent one after each reading; on any other the display says
that the cost is on the phone.
"""

from dataclasses import dataclass
from typing import Final

from evouch.charging.dialogue import CostSoFar, StationCalls
from evouch.clock import Clock, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.registry import Registry
from evouch.store.records import Transaction
from evouch.units import Money

__all__ = ["RunningCost"]

#: Seconds a station has to take a cost; the next reading brings a newer one.
ANSWER_TIME: Final = 10


@dataclass(slots=True)
class RunningCost:
    """Sends costs to the stations that want them."""

    calls: StationCalls
    registry: Registry
    agenda: Agenda
    clock: Clock

    def show(self, record: Transaction, cost: Money) -> None:
        """Send the cost as of the transaction's last reading."""
        if not self.registry.shows_cost(record.station):
            return
        order = CostSoFar(transaction=record.id, cost=cost, at=record.last_at, meter=record.meter_last)
        by = Tick(self.clock.tick() + ANSWER_TIME)
        self.agenda.soon(lambda: self.calls.call(record.station, order, by=by))
