"""The life of a hold as a table, and the arithmetic of its money.

Rules of this file: what a hold may do next stands in ``TABLE`` and nowhere else; every
function takes a record and returns the next one; time is an argument. Whoever asks for
something the table does not have gets :class:`~evouch.errors.Refused` with the reason of
the state the hold is in, and nothing has changed.

A hold is captured at most once and for at most its amount; what is not captured is free
again at that moment. Refunds never sum up to more than the capture.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from evouch.errors import Refused
from evouch.psp.sandbox.cards import Card, Outcome
from evouch.psp.sandbox.records import Attempt, HoldRecord, RefundRecord, State
from evouch.units import Money

__all__ = [
    "HOLD_LASTS", "MAX_ATTEMPTS", "PAGE_LASTS", "TABLE", "Move",
    "approve", "cancel", "capture", "challenge", "consent", "current", "decline", "refund", "release", "submit",
]  # fmt: skip

#: How long a blocked amount stays blocked: seven days, as card schemes grant it for payments by the card's owner.
HOLD_LASTS: Final = timedelta(days=7)
#: How long an unpaid payment page can be used.
PAGE_LASTS: Final = timedelta(hours=24)
#: Declined cards per hold; the third one ends it.
MAX_ATTEMPTS: Final = 3


class Move(StrEnum):
    """What can happen to a hold."""

    CHALLENGE = "challenge"  # the bank wants its customer's consent first
    APPROVE = "approve"  # the bank blocks the amount
    DECLINE = "decline"  # this card failed, another may be tried
    DECLINE_LAST = "decline last"
    CAPTURE = "capture"
    RELEASE = "release"
    REFUND = "refund"
    EXPIRE = "expire"


_S, _M = State, Move
_UNPAID: Final = {
    _M.CHALLENGE: _S.CHALLENGED,
    _M.APPROVE: _S.HELD,
    _M.DECLINE: _S.PENDING,
    _M.DECLINE_LAST: _S.DECLINED,
    _M.RELEASE: _S.RELEASED,
    _M.EXPIRE: _S.EXPIRED,
}

#: Where nothing is blocked any more, a release has nothing to do and says so by changing nothing.
TABLE: Final[dict[State, dict[Move, State]]] = {
    _S.PENDING: _UNPAID,
    _S.CHALLENGED: _UNPAID,
    _S.HELD: {_M.CAPTURE: _S.CAPTURED, _M.RELEASE: _S.RELEASED, _M.EXPIRE: _S.EXPIRED},
    _S.CAPTURED: {_M.REFUND: _S.CAPTURED},
    _S.RELEASED: {_M.RELEASE: _S.RELEASED},
    _S.DECLINED: {_M.RELEASE: _S.DECLINED},
    _S.EXPIRED: {_M.RELEASE: _S.EXPIRED},
}

#: Why a hold in this state does not do what is asked, whatever it is.
REASONS: Final[dict[State, str]] = {
    _S.PENDING: "holdNotApproved",
    _S.CHALLENGED: "holdNotApproved",
    _S.HELD: "holdNotCaptured",
    _S.CAPTURED: "holdCaptured",
    _S.RELEASED: "holdReleased",
    _S.DECLINED: "holdDeclined",
    _S.EXPIRED: "holdExpired",
}


def current(hold: HoldRecord, at: datetime) -> HoldRecord:
    """Return the hold as it stands at ``at``: expired, if its time has passed unnoticed."""
    if at < hold.expires_at or _M.EXPIRE not in TABLE[hold.state]:
        return hold
    return _move(hold, _M.EXPIRE, challenge="")


def submit(hold: HoldRecord, card: Card, at: datetime, challenge_id: str) -> HoldRecord:
    """Return the hold after the driver sent this card; ``challenge_id`` is used if its bank asks back."""
    if card.outcome is Outcome.SUCCESS:
        return approve(hold, card.brand, card.last4, at)
    if card.outcome in (Outcome.CHALLENGE, Outcome.CHALLENGE_FAILS):
        return challenge(hold, card, challenge_id)
    return decline(hold, Attempt(at=at, brand=card.brand, last4=card.last4, reason=card.outcome.value))


def approve(hold: HoldRecord, brand: str, last4: str, at: datetime) -> HoldRecord:
    """Block the amount on the card for :data:`HOLD_LASTS`."""
    return _move(
        hold, _M.APPROVE,
        brand=brand, last4=last4, challenge="", reason="", approved_at=at, expires_at=at + HOLD_LASTS,
    )  # fmt: skip


def challenge(hold: HoldRecord, card: Card, challenge_id: str) -> HoldRecord:
    """Let the card's bank ask its customer. A newer question replaces an unanswered one."""
    fails = card.outcome is Outcome.CHALLENGE_FAILS
    return _move(hold, _M.CHALLENGE, brand=card.brand, last4=card.last4, challenge=challenge_id, challenge_fails=fails)


