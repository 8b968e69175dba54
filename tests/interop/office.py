"""Backends that are not ours: ``ocpp.v16``, ``ocpp.v201`` and ``ocpp.v21`` with a little book-keeping on top.

An :class:`Office` outlives its connections: it keeps what every CSMS would keep, and the
tape of each connection.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import ocpp.exceptions
import ocpp.v16
import ocpp.v21
import ocpp.v201
import websockets
from websockets.asyncio.server import ServerConnection, serve

from evouch.clock import SystemClock
from evouch.ids import EvseNumber, OcppVersion, Secret, StationId
from evouch.ocpp.aio import StationClient
from evouch.station.app import Simulator
from evouch.station.spec import Curve, EvseSpec, StationSpec
from evouch.testing.clock import SeededEntropy
from evouch.units import Watts
from tests.interop.strangers import Hurried, Tape, on, until, utc

__all__ = ["Office", "office", "plugged_in"]

VENDOR = "cloud.charging.open"


@dataclass
class Office:
    """What is true of a backend whatever OCPP it speaks."""

    version: str
    #: answers to the next boots; Accepted when there are none left
    boots: list[tuple[str, int]] = field(default_factory=list)
    #: transaction messages that are answered with InternalError
    failures: int = 0
    #: transaction messages that are answered with the end of the connection
    hang_ups: int = 0
    #: verdict on every token
    verdict: str = "Accepted"
    #: what 2.1 answers a start with
    limit: dict[str, Any] | None = None
    transactions: int = 0
    desks: list[Any] = field(default_factory=list)
    port: int = 0

    @property
    def old(self) -> bool:
        return self.version == "ocpp1.6"

    @property
    def desk(self) -> Any:
        """The latest connection."""
        return self.desks[-1]

    def heard(self, action: str) -> list[Any]:
        """Return the payloads of one kind over all connections, as they were on the wire."""
        return [payload for desk in self.desks for payload in desk.tape.calls(action)]

    def boot(self) -> tuple[str, int]:
        return self.boots.pop(0) if self.boots else ("Accepted", 60)

    async def may_fail(self) -> None:
        """Do to a transaction message what the office was told to do to the next ones."""
        if self.hang_ups:
            self.hang_ups -= 1
            await self.desk.tape.socket.close()
        if self.failures:
            self.failures -= 1
            raise ocpp.exceptions.InternalError

    @property
    def refusals(self) -> list[Any]:
        return [frame for desk in self.desks for frame in desk.tape.refusals]

    # ── orders, in each version's words; the answer as it was on the wire ──

    async def order(self, action: str, **payload: Any) -> Any:
        """Send a CALL and return its answer's payload; a CALLERROR is raised."""
        desk = self.desk
        said = _call(desk, action, payload)
        # the package's own checks would not let out what a test of refusals has to say
        await desk.call(said, suppress=False, skip_schema_validation=True)
        return _answer(desk, action)

    async def set(self, **values: str) -> list[str]:
        """Set variables of WebPaymentsCtrlr on EVSE 1; return what was answered to each."""
        if self.old:
            keys = {f"WebPaymentsCtrlr.1.{name}": value for name, value in values.items()}
            return [
                (await self.order("ChangeConfiguration", key=key, value=value))["status"] for key, value in keys.items()
            ]
        data = [{**self._variable(name), "attribute_value": value} for name, value in values.items()]
        answer = await self.order("SetVariables", set_variable_data=data)
        return [one["attributeStatus"] for one in answer["setVariableResult"]]

    async def get(self, *names: str) -> list[tuple[str, str | None]]:
        """Read variables of WebPaymentsCtrlr on EVSE 1 as (status, value)."""
        if self.old:
            answer = await self.order("GetConfiguration", key=[f"WebPaymentsCtrlr.1.{name}" for name in names])
            known = [("Accepted", one.get("value")) for one in answer.get("configurationKey", [])]
            return [*known, *[("NotSupported", None) for _ in answer.get("unknownKey", [])]]
        answer = await self.order("GetVariables", get_variable_data=[self._variable(name) for name in names])
        return [(one["attributeStatus"], one.get("attributeValue")) for one in answer["getVariableResult"]]

    def _variable(self, name: str) -> Any:
        return {"component": {"name": "WebPaymentsCtrlr", "evse": {"id": 1}}, "variable": {"name": name}}

    async def tune(self, key: str, variable: str, value: str) -> None:
        """Set a standard setting: ``key`` on 1.6, ``Component.Variable`` (``/instance``) on 2.x."""
        if self.old:
            assert (await self.order("ChangeConfiguration", key=key, value=value))["status"] == "Accepted"
            return
        component, _, name = variable.partition(".")
        name, _, instance = name.partition("/")
        about: dict[str, Any] = {"name": name, **({"instance": instance} if instance else {})}
        data = [{"component": {"name": component}, "variable": about, "attribute_value": value}]
        answer = await self.order("SetVariables", set_variable_data=data)
        assert answer["setVariableResult"][0]["attributeStatus"] == "Accepted"

    async def transfer(self, message: str, data: Any) -> Any:
        """Send a DataTransfer of the payment vendor; 1.6 has a string in it."""
        content = json.dumps(data) if self.old and data is not None else data
        return await self.order("DataTransfer", vendor_id=VENDOR, message_id=message, data=content)

    async def start(self, token: str = "ABCDEFGHIJKLMNOPQRST") -> str:
        if self.old:
            answer = await self.order("RemoteStartTransaction", id_tag=token, connector_id=1)
        else:
            answer = await self.order(
                "RequestStartTransaction", evse_id=1, remote_start_id=7, id_token={"idToken": token, "type": "Central"}
            )
        return str(answer["status"])

    async def stop(self, transaction: Any) -> str:
        action = "RemoteStopTransaction" if self.old else "RequestStopTransaction"
        return str((await self.order(action, transaction_id=transaction))["status"])


