"""Who gives way to whom once a station has proved itself: over wires in memory and over sockets."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from evouch.charging.dialogue import Entrance, Evidence, Link, Order, Reset, StillThere, TimeAnswer, Unlock, Yes
from evouch.errors import ConnectionReplaced, Offline, PeerRefused, Unreachable
from evouch.ids import EvseNumber, Secret
from evouch.ocpp.aio import Admission, StationClient
from evouch.ocpp.aio_limits import LIMITS
from evouch.ocpp.versions import V16
from evouch.testing.clock import settle
from tests.ocpp.sockets import CLOSE, PING, Raw, by_password, until
from tests.ocpp.sockets import site as socket_site
from tests.proofs import proves
from tests.testing.test_wire import CS1, YES, Site, both, site

OPEN = frozenset({"BootNotification", "Heartbeat"})


class Caller:
    """One end in the station's name: the station itself, or somebody who knows its name."""

    def __init__(self, here: Site) -> None:
        self.here = here
        self.orders: list[Order[Any]] = []
        self.ends: list[Unreachable] = []
        #: what it answers to orders; None for nothing, ever
        self.answer: Any = Yes(accepted=True, status="Accepted")
        self.client: StationClient
        self.link: Link

    async def connect(self, **how: Any) -> "Caller":
        """Connect and wait until the backend has heard of it."""
        known = set(self.here.ear.links)
        self.client = await self.here.connect(V16, hear=self._hear, on_close=self.ends.append, **how)
        await until(lambda: set(self.here.ear.links) - known)
        (new,) = set(self.here.ear.links) - known
        self.link = self.here.ear.links[new]
        return self

    def _hear(self, _link: Any, order: Order[Any], _evidence: Evidence) -> Any:
        self.orders.append(order)
        return self.answer or asyncio.get_running_loop().create_future()

    def prove(self) -> None:
        """Let the backend believe it."""
        self.here.ear.proven.add(self.link.connection)
        self.link.allow(None, proven=True)

    async def beat(self) -> Any:
        return await self.client.say(StillThere(), by=self.here.by())

    async def gone(self) -> Unreachable:
        await until(lambda: self.ends)
        return self.ends[0]


async def caller(here: Site, *, proven: bool = False, gated: bool = False, **how: Any) -> Caller:
    made = await Caller(here).connect(**how)
    if proven:
        made.prove()
    if gated:
        made.link.allow(OPEN)
    return made


async def turned_away(here: Site, **how: Any) -> None:
    """Connect once more, and be refused: over a socket perhaps before the client has noticed that it is open."""
    with suppress(Offline):
        await here.connect(**how)
    await until(lambda: here.events[-1].kind == "contested")


async def orders_reach(here: Site, who: Caller) -> bool:
    before = len(who.orders)
    assert await here.stations.call(CS1, Reset(), by=here.by()) == YES
    return len(who.orders) == before + 1


# ── the two orders ──────────────────────────────────────────────────────────────────────


@both
@proves("M7")
def test_a_stranger_after_the_proven_station_may_talk_and_takes_nothing_over(kind: str) -> None:
    async def story() -> None:
        async with site(kind) as here:
            honest = await caller(here, proven=True)
            stranger = await caller(here)
            assert (honest.link.candidate, stranger.link.candidate) == (False, True)
            assert isinstance(await stranger.beat(), TimeAnswer)
            assert await orders_reach(here, honest)
            assert stranger.orders == []
            assert [info.connection for info in here.stations.connections()] == [honest.link.connection]
            await here.clock.advance(29)
            assert stranger.ends == []
            await here.clock.advance(1)
            assert "1008" in str(await stranger.gone())
            assert isinstance(await honest.beat(), TimeAnswer)
            assert here.ear.leaves == [stranger.link.connection]
            kinds = [event.kind for event in here.events]
            assert kinds == ["joined", "candidate", "expired", "left"]
            assert [event.security for event in here.events] == [False, False, True, False]

    asyncio.run(story())


@both
@proves("M7")
def test_a_station_after_a_stranger_proves_itself_and_the_stranger_has_to_go(kind: str) -> None:
    async def story() -> None:
        async with site(kind) as here:
            stranger = await caller(here, gated=True)
            stranger.answer = None
            honest = await caller(here)
            assert honest.link.candidate
            asked = asyncio.ensure_future(here.stations.call(CS1, Reset(), by=here.by()))
            await settle()
            assert isinstance(await honest.link.call(Unlock(evse=EvseNumber(1), connector=1), by=here.by()), Yes)
            honest.prove()
            assert here.stations.promote(honest.link)
            assert isinstance(await asked, ConnectionReplaced)
            await stranger.gone()
            assert honest.link.candidate is False
            assert await orders_reach(here, honest)
            assert here.ear.leaves == [stranger.link.connection]
            assert [event.kind for event in here.events] == ["joined", "candidate", "replaced", "promoted", "left"]
            await here.clock.advance(LIMITS.candidacy + 1)
            assert isinstance(await honest.beat(), TimeAnswer)

    asyncio.run(story())


