"""Work is trailing zero bits of the raw digest, none unless asked for, and never more than twenty."""

import hashlib

import pytest

from evouch.errors import LocalError
from evouch.identity import work
from tests.proofs import proves


@pytest.mark.parametrize(
    ("digest", "bits"),
    [("01", 0), ("80", 7), ("0100", 8), ("0180", 7), ("00", 8), ("0000", 16), ("ff00000000", 32), ("0a", 1)],
)
def test_zero_bits_are_counted_from_the_end(digest: str, bits: int) -> None:
    assert bits == work.trailing_zeros(bytes.fromhex(digest))


@proves("W10")
def test_no_work_is_done_where_none_is_asked_for() -> None:
    assert work.solve(b"", b"", 0) == 1
    assert work.solve(b"", b"", 0, start=42) == 42


@pytest.mark.parametrize("difficulty", [1, 5, 9, 12])
def test_work_that_was_done_is_enough_and_the_first_that_is(difficulty: int) -> None:
    number = work.solve(b"before ", b" after", difficulty)
    zeros = [work.trailing_zeros(hashlib.sha256(b"before %d after" % each).digest()) for each in range(1, number + 1)]

    assert zeros[-1] >= difficulty
    assert all(each < difficulty for each in zeros[:-1])


def test_a_search_pauses_so_that_something_else_can_be_done() -> None:
    steps = list(work.search(b"pause ", b"", 12))

    assert isinstance(steps[-1], int)
    assert [None] * (len(steps) - 1) == steps[:-1]
    assert len(steps) - 1 == (steps[-1] - 1) // work.SLICE


@pytest.mark.parametrize("difficulty", [-1, 21, 255])
@proves("M9")
def test_more_than_twenty_bits_are_never_asked_for(difficulty: int) -> None:
    for ask in (work.check_difficulty, work.patience, lambda bits: work.solve(b"", b"", bits)):
        with pytest.raises(LocalError, match="0 to 20"):
            ask(difficulty)


def test_patience_grows_with_the_work() -> None:
    assert work.patience(0) == 0
    assert 20 < work.patience(16) < 30
    assert work.patience(20) == pytest.approx(16 * work.patience(16))
