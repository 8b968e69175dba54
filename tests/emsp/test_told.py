"""What operators tell and read: places, sessions, bills, conflicts, and the list of vehicles."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial

import msgspec
import pytest

from evouch.ids import PartyId
from evouch.ocpi import model as m
from evouch.ocpi.model import VEHICLE_TOKEN
from evouch.ocpi.ports import Call, Listing
from evouch.testing.clock import settle
from evouch.units import Money
from tests.emsp.world import ADA, BOB, OTHER_VID, URL, VID, World, play, refused
from tests.proofs import proves

UNKNOWN_TOKEN = "2004"


def path(world: World, module: str, id: str) -> str:
    party = world.alfa.party
    return f"{module}/{party.country}/{party.party}/{id}"


# ── sessions ──


def test_a_session_is_kept_as_it_was_last_told_and_an_older_word_changes_nothing() -> None:
    async def story(world: World) -> None:
        await world.driver()
        first = await world.alfa.put(world.alfa.session("S1", kwh="1.234"))
        await world.pass_time(minutes=1)
        await world.alfa.put(world.alfa.session("S1", kwh="5.6789", status="COMPLETED"))
        await world.alfa.put(first)
        session = await world.session("S1")
        assert (5679, "COMPLETED", "ada") == (session.energy, session.status, session.driver)
        _, answer, _ = await world.alfa.ask("GET", path(world, "sessions", "S1"))
        assert Decimal("5.6789") == Decimal(str(answer["data"]["kwh"]))
        status, _, _ = await world.alfa.ask("PUT", path(world, "sessions", "S9"), m_plain(world.alfa.session("S9")))
        again, _, _ = await world.alfa.ask("PUT", path(world, "sessions", "S9"), m_plain(world.alfa.session("S9")))
        assert (201, 200) == (status, again)

    play(story)


def m_plain(struct: m.Wire) -> object:
    from evouch.ocpi.codec import write

    return write(struct)


def test_a_part_of_a_session_changes_that_part() -> None:
    async def story(world: World) -> None:
        await world.driver()
        await world.alfa.put(world.alfa.session("S1"))
        now = await world.pass_time(minutes=1)
        part = {"kwh": 7, "status": "ACTIVE", "last_updated": now.isoformat().replace("+00:00", "Z")}
        assert 200 == (await world.alfa.ask("PATCH", path(world, "sessions", "S1"), part))[0]
        assert 7000 == (await world.session("S1")).energy
        assert 404 == (await world.alfa.ask("PATCH", path(world, "sessions", "S2"), part))[0]
        assert 404 == (await world.alfa.ask("GET", path(world, "sessions", "S2")))[0]

    play(story)


def test_sessions_of_nobody_we_know_are_refused() -> None:
    async def story(world: World) -> None:
        alfa = world.alfa
        await world.driver()
        for session in (
            alfa.session("S1", "CARD-X"), alfa.session("S1", OTHER_VID, kind=VEHICLE_TOKEN),
            alfa.session("S1", "no vid", kind=VEHICLE_TOKEN),
        ):  # fmt: skip
            assert UNKNOWN_TOKEN == await refused(alfa.put(session))
        theirs = alfa.session("S1")
        token = msgspec.structs.replace(theirs.cdr_token, party_id="XYZ")
        assert UNKNOWN_TOKEN == await refused(alfa.put(msgspec.structs.replace(theirs, cdr_token=token)))
        assert [] == await world.store.emsp_sessions()

    play(story)


def test_where_a_session_is_becomes_known_with_its_place() -> None:
    async def story(world: World) -> None:
        await world.driver()
        late = await world.join("late", places=False)
        await late.put(late.session("S1"))
        assert (await world.session("S1", "late")).point is None
        await late.show_places()
        await world.pass_time(minutes=1)
        await late.put(late.session("S1"))
        assert (await world.session("S1", "late")).point is not None

    play(story)


# ── bills ──


def test_a_record_becomes_a_line_of_the_drivers_bill_once() -> None:
    async def story(world: World) -> None:
        alfa = world.alfa
        await world.driver()
        session = await alfa.put(alfa.session("S1"))
        cdr = alfa.cdr("CDR 1", session)
        address = await alfa.client.post_cdr(alfa.partner(), cdr, by=alfa.by())
        assert (f"{URL}/ocpi/2.3.0/cdrs/CDR%201", address) == (
            address, await alfa.client.post_cdr(alfa.partner(), cdr, by=alfa.by()),
        )  # fmt: skip
        (bill,) = await world.emsp.phone.invoices("ada")
        assert (12345, Money.of("10.00", "EUR"), Money.of("11.90", "EUR"), "S1", "L1") == (
            bill.energy, bill.total, bill.total_with_tax, bill.session, bill.location
        )  # fmt: skip
        _, answer, _ = await alfa.ask("GET", address.removeprefix(f"{URL}/ocpi/2.3.0/"))
        assert "CDR 1" == answer["data"]["id"]
        other = msgspec.structs.replace(cdr, total_energy=Decimal(99))
        assert "2001" == await refused(alfa.client.post_cdr(alfa.partner(), other, by=alfa.by()))
        assert 404 == (await alfa.ask("GET", "cdrs/CDR2"))[0]
        assert 1 == len(await world.emsp.phone.invoices("ada"))

    play(story)


def test_two_operators_may_call_their_records_alike() -> None:
    async def story(world: World) -> None:
        await world.driver()
        for operator in world.operators.values():
            session = await operator.put(operator.session("S1"))
            await operator.client.post_cdr(operator.partner(), operator.cdr("C1", session), by=operator.by())
        assert {"alfa", "beta"} == {each.partner for each in await world.emsp.phone.invoices("ada")}

    play(story, "alfa", "beta")


def test_two_parties_of_one_operator_may_call_their_records_alike() -> None:
    async def story(world: World) -> None:
        await world.driver()
        alfa = world.alfa
        one = alfa.cdr("C1", await alfa.put(alfa.session("S1")))
        other = msgspec.structs.replace(one, party_id="XYZ", total_energy=Decimal(7))
        alfa_here = world.emsp.partners.known("alfa")
        both = replace(alfa_here, parties=(*alfa_here.parties, PartyId("DE", "XYZ")))
        await world.emsp.partners.write(lambda: both, "ann", "speaks for two")
        for cdr in (one, other, one, other):
            await alfa.client.post_cdr(alfa.partner(), cdr, by=alfa.by())
        bills = {str(each.owner): each.energy for each in await world.emsp.phone.invoices("ada")}
        assert {"DE*ALF": 12345, "DE*XYZ": 7000} == bills
        changed = msgspec.structs.replace(other, total_energy=Decimal(8))
        assert "2001" == await refused(alfa.client.post_cdr(alfa.partner(), changed, by=alfa.by()))

    play(story)


def test_a_bill_for_nobody_we_know_is_refused() -> None:
    async def story(world: World) -> None:
        alfa = world.alfa
        cdr = alfa.cdr("C1", alfa.session("S1", "CARD-X"))
        assert UNKNOWN_TOKEN == await refused(alfa.client.post_cdr(alfa.partner(), cdr, by=alfa.by()))

    play(story)


# ── places ──


def test_a_location_is_put_as_a_whole_and_in_parts() -> None:
    async def story(world: World) -> None:
        alfa = world.alfa
        now = await world.pass_time(minutes=1)
        evse = msgspec.structs.replace(
            alfa.location("L1").evses[0], uid="L1-E9", last_updated=now,
            coordinates=m.GeoLocation(latitude="1.5", longitude="2.5"),
        )  # fmt: skip
        assert 201 == (await alfa.ask("PUT", path(world, "locations", "L1/L1-E9"), m_plain(evse)))[0]
        assert 200 == (await alfa.ask("PUT", path(world, "locations", "L1/L1-E9"), m_plain(evse)))[0]
        part = {"status": "CHARGING", "last_updated": now.isoformat().replace("+00:00", "Z")}
        assert 200 == (await alfa.ask("PATCH", path(world, "locations", "L1/L1-E9"), part))[0]
        _, answer, _ = await alfa.ask("GET", path(world, "locations", "L1/L1-E9"))
        assert "CHARGING" == answer["data"]["status"]
        connector = msgspec.structs.replace(evse.connectors[0], id="2", last_updated=now)
        assert 201 == (await alfa.ask("PUT", path(world, "locations", "L1/L1-E9/2"), m_plain(connector)))[0]
        assert 200 == (await alfa.ask("PATCH", path(world, "locations", "L1"), part | {"name": "New"}))[0]
        _, answer, _ = await alfa.ask("GET", path(world, "locations", "l1"))
        assert ("New", 3) == (answer["data"]["name"], len(answer["data"]["evses"]))
        point = await world.emsp.places.point(world.emsp.partners.known("alfa"), "L1", ("L1-E9",))
        assert point is not None
        assert (Decimal("1.5"), Decimal("2.5")) == (point.latitude, point.longitude)
        for missing in ("L7", "L1/L1-E8", "L1/L1-E9/3"):
            assert 404 == (await alfa.ask("GET", path(world, "locations", missing)))[0]

    play(story)


def test_a_place_with_coordinates_that_are_none_is_no_place() -> None:
    async def story(world: World) -> None:
        alfa = world.alfa
        alfa.places["ODD"] = ("91.0", "x")
        await alfa.show_places()
        assert await world.emsp.places.point(world.emsp.partners.known("alfa"), "ODD") is None

    play(story)


def test_tariffs_come_and_go() -> None:
    async def story(world: World) -> None:
        alfa, now = world.alfa, world.clock.now()
        element = m.TariffElement(
            price_components=(m.PriceComponent(type="ENERGY", price=Decimal("0.5"), step_size=1),)
        )  # fmt: skip
        tariff = m.Tariff(
            country_code=alfa.party.country, party_id=alfa.party.party, id="T1", currency="EUR", elements=(element,),
            tax_included="NO", last_updated=now,
        )  # fmt: skip
        where = path(world, "tariffs", "T1")
        statuses = [
            (await alfa.ask(method, where, m_plain(tariff) if method == "PUT" else None))[0]
            for method in ("GET", "PUT", "GET", "DELETE", "GET", "DELETE")
        ]
        assert [404, 201, 200, 200, 404, 404] == statuses

    play(story)


def test_what_was_not_pushed_is_read_from_the_operators_lists() -> None:
    async def story(world: World) -> None:
        await world.driver()
        late = await world.join("late", places=False)
        session = late.session("S1")
        lists = {"locations": (late.location("L1"),), "sessions": (session,), "cdrs": (late.cdr("C1", session),)}
        for module, objects in lists.items():
            late.handlers.answers[module] = partial(answered, Listing(objects=objects, total=1))
        await world.pass_time(minutes=3)
        assert (await world.session("S1", "late")).driver == "ada"
        assert ["C1"] == [each.id for each in await world.emsp.phone.invoices("ada")]
        assert await world.emsp.places.location(world.emsp.partners.known("late"), "L1") is not None

    play(story)


def test_more_energy_than_any_charge_has_is_refused_and_what_follows_it_in_a_list_is_read() -> None:
    async def story(world: World) -> None:
        await world.driver()
        alfa = world.alfa
        absurd, good = alfa.session("S1", kwh="1e20"), alfa.session("S2")
        assert "2001" == await refused(alfa.put(absurd))
        bill = msgspec.structs.replace(alfa.cdr("C1", good), total_energy=Decimal("1e20"))
        assert "2001" == await refused(alfa.client.post_cdr(alfa.partner(), bill, by=alfa.by()))
        alfa.handlers.answers["sessions"] = partial(answered, Listing(objects=(absurd, good), total=2))
        await world.emsp.polling.poll(world.emsp.partners.known("alfa"), "sessions")
        assert ["S2"] == [each.id for each in await world.emsp.sessions.of("ada")]

    play(story)


def answered(listing: Listing, _call: Call) -> Listing:
    return listing


# ── conflicts ──


@proves("R23", "S9", "S14")
def test_a_conflict_is_told_to_the_driver_once_a_day_whoever_reports_it() -> None:
    async def story(world: World) -> None:
        await world.bound()
        for operator in world.operators.values():
            await operator.conflict()
        await world.alfa.conflict(VID.upper(), ADA.lower())
        await world.restart()
        await world.alfa.conflict()
        (told,) = await world.notices("conflict")
        assert "another eMSP" == told.data["about"]
        world.leap(hours=25)
        await world.alfa.conflict()
        assert 2 == len(await world.notices("conflict"))
        await world.emsp.phone.decline("ada", told.id)
        assert "BLOCKED" == await world.alfa.verdict()
        world.leap(hours=25)
        await world.alfa.conflict()
        assert 1 == len(await world.notices("conflict"))  # what is revoked is in nobody's way

    play(story, "alfa", "beta")


@proves("S9")
def test_a_conflict_is_answered_with_a_sentence_and_one_over_an_unknown_vehicle_with_2001() -> None:
    async def story(world: World) -> None:
        await world.bound()
        status, answer, _ = await world.alfa.ask("POST", "vehicles/conflict", {"vehicle_id": VID, "contract_id": ADA})
        assert (200, 1000, "Conflict notification processed") == (status, answer["status_code"], answer["data"])
        assert "2001" == await refused(world.alfa.conflict(OTHER_VID))
        assert "2001" == await refused(world.alfa.conflict(VID, BOB))

    play(story)


# ── the list of vehicles ──


@proves("S6", "S7", "A31")
def test_the_list_is_paged_by_last_update_from_inclusive_to_exclusive_and_holds_every_vehicle() -> None:
    async def story(world: World) -> None:
        await world.driver()
        moments = []
        for number in range(4):
            await world.alfa.put(world.alfa.session(f"S{number}"))
            await world.alfa.bind(f"{number:064x}", session=f"S{number}")
            moments.append(world.clock.now())
            world.leap(hours=1)
        await world.emsp.phone.grant("ada", f"{0:064x}")  # type: ignore[arg-type]

        async def ids(query: str) -> list[int]:
            _, answer, _ = await world.operators["beta"].ask("GET", f"vehicles?{query}")
            return [int(each["vehicle_id"], 16) for each in answer["data"]]

        since, until = (each.isoformat().replace("+00:00", "Z") for each in (moments[1], moments[3]))
        assert [1, 2, 3, 0] == await ids("")
        assert [1, 2] == await ids(f"date_from={since}&date_to={until}")
        assert [2, 3] == await ids("offset=1&limit=2")
        for method in ("PUT", "PATCH", "DELETE"):
            assert 405 == (await world.alfa.ask(method, "vehicles"))[0]

    play(story, "alfa", "beta")


@proves("A31")
def test_only_the_vehicle_record_leaves_us_never_a_cards_uid() -> None:
    async def story(world: World) -> None:
        await world.bound()
        _, answer, _ = await world.operators["beta"].ask("GET", "vehicles")
        assert "CARD-A" not in str(answer)
        sent = [each.request.body for each in world.web.log if "beta.test" in each.request.url]
        assert not any(b"CARD-A" in body and VID.encode() in body for body in sent)

    play(story, "alfa", "beta")


@proves("A33")
def test_a_revoked_vehicle_stays_in_the_list_until_operators_had_time_to_see_it() -> None:
    async def story(world: World) -> None:
        await world.bound()
        await world.emsp.desk.erase("ada", actor="ann", reason="asked for it")
        for days in (0, 29):
            world.leap(days=days)
            await world.emsp.upkeep.round()
            _, answer, _ = await world.alfa.ask("GET", "vehicles")
            assert ["AUTO_CHARGE_REVOKED"] == [each["auto_charge_status"] for each in answer["data"]]
        world.leap(days=2)
        await world.emsp.upkeep.round()
        _, answer, _ = await world.alfa.ask("GET", "vehicles")
        assert [] == answer["data"]

    play(story)


# ── people's data ──


def test_a_driver_is_handed_out_and_erased_and_his_bill_keeps_no_name() -> None:
    async def story(world: World) -> None:
        alfa = world.alfa
        await world.bound()
        session = await alfa.put(alfa.session("S2"))
        await alfa.client.post_cdr(alfa.partner(), alfa.cdr("C1", session), by=alfa.by())
        await world.alfa.verdict()
        login = await world.emsp.drivers.issue_login("ada", actor="ann")
        data = await world.emsp.desk.export("ada", actor="ann")
        assert ([VID], 1, 2, ["CARD-A"]) == (
            [each.vehicle.vid for each in data.vehicles], len(data.invoices), len(data.sessions),
            [each.uid for each in data.tokens],
        )  # fmt: skip
        assert 1 == len((await world.emsp.desk.export_vehicle(VID, actor="ann")).decisions)
        await world.emsp.desk.erase("ada", actor="ann", reason="asked for it")
        await settle()
        assert "badLogin" == await refused(world.emsp.phone.login(login))
        assert "BLOCKED" == await world.alfa.verdict()
        assert "AUTO_CHARGE_REVOKED" == alfa.told("put_vehicle")[-1].body.auto_charge_status
        assert not alfa.told("put_token")[-1].body.valid
        (bill,) = await world.emsp.invoices.of()
        assert ("", "ERASED") == (bill.driver, bill.contract)
        left = [await world.store.emsp_sessions(), await world.store.notices(), await world.store.enrolments()]
        assert [[], [], []] == left
        assert [] == await world.store.ocpi_objects_named("sessions", "S2")
        assert "noSuchDriver" == await refused(world.emsp.desk.export("ada", actor="ann"))

    play(story)


def test_what_is_old_is_removed() -> None:
    async def story(world: World) -> None:
        await world.bound()
        await world.alfa.verdict(place="L3")
        await world.alfa.sign()
        world.leap(minutes=11)
        await world.emsp.upkeep.round()
        assert ["expired", "accepted"] == [each.state.value for each in await world.emsp.phone.notices("ada")]
        world.leap(days=91)
        await world.emsp.upkeep.round()
        assert [] == await world.emsp.desk.decisions()
        assert [] == await world.emsp.phone.notices("ada")
        assert 1 == len(await world.emsp.desk.sign_days(100))
        world.leap(days=400)
        await world.emsp.upkeep.round()
        assert [] == await world.store.sign_days((world.clock.now() - timedelta(days=600)).date())

    play(story)


# ── tokens ──


def test_operators_are_told_of_cards_and_read_them_in_pages() -> None:
    async def story(world: World) -> None:
        await world.driver()
        await settle()
        call = world.alfa.told("put_token")[-1]
        assert ("CARD-A", "RFID", True) == (call.body.uid, call.query["type"], call.body.valid)
        await world.emsp.tokens.block("card-a", actor="ann")
        await settle()
        assert not world.alfa.told("put_token")[-1].body.valid
        await world.emsp.tokens.unblock("card-a", actor="ann")
        _, answer, headers = await world.alfa.ask("GET", "tokens?limit=1")
        assert (["CARD-A"], "1") == ([each["uid"] for each in answer["data"]], headers["x-total-count"])
        assert "noSuchToken" == await refused(world.emsp.tokens.block("CARD-X", actor="ann"))

    play(story)


def test_a_partner_that_leaves_is_read_and_told_no_more() -> None:
    async def story(world: World) -> None:
        await world.driver()
        await world.emsp.partners.remove("alfa", actor="ann")
        await settle()
        told = len(world.alfa.told("put_token"))
        await world.emsp.tokens.block("CARD-A", actor="ann")
        await world.pass_time(minutes=5)
        assert (told, []) == (len(world.alfa.told("put_token")), await world.store.partners())
        assert [] == await world.store.partner_syncs()

    play(story)


@pytest.mark.parametrize("wrong", [{"base_url": "https://x/"}, {"phone_far": 1}, {"throttle": 0.0}])
def test_terms_that_contradict_each_other_are_refused(wrong: dict[str, object]) -> None:
    from evouch.emsp.terms import EmspTerms
    from tests.emsp.world import PARTY

    with pytest.raises(ValueError, match=r"base_url|phone|throttled"):
        EmspTerms(**({"party": PARTY, "name": "x", "base_url": URL} | wrong))  # type: ignore[arg-type]