def _call(desk: Any, action: str, payload: dict[str, Any]) -> Any:
    """Build the package's dataclass of a CALL, members left out and all."""
    kind = getattr(desk._call, action)
    said = kind.__new__(kind)
    for name in kind.__dataclass_fields__:
        setattr(said, name, payload.get(name))
    return said


def _answer(desk: Any, action: str) -> Any:
    id = next(frame[1] for frame in reversed(desk.tape.said) if frame[0] == 2 and frame[2] == action)
    return desk.tape.answer(id)[2]


class Desk:
    """One connection, with what all versions do alike."""

    office: Office
    tape: Tape
    _call_result: Any
    _call: Any

    def sit_down(self, office: Office, tape: Tape) -> None:
        self.office, self.tape = office, tape

    @on("Heartbeat")
    def on_heartbeat(self, **_: Any) -> Any:
        return self._call_result.Heartbeat(current_time=utc(datetime.now(UTC)))

    @on("StatusNotification")
    def on_status_notification(self, **_: Any) -> Any:
        return self._call_result.StatusNotification()

    @on("MeterValues")
    def on_meter_values(self, **_: Any) -> Any:
        return self._call_result.MeterValues()

    @on("BootNotification")
    def on_boot_notification(self, **_: Any) -> Any:
        status, interval = self.office.boot()
        now = utc(datetime.now(UTC))
        return self._call_result.BootNotification(current_time=now, interval=interval, status=status)

    @on("NotifyReport")
    def on_notify_report(self, **_: Any) -> Any:
        return self._call_result.NotifyReport()


class Old(Desk, ocpp.v16.ChargePoint):  # type: ignore[misc]  # the package ships no types
    """A 1.6 backend."""

    @on("Authorize")
    def on_authorize(self, **_: Any) -> Any:
        return self._call_result.Authorize(id_tag_info={"status": self.office.verdict})

    @on("StartTransaction")
    async def on_start_transaction(self, **_: Any) -> Any:
        await self.office.may_fail()
        self.office.transactions += 1
        number = 100 + self.office.transactions
        return self._call_result.StartTransaction(transaction_id=number, id_tag_info={"status": self.office.verdict})

    @on("StopTransaction")
    async def on_stop_transaction(self, **_: Any) -> Any:
        await self.office.may_fail()
        return self._call_result.StopTransaction()


