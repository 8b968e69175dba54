"""The operator's pages: who gets in, for how long, and what a click does."""

import re
from typing import Any

import httpx2

from evouch.ids import Secret
from tests.web.street import HOME, Street, play

PASSWORD = "correct horse battery"


async def logged_in(street: Street) -> httpx2.AsyncClient:
    await street.town.cpo.operators.add("ann", Secret(PASSWORD), actor="test")
    client = street.client()
    answer = await log_in(street, client, PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/operator")
    return client


async def log_in(street: Street, client: httpx2.AsyncClient, password: str, **more: Any) -> httpx2.Response:
    page = await client.get("/operator/login")
    form = {"name": "ann", "password": password, "csrf": token(page)}
    return await client.post("/operator/login", data=form, **more)


def token(page: httpx2.Response) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert found
    return found[1]


def test_nobody_looks_without_a_login() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp2.1")
        for path in ("/operator", "/operator/payments", "/operator/stations/CS-1"):
            answer = await street.client().get(path)
            assert (answer.status_code, answer.headers["Location"]) == (303, "/operator/login")
            assert "CS-1" not in answer.text

    play(story)


def test_a_login_is_a_cookie_that_other_sites_cannot_send_and_scripts_cannot_read() -> None:
    async def story(street: Street) -> None:
        await street.town.cpo.operators.add("ann", Secret(PASSWORD), actor="test")
        answer = await log_in(street, street.client(), PASSWORD)
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-operator=")
        for part in ("HttpOnly", "Secure", "SameSite=strict", "Max-Age=43200"):
            assert part in cookie

    play(story)


def test_a_wrong_password_and_an_unknown_name_read_the_same() -> None:
    async def story(street: Street) -> None:
        client = street.client()
        unknown = await log_in(street, client, "x")
        await street.town.cpo.operators.add("ann", Secret(PASSWORD), actor="test")
        wrong = await log_in(street, client, "x")
        assert (wrong.status_code, unknown.status_code) == (401, 401)
        assert wrong.text == unknown.text

    play(story)


def test_guessing_passwords_is_slowed_down() -> None:
    async def story(street: Street) -> None:
        client = street.client()
        assert [(await log_in(street, client, "x")).status_code for _ in range(6)][-1] == 429

    play(story)


def test_another_site_cannot_log_anybody_in() -> None:
    async def story(street: Street) -> None:
        await street.town.cpo.operators.add("ann", Secret(PASSWORD), actor="test")
        answer = await log_in(street, street.client(), PASSWORD, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403

    play(story)


def test_the_list_shows_what_is_live() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6")
        client = await logged_in(street)
        page = (await client.get("/operator")).text
        for word in ("CS-1", "online", "ocpp1.6", "Available", "ready"):
            assert word in page
        assert (await client.get("/operator/stations/NOBODY")).status_code == 404

    play(story)


def test_a_click_gives_fresh_secrets_and_leaves_an_audit_row() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp2.1")
        client = await logged_in(street)
        (before,) = street.town.cpo.stations.list()[0].keys
        page = await client.get("/operator/stations/CS-1")
        send = client.post("/operator/stations/CS-1/provision", data={"csrf": token(page)})
        answer = await street.during(send)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/operator/stations/CS-1")
        (after,) = street.town.cpo.stations.list()[0].keys
        assert after.secret != before.secret
        row = (await street.town.cpo.store.audit(limit=1))[0]
        assert (row.actor, row.action, row.subject) == ("ann", "provision QR secrets", "CS-1")

    play(story)


def test_a_form_without_proof_changes_nothing() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp2.1")
        client = await logged_in(street)
        for data in ({}, {"csrf": "0" * 32}):
            assert (await client.post("/operator/stations/CS-1/provision", data=data)).status_code == 403
        assert (await street.client().post("/operator/stations/CS-1/provision", data={})).status_code == 401

    play(story)


def test_payments_are_listed() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp2.1")
        phone = street.phone()
        await phone.open(street.url())
        await phone.submit("/offer/pay")
        client = await logged_in(street)
        page = (await client.get("/operator/payments")).text
        assert "PAYING" in page
        assert "30.00 EUR" in page

    play(story)


def test_a_login_ends_by_itself_with_a_new_password_and_at_a_click() -> None:
    async def story(street: Street) -> None:
        client = await logged_in(street)
        assert (await client.get("/operator")).status_code == 200
        await street.town.cpo.operators.add("ann", Secret("another password 1"), actor="test")
        assert (await client.get("/operator")).status_code == 303
        client = await logged_in(street)
        cookie = {"Cookie": f"__Host-operator={client.cookies['__Host-operator']}"}
        assert (await street.client().get("/operator", headers=cookie)).status_code == 200
        await street.town.wait(12 * 3600 + 1)
        assert (await street.client().get("/operator", headers=cookie)).status_code == 303
        assert (await client.get("/operator")).status_code == 303
        client = await logged_in(street)
        page = await client.get("/operator")
        answer = await client.post("/operator/logout", data={"csrf": token(page)})
        assert answer.headers["Location"] == "/operator/login"
        assert (await client.get("/operator")).status_code == 303

    play(story)


def test_a_login_that_we_did_not_sign_is_none() -> None:
    async def story(street: Street) -> None:
        await logged_in(street)
        for cookie in ("", "x", "616e6e.99999999999.00", "616e6e..", "zz.1.1", "616e6e.1٣.0", "a" * 5000):
            raw = f"__Host-operator={cookie}".encode()
            answer = await street.client().get(f"{HOME}/operator", headers={b"Cookie": raw})
            assert answer.status_code == 303, cookie

    play(story)
