"""Named deadlines on a clock, and the station's own idea of what time it is."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from evouch.clock import Clock, Tick

__all__ = ["StationTime", "Timers"]

_log = logging.getLogger(__name__)


class Timers:
    """Deadlines by name. Setting one replaces the one of the same name; each waits on the clock alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ticks: dict[str, Tick] = {}
        self._work: set[asyncio.Task[Any]] = set()

    def set(self, name: str, tick: Tick | None, act: Callable[[], None]) -> None:
        """Call ``act`` at ``tick``; None only takes the old deadline away."""
        if tick is not None and self._ticks.get(name) == tick:
            return
        self.clear(name)
        if tick is not None:
            self._ticks[name] = tick
            task = asyncio.get_running_loop().create_task(self._wait(name, tick, act))
            task.add_done_callback(self._finished)
            self._tasks[name] = task

    def clear(self, name: str) -> None:
        """Forget a deadline."""
        self._ticks.pop(name, None)
        task = self._tasks.pop(name, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def next_deadline(self) -> Tick | None:
        """Return the nearest deadline."""
        return min(self._ticks.values(), default=None)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run ``work`` beside everything else, until :meth:`close`."""
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a piece of the station's work failed", exc_info=error)

    async def close(self) -> None:
        """Cancel all that waits or works, and wait until it is gone."""
        tasks = [task for task in (*self._tasks.values(), *self._work) if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        self._tasks.clear()
        self._ticks.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wait(self, name: str, tick: Tick, act: Callable[[], None]) -> None:
        await self._clock.sleep_until(tick)
        self._ticks.pop(name, None)
        self._tasks.pop(name, None)
        act()


@dataclass(slots=True)
class StationTime:
    """A station's wall clock: set by the backend, carried on by the monotonic clock.

    Until it was set it shows what the battery-backed clock of the board says, which is good
    enough for a log and not for a code. ``wrong`` is by how many seconds it is wrong whoever
    sets it: the clock of firmware that keeps local time and calls it UTC.
    """

    clock: Clock
    wrong: float = 0.0
    _base: datetime | None = None
    _tick: Tick = Tick(0.0)

    @property
    def synced(self) -> bool:
        """Whether the backend has said what time it is."""
        return self._base is not None

    def set(self, now: datetime) -> None:
        """Take the backend's currentTime."""
        self._base, self._tick = now, self.clock.tick()

    def lose(self) -> None:
        """Forget the time, as a reboot does."""
        self._base = None

    def now(self) -> datetime:
        """Return the station's time, aware, in UTC."""
        if self._base is None:
            return self.clock.now() + timedelta(seconds=self.wrong)
        return self._base + timedelta(seconds=self.clock.tick() - self._tick + self.wrong)
