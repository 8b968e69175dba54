"""What each partner has asked the sign oracle, in memory as it stands in the store, and written together.

A signature is answered only after its count is durable (docs/decisions/060). Requests that come
in while a write is under way share the next one: a hundred at once cost two writes.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from evouch.autocharge.budget import MONTH_DAYS, YEAR_DAYS, BudgetTerms, Limits, SignDay
from evouch.store.ports import Put, Store

__all__ = ["Account", "Accounts"]

_DAY: Final = timedelta(days=1)


@dataclass(slots=True)
class Account:
    """One partner's counters: today's, those of the year before, and how they are written."""

    partner: str
    store: Store
    #: the latest day of which there is a record; None: nothing was asked yet
    today: SignDay | None = None
    past: list[SignDay] = field(default_factory=list)
    #: share of the budget that the watch leaves
    share: float = 1.0
    _evses: int = -1
    _limits: Limits | None = None
    _condensed: tuple[date, tuple[SignDay, ...]] | None = None
    #: days that are over, as long as their last counts are not in the store
    _over: list[SignDay] = field(default_factory=list)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _next: asyncio.Task[None] | None = None

    def limits(self, evses: int, terms: BudgetTerms) -> Limits:
        """Return how much this partner may ask for, reckoned once for each size."""
        if self._limits is None or self._evses != evses:
            self._evses, self._limits = evses, _shared(Limits.for_evses(evses, terms), self.share)
        return self._limits

    def throttle(self, share: float) -> None:
        """Leave this share of the budget from now on."""
        self.share, self._limits = share, None

    def earlier(self, day: date) -> tuple[SignDay, ...]:
        """Return the year before ``day`` in two records, one for the month and one for the rest.

        A cap over 30 and one over 365 days need two sums, and a sign must not add up a year.
        """
        if self._condensed is None or self._condensed[0] != day:
            self._condensed = (day, _condensed(self.partner, self.past, day))
        return self._condensed[1]

    def keep(self, day: SignDay) -> None:
        """Take the new counters over; where a new day has begun, the one before is the past."""
        if self.today is not None and self.today.day != day.day:
            self.past = [each for each in (*self.past, self.today) if each.day > day.day - YEAR_DAYS * _DAY]
            self._over.append(self.today)
            self._condensed = None
        self.today = day

    def read(self) -> None:
        """Take it that all of this came from the store."""
        self._over.clear()

    async def written(self) -> None:
        """Return when what :meth:`keep` was last given is durable; raises what the store raises."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._write())
        await asyncio.shield(self._next)

    async def _write(self) -> None:
        async with self._writing:
            self._next = None  # whoever keeps something from here on has missed this write
            over = list(self._over)
            if self.today is not None:
                await self.store.commit(*(Put(each) for each in (*over, self.today)))
            del self._over[: len(over)]


@dataclass(slots=True)
class Accounts:
    """All partners' counters."""

    store: Store
    _accounts: dict[str, Account] = field(default_factory=dict)

    async def load(self, today: date) -> None:
        """Read the counters of a year: a restart forgives nothing."""
        for day in await self.store.sign_days(today - YEAR_DAYS * _DAY):
            self.of(day.partner).keep(day)
        for account in self._accounts.values():
            account.read()

    def of(self, partner: str) -> Account:
        """Return a partner's account, opened where there was none."""
        account = self._accounts.get(partner)
        if account is None:
            account = self._accounts[partner] = Account(partner, self.store)
        return account

    def all(self) -> list[Account]:
        """Return all accounts by partner."""
        return [self._accounts[partner] for partner in sorted(self._accounts)]

    def days(self) -> list[SignDay]:
        """Return all counters, by partner and day."""
        return [day for each in self.all() for day in (*each.past, *([each.today] if each.today else ()))]


def _condensed(partner: str, past: list[SignDay], day: date) -> tuple[SignDay, ...]:
    month, year = day - (MONTH_DAYS - 1) * _DAY, day - (YEAR_DAYS - 1) * _DAY
    recent = sum(each.signed for each in past if month <= each.day < day)
    older = sum(each.signed for each in past if year <= each.day < month)
    return (
        SignDay(partner=partner, day=year, signed=older),
        SignDay(partner=partner, day=day - _DAY, signed=recent),
    )


def _shared(limits: Limits, share: float) -> Limits:
    """Return a share of what comes in a minute and in a day; the caps over months are what they are."""
    if share >= 1:
        return limits
    return Limits(
        burst=max(1, int(limits.burst * share)), per_minute=max(1, int(limits.per_minute * share)),
        per_day=max(1, int(limits.per_day * share)), per_month=limits.per_month, per_year=limits.per_year,
    )  # fmt: skip
