"""The provider's JSON language: one question, one answer, the same key the same answer. Pure.

:func:`perform` is the whole of it. The HTTP routes hand it bytes, the in-memory double too,
so both say the same things in the same words.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final, Literal

import msgspec

from evouch.errors import Refused
from evouch.psp.sandbox import machine
from evouch.psp.sandbox.book import Book
from evouch.psp.sandbox.faults import Fault
from evouch.psp.sandbox.messages import (
    AmountRequest,
    Asked,
    ErrorBody,
    ErrorView,
    EventList,
    HoldRequest,
    HoldView,
    RefundView,
    ReleaseRequest,
    hold_view,
    origin_of,
    refund_view,
)  # fmt: skip
from evouch.psp.sandbox.records import Answer
from evouch.units import Money
from evouch.wire import MalformedJson, convert, decode

__all__ = [
    "ERRORS", "MAX_BODY", "MAX_EVENTS", "MAX_KEY", "ROUTES", "Question", "Reply", "Route",
    "error", "list_events", "perform",
]  # fmt: skip

#: No document of this API comes near this many bytes.
MAX_BODY: Final = 16 * 1024
#: Longest idempotency key, as the large providers have it.
MAX_KEY: Final = 255
#: Events of one list.
MAX_EVENTS: Final = 100

#: The reasons of this package in the words of its wire: status, code, sentence.
ERRORS: Final[dict[str, tuple[int, str, str]]] = {
    "malformed": (400, "invalid_request", "The body is not the JSON document that this operation takes."),
    "badReturnUrl": (400, "invalid_return_url", "return_url is an absolute http or https address without a user."),
    "keyMissing": (400, "idempotency_key_missing", "Send an Idempotency-Key of 1 to 255 printable characters."),
    "badFault": (400, "unknown_fault", "There is no such fault."),
    "unauthorized": (401, "unauthorized", "Send the API key as a bearer token."),
    "captureRefused": (402, "capture_refused", "The card's bank refused the capture."),
    "noSuchHold": (404, "no_such_hold", "There is no such hold."),
    "noSuchEvent": (404, "no_such_event", "There is no such event."),
    "notFound": (404, "not_found", "There is nothing at this address."),
    "wrongMethod": (405, "method_not_allowed", "This address does not take that method."),
    "holdNotApproved": (409, "hold_not_approved", "Nobody has approved this hold yet."),
    "holdNotCaptured": (409, "hold_not_captured", "Nothing has been captured of this hold yet."),
    "holdCaptured": (409, "hold_captured", "This hold has been captured already."),
    "holdReleased": (409, "hold_released", "This hold has been released."),
    "holdDeclined": (409, "hold_declined", "This hold was declined."),
    "holdExpired": (409, "hold_expired", "This hold has expired."),
    "keyMismatch": (409, "idempotency_mismatch", "This Idempotency-Key was used for another question."),
    "tooLarge": (413, "body_too_large", "The body is too large."),
    "amountTooLarge": (422, "amount_too_large", "The amount is more than there is."),
    "amountNotPositive": (422, "amount_not_positive", "The amount is at least one minor unit."),
    "currencyMismatch": (422, "currency_mismatch", "The currency is not the one of the hold."),
    "serverError": (500, "internal_error", "Something went wrong here. Ask again with the same Idempotency-Key."),
    "tooManyHolds": (503, "too_many_holds", "This sandbox is full."),
}


@dataclass(frozen=True, slots=True)
class Reply:
    """Status and JSON body of an answer. ``replayed``: it is the first answer of this key once more."""

    status: int
    body: bytes
    replayed: bool = False


def error(refusal: Refused) -> Reply:
    """Return a refusal in the words of the wire; what only operators may know stays out."""
    status, code, message = ERRORS[refusal.reason]
    if refusal.reason == "malformed" and refusal.detail:
        message = f"{message} {refusal.detail}"
    return Reply(status, msgspec.json.encode(ErrorView(error=ErrorBody(code=code, message=message))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request: ``operation`` is ``look`` or a key of the table below, ``hold`` is "" for a new one."""

    operation: str
    hold: str = ""
    body: bytes = b""
    key: str = ""


def perform(book: Book, question: Question, at: datetime) -> Reply:
    """Answer one request. Whatever it asks for has happened, or not, when this returns."""
    try:
        if question.operation == "look":
            return _reply(200, hold_view(book.hold(question.hold, at), book.public_url))
        kind, run = _OPERATIONS[question.operation]
        request = _read(question.body, kind)
        fingerprint = _fingerprint(question, request)
        first = _first_answer(book, question.key, fingerprint)
    except Refused as refusal:
        return error(refusal)
    if first is not None:
        return Reply(first.status, first.body, replayed=True)
    try:
        reply = run(book, question.hold, request, at)
    except Refused as refusal:
        reply = error(refusal)
    if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        answer = Answer(key=question.key, fingerprint=fingerprint, status=reply.status, body=reply.body, at=at)
        book.keep_answer(answer)
    return reply


