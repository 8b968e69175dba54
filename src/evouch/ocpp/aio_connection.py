"""One station's WebSocket at the server: a socket, and the conversation that goes over it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from evouch.charging.dialogue import Entrance, Link
from evouch.clock import Tick
from evouch.errors import Offline, Unreachable
from evouch.ids import OcppVersion, StationId
from evouch.ocpp.aio_limits import ConnectionInfo
from evouch.ocpp.aio_pulse import Pause
from evouch.ocpp.aio_socket import TEXT, Socket
from evouch.ocpp.conversation import Conversation

__all__ = ["Admitted", "Connection", "Hangup", "House"]

_PROTOCOL_ERROR: Final = 1002


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A knock that the gate let in."""

    station: StationId
    version: OcppVersion
    entrance: Entrance
    credential: str
    since: datetime


class House(Protocol):
    """The server, as one of its connections sees it."""

    def opened(self, connection: "Connection") -> None:
        """The WebSocket is open."""

    def proved(self, connection: "Connection", *, alive: bool) -> None:
        """A probe of the connection ended."""

    def lapsed(self, connection: "Connection") -> None:
        """It is still a candidate when its time is over."""

    def lost(self, connection: "Connection", error: Unreachable) -> None:
        """The connection is of no more use."""

    def ended(self, connection: Socket) -> None:
        """Its transport is closed too."""


class Connection(Socket):
    """A station's connection. Until :meth:`join` it has no conversation, and what the station says is kept."""

    __slots__ = ("_house", "_kept", "admitted", "conversation", "rival", "trial_ends")

    def __init__(self, house: House, admitted: Admitted, **socket: Any) -> None:
        super().__init__(**socket)
        self._house = house
        self._kept: list[bytes] = []
        self.admitted = admitted
        self.conversation: Conversation | None = None
        #: a newer connection of the same station that waits for this one to prove alive or dead
        self.rival: Connection | None = None
        #: when it must have become the station's connection; None where it is, or nobody waits for it
        self.trial_ends: Tick | None = None

    def join(self, converse: Callable[["Connection"], Conversation]) -> None:
        """Start to talk: first about what was said while we waited."""
        self.conversation = converse(self)
        for message in self._kept:
            self.on_message(message)
        self._kept.clear()
        self._deadlines.watch(self)

    def is_of(self, link: Link) -> bool:
        """Tell whether ``link`` is talked over here."""
        return self.conversation is not None and self.conversation.connection == link.connection

    def info(self) -> ConnectionInfo:
        """Return what an operator may see."""
        admitted = self.admitted
        return ConnectionInfo(
            station=admitted.station,
            version=admitted.version,
            connection=self.conversation.connection if self.conversation else "",
            address=admitted.entrance.address,
            tls=admitted.entrance.tls,
            since=admitted.since,
            silent_for=self.silent_for,
        )

    def answer(self, frame: bytes) -> None:
        """Send a frame of the conversation; with an answer out, there may be room to listen again."""
        if self._transport is not None:
            self._transport.send(TEXT, frame)
        if self._pause and self._has_room():
            self.release(Pause.BUSY)

    def wake(self) -> None:
        """A deadline of the conversation may have come nearer."""
        self._deadlines.watch(self)

    def _has_room(self) -> bool:
        return self.conversation is None or self.conversation.unanswered < self._limits.unanswered

    # ── what the socket calls ───────────────────────────────────────────────────────────

    def on_open(self) -> None:
        """Tell the house."""
        self._house.opened(self)

    def on_message(self, message: bytes) -> None:
        """Hand the message to the conversation, or keep it until there is one."""
        conversation = self.conversation
        if conversation is None:
            self._kept.append(message)
            self.hold(Pause.BUSY)
            return
        conversation.receive(message)
        if conversation.unanswered and not self._has_room():
            self.hold(Pause.BUSY)

    def on_probed(self, *, alive: bool) -> None:
        """Tell the house."""
        self._house.proved(self, alive=alive)

    def on_gone(self, error: Unreachable) -> None:
        """Tell the house, then whoever waits for an answer."""
        self._kept.clear()
        self._house.lost(self, error)

    def on_ws_disconnected(self, transport: Any) -> None:
        """Tell the house that nothing is left."""
        super().on_ws_disconnected(transport)
        self._house.ended(self)

    def own_deadline(self) -> Tick | None:
        """Return the deadline of the open CALL, or of the candidate."""
        call = self.conversation.next_deadline() if self.conversation else None
        if call is None or self.trial_ends is None:
            return call or self.trial_ends
        return min(call, self.trial_ends)

    def on_expire(self, at: Tick) -> None:
        """Fail the CALLs that are over time, and a candidacy that is."""
        if self.conversation is not None:
            self.conversation.expire(at)
        if self.trial_ends is not None and self.trial_ends <= at:
            self.trial_ends = None
            self._house.lapsed(self)


class Hangup(Socket):
    """A client that speaks no version of ours: the handshake is completed and the connection closed (OCPP-J)."""

    __slots__ = ("_open",)

    def __init__(self, open: set[Socket], **socket: Any) -> None:
        super().__init__(**socket)
        self._open = open

    def on_open(self) -> None:
        """Close."""
        self._open.add(self)
        self.close(_PROTOCOL_ERROR, Offline("no common subprotocol"), "no common subprotocol")

    def on_ws_disconnected(self, transport: Any) -> None:
        """Be forgotten."""
        super().on_ws_disconnected(transport)
        self._open.discard(self)
