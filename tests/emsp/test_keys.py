"""The key that makes VIDs: made once, kept sealed, rotated with a reason, backed up, brought back."""

import asyncio

import pytest

from evouch.emsp.keys import Keys
from evouch.errors import LocalError
from evouch.ids import Secret
from evouch.oprf.client import blind
from evouch.oprf.keys import PrivateKey
from evouch.store.memory import MemoryStore
from evouch.store.ports import StoreFailed
from evouch.testing.clock import VECTOR_TIME, SeededEntropy
from tests.emsp.world import ADA, OTHER_VID, VID, Faulty, World, play, refused
from tests.proofs import proves

MAC = b"\x0c\x29\x8f\x00\x00\x01"


async def vid_of(world: World) -> str:
    """The VID of one vehicle at the key in use."""
    kept, blinded = blind(MAC, SeededEntropy("one"))
    evaluated = await world.alfa.client.sign(world.alfa.partner(), blinded, by=world.alfa.by())
    return kept.finish(evaluated).hex()


@proves("A26")
def test_the_first_start_makes_a_key_and_every_later_one_uses_it() -> None:
    async def story(world: World) -> None:
        vid = await vid_of(world)
        await world.restart()
        assert vid == await vid_of(world)
        assert 1 == len(await world.store.oprf_keys())

    play(story)


@proves("A26")
def test_a_new_key_revokes_the_vehicles_of_the_old_one_tells_their_drivers_and_is_said_to_operators() -> None:
    async def story(world: World) -> None:
        await world.bound()
        before, old = await vid_of(world), world.emsp.keys.current.id
        assert "reasonMissing" == await refused(world.emsp.desk.rotate_key(actor="ann", reason=""))
        await world.emsp.desk.rotate_key(actor="ann", reason="a laptop was stolen")
        assert "BLOCKED" == await world.alfa.verdict()  # at once, before anything was revoked one by one
        await world.pass_time(seconds=1)
        vehicle = await world.emsp.vehicles.get(VID)
        assert vehicle is not None
        assert not vehicle.granted
        assert "bindAgain" == await refused(world.emsp.phone.grant("ada", VID))  # nobody can hear this name again
        (told,) = await world.notices("revoked")
        assert "new key" in told.data["reason"]
        assert "AUTO_CHARGE_REVOKED" == world.alfa.told("put_vehicle")[-1].body.auto_charge_status
        assert before != await vid_of(world)
        assert [False, True] == [each.retired_at is not None for each in world.emsp.keys.all()]
        said = [(each.actor, each.action, each.detail) for each in await world.emsp.desk.audit()]
        assert ("ann", "rotate OPRF key", "a laptop was stolen") in said
        # bound again by its new name
        await world.pass_time(minutes=16)
        await world.alfa.put(world.alfa.session("S7"))
        await world.alfa.bind(OTHER_VID, session="S7")
        await world.emsp.phone.grant("ada", OTHER_VID)
        enrolment = await world.store.enrolment(OTHER_VID)
        assert enrolment is not None
        assert old != enrolment.key == world.emsp.keys.current.id
        assert "ALLOWED" == await world.alfa.verdict(OTHER_VID)

    play(story)


@proves("A26")
@pytest.mark.parametrize("way", ["rotated", "restored"])
def test_a_charge_that_may_have_been_named_by_the_key_before_binds_nothing(way: str) -> None:
    async def story(world: World) -> None:
        await world.driver()
        backup = await world.emsp.desk.export_key(actor="ann")
        if way == "restored":
            await world.emsp.desk.rotate_key(actor="ann", reason="by mistake")
            await world.pass_time(hours=2)
        await world.alfa.put(world.alfa.session("S1"))
        if way == "restored":
            await world.emsp.desk.restore_key(backup, actor="ann", reason="it was a mistake")
        else:
            await world.emsp.desk.rotate_key(actor="ann", reason="yearly")
        await world.pass_time(minutes=14)
        await world.alfa.put(world.alfa.session("S2"))
        await world.pass_time(minutes=2)
        await world.alfa.put(world.alfa.session("S3"))
        await world.restart()
        assert "2001" == await refused(world.alfa.bind(session="S1"))
        assert "2001" == await refused(world.alfa.bind(session="S2"))
        assert [] == await world.emsp.phone.vehicles("ada")
        await world.alfa.bind(session="S3")
        assert [VID] == [each.vid for each in await world.emsp.phone.vehicles("ada")]

    play(story)


