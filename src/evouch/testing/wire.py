"""OCPP connections in memory, with the faults of real ones at the test's command.

Server and client are the real ones (``ocpp.aio``) with their gate, pings, limits and rules
of replacement; only the sockets between them are not. So a story that is told here under
a manual clock can be told again, word for word, over sockets.

::

    stations = WiredStations(backend, gate, wiring=…, clock=clock, entropy=entropy)
    client = await stations.connect(station=…, version=…, …)     # as StationClient.connect
    stations.wire(station).hold()                                # half-open from here on
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from picows import WSCloseCode, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, WSUpgradeResponse

from evouch.charging.dialogue import Backend, Entrance, Link, Order, Unspeakable
from evouch.charging.equipment import Wiring
from evouch.clock import Clock, Entropy, Tick
from evouch.errors import Offline, PeerRefused, Unreachable
from evouch.ids import OcppVersion, StationId
from evouch.ocpp.aio import ConnectionInfo, Gate, Limits, Observe, StationClient, StationServer
from evouch.ocpp.aio_client import Line, Open, refused
from evouch.ocpp.aio_limits import LIMITS, unobserved
from evouch.ocpp.aio_protocol import Arrival
from evouch.ocpp.gate import station_of

__all__ = ["Wire", "WiredStations"]

A = TypeVar("A")

_TEXT: Final = WSMsgType.TEXT
_SWITCHING: Final = 101


@dataclass(slots=True)
class _Frame:
    """A WebSocket frame, as far as ``ocpp.aio`` looks at one."""

    msg_type: WSMsgType
    payload: bytes
    fin: bool = True
    rsv1: bool = False
    rsv2: bool = False
    rsv3: bool = False

    @property
    def payload_size(self) -> int:
        return len(self.payload)

    def get_payload_as_bytes(self) -> bytes:
        return self.payload

    get_payload_as_memoryview = get_payload_as_bytes


class _End:
    """One end of a wire: what picows' transport is to a listener."""

    def __init__(self, wire: "Wire") -> None:
        self.request = _request("/", {})
        self.response: Any = None
        self.is_close_frame_sent = False
        self.is_disconnected = False
        self.listener: WSListener | None = None
        self.other: _End = self
        self._wire = wire
        self._arrived: deque[_Frame | None] = deque()
        self._paused = False

    # what a listener calls on its transport

    def send(self, kind: WSMsgType, message: bytes) -> None:
        if not (self.is_close_frame_sent or self.is_disconnected):
            self._wire.carry(self.other, _Frame(kind, message))

    def send_ping(self) -> None:
        self.send(WSMsgType.PING, b"")

    def send_pong(self, message: bytes = b"") -> None:
        self.send(WSMsgType.PONG, message)

    def send_close(self, code: WSCloseCode = WSCloseCode.NO_INFO, reason: bytes = b"") -> None:
        self.send(WSMsgType.CLOSE, code.value.to_bytes(2, "big") + reason)
        self.is_close_frame_sent = True

    def disconnect(self, graceful: bool = True) -> None:  # noqa: FBT001, FBT002 — as picows has it
        if not self.is_disconnected:
            self._wire.carry(self.other, None)
            self.lose()

    # and on the transport under it

    @property
    def underlying_transport(self) -> "_End":
        return self

    def set_write_buffer_limits(self, high: int) -> None:
        pass

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        asyncio.get_running_loop().call_soon(self._read)

    # what the wire does

    def arrive(self, frame: _Frame | None) -> None:
        self._arrived.append(frame)
        self._read()

    def lose(self) -> None:
        self.is_disconnected = True
        asyncio.get_running_loop().call_soon(self._tell_lost)

    def _tell_lost(self) -> None:
        if self.listener is not None:
            listener, self.listener = self.listener, None
            listener.on_ws_disconnected(cast("WSTransport", self))

    def _read(self) -> None:
        while self._arrived and not self._paused and self.listener is not None and not self.is_disconnected:
            frame = self._arrived.popleft()
            if frame is None:
                self.lose()
            else:
                self.listener.on_ws_frame(cast("WSTransport", self), cast("Any", frame))


class Wire:
    """One connection in memory. Faults that count messages count OCPP messages, in both directions together."""

    def __init__(self) -> None:
        self.station = _End(self)
        self.backend = _End(self)
        self.station.other, self.backend.other = self.backend, self.station
        self._held: list[tuple[_End, _Frame | None]] | None = None
        self._drops = 0
        self._doubles = 0
        self._swapped: tuple[_End, _Frame] | None = None
        self._swaps = False

    def hold(self) -> None:
        """Deliver nothing, pings and the end included, until :meth:`release`: a half-open connection."""
        self._held = [] if self._held is None else self._held

    def release(self) -> None:
        """Deliver what was held, in order, and go on."""
        held, self._held = self._held or [], None
        for end, frame in held:
            self._deliver(end, frame)

    def drop(self, count: int = 1) -> None:
        """Lose the next ``count`` messages."""
        self._drops += count

    def duplicate(self, count: int = 1) -> None:
        """Deliver each of the next ``count`` messages twice."""
        self._doubles += count

    def reorder(self) -> None:
        """Deliver the next message after the one that follows it."""
        self._swaps = True

    def cut(self) -> None:
        """End the connection at both ends, with whatever is under way."""
        self._held = None
        for end in (self.station, self.backend):
            end.lose()

    def carry(self, end: _End, frame: _Frame | None) -> None:
        """Take a frame, or None for the end of the connection, on its way to ``end``."""
        copies = self._copies(frame)
        if copies and frame is not None and frame.msg_type is _TEXT and self._swaps:
            self._swaps, self._swapped = False, (end, frame)
            return
        for _ in range(copies):
            self._send(end, frame)
        if copies and self._swapped is not None:
            late, self._swapped = self._swapped, None
            self._send(*late)

    def _copies(self, frame: _Frame | None) -> int:
        if frame is None or frame.msg_type is not _TEXT:
            return 1
        if self._drops:
            self._drops -= 1
            return 0
        if self._doubles:
            self._doubles -= 1
            return 2
        return 1

    def _send(self, end: _End, frame: _Frame | None) -> None:
        if self._held is not None:
            self._held.append((end, frame))
        else:
            self._deliver(end, frame)

    def _deliver(self, end: _End, frame: _Frame | None) -> None:
        asyncio.get_running_loop().call_soon(end.arrive, frame)


