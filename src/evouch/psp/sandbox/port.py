"""The payment port, spoken in the provider's JSON language. How a question travels is left to whoever inherits.

What comes back as a 4xx is :class:`PeerRefused` with the provider's error code: it did not
happen. Everything else that is not a readable answer is :class:`Unreachable`: it may have
happened, so the same question is asked again with the same key.
"""

from abc import ABC, abstractmethod
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec

from evouch.charging.payments import Hold, HoldStatus, Notice, Refund
from evouch.errors import Overloaded, PeerRefused, Refused, Unreachable
from evouch.ids import PaymentId, Secret
from evouch.psp.sandbox import webhooks
from evouch.psp.sandbox.machine import MAX_ATTEMPTS
from evouch.psp.sandbox.messages import ErrorView, HoldView, RefundView
from evouch.units import Money
from evouch.wire import MalformedJson, convert, decode

__all__ = ["SandboxPort", "check_status", "read_hold"]


V = TypeVar("V")


class _EventHold(msgspec.Struct):
    id: str


class _Event(msgspec.Struct):
    """What we read of a webhook: which hold to look at. The rest is for people."""

    id: str
    type: str
    hold: _EventHold


class SandboxPort(ABC):
    """A :class:`~evouch.charging.payments.PaymentProvider`; only the way of a question is missing."""

    name = "sandbox"
    cards_per_hold = MAX_ATTEMPTS

    def __init__(self, webhook_secret: Secret) -> None:
        self._webhook_secret = webhook_secret

    @abstractmethod
    async def _ask(self, operation: str, hold: str, document: Any, key: str) -> tuple[int, bytes]:
        """Return status and body of the answer; raise ``Unreachable`` where none came."""

    async def hold(self, payment: PaymentId, amount: Money, *, description: str, return_url: str, key: str) -> Hold:
        """Open a hold; the driver still has to approve it at ``pay_url``."""
        document = {
            "amount": amount.minor,
            "currency": amount.currency,
            "description": description[:200],
            "reference": payment,
            "return_url": return_url,
        }
        return read_hold(await self._answer("hold", "", document, key))

    async def look(self, psp_ref: str) -> Hold:
        """Return the hold as it stands now."""
        return read_hold(await self._answer("look", psp_ref, None, ""))

    async def capture(self, psp_ref: str, amount: Money, *, key: str) -> Hold:
        """Take ``amount`` (at most the hold) and release the rest."""
        return read_hold(await self._answer("capture", psp_ref, _amount(amount), key))

    async def release(self, psp_ref: str, *, key: str) -> Hold:
        """Give the whole hold back; one that was never approved is closed, one that is gone stays as it is."""
        return read_hold(await self._answer("release", psp_ref, {}, key))

    async def refund(self, psp_ref: str, amount: Money, *, key: str) -> Refund:
        """Give back part or all of what was captured."""
        view = _view(await self._answer("refund", psp_ref, _amount(amount), key), RefundView)
        return Refund(view.id, Money.from_minor(view.amount, view.currency))

    def notice(self, headers: dict[str, str], body: bytes, *, now: datetime) -> Notice:
        """Return a webhook whose signature and age hold; raise ``Refused("badSignature")`` otherwise."""
        given = [value for name, value in headers.items() if name.lower() == webhooks.HEADER.lower()]
        webhooks.verify(self._webhook_secret, given[0] if len(given) == 1 else "", body, now)
        try:
            event = convert(decode(body), _Event)
        except MalformedJson as problem:
            raise Refused("badSignature", f"signed, and yet {problem}") from None
        return Notice(event.id, event.hold.id, event.type)

    async def _answer(self, operation: str, hold: str, document: Any, key: str) -> bytes:
        status, body = await self._ask(operation, hold, document, key)
        check_status(status)
        if status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(status, body)
        return body


def check_status(status: int) -> None:
    """Raise ``Unreachable`` for an answer that says nothing about what happened; worth asking again."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Overloaded("the payment provider asks for patience")
    success = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
    if not (success or HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR):
        raise Unreachable(f"the payment provider answered {status}")


def _amount(amount: Money) -> dict[str, Any]:
    return {"amount": amount.minor, "currency": amount.currency}


def _refusal(status: int, body: bytes) -> PeerRefused:
    try:
        problem = convert(decode(body), ErrorView).error
    except MalformedJson:
        return PeerRefused(f"http_{status}", "", {"status": status})
    return PeerRefused(problem.code, problem.message, {"status": status})


def _view(body: bytes, kind: type[V]) -> V:
    try:
        return convert(decode(body), kind)
    except MalformedJson as problem:
        raise Unreachable(f"the provider's answer is unreadable: {problem}") from None


def read_hold(body: bytes) -> Hold:
    """Return the hold in an answer's body; raise ``Unreachable`` where there is none."""
    view = _view(body, HoldView)
    if view.status not in set(HoldStatus):
        raise Unreachable(f"the provider's answer is unreadable: status {view.status!r}")
    return Hold(
        psp_ref=view.id,
        status=HoldStatus(view.status),
        amount=Money.from_minor(view.amount, view.currency),
        captured=Money.from_minor(view.captured, view.currency),
        refunded=Money.from_minor(view.refunded, view.currency),
        pay_url=view.pay_url,
        card_brand=view.card.brand if view.card else "",
        card_last4=view.card.last4 if view.card else "",
        capture_before=view.capture_before,
        decline_reason=view.decline_reason,
    )
