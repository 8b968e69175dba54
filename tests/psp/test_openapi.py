"""The description of the API says what the API does."""

import asyncio
import json
import re
from typing import Any

import httpx2
import jsonschema_rs
import msgspec
import pytest

from evouch.psp.sandbox import api, cards, machine, openapi
from evouch.psp.sandbox.api import ERRORS, ROUTES, Question
from evouch.psp.sandbox.book import Book
from evouch.psp.sandbox.client import tls
from evouch.testing import ManualClock, SeededEntropy
from evouch.testing.clock import VECTOR_TIME as NOW
from tests.psp.merchant import service

DOCUMENT: dict[str, Any] = json.loads(openapi.document("https://pay.test"))


def check(schema: dict[str, Any], body: bytes) -> None:
    """Validate a body against a schema of the document."""
    whole = {**schema, "components": DOCUMENT["components"]}
    jsonschema_rs.Draft202012Validator(whole).validate(json.loads(body))


def described(operation: str, status: int) -> dict[str, Any]:
    methods = [each for path in DOCUMENT["paths"].values() for each in path.values()]
    found = next(each for each in methods if each["operationId"] == operation)
    schema: dict[str, Any] = found["responses"][str(status)]["content"]["application/json"]["schema"]
    return schema


def test_every_route_is_described_once() -> None:
    described_routes = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert {(route.method, route.path) for route in ROUTES} == described_routes


def test_every_reference_leads_somewhere() -> None:
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))
    assert names == set(DOCUMENT["components"]["schemas"])


def test_every_answer_of_a_whole_payment_is_as_described() -> None:
    book = Book(SeededEntropy(), merchant="M", public_url="https://pay.test")

    def ask(operation: str, hold: str, document: object, status: int) -> Any:
        question = Question(
            operation=operation, hold=hold, body=json.dumps(document).encode(), key=f"{book.new_id('k')}"
        )
        reply = api.perform(book, question, NOW)
        assert reply.status == status
        check(described(operation, status), reply.body)
        return json.loads(reply.body)

    amount = {"amount": 1000, "currency": "EUR"}
    id = ask("hold", "", amount | {"return_url": "https://cpo.test/"}, 201)["id"]
    ask("capture", id, amount, 409)
    card = cards.read({"number": "4242424242424242", "expiry": "12/30", "cvc": "123"}, NOW)
    book.change(id, lambda hold: machine.submit(hold, card, NOW, ""), NOW)
    ask("look", id, None, 200)
    ask("look", "hold_x", None, 404)
    ask("capture", id, amount | {"currency": "SEK"}, 422)
    ask("capture", id, amount | {"amount": "x"}, 400)
    ask("capture", id, amount, 200)
    ask("refund", id, amount, 201)
    ask("release", id, {}, 409)
    check(described("events", 200), api.list_events(book, "", "100").body)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_every_refusal_stands_at_its_status_with_its_code(route: api.Route) -> None:
    responses = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
    for reason in (*route.refusals, "unauthorized", "serverError"):
        status, code, _ = ERRORS[reason]
        assert f"`{code}`" in responses[str(status)]["description"]


@pytest.mark.parametrize("kind", [route.takes for route in ROUTES if route.takes])
def test_a_request_that_the_description_allows_can_be_read(kind: type[msgspec.Struct]) -> None:
    schema = DOCUMENT["components"]["schemas"][kind.__name__]
    assert schema["additionalProperties"] is False
    example: dict[str, Any] = {"amount": 1, "currency": "EUR", "return_url": "https://cpo.test/"}
    document = {name: example[name] for name in schema.get("required", [])}
    assert msgspec.convert(document, kind) is not None


def test_the_running_service_hands_out_the_description_with_its_own_address() -> None:
    async def scene() -> None:
        async with service(ManualClock()) as (provider, _), httpx2.AsyncClient(verify=tls()) as http:
            answer = await http.get(f"{provider.url}/openapi.json")
            assert (200, provider.url) == (answer.status_code, answer.json()["servers"][0]["url"])

    asyncio.run(scene())
