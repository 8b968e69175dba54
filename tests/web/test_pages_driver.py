"""The driver's pages without a browser: forms, cookies, headers, and what each refusal says."""

import asyncio
import json
import re
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from evouch.charging.rates import Rate
from evouch.cpo.codes import CodeLimits
from evouch.ids import PaymentId
from evouch.psp.sandbox.faults import Fault
from evouch.store.memory import MemoryStore
from evouch.testing.clock import ManualClock
from evouch.testing.faulty_store import FaultyStore
from evouch.testing.phone import PhoneError
from evouch.web.app import create_app
from evouch.web.pages_payment import _follow
from evouch.web.sse import PING, _with_pings
from tests.web.street import HOME, PROVIDER, SlowPhone, Street, play

CARD_3DS = "4000002500003155"
DECLINED = "4000000000000002"

OUR_PAGES = (
    "/offer", "/static/evouch.css", "/static/../app.py", "/nowhere", "/operator/login", "/api/v1/stations", "/health",
)  # fmt: skip

each_version = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])


async def scanned(street: Street, version: str = "ocpp2.1", **station: Any) -> SlowPhone:
    await street.town.station(version, **station)
    phone = street.phone()
    await phone.open(street.url())
    return phone


async def charging(street: Street) -> SlowPhone:
    phone = await scanned(street)
    await phone.pay()
    await street.town.plug()
    await phone.until("CHARGING")
    return phone


def csrf(page: httpx2.Response) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert found
    return found[1]


# ── the whole way ──


@each_version
def test_a_phone_without_javascript_scans_pays_charges_stops_and_has_its_receipt(version: str) -> None:
    async def story(street: Street) -> None:
        phone = await scanned(street, version)
        assert phone.url == f"{HOME}/offer"
        assert phone.text().index("0.59 EUR") < phone.text().index("0.02 EUR"), "kWh comes before minutes"
        assert "Prices include 19 % VAT." in phone.text()
        assert "30.00 EUR is held" in phone.text().replace("  ", " ")
        await phone.pay(CARD_3DS)
        await phone.submit("/bank", answer="approve")
        await phone.until("WAITING")
        await phone.open(phone.url)
        assert "Plug in now" in phone.text()
        await street.town.plug()
        await phone.until("CHARGING")
        await street.town.wait(60)
        await phone.open(phone.url)
        assert "Charging" in phone.text()
        assert "kWh" in phone.text()
        assert 'http-equiv="refresh"' in phone.page.text
        await phone.submit("/stop")
        done = await phone.until("SETTLED")
        assert done["receipt"].endswith("/receipt")
        assert done["energy"] > 0
        assert [step["state"] for step in done["steps"]][:3] == ["OPENED", "PAYING", "HELD"]
        await phone.open(f"{HOME}{done['receipt']}")
        assert done["captured"]["amount"] in phone.text()
        assert "DE123456789" in phone.text()
        assert "ending in 3155" in phone.text()

    play(story)


def test_the_code_leaves_the_address_bar_and_changes_nothing() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp2.1")
        client = street.client()
        for method in ("HEAD", "GET", "GET"):
            page = await client.request(method, street.url())
            assert (page.status_code, page.headers["Location"]) == (303, "/offer")
            assert page.headers["Referrer-Policy"] == "no-referrer"
            assert page.content == b""
        cookies = page.headers.get_list("Set-Cookie")
        assert {each.partition("=")[0] for each in cookies} == {"__Host-browser", "__Host-grant"}
        for each in cookies:
            assert "HttpOnly" in each
            assert "Secure" in each
            assert "SameSite=lax" in each
        assert not street.town.cpo.checkouts.active()

    play(story)


# ── refusals ──


def test_a_wrong_code_and_an_unknown_station_read_the_same() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp2.1")
        client = street.client()
        paths = (
            "CS-1/1/ABCDEFGH?v=v1",
            "NOBODY/1/ABCDEFGH?v=v1",
            "CS-1/9/ABCDEFGH?v=v1",
            "CS-1/1/x?v=v9",
            "a",
            "CS-1/1/%FF?v=v1",
        )
        pages = [await client.get(f"/qr/{path}") for path in paths]
        assert {page.status_code for page in pages} == {404}
        assert len({page.text for page in pages}) == 1
        assert "no longer valid" in pages[0].text
        assert not any("Set-Cookie" in page.headers for page in pages)

    play(story)


def test_an_old_code_opens_nothing() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp2.1")
        url = street.url()
        await street.town.wait(90)
        assert (await street.client().get(url)).status_code == 404

    play(story)


