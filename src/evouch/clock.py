"""Time and chance, the two things that no rule may fetch for itself.

``Clock.now()`` is what people see and peers are sent. ``Clock.tick()`` is what deadlines
are made of: it never steps, so a corrected wall clock breaks no timeout.
"""

import asyncio
import base64
import os
import time
from datetime import UTC, datetime
from typing import NewType, Protocol

__all__ = ["Clock", "Entropy", "SystemClock", "SystemEntropy", "Tick", "base32_id"]

#: A moment of the monotonic clock, in seconds. Only differences and order mean anything.
Tick = NewType("Tick", float)


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""

    def tick(self) -> Tick:
        """Return the monotonic time that deadlines are compared with."""

    async def sleep_until(self, tick: Tick) -> None:
        """Return once :meth:`tick` has reached ``tick``. The only wait on time there is."""


class Entropy(Protocol):
    """Where chance comes from."""

    def bytes(self, count: int) -> bytes:
        """Return ``count`` bytes that nobody can guess."""

    def id(self) -> str:
        """Return 128 random bits as 26 lower-case base32 characters."""


class SystemClock:
    """The machine's own clocks. The event loop's timer heap is the process's one heap."""

    def now(self) -> datetime:
        """Return the machine's wall-clock time in UTC."""
        return datetime.now(UTC)

    def tick(self) -> Tick:
        """Return the machine's monotonic time."""
        return Tick(time.monotonic())

    async def sleep_until(self, tick: Tick) -> None:
        """Sleep on the running event loop until ``tick``."""
        await asyncio.sleep(max(0.0, tick - time.monotonic()))


class SystemEntropy:
    """The operating system's random numbers."""

    def bytes(self, count: int) -> bytes:
        """Return ``count`` bytes from the operating system."""
        return os.urandom(count)

    def id(self) -> str:
        """Return 128 random bits as 26 lower-case base32 characters."""
        return base32_id(self.bytes(16))


def base32_id(raw: bytes) -> str:
    """Return ``raw`` in lower-case base32 without padding: safe in URLs, file names and OCPP ids."""
    return base64.b32encode(raw).decode().rstrip("=").lower()
