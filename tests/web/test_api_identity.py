"""The operator API of identities: enrolled, rotated, revoked, trusted, challenged, and never a private key."""

import base64
import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from evouch.cpo.identity_terms import IdentityTerms
from evouch.identity.did import did_key
from evouch.identity.encoding import base64url
from evouch.identity.keys import KeyType, key_of
from evouch.ids import Secret, StationId
from tests.identity.examples import certificate
from tests.proofs import proves
from tests.web.keys import kept, key, standing, station
from tests.web.street import Street, play
from tests.web.test_api_cpo import Desk, desk

ONE = "/stations/CS-1"
VECTORS = Path(__file__).parents[1] / "vectors"
CS = StationId("CS-1")
LATER = "2040-01-01T00:00:00.000Z"
WEAK = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


async def program(street: Street) -> Desk:
    return Desk(street, await street.town.cpo.operators.issue("octt", actor="test"))


def test_a_key_is_enrolled_shown_and_audited() -> None:
    async def story(street: Street) -> None:
        api, mine = await desk(street, "ocpp1.6"), key()
        made = await api.ask("POST", f"{ONE}/identities", {"key": mine.public.document(), "not_after": LATER})
        assert (made["station"], made["kind"], made["status"]) == ("CS-1", "publicKey", "active")
        assert (made["material"], made["fingerprint"]) == (mine.public.material, mine.public.fingerprint)
        assert (made["enrolled_by"], made["not_after"], made["first_proven_at"]) == ("octt", LATER, None)
        assert (await api.ask("GET", f"{ONE}/identities"))["identities"] == [made]
        assert (await api.ask("GET", "/identities"))["identities"] == [made]
        (row,) = (await api.ask("GET", "/audit?limit=1"))["audit"]
        assert (row["actor"], row["action"], row["subject"]) == ("octt", "enrol identity", "CS-1")

    play(story)


def test_dids_and_certificates_are_enrolled_in_any_spelling_and_kept_in_one() -> None:
    async def story(street: Street) -> None:
        api = await desk(street, "ocpp1.6")
        did = did_key(key(KeyType.P256).public)
        made = await api.ask("POST", f"{ONE}/identities", {"did": did})
        assert (made["kind"], made["material"], made["fingerprint"]) == ("web3", did, "")
        digits = "AB:" * 31 + "CD"
        made = await api.ask("POST", f"{ONE}/identities", {"certificate": digits})
        assert (made["kind"], made["material"]) == ("x509Certificate", "ab" * 31 + "cd")
        assert made["fingerprint"] == made["material"]

    play(story)


@proves("M11")
def test_the_next_key_takes_over_with_its_proof_and_a_revoked_one_loses_its_connection() -> None:
    async def story(street: Street) -> None:
        old, new = key(), key()
        await station(street, old)
        await standing(street, "proven")
        api = await program(street)
        upcoming = await api.ask("POST", f"{ONE}/identities/next", {"key": new.public.document()})
        assert upcoming["status"] == "next"
        (first, _) = (await api.ask("GET", f"{ONE}/identities"))["identities"]
        assert (first["signing"], bool(first["first_proven_at"])) == ("canonical", True)
        assert (await api.ask("GET", ONE))["standing"]["identity"] == first["id"]
        promoted = await api.ask("POST", f"{ONE}/identities/{upcoming['id']}/promote")
        assert promoted["status"] == "active"
        connection = street.town.cpo.presence.get(StationId("CS-1")).link.connection  # type: ignore[union-attr]
        gone = await api.ask("POST", f"{ONE}/identities/{first['id']}/revoke", {"reason": "stolen"})
        assert (gone["status"], bool(gone["revoked_at"])) == ("revoked", True)
        await street.town.wait(1)
        here = street.town.cpo.presence.get(StationId("CS-1"))
        assert here is None or here.link.connection != connection
        await standing(street, "failed")
        again = await api.refused("POST", f"{ONE}/identities/{first['id']}/promote")
        assert again == (409, "revoked")
        rows = [
            row["detail"] for row in (await api.ask("GET", "/audit"))["audit"] if row["action"] == "revoke identity"
        ]
        assert "stolen" in rows[0]

    play(story)


def test_the_standing_says_who_how_and_since_when() -> None:
    async def story(street: Street) -> None:
        mine = key()
        await station(street, mine)
        await standing(street, "proven")
        api = await program(street)
        seen = (await api.ask("GET", ONE))["standing"]
        assert (seen["state"], seen["signing"], seen["candidates"], seen["last_failure"]) == (
            "proven", "canonical", 0, None,
        )  # fmt: skip
        assert mine.public.fingerprint[:16] in seen["how"]
        assert seen["since"].endswith("Z")
        await api.ask("PUT", "/stations/AWAY", {"name": "away"})
        assert (await api.ask("GET", "/stations/AWAY"))["standing"] is None

    play(story)


