"""Stations that are not ours: ``ocpp.v16``, ``ocpp.v201`` and ``ocpp.v21`` with a little firmware on top."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote

import ocpp.v16
import ocpp.v21
import ocpp.v201
import websockets
from ocpp.exceptions import OCPPError
from websockets.asyncio.client import connect

from tests.interop.strangers import Hurried, Tape, after, on, totp, utc

__all__ = ["Modern", "Old", "Station", "connected"]

#: What the firmware knows how to show a code with, station-wide or per EVSE.
WEB = ("Enabled", "URLTemplate", "TOTPVersion", "ValidityTime", "Length", "SharedSecret", "QRCodeQuality")
VENDOR = "cloud.charging.open"
ENERGY = "Energy.Active.Import.Register"


class Station:
    """The firmware: settings, a display, a plug and a meter, whatever OCPP it is told in."""

    tape: Tape
    #: messages of either kind about a payment by phone, as they came
    notices: list[Any]

    def power_up(self, name: str, tape: Tape, clock: Hurried) -> None:
        self.name, self.tape, self.clock = name, tape, clock
        self.settings: dict[str, str] = {}
        self.notices = []
        self.meter = 7_000
        self.plugged = False
        self.token: Any = None
        self.remote_start: int | None = None
        self.transaction: Any = None
        self.seq = 0
        self.answers: list[Any] = []
        self.tasks: set[asyncio.Task[Any]] = set()

    def now(self) -> datetime:
        return self.clock.now()

    def web(self, name: str) -> str:
        return self.settings.get(f"WebPaymentsCtrlr.1.{name}", "")

    @property
    def url(self) -> str:
        """What the display's QR code says; empty while the firmware lacks something, or is switched off."""
        if self.web("Enabled") != "true" or not all(self.web(name) for name in WEB):
            return ""
        slot = int(self.now().timestamp()) // int(self.web("ValidityTime"))
        values = {
            "{chargingstationid}": quote(self.name, safe=""),
            "{evse}": "1",
            "{totp}": totp(self.web("SharedSecret"), slot, int(self.web("Length"))),
            "{version}": self.web("TOTPVersion"),
        }
        text = self.web("URLTemplate")
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        return text

    async def plug(self) -> None:
        """Plug the cable in; a start that waits for it begins."""
        self.plugged = True
        await self.status(self.OCCUPIED)
        if self.token is not None and self.transaction is None:
            await self.begin()

    async def unplug(self) -> None:
        self.plugged = False
        if self.transaction is not None:
            await self.end(self.UNPLUGGED)
        await self.status("Available")

    def ordered(self, token: Any, number: int | None = None) -> None:
        """Remember a remote start."""
        self.token, self.remote_start = token, number

    def follow(self) -> None:
        """Do what an order asks for once it is answered."""
        if self.plugged and self.token is not None and self.transaction is None:
            self.later(self.begin())

    def later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def deliver(self, wh: int, minutes: int) -> None:
        """Charge for a while and tell the meter."""
        self.draw(wh, minutes)
        await self.sample()

    def draw(self, wh: int, minutes: int) -> None:
        """Charge for a while and keep it to oneself."""
        self.meter += wh
        self.clock.ahead += timedelta(minutes=minutes)

    OCCUPIED: ClassVar[str]
    UNPLUGGED: ClassVar[str]

    # what each version says in its own way
    async def boot(self) -> str:
        raise NotImplementedError

    async def heartbeat(self) -> str:
        raise NotImplementedError

    async def status(self, status: str) -> None:
        raise NotImplementedError

    async def authorize(self, token: Any) -> str:
        raise NotImplementedError

    async def begin(self) -> None:
        raise NotImplementedError

    async def sample(self) -> None:
        raise NotImplementedError

    async def end(self, reason: str) -> None:
        raise NotImplementedError


