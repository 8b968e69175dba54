"""A driver's phone: who gets in, what is asked, what a tap does, and whose it is."""

import re

import msgspec

from evouch.charging.vehicles import AutoChargeStatus
from evouch.ids import ContractId
from evouch.ocpi import model as m
from evouch.store.records_roaming import Car, NoticeState
from evouch.testing.clock import settle
from tests.emsp.world import BOB, OTHER_VID, VID
from tests.web.emsp import HOME, House, opened, play, tap

PAGES = ("/me", "/me/cars", "/me/charges", "/me/bills")
HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


async def away(house: House) -> None:
    """A known vehicle is plugged in where its driver can hardly be: he is asked."""
    await house.world.bound()
    await house.world.pass_time(hours=1)
    assert await house.world.alfa.verdict(place="L3") == "NOT_ALLOWED"


# ── getting in ──


def test_without_a_link_there_is_only_the_door() -> None:
    async def story(house: House) -> None:
        await house.world.bound()
        for path in PAGES:
            answer = await house.client().get(path)
            assert (answer.status_code, answer.headers["Location"]) == (303, "/me/enter")
        for path in ("/me/leave", "/me/stop", "/me/place", "/me/cars", f"/me/vehicles/{VID}", "/me/notices/x"):
            assert (await house.client().post(path, data={"csrf": "0" * 32})).status_code == 401

    play(story)


def test_a_link_becomes_a_cookie_that_scripts_cannot_read_and_stands_in_no_address() -> None:
    async def story(house: House) -> None:
        await house.world.driver()
        token = (await house.world.emsp.drivers.issue_login("ada", actor="ann")).text()
        client = house.client()
        answer = await opened(client, f"{HOME}/me/enter#{token}")
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-driver=")
        for part in ("HttpOnly", "Secure", "SameSite=lax", "Max-Age=7776000"):
            assert part in cookie
        assert token not in cookie + answer.headers["Location"]
        for path in PAGES:
            page = await client.get(path)
            assert page.status_code == 200
            assert token not in page.text

    play(story)


def test_what_opens_nothing() -> None:
    async def story(house: House) -> None:
        await house.world.driver()
        first = (await house.world.emsp.drivers.issue_login("ada", actor="ann")).text()
        phone = house.client()
        await opened(phone, first)
        await house.world.emsp.drivers.issue_login("ada", actor="ann")
        for token in (first, "drv_x", "", "é" * 30):
            answer = await opened(house.client(), token)
            assert answer.status_code == 401, token
            assert "Set-Cookie" not in answer.headers or "driver" not in answer.headers["Set-Cookie"]
        assert (await phone.get("/me")).status_code == 303

    play(story)


def test_a_login_ends_after_three_months_at_a_tap_and_when_the_driver_is_erased() -> None:
    async def story(house: House) -> None:
        await house.world.driver()
        one, other = await house.phone(), house.client()
        value = one.cookies["__Host-driver"]
        cookie = {"Cookie": f"__Host-driver={value}"}
        assert (await other.get("/me", headers=cookie)).status_code == 200
        for forged in (value[:-1] + "x", value.replace("616461", "626f62"), "x", "..", "616461.99999999999999.00"):
            assert (await other.get("/me", headers={"Cookie": f"__Host-driver={forged}"})).status_code == 303
            as_staff = {"Cookie": f"__Host-operator={value}"}
            assert (await other.get("/staff", headers=as_staff)).status_code == 303
        assert (await tap(one, "/me/leave")).headers["Location"] == "/me/enter"
        assert (await one.get("/me")).status_code == 303
        await house.world.emsp.desk.erase("ada", actor="ann", reason="asked for it")
        assert (await other.get("/me", headers=cookie)).status_code == 303

    play(story)


def test_pages_ask_nobody_else_and_a_form_that_is_not_ours_changes_nothing() -> None:
    async def story(house: House) -> None:
        await away(house)
        phone = await house.phone()
        (question,) = await house.world.notices("confirm")
        page = await phone.get("/me")
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self';" in policy + ";"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert "geolocation=(self)" in page.headers["Permissions-Policy"]
        assert "http" not in page.text.replace("http-equiv", "")
        path = f"/me/notices/{question.id}"
        for data in ({"answer": "yes"}, {"answer": "yes", "csrf": "0" * 32}):
            assert (await phone.post(path, data=data)).status_code == 403
        elsewhere = {"Sec-Fetch-Site": "cross-site"}
        assert (await phone.post(path, data={"answer": "yes"}, headers=elsewhere)).status_code == 403
        assert [question] == await house.world.notices("confirm")

    play(story)


