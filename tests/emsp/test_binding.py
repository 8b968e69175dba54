"""An operator says which vehicle a customer charges, and what that takes to count."""

import asyncio
from dataclasses import replace

import msgspec

from evouch.ids import ContractId, PartyId
from tests.emsp.world import ADA, BOB, OTHER_VID, PARTY, VID, World, play, refused
from tests.proofs import proves

RETRY, INVALID, UNKNOWN_TOKEN = "2901", "2001", "2004"


@proves("S1", "S8", "S12")
def test_a_vehicle_is_bound_by_its_session_and_its_token_and_the_answer_is_the_whole_record() -> None:
    async def story(world: World) -> None:
        await world.driver()
        await world.alfa.put(world.alfa.session("S1"))
        status, answer, _ = await world.alfa.ask(
            "POST", "vehicles", {"vehicle_id": VID.upper(), "token_uid": "card-a", "session_id": "S1"}
        )
        now = "2024-05-23T00:23:05.000Z"
        assert (201, 1000) == (status, answer["status_code"])
        assert {
            "country_code": PARTY.country, "party_id": PARTY.party, "vehicle_id": VID, "contract_id": ADA,
            "auto_charge_status": "AUTO_CHARGE_REVOKED", "date_created": now, "last_updated": now,
        } == answer["data"]  # fmt: skip
        await world.emsp.phone.grant("ada", VID)
        await world.pass_time(minutes=1)
        await world.emsp.phone.revoke("ada", VID)
        _, listed, _ = await world.alfa.ask("GET", "vehicles")
        (record,) = listed["data"]
        assert record == answer["data"] | {
            "date_authorized": "2024-05-23T00:23:05.001Z", "date_revoked": record["last_updated"],
            "last_updated": record["last_updated"],
        }  # fmt: skip

    play(story)


@proves("A6", "S12")
def test_a_session_that_is_not_here_yet_is_to_be_tried_again_and_then_binds() -> None:
    async def story(world: World) -> None:
        await world.driver()
        assert RETRY == await refused(world.alfa.bind())
        await world.alfa.put(world.alfa.session("S1", status="PENDING", kwh="0"))
        assert RETRY == await refused(world.alfa.bind())
        await world.alfa.put(world.alfa.session("S1"))
        assert VID == (await world.alfa.bind()).vehicle_id

    play(story)


@proves("A6", "S12")
def test_what_binds_nothing() -> None:
    async def story(world: World) -> None:
        alfa, beta = world.operators["alfa"], world.operators["beta"]
        await world.driver()
        await world.driver("bob", BOB, "CARD-B")
        await beta.put(beta.session("OTHERS"))
        await alfa.put(alfa.session("S1"))
        await alfa.put(alfa.session("INVALID", status="INVALID"))
        assert UNKNOWN_TOKEN == await refused(alfa.bind(uid="CARD-X"))
        assert RETRY == await refused(alfa.bind(session="OTHERS"))
        assert INVALID == await refused(alfa.bind(uid="CARD-B"))
        assert INVALID == await refused(alfa.bind(session="INVALID"))
        await world.emsp.tokens.block("CARD-A", actor="ann")
        assert INVALID == await refused(alfa.bind())
        assert [] == await world.store.enrolments()

    play(story, "alfa", "beta")


@proves("A6")
def test_a_session_that_a_vehicle_started_binds_no_other() -> None:
    async def story(world: World) -> None:
        await world.bound()
        await world.alfa.put(world.alfa.session("S5", VID, kind="VEHICLE_HASHED_MAC_IDENTIFIER"))
        assert INVALID == await refused(world.alfa.bind(OTHER_VID, session="S5"))
        assert await world.store.enrolment(OTHER_VID) is None

    play(story)


@proves("A6")
def test_one_session_binds_one_vehicle_also_when_two_are_sent_at_once() -> None:
    async def story(world: World) -> None:
        await world.driver()
        await world.alfa.put(world.alfa.session("S1"))
        outcomes = await asyncio.gather(*(refused(world.alfa.bind(each)) for each in (VID, OTHER_VID, VID, OTHER_VID)))
        assert ["", INVALID, "", INVALID] == outcomes
        assert [VID] == [each.vid for each in await world.store.enrolments()]

    play(story)


def test_a_session_does_not_become_another_customers_and_bind_a_second_vehicle() -> None:
    async def story(world: World) -> None:
        await world.driver()
        await world.driver("bob", BOB, "CARD-B")
        alfa = world.alfa
        await alfa.put(alfa.session("S1"))
        await alfa.bind()
        await world.pass_time(minutes=1)
        again = alfa.session("S1", "CARD-B", contract=BOB)
        assert INVALID == await refused(alfa.put(again))
        here = world.emsp.partners.known("alfa")
        both = replace(here, parties=(*here.parties, PartyId("DE", "XYZ")))
        await world.emsp.partners.write(lambda: both, "ann", "speaks for two")
        assert INVALID == await refused(alfa.put(msgspec.structs.replace(again, party_id="XYZ")))
        assert INVALID == await refused(alfa.bind(OTHER_VID, "CARD-B"))
        assert ("ada", "CARD-A") == ((await world.session("S1")).driver, (await world.session("S1")).token_uid)
        await world.emsp.tokens.add("CARD-C", await world.emsp.drivers.get("ada"), actor="ann")
        await alfa.put(alfa.session("S1", "CARD-C"))  # another card of the same customer
        assert INVALID == await refused(alfa.bind(OTHER_VID, "CARD-C"))
        assert [VID] == [each.vid for each in await world.store.enrolments()]

    play(story)


@proves("A6")
def test_a_session_that_ended_long_ago_binds_nothing_any_more() -> None:
    async def story(world: World) -> None:
        await world.driver()
        await world.alfa.put(world.alfa.session("S1", status="COMPLETED", end_date_time=world.clock.now()))
        world.leap(hours=25)
        assert INVALID == await refused(world.alfa.bind())

    play(story)


def test_a_claim_that_did_not_win_the_vehicle_has_used_its_session_up() -> None:
    async def story(world: World) -> None:
        await world.bound()
        await world.driver("bob", BOB, "CARD-B")
        await world.alfa.put(world.alfa.session("S2", "CARD-B", contract=BOB))
        await world.alfa.bind(uid="CARD-B", session="S2")
        assert INVALID == await refused(world.alfa.bind(OTHER_VID, uid="CARD-B", session="S2"))

    play(story)


def test_a_contract_belongs_to_one_driver_and_a_card_to_one_too() -> None:
    async def story(world: World) -> None:
        ada = await world.driver()
        assert "contractTaken" == await refused(world.emsp.drivers.add("Eve", ContractId(ADA), actor="ann"))
        bob = await world.driver("bob", BOB, "CARD-B")
        assert "tokenTaken" == await refused(world.emsp.tokens.add("card-a", bob, actor="ann"))
        assert "badToken" == await refused(world.emsp.tokens.add("x" * 37, ada, actor="ann"))
        assert "badToken" == await refused(world.emsp.tokens.add(VID[:36], ada, actor="ann", type="VID"))

    play(story)