def test_a_challenge_says_that_it_was_proved() -> None:
    async def story(street: Street) -> None:
        await station(street, key())
        await standing(street, "proven")
        api = await program(street)
        answer = await api.ask("POST", f"{ONE}/challenge")
        assert answer == {"proven": True, "step": "", "meaning": "", "reason": ""}
        (row,) = (await api.ask("GET", "/audit?limit=1"))["audit"]
        assert (row["actor"], row["action"]) == ("octt", "challenge station")

    play(story)


def test_a_challenge_says_at_which_step_it_failed_and_the_events_list_has_it() -> None:
    async def story(street: Street) -> None:
        await street.town.cpo.stations.register(CS, actor="test")
        await street.town.cpo.stations.set_password(CS, Secret("correct-horse-battery"), actor="test")
        await street.town.cpo.identities.trust(CS, True, actor="test")
        await station(street, key(), enrolled=False, password=Secret("correct-horse-battery"))
        api = await program(street)
        await api.ask("POST", f"{ONE}/identities", {"key": key().public.document()})
        answer = await api.ask("POST", f"{ONE}/challenge")
        assert (answer["proven"], answer["step"]) == (False, "signature")
        assert "not by a key that is enrolled" in answer["meaning"]
        seen = (await api.ask("GET", ONE))["standing"]
        assert (seen["state"], seen["last_failure"]["step"]) == ("trusted", "signature")
        (event,) = (await api.ask("GET", "/security-events?limit=1"))["events"]
        assert (event["kind"], event["station"]) == ("FailedToAuthenticateAtCentralSystem", "CS-1")

    play(story)


def test_who_does_not_know_the_message_is_told_apart_from_who_lies() -> None:
    async def story(street: Street) -> None:
        api = await desk(street, "ocpp1.6")
        answer = await api.ask("POST", f"{ONE}/challenge")
        assert (answer["proven"], answer["step"], answer["reason"]) == (False, "unsupported", "NotImplemented")

    play(story)


@proves("M10")
def test_a_first_key_is_enrolled_only_within_a_window_that_an_operator_opened() -> None:
    async def story(street: Street) -> None:
        mine = key()
        api = await program(street)
        await api.ask("PUT", ONE, {"name": "One"})
        opened = await api.ask("POST", f"{ONE}/enrolment-window", {"seconds": 60})
        assert (await api.ask("GET", ONE))["enrol_until"] == opened["until"]
        await api.ask("DELETE", f"{ONE}/enrolment-window", status=204)
        assert (await api.ask("GET", ONE))["enrol_until"] is None
        await station(street, mine, enrolled=False, offers_key=True)
        await api.ask("POST", f"{ONE}/challenge")
        assert (await api.ask("GET", "/identities"))["identities"] == []
        await api.ask("POST", f"{ONE}/enrolment-window", {"seconds": 3600})
        await standing(street, "proven")
        (enrolled,) = (await api.ask("GET", "/identities"))["identities"]
        assert (enrolled["material"], enrolled["enrolled_by"]) == (mine.public.material, "first use")
        assert (await api.ask("GET", ONE))["enrol_until"] is None
        assert await api.refused("POST", f"{ONE}/enrolment-window", {"seconds": 60}) == (409, "alreadyEnrolled")

    play(story)


def test_trust_profile_and_certificate_name_are_set_and_shown() -> None:
    async def story(street: Street) -> None:
        api = await desk(street, "ocpp1.6")
        await api.ask("PUT", f"{ONE}/trust", {"trusted": True}, status=204)
        await api.ask("PUT", f"{ONE}/security-profile", {"profile": 2}, status=204)
        await api.ask("PUT", f"{ONE}/certificate-name", {"name": "SN-0001"}, status=204)
        seen = await api.ask("GET", ONE)
        assert (seen["trusted"], seen["security_profile"], seen["certificate_name"]) == (True, 2, "SN-0001")
        await api.ask("PUT", f"{ONE}/trust", {"trusted": False}, status=204)
        assert not (await api.ask("GET", ONE))["trusted"]

    play(story)


def test_an_unproven_station_is_sent_nothing_by_hand() -> None:
    async def story(street: Street) -> None:
        await station(street, key(), enrolled=False, wait=False)
        await standing(street, "failed", "challenged")
        api = await program(street)
        call = {"action": "ClearCache"}
        assert await api.refused("POST", f"{ONE}/calls", call) == (409, "unproven")
        assert await api.refused("POST", f"{ONE}/qr-secrets") == (409, "unproven")

    play(story, identity=IdentityTerms(require="all"))


