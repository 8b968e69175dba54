"""The server: whatever is asked, the right status, the right code, and nobody beside it is harmed."""

import base64
import json
from typing import Any

import pytest

from evouch.errors import LocalError, PeerFault, Refused, TimedOut
from evouch.ids import PartyId
from evouch.ocpi import model as m
from evouch.ocpi.partner import V221, V230, Quirks, Role
from evouch.ocpi.ports import Answer, OcpiRefusal
from evouch.ocpi.routes import ROUTES, Form, Route, rows
from evouch.ocpi.server import MAX_BODY, ServerTerms
from tests.ocpi.serving import SAMPLES, TOKEN, TOKEN_A, VERSIONS, VID, Serving, run, sample
from tests.proofs import proves

VALUES = {
    "country_code": {Role.CPO: "FR", Role.EMSP: "DE"}, "party_id": {Role.CPO: "EMS", Role.EMSP: "CPO"},
    "location_id": "L1", "evse_uid": "E1", "connector_id": "1", "token_uid": "CARD-1", "vehicle_id": VID,
    "tariff_id": "T1", "session_id": "S1", "cdr_id": "C1", "command": "START_SESSION", "uid": "42",
}  # fmt: skip
EVERY = [pytest.param(row, id=f"{row.role} {row.method} {row.path}") for row in ROUTES]


def path_of(row: Route) -> str:
    """A path that meets the row."""
    parts = []
    for part in row.path.split("/"):
        name, _, word = part[1:-1].partition("=")
        value: Any = VALUES[name] if part.startswith("{") else part
        parts.append(word or (value[row.role] if isinstance(value, dict) else value))
    return "/".join(parts)


def body_of(row: Route) -> Any:
    if row.takes is None:
        return None
    whole = SAMPLES[row.takes]
    return {"last_updated": whole["last_updated"]} if row.form is Form.PART else whole


def lowered(row: Route, body: Any) -> Any:
    """The body as 2.2.1 has it."""
    text = json.dumps(body).replace("before_taxes", "excl_vat")
    return None if body is None else json.loads(text)


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# ── every row ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("row", EVERY)
def test_every_row_is_answered_by_its_handler_on_each_of_its_versions_with_and_without_a_slash(row: Route) -> None:
    async def story() -> None:
        serving = Serving(row.role)
        for version in row.versions:
            for slash in ("", "/"):
                body = body_of(row) if version == V230 else lowered(row, body_of(row))
                said = await serving.ask(row.method, path_of(row) + slash, body, version=version)
                assert (said.code, said.status) == (1000, 201 if row.handler == "post_cdr" else 200)
                name, call = serving.handlers.calls[-1]
                assert (name, call.version) == (row.handler, version)
                assert set(call.params) == set(row.names)
                assert (call.page is not None) == (row.form is Form.LIST)
                assert ("data" in said.body) == (row.gives is not None)
                if row.takes is not None and row.form is not Form.PART:
                    assert isinstance(call.body, row.takes)

    run(story())


@pytest.mark.parametrize("row", EVERY)
def test_another_method_is_405_and_says_which_there_are(row: Route) -> None:
    async def story() -> None:
        serving = Serving(row.role)
        here = {each.method for each in ROUTES if each.role is row.role and path_of(each) == path_of(row)}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} - here:
            said = await serving.ask(method, path_of(row), body_of(row))
            assert (said.status, said.code, said.headers["allow"]) == (405, 2000, ", ".join(sorted(here)))
        assert serving.handlers.calls == []

    run(story())


@pytest.mark.parametrize("row", [each for each in EVERY if each.values[0].takes])  # type: ignore[union-attr]
def test_a_body_that_is_no_json_is_400_and_one_that_is_wrong_2001(row: Route) -> None:
    async def story() -> None:
        serving = Serving(row.role)
        for broken in (b"{", b"\xff", b'{"a":1,"a":2}', b'{"a":NaN}', b"[" * 100 + b"]" * 100):
            said = await serving.ask(row.method, path_of(row), broken)
            assert (said.status, said.code) == (400, 2001)
        wrongs: list[Any] = [[], "text", 5, {}]
        for wrong in wrongs:
            said = await serving.ask(row.method, path_of(row), wrong)
            assert (said.status, said.code) == (200, 2001)
        assert serving.handlers.calls == []
        assert (await serving.ask(row.method, path_of(row), body_of(row))).code == 1000

    run(story())


