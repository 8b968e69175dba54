"""Stations prove who they are, on the wire and on sockets: from the challenge to a receipt, and what comes between."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from evouch.cpo.identity_terms import IdentityTerms
from evouch.identity.enrolment import IdentityKind
from evouch.identity.keys import PrivateKey
from evouch.identity.proof import Profile
from evouch.ids import StationId
from evouch.ocpp.manners import Habit
from evouch.station.app import Simulator
from evouch.station.prover import Prover
from evouch.station.proving import Proving
from evouch.testing.town import Town, on_sockets, on_the_wire
from evouch.webpayment.checkout import State
from tests.proofs import proves
from tests.station.keys import ED25519, P256, PROVER

WORLDS = {"wire": on_the_wire, "sockets": on_sockets}
VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
CS = StationId("CS-1")
THIEF = Prover(key=P256.pem())

each_world = pytest.mark.parametrize("world", list(WORLDS))
#: Every version in memory, and the one that W3CP speaks of over sockets too.
each_version = pytest.mark.parametrize(
    ("version", "world"), [*((version, "wire") for version in VERSIONS), ("ocpp1.6", "sockets")]
)
Story = Callable[[Town], Coroutine[Any, Any, None]]


def play(story: Story, world: str = "wire", **terms: Any) -> None:
    async def run() -> None:
        async with WORLDS[world](identity=IdentityTerms(ocpp2=True, **terms)) as town:
            await story(town)

    asyncio.run(run())


def state(town: Town, id: str = "CS-1") -> str:
    view = town.cpo.challenger.standing(StationId(id))
    return "gone" if view is None else str(view.state)


async def charged(town: Town) -> Any:
    """Pay, plug and charge; return the payment."""
    checkout = await town.checkout()
    await town.pay(checkout)
    await town.reach(checkout, State.WAITING)
    await town.plug()
    await town.reach(checkout, State.CHARGING)
    await town.until(lambda: any(one.energy > 200 for one in town.cpo.checkouts.active()))
    return checkout


async def kinds(town: Town) -> list[str]:
    return [event.kind for event in await town.cpo.store.security_events()]


async def told_of_thief(town: Town) -> bool:
    """Return whether the thief has tried its key."""
    return "FailedToAuthenticateAtCentralSystem" in await kinds(town)


def uses(simulator: Simulator, key: PrivateKey) -> None:
    """Put another key into a station, as its maker's service does."""
    spec = replace(simulator.spec, prover=Prover(key=key.pem()))
    simulator.proving = Proving(spec.id, spec.prover, simulator.clock, simulator.time)  # type: ignore[arg-type]


# ── the whole flow ──────────────────────────────────────────────────────────────────────


@proves("W1", "W2", "W3", "W4", "W11", "W12", "W16")
@each_version
def test_boot_challenge_proof_and_then_a_charge_to_its_receipt(version: str, world: str) -> None:
    async def story(town: Town) -> None:
        await town.station(version, prover=PROVER)
        assert state(town) == "proven"
        checkout = await charged(town)
        await town.cpo.payments.stop(checkout.payment)
        done = await town.reach(checkout, State.SETTLED)
        assert done.energy > 200
        assert await kinds(town) == []

    play(story, world, require="all")


@each_world
@pytest.mark.parametrize("manner", list(Profile))
def test_the_reference_firmware_is_understood_as_our_own(manner: Profile, world: str) -> None:
    async def story(town: Town) -> None:
        await town.station("ocpp1.6", prover=replace(PROVER, manner=manner))
        view = town.cpo.challenger.standing(CS)
        assert view is not None
        assert view.signing == ("hashText" if manner is Profile.REFERENCE else "canonical")

    play(story, world)


@proves("M4")
@each_world
@pytest.mark.parametrize("enforce", [False, True])
def test_a_station_with_a_wrong_clock_is_noted_or_refused(world: str, enforce: bool) -> None:
    async def story(town: Town) -> None:
        await town.station("ocpp1.6", prover=PROVER, clock_offset=86_400.0, wait=False)
        await town.until(lambda: state(town) == ("failed" if enforce else "proven"), 30)

    play(story, world, enforce_time=enforce)


@proves("M15")
@each_version
def test_a_station_that_comes_back_without_a_boot_works_again_after_its_proof(version: str, world: str) -> None:
    async def story(town: Town) -> None:
        simulator = await town.station(version, prover=PROVER, boots_on_reconnect=False)
        await simulator.go_offline()
        await town.until(lambda: state(town) == "gone", 30)
        simulator.come_online()
        await town.until(lambda: state(town) == "proven", 30)
        await town.until(lambda: simulator.screen(1).url, 30)
        await charged(town)

    play(story, world, silence=0.2)


@proves("W13")
@each_world
def test_a_station_that_goes_on_while_pending_gets_nowhere(world: str) -> None:
    async def story(town: Town) -> None:
        simulator = await town.station("ocpp1.6", prover=THIEF, enrolled=False, ignores_pending=True, wait=False)
        await town.enrol(PROVER)
        await town.cpo.stations.block(CS, False, actor="town")
        await town.until(lambda: state(town) in {"failed", "trusted"}, 30)
        if state(town) == "trusted":  # it was here before its key was enrolled: from its next connection on
            await simulator.go_offline()
            simulator.come_online()
            await town.until(lambda: state(town) == "failed", 60)
        await town.plug()
        await simulator.swipe(1, "CARD")
        await town.wait(3 if town.world.manual else 0.5)
        assert await town.cpo.store.transactions() == []
        assert not simulator.screen(1).url

    play(story, world)