#: Where a wire comes from, unless a test says otherwise.
_WIRE: Final = Entrance(address="192.0.2.1")


class _Visitor:
    """Stands before the server's door instead of a TCP connection."""

    def __init__(self, entrance: Entrance) -> None:
        self._about: dict[str, Any] = {"peername": (entrance.address, 0)}
        if entrance.tls:
            self._about["ssl_object"] = _Tls(entrance.certificate)

    def about(self, name: str) -> Any:
        return self._about.get(name)


class _Tls:
    """What the door asks of an SSL object, whose context has verified the certificate."""

    verify_mode = ssl.CERT_OPTIONAL

    def __init__(self, certificate: bytes | None) -> None:
        self._certificate = certificate
        self.context = self

    def getpeercert(self, *, binary_form: bool) -> bytes | None:
        return self._certificate if binary_form else None


class WiredStations:
    """A :class:`~evouch.ocpp.aio.StationServer` without sockets: stations reach it by :meth:`connect`."""

    def __init__(
        self,
        backend: Backend,
        gate: Gate,
        *,
        wiring: Callable[[StationId, OcppVersion], Wiring],
        clock: Clock,
        entropy: Entropy,
        limits: Limits = LIMITS,
        observe: Observe = unobserved,
        proxies: Iterable[str] = (),
    ) -> None:
        self.server = StationServer(
            backend,
            gate,
            wiring=wiring,
            clock=clock,
            entropy=entropy,
            limits=limits,
            observe=observe,
            proxies=proxies,
        )
        self._clock = clock
        self._entropy = entropy
        self._wires: dict[StationId, Wire] = {}

    async def connect(self, *, entrance: Entrance = _WIRE, **station: Any) -> StationClient:
        """Connect a station: arguments, result and errors of :meth:`StationClient.connect`, without its URL.

        ``entrance`` is what the server shall see of the transport: address, TLS, certificate.
        """
        station.setdefault("clock", self._clock)
        station.setdefault("entropy", self._entropy)
        return await StationClient.connect("ws://wire", **station, open=self._way(entrance))

    def wire(self, station: StationId) -> Wire:
        """Return the station's newest wire."""
        return self._wires[station]

    async def call(
        self, station: StationId, order: Order[A], *, by: Tick
    ) -> A | Unspeakable | PeerRefused | Unreachable:
        """Return the station's answer, or the error as a value."""
        return await self.server.call(station, order, by=by)

    def connections(self) -> list[ConnectionInfo]:
        """Return the live connections."""
        return self.server.connections()

    def disconnect(self, station: StationId, reason: str) -> bool:
        """Close a station's connection; return whether there was one."""
        return self.server.disconnect(station, reason)

    def promote(self, link: Link) -> bool:
        """Make a candidate its station's connection."""
        return self.server.promote(link)

    def hang_up(self, link: Link, reason: str, code: int = 1008) -> bool:
        """Close this one connection; False where it is gone."""
        return self.server.hang_up(link, reason, code)

    async def drain(self, by: Tick) -> None:
        """Close every connection with 1001."""
        await self.server.drain(by)

    def _way(self, entrance: Entrance) -> Open:
        async def open(
            url: str, line: Line, headers: dict[str, str], _tls: ssl.SSLContext | None, _limits: Limits
        ) -> WSTransport:
            return await self._open(entrance, url, line, headers)

        return open

    async def _open(self, entrance: Entrance, url: str, line: Line, headers: dict[str, str]) -> WSTransport:
        await asyncio.sleep(0)
        request = _request(url.removeprefix("ws://wire"), headers)
        answer = self.server.door.knocked(cast("Arrival", _Visitor(entrance)), request)
        if int(answer.response.status) != _SWITCHING:
            raise refused(answer.response)
        wire = Wire()
        self._wires[station_of(url)] = wire
        for end, listener in ((wire.station, line), (wire.backend, answer.listener)):
            end.response, end.listener = answer.response, listener
            listener.on_ws_connected(cast("WSTransport", end))
        if wire.station.is_disconnected:
            raise Offline("the connection was closed during the handshake")
        return cast("WSTransport", wire.station)


def _request(path: str, headers: dict[str, str]) -> WSUpgradeRequest:
    request = WSUpgradeRequest()
    request.method, request.version, request.path = b"GET", b"HTTP/1.1", path.encode()
    # A response's headers happen to be those of a request: Connection and Upgrade.
    request.headers = WSUpgradeResponse.create_101_response({"Sec-WebSocket-Version": "13", **headers}).headers
    return request
