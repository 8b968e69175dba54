"""The sandbox provider as a web application: the JSON API, the hosted pages, the fault switches.

Every handler is the same three lines: ask the book, have the change written down, answer.
Bodies are read as bytes; what they mean is decided in ``api`` and ``cards``.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from traceback import extract_tb
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
import structlog
from litestar import Litestar, Request, Response, get, post
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from evouch.clock import Clock, Tick
from evouch.errors import Refused
from evouch.ids import Secret
from evouch.psp.sandbox import api, cards, machine, openapi, pages
from evouch.psp.sandbox.book import Book
from evouch.psp.sandbox.faults import Fault, Switch
from evouch.psp.sandbox.messages import FaultRequest, back_to_merchant
from evouch.psp.sandbox.records import HoldRecord, State
from evouch.wire import MalformedJson, convert, decode

__all__ = ["Desk", "create_app"]

_log = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]
Page = Response[str]

#: A card form has four short fields.
MAX_FIELDS: Final = 10
_UNPAID: Final = (State.PENDING, State.CHALLENGED)


@dataclass(frozen=True, slots=True)
class Desk:
    """What the handlers work with. ``save`` returns when all changes of the book are written down."""

    book: Book
    clock: Clock
    api_key: Secret
    save: Callable[[], Awaitable[None]]

    async def change(self, hold: str, step: Callable[[HoldRecord], HoldRecord]) -> HoldRecord:
        """Take a step of the machine for the driver's side, durably."""
        after = self.book.change(hold, step, self.clock.now())
        await self.save()
        return after

    async def look(self, hold: str) -> HoldRecord:
        """Return a hold as it stands now."""
        found = self.book.hold(hold, self.clock.now())
        await self.save()
        return found


def create_app(
    book: Book, *, clock: Clock, api_key: Secret, save: Callable[[], Awaitable[None]], faults: bool = False
) -> Litestar:
    """Return the application over ``book``; ``faults`` adds the endpoint that makes things go wrong."""
    handlers: list[Any] = [_route(route) for route in api.ROUTES if route.operation != "events"]
    handlers += [list_events, home, document, static, show, submit, ask_bank, answer_bank, cancel]
    app = Litestar(
        route_handlers=handlers + ([arm, armed, disarm] if faults else []),
        exception_handlers={Refused: _refused, HTTPException: _http_error, Exception: _broken},
        request_max_body_size=api.MAX_BODY,
        openapi_config=None,
        logging_config=None,
    )
    app.state["desk"] = Desk(book, clock, api_key, save)
    return app


def _desk(request: AnyRequest) -> Desk:
    desk: Desk = request.app.state["desk"]
    return desk


# -- the JSON API -------------------------------------------------------------------------


def _route(route: api.Route) -> HTTPRouteHandler:
    async def handle(request: AnyRequest) -> Response[bytes]:
        desk = _authorised(request)
        question = api.Question(
            operation=route.operation,
            hold=request.path_params.get("hold", ""),
            body=await request.body() if route.takes else b"",
            key=request.headers.get("Idempotency-Key", ""),
        )
        return await _answer(desk, question)

    path = route.path.replace("{hold}", "{hold:str}")
    return HTTPRouteHandler(path, http_method=route.method, name=route.operation)(handle)


async def _answer(desk: Desk, question: api.Question) -> Response[bytes]:
    faults, operation = desk.book.faults, question.operation
    if delay := faults.take(Fault.DELAY, operation):
        await desk.clock.sleep_until(Tick(desk.clock.tick() + delay.seconds))
    if faults.take(Fault.LOSE_REQUEST, operation):
        return _HungUp()
    reply = api.perform(desk.book, question, desk.clock.now())
    await desk.save()
    if faults.take(Fault.LOSE_ANSWER, operation):
        return _HungUp()
    if faults.take(Fault.SERVER_ERROR, operation):
        raise Refused("serverError")
    return _json(reply)