def test_too_many_tries_are_told_when_to_come_back() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp2.1")
        codes = street.town.cpo.codes
        codes.limits = CodeLimits(per_address=Rate(count=1, seconds=60, burst=2))
        codes.__post_init__()
        client = street.client()
        answers = [await client.get("/qr/CS-1/1/ABCDEFGH?v=v1") for _ in range(4)]
        assert [page.status_code for page in answers][-1] == 429
        assert int(answers[-1].headers["Retry-After"]) > 0

    play(story)


def test_without_a_code_there_is_no_offer_and_another_browsers_grant_is_of_no_use() -> None:
    async def story(street: Street) -> None:
        thief = street.client()
        assert (await thief.get("/offer")).status_code == 410
        phone = await scanned(street)
        grant = next(each.value for each in phone._http.cookies.jar if each.name == "__Host-grant")
        page = await thief.get("/offer", headers={"Cookie": f"__Host-grant={grant}; __Host-browser={'a' * 26}"})
        assert page.status_code == 410

    play(story)


def test_an_offer_runs_out() -> None:
    async def story(street: Street) -> None:
        phone = await scanned(street)
        await street.town.wait(601)
        await phone.open(f"{HOME}/offer")
        assert phone.page.status_code == 410

    play(story)


def test_the_second_phone_reads_why_and_what_to_do() -> None:
    async def story(street: Street) -> None:
        first = await scanned(street)
        second = street.phone()
        await second.open(street.url())
        await first.submit("/offer/pay")
        await second.open(f"{HOME}/offer")
        assert "Scan the next code" in second.text()
        with pytest.raises(PhoneError):
            second.form("/offer/pay")

    play(story)


def test_a_form_that_was_open_meanwhile_is_refused_in_words() -> None:
    async def story(street: Street) -> None:
        first = await scanned(street)
        second = street.phone()
        await second.open(street.url())
        await first.submit("/offer/pay")
        await second.submit("/offer/pay")
        assert second.page.status_code == 409
        assert "Scan the next code" in second.text()

    play(story)


def test_a_provider_that_is_down_charges_nobody_and_says_so() -> None:
    async def story(street: Street) -> None:
        phone = await scanned(street)
        street.town.psp.arm(Fault.LOSE_REQUEST, "hold")
        await phone.submit("/offer/pay")
        assert phone.page.status_code == 503
        assert "Nothing was charged" in phone.text()

    play(story)


def test_a_database_that_fails_lets_nobody_pay_and_tells_nothing_of_itself() -> None:
    store = FaultyStore(MemoryStore(), fail_at=10_000)

    async def story(street: Street) -> None:
        phone = await scanned(street)
        store.fail_in(1, stays_down=False)
        await phone.submit("/offer/pay")
        assert phone.page.status_code == 500
        assert "as the test wanted it" not in phone.page.text
        assert not street.town.cpo.checkouts.active()
        await phone.open(f"{HOME}/offer")
        await phone.submit("/offer/pay")
        assert phone.url.startswith(PROVIDER), "the same code still pays"

    play(story, store=store)


# ── limits ──


def test_a_drivers_limit_lowers_the_hold() -> None:
    async def story(street: Street) -> None:
        phone = await scanned(street)
        await phone.submit("/offer/pay", cost="12,5", kwh="7.5", minutes="30")
        (checkout,) = street.town.cpo.checkouts.active()
        assert str(checkout.hold) == "12.50 EUR"
        assert (checkout.limit.max_energy, checkout.limit.max_time) == (7500, 1800)

    play(story)


def test_limits_of_the_address_are_in_the_form_and_cannot_be_raised() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp2.1")
        phone = street.phone()
        await phone.open(street.url() + "&maxcost=20&maxtime=3600&maxenergy=9000")
        fields = phone.form("/offer/pay").fields
        assert (fields["cost"], fields["kwh"], fields["minutes"]) == ("20.00", "9.00", "60")
        await phone.submit("/offer/pay", cost="25")
        (checkout,) = street.town.cpo.checkouts.active()
        assert str(checkout.hold) == "20.00 EUR"

    play(story)


def test_what_is_no_limit_is_shown_again_and_nothing_is_paid() -> None:
    async def story(street: Street) -> None:
        phone = await scanned(street)
        for typed in ("<b>", "-1", "0", "0.001", "NaN", "1e9", "१"):
            await phone.submit("/offer/pay", cost=typed)
            assert phone.page.status_code == 422, typed
            assert "<b>" not in phone.page.text
            assert 'aria-invalid="true"' in phone.page.text
        assert not street.town.cpo.checkouts.active()

    play(story)