# ── what is asked ──


def test_a_driver_is_asked_once_whether_a_car_starts_by_itself_and_may_say_never() -> None:
    async def story(house: House) -> None:
        await house.world.bound(granted=False)
        phone = await house.phone()
        page = (await phone.get("/me")).text
        assert "Should this car start by itself from now on?" in page
        (question,) = await house.world.notices("consent")
        answer = await tap(phone, f"/me/notices/{question.id}", answer="never")
        assert answer.headers["Location"] == "/me?done=never"
        (vehicle,) = await house.world.emsp.phone.vehicles("ada")
        assert vehicle.status is AutoChargeStatus.DO_NOT_ASK
        assert "Should this car" not in (await phone.get("/me")).text

    play(story)


def test_yes_and_no_to_a_car() -> None:
    async def story(house: House) -> None:
        await house.world.bound(granted=False)
        phone = await house.phone()
        (question,) = await house.world.notices("consent")
        assert (await tap(phone, f"/me/notices/{question.id}", answer="maybe")).status_code == 400
        said = await tap(phone, f"/me/notices/{question.id}", answer="yes")
        assert said.headers["Location"] == "/me?done=granted"
        again = await tap(phone, f"/me/notices/{question.id}", answer="yes")
        assert again.headers["Location"] == "/me?done=alreadyAnswered"
        assert "This question was answered already." in (await phone.get("/me?done=alreadyAnswered")).text
        (vehicle,) = await house.world.emsp.phone.vehicles("ada")
        assert vehicle.granted
        for word, status in (("revoked", "REVOKED"), ("granted", "GRANTED"), ("never", "DO_NOT_ASK")):
            await tap(phone, f"/me/vehicles/{VID}", at="/me/cars", say=word)
            (vehicle,) = await house.world.emsp.phone.vehicles("ada")
            assert vehicle.status == f"AUTO_CHARGE_{status}"

    play(story)


def test_a_doubtful_start_is_asked_about_with_place_and_distance_and_a_yes_starts_it() -> None:
    async def story(house: House) -> None:
        await away(house)
        phone = await house.phone()
        page = (await phone.get("/me")).text
        assert "Your car is plugged in at A street 1, A town, 505\u00a0km from your last charge. Is it you?" in page
        (question,) = await house.world.notices("confirm")
        said = await tap(phone, f"/me/notices/{question.id}", answer="yes")
        assert said.headers["Location"] == "/me?done=confirmed"
        (sent,) = house.world.alfa.told("command")
        assert sent.body.location_id == "L3"
        page = (await phone.get("/me")).text
        assert "The station was asked to start." in page
        assert 'http-equiv="refresh"' in page

    play(story)


def test_a_start_is_followed_every_two_seconds_until_its_charge_is_there() -> None:
    async def story(house: House) -> None:
        await away(house)
        phone, alfa = await house.phone(), house.world.alfa

        async def seconds() -> str:
            found = re.search(r'data-again="(\d+)"', (await phone.get("/me")).text)
            assert found
            return found[1]

        assert await seconds() == "20"
        (question,) = await house.world.notices("confirm")
        await tap(phone, f"/me/notices/{question.id}", answer="yes")
        assert await seconds() == "2"
        await house.world.emsp.notices.note(question.id, start="ACCEPTED")  # the station starts: no session yet
        assert await seconds() == "2"
        reference = question.data["reference"]
        session = alfa.session("S7", VID, place="L3", kind=m.VEHICLE_TOKEN, authorization_reference=reference)
        await alfa.put(session)
        assert await seconds() == "5"
        now = house.world.clock.now()
        await alfa.put(msgspec.structs.replace(session, status="COMPLETED", end_date_time=now))
        assert await seconds() == "20"
        assert "The station starts." not in (await phone.get("/me")).text

    play(story)


def test_no_to_a_start_starts_nothing() -> None:
    async def story(house: House) -> None:
        await away(house)
        phone = await house.phone()
        (question,) = await house.world.notices("confirm")
        assert (await tap(phone, f"/me/notices/{question.id}", answer="no")).headers["Location"] == "/me?done=refused"
        assert [] == house.world.alfa.told("command")

    play(story)


