"""Everything an actor has promised to do later, in one heap.

A promise has a key; making it again replaces the old one, so a reading that moves a
deadline simply sets it anew. Promises live in memory: what must survive a restart stands
in the store as wall-clock time and is promised again when the store is read.

A promise that breaks (the disk was full for a moment) is made again, unless its key has
been promised anew or dropped in the meantime: money must not stay blocked because one write failed.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from evouch.clock import Clock, Tick

__all__ = ["Agenda"]

Deed = Callable[[], Awaitable[object]]

#: Seconds until a promise that broke is tried again.
TRY_AGAIN: Final = 5.0
#: Superseded entries that the heap may carry beside twice the live ones.
SLACK: Final = 64

_log = structlog.get_logger("evouch.agenda")


@dataclass(slots=True)
class Agenda:
    """Promises by key, kept by one task (:meth:`run`)."""

    clock: Clock
    _heap: list[tuple[Tick, int, Hashable]] = field(default_factory=list)
    _deeds: dict[Hashable, tuple[int, Deed]] = field(default_factory=dict)
    #: keys whose deed is being done, with the number it was promised under; a drop takes the key out
    _doing: dict[Hashable, int] = field(default_factory=dict)
    _count: int = 0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _running: set[asyncio.Task[object]] = field(default_factory=set)

    def at(self, tick: Tick, key: Hashable, deed: Deed) -> None:
        """Promise ``deed`` for ``tick``, in place of whatever ``key`` promised before."""
        self._count += 1
        self._deeds[key] = (self._count, deed)
        if not self._heap or tick < self._heap[0][0]:  # else the sleeper wakes early enough
            self._wake.set()
        heapq.heappush(self._heap, (tick, self._count, key))
        if len(self._heap) > 2 * len(self._deeds) + SLACK:
            self._heap = [entry for entry in self._heap if self._current(entry)]
            heapq.heapify(self._heap)

    def after(self, seconds: float, key: Hashable, deed: Deed) -> None:
        """Promise ``deed`` for ``seconds`` from now."""
        self.at(Tick(self.clock.tick() + max(0.0, seconds)), key, deed)

    def drop(self, key: Hashable) -> None:
        """Forget a promise, also one that is being kept and may yet break."""
        self._deeds.pop(key, None)
        self._doing.pop(key, None)

    def promised(self, key: Hashable) -> bool:
        """Return whether something is promised under ``key``, or being done just now."""
        return key in self._deeds or key in self._doing

    def soon(self, deed: Deed) -> None:
        """Do something now, beside whatever runs; its errors are logged, not lost."""
        self._start(self._do(deed))

    def next_deadline(self) -> Tick | None:
        """Return when the next promise is due."""
        while self._heap and not self._current(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now: Tick) -> list[tuple[Hashable, Deed]]:
        """Take out and return every deed whose time has come, with its key, in order."""
        deeds = []
        while (tick := self.next_deadline()) is not None and tick <= now:
            key = heapq.heappop(self._heap)[2]
            deeds.append((key, self._deeds.pop(key)[1]))
        return deeds

    async def run(self) -> None:
        """Keep the promises until cancelled."""
        try:
            while True:
                self._wake.clear()
                for key, deed in self.due(self.clock.tick()):
                    self._count += 1
                    self._doing[key] = self._count
                    self._start(self._keep(key, self._count, deed))
                await self._sleep()
        finally:
            doing = list(self._running)
            for task in doing:
                task.cancel()
            await asyncio.gather(*doing, return_exceptions=True)

    async def settle(self) -> None:
        """Wait until the deeds that are being done have been done."""
        while self._running:
            await asyncio.wait(set(self._running))

    def _start(self, doing: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(doing)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _sleep(self) -> None:
        """Sleep until the next promise or until a new one is made."""
        waits = {asyncio.ensure_future(self._wake.wait())}
        if (tick := self.next_deadline()) is not None:
            waits.add(asyncio.ensure_future(self.clock.sleep_until(tick)))  # type: ignore[arg-type]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _keep(self, key: Hashable, number: int, deed: Deed) -> None:
        """Do what was promised; if it breaks and nothing newer was said of its key, promise it again."""
        kept = await self._do(deed)
        if self._doing.get(key) != number:
            return
        del self._doing[key]
        if not kept and key not in self._deeds:
            self.after(TRY_AGAIN, key, deed)

    async def _do(self, deed: Deed) -> bool:
        try:
            await deed()
        except Exception as error:  # noqa: BLE001  # one broken promise must not end the keeping of the others
            _log.error("promise broken", kind=type(error).__name__)
            return False
        return True

    def _current(self, entry: tuple[Tick, int, Hashable]) -> bool:
        promised = self._deeds.get(entry[2])
        return promised is not None and promised[0] == entry[1]
