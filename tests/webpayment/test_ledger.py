"""Every walk through the table of payments leaves balanced books and nobody's money held."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.charging.equipment import EvsePlace
from evouch.charging.tariffs import Tariff
from evouch.charging.tokens import Limit
from evouch.errors import LocalError
from evouch.ids import EvseNumber, PaymentId, StationId
from evouch.testing.clock import VECTOR_TIME
from evouch.units import Money, Wh
from evouch.webpayment import ledger
from evouch.webpayment.checkout import FINAL, TABLE, Checkout, Event, State

AT = VECTOR_TIME
E = Event


def eur(amount: str) -> Money:
    return Money.of(amount, "EUR")


OPENED = Checkout(
    payment=PaymentId("p1"),
    place=EvsePlace(StationId("CS-0001"), EvseNumber(1)),
    connector=1,
    slot=57214126,
    grant="g1",
    state=State.OPENED,
    created_at=AT,
    tariff=Tariff(currency="EUR", per_kwh=Decimal("0.49"), vat_percent=Decimal(19)),
    hold=eur("50.00"),
    limit=Limit(max_cost=eur("50.00")),
    lock_until=AT + timedelta(minutes=5),
)
HELD = (E.HOLD_OPENED, E.HOLD_CONFIRMED)
CHARGED = (*HELD, E.START_SENT, E.START_ACCEPTED, E.TRANSACTION_STARTED, E.ENDED_WITH_ENERGY)


def walk(
    *events: Event, captured: Money | None = None, start: Checkout = OPENED
) -> tuple[Checkout, list[ledger.Entry]]:
    checkout, entries = start, list[ledger.Entry]()
    for number, event in enumerate(events):
        at = AT + timedelta(seconds=number)
        changes = {"captured": captured} if event is E.CAPTURED else {}
        before = checkout
        checkout, _ = checkout.step(event, at, **changes)
        entries += ledger.rows(before, event, checkout, at)
    return checkout, entries


def books(entries: list[ledger.Entry]) -> dict[str, str]:
    return {account: str(money.amount) for account, money in ledger.balance(entries).items() if money}


def test_a_hold_is_blocked_and_owed_back() -> None:
    _, entries = walk(*HELD)

    assert books(entries) == {ledger.HOLDS: "50.00", ledger.DUE_BACK: "-50.00"}
    assert ledger.held(entries, "EUR") == eur("50.00")


def test_a_capture_takes_part_of_the_hold_gives_back_the_rest_and_splits_the_vat() -> None:
    checkout, entries = walk(*CHARGED, E.CAPTURED, captured=eur("7.43"))

    assert checkout.state is State.SETTLED
    assert books(entries) == {ledger.OWED: "7.43", ledger.SALES: "-6.24", ledger.VAT: "-1.19"}
    assert [(entry.memo, str(entry.amount.amount)) for entry in entries] == [
        ("hold", "50.00"),
        ("capture.used", "7.43"),
        ("capture.rest", "42.57"),
        ("capture.net", "6.24"),
        ("capture.vat", "1.19"),
    ]


def test_a_release_gives_everything_back() -> None:
    _, entries = walk(*HELD, E.START_SENT, E.START_REFUSED, E.RELEASED)

    assert books(entries) == {}
    assert [entry.memo for entry in entries] == ["hold", "release"]


def test_a_capture_that_turns_out_impossible_ends_in_a_release() -> None:
    checkout, entries = walk(*CHARGED, E.CAPTURE_IMPOSSIBLE, E.RELEASED)

    assert checkout.state is State.RELEASED
    assert books(entries) == {}


def test_a_hold_that_was_never_confirmed_was_never_booked() -> None:
    checkout, entries = walk(E.HOLD_OPENED, E.GIVE_UP, E.RELEASED)

    assert checkout.state is State.RELEASED
    assert entries == []


def test_declined_cards_leave_no_trace() -> None:
    _, entries = walk(E.HOLD_OPENED, E.CARD_DECLINED, E.HOLD_OPENED, E.CARD_DECLINED, E.GIVE_UP)

    assert entries == []


def test_capturing_the_whole_hold_leaves_no_empty_row() -> None:
    _, entries = walk(*CHARGED, E.CAPTURED, captured=eur("50.00"))

    assert "capture.rest" not in {entry.memo for entry in entries}
    assert all(entry.amount > eur("0") for entry in entries)


@pytest.mark.parametrize("captured", [None, eur("50.01"), eur("-0.01")])
def test_a_capture_above_the_hold_is_never_booked(captured: Money | None) -> None:
    with pytest.raises(LocalError, match="p1"):
        walk(*CHARGED, E.CAPTURED, captured=captured)


def test_writing_a_step_again_meets_its_own_rows() -> None:
    _, once = walk(*CHARGED, E.CAPTURED, captured=eur("7.43"))
    _, again = walk(*CHARGED, E.CAPTURED, captured=eur("7.43"), start=replace(OPENED, version=40))

    assert [entry.id for entry in once] == [entry.id for entry in again]
    assert len({entry.id for entry in once}) == len(once)
    assert all(entry.payment == "p1" for entry in once)


def test_currencies_do_not_mix() -> None:
    _, entries = walk(*HELD)
    other = replace(entries[0], amount=Money.of(5, "CHF"))

    with pytest.raises(ValueError, match="combine"):
        ledger.balance([*entries, other])


def test_every_account_is_documented() -> None:
    assert all(account in (ledger.__doc__ or "") for account in ledger.ACCOUNTS)


@given(st.data(), st.integers(0, 5000))
def test_no_walk_through_the_table_leaves_unbalanced_books_or_a_forgotten_hold(data: st.DataObject, cents: int) -> None:
    checkout, entries = OPENED, list[ledger.Entry]()
    for number in range(data.draw(st.integers(0, 25))):
        if checkout.final:
            break
        event = data.draw(st.sampled_from(list(TABLE[checkout.state])))
        at = AT + timedelta(seconds=number)
        changes: dict[str, object] = {"captured": Money.from_minor(cents, "EUR"), "energy": Wh(1)}
        before = checkout
        checkout, _ = checkout.step(event, at, **(changes if event is E.CAPTURED else {}))
        entries += ledger.rows(before, event, checkout, at)
        balances = ledger.balance(entries)

        assert sum((money.amount for money in balances.values()), Decimal(0)) == 0
        assert set(balances) <= set(ledger.ACCOUNTS)
        assert eur("0") <= ledger.held(entries, "EUR") <= checkout.hold
        assert len({entry.id for entry in entries}) == len(entries)

    if checkout.state in FINAL:
        assert not ledger.held(entries, "EUR")
        assert not balances.get(ledger.DUE_BACK, eur("0"))
        settled = checkout.state is State.SETTLED
        assert balances.get(ledger.OWED, eur("0")).minor == (cents if settled else 0)
