"""The operator API over HTTP: bearer tokens in, bytes through the strict decoder, one shape for all refusals."""

from typing import Any, Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from evouch.errors import Refused
from evouch.ids import Secret
from evouch.web.api_models import ErrorAnswer, ErrorBody, Health
from evouch.web.api_openapi import PREFIX, document
from evouch.web.api_routes import ERRORS, OPERATIONS, Ask, Operation
from evouch.web.desk import Desk, desk_of
from evouch.web.security import AnyRequest
from evouch.wire import MalformedJson, convert, decode, encode

__all__ = ["HANDLERS", "error"]

_JSON: Final = "application/json"
#: Refusals of which the details are told too: what was wrong with what the caller sent.
_TOLD: Final = frozenset({"badPayload", "badQuery", "malformed", "badCertificate"})
#: What stations and cards may have a slash in.
_SLASHED: Final = frozenset({"token", "transaction"})


def error(refusal: Refused) -> Response[bytes]:
    """Return a refusal as this API says it; a reason that it has no word for is our fault."""
    reason = refusal.reason if refusal.reason in ERRORS else "serverError"
    status, sentence = ERRORS[reason]
    told = refusal.detail if reason in _TOLD else ""
    body = ErrorAnswer(ErrorBody(reason, sentence, {"why": told} if told else {}))
    headers = {"WWW-Authenticate": 'Bearer realm="evouch"'} if reason == "unauthorized" else {}
    return Response(encode(body), status_code=status, media_type=_JSON, headers=headers)


@get("/health")
async def health() -> Response[bytes]:
    """Say that the service answers."""
    return Response(encode(Health()), media_type=_JSON)


@get(f"{PREFIX}/openapi.json")
async def openapi(request: AnyRequest) -> Response[bytes]:
    """Describe the API to programs."""
    return Response(document(desk_of(request).cpo.terms.base_url), media_type=_JSON)


def _route(row: Operation) -> HTTPRouteHandler:
    async def handle(request: AnyRequest) -> Response[bytes]:
        desk = desk_of(request)
        actor = _actor(desk, request)
        answer = await row.run(await _ask(row, desk, actor, request))
        if row.gives is None:
            return Response(b"", status_code=204)
        return Response(encode(answer), status_code=200, media_type=_JSON)

    path = row.path
    for name in ("station", "payment", "identity", "message"):
        path = path.replace(f"{{{name}}}", f"{{{name}:str}}")
    for name in _SLASHED:
        path = path.replace(f"{{{name}}}", f"{{{name}:path}}")
    return HTTPRouteHandler(PREFIX + path, http_method=row.method, name=row.name, status_code=200)(handle)


def _actor(desk: Desk, request: AnyRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = desk.cpo.operators.bearer(Secret(token.strip())) if scheme.lower() == "bearer" else None
    if known is None:
        raise Refused("unauthorized")
    return known.name


async def _ask(row: Operation, desk: Desk, actor: str, request: AnyRequest) -> Ask:
    path = {name: str(value) for name, value in request.path_params.items()}
    for name in _SLASHED & path.keys():
        path[name] = path[name].removeprefix("/")
    query = dict(request.query_params.items())
    if unknown := set(query) - set(row.query):
        raise Refused("badQuery", min(unknown)[:50])
    try:
        body = convert(decode(await request.body()), row.takes) if row.takes else None
    except MalformedJson as problem:
        raise Refused("malformed", str(problem)[:200]) from None
    return Ask(desk.cpo, actor, path, query, body)


HANDLERS: Final[list[Any]] = [health, openapi, *(_route(row) for row in OPERATIONS)]