@get("/v1/events")
async def list_events(request: AnyRequest) -> Response[bytes]:
    """List what happened, oldest first."""
    desk, asked = _authorised(request), request.query_params
    return _json(api.list_events(desk.book, asked.get("after", ""), asked.get("limit", str(api.MAX_EVENTS))))


@get("/openapi.json")
async def document(request: AnyRequest) -> Response[bytes]:
    """Describe the API to programs."""
    return Response(openapi.document(_desk(request).book.public_url), media_type="application/json")


@post("/v1/faults")
async def arm(request: AnyRequest) -> Response[bytes]:
    """Arm a fault, or let a hold expire at once."""
    desk = _authorised(request)
    try:
        asked = convert(decode(await request.body()), FaultRequest)
    except MalformedJson as problem:
        raise Refused("malformed", str(problem)) from None
    if asked.kind == "expireHold":
        desk.book.expire(asked.hold, desk.clock.now())
        await desk.save()
    elif asked.kind in set(Fault):
        desk.book.faults.arm(Switch(Fault(asked.kind), asked.operation, asked.times, asked.seconds, asked.repeats))
    else:
        raise Refused("badFault")
    return _switches(desk)


@get("/v1/faults")
async def armed(request: AnyRequest) -> Response[bytes]:
    """List what is still to go wrong."""
    return _switches(_authorised(request))


@HTTPRouteHandler("/v1/faults", http_method="DELETE", status_code=HTTPStatus.OK)
async def disarm(request: AnyRequest) -> Response[bytes]:
    """Let everything work again."""
    desk = _authorised(request)
    desk.book.faults.clear()
    return _switches(desk)


def _switches(desk: Desk) -> Response[bytes]:
    return _json(api.Reply(200, msgspec.json.encode({"faults": desk.book.faults.armed()})))


def _authorised(request: AnyRequest) -> Desk:
    desk = _desk(request)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or Secret(token.strip()) != desk.api_key:
        raise Refused("unauthorized")
    return desk


def _json(reply: api.Reply) -> Response[bytes]:
    headers = {"Cache-Control": "no-store"} | ({"Idempotent-Replayed": "true"} if reply.replayed else {})
    if reply.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(reply.body, status_code=reply.status, media_type="application/json", headers=headers)


class _HungUp(Response[bytes]):
    """An answer that never arrives: the server closes a connection whose promised body does not come."""

    def __init__(self) -> None:
        super().__init__(b"")

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        """Return headers without the body that they announce."""
        return _HeadersOnly()


class _HeadersOnly(ASGIResponse):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"1")]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})


# -- the hosted pages -----------------------------------------------------------------------


@get("/")
async def home(request: AnyRequest) -> Page:
    """Say what this service is."""
    return _page(pages.home(_desk(request).book.merchant))


@get("/static/{name:str}")
async def static(name: FromPath[str]) -> Response[bytes]:
    """Give out the style sheet and the icon."""
    found = pages.asset(name)
    if found is None:
        raise Refused("notFound")
    headers = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
    return Response(found[1], media_type=found[0], headers=headers)


@get("/pay/{hold:str}")
async def show(request: AnyRequest, hold: FromPath[str]) -> Page:
    """Show the card form, or what became of this hold."""
    desk = _desk(request)
    record = await desk.look(hold)
    another_card = record.state is State.CHALLENGED and request.query_params.get("card") == "other"
    if record.state is State.PENDING or another_card:
        return _page(pages.pay(record, desk.book.merchant), record)
    if record.state in pages.ENDINGS:
        return _page(pages.closed(record, desk.book.merchant), record)
    return _to(_next(record))


