"""The table of a hold, row by row, and its arithmetic in any order of calls."""

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.errors import Refused
from evouch.psp.sandbox import machine
from evouch.psp.sandbox.cards import Card, Outcome
from evouch.psp.sandbox.machine import HOLD_LASTS, MAX_ATTEMPTS, PAGE_LASTS, REASONS, TABLE, Move
from evouch.psp.sandbox.records import Attempt, HoldRecord, State
from evouch.testing.clock import VECTOR_TIME as NOW
from evouch.units import Money

FIFTY = Money.of(50, "EUR")


def hold(state: State = State.PENDING, **changes: object) -> HoldRecord:
    fresh = HoldRecord(
        id="hold_1", minor=5000, currency="EUR", description="", reference="p1", return_url="https://cpo.test/back",
        created_at=NOW, expires_at=NOW + PAGE_LASTS, state=state,
    )  # fmt: skip
    extra: dict[str, object] = {"challenge": "auth_1"} if state is State.CHALLENGED else {}
    extra |= {"captured_minor": 2000} if state is State.CAPTURED else {}
    return msgspec.structs.replace(fresh, **extra, **changes)


def card(outcome: Outcome) -> Card:
    return Card("Visa", "4242", outcome)


def declined(times: int) -> tuple[Attempt, ...]:
    return (Attempt(at=NOW, brand="Visa", last4="0002", reason="cardDeclined"),) * times


def take(move: Move, record: HoldRecord) -> HoldRecord:
    """Take a step by the function that the outside calls for it."""
    if move is Move.CHALLENGE:
        return machine.submit(record, card(Outcome.CHALLENGE), NOW, "auth_2")
    if move is Move.APPROVE:
        return machine.submit(record, card(Outcome.SUCCESS), NOW, "auth_2")
    if move is Move.DECLINE:
        return machine.submit(record, card(Outcome.DECLINED), NOW, "auth_2")
    if move is Move.DECLINE_LAST:
        last = msgspec.structs.replace(record, attempts=declined(MAX_ATTEMPTS - 1))
        return machine.submit(last, card(Outcome.DECLINED), NOW, "auth_2")
    if move is Move.CAPTURE:
        return machine.capture(record, Money.of(20, "EUR"))
    if move is Move.RELEASE:
        return machine.release(record)
    if move is Move.REFUND:
        return machine.refund(record, "refund_1", Money.of(5, "EUR"), NOW)
    return machine.current(record, record.expires_at)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("move", Move)
def test_every_cell_of_the_table_holds_and_every_empty_cell_is_refused_with_the_reason_of_the_state(
    state: State, move: Move
) -> None:
    before = hold(state)
    to = TABLE[state].get(move)
    if to is not None:
        assert to == take(move, before).state
    elif move is Move.EXPIRE:
        assert take(move, before) is before
    else:
        with pytest.raises(Refused) as refusal:
            take(move, before)
        assert REASONS[state] == refusal.value.reason


def test_the_table_names_every_state() -> None:
    assert set(State) == set(TABLE) == set(REASONS)


def test_an_approved_amount_stays_blocked_for_seven_days_from_the_approval() -> None:
    at = NOW + timedelta(hours=3)
    held = machine.submit(hold(), card(Outcome.SUCCESS), at, "")
    assert (at + HOLD_LASTS, at, "Visa", "4242") == (held.expires_at, held.approved_at, held.brand, held.last4)
    assert machine.current(held, at + HOLD_LASTS - timedelta(seconds=1)) is held
    assert machine.current(held, at + HOLD_LASTS).state is State.EXPIRED


def test_an_unpaid_page_expires_after_a_day() -> None:
    assert machine.current(hold(), NOW + PAGE_LASTS).state is State.EXPIRED
    assert machine.current(hold(State.CHALLENGED), NOW + PAGE_LASTS).challenge == ""


def test_what_has_ended_does_not_expire() -> None:
    for state in (State.CAPTURED, State.RELEASED, State.DECLINED):
        assert machine.current(hold(state), NOW + timedelta(days=400)).state is state


def test_two_declined_cards_leave_one_try_and_the_third_ends_the_hold() -> None:
    record = hold()
    for left in (2, 1):
        record = machine.submit(record, card(Outcome.INSUFFICIENT_FUNDS), NOW, "")
        assert (State.PENDING, left) == (record.state, MAX_ATTEMPTS - len(record.attempts))
    record = machine.submit(record, card(Outcome.EXPIRED_CARD), NOW, "")
    assert (State.DECLINED, "expiredCard") == (record.state, record.reason)
    assert ["insufficientFunds", "insufficientFunds", "expiredCard"] == [each.reason for each in record.attempts]


def test_a_card_that_works_after_a_declined_one_leaves_no_reason_behind() -> None:
    record = machine.submit(hold(), card(Outcome.DECLINED), NOW, "")
    assert machine.submit(record, card(Outcome.SUCCESS), NOW, "").reason == ""


