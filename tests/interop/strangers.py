"""What all strangers share: a tape of the frames, and codes computed from the paper alone.

A stranger is the PyPI package ``ocpp`` over the PyPI package ``websockets``: other hands,
other schemas' checker, other habits. Nothing of ours helps it: what it knows, it was told
over the wire. Where the package itself errs, the stranger works around it and says so.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

import ocpp.routing

from evouch.clock import SystemClock, Tick

__all__ = ["VERSIONS", "Hurried", "Tape", "after", "matches", "on", "totp", "until", "utc"]

#: Subprotocol → what the package calls the version.
VERSIONS = {"ocpp1.6": "1.6", "ocpp2.0.1": "2.0.1", "ocpp2.1": "2.1"}

H = TypeVar("H", bound=Callable[..., Any])

#: The package's routing decorators, with the types that it does not ship.
on: Callable[[str], Callable[[H], H]] = ocpp.routing.on
after: Callable[[str], Callable[[H], H]] = ocpp.routing.after


class _Socket(Protocol):
    async def recv(self) -> str | bytes: ...
    async def send(self, message: str) -> None: ...


class Tape:
    """A WebSocket of ``websockets``, as the package uses one, that keeps every frame as it was on the wire.

    Needed beside the package because it hands over payloads with re-cased keys, also inside
    free-form data.
    """

    def __init__(self, socket: _Socket) -> None:
        self.socket = socket
        self.heard: list[Any] = []
        self.said: list[Any] = []
        self.raw: list[str] = []

    async def recv(self) -> str | bytes:
        text = await self.socket.recv()
        self.raw.append(text if isinstance(text, str) else text.decode())
        self.heard.append(json.loads(text))
        return text

    async def send(self, message: str) -> None:
        self.said.append(json.loads(message))
        await self.socket.send(message)

    def calls(self, action: str) -> list[Any]:
        """Return the payloads of the CALLs of one kind that came, oldest first."""
        return [frame[3] for frame in self.heard if frame[0] == 2 and frame[2] == action]

    def answer(self, id: str) -> Any:
        """Return the answer to the CALL of that id, as it came; None while there is none."""
        return next((frame for frame in self.heard if frame[0] in (3, 4) and frame[1] == id), None)

    @property
    def unanswered(self) -> set[str]:
        """The ids of CALLs that came and were not answered yet."""
        answered = {frame[1] for frame in self.said if frame[0] in (3, 4)}
        return {frame[1] for frame in self.heard if frame[0] == 2} - answered

    @property
    def refusals(self) -> list[Any]:
        """The CALLERRORs of either side: empty as long as both checked schemas agree."""
        return [frame for frame in (*self.heard, *self.said) if frame[0] == 4]


def utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def totp(secret: str, slot: int, length: int) -> str:
    """Compute a code as the paper "Secure Dynamic QR-Codes for OCPP" says; deliberately not with our own module."""
    digest = hmac.new(secret.encode(), slot.to_bytes(8, "big"), hashlib.sha256).digest()
    offset = digest[31] & 15
    return "".join(ALPHABET[digest[(offset + i) % 32] % 62] for i in range(length))


def matches(code: str, secret: str, at: datetime, *, validity: int, length: int) -> bool:
    """Return whether a code is that of the slot around ``at`` or of a neighbour."""
    slot = int(at.timestamp()) // validity
    return code in {totp(secret, near, length) for near in (slot - 1, slot, slot + 1)}


async def until(condition: Callable[[], Any], seconds: float = 8.0) -> Any:
    """Wait until something is there, and return it."""
    async with asyncio.timeout(seconds):
        while not (found := condition()):
            await asyncio.sleep(0.005)
        return found


class Hurried(SystemClock):
    """The machine's clock, with deadlines that come ``times`` as soon, for what peers have ten seconds for."""

    def __init__(self, times: int = 1) -> None:
        self._times = times
        #: a leap of the wall clock, for operator and station alike: minutes of charging pass in no time
        self.ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead

    def tick(self) -> Tick:
        return Tick(time.monotonic() * self._times)

    async def sleep_until(self, tick: Tick) -> None:
        await asyncio.sleep(max(0.0, tick / self._times - time.monotonic()))