@pytest.mark.parametrize("row", EVERY)
def test_without_a_token_that_counts_everything_is_401_and_never_403(row: Route) -> None:
    async def story() -> None:
        serving = Serving(row.role)
        for token in (None, "", "wrong", TOKEN_A, TOKEN + "x"):
            said = await serving.ask(row.method, path_of(row), body_of(row), token=token)
            assert (said.status, said.code, said.headers["www-authenticate"]) == (401, 2000, "Token")
            assert not [name for name in said.headers if name.startswith("ocpi-")]
        assert serving.handlers.calls == []

    run(story())


# ── tokens ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "value", [f"Token {TOKEN}", f"Token {in_base64(TOKEN)}", f"token {in_base64(f'{TOKEN}{chr(10)}')}"]
)
def test_a_token_is_understood_plain_in_base64_and_with_a_newline_in_it(value: str) -> None:
    async def story() -> None:
        assert (await Serving().ask("GET", "tokens", authorization=value)).code == 1000

    run(story())


def test_a_registration_token_opens_versions_and_credentials_and_nothing_else() -> None:
    async def story() -> None:
        serving = Serving()
        for url in ("/ocpi/versions", "/ocpi/2.3.0", "/ocpi/2.2.1/", "/ocpi/2.3.0/credentials"):
            assert (await serving.get("GET", url, token=TOKEN_A)).status == 200
        for url in ("/ocpi/2.3.0/tokens", "/ocpi/2.3.0/nothing", "/ocpi/2.3.0/oprf/sign"):
            assert (await serving.get("GET", url, token=TOKEN_A)).status == 401

    run(story())


# ── addresses ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [
        "/ocpi/2.3.0/nothing", "/ocpi/2.1.1", "/ocpi/2.1.1/tokens", "/ocpi/versions/2.3.0", "/elsewhere", "/ocpi",
        "/ocpi/2.3.0/tokens/a/b/c/d/e", "/ocpi/2.3.0//tokens", "/ocpi/2.3.0/sessions/DE/CPO/",
        "/ocpi/2.3.0/sessions/DE//S1", "/ocpi/2.3.0/cdrs/%ff", "/", "/ocpi/2.3.0/commands/START_SESSION",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_404_in_an_envelope(url: str) -> None:
    async def story() -> None:
        said = await Serving().get("GET", url)
        assert (said.status, said.code) == (404, 2000)

    run(story())


def test_parts_of_a_path_arrive_decoded() -> None:
    async def story() -> None:
        serving = Serving()
        assert (await serving.ask("GET", "cdrs/a%2Fb%20%C3%A4")).code == 1000
        assert serving.call.params == {"cdr_id": "a/b ä"}

    run(story())


def test_a_service_may_stand_below_a_path_of_its_own() -> None:
    async def story() -> None:
        from evouch.ocpi.http import Request
        from evouch.ocpi.server import OcpiServer

        at = Serving()
        server: Any = OcpiServer(
            Role.EMSP, at.handlers, at.partners, at.clock, at.entropy, base_url="https://x.test/a/b/"
        )  # fmt: skip
        headers = {"authorization": f"Token {TOKEN}"}
        answer = await server.handle(Request(method="GET", url="/a/b/ocpi/versions", headers=headers))
        assert json.loads(answer.body)["data"][0]["url"] == "https://x.test/a/b/ocpi/2.3.0"
        assert (await server.handle(Request(method="GET", url="/ocpi/versions", headers=headers))).status == 404

    run(story())


# ── versions and what is said of vehicles ───────────────────────────────────────────────


