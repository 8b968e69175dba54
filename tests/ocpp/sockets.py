"""A server on loopback, and a client that can do everything a WebSocket client should not."""

import asyncio
import base64
import hashlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from evouch.charging.equipment import Wiring
from evouch.clock import Tick
from evouch.ids import OcppVersion
from evouch.ocpp.aio import Admission, ConnectionEvent, Knock, Limits, StationServer
from evouch.testing import ManualClock, SeededEntropy
from evouch.testing.clock import settle
from tests.ocpp.ears import Ear

TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 0x1, 0x2, 0x8, 0x9, 0xA, 0x0
KEY = base64.b64encode(bytes(range(16))).decode()


@dataclass
class Porter:
    """A gate that remembers who knocked. ``answer`` is an Admission, an exception, or a function of the knock."""

    answer: Any = field(default_factory=lambda: Admission(101))
    knocks: list[Knock] = field(default_factory=list)

    def admit(self, knock: Knock) -> Admission:
        self.knocks.append(knock)
        if isinstance(self.answer, Exception):
            raise self.answer
        admission = self.answer(knock) if callable(self.answer) else self.answer
        assert isinstance(admission, Admission)
        return admission


def by_password(knock: Knock) -> Admission:
    """Admit whoever has a password, which is the credential."""
    return Admission(101, credential=knock.password.text()) if knock.password else Admission(401)


@dataclass
class Site:
    """A running server, with everything around it."""

    server: StationServer
    ear: Ear
    gate: Porter
    clock: ManualClock
    events: list[ConnectionEvent]

    def kinds(self) -> list[str]:
        return [event.kind.value for event in self.events]

    async def knock(self, path: str = "/ocpp/CS1", **headers: Any) -> "Raw":
        raw = await Raw.to(self.server.port)
        await raw.ask(path, **headers)
        return raw

    async def join(self, path: str = "/ocpp/CS1", *, version: str = "ocpp2.1", password: str | None = None) -> "Raw":
        """Connect and wait until the server has answered a heartbeat."""
        extra = basic(path.rsplit("/", 1)[-1], password) if password is not None else {}
        raw = await self.knock(path, **{"Sec-WebSocket-Protocol": version}, **extra)
        assert raw.status == 101, raw.status
        await raw.heartbeat()
        return raw

    async def advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await until(lambda: True)


@asynccontextmanager
async def site(
    *,
    answer: Any = None,
    limits: Limits = Limits(),
    tls: ssl.SSLContext | None = None,
    wiring: Callable[[Any, OcppVersion], Wiring] = lambda station, version: Wiring(version),
    proxies: tuple[str, ...] = (),
) -> AsyncIterator[Site]:
    clock, events = ManualClock(), list[ConnectionEvent]()
    ear, gate = Ear(clock), Porter(answer or Admission(101))
    server = StationServer(
        ear,
        gate,
        wiring=wiring,
        clock=clock,
        entropy=SeededEntropy(),
        tls=tls,
        limits=limits,
        observe=events.append,
        proxies=proxies,
    )
    await server.start()
    try:
        yield Site(server, ear, gate, clock, events)
    finally:
        draining = asyncio.ensure_future(server.drain(Tick(clock.tick() + 1)))
        await clock.advance(1)
        await draining
        for raw in Raw.everybody:
            raw.writer.transport.abort()
        Raw.everybody.clear()
        await settle()


async def until(true: Callable[[], Any], seconds: float = 5.0) -> None:
    """Let sockets do their work until something holds; fail where it never does."""
    async with asyncio.timeout(seconds):
        await settle(5)
        while not true():
            await asyncio.sleep(0.001)


def basic(name: str, password: str | bytes) -> dict[str, str]:
    secret = password.encode() if isinstance(password, str) else password
    return {"Authorization": "Basic " + base64.b64encode(name.encode() + b":" + secret).decode()}


