"""The pages of an eMSP's staff: who gets in, what they show, and what a click does and leaves behind."""

import re
from datetime import UTC, datetime

from evouch.ids import Secret
from evouch.units import Money
from tests.emsp.world import OTHER_VID, VID
from tests.web.emsp import House, opened, play, tap

PAGES = (
    "",
    "/drivers",
    "/drivers/ada",
    "/vehicles",
    "/decisions",
    f"/decisions?vehicle={VID}",
    "/messages",
    "/key",
    "/log",
)
ACTS = (
    "/logout", "/partners/alfa/sign-right", f"/vehicles/{VID}/revoke", "/key/rotate", "/drivers",
    "/drivers/ada/phone-link", "/drivers/ada/change", "/drivers/ada/export", "/drivers/ada/block",
    "/drivers/ada/tokens", "/drivers/ada/erase",
)  # fmt: skip


def test_nobody_looks_or_acts_without_a_login_and_drivers_are_no_staff() -> None:
    async def story(house: House) -> None:
        await house.world.bound()
        for client in (house.client(), await house.phone()):
            for path in PAGES:
                answer = await client.get(f"/staff{path}")
                assert (answer.status_code, answer.headers["Location"]) == (303, "/staff/login"), path
            for path in ACTS:
                assert (await client.post(f"/staff{path}", data={"csrf": "0" * 32})).status_code == 401, path

    play(story)


def test_every_page_shows_what_there_is_and_no_form_acts_without_proof() -> None:
    async def story(house: House) -> None:
        await house.world.bound()
        await house.world.alfa.verdict()
        staff = await house.staff()
        for path in PAGES:
            answer = await staff.get(f"/staff{path}")
            assert answer.status_code == 200, path
            assert answer.headers["Cache-Control"] == "no-store"
        for path in ACTS:
            assert (await staff.post(f"/staff{path}", data={"csrf": "0" * 32})).status_code == 403, path
        overview = (await staff.get("/staff")).text
        for word in ("Name of DE*ALF", "registered", "OCPI 2.3.0", "0 of 300", "locations"):
            assert word in overview
        decided = (await staff.get("/staff/decisions")).text
        for word in ("ALLOWED", "concurrent use", "travel"):
            assert word in decided
        for path in ("/drivers/nobody", "/decisions?vehicle=x"):
            assert (await staff.get(f"/staff{path}")).status_code == 404, path

    play(story)


def test_a_wrong_password_and_an_unknown_name_read_the_same() -> None:
    async def story(house: House) -> None:
        staff = house.client()
        one = await tap(staff, "/staff/login", at="/staff/login", name="ann", password="x")
        await house.world.emsp.operators.add("ann", Secret("y" * 12), actor="test")
        other = await tap(staff, "/staff/login", at="/staff/login", name="ann", password="x")
        assert (one.status_code, one.text) == (401, other.text)
        entered = await tap(staff, "/staff/login", at="/staff/login", name="ann", password="y" * 12)
        assert entered.headers["Location"] == "/staff"
        assert (await staff.get("/staff")).status_code == 200
        assert (await tap(staff, "/staff/logout", at="/staff")).headers["Location"] == "/staff/login"
        assert (await staff.get("/staff")).status_code == 303

    play(story)


def test_staff_change_name_end_of_contract_and_credit_and_what_is_no_such_thing_is_said() -> None:
    async def story(house: House) -> None:
        await house.world.bound()
        staff, path, drivers = await house.staff(), "/staff/drivers/ada/change", house.world.emsp.drivers
        good = {"name": "Ada L.", "until": "2030-01-31T12:00", "credit": "20.50", "currency": "eur", "opted_in": "1"}
        assert "driverChanged" in (await tap(staff, path, at="/staff", **good)).headers["Location"]
        ada = await drivers.get("ada")
        assert (ada.name, ada.credit, ada.opted_in) == ("Ada L.", Money.of("20.50", "EUR"), True)
        assert ada.valid_until == datetime(2030, 1, 31, 12, tzinfo=UTC)
        shown = (await staff.get("/staff/drivers/ada")).text
        assert 'value="2030-01-31T12:00"' in shown
        assert 'value="20.50"' in shown
        for field, value, why in (
            ("name", " ", "badDriver"), ("name", "x" * 101, "badDriver"), ("until", "tomorrow", "badTime"),
            ("credit", "NaN", "badAmount"), ("credit", "1e9", "badAmount"), ("currency", "EURO", "badAmount"),
        ):  # fmt: skip
            said = await tap(staff, path, at="/staff", **good | {field: value})
            assert why in said.headers["Location"], value
        assert await drivers.get("ada") == ada
        await tap(staff, path, at="/staff", name="Ada", until="", credit="")
        ada = await drivers.get("ada")
        assert (ada.valid_until, ada.credit, ada.opted_in) == (None, None, False)
        assert (await tap(staff, "/staff/drivers/nobody/change", at="/staff", **good)).status_code == 404

    play(story)


