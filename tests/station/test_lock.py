"""Rows of the source's error table, as far as they are a judgement of the station (the shapes are the language's)."""

import pytest

from evouch.charging.dialogue import LockAnswer, LockOutcome, Text, WebPaymentFailed, WebPaymentStarted
from evouch.clock import Tick
from evouch.ids import EvseNumber
from evouch.station.lock import LONGEST, Lock, Scene, judge, judge_failure

AT = Tick(1000.0)
HELD = Lock(Tick(1060.0))


def scene(
    *, connectors: tuple[int, ...] | None = (1,), held: Lock | None = None, busy: bool = False, native: bool = True
) -> Scene:
    return Scene(connectors=connectors, held=held, busy=busy, native=native, at=AT)


def started(timeout: int, evse: int = 1, connector: int | None = None) -> WebPaymentStarted:
    return WebPaymentStarted(evse=EvseNumber(evse), timeout=timeout, connector=connector)


@pytest.mark.parametrize("timeout", [1, 60, LONGEST])
def test_a_timeout_from_1_to_300_locks_for_exactly_that_long(timeout: int) -> None:
    verdict = judge(started(timeout), scene())
    assert LockOutcome.TAKEN is verdict.answer.outcome
    assert verdict.lock is not None
    assert verdict.lock.held(Tick(AT + timeout - 0.001))
    assert not verdict.lock.held(Tick(AT + timeout))


def test_another_timeout_replaces_the_lock_in_both_directions() -> None:
    assert Lock(Tick(1300.0)) == judge(started(300), scene(held=HELD)).lock
    assert Lock(Tick(1005.0)) == judge(started(5), scene(held=HELD)).lock


def test_zero_releases_a_held_lock() -> None:
    verdict = judge(started(0), scene(held=HELD))
    assert (LockOutcome.TAKEN, None) == (verdict.answer.outcome, verdict.lock)


@pytest.mark.parametrize("held", [None, Lock(Tick(999.0))])
def test_zero_without_a_held_lock_is_an_invalid_timeout(held: Lock | None) -> None:
    assert "invalidTimeout" == judge(started(0), scene(held=held)).answer.reason


@pytest.mark.parametrize("timeout", [-1, 301, 999_999_999])
def test_any_other_timeout_is_invalid_and_leaves_the_lock_as_it_is(timeout: int) -> None:
    verdict = judge(started(timeout), scene(held=HELD))
    assert (LockOutcome.REJECTED, "invalidTimeout") == (verdict.answer.outcome, verdict.answer.reason)
    assert HELD == verdict.lock


@pytest.mark.parametrize(
    ("evse", "connector", "connectors", "reason"),
    [
        (0, None, None, "invalidEvseId"),
        (9, None, None, "invalidEvseId"),
        (1, 7, (1,), "invalidEvseId"),
        (0, 7, None, "invalidConnectorId"),
    ],
)
def test_an_evse_that_is_not_there_is_refused(
    evse: int, connector: int | None, connectors: tuple[int, ...] | None, reason: str
) -> None:
    verdict = judge(started(60, evse, connector), scene(connectors=connectors))
    assert (LockOutcome.REJECTED, reason, None) == (verdict.answer.outcome, verdict.answer.reason, verdict.lock)
    assert len(verdict.answer.reason) <= 20, "reasonCode"


def test_the_evse_is_judged_before_the_timeout() -> None:
    assert "invalidEvseId" == judge(started(999, 9), scene(connectors=None)).answer.reason


def test_an_evse_that_charges_is_not_locked_and_only_2_1_cannot_say_so() -> None:
    native, wrapped = (judge(started(60), scene(busy=True, native=native)) for native in (True, False))
    assert LockAnswer(LockOutcome.TAKEN) == native.answer
    assert (LockOutcome.REJECTED, "evseOccupied") == (wrapped.answer.outcome, wrapped.answer.reason)
    assert native.lock is None
    assert wrapped.lock is None


def test_a_failure_releases_whether_or_not_a_lock_was_held() -> None:
    failed = WebPaymentFailed(evse=EvseNumber(1), messages=(Text("Declined"),))
    for held in (None, HELD):
        verdict = judge_failure(failed, scene(held=held))
        assert (LockOutcome.TAKEN, None) == (verdict.answer.outcome, verdict.lock)


def test_a_failure_of_another_evse_releases_nothing() -> None:
    verdict = judge_failure(WebPaymentFailed(evse=EvseNumber(9)), scene(connectors=None, held=HELD))
    assert ("invalidEvseId", HELD) == (verdict.answer.reason, verdict.lock)
