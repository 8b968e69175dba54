"""Rate limits: bursts pass, floods wait, and memory stays bounded."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.charging.rates import Limiter, Rate
from evouch.clock import Tick


def test_a_burst_passes_and_the_next_one_waits_for_its_turn() -> None:
    limiter = Limiter(Rate(count=10, seconds=60, burst=3))
    at = Tick(1000.0)

    assert [limiter.wait("phone", at) for _ in range(4)] == [0.0, 0.0, 0.0, 6.0]
    assert limiter.wait("phone", Tick(1005.0)) == 1.0
    assert limiter.wait("phone", Tick(1006.0)) == 0.0
    assert limiter.wait("phone", Tick(1006.0)) == 6.0


def test_refused_requests_do_not_prolong_the_wait() -> None:
    limiter = Limiter(Rate(count=1, seconds=10, burst=1))

    assert limiter.wait("phone", Tick(0.0)) == 0.0
    assert [limiter.wait("phone", Tick(float(second))) for second in range(1, 10)] == [
        float(10 - second) for second in range(1, 10)
    ]
    assert limiter.wait("phone", Tick(10.0)) == 0.0


def test_keys_do_not_share_their_budget() -> None:
    limiter = Limiter(Rate(count=1, seconds=10, burst=1))

    assert [limiter.wait(name, Tick(0.0)) for name in "abc"] == [0.0, 0.0, 0.0]


def test_patience_earns_no_more_than_the_burst() -> None:
    limiter = Limiter(Rate(count=1, seconds=1, burst=2))
    limiter.wait("phone", Tick(0.0))

    assert [limiter.wait("phone", Tick(10_000.0)) == 0.0 for _ in range(4)] == [True, True, False, False]


def test_new_keys_never_push_out_old_ones_that_still_wait() -> None:
    limiter = Limiter(Rate(count=1, seconds=10, burst=1), max_keys=2)
    limiter.wait("first", Tick(0.0))
    limiter.wait("second", Tick(1.0))

    assert limiter.wait("flood", Tick(2.0)) == 10.0
    assert limiter.wait("first", Tick(2.0)) == 8.0


def test_keys_whose_time_has_passed_make_room() -> None:
    limiter = Limiter(Rate(count=1, seconds=10, burst=1), max_keys=2)
    limiter.wait("first", Tick(0.0))
    limiter.wait("second", Tick(5.0))

    assert limiter.wait("third", Tick(11.0)) == 0.0
    assert limiter.wait("fourth", Tick(11.1)) == 10.0


def test_a_flood_of_new_keys_does_not_buy_a_search_of_the_memory_each() -> None:
    limiter = Limiter(Rate(count=1, seconds=3600, burst=1), max_keys=20_000)
    for number in range(20_000):
        limiter.wait(str(number), Tick(0.0))
    before = time.process_time()
    for number in range(20_000):
        assert limiter.wait(f"flood {number}", Tick(0.5 + number / 100_000)) > 0

    assert time.process_time() - before < 1.0  # one search per request would take minutes


@given(
    st.integers(1, 100),
    st.floats(0.1, 1000),
    st.integers(1, 20),
    st.lists(st.floats(0, 100), min_size=1, max_size=60),
)
def test_no_more_pass_than_rate_and_burst_allow(count: int, seconds: float, burst: int, gaps: list[float]) -> None:
    rate = Rate(count=count, seconds=seconds, burst=burst)
    at, passed, arrival = 0.0, 0, None
    for gap in gaps:
        at += gap
        arrival, wait = rate.step(arrival, Tick(at))
        passed += wait == 0.0

    assert passed <= burst + at * count / seconds + 1e-6


@given(st.integers(1, 100), st.floats(0.1, 1000), st.integers(1, 20), st.integers(1, 60))
def test_who_waits_as_long_as_told_passes(count: int, seconds: float, burst: int, requests: int) -> None:
    rate = Rate(count=count, seconds=seconds, burst=burst)
    at, arrival = 0.0, None
    for _ in range(requests):
        arrival, wait = rate.step(arrival, Tick(at))
        if wait:
            at += wait
            arrival, wait = rate.step(arrival, Tick(at))
        assert wait == 0.0


def test_a_stream_that_cannot_be_refused_is_slowed_down() -> None:
    rate = Rate(count=10, seconds=1, burst=5)
    arrival: Tick | None = None
    waits = []
    for _ in range(7):
        arrival, wait = rate.shape(arrival, Tick(0.0))
        waits.append(round(wait, 6))

    assert waits == [0.0, 0.0, 0.0, 0.0, 0.0, pytest.approx(0.1), pytest.approx(0.2)]


def test_what_is_left_is_told_without_counting() -> None:
    limiter = Limiter(Rate(count=2, seconds=10, burst=2))
    for _ in range(5):
        assert limiter.left("a", Tick(0)) == 0
    limiter.wait("a", Tick(0))
    limiter.wait("a", Tick(0))
    assert limiter.left("a", Tick(0)) == pytest.approx(5)
    assert limiter.left("b", Tick(0)) == 0