def list_events(book: Book, after: str, limit: str) -> Reply:
    """Answer the list of events after the one with id ``after``, at most ``limit`` (1 to :data:`MAX_EVENTS`)."""
    try:
        if not re.fullmatch(r"[1-9][0-9]{0,2}", limit) or int(limit) > MAX_EVENTS:
            raise Refused("malformed", f"limit is 1 to {MAX_EVENTS}")
        events = book.events(after=after, limit=int(limit))
    except Refused as refusal:
        return error(refusal)
    return Reply(200, msgspec.json.encode({"events": [msgspec.Raw(event.body) for event in events]}))


def _read(body: bytes, kind: type[Asked]) -> Asked:
    if len(body) > MAX_BODY:
        raise Refused("tooLarge")
    try:
        return convert(decode(body, max_bytes=MAX_BODY), kind)
    except MalformedJson as problem:
        raise Refused("malformed", str(problem)) from None


def _fingerprint(question: Question, request: Asked) -> str:
    document = msgspec.json.encode([question.operation, question.hold, request], order="sorted")
    return hashlib.sha256(document).hexdigest()


def _first_answer(book: Book, key: str, fingerprint: str) -> Answer | None:
    if not 1 <= len(key) <= MAX_KEY or not (key.isascii() and key.isprintable()):
        raise Refused("keyMissing")
    first = book.answer(key)
    if first is not None and first.fingerprint != fingerprint:
        raise Refused("keyMismatch")
    return first


def _reply(status: int, view: msgspec.Struct) -> Reply:
    return Reply(status, msgspec.json.encode(view))


def _open(book: Book, _hold: str, asked: HoldRequest, at: datetime) -> Reply:
    try:
        origin_of(asked.return_url)
    except ValueError as problem:
        raise Refused("badReturnUrl", str(problem)) from None
    opened = book.open(
        Money.from_minor(asked.amount, asked.currency),
        return_url=asked.return_url, description=asked.description, reference=asked.reference, at=at,
    )  # fmt: skip
    return _reply(201, hold_view(opened, book.public_url))


def _capture(book: Book, hold: str, asked: AmountRequest, at: datetime) -> Reply:
    amount = Money.from_minor(asked.amount, asked.currency)
    machine.capture(book.hold(hold, at), amount)  # a wrong question uses up no switch
    if book.faults.take(Fault.REFUSE_CAPTURE, "capture"):
        raise Refused("captureRefused")
    captured = book.change(hold, lambda record: machine.capture(record, amount), at)
    return _reply(200, hold_view(captured, book.public_url))


def _release(book: Book, hold: str, _asked: ReleaseRequest, at: datetime) -> Reply:
    released = book.change(hold, machine.release, at)
    return _reply(200, hold_view(released, book.public_url))


def _refund(book: Book, hold: str, asked: AmountRequest, at: datetime) -> Reply:
    amount, id = Money.from_minor(asked.amount, asked.currency), book.new_id("refund")
    refunded = book.change(hold, lambda record: machine.refund(record, id, amount, at), at)
    return _reply(201, refund_view(refunded, refunded.refunds[-1]))


_OPERATIONS: Final[dict[str, tuple[type[Asked], Callable[..., Reply]]]] = {
    "hold": (HoldRequest, _open),
    "capture": (AmountRequest, _capture),
    "release": (ReleaseRequest, _release),
    "refund": (AmountRequest, _refund),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where an operation is found, what it takes and what it gives. ``refusals`` are reasons of :data:`ERRORS`."""

    operation: str
    method: Literal["GET", "POST"]
    path: str
    says: str
    takes: type[Asked] | None = None
    gives: type[msgspec.Struct] = HoldView
    status: int = 200
    refusals: tuple[str, ...] = ()


_ASKED: Final = ("malformed", "keyMissing", "keyMismatch", "tooLarge")
_MONEY: Final = ("amountTooLarge", "amountNotPositive", "currencyMismatch")
_STATES: Final = ("noSuchHold", "holdNotApproved", "holdCaptured", "holdReleased", "holdDeclined", "holdExpired")

#: The whole API on one screen; routes and OpenAPI document are made from it.
ROUTES: Final = (
    Route(
        operation="hold", method="POST", path="/v1/holds", says="Open a hold",
        takes=HoldRequest, status=201, refusals=(*_ASKED, "badReturnUrl", "tooManyHolds"),
    ),
    Route(
        operation="look", method="GET", path="/v1/holds/{hold}", says="Look at a hold", refusals=("noSuchHold",),
    ),
    Route(
        operation="capture", method="POST", path="/v1/holds/{hold}/capture", says="Capture once, and release the rest",
        takes=AmountRequest, refusals=(*_ASKED, *_STATES, *_MONEY, "captureRefused"),
    ),
    Route(
        operation="release", method="POST", path="/v1/holds/{hold}/release", says="Release a hold",
        takes=ReleaseRequest, refusals=(*_ASKED, "noSuchHold", "holdCaptured"),
    ),
    Route(
        operation="refund", method="POST", path="/v1/holds/{hold}/refunds", says="Give back what was captured",
        takes=AmountRequest, gives=RefundView, status=201, refusals=(*_ASKED, *_STATES, *_MONEY, "holdNotCaptured"),
    ),
    Route(
        operation="events", method="GET", path="/v1/events", says="List what happened, oldest first",
        gives=EventList, refusals=("noSuchEvent", "malformed"),
    ),
)  # fmt: skip
