"""What a payment provider promises, once in memory and once over HTTP on the loopback."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass

import pytest

from evouch.charging.payments import Hold, HoldStatus, PaymentProvider
from evouch.errors import PeerRefused, Refused
from evouch.ids import PaymentId
from evouch.psp.sandbox import cards, machine, webhooks
from evouch.psp.sandbox.aio import SandboxService
from evouch.psp.sandbox.book import Book
from evouch.psp.sandbox.client import SandboxProvider
from evouch.testing import ManualClock, SeededEntropy
from evouch.testing.psp import SandboxPsp
from evouch.units import Money
from tests.psp.merchant import service

FIFTY = Money.of(50, "EUR")


@dataclass
class World:
    """A provider through its port, and the book behind it for the driver's part."""

    port: PaymentProvider
    book: Book
    clock: ManualClock
    name: str

    def key(self, of: str) -> str:
        """Return an idempotency key that no other promise uses."""
        return f"{self.name}:{of}"

    async def hold(self, of: str = "open", amount: Money = FIFTY) -> Hold:
        back, key = "https://cpo.test/back?x=1", self.key(of)
        return await self.port.hold(PaymentId("p1"), amount, description="Point 1", return_url=back, key=key)

    def pay(self, psp_ref: str, number: str = "4242424242424242") -> None:
        now = self.clock.now()
        card = cards.read({"number": number, "expiry": "12/30", "cvc": "123"}, now)
        self.book.change(psp_ref, lambda hold: machine.submit(hold, card, now, "auth_1"), now)

    async def held(self) -> Hold:
        hold = await self.hold()
        self.pay(hold.psp_ref)
        return hold


Promise = Callable[[World], Coroutine[None, None, None]]
PROMISES: list[Promise] = []


def promise(check: Promise) -> Promise:
    PROMISES.append(check)
    return check


async def refused(call: Awaitable[object]) -> str:
    with pytest.raises(PeerRefused) as refusal:
        await call
    return refusal.value.code


@promise
async def a_new_hold_is_pending_and_says_where_to_pay(world: World) -> None:
    hold = await world.hold()
    assert (HoldStatus.PENDING, FIFTY) == (hold.status, hold.amount)
    assert (Money.zero("EUR"), Money.zero("EUR")) == (hold.captured, hold.refunded)
    assert hold.pay_url.endswith(f"/pay/{hold.psp_ref}")
    assert len(hold.psp_ref) <= 255
    assert hold == await world.port.look(hold.psp_ref)


@promise
async def an_approved_hold_shows_its_card_and_its_end(world: World) -> None:
    hold = await world.port.look((await world.held()).psp_ref)
    assert (HoldStatus.HELD, "Visa", "4242", "") == (hold.status, hold.card_brand, hold.card_last4, hold.pay_url)
    assert world.clock.now() + machine.HOLD_LASTS == hold.capture_before


@promise
async def a_capture_takes_its_amount_and_releases_the_rest(world: World) -> None:
    hold = await world.held()
    captured = await world.port.capture(hold.psp_ref, Money.of("12.34", "EUR"), key=world.key("c"))
    assert (HoldStatus.CAPTURED, Money.of("12.34", "EUR")) == (captured.status, captured.captured)
    assert await refused(world.port.capture(hold.psp_ref, Money.of(1, "EUR"), key=world.key("c2"))) == "hold_captured"
    assert await refused(world.port.release(hold.psp_ref, key=world.key("r"))) == "hold_captured"


@promise
async def a_capture_above_the_hold_is_refused_and_moves_nothing(world: World) -> None:
    hold = await world.held()
    assert (
        await refused(world.port.capture(hold.psp_ref, Money.of("50.01", "EUR"), key=world.key("c")))
        == "amount_too_large"
    )
    assert (await world.port.look(hold.psp_ref)).status is HoldStatus.HELD


@promise
async def a_capture_in_another_currency_is_refused(world: World) -> None:
    hold = await world.held()
    assert (
        await refused(world.port.capture(hold.psp_ref, Money.of(5, "SEK"), key=world.key("c"))) == "currency_mismatch"
    )


@promise
async def a_capture_before_the_approval_or_after_the_expiry_is_refused(world: World) -> None:
    hold = await world.hold()
    assert await refused(world.port.capture(hold.psp_ref, FIFTY, key=world.key("early"))) == "hold_not_approved"
    world.pay(hold.psp_ref)
    world.clock.step_wall(machine.HOLD_LASTS.total_seconds())
    assert await refused(world.port.capture(hold.psp_ref, FIFTY, key=world.key("late"))) == "hold_expired"
    assert (await world.port.look(hold.psp_ref)).status is HoldStatus.EXPIRED


@promise
async def a_release_gives_the_hold_back_and_may_be_repeated(world: World) -> None:
    hold = await world.held()
    assert (await world.port.release(hold.psp_ref, key=world.key("r"))).status is HoldStatus.RELEASED
    assert (await world.port.release(hold.psp_ref, key=world.key("r"))).status is HoldStatus.RELEASED
    assert (await world.port.release(hold.psp_ref, key=world.key("another"))).status is HoldStatus.RELEASED
    assert await refused(world.port.capture(hold.psp_ref, FIFTY, key=world.key("c"))) == "hold_released"


