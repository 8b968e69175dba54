"""A clock that moves only when told to, and chance that repeats itself."""

import asyncio
import hashlib
import heapq
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from evouch.clock import Tick, base32_id

__all__ = ["ManualClock", "SeededEntropy", "settle"]

#: 2024-05-23T00:23:05Z, the moment of most published code vectors.
VECTOR_TIME = datetime.fromtimestamp(1716423785, UTC)


class ManualClock:
    """Time as an argument. :meth:`advance` runs every sleeper whose moment has come, in order."""

    def __init__(self, now: datetime = VECTOR_TIME) -> None:
        self._now = now
        self._tick = 1000.0
        self._count = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        #: returns when nobody is at work any more, and time may go on; whoever waits for threads has another one
        self.rest: Callable[[], Awaitable[None]] = settle

    def now(self) -> datetime:
        """Return the current moment."""
        return self._now

    def tick(self) -> Tick:
        """Return the monotonic time."""
        return Tick(self._tick)

    async def sleep_until(self, tick: Tick) -> None:
        """Return once :meth:`advance` has passed ``tick``."""
        if tick <= self._tick:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (tick, self._count, future))
        await future

    async def advance(self, seconds: float = 0.0) -> None:
        """Move on by ``seconds``, letting everything run that is due on the way."""
        end = self._tick + seconds
        await self.rest()
        while self._sleepers and self._sleepers[0][0] <= end:
            tick, _, future = heapq.heappop(self._sleepers)
            self._move(tick)
            if not future.done():
                future.set_result(None)
            await self.rest()
        self._move(end)
        await self.rest()

    def step_wall(self, seconds: float) -> None:
        """Correct the wall clock without any time passing, as NTP does."""
        self._now += timedelta(seconds=seconds)

    def _move(self, tick: float) -> None:
        if tick > self._tick:
            self._now += timedelta(seconds=tick - self._tick)
            self._tick = tick


async def settle(rounds: int = 40) -> None:
    """Let the event loop run until whatever was ready has had its turn."""
    for _ in range(rounds):
        await asyncio.sleep(0)


class SeededEntropy:
    """Random numbers that are the same in every run, and never twice the same within one."""

    def __init__(self, seed: str = "evouch") -> None:
        self._seed = seed.encode()
        self._drawn = 0

    def bytes(self, count: int) -> bytes:
        """Return the next ``count`` bytes of the sequence."""
        self._drawn += 1
        return hashlib.shake_256(self._seed + self._drawn.to_bytes(8, "big")).digest(count)

    def id(self) -> str:
        """Return the next id of the sequence."""
        return base32_id(self.bytes(16))
