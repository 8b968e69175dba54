"""What a driver says of his vehicle, and who comes to know of it."""

import asyncio
from datetime import timedelta
from typing import Any

from evouch.charging.vehicles import AutoChargeStatus, Vehicle
from evouch.emsp.eligibility import ModelList, Offer
from evouch.ids import Vid
from evouch.store.records_roaming import Car, NoticeState
from evouch.testing.clock import settle
from tests.emsp.world import ADA, BOB, GOOD, OTHER_VID, VID, World, play, refused
from tests.proofs import proves

GRANTED, REVOKED, DO_NOT_ASK = (each.value for each in AutoChargeStatus)


async def kept(world: World, vid: Vid = VID) -> Vehicle:
    vehicle = await world.emsp.vehicles.get(vid)
    assert vehicle is not None
    return vehicle


async def sent(world: World, **more: Any) -> None:
    """A driver's vehicle has been sent by its operator, and he has said nothing yet."""
    await world.driver(**more)
    await world.alfa.put(world.alfa.session("S1"))
    await world.alfa.bind()


@proves("R13", "A5")
def test_a_vehicle_is_revoked_until_its_driver_accepts() -> None:
    async def story(world: World) -> None:
        await world.driver()
        await world.alfa.put(world.alfa.session("S1"))
        answer = await world.alfa.bind()
        assert (REVOKED, None, None) == (answer.auto_charge_status, answer.date_authorized, answer.date_revoked)
        assert "BLOCKED" == await world.alfa.verdict()
        (question,) = await world.notices("consent")
        await world.emsp.phone.accept("ada", question.id)
        assert GRANTED == (await kept(world)).status
        assert [] == await world.notices("consent")

    play(story)


@proves("A5")
def test_who_has_agreed_beforehand_is_granted_at_once_and_told() -> None:
    async def story(world: World) -> None:
        await world.driver(opted_in=True)
        await world.alfa.put(world.alfa.session("S1"))
        answer = await world.alfa.bind()
        assert (GRANTED, world.clock.now()) == (answer.auto_charge_status, answer.date_authorized)
        (told,) = await world.notices("granted")
        await world.emsp.phone.decline("ada", told.id)
        assert REVOKED == (await kept(world)).status

    play(story)


@proves("R14", "R16", "R17", "R18")
def test_a_grant_sets_its_date_to_now_each_time_and_unsets_that_of_the_revocation() -> None:
    async def story(world: World) -> None:
        await sent(world)
        first = await world.emsp.phone.grant("ada", VID)
        await world.pass_time(hours=1)
        await world.emsp.phone.revoke("ada", VID)
        now = await world.pass_time(hours=1)
        await world.emsp.phone.grant("ada", VID)
        await settle()
        seen = world.alfa.told("put_vehicle")[-1].body
        assert (GRANTED, now, None) == (seen.auto_charge_status, seen.date_authorized, seen.date_revoked)
        assert first.authorized is not None
        assert now > first.authorized

    play(story)


@proves("R15", "R19", "R20", "R21", "S3")
def test_a_revocation_sets_its_date_and_leaves_that_of_the_grant() -> None:
    async def story(world: World) -> None:
        await sent(world)
        granted = await world.emsp.phone.grant("ada", VID)
        await world.pass_time(hours=1)
        await world.emsp.phone.revoke("ada", VID)
        now = await world.pass_time(hours=1)
        revoked = await world.emsp.phone.revoke("ada", VID)
        assert (REVOKED, granted.authorized, now) == (revoked.status, revoked.authorized, revoked.revoked)
        assert "BLOCKED" == await world.alfa.verdict()

    play(story)


@proves("R22")
def test_who_does_not_want_to_be_asked_is_not_asked_again() -> None:
    async def story(world: World) -> None:
        await sent(world)
        now = await world.pass_time(minutes=5)
        await world.emsp.phone.do_not_ask("ada", VID)
        await settle()
        seen = world.alfa.told("put_vehicle")[-1].body
        assert (DO_NOT_ASK, now) == (seen.auto_charge_status, seen.last_updated)
        again = await world.alfa.bind()
        assert DO_NOT_ASK == again.auto_charge_status
        assert [] == await world.notices()

    play(story)


