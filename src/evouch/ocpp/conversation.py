"""One live connection that is being talked over, at either end, without any socket.

A :class:`Conversation` joins three things that know nothing of each other: the
:class:`~evouch.ocpp.rpc.Peer` (frames, ids, schemas), the translator of the version
(messages ⇄ dialogue) and ``hear``, the actor's ear. Whoever owns it feeds it frames and
takes frames from it: a WebSocket (``ocpp.aio``) or a wire in memory (``evouch.testing``).

An answer that ``hear`` gives at once goes out at once, without a task. An awaitable gets
one task of its own, but what is said about transactions is answered strictly in the order
of arrival, for a later event must never be booked before an earlier one.
"""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar, assert_never

from evouch.charging.dialogue import Entrance, Evidence, Fact, Order, SessionFact, Unspeakable
from evouch.clock import Clock, Entropy, Tick
from evouch.errors import LocalError, Overloaded, PeerFault, PeerGarbled, PeerRefused, Refused, TimedOut, Unreachable
from evouch.ids import OcppVersion, StationId
from evouch.ocpp import frames
from evouch.ocpp.events import Answered, Called, Event, Failed, Ignored, Rejected, Sent
from evouch.ocpp.manners import MANNERS, Manners
from evouch.ocpp.redaction import kept, masked, redacted
from evouch.ocpp.refusals import fault_of_refusal
from evouch.ocpp.rpc import Peer
from evouch.ocpp.translator import AnsweredAlready, Call, Translator
from evouch.ocpp.work import Work
from evouch.wire import Json

__all__ = ["Conversation", "Hear"]

_log = logging.getLogger(__name__)

A = TypeVar("A")

#: The entrance of a conversation that came in by no door: a station's own end, or a test.
_UNSEEN: Final = Entrance()
#: The code that the gate of :meth:`Conversation.allow` answers with, and nothing else of the peer's.
_SECURITY: Final = "SecurityError"

#: The actor's ear: called with (conversation, fact or order, evidence); answers at once or by an awaitable.
Hear = Callable[[Any, Any, Evidence], Any]