def test_what_is_known_of_a_driver_is_handed_out_as_a_file_and_that_is_on_record() -> None:
    async def story(house: House) -> None:
        await house.world.bound()
        staff = await house.staff()
        answer = await tap(staff, "/staff/drivers/ada/export", at="/staff/drivers/ada")
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.json()["driver"]["id"] == "ada"
        assert [each["vehicle"]["vid"] for each in answer.json()["vehicles"]] == [VID]
        assert "export driver" in [each.action for each in await house.world.emsp.desk.audit()]
        assert (await tap(staff, "/staff/drivers/nobody/export", at="/staff")).status_code == 404

    play(story)


def test_a_partner_loses_its_right_to_signatures_and_gets_it_back_each_with_a_reason() -> None:
    async def story(house: House) -> None:
        staff, path = await house.staff(), "/staff/partners/alfa/sign-right"
        assert "reasonMissing" in (await tap(staff, path, at="/staff", allowed="0", reason=" ")).headers["Location"]
        assert (
            "suspended" in (await tap(staff, path, at="/staff", allowed="0", reason="too curious")).headers["Location"]
        )
        assert "too curious" in (await staff.get("/staff")).text
        assert "signed" != await house.world.alfa.sign()
        await tap(staff, path, at="/staff", allowed="1", reason="explained")
        assert "signed" == await house.world.alfa.sign()
        gone = await tap(staff, "/staff/partners/nobody/sign-right", at="/staff", allowed="0", reason="x")
        assert gone.status_code == 404
        (row, *_) = await house.world.emsp.desk.audit()
        assert (row.actor, row.subject) == ("ann", "alfa")

    play(story)


def test_a_driver_is_added_given_a_card_and_a_link_that_opens_his_phone_and_erased() -> None:
    async def story(house: House) -> None:
        staff = await house.staff()
        for wrong in (
            {"name": "", "contract": "NL-1"},
            {"name": "Eve", "contract": ""},
            {"name": "Eve", "contract": "é"},
        ):
            assert "badDriver" in (await tap(staff, "/staff/drivers", at="/staff", **wrong)).headers["Location"]
        made = await tap(staff, "/staff/drivers", at="/staff", name="Eve", contract="NL-MSP-C9-9")
        home = made.headers["Location"].partition("?")[0]
        taken = await tap(staff, "/staff/drivers", at="/staff", name="Eva", contract="NL-MSP-C9-9")
        assert "contractTaken" in taken.headers["Location"]
        for act, state in (("add", "good"), ("block", "blocked"), ("unblock", "good")):
            await tap(staff, f"{home}/tokens", at="/staff", uid="04AA", act=act)
            assert f">{state}</span>" in (await staff.get(home)).text
        assert (await tap(staff, f"{home}/tokens", at="/staff", uid="OTHER", act="block")).status_code == 404
        page = (await tap(staff, f"{home}/phone-link", at="/staff")).text
        found = re.search(r"<code>([^<]+)</code>", page)
        assert found
        assert (await opened(house.client(), found[1])).headers["Location"] == "/me"
        assert found[1] not in (await staff.get(home)).text
        await tap(staff, f"{home}/block", at="/staff", blocked="1")
        assert "Unblock the contract" in (await staff.get(home)).text
        assert "reasonMissing" in (await tap(staff, f"{home}/erase", at="/staff", reason="")).headers["Location"]
        await tap(staff, f"{home}/erase", at="/staff", reason="asked for it")
        assert (await staff.get(home)).status_code == 404

    play(story)


def test_a_vehicle_is_revoked_with_a_reason_and_the_key_changed_with_one() -> None:
    async def story(house: House) -> None:
        await house.world.bound()
        staff, revoke = await house.staff(), f"/staff/vehicles/{VID}/revoke"
        assert "reasonMissing" in (await tap(staff, revoke, at="/staff", reason="")).headers["Location"]
        assert "withdrawn" in (await tap(staff, revoke, at="/staff", reason="stolen")).headers["Location"]
        assert "Does not start by itself" in (await staff.get("/staff/vehicles")).text
        for vid in (OTHER_VID, "x"):
            assert (await tap(staff, f"/staff/vehicles/{vid}/revoke", at="/staff", reason="x")).status_code == 404
        before = house.world.emsp.keys.current
        for wrong in ({"reason": "", "grace": "0"}, {"reason": "leak", "grace": "1"}):
            await tap(staff, "/staff/key/rotate", at="/staff", **wrong)
        assert before == house.world.emsp.keys.current
        await tap(staff, "/staff/key/rotate", at="/staff", reason="leak", grace="86400")
        page = (await staff.get("/staff/key")).text
        assert before.id != house.world.emsp.keys.current.id
        assert f"{before.id}" in page
        assert before.key.text() not in page

    play(story)