def test_messages_of_another_driver_do_not_exist() -> None:
    async def story(house: House) -> None:
        await away(house)
        await house.world.driver("bob", BOB, "CARD-B")
        phone = await house.phone("bob")
        (question,) = await house.world.notices("confirm")
        for id in (question.id, "nobody", "..%2f", "%00"):
            assert (await tap(phone, f"/me/notices/{id}", answer="yes")).status_code == 404, id
        assert (await tap(phone, f"/me/vehicles/{VID}", at="/me/cars", say="revoked")).status_code == 404
        assert (await tap(phone, "/me/vehicles/x", at="/me/cars", say="revoked")).status_code == 404
        assert [question] == await house.world.notices("confirm")

    play(story)


def test_a_conflict_may_end_automatic_charging_here() -> None:
    async def story(house: House) -> None:
        await house.world.bound()
        await house.world.alfa.conflict()
        phone = await house.phone()
        assert "Another provider knows this car too" in (await phone.get("/me")).text
        (told,) = await house.world.notices("conflict")
        assert (await tap(phone, f"/me/notices/{told.id}", answer="no")).headers["Location"] == "/me?done=revoked"
        (vehicle,) = await house.world.emsp.phone.vehicles("ada")
        assert not vehicle.granted
        assert "Another provider" not in (await phone.get("/me")).text

    play(story)


def test_a_revocation_by_staff_is_read_with_its_reason() -> None:
    async def story(house: House) -> None:
        await house.world.bound()
        phone = await house.phone()
        await house.world.emsp.desk.withdraw(VID, actor="ann", reason="the car was sold")
        page = (await phone.get("/me")).text
        assert "the car was sold" in page
        (told,) = await house.world.notices("revoked")
        assert (await tap(phone, f"/me/notices/{told.id}", answer="yes")).headers["Location"] == "/me"
        assert NoticeState.READ is (await house.world.emsp.notices.owned("ada", told.id)).state
        assert "the car was sold" not in (await phone.get("/me")).text

    play(story)


# ── charging ──


def test_one_tap_stops_a_drivers_own_charge_and_nobody_elses() -> None:
    async def story(house: House) -> None:
        await house.world.bound()
        await house.world.alfa.put(house.world.alfa.session("S7", VID, kind=m.VEHICLE_TOKEN))
        await house.world.driver("bob", BOB, "CARD-B")
        bob, ada = await house.phone("bob"), await house.phone()
        assert "Stop charging" not in (await bob.get("/me")).text
        stop = {"partner": "alfa", "session": "S7"}
        assert (await tap(bob, "/me/stop", **stop)).status_code == 404
        assert (await tap(ada, "/me/stop", partner="alfa", session="S8")).status_code == 404
        assert [] == house.world.alfa.told("command")
        page = (await ada.get("/me")).text
        assert "Stop charging" in page
        assert "1.50 kWh" in page
        assert (await tap(ada, "/me/stop", **stop)).headers["Location"] == "/me?done=stopping"
        await tap(ada, "/me/stop", **stop)
        assert ["S7"] == [call.body.session_id for call in house.world.alfa.told("command")]
        assert "The station was asked to stop." in (await ada.get("/me")).text
        await house.world.alfa.put(house.world.alfa.session("S7", VID, kind=m.VEHICLE_TOKEN, status="COMPLETED"))
        assert (await tap(ada, "/me/stop", **stop)).headers["Location"] == "/me?done=notRunning"

    play(story)


def test_charges_and_bills_are_listed() -> None:
    async def story(house: House) -> None:
        await house.world.bound()
        alfa = house.world.alfa
        session = alfa.session("S1", status="COMPLETED", end_date_time=house.world.clock.now())
        await alfa.client.post_cdr(alfa.partner(), alfa.cdr("C1", session), by=alfa.by())
        phone = await house.phone()
        charges, bills = (await phone.get("/me/charges")).text, (await phone.get("/me/bills")).text
        for word in ("A street 1, A town", "1.50 kWh", "Finished", "11.90 EUR"):
            assert word in charges
        for word in ("12.34 kWh", "11.90 EUR", "10.00 EUR", "No. C1"):
            assert word in bills

    play(story)


# ── cars and places ──


