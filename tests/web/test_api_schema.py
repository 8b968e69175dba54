"""The operator API against its own document: what it says of itself is how it behaves, for inputs nobody thought of."""

import asyncio
import json
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case
from schemathesis.core.transport import Response

from evouch.web import api_cpo  # noqa: F401 - the table is whole
from evouch.web.api_openapi import document
from evouch.web.api_routes import CPO
from tests.web.street import HOME, Street, play

#: Tokens are the matter of test_api_cpo; here every question brings a good one.
DOCUMENT = {name: part for name, part in json.loads(document(HOME, CPO)).items() if name != "security"}
#: 422 is what a rule says that no schema can: a time that is too late, two EVSEs of one number.
ANSWERS = {"checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "404", "409", "422"]}}}
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT, config=schemathesis.Config.from_dict(ANSWERS))
OPERATIONS: list[Any] = [found.ok() for found in SCHEMA.get_all_operations()]  # type: ignore[union-attr]
POSITIVE, NEGATIVE = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
#: What can be asked wrongly at all.
TAKING = [each for each in OPERATIONS if each.body or each.query or each.path_parameters]
KINDS = [*((each, POSITIVE) for each in OPERATIONS), *((each, NEGATIVE) for each in TAKING)]
#: Inputs per operation, of each kind: those that the document allows and those that it does not.
EXAMPLES = 10
HUGE = 10**15


def whole(value: Any) -> Any:
    """Two rules that JSON Schema does not know: 60.0 is no integer, and no quantity is as large or small as 1e99."""
    if isinstance(value, dict):
        return {name: whole(each) for name, each in value.items()}
    if isinstance(value, list):
        return [whole(each) for each in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and not 1 / HUGE < abs(value) < HUGE:
        return 0
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.mark.parametrize(("operation", "mode"), KINDS, ids=[f"{each.label} {mode.value}" for each, mode in KINDS])
def test_the_api_behaves_as_its_document_says(operation: Any, mode: schemathesis.GenerationMode) -> None:
    async def story(street: Street) -> None:
        token = await street.town.cpo.operators.issue("octt", actor="test")
        client = street.client(headers={"Authorization": f"Bearer {token.text()}"})
        loop = asyncio.get_running_loop()

        async def send(request: requests.PreparedRequest) -> Response:
            body = request.body.encode() if isinstance(request.body, str) else request.body or b""
            sent: Any = {"headers": dict(request.headers), "content": body}
            answer = await client.request(str(request.method), str(request.url), **sent)
            headers = {name: answer.headers.get_list(name) for name in answer.headers}
            return Response(answer.status_code, headers, answer.content, request, elapsed=0.0, verify=True)

        @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Case[Any]) -> None:
            case.body = whole(case.body)
            request = requests.Request(**case.as_transport_kwargs(base_url=HOME)).prepare()
            answer = asyncio.run_coroutine_threadsafe(send(request), loop).result(10)
            case.validate_response(answer)

        await asyncio.to_thread(ask)

    play(story)