@proves("S2", "S4")
def test_created_is_the_first_time_an_operator_sent_it_and_the_last_update_the_greatest_date() -> None:
    async def story(world: World) -> None:
        await sent(world)
        created = (await kept(world)).created
        await world.pass_time(hours=2)
        await world.alfa.bind()
        await world.emsp.phone.grant("ada", VID)
        vehicle = await kept(world)
        assert (created, vehicle.authorized) == (vehicle.created, vehicle.last_updated)
        await world.pass_time(hours=1)
        await world.emsp.phone.revoke("ada", VID)
        await settle()
        seen = world.alfa.told("put_vehicle")[-1].body
        assert (created, seen.date_revoked) == (seen.date_created, seen.last_updated)

    play(story)


def test_every_operator_with_the_module_is_told_the_one_that_sent_it_too() -> None:
    async def story(world: World) -> None:
        await sent(world)
        await world.emsp.phone.grant("ada", VID)
        await settle()
        for operator in world.operators.values():
            seen = operator.told("put_vehicle")[-1].body
            assert (VID, ADA, GRANTED) == (seen.vehicle_id, seen.contract_id, seen.auto_charge_status)

    play(story, "alfa", "beta", "gamma")


def test_an_operator_that_was_away_is_sent_the_present_state_when_it_is_back() -> None:
    async def story(world: World) -> None:
        await sent(world)
        host = world.web.host(world.alfa.url, world.alfa.server.handle)
        host.offline()
        before = len(world.alfa.told("put_vehicle"))
        await world.emsp.phone.grant("ada", VID)
        await world.pass_time(seconds=20)
        await world.emsp.phone.revoke("ada", VID)
        await world.pass_time(seconds=20)
        host.well()
        await world.pass_time(hours=1)
        seen = [each.body.auto_charge_status for each in world.alfa.told("put_vehicle")[before:]]
        assert [REVOKED] == seen

    play(story)


def test_staff_revoke_with_a_reason_that_the_driver_reads() -> None:
    async def story(world: World) -> None:
        await world.bound()
        assert "reasonMissing" == await refused(world.emsp.desk.withdraw(VID, actor="ann", reason=" "))
        await world.emsp.desk.withdraw(VID, actor="ann", reason="copied")
        (told,) = await world.notices("revoked")
        assert "copied" == told.data["reason"]
        assert "BLOCKED" == await world.alfa.verdict()
        rows = await world.emsp.desk.audit()
        assert ("ann", "revoke vehicle", VID, "copied") in [(r.actor, r.action, r.subject, r.detail) for r in rows]

    play(story)


def test_an_old_yes_does_not_grant_what_staff_revoked_and_the_list_of_cars_does() -> None:
    async def story(world: World) -> None:
        await sent(world)
        (question,) = await world.notices("consent")
        await world.emsp.desk.withdraw(VID, actor="ann", reason="copied")
        assert [] == await world.notices("consent")
        assert "noticeExpired" == await refused(world.emsp.phone.accept("ada", question.id))
        assert REVOKED == (await kept(world)).status
        await world.emsp.phone.grant("ada", VID)
        assert GRANTED == (await kept(world)).status

    play(story)


def test_a_yes_that_comes_while_staff_revoke_is_too_late() -> None:
    async def story(world: World) -> None:
        await sent(world)
        (question,) = await world.notices("consent")
        said = await asyncio.gather(
            world.emsp.desk.withdraw(VID, actor="ann", reason="copied"),
            refused(world.emsp.phone.accept("ada", question.id)),
        )
        assert ("noticeExpired", REVOKED) == (said[1], (await kept(world)).status)

    play(story)


