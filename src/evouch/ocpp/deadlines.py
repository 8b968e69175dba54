"""All deadlines of many connections in one heap, so that an idle connection costs no timer and no task.

An entry is put in only when a deadline comes *nearer*; one that moved away is found out
when its old moment arrives. So a message that merely proves a connection alive costs
nothing here.
"""

import asyncio
import heapq
import itertools
import logging
from typing import Protocol

from evouch.clock import Clock, Tick

__all__ = ["Deadlines", "Timed"]

_log = logging.getLogger(__name__)


class Timed(Protocol):
    """Something with deadlines. ``due`` belongs to :class:`Deadlines`; it starts as None."""

    due: Tick | None

    def next_deadline(self) -> Tick | None:
        """Return when :meth:`expire` should be called next, or None."""

    def expire(self, at: Tick) -> None:
        """Do whatever was due by ``at``."""


class Deadlines:
    """Calls ``expire`` on the things it watches, when their time has come."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[Tick, int, Timed]] = []
        self._order = itertools.count()
        self._sleeper: asyncio.Task[None] | None = None
        self._wakes_at: Tick | None = None

    def watch(self, thing: Timed) -> None:
        """Look at ``thing`` again: its next deadline may have come nearer."""
        tick = thing.next_deadline()
        if tick is None or (thing.due is not None and thing.due <= tick):
            return
        thing.due = tick
        heapq.heappush(self._heap, (tick, next(self._order), thing))
        if self._wakes_at is None or tick < self._wakes_at:
            self._sleep()

    def close(self) -> None:
        """Forget everything."""
        self._heap.clear()
        self._sleep()

    def _sleep(self) -> None:
        if self._sleeper is not None:
            self._sleeper.cancel()
        self._sleeper = self._wakes_at = None
        if self._heap:
            self._wakes_at = self._heap[0][0]
            self._sleeper = asyncio.get_running_loop().create_task(self._wake(self._wakes_at))

    async def _wake(self, tick: Tick) -> None:
        await self._clock.sleep_until(tick)
        self._sleeper = None
        self._expire_all(self._clock.tick())
        self._sleep()

    def _expire_all(self, at: Tick) -> None:
        for thing in self._take(at):
            try:
                thing.expire(at)
            except Exception:  # noqa: BLE001 — a bug with one connection must not stop the clock of all
                _log.exception("deadline of a connection failed")
            self.watch(thing)

    def _take(self, at: Tick) -> list[Timed]:
        due = []
        while self._heap and self._heap[0][0] <= at:
            tick, _, thing = heapq.heappop(self._heap)
            if thing.due == tick:  # otherwise it came nearer since, and was seen then
                thing.due = None
                due.append(thing)
        return due
