"""The port to a payment provider: hold, capture, release, refund; and what each of them returns.

A *hold* blocks an amount on the driver's card. It is captured once, for at most that
amount, which releases the rest; or it is cancelled. Every call carries an idempotency key:
the provider executes one key once and repeats its answer, so a call whose answer was lost
is made again with the same key.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from evouch.ids import PaymentId
from evouch.units import Money

__all__ = ["Hold", "HoldStatus", "Notice", "PaymentProvider", "Refund"]


class HoldStatus(StrEnum):
    """Where a hold stands at the provider."""

    PENDING = "pending"  # the driver has not paid yet, or sits in the 3-D Secure step
    HELD = "held"
    CAPTURED = "captured"
    RELEASED = "released"
    DECLINED = "declined"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A hold as the provider reports it. ``psp_ref`` is the provider's name for it (≤ 255 characters)."""

    psp_ref: str
    status: HoldStatus
    amount: Money
    captured: Money
    refunded: Money
    #: where the driver's browser goes to pay; empty once that is done
    pay_url: str = ""
    card_brand: str = ""
    card_last4: str = ""
    capture_before: datetime | None = None
    decline_reason: str = ""


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that went back after a capture."""

    psp_ref: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Notice:
    """A verified webhook. It only wakes a re-reading of the hold; it never decides anything."""

    event_id: str
    psp_ref: str
    kind: str


class PaymentProvider(Protocol):
    """A payment provider. All methods raise ``PeerRefused`` or ``Unreachable``, nothing else."""

    name: str
    #: cards that its own page lets a driver try before a hold counts as declined
    cards_per_hold: int

    async def hold(self, payment: PaymentId, amount: Money, *, description: str, return_url: str, key: str) -> Hold:
        """Open a hold; the driver still has to approve it at ``pay_url``."""

    async def look(self, psp_ref: str) -> Hold:
        """Return the hold as it stands now."""

    async def capture(self, psp_ref: str, amount: Money, *, key: str) -> Hold:
        """Take ``amount`` (at most the hold) and release the rest."""

    async def release(self, psp_ref: str, *, key: str) -> Hold:
        """Give the whole hold back; a hold that was never approved is closed."""

    async def refund(self, psp_ref: str, amount: Money, *, key: str) -> Refund:
        """Give back part or all of what was captured."""

    def notice(self, headers: dict[str, str], body: bytes, *, now: datetime) -> Notice:
        """Return a webhook whose signature and age hold; raise ``Refused("badSignature")`` otherwise."""
