"""The station behind real OCPP ends, in memory and on sockets: what only shows when its words become messages."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from evouch.charging import dialogue as d
from evouch.clock import Clock, SystemClock, Tick
from evouch.errors import PeerRefused
from evouch.ids import EvseNumber, OcppVersion, RemoteStartId, Secret, StationId, TransactionId
from evouch.ocpp.aio import StationClient, StationServer
from evouch.ocpp.gate import Admission, Knock
from evouch.station.app import Connect, Simulator
from evouch.station.driver import parse, perform
from evouch.station.spec import V16, V21, V201, Quirk, StationSpec
from evouch.testing import ManualClock, SeededEntropy
from evouch.testing.backends import PlainBackend
from evouch.testing.wire import WiredStations
from tests.station.house import ALL, E1, PAYER, SECRET, TEMPLATE, run

STATION = StationId("CS-1")


class OpenGate:
    def admit(self, knock: Knock) -> Admission:
        return Admission(101)


class Heard:
    """A backend that writes down what it hears and agrees."""

    def __init__(self, clock: Clock, version: OcppVersion) -> None:
        self.plain = PlainBackend(clock, assigns_transactions=version == V16)

    def joined(self, link: d.Link) -> None:
        pass

    def left(self, link: d.Link) -> None:
        pass

    def defends(self, link: d.Link) -> bool:
        return False

    def hear(self, link: d.Link, fact: Any, evidence: d.Evidence) -> Any:
        return self.plain.answer(fact)


class Pair:
    """A station and the server that it speaks to."""

    def __init__(self, station: Simulator, backend: PlainBackend, server: Any, clock: Clock) -> None:
        self.station, self.backend, self.server, self.clock = station, backend, server, clock

    async def pass_time(self, seconds: float = 0.0) -> None:
        if isinstance(self.clock, ManualClock):
            await self.clock.advance(seconds)
        else:
            await asyncio.sleep(min(seconds, 0.05))

    async def until(self, met: Callable[[], object]) -> None:
        for _ in range(400):
            if met():
                return
            await self.pass_time(0.25)
        raise AssertionError("it never happened")

    async def order(self, order: d.Order[Any]) -> Any:
        call = asyncio.ensure_future(self.server.call(STATION, order, by=Tick(self.clock.tick() + 20)))
        await self.until(call.done)
        return call.result()

    async def provision(self) -> Any:
        values: dict[str, str | Secret] = {"URLTemplate": TEMPLATE, "SharedSecret": Secret(SECRET), "Enabled": "true"}
        settings = (
            d.Setting(component="WebPaymentsCtrlr", variable=name, value=value, evse=E1)
            for name, value in values.items()
        )
        return await self.order(d.Configure(settings=tuple(settings)))


@asynccontextmanager
async def pair(version: OcppVersion, world: str = "wire", **spec: Any) -> AsyncIterator[Pair]:
    clock: Clock = ManualClock() if world == "wire" else SystemClock()
    entropy = SeededEntropy()
    heard = Heard(clock, version)
    made = StationSpec(id=STATION, version=version, **spec)
    wires = WiredStations(heard, OpenGate(), wiring=lambda *_: made.wiring(), clock=clock, entropy=entropy)
    server: Any = wires
    way: Callable[..., Awaitable[StationClient]] = wires.connect
    if world == "sockets":
        server = StationServer(heard, OpenGate(), wiring=lambda *_: made.wiring(), clock=clock, entropy=entropy)
        await server.start()
        url = f"ws://127.0.0.1:{server.port}"

        async def dial(**station: Any) -> StationClient:
            return await StationClient.connect(url, clock=clock, entropy=entropy, **station)

        way = dial
    station = Simulator(made, connect=over(way, made), clock=clock, entropy=entropy)
    running = asyncio.create_task(station.run())
    both = Pair(station, heard.plain, server, clock)
    try:
        await both.until(lambda: station.online)
        yield both
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await server.drain(clock.tick())


def over(way: Callable[..., Awaitable[StationClient]], spec: StationSpec) -> Connect:
    async def connect(**call: Any) -> StationClient:
        return await way(station=spec.id, version=spec.version, wiring=spec.wiring(), manners=spec.manners(), **call)

    return connect


@pytest.mark.parametrize("world", ["wire", "sockets"])
@pytest.mark.parametrize("version", ALL)
def test_a_whole_charge_is_said_and_understood(version: OcppVersion, world: str) -> None:
    async def story() -> None:
        async with pair(version, world, settings={"TxCtrlr.TxStartPoint": "Authorized"}) as both:
            assert {"Accepted"} == {result.status.value for result in await both.provision()}
            assert "CS-1" in both.station.screen(1).url
            assert d.LockOutcome.TAKEN is (await both.order(d.WebPaymentStarted(evse=E1, timeout=60))).outcome
            start = d.StartCharging(evse=E1, token=PAYER, remote_start=RemoteStartId(7), connector=1)
            assert (await both.order(start)).accepted
            await perform(both.station, 1, parse("plug"))
            await both.until(lambda: both.station.screen(1).kind == "charging")
            await both.until(lambda: both.backend.of(d.SessionStarted))
            (started,) = both.backend.of(d.SessionStarted)
            assert 1_234_567 == started.readings[0].energy
            name = TransactionId("42") if version == V16 else started.transaction
            assert name is not None
            stop = await both.order(d.StopCharging(transaction=name))
            assert stop.accepted
            await both.until(lambda: both.backend.of(d.SessionEnded))
            assert ["Remote"] == [fact.reason for fact in both.backend.of(d.SessionEnded)]
            assert "finished" == both.station.screen(1).kind

    run(story())


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("quirk", [Quirk.KWH, Quirk.BARE_SAMPLES, Quirk.STARTED_WITHOUT_EVSE])
def test_odd_samples_are_understood_to_the_watt_hour(version: OcppVersion, quirk: Quirk) -> None:
    every = {"MeterValueSampleInterval": "10", "SampledDataCtrlr.TxUpdatedInterval": "10"}

    async def story() -> None:
        async with pair(version, quirks=frozenset({quirk}), settings=every) as both:
            await both.station.plug(1)
            await both.station.swipe(1, "AB12")
            await both.pass_time(25)
            energies = [fact.readings[-1].energy for fact in both.backend.of(d.SessionFact) if fact.readings]
            assert [1_234_567, 1_234_628, 1_234_689] == energies

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_firmware_without_web_payments_is_unknown_to_its_backend(version: OcppVersion) -> None:
    async def story() -> None:
        async with pair(version, quirks=frozenset({Quirk.NO_PAYMENT_NOTICE})) as both:
            for order in (d.WebPaymentStarted(evse=E1, timeout=60), d.WebPaymentFailed(evse=E1)):
                assert d.LockOutcome.UNKNOWN is (await both.order(order)).outcome

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_refused_locks_keep_their_reason_across_the_wire(version: OcppVersion) -> None:
    async def story() -> None:
        async with pair(version) as both:
            answer = await both.order(d.WebPaymentStarted(evse=E1, timeout=0))
            assert d.LockOutcome.REJECTED is answer.outcome
            if version != V21:
                assert "invalidTimeout" == answer.reason

    run(story())


def test_reports_and_vendors_survive_the_wire() -> None:
    async def story() -> None:
        for version in (V201, V21):
            async with pair(version) as both:
                assert (await both.order(d.ReportSettings(request=3))).accepted
                await both.until(lambda both=both: any(not page.more for page in both.backend.of(d.SettingsReported)))  # type: ignore[misc]
                answer = await both.order(d.SendData(vendor="com.example", message="Hello"))
                assert d.DataStatus.UNKNOWN_VENDOR is answer.status

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_every_trigger_and_every_order_has_an_answer_of_its_version(
    version: OcppVersion, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a station answers passes the strict schema of its version on the way out."""
    extra: list[d.Order[Any]] = [
        d.Trigger(message=message)
        for message in (
            "BootNotification",
            "Heartbeat",
            "MeterValues",
            "StatusNotification",
            "FirmwareStatusNotification",
        )
    ]
    extra += [d.Trigger(message="StatusNotification", evse=EvseNumber(1), connector=1)]
    extra += [d.ChangeAvailability(operative=False, evse=E1), d.ChangeAvailability(operative=True)]
    extra += [d.Unlock(evse=E1, connector=1), d.ClearCache(), d.CancelReservation(id=1), d.ReadSettings()]
    extra += [d.StopCharging(transaction=TransactionId("7")), d.Reset(hard=True)]

    async def story() -> None:
        async with pair(version) as both:
            for order in extra:
                answer = await both.order(order)
                assert not isinstance(answer, PeerRefused), order
            await both.pass_time(10)

    run(story())
    assert [] == [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