class Modern(Desk):
    """What backends of 2.0.1 and 2.1 have in common."""

    @on("Authorize")
    def on_authorize(self, **_: Any) -> Any:
        return self._call_result.Authorize(id_token_info={"status": self.office.verdict})

    @on("TransactionEvent")
    async def on_transaction_event(self, event_type: str, id_token: Any = None, **_: Any) -> Any:
        await self.office.may_fail()
        info = {"status": self.office.verdict} if id_token else None
        return self._call_result.TransactionEvent(id_token_info=info, **self.extras(event_type))

    def extras(self, event_type: str) -> dict[str, Any]:
        return {"total_cost": 1.5} if event_type == "Updated" else {}


class Modern201(Modern, ocpp.v201.ChargePoint):  # type: ignore[misc]  # the package ships no types
    """A 2.0.1 backend."""


class Modern21(Modern, ocpp.v21.ChargePoint):  # type: ignore[misc]  # the package ships no types
    """A 2.1 backend."""

    def extras(self, event_type: str) -> dict[str, Any]:
        if event_type == "Started" and self.office.limit:
            return {"transaction_limit": self.office.limit}
        return super().extras(event_type)


MODELS: dict[str, type[Any]] = {"ocpp1.6": Old, "ocpp2.0.1": Modern201, "ocpp2.1": Modern21}


@asynccontextmanager
async def office(
    version: str, *, times: int = 1, here: Office | None = None, model: type[Any] | None = None,
    tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None, **how: Any,
) -> AsyncIterator[Any]:  # fmt: skip
    """Open an office and switch a simulated station on; yield both. ``tls``: the contexts of office and station."""
    here = here or Office(version, **how.pop("office", {}))

    async def receive(socket: ServerConnection) -> None:
        assert socket.subprotocol == version
        tape = Tape(socket)
        desk = (model or MODELS[version])(socket.request.path if socket.request else "", tape, response_timeout=5)
        desk.sit_down(here, tape)
        here.desks.append(desk)
        with suppress(websockets.ConnectionClosed):
            await desk.start()

    ours, theirs = tls or (None, None)
    spoken = [websockets.Subprotocol(version)]
    async with serve(receive, "127.0.0.1", 0, subprotocols=spoken, ssl=ours) as server:
        here.port = next(iter(server.sockets)).getsockname()[1]
        simulator = _simulator(version, here.port, Hurried(times), theirs, **how)
        running = asyncio.get_running_loop().create_task(simulator.run())
        try:
            yield here, simulator
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def _simulator(version: str, port: int, clock: SystemClock, tls: ssl.SSLContext | None, **how: Any) -> Simulator:
    entropy = SeededEntropy("interop")
    # strong enough that a second of charging shows on any meter
    evse = EvseSpec(number=EvseNumber(1), curve=Curve(power=Watts(300_000)), evse_id="DE*XYZ*E1")
    how = {"id": StationId("OURS*1"), "password": Secret("a password of ours"), **how}
    spec = StationSpec(version=OcppVersion(version), evses=(evse,), **how)
    address = f"wss://localhost:{port}/ocpp" if tls else f"ws://127.0.0.1:{port}/ocpp"

    async def connect(**line: Any) -> StationClient:
        return await StationClient.connect(
            address, station=spec.id, version=spec.version, wiring=spec.wiring(), clock=clock, entropy=entropy,
            tls=tls, manners=spec.manners(), **line,
        )  # fmt: skip

    return Simulator(spec, connect=connect, clock=clock, entropy=entropy)


async def plugged_in(office: Office, station: Simulator) -> None:
    """Wait for the boot, then plug a cable in."""
    await until(lambda: station.online)
    await station.plug(1)
