"""What comes out of one end of an OCPP connection: the events of :class:`evouch.ocpp.rpc.Peer`."""

from typing import Any

from msgspec import Struct

from evouch.errors import PeerFault, PeerRefused, Unreachable

__all__ = ["Answered", "Called", "Event", "Failed", "Ignored", "Rejected", "Sent"]

Json = Any


class Called(Struct, frozen=True):
    """The peer wants something; :meth:`Peer.answer` or :meth:`Peer.refuse` must follow."""

    id: str
    action: str
    payload: Json
    frame: bytes


class Answered(Struct, frozen=True):
    """Our CALL ``id`` was answered, and the answer fits its schema."""

    id: str
    action: str
    payload: Json
    frame: bytes


class Failed(Struct, frozen=True):
    """Our CALL ``id`` will have no answer: refused, unanswered, or answered with nonsense (PeerFault)."""

    id: str
    action: str
    error: PeerRefused | Unreachable | PeerFault


class Sent(Struct, frozen=True):
    """The peer sent a message that wants no answer (SEND, 2.1)."""

    action: str
    payload: Json
    frame: bytes


class Ignored(Struct, frozen=True):
    """A frame that changed nothing; ``why`` is for the operator."""

    why: str
    frame: bytes


class Rejected(Struct, frozen=True):
    """A CALL of the peer that broke a rule. Its CALLERROR is among the frames to send; ``fault`` has the wire code."""

    id: str
    action: str
    fault: PeerFault
    frame: bytes


Event = Called | Answered | Failed | Sent | Ignored | Rejected
