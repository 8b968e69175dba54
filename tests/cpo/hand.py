"""A station whose frames are written by hand, over the real door and the real server, on a wire in memory."""

import base64
import json
from typing import Any

from picows import WSMsgType

from evouch.charging.dialogue import Entrance
from evouch.identity.keys import PrivateKey
from evouch.identity.proof import prove
from evouch.ids import StationId
from evouch.testing.town import Town
from tests.station.keys import ED25519

CALL, RESULT, ERROR = 2, 3, 4
HOME = Entrance(address="192.0.2.10")
BOOT_16 = {"chargePointModel": "M", "chargePointVendor": "V", "firmwareVersion": "1.0"}
BOOT_2 = {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V", "firmwareVersion": "1.0"}}
TIME = "2024-05-23T00:23:05Z"
START = {"connectorId": 1, "idTag": "CARD", "meterStart": 1000, "timestamp": TIME}


def stop(transaction: int, meter: int = 6000) -> dict[str, Any]:
    return {"transactionId": transaction, "meterStop": meter, "timestamp": TIME, "reason": "Local"}


def reading(transaction: int, meter: int) -> dict[str, Any]:
    value = {"timestamp": TIME, "sampledValue": [{"value": str(meter)}]}
    return {"connectorId": 1, "transactionId": transaction, "meterValue": [value]}


class Hand:
    """One connection. ``frames`` is everything that came over it, in order; ``close`` the code it ended with."""

    def __init__(self, town: Town, version: str = "ocpp1.6", id: str = "CS-1") -> None:
        self.town, self.version, self.id = town, version, StationId(id)
        self.frames: list[list[Any]] = []
        self.close: int | None = None
        #: it answers nothing by itself
        self.deaf = False
        self._calls = 0
        self._transport: Any = None

    async def open(self, entrance: Entrance = HOME, password: bytes | None = None) -> "Hand":
        headers = {"Sec-WebSocket-Protocol": self.version}
        if password is not None:
            pair = base64.b64encode(self.id.encode() + b":" + password).decode()
            headers["Authorization"] = f"Basic {pair}"
        way = self.town.server._way(entrance)
        self._transport = await way(f"ws://wire/{self.id}", self, headers, None, None)
        await self.town.wait(0)
        return self

    # what a wire calls

    def on_ws_connected(self, _transport: Any) -> None:
        pass

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        message = frame.get_payload_as_bytes()
        if frame.msg_type.name == "PING":
            transport.send_pong(message)
        elif frame.msg_type.name == "CLOSE":
            self.close = int.from_bytes(message[:2], "big")
            transport.disconnect()
        elif frame.msg_type.name == "TEXT":
            self.frames.append(json.loads(message))
            self._obey(self.frames[-1])

    def on_ws_disconnected(self, _transport: Any) -> None:
        self.close = self.close or 1006

    def _obey(self, frame: list[Any]) -> None:
        """Answer what is of no interest: triggers are accepted, the rest is not supported."""
        if self.deaf:
            return
        if frame[0] == CALL and frame[2] == "TriggerMessage":
            self.write([RESULT, frame[1], {"status": "Accepted"}])
        elif frame[0] == CALL and frame[2] != "SignedChallenge":
            self.write([ERROR, frame[1], "NotSupported", "", {}])

    # what a firmware does

    @property
    def link(self) -> Any:
        """The operator's view of this connection: its newest."""
        return self.town.cpo.challenger.visits.of(self.id)[-1].link

    def write(self, message: Any) -> None:
        """Send a frame as it is."""
        text = message if isinstance(message, bytes) else json.dumps(message).encode()
        self._transport.send(WSMsgType.TEXT, text)

    def send(self, action: str, payload: Any) -> str:
        """Send a CALL; return its id."""
        self._calls += 1
        id = f"hand-{self._calls}"
        self.write([CALL, id, action, payload])
        return id

    def answer_to(self, id: str) -> list[Any] | None:
        """Return what answered a CALL: [payload], or [code, description, details]; None as long as nothing has."""
        return next((frame[2:] for frame in self.frames if frame[0] in {RESULT, ERROR} and frame[1] == id), None)

    async def ask(self, action: str, payload: Any, *, seconds: float = 2) -> list[Any]:
        """Send a CALL and return its answer."""
        id = self.send(action, payload)
        await self.town.wait(0)
        await self.town.until(lambda: self.answer_to(id) is not None, seconds)
        answer = self.answer_to(id)
        assert answer is not None
        return answer

    async def boot(self) -> dict[str, Any]:
        """Boot; return the answer."""
        answer: dict[str, Any] = (await self.ask("BootNotification", BOOT_16 if self.version == "ocpp1.6" else BOOT_2))[
            0
        ]
        return answer

    def calls(self, action: str) -> list[list[Any]]:
        """Return the CALLs of one action that came, in order."""
        return [frame for frame in self.frames if frame[0] == CALL and frame[2] == action]

    async def challenge(self, count: int = 1, *, seconds: float = 20) -> list[Any]:
        """Wait for the ``count``-th challenge."""
        await self.town.until(lambda: len(self.calls("SignedChallenge")) >= count, seconds)
        return self.calls("SignedChallenge")[count - 1]

    def proof(self, challenge: list[Any], key: PrivateKey = ED25519, **how: Any) -> dict[str, Any]:
        asked = challenge[3]
        how = {"station": self.id, "nonce": asked["nonce"], "at": self.town.world.clock.now()} | how
        return prove(key, difficulty=asked.get("difficulty", 0), **how)

    async def prove(self, count: int = 1, key: PrivateKey = ED25519, **how: Any) -> None:
        """Wait for a challenge and answer it with a proof."""
        challenge = await self.challenge(count)
        self.write([RESULT, challenge[1], self.proof(challenge, key, **how)])
        await self.town.wait(0.1)

    async def refuse(self, code: str, count: int = 1, id: str | None = None) -> None:
        """Wait for a challenge and answer it with a CALLERROR."""
        challenge = await self.challenge(count)
        self.write([ERROR, challenge[1] if id is None else id, code, "", {}])
        await self.town.wait(0.1)

    async def nudged(self) -> None:
        """Wait for the trigger that follows a proof."""
        await self.town.until(lambda: self.calls("TriggerMessage"), 5)

    async def hang_up(self) -> None:
        """Lose the connection."""
        self._transport.disconnect()
        await self.town.wait(0.1)

    @property
    def state(self) -> str:
        """What the operator takes the station's connection for."""
        view = self.town.cpo.challenger.standing(self.id)
        return "gone" if view is None else str(view.state)
