"""What a charge costs, exactly, and when its cost could reach a cap.

Components in the order that AFIR article 5(4) prescribes: per kWh, per minute, per session.
Prices include VAT, as drivers are shown them; the bill splits it off. Everything is Decimal
and is multiplied before it is divided, so that half a cent is half a cent; it is rounded
once, as a sum, and the lines of a bill are cut out of that sum.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from evouch.charging.tokens import Limit
from evouch.units import Money, Watts, Wh, kwh

__all__ = ["Bill", "Line", "Tariff", "seconds_until"]

_SECONDS_PER_MINUTE: Final = 60
_JOULES_PER_WH: Final = 3600
_JOULES_PER_KWH: Final = 1000 * _JOULES_PER_WH
#: Digits of a quantity that are worth printing.
_PRINTED: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Line:
    """One component of a bill, VAT included: ``quantity`` × ``price``, of which ``amount`` is the share in whole cents.

    The amounts of a bill's lines add up to its total. ``quantity`` is shortened to what is worth printing.
    """

    name: str
    quantity: Decimal
    unit: str
    price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """A whole cost. ``total`` is what the driver pays; ``net`` + ``vat`` = ``total`` to the cent."""

    lines: tuple[Line, ...]
    net: Money
    vat: Money
    total: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Prices as the driver sees them: VAT included. ``vat_percent`` is what they contain.

    None of them is negative; whoever reads a tariff from an operator checks that.
    """

    currency: str
    per_kwh: Decimal = Decimal(0)
    per_minute: Decimal = Decimal(0)
    per_session: Decimal = Decimal(0)
    vat_percent: Decimal = Decimal(0)

    def exact(self, energy: Wh, seconds: int) -> Decimal:
        """Return the unrounded cost of ``energy`` over ``seconds``."""
        return self.per_kwh * kwh(energy) + self.per_minute * seconds / _SECONDS_PER_MINUTE + self.per_session

    def cost(self, energy: Wh, seconds: int) -> Money:
        """Return the rounded cost of a charge; nothing delivered costs nothing."""
        if energy <= 0:
            return Money.zero(self.currency)
        return Money(self.exact(energy, seconds), self.currency).rounded()

    def split(self, total: Money) -> tuple[Money, Money]:
        """Return ``total`` as net and VAT, which add up to it to the cent."""
        net = Money(total.amount / (1 + self.vat_percent / 100), total.currency).rounded()
        return net, total - net

    def bill(self, energy: Wh, seconds: int, *, cap: Money | None = None) -> Bill:
        """Return the itemised cost, never above ``cap``: what the cap cut off is a line of its own."""
        total = self.cost(energy, seconds)
        lines = self._lines(energy, seconds) if energy > 0 else ()
        if cap is not None and total > cap:
            payable = cap.rounded_down()
            cut = (payable - total).amount
            lines, total = (*lines, Line("Reduction to the agreed maximum", Decimal(1), "", cut, cut)), payable
        net, vat = self.split(total)
        return Bill(lines, net, vat, total)

    def _lines(self, energy: Wh, seconds: int) -> tuple[Line, ...]:
        lines: list[Line] = []
        exact, rounded = Decimal(0), Money.zero(self.currency)
        for name, quantity, unit, price, amount in self._parts(energy, seconds):
            if price:
                # each line ends where the rounded running sum stands, so the last one ends at the total
                exact += amount
                so_far = Money(exact, self.currency).rounded()
                lines.append(Line(name, quantity, unit, price, (so_far - rounded).amount))
                rounded = so_far
        return tuple(lines)

    def _parts(self, energy: Wh, seconds: int) -> tuple[tuple[str, Decimal, str, Decimal, Decimal], ...]:
        """Return name, quantity, unit, price and exact amount of each component."""
        minutes = (Decimal(seconds) / _SECONDS_PER_MINUTE).quantize(_PRINTED)
        return (
            ("Energy", kwh(energy), "kWh", self.per_kwh, self.per_kwh * kwh(energy)),
            ("Time", minutes, "min", self.per_minute, self.per_minute * seconds / _SECONDS_PER_MINUTE),
            ("Session", Decimal(1), "", self.per_session, self.per_session),
        )

    def prices(self) -> tuple[tuple[Decimal, str], ...]:
        """Return the price components in the order of AFIR article 5(4), leaving out what is free."""
        parts = ((self.per_kwh, "kWh"), (self.per_minute, "minute"), (self.per_session, "session"))
        return tuple((price, unit) for price, unit in parts if price)


def seconds_until(limit: Limit, tariff: Tariff, energy: Wh, seconds: int, power: Watts) -> Decimal | None:
    """Return how long a charge at ``power`` may go on before it could pass ``limit``; None is for ever.

    ``energy`` and ``seconds`` are what it has used so far. Zero or less means: stop now.
    Raises :class:`ValueError` where the limit's currency is not the tariff's.
    """
    left: list[Decimal] = []
    if limit.max_time is not None:
        left.append(Decimal(limit.max_time - seconds))
    if limit.max_energy is not None and power > 0:
        left.append(Decimal(limit.max_energy - energy) * _JOULES_PER_WH / power)
    if limit.max_cost is not None:
        if limit.max_cost.currency != tariff.currency:
            msg = f"cannot combine {tariff.currency} with {limit.max_cost.currency}"
            raise ValueError(msg)
        rate = tariff.per_kwh * power / _JOULES_PER_KWH + tariff.per_minute / _SECONDS_PER_MINUTE
        # a cap in fractions of a cent would be passed by the rounding of the bill
        room = limit.max_cost.rounded_down().amount - tariff.exact(energy, seconds)
        if rate > 0:
            left.append(room / rate)
        elif room < 0:
            left.append(Decimal(0))
    return min(left) if left else None