class Old(Station, ocpp.v16.ChargePoint):  # type: ignore[misc]  # the package ships no types
    """A 1.6 station."""

    OCCUPIED, UNPLUGGED = "Preparing", "EVDisconnected"
    call_names = ocpp.v16.call
    conf = ocpp.v16.call_result
    #: standard keys of this firmware
    KEYS: ClassVar[dict[str, str]] = {
        "ConnectionTimeOut": "45", "MeterValueSampleInterval": "60", "MeterValuesSampledData": ENERGY,
        "StopTxnSampledData": "", "StopTransactionOnInvalidId": "true", "NumberOfConnectors": "1",
    }  # fmt: skip

    def power_up(self, name: str, tape: Tape, clock: Hurried) -> None:
        super().power_up(name, tape, clock)
        self.settings = {**self.KEYS, **{f"WebPaymentsCtrlr.1.{one}": "" for one in WEB}}

    async def boot(self) -> str:
        said = ocpp.v16.call.BootNotification(charge_point_vendor="Stranger", charge_point_model="Old 16")
        return str((await self.call(said, suppress=False)).status)

    async def heartbeat(self) -> str:
        return str((await self.call(ocpp.v16.call.Heartbeat(), suppress=False)).current_time)

    async def status(self, status: str) -> None:
        said = ocpp.v16.call.StatusNotification(connector_id=1, error_code="NoError", status=status)
        await self.call(said, suppress=False)

    async def authorize(self, token: Any) -> str:
        answer = await self.call(ocpp.v16.call.Authorize(id_tag=token), suppress=False)
        return str(answer.id_tag_info["status"])

    def start_message(self) -> Any:
        return ocpp.v16.call.StartTransaction(
            connector_id=1, id_tag=self.token, meter_start=self.meter, timestamp=utc(self.now())
        )

    async def begin(self) -> None:
        self.transaction = 0  # it is being given one
        answer = await self.call(self.start_message(), suppress=False)
        self.answers.append(answer)
        self.transaction = answer.transaction_id
        await self.status("Charging")

    async def sample(self) -> None:
        value = {"value": str(self.meter), "measurand": ENERGY, "unit": "Wh"}
        said = ocpp.v16.call.MeterValues(
            connector_id=1, transaction_id=self.transaction,
            meter_value=[{"timestamp": utc(self.now()), "sampled_value": [value]}],
        )  # fmt: skip
        await self.call(said, suppress=False)

    def stop_message(self, reason: str) -> Any:
        return ocpp.v16.call.StopTransaction(
            meter_stop=self.meter, timestamp=utc(self.now()), transaction_id=self.transaction, reason=reason
        )

    async def end(self, reason: str) -> None:
        said, self.transaction, self.token = self.stop_message(reason), None, None
        self.answers.append(await self.call(said, suppress=False))
        await self.status("Finishing" if self.plugged else "Available")

    # ── orders ──

    @on("ChangeConfiguration")
    def on_change_configuration(self, key: str, value: str, **_: Any) -> Any:
        known = next((one for one in self.settings if one.lower() == key.lower()), None)
        if known is None:
            return self.conf.ChangeConfiguration(status="NotSupported")
        self.settings[known] = value
        return self.conf.ChangeConfiguration(status="Accepted")

    @on("GetConfiguration")
    def on_get_configuration(self, key: list[str] | None = None, **_: Any) -> Any:
        wanted = key or list(self.settings)
        known = [
            {"key": one, "readonly": False, "value": self.settings[one]}
            for one in wanted
            if one in self.settings and not one.endswith("SharedSecret")
        ]
        unknown = [one for one in wanted if one not in self.settings]
        return self.conf.GetConfiguration(configuration_key=known, unknown_key=unknown)

    @on("DataTransfer")
    def on_data_transfer(self, vendor_id: str, message_id: str = "", data: str = "", **_: Any) -> Any:
        if vendor_id != VENDOR:
            return self.conf.DataTransfer(status="UnknownVendorId")
        self.notices.append((message_id, json.loads(data)))
        return self.conf.DataTransfer(status="Accepted")

    @on("RemoteStartTransaction")
    def on_remote_start(self, id_tag: str, connector_id: int, **_: Any) -> Any:
        assert connector_id == 1
        self.ordered(id_tag)
        return self.conf.RemoteStartTransaction(status="Accepted")

    @after("RemoteStartTransaction")
    def after_remote_start(self, **_: Any) -> None:
        self.follow()

    @on("RemoteStopTransaction")
    def on_remote_stop(self, transaction_id: int, **_: Any) -> Any:
        known = transaction_id == self.transaction
        return self.conf.RemoteStopTransaction(status="Accepted" if known else "Rejected")

    @after("RemoteStopTransaction")
    def after_remote_stop(self, transaction_id: int, **_: Any) -> None:
        if transaction_id == self.transaction:
            self.later(self.end("Remote"))


