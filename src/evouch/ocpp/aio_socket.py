"""One WebSocket of either side: whole text messages in and out, whatever the peer does with frames.

picows hands over single frames and leaves the rest to its user: joining fragments under
one limit, refusing binary and reserved bits, checking UTF-8, answering pings.
"""

import logging
from typing import Any, Final

from picows import WSFrame, WSMsgType, WSTransport

from evouch.ocpp.aio_pulse import Pulse

__all__ = ["TEXT", "Socket"]

_log = logging.getLogger("evouch.ocpp.aio")

TEXT: Final = WSMsgType.TEXT
_CONTINUATION: Final = WSMsgType.CONTINUATION
_BINARY: Final = WSMsgType.BINARY
_PING: Final = WSMsgType.PING
_CLOSE: Final = WSMsgType.CLOSE

# RFC 6455 §7.4.1
_PROTOCOL_ERROR: Final = 1002
_UNSUPPORTED: Final = 1003
_INVALID_TEXT: Final = 1007
_TOO_BIG: Final = 1009


class Socket(Pulse):
    """A WebSocket of text messages. Subclasses say what a message means."""

    __slots__ = ("_parts",)

    def __init__(self, **pulse: Any) -> None:
        super().__init__(**pulse)
        self._parts: bytearray | None = None

    def on_message(self, message: bytes) -> None:
        """A whole text message has arrived; it is UTF-8."""

    def send(self, frame: bytes) -> None:
        """Send one text message; silently nothing once the connection is gone."""
        if self._transport is not None:
            self._transport.send(TEXT, frame)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Take one frame."""
        self._heard = at = self._clock.tick()
        self._frames += 1
        if self._frames >= self._lot or self._waited_for:
            self.counted(at)
        kind = frame.msg_type
        if kind is _CLOSE:
            self.closed_by_peer(transport, frame.get_payload_as_bytes())
        elif self._gone or transport.is_close_frame_sent:
            return
        elif frame.rsv1 or frame.rsv2 or frame.rsv3:
            self.fault(_PROTOCOL_ERROR, "reserved bits are set")
        elif kind is TEXT and self._parts is None and frame.fin:
            self._message(frame.get_payload_as_bytes())
        else:
            self._take(transport, frame, kind)

    def _take(self, transport: WSTransport, frame: WSFrame, kind: WSMsgType) -> None:
        if kind is _PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif kind is _BINARY:
            self.fault(_UNSUPPORTED, "OCPP is text")
        elif kind is TEXT or kind is _CONTINUATION:
            self._fragment(frame, first=kind is TEXT)

    def _message(self, message: bytes) -> None:
        if not message.isascii() and not _is_utf8(message):
            self.fault(_INVALID_TEXT, "not UTF-8")
            return
        try:
            self.on_message(message)
        except Exception:  # noqa: BLE001 — as in _guarded, which would cost every message a call more
            _log.exception("handling a message failed")

    def _fragment(self, frame: WSFrame, *, first: bool) -> None:
        if first is not (self._parts is None):
            self.fault(_PROTOCOL_ERROR, "fragments out of order")
            return
        parts = self._parts = bytearray() if self._parts is None else self._parts
        if len(parts) + frame.payload_size > self._limits.message_bytes:
            self.fault(_TOO_BIG, "message too long")
            return
        parts += frame.get_payload_as_memoryview()
        if frame.fin:
            self._parts = None
            self._message(bytes(parts))


def _is_utf8(message: bytes) -> bool:
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True
