"""Everything that goes wrong has one of five shapes; the shape says whose fault it is.

::

    EvouchError
    ├── LocalError          our own bug; never travels to a peer
    ├── PeerFault           they erred; we answer with the wire code it carries
    ├── PeerRefused         they answered CALLERROR, or HTTP outside 2xx
    │   └── PeerGarbled     they answered yes, in a form that nobody can read
    ├── Unreachable         nobody answered; the outcome is unknown
    │   ├── Offline         no connection to the peer
    │   ├── TimedOut        the deadline passed
    │   │   └── Unsent      it passed behind other calls; nothing was sent
    │   ├── Overloaded      a queue is full; nothing was sent
    │   └── ConnectionReplaced   a newer connection of the same peer took over
    └── Refused             a rule said no; ``reason`` is looked up per language
        ├── InvalidCode     says one thing to the caller, whatever was wrong
        └── InvalidProof    likewise

Wire codes are data on the error, never parsed out of its text.
"""

from typing import Any

__all__ = [
    "ConnectionReplaced",
    "EvouchError",
    "InvalidCode",
    "InvalidProof",
    "LocalError",
    "Offline",
    "Overloaded",
    "PeerFault",
    "PeerGarbled",
    "PeerRefused",
    "Refused",
    "TimedOut",
    "Unreachable",
    "Unsent",
]


class EvouchError(Exception):
    """Root of all errors that this package raises on purpose."""

    #: What a person can do about it; shown by the command line.
    advice: str = ""


class LocalError(EvouchError):
    """We were about to break a rule ourselves: a bug here, not at the peer."""


class PeerFault(EvouchError):
    """A peer sent something wrong. ``code`` is the wire code of the answer."""

    def __init__(self, code: str, description: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description
        self.details: dict[str, Any] = details or {}

    def __str__(self) -> str:
        return f"{self.code}: {self.description}" if self.description else self.code


class PeerRefused(EvouchError):
    """A peer understood us and said no (CALLERROR; HTTP 4xx or 5xx)."""

    def __init__(self, code: str, description: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description
        self.details: dict[str, Any] = details or {}

    def __str__(self) -> str:
        return f"peer refused with {self.code}: {self.description}"


class PeerGarbled(PeerRefused):
    """A peer's answer broke its schema: it did not say no, but nothing else that counts either.

    ``code`` is that of the breach, as we found it; the peer has sent none.
    """


class Unreachable(EvouchError):
    """No answer came: what the peer did is unknown."""


class Offline(Unreachable):
    """There is no connection to the peer; nothing was sent."""


class TimedOut(Unreachable):
    """The deadline passed before an answer came."""


class Unsent(TimedOut):
    """The deadline passed while other calls were being answered; nothing was sent."""


class Overloaded(Unreachable):
    """Our queue towards the peer is full; nothing was sent."""


class ConnectionReplaced(Unreachable):
    """A newer connection of the same peer took over while we waited."""


class Refused(EvouchError):
    """A rule said no.

    ``reason`` is a short stable word in lower camel case ("slotTaken"); each language
    (OCPP, HTTP, pages) maps it through one table of its own. ``detail`` is for the
    operator and never shown to the caller.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


class InvalidCode(Refused):
    """The one-time code opens nothing. Callers learn no more than that."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("invalidCode", detail)


class InvalidProof(Refused):
    """The proof of identity does not hold. Callers learn no more than that."""

    def __init__(self, detail: str = "") -> None:
        super().__init__("invalidProof", detail)
