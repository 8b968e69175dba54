"""An API over HTTP: bearer tokens in, bytes through the strict decoder, one shape for all refusals."""

from collections.abc import Mapping
from typing import Any, Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from evouch.errors import Refused
from evouch.ids import Secret
from evouch.web.api_models import ErrorAnswer, ErrorBody, Health
from evouch.web.api_openapi import PREFIX, document
from evouch.web.api_table import Operation, Question, Service, Table
from evouch.web.security import AnyRequest
from evouch.wire import MalformedJson, convert, decode, encode

__all__ = ["error", "handlers"]

_JSON: Final = "application/json"
#: Refusals of which the details are told too: what was wrong with what the caller sent.
_TOLD: Final = frozenset({"badPayload", "badQuery", "malformed", "badCertificate"})


def error(refusal: Refused, errors: Mapping[str, tuple[int, str]]) -> Response[bytes]:
    """Return a refusal as an API says it; a reason that it has no word for is our fault."""
    reason = refusal.reason if refusal.reason in errors else "serverError"
    status, sentence = errors[reason]
    told = refusal.detail if reason in _TOLD else ""
    body = ErrorAnswer(ErrorBody(reason, sentence, {"why": told} if told else {}))
    headers = {"WWW-Authenticate": 'Bearer realm="evouch"'} if reason == "unauthorized" else {}
    return Response(encode(body), status_code=status, media_type=_JSON, headers=headers)


def handlers(table: Table) -> list[Any]:
    """Return the handlers of all operations of a table, of its document, and of the question whether we live.

    The application keeps what stands behind the API in its state as ``service``, and the public
    address of the service as ``base_url``.
    """

    @get(f"{PREFIX}/openapi.json")
    async def openapi(request: AnyRequest) -> Response[bytes]:
        return Response(document(request.app.state["base_url"], table), media_type=_JSON)

    return [_health, openapi, *(_route(table, row) for row in table.rows)]


@get("/health")
async def _health() -> Response[bytes]:
    return Response(encode(Health()), media_type=_JSON)


def _route(table: Table, row: Operation) -> HTTPRouteHandler:
    async def handle(request: AnyRequest) -> Response[bytes]:
        service: Service = request.app.state["service"]
        actor = _actor(service, request)
        answer = await row.run(await _question(table, row, service, actor, request))
        if row.gives is None:
            return Response(b"", status_code=204)
        return Response(encode(answer), status_code=200, media_type=_JSON)

    path = row.path
    for name in table.path:
        kind = "path" if name in table.slashed else "str"
        path = path.replace(f"{{{name}}}", f"{{{name}:{kind}}}")
    return HTTPRouteHandler(PREFIX + path, http_method=row.method, name=row.name, status_code=200)(handle)


def _actor(service: Service, request: AnyRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = service.operators.bearer(Secret(token.strip())) if scheme.lower() == "bearer" else None
    if known is None:
        raise Refused("unauthorized")
    return known.name


async def _question(table: Table, row: Operation, service: Service, actor: str, request: AnyRequest) -> Question[Any]:
    path = {name: str(value) for name, value in request.path_params.items()}
    for name in table.slashed & path.keys():
        path[name] = path[name].removeprefix("/")
    query = dict(request.query_params.items())
    if unknown := set(query) - set(row.query):
        raise Refused("badQuery", min(unknown)[:50])
    try:
        body = convert(decode(await request.body()), row.takes) if row.takes else None
    except MalformedJson as problem:
        raise Refused("malformed", str(problem)[:200]) from None
    return table.ask(service, actor, path, query, body, request.app.state["base_url"])