@proves("R32", "A12", "A13")
@pytest.mark.parametrize("version", VERSIONS)
def test_version_details_list_vehicles_and_the_oracle_with_their_interfaces(version: str) -> None:
    async def story() -> None:
        operator, emsp = {("vehicles", "RECEIVER")}, {("vehicles", "SENDER"), ("oprf", "SENDER")}
        for role, expected in ((Role.CPO, operator), (Role.EMSP, emsp)):
            serving = Serving(role)
            said = await serving.get("GET", f"/ocpi/{version}")
            assert said.data["version"] == version
            ends = {(each["identifier"], each["role"]): each["url"] for each in said.data["endpoints"]}
            assert expected == {each for each in ends if each[0] in {"vehicles", "oprf"}}
            assert all(url == f"{serving.base}/ocpi/{version}/{name}" for (name, _), url in ends.items())
            assert len(ends) == len(said.data["endpoints"])
            assert {name for name, _ in ends} == {row.module for row in rows(role, version)}

    run(story())


@proves("R32", "A12")
def test_an_operator_may_tell_some_partners_only_of_vehicles_and_to_the_others_they_are_not_there() -> None:
    async def story() -> None:
        for partners, told in ((frozenset[str](), False), (frozenset({"partner"}), True)):
            serving = Serving(terms=ServerTerms(vehicles_for=partners))
            said = await serving.get("GET", "/ocpi/2.3.0")
            assert told == ("vehicles" in {each["identifier"] for each in said.data["endpoints"]})
            for path in ("vehicles", "oprf/sign"):
                said = await serving.ask("POST", path, SAMPLES[m.RegisterVehicle] | SAMPLES[m.SignRequest])
                assert (said.status == 404) == (not told)

    run(story())


@proves("A12", "S10")
@pytest.mark.parametrize("path", ["oprf/sign", "vehicles/oprf/sign"])
def test_the_oracle_answers_at_its_own_address_and_below_vehicles(path: str) -> None:
    async def story() -> None:
        serving = Serving()
        said = await serving.ask("POST", path, {"blinded_element": "02AB"})
        assert said.data == {"evaluated_element": "03" + "22" * 32}
        assert serving.call.body.blinded_element == "02AB"

    run(story())


@proves("A11")
def test_a_bad_element_is_2001_and_too_many_are_429_with_the_time_to_wait() -> None:
    async def story() -> None:
        serving = Serving()
        serving.handlers.answers["sign"] = PeerFault("invalidElement", "not on the curve")
        said = await serving.ask("POST", "oprf/sign", SAMPLES[m.SignRequest])
        assert (said.status, said.code, said.body["status_message"]) == (200, 2001, "not on the curve")
        assert (await serving.ask("POST", "oprf/sign", b"{")).status == 400
        serving.handlers.answers["sign"] = OcpiRefusal(2900, "too often", http=429, headers={"retry-after": "7"})
        said = await serving.ask("POST", "oprf/sign", SAMPLES[m.SignRequest])
        assert (said.status, said.code, said.headers["retry-after"]) == (429, 2900, "7")
        assert "data" not in said.body

        strict = Serving(quirks=Quirks(limited_with_200=True), handlers=serving.handlers)
        said = await strict.ask("POST", "oprf/sign", SAMPLES[m.SignRequest])
        assert (said.status, said.code, said.headers["retry-after"]) == (200, 2900, "7")

    run(story())


@proves("S5")
def test_an_operator_takes_vehicles_by_put_and_nothing_else() -> None:
    async def story() -> None:
        serving = Serving(Role.CPO)
        for method in ("GET", "POST", "PATCH", "DELETE"):
            said = await serving.ask(method, f"vehicles/{VID}", SAMPLES[m.VehicleObject])
            assert (said.status, said.headers["allow"]) == (405, "PUT")
        assert (await serving.ask("PUT", f"vehicles/{VID}", SAMPLES[m.VehicleObject])).code == 1000

    run(story())


@proves("S6")
def test_an_emsp_lists_registers_is_told_of_conflicts_and_signs_and_nothing_else() -> None:
    async def story() -> None:
        serving = Serving()
        for method in ("PUT", "PATCH", "DELETE"):
            said = await serving.ask(method, "vehicles", SAMPLES[m.VehicleObject])
            assert (said.status, said.headers["allow"]) == (405, "GET, POST")
            for path in ("vehicles/conflict", "oprf/sign"):
                assert (await serving.ask(method, path, {})).headers["allow"] == "POST"
        serving.handlers.lists["vehicles"] = [sample(m.VehicleObject)]
        assert [each["vehicle_id"] for each in (await serving.ask("GET", "vehicles")).data] == [VID]

    run(story())