def test_whose_car_it_was_is_not_asked_for_it_any_more_once_it_is_another_drivers() -> None:
    async def story(world: World) -> None:
        await sent(world)
        await world.driver("bob", BOB, "CARD-B")
        await world.alfa.put(world.alfa.session("S2", "CARD-B", contract=BOB))
        await world.alfa.bind(uid="CARD-B", session="S2")
        (hers,), (his,) = await world.notices("consent"), await world.notices("consent", "bob")
        await world.emsp.phone.accept("bob", his.id)
        assert [] == await world.notices("consent")
        assert "noticeExpired" == await refused(world.emsp.phone.accept("ada", hers.id))
        assert BOB == (await kept(world)).contract

    play(story)


def test_nobody_speaks_for_anothers_vehicle() -> None:
    async def story(world: World) -> None:
        await sent(world)
        await world.driver("bob", BOB, "CARD-B")
        for doing in (world.emsp.phone.grant, world.emsp.phone.revoke, world.emsp.phone.do_not_ask):
            assert "noSuchVehicle" == await refused(doing("bob", VID))
        (question,) = await world.notices("consent")
        assert "noSuchNotice" == await refused(world.emsp.phone.accept("bob", question.id))
        assert "noSuchVehicle" == await refused(world.emsp.phone.grant("ada", OTHER_VID))

    play(story)


def test_a_question_expires_and_the_vehicle_is_still_in_the_list() -> None:
    async def story(world: World) -> None:
        await sent(world)
        (question,) = await world.notices("consent")
        world.leap(days=15)
        assert [] == await world.notices("consent")
        assert "noticeExpired" == await refused(world.emsp.phone.accept("ada", question.id))
        assert [VID] == [each.vid for each in await world.emsp.phone.vehicles("ada")]
        await world.emsp.phone.grant("ada", VID)
        assert GRANTED == (await kept(world)).status

    play(story)


def test_what_he_was_told_long_ago_is_not_answered_any_more() -> None:
    async def story(world: World) -> None:
        await sent(world, opted_in=True)
        await world.alfa.conflict()
        shown = [(await world.notices(kind))[0] for kind in ("granted", "conflict")]
        world.leap(days=15)
        assert [] == await world.notices()
        for each in shown:
            assert "noticeExpired" == await refused(world.emsp.phone.decline("ada", each.id))
        assert GRANTED == (await kept(world)).status

    play(story)


# ── a car that changes hands ──


@proves("A28")
def test_a_vehicle_that_another_contract_claims_stays_where_it_is_and_both_drivers_are_asked() -> None:
    async def story(world: World) -> None:
        await world.bound()
        await world.driver("bob", BOB, "CARD-B", opted_in=True)
        await world.alfa.put(world.alfa.session("S2", "CARD-B", contract=BOB))
        answer = await world.alfa.bind(uid="CARD-B", session="S2")
        assert (ADA, GRANTED) == (answer.contract_id, answer.auto_charge_status)
        assert ["another driver"] == [each.data["about"] for each in await world.notices("conflict")]
        assert 1 == len(await world.notices("consent", "bob"))
        await world.alfa.bind(uid="CARD-B", session="S2")
        assert 1 == len(await world.notices("consent", "bob"))

    play(story)


@proves("A28")
def test_the_new_drivers_grant_makes_it_his_and_the_former_one_is_told() -> None:
    async def story(world: World) -> None:
        await world.bound()
        created = (await kept(world)).created
        await world.driver("bob", BOB, "CARD-B")
        await world.alfa.put(world.alfa.session("S2", "CARD-B", contract=BOB))
        await world.pass_time(minutes=1)
        await world.alfa.bind(uid="CARD-B", session="S2")
        (question,) = await world.notices("consent", "bob")
        await world.emsp.phone.accept("bob", question.id)
        vehicle = await kept(world)
        assert (BOB, GRANTED, created) == (vehicle.contract, vehicle.status, vehicle.created)
        assert ([], [VID]) == (
            await world.emsp.phone.vehicles("ada"), [each.vid for each in await world.emsp.phone.vehicles("bob")],
        )  # fmt: skip
        assert 1 == len(await world.notices("revoked"))
        assert "noSuchVehicle" == await refused(world.emsp.phone.revoke("ada", VID))

    play(story)