@promise
async def releasing_a_hold_nobody_approved_closes_its_page(world: World) -> None:
    hold = await world.hold()
    released = await world.port.release(hold.psp_ref, key=world.key("r"))
    assert (HoldStatus.RELEASED, "") == (released.status, released.pay_url)
    with pytest.raises(Refused, match="holdReleased"):
        world.pay(hold.psp_ref)


@promise
async def three_declined_cards_end_a_hold_with_the_last_reason(world: World) -> None:
    hold = await world.hold()
    for number in ("4000000000000002", "4000000000000119", "4000000000009995"):
        world.pay(hold.psp_ref, number)
    declined = await world.port.look(hold.psp_ref)
    assert (HoldStatus.DECLINED, "insufficientFunds") == (declined.status, declined.decline_reason)


@promise
async def a_hold_in_the_3_d_secure_step_is_pending(world: World) -> None:
    hold = await world.hold()
    world.pay(hold.psp_ref, "4000002500003155")
    looked = await world.port.look(hold.psp_ref)
    assert (HoldStatus.PENDING, "") == (looked.status, looked.card_last4)


@promise
async def refunds_sum_up_to_at_most_the_capture(world: World) -> None:
    hold = await world.held()
    await world.port.capture(hold.psp_ref, Money.of(10, "EUR"), key=world.key("c"))
    first = await world.port.refund(hold.psp_ref, Money.of(6, "EUR"), key=world.key("1"))
    assert Money.of(6, "EUR") == first.amount
    assert (
        await refused(world.port.refund(hold.psp_ref, Money.of("4.01", "EUR"), key=world.key("2")))
        == "amount_too_large"
    )
    await world.port.refund(hold.psp_ref, Money.of(4, "EUR"), key=world.key("3"))
    assert (await world.port.look(hold.psp_ref)).refunded == Money.of(10, "EUR")


@promise
async def the_same_key_moves_money_once(world: World) -> None:
    assert (await world.hold()).psp_ref == (await world.hold()).psp_ref
    hold = await world.held()
    for _ in range(3):
        assert (await world.port.capture(hold.psp_ref, Money.of(10, "EUR"), key=world.key("c"))).captured == Money.of(
            10, "EUR"
        )
    refunds = {
        (await world.port.refund(hold.psp_ref, Money.of(1, "EUR"), key=world.key("r"))).psp_ref for _ in range(3)
    }
    assert len(refunds) == 1
    assert (await world.port.look(hold.psp_ref)).refunded == Money.of(1, "EUR")


@promise
async def the_same_key_with_another_amount_is_refused(world: World) -> None:
    await world.hold()
    assert await refused(world.hold(amount=Money.of(51, "EUR"))) == "idempotency_mismatch"


@promise
async def currencies_keep_their_digits(world: World) -> None:
    for number, amount in enumerate((Money.of(5000, "JPY"), Money.of("12.345", "KWD"), Money.of("0.05", "EUR"))):
        assert (await world.hold(str(number), amount)).amount == amount


@promise
async def an_unknown_hold_is_refused(world: World) -> None:
    for strange in ("hold_x", "../events", "a/b", "ü", "hold_x?key=1"):
        assert await refused(world.port.look(strange)) in {"no_such_hold", "not_found"}


@promise
async def a_notice_names_event_hold_and_kind_only_when_its_signature_holds(world: World) -> None:
    hold = await world.held()
    event = world.book.events()[-1]
    secret = world.port._webhook_secret  # type: ignore[attr-defined]
    now = world.clock.now()
    signed = {"evouch-signature": webhooks.sign(secret, event.body, now), "content-type": "application/json"}
    notice = world.port.notice(signed, event.body, now=now)
    assert (event.id, hold.psp_ref, "hold.held") == (notice.event_id, notice.psp_ref, notice.kind)
    both = signed | {"Evouch-Signature": signed["evouch-signature"]}
    for headers, body in ((signed, b"{}"), ({}, event.body), (both, event.body), (signed, event.body + b" ")):
        with pytest.raises(Refused, match="badSignature"):
            world.port.notice(headers, body, now=now)
    nonsense = {"evouch-signature": webhooks.sign(secret, b"[1]", now)}
    with pytest.raises(Refused, match="badSignature"):
        world.port.notice(nonsense, b"[1]", now=now)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One event loop for the service that all promises over HTTP share."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def served(runner: asyncio.Runner) -> Iterator[tuple[SandboxService, SandboxProvider, ManualClock]]:
    clock = ManualClock()
    running = service(clock)
    provider, client = runner.run(running.__aenter__())
    yield provider, client, clock
    runner.run(running.__aexit__(None, None, None))


@pytest.mark.parametrize("check", PROMISES, ids=lambda check: check.__name__)
def test_the_provider_in_memory_keeps_its_promises(check: Promise) -> None:
    clock = ManualClock()
    psp = SandboxPsp(clock, SeededEntropy())
    asyncio.run(check(World(psp, psp.book, clock, check.__name__)))


@pytest.mark.parametrize("check", PROMISES, ids=lambda check: check.__name__)
def test_the_provider_over_http_keeps_its_promises(
    check: Promise, runner: asyncio.Runner, served: tuple[SandboxService, SandboxProvider, ManualClock]
) -> None:
    provider, client, clock = served
    runner.run(check(World(client, provider.book, clock, check.__name__)))
