"""The station's end: a WebSocket client that offers one version, proves who it is, and talks."""

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote

from picows import WSHandshakeError, WSInvalidStatusError, WSTransport, WSUpgradeResponse, ws_connect

from evouch.charging.dialogue import Fact, Unspeakable
from evouch.charging.equipment import Wiring
from evouch.clock import Clock, Entropy, Tick
from evouch.errors import Offline, PeerRefused, Unreachable
from evouch.ids import OcppVersion, Secret, StationId
from evouch.ocpp.aio_limits import LIMITS, Limits
from evouch.ocpp.aio_pulse import library_log
from evouch.ocpp.aio_socket import Socket
from evouch.ocpp.conversation import Conversation, Hear
from evouch.ocpp.deadlines import Deadlines
from evouch.ocpp.manners import MANNERS, Manners
from evouch.ocpp.translate import translator

__all__ = ["Line", "Open", "StationClient", "open_socket", "refused"]

A = TypeVar("A")

_NORMAL: Final = 1000


class Line(Socket):
    """The socket under a client."""

    __slots__ = ("_on_close", "conversation", "ended")

    def __init__(self, *, on_close: Callable[[Unreachable], None] | None, **socket: Any) -> None:
        super().__init__(**socket)
        self._on_close = on_close
        self.conversation: Conversation | None = None
        self.ended = asyncio.Event()

    def on_message(self, message: bytes) -> None:
        """Hand it to the conversation."""
        if self.conversation is not None:
            self.conversation.receive(message)

    def on_gone(self, error: Unreachable) -> None:
        """Fail what is open, and tell the station."""
        if self.conversation is not None:
            self.conversation.close(error)
        if self._on_close is not None:
            self._on_close(error)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """Nothing is left."""
        super().on_ws_disconnected(transport)
        self._deadlines.close()
        self.ended.set()

    def wake(self) -> None:
        """A deadline of the conversation may have come nearer."""
        self._deadlines.watch(self)

    def own_deadline(self) -> Tick | None:
        """Return the deadline of the open CALL."""
        return self.conversation.next_deadline() if self.conversation else None

    def on_expire(self, at: Tick) -> None:
        """Fail the CALLs that are over time."""
        if self.conversation is not None:
            self.conversation.expire(at)


#: Opens a WebSocket under a line: (url, line, headers, tls, limits). Raises Offline or PeerRefused.
Open = Callable[[str, Line, dict[str, str], ssl.SSLContext | None, Limits], Awaitable[WSTransport]]


class StationClient:
    """A connection of a station to its backend. Made by :meth:`connect`; not reused after it is gone."""

    def __init__(self, line: "Line", conversation: Conversation) -> None:
        self._line = line
        self.conversation = conversation

    @classmethod
    async def connect(
        cls,
        url: str,
        *,
        station: StationId,
        version: OcppVersion,
        password: Secret | None,
        hear: Hear,
        clock: Clock,
        entropy: Entropy,
        wiring: Wiring,
        tls: ssl.SSLContext | None = None,
        on_close: Callable[[Unreachable], None] | None = None,
        limits: Limits = LIMITS,
        open: Open | None = None,
        manners: Manners = MANNERS,
    ) -> Self:
        """Connect to ``url`` (``ws://`` or ``wss://``, without the station's id, which is appended).

        Raises :class:`Offline` where nobody answers, and :class:`PeerRefused` with the HTTP
        status as its code where the backend says no ("401", "404", "503"; details hold
        ``retryAfter`` where it was sent), or ``noSubprotocol`` where it does not speak ``version``. ``tls``
        may hold a client certificate. ``open`` is how a WebSocket is opened:
        :func:`open_socket`, or a wire in memory. ``manners`` are those of the firmware.
        """
        line = Line(clock=clock, deadlines=Deadlines(clock), limits=limits, on_close=on_close)
        conversation = Conversation(
            station=station,
            translator=translator(version, wiring),
            csms=False,
            hear=hear,
            send=line.send,
            clock=clock,
            entropy=entropy,
            connection=entropy.id(),
            manners=manners,
            wake=line.wake,
        )
        line.conversation = conversation
        headers = {"Sec-WebSocket-Protocol": version, **_credentials(station, password)}
        opening = (open or open_socket)(f"{url.rstrip('/')}/{quote(station, safe='')}", line, headers, tls, limits)
        transport = await _within(clock, Tick(clock.tick() + limits.handshake_timeout), opening)
        if transport.response.headers.get("Sec-WebSocket-Protocol") != version:
            line.cut(Offline("no common subprotocol"))
            raise PeerRefused("noSubprotocol", f"the backend does not speak {version}")
        return cls(line, conversation)

    async def say(self, fact: Fact[A], *, by: Tick) -> A | Unspeakable | PeerRefused | Unreachable:
        """Tell the backend a fact; return its answer, or the error as a value."""
        return await self.conversation.call(fact, by=by)

    def mute(self, mute: bool) -> None:  # noqa: FBT001  # it is the value itself
        """Leave every CALL of the backend unanswered, or answer again: what a station does that was Rejected."""
        self.conversation.mute = mute

    async def close(self) -> None:
        """Close the connection; ``on_close`` is called as for any other end."""
        self._line.close(_NORMAL, Offline("closed by the station"), "")
        await self._line.ended.wait()


def _credentials(station: StationId, password: Secret | None) -> dict[str, str]:
    if password is None:
        return {}
    pair = station.encode() + b":" + password.reveal()  # HTTP Basic sends it; nothing else can prove it
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


async def open_socket(
    url: str, line: Line, headers: dict[str, str], tls: ssl.SSLContext | None, limits: Limits
) -> WSTransport:
    """Open a real WebSocket."""
    try:
        transport, listener = await ws_connect(
            lambda: line,
            url,
            ssl_context=tls,
            websocket_handshake_timeout=limits.handshake_timeout,
            logger_name=library_log,
            enable_auto_pong=False,
            max_frame_size=limits.message_bytes,
            extra_headers=headers,
            max_redirects=0,  # the password is for this server alone
            read_buffer_init_size=limits.read_buffer,
        )
    except WSInvalidStatusError as error:
        raise refused(error.response) from error
    except WSHandshakeError as error:
        raise PeerRefused("handshake", str(error)[:200]) from error
    except (OSError, TimeoutError) as error:
        raise Offline(f"cannot reach {url.rsplit('/', 1)[0]}: {error}") from error
    if listener is not line or transport.is_disconnected:
        raise Offline("the connection was closed during the handshake")
    return transport


def refused(response: WSUpgradeResponse | None) -> PeerRefused:
    """Return the error for an upgrade that was answered with anything but 101."""
    status = int(response.status) if response is not None else 0
    later = response.headers.get("Retry-After", "") if response is not None else ""
    details = {"retryAfter": int(later)} if later.isdigit() else {}
    return PeerRefused(str(status), "the backend refused the connection", details)


async def _within(clock: Clock, by: Tick, work: Awaitable[WSTransport]) -> WSTransport:
    opening, late = asyncio.ensure_future(work), asyncio.ensure_future(clock.sleep_until(by))
    try:
        await asyncio.wait((opening, late), return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            raise Offline("the backend does not answer")
        return opening.result()
    finally:
        opening.cancel()
        late.cancel()
