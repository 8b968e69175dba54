"""Whether a partner asks the sign oracle as operators do, or as somebody who tries addresses out (§8.1).

What is asked looks random, so no single request tells anything. But vehicles come by day and
are followed by charges, and an operator grows slowly. Each rule compares a
partner with itself where it has a past, and with plain bounds where it has none. An alarm says
its kind and its figures; what to do is for people, or for the actor's terms (throttle, suspend).
"""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Final

from evouch.autocharge.budget import SignDay

__all__ = ["Alarm", "AlarmKind", "WatchTerms", "judge"]

_HOURS: Final = 24
_DAY: Final = timedelta(days=1)


class AlarmKind(StrEnum):
    """What is unlike an operator."""

    RATIO = "signs without use"
    GROWTH = "growth"
    FLAT = "no quiet hours"
    NIGHTS = "nights"
    INVALID = "invalid elements"
    REFUSED = "over budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """``detail`` is a sentence with the figures, for people."""

    partner: str
    kind: AlarmKind
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTerms:
    """When to raise an alarm. Counts are of one day (UTC), shares between 0 and 1."""

    #: below this many signs a day nothing is said of ratio, growth and nights
    least: int = 200
    #: own days before today that make a baseline: at least, and at most
    baseline_least: int = 7
    baseline_most: int = 28
    #: signs per charge that followed may be so many times the baseline's, signs so many times the usual day's
    ratio_times: float = 5.0
    growth_times: float = 5.0
    #: without a baseline: signs per charge that followed, unless with other partners it is like that, too. An eMSP
    #: that has just begun has no customers anywhere, and every operator asks it about every car
    ratio_most: float = 500.0
    #: last 24 hours with so many signs are judged by the hour
    profile_least: int = 480
    #: share that the quietest hours of them may have; evenly spread they would have a quarter
    quiet_hours: int = 6
    quiet_share: float = 0.18
    #: hours of night (UTC) of the operator's stations, and the share that they may have
    night: tuple[int, ...] = (0, 1, 2, 3, 4)
    night_share: float = 0.5
    invalid_least: int = 20
    invalid_share: float = 0.02
    refused_least: int = 100


def judge(days: Sequence[SignDay], at: datetime, terms: WatchTerms | None = None) -> tuple[Alarm, ...]:
    """Return what is unlike an operator today, by partner. ``days`` are of any partners, in any order."""
    terms = terms or WatchTerms()
    ordered = sorted(days, key=lambda each: (each.partner, each.day))
    todays = {each.partner: each for each in ordered if each.day == at.astimezone(UTC).date()}
    signed, followed = sum(each.valid for each in todays.values()), sum(each.followed for each in todays.values())
    found: list[Alarm] = []
    for partner, own in groupby(ordered, key=lambda each: each.partner):
        if (today := todays.get(partner)) is not None:
            elsewhere = (signed - today.valid) / (1 + followed - today.followed)
            found += _of_one(today, list(own), elsewhere, at, terms)
    return tuple(found)


def _of_one(
    today: SignDay, days: list[SignDay], elsewhere: float, at: datetime, terms: WatchTerms
) -> Iterable[Alarm]:  # fmt: skip
    """Judge one partner; ``elsewhere`` is how many signs the others' uses take today."""
    usual = [each for each in days if each.day < today.day][-terms.baseline_most :]
    found = {
        AlarmKind.RATIO: _ratio(today, usual, elsewhere, terms),
        AlarmKind.GROWTH: _growth(today, usual, terms),
        AlarmKind.INVALID: _invalid(today, terms),
        AlarmKind.REFUSED: _refused(today, terms),
        **_profile(today, usual, at, terms),
    }
    for kind, detail in found.items():
        if detail:
            yield Alarm(partner=today.partner, kind=kind, detail=detail)


def _ratio(today: SignDay, usual: Sequence[SignDay], elsewhere: float, terms: WatchTerms) -> str:
    if today.valid < terms.least:
        return ""
    now = _per_use([today])
    known = len(usual) >= terms.baseline_least
    most = _per_use(usual) * terms.ratio_times if known else max(terms.ratio_most, elsewhere * terms.ratio_times)
    return f"{today.valid} signs, {today.followed} of use: {now:.0f} for one, {most:.0f} at most" if now > most else ""


def _per_use(days: Sequence[SignDay]) -> float:
    """Signs for each use. One is always granted, so that a day without any is a number."""
    return sum(each.valid for each in days) / (1 + sum(each.followed for each in days))


def _growth(today: SignDay, usual: Sequence[SignDay], terms: WatchTerms) -> str:
    if today.signed < terms.least or len(usual) < terms.baseline_least:
        return ""
    normal = statistics.median(each.signed for each in usual)
    grown = today.signed > max(normal, 1.0) * terms.growth_times
    return f"{today.signed} signs today, {normal:.0f} on a usual day" if grown else ""


def _invalid(today: SignDay, terms: WatchTerms) -> str:
    many = today.invalid >= terms.invalid_least and today.invalid > today.signed * terms.invalid_share
    return f"{today.invalid} of {today.signed} were no elements" if many else ""


def _refused(today: SignDay, terms: WatchTerms) -> str:
    many = today.refused >= terms.refused_least
    return f"{today.refused} refused over budget, {today.signed} signed" if many else ""


def _profile(today: SignDay, usual: Sequence[SignDay], at: datetime, terms: WatchTerms) -> dict[AlarmKind, str]:
    """Judge the last 24 hours by the hour: yesterday's after this one, and today's up to it."""
    hour = at.astimezone(UTC).hour
    before = usual[-1].hours if usual and usual[-1].day == today.day - _DAY else (0,) * _HOURS
    hours = today.hours[: hour + 1] + before[hour + 1 :]
    total = sum(hours)
    if total < terms.profile_least:
        return {}
    quiet = min(sum(hours[(first + each) % _HOURS] for each in range(terms.quiet_hours)) for first in range(_HOURS))
    night = sum(hours[each] for each in terms.night)
    return {
        AlarmKind.FLAT: _share("quietest hours", quiet, total, terms.quiet_share),
        AlarmKind.NIGHTS: _share("night", night, total, terms.night_share),
    }


def _share(name: str, part: int, total: int, most: float) -> str:
    return (
        f"{part} of {total} signs in the {name}: {part / total:.0%}, {most:.0%} at most" if part > total * most else ""
    )
