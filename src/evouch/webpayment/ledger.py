"""What an ad hoc payment does to the books: append-only rows of double entry, one set per step.

Every row moves an amount from its credit account to its debit account, so whatever is
written, all debits equal all credits. The accounts, per payment:

=====================  ==================================================================
``holds.at_provider``  what the provider blocks on the driver's card for us
``holds.due_back``     our duty to take it or give it back; the mirror of the above
``provider.owes``      what the provider has captured and will pay out
``sales.net``          sold energy and time, without VAT
``vat.payable``        the VAT in it
=====================  ==================================================================

A confirmed hold opens the first pair. Capture and release close it, in full: what is not
captured is given back by the same step. Nothing else ever closes it, so a payment that has
ended holds nobody's money, and a hold still open is found by :func:`held`.

The id of a row says what it books ("hold", "capture.net" …) of which payment. None of these
happens twice to one payment, so writing the same step again meets its own rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from evouch.errors import LocalError
from evouch.ids import PaymentId
from evouch.units import Money
from evouch.webpayment.checkout import Checkout, Event, State

__all__ = ["ACCOUNTS", "DUE_BACK", "HOLDS", "OWED", "SALES", "VAT", "Entry", "balance", "held", "rows"]

HOLDS: Final = "holds.at_provider"
DUE_BACK: Final = "holds.due_back"
OWED: Final = "provider.owes"
SALES: Final = "sales.net"
VAT: Final = "vat.payable"

#: Every account there is.
ACCOUNTS: Final = (HOLDS, DUE_BACK, OWED, SALES, VAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One double-entry row: ``amount`` > 0 moves from ``credit`` to ``debit``. Never changed, never deleted."""

    id: str
    payment: PaymentId
    at: datetime
    debit: str
    credit: str
    amount: Money
    memo: str = ""


def rows(before: Checkout, event: Event, after: Checkout, at: datetime) -> tuple[Entry, ...]:
    """Return what the step from ``before`` by ``event`` to ``after`` books; most steps move no money.

    Raises LocalError for a capture that is unknown or above the hold: that is never booked.
    """
    if event is Event.HOLD_CONFIRMED:
        return _entries(after, at, ("hold", HOLDS, DUE_BACK, after.hold))
    if event is Event.CAPTURED:
        return _captured(after, at)
    if event is Event.RELEASED and _was_held(before):
        return _entries(after, at, ("release", DUE_BACK, HOLDS, after.hold))
    return ()


def balance(entries: Iterable[Entry]) -> dict[str, Money]:
    """Return each account's debits less its credits; an account without a row is absent.

    The balances of any set of rows add up to nothing. Raises :class:`ValueError` where
    currencies mix.
    """
    balances: dict[str, Money] = {}
    for entry in entries:
        zero = Money.zero(entry.amount.currency)
        balances[entry.debit] = balances.get(entry.debit, zero) + entry.amount
        balances[entry.credit] = balances.get(entry.credit, zero) - entry.amount
    return balances


def held(entries: Iterable[Entry], currency: str) -> Money:
    """Return what is still blocked on cards according to ``entries``."""
    return balance(entries).get(HOLDS, Money.zero(currency))


def _captured(after: Checkout, at: datetime) -> tuple[Entry, ...]:
    captured = after.captured
    if captured is None or captured > after.hold or captured < Money.zero(captured.currency):
        msg = f"payment {after.payment} has captured {captured} of a hold of {after.hold}"
        raise LocalError(msg)
    net, vat = after.tariff.split(captured)
    return _entries(
        after,
        at,
        ("capture.used", DUE_BACK, HOLDS, captured),
        ("capture.rest", DUE_BACK, HOLDS, after.hold - captured),
        ("capture.net", OWED, SALES, net),
        ("capture.vat", OWED, VAT, vat),
    )


def _was_held(checkout: Checkout) -> bool:
    return any(step.state is State.HELD for step in checkout.steps)


def _entries(checkout: Checkout, at: datetime, *movements: tuple[str, str, str, Money]) -> tuple[Entry, ...]:
    return tuple(
        Entry(id=f"{checkout.payment}:{memo}", payment=checkout.payment, at=at, debit=debit, credit=credit,
              amount=amount, memo=memo)
        for memo, debit, credit, amount in movements
        if amount
    )  # fmt: skip
