"""The registry of identities: what operators enrol, rotate and revoke, and what a proof changes for good."""

import asyncio
from datetime import timedelta

import pytest

from evouch.errors import Refused
from evouch.identity.enrolment import FIRST_USE, IdentityKind, IdentityStatus
from evouch.identity.proof import Profile
from evouch.ids import StationId
from evouch.store.memory import MemoryStore
from evouch.store.ports import StoreFailed
from evouch.testing.faulty_store import FaultyStore
from evouch.testing.town import Town, on_the_wire
from tests.cpo.hand import Hand
from tests.cpo.unproven import CS, KEY_KIND, enrol, events, known, told
from tests.proofs import proves
from tests.station.keys import ED25519, P256


async def proof(town: Town, **how: object) -> Hand:
    """Connect and answer the challenge."""
    hand = await Hand(town).open()
    await hand.boot()
    await hand.prove(**how)  # type: ignore[arg-type]
    return hand


@proves("M10")
def test_one_key_belongs_to_one_station_and_is_enrolled_once() -> None:
    async def story(town: Town) -> None:
        await known(town, "CS-2", key=False)
        for station in ("CS-1", "CS-2"):
            with pytest.raises(Refused, match="materialTaken"):
                await enrol(town, id=station)
        [mine] = town.cpo.identities.all()
        await town.cpo.identities.revoke(mine.id, actor="anna")
        with pytest.raises(Refused, match="materialTaken"):
            await enrol(town, id="CS-2")
        await enrol(town, P256, id="CS-2")
        assert [one.station for one in town.cpo.identities.all()] == ["CS-1", "CS-2"]

    told(story)


@proves("M10")
def test_two_operators_who_enrol_one_key_at_once_do_not_both_succeed() -> None:
    async def story(town: Town) -> None:
        await known(town, "CS-2", key=False)
        results = await asyncio.gather(
            enrol(town, P256, id="CS-1"), enrol(town, P256, id="CS-2"), return_exceptions=True
        )
        assert sorted(type(one).__name__ for one in results) == ["Identity", "Refused"]
        assert len(await town.cpo.store.identities()) == 2

    told(story)


@pytest.mark.parametrize(
    ("kind", "material", "reason"),
    [
        (KEY_KIND, {"type": "ed25519", "encoding": "base64url", "value": "AAAA"}, "badKey"),
        (IdentityKind.WEB3, "did:nobody:knows", "unsupportedDid"),
        (IdentityKind.CERTIFICATE, "not one", "badCertificate"),
    ],
)
def test_what_is_no_key_is_refused_by_its_reason_and_leaves_nothing(
    kind: IdentityKind, material: object, reason: str
) -> None:
    async def story(town: Town) -> None:
        rows = len(await town.cpo.store.audit())
        with pytest.raises(Refused, match=reason):
            await town.cpo.identities.enrol(CS, kind, material, actor="anna")
        with pytest.raises(Refused, match="unknownStation"):
            await enrol(town, id="nowhere")
        with pytest.raises(Refused, match="badTime"):
            now = town.world.clock.now()
            await enrol(town, not_before=now, not_after=now)
        assert len(await town.cpo.store.audit()) == rows
        assert town.cpo.identities.all() == []

    told(story, key=False)


@proves("M11")
def test_the_next_key_takes_over_with_its_first_proof_and_the_one_before_works_until_it_is_revoked() -> None:
    async def story(town: Town) -> None:
        await proof(town)
        following = await town.cpo.identities.rotate(CS, KEY_KIND, P256.public.document(), actor="anna")
        assert following.status is IdentityStatus.NEXT
        await (await proof(town)).hang_up()
        assert town.cpo.identities.get(following.id).status is IdentityStatus.NEXT, "it has not proved anything"
        await (await proof(town, key=P256)).hang_up()
        assert town.cpo.identities.get(following.id).status is IdentityStatus.ACTIVE
        back = await proof(town, key=ED25519)
        assert back.state == "proven", "the station went back to its old firmware"
        first, second = town.cpo.identities.of(CS)
        await town.cpo.identities.revoke(first.id, actor="anna", reason="rotated")
        await town.until(lambda: back.close, 1)
        old = await proof(town, key=ED25519)
        assert old.state == "failed"
        await old.hang_up()
        assert (await proof(town, key=P256)).state == "proven"
        assert [one.status for one in await town.cpo.store.identities()] == ["revoked", "active"]
        acts = [(row.action, row.actor) for row in (await town.cpo.store.audit())[::-1] if "ident" in row.action]
        assert acts == [("enrol identity", "anna"), ("enrol identity", "anna"), ("revoke identity", "anna")]
        assert [row.action for row in await town.cpo.store.audit()].count("first proof") == 2
        assert second.id == following.id

    told(story)


