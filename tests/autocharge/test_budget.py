"""What an operator may ask the sign oracle: never more than its charging points can need."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evouch.autocharge.budget import BudgetTerms, Limits, SignDay, note_followed, note_invalid, spend
from tests.proofs import proves

AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
WIDE = Limits(burst=10**6, per_minute=10**6, per_day=10**6, per_month=10**6, per_year=10**6)
DAY = timedelta(days=1)


class Store:
    """Counters as a store keeps them: a record per day, read again for every request."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.days: dict[Any, SignDay] = {}

    def ask(self, at: datetime) -> float:
        latest = max(self.days.values(), key=lambda each: each.day, default=None)
        past = [each for each in self.days.values() if each is not latest]
        day, wait = spend(self.limits, latest, past, at, partner="fast")
        self.days[day.day] = day
        return wait

    def asks(self, count: int, at: datetime) -> int:
        """Return how many of so many requests at one moment pass."""
        return sum(self.ask(at) == 0 for _ in range(count))


def test_a_first_request_opens_the_day() -> None:
    day, wait = spend(Limits.for_evses(100), None, (), AT, partner="fast")
    assert wait == 0
    assert (day.partner, day.day, day.signed, day.in_minute) == ("fast", AT.date(), 1, 1)
    assert [hour for hour, count in enumerate(day.hours) if count] == [12]


@proves("R36")
def test_limits_grow_with_the_operator_and_one_makers_prefix_takes_years() -> None:
    thousand = Limits.for_evses(1000)
    assert (thousand.per_day, thousand.per_month, thousand.per_year) == (30_000, 600_000, 5_475_000)
    assert 2**24 / thousand.per_year > 3
    assert Limits.for_evses(0) == Limits.for_evses(10), "of unknown size"
    assert Limits.for_evses(0).burst == 20
    sizes = [Limits.for_evses(evses) for evses in (10, 100, 1000, 10_000)]
    for name in ("burst", "per_minute", "per_day", "per_month", "per_year"):
        counts = [getattr(each, name) for each in sizes]
        assert counts == sorted(counts)
    assert Limits.for_evses(10, BudgetTerms(plug_ins=1, day_factor=1)).per_day == 10


@proves("R36")
def test_a_burst_passes_and_after_it_the_rate_of_a_minute() -> None:
    store = Store(replace(WIDE, burst=20, per_minute=60))
    assert store.asks(50, AT) == 20
    assert store.ask(AT) == pytest.approx(1.0)
    assert store.asks(50, AT + timedelta(seconds=1)) == 1
    assert store.asks(50, AT + timedelta(seconds=5)) == 4
    assert store.asks(500, AT + timedelta(minutes=5)) == 20


@proves("R36")
def test_a_minute_of_the_clock_has_its_own_limit() -> None:
    store = Store(replace(WIDE, per_minute=30, burst=30))
    assert store.asks(99, AT) == 30
    assert store.asks(99, AT + timedelta(seconds=59)) == 0, "although the burst has come back"
    assert store.ask(AT + timedelta(seconds=59)) == pytest.approx(1.0)
    assert store.asks(99, AT + timedelta(seconds=60)) == 30


@proves("R36")
def test_a_days_limit_ends_at_midnight() -> None:
    store = Store(replace(WIDE, per_day=5))
    assert store.asks(9, AT) == 5
    assert store.ask(AT) == timedelta(hours=12).total_seconds()
    assert store.asks(9, AT + timedelta(hours=12)) == 5


@proves("R36")
@pytest.mark.parametrize(("name", "days"), [("per_month", 30), ("per_year", 365)])
def test_what_comes_together_in_thirty_days_and_in_a_year_is_capped(name: str, days: int) -> None:
    store = Store(replace(WIDE, **{name: 7}))
    assert store.asks(3, AT) == 3
    assert store.asks(9, AT + 2 * DAY) == 4
    assert store.ask(AT + 2 * DAY) == timedelta(hours=12).total_seconds()
    assert store.asks(9, AT + (days - 1) * DAY) == 0
    assert store.asks(9, AT + days * DAY) == 3, "what the first day had"
    assert store.asks(9, AT + (days + 2) * DAY) == 4


