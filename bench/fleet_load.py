"""The generator for a fleet that charges: each station sends its next CALL when the last one is answered."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.fleet import Charge
from bench.load import cpu_seconds

__all__ = ["Figure", "Fleet"]

TEXT = WSMsgType.TEXT


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement of one server."""

    answers: int
    wall: float
    #: CPU time of the server, all threads
    server: float
    #: share of its core that the generator used
    busy: float

    @property
    def microseconds(self) -> float:
        """Server CPU per answered CALL."""
        return self.server / max(1, self.answers) * 1e6


class _Station(WSListener):
    def __init__(self, fleet: "Fleet", charge: Charge) -> None:
        self._fleet = fleet
        self._charge = charge
        self._transport: WSTransport | None = None
        self._owes = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._transport = transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            self._fleet.strange(b"closed: " + frame.get_payload_as_bytes())
            transport.disconnect()
        elif frame.msg_type is TEXT:
            answer = frame.get_payload_as_bytes()
            if not answer.startswith(b"[3,"):
                self._fleet.strange(answer)
            self._fleet.answers += 1
            self._owes = False
            self._fleet.heard(self)

    def speak(self) -> None:
        """Send the next CALL, unless one is open or it is time to be quiet."""
        if self._fleet.talking and not self._owes and self._transport is not None:
            self._owes = True
            self._fleet.sent += 1
            self._transport.send(TEXT, self._charge.say())


class Fleet:
    """Connections of a fleet to one server. ``pace``: seconds that a station rests after each answer."""

    def __init__(self, port: int, pid: int, charges: Sequence[Charge], *, pace: float = 0.0) -> None:
        self._pace = pace
        self.talking = False
        self.answers = 0
        self.sent = 0
        self.errors: list[bytes] = []
        self._port = port
        self._pid = pid
        self._charges = charges
        self._stations: list[_Station] = []
        self._transports: list[WSTransport] = []

    async def connect(self, *, at_once: int = 50) -> None:
        """Connect everybody, a few at a time."""
        slots = asyncio.Semaphore(at_once)

        async def one(charge: Charge) -> None:
            async with slots:
                transport, station = await ws_connect(
                    lambda: _Station(self, charge),
                    f"ws://127.0.0.1:{self._port}/{charge.station}",
                    extra_headers={"Sec-WebSocket-Protocol": charge.version},
                    read_buffer_init_size=2048,
                    websocket_handshake_timeout=60,
                )
                assert isinstance(station, _Station)
                self._stations.append(station)
                self._transports.append(transport)

        await asyncio.gather(*(one(charge) for charge in self._charges))

    async def run(self, seconds: float) -> Figure:
        """Let everybody talk, measure for ``seconds`` once it runs evenly, then wait for the last answers."""
        self.talking = True
        for number, station in enumerate(self._stations):
            asyncio.get_running_loop().call_later(self._pace * number / len(self._stations), station.speak)
        await asyncio.sleep(self._pace + seconds / 3)
        answers, server, own, begin = self.answers, cpu_seconds(self._pid), time.process_time(), time.perf_counter()
        await asyncio.sleep(seconds)
        wall = time.perf_counter() - begin
        figure = Figure(
            answers=self.answers - answers,
            wall=wall,
            server=cpu_seconds(self._pid) - server,
            busy=(time.process_time() - own) / wall,
        )
        self.talking = False
        await self._quiet()
        return figure

    def heard(self, station: _Station) -> None:
        """Let a station that was answered go on, after its rest."""
        if self._pace:
            asyncio.get_running_loop().call_later(self._pace, station.speak)
        else:
            station.speak()

    def strange(self, frame: bytes) -> None:
        """Note what is no answer."""
        self.errors.append(frame[:150])

    async def close(self) -> None:
        """Disconnect everybody."""
        for transport in self._transports:
            transport.disconnect()
        await asyncio.gather(*(transport.wait_disconnected() for transport in self._transports))

    async def _quiet(self) -> None:
        async with asyncio.timeout(60):
            while self.answers < self.sent and not self.errors:
                await asyncio.sleep(0.01)
