"""Group commit: what many callers want written goes to the database together, in one transaction.

Who comes alone is written at once; what arrives meanwhile forms the next group. Where the
last group had company, more is on its way: the next one gathers for at most
``GATHER_SECONDS``, so that a thousand stations cost fifty transactions a second and not a
thousand. Nobody's future resolves before the group is durable.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from evouch.clock import Clock, Tick
from evouch.store.ports import StoreFailed

__all__ = ["GATHER_ROWS", "GATHER_SECONDS", "GroupCommit"]

W = TypeVar("W")

#: Longest that a write waits for company: far below what a station or a driver notices.
GATHER_SECONDS: Final = 0.02
#: Rows that are worth a transaction of their own: beyond, the cost of a commit per row is lost in the rest.
GATHER_ROWS: Final = 200


@dataclass(slots=True, eq=False)
class _Waiting(Generic[W]):
    work: W
    rows: int
    done: asyncio.Future[Any]


class GroupCommit(Generic[W]):
    """One writer task. ``write`` makes a group durable and returns each one's outcome, in order.

    An outcome that is an exception is raised to its caller alone; if ``write`` itself raises,
    every caller of that group gets :class:`StoreFailed`, and the writer goes on with the next.
    """

    def __init__(self, write: Callable[[Sequence[W]], Awaitable[Sequence[Any]]], clock: Clock) -> None:
        self._write = write
        self._clock = clock
        self._waiting: deque[_Waiting[W]] = deque()
        self._rows = 0
        self._closing = False
        self._company = False
        self._some = asyncio.Event()
        self._enough = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="store writer")

    async def commit(self, work: W, rows: int) -> Any:
        """Return the outcome of ``work`` once its group is durable.

        Cancelling the caller does not take the work back: it is written, and nobody hears of it.
        """
        if self._closing:
            raise StoreFailed("the store is closed")
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(work, rows, done))
        self._rows += rows
        self._some.set()
        if self._rows >= GATHER_ROWS:
            self._enough.set()
        return await done

    async def close(self) -> None:
        """Write what is queued, then end the writer."""
        self._closing = True
        self._some.set()
        self._enough.set()
        await self._task

    async def _run(self) -> None:
        while True:
            await self._some.wait()
            if self._company and not self._enough.is_set():
                await self._gather()
            group = self._take()
            if not group:
                return
            self._company = len(group) > 1
            await self._finish(group)

    async def _gather(self) -> None:
        until = Tick(self._clock.tick() + GATHER_SECONDS)
        loop = asyncio.get_running_loop()
        waits = [loop.create_task(self._clock.sleep_until(until)), loop.create_task(self._enough.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _take(self) -> list[_Waiting[W]]:
        group: list[_Waiting[W]] = []
        rows = 0
        while self._waiting and (not group or rows + self._waiting[0].rows <= GATHER_ROWS):
            group.append(self._waiting.popleft())
            rows += group[-1].rows
        self._rows -= rows
        if not self._closing:
            _set(self._some, to=bool(self._waiting))
            _set(self._enough, to=self._rows >= GATHER_ROWS)
        return group

    async def _finish(self, group: list[_Waiting[W]]) -> None:
        try:
            outcomes = await self._write([waiting.work for waiting in group])
        except Exception as error:  # noqa: BLE001 — whatever a driver raises, the writer must live
            outcomes = [_failed(error) for _ in group]
        for waiting, outcome in zip(group, outcomes, strict=True):
            if waiting.done.done():
                continue  # its caller was cancelled
            if isinstance(outcome, Exception):
                waiting.done.set_exception(outcome)
            else:
                waiting.done.set_result(outcome)


def _set(event: asyncio.Event, *, to: bool) -> None:
    event.set() if to else event.clear()


def _failed(error: Exception) -> StoreFailed:
    """Return an error of this caller's own: one exception raised to many would grow their tracebacks together."""
    failed = StoreFailed(str(error) if isinstance(error, StoreFailed) else type(error).__name__)
    failed.__cause__ = error
    return failed
