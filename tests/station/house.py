"""A simulated station with a plain backend and a manual clock: what most tests of the station begin with."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from evouch.charging import dialogue as d
from evouch.charging.tokens import IdToken, TokenKind
from evouch.ids import EvseNumber, OcppVersion, RemoteStartId, Secret, StationId, TransactionId
from evouch.station.app import Simulator
from evouch.station.bay import Bay
from evouch.station.machine import Phase
from evouch.station.spec import V16, V21, V201, EvseSpec, StationSpec
from evouch.testing import ManualClock, SeededEntropy
from evouch.testing.backends import PlainBackend

E1, E2 = EvseNumber(1), EvseNumber(2)
ALL = (V16, V201, V21)
TEMPLATE = "https://pay.example/q/{chargingstationid}/{evse}/{totp}?v={version}"
SECRET = "secure!Charging!"
PAYER = IdToken("psp_1", TokenKind.DIRECT_PAYMENT)
CARD = "04A1B2C3"


def run(story: Coroutine[Any, Any, None]) -> None:
    """Tell a story on an event loop of its own."""
    asyncio.run(asyncio.wait_for(story, 20))


def two_evses(version: OcppVersion) -> tuple[EvseSpec, ...]:
    """Return two EVSEs with one connector each, numbered as the version numbers them."""
    second = (2,) if version == V16 else (1,)
    return EvseSpec(number=E1), EvseSpec(number=E2, connectors=second)


@dataclass
class House:
    """The station, its backend, its clock."""

    station: Simulator
    backend: PlainBackend
    clock: ManualClock

    @property
    def bay(self) -> Bay:
        return self.station.bays[E1]

    def phase(self) -> Phase:
        return self.bay.state.phase

    async def pass_time(self, seconds: float = 0.0) -> None:
        await self.clock.advance(seconds)

    async def provision(self, *, evse: int | None = 1, **values: str) -> tuple[d.SettingResult, ...]:
        """Set up the QR code, as a backend does, in an order that never shows half of it."""
        wanted = {"URLTemplate": TEMPLATE, "SharedSecret": SECRET, "Enabled": "true"} | values
        settings = tuple(
            d.Setting(
                component="WebPaymentsCtrlr",
                variable=name,
                value=Secret(value) if name == "SharedSecret" else value,
                evse=None if evse is None else EvseNumber(evse),
            )
            for name, value in wanted.items()
        )
        results: tuple[d.SettingResult, ...] = await self.backend.order(d.Configure(settings=settings))
        return results

    async def lock(self, timeout: int, evse: int = 1, connector: int | None = None) -> d.LockAnswer:
        order = d.WebPaymentStarted(evse=EvseNumber(evse), timeout=timeout, connector=connector)
        answer: d.LockAnswer = await self.backend.order(order)
        return answer

    async def start(self, token: IdToken = PAYER, evse: int = 1) -> d.StartAnswer:
        order = d.StartCharging(evse=EvseNumber(evse), token=token, remote_start=RemoteStartId(7), connector=None)
        answer: d.StartAnswer = await self.backend.order(order)
        await self.clock.advance()
        return answer

    async def stop(self) -> d.Yes:
        answer: d.Yes = await self.backend.order(d.StopCharging(transaction=self.transaction))
        await self.clock.advance()
        return answer

    @property
    def transaction(self) -> TransactionId:
        """What the backend calls the transaction that runs on EVSE 1."""
        session = self.bay.state.session
        return (self.station.queue.name(session.handle) if session else None) or TransactionId("none")

    def told(self) -> list[str]:
        """Return the session facts that the backend heard, as ``kind trigger``."""
        facts = self.backend.of(d.SessionFact)
        return [f"{type(fact).__name__.removeprefix('Session')} {fact.trigger}" for fact in facts]

    def statuses(self) -> list[str]:
        """Return the connector statuses of EVSE 1 that the backend heard."""
        return [fact.status.value for fact in self.backend.of(d.ConnectorChanged) if fact.evse == E1]


@asynccontextmanager
async def house(version: OcppVersion = V21, *, boots: bool = True, **spec: Any) -> AsyncIterator[House]:
    """Switch a station on, let it boot, and switch it off in the end."""
    clock = ManualClock()
    backend = PlainBackend(clock, assigns_transactions=version == V16)
    whole = {"id": StationId("CS-1"), "version": version} | spec
    station = Simulator(StationSpec(**whole), connect=backend, clock=clock, entropy=SeededEntropy())
    running = asyncio.create_task(station.run())
    try:
        if boots:
            await clock.advance(0)
        yield House(station, backend, clock)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