# ── what comes between ──────────────────────────────────────────────────────────────────


@proves("M16")
@each_version
def test_the_end_of_a_charge_that_is_told_before_the_proof_is_paid_all_the_same(version: str, world: str) -> None:
    async def story(town: Town) -> None:
        simulator = await town.station(version, prover=PROVER, boots_on_reconnect=False)
        checkout = await charged(town)
        await simulator.go_offline()
        await town.wait(1 if town.world.manual else 0.2)
        await town.drive_away()
        simulator.come_online()
        done = await town.reach(checkout, State.SETTLED, seconds=300)
        assert done.captured is not None
        found = await town.cpo.store.quarantined(open=False)
        assert found or world == "sockets", "it was told before the proof"
        assert {one.state for one in found} <= {"promoted"}

    play(story, world)


@proves("M11")
@each_world
def test_a_key_revoked_during_a_charge_drops_the_connection_and_the_charge_goes_on_with_the_next(
    world: str,
) -> None:
    async def story(town: Town) -> None:
        simulator = await town.station("ocpp1.6", prover=PROVER, boots_on_reconnect=False)
        checkout = await charged(town)
        [mine] = town.cpo.identities.of(CS)
        await town.cpo.identities.rotate(CS, IdentityKind.PUBLIC_KEY, P256.public.document(), actor="anna")
        uses(simulator, P256)
        before = town.cpo.challenger.visits.live(CS)
        await town.cpo.identities.revoke(mine.id, actor="anna", reason="stolen")
        await town.until(lambda: town.cpo.challenger.visits.live(CS) is not before and state(town) == "proven", 60)
        assert (await town.now(checkout)).state is State.CHARGING
        energy = (await town.now(checkout)).energy
        await town.until(lambda: any(one.energy > energy + 200 for one in town.cpo.checkouts.active()))
        await town.cpo.payments.stop(checkout.payment)
        done = await town.reach(checkout, State.SETTLED)
        assert done.energy > energy
        assert [one.status for one in town.cpo.identities.of(CS)] == ["revoked", "active"]

    play(story, world)


@proves("M7")
@each_world
def test_a_thief_in_the_stations_name_disturbs_nothing(world: str) -> None:
    async def story(town: Town) -> None:
        honest = await town.station("ocpp1.6", prover=PROVER)
        checkout = await charged(town)
        await town.station("ocpp1.6", prover=THIEF, enrolled=False, wait=False)
        town.stations["CS-1"] = honest
        await town.until(lambda: told_of_thief(town), 30)
        assert state(town) == "proven"
        await town.cpo.payments.stop(checkout.payment)
        done = await town.reach(checkout, State.SETTLED)
        assert done.energy > 200

    play(story, world)


@proves("M7")
@each_world
def test_the_station_takes_its_place_from_a_thief_who_was_there_first(world: str) -> None:
    async def story(town: Town) -> None:
        await town.station("ocpp1.6", prover=THIEF, enrolled=False, wait=False)
        await town.until(lambda: state(town) != "gone", 10)
        await town.station("ocpp1.6", prover=PROVER)
        assert state(town) == "proven"

    play(story, world, require="all")


@proves("M10")
@each_world
def test_the_first_key_of_a_new_station_is_taken_within_the_window(world: str) -> None:
    async def story(town: Town) -> None:
        await town.cpo.stations.register(CS, actor="anna")
        await town.cpo.identities.open_window(CS, 600, actor="anna")
        await town.station("ocpp1.6", prover=replace(PROVER, offers_key=True), enrolled=False)
        assert state(town) == "proven"
        [mine] = town.cpo.identities.of(CS)
        assert (mine.enrolled_by, mine.material) == ("first use", ED25519.public.material)

    play(story, world, require="all")


@proves("M18")
def test_hourly_questions_are_not_noticed_by_who_can_answer_them() -> None:
    async def story(town: Town) -> None:
        simulator = await town.station("ocpp1.6", prover=PROVER)
        before = town.cpo.challenger.visits.live(CS)
        await town.wait(7300)
        assert town.cpo.challenger.visits.live(CS) is before
        assert await kinds(town) == []
        uses(simulator, P256)
        await town.wait(3600)
        assert town.cpo.challenger.visits.live(CS) is not before
        assert "FailedToAuthenticateAtCentralSystem" in await kinds(town)

    play(story, recheck=1)


@pytest.mark.parametrize("habit", list(Habit))
@pytest.mark.parametrize(
    ("wish", "ends"), [("reject", "failed"), ("allow_untrusted", "untrusted"), ("fallback", "failed")]
)
def test_firmware_that_never_heard_of_it(habit: Habit, wish: str, ends: str) -> None:
    async def story(town: Town) -> None:
        simulator = await town.station("ocpp1.6", unknown=habit, wait=False)
        await town.until(lambda: state(town) == ends, 60)
        await town.wait(60)
        assert state(town) == ends
        assert not simulator.screen(1).url, "no secret was ever given to it"

    play(story, require="all", on_unsupported=wish)
