"""From sampled values to readings and back, for all versions.

What counts (OCPP 1.6 §7.43 SampledValue, 2.x part 2 SampledValueType): energy is
Energy.Active.Import.Register of all phases together; a sample without a measurand is that,
one without a unit is in Wh; kWh and the 2.x multiplier are applied. Power and state of
charge are read for the display. A sample that is broken, signed, or in a unit that does
not belong to it is skipped: one bad sensor must not cost the driver the charge.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from evouch.charging.dialogue import Reading
from evouch.units import Watts, Wh

__all__ = ["ENERGY", "POWER", "SOC", "Sample", "number", "readings", "samples"]

ENERGY: Final = "Energy.Active.Import.Register"
POWER: Final = "Power.Active.Import"
SOC: Final = "SoC"
#: ReadingContext where a sample names none.
PERIODIC: Final = "Sample.Periodic"

#: Units of each measurand as powers of ten of ours; the empty one is what a missing unit means.
_UNITS: Final = {
    ENERGY: {"": 0, "Wh": 0, "kWh": 3},
    POWER: {"": 0, "W": 0, "kW": 3},
    SOC: {"": 0, "Percent": 0, "%": 0},
}
#: One conductor each: these add up to the whole, line-to-line values do not.
_CONDUCTORS: Final = (frozenset({"L1", "L2", "L3"}), frozenset({"L1-N", "L2-N", "L3-N"}))
#: Where the energy leaves the station: what a sample without a location means.
_OUTLET: Final = (None, "Outlet")
#: Largest power of ten of any quantity here: a petawatt-hour is a broken sensor, and 1e999999999 an attack.
_LARGEST: Final = 15
_FULL: Final = 100


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One sampled value as the wire has it; ``value`` is None where it is not a usable number."""

    value: Decimal | None
    measurand: str | None = None
    unit: str | None = None
    multiplier: int = 0
    phase: str | None = None
    location: str | None = None
    context: str | None = None


def number(text: str) -> Decimal | None:
    """Return the decimal number in ``text``, None where there is none that a meter could mean."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value.adjusted()) <= _LARGEST else None


def readings(at: datetime, sampled: Iterable[Sample]) -> tuple[Reading, ...]:
    """Return what was sampled at one moment, one reading per context; contexts without anything usable drop out."""
    groups: dict[str, list[Sample]] = {}
    for sample in sampled:
        groups.setdefault(sample.context or PERIODIC, []).append(sample)
    made = [_reading(at, context, group) for context, group in groups.items()]
    return tuple([reading for reading in made if reading is not None])


def samples(reading: Reading) -> Iterator[tuple[str | None, Decimal, str | None]]:
    """Return a reading as measurand, value, unit: what a station sends, in the spelling of its firmware."""
    if reading.energy is not None and reading.spelling == "bare":
        yield None, Decimal(reading.energy), None
    elif reading.energy is not None and reading.spelling == "kWh":
        yield ENERGY, Decimal(reading.energy).scaleb(-3), "kWh"
    elif reading.energy is not None:
        yield ENERGY, Decimal(reading.energy), "Wh"
    if reading.power is not None:
        yield POWER, Decimal(reading.power), "W"
    if reading.soc is not None:
        yield SOC, reading.soc, "Percent"


def _reading(at: datetime, context: str, group: Sequence[Sample]) -> Reading | None:
    totals = _totals(group)
    energy, soc = totals.get(ENERGY), totals.get(SOC)
    power = totals[POWER] if POWER in totals else _power_of_phases(group)
    if energy is not None and energy < 0:
        energy = None
    if soc is not None and not 0 <= soc <= _FULL:
        soc = None
    if energy is None and power is None and soc is None:
        return None
    return Reading(
        at=at,
        # A register shows whole units: cutting off the rest never bills energy that was not delivered.
        energy=None if energy is None else Wh(int(energy)),
        power=None if power is None else Watts(int(power)),
        soc=soc,
        context=context,
    )


def _totals(group: Iterable[Sample]) -> dict[str, Decimal]:
    """Return by measurand the value of all phases together, at the outlet where the station meters in several places.

    Where a value is said twice, the first counts.
    """
    outlet: dict[str, Decimal] = {}
    elsewhere: dict[str, Decimal] = {}
    for sample in group:
        measurand = sample.measurand or ENERGY
        if sample.phase is None and measurand in _UNITS:
            value = _scaled(sample, measurand)
            if value is not None:
                (outlet if sample.location in _OUTLET else elsewhere).setdefault(measurand, value)
    return {**elsewhere, **outlet} if elsewhere else outlet


def _power_of_phases(group: Sequence[Sample]) -> Decimal | None:
    for conductors in _CONDUCTORS:
        parts = {s.phase: _scaled(s, POWER) for s in group if s.measurand == POWER and s.phase in conductors}
        known = [value for value in parts.values() if value is not None]
        if known:
            return sum(known, Decimal(0))
    return None


def _scaled(sample: Sample, measurand: str) -> Decimal | None:
    exponent = _UNITS[measurand].get(sample.unit or "")
    if sample.value is None or exponent is None or abs(sample.multiplier) > _LARGEST:
        return None
    shift = exponent + sample.multiplier
    scaled = sample.value.scaleb(shift) if shift else sample.value
    return scaled if abs(scaled.adjusted()) <= _LARGEST else None