def consent(hold: HoldRecord, challenge_id: str, at: datetime, *, yes: bool) -> HoldRecord:
    """Take the owner's answer to the bank's question; Refused("challengeOver") if it is not the open one."""
    if not hold.challenge or hold.challenge != challenge_id:
        raise Refused("challengeOver")
    if yes and not hold.challenge_fails:
        return approve(hold, hold.brand, hold.last4, at)
    reason = "authenticationFailed" if yes else "authenticationRefused"
    return decline(hold, Attempt(at=at, brand=hold.brand, last4=hold.last4, reason=reason))


def decline(hold: HoldRecord, attempt: Attempt) -> HoldRecord:
    """Note a card that failed; the hold ends with the last of :data:`MAX_ATTEMPTS`."""
    attempts = (*hold.attempts, attempt)
    move = _M.DECLINE if len(attempts) < MAX_ATTEMPTS else _M.DECLINE_LAST
    return _move(hold, move, attempts=attempts, reason=attempt.reason, brand="", last4="", challenge="")


def capture(hold: HoldRecord, amount: Money) -> HoldRecord:
    """Take ``amount``, at most what is held; the rest is free again."""
    after = _move(hold, _M.CAPTURE, captured_minor=amount.minor)
    _check(amount, hold.currency, at_most=hold.minor)
    return after


def refund(hold: HoldRecord, refund_id: str, amount: Money, at: datetime) -> HoldRecord:
    """Give ``amount`` back, at most what was captured and not given back yet."""
    done = RefundRecord(id=refund_id, minor=amount.minor, at=at)
    after = _move(hold, _M.REFUND, refunds=(*hold.refunds, done))
    _check(amount, hold.currency, at_most=hold.captured_minor - hold.refunded_minor)
    return after


def cancel(hold: HoldRecord) -> HoldRecord:
    """Close an unpaid hold at the driver's wish. Once paid, only the merchant can let it go."""
    return release(hold, "cancelled") if hold.state in (_S.PENDING, _S.CHALLENGED) else hold


def release(hold: HoldRecord, reason: str = "") -> HoldRecord:
    """Let the amount go; an unpaid hold is closed. Nothing changes where nothing is blocked."""
    after = _move(hold, _M.RELEASE, challenge="")
    return hold if after.state is hold.state else msgspec.structs.replace(after, reason=reason)


def _move(hold: HoldRecord, move: Move, **changes: object) -> HoldRecord:
    state = TABLE[hold.state].get(move)
    if state is None:
        raise Refused(REASONS[hold.state], f"{move} of a hold that is {hold.state}")
    return msgspec.structs.replace(hold, state=state, **changes)


def _check(amount: Money, currency: str, *, at_most: int) -> None:
    if amount.currency != currency:
        raise Refused("currencyMismatch", f"{amount.currency} for a hold in {currency}")
    if amount.minor <= 0:
        raise Refused("amountNotPositive")
    if amount.minor > at_most:
        raise Refused("amountTooLarge", f"{amount.minor} of at most {at_most}")