def test_quarantine_is_listed_and_decided_by_a_program_too() -> None:
    async def story(street: Street) -> None:
        api = await desk(street, "ocpp1.6")
        end = {"transactionId": 77, "meterStop": 5, "timestamp": "2026-01-01T00:00:00Z"}
        one, two = [await kept(street, "StopTransaction", end, name=name) for name in ("one", "two")]
        found = (await api.ask("GET", "/quarantine?station=CS-1"))["quarantine"]
        assert [(each["id"], each["state"]) for each in found] == [(one, "kept"), (two, "kept")]
        assert json.loads(found[0]["frame"])[3] == end
        await api.ask("POST", f"/quarantine/{one}/book", status=204)
        await api.ask("POST", f"/quarantine/{two}/dismiss", status=204)
        assert (await api.ask("GET", "/quarantine?active=true"))["quarantine"] == []
        found = (await api.ask("GET", "/quarantine"))["quarantine"]
        assert [each["state"] for each in found] == ["promoted", "dismissed"]
        assert (await api.ask("GET", "/quarantine?station=CS-2"))["quarantine"] == []
        for act in ("book", "dismiss"):
            assert await api.refused("POST", f"/quarantine/{one}/{act}") == (404, "unknownMessage")
        begin = {"connectorId": 1, "idTag": "A", "meterStart": 1, "timestamp": "2026-01-01T00:00:00Z"}
        start = await kept(street, "StartTransaction", begin)
        assert await api.refused("POST", f"/quarantine/{start}/book") == (409, "notBookable")

    play(story)


# ── what is refused ──


def refused_material() -> list[tuple[Any, int, str]]:
    mine = key()
    pem = mine.pem().reveal().decode()
    der = base64url(_der(pem))
    document = mine.public.document()
    return [
        ({}, 422, "oneMaterial"),
        ({"key": document, "did": "did:key:z6Mk"}, 422, "oneMaterial"),
        ({"certificate": pem}, 422, "privateKey"),
        ({"did": pem}, 422, "privateKey"),
        ({"key": {**document, "value": der}}, 422, "privateKey"),
        ({"key": {**document, "value": "AAAA"}}, 422, "badKey"),
        ({"key": {**document, "type": "rsa"}}, 422, "badKey"),
        ({"key": {**document, "encoding": "hex"}}, 422, "badKey"),
        ({"key": {**document, "value": WEAK}}, 422, "weakKey"),
        ({"key": {**document, "kid": "1"}}, 400, "malformed"),
        ({"did": "did:key:z0OIl"}, 422, "badDid"),
        ({"did": "did:web:example.com"}, 422, "unsupportedDid"),
        ({"certificate": "00ff"}, 422, "badCertificate"),
        ({"certificate": "-----BEGIN CERTIFICATE-----"}, 422, "badCertificate"),
        ({"key": document, "not_before": LATER, "not_after": LATER}, 422, "badTime"),
        ({"key": document, "not_after": "tomorrow"}, 422, "badTime"),
        ({"key": document, "not_after": "2020-01-01T00:00:00Z"}, 422, "badTime"),
        ({"key": document, "next": "yes"}, 400, "malformed"),
    ]


def _der(pem: str) -> bytes:
    return base64.b64decode("".join(pem.splitlines()[1:-1]))


def test_what_is_no_good_identity_is_refused_by_name_and_no_secret_comes_back() -> None:
    async def story(street: Street) -> None:
        api = await desk(street, "ocpp1.6")
        for body, status, code in refused_material():
            assert await api.refused("POST", f"{ONE}/identities", body) == (status, code), body
            if not {"not_before", "not_after", "next"} & body.keys():
                assert await api.refused("POST", f"{ONE}/identities/next", body) == (status, code), body
        assert (await api.ask("GET", "/identities"))["identities"] == []

    play(story)


def test_a_private_key_is_neither_answered_nor_written_down() -> None:
    async def story(street: Street) -> None:
        api, mine = await desk(street, "ocpp1.6"), key()
        pem = mine.pem().reveal().decode()
        secret = pem.splitlines()[1]
        answer = await api.client.post(f"/api/v1{ONE}/identities", json={"certificate": pem})
        assert answer.status_code == 422
        rest = [answer.text, json.dumps(await api.ask("GET", "/audit")), json.dumps(await api.ask("GET", ONE))]
        assert all(secret not in text for text in rest)

    play(story)