class Conversation:
    """One end of one connection. It is the :class:`~evouch.charging.dialogue.Link` that a backend sees.

    ``send`` takes finished frames and must not raise. ``wake`` is called whenever
    :meth:`next_deadline` may have come nearer.
    """

    __slots__ = (
        "_clock",
        "_closed",
        "_entropy",
        "_hear",
        "_mean",
        "_peer",
        "_proven",
        "_refused",
        "_send",
        "_several",
        "_translator",
        "_waiting",
        "_wake",
        "_word",
        "_work",
        "candidate",
        "connection",
        "entrance",
        "mute",
        "station",
        "unanswered",
        "version",
    )

    def __init__(
        self,
        *,
        station: StationId,
        translator: Translator,
        csms: bool,
        hear: Hear,
        send: Callable[[bytes], None],
        clock: Clock,
        entropy: Entropy,
        connection: str,
        entrance: Entrance = _UNSEEN,
        candidate: bool = False,
        manners: Manners = MANNERS,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.station = station
        self.version: OcppVersion = translator.version
        self.connection = connection
        self.entrance = entrance
        #: another connection is the station's; see :class:`~evouch.charging.dialogue.Link`
        self.candidate = candidate
        #: CALLs of the other side are left unanswered: what a station does that was Rejected (OCPP 1.6 §4.2)
        self.mute = False
        #: CALLs of the other side that ``hear`` has not answered yet.
        self.unanswered = 0
        self._translator = translator
        self._mean = translator.fact if csms else translator.told
        self._word: Callable[[Any, Any], Json] = translator.answer if csms else translator.done
        self._hear = hear
        self._send = send
        self._clock = clock
        self._wake = wake
        handled = translator.handled_by_csms if csms else translator.handled_by_station
        self._peer = Peer(translator.version, csms=csms, entropy=entropy, handled=handled, manners=manners)
        self._waiting: dict[str, asyncio.Future[Json | PeerRefused | Unreachable]] = {}
        self._work: Work | None = None
        self._several: asyncio.Lock | None = None
        self._closed: Unreachable | None = None
        self._proven = False
        self._refused: Callable[[str], None] | None = None

    # ── frames in, time passing, the end ────────────────────────────────────────────────

    def receive(self, frame: bytes | str) -> None:
        """Take one text message of the other side. Never raises for what it contains."""
        if self._closed is None and not (self.mute and frames.read(frame).kind == frames.CALL):
            for event in self._peer.receive(frame, self._clock.tick()):
                if type(event) is Called:
                    self._called(event)
                else:
                    self._happened(event)
            self._flush()

    def next_deadline(self) -> Tick | None:
        """Return when :meth:`expire` is due: the end of the open CALL, or None."""
        return None if self._closed is not None else self._peer.next_deadline()

    def expire(self, at: Tick) -> None:
        """Fail the CALLs whose time is over by ``at``."""
        if self._closed is None:
            for event in self._peer.expire(at):
                self._happened(event)
            self._flush()

    def close(self, error: Unreachable) -> None:
        """End it: open and queued CALLs fail with ``error``. Handlers at work finish, unheard."""
        if self._closed is None:
            self._closed = error
            for event in self._peer.close(error):
                self._happened(event)

    async def finished(self) -> None:
        """Return once every handler at work is done."""
        if self._work is not None:
            await self._work.finished()

    # ── who may say what ────────────────────────────────────────────────────────────────

    @property
    def gated(self) -> bool:
        """Whether :meth:`allow` restricts the other side at the moment."""
        return self._peer.allowed is not None

    def allow(
        self,
        actions: frozenset[str] | None,
        *,
        proven: bool = False,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        """Answer CALLs of other actions with SecurityError, unread; None allows all.

        ``proven`` is what Evidence says from now on. ``refused`` is told the action of each
        CALL that was refused so, once its answer is on its way.
        """
        self._peer.allow(actions)
        self._proven = proven
        self._refused = refused

    # ── what we say ─────────────────────────────────────────────────────────────────────

    async def call(self, said: Order[A] | Fact[A], *, by: Tick) -> A | Unspeakable | PeerRefused | Unreachable:
        """Say a fact or an order and return the answer, or what kept it from coming, as a value.

        An answer that breaks its schema is a :class:`PeerGarbled` with the code of that
        breach: it came, but it says nothing. :class:`LocalError` is raised where what we
        were told to say breaks the schema ourselves (a raw CALL written by hand).
        """
        if self._closed is not None:
            return self._closed
        calls = self._spoken(said)
        if isinstance(calls, Unspeakable):
            return calls
        if len(calls) == 1:
            answers = [await self._ask(*calls[0], by)]
        else:
            answers = await self._ask_in_order(calls, by)
        if answers and isinstance(answers[-1], Unreachable):
            return answers[-1]
        try:
            return self._understood(said, answers)
        except PeerFault as fault:
            return _refusal_of(fault)

    def _spoken(self, said: Order[A] | Fact[A]) -> tuple[Call, ...] | Unspeakable:
        if isinstance(said, Order):
            return self._translator.order(said)
        spoken = self._translator.say(said)
        return spoken if isinstance(spoken, Unspeakable) else (spoken,)

    def _understood(self, said: Order[A] | Fact[A], answers: list[Any]) -> A | PeerRefused:
        if isinstance(said, Order):
            return self._translator.outcome(said, answers)
        answer = answers[0]
        return answer if isinstance(answer, PeerRefused) else self._translator.heard(said, answer)

    async def _ask_in_order(self, calls: tuple[Call, ...], by: Tick) -> list[Json | PeerRefused | Unreachable]:
        # Two orders of several CALLs each never interleave: half of each would be a third thing.
        if self._several is None:
            self._several = asyncio.Lock()
        answers: list[Json | PeerRefused | Unreachable] = []
        async with self._several:
            for action, payload in calls:
                answers.append(await self._ask(action, payload, by))
                if isinstance(answers[-1], Unreachable):
                    break
        return answers

    async def _ask(self, action: str, payload: Json, by: Tick) -> Json | PeerRefused | Unreachable:
        if self._closed is not None:
            return self._closed
        if self._clock.tick() >= by:
            return TimedOut(f"no time left for {action}")
        try:
            id = self._peer.call(action, payload, by=by)
        except Overloaded as full:
            return full
        answer = self._waiting[id] = asyncio.get_running_loop().create_future()
        self._flush()
        self._wake()
        try:
            return await answer
        finally:
            self._waiting.pop(id, None)

    # ── what we hear ────────────────────────────────────────────────────────────────────

    def _happened(self, event: Event) -> None:
        match event:
            case Called():
                self._called(event)
            case Answered():
                self._resolve(event.id, event.payload)
            case Failed():
                error = event.error
                self._resolve(event.id, _refusal_of(error) if isinstance(error, PeerFault) else error)
            case Sent():
                self._sent(event)
            case Rejected():
                action = masked(event.action)
                _log.info("%s: %s answered with %s", self.station, action[:40], event.fault.code)
                if event.fault.code == _SECURITY and self._refused is not None:
                    self._tell_refused(self._refused, action)
            case Ignored():
                _log.info("%s: frame ignored: %s", self.station, event.why)
            case _:
                assert_never(event)

    def _tell_refused(self, refused: Callable[[str], None], action: str) -> None:
        self._flush()  # whatever is said because of it comes after the answer
        try:
            refused(action)
        except Exception:  # noqa: BLE001 — a bug of the backend's must not keep the next frame from being heard
            _log.exception("%s: telling of a refused %s failed", self.station, action[:40])

    def _resolve(self, id: str, value: Json | PeerRefused | Unreachable) -> None:
        waiting = self._waiting.get(id)
        if waiting is not None and not waiting.done():
            waiting.set_result(value)

    def _called(self, call: Called) -> None:
        try:
            said = self._mean(call.action, call.payload)
            answer = self._hear(self, said, self._evidence(kept(call.action, call.payload, call.frame)))
            if hasattr(answer, "__await__"):
                self._answer_later(call.id, call.action, said, answer)
            else:
                self._peer.answer(call.id, self._word(said, answer))
        except Exception as error:  # noqa: BLE001 — whatever a handler raises, the connection lives on
            self._answer_error(call.id, call.action, error)

    def _evidence(self, frame: bytes) -> Evidence:
        return Evidence(frame, self._clock.now(), self.connection, self._proven)

    def _sent(self, message: Sent) -> None:
        try:
            answer = self._hear(
                self, self._mean(message.action, message.payload), self._evidence(redacted(message.frame))
            )
        except Exception as error:  # noqa: BLE001 — SEND has no answer, so nothing but the log can say it
            _log.info("%s: %s not taken: %s", self.station, message.action[:40], type(error).__name__)
        else:
            if hasattr(answer, "__await__"):
                self._start(self._await_quietly(message.action, answer))

    async def _await_quietly(self, action: str, answer: Awaitable[Any]) -> None:
        try:
            await answer
        except Exception as error:  # noqa: BLE001 — as above
            _log.info("%s: %s not taken: %s", self.station, action[:40], type(error).__name__)

    # ── answering ───────────────────────────────────────────────────────────────────────

    def _answer_error(self, id: str, action: str, error: Exception) -> None:
        match error:
            case AnsweredAlready():
                self._peer.answer(id, error.payload)
            case PeerFault():
                self._peer.refuse(id, error)
            case Refused():
                self._peer.refuse(id, fault_of_refusal(error))
            case _:
                self._log_bug(action, error)
                with suppress(LocalError):  # it was our answer that broke the schema: the peer knows already
                    self._peer.refuse(id, PeerFault("InternalError"))

    def _answer_later(self, id: str, action: str, said: Any, answer: Awaitable[Any]) -> None:
        self.unanswered += 1
        self._start(self._finish(id, action, said, answer), in_order=isinstance(said, SessionFact))

    def _start(self, work: Coroutine[Any, Any, None], *, in_order: bool = False) -> None:
        if self._work is None:
            self._work = Work()
        self._work.start(work, in_order=in_order)

    # It gets no more of the CALL than its id and action: what a station said is not kept while it is thought about.
    async def _finish(self, id: str, action: str, said: Any, answer: Awaitable[Any]) -> None:
        try:
            heard = await answer
            if self._closed is None:
                self._peer.answer(id, self._word(said, heard))
        except Exception as error:  # noqa: BLE001 — as in _called
            if self._closed is None:
                self._answer_error(id, action, error)
            elif not isinstance(error, (PeerFault, Refused)):
                self._log_bug(action, error)
        finally:
            self.unanswered -= 1
            self._flush()

    def _log_bug(self, action: str, error: Exception) -> None:
        # Where it happened, but not its text, which may repeat what the station said.
        where = "".join(traceback.format_tb(error.__traceback__))
        _log.error("%s: handling %s failed: %s\n%s", self.station, action, type(error).__name__, where)

    def _flush(self) -> None:
        if self._closed is None:
            for frame in self._peer.frames_to_send():
                self._send(frame)


def _refusal_of(fault: PeerFault) -> PeerRefused:
    """The other side's answer broke its schema. Callers see it as one more way of not being told yes."""
    return PeerGarbled(fault.code, fault.description, fault.details)