@proves("S8")
def test_who_registers_a_vehicle_is_answered_with_the_vehicle() -> None:
    async def story() -> None:
        serving = Serving()
        said = await serving.ask("POST", "vehicles", {"vehicle_id": VID.upper(), "token_uid": "T", "session_id": "S"})
        assert said.data == SAMPLES[m.VehicleObject] | {
            name: SAMPLES[m.VehicleObject][name].replace("Z", ".000Z")
            for name in ("date_created", "date_authorized", "last_updated")
        }
        assert (serving.call.body.vehicle_id, serving.call.body.token_uid) == (VID, "T")
        for missing in ("vehicle_id", "token_uid", "session_id"):
            body = {name: each for name, each in SAMPLES[m.RegisterVehicle].items() if name != missing}
            said = await serving.ask("POST", "vehicles", body)
            assert said.code == 2001
            assert missing in said.body["status_message"]
        assert (
            await serving.ask("POST", "vehicles", SAMPLES[m.RegisterVehicle] | {"token_uid": "x" * 37})
        ).code == 2001
        assert (await serving.ask("POST", "vehicles", SAMPLES[m.RegisterVehicle] | {"vehicle_id": "ABC"})).code == 2001

    run(story())


@proves("S9")
def test_a_notice_of_conflict_may_have_a_message_and_is_answered_with_a_text_or_nothing() -> None:
    async def story() -> None:
        serving = Serving()
        message = {"message": {"language": "en", "text": "Twice."}}
        said = await serving.ask("POST", "vehicles/conflict", SAMPLES[m.ConflictNotice] | message)
        assert (said.data, serving.call.body.message.text) == ("thank you", "Twice.")
        serving.handlers.answers["post_conflict"] = Answer()
        said = await serving.ask("POST", "vehicles/conflict", SAMPLES[m.ConflictNotice] | {"message": None})
        assert (said.code, "data" in said.body) == (1000, False)
        assert (await serving.ask("POST", "vehicles/conflict", {"vehicle_id": VID})).code == 2001

    run(story())


@proves("A18")
def test_a_vehicle_is_put_by_its_id_alone_or_below_its_party_and_only_by_who_owns_it() -> None:
    async def story() -> None:
        serving = Serving(Role.CPO)
        vehicle = SAMPLES[m.VehicleObject]
        for path in (f"vehicles/{VID}", f"vehicles/{VID.upper()}", f"vehicles/FR/EMS/{VID}", f"vehicles/fr/ems/{VID}"):
            said = await serving.ask("PUT", path, vehicle)
            assert (said.status, said.code, "data" in said.body) == (200, 1000, False)
        serving.handlers.answers["put_vehicle"] = Answer(http=201)
        assert (await serving.ask("PUT", f"vehicles/{VID}", vehicle)).status == 201
        reached = len(serving.handlers.calls)

        other = "6b" * 32
        for path in (f"vehicles/{other}", f"vehicles/FR/EMS/{other}"):
            said = await serving.ask("PUT", path, vehicle)
            assert (said.status, said.code) == (200, 2001)
        assert (await serving.ask("PUT", f"vehicles/{VID}", vehicle | {"party_id": "XXX"})).code == 2001
        assert (await serving.ask("PUT", f"vehicles/FR/XXX/{VID}", vehicle | {"party_id": "XXX"})).status == 404
        assert (await serving.ask("PUT", f"vehicles/FR/EMS/{VID}", vehicle | {"party_id": "XXX"})).code == 2001
        assert len(serving.handlers.calls) == reached

    run(story())


