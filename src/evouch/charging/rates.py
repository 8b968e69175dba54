"""Rate limits as one number per key: the generic cell rate algorithm, pure.

The number is the *theoretical arrival time*: when the next request would come if requests
came exactly at the allowed rate. A request is refused if that lies further ahead than the
burst allows. No counters to reset, nothing to sweep but keys whose time has passed.
"""

from dataclasses import dataclass, field
from typing import Final

from evouch.clock import Tick

__all__ = ["Limiter", "Rate"]

#: Seconds that floating-point sums of intervals may be off by.
_ROUNDING: Final = 1e-9
#: Seconds between two searches of a full memory for keys to drop: a flood must not buy one search per request.
_SWEEP_EVERY: Final = 1.0


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` requests per ``seconds``, of which ``burst`` may come at once."""

    count: int
    seconds: float
    burst: int

    def step(self, arrival: Tick | None, at: Tick) -> tuple[Tick, float]:
        """Return the next arrival time and the seconds to wait; 0.0 means the request passes."""
        interval = self.seconds / self.count
        expected = max(arrival if arrival is not None else at, at)
        wait = expected - at - interval * (self.burst - 1)
        if wait > _ROUNDING:
            return Tick(expected), wait
        return Tick(expected + interval), 0.0

    def shape(self, arrival: Tick | None, at: Tick, requests: int = 1) -> tuple[Tick, float]:
        """Count requests that have happened and cannot be refused: the seconds to wait before the next one.

        For streams, which are slowed down where :meth:`step` would refuse. Every request
        counts, so a flood that arrived in one piece is paid for in full.
        """
        interval = self.seconds / self.count
        expected = Tick(max(arrival if arrival is not None else at, at) + interval * requests)
        return expected, max(0.0, expected - at - interval * self.burst)


@dataclass(slots=True)
class Limiter:
    """A rate kept for many keys, in memory, bounded by ``max_keys``.

    When full, the keys whose time has passed are dropped; if none has, the request is
    refused: a flood of new keys must not push out the old ones that it wants forgotten.
    """

    rate: Rate
    max_keys: int = 100_000
    _arrivals: dict[str, Tick] = field(default_factory=dict)
    _swept_at: Tick | None = None

    def wait(self, key: str, at: Tick) -> float:
        """Count one request of ``key``; return 0.0 if it passes, else the seconds to wait."""
        if key not in self._arrivals and len(self._arrivals) >= self.max_keys:
            self._sweep(at)
            if len(self._arrivals) >= self.max_keys:
                return self.rate.seconds / self.rate.count
        arrival, wait = self.rate.step(self._arrivals.get(key), at)
        self._arrivals[key] = arrival
        return wait

    def left(self, key: str, at: Tick) -> float:
        """Return the seconds that :meth:`wait` would say, and count nothing."""
        return self.rate.step(self._arrivals.get(key), at)[1]

    def _sweep(self, at: Tick) -> None:
        if self._swept_at is None or at - self._swept_at >= _SWEEP_EVERY:
            self._swept_at = at
            self._arrivals = {name: when for name, when in self._arrivals.items() if when > at}
