import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.charging.tokens import IdToken
from evouch.ids import EvseNumber, RemoteStartId
from evouch.station.machine import (
    AUTHORISED,
    TABLE,
    Cause,
    Event,
    EvseState,
    Phase,
    Reservation,
    Signal,
    can,
    ordered,
    presented,
    step,
)
from evouch.testing.clock import VECTOR_TIME

ANNE, BERT = IdToken("AB12"), IdToken("CD34")
FREE = EvseState(number=EvseNumber(1))
KEPT = Reservation(5, ANNE, VECTOR_TIME)


def after(*signals: Signal, start: EvseState = FREE) -> EvseState:
    state = start
    for signal in signals:
        state = step(state, event(signal))
    return state


def event(signal: Signal) -> Event:
    extras = {
        Signal.PLUG: {"connector": 1},
        Signal.ASK: {"token": ANNE},
        Signal.GRANTED: {"token": ANNE, "remote_start": RemoteStartId(7)},
        Signal.STOP: {"cause": Cause.REMOTE},
        Signal.FAULT: {"code": "GroundFailure"},
        Signal.RESERVE: {"reservation": KEPT},
    }
    return Event(signal=signal, **extras.get(signal, {}))  # type: ignore[arg-type]


S = Signal


@pytest.mark.parametrize(
    ("signals", "phase"),
    [
        ((S.GRANTED, S.PLUG, S.CLOSE), Phase.CHARGING),
        ((S.PLUG, S.GRANTED, S.CLOSE), Phase.CHARGING),
        ((S.PLUG, S.ASK, S.GRANTED, S.CLOSE), Phase.CHARGING),
        ((S.ASK, S.PLUG, S.GRANTED), Phase.STARTING),
        ((S.PLUG, S.ASK, S.DENIED), Phase.OCCUPIED),
        ((S.ASK, S.DENIED), Phase.AVAILABLE),
        ((S.GRANTED, S.STOP), Phase.AVAILABLE),
        ((S.PLUG, S.GRANTED, S.CLOSE, S.STOP), Phase.FINISHING),
        ((S.PLUG, S.GRANTED, S.CLOSE, S.UNPLUG), Phase.AVAILABLE),
        ((S.PLUG, S.GRANTED, S.CLOSE, S.PAUSE_EV, S.RESUME), Phase.CHARGING),
        ((S.PLUG, S.GRANTED, S.CLOSE, S.PULL, S.PLUG), Phase.CHARGING),
        ((S.PLUG, S.GRANTED, S.CLOSE, S.STOP, S.ASK, S.GRANTED), Phase.STARTING),
        ((S.PLUG, S.GRANTED, S.CLOSE, S.FAULT, S.CLEAR), Phase.OCCUPIED),
        ((S.RESERVE, S.PLUG), Phase.RESERVED),
        ((S.RESERVE, S.UNRESERVE), Phase.AVAILABLE),
        ((S.CLOSE_DOWN, S.PLUG, S.OPEN_UP), Phase.OCCUPIED),
        ((S.CLOSE_DOWN, S.FAULT, S.CLEAR), Phase.UNAVAILABLE),
    ],
)
def test_events_lead_where_a_charging_engineer_expects(signals: tuple[Signal, ...], phase: Phase) -> None:
    assert phase is after(*signals).phase


def test_taken_out_of_service_during_a_charge_happens_after_it() -> None:
    charging = after(S.PLUG, S.GRANTED, S.CLOSE, S.CLOSE_DOWN)
    assert Phase.CHARGING is charging.phase
    assert Phase.UNAVAILABLE is after(S.STOP, start=charging).phase


def test_a_reservation_survives_a_denied_card_and_ends_with_its_use() -> None:
    assert Phase.RESERVED is after(S.RESERVE, S.ASK, S.DENIED).phase
    assert after(S.RESERVE, S.GRANTED).reservation is None


def test_a_token_is_forgotten_with_the_charge_that_it_paid_for() -> None:
    over = after(S.PLUG, S.GRANTED, S.CLOSE, S.STOP)
    assert (None, None) == (over.token, over.remote_start)


def test_every_phase_can_be_reached_and_left() -> None:
    seen, edge = {Phase.AVAILABLE}, [FREE]
    while edge:
        state = edge.pop()
        for signal in Signal:
            reached = step(state, event(signal))
            if reached.phase not in seen:
                seen.add(reached.phase)
                edge.append(reached)
    assert set(Phase) == seen
    assert set(Phase) == set(TABLE)


@given(st.lists(st.sampled_from(Signal), max_size=40))
def test_no_sequence_of_events_leaves_the_table(signals: list[Signal]) -> None:
    state = FREE
    for signal in signals:
        # a cable cannot go in twice, nor be pulled where there is none: the bay sees to that
        if (signal is S.PLUG) is (state.cable is not None) and signal in {S.PLUG, S.UNPLUG, S.PULL}:
            continue
        before, state = state, step(state, event(signal))
        assert can(before, signal) or state == before
        if state.phase in {Phase.OCCUPIED, Phase.STARTING, Phase.CHARGING, Phase.FINISHING}:
            assert state.cable is not None
        if state.phase in {Phase.AVAILABLE, Phase.AWAITING}:
            assert state.cable is None
        assert (state.token is not None) is (state.phase in AUTHORISED | {Phase.AUTHORISING})
        assert state.busy is (state.phase in AUTHORISED)


# ── who may start ───────────────────────────────────────────────────────────────────────


def test_the_card_that_started_stops_whatever_its_spelling() -> None:
    verdict = presented(after(S.PLUG, S.GRANTED, S.CLOSE), IdToken("ab12"), locked=False)
    assert Event(signal=S.STOP, cause=Cause.LOCAL) == verdict


@pytest.mark.parametrize(
    ("state", "locked", "word"),
    [
        (after(S.PLUG, S.GRANTED, S.CLOSE), False, "in use"),
        (after(S.FAULT), False, "fault"),
        (after(S.CLOSE_DOWN), False, "out of service"),
        (after(S.ASK), False, "being checked"),
        (after(S.RESERVE), False, "reserved"),
        (FREE, True, "paying"),
        (after(S.PLUG), True, "paying"),
    ],
)
def test_another_card_is_told_why_it_cannot_start(state: EvseState, locked: bool, word: str) -> None:
    verdict = presented(state, BERT, locked=locked)
    assert isinstance(verdict, str)
    assert word in verdict


def test_a_free_evse_asks_about_a_card() -> None:
    assert Event(signal=S.ASK, token=BERT) == presented(FREE, BERT, locked=False)
    assert Event(signal=S.ASK, token=ANNE) == presented(after(S.RESERVE), ANNE, locked=False)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (FREE, ""),
        (after(S.PLUG), ""),
        (after(S.PLUG, S.GRANTED, S.CLOSE, S.STOP), ""),
        (after(S.GRANTED), "Occupied"),
        (after(S.ASK), "Occupied"),
        (after(S.FAULT), "OutOfService"),
        (after(S.CLOSE_DOWN), "OutOfService"),
        (after(S.RESERVE), "Reserved"),
    ],
)
def test_a_remote_start_is_refused_where_somebody_else_is_first(state: EvseState, reason: str) -> None:
    assert reason == ordered(state, BERT)
