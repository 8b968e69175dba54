"""One charge of one car: what it has used, what it may use, and when it will have used that up. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from evouch.charging.tokens import Limit
from evouch.clock import Tick
from evouch.ids import TransactionId
from evouch.station.display import Summary
from evouch.station.meter import Meter
from evouch.units import Money, Wh

__all__ = ["Charge"]


@dataclass(slots=True)
class Charge:
    """What is known of the charge that runs, or of the last one while its cable is in."""

    #: what the meter showed when somebody was authorised
    register: Wh
    handle: TransactionId | None = None
    #: when the transaction was opened: what maxTime counts from (2.1 TransactionLimitType)
    opened: Tick | None = None
    #: when power first flowed, and when it was over
    began: Tick | None = None
    ended: Tick | None = None
    cost: Money | None = None
    limit: Limit | None = None

    def keep(self, limit: Limit, supports: Callable[[str], bool]) -> bool:
        """Take of a transactionLimit what this station can keep (E16); return whether that is anything new."""
        kept = Limit(
            max_cost=limit.max_cost if supports("MaxCost") else None,
            max_energy=limit.max_energy if supports("MaxEnergy") else None,
            max_time=limit.max_time if supports("MaxTime") else None,
        )
        if not kept or kept == self.limit:
            return False
        self.limit = kept
        return True

    def energy_used_up(self, meter: Meter) -> Tick | None:
        """Return when the energy limit will be reached; None while no power flows, or without a limit."""
        if self.limit is None or self.limit.max_energy is None:
            return None
        return meter.when(Wh(self.register + self.limit.max_energy))

    def time_used_up(self) -> Tick | None:
        """Return when the time limit will be reached."""
        if self.limit is None or self.limit.max_time is None or self.opened is None:
            return None
        return Tick(self.opened + self.limit.max_time)

    def cost_used_up(self) -> bool:
        """Return whether the running cost has reached the cost limit."""
        most = self.limit.max_cost if self.limit else None
        return most is not None and self.cost is not None and self.cost.currency == most.currency and self.cost >= most

    def summary(self, meter: Meter, at: Tick) -> Summary:
        """Return what the driver is told."""
        return Summary(
            energy=Wh(meter.energy(at) - self.register),
            power=meter.power(at),
            soc=meter.soc(at),
            seconds=int((self.ended or at) - self.began) if self.began is not None else 0,
            cost=self.cost,
            limit=self.limit,
        )
