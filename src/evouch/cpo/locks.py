"""The operator's own lock on an EVSE while somebody pays for it.

Stations are told (NotifyWebPaymentStarted), but a station that does not know the message,
or has just rebooted, must not let a second driver in. So the same lock stands here, and
``cpo.authorize`` asks it before every road to energy except the payer's own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from evouch.charging.equipment import EvsePlace
from evouch.clock import Tick
from evouch.ids import PaymentId, StationId

__all__ = ["Lock", "Locks"]


@dataclass(frozen=True, slots=True)
class Lock:
    """Held by one payment until a moment of the monotonic clock."""

    payment: PaymentId
    until: Tick


@dataclass(slots=True)
class Locks:
    """Locks by EVSE. An expired lock is no lock."""

    #: told of an EVSE that has just been taken; not of one whose lock is extended
    taken: Callable[[EvsePlace], None] | None = None
    _held: dict[EvsePlace, Lock] = field(default_factory=dict)

    def holder(self, place: EvsePlace, now: Tick) -> PaymentId | None:
        """Return whose the EVSE is, or None."""
        lock = self._held.get(place)
        if lock is None:
            return None
        if lock.until <= now:
            del self._held[place]
            return None
        return lock.payment

    def take(self, place: EvsePlace, payment: PaymentId, until: Tick, now: Tick) -> bool:
        """Take or extend the lock; False where another payment holds it."""
        holder = self.holder(place, now)
        if holder not in (None, payment):
            return False
        self._held[place] = Lock(payment, until)
        if holder is None and self.taken is not None:
            self.taken(place)
        return True

    def free(self, place: EvsePlace, payment: PaymentId) -> None:
        """Give the lock back; nothing happens where it belongs to somebody else by now."""
        lock = self._held.get(place)
        if lock is not None and lock.payment == payment:
            del self._held[place]

    def locked_evses(self, station: StationId, now: Tick) -> set[EvsePlace]:
        """Return the EVSEs of a station that are locked."""
        return {place for place in list(self._held) if place.station == station and self.holder(place, now)}
