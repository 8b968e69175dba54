"""Energy, money and time, each in the one form this package computes with.

Energy is an integer of watt-hours, money a Decimal with its currency, time an aware
UTC ``datetime``. No float reaches a price; rounding happens once, at the end.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final, NewType, Self

__all__ = ["MINOR_DIGITS", "Money", "Watts", "Wh", "format_time", "kwh", "parse_time"]

#: Energy in watt-hours.
Wh = NewType("Wh", int)
#: Power in watts.
Watts = NewType("Watts", int)

#: Digits after the point per ISO 4217 currency; two where a currency is not named here.
MINOR_DIGITS: Final = {"JPY": 0, "ISK": 0, "KRW": 0, "CLP": 0, "BHD": 3, "KWD": 3, "TND": 3}

#: Timestamps outside this range are a peer's mistake, not a time (a station once sent the year 222222017).
EARLIEST: Final = datetime(2010, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)


def kwh(energy: Wh) -> Decimal:
    """Return ``energy`` in kilowatt-hours, exactly."""
    return Decimal(energy).scaleb(-3)


def parse_time(text: str) -> datetime:
    """Return an RFC 3339 date-time as aware UTC.

    Raises :class:`ValueError` where the zone is missing or the year is absurd.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        msg = f"time without a zone: {text[:40]!r}"
        raise ValueError(msg)
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        msg = f"time out of range: {text[:40]!r}"
        raise ValueError(msg) from error
    if not EARLIEST <= moment < LATEST:
        msg = f"time out of range: {text[:40]!r}"
        raise ValueError(msg)
    return moment


def format_time(moment: datetime) -> str:
    """Return ``moment`` as RFC 3339 in UTC with milliseconds, as OCPP and OCPI send it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


@lru_cache(maxsize=256)  # a currency may be any text that somebody sent
def _smallest(currency: str) -> Decimal:
    return Decimal(1).scaleb(-MINOR_DIGITS.get(currency, 2))


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in a currency (ISO 4217). Arithmetic refuses to mix currencies."""

    amount: Decimal
    currency: str

    @classmethod
    def of(cls, amount: str | int | Decimal, currency: str) -> Self:
        """Return money from exact text; floats are refused by type."""
        return cls(Decimal(amount), currency)

    @classmethod
    def from_minor(cls, minor: int, currency: str) -> Self:
        """Return money from integer minor units (cents)."""
        return cls(Decimal(minor).scaleb(-MINOR_DIGITS.get(currency, 2)), currency)

    @classmethod
    def zero(cls, currency: str) -> Self:
        """Return nothing at all, in ``currency``."""
        return cls(Decimal(0), currency)

    @property
    def minor(self) -> int:
        """The amount in integer minor units, rounded half up."""
        digits = MINOR_DIGITS.get(self.currency, 2)
        return int(self.amount.scaleb(digits).quantize(Decimal(1), rounding=ROUND_HALF_UP))

    def rounded(self) -> Self:
        """Return the amount rounded half up to whole minor units: the one rounding of a bill."""
        smallest = _smallest(self.currency)
        if self.amount and self.amount.same_quantum(smallest):
            return self
        # plus nothing: an amount just below zero becomes 0.00, not -0.00
        return type(self)(self.amount.quantize(smallest, rounding=ROUND_HALF_UP) + 0, self.currency)

    def rounded_down(self) -> Self:
        """Return the amount without its fraction of a minor unit: for caps, which rounding must not raise."""
        return type(self)(self.amount.quantize(_smallest(self.currency), rounding=ROUND_DOWN), self.currency)

    def _same(self, other: "Money") -> Decimal:
        if other.currency != self.currency:
            msg = f"cannot combine {self.currency} with {other.currency}"
            raise ValueError(msg)
        return other.amount

    def __add__(self, other: "Money") -> Self:
        return type(self)(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> Self:
        return type(self)(self.amount - self._same(other), self.currency)

    def __neg__(self) -> Self:
        return type(self)(-self.amount, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.amount > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.amount >= self._same(other)

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __str__(self) -> str:
        return f"{self.rounded().amount} {self.currency}"