# ── forms that are not ours ──


@pytest.mark.parametrize(
    ("headers", "keep"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Origin": "https://evil.test"}, True),
        ({"Origin": PROVIDER}, True),
        ({}, False),
    ],
)
def test_no_other_site_can_pay_for_a_driver(headers: dict[str, str], keep: bool) -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp2.1")
        client = street.client()
        await client.get(street.url())
        token = csrf(await client.get("/offer")) if keep else "0" * 32
        answer = await client.post("/offer/pay", data={"csrf": token}, headers=headers)
        assert answer.status_code == 403
        assert not street.town.cpo.checkouts.active()

    play(story)


def test_only_the_phone_that_paid_stops_the_charge() -> None:
    async def story(street: Street) -> None:
        phone = await charging(street)
        other = street.phone()
        await street.town.wait(30)
        assert not street.url(), "no code while it charges"
        await other.open(phone.url)
        assert "Only the phone that paid" in other.text()
        with pytest.raises(PhoneError):
            other.form("/stop")
        stranger = street.client()
        login = await stranger.get("/operator/login")
        answer = await stranger.post(f"{phone.url}/stop", data={"csrf": csrf(login)})
        assert answer.status_code == 403
        assert (await phone.status())["state"] == "CHARGING"

    play(story)


def test_the_payer_can_stop_long_after_the_grant_has_run_out() -> None:
    async def story(street: Street) -> None:
        phone = await charging(street)
        await street.town.wait(1200)
        await phone.open(phone.url)
        await phone.submit("/stop")
        assert (await phone.until("SETTLED"))["energy"] > 0

    play(story)


# ── every other end ──


def test_cancelling_before_plugging_in_charges_nothing() -> None:
    async def story(street: Street) -> None:
        phone = await scanned(street)
        await phone.pay()
        await phone.until("WAITING")
        await phone.open(phone.url)
        await phone.submit("/cancel")
        over = await phone.until("RELEASED")
        assert over["captured"] is None
        await phone.open(phone.url)
        assert "Nothing was charged" in phone.text()
        assert "cancelled" in phone.text()
        await phone.open(f"{phone.url}/receipt")
        assert phone.page.status_code == 404

    play(story)


def test_cancelling_at_the_provider_leads_back_and_charges_nothing() -> None:
    async def story(street: Street) -> None:
        phone = await scanned(street)
        await phone.submit("/offer/pay")
        await phone.submit("/cancel")
        assert "Nothing was charged" in phone.text()
        assert (await phone.until("RELEASED"))["reason"] == "cancelled"

    play(story)


def test_never_plugged_in_says_so() -> None:
    async def story(street: Street) -> None:
        phone = await scanned(street)
        await phone.pay()
        await phone.until("RELEASED")
        await phone.open(phone.url)
        assert "No car was plugged in." in phone.text()

    play(story)


def test_a_card_that_was_declined_may_be_followed_by_another() -> None:
    async def story(street: Street) -> None:
        street.town.psp.cards_per_hold = 1
        phone = await scanned(street)
        await phone.submit("/offer/pay")
        page = f"{HOME}/pay/{street.town.cpo.checkouts.active()[0].payment}"
        for _ in range(3):
            await phone.type_in(DECLINED)
        await phone.open(page)
        await phone.open(f"{page}/return")
        assert "The card was declined" in phone.text()
        await phone.submit("/retry")
        assert phone.url.startswith(PROVIDER)
        await phone.type_in("4242424242424242")
        await phone.until("WAITING")

    play(story)


def test_an_unknown_payment_is_a_page_and_no_oracle() -> None:
    async def story(street: Street) -> None:
        client = street.client()
        for path in ("", "/return", "/events", "/status.json", "/receipt"):
            assert (await client.get(f"/pay/{'a' * 26}{path}")).status_code == 404

    play(story)


# ── what every answer carries ──


def test_every_answer_keeps_strangers_out() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp2.1")
        client = street.client()
        for path in (
            "/offer",
            "/static/evouch.css",
            "/static/../app.py",
            "/nowhere",
            "/operator/login",
            "/api/v1/stations",
            "/health",
        ):
            page = await client.get(path)
            policy = page.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'")
            assert "frame-ancestors 'none'" in policy
            assert f"form-action 'self' {PROVIDER}" in policy
            assert "unsafe" not in policy
            assert page.headers["X-Content-Type-Options"] == "nosniff"
            assert page.headers["Referrer-Policy"] == "no-referrer"
            assert page.headers["Strict-Transport-Security"]
            assert ("no-store" in page.headers["Cache-Control"]) != path.startswith("/static/evouch")
            assert "<script>" not in page.text
            assert " style=" not in page.text

    play(story)


