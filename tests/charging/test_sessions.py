"""The life of a session: what may follow on what."""

import pytest

from evouch.charging.sessions import TABLE, SessionEvent, SessionState, repeats, step
from evouch.errors import LocalError

S, E = SessionState, SessionEvent


def test_a_charge_runs_from_plug_to_end() -> None:
    state = S.PENDING
    for event, expected in (
        (E.ENERGY, S.CHARGING),
        (E.SUSPEND, S.SUSPENDED),
        (E.ENERGY, S.CHARGING),
        (E.STOP_ASKED, S.STOPPING),
        (E.END, S.ENDED),
    ):
        state = step(state, event)
        assert state is expected


def test_a_session_that_is_to_stop_stays_so_until_it_ends_or_the_stop_fails() -> None:
    for event in (E.ENERGY, E.SUSPEND, E.STOP_ASKED):
        assert step(S.STOPPING, event) is S.STOPPING
    assert step(S.STOPPING, E.STOP_FAILED) is S.CHARGING


def test_every_state_has_a_row_and_only_the_end_is_final() -> None:
    assert set(TABLE) == set(S)
    assert [state for state, rows in TABLE.items() if not rows] == [S.ENDED]
    assert all(rows[E.END] is S.ENDED for rows in TABLE.values() if rows)


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("event", E)
def test_a_step_follows_the_table_or_is_our_own_mistake(state: SessionState, event: SessionEvent) -> None:
    if event in TABLE[state]:
        assert step(state, event) is TABLE[state][event]
    else:
        with pytest.raises(LocalError, match=str(state)):
            step(state, event)


@pytest.mark.parametrize("event", E)
def test_what_stations_repeat_after_the_end_says_nothing_new(event: SessionEvent) -> None:
    assert repeats(S.ENDED, event) is (event is not E.STOP_ASKED)
    assert not any(repeats(state, event) for state in S if state is not S.ENDED)
