"""The wire in memory: the faults it can make, and that it behaves as sockets do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from evouch.charging.dialogue import Reset, StillThere, TimeAnswer, Yes
from evouch.charging.equipment import Wiring
from evouch.clock import Tick
from evouch.errors import ConnectionReplaced, Offline, PeerRefused, TimedOut, Unreachable
from evouch.ids import OcppVersion, Secret, StationId
from evouch.ocpp.aio import Admission, ConnectionEvent, StationClient, StationServer
from evouch.ocpp.versions import V16, V21, VERSIONS
from evouch.testing import ManualClock, SeededEntropy
from evouch.testing.wire import WiredStations
from tests.ocpp.ears import Ear
from tests.ocpp.sockets import Porter, by_password, until

CS1 = StationId("CS1")
YES = Yes(accepted=True, status="Accepted")


@dataclass
class Site:
    """Stations that connect in memory or over sockets, by the same words."""

    stations: Any
    wired: bool
    ear: Ear
    gate: Porter
    clock: ManualClock
    entropy: SeededEntropy
    events: list[ConnectionEvent]

    async def connect(self, version: OcppVersion = V21, **station: Any) -> StationClient:
        options: dict[str, Any] = {
            "station": CS1,
            "version": version,
            "password": None,
            "hear": lambda link, order, evidence: Yes(accepted=True),
            "wiring": Wiring(version),
            "clock": self.clock,
            "entropy": self.entropy,
        } | station
        if self.wired:
            return await self.stations.connect(**options)  # type: ignore[no-any-return]
        return await StationClient.connect(f"ws://127.0.0.1:{self.stations.port}", **options)

    def by(self, seconds: float = 30) -> Tick:
        return Tick(self.clock.tick() + seconds)


@asynccontextmanager
async def site(kind: str = "wire", answer: Any = None) -> AsyncIterator[Site]:
    clock, events, entropy = ManualClock(), list[ConnectionEvent](), SeededEntropy()
    ear, gate = Ear(clock), Porter(answer or Admission(101))
    options: dict[str, Any] = {
        "wiring": lambda station, version: Wiring(version),
        "clock": clock,
        "entropy": entropy,
        "observe": events.append,
    }
    stations = (WiredStations if kind == "wire" else StationServer)(ear, gate, **options)
    if isinstance(stations, StationServer):
        await stations.start()
    try:
        yield Site(stations, kind == "wire", ear, gate, clock, entropy, events)
    finally:
        draining = asyncio.ensure_future(stations.drain(Tick(clock.tick() + 1)))
        await until(lambda: not stations.connections())
        await clock.advance(1)
        await draining


both = pytest.mark.parametrize("kind", ["wire", "sockets"])


# ── the same on both ────────────────────────────────────────────────────────────────────


@both
@pytest.mark.parametrize("version", VERSIONS)
def test_facts_go_up_and_orders_go_down(kind: str, version: OcppVersion) -> None:
    async def story() -> None:
        async with site(kind) as here:
            client = await here.connect(version)
            assert await client.say(StillThere(), by=here.by()) == TimeAnswer(here.clock.now())
            assert await here.stations.call(CS1, Reset(), by=here.by()) == YES
            await client.close()
            await until(lambda: here.ear.leaves)
            assert isinstance(await here.stations.call(CS1, Reset(), by=here.by()), Offline)

    asyncio.run(story())


@both
@pytest.mark.parametrize("status", [401, 404, 503])
def test_a_refusal_has_its_status(kind: str, status: int) -> None:
    async def story() -> None:
        async with site(kind, Admission(status, retry_after=7)) as here:
            with pytest.raises(PeerRefused) as refused:
                await here.connect()
            assert refused.value.code == str(status)
            assert 7 <= refused.value.details["retryAfter"] <= 14

    asyncio.run(story())


@both
def test_the_gate_sees_the_password(kind: str) -> None:
    async def story() -> None:
        async with site(kind) as here:
            client = await here.connect(password=Secret("a:b"))
            assert here.gate.knocks[0].password == Secret("a:b")
            await client.close()

    asyncio.run(story())


@both
def test_an_equal_credential_replaces_at_once(kind: str) -> None:
    async def story() -> None:
        async with site(kind, by_password) as here:
            ends: list[Unreachable] = []
            silent = asyncio.get_running_loop().create_future()
            await here.connect(password=Secret("x"), hear=lambda *_: silent, on_close=ends.append)
            asked = asyncio.ensure_future(here.stations.call(CS1, Reset(), by=here.by()))
            await until(here.stations.connections)
            new = await here.connect(password=Secret("x"))
            assert isinstance(await asked, ConnectionReplaced)
            await until(lambda: ends)
            assert await here.stations.call(CS1, Reset(), by=here.by()) == YES
            assert [event.kind for event in here.events] == ["joined", "replaced", "left", "joined"]
            await new.close()

    asyncio.run(story())


@both
def test_without_a_credential_the_living_stays(kind: str) -> None:
    async def story() -> None:
        async with site(kind) as here:
            old, ends = await here.connect(), list[Unreachable]()
            await here.connect(on_close=ends.append)
            await until(lambda: ends)
            assert await here.stations.call(CS1, Reset(), by=here.by()) == YES
            assert here.ear.leaves == []
            assert any(event.security and event.kind == "contested" for event in here.events)
            await old.close()

    asyncio.run(story())


@both
def test_draining_says_goodbye_to_all(kind: str) -> None:
    async def story() -> None:
        async with site(kind) as here:
            ends: list[Unreachable] = []
            for number in range(3):
                await here.connect(station=StationId(f"CS{number}"), on_close=ends.append)
            await here.stations.drain(here.by(1))
            assert len(ends) == 3
            assert "1001" in str(ends[0])
            with pytest.raises((PeerRefused, Offline)):
                await here.connect()

    asyncio.run(story())


# ── faults ──────────────────────────────────────────────────────────────────────────────


def test_a_held_wire_is_half_open_and_gives_way_to_a_new_one_after_five_seconds() -> None:
    async def story() -> None:
        async with site() as here:
            await here.connect()
            here.stations.wire(CS1).hold()
            asked = asyncio.ensure_future(here.stations.call(CS1, Reset(), by=here.by()))
            await here.connect()
            await here.clock.advance(4.9)
            assert not asked.done()
            await here.clock.advance(0.2)
            assert isinstance(await asked, ConnectionReplaced)
            assert await here.stations.call(CS1, Reset(), by=here.by()) == YES

    asyncio.run(story())


def test_what_was_held_arrives_in_order_when_it_is_released() -> None:
    async def story() -> None:
        async with site() as here:
            client = await here.connect()
            wire = here.stations.wire(CS1)
            wire.hold()
            said = asyncio.ensure_future(client.say(StillThere(), by=here.by()))
            asked = asyncio.ensure_future(here.stations.call(CS1, Reset(), by=here.by()))
            await here.clock.advance(10)
            assert not said.done()
            wire.release()
            assert isinstance(await said, TimeAnswer)
            assert await asked == YES

    asyncio.run(story())


def test_a_held_wire_dies_of_silence_at_both_ends() -> None:
    async def story() -> None:
        async with site() as here:
            ends: list[Unreachable] = []
            await here.connect(on_close=ends.append)
            here.stations.wire(CS1).hold()
            await here.clock.advance(125)
            assert len(ends) == len(here.ear.leaves) == 1

    asyncio.run(story())


def test_a_dropped_message_is_lost_and_its_sender_waits_until_its_deadline() -> None:
    async def story() -> None:
        async with site() as here:
            client = await here.connect(V16)
            here.stations.wire(CS1).drop()
            said = asyncio.ensure_future(client.say(StillThere(), by=here.by(10)))
            await here.clock.advance(10)
            assert isinstance(await said, TimedOut)
            assert here.ear.heard == []
            assert isinstance(await client.say(StillThere(), by=here.by()), TimeAnswer)

    asyncio.run(story())


def test_a_doubled_message_is_heard_and_its_answers_confuse_nobody() -> None:
    async def story() -> None:
        async with site() as here:
            client = await here.connect()
            here.stations.wire(CS1).duplicate(2)
            assert isinstance(await client.say(StillThere(), by=here.by()), TimeAnswer)
            assert isinstance(await client.say(StillThere(), by=here.by()), TimeAnswer)
            assert len(here.ear.heard) >= 2

    asyncio.run(story())


def test_reordered_messages_both_arrive() -> None:
    async def story() -> None:
        async with site() as here:
            client = await here.connect()
            here.stations.wire(CS1).reorder()
            said = asyncio.ensure_future(client.say(StillThere(), by=here.by()))
            await here.clock.advance()
            assert not said.done()
            assert await here.stations.call(CS1, Reset(), by=here.by()) == YES
            assert isinstance(await said, TimeAnswer)

    asyncio.run(story())


def test_a_cut_wire_is_offline_at_both_ends_at_once_and_can_be_replaced() -> None:
    async def story() -> None:
        async with site() as here:
            ends: list[Unreachable] = []
            client = await here.connect(on_close=ends.append)
            here.stations.wire(CS1).cut()
            await here.clock.advance()
            assert isinstance(ends[0], Offline)
            assert here.ear.leaves == here.ear.joins
            assert isinstance(await client.say(StillThere(), by=here.by()), Offline)
            again = await here.connect()
            assert isinstance(await again.say(StillThere(), by=here.by()), TimeAnswer)
            await client.close()

    asyncio.run(story())


def test_an_operator_can_end_a_wire() -> None:
    async def story() -> None:
        async with site() as here:
            await here.connect()
            assert [info.station for info in here.stations.connections()] == [CS1]
            assert here.stations.disconnect(CS1, "operator")
            assert here.stations.connections() == []

    asyncio.run(story())
