"""The one place where picows is bent: its hook for upgrades sees neither the peer's address nor its certificate."""

from typing import Any, Protocol

from picows import WSAutoPingStrategy, WSUpgradeRequest, WSUpgradeResponseWithListener
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # its stub leaves it out

from evouch.ocpp.aio_limits import Limits
from evouch.ocpp.aio_pulse import library_log

__all__ = ["Arrival", "Door"]


class Door(Protocol):
    """What a server tells an arrival to do."""

    def arrived(self, arrival: "Arrival") -> None:
        """A connection was accepted (and its TLS handshake done); nothing has been said yet."""

    def knocked(self, arrival: "Arrival", request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        """An upgrade request was read; return the response."""

    def departed(self, arrival: "Arrival") -> None:
        """The connection is closed."""


class Arrival(WSProtocol):  # type: ignore[misc]
    """picows' protocol, with a door that sees who stands before it. The guard test pins its constructor."""

    __slots__ = ("_door",)

    def __init__(self, door: Door, limits: Limits) -> None:
        self._door = door
        super().__init__(
            host_port=None,
            ws_path=None,
            is_client_side=False,
            ws_listener_factory=self._knock,
            logger=library_log,
            disconnect_on_exception=True,
            websocket_handshake_timeout=limits.handshake_timeout,
            enable_auto_ping=False,  # pings are sent from our one heap of deadlines
            auto_ping_idle_timeout=1.0,
            auto_ping_reply_timeout=1.0,
            auto_ping_strategy=WSAutoPingStrategy.PING_WHEN_IDLE,
            enable_auto_pong=False,  # and pongs by our socket, which counts what it answers
            max_frame_size=limits.message_bytes,
            extra_headers=None,
            read_buffer_init_size=limits.read_buffer,
        )

    def connection_made(self, transport: Any) -> None:
        """Tell the door."""
        super().connection_made(transport)
        self._door.arrived(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the door."""
        self._door.departed(self)
        super().connection_lost(exc)

    def _knock(self, request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        return self._door.knocked(self, request)

    def about(self, name: str) -> Any:
        """Return what the transport knows: ``peername``, ``ssl_object``."""
        return self.transport.underlying_transport.get_extra_info(name)

    def drop(self) -> None:
        """Close without an answer."""
        self.transport.underlying_transport.abort()
