"""Who has not answered for a while is not asked for a while."""

from hypothesis import given
from hypothesis import strategies as st

from evouch.autocharge.breaker import Breaker, BreakerTerms
from evouch.clock import Tick

TERMS = BreakerTerms(failures=3, pause=30, longest=100)


def broken(failures: int, at: float = 0.0) -> Breaker:
    breaker = Breaker(TERMS)
    for _ in range(failures):
        breaker.failed("a", Tick(at))
    return breaker


def test_only_failures_in_a_row_open_a_circuit() -> None:
    breaker = broken(2)
    breaker.succeeded("a")
    breaker.failed("a", Tick(0))
    assert breaker.may("a", Tick(0))
    assert not broken(3).may("a", Tick(29.9))
    assert broken(3).may("b", Tick(0)), "another's circuit is its own"


def test_after_the_pause_one_probe_goes_through_and_no_second() -> None:
    breaker = broken(3)
    assert [breaker.may("a", Tick(at)) for at in (29, 30, 31, 59)] == [False, True, False, False]
    assert breaker.may("a", Tick(60)), "nobody reported the first probe's end"


def test_pauses_double_up_to_the_longest() -> None:
    breaker, at, pauses = broken(3), 0.0, []
    for _ in range(5):
        began = at
        while not breaker.may("a", Tick(at)):
            at += 1
        pauses.append(at - began)
        breaker.failed("a", Tick(at))
    assert pauses == [30, 60, 100, 100, 100]


def test_a_success_closes_the_circuit_and_forgets() -> None:
    breaker = broken(9)
    assert breaker.is_open("a")
    breaker.succeeded("a")
    assert (breaker.is_open("a"), breaker.may("a", Tick(0))) == (False, True)
    breaker.failed("a", Tick(0))
    assert breaker.may("a", Tick(0))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 200)), max_size=40))
def test_nobody_is_left_out_for_longer_than_the_longest_pause(calls: list[tuple[bool, int]]) -> None:
    breaker, at = Breaker(TERMS), 0
    for works, later in calls:
        at += later
        if breaker.may("a", Tick(at)):
            breaker.succeeded("a") if works else breaker.failed("a", Tick(at))
    assert breaker.may("a", Tick(at + TERMS.longest))
