"""The JSON documents of the sandbox provider's API, as types.

Amounts are integers of minor units beside their currency. Member names are the wire's own.
"""

import re
from datetime import datetime
from typing import Annotated
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec
from msgspec import Meta

from evouch.psp.sandbox.records import HoldRecord, RefundRecord, State

__all__ = [
    "AmountRequest", "Asked", "CardView", "ErrorBody", "ErrorView", "EventList", "EventView", "FaultRequest",
    "HoldRequest", "HoldView", "RefundView", "ReleaseRequest",
    "back_to_merchant", "hold_view", "origin_of", "refund_view",
]  # fmt: skip

#: The largest amount one hold can have, in minor units: nobody charges a car for a million.
MAX_MINOR = 100_000_000

#: names, IPv4 and IPv6 addresses; no wildcard, for this goes into a Content-Security-Policy
_HOST = re.compile(r"[a-z0-9.\-_]+|[0-9a-f:.]+")

#: printable ASCII that RFC 3986 leaves out, and what would end a directive of that policy
_NEVER = "\"'<>\\^`{|};,"

Minor = Annotated[int, Meta(ge=0, le=MAX_MINOR, description="amount in minor units, e.g. cents")]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217 code")]


#: for the description only: what is wrong with an address is said by :func:`origin_of`
_WEB_ADDRESS = {"format": "uri", "pattern": "^https?://[!-~]+$"}


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of requests: members that we do not know are refused, for they may be misspelt."""


class HoldRequest(Asked, frozen=True, kw_only=True):
    """Open a hold."""

    amount: Annotated[int, Meta(ge=1, le=MAX_MINOR, description="minor units, e.g. cents")]
    currency: Currency
    return_url: Annotated[str, Meta(min_length=8, max_length=2000, extra_json_schema=_WEB_ADDRESS)]
    description: Annotated[str, Meta(max_length=200)] = ""
    reference: Annotated[str, Meta(max_length=255)] = ""


class AmountRequest(Asked, frozen=True, kw_only=True):
    """Capture or refund an amount."""

    amount: Minor
    currency: Currency


class ReleaseRequest(Asked, frozen=True, kw_only=True):
    """Release a hold: there is nothing to say but so."""


class FaultRequest(Asked, frozen=True, kw_only=True):
    """Arm a fault; ``kind`` ``expireHold`` happens at once to the hold named."""

    kind: str
    operation: str = ""
    times: Annotated[int, Meta(ge=1, le=1000)] = 1
    seconds: Annotated[int, Meta(ge=0, le=86_400)] = 5
    repeats: Annotated[int, Meta(ge=1, le=100)] = 10
    hold: str = ""


class CardView(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the card."""

    brand: str
    last4: str


class RefundView(msgspec.Struct, frozen=True, kw_only=True):
    """A refund."""

    id: str
    hold: str
    amount: int
    currency: str
    created_at: datetime


class HoldView(msgspec.Struct, frozen=True, kw_only=True):
    """A hold as the merchant sees it."""

    id: str
    status: str
    amount: int
    currency: str
    captured: int
    refunded: int
    description: str
    reference: str
    return_url: str
    #: where the driver pays; empty once nothing can be paid any more
    pay_url: str
    card: CardView | None
    created_at: datetime
    #: until when the amount stays blocked; null before the approval
    capture_before: datetime | None
    decline_reason: str
    attempts: int


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, as the webhook tells it."""

    id: str
    type: str
    created_at: datetime
    hold: HoldView


class EventList(msgspec.Struct, frozen=True, kw_only=True):
    """Events in the order in which they happened."""

    events: list[EventView]


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong: a stable word for programs, a sentence for people."""

    code: str
    message: str


class ErrorView(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer outside 2xx."""

    error: ErrorBody


def hold_view(hold: HoldRecord, public_url: str) -> HoldView:
    """Return what the merchant may know of a hold."""
    unpaid = hold.state in (State.PENDING, State.CHALLENGED)
    return HoldView(
        id=hold.id,
        status=State.PENDING.value if unpaid else hold.state.value,
        amount=hold.minor,
        currency=hold.currency,
        captured=hold.captured_minor,
        refunded=hold.refunded_minor,
        description=hold.description,
        reference=hold.reference,
        return_url=hold.return_url,
        pay_url=f"{public_url}/pay/{hold.id}" if unpaid else "",
        card=CardView(brand=hold.brand, last4=hold.last4) if hold.approved_at else None,
        created_at=hold.created_at,
        capture_before=hold.expires_at if hold.approved_at else None,
        decline_reason=hold.reason,
        attempts=len(hold.attempts),
    )


def refund_view(hold: HoldRecord, refund: RefundRecord) -> RefundView:
    """Return a refund as its answer shows it."""
    return RefundView(id=refund.id, hold=hold.id, amount=refund.minor, currency=hold.currency, created_at=refund.at)


def origin_of(url: str) -> str:
    """Return scheme, host and port of a return address; ValueError where it is not one we redirect to."""
    parts = urlsplit(url)
    host, port = parts.hostname, parts.port  # the port is checked by being read
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(host or ""):
        raise ValueError("return_url is an absolute http or https address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("return_url has no user in it")
    if any(not "!" <= letter <= "~" or letter in _NEVER for letter in url):
        raise ValueError("return_url has a character that an address does not have")
    shown = f"[{host}]" if ":" in str(host) else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")


def back_to_merchant(hold: HoldRecord) -> str:
    """Return the merchant's address with ``hold=ID`` added to its query."""
    parts = urlsplit(hold.return_url)
    query = "&".join(part for part in (parts.query, f"hold={quote(hold.id)}") if part)
    return urlunsplit(parts._replace(query=query))