def test_the_feature_is_offered_only_after_the_model_is_known() -> None:
    async def story(house: House) -> None:
        await house.world.bound(granted=False, cars=())
        phone = await house.phone()
        page = (await phone.get("/me/cars")).text
        assert "Say what you drive" in page
        assert "Let it start by itself" not in page
        refused = await tap(phone, f"/me/vehicles/{VID}", at="/me/cars", say="granted")
        assert refused.headers["Location"] == "/me/cars?done=modelNotSupported"
        await tap(phone, "/me/cars", at="/me/cars", make="Volkswagen", model="ID.3")
        assert "None of these models" in (await phone.get("/me/cars")).text
        await tap(phone, "/me/cars", at="/me/cars", make="Tesla", model="Model 3")
        await tap(phone, "/me/cars", at="/me/cars", gone="1")
        driver = await house.world.emsp.drivers.get("ada")
        assert (Car("Tesla", "Model 3"),) == driver.cars
        assert "Let it start by itself" in (await phone.get("/me/cars")).text
        assert "Should this car start by itself" in (await phone.get("/me")).text
        for make, model in (("", "x"), ("x", ""), ("x" * 61, "x")):
            answer = await tap(phone, "/me/cars", at="/me/cars", make=make, model=model)
            assert answer.headers["Location"] == "/me/cars?done=badCar"

    play(story)


def test_a_phone_may_say_where_it_is() -> None:
    async def story(house: House) -> None:
        await house.world.driver()
        phone = await house.phone()
        good = {"latitude": "52.5200071", "longitude": "13.4050", "accuracy": "12.7"}
        assert (await tap(phone, "/me/place", **good)).headers["Location"] == "/me?done=place"
        driver = await house.world.emsp.drivers.get("ada")
        assert driver.phone is not None
        assert (str(driver.phone.latitude), driver.phone_accuracy) == ("52.52001", 13)
        for wrong in (
            {"latitude": "NaN"},
            {"latitude": "91"},
            {"longitude": "1e999"},
            {"accuracy": ""},
            {"latitude": ""},
        ):
            answer = await tap(phone, "/me/place", **(good | wrong))
            assert answer.headers["Location"] == "/me?done=badPlace", wrong

    play(story)


def test_whatever_partners_and_drivers_write_is_text() -> None:
    async def story(house: House) -> None:
        world = house.world
        await world.emsp.drivers.add(HOSTILE, ContractId("NL-MSP-C00000001-1"), actor="ann", id="ada",
                                     cars=(Car("Tesla", HOSTILE),))  # fmt: skip
        await world.emsp.tokens.add("CARD-A", await world.emsp.drivers.get("ada"), actor="ann")
        await world.emsp.partners.change("alfa", actor="ann", name=HOSTILE)
        await world.alfa.client.put_object(
            world.alfa.partner(), "locations", "DE/ALF/L1", world.alfa.location("L1", name=HOSTILE), by=world.alfa.by()
        )
        await world.alfa.put(world.alfa.session("S1"))
        await world.alfa.bind()
        await world.emsp.phone.grant("ada", VID)
        await world.emsp.desk.withdraw(VID, actor="ann", reason=HOSTILE)
        await settle()
        phone, staff = await house.phone(), await house.staff()
        shown = [(phone, path) for path in PAGES]
        shown += [
            (staff, f"/staff{path}") for path in ("", "/drivers", "/drivers/ada", "/vehicles", "/messages", "/log")
        ]
        for client, path in shown:
            page = (await client.get(path)).text
            assert "<script>alert" not in page, path
            assert "49" not in page or "{{7*7}}" in page, path
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in (await phone.get("/me")).text

    play(story)


def test_a_car_of_two_drivers_is_asked_about_without_never() -> None:
    async def story(house: House) -> None:
        await house.world.bound()
        await house.world.driver("bob", BOB, "CARD-B")
        await house.world.alfa.put(house.world.alfa.session("S2", "CARD-B", contract=BOB))
        await house.world.alfa.bind(uid="CARD-B", session="S2")
        bob, ada = await house.phone("bob"), await house.phone()
        page = (await bob.get("/me")).text
        assert "it becomes yours" in page
        assert "ask again" not in page
        assert "Another driver has charged this car" in (await ada.get("/me")).text
        (question,) = await house.world.notices("consent", "bob")
        await tap(bob, f"/me/notices/{question.id}", answer="yes")
        assert [VID] == [each.vid for each in await house.world.emsp.phone.vehicles("bob")]
        assert OTHER_VID not in page

    play(story)