@proves("R33", "A8")
def test_a_vehicle_is_authorised_by_its_whole_id_and_its_type_in_either_spelling() -> None:
    async def story() -> None:
        serving = Serving()
        for name in ("type", "token_type"):
            said = await serving.ask("POST", f"tokens/{VID}/authorize?{name}={m.VEHICLE_TOKEN}", {"location_id": "L1"})
            assert said.code == 1000
            assert (serving.call.params["token_uid"], serving.call.query["type"]) == (VID, m.VEHICLE_TOKEN)
        said = await serving.ask("POST", f"tokens/{VID}/authorize", {"location_id": "L1"})
        assert (said.status, said.code) == (200, 2001)
        assert (await serving.ask("POST", f"tokens/{VID}0/authorize?type={m.VEHICLE_TOKEN}")).code == 2001
        assert (await serving.ask("POST", f"tokens/{'x' * 36}/authorize")).code == 1000
        assert (serving.call.query["type"], serving.call.body) == ("RFID", None)

    run(story())


def test_an_unknown_token_is_404_with_2004_and_no_data() -> None:
    async def story() -> None:
        serving = Serving()
        serving.handlers.answers["authorize"] = OcpiRefusal(2004, "Unknown token", http=404)
        said = await serving.ask("POST", "tokens/X/authorize")
        assert (said.status, said.code, "data" in said.body) == (404, 2004, False)

    run(story())


# ── a request and itself ────────────────────────────────────────────────────────────────


def test_what_the_address_says_of_an_object_the_body_says_too_whatever_the_case() -> None:
    async def story() -> None:
        serving = Serving()
        session = SAMPLES[m.Session]
        assert (await serving.ask("PUT", "sessions/de/cpo/s1", session)).code == 1000
        for path in ("sessions/DE/CPO/S2",):
            assert (await serving.ask("PUT", path, session)).code == 2001
        assert (await serving.ask("PUT", "sessions/DE/CPO/S1", session | {"party_id": "XXX"})).code == 2001
        assert (await serving.ask("PUT", "sessions/NL/XXX/S1", session)).status == 404
        assert (await serving.ask("PATCH", "sessions/DE/CPO/S1", {"id": "S2", "last_updated": "x"})).code == 2001
        assert (await serving.ask("PATCH", "sessions/DE/CPO/S1", {"kwh": 2})).code == 2001
        assert (await serving.ask("POST", "cdrs", SAMPLES[m.Cdr] | {"party_id": "XXX"})).code == 2001
        assert (await serving.ask("GET", "cdrs/" + "x" * 40)).code == 2001

    run(story())


def test_a_command_brings_a_token_of_its_sender() -> None:
    async def story() -> None:
        serving = Serving(Role.CPO)
        foreign = SAMPLES[m.Token] | {"party_id": "XXX"}
        said = await serving.ask("POST", "commands/START_SESSION", SAMPLES[m.StartSession] | {"token": foreign})
        assert (said.status, said.code) == (200, 2001)
        assert serving.handlers.calls == []

    run(story())


def test_a_token_that_is_put_without_a_type_in_the_address_has_that_of_its_body() -> None:
    async def story() -> None:
        serving = Serving(Role.CPO)
        token = SAMPLES[m.Token] | {"type": "APP_USER"}
        assert (await serving.ask("PUT", "tokens/FR/EMS/CARD-1", token)).code == 1000
        assert serving.call.query["type"] == "APP_USER"
        assert (await serving.ask("PUT", "tokens/FR/EMS/CARD-1?type=RFID", token)).code == 2001

    run(story())


@pytest.mark.parametrize(
    "query",
    [
        "limit=x", "limit=0", "limit=-1", "offset=1.5", "date_from=yesterday", "date_to=2024-13-01", "offset=%ff",
        "limit=1&limit=2", "date_from=0001-01-01T00:00:00%2B01:00",
    ],
)  # fmt: skip
def test_a_parameter_that_is_none_is_2001(query: str) -> None:
    async def story() -> None:
        serving = Serving()
        said = await serving.ask("GET", f"tokens?{query}")
        assert (said.status, said.code) == (200, 2001)
        assert serving.handlers.calls == []

    run(story())


# ── commands that a version does not have ───────────────────────────────────────────────


