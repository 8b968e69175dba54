"""The operator API: what test suites drive a backend with, strictly read, refused in one shape, always audited."""

from typing import Any

import pytest

from evouch.ids import Secret, StationId
from tests.web.street import Street, play

API = "/api/v1"


class Desk:
    """A program with a token."""

    def __init__(self, street: Street, token: Secret) -> None:
        self.street = street
        self.client = street.client(headers={"Authorization": f"Bearer {token.text()}"})

    async def ask(self, method: str, path: str, body: Any = None, status: int = 200, **how: Any) -> Any:
        if body is not None:
            how["json"] = body
        answer = await self.street.during(self.client.request(method, API + path, **how))
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def refused(self, method: str, path: str, body: Any = None, **how: Any) -> tuple[int, str]:
        if body is not None:
            how["json"] = body
        answer = await self.street.during(self.client.request(method, API + path, **how))
        return answer.status_code, answer.json()["error"]["code"]


async def desk(street: Street, version: str = "ocpp2.1") -> Desk:
    await street.town.station(version)
    return Desk(street, await street.town.cpo.operators.issue("octt", actor="test"))


# ── who may ask ──


def test_without_a_good_token_there_is_one_answer() -> None:
    async def story(street: Street) -> None:
        await desk(street)
        for header in (b"", b"Bearer ", b"Bearer nobody", b"Basic b2N0dDpvY3R0", b"Bearer \xe9"):
            headers = {b"Authorization": header} if header else {}
            for path in ("/stations", "/stations/CS-1", "/audit"):
                answer = await street.client().get(API + path, headers=headers)
                assert answer.status_code == 401
                assert answer.headers["WWW-Authenticate"].startswith("Bearer")
                assert answer.json()["error"]["code"] == "unauthorized"

    play(story)


def test_a_revoked_token_is_void_at_once() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        await program.ask("GET", "/stations")
        await street.town.cpo.operators.revoke("octt", actor="test")
        assert await program.refused("GET", "/stations") == (401, "unauthorized")

    play(story)


def test_health_needs_no_token() -> None:
    async def story(street: Street) -> None:
        answer = await street.client().get("/health")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})

    play(story)


# ── stations ──


@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
def test_a_station_is_shown_with_its_connection_configuration_and_keys_but_no_secret(version: str) -> None:
    async def story(street: Street) -> None:
        program = await desk(street, version)
        (short,) = (await program.ask("GET", "/stations"))["stations"]
        assert (short["id"], short["online"], short["version"], short["boot"]) == ("CS-1", True, version, "Accepted")
        assert short["connectors"] == [{"evse": 1, "connector": 1, "status": "Available"}]
        whole = await program.ask("GET", "/stations/CS-1")
        assert whole["settings"]
        (key,) = whole["keys"]
        assert (key["evse"], key["state"], key["validity"], key["length"]) == (1, "ready", 30, 8)
        secret = street.town.cpo.stations.get(StationId("CS-1")).keys[0].secret.text()
        assert secret not in str(whole)

    play(story)


def test_a_station_is_registered_changed_and_removed_and_each_leaves_a_row() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        evses = [{"number": 1, "connectors": [1, 2], "max_power": 50000, "evse_id": "DE*ABC*E1"}]
        made = await program.ask("PUT", "/stations/NEW", {"name": "New", "evses": evses, "password": "p" * 16})
        assert (made["evses"], made["password_set"], made["online"]) == (evses, True, False)
        changed = await program.ask("PUT", "/stations/NEW", {"name": "Newer"})
        assert (changed["name"], changed["evses"], changed["password_set"]) == ("Newer", evses, True)
        await program.ask("DELETE", "/stations/NEW", status=204)
        assert await program.refused("GET", "/stations/NEW") == (404, "unknownStation")
        rows = (await program.ask("GET", "/audit?limit=3"))["audit"]
        assert [(row["actor"], row["action"], row["subject"]) for row in rows] == [
            ("octt", "remove station", "NEW"),
            ("octt", "register station", "NEW"),
            ("octt", "register station", "NEW"),
        ]
        assert "p" * 16 not in str(rows)

    play(story)


NONSENSE: list[tuple[str, Any, int, str]] = [
    ("/stations/NEW", {"password": "short"}, 400, "malformed"),
    ("/stations/NEW", {"password": "é" * 20}, 400, "malformed"),
    ("/stations/NEW", {"evses": [{"number": 1}, {"number": 1}]}, 422, "badEvses"),
    ("/stations/NEW", {"evses": [{"number": 0}]}, 400, "malformed"),
    ("/stations/NEW", {"evses": [{"number": 1.0}]}, 400, "malformed"),
    ("/stations/NEW", {"nmae": "typo"}, 400, "malformed"),
    ("/stations/NEW", [], 400, "malformed"),
    ("/stations/a%20b", {}, 422, "badStationId"),
    ("/stations/CS-1/boot", {"hold": 1}, 400, "malformed"),
    ("/stations/CS-1/boot", {}, 400, "malformed"),
    ("/stations/CS-1/password", {"password": "p" * 41}, 400, "malformed"),
    ("/stations/NOBODY/password", {"password": "p" * 16}, 404, "unknownStation"),
    ("/stations/NOBODY/boot", {"hold": True}, 404, "unknownStation"),
    ("/stations/NOBODY/block", {"blocked": True}, 404, "unknownStation"),
    ("/nowhere", {}, 404, "notFound"),
]


