"""Payments that are under way: each step written with its ledger rows and intent, then acted on.

:meth:`Checkouts.advance` is the only place where a payment changes state. It commits the
new record, what moves in the ledger, the intent of a call to the provider, and whatever
the caller adds (the transaction record, say), all or nothing. Only then is the provider
called, with the intent's key; an answer that was lost is asked for again under the same
key, now or after a restart, so no money moves twice.

A commit whose outcome the store could not tell is read back: memory never falls behind
what was kept, and a step that was kept is a step that was taken.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from evouch.charging.payments import Hold, HoldStatus, PaymentProvider
from evouch.clock import Clock
from evouch.cpo.agenda import Agenda
from evouch.cpo.registry import Registry
from evouch.cpo.turns import Turns
from evouch.errors import PeerRefused, Unreachable
from evouch.ids import PaymentId, RemoteStartId, StationId
from evouch.store.ports import Add, Change, Conflict, Put, Store, StoreFailed
from evouch.store.records import Intent
from evouch.units import Money
from evouch.webpayment import ledger
from evouch.webpayment.checkout import Checkout, Event, Movement, State

__all__ = ["Checkouts"]

#: Seconds between attempts at a provider that does not answer: quick at first, for the driver
#: waits; then once a minute, for as long as it takes.
RETRY_AFTER: Final = (1, 2, 4, 8, 15, 30, 60)
#: Refusals, each under a key of its own, after which a capture is given up: some eight minutes.
MAX_REFUSALS: Final = 12
#: Seconds until a payment whose last write is in doubt is read back again.
READ_BACK: Final = 2
#: What :meth:`Checkouts.touch` changes, and a step under way must not undo.
LIVE: Final = ("energy", "seconds", "cost")

Condition = Callable[[Checkout], bool]

_log = structlog.get_logger("evouch.cpo.checkouts")


@dataclass(slots=True)
class Checkouts:
    """All payments that are not over, and the way to move them on."""

    store: Store
    provider: PaymentProvider
    registry: Registry
    clock: Clock
    agenda: Agenda
    #: where the provider sends the driver's browser back to; the same for every call, or its key would not match
    return_url: Callable[[PaymentId], str]
    #: told of every step, after it is durable (before, event, after)
    stepped: Callable[[Checkout, Event, Checkout], None] | None = None
    #: told of a payment that was read back and is further than memory was: promise for it what its state needs
    found: Callable[[Checkout], None] | None = None
    _active: dict[PaymentId, Checkout] = field(default_factory=dict)
    #: which of them are at a station: a message of one of a thousand must not look at the payments of all
    _at: dict[StationId, dict[PaymentId, None]] = field(default_factory=dict)
    #: payments whose last write may or may not have been kept
    _doubtful: set[PaymentId] = field(default_factory=set)
    _turns: Turns = field(default_factory=Turns)
    _watchers: dict[PaymentId, set[asyncio.Event]] = field(default_factory=dict)

    async def load(self) -> None:
        """Take up every payment that was under way, and finish what was asked of the provider."""
        for checkout in await self.store.checkouts(active=True, limit=100_000):
            self._take_over(checkout)
            self._finish(checkout)

    # ── reading ──

    def active(self) -> list[Checkout]:
        """Return the payments that are not over."""
        return list(self._active.values())

    def at(self, station: StationId) -> list[Checkout]:
        """Return the payments at a station that are not over."""
        return [self._active[payment] for payment in self._at.get(station, ())]

    def running(self, payment: PaymentId) -> Checkout | None:
        """Return a payment that is not over."""
        return self._active.get(payment)

    async def get(self, payment: PaymentId) -> Checkout | None:
        """Return a payment, running or over."""
        return self._active.get(payment) or await self.store.checkout(payment)

    async def by_token(self, key: str) -> Checkout | None:
        """Return the payment that a one-time token was made for."""
        for checkout in self._active.values():
            if checkout.token is not None and checkout.token.key == key:
                return checkout
        return await self.store.checkout_by_token(key)

    async def by_start(self, station: StationId, remote_start: RemoteStartId) -> Checkout | None:
        """Return the payment whose remote start carried this number."""
        for checkout in self.at(station):
            if checkout.remote_start == remote_start:
                return checkout
        return await self.store.checkout_by_start(station, remote_start)

    async def by_psp_ref(self, psp_ref: str) -> Checkout | None:
        """Return the payment behind a provider's reference."""
        for checkout in self._active.values():
            if checkout.psp_ref == psp_ref:
                return checkout
        return await self.store.checkout_by_psp_ref(psp_ref)

    # ── moving on ──

    async def open(self, checkout: Checkout, *also: Change) -> None:
        """Write a new payment; Conflict where its code is taken."""
        async with self._turns.of(checkout.payment):
            await self._write(checkout, (*also, Put(checkout)))

    async def advance(
        self, payment: PaymentId, event: Event, *also: Change, only: Condition | None = None, **changes: object
    ) -> Checkout | None:
        """Take one step; None (and nothing written) where the payment's state has no such step, or ``only`` says no.

        ``changes`` are fields of the record, ``also`` belongs to the same commit. ``only`` is
        asked when it is this step's turn: what the caller saw before it waited may be over.
        """
        if payment not in self._active:
            return None
        async with self._turns.of(payment):
            before = await self._latest(payment)
            if before is None or not before.can(event) or not (only is None or only(before)):
                return None
            at = self.clock.now()
            after, movement = before.step(event, at, **changes)
            booked = (Add(row) for row in ledger.rows(before, event, after, at))
            await self._write(after, (Put(after), *booked, *self._intent(after, movement), *also), keep=changes)
            if self.stepped is not None:
                self.stepped(before, event, after)
        self._finish(after)
        return after

    async def note(
        self, payment: PaymentId, *also: Change, only: Condition | None = None, **changes: object
    ) -> Checkout | None:
        """Write fields that are no step: the provider's reference, running energy and cost."""
        if payment not in self._active:
            return None
        async with self._turns.of(payment):
            before = await self._latest(payment)
            if before is None or not (only is None or only(before)):
                return None
            after = replace(before, version=before.version + 1, **changes)  # type: ignore[arg-type]
            await self._write(after, (Put(after), *also), keep=changes)
            return after

    def touch(self, after: Checkout) -> None:
        """Change what pages show (:data:`LIVE`) of a running payment, in memory only; the next step writes it."""
        if after.payment in self._active:
            self._take_over(after)

    async def watch(self, payment: PaymentId) -> AsyncIterator[None]:
        """Yield now and whenever the payment changes, until it is over."""
        changed = asyncio.Event()
        self._watchers.setdefault(payment, set()).add(changed)
        try:
            yield
            while payment in self._active:
                await changed.wait()
                changed.clear()
                yield
        finally:
            self._watchers[payment].discard(changed)
            if not self._watchers[payment]:
                del self._watchers[payment]

    async def _write(self, after: Checkout, changes: tuple[Change, ...], keep: dict[str, object] | None = None) -> None:
        """Commit, and take over in memory what was kept; a store that cannot tell is asked."""
        try:
            await self.store.commit(*changes)
        except Conflict:  # somebody else moved it on: look before the next step
            if after.payment in self._active:
                self._doubtful.add(after.payment)
            raise
        except StoreFailed:
            self._doubtful.add(after.payment)
            self.agenda.after(READ_BACK, ("doubt", after.payment), lambda: self._read_back(after.payment))
            stored = await self.store.checkout(after.payment)
            self._clear(after.payment)
            if stored is None or stored.version < after.version:
                raise
        now = self._active.get(after.payment)
        if now is not None and keep is not None:
            after = replace(after, **{name: getattr(now, name) for name in LIVE if name not in keep})
        self._take_over(after)

    async def _latest(self, payment: PaymentId) -> Checkout | None:
        """Return the payment as it was last kept; the caller has its turn."""
        known = self._active.get(payment)
        if payment not in self._doubtful:
            return known
        stored = await self.store.checkout(payment)
        self._clear(payment)
        if stored is not None and (known is None or stored.version > known.version):
            self._take_over(stored)
            self._finish(stored)
            if self.found is not None:
                self.found(stored)
        return self._active.get(payment)

    async def _read_back(self, payment: PaymentId) -> None:
        async with self._turns.of(payment):
            await self._latest(payment)

    def _clear(self, payment: PaymentId) -> None:
        self._doubtful.discard(payment)
        self.agenda.drop(("doubt", payment))

    def _take_over(self, after: Checkout) -> None:
        known = after.payment in self._active
        if not after.final:
            self._active[after.payment] = after
            if not known:
                self._at.setdefault(after.place.station, {})[after.payment] = None
        elif known:
            del self._active[after.payment]
            self._leave(after)
        for changed in self._watchers.get(after.payment, ()):
            changed.set()

    def _leave(self, checkout: Checkout) -> None:
        here = self._at[checkout.place.station]
        del here[checkout.payment]
        if not here:
            del self._at[checkout.place.station]

    # ── the provider ──

    def hold_key(self, checkout: Checkout) -> str:
        """Return the idempotency key of the current attempt to get a hold."""
        return f"{checkout.payment}:hold:{checkout.attempts}"

    def due(self, checkout: Checkout) -> Money:
        """Return what may be captured: the cost, never above the hold or what the driver agreed to."""
        cost, cap = checkout.cost or Money.zero(checkout.tariff.currency), checkout.cap
        return cap if cap.amount < cost.amount else cost

    async def ask_hold(self, checkout: Checkout) -> Hold:
        """Open the hold of the current attempt, or learn what became of it: one key, one hold."""
        return await self.provider.hold(
            checkout.payment,
            checkout.hold,
            description=f"Charging at {checkout.place}",
            return_url=self.return_url(checkout.payment),
            key=self.hold_key(checkout),
        )

    def _intent(self, checkout: Checkout, movement: Movement | None, refused: int = 0) -> tuple[Change, ...]:
        if movement is None:
            return ()
        key, amount = self._call(checkout, movement, refused)
        return (Put(Intent(key=key, payment=checkout.payment, movement=movement, amount=amount, at=self.clock.now())),)

    def _call(self, checkout: Checkout, movement: Movement, refused: int = 0) -> tuple[str, Money]:
        """Return key and amount of a call. A refusal is repeated under its key, so the next try has a new one."""
        again = f":{refused}" if refused else ""
        if movement is Movement.CAPTURE:
            return f"{checkout.payment}:capture{again}", self.due(checkout)
        if movement is Movement.RELEASE:
            return f"{checkout.payment}:release:{checkout.attempts}{again}", checkout.hold
        return self.hold_key(checkout), checkout.hold

    def _finish(self, checkout: Checkout) -> None:
        """Promise to ask the provider for what a payment's state waits for."""
        movement = {State.CAPTURING: Movement.CAPTURE, State.RELEASING: Movement.RELEASE}.get(checkout.state)
        if movement is not None:
            self._ask_soon(checkout.payment, movement)

    def _ask_soon(
        self, payment: PaymentId, movement: Movement, wait: float = 0, tries: int = 0, refused: int = 0
    ) -> None:
        self.agenda.after(wait, ("provider", payment), lambda: self._try(payment, movement, tries, refused))

    async def _try(self, payment: PaymentId, movement: Movement, tries: int, refused: int) -> None:
        """Ask the provider once; on no answer, or a refusal that leaves the hold as it was, promise to ask again."""
        checkout = self._active.get(payment)
        if checkout is None:
            return
        if refused:
            key, amount = self._call(checkout, movement, refused - 1)
            over = self._done(checkout, movement, key, amount, "refused")
            await self.store.commit(over, *self._intent(checkout, movement, refused))
        try:
            await (self._capture if movement is Movement.CAPTURE else self._release)(checkout, refused)
        except (Unreachable, PeerRefused) as error:
            wait = RETRY_AFTER[min(tries, len(RETRY_AFTER) - 1)]
            _log.warning("provider did not settle", payment=payment, movement=movement, error=type(error).__name__)
            self._ask_soon(payment, movement, wait, tries + 1, refused + isinstance(error, PeerRefused))

    async def _capture(self, checkout: Checkout, refused: int) -> None:
        key, amount = self._call(checkout, Movement.CAPTURE, refused)
        try:
            hold = await self.provider.capture(checkout.psp_ref, amount, key=key)
        except PeerRefused:
            hold = await self.provider.look(checkout.psp_ref)
            if hold.status is HoldStatus.HELD and refused < MAX_REFUSALS:
                raise
        if hold.status is HoldStatus.CAPTURED:
            done = self._done(checkout, Movement.CAPTURE, key, amount, "captured")
            await self.advance(checkout.payment, Event.CAPTURED, done, captured=hold.captured)
        else:
            alarm = self.registry.alarm(
                "captureImpossible", checkout.place.station, f"{checkout.payment} {hold.status}"
            )
            done = self._done(checkout, Movement.CAPTURE, key, amount, str(hold.status))
            await self.advance(checkout.payment, Event.CAPTURE_IMPOSSIBLE, alarm, done, reason="captureImpossible")

    async def _release(self, checkout: Checkout, refused: int) -> None:
        key, amount = self._call(checkout, Movement.RELEASE, refused)
        psp_ref, outcome = await self._released(checkout, key)
        done = (self._done(checkout, Movement.RELEASE, key, amount, outcome), self.hold_done(checkout, outcome))
        await self.advance(checkout.payment, Event.RELEASED, *done, psp_ref=psp_ref)

    async def _released(self, checkout: Checkout, key: str) -> tuple[str, str]:
        """Give the hold back; return its reference and what the provider says of it now."""
        psp_ref = checkout.psp_ref
        if not psp_ref:
            try:
                psp_ref = (await self.ask_hold(checkout)).psp_ref
            except PeerRefused:  # and so it never was
                return "", "never opened"
        try:
            hold = await self.provider.release(psp_ref, key=key)
        except PeerRefused:
            hold = await self.provider.look(psp_ref)
        if hold.status in (HoldStatus.HELD, HoldStatus.PENDING, HoldStatus.CAPTURED):
            raise PeerRefused("notReleased", str(hold.status))
        return psp_ref, str(hold.status)

    def hold_done(self, checkout: Checkout, outcome: str) -> Change:
        """Return the end of the intent to open the current hold."""
        return self._done(checkout, Movement.OPEN_HOLD, self.hold_key(checkout), checkout.hold, outcome)

    def _done(self, checkout: Checkout, movement: Movement, key: str, amount: Money, outcome: str) -> Change:
        now = self.clock.now()
        return Put(
            Intent(
                key=key,
                payment=checkout.payment,
                movement=movement,
                amount=amount,
                at=now,
                done_at=now,
                outcome=outcome,
            )
        )
