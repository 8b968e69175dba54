"""One at a time per key: what happens to one payment, or at one station, happens in order.

Unlike a dictionary of locks this forgets a key as soon as nobody waits for it. A turn that
nobody else wants costs no lock and no wait; one that ends goes to whoever asked first.
"""

import asyncio
from collections import deque
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass, field

__all__ = ["Turns"]

#: By key that is somebody's turn: who waits behind.
_Queues = dict[Hashable, deque[asyncio.Future[None]]]


class _Turn:
    __slots__ = ("_key", "_queues")

    def __init__(self, queues: _Queues, key: Hashable) -> None:
        self._queues = queues
        self._key = key

    async def __aenter__(self) -> None:
        queue = self._queues.get(self._key)
        if queue is None:
            self._queues[self._key] = deque()
        else:
            await self._wait(queue)

    async def __aexit__(self, *_error: object) -> None:
        self._pass_on()

    async def _wait(self, queue: deque[asyncio.Future[None]]) -> None:
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            with suppress(ValueError):  # it may be out of the queue already
                queue.remove(turn)
            if turn.done() and not turn.cancelled():  # cancelled just when the turn had come
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        queue = self._queues[self._key]
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._queues[self._key]


@dataclass(slots=True)
class Turns:
    """Queues by key. Not reentrant: who has a turn must not ask for it again."""

    _queues: _Queues = field(default_factory=dict)

    def of(self, key: Hashable) -> "_Turn":
        """Wait for the turn of ``key`` and keep it for the block (``async with``)."""
        return _Turn(self._queues, key)

    def __len__(self) -> int:
        return len(self._queues)
