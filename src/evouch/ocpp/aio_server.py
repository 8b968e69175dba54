"""The WebSocket server of stations: one port for all versions, one connection per station.

Rules of this file:

- Nobody is admitted before the gate has said so (``aio_door``).
- Which of several connections is the station's is decided in ``aio_epochs``; orders for a
  station go to that one, and a candidate is talked to by its link alone.
- Without credentials the server listens to nobody but this machine.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import aiofastnet

from evouch.charging.dialogue import Backend, Link, Order, Unspeakable
from evouch.charging.equipment import Wiring
from evouch.clock import Clock, Entropy, Tick
from evouch.errors import LocalError, Offline, PeerRefused, Unreachable
from evouch.ids import OcppVersion, StationId
from evouch.ocpp.aio_connection import Connection
from evouch.ocpp.aio_door import FrontDoor
from evouch.ocpp.aio_epochs import Epochs
from evouch.ocpp.aio_limits import BACKLOG, LIMITS, ConnectionInfo, Limits, Observe, unobserved
from evouch.ocpp.aio_protocol import Arrival
from evouch.ocpp.aio_pulse import Pause
from evouch.ocpp.aio_socket import Socket
from evouch.ocpp.conversation import Conversation
from evouch.ocpp.deadlines import Deadlines
from evouch.ocpp.gate import Gate
from evouch.ocpp.proxies import Proxies
from evouch.ocpp.translate import translator

__all__ = ["StationServer"]

A = TypeVar("A")

# RFC 6455 §7.4.1
_NORMAL: Final = 1000
_GOING_AWAY: Final = 1001
_POLICY: Final = 1008


class StationServer:
    """Implements :class:`~evouch.charging.dialogue.StationCalls` over the stations connected here.

    ``authenticated`` states that the gate demands credentials of every station; without it
    the server binds to loopback only. ``observe`` is told what happens to connections.

    ``tls`` says by its ``verify_mode`` whether stations may or must bring a certificate; only
    one that it has verified is ever looked at. ``proxies`` are addresses or networks whose
    ``Client-Cert`` header is believed, and whose connections count as TLS (RFC 9440); raises
    :class:`ValueError` where one is neither.
    """

    def __init__(
        self,
        backend: Backend,
        gate: Gate,
        *,
        wiring: Callable[[StationId, OcppVersion], Wiring],
        clock: Clock,
        entropy: Entropy,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        limits: Limits = LIMITS,
        observe: Observe = unobserved,
        authenticated: bool = False,
        proxies: Iterable[str] = (),
    ) -> None:
        self.host = host
        self.port = port
        self._backend = backend
        self._wiring = wiring
        self._clock = clock
        self._entropy = entropy
        self._tls = tls
        self._limits = limits
        self._authenticated = authenticated
        self._deadlines = Deadlines(clock)
        self._epochs = Epochs(self, clock=clock, limits=limits, observe=observe)
        self._emptied: asyncio.Event | None = None
        self._server: asyncio.Server | None = None
        #: where knocks are answered; tests knock here without a socket
        self.door = FrontDoor(
            self,
            gate,
            clock=clock,
            entropy=entropy,
            limits=limits,
            deadlines=self._deadlines,
            observe=observe,
            proxies=Proxies(proxies),
        )

    # ── life ────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Bind and serve. Raises :class:`LocalError` for a public address without credentials."""
        if not self._authenticated and not _is_loopback(self.host):
            raise LocalError(
                f"refusing to listen on {self.host}: no credentials are configured, so anybody could be a station. "
                "Give the stations passwords, or listen on 127.0.0.1."
            )
        timeout = self._limits.handshake_timeout if self._tls else None
        self._server = await aiofastnet.create_server(
            asyncio.get_running_loop(),
            lambda: Arrival(self.door, self._limits),
            self.host,
            self.port,
            ssl=self._tls,
            ssl_handshake_timeout=timeout,
            backlog=BACKLOG,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def drain(self, by: Tick) -> None:
        """Stop accepting and close every connection with 1001; those with CALLs in work once they are answered.

        Whoever has not finished the closing handshake ``by`` then is cut.
        """
        if self._server is not None:
            self._server.close()
        self.door.shut()
        self._emptied = asyncio.Event()
        leaving = asyncio.ensure_future(self._send_all_away())
        late = asyncio.ensure_future(self._clock.sleep_until(by))
        await asyncio.wait((leaving, late), return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        late.cancel()
        for socket in list(self.door.open):
            socket.cut(Offline("the server is shutting down"))
        self._deadlines.close()

    async def _send_all_away(self) -> None:
        await asyncio.gather(*(self._send_away(connection) for connection in self._epochs))
        await self._all_ended()

    async def _send_away(self, connection: Connection) -> None:
        if connection.conversation is not None and connection.conversation.unanswered:
            connection.hold(Pause.BUSY)
            await connection.conversation.finished()
        connection.close(_GOING_AWAY, Offline("the server is shutting down"), "going away")

    async def _all_ended(self) -> None:
        if self.door.open and self._emptied is not None:
            await self._emptied.wait()

    # ── StationCalls, and what an operator asks ─────────────────────────────────────────

    async def call(
        self, station: StationId, order: Order[A], *, by: Tick
    ) -> A | Unspeakable | PeerRefused | Unreachable:
        """Return the station's answer, or the error as a value."""
        connection = self._epochs.live.get(station)
        if connection is None or connection.conversation is None:
            return Offline(f"{station} is not connected")
        return await connection.conversation.call(order, by=by)

    def connections(self) -> list[ConnectionInfo]:
        """Return the live connections."""
        return [connection.info() for connection in self._epochs.live.values()]

    def disconnect(self, station: StationId, reason: str) -> bool:
        """Close a station's connection; return whether there was one."""
        connection = self._epochs.live.get(station)
        if connection is not None:
            connection.close(_NORMAL, Offline(reason), reason)
        return connection is not None

    def promote(self, link: Link) -> bool:
        """Make a candidate its station's connection and close the one that was, whose open CALLs fail.

        They fail with :class:`~evouch.errors.ConnectionReplaced`. False where the link is gone.
        """
        return self._epochs.promote(link)

    def hang_up(self, link: Link, reason: str, code: int = _POLICY) -> bool:
        """Close this one connection, be it the station's or a candidate; False where it is gone."""
        return self._epochs.hang_up(link, reason, code)

    # ── what connections say (House) ────────────────────────────────────────────────────

    def opened(self, connection: Connection) -> None:
        """Find an admitted connection its place."""
        self.door.open.add(connection)
        self._epochs.opened(connection)

    def proved(self, connection: Connection, *, alive: bool) -> None:
        """Decide between a connection and those that wait."""
        self._epochs.proved(connection, alive=alive)

    def lapsed(self, connection: Connection) -> None:
        """End a candidate that has had its time."""
        self._epochs.lapsed(connection)

    def lost(self, connection: Connection, error: Unreachable) -> None:
        """Forget a connection, and let its heir in."""
        self._epochs.lost(connection, error)

    def ended(self, connection: Socket) -> None:
        """Count a transport that is closed."""
        self.door.open.discard(connection)
        if self._emptied is not None and not self.door.open:
            self._emptied.set()

    # ── what the epochs need (Host) ─────────────────────────────────────────────────────

    def converse(self, connection: Connection, *, candidate: bool) -> Conversation:
        """Return a conversation over ``connection`` that the backend has joined."""
        admitted = connection.admitted
        conversation = Conversation(
            station=admitted.station,
            translator=translator(admitted.version, self._wiring(admitted.station, admitted.version)),
            csms=True,
            hear=self._backend.hear,
            send=connection.answer,
            clock=self._clock,
            entropy=self._entropy,
            connection=self._entropy.id(),
            entrance=admitted.entrance,
            candidate=candidate,
            wake=connection.wake,
        )
        self._backend.joined(conversation)
        return conversation

    def defends(self, link: Link) -> bool:
        """Ask the backend."""
        return self._backend.defends(link)

    def left(self, link: Link) -> None:
        """Tell the backend."""
        self._backend.left(link)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
