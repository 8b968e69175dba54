"""What all handlers work with, and how they read a request: forms, addresses, who is asking."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from evouch.clock import Clock
from evouch.cpo.app import Cpo
from evouch.errors import Refused
from evouch.web.security import AnyRequest, Doorkeeper
from evouch.webpayment.url import Template

__all__ = ["MAX_FORM", "Desk", "desk_of", "form", "target"]

#: Bytes of the largest form: a handful of short fields.
MAX_FORM: Final = 4096
_MAX_FIELDS: Final = 16


@dataclass(frozen=True, slots=True)
class Desk:
    """The operator behind the pages, the time, and the keeper of the door."""

    cpo: Cpo
    clock: Clock
    door: Doorkeeper
    #: how scanned addresses are read, ours first
    templates: tuple[Template, ...]


def desk_of(request: AnyRequest) -> Desk:
    """Return the desk of the application that got the request."""
    desk: Desk = request.app.state["desk"]
    return desk


async def form(request: AnyRequest, *, most: int = MAX_FORM) -> dict[str, str]:
    """Return the fields of a form of at most ``most`` bytes; Refused("tooLarge") or Refused("malformed")."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refused("tooLarge")
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=_MAX_FIELDS, errors="strict"))
    except ValueError:
        raise Refused("malformed") from None


def target(request: AnyRequest) -> str:
    """Return path and query as they were asked for, percent-encoding untouched."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope.get("query_string", b"")
    return (raw.partition(b"?")[0] + (b"?" + query if query else b"")).decode("ascii", "replace")
