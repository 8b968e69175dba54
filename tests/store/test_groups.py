"""Group commit, with a clock that moves only when told to and a database that is a list."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from evouch.store.groups import GATHER_ROWS, GATHER_SECONDS, GroupCommit
from evouch.store.ports import StoreFailed
from evouch.testing.clock import ManualClock, settle


class Disk:
    """Takes groups; ``busy`` holds a write until it is set; ``broken`` raises."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.free = asyncio.Event()
        self.free.set()
        self.broken = False

    async def write(self, group: Sequence[int]) -> Sequence[Any]:
        await self.free.wait()
        if self.broken:
            raise OSError("disk full")
        self.groups.append(list(group))
        return [ValueError(number) if number < 0 else number * 10 for number in group]


async def _crowd(groups: GroupCommit[int], disk: Disk) -> None:
    """Leave the writer knowing that callers come together."""
    await asyncio.gather(groups.commit(1, 1), groups.commit(2, 1))
    assert disk.groups.pop() == [1, 2]


def test_who_comes_alone_is_written_at_once() -> None:
    async def run() -> None:
        disk = Disk()
        groups = GroupCommit(disk.write, ManualClock())
        assert [await groups.commit(number, 1) for number in (1, 2, 3)] == [10, 20, 30]
        assert disk.groups == [[1], [2], [3]]
        await groups.close()

    asyncio.run(run())


def test_what_arrives_during_a_write_forms_the_next_group_and_hears_after_it() -> None:
    async def run() -> None:
        disk = Disk()
        disk.free.clear()
        groups = GroupCommit(disk.write, ManualClock())
        first = asyncio.create_task(groups.commit(1, 1))
        await settle()
        rest = [asyncio.create_task(groups.commit(number, 1)) for number in (2, 3)]
        await settle()
        assert not any(task.done() for task in (first, *rest))
        disk.free.set()
        assert await asyncio.gather(first, *rest) == [10, 20, 30]
        assert disk.groups == [[1], [2, 3]]
        await groups.close()

    asyncio.run(run())


def test_after_company_the_next_group_gathers_for_20_ms() -> None:
    async def run() -> None:
        disk, clock = Disk(), ManualClock()
        groups = GroupCommit(disk.write, clock)
        await _crowd(groups, disk)
        one = asyncio.create_task(groups.commit(3, 1))
        await clock.advance(GATHER_SECONDS - 0.001)
        two = asyncio.create_task(groups.commit(4, 1))
        await settle()
        assert disk.groups == []
        await clock.advance(0.001)
        assert [await one, await two] == [30, 40]
        assert disk.groups == [[3, 4]]
        await groups.close()

    asyncio.run(run())


def test_after_gathering_alone_nobody_waits_again() -> None:
    async def run() -> None:
        disk, clock = Disk(), ManualClock()
        groups = GroupCommit(disk.write, clock)
        await _crowd(groups, disk)
        lonely = asyncio.create_task(groups.commit(3, 1))
        await clock.advance(GATHER_SECONDS)
        assert await lonely == 30
        assert await groups.commit(4, 1) == 40
        await groups.close()

    asyncio.run(run())


def test_200_rows_wait_for_nobody() -> None:
    async def run() -> None:
        disk = Disk()
        groups = GroupCommit(disk.write, ManualClock())
        await _crowd(groups, disk)
        await asyncio.gather(*(groups.commit(number, 1) for number in range(GATHER_ROWS)))
        assert disk.groups == [list(range(GATHER_ROWS))]
        await groups.close()

    asyncio.run(run())


def test_a_group_stays_within_200_rows_but_one_commit_is_never_cut() -> None:
    async def run() -> None:
        disk = Disk()
        groups = GroupCommit(disk.write, ManualClock())
        await asyncio.gather(groups.commit(1, 150), groups.commit(2, 150), groups.commit(3, 500), groups.commit(4, 200))
        assert disk.groups == [[1], [2], [3], [4]]
        await groups.close()

    asyncio.run(run())


def test_an_outcome_that_is_an_error_is_its_callers_alone() -> None:
    async def run() -> None:
        disk = Disk()
        groups = GroupCommit(disk.write, ManualClock())
        results = await asyncio.gather(groups.commit(1, 1), groups.commit(-2, 1), return_exceptions=True)
        assert results[0] == 10
        assert isinstance(results[1], ValueError)
        await groups.close()

    asyncio.run(run())


def test_a_write_that_fails_fails_its_whole_group_and_the_writer_lives() -> None:
    async def run() -> None:
        disk, clock = Disk(), ManualClock()
        groups = GroupCommit(disk.write, clock)
        disk.broken = True
        results = await asyncio.gather(groups.commit(1, 1), groups.commit(2, 1), return_exceptions=True)
        assert [type(result) for result in results] == [StoreFailed, StoreFailed]
        assert results[0] is not results[1]
        disk.broken = False
        later = asyncio.create_task(groups.commit(3, 1))
        await clock.advance(GATHER_SECONDS)
        assert await later == 30
        await groups.close()

    asyncio.run(run())


def test_a_caller_that_is_cancelled_is_written_all_the_same() -> None:
    async def run() -> None:
        disk = Disk()
        disk.free.clear()
        groups = GroupCommit(disk.write, ManualClock())
        gone, stays = (asyncio.create_task(groups.commit(number, 1)) for number in (1, 2))
        await settle()
        gone.cancel()
        disk.free.set()
        assert await stays == 20
        assert disk.groups == [[1, 2]]
        await groups.close()

    asyncio.run(run())


def test_closing_writes_what_is_queued_and_takes_no_more() -> None:
    async def run() -> None:
        disk = Disk()
        groups = GroupCommit(disk.write, ManualClock())
        await _crowd(groups, disk)
        queued = asyncio.create_task(groups.commit(3, 1))
        await settle()
        await groups.close()
        assert await queued == 30
        with pytest.raises(StoreFailed):
            await groups.commit(4, 1)

    asyncio.run(run())
