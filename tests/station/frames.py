"""A backend that writes its frames by hand: what a certification tool does to a station.

The station under test is whole (:class:`~evouch.station.app.Simulator` behind a real OCPP
end); on this side there are only JSON arrays. Every frame of the station is held against
the official schema of its version before a test looks at it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC
from typing import Any

from evouch.charging import dialogue as d
from evouch.clock import Tick
from evouch.errors import Offline, Unreachable
from evouch.ids import EvseNumber, OcppVersion, Secret, StationId
from evouch.ocpp.conversation import Conversation
from evouch.ocpp.frames import NO_ID
from evouch.ocpp.schemas import validator
from evouch.ocpp.translate import translator
from evouch.station.app import Simulator
from evouch.station.machine import Phase
from evouch.station.spec import V16, StationSpec
from evouch.testing import ManualClock, SeededEntropy
from tests.station.house import E1, two_evses

CALL, RESULT, ERROR = 2, 3, 4
VENDOR, STARTED, FAILED = "cloud.charging.open", "NotifyWebPaymentStarted", "NotifyWebPaymentFailed"
#: CALLERRORs say no more than OCPP-J allows.
DESCRIPTION = 255


class Tool:
    """The backend's end of the connection, and the station behind the other."""

    def __init__(self, spec: StationSpec) -> None:
        self.version = spec.version
        self.clock = ManualClock()
        #: what the station said by itself: (action, payload)
        self.said: list[tuple[str, Any]] = []
        #: by action: the answer to a CALL of the station, or a function of its payload; None answers nothing,
        #: and a text is the code of a CALLERROR
        self.answers: dict[str, Any] = {}
        self.said_at: list[float] = []
        self.answered: dict[str, list[Any]] = {}
        #: answers under an id that was never asked
        self.strays: list[list[Any]] = []
        self.station = Simulator(spec, connect=self._connect, clock=self.clock, entropy=SeededEntropy())
        self._spec = spec
        self._asked: dict[str, str] = {}
        self._transactions = 41
        self._calls = 0
        self._line: _Line | None = None

    async def _connect(
        self, *, password: Secret | None, hear: Callable[..., Any], on_close: Callable[..., None]
    ) -> Any:
        del password
        self._line = _Line(self, hear, on_close)
        return self._line

    def phase(self) -> Phase:
        return self.station.bays[E1].state.phase

    def locked(self, evse: int = 1) -> bool:
        return self.station.bays[EvseNumber(evse)].locked

    def told(self, action: str) -> list[Any]:
        """Return the payloads of one action, in order."""
        return [payload for name, payload in self.said if name == action]

    async def pass_time(self, seconds: float = 0.0) -> None:
        await self.clock.advance(seconds)

    def send(self, action: str, payload: Any) -> str:
        """Send a CALL, whatever it is worth; return its id."""
        self._calls += 1
        id = f"tool-{self._calls}"
        self._asked[id] = action
        assert self._line is not None
        self._line.conversation.receive(json.dumps([CALL, id, action, payload]))
        return id

    async def ask(self, action: str, payload: Any) -> list[Any]:
        """Send a CALL and return the frame that answers it, without type and id: [payload] or [code, text, details]."""
        return await self.answer_to(self.send(action, payload), action)

    async def answer_to(self, id: str, action: str) -> list[Any]:
        for _ in range(40):
            if id in self.answered:
                break
            await self.pass_time(0.25)
        kind, _, *rest = self.answered[id]
        if kind == RESULT:
            validator(self.version, action, response=True).validate(rest[0])
        else:
            code, description, details = rest
            assert len(description) <= DESCRIPTION, description
            assert isinstance(code, str)
            assert isinstance(details, dict)
        return rest

    async def result(self, action: str, payload: Any) -> Any:
        """Return the CALLRESULT's payload."""
        rest = await self.ask(action, payload)
        assert len(rest) == 1, rest
        return rest[0]

    async def status(self, action: str, payload: Any) -> str:
        answer: str = (await self.result(action, payload))["status"]
        return answer

    def heard(self, frame: bytes) -> None:
        """Take a frame of the station."""
        parts = json.loads(frame)
        if parts[0] != CALL:
            if parts[1] == NO_ID:
                self.strays.append(parts)
                return
            assert parts[1] in self._asked, parts
            assert parts[1] not in self.answered, "answered twice"
            self.answered[parts[1]] = parts
            return
        _, id, action, payload = parts
        validator(self.version, action).validate(payload)
        self.said.append((action, payload))
        self.said_at.append(self.clock.tick())
        answer = self.answers.get(action, self._agree(action))
        answer = answer(payload) if callable(answer) else answer
        if answer is None:
            return
        reply = [ERROR, id, answer, "", {}] if isinstance(answer, str) else [RESULT, id, answer]
        if reply[0] == RESULT:
            validator(self.version, action, response=True).validate(answer)
        if self._line is not None:
            receive = self._line.conversation.receive
            asyncio.get_running_loop().call_soon(receive, json.dumps(reply))

    def register(self, status: str, interval: int = 10) -> None:
        """Answer boots with ``status`` from now on."""
        answer = self._agree("BootNotification") | {"status": status, "interval": interval}
        self.answers["BootNotification"] = answer

    @property
    def connected(self) -> bool:
        return self._line is not None and self._line.open

    async def offline(self) -> None:
        """Lose the connection; the station comes back by itself."""
        assert self._line is not None
        self._line.end(Offline("cut"))
        await self.pass_time()

    def _agree(self, action: str) -> Any:
        now = self.clock.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        accepted = {"status": "Accepted"}
        if action == "StartTransaction":
            self._transactions += 1
        return {
            "BootNotification": {"currentTime": now, "interval": 300, "status": "Accepted"},
            "Heartbeat": {"currentTime": now},
            "Authorize": {"idTagInfo" if self.version == V16 else "idTokenInfo": accepted},
            "StartTransaction": {"transactionId": self._transactions, "idTagInfo": accepted},
        }.get(action, {})


