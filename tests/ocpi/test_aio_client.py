"""Requests over real sockets: where they go, where not, and what a server cannot do to us."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpcore2
import pytest

from evouch.clock import SystemClock, Tick
from evouch.errors import EvouchError, Offline, PeerGarbled, PeerRefused, TimedOut, Unreachable
from evouch.ocpi import aio_client
from evouch.ocpi.addresses import AddressPolicy
from evouch.ocpi.aio_client import HttpTransport
from evouch.ocpi.http import Request

LOCAL = AddressPolicy.development()
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Total-Count: 3\r\n\r\n{}"

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(answer: bytes | Answer) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve one answer to whoever comes; yield the address and what was sent."""
    seen: list[bytes] = []
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.read(4096))
        with suppress(ConnectionError):
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(reader, writer)
            writer.close()
            await writer.wait_closed()
        over.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/ocpi/versions", seen
        await over.wait()


async def send(url: str, policy: AddressPolicy = LOCAL, *, seconds: float = 5.0, **more: Any) -> Any:
    clock = SystemClock()
    request = Request(method="GET", url=url, **more)
    async with HttpTransport(clock, policy) as transport:
        return await transport.send(request, by=Tick(clock.tick() + seconds))


async def test_a_request_goes_out_and_its_answer_comes_back() -> None:
    async with listening(OK) as (url, seen):
        response = await send(url, headers={"authorization": "Token eA=="})
    assert (200, b"{}", "3") == (response.status, response.body, response.headers["x-total-count"])
    assert b"GET /ocpi/versions HTTP/1.1" in seen[0]
    assert b"authorization: token ea==" in seen[0].lower()
    assert b"accept-encoding: identity" in seen[0].lower()


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with listening(OK) as (url, _):
        assert 200 == (await send(url)).status


async def test_a_redirect_is_an_answer_and_nobody_follows_it() -> None:
    async with listening(b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n") as (
        url,
        seen,
    ):
        assert 307 == (await send(url)).status
    assert 1 == len(seen)


async def resolved(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name resolve to these, and note which are connected to."""
    tried: list[str] = []
    loop = asyncio.get_running_loop()

    async def lookup(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    async def connect(_: Any, address: str, *rest: Any) -> Any:
        tried.append(address)
        raise httpcore2.ConnectError("nobody there")

    monkeypatch.setattr(loop, "getaddrinfo", lookup)
    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect)
    return tried


async def test_a_name_that_leads_inside_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = await resolved(monkeypatch, "10.0.0.5", "169.254.169.254", "::1")
    with pytest.raises(PeerRefused, match="badAddress"):
        await send("https://innocent.example/", AddressPolicy())
    assert [] == tried


async def test_the_very_address_that_was_looked_at_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = await resolved(monkeypatch, "10.0.0.5", "8.8.8.8", "8.8.4.4")
    with pytest.raises(Offline):
        await send("https://partner.example/", AddressPolicy())
    assert ["8.8.8.8", "8.8.4.4"] == tried


async def test_a_name_on_the_list_may_lead_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = await resolved(monkeypatch, "10.0.0.5")
    with pytest.raises(Offline):
        await send("https://vpn.example/", AddressPolicy(hosts=frozenset({"vpn.example"})))
    assert ["10.0.0.5"] == tried


async def test_the_deadline_holds_for_the_whole_answer() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _each in range(15):
            writer.write(b"x")
            await asyncio.sleep(0.02)

    async with listening(drip) as (url, _):
        with pytest.raises(TimedOut):
            await send(url, seconds=0.1)


async def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aio_client, "MAX_ANSWER", 1000)
    body = b"x" * 5000
    async with listening(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + body) as (url, _):
        with pytest.raises(PeerGarbled, match="1000"):
            await send(url)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", b"\x00\x01\x02\r\n\r\n"])
async def test_a_server_that_hangs_up_or_speaks_no_http_is_unreachable(answer: bytes) -> None:
    async with listening(answer) as (url, _):
        with pytest.raises(Unreachable):
            await send(url)


async def test_nobody_there_is_offline_and_a_bad_certificate_too() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Offline):
        await send(f"http://127.0.0.1:{port}/")
    async with listening(OK) as (url, _):
        with pytest.raises(EvouchError):
            await send(url.replace("http:", "https:"))


async def _never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def test_who_answers_nobody_uses_up_no_connections_of_others() -> None:
    clock = SystemClock()
    async with listening(OK) as (good, _), listening(_never) as (silent, _), HttpTransport(clock, LOCAL) as transport:

        def ask(url: str) -> Awaitable[Any]:
            return transport.send(Request(method="GET", url=url), by=Tick(clock.tick() + 2.0))

        hanging = [asyncio.ensure_future(ask(silent)) for _ in range(2 * aio_client.MAX_CONNECTIONS)]
        await asyncio.sleep(0)
        assert 200 == (await ask(good)).status
        for each in hanging:
            each.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


async def test_connections_to_many_servers_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aio_client, "MAX_SERVERS", 1)
    clock = SystemClock()
    async with HttpTransport(clock, LOCAL) as transport:
        for _ in range(3):
            async with listening(OK) as (url, _):
                response = await transport.send(Request(method="GET", url=url), by=Tick(clock.tick() + 2.0))
                assert 200 == response.status
        assert 1 == len(transport._lanes)
