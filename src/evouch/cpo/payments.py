"""What a driver can do: look at an offer, pay, watch, stop, get a receipt.

The way in is a fresh code, and there is no other: :meth:`Payments.offer` judges it and
hands out a *grant*, signed and bound to the browser; :meth:`Payments.begin` spends the
grant by a unique row in the store for (EVSE, slot). Whatever page, link, second phone or
replay comes later finds the row taken.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from evouch.charging.dialogue import LockOutcome
from evouch.charging.tokens import Limit
from evouch.clock import Clock, Entropy, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.checkouts import Checkouts
from evouch.cpo.holding import Holding
from evouch.cpo.locks import Locks
from evouch.cpo.offers import Offer, Offers, Terms, tighter
from evouch.cpo.presence import Presence
from evouch.cpo.registry import Registry
from evouch.cpo.sessions import Sessions
from evouch.cpo.starting import Starting
from evouch.cpo.stopping import Stopping
from evouch.errors import Refused
from evouch.ids import PaymentId
from evouch.store.ports import Add, Conflict, StoreFailed
from evouch.store.records import Code
from evouch.units import Money, Watts, Wh
from evouch.webpayment.checkout import Checkout, Event, State
from evouch.webpayment.claim import Claim
from evouch.webpayment.grant import Grant
from evouch.webpayment.receipt import Receipt, receipt

__all__ = ["Payments", "View"]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the driver sees while it charges."""

    checkout: Checkout
    station_name: str
    address: str
    evse_id: str
    connected: bool
    energy: Wh
    seconds: int
    cost: Money
    power: Watts | None = None
    soc: Decimal | None = None