class _Line:
    """What the station holds: one end of a conversation, whose frames go to the tool."""

    def __init__(self, tool: Tool, hear: Callable[..., Any], on_close: Callable[..., None]) -> None:
        spec = tool.station.spec
        self._clock, self._on_close = tool.clock, on_close
        self.open = True
        self.conversation = Conversation(
            station=spec.id, translator=translator(spec.version, spec.wiring()), csms=False, hear=hear,
            send=tool.heard, clock=tool.clock, entropy=SeededEntropy("line"), connection="tool",
            manners=spec.manners(),
        )  # fmt: skip

    async def say(self, fact: d.Fact[Any], *, by: Tick) -> Any:
        asked = asyncio.ensure_future(self.conversation.call(fact, by=by))
        late = asyncio.ensure_future(self._clock.sleep_until(by))
        await asyncio.wait((asked, late), return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            self.conversation.expire(by)
        late.cancel()
        return await asked

    def mute(self, mute: bool) -> None:
        self.conversation.mute = mute

    async def close(self) -> None:
        self.end(Offline("hung up"))

    def end(self, error: Unreachable) -> None:
        self.open = False
        self.conversation.close(error)
        on_close, self._on_close = self._on_close, lambda *_: None
        on_close(error)


@asynccontextmanager
async def tool(version: OcppVersion, *, boot: str = "Accepted", **spec: Any) -> AsyncIterator[Tool]:
    """Switch a station of two EVSEs on and let it boot; ``boot`` is what that is answered with, every 10 s."""
    whole = {"id": StationId("CS-1"), "version": version, "evses": two_evses(version)} | spec
    made = Tool(StationSpec(**whole))
    if boot != "Accepted":
        made.register(boot)
    running = asyncio.create_task(made.station.run())
    try:
        await made.pass_time(0)
        yield made
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


# ── requests in the words of each version ───────────────────────────────────────────────


def transfer(version: OcppVersion, message: str, data: Any) -> tuple[str, Any]:
    """Return a DataTransfer of our vendor; on 1.6 its data is text."""
    inside = json.dumps(data) if version == V16 else data
    return "DataTransfer", {"vendorId": VENDOR, "messageId": message, "data": inside}


def started(version: OcppVersion, content: Any) -> tuple[str, Any]:
    """Return NotifyWebPaymentStarted with ``content``."""
    return (STARTED, content) if version == "ocpp2.1" else transfer(version, STARTED, content)


def remote_start(version: OcppVersion, token: str = "PAYER-1", evse: int = 1) -> tuple[str, Any]:
    if version == V16:
        return "RemoteStartTransaction", {"connectorId": evse, "idTag": token}
    kind = "DirectPayment" if version == "ocpp2.1" else "Central"
    wanted = {"evseId": evse, "remoteStartId": 7, "idToken": {"idToken": token, "type": kind}}
    return "RequestStartTransaction", wanted


def reserve(version: OcppVersion, until: str, token: str = "MEMBER", evse: int = 1) -> tuple[str, Any]:
    if version == V16:
        return "ReserveNow", {"connectorId": evse, "expiryDate": until, "idTag": token, "reservationId": 5}
    who = {"idToken": token, "type": "Central"}
    return "ReserveNow", {"id": 5, "evseId": evse, "expiryDateTime": until, "idToken": who}
