"""Requests to partners over sockets.

No redirect is followed, no proxy of the environment used, no compression offered (a small answer
that unpacks to a large one), and no answer is longer than it may be. Each server has connections of
its own: one that answers nobody uses up its own and no other's. Names are resolved here, and
the connection is made to the very address that the policy has looked at: asking again for the
connection would leave a gap in which the answer can be another one (docs/decisions/065).
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpcore2
import httpx2

from evouch.clock import Clock, Tick
from evouch.errors import Offline, PeerGarbled, PeerRefused, TimedOut, Unreachable
from evouch.ocpi.addresses import AddressPolicy
from evouch.ocpi.exchange import MAX_ANSWER
from evouch.ocpi.http import Request, Response

__all__ = ["HttpTransport"]

#: Connections to one server that are open at once, and kept open for the next request. Of hundreds of plug-ins
#: a second each asks a server for a few hundredths of a second.
MAX_CONNECTIONS: Final = 32
KEPT: Final = 8
#: Servers that connections are kept to; beyond, the one that was not spoken to for longest is let go.
MAX_SERVERS: Final = 256
#: Seconds that an unused connection is kept; servers drop theirs after a minute or so.
IDLE: Final = 30.0
#: Seconds to connect, so that a dead address leaves time for the next.
CONNECT: Final = 3.0
#: Addresses of one name that are tried.
MAX_ADDRESSES: Final = 4


@cache
def _tls() -> ssl.SSLContext:
    """Return how certificates are checked: read once per process, for reading them all takes a while."""
    return httpx2.create_ssl_context(trust_env=False)


@dataclass(slots=True, eq=False)
class _Lane:
    """The connections to one server, and how many requests use them now."""

    pool: httpcore2.AsyncConnectionPool
    used: int = 0


class HttpTransport:
    """An ``ocpi.http.Transport`` over TCP and TLS. ``tls`` may hold a client certificate, or another root."""

    def __init__(self, clock: Clock, policy: AddressPolicy, *, tls: ssl.SSLContext | None = None) -> None:
        self._clock = clock
        self._policy = policy
        self._tls = tls or _tls()
        #: by server, the one that was spoken to last at the end
        self._lanes: dict[str, _Lane] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of all connections."""
        for lane in self._lanes.values():
            await lane.pool.aclose()
        self._lanes.clear()

    async def send(self, request: Request, *, by: Tick) -> Response:
        """Return the response; Offline, TimedOut, Unreachable; PeerGarbled where it is too long."""
        where = urlsplit(request.url).hostname
        try:
            async with asyncio.timeout(max(0.0, by - self._clock.tick())):
                return await self._send(request)
        except (TimeoutError, httpcore2.TimeoutException) as problem:
            raise TimedOut(f"no answer from {where}: {type(problem).__name__}") from None
        except httpcore2.ConnectError:
            raise Offline(f"no connection to {where}") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.UnsupportedProtocol) as problem:
            raise Unreachable(f"{where} hung up: {type(problem).__name__}") from None

    async def _send(self, request: Request) -> Response:
        headers = {**request.headers, "accept-encoding": "identity", "user-agent": "evouch"}
        named = [(name.encode(), text.encode()) for name, text in headers.items()]
        times = {"timeout": {"connect": CONNECT}}
        async with (
            self._connections(request.url) as pool,
            pool.stream(request.method, request.url, headers=named, content=request.body, extensions=times) as answer,
        ):
            body = bytearray()
            async for chunk in answer.aiter_stream():
                body += chunk
                if len(body) > MAX_ANSWER:
                    raise PeerGarbled("tooLong", f"more than {MAX_ANSWER} bytes")
            return Response(status=answer.status, headers=_headers(answer.headers), body=bytes(body))

    @asynccontextmanager
    async def _connections(self, url: str) -> AsyncIterator[httpcore2.AsyncConnectionPool]:
        """Yield the connections to the server of an address."""
        parts = urlsplit(url)
        server = f"{parts.scheme}://{parts.netloc.lower()}"
        lane = self._lanes.pop(server) if server in self._lanes else _Lane(self._pool())
        self._lanes[server] = lane
        lane.used += 1
        try:
            await self._trim()
            yield lane.pool
        finally:
            lane.used -= 1

    def _pool(self) -> httpcore2.AsyncConnectionPool:
        return httpcore2.AsyncConnectionPool(
            ssl_context=self._tls, max_connections=MAX_CONNECTIONS, max_keepalive_connections=KEPT,
            keepalive_expiry=IDLE, network_backend=_Guarded(self._policy),
        )  # fmt: skip

    async def _trim(self) -> None:
        """Let go of a server that nobody speaks to, where there are too many."""
        if len(self._lanes) > MAX_SERVERS:
            idle = next((server for server, lane in self._lanes.items() if not lane.used), None)
            if idle is not None:
                await self._lanes.pop(idle).pool.aclose()


class _Guarded(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that the policy admits, whatever name they came from."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is the library's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        problem: Exception = httpcore2.ConnectError("no such name")
        for address in await self._addresses(host, port):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failed:
                problem = failed
        raise problem

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        """Return the addresses of a name that may be gone to; PeerRefused where it has others only."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            return ()
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        admitted = [each for each in addresses if self._policy.admits(each, host)]
        if addresses and not admitted:
            raise PeerRefused("badAddress", "its name leads into a network that is not public")
        return admitted[:MAX_ADDRESSES]

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name; what came twice is a list (RFC 9110 §5.3)."""
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
