"""A web in memory: partners that speak OCPI to each other without a socket, and everything that can go wrong.

``MemoryWeb`` carries requests (``ocpi.http.Transport``) to the host that an address names. A host can
be slow, dead, out of order or hostile, for some addresses and for a number of times; a deadline of
the caller holds as on a real network: the server goes on working, the caller hears nothing more.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from evouch import wire
from evouch.clock import Clock, Tick
from evouch.errors import Offline, TimedOut
from evouch.ocpi.http import Request, Response

__all__ = ["OFF_CURVE", "Crossing", "Faults", "Host", "MemoryWeb"]

#: How many exchanges the log of a web holds: more than any story makes.
KEPT: Final = 20_000
#: A point of the right form whose x is no coordinate of P-256.
OFF_CURVE: Final = "02" + "ff" * 32
#: Where requests come from, as servers see it.
ADDRESS: Final = "198.51.100.7"
JSON: Final = {"content-type": "application/json"}


#: What answers requests: ``OcpiServer.handle``, or any function that takes a request and ``address``.
Handle = Callable[..., Awaitable[Response]]
Go = Callable[[Request], Awaitable[Response]]
Fault = Callable[[Request, Go], Awaitable[Response]]


@dataclass(slots=True)
class _Set:
    """A fault that is set: for addresses with ``on`` in them, and for so many requests more."""

    fault: Fault
    on: str
    left: float

    def meets(self, request: Request) -> bool:
        if self.left <= 0 or self.on not in request.url:
            return False
        self.left -= 1
        return True


class Faults:
    """A server with faults in front of it. Each method sets one: ``on`` is part of an address, ``times`` how often."""

    def __init__(self, handle: Handle, clock: Clock) -> None:
        self._handle = handle
        self._clock = clock
        self._set: list[_Set] = []

    def well(self) -> None:
        """Take all faults away."""
        self._set.clear()

    def slow(self, seconds: float, *, on: str = "", times: float = float("inf")) -> None:
        """Answer later; what the request does is done only then."""

        async def fault(request: Request, go: Go) -> Response:
            await self._clock.sleep_until(Tick(self._clock.tick() + seconds))
            return await go(request)

        self._add(fault, on, times)

    def dead(self, *, on: str = "", times: float = float("inf")) -> None:
        """Take requests and never answer."""

        async def fault(_request: Request, _go: Go) -> Response:
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

        self._add(fault, on, times)

    def offline(self, *, on: str = "", times: float = float("inf")) -> None:
        """Refuse connections."""

        async def fault(_request: Request, _go: Go) -> Response:
            raise Offline("connection refused")

        self._add(fault, on, times)

    def lost(self, *, on: str = "", times: float = float("inf")) -> None:
        """Do what is asked, and lose the answer."""

        async def fault(request: Request, go: Go) -> Response:
            await go(request)
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

        self._add(fault, on, times)

    def status(self, status: int = 500, *, on: str = "", times: float = float("inf")) -> None:
        """Answer a status of HTTP and no envelope, as something in front of the server would."""
        self._answer(Response(status=status, headers={"content-type": "text/html"}, body=b"<h1>Oops</h1>"), on, times)

    def garbage(self, *, on: str = "", times: float = float("inf")) -> None:
        """Answer 200 with bytes that are no JSON."""
        self._answer(Response(status=200, headers=JSON, body=b"\xff\x00{{{"), on, times)

    def limited(self, retry_after: int = 30, *, on: str = "", times: float = float("inf")) -> None:
        """Answer 429."""
        body = wire.encode({"status_code": 2900, "status_message": "too often", "timestamp": "2024-05-23T00:00:00Z"})
        self._answer(Response(status=429, headers={**JSON, "retry-after": str(retry_after)}, body=body), on, times)

    def partial(self, *, on: str = "", times: float = float("inf")) -> None:
        """Cut bodies in the middle."""
        self._change(lambda response: replace(response, body=response.body[: len(response.body) // 2]), on, times)

    def wrong_point(self, point: str = OFF_CURVE, *, on: str = "oprf/sign", times: float = float("inf")) -> None:
        """Answer a request for a signature with something that is none."""
        self._change(lambda response: _with_point(response, point), on, times)

    def one_item(self, *, on: str = "", times: float = float("inf")) -> None:
        """Have one object on every page, whatever was asked for."""

        async def fault(request: Request, go: Go) -> Response:
            path, _, query = request.url.partition("?")
            asked = urlencode(dict(parse_qsl(query)) | {"limit": "1"})
            return await go(replace(request, url=f"{path}?{asked}") if request.method == "GET" else request)

        self._add(fault, on, times)

    async def handle(self, request: Request, *, address: str = "") -> Response:
        """Answer a request through every fault that is set for it, the last one set first."""

        async def serve(asked: Request) -> Response:
            return await self._handle(asked, address=address)

        go: Go = serve
        for each in [each for each in self._set if each.meets(request)]:
            go = _through(each.fault, go)
        return await go(request)

    def admits(self, authorization: str) -> bool:
        """Return that every body is read, also a stranger's (``ocpi.aio_server.Serves``)."""
        return True

    def _add(self, fault: Fault, on: str, times: float) -> None:
        self._set.append(_Set(fault, on, times))

    def _answer(self, response: Response, on: str, times: float) -> None:
        async def fault(_request: Request, _go: Go) -> Response:
            return response

        self._add(fault, on, times)

    def _change(self, change: Callable[[Response], Response], on: str, times: float) -> None:
        async def fault(request: Request, go: Go) -> Response:
            return change(await go(request))

        self._add(fault, on, times)


