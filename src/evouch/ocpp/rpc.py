"""One end of one OCPP connection, without I/O: frames in, events and frames out.

A :class:`Peer` knows its version's framing, schemas, tolerances and error codes, and
nothing of what messages mean. It serves both sides of the wire. The shell around it
promises four things: whatever arrives goes into :meth:`Peer.receive`; after every call of
a method, :meth:`Peer.frames_to_send` is written to the socket; :meth:`Peer.expire` is
called when :meth:`Peer.next_deadline` has come; and :meth:`Peer.close` when the connection
is gone. In return nothing that a peer sends raises.

Rules of this file (OCPP-J 1.6 §4, 2.x part 4 §4):

* At most one CALL of ours is unanswered; others wait behind it, in order, and may expire
  there without having been sent.
* A CALL that breaks a rule is answered with a CALLERROR at once and comes up as
  :class:`Rejected`; a CALLRESULT that breaks its schema is answered on 2.1 only, with a
  CALLRESULTERROR. Nothing answers a CALLERROR, a CALLRESULTERROR or a SEND.
* What cannot be matched to a CALL is :class:`Ignored`, with the reason.
* While :attr:`Peer.allowed` is a set, a CALL of another action is answered SecurityError
  before its schema, or whether there is such an action, is looked at; a SEND is ignored.
* A Heartbeat of 1.6 asks for the time and nothing else: whatever its payload, and whether
  there is one, it comes up with an empty one. It passes the gate too.
* A CALL whose id is that of one still unanswered is ignored, for the one answer serves
  both. Once answered, an id that returns is a new CALL: retried messages are told apart
  by keys of their own, and simple stations use one id for ever.
"""

from collections import Counter
from typing import Any, Final

from msgspec import Struct

from evouch.clock import Entropy, Tick
from evouch.errors import LocalError, Overloaded, PeerFault, TimedOut, Unreachable, Unsent
from evouch.ids import OcppVersion
from evouch.ocpp import frames
from evouch.ocpp.events import Answered, Called, Event, Failed, Ignored, Rejected, Sent
from evouch.ocpp.frames import CALL, CALLERROR, CALLRESULT, CALLRESULTERROR, MAX_ID, NO_ID, SEND, Frame
from evouch.ocpp.manners import MANNERS, Manners
from evouch.ocpp.payloads import Payloads
from evouch.ocpp.refusals import MAX_DESCRIPTION, Code, wire_code
from evouch.ocpp.tolerances import CALLERROR_WITHOUT_ID, SHORT_CALLERROR
from evouch.ocpp.versions import V16, V21
from evouch.wire import MalformedJson, decode, encode

__all__ = ["Answered", "Called", "Event", "Failed", "Ignored", "Peer", "Rejected", "Sent"]

Json = Any

#: Most CALLs of the peer that may await our answer. The specification allows one; stations
#: that empty an offline queue all at once are served, a flood is not.
MAX_UNANSWERED: Final = 64
#: How many past CALLs are remembered, to tell a late answer from an invented one.
MAX_PAST: Final = 16
#: The message of 1.6 that is answered whatever it carries (W3CP-OCPP 1.6J Compatibility Layer, "Heartbeat").
_HEARTBEAT: Final = "Heartbeat"


class _Call(Struct, frozen=True):
    """A CALL of ours, open or queued."""

    id: str
    action: str
    frame: bytes
    by: Tick


