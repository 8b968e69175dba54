"""Waiting until something can be seen that is told over the network, and saying what it was if it never comes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from evouch.errors import LocalError

__all__ = ["so", "until"]

#: Seconds that anything in the demo may take to be seen, and between two looks.
PATIENCE: Final = 8.0
LOOK: Final = 0.02

T = TypeVar("T")


async def until(look: Callable[[], Awaitable[T | None]], what: str) -> T:
    """Return what is there to be seen, as soon as it is; LocalError where it never is."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not (found := await look()):  # noqa: ASYNC110  # it lies in several services
                await asyncio.sleep(LOOK)
    except TimeoutError:
        raise LocalError(f"not seen within {PATIENCE:.0f} s: {what}") from None
    return found


async def so(holds: Callable[[], object], what: str) -> None:
    """Wait until something holds; LocalError where it never does."""

    async def look() -> bool:
        return bool(holds())

    await until(look, what)