def _through(fault: Fault, go: Go) -> Go:
    return lambda request: fault(request, go)


def _with_point(response: Response, point: str) -> Response:
    document = wire.decode(response.body)
    if not isinstance(document, dict) or "data" not in document:
        return response
    return replace(response, body=wire.encode(document | {"data": {"evaluated_element": point}}))


# ── the web ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Crossing:
    """What went over the web once. ``response`` is None where none came in time."""

    at: datetime
    request: Request
    response: Response | None

    @property
    def parts(self) -> tuple[bytes, ...]:
        """Every byte that somebody on the way could read."""
        seen: list[bytes] = [self.request.url.encode(), self.request.body, *_headers(self.request.headers)]
        if self.response is not None:
            seen += [self.response.body, *_headers(self.response.headers)]
        return tuple(seen)


def _headers(headers: Any) -> list[bytes]:
    return [f"{name}: {value}".encode() for name, value in headers.items()]


class Host(Faults):
    """A server on the web, at ``url`` and everything below it."""

    def __init__(self, url: str, handle: Handle, clock: Clock) -> None:
        super().__init__(handle, clock)
        self.url = url.rstrip("/")


class MemoryWeb:
    """All hosts there are, and a log of all that crossed between them. An ``ocpi.http.Transport``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hosts: dict[str, Host] = {}
        self._working: set[asyncio.Task[Response]] = set()
        self.log: deque[Crossing] = deque(maxlen=KEPT)

    def host(self, url: str, handle: Handle) -> Host:
        """Put a server at an address, in the place of the one that is there."""
        found = Host(url, handle, self._clock)
        self._hosts[found.url] = found
        return found

    def unplug(self, url: str) -> None:
        """Take a server off the web."""
        self._hosts.pop(url.rstrip("/"), None)

    async def send(self, request: Request, *, by: Tick) -> Response:
        """Return the response; Offline where nobody is at the address, TimedOut where none came by ``by``."""
        response: Response | None = None
        try:
            response = await self._sent(request, by)
        finally:
            self.log.append(Crossing(self._clock.now(), request, response))
        return response

    def requests(self, part: str = "", method: str = "") -> list[Request]:
        """Return what was sent to addresses with ``part`` in them, oldest first."""
        return [each.request for each in self.log if part in each.request.url and method in {"", each.request.method}]

    async def close(self) -> None:
        """End what servers still do for callers that have gone."""
        working = list(self._working)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    async def _sent(self, request: Request, by: Tick) -> Response:
        host = self._at(request.url)
        parts = urlsplit(request.url)
        inside = parts._replace(scheme="", netloc="", fragment="").geturl()
        arrived = replace(request, url=inside, headers={name.lower(): text for name, text in request.headers.items()})
        work = asyncio.create_task(host.handle(arrived, address=ADDRESS))
        self._working.add(work)
        work.add_done_callback(self._done)
        return await self._within(work, by)

    async def _within(self, work: asyncio.Task[Response], by: Tick) -> Response:
        alarm = asyncio.ensure_future(self._clock.sleep_until(by))
        try:
            await asyncio.wait({work, alarm}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            alarm.cancel()
        if not work.done():
            raise TimedOut("no answer in time")
        return work.result()

    def _done(self, work: asyncio.Task[Response]) -> None:
        self._working.discard(work)
        if not work.cancelled():
            with suppress(Exception):
                work.result()

    def _at(self, url: str) -> Host:
        found = [each for each in self._hosts.values() if url == each.url or url.startswith(f"{each.url}/")]
        if not found:
            raise Offline(f"nobody at {urlsplit(url).netloc}")
        return max(found, key=lambda each: len(each.url))
