"""What each check finds: pass, fail or unknown."""

from datetime import timedelta
from typing import Any

import pytest

from evouch.autocharge.checks import (
    Area,
    ConcurrentUse,
    Confirmed,
    ImpossibleTravel,
    Outcome,
    Passage,
    PhoneNear,
    StartRate,
    standard_checks,
)
from tests.autocharge.cases import AT, CALAIS, FOLKESTONE, LYON, PARIS, VERSAILLES, case, north, phone, session
from tests.proofs import proves

PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN


def running(**other: Any) -> Any:
    return session(ended=None, updated=AT - timedelta(minutes=1), **other)


@proves("R6")
@pytest.mark.parametrize(
    ("past", "outcome"),
    [
        ([], UNKNOWN),
        ([session(None)], UNKNOWN),
        ([session(PARIS, 0.01)], PASS),
        ([session(north(4900), 0.001)], PASS),
        ([session(VERSAILLES, 1.0)], PASS),
        ([session(VERSAILLES, 0.13)], UNKNOWN),
        ([session(VERSAILLES, 0.05)], FAIL),
        ([session(LYON, 4.0)], PASS),
        ([session(LYON, 2.5)], UNKNOWN),
        ([session(LYON, 2.0)], FAIL),
        ([session(LYON, -1.0)], FAIL),
        ([session(LYON, 2.0), session(PARIS, 30.0)], FAIL),
        ([session(PARIS, 30.0), session(LYON, 2.0)], FAIL),
        ([session(LYON, 30.0), session(PARIS, 1.0)], PASS),
        ([session(PARIS, 30.0), session(None, 1.0)], UNKNOWN),
    ],
)
def test_the_journey_from_the_last_session_is_possible_doubtful_or_too_fast(past: list[Any], outcome: Outcome) -> None:
    assert ImpossibleTravel().judge(case(sessions=tuple(past))).outcome is outcome


def test_without_the_stations_place_a_journey_is_unknown() -> None:
    assert ImpossibleTravel().judge(case(point=None, sessions=(session(),))).outcome is UNKNOWN


def test_a_minute_is_the_least_that_a_journey_counts_as() -> None:
    quick = case(sessions=(session(north(5500), hours=0.0),))
    assert ImpossibleTravel(fail_km_h=280).judge(quick).outcome is UNKNOWN
    assert ImpossibleTravel(fail_km_h=260).judge(quick).outcome is FAIL


def test_through_the_tunnel_a_car_may_be_as_fast_as_a_train() -> None:
    journey = case(point=FOLKESTONE, sessions=(session(CALAIS, 0.25),))
    tunnel = Passage(Area(CALAIS, 20), Area(FOLKESTONE, 20), km_h=220)
    assert ImpossibleTravel().judge(journey).outcome is FAIL
    assert ImpossibleTravel(passages=(tunnel,)).judge(journey).outcome is PASS
    back = case(point=CALAIS, sessions=(session(FOLKESTONE, 0.25),))
    assert ImpossibleTravel(passages=(tunnel,)).judge(back).outcome is PASS
    assert ImpossibleTravel(passages=(tunnel,)).judge(case(sessions=(session(CALAIS, 0.25),))).outcome is FAIL
    faster = case(point=FOLKESTONE, sessions=(session(CALAIS, 0.1),))
    assert ImpossibleTravel(passages=(tunnel,)).judge(faster).outcome is FAIL


@proves("R6")
@pytest.mark.parametrize(
    ("fix", "outcome"),
    [
        (None, UNKNOWN),
        (phone(0), PASS),
        (phone(500), PASS),
        (phone(519, accuracy=20), PASS),
        (phone(530, accuracy=20), UNKNOWN),
        (phone(2010, accuracy=20), UNKNOWN),
        (phone(2030, accuracy=20), FAIL),
        (phone(50_000), FAIL),
        (phone(0, accuracy=200), PASS),
        (phone(0, accuracy=201), UNKNOWN),
        (phone(0, accuracy=-1), UNKNOWN),
        (phone(0, minutes=15), PASS),
        (phone(0, minutes=15.1), UNKNOWN),
        (phone(50_000, minutes=15.1), UNKNOWN),
        (phone(0, minutes=-1), PASS),
        (phone(0, minutes=-1.1), UNKNOWN),
    ],
)
def test_the_phone_is_here_far_away_or_says_nothing(fix: Any, outcome: Outcome) -> None:
    assert PhoneNear().judge(case(phone=fix)).outcome is outcome


def test_without_the_stations_place_the_phone_says_nothing() -> None:
    assert PhoneNear().judge(case(point=None, phone=phone())).outcome is UNKNOWN


@proves("R6")
@pytest.mark.parametrize(
    ("active", "outcome"),
    [
        ([], PASS),
        ([running()], PASS),
        ([running(evse="E2")], FAIL),
        ([running(location="L2")], FAIL),
        ([running(partner="slow")], FAIL),
        ([running(vid=None, evse="E2")], FAIL),
        ([running(), running(location="L2")], FAIL),
        ([session(ended=None, evse="E2", updated=AT - timedelta(hours=47))], FAIL),
        ([session(ended=None, evse="E2", updated=AT - timedelta(hours=48))], PASS),
    ],
)
def test_a_vehicle_charges_at_one_place_at_a_time_and_may_come_back_to_it(active: list[Any], outcome: Outcome) -> None:
    assert ConcurrentUse().judge(case(active=tuple(active))).outcome is outcome


def test_a_fleets_contract_may_charge_several_vehicles() -> None:
    busy = case(active=(running(vid=None, evse="E2"),))
    assert ConcurrentUse(contract_too=False).judge(busy).outcome is PASS


@proves("R6")
@pytest.mark.parametrize(
    ("starts", "refusals", "outcome"),
    [
        ([], [], PASS),
        ([1, 2, 3], [], PASS),
        ([1, 2, 3, 4], [], FAIL),
        ([1, 2, 3, 60], [], PASS),
        ([120 * number for number in range(1, 12)], [], PASS),
        ([110 * number for number in range(1, 13)], [], FAIL),
        ([], [1, 2, 3, 4, 5], PASS),
        ([], [1, 2, 3, 4, 5, 6], FAIL),
    ],
)
def test_a_vehicle_starts_only_so_often(starts: list[int], refusals: list[int], outcome: Outcome) -> None:
    asked = case(
        starts=tuple(AT - timedelta(minutes=each) for each in starts),
        refusals=tuple(AT - timedelta(minutes=each) for each in refusals),
    )
    assert StartRate().judge(asked).outcome is outcome


@proves("R6")
def test_the_driver_has_confirmed_or_not() -> None:
    assert Confirmed().judge(case(confirmed=True)).outcome is PASS
    assert Confirmed().judge(case()).outcome is UNKNOWN


def test_every_check_has_a_name_of_its_own_and_says_why_without_a_place() -> None:
    checks = standard_checks()
    assert len({each.name for each in checks}) == len(checks) == 5
    for asked in (case(), case(sessions=(session(LYON, 0.1),), phone=phone(90_000), active=(running(evse="x"),))):
        found = [each.judge(asked) for each in checks]
        assert [each.check for each in found] == [each.name for each in checks]
        assert all(each.reason for each in found)
        assert not any("48." in each.reason or "45." in each.reason for each in found)
