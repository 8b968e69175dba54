"""Answers that take their time: a task for each, and those that must keep their order one after the other."""

import asyncio
from collections.abc import Coroutine
from typing import Any

__all__ = ["Work"]

Task = asyncio.Task[None]


class Work:
    """The handlers at work for one connection. They outlive it: what was heard is finished, even if nobody listens."""

    __slots__ = ("_last", "_tasks")

    def __init__(self) -> None:
        self._tasks: set[Task] = set()
        self._last: Task | None = None

    def start(self, work: Coroutine[Any, Any, None], *, in_order: bool = False) -> None:
        """Start ``work``; with ``in_order`` it begins when all such work before it has ended, well or badly."""
        before = self._last if in_order else None
        task = asyncio.get_running_loop().create_task(_after(before, work) if before is not None else work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        if in_order:
            self._last = task

    async def finished(self) -> None:
        """Return once nothing is at work."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def _done(self, task: Task) -> None:
        self._tasks.discard(task)
        if self._last is task:
            self._last = None


async def _after(before: Task, work: Coroutine[Any, Any, None]) -> None:
    await asyncio.wait((before,))
    await work
