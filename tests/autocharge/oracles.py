"""eMSPs as an operator meets them: honest, slow, dead, refusing, lying."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from evouch.autocharge.asking import Asking, Enough, Heard
from evouch.autocharge.breaker import BreakerTerms
from evouch.autocharge.mac import MacFilter
from evouch.clock import Tick
from evouch.ids import KeyBytes, Mac
from evouch.oprf.keys import PrivateKey
from evouch.oprf.server import Evaluator
from evouch.testing import ManualClock, SeededEntropy

CAR = Mac(bytes.fromhex("0C298F3141F2"))

Sign = Callable[[bytes, Tick], Awaitable[bytes]]


def evaluator(name: str) -> Evaluator:
    """An eMSP's key, made of its name."""
    return Evaluator(PrivateKey.from_bytes(KeyBytes(name.encode().rjust(32, b"\1"))))


def vid_at(name: str, mac: Mac = CAR) -> str:
    """What an eMSP's own key makes of an address: the other way to the same VID."""
    return evaluator(name).output(mac.reveal()).hex()


@dataclass
class Emsp:
    """An honest eMSP, unless ``behave`` does otherwise. ``seen`` are the points that it was sent."""

    name: str
    behave: Sign | None = None
    seen: list[bytes] = field(default_factory=list)

    async def sign(self, blinded: bytes, *, by: Tick) -> bytes:
        self.seen.append(blinded)
        return await self.behave(blinded, by) if self.behave else evaluator(self.name).evaluate(blinded)


def raising(error: Exception) -> Sign:
    async def sign(blinded: bytes, by: Tick) -> bytes:
        raise error

    return sign


def saying(answer: bytes) -> Sign:
    async def sign(blinded: bytes, by: Tick) -> bytes:
        return answer

    return sign


async def dead(blinded: bytes, by: Tick) -> bytes:
    """Never answers, and does not stop when it is told to, but for the end of the test."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) and task.cancelling() > 1:
                raise


@dataclass
class Plug:
    """An operator's asking, on a clock that moves when told to."""

    breaker: BreakerTerms = field(default_factory=BreakerTerms)
    filter: MacFilter | None = None
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.asking = Asking(self.clock, SeededEntropy(), filter=self.filter, breaker=self.breaker)

    def slow(self, name: str, seconds: float) -> Emsp:
        """An honest eMSP that takes its time."""

        async def sign(blinded: bytes, by: Tick) -> bytes:
            await self.clock.sleep_until(Tick(self.clock.tick() + seconds))
            return evaluator(name).evaluate(blinded)

        return Emsp(name, sign)

    async def ask(self, *emsps: Emsp, mac: Mac = CAR, seconds: float = 5.0, enough: Enough | None = None) -> Heard:
        """Ask, and move the clock on in tenths of a second until the answer is there."""
        by = Tick(self.clock.tick() + seconds)
        task = asyncio.create_task(self.asking.ask(mac, emsps, by=by, enough=enough))
        await self.clock.advance()
        for _ in range(int(seconds * 10) + 10):
            if task.done():
                return task.result()
            await self.clock.advance(0.1)
        raise AssertionError("still asking after the deadline")