@proves("M11")
def test_revoking_drops_the_connection_that_it_proved_and_no_other() -> None:
    async def story(town: Town) -> None:
        other = await enrol(town, P256)
        mine = town.cpo.identities.of(CS)[0]
        hand = await proof(town)
        await town.cpo.identities.revoke(other.id, actor="anna")
        await town.wait(1)
        assert hand.close is None
        await town.cpo.identities.revoke(mine.id, actor="anna")
        await town.wait(1)
        assert hand.close == 1008
        with pytest.raises(Refused, match="revoked"):
            await town.cpo.identities.promote(mine.id, actor="anna")
        with pytest.raises(Refused, match="unknownIdentity"):
            await town.cpo.identities.revoke("nothing", actor="anna")

    told(story)


@proves("M11")
def test_a_key_that_is_revoked_while_its_proof_is_written_proves_nothing() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        challenge = await hand.challenge()
        [mine] = town.cpo.identities.of(CS)
        revoking = asyncio.ensure_future(town.cpo.identities.revoke(mine.id, actor="anna"))
        hand.write([3, challenge[1], hand.proof(challenge)])
        await revoking
        await town.wait(0.5)
        assert hand.state in {"failed", "gone"}

    told(story)


@proves("M11")
def test_a_key_counts_within_its_time_only() -> None:
    async def story(town: Town) -> None:
        now = town.world.clock.now()
        await enrol(town, not_before=now + timedelta(hours=1), not_after=now + timedelta(hours=2))
        await town.cpo.identities.promote(town.cpo.identities.of(CS)[0].id, actor="anna")
        for hours, state in ((0, "trusted"), (1.5, "proven"), (2, "failed")):
            await town.wait(hours * 3600)
            hand = await Hand(town).open()
            if (await hand.boot())["status"] == "Pending":
                await hand.prove()
            assert hand.state == state
            await hand.hang_up()

    told(story, key=False)


def test_a_key_that_has_run_out_is_no_way_around_the_challenge() -> None:
    async def story(town: Town) -> None:
        now = town.world.clock.now()
        await enrol(town, not_after=now + timedelta(hours=1))
        await town.wait(7200)
        hand = await proof(town)
        assert hand.state == "failed", "nobody ever proved it, and it says that there is something to prove"

    told(story, key=False)


# ── the signing input ───────────────────────────────────────────────────────────────────


def test_what_a_key_was_first_seen_to_sign_is_written_before_it_counts_and_nothing_else_is_taken_later() -> None:
    async def story(town: Town) -> None:
        await (await proof(town, profile=Profile.REFERENCE)).hang_up()
        [stored] = await town.cpo.store.identities()
        assert (stored.signing, stored.first_proven_at is not None) == ("hashText", True)
        again = await proof(town, profile=Profile.OWN)
        assert again.state == "failed"
        await town.wait(60)
        await again.boot()
        await again.prove(2, profile=Profile.REFERENCE)
        assert again.state == "proven"

    told(story)


def test_a_proof_that_cannot_be_written_does_not_count() -> None:
    async def run() -> None:
        faulty = FaultyStore(MemoryStore(), fail_at=0)
        async with on_the_wire(store=faulty) as town:
            await known(town)
            hand = await Hand(town).open()
            await hand.boot()
            faulty.fail_in(1, stays_down=False)
            await hand.prove()
            assert hand.state == "failed"
            assert (await town.cpo.store.identities())[0].signing is None
            await town.wait(60)
            await hand.boot()
            await hand.prove(2)
            assert hand.state == "proven"

    asyncio.run(run())


def test_a_station_that_comes_back_writes_nothing_by_proving_itself() -> None:
    async def run() -> None:
        counting = FaultyStore(MemoryStore(), fail_at=0)
        async with on_the_wire(store=counting) as town:
            await known(town)
            first = await proof(town)
            await first.boot()
            await town.wait(5)
            await first.hang_up()
            before = counting.commits
            hand = await Hand(town).open()
            await town.wait(10)
            await hand.prove()
            assert hand.state == "proven"
            assert counting.commits == before

    asyncio.run(run())


