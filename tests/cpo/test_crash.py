"""The operator dies, or its disk fails, between any two writes of a paid charge."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import pytest

from evouch.charging.dialogue import StartCharging
from evouch.charging.tokens import Limit
from evouch.errors import EvouchError
from evouch.store.memory import MemoryStore
from evouch.store.ports import StoreFailed
from evouch.testing.faulty_store import FaultyStore
from evouch.testing.stations import PlainStation
from tests.cpo.plays import expect_peace, start_order
from tests.cpo.town import Town, living, town

#: Writes of a paid charge, and a few more: the last ones fail nowhere.
WRITES = range(1, 17)


class Charge:
    """One driver who does not give up easily, and a station that repeats what was not answered."""

    def __init__(self, place: Town, store: FaultyStore, lives: AsyncExitStack, *, dies: bool) -> None:
        self.place, self.store, self.lives, self.dies = place, store, lives, dies
        self.station: PlainStation
        #: whether the station was told that energy may flow
        self.good = False

    async def surely(self, act: Callable[[], Awaitable[Any]]) -> Any:
        """Do something until it is answered; where the operator died, start another one on what it left."""
        for _ in range(4):
            try:
                return await act()
            except StoreFailed:
                await self.recover()
        raise AssertionError("never answered")

    async def recover(self) -> None:
        if self.dies and self.store.failed:
            self.store.fail_in(10_000)
            station = self.station
            self.place = self.place.restarted()
            await self.lives.enter_async_context(living(self.place))
            station._backend = self.place.cpo.backend
            await station.arrive(boot=False)
        await self.place.clock.advance(6)

    async def told(self) -> None:
        """Let pass what takes a moment; notice a death that nobody was waiting for."""
        await self.place.clock.advance(0.1)
        if self.store.failed:
            await self.recover()

    async def paid(self, grant: str) -> None:
        checkout = await self.surely(lambda: self.place.cpo.payments.begin(grant, browser="b", limit=Limit()))
        await self.told()
        try:
            await self.place.psp.pay(checkout.psp_ref)
        except EvouchError:
            return  # the hold is gone: nothing was paid
        await self.told()
        await self.told()
        if not self.station.got(StartCharging):
            return
        order = start_order(self.station)
        answer = await self.surely(lambda: self.station.start(order.token, remote=order.remote_start))
        await self.told()
        transaction = str(answer.transaction)
        await self.surely(lambda: self.station.meter(transaction, 0))
        self.station.register += 2_000
        await self.surely(lambda: self.station.meter(transaction, 0))
        await self.surely(lambda: self.station.end(transaction, 0))
        self.good = bool(answer.authorization and answer.authorization.accepted)
        await self.told()


async def survive(version: str, fail_in: int, *, kept: bool, dies: bool) -> bool:
    """Play one charge; return whether it was paid."""
    store = FaultyStore(MemoryStore(), fail_at=10**9)
    async with AsyncExitStack() as lives:
        place = await lives.enter_async_context(town(store))
        play = Charge(place, store, lives, dies=dies)
        play.station = await place.station(version=version)
        grant = place.cpo.payments.offer(place.claim(), browser="b", address="a").grant
        store.fail_in(fail_in, kept=kept, stays_down=dies)
        await play.paid(grant)
        await play.recover()
        await play.place.clock.advance(600)
        taken = await expect_peace(store, play.place.psp)
        assert taken == (Decimal("1.00") if play.good else 0)
        assert play.place.cpo.locks.locked_evses(play.station.id, play.place.clock.tick()) == set()
        assert play.place.cpo.sessions.all() == []
        return play.good


@pytest.mark.parametrize("dies", [True, False], ids=["dies", "stumbles"])
@pytest.mark.parametrize("kept", [True, False], ids=["kept", "lost"])
@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.1"])
def test_wherever_a_write_fails_no_money_moves_twice_and_none_stays_blocked(
    version: str, kept: bool, dies: bool
) -> None:
    paid = [asyncio.run(survive(version, fail_in, kept=kept, dies=dies)) for fail_in in WRITES]
    assert any(paid[:-2]), "no charge survived anything"
    assert all(paid[-2:]), "the charge has more writes than were made to fail"