@both
@proves("M7")
def test_calls_open_on_the_old_connection_fail_when_another_takes_over(kind: str) -> None:
    async def story() -> None:
        async with site(kind) as here:
            old, new = await caller(here, proven=True), await caller(here)
            old.answer = None
            asked = asyncio.ensure_future(here.stations.call(CS1, Reset(), by=here.by()))
            await settle()
            new.prove()
            assert here.stations.promote(new.link)
            assert isinstance(await asked, ConnectionReplaced)
            assert isinstance(await old.link.call(Reset(), by=here.by()), ConnectionReplaced)
            assert await orders_reach(here, new)

    asyncio.run(story())


@both
@proves("M7")
def test_what_the_old_one_still_does_never_touches_the_promoted_one(kind: str) -> None:
    async def story() -> None:
        async with site(kind) as here:
            old, new = await caller(here, proven=True), await caller(here)
            new.prove()
            here.stations.promote(new.link)
            heard = len(here.ear.heard)
            said = asyncio.ensure_future(old.beat())
            await old.gone()
            await said
            await old.client.close()
            await until(lambda: here.ear.leaves == [old.link.connection])
            assert len(here.ear.heard) == heard
            assert here.stations.hang_up(old.link, "late") is False
            assert here.stations.promote(old.link) is False
            assert await orders_reach(here, new)

    asyncio.run(story())


# ── credentials do not stand in for a proof ─────────────────────────────────────────────


@both
@proves("M7")
@pytest.mark.parametrize("passwords", [("x", "x"), ("x", "y")])
def test_not_even_the_same_password_takes_over_from_a_proven_connection(kind: str, passwords: Any) -> None:
    async def story() -> None:
        async with site(kind, by_password) as here:
            honest = await caller(here, proven=True, password=Secret(passwords[0]))
            thief = await caller(here, password=Secret(passwords[1]))
            assert thief.link.candidate
            assert await orders_reach(here, honest)
            assert here.ear.leaves == []

    asyncio.run(story())


@both
@proves("M7")
def test_not_even_the_same_password_takes_over_from_one_that_is_asked_for_its_proof(kind: str) -> None:
    async def story() -> None:
        async with site(kind, by_password) as here:
            honest = await caller(here, gated=True, password=Secret("x"))
            thieves = [await caller(here, password=Secret("x")) for _ in range(6)]
            assert isinstance(await honest.beat(), TimeAnswer)
            assert await orders_reach(here, honest)
            assert (honest.ends, thieves[-1].link.candidate) == ([], True)

    asyncio.run(story())


@both
def test_a_password_still_replaces_a_connection_that_nobody_asks_for_a_proof(kind: str) -> None:
    async def story() -> None:
        async with site(kind, by_password) as here:
            old = await caller(here, password=Secret("x"))
            new = await caller(here, password=Secret("x"))
            await old.gone()
            assert new.link.candidate is False
            assert await orders_reach(here, new)

    asyncio.run(story())


@both
def test_who_brings_less_than_one_that_is_asked_for_its_proof_is_refused(kind: str) -> None:
    async def story() -> None:
        async with site(kind, lambda knock: Admission(101, credential="x" if knock.password else "")) as here:
            await caller(here, gated=True, password=Secret("x"))
            await turned_away(here)
            assert len(here.ear.joins) == 1

    asyncio.run(story())


# ── how many, and who comes next ────────────────────────────────────────────────────────


@both
@proves("M7")
def test_the_fifth_candidate_is_refused_and_the_oldest_keeps_its_place(kind: str) -> None:
    async def story() -> None:
        async with site(kind, by_password) as here:
            await caller(here, proven=True, password=Secret("x"))
            waiting = [await caller(here, password=Secret(each)) for each in "abcd"]
            await turned_away(here, password=Secret("e"))
            assert [each.ends for each in waiting] == [[]] * 4
            assert isinstance(await waiting[0].beat(), TimeAnswer)
            assert here.events[-1].kind == "contested"
            assert here.events[-1].security

            await waiting[3].client.close()
            await until(lambda: here.ear.leaves)
            assert (await caller(here, password=Secret("e"))).link.candidate

    asyncio.run(story())


