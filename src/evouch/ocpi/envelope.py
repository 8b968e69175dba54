"""The envelope around every answer, and what a request that goes wrong is answered.

===========================================  ====  ===========
what went wrong                              HTTP  status_code
===========================================  ====  ===========
no token, an unknown one, one not for this    401  2000
no such address, or not yours                 404  2000 (tokens: 2004)
the address is there, the method is not       405  2000
the body is no JSON, or too much of it        400  2001
a parameter or a member is wrong              200  2001
a handler said no                             its own
anything else                                 500  3000
===========================================  ====  ===========

Source: transport §response format, status_codes, and the clause of 2.2.1 and of 2.3.0 edition 2 that
HTTP errors are for senders who are not authenticated or not authorized (docs/decisions/064).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from evouch import wire
from evouch.errors import PeerFault, Refused
from evouch.ocpi.ports import OcpiRefusal
from evouch.units import format_time

__all__ = [
    "INVALID", "SUCCESS", "broken", "nowhere", "pack", "refusal", "unauthorized", "unreadable", "wrong_method",
]  # fmt: skip

SUCCESS: Final = 1000
CLIENT_ERROR: Final = 2000
INVALID: Final = 2001
SERVER_ERROR: Final = 3000
#: Status codes that an answer may carry besides success (status_codes).
_ERRORS: Final = range(2000, 5000)


def pack(at: datetime, code: int, message: str, data: Any = None) -> bytes:
    """Return an envelope as JSON. ``data`` is plain values; None is left out."""
    inside = {} if data is None else {"data": data}
    return wire.encode({**inside, "status_code": code, "status_message": message, "timestamp": format_time(at)})


def refusal(error: Exception) -> OcpiRefusal | None:
    """Return what an error says to the peer; None where it is our own and says nothing."""
    if isinstance(error, OcpiRefusal):
        return error
    if isinstance(error, PeerFault):
        code = int(error.code) if error.code.isdecimal() and int(error.code) in _ERRORS else INVALID
        return OcpiRefusal(code, error.description or error.code)
    if isinstance(error, Refused):
        return OcpiRefusal(CLIENT_ERROR, error.reason)
    return None


def broken() -> OcpiRefusal:
    """Return the answer to what we have got wrong ourselves: no details."""
    return OcpiRefusal(SERVER_ERROR, "Server error", http=500)


def unauthorized() -> OcpiRefusal:
    """Return the one answer to every token that does not count here. It is never 403 (transport §authorization)."""
    return OcpiRefusal(CLIENT_ERROR, "Unauthorized", http=401, headers={"www-authenticate": "Token"})


def nowhere(message: str = "Not found") -> OcpiRefusal:
    """Return the answer where there is nothing, or nothing of this partner's."""
    return OcpiRefusal(CLIENT_ERROR, message, http=404)


def wrong_method(allowed: Mapping[str, Any]) -> OcpiRefusal:
    """Return the answer to a method that an address does not have."""
    return OcpiRefusal(CLIENT_ERROR, "Method not allowed", http=405, headers={"allow": ", ".join(sorted(allowed))})


def unreadable(problem: object) -> OcpiRefusal:
    """Return the answer to a body that is no JSON."""
    return OcpiRefusal(INVALID, f"not JSON: {problem}", http=400)
