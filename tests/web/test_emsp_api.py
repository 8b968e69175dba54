"""The eMSP's API: strictly read, refused in one shape, always audited; and behaving as its document says."""

import asyncio
import json
import re
from datetime import date
from pathlib import Path
from typing import Any, Self

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.core.transport import Response
from typer.testing import CliRunner

from evouch.autocharge.budget import SignDay
from evouch.cli import emsp_key
from evouch.errors import EvouchError
from evouch.web import api_emsp  # noqa: F401 - the table is whole
from evouch.web.api_emsp_routes import EMSP
from evouch.web.api_emsp_shapes import sign_day
from evouch.web.api_openapi import document
from tests.emsp.world import ADA, BOB, OTHER_VID, VID
from tests.web.emsp import HOME, House, opened, play
from tests.web.test_api_schema import whole

API = "/api/v1"
WHY = {"reason": "because"}
ADA_PUT = {"name": "Ada", "contract": ADA}
#: Method, path, body → status and the reason of a refusal, asked in this order of one eMSP with Ada and her vehicle.
TABLE: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/drivers", None, 200, ""),
    ("GET", "/drivers/ada", None, 200, ""),
    ("GET", "/drivers/nobody", None, 404, "noSuchDriver"),
    ("PUT", "/drivers/ada", ADA_PUT | {"cars": [{"make": "Tesla", "model": "Model 3"}]}, 200, ""),
    ("PUT", "/drivers/ada", ADA_PUT | {"contract": BOB}, 409, "contractTaken"),
    ("PUT", "/drivers/bob", ADA_PUT, 409, "contractTaken"),
    ("PUT", "/drivers/b%20b", {"name": "Bob", "contract": BOB}, 422, "badDriver"),
    ("PUT", "/drivers/bob", {"name": "Bob", "contract": BOB, "valid_until": "tomorrow"}, 422, "badTime"),
    ("PUT", "/drivers/bob", {"name": "Bob", "contract": BOB, "credit": {"amount": "1.50", "currency": "EUR"}}, 200, ""),
    ("PUT", "/drivers/bob", {"name": " ", "contract": BOB}, 400, "malformed"),
    ("PUT", "/drivers/bob", {"name": "Bob"}, 400, "malformed"),
    ("GET", "/drivers/bob/export", None, 200, ""),
    ("GET", "/drivers/nobody/export", None, 404, "noSuchDriver"),
    ("POST", "/drivers/nobody/phone-link", None, 404, "noSuchDriver"),
    ("GET", "/tokens", None, 200, ""),
    ("GET", "/tokens?driver=ada", None, 200, ""),
    ("POST", "/tokens", {"uid": "04A2", "driver": "bob"}, 200, ""),
    ("POST", "/tokens", {"uid": "04A2", "driver": "ada"}, 409, "tokenTaken"),
    ("POST", "/tokens", {"uid": "04A2", "driver": "nobody"}, 404, "noSuchDriver"),
    ("POST", "/tokens", {"uid": " 04A2", "driver": "bob"}, 400, "malformed"),
    ("POST", "/tokens/block", {"uid": "04a2"}, 200, ""),
    ("POST", "/tokens/unblock", {"uid": "04A2"}, 200, ""),
    ("POST", "/tokens/block", {"uid": "nobody"}, 404, "noSuchToken"),
    ("POST", "/tokens/unblock", {"uid": "nobody"}, 404, "noSuchToken"),
    ("GET", "/vehicles?limit=1&offset=0", None, 200, ""),
    ("GET", "/vehicles?limit=0", None, 400, "badQuery"),
    ("GET", f"/vehicles/{VID}", None, 200, ""),
    ("GET", f"/vehicles/{OTHER_VID}", None, 404, "noSuchVehicle"),
    ("GET", "/vehicles/x", None, 422, "badVid"),
    ("GET", f"/vehicles/{VID}/export", None, 200, ""),
    ("POST", f"/vehicles/{VID}/revoke", {"reason": " "}, 400, "malformed"),
    ("POST", f"/vehicles/{VID}/revoke", WHY, 200, ""),
    ("POST", f"/vehicles/{OTHER_VID}/revoke", WHY, 404, "noSuchVehicle"),
    ("GET", f"/decisions?vehicle={VID}", None, 200, ""),
    ("GET", "/decisions?vehicle=x", None, 400, "badQuery"),
    ("GET", "/notices", None, 200, ""),
    ("GET", "/sessions?driver=ada&active=true", None, 200, ""),
    ("GET", "/invoices?driver=ada", None, 200, ""),
    ("GET", "/sign-days?days=7", None, 200, ""),
    ("GET", "/sign-days?days=401", None, 400, "badQuery"),
    ("GET", "/sign-budgets", None, 200, ""),
    ("PUT", "/partners/alfa/sign-right", {"allowed": False, "reason": "odd"}, 204, ""),
    ("PUT", "/partners/alfa/sign-right", {"allowed": True, "reason": "fine"}, 204, ""),
    ("PUT", "/partners/nobody/sign-right", {"allowed": True, "reason": "fine"}, 404, "unknownPartner"),
    ("GET", "/partners", None, 200, ""),
    ("GET", "/partners/alfa", None, 200, ""),
    ("GET", "/alarms", None, 200, ""),
    ("GET", "/keys", None, 200, ""),
    ("POST", "/keys", {"reason": "leak", "grace": 60}, 200, ""),
    ("POST", "/keys", {"reason": "leak", "grace": 1.0}, 400, "malformed"),
    ("POST", "/keys", {}, 400, "malformed"),
    ("POST", "/keys/export", None, 404, "notFound"),
    ("GET", "/audit", None, 200, ""),
    ("GET", "/security-events", None, 200, ""),
    ("POST", "/drivers/bob/erase", {}, 400, "malformed"),
    ("POST", "/drivers/bob/erase", WHY, 204, ""),
    ("POST", "/drivers/bob/erase", WHY, 404, "noSuchDriver"),
    ("DELETE", "/drivers", None, 405, "wrongMethod"),
    ("GET", "/drivers?colour=red", None, 400, "badQuery"),
    ("GET", "/nowhere", None, 404, "notFound"),
]  # fmt: skip