@proves("R36")
def test_a_restart_and_a_clock_that_is_set_back_forgive_nothing() -> None:
    store = Store(replace(WIDE, per_day=5, burst=5))
    assert store.asks(3, AT) == 3
    again = Store(store.limits)
    again.days = dict(store.days)
    assert again.asks(1, AT - timedelta(days=1)) == 0, "the bucket is full, as far as anybody knows"
    assert again.asks(9, AT - timedelta(hours=23)) == 2
    assert again.asks(9, AT - timedelta(hours=1)) == 0
    assert list(again.days) == [AT.date()]


def test_after_a_clock_was_set_back_nobody_waits_longer_than_a_whole_burst() -> None:
    store = Store(replace(WIDE, burst=6, per_minute=6))
    assert store.asks(9, AT + timedelta(hours=3)) == 6
    assert store.ask(AT) == pytest.approx(10.0)
    assert store.asks(9, AT + timedelta(seconds=120)) == 6


def test_refusals_are_counted_and_cost_nothing_else() -> None:
    limits = replace(WIDE, per_minute=60, burst=1)
    first, _ = spend(limits, None, (), AT, partner="fast")
    second, wait = spend(limits, first, (), AT, partner="fast")
    assert wait > 0
    assert second == replace(first, refused=1)


def test_the_burst_goes_on_over_midnight() -> None:
    store = Store(replace(WIDE, per_minute=60, burst=5))
    midnight = AT.replace(hour=23, minute=59, second=59, microsecond=900_000)
    assert store.asks(9, midnight) == 5
    assert store.asks(9, midnight + timedelta(seconds=0.2)) == 0


def test_what_was_no_element_and_what_followed_are_counted_beside() -> None:
    day = note_followed(note_invalid(None, AT, partner="fast"), AT, partner="fast")
    assert (day.invalid, day.followed, day.signed, day.day) == (1, 1, 0, AT.date())
    later = note_invalid(day, AT + DAY, partner="fast")
    assert (later.day, later.invalid, later.followed) == ((AT + DAY).date(), 1, 0)


def test_days_are_those_of_utc_whatever_zone_the_time_is_in() -> None:
    from datetime import timezone

    tokyo = datetime(2026, 3, 20, 3, tzinfo=timezone(timedelta(hours=9)))
    day, _ = spend(WIDE, None, (), tokyo, partner="fast")
    assert day.day == datetime(2026, 3, 19, tzinfo=UTC).date()
    assert day.hours[18] == 1


LIMITS = st.builds(
    Limits, burst=st.integers(1, 5), per_minute=st.integers(1, 9), per_day=st.integers(1, 30),
    per_month=st.integers(1, 60), per_year=st.integers(1, 90),
)  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from([0, 1, 7, 61, 3600, 86_400, 9 * 86_400]), st.integers(1, 12)), max_size=15)


@proves("R36")
@settings(max_examples=50)
@given(LIMITS, STEPS)
def test_no_window_ever_holds_more_than_its_limit(limits: Limits, steps: list[tuple[int, int]]) -> None:
    store, at, passed = Store(limits), AT, []
    for seconds, requests in steps:
        at += timedelta(seconds=seconds)
        passed += [at] * store.asks(requests, at)
    for moment in set(passed):
        assert passed.count(moment) <= limits.burst
        assert sum(each.replace(second=0) == moment.replace(second=0) for each in passed) <= limits.per_minute
        assert sum(each.date() == moment.date() for each in passed) <= limits.per_day
        assert sum(timedelta() <= moment.date() - each.date() < 30 * DAY for each in passed) <= limits.per_month
        assert sum(timedelta() <= moment.date() - each.date() < 365 * DAY for each in passed) <= limits.per_year
        burst = [each for each in passed if timedelta() <= moment - each < timedelta(seconds=30)]
        assert len(burst) <= limits.burst + limits.per_minute / 2 + 1
    assert sum(each.signed for each in store.days.values()) == len(passed)


@given(LIMITS, STEPS)
@settings(max_examples=30)
def test_who_waits_as_long_as_told_is_not_refused_for_the_same_minute(
    limits: Limits, steps: list[tuple[int, int]]
) -> None:
    store, at = Store(replace(limits, per_day=999, per_month=999, per_year=999)), AT
    for seconds, requests in steps:
        at += timedelta(seconds=seconds)
        store.asks(requests, at)
        if (wait := store.ask(at)) > 0:
            at += timedelta(seconds=wait, microseconds=1)
            assert store.ask(at) == 0
