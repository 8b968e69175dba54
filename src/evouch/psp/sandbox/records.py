"""What the sandbox provider keeps, and how it is written down.

Rules of this file: nothing here can hold a card number. A card is its brand and its last
four digits from the moment the form was read. Amounts are integer minor units (cents).
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from evouch.units import Money

__all__ = ["Answer", "Attempt", "Delivery", "Event", "HoldRecord", "Record", "RefundRecord", "State", "read", "write"]


class State(StrEnum):
    """Where a hold stands. The wire shows ``CHALLENGED`` as ``pending``."""

    PENDING = "pending"  # nobody has paid yet
    CHALLENGED = "challenged"  # the card's bank asks its owner (3-D Secure)
    HELD = "held"  # the amount is blocked on the card
    CAPTURED = "captured"
    RELEASED = "released"
    DECLINED = "declined"  # the last attempt failed too
    EXPIRED = "expired"


class _Kept(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of all that is kept: frozen, written as JSON with its type's name."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One declined card. ``reason`` is a short stable word ("insufficientFunds")."""

    at: datetime
    brand: str
    last4: str
    reason: str


class RefundRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Money that went back after the capture."""

    id: str
    minor: int
    at: datetime


class HoldRecord(_Kept, frozen=True, kw_only=True):
    """A hold. ``id`` is 128 random bits: whoever knows it may open its payment page."""

    id: str
    state: State = State.PENDING
    minor: int
    currency: str
    description: str
    #: the merchant's own name for it
    reference: str
    #: where the driver's browser goes afterwards
    return_url: str
    created_at: datetime
    #: end of the payment page before the approval, end of the blocked amount after it
    expires_at: datetime
    #: when the amount was blocked
    approved_at: datetime | None = None
    brand: str = ""
    last4: str = ""
    #: id of the open 3-D Secure question; a page of an older one decides nothing
    challenge: str = ""
    #: whether the bank says no even when the owner says yes
    challenge_fails: bool = False
    attempts: tuple[Attempt, ...] = ()
    captured_minor: int = 0
    refunds: tuple[RefundRecord, ...] = ()
    #: why it ended without money: "insufficientFunds", "cancelled" …
    reason: str = ""

    @property
    def refunded_minor(self) -> int:
        """All that went back so far."""
        return sum(refund.minor for refund in self.refunds)

    @property
    def amount(self) -> Money:
        """The amount that is held, or asked for."""
        return Money.from_minor(self.minor, self.currency)


class Answer(_Kept, frozen=True, kw_only=True):
    """The first answer that an idempotency key got; repeated to whoever asks with it again."""

    key: str
    #: SHA-256 of what was asked; another question under the same key is refused
    fingerprint: str
    status: int
    body: bytes
    at: datetime


class Event(_Kept, frozen=True, kw_only=True):
    """Something that happened to a hold; ``number`` counts from 1 and orders them."""

    id: str
    number: int
    kind: str
    hold: str
    at: datetime
    body: bytes


class Delivery(_Kept, frozen=True, kw_only=True):
    """How far the webhook of an event has come. ``done`` with no success means: given up."""

    event: str
    tries: int = 0
    done: bool = False


Record = HoldRecord | Answer | Event | Delivery

_KEY: Final[dict[type, str]] = {HoldRecord: "id", Answer: "key", Event: "id", Delivery: "event"}
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def write(record: Record) -> tuple[str, str, bytes]:
    """Return the row of a record: its kind, its key within that kind, and its text."""
    return type(record).__name__, getattr(record, _KEY[type(record)]), _encoder.encode(record)


def read(text: bytes) -> Record:
    """Return the record that :func:`write` wrote."""
    return _decoder.decode(text)