def test_what_operators_and_stations_write_is_text() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp2.1")
        cpo = street.town.cpo
        bad = '<script>alert("x")</script>'
        await cpo.stations.register(cpo.stations.list()[0].record.id, actor="x", name=bad, address=bad)
        phone = street.phone()
        await phone.open(street.url())
        assert "<script>" not in phone.page.text
        assert bad in phone.text()

    play(story)


def test_a_form_that_is_too_large_is_refused() -> None:
    async def story(street: Street) -> None:
        client = street.client()
        assert (await client.post("/offer/pay", content=b"a" * 5000)).status_code == 413
        assert (await client.post("/offer/pay", content=b"a&" * 100)).status_code == 400
        assert (await client.post("/offer/pay", content=b"\xff")).status_code == 400
        assert (await client.post("/webhooks/sandbox", content=b"a" * 70_000)).status_code == 413

    play(story)


def test_a_webhook_without_a_good_signature_is_refused() -> None:
    async def story(street: Street) -> None:
        client = street.client()
        assert (await client.post("/webhooks/sandbox", content=b"{}")).status_code == 400

    play(story)


def test_a_method_that_an_address_does_not_take_is_named() -> None:
    async def story(street: Street) -> None:
        answer = await street.client().put("/offer")
        assert answer.status_code == 405
        assert "GET" in answer.headers["Allow"]

    play(story)


# ── events ──


def test_the_stream_tells_each_change_once_and_ends_with_the_payment() -> None:
    async def story(street: Street) -> None:
        phone = await scanned(street)
        await phone.pay()
        payment = PaymentId(street.town.cpo.checkouts.active()[0].payment)
        told: list[dict[str, str]] = []

        async def follow() -> None:
            told.extend([json.loads(str(each.data)) async for each in _follow(street.app.state["desk"], payment)])

        task = asyncio.ensure_future(follow())
        await street.town.plug()
        await phone.until("CHARGING")
        await street.town.wait(40)
        await phone.open(phone.url)
        await phone.submit("/stop")
        await phone.until("SETTLED")
        await street.during(task)
        assert told[-1]["stage"].startswith("SETTLED")
        assert any("kWh" in each["numbers"] for each in told if each["stage"].startswith("CHARGING"))
        assert len({json.dumps(each) for each in told}) == len(told)

    play(story)


def test_a_quiet_stream_shows_that_it_lives() -> None:
    async def story() -> None:
        clock = ManualClock()

        async def nothing() -> Any:
            await asyncio.Event().wait()
            yield

        content = _with_pings(nothing(), clock)
        first = asyncio.ensure_future(anext(content))
        await clock.advance(PING)
        assert b"still here" in (await first).encode()

    asyncio.run(story())


# ── other templates ──


@pytest.mark.parametrize(
    ("template", "asked"),
    [
        ("https://town.test/charge?s={chargingstationid}&e={evse}&c={totp}", "/charge?s=CS-1&e=1&c={}"),
        ("https://town.test/p/x-{chargingstationid}_{evse}/{totp}", "/p/x-CS-1_1/{}"),
        ("https://town.test/e/{roamingevseid}/{totp}?v={version}", "/e/DE%2ATWN%2AE1/{}?v=v1"),
        ("https://pay.elsewhere.test/a/{chargingstationid}/{evse}/{totp}", "/a/CS-1/1/{}"),
    ],
)
def test_codes_are_read_wherever_the_template_puts_them(template: str, asked: str) -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp2.1")
        cpo = street.town.cpo
        cpo.terms = replace(cpo.terms, qr=replace(cpo.terms.qr, template=template))
        app = create_app(
            cpo, clock=street.town.world.clock, entropy=street.town.entropy, base_url=HOME, provider_url=PROVIDER
        )
        street.app = app
        code = street.url().partition("?")[0].rpartition("/")[2]
        client = street.client()
        answer = await client.get(asked.format(code))
        assert (answer.status_code, answer.headers.get("Location")) == (303, "/offer")
        assert (await client.get(asked.format("AAAAAAAA"))).status_code == 404
        assert (await client.get(f"/qr/CS-1/1/{code}?v=v1")).status_code == 303, "the usual form is always read"
        assert (await client.get("/offer")).status_code == 200

    play(story)