def frame(
    payload: bytes | str,
    kind: int = TEXT,
    *,
    fin: bool = True,
    mask: bool = True,
    rsv: int = 0,
    length: int | None = None,
) -> bytes:
    """Return a frame, right or wrong; ``length`` is what its header claims."""
    data = payload.encode() if isinstance(payload, str) else payload
    size, flag = len(data) if length is None else length, 0x80 if mask else 0
    head = bytes([(0x80 if fin else 0) | rsv << 4 | kind])
    if size < 126:
        head += bytes([flag | size])
    elif size < 1 << 16:
        head += bytes([flag | 126]) + struct.pack(">H", size)
    else:
        head += bytes([flag | 127]) + struct.pack(">Q", size)
    key = b"\x11\x22\x33\x44"
    masked = bytes(byte ^ key[i % 4] for i, byte in enumerate(data))
    return head + (key + masked if mask else data)


class Raw:
    """A TCP connection to the server, without any manners of its own. :func:`site` closes those that a test leaves."""

    everybody: ClassVar[list["Raw"]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""

    @classmethod
    async def to(cls, port: int, tls: ssl.SSLContext | None = None) -> "Raw":
        name = "localhost" if tls else None
        raw = cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name))
        cls.everybody.append(raw)
        return raw

    async def ask(self, path: str, *, method: str = "GET", **headers: Any) -> None:
        """Send an upgrade request and read the response. A header of None is left out, of a list sent twice."""
        sent: dict[str, Any] = {
            "Host": "127.0.0.1",
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": KEY,
            "Sec-WebSocket-Protocol": "ocpp2.1",
        } | headers
        lines = [f"{method} {path} HTTP/1.1"]
        for name, value in sent.items():
            lines += [f"{name}: {each}" for each in (value if isinstance(value, list) else [value]) if each is not None]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        await self.read_response()

    async def read_response(self) -> None:
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)).decode()
        first, *rest = head.strip().split("\r\n")
        self.status = int(first.split(" ")[1])
        self.headers = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in rest}

    def send(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))

    def say(self, text: str | bytes) -> None:
        self.send(frame(text))

    async def next(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame; (-1, b"") at the end of the connection."""
        try:
            head = await asyncio.wait_for(self.reader.readexactly(2), 5)
            size = head[1] & 0x7F
            if size == 126:
                (size,) = struct.unpack(">H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", await self.reader.readexactly(8))
            return head[0] & 0xF, await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return -1, b""

    async def text(self) -> str:
        """Return the next text message; pings of the server are passed over, unanswered."""
        kind, payload = await self.next()
        while kind == PING:
            kind, payload = await self.next()
        assert kind == TEXT, (kind, payload)
        return payload.decode()

    async def closed(self) -> int:
        """Return the close code the server sends, after whatever else it says; 1006 where it just goes."""
        while True:
            kind, payload = await self.next()
            if kind == CLOSE:
                self.send(frame(payload[:2], CLOSE))
                return int.from_bytes(payload[:2], "big")
            if kind == -1:
                return 1006

    async def heartbeat(self) -> None:
        """Ask for the time and see the answer: the connection is in order."""
        self.say('[2,"hb","Heartbeat",{}]')
        answer = await self.text()
        assert answer.startswith('[3,"hb",{"currentTime":'), answer

    async def gone(self) -> None:
        """Wait for the end of the connection."""
        while (await self.next())[0] != -1:
            pass

    def leave(self) -> None:
        self.writer.close()


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """A server of another kind: it does ``serve`` and hangs up."""
    ends = []

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()
        ends.append(writer)

    async with await asyncio.start_server(served, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await until(lambda: ends)
        await settle()


async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, protocol: str) -> None:
    """Answer an upgrade request, with or without a subprotocol."""
    request = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = next(line.split(": ")[1] for line in request.split("\r\n") if line.startswith("Sec-WebSocket-Key"))
    proof = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
    lines = ["HTTP/1.1 101 Switching", "Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Accept: {proof}"]
    lines += [f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
