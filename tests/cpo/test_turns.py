"""Turns come in the order of asking, one at a time, whoever gives up meanwhile; nothing is remembered afterwards."""

import asyncio
from collections.abc import Awaitable, Callable

from evouch.cpo.turns import Turns

Stand = Callable[[int], "asyncio.Task[None]"]


def _story(tell: Callable[[Stand, list[int], asyncio.Event], Awaitable[None]], expected: list[int]) -> None:
    async def run() -> None:
        turns, had, gate = Turns(), list[int](), asyncio.Event()

        async def stand(number: int) -> None:
            async with turns.of("CS-1"):
                had.append(number)
                await gate.wait()

        await tell(lambda number: asyncio.create_task(stand(number)), had, gate)
        assert had == expected
        assert len(turns) == 0

    asyncio.run(run())


def test_turns_come_in_the_order_of_asking_and_one_at_a_time() -> None:
    async def tell(stand: Stand, had: list[int], gate: asyncio.Event) -> None:
        tasks = [stand(number) for number in range(3)]
        await asyncio.sleep(0)
        assert had == [0]
        gate.set()
        await asyncio.gather(*tasks)

    _story(tell, [0, 1, 2])


def test_who_gives_up_waiting_holds_nobody_up() -> None:
    async def tell(stand: Stand, had: list[int], gate: asyncio.Event) -> None:
        tasks = [stand(number) for number in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        gate.set()
        await asyncio.gather(*tasks, return_exceptions=True)

    _story(tell, [0, 2])


def test_who_gives_up_just_when_the_turn_comes_passes_it_on() -> None:
    async def tell(stand: Stand, had: list[int], gate: asyncio.Event) -> None:
        tasks = [stand(number) for number in range(3)]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.sleep(0)  # the first is woken, and hands its turn over when it runs
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert tasks[1].cancelled()

    _story(tell, [0, 2])