class Peer:
    """One end of one connection. ``csms`` says which: the backend's (True) or the station's.

    ``handled`` are the actions that we answer, of those the version knows; ``tally`` counts
    uses of the tolerances and may be shared by many peers; ``manners`` say what we make of a
    CALL that we do not know.
    """

    __slots__ = (
        "_called",
        "_closed",
        "_entropy",
        "_handled",
        "_heard",
        "_manners",
        "_max_queue",
        "_open",
        "_out",
        "_past",
        "_payloads",
        "_queue",
        "_strange",
        "allowed",
        "csms",
        "tally",
        "version",
    )

    def __init__(
        self,
        version: OcppVersion,
        *,
        csms: bool,
        entropy: Entropy,
        max_queue: int = 64,
        handled: frozenset[str] | None = None,
        tally: Counter[str] | None = None,
        manners: Manners = MANNERS,
    ) -> None:
        self.version: Final = version
        self.csms: Final = csms
        self.tally: Final = Counter[str]() if tally is None else tally
        self._entropy = entropy
        self._max_queue = max_queue
        self._payloads = Payloads(version, self.tally)
        self._manners = manners
        self._strange = frozenset() if manners.extensions else self._payloads.extensions
        self._handled = (self._payloads.known if handled is None else handled) - self._strange
        #: what we hear at the moment: the handled actions that are allowed
        self._heard = self._handled
        #: what the other side may say before it has proved who it is; None for everything. Set by :meth:`allow`
        self.allowed: frozenset[str] | None = None
        self._open: _Call | None = None
        self._queue: list[_Call] = []
        #: id → action of the peer's CALLs that await our answer
        self._called: dict[str, str] = {}
        #: id → what an answer to it would be now ("late", "doubled")
        self._past: dict[str, str] = {}
        self._out: list[bytes] = []
        self._closed: Unreachable | None = None

    # ── what we say ─────────────────────────────────────────────────────────────────────

    def call(self, action: str, payload: Json, *, by: Tick, id: str | None = None) -> str:
        """Send a CALL, or queue it behind the open one, and return its id.

        Its end is one :class:`Answered` or :class:`Failed`. Raises ``Overloaded`` when the
        queue is full, the error of :meth:`close` when there is no connection any more, and
        ``LocalError`` when the payload breaks its schema or ``id`` is used or too long.
        """
        if self._closed is not None:
            raise self._closed
        if self._open is not None and len(self._queue) >= self._max_queue:
            raise Overloaded(f"{len(self._queue)} calls are waiting")
        if action not in self._payloads.actions:
            raise LocalError(f"{self.version} has no action {action}")
        self._payloads.sent(action, "request", payload)
        id = self._entropy.id() if id is None else self._usable(id)
        self._queue.append(_Call(id, action, encode([CALL, id, action, payload]), by))
        self._advance()
        return id

    def send(self, action: str, payload: Json) -> None:
        """Send a SEND (2.1 only). Raises ``LocalError`` where the version or the schema does not allow it."""
        if action not in self._payloads.sends:
            raise LocalError(f"{self.version} has no SEND {action}")
        self._payloads.sent(action, "request", payload)
        self._write([SEND, self._entropy.id(), action, payload])

    def answer(self, id: str, payload: Json) -> None:
        """Answer the peer's CALL ``id``.

        An answer that breaks its schema is a bug of ours: the peer gets InternalError, the
        caller ``LocalError``. After :meth:`close` nothing happens.
        """
        if self._closed is not None:
            return
        action = self._taken(id)
        try:
            self._payloads.sent(action, "response", payload)
            self._write([CALLRESULT, id, payload])
        except LocalError:
            self._write_error(CALLERROR, id, PeerFault(Code.INTERNAL))
            raise

    def refuse(self, id: str, fault: PeerFault) -> None:
        """Answer the peer's CALL ``id`` with a CALLERROR; the code is spelled as the version has it."""
        if self._closed is not None:
            return
        self._taken(id)
        self._write_error(CALLERROR, id, fault)

    def frames_to_send(self) -> list[bytes]:
        """Return the frames that must go to the socket now, in order, and forget them."""
        out, self._out = self._out, []
        return out

    def allow(self, actions: frozenset[str] | None) -> None:
        """Hear these actions only, from the next frame on; None for all that are handled."""
        self.allowed = actions
        self._heard = self._handled if actions is None else self._handled & actions

    # ── time and end ────────────────────────────────────────────────────────────────────

    def next_deadline(self) -> Tick | None:
        """Return when :meth:`expire` has something to do, if ever."""
        return min((call.by for call in (self._open, *self._queue) if call is not None), default=None)

    def expire(self, at: Tick) -> list[Event]:
        """Give up every call whose deadline has come by ``at``; the next one in the queue goes out."""
        unsent = [call for call in self._queue if call.by <= at]
        failed = [Failed(call.id, call.action, Unsent(f"no turn for {call.action} in time")) for call in unsent]
        self._queue = [call for call in self._queue if call.by > at]
        if self._open is not None and self._open.by <= at:
            late = TimedOut(f"no answer to {self._open.action} in time")
            failed.insert(0, Failed(self._open.id, self._open.action, late))
            self._remember(self._open.id, "late")
            self._open = None
        self._advance()
        return list(failed)

    def close(self, error: Unreachable) -> list[Event]:
        """The connection is gone: every call fails with ``error``, and nothing is sent any more."""
        self._closed = error
        calls = [call for call in (self._open, *self._queue) if call is not None]
        self._open, self._queue, self._out = None, [], []
        self._called.clear()
        return [Failed(call.id, call.action, error) for call in calls]

    # ── what we hear ────────────────────────────────────────────────────────────────────

    def receive(self, frame: bytes | str, at: Tick) -> list[Event]:
        """Take one frame that arrived at ``at``. Whatever it is, nothing is raised."""
        events: list[Event] = []
        if self._open is not None and self._open.by <= at:
            events += self.expire(at)
        events.append(self._plain_call(frame) or self._react(frames.read(frame)))
        return events

    def _plain_call(self, raw: bytes | str) -> Called | None:
        """Take what nearly every frame is, a CALL without a fault, in half the time.

        None for everything else: the long way judges it, and finds the words.
        """
        if type(raw) is not bytes or self._closed is not None or len(self._called) >= MAX_UNANSWERED:
            return None
        try:
            kind, id, action, payload = decode(raw)
        except (MalformedJson, TypeError, ValueError):
            return None
        if type(kind) is not int or kind != CALL or type(id) is not str or len(id) > MAX_ID or id in self._called:
            return None
        if type(action) is not str or action not in self._heard or not self._payloads.fits(action, payload):
            return None
        self._called[id] = action
        return Called(id, action, payload, raw)

    def _react(self, frame: Frame) -> Event:
        if self._closed is not None:
            return Ignored("closed", frame.raw)
        match frame.kind:
            case frames.CALL:
                return self._on_call(frame)
            case frames.CALLRESULT:
                return self._on_result(frame)
            case frames.CALLERROR:
                return self._on_error(frame)
            case frames.CALLRESULTERROR if self.version == V21:
                return Ignored(f"the peer could not read our answer: {frames.refusal(frame)[0].code}", frame.raw)
            case frames.SEND if self.version == V21:
                return self._on_send(frame)
        return self._on_unknown(frame)

    def _on_call(self, frame: Frame) -> Event:
        id, action = frame.id, frame.action
        if id is None or len(id) > MAX_ID:
            return self._on_call_without_id(frame)
        if id in self._called:
            return Ignored("doubled CALL", frame.raw)
        try:
            payload = self._request(frame)
        except PeerFault as fault:
            if fault.code == Code.NOT_IMPLEMENTED:
                return self._on_unknown_call(id, fault, frame)
            return self._reject(id, action, fault, frame)
        self._called[id] = action
        return Called(id, action, payload, frame.raw)

    def _request(self, frame: Frame) -> Json:
        """Return the payload of a CALL that we shall answer; raise the fault where it breaks a rule."""
        if not self._lets_in(frame):
            raise PeerFault(Code.SECURITY, "this station has not proved its identity")
        action, payload = (_HEARTBEAT, {}) if self._asks_the_time(frame) else self._two(frame)
        if action not in self._payloads.actions or action in self._strange:
            raise PeerFault(Code.NOT_IMPLEMENTED, f"{self.version} does not know this action")
        if action not in self._handled:
            raise PeerFault(Code.NOT_SUPPORTED, f"{action} is not supported here")
        if len(self._called) >= MAX_UNANSWERED:
            raise PeerFault(Code.GENERIC, "too many unanswered CALLs")
        return self._payloads.received(action, "request", payload)

    def _on_unknown_call(self, id: str, fault: PeerFault, frame: Frame) -> Event:
        answer = self._manners.answer(self.version, id, fault.description)
        if answer is None:
            return Ignored("a CALL that is not known", frame.raw)
        self._write(answer)
        return Rejected(id, frame.action, PeerFault(answer[2], fault.description), frame.raw)

    def _lets_in(self, frame: Frame) -> bool:
        """Tell whether a CALL passes the gate. One without an action to judge by is refused as what it is: no CALL."""
        named = bool(frame.rest) and isinstance(frame.rest[0], str)
        return self.allowed is None or not named or frame.action in self.allowed or self._asks_the_time(frame)

    def _asks_the_time(self, frame: Frame) -> bool:
        return frame.action == _HEARTBEAT and self.version == V16 and _HEARTBEAT in self._handled

    def _on_call_without_id(self, frame: Frame) -> Event:
        """2.x answers with the id -1; 1.6 has no such id, so it repeats one that is too long, or keeps silent."""
        fault = PeerFault(
            Code.FRAMEWORK, frame.broken or f"the message id is not a string of at most {MAX_ID} characters"
        )
        if self.version != V16:
            return self._reject(NO_ID, frame.action, fault, frame)
        if frame.id is not None and len(frame.id) <= MAX_DESCRIPTION:
            return self._reject(frame.id, frame.action, fault, frame)
        return Ignored("CALL without a readable id", frame.raw)

    def _on_unknown(self, frame: Frame) -> Event:
        """No type number that this version has: 1.6 ignores it, and 2.0.1 where it is a number at all."""
        id = frame.id if frame.id is not None and len(frame.id) <= MAX_ID else NO_ID
        if frame.kind is None and self.version != V16:
            fault = PeerFault(Code.FRAMEWORK, frame.broken or "there is no message type number")
        elif self.version == V21:
            fault = PeerFault(Code.MESSAGE_TYPE, f"2.1 has no message type {frame.kind}")
        else:
            return Ignored(frame.broken or "unknown message type", frame.raw)
        return self._reject(id, "", fault, frame)

    def _on_result(self, frame: Frame) -> Event:
        call = self._open
        if call is None or frame.id != call.id:
            return self._stray(frame)
        try:
            payload = self._response(call.action, frame)
        except PeerFault as fault:
            if self.version == V21:
                self._write_error(CALLRESULTERROR, call.id, fault)
            return self._settle(Failed(call.id, call.action, self._spelled(fault)))
        return self._settle(Answered(call.id, call.action, payload, frame.raw))

    def _response(self, action: str, frame: Frame) -> Json:
        if frame.broken:
            raise PeerFault(Code.FORMAT, frame.broken)
        match frame.rest:
            case [payload]:
                return self._payloads.received(action, "response", payload)
        raise PeerFault(Code.FRAMEWORK, "a CALLRESULT has the form [3, id, payload]")

    def _on_error(self, frame: Frame) -> Event:
        call = self._open
        if call is not None and frame.id in (NO_ID, ""):
            self.tally[CALLERROR_WITHOUT_ID] += 1
        elif call is None or frame.id != call.id:
            return self._stray(frame)
        refused, complete = frames.refusal(frame)
        if not complete:
            self.tally[SHORT_CALLERROR] += 1
        return self._settle(Failed(call.id, call.action, refused))

    def _on_send(self, frame: Frame) -> Event:
        try:
            action, payload = self._two(frame)
            if action not in self._payloads.sends or action not in self._heard:
                return Ignored("a SEND that is not handled", frame.raw)
            return Sent(action, self._payloads.received(action, "request", payload), frame.raw)
        except PeerFault as fault:
            return Ignored(f"a SEND with a {fault.code}", frame.raw)

    @staticmethod
    def _two(frame: Frame) -> tuple[str, Json]:
        """Return action and payload of a CALL or SEND."""
        match frame.rest:
            case [str(action), payload]:
                return action, payload
        if frame.broken:
            raise PeerFault(Code.FORMAT, frame.broken)
        raise PeerFault(Code.FRAMEWORK, "a CALL has the form [2, id, action, payload]")

    def _stray(self, frame: Frame) -> Ignored:
        when = self._past.get(frame.id or "", "unexpected")
        return Ignored(f"{when} {'CALLRESULT' if frame.kind == CALLRESULT else 'CALLERROR'}", frame.raw)

    # ── the parts they share ────────────────────────────────────────────────────────────

    def _usable(self, id: str) -> str:
        waiting = [call.id for call in (self._open, *self._queue) if call is not None]
        if not 0 < len(id) <= MAX_ID or id == NO_ID or id in waiting or id in self._past:
            raise LocalError(f"message id {id[:MAX_ID]!r} is used already, or not of 1 to {MAX_ID} characters")
        return id

    def _taken(self, id: str) -> str:
        try:
            return self._called.pop(id)
        except KeyError:
            raise LocalError(f"no CALL {id!r} awaits an answer") from None

    def _advance(self) -> None:
        if self._open is None and self._queue:
            self._open = self._queue.pop(0)
            self._out.append(self._open.frame)

    def _settle(self, end: Answered | Failed) -> Event:
        self._remember(end.id, "doubled")
        self._open = None
        self._advance()
        return end

    def _remember(self, id: str, answer: str) -> None:
        if len(self._past) >= MAX_PAST:
            del self._past[next(iter(self._past))]
        self._past[id] = answer

    def _reject(self, id: str, action: str, fault: PeerFault, frame: Frame) -> Rejected:
        self._write_error(CALLERROR, id, fault)
        return Rejected(id, action, self._spelled(fault), frame.raw)

    def _spelled(self, fault: PeerFault) -> PeerFault:
        return PeerFault(wire_code(self.version, fault.code), fault.description, fault.details)

    def _write_error(self, kind: int, id: str, fault: PeerFault) -> None:
        code, description = wire_code(self.version, fault.code), fault.description[:MAX_DESCRIPTION]
        try:
            self._write([kind, id, code, description, fault.details])
        except LocalError:
            self._write([kind, id, code, "", {}])

    def _write(self, message: list[Json]) -> None:
        self._out.append(encode(message))
