"""Our HTTP server: an answer leaves in one piece and whole, also where the connection ends with it."""

import asyncio
import contextlib
from typing import Any

from evouch.cli.http import KEEP_ALIVE, HttpServer, bind
from evouch.ocpi import aio_client

BODY = b"x" * 20_000


async def _app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"20000")]})
    await send({"type": "http.response.body", "body": BODY[:1], "more_body": True})
    await send({"type": "http.response.body", "body": BODY[1:]})


async def _answers(request: bytes, count: int) -> list[bytes]:
    server = HttpServer(bind("127.0.0.1", 0))
    await server.start(_app)
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        found = []
        for _ in range(count):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            found.append(head + await reader.readexactly(len(BODY)))
        if b"close" in request:
            assert await reader.read() == b""
        writer.close()
        return found
    finally:
        await server.stop()


def test_one_connection_carries_many_answers_each_whole() -> None:
    found = asyncio.run(_answers(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", 3))
    assert all(each.startswith(b"HTTP/1.1 200") and each.endswith(BODY) for each in found)


def test_the_last_answer_is_whole_before_the_connection_ends() -> None:
    (found,) = asyncio.run(_answers(b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n", 1))
    assert found.endswith(BODY)


def test_head_and_body_are_one_write(monkeypatch: Any) -> None:
    written: list[bytes] = []
    real = asyncio.selector_events._SelectorSocketTransport.write  # type: ignore[attr-defined]  # where bytes leave

    def write(self: Any, data: bytes) -> None:
        written.append(bytes(data[:5]))
        real(self, data)

    monkeypatch.setattr(asyncio.selector_events._SelectorSocketTransport, "write", write)  # type: ignore[attr-defined]
    asyncio.run(_answers(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", 2))
    assert [each for each in written if not each.startswith(b"GET")] == [b"HTTP/"] * 2


def test_a_head_or_a_trailer_that_does_not_end_ends_the_connection() -> None:
    head = b"GET / HTTP/1.1\r\nHost: here\r\nA: "
    trailer = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: "
    for begin in (head, trailer):
        asyncio.run(_sends([begin, *[b"a" * 10_000] * 10]))  # TimeoutError where it stays open


def test_a_large_body_is_no_large_head() -> None:
    pieces = [
        b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 200000\r\nConnection: close\r\n\r\n",
        *[b"b" * 10_000] * 20,
    ]
    assert asyncio.run(_sends(pieces)).startswith(b"HTTP/1.1 200")


async def _sends(pieces: list[bytes]) -> bytes:
    """Return everything that is answered until the connection ends."""
    server = HttpServer(bind("127.0.0.1", 0))
    await server.start(_app)
    answer = bytearray()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.writelines(pieces)
        with contextlib.suppress(ConnectionError):
            while piece := await asyncio.wait_for(reader.read(10_000), 2):
                answer += piece
        writer.close()
        return bytes(answer)
    finally:
        await server.stop()


def test_a_server_keeps_connections_longer_than_our_clients_use_them() -> None:
    assert aio_client.IDLE < KEEP_ALIVE
