"""Both roles against their own documents: what the server says of itself is how it behaves, for anything sent."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.core.transport import Response

from evouch.clock import Tick
from evouch.ids import Secret
from evouch.ocpi import openapi
from evouch.ocpi.authorization import header
from evouch.ocpi.http import Request
from evouch.ocpi.partner import V221, V230, Role
from tests.ocpi.serving import PARTIES, TOKEN, VERSIONS, VID, Serving

#: OCPI answers most of what is wrong with HTTP 200 and a status code of its own, and 404 to objects of others.
POLICY = {
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["2xx", "404", "405"]},
        "negative_data_rejection": {"expected-statuses": ["2xx", "4xx"]},
    }
}
POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
#: Inputs per operation, of each kind.
EXAMPLES = 2
ROOTS = {role: f"https://{role.lower()}.test/ocpi" for role in Role}


def operations(role: Role, version: str) -> list[Any]:
    """What can be asked, without the token, which other tests are about."""
    document = json.loads(openapi.document(role, version, ROOTS[role]))
    del document["security"]
    schema = schemathesis.openapi.from_dict(document, config=schemathesis.Config.from_dict(POLICY))
    found = [each.ok() for each in schema.get_all_operations()]  # type: ignore[union-attr]
    return [each for each in found if "credentials" not in each.path or each.method == "get"]


#: Deep objects take the generator seconds to get wrong; test_codec gets each of their members wrong itself.
DEEP = {"sessions", "cdrs", "tariffs", "locations", "START_SESSION", "RESERVE_NOW"}


def kinds() -> Iterator[tuple[Role, Any, schemathesis.GenerationMode]]:
    """Every operation with what its document allows, most with what it does not, and what differs on 2.2.1."""
    for role in Role:
        for each in operations(role, V230):
            yield role, each, POSITIVE
            shallow = not each.body or not DEEP & set(each.path.split("/"))
            if shallow and (each.query or each.path_parameters or each.body):
                yield role, each, NEGATIVE
        for each in operations(role, V221):
            if {"sessions", "tariffs"} & set(each.path.split("/")):
                yield role, each, POSITIVE


KINDS = list(kinds())


def near(value: Any) -> Any:
    """What JSON Schema does not know: no quantity is as large or small as 1e99."""
    if isinstance(value, dict):
        return {name: near(each) for name, each in value.items()}
    if isinstance(value, list):
        return [near(each) for each in value]
    number = isinstance(value, float | int) and not isinstance(value, bool)
    return 0 if number and not 1e-15 < abs(value) < 1e15 else value


def agreed(case: Case[Any], role: Role) -> None:
    """What no schema says: the party is the sender's, and the address and the body name the same object."""
    _, theirs = PARTIES[role]
    owner = {"country_code": theirs.country, "party_id": theirs.party}
    if "party_id" in case.path_parameters:
        case.path_parameters.update(owner)
    if isinstance(case.body, dict) and case.method in {"PUT", "POST"}:
        body: dict[str, Any] = case.body
        body.update(owner if "party_id" in body else {})
        if isinstance(token := body.get("token"), dict):
            token.update(owner)
        if case.method == "PUT":
            body |= dict.fromkeys({"id", "uid", "vehicle_id"} & body.keys(), VID[:36])
            case.path_parameters[case.operation.path.rpartition("{")[2][:-1]] = VID[:36]


@pytest.mark.parametrize(
    ("role", "operation", "mode"), KINDS, ids=[f"{role} {each.label} {mode.value}" for role, each, mode in KINDS]
)
def test_a_role_behaves_as_its_document_says(role: Role, operation: Any, mode: schemathesis.GenerationMode) -> None:
    serving = Serving(role)
    authorization = header(Secret(TOKEN))
    codes: list[int] = []

    async def send(request: requests.PreparedRequest) -> Response:
        sent: Any = request.body or b""
        body = sent.encode() if isinstance(sent, str) else sent
        headers = {"authorization": authorization} | {name.lower(): str(text) for name, text in request.headers.items()}
        asked = Request(method=str(request.method), url=str(request.url), headers=headers, body=body)
        answer = await serving.web.send(asked, by=Tick(serving.clock.tick() + 10))
        document = json.loads(answer.body)
        assert answer.status < 500
        if mode is POSITIVE and answer.status < 400:
            assert document["status_code"] in {1000, 2001}
            codes.append(document["status_code"])
        named = {name: [text] for name, text in answer.headers.items()}
        return Response(answer.status, named, answer.body, request, elapsed=0.0, verify=True)

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case[Any]) -> None:
        case.body = near(case.body)
        if mode is POSITIVE:
            agreed(case, role)
        request = requests.Request(**case.as_transport_kwargs(base_url=ROOTS[role])).prepare()
        case.validate_response(asyncio.run(send(request)))

    ask()
    # what no schema says of the ids of vehicles, and of the uid of a token of another type
    assert 1000 in codes or mode is NEGATIVE or "vehicles" in operation.path


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("version", VERSIONS)
def test_the_document_is_public_and_says_so_and_money_in_it_is_a_number(role: Role, version: str) -> None:
    async def story() -> None:
        serving = Serving(role)
        said = await serving.get("GET", f"/ocpi/{version}/openapi.json", token=None)
        assert said.status == 200
        assert "without a token, on purpose" in said.body["info"]["description"]
        schemas = said.body["components"]["schemas"]
        net = "excl_vat" if version == V221 else "before_taxes"
        assert schemas["Price"]["properties"][net] == {"type": "number"}
        assert ("tax_included" in schemas["Tariff"]["properties"]) == (version == V230)
        assert '"format": "decimal"' not in json.dumps(schemas)
        assert (await serving.get("POST", f"/ocpi/{version}/openapi.json", token=None)).status == 401

    asyncio.run(story())
