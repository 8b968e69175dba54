"""The generators of ``bench.identity_storm``: stations that come and prove themselves, and those who cannot."""

import asyncio
import base64
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from bench.identity_fleet import BOOT, Prover
from bench.load import cpu_seconds

__all__ = ["STEPS", "Figure", "Nuisance", "storm"]

TEXT: Final = WSMsgType.TEXT
#: What a station waits for, one after the other.
STEPS: Final = ("connect", "boot answered", "challenged", "proven", "accepted")
#: Stations behind one address: what a router of a site has, and below what one address may ask of a server.
PER_ADDRESS: Final = 50
#: Seconds that a storm may take.
PATIENCE: Final = 120.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One storm at one server."""

    stations: int
    wall: float
    #: CPU seconds of the server, all threads, until the last station was accepted
    server: float
    #: share of its core that the generator used
    busy: float
    #: step → seconds of each station
    steps: dict[str, list[float]]
    #: bad handshakes that the server has dealt with meanwhile
    bad: int
    #: stations that were not told to boot again, and did it after their interval
    forgotten: int
    errors: list[str]

    @property
    def milliseconds(self) -> float:
        """Server CPU per good station."""
        return self.server / self.stations * 1e3


def address(number: int, *, net: int = 0) -> tuple[str, int]:
    """Return a loopback address to come from: whole fleets do not sit behind one."""
    return f"127.{net}.{number // 250 % 250}.{number % 250 + 2}", 0


async def _open(port: int, listener: WSListener, prover: Prover, source: tuple[str, int]) -> WSTransport:
    transport, _ = await ws_connect(
        lambda: listener,
        f"ws://127.0.0.1:{port}/{prover.name}",
        extra_headers={"Sec-WebSocket-Protocol": "ocpp1.6", "Authorization": prover.authorization},
        read_buffer_init_size=2048,
        websocket_handshake_timeout=60,
        local_addr=source,
    )
    if transport.is_disconnected:  # closed before it was answered, which picows does not call an error
        raise ConnectionError("the server closed the connection during the handshake")
    return transport


class _Good(WSListener):
    """A station on its way in: each thing that it waits for ends one step and begins the next."""

    def __init__(self, storm: "_Storm", prover: Prover) -> None:
        self._storm, self._prover = storm, prover
        self._began = time.perf_counter()
        self._step = 0
        self._boots = 0

    def on_ws_connected(self, transport: WSTransport) -> None:
        self._ends(0)
        self._boot(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            self._storm.strange(f"closed: {frame.get_payload_as_bytes()[:80]!r}")
            transport.disconnect()
        elif frame.msg_type is TEXT:
            self._hear(transport, frame.get_payload_as_bytes())

    def _hear(self, transport: WSTransport, frame: bytes) -> None:
        if frame.startswith(b"[2"):
            self._ordered(transport, frame)
        elif b'"Pending"' in frame:
            if self._step == 1:
                self._ends(1)
            interval = json.loads(frame)[2]["interval"]
            asyncio.get_running_loop().call_later(interval, self._boot_by_itself, transport)
        elif b'"Accepted"' in frame:
            if self._step == 3:  # it has booted by itself, and was not told to
                self._storm.forgotten += 1
            self._step = max(self._step, 4)
            if self._step == 4:
                self._ends(4)
                self._storm.accepted()
        else:
            self._storm.strange(frame[:120].decode())

    def _boot(self, transport: WSTransport) -> None:
        self._boots += 1
        transport.send(TEXT, BOOT % b"%d" % self._boots)

    def _boot_by_itself(self, transport: WSTransport) -> None:
        """Do what a pending station does after its interval, triggered or not."""
        if self._step < len(STEPS) and not self._storm.done.is_set():
            self._boot(transport)

    def _ordered(self, transport: WSTransport, frame: bytes) -> None:
        action, answer = self._prover.hear(frame)
        if action == "SignedChallenge":
            self._ends(2)
        transport.send(TEXT, answer)
        if action == "SignedChallenge":
            self._began = time.perf_counter()
        elif action == "TriggerMessage" and self._step == 3:
            self._ends(3)
            self._boot(transport)

    def _ends(self, step: int) -> None:
        now = time.perf_counter()
        if step != self._step:
            self._storm.strange(f"{STEPS[step]} came where {STEPS[self._step]} was awaited")
        self._storm.steps[STEPS[step]].append(now - self._began)
        self._began, self._step = now, step + 1


@dataclass(slots=True)
class _Storm:
    """What is true of all stations of one storm."""

    awaited: int
    done: asyncio.Event = field(default_factory=asyncio.Event)
    steps: dict[str, list[float]] = field(default_factory=lambda: {step: [] for step in STEPS})
    errors: list[str] = field(default_factory=list)
    forgotten: int = 0

    def accepted(self) -> None:
        self.awaited -= 1
        if not self.awaited:
            self.done.set()

    def strange(self, what: str) -> None:
        self.errors.append(what)
        if len(self.errors) > 20:
            self.done.set()


async def storm(port: int, pid: int, fleet: Sequence[Prover], *, rate: float, nuisance: "Nuisance") -> Figure:
    """Let the fleet in, ``rate`` stations a second, and wait until the last one is accepted."""
    it = _Storm(len(fleet))
    transports: list[WSTransport] = []

    async def arrive(number: int, prover: Prover) -> None:
        await asyncio.sleep(number / rate)
        try:
            transports.append(await _open(port, _Good(it, prover), prover, address(number // PER_ADDRESS)))
        except Exception as error:  # noqa: BLE001 — whatever keeps a station out makes the run invalid
            it.strange(repr(error))

    pestering = asyncio.create_task(nuisance.run())
    server, own, begin = cpu_seconds(pid), time.process_time(), time.perf_counter()
    arrivals = [asyncio.create_task(arrive(number, prover)) for number, prover in enumerate(fleet)]
    try:
        async with asyncio.timeout(PATIENCE):
            await it.done.wait()
    except TimeoutError:
        through = ", ".join(f"{step} {len(times)}" for step, times in it.steps.items())
        it.errors.append(f"{it.awaited} of {len(fleet)} stations were not accepted ({through})")
    wall = time.perf_counter() - begin
    figure = Figure(
        stations=len(fleet),
        wall=wall,
        server=cpu_seconds(pid) - server,
        busy=(time.process_time() - own) / wall,
        steps=it.steps,
        bad=nuisance.done,
        forgotten=it.forgotten,
        errors=it.errors + nuisance.errors,
    )
    for task in (pestering, *arrivals):
        task.cancel()
    await asyncio.gather(pestering, *arrivals, return_exceptions=True)
    for transport in transports:
        transport.disconnect()
    await asyncio.gather(*(transport.wait_disconnected() for transport in transports))
    return figure


class Nuisance:
    """Nobody: the storm has the server for itself."""

    #: every handshake from another address of many, so that no limit per address spares the server its work
    addresses: Final = 20_000
    _numbers: Iterator[int] = count()

    def __init__(self) -> None:
        self.done = 0
        self.errors: list[str] = []

    async def run(self) -> None:
        """Pester the server until cancelled."""

    def _source(self, number: int) -> tuple[str, int]:
        return address(number % self.addresses, net=1)


class _Bad(Nuisance):
    """``rate`` bad handshakes a second, whether or not the server keeps up."""

    def __init__(self, port: int, thieves: Sequence[Prover], rate: float) -> None:
        super().__init__()
        self._port, self._thieves, self._rate = port, thieves, rate

    async def run(self) -> None:
        began, sent = time.perf_counter(), 0
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                due = int((time.perf_counter() - began) * self._rate)
                for _ in range(due - sent):
                    task = asyncio.create_task(self._safely(next(self._numbers)))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                sent = max(sent, due)
                await asyncio.sleep(0.005)
        finally:
            for task in tasks:
                task.cancel()

    async def _safely(self, number: int) -> None:
        thief = self._thieves[number % len(self._thieves)]
        try:
            await self.once(thief, self._source(number))
        except (TimeoutError, OSError) as error:
            self.errors.append(repr(error))

    async def once(self, thief: Prover, source: tuple[str, int]) -> None:
        raise NotImplementedError


class WrongPasswords(_Bad):
    """The name of a station, another password: a whole TCP connection and a request, answered 401."""

    async def once(self, thief: Prover, source: tuple[str, int]) -> None:
        login = base64.b64encode(f"{thief.name}:a guess".encode()).decode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=source)
        writer.write(
            f"GET /{thief.name} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: Basic {login}\r\n\r\n".encode()
        )
        status = await reader.readline()
        writer.close()
        if b" 401 " not in status:
            self.errors.append(f"a wrong password was answered {status!r}")
        self.done += 1


class BadProofs(_Bad):
    """The right password and a false signature: a WebSocket, a boot, a challenge, a proof that is judged to its end."""

    async def once(self, thief: Prover, source: tuple[str, int]) -> None:
        lie = _Lie(self, thief)
        transport = await _open(self._port, lie, thief, source)
        await transport.wait_disconnected()


class _Lie(WSListener):
    def __init__(self, nuisance: BadProofs, thief: Prover) -> None:
        self._nuisance, self._thief = nuisance, thief

    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.send(TEXT, BOOT % b"1")

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is WSMsgType.CLOSE:
            transport.disconnect()
        elif frame.msg_type is TEXT:
            self._hear(transport, frame.get_payload_as_bytes())

    def _hear(self, transport: WSTransport, frame: bytes) -> None:
        if b'"Accepted"' in frame:
            self._nuisance.errors.append("a thief was accepted")
        if frame.startswith(b"[2"):
            action, answer = self._thief.hear(frame)
            transport.send(TEXT, answer)
            if action == "SignedChallenge":
                self._nuisance.done += 1
                transport.disconnect()
