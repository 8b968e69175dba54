"""The hold of a payment, from its opening to the start: asked for, watched, confirmed, declined or lost.

Three things can tell that a driver has paid: the browser that comes back, the provider's
webhook, and our own look every twenty seconds. None of them decides; each only makes us
look at the hold itself.
"""

from dataclasses import dataclass
from typing import Final

from evouch.charging.payments import Hold, HoldStatus, PaymentProvider
from evouch.clock import Clock
from evouch.cpo.agenda import Agenda
from evouch.cpo.checkouts import Checkouts, Condition
from evouch.cpo.registry import Registry
from evouch.errors import PeerRefused, Refused, Unreachable
from evouch.ids import PaymentId
from evouch.store.ports import Add, Conflict
from evouch.store.records import ProviderEvent
from evouch.webpayment.checkout import Checkout, Event, State

__all__ = ["Holding"]

#: Cards that may be declined before the code is used up.
MAX_ATTEMPTS: Final = 3
#: Seconds between our own looks at a hold that waits for its driver: browser and webhook can both get lost.
LOOK_EVERY: Final = 20
#: Payments that a driver who does not pay, or a lock that ends, can still end.
_UNPAID: Final = frozenset({State.OPENED, State.PAYING})


@dataclass(slots=True)
class Holding:
    """Everything between the provider and a payment that has not started."""

    checkouts: Checkouts
    provider: PaymentProvider
    registry: Registry
    agenda: Agenda
    clock: Clock

    async def open(self, checkout: Checkout) -> Checkout:
        """Ask the provider for a hold; Refused where it will not, or where the payment ended meanwhile."""
        opened = await self.checkouts.advance(checkout.payment, Event.HOLD_OPENED)
        opened = opened or self.checkouts.running(checkout.payment)
        if opened is None or opened.state is not State.PAYING:
            raise Refused("paymentOver")
        try:
            hold = await self.checkouts.ask_hold(opened)
        except (Unreachable, PeerRefused) as error:
            await self.checkouts.advance(checkout.payment, Event.GIVE_UP, only=_is_unpaid, reason="providerDown")
            raise Refused("providerDown", str(error)) from error
        noted = await self._note_hold(opened, hold)
        if noted is None:  # given up while the provider was thinking
            now = await self.checkouts.get(checkout.payment)
            raise Refused("evseBusy" if now is not None and now.reason == "evseBusy" else "paymentOver")
        return noted

    async def _note_hold(self, checkout: Checkout, hold: Hold) -> Checkout | None:
        return await self.checkouts.note(
            checkout.payment, self.checkouts.hold_done(checkout, "opened"), only=_same_hold(checkout),
            psp_ref=hold.psp_ref, pay_url=hold.pay_url, capture_before=hold.capture_before,
        )  # fmt: skip

    def expire(self, checkout: Checkout) -> None:
        """Promise to give up when the driver has not paid by ``lock_until``."""
        payment = checkout.payment
        left = (checkout.lock_until - self.clock.now()).total_seconds()
        self.agenda.after(left, ("lock", payment), lambda: self._time_is_up(payment))
        self.agenda.after(LOOK_EVERY, ("look", payment), lambda: self._look(payment))

    async def _time_is_up(self, payment: PaymentId) -> None:
        """End a payment whose driver was too slow; one that was paid in time, unheard, goes on."""
        await self.reconcile(payment)
        await self.checkouts.advance(payment, Event.GIVE_UP, only=_is_unpaid, reason="notPaidInTime")

    async def _look(self, payment: PaymentId) -> None:
        """Look at the hold, and again later: nobody may have told us."""
        checkout = self.checkouts.running(payment)
        if checkout is not None and checkout.state in _UNPAID:
            self.agenda.after(LOOK_EVERY, ("look", payment), lambda: self._look(payment))
            await self.reconcile(payment)

    async def give_up(self, payment: PaymentId, reason: str) -> None:
        """End a payment that has not led to a start; whoever was late finds nothing to end."""
        await self.checkouts.advance(payment, Event.GIVE_UP, only=_before_start, reason=reason)

    async def webhook(self, headers: dict[str, str], body: bytes) -> None:
        """A webhook woke us. It is checked, counted once, and only makes us look; Refused("badSignature") otherwise."""
        notice = self.provider.notice(headers, body, now=self.clock.now())
        try:
            event = ProviderEvent(provider=self.provider.name, event_id=notice.event_id, at=self.clock.now())
            await self.checkouts.store.commit(Add(event))
        except Conflict:
            return
        checkout = await self.checkouts.by_psp_ref(notice.psp_ref)
        if checkout is not None:
            await self.reconcile(checkout.payment)

    async def reconcile(self, payment: PaymentId) -> None:
        """Look at the hold, and take the step that it calls for."""
        checkout = self.checkouts.running(payment)
        if checkout is None or checkout.state in (State.OPENED, State.RELEASING, State.CAPTURING):
            return
        try:
            hold = await self._hold_of(checkout)
        except (Unreachable, PeerRefused):
            return
        if checkout.state is not State.PAYING:
            await self._hold_gone(checkout, hold)
        elif hold.status is HoldStatus.HELD:
            await self._held(checkout, hold)
        elif hold.status is HoldStatus.RELEASED:
            await self.checkouts.advance(payment, Event.GIVE_UP, only=_same_hold(checkout), reason="cancelled")
        elif hold.status is not HoldStatus.PENDING:
            await self._declined(checkout, hold)

    async def _hold_of(self, checkout: Checkout) -> Hold:
        """Return the hold as it stands now; one whose opening we did not hear the end of is asked for again."""
        if checkout.psp_ref:
            return await self.provider.look(checkout.psp_ref)
        hold = await self.checkouts.ask_hold(checkout)
        await self._note_hold(checkout, hold)
        return await self.provider.look(hold.psp_ref)

    async def _hold_gone(self, checkout: Checkout, hold: Hold) -> None:
        """Deliver nothing on a hold that the provider has let go of."""
        if hold.status not in (HoldStatus.RELEASED, HoldStatus.EXPIRED):
            return
        alarm = self.registry.alarm("holdGone", checkout.place.station, f"{checkout.payment} {hold.status}")
        if await self.checkouts.advance(checkout.payment, Event.GIVE_UP, alarm, reason="holdGone") is None:
            await self.checkouts.advance(
                checkout.payment,
                Event.STOP_ASKED,
                alarm,
                only=lambda now: now.state is State.CHARGING,
                reason="holdGone",
            )

    async def _held(self, checkout: Checkout, hold: Hold) -> None:
        if hold.amount != checkout.hold:
            await self.checkouts.advance(
                checkout.payment, Event.GIVE_UP, only=_same_hold(checkout), reason="amountMismatch"
            )
            return
        await self.checkouts.advance(
            checkout.payment, Event.HOLD_CONFIRMED, only=_same_hold(checkout), psp_ref=hold.psp_ref, pay_url="",
            reason="", card_brand=hold.card_brand, card_last4=hold.card_last4,
            capture_before=hold.capture_before or checkout.capture_before,
        )  # fmt: skip

    async def _declined(self, checkout: Checkout, hold: Hold) -> None:
        attempts = checkout.attempts + self.provider.cards_per_hold
        reason = hold.decline_reason or "cardDeclined"
        declined = await self.checkouts.advance(
            checkout.payment, Event.CARD_DECLINED, only=_same_hold(checkout),
            attempts=attempts, psp_ref="", pay_url="", reason=reason,
        )  # fmt: skip
        if declined is not None and attempts >= MAX_ATTEMPTS:
            await self.checkouts.advance(checkout.payment, Event.GIVE_UP, only=_is_unpaid, reason="cardDeclined")


def _is_unpaid(checkout: Checkout) -> bool:
    return checkout.state in _UNPAID


def _before_start(checkout: Checkout) -> bool:
    return checkout.state in _UNPAID or checkout.state is State.HELD


def _same_hold(seen: Checkout) -> Condition:
    """Return the condition that a payment still waits for the hold that was looked at, not for a later one."""
    return lambda now: now.state is State.PAYING and now.attempts == seen.attempts
