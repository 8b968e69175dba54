"""What many stories of this folder begin with, and what all of them have to end with."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

from evouch.charging import dialogue as d
from evouch.psp.sandbox.records import HoldRecord
from evouch.store.ports import Store
from evouch.testing.psp import SandboxPsp
from evouch.testing.stations import PlainStation
from evouch.webpayment import ledger
from evouch.webpayment.checkout import Checkout, State
from tests.cpo.town import Town, town

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")


def play(story: Callable[[Town], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with town() as place:
            await story(place)

    asyncio.run(run())


def start_order(station: PlainStation) -> d.StartCharging:
    order: d.StartCharging = station.got(d.StartCharging)[-1]
    return order


async def waiting(place: Town, version: str = "ocpp2.1", **more: Any) -> tuple[PlainStation, Checkout]:
    """Bring a driver as far as an accepted start."""
    station = await place.station(version=version)
    checkout = await place.scan_and_begin(**more)
    await place.pay(checkout)
    return station, await place.now(checkout)


async def charging(place: Town, version: str = "ocpp2.1", **more: Any) -> tuple[PlainStation, Checkout, str]:
    """Bring a driver as far as a running charge."""
    station, checkout = await waiting(place, version, **more)
    order = start_order(station)
    answer = await station.start(order.token, remote=order.remote_start)
    assert answer.authorization is not None
    assert answer.authorization.accepted
    return station, await place.now(checkout), str(answer.transaction)


def holds(psp: SandboxPsp) -> list[HoldRecord]:
    return list(psp.book._holds.values())


async def expect_peace(store: Store, psp: SandboxPsp) -> Decimal:
    """Nothing is under way, nobody's money is blocked, no hold gave more than it had; return what was taken in all."""
    checkouts = await store.checkouts()
    assert [one for one in checkouts if not one.final] == []
    for hold in holds(psp):
        assert hold.state not in ("held", "pending"), hold
        assert 0 <= hold.captured_minor <= hold.minor
    for one in checkouts:
        entries = await store.entries(one.payment)
        assert not ledger.held(entries, "EUR")
        assert not sum((amount.amount for amount in ledger.balance(entries).values()), Decimal(0))
        assert await store.intents(payment=one.payment, open=True) == []
        mine = [hold for hold in holds(psp) if hold.reference == one.payment]
        assert sum(hold.captured_minor for hold in mine) == (one.captured.minor if one.captured else 0)
        assert (one.state is State.SETTLED) == bool(one.captured)
    return Decimal(sum(hold.captured_minor for hold in holds(psp))) / 100