@both
@proves("M7")
def test_a_stranger_that_takes_all_places_makes_room_for_others_with_its_oldest(kind: str) -> None:
    async def story() -> None:
        async with site(kind, by_password) as here:
            await caller(here, proven=True, password=Secret("x"))
            crowd = [await caller(here, password=Secret("a")) for _ in range(4)]
            honest = await caller(here, password=Secret("b"))
            assert "1000" in str(await crowd[0].gone())
            crowd += [await caller(here, password=Secret("a")) for _ in range(6)]  # it pushes out its own
            assert [bool(each.ends) for each in crowd] == [True] * 7 + [False] * 3
            assert isinstance(await honest.beat(), TimeAnswer)
            honest.prove()
            assert here.stations.promote(honest.link)
            assert await orders_reach(here, honest)

    asyncio.run(story())


@proves("M7")
@pytest.mark.parametrize(
    ("addresses", "home", "back"),
    [
        ([f"198.51.100.{last}" for last in range(4)], "192.0.2.10", "192.0.2.10"),
        ([f"2001:db8:0:{net}::1" for net in range(4)], "2001:db8:a::1", "2001:db8:a::2"),
    ],
)
def test_whoever_comes_from_where_the_proven_station_is_always_finds_a_place(
    addresses: list[str], home: str, back: str
) -> None:
    async def story() -> None:
        async with site() as here:
            await caller(here, proven=True, entrance=Entrance(address=home))
            crowd = [await caller(here, entrance=Entrance(address=each)) for each in addresses]
            await turned_away(here, entrance=Entrance(address="203.0.113.1"))
            honest = await caller(here, entrance=Entrance(address=back))
            again = await caller(here, entrance=Entrance(address=home))  # one place, not two
            assert "1000" in str(await honest.gone())
            assert (again.link.candidate, [each.ends for each in crowd]) == (True, [[]] * 4)

    asyncio.run(story())


@proves("M7")
def test_all_addresses_of_one_ipv6_network_are_one_stranger() -> None:
    async def story() -> None:
        async with site() as here:
            await caller(here, proven=True, entrance=Entrance(address="192.0.2.10"))
            crowd = [await caller(here, entrance=Entrance(address=f"2001:db8::{last}")) for last in range(4)]
            honest = await caller(here, entrance=Entrance(address="::ffff:192.0.2.77"))
            await crowd[0].gone()
            assert honest.link.candidate
            await caller(here, entrance=Entrance(address="2001:db8::ffff:1"))
            await crowd[1].gone()
            assert honest.ends == []

    asyncio.run(story())


@both
@proves("M7")
def test_when_the_proven_connection_ends_the_oldest_candidate_is_the_stations(kind: str) -> None:
    async def story() -> None:
        async with site(kind) as here:
            honest = await caller(here, proven=True)
            first, second = await caller(here), await caller(here)
            await honest.client.close()
            await until(lambda: here.ear.leaves)
            assert (first.link.candidate, second.link.candidate) == (False, True)
            assert len(here.ear.joins) == 3
            assert await orders_reach(here, first)
            # the other may still prove itself, and has its own thirty seconds
            second.prove()
            assert here.stations.promote(second.link)
            await first.gone()
            assert await orders_reach(here, second)

    asyncio.run(story())


@both
def test_a_candidate_that_has_become_the_stations_is_not_timed_any_more(kind: str) -> None:
    async def story() -> None:
        async with site(kind) as here:
            honest, heir = await caller(here, proven=True), await caller(here)
            await honest.client.close()
            await until(lambda: here.ear.leaves)
            await here.clock.advance(LIMITS.candidacy + 5)
            assert isinstance(await heir.beat(), TimeAnswer)
            assert heir.ends == []

    asyncio.run(story())


@both
def test_hanging_up_ends_the_one_connection_it_names(kind: str) -> None:
    async def story() -> None:
        async with site(kind) as here:
            honest, stranger = await caller(here, proven=True), await caller(here)
            assert here.stations.hang_up(stranger.link, "no proof")
            assert "1008" in str(await stranger.gone())
            assert await orders_reach(here, honest)
            assert here.stations.hang_up(honest.link, "identity revoked", 1008)
            await honest.gone()
            assert here.stations.connections() == []
            assert isinstance(await here.stations.call(CS1, Reset(), by=here.by()), Offline)
            assert here.stations.hang_up(honest.link, "again") is False

    asyncio.run(story())


@both
def test_promoting_what_is_the_stations_already_changes_nothing(kind: str) -> None:
    async def story() -> None:
        async with site(kind) as here:
            honest = await caller(here, proven=True)
            assert here.stations.promote(honest.link)
            assert await orders_reach(here, honest)
            assert [event.kind for event in here.events] == ["joined"]

    asyncio.run(story())


