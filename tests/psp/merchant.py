"""A merchant's webhook address on loopback, and time that stands still until told otherwise."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from evouch.psp.sandbox.aio import SandboxService
from evouch.psp.sandbox.client import SandboxProvider
from evouch.testing import ManualClock, SeededEntropy


class Merchant:
    """Takes webhooks and answers each with the next of ``answers``, 200 when there is none left."""

    def __init__(self) -> None:
        self.letters: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/webhooks/sandbox"
        return self

    async def __aexit__(self, *why: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head)}
        self.letters.append((headers, await reader.readexactly(int(headers["content-length"]))))
        status = self.answers.pop(0) if self.answers else 200
        writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


async def until(condition: Callable[[], object]) -> None:
    """Let the event loop run until something has happened over the loopback."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


@asynccontextmanager
async def service(
    clock: ManualClock, *, webhook_url: str = "", db: Path | None = None, seed: str = "psp"
) -> AsyncIterator[tuple[SandboxService, SandboxProvider]]:
    """Run the provider on loopback with its faults switched on, and a client of it."""
    provider = SandboxService(
        clock=clock,
        entropy=SeededEntropy(seed),
        faults=True,
        webhook_url=webhook_url,
        db=db,
        merchant="Ladewerk & Söhne",
    )
    await provider.start()
    client = SandboxProvider(provider.url, provider.api_key, provider.webhook_secret, clock)
    try:
        yield provider, client
    finally:
        await client.close()
        await provider.stop()