@post("/pay/{hold:str}")
async def submit(request: AnyRequest, hold: FromPath[str]) -> Page:
    """Take a card; lead to the bank's question, back to the merchant, or back to the form."""
    desk = _desk(request)
    record = await desk.look(hold)
    form = await _form(request)
    try:
        card = cards.read(form, desk.clock.now())
    except cards.FormErrors as problem:
        if record.state not in _UNPAID:
            return _to(_next(record))
        page = pages.pay(record, desk.book.merchant, errors=problem.fields, expiry=form.get("expiry", "")[:7])
        return _page(page, record, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    await desk.clock.sleep_until(Tick(desk.clock.tick() + card.seconds))
    return await _step(desk, hold, lambda now: machine.submit(now, card, desk.clock.now(), desk.book.new_id("auth")))


@get("/pay/{hold:str}/bank")
async def ask_bank(request: AnyRequest, hold: FromPath[str]) -> Page:
    """Show the question of the card's bank."""
    desk = _desk(request)
    record = await desk.look(hold)
    if record.state is not State.CHALLENGED:
        return _to(_next(record))
    return _page(pages.bank(record, desk.book.merchant), record)


@post("/pay/{hold:str}/bank")
async def answer_bank(request: AnyRequest, hold: FromPath[str]) -> Page:
    """Take the card owner's answer to the question that the page showed, and to no other."""
    desk, form = _desk(request), await _form(request)
    challenge, yes = form.get("challenge", ""), form.get("answer") == "approve"
    return await _step(desk, hold, lambda now: machine.consent(now, challenge, desk.clock.now(), yes=yes))


@post("/pay/{hold:str}/cancel")
async def cancel(request: AnyRequest, hold: FromPath[str]) -> Page:
    """Close the hold at the driver's wish and go back to the merchant."""
    return _to(back_to_merchant(await _desk(request).change(hold, machine.cancel)))


async def _step(desk: Desk, hold: str, step: Callable[[HoldRecord], HoldRecord]) -> Page:
    try:
        return _to(_next(await desk.change(hold, step)))
    except Refused:  # a second click, or a page left open: lead to how things stand
        return _to(_next(await desk.look(hold)))


def _next(hold: HoldRecord) -> str:
    """Return where a driver belongs whose hold stands like this."""
    if hold.state in {State.HELD, State.CAPTURED}:
        return back_to_merchant(hold)
    return f"/pay/{hold.id}/bank" if hold.state is State.CHALLENGED else f"/pay/{hold.id}"


async def _form(request: AnyRequest) -> dict[str, str]:
    try:
        return dict(parse_qsl((await request.body()).decode(), max_num_fields=MAX_FIELDS))
    except ValueError:
        return {}


def _to(address: str) -> Page:
    headers = {"Location": address, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response("", status_code=HTTPStatus.SEE_OTHER, media_type="text/plain", headers=headers)


def _page(text: str, hold: HoldRecord | None = None, *, status: int = HTTPStatus.OK) -> Page:
    headers = pages.headers(pages.merchant_origin(hold) if hold else "")
    return Response(text, status_code=status, media_type="text/html", headers=headers)


# -- what goes wrong ------------------------------------------------------------------------


def _refused(request: AnyRequest, refusal: Refused) -> Response[Any]:
    reply = api.error(refusal)
    if request.url.path.startswith("/v1/"):
        return _json(reply)
    heading = "There is nothing here" if reply.status == HTTPStatus.NOT_FOUND else "This did not work"
    sentence = "The address is not complete, or the payment is long over. Please scan the code on the station again."
    return _page(pages.sorry(heading, sentence), status=reply.status)


def _http_error(request: AnyRequest, problem: HTTPException) -> Response[Any]:
    reasons = {404: "notFound", 405: "wrongMethod", 413: "tooLarge"}
    known = "malformed" if problem.status_code < HTTPStatus.INTERNAL_SERVER_ERROR else "serverError"
    answer = _refused(request, Refused(reasons.get(problem.status_code, known)))
    answer.headers.update({name: value for name, value in (problem.headers or {}).items() if name.lower() == "allow"})
    return answer


def _broken(request: AnyRequest, problem: Exception) -> Response[Any]:
    where = extract_tb(problem.__traceback__)[-1]  # no values: a card form may be among them
    _log.error("request failed", problem=type(problem).__name__, file=where.filename, line=where.lineno)
    return _refused(request, Refused("serverError"))