def test_what_makes_no_sense_is_refused_by_name() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        for path, body, status, code in NONSENSE:
            assert await program.refused("PUT", path, body) == (status, code), (path, body)

    play(story)


def test_json_that_is_none_is_refused() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        twice = b'{"hold":true,"hold":false}'
        for raw in (b"", b"{", twice, b'{"hold":NaN}', b'{"hold":"\xff"}', b"[" * 100, b'{"hold":"\\ud800"}'):
            assert await program.refused("PUT", "/stations/CS-1/boot", content=raw) == (400, "malformed"), raw

    play(story)


def test_a_body_beyond_all_measure_is_refused() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        body = b'{"hold":true' + b" " * 300_000 + b"}"
        assert await program.refused("PUT", "/stations/CS-1/boot", content=body) == (413, "tooLarge")

    play(story)


def test_a_password_counts_from_the_next_connection_on() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        await program.ask("PUT", "/stations/CS-1/password", {"password": "a password of 20 ch."}, status=204)
        assert (await program.ask("GET", "/stations/CS-1"))["password_set"]
        (row,) = (await program.ask("GET", "/audit?limit=1"))["audit"]
        assert (row["action"], row["detail"]) == ("set station password", "")

    play(story)


def test_a_boot_is_held_at_pending_until_it_is_released() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        await program.ask("PUT", "/stations/CS-1/boot", {"hold": True}, status=204)
        call = {"action": "Reset", "payload": {"type": "Immediate"}}
        assert (await program.ask("POST", "/stations/CS-1/calls", call))["result"]["status"] == "Accepted"
        await street.town.wait(5)
        await street.town.until(lambda: street.town.cpo.presence.get(StationId("CS-1")), 120)

        async def held() -> bool:
            return bool((await program.ask("GET", "/stations/CS-1"))["boot"] == "Pending")

        await street.town.until(held, 120)
        await program.ask("PUT", "/stations/CS-1/boot", {"hold": False}, status=204)

        async def accepted() -> bool:
            return bool((await program.ask("GET", "/stations/CS-1"))["boot"] == "Accepted")

        await street.town.until(accepted, 600)

    play(story)


def test_a_blocked_station_is_sent_away() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        await program.ask("PUT", "/stations/CS-1/block", {"blocked": True}, status=204)
        await street.town.wait(60)
        station = await program.ask("GET", "/stations/CS-1")
        assert (station["online"], station["blocked"]) == (False, True)

    play(story)


# ── any CALL ──


@pytest.mark.parametrize(
    ("version", "action", "payload", "member"),
    [
        ("ocpp1.6", "GetConfiguration", {"key": ["HeartbeatInterval"]}, "configurationKey"),
        ("ocpp2.0.1", "ClearCache", {}, "status"),
        ("ocpp2.1", "ClearCache", {}, "status"),
    ],
)
def test_any_call_is_sent_and_its_answer_returned(version: str, action: str, payload: Any, member: str) -> None:
    async def story(street: Street) -> None:
        program = await desk(street, version)
        answer = await program.ask("POST", "/stations/CS-1/calls", {"action": action, "payload": payload})
        assert member in (answer.get("result") or answer["error"]) or "code" in answer["error"]
        (row,) = (await program.ask("GET", "/audit?limit=1"))["audit"]
        assert (row["actor"], row["action"]) == ("octt", f"call {action}")

    play(story)


def test_a_callerror_is_an_answer() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        answer = await program.ask("POST", "/stations/CS-1/calls", {"action": "GetTariffs", "payload": {"evseId": 1}})
        assert answer["error"]["code"] == "NotSupported"
        assert "result" not in answer

    play(story)


def test_we_never_send_what_breaks_the_schema() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        wrong = {"action": "Reset", "payload": {"type": "Sometimes"}}
        for call in ({"action": "GetVariables"}, {"action": "Nope"}, wrong):
            assert await program.refused("POST", "/stations/CS-1/calls", call) == (422, "badPayload"), call

    play(story)


