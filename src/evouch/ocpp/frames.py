"""The arrays around OCPP payloads: CALL, CALLRESULT, CALLERROR, CALLRESULTERROR, SEND.

OCPP-J 1.6 §4; 2.x part 4 §4. Reading never raises: where the text is not JSON, as much of
its head is made out as an answer needs.
"""

import re
from typing import Any, Final

from msgspec import Struct

from evouch.errors import PeerRefused
from evouch.ocpp.redaction import hidden, masked
from evouch.wire import MalformedJson, decode

__all__ = ["CALL", "CALLERROR", "CALLRESULT", "CALLRESULTERROR", "MAX_ID", "NO_ID", "SEND", "Frame", "read", "refusal"]

CALL: Final = 2
CALLRESULT: Final = 3
CALLERROR: Final = 4
#: 2.1 only.
CALLRESULTERROR: Final = 5
#: 2.1 only.
SEND: Final = 6

#: Longest message id (OCPP-J 1.6 §4.1.4; 2.x part 4 §4.1.4).
MAX_ID: Final = 36
#: Id of a CALLERROR whose cause has no readable id (2.x part 4 §4.2.3).
NO_ID: Final = "-1"
#: Longest errorCode and errorDescription that we take from a peer; the latter is string[255].
MAX_CODE: Final = 50
MAX_DESCRIPTION: Final = 255

Json = Any


class Frame(Struct, frozen=True):
    """One message, as far as it could be read."""

    #: Message type number; None where there is no integer in its place.
    kind: int | None
    #: Message id, of any length; None where there is no string in its place.
    id: str | None
    #: The elements after the id; of a text that is not JSON at most the action of a CALL, if it can be made out.
    rest: list[Json]
    raw: bytes
    #: Why this is not a JSON array; empty when it is one.
    broken: str = ""

    @property
    def action(self) -> str:
        """The action of a CALL or SEND; empty where there is no string in its place."""
        return self.rest[0] if self.rest and isinstance(self.rest[0], str) else ""


def read(frame: bytes | str) -> Frame:
    """Return ``frame`` taken apart."""
    raw = frame if isinstance(frame, bytes) else frame.encode(errors="surrogatepass")
    try:
        message = decode(raw)
    except MalformedJson as error:
        return _salvaged(raw, str(error))
    if type(message) is not list:
        return Frame(None, None, [], raw, "not an array")
    kind = message[0] if message else None
    id = message[1] if len(message) > 1 else None
    return Frame(
        kind if type(kind) is int else None,
        id if type(id) is str else None,
        message[2:],
        raw,
    )


def refusal(frame: Frame) -> tuple[PeerRefused, bool]:
    """Return what a CALLERROR or CALLRESULTERROR says, and whether it says all it must; no vehicle is named in it."""
    code, description, details = [*frame.rest, None, None, None][:3]
    complete = isinstance(code, str) and isinstance(description, str) and isinstance(details, dict)
    refused = PeerRefused(
        masked(code)[:MAX_CODE] if isinstance(code, str) else "GenericError",
        masked(description)[:MAX_DESCRIPTION] if isinstance(description, str) else "",
        hidden(details) if isinstance(details, dict) else None,
    )
    return refused, complete


#: The head of a message whose rest is not JSON: type number, an id and an action without escapes.
_HEAD: Final = re.compile(rb'\s*\[\s*([0-9]{1,3})\s*(?:,\s*"([^"\\]{0,255})"\s*(?:,\s*(?:"([^"\\]{0,255})")?|\]))?')


def _salvaged(raw: bytes, why: str) -> Frame:
    head = _HEAD.match(raw)
    if head is None:
        return Frame(None, None, [], raw, why)
    id = head[2].decode(errors="replace") if head[2] is not None else None
    kind = int(head[1])
    action = [head[3].decode(errors="replace")] if kind == CALL and head[3] is not None else []
    return Frame(kind, id, action, raw, why)