@proves("A28")
def test_a_vehicle_sent_again_for_its_own_contract_stays_what_it_is() -> None:
    async def story(world: World) -> None:
        await world.bound()
        before = await kept(world)
        world.leap(days=1)
        await world.alfa.put(world.alfa.session("S9"))
        status, _, _ = await world.alfa.ask(
            "POST", "vehicles", {"vehicle_id": VID, "token_uid": "CARD-A", "session_id": "S9"}
        )
        assert (200, before) == (status, await kept(world))
        await world.emsp.phone.revoke("ada", VID)
        again = await world.alfa.bind(session="S9")
        assert REVOKED == again.auto_charge_status
        assert 1 == len(await world.notices("consent"))

    play(story)


# ── models ──


@proves("R28", "A20")
def test_a_driver_whose_model_changes_its_address_is_offered_nothing() -> None:
    async def story(world: World) -> None:
        await sent(world, cars=(Car("Volkswagen", "ID.3"),), opted_in=True)
        assert REVOKED == (await kept(world)).status
        assert [] == await world.notices()
        assert "modelNotSupported" == await refused(world.emsp.phone.grant("ada", VID))
        assert Offer.NO is await world.emsp.phone.offer("ada")

    play(story)


@proves("R28", "A20")
def test_a_driver_who_has_not_said_what_he_drives_is_asked_for_consent_once_he_has() -> None:
    async def story(world: World) -> None:
        await sent(world, cars=())
        assert [] == await world.notices()
        assert Offer.YES is await world.emsp.phone.set_cars("ada", [GOOD])
        (question,) = await world.notices("consent")
        await world.emsp.phone.accept("ada", question.id)
        assert GRANTED == (await kept(world)).status

    play(story)


def test_with_a_model_that_can_and_one_that_cannot_he_is_asked_whatever_he_agreed_to() -> None:
    async def story(world: World) -> None:
        await sent(world, cars=(GOOD, Car("Skoda", "Enyaq")), opted_in=True)
        assert REVOKED == (await kept(world)).status
        assert 1 == len(await world.notices("consent"))

    play(story)


def test_the_longest_entry_that_fits_decides_and_of_two_the_one_that_allows() -> None:
    models = ModelList(("Volkswagen", "Kia EV6"), ("Volkswagen ID.7",))
    said = {
        name: models.able(Car(*name))
        for name in (
            ("volkswagen ", "ID.3"), ("Volkswagen", "ID.7 Tourer"), ("Volkswagen", "ID.77"), ("KIA", "ev6 GT"),
            ("Kia", "EV9"), ("Tesla", "Model 3"),
        )
    }  # fmt: skip
    assert [False, True, False, False, True, True] == list(said.values())


def test_a_consent_notice_is_answered_by_the_grant_itself() -> None:
    async def story(world: World) -> None:
        await sent(world)
        (question,) = await world.notices("consent")
        await world.emsp.phone.revoke("ada", VID)
        assert NoticeState.DECLINED is (await world.emsp.notices.owned("ada", question.id)).state
        assert "alreadyAnswered" == await refused(world.emsp.phone.accept("ada", question.id))
        assert timedelta(0) < (question.expires or question.at) - question.at

    play(story)


@proves("A28")
def test_who_claims_a_vehicle_again_and_again_makes_no_phone_ring_again_and_again() -> None:
    async def story(world: World) -> None:
        await world.bound()
        await world.driver("bob", BOB, "CARD-B")
        for number in range(10):
            await world.alfa.put(world.alfa.session(f"B{number}", "CARD-B", contract=BOB))
            await world.alfa.bind(uid="CARD-B", session=f"B{number}")
        assert (1, 1) == (len(await world.notices("consent", "bob")), len(await world.notices("conflict", "ada")))
        await world.emsp.phone.grant("bob", VID)
        vehicle = await world.emsp.vehicles.get(Vid(VID))
        assert vehicle is not None
        assert BOB == vehicle.contract

    play(story)
