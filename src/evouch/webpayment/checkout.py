"""The life of one ad hoc payment, from the consumed code to the receipt, as a table.

Rules of this file: what a payment may do next stands in ``TABLE`` and nowhere else. Each
row names the next state and at most one movement of money. Whoever takes a step writes the
new record, the ledger rows and the intent of that movement in one commit *before* the
provider is called, so that a crash anywhere is finished after the restart.

Two things the table makes sure of: every path without energy ends in ``RELEASED`` or
``ABANDONED``, and a transaction that starts after the release is never paid for by anybody:
``RELEASED`` knows no way back.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self

from evouch.charging.equipment import EvsePlace
from evouch.charging.tariffs import Tariff
from evouch.charging.tokens import IdToken, Limit
from evouch.copies import copier
from evouch.errors import LocalError
from evouch.ids import PaymentId, RemoteStartId, TransactionId
from evouch.units import Money, Wh

__all__ = ["FINAL", "TABLE", "Checkout", "Event", "Movement", "Row", "State", "Step"]


class State(StrEnum):
    """Where a payment stands."""

    OPENED = "OPENED"  # code consumed, EVSE locked, no hold yet
    PAYING = "PAYING"  # a hold is open at the provider, the driver has to approve it
    HELD = "HELD"  # money is blocked
    STARTING = "STARTING"  # the remote start is on its way
    WAITING = "WAITING"  # the station accepted, or did not answer; no transaction yet
    CHARGING = "CHARGING"
    STOPPING = "STOPPING"
    CAPTURING = "CAPTURING"  # the final amount is known, the provider is asked for it
    SETTLED = "SETTLED"
    RELEASING = "RELEASING"  # the provider is asked to give the hold back
    RELEASED = "RELEASED"
    ABANDONED = "ABANDONED"  # ended before any hold


class Event(StrEnum):
    """What can happen to a payment."""

    HOLD_OPENED = "hold opened"
    CARD_DECLINED = "card declined"
    HOLD_CONFIRMED = "hold confirmed"
    START_SENT = "start sent"
    START_ACCEPTED = "start accepted"
    START_REFUSED = "start refused"
    START_UNANSWERED = "start unanswered"
    TRANSACTION_STARTED = "transaction started"
    STOP_ASKED = "stop asked"
    ENDED_WITH_ENERGY = "ended with energy"
    ENDED_WITHOUT_ENERGY = "ended without energy"
    CAPTURED = "captured"
    CAPTURE_IMPOSSIBLE = "capture impossible"
    GIVE_UP = "give up"  # cancelled by the driver, timed out, station offline; reason says which
    RELEASED = "released"


class Movement(StrEnum):
    """The money that a step moves; each is written as an intent before the provider is called."""

    OPEN_HOLD = "open hold"
    CAPTURE = "capture"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Row:
    """One cell of the table."""

    to: State
    money: Movement | None = None


_S, _E, _M = State, Event, Movement
_RELEASE: Final = Row(_S.RELEASING, _M.RELEASE)
_CAPTURE: Final = Row(_S.CAPTURING, _M.CAPTURE)
_END: Final = {_E.ENDED_WITH_ENERGY: _CAPTURE, _E.ENDED_WITHOUT_ENERGY: _RELEASE}

TABLE: Final[dict[State, dict[Event, Row]]] = {
    _S.OPENED: {_E.HOLD_OPENED: Row(_S.PAYING, _M.OPEN_HOLD), _E.GIVE_UP: Row(_S.ABANDONED)},
    _S.PAYING: {
        _E.CARD_DECLINED: Row(_S.OPENED),
        _E.HOLD_CONFIRMED: Row(_S.HELD),
        _E.GIVE_UP: _RELEASE,
    },
    _S.HELD: {_E.START_SENT: Row(_S.STARTING), _E.GIVE_UP: _RELEASE},
    _S.STARTING: {
        _E.START_ACCEPTED: Row(_S.WAITING),
        _E.START_UNANSWERED: Row(_S.WAITING),
        _E.START_REFUSED: _RELEASE,
        _E.TRANSACTION_STARTED: Row(_S.CHARGING),
        _E.GIVE_UP: _RELEASE,
        **_END,
    },
    _S.WAITING: {
        _E.START_ACCEPTED: Row(_S.WAITING),
        _E.TRANSACTION_STARTED: Row(_S.CHARGING),
        _E.GIVE_UP: _RELEASE,
        **_END,
    },
    _S.CHARGING: {
        _E.START_ACCEPTED: Row(_S.CHARGING),
        _E.START_UNANSWERED: Row(_S.CHARGING),
        _E.START_REFUSED: Row(_S.CHARGING),
        _E.TRANSACTION_STARTED: Row(_S.CHARGING),
        _E.STOP_ASKED: Row(_S.STOPPING),
        **_END,
    },
    _S.STOPPING: {_E.STOP_ASKED: Row(_S.STOPPING), **_END},
    _S.CAPTURING: {_E.CAPTURED: Row(_S.SETTLED), _E.CAPTURE_IMPOSSIBLE: _RELEASE},
    _S.RELEASING: {_E.RELEASED: Row(_S.RELEASED)},
    _S.SETTLED: {},
    _S.RELEASED: {},
    _S.ABANDONED: {},
}

#: States that nothing leaves.
FINAL: Final = frozenset(state for state, rows in TABLE.items() if not rows)


@dataclass(frozen=True, slots=True)
class Step:
    """A state reached, for the timeline that page, API and summary show."""

    state: State
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """Everything that is kept of one payment. Deadlines are wall-clock: they survive a restart."""

    payment: PaymentId
    place: EvsePlace
    connector: int
    slot: int
    #: random id of the grant that consumed the slot; only its browser may act for this payment
    grant: str
    state: State
    created_at: datetime
    tariff: Tariff
    #: what is asked of the card; never raised afterwards
    hold: Money
    #: what the driver agreed to; ``max_cost`` is never above ``hold``
    limit: Limit
    #: after which an unpaid checkout gives up and the EVSE is free again
    lock_until: datetime
    steps: tuple[Step, ...] = ()
    version: int = 0
    attempts: int = 0
    psp_ref: str = ""
    pay_url: str = ""
    card_brand: str = ""
    card_last4: str = ""
    capture_before: datetime | None = None
    #: the one-time token that this payment starts with: unguessable, and worth nothing at any other station
    token: IdToken | None = None
    remote_start: RemoteStartId | None = None
    #: after which an unstarted charge gives up: the plug timeout of the station itself, and a margin
    plug_until: datetime | None = None
    transaction: TransactionId | None = None
    #: when the charge began and ended, by the station's own clock
    started_at: datetime | None = None
    ended_at: datetime | None = None
    energy: Wh = Wh(0)
    seconds: int = 0
    cost: Money | None = None
    captured: Money | None = None
    #: why it ended as it did: a short stable word, looked up by the page
    reason: str = ""

    def step(self, event: Event, at: datetime, **changes: object) -> tuple[Self, Movement | None]:
        """Return the record after ``event`` and the money to move; LocalError where the table has no row."""
        row = TABLE[self.state].get(event)
        if row is None:
            msg = f"a payment that is {self.state} cannot take {event!r}"
            raise LocalError(msg)
        steps = self.steps if row.to is self.state else (*self.steps, Step(row.to, at))
        after = replace(self, state=row.to, steps=steps, version=self.version + 1, **changes)  # type: ignore[arg-type]
        return after, row.money

    def measured(self, energy: Wh, seconds: int, cost: Money) -> Self:
        """Return the record with what a reading changed."""
        after: Self = _copy(self, energy=energy, seconds=seconds, cost=cost)
        return after

    def can(self, event: Event) -> bool:
        """Return whether the table has a row for ``event`` now."""
        return event in TABLE[self.state]

    @property
    def cap(self) -> Money:
        """What may be captured at most: the hold, or less where the driver agreed to less."""
        agreed = self.limit.max_cost
        return self.hold if agreed is None or agreed.amount >= self.hold.amount else agreed

    @property
    def final(self) -> bool:
        """Whether nothing can happen any more."""
        return self.state in FINAL


_copy: Final[Callable[..., Any]] = copier(Checkout)
