"""A lean generator of load: many stations over picows, each sending its next CALL when the last one is answered."""

import asyncio
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from picows import WSFrame, WSInvalidStatusError, WSListener, WSMsgType, WSTransport, ws_connect

__all__ = [
    "HEARTBEAT",
    "METER_VALUES",
    "Measured",
    "Stations",
    "cpu_seconds",
    "many_files",
    "resident",
    "waited_seconds",
]

TEXT = WSMsgType.TEXT
#: Frames with a place for the number that makes their id unique.
HEARTBEAT = b'[2,"%d","Heartbeat",{}]'
METER_VALUES = (
    b'[2,"%d","MeterValues",{"connectorId":1,"transactionId":1234,"meterValue":[{"timestamp":"2026-11-20T10:00:00Z",'
    b'"sampledValue":[{"value":"123456","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register",'
    b'"unit":"Wh"},{"value":"7200.0","context":"Sample.Periodic","measurand":"Power.Active.Import","unit":"W"},'
    b'{"value":"16.0","context":"Sample.Periodic","measurand":"Current.Import","phase":"L1","unit":"A"}]}]}]'
)


def many_files() -> None:
    """Allow as many open files as the system lets us."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, all its threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waited_seconds(pid: int) -> float:
    """Return for how long a process's first thread was ready to run while its core was somebody else's (Linux)."""
    path = Path(f"/proc/{pid}/schedstat")
    return int(path.read_text().split()[1]) / 1e9 if path.exists() else 0.0


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Station(WSListener):
    """One station. It runs while ``frame`` is not None."""

    def __init__(self, load: "Stations") -> None:
        self._load = load
        self._transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        load = self._load
        if frame.msg_type is not TEXT:
            load.strange(transport, frame)
            return
        message = frame.get_payload_as_bytes()
        if message.startswith(b"[2"):  # a CALL of the server's own: not one of ours to answer with more than no
            transport.send(TEXT, b'[4,"%b","NotSupported","",{}]' % message.split(b'"', 2)[1])
            return
        if not message.startswith(b"[3"):
            load.errors.append(message)
        load.answers += 1
        if load.frame is not None:
            load.sent += 1
            transport.send(TEXT, load.frame % load.sent)

    def start(self) -> None:
        load = self._load
        if self._transport is not None and load.frame is not None:
            load.sent += 1
            self._transport.send(TEXT, load.frame % load.sent)


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement."""

    answers: int
    server_seconds: float
    busy: float

    @property
    def microseconds(self) -> float:
        """Server CPU per answered CALL."""
        return self.server_seconds / max(1, self.answers) * 1e6


class Stations:
    """Connections to one server."""

    def __init__(self, port: int, pid: int, *, prefix: str = "BENCH") -> None:
        self.frame: bytes | None = None
        self.sent = 0
        self.answers = 0
        self.errors: list[bytes] = []
        self._prefix = prefix
        self._port = port
        self._pid = pid
        self._stations: list[Station] = []
        self._transports: list[WSTransport] = []

    @property
    def count(self) -> int:
        """How many are connected."""
        return len(self._stations)

    async def connect(self, count: int, *, version: str = "ocpp1.6", at_once: int = 50) -> None:
        """Connect ``count`` stations more, a few at a time."""
        slots = asyncio.Semaphore(at_once)

        async def one(number: int) -> None:
            async with slots:
                await self._open(f"{self._prefix}-{number:05d}", version)

        first = len(self._stations)
        await asyncio.gather(*(one(first + number) for number in range(count)))

    async def _open(self, name: str, version: str) -> None:
        while True:
            try:
                transport, station = await ws_connect(
                    lambda: Station(self),
                    f"ws://127.0.0.1:{self._port}/{name}",
                    extra_headers={"Sec-WebSocket-Protocol": version},
                    read_buffer_init_size=2048,
                    websocket_handshake_timeout=60,
                )
            except WSInvalidStatusError as refused:
                if refused.response is None or refused.response.status != HTTPStatus.SERVICE_UNAVAILABLE:
                    raise
                await asyncio.sleep(1)  # it asked for more; a bench is in a hurry
            else:
                assert isinstance(station, Station)
                self._stations.append(station)
                self._transports.append(transport)
                return

    async def run(self, frame: bytes, seconds: float) -> Measured:
        """Send ``frame`` for ``seconds`` from every station, one CALL at a time."""
        self.frame = frame
        for station in self._stations:
            station.start()
        await asyncio.sleep(seconds / 4)  # until everything is warm
        answers, server, own, begin = self.answers, cpu_seconds(self._pid), time.process_time(), time.perf_counter()
        await asyncio.sleep(seconds)
        wall = time.perf_counter() - begin
        measured = Measured(
            answers=self.answers - answers,
            server_seconds=cpu_seconds(self._pid) - server,
            busy=(time.process_time() - own) / wall,
        )
        self.frame = None
        await self._until(lambda: self.answers == self.sent)
        return measured

    async def each_says(self, frame: bytes) -> None:
        """Let every station send ``frame`` once, and wait for the answers."""
        self.frame = frame
        for station in self._stations:
            station.start()
            self.frame = frame
            if self.sent % 100 == 0:
                await asyncio.sleep(0)
        self.frame = None
        await self._until(lambda: self.answers >= self.sent)

    async def close(self) -> None:
        """Disconnect everybody."""
        for transport in self._transports:
            transport.disconnect()
        await asyncio.gather(*(transport.wait_disconnected() for transport in self._transports))
        self._stations.clear()
        self._transports.clear()

    def strange(self, transport: WSTransport, frame: WSFrame) -> None:
        """Note what is no answer; pings are answered by picows."""
        if frame.msg_type is WSMsgType.CLOSE:
            self.errors.append(b"closed: " + frame.get_payload_as_bytes())
            transport.disconnect()

    async def _until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not true():
                await asyncio.sleep(0.01)
