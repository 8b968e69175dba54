"""Server-sent events with signs of life, so that no proxy takes a quiet stream for a dead one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from litestar.response import ServerSentEvent, ServerSentEventMessage

from evouch.clock import Clock, Tick

__all__ = ["stream"]

Messages = AsyncIterator[ServerSentEventMessage]

#: Seconds of silence after which a comment is sent: below the 30 s after which proxies cut.
PING: Final = 15
#: Milliseconds after which a browser asks again when the stream broke.
_RETRY: Final = 2000


def stream(messages: Messages, clock: Clock) -> ServerSentEvent:
    """Return an answer that sends ``messages`` as they come, and a comment where none come."""
    return ServerSentEvent(_with_pings(messages, clock), retry_duration=_RETRY, headers={"X-Accel-Buffering": "no"})


async def _with_pings(messages: Messages, clock: Clock) -> Messages:
    coming = asyncio.ensure_future(anext(messages, None))
    try:
        while True:
            silence = asyncio.ensure_future(clock.sleep_until(Tick(clock.tick() + PING)))
            await asyncio.wait({coming, silence}, return_when=asyncio.FIRST_COMPLETED)
            silence.cancel()
            if not coming.done():
                yield ServerSentEventMessage(data=None, comment="still here")
                continue
            message = coming.result()
            if message is None:
                return
            yield message
            coming = asyncio.ensure_future(anext(messages, None))
    finally:
        coming.cancel()