def test_every_operation_answers_and_refuses_by_name() -> None:
    async def story(house: House) -> None:
        await house.world.bound()
        program = await house.program()
        key = house.world.emsp.keys.current.key.text()
        for method, path, body, status, reason in TABLE:
            answer = await program.request(method, API + path, json=body) if body is not None else (
                await program.request(method, API + path)
            )  # fmt: skip
            said = answer.json() if answer.content else {}
            assert (status, reason) == (answer.status_code, said.get("error", {}).get("code", "")), (path, said)
            assert key not in answer.text

    play(story)


def test_the_table_above_asks_every_operation_that_is_not_the_partners() -> None:
    asked = {(method, path.partition("?")[0]) for method, path, *_ in TABLE}

    def known(method: str, path: str) -> bool:
        form = re.compile(re.sub(r"{\w+}", "[^/]+", path) + r"\Z")
        return any(each == method and form.match(there) for each, there in asked)

    missing = {(row.method, row.path) for row in EMSP.rows if not known(row.method, row.path)}
    assert {row for row in missing if not row[1].startswith("/partners/")} == set()


def test_without_a_good_token_there_is_one_answer() -> None:
    async def story(house: House) -> None:
        await house.world.driver()
        for row in EMSP.rows:
            path = re.sub(r"{\w+}", "ada", row.path)
            answer = await house.client().request(row.method, API + path, headers={"Authorization": "Bearer x"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized"), path
        phone = await house.phone()
        assert (await phone.get(f"{API}/drivers")).status_code == 401

    play(story)


def test_the_key_is_taken_out_into_a_file_and_brought_back_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(house: House) -> None:
        program, loop = await house.program(), asyncio.get_running_loop()
        keys = house.world.emsp.keys
        first = keys.current

        class Api:
            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None: ...

            def ask(self, method: str, *path: str, body: Any = None) -> Any:
                asking = program.request(method, f"{API}/{'/'.join(path)}", json=body)
                answer = asyncio.run_coroutine_threadsafe(asking, loop).result(10)
                if answer.status_code != 200:
                    raise EvouchError(answer.json()["error"]["code"])
                assert answer.headers["cache-control"] == "no-store"
                return answer.json()

        monkeypatch.setattr(emsp_key, "_api", lambda *_: Api())

        async def said(*words: str) -> Any:
            return await asyncio.to_thread(CliRunner().invoke, emsp_key.app, [*words, "--json"])

        await house.world.emsp.desk.rotate_key(actor="ann", reason="every year")
        listed = json.loads((await said("list")).output)["keys"]
        assert [each["retired_at"] is None for each in listed] == [True, False]
        rotated = json.loads((await said("rotate", "--reason", "every year", "--grace", "60")).output)
        assert (rotated["id"], 2) == (keys.current.id, len({rotated["id"], first.id}))
        assert (await said("rotate")).exit_code == 2  # a reason there has to be
        assert first.key.text() not in str(await house.world.emsp.desk.audit())

    play(story)


def test_a_phone_link_opens_a_phone_and_changes_leave_rows() -> None:
    async def story(house: House) -> None:
        await house.world.driver()
        program = await house.program()
        link = (await program.post(f"{API}/drivers/ada/phone-link")).json()["link"]
        assert link.startswith(f"{HOME}/me/enter#drv_")
        assert (await opened(house.client(), link)).headers["Location"] == "/me"
        await program.put(f"{API}/drivers/ada", json=ADA_PUT | {"blocked": True})
        rows = (await program.get(f"{API}/audit?limit=2")).json()["audit"]
        assert [(row["actor"], row["action"], row["subject"]) for row in rows] == [
            ("octt", "change driver", "ada"),
            ("octt", "issue phone token", "ada"),
        ]
        assert link.rpartition("#")[2] not in str(rows)

    play(story)


DOCUMENT = {name: part for name, part in json.loads(document(HOME, EMSP)).items() if name != "security"}
ANSWERS = {"checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "422"]}}}
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT, config=schemathesis.Config.from_dict(ANSWERS))
#: What goes to partners is the matter of their own tests.
OPERATIONS: list[Any] = [
    found
    for each in SCHEMA.get_all_operations()
    if not (found := each.ok()).path.startswith(f"{API}/partners/") or found.path.endswith("sign-right")  # type: ignore[union-attr]
]
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
EXAMPLES = 2


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
def test_the_api_behaves_as_its_document_says(mode: schemathesis.GenerationMode) -> None:
    async def story(house: House) -> None:
        client = await house.program()
        loop = asyncio.get_running_loop()

        async def send(request: requests.PreparedRequest) -> Response:
            body = request.body.encode() if isinstance(request.body, str) else request.body or b""
            sent: Any = {"headers": dict(request.headers), "content": body}
            answer = await client.request(str(request.method), str(request.url), **sent)
            headers = {name: answer.headers.get_list(name) for name in answer.headers}
            return Response(answer.status_code, headers, answer.content, request, elapsed=0.0, verify=True)

        def ask(operation: Any) -> None:
            @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
            @given(case=operation.as_strategy(generation_mode=mode))
            def asked(case: Case[Any]) -> None:
                case.body = whole(case.body)
                request = requests.Request(**case.as_transport_kwargs(base_url=HOME)).prepare()
                case.validate_response(asyncio.run_coroutine_threadsafe(send(request), loop).result(10))

            asked()

        for each in OPERATIONS:
            if mode is MODES[0] or each.body or each.query or each.path_parameters:
                await asyncio.to_thread(ask, each)

    play(story)


def test_what_got_a_signature_what_was_invalid_and_what_was_refused_are_told_apart() -> None:
    day = sign_day(SignDay(partner="alfa", day=date(2026, 3, 20), signed=5, invalid=2, refused=1, followed=3))
    assert (3, 2, 1, 3) == (day.signed, day.invalid, day.refused, day.followed)
