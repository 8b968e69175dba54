"""The door of the OCPP server: who knocks, who may come in, and how a knock is read off an HTTP request.

Pure: no socket is in here. :class:`Gate` is the port through which the server asks its
backend; it answers from memory, at once and at constant cost, because it is asked before
the WebSocket exists and by strangers.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote_to_bytes

from evouch.ids import OcppVersion, Secret, StationId, parse_station_id

__all__ = ["Admission", "Gate", "Knock", "OpenGate", "choose", "offered", "password", "station_of"]


@dataclass(frozen=True, slots=True)
class Knock:
    """A station that asks to be let in, before its WebSocket is opened.

    ``password`` is None where no Basic credentials were sent; credentials in another name
    than the station's count as an empty password. ``certificate`` is the client's, in DER,
    once the TLS layer has verified it (security profile 3).
    """

    station: StationId
    password: Secret | None
    address: str
    tls: bool = False
    certificate: bytes | None = None
    subprotocols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Admission:
    """The gate's answer as an HTTP status: 101 lets in; 401, 403, 404, 429 and 503 do not.

    ``retry_after`` in seconds, 0 for none. ``credential`` names what authenticated the
    station ("" for nothing): a new connection replaces an old one of an equal, non-empty
    credential at once. ``reason`` is for the operator and never sent. ``basic`` says that the
    password was the right one, ``certificate`` that the one brought counts for this station:
    both go into the link's :class:`~evouch.charging.dialogue.Entrance`.
    """

    status: int
    retry_after: int = 0
    credential: str = ""
    reason: str = ""
    basic: bool = False
    certificate: bool = False


class Gate(Protocol):
    """Decides on a knock from what is in memory."""

    def admit(self, knock: Knock) -> Admission:
        """Return whether the station may come in. Costs the same for known and unknown stations."""


class OpenGate:
    """Lets everybody in, without credentials: for loopback, demonstrations and tests."""

    def admit(self, knock: Knock) -> Admission:
        """Return 101."""
        return Admission(101)


def station_of(target: str) -> StationId:
    """Return the station that a request target names: its last path segment, percent-decoded, byte for byte.

    Raises :class:`ValueError` where that is no station id (OCPP-J 1.6 §3.1.1, 2.x part 4 §3.1.1).
    """
    segment = target.split("?", 1)[0].rsplit("/", 1)[-1]
    return parse_station_id(unquote_to_bytes(segment).decode())


def password(authorization: str | None, station: StationId) -> Secret | None:
    """Return the password of an HTTP Basic header (RFC 7617), as the bytes that were sent.

    The user name must be the station's id (OCPP security white paper, A00.FR.204). An id
    may contain a colon, so the name is cut off as a whole, not at the first colon.
    """
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic" or not encoded.strip():
        return None
    try:
        pair = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    name = station.encode() + b":"
    return Secret(pair[len(name) :] if pair.startswith(name) else b"")


def offered(headers: Iterable[str]) -> tuple[str, ...]:
    """Return the subprotocols in the client's order, from one or several Sec-WebSocket-Protocol headers."""
    return tuple(name for header in headers for part in header.split(",") if (name := part.strip()))


def choose(names: Sequence[str], spoken: Sequence[OcppVersion]) -> OcppVersion | None:
    """Return the first of the client's subprotocols that we speak (OCPP-J, all versions)."""
    return next((OcppVersion(name) for name in names if name in spoken), None)
