"""The provider in memory: its driver, its webhooks, and its faults, seen one by one."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from evouch.charging.payments import Hold, HoldStatus
from evouch.errors import PeerRefused, Refused, TimedOut, Unreachable
from evouch.ids import PaymentId
from evouch.psp.sandbox import machine
from evouch.psp.sandbox.faults import Fault
from evouch.testing import ManualClock, SeededEntropy
from evouch.testing.psp import SandboxPsp
from evouch.units import Money

TEN = Money.of(10, "EUR")


class Shop:
    """A merchant that notes the notices it believes, and how often it was lied to."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.psp = SandboxPsp(self.clock, SeededEntropy(), webhook=self.webhook)
        self.kinds: list[str] = []
        self.lies = 0
        self.out_of_order = 0

    async def webhook(self, headers: dict[str, str], body: bytes) -> None:
        if self.out_of_order:
            self.out_of_order -= 1
            raise Refused("maintenance")
        try:
            self.kinds.append(self.psp.notice(headers, body, now=self.clock.now()).kind)
        except Refused:
            self.lies += 1

    async def hold(self, key: str = "open") -> Hold:
        return await self.psp.hold(
            PaymentId("p1"), Money.of(50, "EUR"), description="", return_url="https://cpo.test/", key=key
        )


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def test_a_driver_pays_confirms_cancels_and_the_shop_is_told() -> None:
    async def scene() -> None:
        shop = Shop()
        hold = await shop.hold()
        assert (await shop.psp.pay(hold.psp_ref, "378282246310005")).card_brand == "American Express"
        asked = await shop.psp.pay((await shop.hold("2")).psp_ref, "4000002500003155")
        assert asked.status is HoldStatus.PENDING
        assert (await shop.psp.confirm(asked.psp_ref)).status is HoldStatus.HELD
        left = await shop.psp.cancel((await shop.hold("3")).psp_ref)
        assert (HoldStatus.RELEASED, "cancelled") == (left.status, left.decline_reason)
        refused = await shop.psp.pay((await shop.hold("4")).psp_ref, "4000002500003155")
        assert (await shop.psp.confirm(refused.psp_ref, yes=False)).decline_reason == "authenticationRefused"
        expired = await shop.psp.expire((await shop.hold("5")).psp_ref)
        assert expired.status is HoldStatus.EXPIRED
        assert shop.kinds == ["hold.held", "hold.held", "hold.released", "hold.attempt_declined", "hold.expired"]

    run(scene())


def test_what_the_shop_does_itself_is_told_in_a_task_of_its_own() -> None:
    async def scene() -> None:
        shop = Shop()
        hold = await shop.hold()
        await shop.psp.pay(hold.psp_ref)
        await shop.psp.capture(hold.psp_ref, TEN, key="c")
        assert shop.kinds == ["hold.held"]
        await shop.clock.advance()
        assert shop.kinds == ["hold.held", "hold.captured"]
        assert [question.operation for question in shop.psp.questions] == ["hold", "capture"]

    run(scene())


@pytest.mark.parametrize(
    ("fault", "error", "status"),
    [
        (Fault.LOSE_REQUEST, TimedOut, HoldStatus.HELD),
        (Fault.LOSE_ANSWER, TimedOut, HoldStatus.CAPTURED),
        (Fault.SERVER_ERROR, Unreachable, HoldStatus.CAPTURED),
        (Fault.REFUSE_CAPTURE, PeerRefused, HoldStatus.HELD),
    ],
)
def test_each_fault_is_seen_by_the_caller_once(fault: Fault, error: type[Exception], status: HoldStatus) -> None:
    async def scene() -> None:
        shop = Shop()
        hold = await shop.psp.pay((await shop.hold()).psp_ref)
        shop.psp.arm(fault, "capture")
        with pytest.raises(error):
            await shop.psp.capture(hold.psp_ref, TEN, key="c")
        assert (await shop.psp.look(hold.psp_ref)).status is status
        key = "other" if fault is Fault.REFUSE_CAPTURE else "c"
        assert (await shop.psp.capture(hold.psp_ref, TEN, key=key)).captured == TEN

    run(scene())


def test_a_delay_passes_with_the_clock() -> None:
    async def scene() -> None:
        shop = Shop()
        shop.psp.arm(Fault.DELAY, seconds=4.0)
        asking = asyncio.create_task(shop.hold())
        await shop.clock.advance(3.9)
        assert not asking.done()
        await shop.clock.advance(0.1)
        assert asking.done()
        paying = asyncio.create_task(shop.psp.pay((await asking).psp_ref, "4000000000000077"))
        await shop.clock.advance(7.9)
        assert not paying.done()
        await shop.clock.advance(0.2)
        assert (await paying).status is HoldStatus.HELD

    run(scene())


def test_webhooks_are_lost_late_doubled_reordered_and_forged_on_command() -> None:
    async def scene() -> None:
        shop = Shop()
        for fault, kinds in (
            (Fault.WEBHOOK_LOST, []),
            (Fault.WEBHOOK_DOUBLED, ["hold.held"] * 10),
            (Fault.WEBHOOK_LATE, []),
            (Fault.WEBHOOK_FORGED, ["hold.held"]),
        ):
            shop.kinds.clear()
            shop.psp.arm(fault, seconds=100.0)
            await shop.psp.pay((await shop.hold(fault)).psp_ref)
            assert shop.kinds == kinds
        assert shop.lies == 1
        shop.kinds.clear()
        await shop.clock.advance(100)
        assert shop.kinds == ["hold.held"]
        shop.psp.arm(Fault.WEBHOOK_REORDERED)
        hold = await shop.psp.pay((await shop.hold("r")).psp_ref)
        await shop.psp.capture(hold.psp_ref, TEN, key="c")
        await shop.clock.advance()
        assert shop.kinds == ["hold.held", "hold.captured", "hold.held"]

    run(scene())


def test_a_shop_that_is_down_hears_of_it_later() -> None:
    async def scene() -> None:
        shop = Shop()
        shop.out_of_order = 2
        await shop.psp.pay((await shop.hold()).psp_ref)
        assert shop.kinds == []
        await shop.clock.advance(6)
        assert shop.kinds == ["hold.held"]

    run(scene())


def test_without_a_webhook_address_events_are_only_kept() -> None:
    async def scene() -> None:
        clock = ManualClock()
        psp = SandboxPsp(clock, SeededEntropy())
        hold = await psp.hold(PaymentId("p"), TEN, description="", return_url="https://cpo.test/", key="k")
        await psp.pay(hold.psp_ref)
        await clock.advance(100)
        assert [event.kind for event in psp.book.events()] == ["hold.held"]

    run(scene())


def test_a_paid_hold_runs_out_after_its_days() -> None:
    async def scene() -> None:
        shop = Shop()
        hold = await shop.psp.pay((await shop.hold()).psp_ref)
        shop.clock.step_wall(machine.HOLD_LASTS.total_seconds())
        assert (await shop.psp.look(hold.psp_ref)).status is HoldStatus.EXPIRED
        with pytest.raises(Refused, match="holdExpired"):
            await shop.psp.pay(hold.psp_ref)

    run(scene())