# ── first use ───────────────────────────────────────────────────────────────────────────


@proves("M10")
def test_within_a_window_the_first_key_is_enrolled_and_the_window_is_used_up() -> None:
    async def story(town: Town) -> None:
        until = await town.cpo.identities.open_window(CS, 600, actor="anna")
        assert until == town.world.clock.now() + timedelta(seconds=600)
        hand = await proof(town, offer_key=True)
        assert hand.state == "proven"
        [mine] = town.cpo.identities.of(CS)
        assert (mine.enrolled_by, mine.material) == (FIRST_USE, ED25519.public.material)
        record = await town.cpo.store.station(CS)
        assert record is not None
        assert record.enrol_until is None
        await hand.hang_up()
        thief = await proof(town, key=P256, offer_key=True)
        assert thief.state == "failed"
        assert len(await town.cpo.store.identities()) == 1
        assert "enrol identity on first use" in [row.action for row in await town.cpo.store.audit()]

    told(story, key=False)


@proves("M10")
def test_after_the_window_nothing_is_enrolled() -> None:
    async def story(town: Town) -> None:
        await town.cpo.identities.open_window(CS, 60, actor="anna")
        hand = await Hand(town).open()
        await hand.boot()
        challenge = await hand.challenge()
        await town.wait(8)
        await town.cpo.identities.close_window(CS, actor="anna")
        hand.write([3, challenge[1], hand.proof(challenge, offer_key=True)])
        await town.wait(0.1)
        assert hand.state == "failed"
        await town.cpo.identities.open_window(CS, 60, actor="anna")
        await town.wait(61)
        await hand.hang_up()
        late = await Hand(town).open()
        await late.boot()
        assert late.state == "trusted", "nothing is enrolled and nothing asked"
        assert town.cpo.identities.all() == []

    told(story, key=False)


@proves("M10")
def test_two_keys_in_one_window_are_one_enrolment() -> None:
    async def story(town: Town) -> None:
        await town.cpo.identities.open_window(CS, 600, actor="anna")
        hands = [await Hand(town).open(), await Hand(town).open()]
        for hand, key in zip(hands, (ED25519, P256), strict=True):
            await hand.boot()
            challenge = await hand.challenge()
            hand.write([3, challenge[1], hand.proof(challenge, key, offer_key=True)])
        await town.wait(1)
        assert len(await town.cpo.store.identities()) == 1
        assert len([visit for visit in town.cpo.challenger.visits.of(CS) if visit.acting]) == 1

    told(story, key=False)


@proves("M10")
def test_a_key_of_another_station_is_not_enrolled_on_first_use() -> None:
    async def story(town: Town) -> None:
        await known(town, "CS-2")
        await town.cpo.identities.open_window(CS, 600, actor="anna")
        hand = await proof(town, offer_key=True)
        assert hand.state == "failed"
        assert [event.kind for event in await events(town)] == ["FailedToAuthenticateAtCentralSystem"]

    told(story, key=False)


def test_a_window_is_for_stations_without_a_key_and_not_for_good() -> None:
    async def story(town: Town) -> None:
        with pytest.raises(Refused, match="alreadyEnrolled"):
            await town.cpo.identities.open_window(CS, 60, actor="anna")
        with pytest.raises(Refused, match="badWindow"):
            await town.cpo.identities.open_window(CS, 10**9, actor="anna")
        with pytest.raises(Refused, match="unknownStation"):
            await town.cpo.identities.open_window(StationId("nowhere"), 60, actor="anna")

    told(story)


# ── stations that go ────────────────────────────────────────────────────────────────────


def test_a_removed_station_takes_its_keys_along_but_not_the_revoked_ones() -> None:
    async def story(town: Town) -> None:
        old = await enrol(town, P256)
        await town.cpo.identities.revoke(old.id, actor="anna")
        await town.cpo.stations.remove(CS, actor="anna")
        assert [one.id for one in await town.cpo.store.identities()] == [old.id]
        await known(town)
        with pytest.raises(Refused, match="materialTaken"):
            await enrol(town, P256)

    told(story)


def test_identities_are_there_after_a_restart() -> None:
    store = MemoryStore()

    async def run() -> None:
        async with on_the_wire(store=store) as town:
            await known(town)
            await (await proof(town)).hang_up()
        async with on_the_wire(store=store) as town:
            hand = await proof(town)
            assert hand.state == "proven"
            [mine] = town.cpo.identities.of(CS)
            assert mine.signing == "canonical"

    asyncio.run(run())