def test_a_station_that_is_silent_and_one_that_is_away_differ() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        wire = street.town.server.wire(StationId("CS-1"))
        wire.hold()
        call = {"action": "ClearCache", "seconds": 5}
        assert await program.refused("POST", "/stations/CS-1/calls", call) == (504, "stationSilent")
        wire.release()
        await program.ask("PUT", "/stations/AWAY", {"name": "away"})
        assert await program.refused("POST", "/stations/AWAY/calls", call) == (409, "stationOffline")
        assert await program.refused("POST", "/stations/AWAY/qr-secrets") == (409, "stationOffline")
        assert await program.refused("POST", "/stations/NOBODY/calls", call) == (404, "unknownStation")

    play(story)


def test_secrets_are_rotated_on_command() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        before = street.town.cpo.stations.get(StationId("CS-1")).keys[0].secret
        assert await program.ask("POST", "/stations/CS-1/qr-secrets") == {"ready": True, "outcome": {"1": "ready"}}
        assert street.town.cpo.stations.get(StationId("CS-1")).keys[0].secret != before

    play(story)


# ── tokens ──


def test_a_token_with_a_status_is_made_changed_listed_and_forgotten() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        said = {"status": "Blocked", "kind": "ISO14443", "expires": "2030-01-01T01:00:00+01:00", "group": "g"}
        made = await program.ask("PUT", "/tokens/CARD%2F1", said)
        assert (made["token"], made["status"], made["expires"]) == ("card/1", "Blocked", "2030-01-01T00:00:00.000Z")
        assert (await program.ask("GET", "/tokens"))["tokens"] == [made]
        assert (await program.ask("PUT", "/tokens/card%2f1", {}))["status"] == "Accepted"
        await program.ask("DELETE", "/tokens/Card%2F1", status=204)
        assert await program.refused("DELETE", "/tokens/Card%2F1") == (404, "unknownToken")
        assert await program.refused("GET", "/tokens/card") == (404, "unknownToken")
        assert await program.refused("PUT", "/tokens/card", {"expires": "2030-01-01T00:00:00"}) == (422, "badToken")
        assert await program.refused("PUT", "/tokens/a%00b", {}) == (422, "badToken")
        assert await program.refused("PUT", "/tokens/card", {"status": "Great"}) == (400, "malformed")
        rows = (await program.ask("GET", "/audit?limit=3"))["audit"]
        assert [row["action"] for row in rows] == ["delete token", "put token", "put token"]

    play(story)


# ── transactions and payments ──


def test_a_paid_charge_can_be_read_down_to_the_ledger() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        phone = street.phone()
        await phone.open(street.url())
        await phone.pay()
        await street.town.plug()
        await phone.until("CHARGING")
        (running,) = (await program.ask("GET", "/transactions?active=true&station=CS-1"))["transactions"]
        assert running["active"]
        assert running["payment"] in phone.url
        assert (await program.ask("GET", "/transactions?station=OTHER"))["transactions"] == []
        await street.town.wait(60)
        await phone.open(phone.url)
        await phone.submit("/stop")
        done = await phone.until("SETTLED")
        assert (await program.ask("GET", "/transactions?active=true"))["transactions"] == []
        whole = await program.ask("GET", f"/transactions/CS-1/{running['id']}")
        assert whole["energy"] == done["energy"]
        assert whole["samples"]
        assert (await program.ask("GET", "/payments?active=true"))["payments"] == []
        (payment,) = (await program.ask("GET", "/payments"))["payments"]
        detail = await program.ask("GET", f"/payments/{payment['payment']}")
        assert detail["captured"] == done["captured"]
        assert {intent["movement"] for intent in detail["intents"]} == {"open hold", "capture"}
        assert detail["entries"]
        assert detail["steps"][-1]["state"] == "SETTLED"
        checkout = await street.town.cpo.checkouts.get(payment["payment"])
        assert checkout is not None
        assert checkout.token is not None
        assert checkout.grant not in str(detail)
        assert checkout.token.value not in str(detail)

    play(story)


def test_a_query_that_makes_no_sense_is_refused() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        for query in ("limit=0", "limit=1001", "limit=x", "limit=٣", "active=1", "station=a b", "page=2"):
            assert await program.refused("GET", f"/transactions?{query}") == (400, "badQuery"), query

    play(story)


def test_what_does_not_exist_is_not_found() -> None:
    async def story(street: Street) -> None:
        program = await desk(street)
        assert await program.refused("GET", "/transactions/CS-1/a%2Fb") == (404, "unknownTransaction")
        assert await program.refused("GET", "/payments/none") == (404, "unknownPayment")
        assert await program.refused("PATCH", "/stations") == (405, "wrongMethod")
        assert (await program.ask("GET", "/security-events"))["events"] == []

    play(story)


def test_the_document_names_every_operation() -> None:
    async def story(street: Street) -> None:
        answer = await street.client().get(f"{API}/openapi.json")
        document = answer.json()
        assert document["openapi"] == "3.1.0"
        operations = [each for path in document["paths"].values() for each in path.values()]
        assert len({each["operationId"] for each in operations}) == len(operations) >= 20
        assert all(each["summary"] for each in operations)

    play(story)