@both
def test_draining_says_goodbye_to_candidates_too(kind: str) -> None:
    async def story() -> None:
        async with site(kind) as here:
            everybody = [await caller(here, proven=True), await caller(here), await caller(here)]
            await here.stations.drain(here.by(1))
            await until(lambda: all(each.ends for each in everybody))
            assert all("1001" in str(each.ends[0]) for each in everybody)
            assert sorted(here.ear.leaves) == sorted(here.ear.joins)
            with pytest.raises((PeerRefused, Offline)):
                await here.connect()

    asyncio.run(story())


# ── half-open connections ───────────────────────────────────────────────────────────────


@proves("M7")
def test_a_late_pong_does_not_put_a_stranger_in_the_place_of_a_proven_station() -> None:
    async def story() -> None:
        async with site() as here:
            honest = await caller(here, proven=True)
            wire = here.stations.wire(CS1)
            wire.hold()
            stranger = await caller(here)
            await here.clock.advance(29)
            wire.release()
            await settle(20)
            assert (honest.ends, stranger.link.candidate) == ([], True)
            assert await orders_reach(here, honest)

    asyncio.run(story())


@proves("M7")
def test_a_station_whose_old_connection_is_half_open_proves_itself_and_is_back_at_once() -> None:
    async def story() -> None:
        async with site() as here:
            old = await caller(here, proven=True)
            here.stations.wire(CS1).hold()
            asked = asyncio.ensure_future(here.stations.call(CS1, Reset(), by=here.by()))
            new = await caller(here)
            new.prove()
            assert here.stations.promote(new.link)
            assert isinstance(await asked, ConnectionReplaced)
            assert await orders_reach(here, new)
            assert here.ear.leaves == [old.link.connection]

    asyncio.run(story())


@proves("M7")
def test_a_half_open_connection_that_proved_nothing_dies_within_five_seconds_of_a_candidate() -> None:
    async def story() -> None:
        async with site() as here:
            old = await caller(here, gated=True)
            here.stations.wire(CS1).hold()
            new = await caller(here)
            assert new.link.candidate
            await here.clock.advance(4.9)
            assert new.link.candidate
            await here.clock.advance(0.2)
            assert new.link.candidate is False
            assert await orders_reach(here, new)
            assert here.ear.leaves == [old.link.connection]

    asyncio.run(story())


@proves("M7")
def test_a_connection_that_proves_itself_while_it_is_probed_stays() -> None:
    async def story() -> None:
        async with site() as here:
            honest = await caller(here)
            wire = here.stations.wire(CS1)
            wire.hold()
            await here.connect()  # nobody has proved anything: the old one is pinged
            honest.prove()
            await here.clock.advance(5.1)
            assert here.events[-1].kind == "candidate"
            wire.release()
            await settle(20)
            assert honest.ends == []
            assert await orders_reach(here, honest)

    asyncio.run(story())


@proves("M7")
def test_over_a_socket_an_unproven_connection_is_pinged_once_for_all_that_wait_beside_it() -> None:
    async def story() -> None:
        async with socket_site() as here:
            old: Raw = await here.join(version=V16)
            first = here.ear.links[here.ear.joins[0]]
            first.allow(OPEN)
            new: Raw = await here.join(version=V16)
            await here.join(version=V16)
            assert (await old.next())[0] == PING  # and it never answers
            second = here.ear.links[here.ear.joins[1]]
            assert (first.candidate, second.candidate) == (False, True)
            await here.clock.advance(5)
            await until(lambda: here.ear.leaves == [first.connection])
            assert (await old.next())[0] == CLOSE
            assert second.candidate is False
            await new.heartbeat()
            assert [info.connection for info in here.server.connections()] == [second.connection]
            assert here.kinds() == ["joined", "candidate", "candidate", "replaced", "promoted", "left"]
            old.leave()

    asyncio.run(story())


@proves("M7")
def test_over_a_socket_a_proven_connection_is_not_pinged_for_those_that_wait() -> None:
    async def story() -> None:
        async with socket_site() as here:
            old: Raw = await here.join(version=V16)
            here.ear.proven.update(here.ear.joins)
            for _ in range(3):
                await here.join(version=V16)
            await old.heartbeat()  # the next frame is its answer, not a ping
            await here.clock.advance(6)
            await old.heartbeat()

    asyncio.run(story())


def test_a_candidate_that_the_backend_cannot_take_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with site() as here:
            honest = await caller(here, proven=True)
            joined = here.ear.joined

            def broken(link: Link) -> None:
                raise RuntimeError

            here.ear.joined = broken  # type: ignore[method-assign]
            ends: list[Unreachable] = []
            await here.connect(on_close=ends.append)
            await until(lambda: ends)
            assert "1011" in str(ends[0])
            here.ear.joined = joined  # type: ignore[method-assign]
            assert (await caller(here)).link.candidate
            assert await orders_reach(here, honest)

    asyncio.run(story())
    assert "cannot join" in caplog.text