def test_a_change_that_cannot_be_written_is_not_made() -> None:
    async def run() -> None:
        faulty = FaultyStore(MemoryStore(), fail_at=0)
        async with on_the_wire(store=faulty) as town:
            await known(town)
            [mine] = town.cpo.identities.of(CS)
            faulty.fail_in(1, stays_down=False)
            with pytest.raises(StoreFailed):
                await town.cpo.identities.revoke(mine.id, actor="anna")
            assert town.cpo.identities.of(CS) == [mine]

    asyncio.run(run())


# ── what is known changes while somebody is here ────────────────────────────────────────


@proves("M11")
def test_revoking_the_only_key_that_never_proved_itself_opens_no_door() -> None:
    async def story(town: Town) -> None:
        [mine] = town.cpo.identities.of(CS)
        await town.cpo.identities.revoke(mine.id, actor="anna", reason="leaked")
        thief = await Hand(town).open()
        assert (await thief.boot())["status"] == "Pending"
        await thief.prove()
        assert thief.state == "failed"
        await thief.hang_up()
        await enrol(town, P256)
        assert (await proof(town, key=P256)).state == "proven"

    told(story)


@proves("M10")
@pytest.mark.parametrize("act", ["enrol", "rotate", "window"])
def test_who_was_let_in_because_nothing_was_enrolled_is_asked_as_soon_as_there_is_something_to_prove(act: str) -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        assert (await hand.boot())["status"] == "Accepted"
        identities = town.cpo.identities
        match act:
            case "enrol":
                await enrol(town)
            case "rotate":
                await identities.rotate(CS, KEY_KIND, ED25519.public.document(), actor="anna")
            case "window":
                await identities.open_window(CS, 600, actor="anna")
        await hand.prove(offer_key=True)
        assert hand.state == "proven"
        assert [one.status for one in await town.cpo.store.identities()] == [IdentityStatus.ACTIVE]

    told(story, key=False)


@proves("M10")
def test_a_stranger_who_was_here_before_the_key_was_enrolled_does_not_keep_the_station_out() -> None:
    async def story(town: Town) -> None:
        thief = await Hand(town).open()
        await thief.boot()
        await enrol(town)
        await thief.prove(key=P256)
        await town.wait(1)
        assert thief.close == 1008
        assert (await proof(town)).state == "proven"

    told(story, key=False)


def test_a_key_that_begins_to_count_later_is_asked_for_when_it_does() -> None:
    async def story(town: Town) -> None:
        await enrol(town, not_before=town.world.clock.now() + timedelta(hours=1))
        hand = await Hand(town).open()
        assert (await hand.boot())["status"] == "Accepted"
        await town.wait(3599)
        assert hand.calls("SignedChallenge") == []
        await town.wait(2)
        await hand.prove()
        assert hand.state == "proven"

    told(story, key=False)


@proves("M10")
def test_a_window_ends_with_every_enrolment_and_every_revocation() -> None:
    async def story(town: Town) -> None:
        identities = town.cpo.identities
        await identities.open_window(CS, 86_400, actor="anna")
        mine = await enrol(town)
        assert not identities.window_open(CS)
        await identities.revoke(mine.id, actor="anna", reason="stolen")
        thief = await Hand(town).open()
        await thief.boot()
        await thief.prove(key=P256, offer_key=True)
        assert thief.state == "failed"
        record = await town.cpo.store.station(CS)
        assert record is not None
        assert record.enrol_until is None
        await identities.open_window(CS, 86_400, actor="anna")
        await identities.rotate(CS, KEY_KIND, P256.public.document(), actor="anna")
        assert not identities.window_open(CS)

    told(story, key=False)


def test_a_key_of_tomorrow_leaves_no_room_for_another_today() -> None:
    async def story(town: Town) -> None:
        await enrol(town, not_before=town.world.clock.now() + timedelta(days=1))
        with pytest.raises(Refused, match="alreadyEnrolled"):
            await town.cpo.identities.open_window(CS, 60, actor="anna")

    told(story, key=False)


def test_a_window_and_an_enrolment_at_the_same_moment_leave_no_window() -> None:
    async def story(town: Town) -> None:
        await asyncio.gather(enrol(town), town.cpo.identities.open_window(CS, 600, actor="ben"), return_exceptions=True)
        assert not town.cpo.identities.window_open(CS)
        assert len(town.cpo.identities.of(CS)) == 1

    told(story, key=False)
