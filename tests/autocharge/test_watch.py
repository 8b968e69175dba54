"""Who tries addresses out does not look like an operator: each sign of it, and honest operators beside it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from evouch.autocharge.budget import Limits, SignDay, spend
from evouch.autocharge.watch import AlarmKind, WatchTerms, judge
from tests.proofs import proves

TODAY = date(2026, 3, 20)
NIGHT = datetime(2026, 3, 20, 23, 30, tzinfo=UTC)
#: Plug-ins in each hour of a day at an ordinary operator (UTC), of 1000.
HUMAN = (8, 5, 4, 4, 6, 15, 35, 55, 60, 55, 55, 60, 62, 60, 58, 60, 68, 75, 72, 62, 48, 35, 24, 14)


def day(ago: int = 0, signed: int = 1000, used: float = 0.05, hours: Any = HUMAN, **other: Any) -> SignDay:
    """A day of an operator, five of a hundred plug-ins of which are this eMSP's customers."""
    spread = tuple(count * signed // sum(hours) for count in hours)
    facts: dict[str, Any] = {"partner": "fast", "day": TODAY - timedelta(days=ago), "signed": signed, "hours": spread}
    return SignDay(**facts | {"followed": int(signed * used)} | other)


USUAL = [day(ago) for ago in range(1, 29)]


def kinds(today: SignDay, past: list[SignDay] | None = None, **terms: Any) -> set[AlarmKind]:
    return {each.kind for each in judge([*(USUAL if past is None else past), today], NIGHT, WatchTerms(**terms))}


@proves("R36")
@pytest.mark.parametrize("past", [USUAL, USUAL[:3], []], ids=["known", "new", "first day"])
@pytest.mark.parametrize("signed", [0, 10, 300, 1000, 3000])
def test_an_ordinary_operator_raises_no_alarm(past: list[SignDay], signed: int) -> None:
    assert kinds(day(signed=signed), past) == set()


@proves("R36")
@pytest.mark.parametrize(
    ("today", "past", "kind"),
    [
        (day(used=0.005), USUAL, AlarmKind.RATIO),
        (day(used=0.0), [], AlarmKind.RATIO),
        (day(signed=5100), USUAL, AlarmKind.GROWTH),
        (day(hours=(1,) * 24), USUAL, AlarmKind.FLAT),
        (day(hours=(9,) * 5 + (1,) * 19), USUAL, AlarmKind.NIGHTS),
        (day(invalid=21), USUAL, AlarmKind.INVALID),
        (day(refused=100), USUAL, AlarmKind.REFUSED),
    ],
    ids=["ratio", "ratio of a new one", "growth", "flat", "nights", "invalid", "refused"],
)
def test_each_thing_that_is_unlike_an_operator_has_an_alarm(
    today: SignDay, past: list[SignDay], kind: AlarmKind
) -> None:
    assert kinds(today, past) == {kind}


@pytest.mark.parametrize(
    ("today", "past"),
    [
        (day(signed=199, used=0), USUAL),
        (day(used=0.012), USUAL),
        (day(signed=5000), USUAL),
        (day(signed=470, hours=(1,) * 24), USUAL),
        (day(invalid=20), USUAL),
        (day(signed=100, used=1, invalid=19), USUAL),
        (day(refused=99), USUAL),
        (day(signed=9000), USUAL[:6]),
    ],
)
def test_below_a_threshold_nothing_is_said(today: SignDay, past: list[SignDay]) -> None:
    assert kinds(today, past) == set()


def test_thresholds_are_the_emsps_own() -> None:
    assert kinds(day(signed=2500), growth_times=2.0) == {AlarmKind.GROWTH}
    assert kinds(day(), quiet_share=0.01) == {AlarmKind.FLAT}


@proves("R36")
def test_an_alarm_names_its_partner_and_the_figures() -> None:
    honest = [replace(each, partner=f"honest{number}") for number in range(50) for each in (*USUAL, day())]
    rogue = [replace(each, partner="rogue") for each in (*USUAL, day(signed=6000, used=0.008))]
    alarms = judge([*honest, *rogue][::-1], NIGHT)
    assert {each.partner for each in alarms} == {"rogue"}
    details = {each.kind: each.detail for each in alarms}
    assert details[AlarmKind.GROWTH] == "6000 signs today, 1000 on a usual day"
    assert details[AlarmKind.RATIO].startswith("6000 signs, 48 of use")


def test_a_day_that_has_not_begun_is_not_judged() -> None:
    assert judge(USUAL, NIGHT) == ()
    assert judge((), NIGHT) == ()


def test_the_profile_is_that_of_the_last_24_hours_not_of_the_day() -> None:
    flat = (1,) * 24
    morning = NIGHT.replace(hour=6)
    begun = day(signed=350, hours=(50,) * 7 + (0,) * 17)
    before = day(1, signed=1200, hours=flat)
    alarms = judge([before, begun], morning)
    assert [each.kind for each in alarms] == [AlarmKind.FLAT]
    assert judge([day(1), day(signed=40, hours=HUMAN[:7] + (0,) * 17)], morning) == ()


@proves("R36")
def test_a_sweep_of_one_makers_addresses_is_slowed_down_and_seen_within_ten_minutes() -> None:
    limits, today, refused = Limits.for_evses(1000), day(signed=0, hours=(1,) * 24), 0
    at = NIGHT.replace(hour=2)
    seen = None
    for second in range(600):
        for _ in range(10):
            today, wait = spend(limits, today, USUAL, at + timedelta(seconds=second), partner="fast")
            refused += wait > 0
        if second % 60 == 0 and judge([*USUAL, today], at + timedelta(seconds=second)) and seen is None:
            seen = second
    assert seen is not None
    assert refused > 6_000 * 0.75


@proves("R36")
def test_what_was_no_element_is_no_sign_without_use() -> None:
    today = day(used=0.01)  # a hundred for one, where twenty are usual
    assert AlarmKind.RATIO in kinds(today, ratio_times=4.0)
    assert AlarmKind.RATIO not in kinds(replace(today, invalid=500), ratio_times=4.0)
