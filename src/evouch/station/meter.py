"""The meter of one EVSE: its register and the power that a car draws, as functions of time.

Pure: a meter knows no clock, it is asked about a moment. The register is an integer of
watt-hours that only grows and never starts at zero, so that nobody can take it for the
energy of a charge. Power is constant up to the knee of the car's curve and falls linearly
with the state of charge from there, which makes the energy an exponential of time: both
directions (:meth:`Meter.energy`, :meth:`Meter.when`) are closed formulas.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final, Self

from evouch.charging.dialogue import Reading
from evouch.clock import Tick
from evouch.station.spec import Curve
from evouch.units import Watts, Wh

__all__ = ["Meter", "delivered", "duration", "power_at"]

_SECONDS_PER_HOUR: Final = 3600.0


def _flat(curve: Curve) -> float:
    """Return the energy, in Wh, that the car takes before its curve bends."""
    return max(0.0, (curve.knee - curve.soc) / 100 * curve.capacity)


def _bent(curve: Curve) -> float:
    """Return the energy, in Wh, that the car takes after its curve has bent, up to full."""
    return (100 - max(curve.knee, curve.soc)) / 100 * curve.capacity


def _decay(curve: Curve) -> float:
    """Return how fast the power falls, per Wh taken, from the knee on."""
    whole = (100 - curve.knee) / 100 * curve.capacity
    return (1 - curve.tail) / whole if whole else 0.0


def _start_power(curve: Curve) -> float:
    """Return the power at which the bent part begins: less than full for a car that arrives nearly full."""
    beyond = max(0, curve.soc - curve.knee) / 100 * curve.capacity
    return curve.power * (1 - _decay(curve) * beyond)


def delivered(curve: Curve, seconds: float) -> float:
    """Return the energy in Wh that flowed after ``seconds`` of charging."""
    flat, hours = _flat(curve), seconds / _SECONDS_PER_HOUR
    if curve.power <= 0:
        return 0.0
    if hours <= flat / curve.power:
        return curve.power * hours
    rest = hours - flat / curve.power
    rate = curve.power * _decay(curve)
    extra = _start_power(curve) * (-math.expm1(-rate * rest) / rate if rate else rest)
    return flat + min(extra, _bent(curve))


def power_at(curve: Curve, energy: float) -> Watts:
    """Return the power at which the car draws after it has taken ``energy`` Wh."""
    beyond = energy - _flat(curve)
    if energy >= _flat(curve) + _bent(curve) - 1e-6:
        return Watts(0)
    if beyond <= 0:
        return curve.power
    return Watts(round(_start_power(curve) - curve.power * _decay(curve) * beyond))


def duration(curve: Curve, energy: float) -> float | None:
    """Return after how many seconds ``energy`` Wh have flowed; None for more than the car takes."""
    flat = _flat(curve)
    if curve.power <= 0 or energy > flat + _bent(curve) + 1e-9:
        return None
    if energy <= flat:
        return energy / curve.power * _SECONDS_PER_HOUR
    rate, start = curve.power * _decay(curve), _start_power(curve)
    extra = energy - flat
    hours = -math.log1p(-extra * rate / start) / rate if rate else extra / start
    return (flat / curve.power + hours) * _SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A register and the car behind it. ``since`` is when current last began to flow, None while it does not."""

    curve: Curve
    register: Wh
    #: seconds of charging of this car before ``since``
    charged: float = 0.0
    since: Tick | None = None

    def _seconds(self, at: Tick) -> float:
        return self.charged + (at - self.since if self.since is not None else 0.0)

    def on(self, at: Tick) -> Self:
        """Return the meter with current flowing from ``at`` on."""
        return self if self.since is not None else replace(self, since=at)

    def off(self, at: Tick) -> Self:
        """Return the meter with the current cut at ``at``."""
        return replace(self, charged=self._seconds(at), since=None)

    def next_car(self, at: Tick) -> Self:
        """Return the meter as the next car finds it: the register stays, the curve begins anew."""
        return replace(self, register=self.energy(at), charged=0.0, since=None)

    def energy(self, at: Tick) -> Wh:
        """Return the register in whole Wh. It never runs ahead of the energy."""
        return Wh(self.register + math.floor(delivered(self.curve, self._seconds(at)) + 1e-6))

    def power(self, at: Tick) -> Watts:
        """Return the power that flows now."""
        if self.since is None:
            return Watts(0)
        return power_at(self.curve, delivered(self.curve, self._seconds(at)))

    def soc(self, at: Tick) -> Decimal:
        """Return the state of charge of the car in percent, to one tenth."""
        taken = delivered(self.curve, self._seconds(at))
        return Decimal(str(round(self.curve.soc + taken * 100 / self.curve.capacity, 1)))

    def when(self, register: Wh) -> Tick | None:
        """Return when the register will show ``register``; None while no current flows, or if the car is full first."""
        seconds = duration(self.curve, max(0, register - self.register))
        if self.since is None or seconds is None:
            return None
        return Tick(self.since + seconds - self.charged)

    def full(self) -> Tick | None:
        """Return when the car will be full; None while no current flows."""
        seconds = duration(self.curve, _flat(self.curve) + _bent(self.curve))
        return None if self.since is None or seconds is None else Tick(self.since + seconds - self.charged)

    def reading(self, at: Tick, now: datetime) -> Reading:
        """Return a whole sample; who says it picks the measurands."""
        return Reading(at=now, energy=self.energy(at), power=self.power(at), soc=self.soc(at))