def test_consent_blocks_the_amount_and_refusal_counts_as_a_declined_card() -> None:
    asked = machine.submit(hold(), card(Outcome.CHALLENGE), NOW, "auth_7")
    assert machine.consent(asked, "auth_7", NOW, yes=True).state is State.HELD
    refused = machine.consent(asked, "auth_7", NOW, yes=False)
    assert (State.PENDING, "authenticationRefused", 1) == (refused.state, refused.reason, len(refused.attempts))


def test_a_bank_may_say_no_after_its_customer_said_yes() -> None:
    asked = machine.submit(hold(), card(Outcome.CHALLENGE_FAILS), NOW, "auth_7")
    failed = machine.consent(asked, "auth_7", NOW, yes=True)
    assert (State.PENDING, "authenticationFailed") == (failed.state, failed.reason)


def test_the_bank_s_answer_counts_for_the_open_question_only() -> None:
    first = machine.submit(hold(), card(Outcome.CHALLENGE), NOW, "auth_1")
    second = machine.submit(first, card(Outcome.CHALLENGE), NOW, "auth_2")
    for record, answer in ((second, "auth_1"), (hold(), ""), (hold(State.HELD), "auth_1")):
        with pytest.raises(Refused, match="challengeOver"):
            machine.consent(record, answer, NOW, yes=True)


def test_cancel_closes_what_is_unpaid_and_never_touches_a_held_amount() -> None:
    assert ("cancelled", State.RELEASED) == (machine.cancel(hold()).reason, machine.cancel(hold()).state)
    held = hold(State.HELD)
    assert machine.cancel(held) is held


def test_releasing_twice_changes_nothing_the_second_time() -> None:
    released = machine.release(hold(State.HELD))
    assert machine.release(released) is released


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        (Money.of("50.01", "EUR"), "amountTooLarge"),
        (Money.of(0, "EUR"), "amountNotPositive"),
        (Money.of(-1, "EUR"), "amountNotPositive"),
        (Money.of(10, "SEK"), "currencyMismatch"),
    ],
)
def test_a_capture_beyond_the_hold_is_refused(amount: Money, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        machine.capture(hold(State.HELD), amount)


def test_the_whole_hold_and_a_cent_of_it_may_be_captured() -> None:
    assert machine.capture(hold(State.HELD), FIFTY).captured_minor == 5000
    assert machine.capture(hold(State.HELD), Money.of("0.01", "EUR")).captured_minor == 1


def test_refunds_end_where_the_capture_ends() -> None:
    record = machine.refund(hold(State.CAPTURED), "refund_1", Money.of(15, "EUR"), NOW)
    with pytest.raises(Refused, match="amountTooLarge"):
        machine.refund(record, "refund_2", Money.of("5.01", "EUR"), NOW)
    assert machine.refund(record, "refund_2", Money.of(5, "EUR"), NOW).refunded_minor == 2000


#: A step: what is tried, with which amount in cents, and how long after the one before.
STEPS = st.lists(
    st.tuples(st.sampled_from(Move), st.integers(-10, 6000), st.integers(0, 60 * 60 * 24 * 3)), max_size=30
)


@given(STEPS)
def test_never_more_captured_than_held_nor_refunded_than_captured_in_any_order(
    steps: list[tuple[Move, int, int]],
) -> None:
    record, at = hold(), NOW
    for move, cents, seconds in steps:
        at += timedelta(seconds=seconds)
        before = machine.current(record, at)
        record = _try(move, before, cents, at)
        assert record.state is before.state or record.state in TABLE[before.state].values()
        assert 0 <= record.refunded_minor <= record.captured_minor <= record.minor
        assert record.captured_minor == 0 or record.state is State.CAPTURED
        assert before.captured_minor in {0, record.captured_minor}  # captured once
        assert len(record.attempts) <= MAX_ATTEMPTS


def _try(move: Move, record: HoldRecord, cents: int, at: datetime) -> HoldRecord:
    amount = Money.from_minor(cents, "EUR")
    outcomes = {Move.CHALLENGE: Outcome.CHALLENGE, Move.APPROVE: Outcome.SUCCESS, Move.DECLINE: Outcome.DECLINED}
    try:
        if move in outcomes:
            return machine.submit(record, card(outcomes[move]), at, f"auth_{cents}")
        if move is Move.DECLINE_LAST:
            return machine.consent(record, record.challenge, at, yes=cents % 2 == 0)
        if move is Move.CAPTURE:
            return machine.capture(record, amount)
        if move is Move.REFUND:
            return machine.refund(record, f"refund_{cents}", amount, at)
        return machine.release(record) if move is Move.RELEASE else machine.cancel(record)
    except Refused:
        return record
