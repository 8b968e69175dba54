"""The web between operators and eMSPs of a story: in this process's memory, or real HTTP over loopback sockets.

Either way every actor has a :class:`Door` with its address: what is behind it can be exchanged, as
by a restart, be away, or have faults (``testing.ocpi.Faults``); and all that crosses between them is
in one log.
"""

import asyncio
from collections import deque
from typing import Protocol

from evouch.cli.http import HttpServer, bind
from evouch.clock import Clock, Tick
from evouch.errors import Offline
from evouch.ocpi.addresses import AddressPolicy
from evouch.ocpi.aio_client import HttpTransport
from evouch.ocpi.aio_server import asgi
from evouch.ocpi.http import Request, Response, Transport
from evouch.ocpi.server import OcpiServer
from evouch.testing.ocpi import KEPT, Crossing, Faults, MemoryWeb

__all__ = ["Door", "HttpWeb", "InMemory", "Web"]


class Door(Faults):
    """Where an actor is on the web. Nobody is there until :meth:`opens`."""

    def __init__(self, url: str, clock: Clock) -> None:
        super().__init__(self._pass_on, clock)
        self.url = url
        self._server: OcpiServer | None = None

    def opens(self, server: OcpiServer) -> None:
        """Let requests in, to whoever lives here now."""
        self._server = server

    def shuts(self) -> None:
        """Be away."""
        self._server = None

    async def _pass_on(self, request: Request, *, address: str = "") -> Response:
        if self._server is None:
            raise Offline("nobody is there")
        return await self._server.handle(request, address=address)


class Web(Protocol):
    """What carries requests between the doors of a story."""

    #: everything that crossed it, in either direction
    log: deque[Crossing]

    @property
    def transport(self) -> Transport:
        """What actors send with."""

    async def door(self, name: str) -> Door:
        """Make an address for an actor."""

    async def close(self) -> None:
        """End everything that is under way."""


class InMemory:
    """A :class:`~evouch.testing.ocpi.MemoryWeb` with doors."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._web = MemoryWeb(clock)
        self.log = self._web.log

    @property
    def transport(self) -> Transport:
        """What actors send with."""
        return self._web

    async def door(self, name: str) -> Door:
        """Make an address for an actor."""
        door = Door(f"https://{name}.test", self._clock)
        self._web.host(door.url, door.handle)
        return door

    async def close(self) -> None:
        """End everything that is under way."""
        await self._web.close()


class HttpWeb:
    """Doors on loopback ports, each with a web server of its own, and one client for all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._client = HttpTransport(clock, AddressPolicy.development())
        self._servers: list[HttpServer] = []
        self.log: deque[Crossing] = deque(maxlen=KEPT)

    @property
    def transport(self) -> Transport:
        """What actors send with."""
        return self

    async def door(self, name: str) -> Door:
        """Make an address for an actor, and listen there; who is away answers 503, as what stands before him would."""
        server = HttpServer(bind("127.0.0.1", 0))
        self._servers.append(server)
        door = Door(f"http://127.0.0.1:{server.port}", self._clock)
        await server.start(asgi(_Front(door)))
        return door

    async def send(self, request: Request, *, by: Tick) -> Response:
        """Send a request over its socket, and keep it in the log with what came back."""
        response: Response | None = None
        try:
            response = await self._client.send(request, by=by)
        finally:
            self.log.append(Crossing(self._clock.now(), request, response))
        return response

    async def close(self) -> None:
        """End everything that is under way."""
        await self._client.close()
        await asyncio.gather(*(server.stop() for server in self._servers))


class _Front:
    """What stands before an actor on a real network."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def handle(self, request: Request, *, address: str = "") -> Response:
        try:
            return await self._door.handle(request, address=address)
        except Offline:
            return Response(status=503)

    def admits(self, authorization: str) -> bool:
        return self._door.admits(authorization)