class Modern(Station):
    """What stations of 2.0.1 and 2.1 have in common."""

    OCCUPIED, UNPLUGGED = "Occupied", "EVDisconnected"
    #: Component.Variable of this firmware
    VARIABLES: ClassVar[dict[str, str]] = {
        "TxCtrlr.EVConnectionTimeOut": "45", "TxCtrlr.TxStartPoint": "PowerPathClosed",
        "TxCtrlr.TxStopPoint": "EVConnected", "TxCtrlr.StopTxOnInvalidId": "true",
        "SampledDataCtrlr.TxStartedMeasurands": ENERGY, "SampledDataCtrlr.TxUpdatedMeasurands": ENERGY,
        "SampledDataCtrlr.TxEndedMeasurands": ENERGY, "SampledDataCtrlr.TxUpdatedInterval": "60",
    }  # fmt: skip
    call: Any
    _call: Any
    _call_result: Any

    def power_up(self, name: str, tape: Tape, clock: Hurried) -> None:
        super().power_up(name, tape, clock)
        self.settings = {**self.VARIABLES, **{f"WebPaymentsCtrlr.1.{one}": "" for one in WEB}}
        self.numbers = 0

    async def boot(self) -> str:
        about = {"model": "Modern", "vendor_name": "Stranger"}
        said = self._call.BootNotification(charging_station=about, reason="PowerUp")
        return str((await self.call(said, suppress=False)).status)

    async def heartbeat(self) -> str:
        return str((await self.call(self._call.Heartbeat(), suppress=False)).current_time)

    async def status(self, status: str) -> None:
        said = self._call.StatusNotification(
            timestamp=utc(self.now()), connector_status=status, evse_id=1, connector_id=1
        )
        await self.call(said, suppress=False)

    async def authorize(self, token: Any) -> str:
        answer = await self.call(self._call.Authorize(id_token=token), suppress=False)
        return str(answer.id_token_info["status"])

    def readings(self) -> list[Any]:
        value = {"value": self.meter, "measurand": ENERGY, "unit_of_measure": {"unit": "Wh"}}
        return [{"timestamp": utc(self.now()), "sampled_value": [value]}]

    def event(self, kind: str, trigger: str, state: str = "Charging", **more: Any) -> Any:
        """Build the next TransactionEvent; ``more`` adds to the transaction, or is a member of the message."""
        about = {"transaction_id": self.transaction, "charging_state": state}
        about |= {name: more.pop(name) for name in ("remote_start_id", "stopped_reason") if name in more}
        said = self._call.TransactionEvent(
            event_type=kind, timestamp=utc(self.now()), trigger_reason=trigger, seq_no=self.seq,
            transaction_info=about, **{"evse": {"id": 1, "connector_id": 1}, "meter_value": self.readings()} | more,
        )  # fmt: skip
        self.seq += 1
        return said

    async def tell(self, said: Any) -> Any:
        self.answers.append(answer := await self.call(said, suppress=False))
        return answer

    def open(self) -> None:
        self.numbers += 1
        self.transaction, self.seq = f"{self.name}-{self.numbers}", 0

    async def begin(self) -> None:
        self.open()
        await self.tell(self.event("Started", "RemoteStart", id_token=self.token, remote_start_id=self.remote_start))

    async def sample(self) -> None:
        await self.tell(self.event("Updated", "MeterValuePeriodic"))

    async def end(self, reason: str) -> None:
        trigger = "RemoteStop" if reason == "Remote" else "EVCommunicationLost"
        said = self.event("Ended", trigger, "EVConnected" if self.plugged else "Idle", stopped_reason=reason)
        self.transaction = self.token = None
        await self.tell(said)

    # ── orders ──

    def _key(self, component: Any, variable: Any) -> str:
        place = f".{component['evse']['id']}" if component.get("evse") else ""
        return f"{component['name']}{place}.{variable['name']}"

    @on("SetVariables")
    def on_set_variables(self, set_variable_data: list[Any], **_: Any) -> Any:
        results = []
        for one in set_variable_data:
            key = self._key(one["component"], one["variable"])
            known = key in self.settings
            if known:
                self.settings[key] = one["attribute_value"]
            status = "Accepted" if known else "UnknownVariable"
            results.append({"attribute_status": status, "component": one["component"], "variable": one["variable"]})
        return self._call_result.SetVariables(set_variable_result=results)

    @on("GetVariables")
    def on_get_variables(self, get_variable_data: list[Any], **_: Any) -> Any:
        results = []
        for one in get_variable_data:
            value = self.settings.get(self._key(one["component"], one["variable"]))
            status = "UnknownVariable" if value is None else "Accepted"
            results.append({
                "attribute_status": status, "component": one["component"], "variable": one["variable"],
                "attribute_value": value or None,
            })  # fmt: skip
        return self._call_result.GetVariables(get_variable_result=results)

    @on("DataTransfer")
    def on_data_transfer(self, vendor_id: str, message_id: str = "", **_: Any) -> Any:
        if vendor_id != VENDOR:
            return self._call_result.DataTransfer(status="UnknownVendorId")
        # the package re-cases keys also inside of free-form data: read what was on the wire
        self.notices.append((message_id, self.tape.heard[-1][3]["data"]))
        return self._call_result.DataTransfer(status="Accepted")

    @on("RequestStartTransaction")
    def on_request_start(self, id_token: Any, remote_start_id: int, evse_id: int, **_: Any) -> Any:
        assert evse_id == 1
        self.ordered({name: id_token[name] for name in ("id_token", "type")}, remote_start_id)
        return self._call_result.RequestStartTransaction(status="Accepted", transaction_id=self.transaction)

    @after("RequestStartTransaction")
    def after_request_start(self, **_: Any) -> None:
        self.follow()

    @on("RequestStopTransaction")
    def on_request_stop(self, transaction_id: str, **_: Any) -> Any:
        known = transaction_id == self.transaction
        return self._call_result.RequestStopTransaction(status="Accepted" if known else "Rejected")

    @after("RequestStopTransaction")
    def after_request_stop(self, transaction_id: str, **_: Any) -> None:
        if transaction_id == self.transaction:
            self.later(self.end("Remote"))