def test_the_notices_of_web_payment_are_for_2_3_0_and_for_who_agreed_on_them() -> None:
    async def story() -> None:
        for quirks, status in ((Quirks(), 404), (Quirks(web_payment_on_221=True), 200)):
            serving = Serving(Role.CPO, quirks=quirks)
            for name in ("NOTIFY_WEB_PAYMENT_STARTED", "NOTIFY_WEB_PAYMENT_FAILED"):
                body = SAMPLES[m.WebPaymentNotice]
                assert (await serving.ask("POST", f"commands/{name}", body, version=V221)).status == status
                assert (await serving.ask("POST", f"commands/{name}", body)).status == 200
                assert serving.call.params == {"command": name}
                assert serving.call.body.custom_data == {"a": None}

    run(story())


# ── what partners are told ──────────────────────────────────────────────────────────────


@proves("R34")
def test_a_partner_without_vehicles_never_sees_the_type_of_their_tokens() -> None:
    async def story() -> None:
        vehicle = SAMPLES[m.Session]["cdr_token"] | {"uid": VID, "type": m.VEHICLE_TOKEN}
        handlers = Serving(Role.CPO).handlers
        handlers.lists["sessions"] = [sample(m.Session, cdr_token=vehicle), sample(m.Session, id="S2")]
        handlers.lists["cdrs"] = [sample(m.Cdr, cdr_token=vehicle)]
        for modules, sessions, cdrs in ((("vehicles",), ["S1", "S2"], ["C1"]), ((), ["S2"], [])):
            serving = Serving(Role.CPO, modules=modules, handlers=handlers)
            assert [each["id"] for each in (await serving.ask("GET", "sessions")).data] == sessions
            assert [each["id"] for each in (await serving.ask("GET", "cdrs")).data] == cdrs

    run(story())


@proves("A21")
@pytest.mark.parametrize(
    ("show", "modules", "version", "quirks", "shown"),
    [
        ("partners", ("vehicles",), V221, Quirks(), True),
        ("partners", (), V221, Quirks(), False),
        ("partners", (), V230, Quirks(), True),
        ("partners", (), V221, Quirks(always_capable=True), True),
        ("always", (), V221, Quirks(), True),
        ("never", ("vehicles",), V230, Quirks(always_capable=True), False),
    ],
)
def test_the_capability_is_shown_to_those_who_can_read_it(
    show: Any, modules: tuple[str, ...], version: str, quirks: Quirks, shown: bool
) -> None:
    async def story() -> None:
        from evouch.ocpi.discretion import Show

        serving = Serving(Role.CPO, ServerTerms(capability=Show(show)), modules, quirks)
        serving.handlers.lists["locations"] = [sample(m.Location)]
        (location,) = (await serving.ask("GET", "locations", version=version)).data
        evse = (await serving.ask("GET", "locations/L1/E1", version=version)).data
        for each in (location["evses"][0], evse):
            assert (m.AUTO_CHARGE_CAPABLE in each["capabilities"]) == shown
            assert "RFID_READER" in each["capabilities"]

    run(story())


# ── headers ─────────────────────────────────────────────────────────────────────────────


def test_ids_of_a_request_are_repeated_and_made_where_there_are_none_that_could_be() -> None:
    async def story() -> None:
        serving = Serving()
        said = await serving.ask("GET", "tokens", x_request_id="r-1", x_correlation_id="c-1")
        assert (said.headers["x-request-id"], said.headers["x-correlation-id"]) == ("r-1", "c-1")
        assert (serving.call.request_id, serving.call.correlation_id) == ("r-1", "c-1")
        for bad in ("", "with space", "ä", "x" * 129, "a\r\nb: c"):
            said = await serving.ask("GET", "tokens", x_request_id=bad)
            assert said.headers["x-request-id"] not in {bad, ""}
        said = await serving.ask("GET", "nothing", x_request_id="r-2", token=None)
        assert (said.status, said.headers["x-request-id"]) == (401, "r-2")

    run(story())


def routed(said: Any) -> dict[str, str]:
    return {name[5:]: text for name, text in said.headers.items() if name.startswith("ocpi-")}


