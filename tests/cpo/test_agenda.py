"""Promises: kept in order, replaced by newer ones, made again when they break."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from evouch.clock import Tick
from evouch.cpo.agenda import Agenda
from evouch.testing.clock import ManualClock


def play(story: Callable[[Agenda, ManualClock], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        clock = ManualClock()
        agenda = Agenda(clock)
        keeper = asyncio.create_task(agenda.run())
        try:
            await story(agenda, clock)
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    asyncio.run(run())


class Deeds:
    def __init__(self) -> None:
        self.done: list[str] = []
        self.broken = 0

    def named(self, name: str) -> Callable[[], Coroutine[Any, Any, None]]:
        async def act() -> None:
            if self.broken:
                self.broken -= 1
                raise OSError("disk")
            self.done.append(name)

        return act


def test_promises_are_kept_in_the_order_of_their_time() -> None:
    async def story(agenda: Agenda, clock: ManualClock) -> None:
        deeds = Deeds()
        agenda.after(3, "late", deeds.named("late"))
        agenda.after(1, "early", deeds.named("early"))
        await clock.advance(2)
        assert deeds.done == ["early"]
        await clock.advance(2)
        assert deeds.done == ["early", "late"]

    play(story)


def test_a_newer_promise_takes_the_place_of_an_older_one() -> None:
    async def story(agenda: Agenda, clock: ManualClock) -> None:
        deeds = Deeds()
        agenda.after(1, "cap", deeds.named("old"))
        agenda.after(2, "cap", deeds.named("new"))
        await clock.advance(5)
        assert deeds.done == ["new"]

    play(story)


def test_a_dropped_promise_is_not_kept() -> None:
    async def story(agenda: Agenda, clock: ManualClock) -> None:
        deeds = Deeds()
        agenda.after(1, "lock", deeds.named("lock"))
        agenda.drop("lock")
        await clock.advance(5)
        assert deeds.done == []
        assert agenda.next_deadline() is None

    play(story)


def test_a_promise_that_breaks_is_made_again() -> None:
    async def story(agenda: Agenda, clock: ManualClock) -> None:
        deeds = Deeds()
        deeds.broken = 2
        agenda.after(1, "release", deeds.named("release"))
        await clock.advance(2)
        assert deeds.done == []
        assert agenda.promised("release")
        await clock.advance(15)
        assert deeds.done == ["release"]
        assert not agenda.promised("release")

    play(story)


def test_a_promise_that_was_dropped_while_it_broke_is_not_made_again() -> None:
    async def story(agenda: Agenda, clock: ManualClock) -> None:
        async def act() -> None:
            agenda.drop("stop")
            raise OSError("disk")

        agenda.after(1, "stop", act)
        await clock.advance(20)
        assert not agenda.promised("stop")

    play(story)


def test_one_broken_promise_ends_no_other() -> None:
    async def story(agenda: Agenda, clock: ManualClock) -> None:
        deeds = Deeds()
        deeds.broken = 1
        agenda.after(1, "a", deeds.named("a"))
        agenda.after(2, "b", deeds.named("b"))
        await clock.advance(3)
        assert deeds.done == ["b"]

    play(story)


def test_a_deadline_that_moves_ten_thousand_times_leaves_nothing_behind() -> None:
    agenda = Agenda(ManualClock())

    async def nothing() -> None:
        return

    for number in range(10_000):
        agenda.at(Tick(10_000.0 + number), "cap", nothing)
    assert len(agenda._heap) < 200
