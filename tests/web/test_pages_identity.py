"""The operator's pages of who a station is: what they show, what their buttons do, and who may press them."""

import ast
import html
import json
import re

import httpx2
import pytest

from evouch.cpo.identity_terms import IdentityTerms
from evouch.identity.enrolment import IdentityKind, IdentityStatus
from evouch.ids import StationId
from evouch.web import words_identity as words
from tests.web.keys import kept, key, standing, station
from tests.web.street import Street, play
from tests.web.test_pages_operator import logged_in, token
from tests.web.test_words import calls

ONE = "/operator/stations/CS-1"
CS = StationId("CS-1")


async def press(street: Street, client: httpx2.AsyncClient, act: str, **fields: str) -> httpx2.Response:
    """Press a button of the station's page."""
    csrf = token(await client.get(ONE))
    return await street.during(client.post(f"{ONE}/{act}", data={"csrf": csrf, **fields}))


async def pressed(street: Street, client: httpx2.AsyncClient, act: str, **fields: str) -> str:
    """Press a button, follow where it leads, and return what the page reads like."""
    answer = await press(street, client, act, **fields)
    assert answer.status_code == 303, answer.text
    return seen((await client.get(answer.headers["Location"].partition("#")[0])).text)


def seen(markup: str) -> str:
    """A page as it is read: without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup.replace("<wbr>", ""))).split())


def test_the_list_shows_who_is_proven_how_and_since_when() -> None:
    async def story(street: Street) -> None:
        mine = key()
        await station(street, mine)
        await standing(street, "proven")
        await street.town.station("ocpp2.1", id="CS-2")
        await street.town.cpo.stations.register(StationId("CS-3"), actor="test")
        page = seen((await (await logged_in(street)).get("/operator")).text)
        since = f"{street.town.cpo.challenger.standing(CS).since:%Y-%m-%d %H:%M}"  # type: ignore[union-attr]
        assert f"proven ed25519 key {mine.public.fingerprint[:16]}… since {since}" in page
        assert "not asked" in page
        assert "none enrolled" in page

    play(story)


def test_the_list_shows_who_is_refused_and_why_but_the_station_is_told_nothing() -> None:
    async def story(street: Street) -> None:
        await street.town.cpo.stations.register(CS, actor="test")
        await street.town.cpo.identities.enrol(CS, IdentityKind.PUBLIC_KEY, key().public.document(), actor="test")
        await station(street, key(), enrolled=False, wait=False)
        await standing(street, "failed")
        client = await logged_in(street)
        sentence = words.STEPS["signature"]
        assert "refused since" in seen((await client.get("/operator")).text)
        assert sentence in seen((await client.get("/operator")).text)
        assert sentence in seen((await client.get(ONE)).text)
        events = seen((await client.get("/operator/security")).text)
        assert "FailedToAuthenticateAtCentralSystem A station did not prove its identity. CS-1 signature:" in events
        assert "Nothing happened" in (await client.get("/operator/security?station=CS-2")).text
        assert "CentralSystem" in seen((await client.get("/operator/security?station=CS-1")).text)

    play(story)


def test_a_station_is_challenged_at_a_click_and_the_page_says_what_came_of_it() -> None:
    async def story(street: Street) -> None:
        await station(street, key())
        await standing(street, "proven")
        client = await logged_in(street)
        assert "It has just proved its identity." in await pressed(street, client, "challenge")
        await street.town.stations["CS-1"].go_offline()
        await street.town.until(lambda: street.town.cpo.presence.get(CS) is None, 60)
        page = await pressed(street, client, "challenge")
        assert "The station is not connected." in page or "Its connection ended" in page

    play(story)


def test_firmware_that_does_not_know_the_message_is_said_to_be_so() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6", firmware="0.9-old")
        client = await logged_in(street)
        assert words.STEPS["unsupported"] in await pressed(street, client, "challenge")
        await street.town.wait(1)
        assert "Its firmware 0.9-old did not know the message." in seen((await client.get(ONE)).text)

    play(story)


@pytest.mark.parametrize("how", ["key", "did", "certificate", "colons"])
def test_what_is_pasted_is_enrolled(how: str) -> None:
    from evouch.identity.did import did_key

    mine = key().public
    pasted = {
        "key": json.dumps(mine.document(), indent=2),
        "did": f"  {did_key(mine)}\n",
        "certificate": "AB" * 32,
        "colons": "AB:" * 31 + "AB",
    }[how]
    kind = {"key": "publicKey", "did": "web3"}.get(how, "x509Certificate")

    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6")
        client = await logged_in(street)
        page = await pressed(street, client, "enrol", material=pasted, not_after="2040-01-01T08:00")
        assert words.DONE["enrolled"] in page
        (made,) = street.town.cpo.identities.of(CS)
        assert (made.kind, made.status, made.enrolled_by) == (kind, IdentityStatus.ACTIVE, "ann")
        assert f"{made.not_after:%Y-%m-%d %H:%M}" == "2040-01-01 08:00"
        assert words.short(made) in page

    play(story)


def test_a_next_key_is_made_active_and_an_old_one_revoked_with_a_reason() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6")
        client = await logged_in(street)
        await pressed(street, client, "enrol", material=json.dumps(key().public.document()), next="1")
        (made,) = street.town.cpo.identities.of(CS)
        assert made.status is IdentityStatus.NEXT
        assert words.DONE["promoted"] in await pressed(street, client, f"identities/{made.id}/promote")
        page = await pressed(street, client, f"identities/{made.id}/revoke", reason="cabinet was open")
        assert words.DONE["revoked"] in page
        assert "cabinet was open" in page
        assert street.town.cpo.identities.of(CS)[0].status is IdentityStatus.REVOKED
        assert "Make active" not in page

    play(story)


def test_a_refused_key_stays_in_the_form_with_the_reason_beside_it() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6")
        client = await logged_in(street)
        for pasted, reason in (
            ('{"type": "ed25519"}', "badKey"),
            ("-----BEGIN PUBLIC KEY-----", "badKey"),
            ("did:web:x.example", "unsupportedDid"),
            ("-----BEGIN CERTIFICATE-----", "badCertificate"),
            ("<script>", "oneMaterial"),
            ("", "oneMaterial"),
        ):
            answer = await press(street, client, "enrol", material=pasted)
            assert answer.status_code == 422
            assert words.REFUSALS[reason][1] in seen(answer.text), pasted
            assert html.escape(pasted, quote=True).replace("&quot;", "&#34;") in answer.text
        late = await press(street, client, "enrol", material=json.dumps(key().public.document()), not_after="soon")
        assert words.REFUSALS["badTime"][1] in seen(late.text)
        assert street.town.cpo.identities.all() == []

    play(story)


def test_a_private_key_is_refused_and_not_shown_again() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6")
        client = await logged_in(street)
        pem = key().pem().reveal().decode()
        answer = await press(street, client, "enrol", material=pem)
        assert answer.status_code == 422
        assert words.REFUSALS["privateKey"][1] in seen(answer.text)
        assert pem.splitlines()[1] not in answer.text

    play(story)


def test_the_window_for_first_use_is_opened_and_closed_at_a_click() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6")
        client = await logged_in(street)
        page = await pressed(street, client, "window", seconds="900")
        assert words.DONE["opened"] in page
        until = street.town.cpo.registry.station(CS).enrol_until  # type: ignore[union-attr]
        assert f"Open until {until:%Y-%m-%d %H:%M} UTC" in page
        assert words.DONE["closed"] in await pressed(street, client, "window", seconds="0")
        await pressed(street, client, "window", seconds="900")
        await street.town.wait(901)
        assert "Open until" not in (await client.get(ONE)).text
        assert (await press(street, client, "window", seconds="901")).status_code == 400

    play(story)


def test_trust_profile_and_certificate_name_are_set_by_forms() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6")
        client = await logged_in(street)
        assert "This station is trusted" in await pressed(street, client, "trust", trusted="1")
        assert "This station is not trusted" in await pressed(street, client, "trust", trusted="0")
        await pressed(street, client, "profile", profile="2")
        await pressed(street, client, "certificate-name", name=" SN-1 ")
        record = street.town.cpo.registry.station(CS)
        assert record is not None
        assert (record.trusted, record.profile, record.certificate_name) == (False, 2, "SN-1")
        for act, fields in (("trust", {"trusted": "yes"}), ("profile", {"profile": "4"}), ("profile", {})):
            assert (await press(street, client, act, **fields)).status_code == 400

    play(story)


# ── quarantine ──


def test_what_an_unproven_connection_sent_is_shown_escaped_and_decided_by_a_person() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6")
        client = await logged_in(street)
        payload = {"transactionId": 1, "meterStop": 5, "timestamp": "2026-01-01T00:00:00Z", "idTag": "<b>x</b>"}
        stop = await kept(street, "StopTransaction", payload)
        begin = {"connectorId": 1, "idTag": "A", "meterStart": 1, "timestamp": "2026-01-01T00:00:00Z"}
        start = await kept(street, "StartTransaction", begin)
        page = (await client.get(ONE)).text
        assert "&lt;b&gt;x&lt;/b&gt;" in page
        assert page.count('value="book"') == 1, "a start is over; only what ended can be taken as true"
        assert words.DONE["dismissed"] in await pressed(street, client, f"quarantine/{stop}", decide="dismiss")
        again = await press(street, client, f"quarantine/{stop}", decide="dismiss")
        assert (again.status_code, "no such message" in again.text) == (404, True)
        assert (await press(street, client, f"quarantine/{stop}", decide="burn")).status_code == 400
        assert (await press(street, client, f"quarantine/{start}", decide="book")).status_code == 409

    play(story)


def test_a_kept_end_is_taken_as_true_by_an_operator() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6")
        client = await logged_in(street)
        readings = {"transactionId": 77, "meterStop": 5, "timestamp": "2026-01-01T00:00:00Z"}
        stop = await kept(street, "StopTransaction", readings)
        assert words.DONE["booked"] in await pressed(street, client, f"quarantine/{stop}", decide="book")
        assert await street.town.cpo.store.quarantined(station=CS) == []

    play(story)


# ── who may press ──

ACTS = [
    ("challenge", {}),
    ("enrol", {"material": "AB" * 32}),
    ("identities/{id}/revoke", {}),
    ("identities/{id}/promote", {}),
    ("window", {"seconds": "900"}),
    ("trust", {"trusted": "1"}),
    ("profile", {"profile": "3"}),
    ("certificate-name", {"name": "SN"}),
    ("quarantine/kept-StopTransaction", {"decide": "dismiss"}),
]


@pytest.mark.parametrize(("act", "fields"), ACTS, ids=[act for act, _ in ACTS])
def test_no_form_of_another_site_changes_anything(act: str, fields: dict[str, str]) -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6")
        await kept(street, "StopTransaction", {})
        made = await street.town.cpo.identities.enrol(
            CS, IdentityKind.CERTIFICATE, "cd" * 32, actor="test", status=IdentityStatus.NEXT
        )
        client = await logged_in(street)
        before = (street.town.cpo.registry.station(CS), street.town.cpo.identities.all())
        path = f"{ONE}/{act.format(id=made.id)}"
        good = token(await client.get(ONE))
        foreign = {"Sec-Fetch-Site": "cross-site"}
        for data, headers in ((fields, {}), ({**fields, "csrf": "0" * 32}, {}), ({**fields, "csrf": good}, foreign)):
            answer = await client.post(path, data=data, headers=headers)
            assert answer.status_code == 403, path
        assert (await street.client().post(path, data={**fields, "csrf": good})).status_code == 401
        assert before == (street.town.cpo.registry.station(CS), street.town.cpo.identities.all())

    play(story)


@pytest.mark.parametrize(("act", "fields"), ACTS[:-1], ids=[act for act, _ in ACTS[:-1]])
def test_a_station_or_identity_that_does_not_exist_is_a_page_that_says_so(act: str, fields: dict[str, str]) -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6")
        client = await logged_in(street)
        csrf = token(await client.get(ONE))
        path = f"/operator/stations/NOBODY/{act.format(id='x')}"
        assert (await client.post(path, data={**fields, "csrf": csrf})).status_code == 404
        if "identities" in act:
            answer = await client.post(f"{ONE}/{act.format(id='x')}", data={**fields, "csrf": csrf})
            assert (answer.status_code, "no such identity" in answer.text) == (404, True)

    play(story)


def test_a_station_of_a_version_that_is_not_asked_is_not_said_to_be_ignorant() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp2.1")
        client = await logged_in(street)
        said = await pressed(street, client, "challenge")
        assert words.STEPS["notAsked"] in said
        assert words.STEPS["unsupported"] not in said

    play(story)


def test_a_station_that_is_let_in_without_a_proof_is_said_to_be_so() -> None:
    assert words.how("Basic instead") == "its password, instead of a proof"
    assert words.how("mTLS instead") == "its certificate, instead of a proof"
    assert words.how("unproven: NotImplemented") == "it answered: NotImplemented"
    assert words.how("ed25519 key 00…") == "ed25519 key 00…"


def test_an_event_of_a_name_that_nobody_registered_leads_nowhere() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6")
        for name in ("CS-1", "GHOST"):
            event = street.town.cpo.registry.alarm("connectionRefused", StationId(name), "wrong credential")
            await street.town.cpo.store.commit(event)
        shown = (await (await logged_in(street)).get("/operator/security")).text
        assert 'href="/operator/stations/CS-1"' in shown
        assert "GHOST" in shown
        assert 'href="/operator/stations/GHOST"' not in shown

    play(story)


def test_an_address_makes_the_page_say_only_what_is_in_its_tables() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6")
        client = await logged_in(street)
        for query in ("done=<b>hello", "failed=<b>hello", "done=", "failed=x"):
            page = await client.get(f"{ONE}?{query}")
            assert page.status_code == 200
            assert "hello" not in page.text
            assert 'role="status"' not in page.text
        assert (await street.client().get("/operator/security")).status_code == 303

    play(story)


def test_what_is_pasted_may_be_a_certificate_and_no_book() -> None:
    async def story(street: Street) -> None:
        await street.town.station("ocpp1.6")
        client = await logged_in(street)
        assert (await press(street, client, "enrol", material="x" * 40_000)).status_code == 413
        assert (await press(street, client, "challenge", more="x" * 5_000)).status_code == 413

    play(story)


def alarms() -> set[str]:
    """Kinds of security events that the use-cases write."""
    made = [call for call in calls() if getattr(call.func, "attr", "") in {"alarm", "sound", "suspect"} and call.args]
    return {str(call.args[0].value) for call in made if isinstance(call.args[0], ast.Constant)}


def test_every_standing_and_every_step_has_its_words() -> None:
    from evouch.cpo.challenger import EVENTS, FAILED_EVENT, TRUSTED_BY
    from evouch.identity.proof import Step
    from evouch.identity.standing import Standing

    assert set(words.STANDINGS) == set(Standing)
    assert set(Step) - set(words.STEPS) == set()
    assert (set(EVENTS.values()) | {FAILED_EVENT} | alarms()) - set(words.EVENTS) == set()
    assert set(TRUSTED_BY.values()) - set(words.HOW) == set()


def test_everybody_can_be_asked() -> None:
    async def story(street: Street) -> None:
        await station(street, key(), enrolled=False, wait=False)
        await standing(street, "failed")
        client = await logged_in(street)
        assert words.STEPS["key"] in seen((await client.get(ONE)).text)

    play(story, identity=IdentityTerms(require="all"))
