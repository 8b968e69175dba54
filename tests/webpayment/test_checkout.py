"""The table of payments: nothing leaves it, and whatever brings no energy gives the money back."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from evouch.charging.equipment import EvsePlace
from evouch.charging.tariffs import Tariff
from evouch.charging.tokens import Limit
from evouch.errors import LocalError
from evouch.ids import EvseNumber, PaymentId, StationId
from evouch.testing.clock import VECTOR_TIME
from evouch.units import Money
from evouch.webpayment.checkout import FINAL, TABLE, Checkout, Event, Movement, State

AT = VECTOR_TIME
S, E = State, Event

OPENED = Checkout(
    payment=PaymentId("p1"),
    place=EvsePlace(StationId("CS-0001"), EvseNumber(1)),
    connector=1,
    slot=57214126,
    grant="g1",
    state=S.OPENED,
    created_at=AT,
    tariff=Tariff(currency="EUR", per_kwh=Decimal("0.49")),
    hold=Money.of("50.00", "EUR"),
    limit=Limit(),
    lock_until=AT + timedelta(minutes=5),
)


def walk(*events: Event) -> tuple[Checkout, list[Movement]]:
    checkout, moved = OPENED, list[Movement]()
    for number, event in enumerate(events):
        checkout, movement = checkout.step(event, AT + timedelta(seconds=number))
        moved += [movement] if movement else []
    return checkout, moved


def reachable(start: State, without: frozenset[Event] = frozenset()) -> set[State]:
    seen, todo = {start}, [start]
    while todo:
        for event, row in TABLE[todo.pop()].items():
            if event not in without and row.to not in seen:
                seen.add(row.to)
                todo.append(row.to)
    return seen


def edges() -> Iterator[tuple[State, Event, State, Movement | None]]:
    for state, rows in TABLE.items():
        for event, row in rows.items():
            yield state, event, row.to, row.money


def test_a_paid_charge_is_held_captured_and_settled() -> None:
    checkout, moved = walk(
        E.HOLD_OPENED, E.HOLD_CONFIRMED, E.START_SENT, E.START_ACCEPTED, E.TRANSACTION_STARTED, E.STOP_ASKED,
        E.ENDED_WITH_ENERGY, E.CAPTURED,
    )  # fmt: skip

    assert checkout.state is S.SETTLED
    assert checkout.final
    assert moved == [Movement.OPEN_HOLD, Movement.CAPTURE]
    assert [step.state for step in checkout.steps] == [
        S.PAYING, S.HELD, S.STARTING, S.WAITING, S.CHARGING, S.STOPPING, S.CAPTURING, S.SETTLED,
    ]  # fmt: skip
    assert [step.at for step in checkout.steps] == [AT + timedelta(seconds=number) for number in range(8)]


HELD = (E.HOLD_OPENED, E.HOLD_CONFIRMED)


@pytest.mark.parametrize(
    "events",
    [
        (E.HOLD_OPENED, E.GIVE_UP),  # the driver went away from the card form
        (*HELD, E.GIVE_UP),  # paid, but the station is offline
        (*HELD, E.START_SENT, E.START_REFUSED),
        (*HELD, E.START_SENT, E.GIVE_UP),
        (*HELD, E.START_SENT, E.START_UNANSWERED, E.GIVE_UP),
        (*HELD, E.START_SENT, E.START_ACCEPTED, E.GIVE_UP),  # nobody plugged in
        (*HELD, E.START_SENT, E.START_ACCEPTED, E.ENDED_WITHOUT_ENERGY),  # Ended came, Started was lost
        (*HELD, E.START_SENT, E.TRANSACTION_STARTED, E.ENDED_WITHOUT_ENERGY),
        (*HELD, E.START_SENT, E.TRANSACTION_STARTED, E.STOP_ASKED, E.ENDED_WITHOUT_ENERGY),
        (*HELD, E.START_SENT, E.TRANSACTION_STARTED, E.ENDED_WITH_ENERGY, E.CAPTURE_IMPOSSIBLE),
    ],
    ids=lambda events: str(events[-1].value),
)
def test_what_brings_no_payable_energy_releases_the_hold(events: tuple[Event, ...]) -> None:
    checkout, moved = walk(*events, E.RELEASED)

    assert checkout.state is S.RELEASED
    assert moved[-1] is Movement.RELEASE


def test_before_any_hold_there_is_nothing_to_give_back() -> None:
    checkout, moved = walk(E.HOLD_OPENED, E.CARD_DECLINED, E.GIVE_UP)

    assert checkout.state is S.ABANDONED
    assert moved == [Movement.OPEN_HOLD]


def test_a_declined_card_may_be_followed_by_another() -> None:
    checkout, moved = walk(E.HOLD_OPENED, E.CARD_DECLINED, E.HOLD_OPENED, E.HOLD_CONFIRMED)

    assert checkout.state is S.HELD
    assert moved == [Movement.OPEN_HOLD, Movement.OPEN_HOLD]


@pytest.mark.parametrize("event", E)
def test_a_charge_that_starts_after_the_release_is_paid_by_nobody(event: Event) -> None:
    released, _ = walk(*HELD, E.START_SENT, E.START_ACCEPTED, E.GIVE_UP, E.RELEASED)

    assert not released.can(event)
    with pytest.raises(LocalError, match="RELEASED"):
        released.step(event, AT)


def test_a_release_under_way_can_only_become_a_release() -> None:
    assert reachable(S.RELEASING) == {S.RELEASING, S.RELEASED}


def test_without_energy_every_payment_ends_released_or_abandoned() -> None:
    ends = reachable(S.OPENED, without=frozenset({E.ENDED_WITH_ENERGY})) & FINAL

    assert ends == {S.RELEASED, S.ABANDONED}


def test_every_state_is_reached_and_leads_to_an_end() -> None:
    assert reachable(S.OPENED) == set(S) == set(TABLE)
    assert FINAL == {S.SETTLED, S.RELEASED, S.ABANDONED}
    assert all(reachable(state) & FINAL for state in S)


def test_every_event_means_something_somewhere() -> None:
    assert {event for _, event, _, _ in edges()} == set(E)


def test_money_moves_exactly_where_the_state_says_so() -> None:
    for state, _, to, money in edges():
        entering = {S.PAYING: Movement.OPEN_HOLD, S.CAPTURING: Movement.CAPTURE, S.RELEASING: Movement.RELEASE}
        assert money is (entering.get(to) if to is not state else None)


def test_a_hold_is_never_left_behind() -> None:
    holding = reachable(S.PAYING) - {S.OPENED, S.ABANDONED}
    for state, event, to, _ in edges():
        if state in holding and to in {S.OPENED, S.ABANDONED} and state is not S.PAYING:
            pytest.fail(f"{state} is left by {event} without capture or release")
    assert TABLE[S.PAYING][E.CARD_DECLINED].to is S.OPENED  # a declined hold blocks nothing


def test_answers_and_facts_that_repeat_change_no_state() -> None:
    for state, event in (
        (S.WAITING, E.START_ACCEPTED),
        (S.CHARGING, E.START_ACCEPTED),
        (S.CHARGING, E.START_REFUSED),  # the transaction is stronger than the answer
        (S.CHARGING, E.TRANSACTION_STARTED),
        (S.STOPPING, E.STOP_ASKED),
    ):
        assert TABLE[state][event].to is state
        assert TABLE[state][event].money is None


def test_a_step_that_stays_leaves_no_second_mark_but_a_new_version() -> None:
    waiting, _ = walk(*HELD, E.START_SENT, E.START_ACCEPTED)
    again, _ = waiting.step(E.START_ACCEPTED, AT + timedelta(hours=1), reason="said twice")

    assert again.steps == waiting.steps
    assert (again.version, again.reason) == (waiting.version + 1, "said twice")


class Payment(RuleBasedStateMachine):
    """Throw every event at a payment, legal or not, and look at where it is."""

    def __init__(self) -> None:
        super().__init__()
        self.checkout = OPENED
        self.energy = False
        self.captures = 0
        self.held_by_provider = False

    @rule(event=st.sampled_from(E))
    def anything_may_happen(self, event: Event) -> None:
        self.take(event)

    @precondition(lambda self: not self.checkout.final)
    @rule(data=st.data())
    def something_sensible_happens(self, data: st.DataObject) -> None:
        self.take(data.draw(st.sampled_from(list(TABLE[self.checkout.state]))))

    def take(self, event: Event) -> None:
        before = self.checkout
        if not before.can(event):
            with pytest.raises(LocalError):
                before.step(event, AT)
            return
        self.checkout, money = before.step(event, AT)
        self.energy |= event is E.ENDED_WITH_ENERGY
        self.captures += money is Movement.CAPTURE
        if money is Movement.OPEN_HOLD:
            self.held_by_provider = True
        if event in {E.CARD_DECLINED, E.CAPTURED, E.RELEASED}:
            self.held_by_provider = False

    @invariant()
    def it_is_in_the_table(self) -> None:
        assert self.checkout.state in TABLE
        assert self.checkout.final is (self.checkout.state in FINAL)

    @invariant()
    def it_is_paid_at_most_once_and_only_for_energy(self) -> None:
        assert self.captures <= 1
        if self.checkout.state in {S.CAPTURING, S.SETTLED}:
            assert self.energy

    @invariant()
    def an_ended_payment_holds_no_money(self) -> None:
        if self.checkout.final:
            assert not self.held_by_provider

    @invariant()
    def its_timeline_has_no_standstill(self) -> None:
        states = [S.OPENED, *(step.state for step in self.checkout.steps)]
        assert all(one is not other for one, other in pairwise(states))
        assert states[-1] is self.checkout.state


Payment.TestCase.settings = settings(max_examples=50, stateful_step_count=30)
test_no_payment_ever_leaves_its_table = Payment.TestCase
