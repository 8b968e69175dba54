"""One heap for all deadlines: each thing is looked at in time, and only then."""

import asyncio
import logging
from dataclasses import dataclass, field

import pytest

from evouch.clock import Tick
from evouch.ocpp.deadlines import Deadlines
from evouch.testing import ManualClock


@dataclass
class Thing:
    """Something with one deadline after the other."""

    deadlines: list[float]
    expired: list[float] = field(default_factory=list)
    due: Tick | None = None
    error: Exception | None = None

    def next_deadline(self) -> Tick | None:
        return Tick(self.deadlines[0]) if self.deadlines else None

    def expire(self, at: Tick) -> None:
        self.expired.append(at)
        self.deadlines = [each for each in self.deadlines if each > at]
        if self.error is not None:
            raise self.error


def test_each_thing_is_called_when_its_time_has_come() -> None:
    async def story() -> None:
        clock = ManualClock()
        deadlines, one, other = Deadlines(clock), Thing([1005, 1020]), Thing([1010])
        deadlines.watch(one)
        deadlines.watch(other)
        await clock.advance(30)
        assert (one.expired, other.expired) == ([1005, 1020], [1010])

    asyncio.run(story())


def test_a_deadline_that_came_nearer_is_kept_and_one_that_moved_away_costs_nothing() -> None:
    async def story() -> None:
        clock = ManualClock()
        deadlines, nearer, farther = Deadlines(clock), Thing([1050]), Thing([1010])
        deadlines.watch(nearer)
        deadlines.watch(farther)
        nearer.deadlines = [1005]
        deadlines.watch(nearer)
        farther.deadlines = [1100]
        await clock.advance(60)
        assert nearer.expired == [1005]
        await clock.advance(60)
        assert farther.expired[-1] == 1100

    asyncio.run(story())


def test_watching_many_things_takes_one_task_and_none_when_there_is_nothing_to_wait_for() -> None:
    async def story() -> None:
        clock = ManualClock()
        deadlines = Deadlines(clock)
        for number in range(1000):
            deadlines.watch(Thing([1010 + number % 7]))
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 2
        await clock.advance(20)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(story())


def test_a_thing_that_fails_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        clock = ManualClock()
        deadlines, bad, good = Deadlines(clock), Thing([1001], error=RuntimeError("a bug")), Thing([1001, 1002])
        deadlines.watch(bad)
        deadlines.watch(good)
        await clock.advance(5)
        assert good.expired == [1001, 1002]

    with caplog.at_level(logging.ERROR):
        asyncio.run(story())
    assert "deadline of a connection failed" in caplog.text


def test_a_thing_that_never_moves_on_does_not_hang_the_loop() -> None:
    async def story() -> None:
        clock = ManualClock()
        deadlines = Deadlines(clock)
        stuck = Thing([1001])
        stuck.expire = stuck.expired.append  # type: ignore[method-assign, assignment]
        deadlines.watch(stuck)
        await clock.advance(1)
        assert stuck.expired
        deadlines.close()

    asyncio.run(story())


def test_after_close_nothing_happens() -> None:
    async def story() -> None:
        clock = ManualClock()
        deadlines, thing = Deadlines(clock), Thing([1001])
        deadlines.watch(thing)
        deadlines.close()
        await clock.advance(5)
        assert thing.expired == []
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(story())
