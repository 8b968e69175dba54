"""The life of one WebSocket of either side: open, alive, slow, closing, gone.

picows leaves all of this to its user: pings and whether they are answered, the closing
handshake, slowing down a peer that sends too fast, and not listening to one that does not
read. What the frames say is the business of ``aio_socket``.
"""

import logging
import math
from collections.abc import Callable
from typing import Any, Final

from picows import WSCloseCode, WSListener, WSTransport

from evouch.clock import Clock, Tick
from evouch.errors import Offline, Unreachable
from evouch.ocpp.aio_limits import Limits
from evouch.ocpp.deadlines import Deadlines

__all__ = ["Pause", "Pulse", "library_log"]

_log = logging.getLogger("evouch.ocpp.aio")

#: Frames that are counted together.
_LOT: Final = 16
#: RFC 6455 §7.4.1: the peer broke a rule of ours.
_POLICY: Final = 1008
#: RFC 6455 §5.5: a control frame holds 125 bytes, of which the code takes two.
_REASON_BYTES: Final = 123


class _LibraryLog(logging.LoggerAdapter[logging.Logger]):
    """picows' log at one level, and never its lowest, which prints handshakes with their passwords."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # the name is logging's
        return level >= logging.DEBUG and self.logger.isEnabledFor(logging.DEBUG)

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        """Log what a stranger can cause, and what we close for, as the detail that it is."""
        if self.isEnabledFor(level):
            super().log(logging.DEBUG, msg, *args, **kwargs)


library_log = _LibraryLog(logging.getLogger("evouch.ocpp.picows"), {})


class Pause:
    """Why we do not read from a peer at the moment: plain bits, for an IntFlag costs every message a microsecond."""

    NONE: Final = 0
    #: it does not fetch what we sent
    STALLED: Final = 1
    #: it is ahead of its rate
    TOO_FAST: Final = 2
    #: it said more than we have answered
    BUSY: Final = 4


class Pulse(WSListener):
    """A WebSocket, watched by :class:`~evouch.ocpp.deadlines.Deadlines`.

    ``on_gone`` is called exactly once, as soon as the connection is of no more use, which
    is often before its last byte has left.
    """

    __slots__ = (
        "_arrival",
        "_clock",
        "_deadlines",
        "_ends",
        "_frames",
        "_gone",
        "_heard",
        "_limits",
        "_lot",
        "_pause",
        "_pinged",
        "_probe_ends",
        "_resumes",
        "_stalls",
        "_transport",
        "_waited_for",
        "due",
    )

    def __init__(self, *, clock: Clock, deadlines: Deadlines, limits: Limits) -> None:
        self._clock = clock
        self._deadlines = deadlines
        self._limits = limits
        self._transport: WSTransport | None = None
        self._heard = clock.tick()
        self._pinged = False
        self._waited_for = False
        self._gone = False
        # Frames not yet held against the rate; it is looked at once per lot, well within the burst.
        self._frames = 0
        self._lot = max(1, min(_LOT, limits.frames.burst // 4))
        self._pause: int = Pause.NONE
        self._arrival: Tick | None = None
        self._resumes: Tick | None = None
        self._stalls: Tick | None = None
        self._probe_ends: Tick | None = None
        self._ends: Tick | None = None
        self.due: Tick | None = None

    # ── for subclasses ──────────────────────────────────────────────────────────────────

    def on_open(self) -> None:
        """The WebSocket is open."""

    def on_gone(self, error: Unreachable) -> None:
        """Nothing more will be said or heard here."""

    def on_probed(self, *, alive: bool) -> None:
        """The peer answered a probe, or did not in time."""

    def own_deadline(self) -> Tick | None:
        """Return the deadline of whatever is talked about here."""
        return None

    def on_expire(self, at: Tick) -> None:
        """Do what :meth:`own_deadline` announced."""

    # ── for the owner ───────────────────────────────────────────────────────────────────

    @property
    def silent_for(self) -> float:
        """Seconds since the peer was last heard."""
        return self._clock.tick() - self._heard

    def probe(self) -> None:
        """Find out by a ping whether the peer is alive; :meth:`on_probed` says so."""
        if self._pause & (Pause.TOO_FAST | Pause.BUSY):
            self.on_probed(alive=True)  # it talks more than we listen to
        elif self._transport is not None and self._probe_ends is None:
            self._probe_ends = Tick(self._clock.tick() + self._limits.probe)
            self._waited_for = True
            self._transport.send_ping()
            self._deadlines.watch(self)

    def close(self, code: int, error: Unreachable, reason: str = "") -> None:
        """Start the closing handshake; nothing that arrives from now on counts."""
        self._leave(error)
        if self._transport is not None and self._ends is None:
            text = reason.encode()[:_REASON_BYTES].decode(errors="ignore").encode()  # never half a character
            self._transport.send_close(WSCloseCode(code), text)
            self._end_soon()

    def cut(self, error: Unreachable) -> None:
        """Drop the connection without a word."""
        self._leave(error)
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def hold(self, why: int) -> None:
        """Stop reading from the peer."""
        if self._transport is not None and self._ends is None:
            self._transport.underlying_transport.pause_reading()
            self._pause |= why

    def release(self, why: int) -> None:
        """Read on, unless there is another reason not to."""
        if self._pause & why:
            self._pause &= ~why
            if not self._pause:
                self._read_on()

    def _read_on(self) -> None:
        # What came in meanwhile was not heard; the peer gets its full time from here.
        self._heard, self._pinged = self._clock.tick(), False
        if self._transport is not None:
            self._transport.underlying_transport.resume_reading()
        self._deadlines.watch(self)

    def _leave(self, error: Unreachable) -> None:
        if not self._gone:
            self._gone = True
            self._guarded(self.on_gone, error)

    def _end_soon(self) -> None:
        self._ends = Tick(self._clock.tick() + self._limits.close_timeout)
        if self._pause:
            self._pause = Pause.NONE
            self._read_on()  # or the peer's half of the closing handshake would never be seen
        self._deadlines.watch(self)

    def _guarded(self, does: Callable[..., None], *args: Any) -> None:
        try:
            does(*args)
        except Exception:  # noqa: BLE001 — a bug of ours must not reach picows, which would close the connection
            _log.exception("handling a connection failed")

    # ── what picows calls ───────────────────────────────────────────────────────────────

    def on_ws_connected(self, transport: WSTransport) -> None:
        """Take over an open WebSocket."""
        self._transport = transport
        transport.request.headers.clear()  # they hold the password, and some 2 KiB
        transport.underlying_transport.set_write_buffer_limits(high=self._limits.write_buffer)
        self._guarded(self.on_open)
        self._deadlines.watch(self)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Forget the transport."""
        self._transport = None
        self._leave(Offline("the connection was lost"))

    def pause_writing(self) -> None:
        """Stop reading from a peer that does not read: its answers must not pile up here."""
        self._stalls = Tick(self._clock.tick() + self._limits.stall)
        self.hold(Pause.STALLED)
        self._deadlines.watch(self)

    def resume_writing(self) -> None:
        """Read on."""
        self._stalls = None
        self.release(Pause.STALLED)

    # ── for the frames ──────────────────────────────────────────────────────────────────

    def counted(self, at: Tick) -> None:
        """Notice what does not matter with every frame: the rate, and that a ping was answered."""
        self._arrival, wait = self._limits.frames.shape(self._arrival, at, self._frames)
        self._frames = 0
        self._waited_for = False
        if self._pinged:
            self._pinged = False
            self._deadlines.watch(self)  # the next ping is nearer than the end was
        if self._probe_ends is not None:
            self._probe_ends = None
            self._guarded(self._answered_probe)
        if wait:
            self._slow_down(at, wait)

    def closed_by_peer(self, transport: WSTransport, payload: bytes) -> None:
        """Finish the closing handshake that the peer began, or that we did."""
        code = int.from_bytes(payload[:2], "big")
        self._leave(Offline(f"the peer closed the connection ({code})" if code else "the peer closed the connection"))
        if not transport.is_close_frame_sent:
            transport.send_close(WSCloseCode.OK)
        self._end_soon()
        transport.disconnect()

    def fault(self, code: int, reason: str) -> None:
        """Close for something that the peer must not do."""
        _log.info("connection closed with %d: %s", code, reason)
        self.close(code, Offline(reason), reason)

    def _answered_probe(self) -> None:
        self.on_probed(alive=True)

    def _slow_down(self, at: Tick, wait: float) -> None:
        if wait > self._limits.flood:
            self.fault(_POLICY, "too many messages")
            return
        self._resumes = Tick(at + wait)
        self.hold(Pause.TOO_FAST)
        self._deadlines.watch(self)

    # ── time ────────────────────────────────────────────────────────────────────────────

    def next_deadline(self) -> Tick | None:
        """Return when :meth:`expire` is due; None once the socket is closed."""
        if self._transport is None or self._ends is not None:
            return self._ends if self._transport is not None else None
        silence = None if self._pause else self._silence_ends()
        moments = (self.own_deadline(), silence, self._probe_ends, self._resumes, self._stalls)
        return min((moment for moment in moments if moment is not None), default=None)

    def _silence_ends(self) -> Tick:
        # Whole seconds, so that many connections share one waking.
        limits = self._limits
        return Tick(math.ceil(self._heard + (limits.idle_timeout if self._pinged else limits.ping_interval)))

    def expire(self, at: Tick) -> None:
        """Do what is due: read on, ping, or cut a peer that is silent, stalled or does not finish closing."""
        if _is_due(self._ends, at) or _is_due(self._stalls, at):
            self.cut(Offline("the peer does not read"))
        elif self._ends is None:
            self._expire_probe(at)
            if _is_due(self._resumes, at):
                self._resumes = None
                self.release(Pause.TOO_FAST)
            if not self._pause and at >= self._silence_ends():
                self._silent()
            self.on_expire(at)

    def _expire_probe(self, at: Tick) -> None:
        if _is_due(self._probe_ends, at):
            self._probe_ends = None
            self._guarded(self._missed_probe)

    def _missed_probe(self) -> None:
        self.on_probed(alive=False)

    def _silent(self) -> None:
        if self._pinged:
            self.cut(Offline("the peer has fallen silent"))
        elif self._transport is not None:
            self._pinged = self._waited_for = True
            self._transport.send_ping()


def _is_due(moment: Tick | None, at: Tick) -> bool:
    return moment is not None and moment <= at
