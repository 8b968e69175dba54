"""How often a partner may ask the sign oracle, as counters that survive a restart (§8.1).

Whoever can sign guessed addresses can find out whose they are, and one maker's prefix has only
2^24. So the budget of an operator is what its charging points can need, and no more: a burst,
a minute, a day, and above all what comes together in 30 and in 365 days. Counters are one
record per partner and day, changed in the same transaction as the decision
(docs/decisions/060): a restart forgives nothing, and neither does a clock that is set back.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Self

__all__ = [
    "MONTH_DAYS", "YEAR_DAYS", "BudgetTerms", "Limits", "SignDay", "note_excused", "note_followed", "note_invalid",
    "spend",
]  # fmt: skip

MONTH_DAYS: Final = 30
YEAR_DAYS: Final = 365
_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_MINUTES_A_DAY: Final = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SignDay:
    """What one partner has asked the sign oracle on one day (UTC): its budget, as counters (docs/decisions/060).

    ``arrival`` is the theoretical arrival time of the burst limit, ``minute`` the start of the minute
    that ``in_minute`` counts. ``signed`` is what was let through the budget, ``invalid`` the part of it that was
    no element and got no signature.
    """

    partner: str
    day: date
    signed: int = 0
    refused: int = 0
    invalid: int = 0
    arrival: datetime | None = None
    minute: datetime | None = None
    in_minute: int = 0
    #: signed in each hour of the day, 24 numbers
    hours: tuple[int, ...] = (0,) * 24
    #: charges of our customers that the same partner has told us of on that day, each once: what signs are good for
    followed: int = 0
    #: looks of the watch in a row that have found this day unlike an operator's, and took the partner to task for it
    looks: int = 0
    #: staff have looked into this day: its counts do not speak against the partner
    excused: bool = False

    @property
    def valid(self) -> int:
        """How many signatures were given."""
        return max(0, self.signed - self.invalid)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetTerms:
    """What a charging point can need.

    A busy EVSE sees ten vehicles a day. A day may be three times that, thirty days twice, a year one
    and a half times. Defaults let an operator of 1,000 EVSEs sign one maker's 2^24 addresses in three years.
    """

    plug_ins: int = 10
    day_factor: float = 3.0
    month_factor: float = 2.0
    year_factor: float = 1.5
    #: how much busier than the average of its day a minute may be
    minute_factor: float = 6.0
    #: least that may come at once, and in a minute
    burst: int = 20
    #: what a partner of unknown size is taken for
    least_evses: int = 10

    def explained(self, evses: int) -> int:
        """Return how many vehicles so many EVSEs see on a busy day; 0 EVSEs are not known."""
        return max(evses, self.least_evses) * self.plug_ins


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many signatures at most: at once, in a minute of the clock, in a day (UTC), in 30 and in 365 days."""

    burst: int
    per_minute: int
    per_day: int
    per_month: int
    per_year: int

    @classmethod
    def for_evses(cls, evses: int, terms: BudgetTerms | None = None) -> Self:
        """Return the limits of a partner that operates so many EVSEs; 0 is not known."""
        terms = terms or BudgetTerms()
        plug_ins = terms.explained(evses)
        per_day = math.ceil(plug_ins * terms.day_factor)
        per_minute = max(terms.burst, math.ceil(per_day / _MINUTES_A_DAY * terms.minute_factor))
        return cls(
            burst=max(terms.burst, per_minute // 2),
            per_minute=per_minute,
            per_day=per_day,
            per_month=math.ceil(plug_ins * MONTH_DAYS * terms.month_factor),
            per_year=math.ceil(plug_ins * YEAR_DAYS * terms.year_factor),
        )


def spend(
    limits: Limits, today: SignDay | None, past: Sequence[SignDay], at: datetime, *, partner: str
) -> tuple[SignDay, float]:
    """Count one request: return the day's new record, and the seconds to wait; 0.0 means that it may be signed.

    ``past`` are this partner's earlier days, as far back as there are, up to a year; ``today`` may also be the last
    of them. What is refused counts as refused, and moves no other limit.
    """
    at = at.astimezone(UTC)
    day = _opened(today, at, partner)
    past = [*(each for each in past if each.day < day.day), *([today] if today and today.day < day.day else [])]
    expected, wait = _step(limits, day.arrival, at)
    wait = max(wait, _clock_waits(limits, day, at), _rolling_wait(limits, day, past, at))
    if wait > 0:
        return replace(day, refused=day.refused + 1, arrival=expected), wait
    hours = tuple(count + (hour == at.hour) for hour, count in enumerate(day.hours))
    return replace(
        day, signed=day.signed + 1, in_minute=day.in_minute + 1, arrival=expected + _interval(limits), hours=hours
    ), 0.0


def note_invalid(today: SignDay | None, at: datetime, *, partner: str) -> SignDay:
    """Return the day with one more element that was no element. It was spent as well: the budget is for asking."""
    day = _opened(today, at.astimezone(UTC), partner)
    return replace(day, invalid=day.invalid + 1)


def note_followed(today: SignDay | None, at: datetime, *, partner: str) -> SignDay:
    """Return the day with one more charge of a customer: what signs are good for."""
    day = _opened(today, at.astimezone(UTC), partner)
    return replace(day, followed=day.followed + 1)


def note_excused(today: SignDay | None, at: datetime, *, partner: str) -> SignDay:
    """Return the day as staff let it be: whatever was counted or is yet to come until it ends."""
    return replace(_opened(today, at.astimezone(UTC), partner), looks=0, excused=True)


def _opened(today: SignDay | None, at: datetime, partner: str) -> SignDay:
    """Return the record of the day and minute of ``at``. The day never goes back, whatever the clock does."""
    if today is None:
        day = SignDay(partner=partner, day=at.date())
    elif today.day < at.date():
        day = SignDay(partner=today.partner, day=at.date(), arrival=today.arrival)
    else:
        day = today
    minute = at.replace(second=0, microsecond=0)
    return day if day.minute == minute else replace(day, minute=minute, in_minute=0)


def _step(limits: Limits, arrival: datetime | None, at: datetime) -> tuple[datetime, float]:
    """Generic cell rate algorithm, in whole microseconds: when this request is expected, and the seconds to wait.

    One expected further ahead than a whole burst is of a clock that was set back since: it counts as a full bucket.
    """
    interval = _interval(limits)
    expected = max(min(arrival or at, at + interval * limits.burst), at)
    wait = expected - at - interval * (limits.burst - 1)
    return expected, max(0.0, wait.total_seconds())


def _interval(limits: Limits) -> timedelta:
    return _MINUTE / limits.per_minute


def _clock_waits(limits: Limits, day: SignDay, at: datetime) -> float:
    if day.signed >= limits.per_day:
        return _until(datetime.combine(day.day, time(), UTC) + _DAY, at)
    if day.minute is not None and day.in_minute >= limits.per_minute:
        return _until(day.minute + _MINUTE, at)
    return 0.0


def _rolling_wait(limits: Limits, day: SignDay, past: Iterable[SignDay], at: datetime) -> float:
    """Seconds until the next day begins where 30 or 365 days are used up: no sooner can anything fall out of them."""
    month, year = day.day - (MONTH_DAYS - 1) * _DAY, day.day - (YEAR_DAYS - 1) * _DAY
    in_month = in_year = day.signed
    for each in past:
        in_month += each.signed if each.day >= month else 0
        in_year += each.signed if each.day >= year else 0
    if in_month < limits.per_month and in_year < limits.per_year:
        return 0.0
    return _until(datetime.combine(day.day, time(), UTC) + _DAY, at)


def _until(moment: datetime, at: datetime) -> float:
    """At least one microsecond: a refusal is never a wait of nothing."""
    return max((moment - at).total_seconds(), 1e-6)