def test_the_published_demo_key_is_refused() -> None:
    async def story(street: Street) -> None:
        api = await desk(street, "ocpp1.6")
        published = json.loads((VECTORS / "w3cp.json").read_text())["known_public_demo_identities_denylist"]
        key = {"type": "ecP256", "value": published["p256_spki_base64url"]}
        for body in ({"key": key}, *({"did": did} for did in published["dids"])):
            assert await api.refused("POST", f"{ONE}/identities", body) == (422, "publicDemoKey"), body

    play(story)


def test_one_key_belongs_to_one_station_once() -> None:
    async def story(street: Street) -> None:
        api, body = await desk(street, "ocpp1.6"), {"key": key().public.document()}
        made = await api.ask("POST", f"{ONE}/identities", body)
        await api.ask("PUT", "/stations/OTHER", {"name": "other"})
        for path in (f"{ONE}/identities", "/stations/OTHER/identities", "/stations/OTHER/identities/next"):
            assert await api.refused("POST", path, body) == (409, "materialTaken")
        await api.ask("POST", f"{ONE}/identities/{made['id']}/revoke", {})
        assert await api.refused("POST", f"{ONE}/identities", body) == (409, "revoked")
        assert await api.refused("POST", f"{ONE}/identities/next", body) == (409, "revoked")
        other = {"did": did_key(key_of(made["material"]))}
        assert await api.refused("POST", "/stations/OTHER/identities", other) == (409, "revoked")

    play(story)


def test_the_certificate_of_an_rsa_key_is_refused_with_its_reason() -> None:
    async def story(street: Street) -> None:
        api = await desk(street, "ocpp1.6")
        pem = ssl.DER_cert_to_PEM_cert(certificate("rsa")[1])
        answer = await api.ask("POST", f"{ONE}/identities", {"certificate": pem}, status=422)
        assert answer["error"]["details"]["why"] == "an RSA certificate is not accepted: P-256 or Ed25519"

    play(story)


NOBODY: list[tuple[str, str, Any]] = [
    ("GET", "/identities", None),
    ("POST", "/identities", {"certificate": "ab" * 32}),
    ("POST", "/identities/next", {"certificate": "ab" * 32}),
    ("POST", "/identities/x/revoke", {}),
    ("POST", "/identities/x/promote", None),
    ("POST", "/enrolment-window", {"seconds": 60}),
    ("DELETE", "/enrolment-window", None),
    ("PUT", "/trust", {"trusted": True}),
    ("PUT", "/security-profile", {"profile": 1}),
    ("PUT", "/certificate-name", {"name": "x"}),
    ("POST", "/challenge", None),
]


@pytest.mark.parametrize(("method", "path", "body"), NOBODY, ids=[f"{each[0]} {each[1]}" for each in NOBODY])
def test_a_station_that_does_not_exist_has_no_identities(method: str, path: str, body: Any) -> None:
    async def story(street: Street) -> None:
        api = await program(street)
        assert await api.refused(method, f"/stations/NOBODY{path}", body) == (404, "unknownStation")
        answer = await street.client().request(method, f"/api/v1/stations/NOBODY{path}")
        assert answer.status_code == 401

    play(story)


def test_an_identity_is_changed_at_its_own_station_only() -> None:
    async def story(street: Street) -> None:
        api = await desk(street, "ocpp1.6")
        made = await api.ask("POST", f"{ONE}/identities", {"key": key().public.document()})
        await api.ask("PUT", "/stations/OTHER", {"name": "other"})
        for id, where in (("nothing", ONE), (made["id"], "/stations/OTHER")):
            assert await api.refused("POST", f"{where}/identities/{id}/revoke", {}) == (404, "unknownIdentity")
            assert await api.refused("POST", f"{where}/identities/{id}/promote") == (404, "unknownIdentity")
        assert await api.refused("POST", "/stations/OTHER/challenge") == (409, "stationOffline")

    play(story)


def test_bodies_that_make_no_sense_are_refused() -> None:
    async def story(street: Street) -> None:
        api = await desk(street, "ocpp1.6")
        for method, path, body in (
            ("POST", "enrolment-window", {"seconds": 0}),
            ("POST", "enrolment-window", {"seconds": 86_401}),
            ("POST", "enrolment-window", {}),
            ("PUT", "trust", {"trusted": 1}),
            ("PUT", "security-profile", {"profile": 4}),
            ("PUT", "certificate-name", {"name": "x" * 65}),
            ("PUT", "certificate-name", {"nmae": "x"}),
        ):
            assert await api.refused(method, f"{ONE}/{path}", body) == (400, "malformed"), (path, body)
        for query in ("limit=0", "station=a b", "active=1", "page=2"):
            assert await api.refused("GET", f"/quarantine?{query}") == (400, "badQuery"), query

    play(story)