def test_answers_go_back_to_who_asked_and_only_those_of_functional_modules_say_so() -> None:
    async def story() -> None:
        serving = Serving()
        usual = {"from-country-code": "FR", "from-party-id": "EMS", "to-country-code": "DE", "to-party-id": "CPO"}
        there = {"ocpi_to_country_code": "FR", "ocpi_to_party_id": "EMX"}
        back = {"ocpi_from_country_code": "de", "ocpi_from_party_id": "cpo"}
        assert routed(await serving.ask("GET", "tokens")) == usual
        assert routed(await serving.ask("GET", "tokens", **there, **back)) == usual | {"from-party-id": "EMX"}
        assert (serving.call.to_party, serving.call.from_party) == (PartyId("FR", "EMX"), PartyId("DE", "CPO"))
        assert routed(await serving.ask("GET", "tokens?limit=x", **there)) == usual | {"from-party-id": "EMX"}
        for url in ("/ocpi/versions", "/ocpi/2.3.0", "/ocpi/2.3.0/credentials", "/ocpi/2.3.0/nothing"):
            assert routed(await serving.get("GET", url, **there, **back)) == {}
        await serving.ask("GET", "tokens", ocpi_from_country_code="??", ocpi_from_party_id="CPO")
        assert serving.call.from_party is None
        await serving.ask("GET", "tokens", ocpi_from_country_code="NL", ocpi_from_party_id="XXX")
        assert serving.call.from_party is None

    run(story())


# ── handlers that fail ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("error", [LocalError("secret"), ValueError("secret"), TimedOut("secret"), KeyError("secret")])
def test_our_own_mistakes_are_500_with_3000_and_say_nothing(error: Exception, capsys: Any) -> None:
    async def story() -> None:
        serving = Serving()
        serving.handlers.answers["sign"] = error
        said = await serving.ask("POST", "oprf/sign", SAMPLES[m.SignRequest])
        assert (said.status, said.code) == (500, 3000)
        assert "secret" not in json.dumps(said.body)
        assert (await serving.ask("GET", "tokens")).code == 1000

    run(story())
    assert "secret" not in (printed := capsys.readouterr().out)
    assert type(error).__name__ in printed


@pytest.mark.parametrize(
    ("error", "code"), [(Refused("notNow"), 2000), (PeerFault("3002", "old"), 3002), (PeerFault("9999"), 2001)]
)
def test_what_a_rule_refuses_is_said_with_its_code(error: Exception, code: int) -> None:
    async def story() -> None:
        serving = Serving()
        serving.handlers.answers["post_vehicle"] = error
        said = await serving.ask("POST", "vehicles", SAMPLES[m.RegisterVehicle])
        assert (said.status, said.code) == (200, code)

    run(story())


def test_a_body_above_the_bound_is_400_and_one_below_it_is_read() -> None:
    async def story() -> None:
        serving = Serving()
        body = json.dumps(SAMPLES[m.SignRequest]).encode()
        assert (await serving.ask("POST", "oprf/sign", body + b" " * (MAX_BODY - len(body)))).code == 1000
        said = await serving.ask("POST", "oprf/sign", body + b" " * (MAX_BODY - len(body) + 1))
        assert (said.status, said.code) == (400, 2001)

    run(story())


# ── credentials ─────────────────────────────────────────────────────────────────────────


def test_credentials_are_405_where_the_registration_is_elsewhere_and_say_what_may_be_asked() -> None:
    async def story() -> None:
        serving = Serving(Role.CPO)
        said = await serving.ask("GET", "credentials")
        assert (said.code, said.data["roles"][0]["party_id"]) == (1000, "CPO")
        said = await serving.ask("POST", "credentials", SAMPLES[m.Credentials])
        assert said.status == 405
        assert "PUT" in said.headers["allow"]
        for method in ("PUT", "DELETE"):
            said = await serving.ask(method, "credentials", SAMPLES[m.Credentials], token=TOKEN_A)
            assert said.status == 405
            assert "POST" in said.headers["allow"]
        assert (await serving.ask("PATCH", "credentials", {})).headers["allow"] == "DELETE, GET, POST, PUT"
        assert (await serving.ask("POST", "credentials", {}, token=TOKEN_A)).code == 2001
        assert (await serving.ask("POST", "credentials", b"", token=TOKEN_A)).status == 400

    run(story())