def test_a_station_whose_clock_is_years_behind_binds_again_a_week_after_a_change_of_key() -> None:
    async def story(world: World) -> None:
        await world.driver()
        await world.emsp.desk.rotate_key(actor="ann", reason="yearly")
        world.leap(days=6)
        await world.alfa.put(world.alfa.session("S1", start=VECTOR_TIME.replace(year=2000)))
        assert "2001" == await refused(world.alfa.bind(session="S1"))
        world.leap(days=1)
        await world.alfa.bind(session="S1")

    play(story)


@proves("A26")
def test_within_the_grace_the_old_names_still_start_and_then_no_more_also_over_a_restart() -> None:
    async def story(world: World) -> None:
        await world.bound()
        await world.emsp.desk.rotate_key(actor="ann", reason="yearly", grace=600)
        await world.pass_time(seconds=300)
        assert "ALLOWED" == await world.alfa.verdict()
        await world.restart()
        await world.pass_time(seconds=301)
        assert "BLOCKED" == await world.alfa.verdict()
        assert [ADA] == [each.contract for each in await world.emsp.phone.vehicles("ada")]
        assert 1 == len(await world.notices("revoked"))

    play(story)


@proves("A26")
def test_a_backup_that_is_brought_back_is_the_same_key() -> None:
    async def story(world: World) -> None:
        vid, id = await vid_of(world), world.emsp.keys.current.id
        backup = await world.emsp.desk.export_key(actor="ann")
        assert ("ann", "export OPRF key") in [(each.actor, each.action) for each in await world.emsp.desk.audit()]
        await world.emsp.desk.rotate_key(actor="ann", reason="by mistake")
        assert "badKey" == await refused(world.emsp.desk.restore_key(Secret("00" * 32), actor="ann", reason="x"))
        restored = await world.emsp.desk.restore_key(backup, actor="ann", reason="it was a mistake")
        assert (id, vid) == (restored.id, await vid_of(world))
        assert id == (await world.emsp.desk.restore_key(backup, actor="ann", reason="again")).id
        await world.restart()
        assert vid == await vid_of(world)

    play(story)


@pytest.mark.parametrize("kept", [False, True], ids=["not kept", "kept"])
def test_after_a_rotation_that_the_store_broke_signs_are_of_the_key_that_the_store_has(kept: bool) -> None:
    async def played() -> None:
        store = Faulty(MemoryStore(), fail_at=0)
        world = await World.new(store=store)
        before = await vid_of(world)
        store.fail_in(1, kept=kept, stays_down=False)
        with pytest.raises(StoreFailed):
            await world.emsp.desk.rotate_key(actor="ann", reason="yearly")
        after = await vid_of(world)
        assert (before == after) is not kept
        await world.restart()
        assert after == await vid_of(world)
        await world.stop()

    asyncio.run(played())


def test_a_key_never_prints() -> None:
    async def story(world: World) -> None:
        digits = (await world.emsp.desk.export_key(actor="ann")).text()
        assert PrivateKey.from_hex(digits).key_bytes.reveal().hex() == digits
        everything = f"{world.emsp.desk.keys()!r}{await world.emsp.desk.audit()!r}{world.emsp.keys!r}"
        assert digits not in everything

    play(story)


def test_nothing_is_signed_before_the_keys_are_loaded() -> None:
    async def story(world: World) -> None:
        with pytest.raises(LocalError):
            _ = Keys(world.emsp.book).signer

    play(story)
