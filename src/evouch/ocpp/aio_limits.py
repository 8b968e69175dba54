"""What a WebSocket server of stations puts up with, each number with its reason, and what it tells its operator."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from evouch.charging.rates import Rate
from evouch.ids import OcppVersion, StationId
from evouch.wire import MAX_BYTES

__all__ = ["BACKLOG", "LIMITS", "ConnectionEvent", "ConnectionInfo", "Happening", "Limits", "Observe", "unobserved"]


#: Connections that the kernel completes for us while we are busy: a whole fleet returning after an outage.
BACKLOG: Final = 1024

_KNOCKS: Final = Rate(count=1000, seconds=1.0, burst=4000)
_ADDRESS_KNOCKS: Final = Rate(count=200, seconds=1.0, burst=1000)
_FRAMES: Final = Rate(count=50, seconds=1.0, burst=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one server, or of one client. Times in seconds, sizes in bytes."""

    #: one message, joined from all its fragments: what the decoder takes at most
    message_bytes: int = MAX_BYTES
    #: picows' smallest; it grows with the first longer message. Most OCPP frames are shorter, and idle ones hold it
    read_buffer: int = 2048
    #: answers that a station does not fetch; beyond this we stop reading what it says
    write_buffer: int = 64 * 1024
    #: how long a station may leave its answers unfetched before it is cut off
    stall: float = 30.0
    #: silence before we ping: below the 60 s after which mobile networks and proxies forget a connection
    ping_interval: float = 50.0
    #: silence, pongs included, after which a connection is dead: one ping lost and one unanswered
    idle_timeout: float = 120.0
    #: how long an old connection has to answer before one that waits takes its place
    probe: float = 5.0
    #: connections of one station that may prove themselves beside its own: the honest one, and few strangers
    candidates: int = 4
    #: how long each of them has: a boot, a challenge of 15 s, and both once more where something was lost
    candidacy: float = 30.0
    #: a request line and headers fit one packet: whoever takes longer is slow on purpose
    handshake_timeout: float = 10.0
    #: unfinished handshakes at once; the oldest goes when one more arrives, for honest ones take milliseconds.
    #: Four times what the kernel keeps for us: after a busy second all of those, and whoever comes
    #: meanwhile, are accepted before the first of them is read
    handshakes: int = 4 * BACKLOG
    #: knocks per second over all stations, so that all of them returning at once do not starve those already in
    knocks: Rate = _KNOCKS
    #: knocks per second of one address: a fleet behind one router returns within a minute, a flood stays alone
    address_knocks: Rate = _ADDRESS_KNOCKS
    #: connections at once: below the file descriptors of a usual service (65,536)
    connections: int = 20_000
    #: frames of one station; it sends one CALL at a time, so an honest one is far below
    frames: Rate = _FRAMES
    #: seconds of debt at that rate after which slowing down is not enough and the connection is closed
    flood: float = 20.0
    #: CALLs of one station in work; OCPP-J allows one, a few more do no harm
    unanswered: int = 16
    #: how long a closing handshake may take before the socket is simply cut
    close_timeout: float = 2.0
    #: least Retry-After of a refusal for overload; as much again is added at random, so that they do not return at once
    retry_after: int = 10


#: What a server that nobody configured puts up with.
LIMITS: Final = Limits()


class Happening(StrEnum):
    """What can happen to a connection, in words for logs and metrics."""

    JOINED = "joined"
    LEFT = "left"
    REFUSED = "refused"
    REPLACED = "replaced"
    CONTESTED = "contested"
    #: it may prove itself beside the station's own connection
    CANDIDATE = "candidate"
    #: a candidate has become the station's connection
    PROMOTED = "promoted"
    #: a candidate has not proved itself in time
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionEvent:
    """Something that happened to a connection. ``security`` marks what belongs into a security log."""

    kind: Happening
    at: datetime
    address: str
    station: StationId | None = None
    connection: str = ""
    detail: str = ""
    security: bool = False


#: Takes what happened. Called from the event loop: it must be quick.
Observe = Callable[[ConnectionEvent], None]


def unobserved(event: ConnectionEvent) -> None:
    """Take no notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionInfo:
    """A live connection as an operator sees it; ``silent_for`` in seconds."""

    station: StationId
    version: OcppVersion
    connection: str
    address: str
    tls: bool
    since: datetime
    silent_for: float