class Modern201(Modern, ocpp.v201.ChargePoint):  # type: ignore[misc]  # the package ships no types
    """A 2.0.1 station."""


class Modern21(Modern, ocpp.v21.ChargePoint):  # type: ignore[misc]  # the package ships no types
    """A 2.1 station."""

    VARIABLES: ClassVar[dict[str, str]] = {
        **Modern.VARIABLES,
        "AuthCtrlr.SupportedIdTokenTypes": "Central,DirectPayment,ISO14443",
        "TxCtrlr.SupportedLimits": "MaxCost,MaxEnergy",
    }

    @on("NotifyWebPaymentStarted")
    def on_notify_web_payment_started(self, evse_id: int, timeout: int, **_: Any) -> Any:
        self.notices.append(("NotifyWebPaymentStarted", {"evseId": evse_id, "timeout": timeout}))
        return self._call_result.NotifyWebPaymentStarted()

    @on("CostUpdated")
    def on_cost_updated(self, **_: Any) -> Any:
        return self._call_result.CostUpdated()


MODELS: dict[str, type[Any]] = {"ocpp1.6": Old, "ocpp2.0.1": Modern201, "ocpp2.1": Modern21}


@asynccontextmanager
async def connected(
    version: str, port: int, *, name: str = "STRANGER*1", password: str = "", clock: Hurried | None = None,
    tls: ssl.SSLContext | None = None, model: type[Any] | None = None,
) -> AsyncIterator[Any]:  # fmt: skip
    """Connect a station; it listens until the end of the block. ``model``: other firmware than usual."""
    login = f"{quote(name, safe='')}:{password}@" if password else ""
    address = f"ws{'s' if tls else ''}://{login}localhost:{port}/ocpp/{quote(name, safe='')}"
    how = {"subprotocols": [websockets.Subprotocol(version)], "compression": None, "ssl": tls}
    async with connect(address, host="127.0.0.1", **how) as socket:  # type: ignore[arg-type]
        assert socket.subprotocol == version
        tape = Tape(socket)
        station = (model or MODELS[version])(name, tape, response_timeout=8)
        station.power_up(name, tape, clock or Hurried())
        listening = asyncio.get_running_loop().create_task(station.start())
        try:
            yield station
        finally:
            await _switch_off(station, listening)


async def _switch_off(station: Station, listening: asyncio.Task[Any]) -> None:
    """End the reader; whatever went wrong in the firmware itself fails the test."""
    doing = list(station.tasks)
    listening.cancel()
    for task in doing:
        task.cancel()
    ends = await asyncio.gather(listening, *doing, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception) and not isinstance(end, OCPPError | websockets.ConnectionClosed):
            raise end