@dataclass(slots=True)
class Payments:
    """The driver's use-cases."""

    offers: Offers
    holding: Holding
    checkouts: Checkouts
    registry: Registry
    presence: Presence
    sessions: Sessions
    starting: Starting
    stopping: Stopping
    locks: Locks
    agenda: Agenda
    clock: Clock
    entropy: Entropy
    terms: Terms
    #: by grant, the payment that is just being opened: pressing twice is once
    _opening: dict[str, asyncio.Future[Checkout]] = field(default_factory=dict)

    # ── before paying ──

    def offer(self, claim: Claim, *, browser: str, address: str) -> Offer:
        """Return the offer that a scanned URL opens; see :meth:`Offers.offer`."""
        return self.offers.offer(claim, browser=browser, address=address)

    def offer_of(self, grant: str, *, browser: str) -> Offer:
        """Return the offer of a grant that was handed out before; Refused("grantExpired") after its time."""
        return self.offers.offer_of(grant, browser=browser)

    # ── paying ──

    async def begin(self, grant: str, *, browser: str, limit: Limit, address: str = "") -> Checkout:
        """Spend the code and open a hold; the result's ``pay_url`` is where the driver pays.

        Pressing twice is once. Raises Refused with the reason that the page shows.
        """
        proof = self.offers.unseal(grant, browser)
        if limit.max_cost is not None and limit.max_cost.currency != self.terms.tariff.currency:
            raise Refused("badLimit", "the limit is in another currency than the price")
        opening = self._opening.get(proof.id)
        if opening is None:
            opening = self._opening[proof.id] = asyncio.ensure_future(self._begin(proof, limit))
            opening.add_done_callback(lambda _: self._opening.pop(proof.id, None))
        # whoever hangs up must not cancel what another press of the button waits for
        return await asyncio.shield(opening)

    async def _begin(self, proof: Grant, limit: Limit) -> Checkout:
        own = next((one for one in self.checkouts.active() if one.grant == proof.id), None)
        if own is not None:
            return await self._again(own)
        if busy := self.offers.busy(proof):
            raise Refused(busy)
        checkout = self._new(proof, tighter(proof.limit, limit))
        now = self.clock.tick()
        if not self.locks.take(proof.place, checkout.payment, Tick(now + self.terms.lock_seconds), now):
            raise Refused("evseBusy")
        await self._spend(checkout)
        self.holding.expire(checkout)
        self.agenda.soon(lambda: self._tell_station(checkout))
        return await self.holding.open(checkout)

    async def _spend(self, checkout: Checkout) -> None:
        """Write the payment and its code in one commit; where that fails, free the EVSE."""
        place = self.registry.code_place(checkout.place)
        code = Code(place=place, slot=checkout.slot, payment=checkout.payment, at=checkout.created_at)
        try:
            await self.checkouts.open(checkout, Add(code))
        except Conflict:
            self.locks.free(checkout.place, checkout.payment)
            raise Refused("slotTaken") from None
        except StoreFailed:
            self.locks.free(checkout.place, checkout.payment)
            raise
        self.offers.spent(place, checkout.slot, checkout.grant)

    async def again(self, payment: PaymentId) -> Checkout:
        """Go on with a payment whose card was declined: a new hold is opened, the code was spent already."""
        return await self._again(await self._must(payment))

    async def _again(self, own: Checkout) -> Checkout:
        """The same browser presses the button again: go on where it was."""
        if own.state is State.OPENED or (own.state is State.PAYING and not own.pay_url):
            return await self.holding.open(own)
        return own

    def _new(self, proof: Grant, limit: Limit) -> Checkout:
        now = self.clock.now()
        wiring = self.registry.wiring(proof.place.station, self.presence.get(proof.place.station).link.version)  # type: ignore[union-attr]
        return Checkout(
            payment=PaymentId(self.entropy.id()), place=proof.place, connector=wiring.connector_of(proof.place.evse),
            slot=proof.slot, grant=proof.id, state=State.OPENED, created_at=now, tariff=self.terms.tariff,
            hold=self.offers.hold(limit), limit=limit, lock_until=now + timedelta(seconds=self.terms.lock_seconds),
        )  # fmt: skip

    async def _tell_station(self, checkout: Checkout) -> None:
        """Have the station lock, too. One that will not because it is in use ends the payment."""
        answer = await self.starting.lock(checkout, self.terms.lock_seconds)
        if answer is not None and answer.outcome is LockOutcome.REJECTED and answer.reason == "evseOccupied":
            await self.holding.give_up(checkout.payment, "evseBusy")
        elif self.checkouts.running(checkout.payment) is None:  # over before the station had heard of it
            await self.starting.lock(checkout, 0)

    async def returned(self, payment: PaymentId) -> Checkout:
        """The browser is back from the provider: ask what became of the hold, and go on."""
        await self.holding.reconcile(payment)
        return await self._must(payment)

    async def webhook(self, headers: dict[str, str], body: bytes) -> None:
        """A webhook woke us; see :meth:`Holding.webhook`."""
        await self.holding.webhook(headers, body)

    # ── while charging, and after ──

    async def stop(self, payment: PaymentId) -> Checkout:
        """The driver presses stop."""
        await self.stopping.stop(payment, "stoppedByDriver")
        return await self._must(payment)

    async def cancel(self, payment: PaymentId) -> Checkout:
        """The driver gives up before energy flows: the hold goes back, the token dies at once."""
        checkout = await self._must(payment)
        if checkout.can(Event.GIVE_UP):
            await self.checkouts.advance(payment, Event.GIVE_UP, reason="cancelled")
        elif checkout.can(Event.STOP_ASKED):
            await self.stopping.stop(payment, "stoppedByDriver")
        return await self._must(payment)

    async def view(self, payment: PaymentId) -> View:
        """Return what the page shows now; Refused("unknownPayment")."""
        checkout = await self._must(payment)
        record = self.registry.station(checkout.place.station)
        evse = self.registry.evse(checkout.place)
        live = self.sessions.live(checkout.place.station, checkout.transaction) if checkout.transaction else None
        return View(
            checkout=checkout, station_name=(record.name if record else "") or str(checkout.place.station),
            address=record.address if record else "", evse_id=evse.evse_id if evse else "",
            connected=self.presence.get(checkout.place.station) is not None,
            energy=checkout.energy, seconds=checkout.seconds, cost=self.checkouts.due(checkout),
            power=live.power if live else None, soc=live.soc if live else None,
        )  # fmt: skip

    async def watch(self, payment: PaymentId) -> AsyncIterator[View]:
        """Yield the view now and whenever it changes, until the payment is over."""
        async for _ in self.checkouts.watch(payment):
            yield await self.view(payment)

    async def receipt(self, payment: PaymentId) -> Receipt:
        """Return the receipt of a settled payment; Refused("noReceipt") before that."""
        checkout = await self._must(payment)
        record = self.registry.station(checkout.place.station)
        evse = self.registry.evse(checkout.place)
        return receipt(checkout, self.terms.seller, station_name=record.name if record else "",
                       address=record.address if record else "", evse_id=evse.evse_id if evse else "")  # fmt: skip

    async def _must(self, payment: PaymentId) -> Checkout:
        checkout = await self.checkouts.get(payment)
        if checkout is None:
            raise Refused("unknownPayment")
        return checkout
