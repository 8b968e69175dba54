"""The WebSocket server of stations: one port for all versions, one connection per station.

Rules of this file:

- Nobody is admitted before the gate has said so, and a station's old connection is not
  touched before its new one is open and authenticated.
- A new connection with the credential of the old one replaces it at once. Without such
  proof the old one is pinged first, and gives way only if it does not answer; to one that
  has proved less than itself it does not give way at all.
- Every connection is its own epoch: whatever an old one still says or does on its way
  out, it never touches the new one.
"""

import asyncio
import ipaddress
import logging
import ssl
from collections.abc import Callable
from typing import Final, TypeVar

import aiofastnet

from evouch.charging.dialogue import Backend, Order, Unspeakable
from evouch.charging.equipment import Wiring
from evouch.clock import Clock, Entropy, Tick
from evouch.errors import ConnectionReplaced, LocalError, Offline, PeerRefused, Unreachable
from evouch.ids import OcppVersion, StationId
from evouch.ocpp.aio_connection import Connection
from evouch.ocpp.aio_door import FrontDoor
from evouch.ocpp.aio_limits import LIMITS, ConnectionEvent, ConnectionInfo, Happening, Limits, Observe, unobserved
from evouch.ocpp.aio_protocol import Arrival
from evouch.ocpp.aio_pulse import Pause
from evouch.ocpp.aio_socket import Socket
from evouch.ocpp.conversation import Conversation
from evouch.ocpp.deadlines import Deadlines
from evouch.ocpp.gate import Gate
from evouch.ocpp.translate import translator

__all__ = ["StationServer"]

_log = logging.getLogger("evouch.ocpp.aio")

A = TypeVar("A")

# RFC 6455 §7.4.1
_NORMAL: Final = 1000
_GOING_AWAY: Final = 1001
_POLICY: Final = 1008
_INTERNAL: Final = 1011

#: Connections that the kernel completes for us while we are busy: a whole fleet returning after an outage.
_BACKLOG: Final = 1024


class StationServer:
    """Implements :class:`~evouch.charging.dialogue.StationCalls` over the stations connected here.

    ``authenticated`` states that the gate demands credentials of every station; without it
    the server binds to loopback only. ``observe`` is told what happens to connections.
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
    ) -> None:
        self.host = host
        self.port = port
        self._backend = backend
        self._wiring = wiring
        self._clock = clock
        self._entropy = entropy
        self._tls = tls
        self._limits = limits
        self._observe = observe
        self._authenticated = authenticated
        self._deadlines = Deadlines(clock)
        self._live: dict[StationId, Connection] = {}
        self._emptied: asyncio.Event | None = None
        self._server: asyncio.Server | None = None
        #: where knocks are answered; tests knock here without a socket
        self.door = FrontDoor(
            self, gate, clock=clock, entropy=entropy, limits=limits, deadlines=self._deadlines, observe=observe
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
            backlog=_BACKLOG,
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
        await asyncio.gather(*(self._send_away(connection) for connection in list(self._live.values())))
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
        connection = self._live.get(station)
        if connection is None or connection.conversation is None:
            return Offline(f"{station} is not connected")
        return await connection.conversation.call(order, by=by)

    def connections(self) -> list[ConnectionInfo]:
        """Return the live connections."""
        return [connection.info() for connection in self._live.values()]

    def disconnect(self, station: StationId, reason: str) -> bool:
        """Close a station's connection; return whether there was one."""
        connection = self._live.get(station)
        if connection is not None:
            connection.close(_NORMAL, Offline(reason), reason)
        return connection is not None

    # ── what connections say (House) ────────────────────────────────────────────────────

    def opened(self, connection: Connection) -> None:
        """Let an admitted connection join, replace an older one, or wait."""
        self.door.open.add(connection)
        old = self._live.get(connection.admitted.station)
        if old is None:
            self._join(connection)
        elif old.admitted.credential and old.admitted.credential == connection.admitted.credential:
            self._replace(old, connection)
        elif old.rival is not None or (old.admitted.credential and not connection.admitted.credential):
            self._refuse(connection)
        else:
            old.rival = connection
            old.probe()

    def proved(self, connection: Connection, *, alive: bool) -> None:
        """Decide between a connection and its rival."""
        rival, connection.rival = connection.rival, None
        if rival is not None:
            if alive:
                self._refuse(rival)
            else:
                self._replace(connection, rival)

    def lost(self, connection: Connection, error: Unreachable) -> None:
        """Forget a connection, and let its rival in."""
        station = connection.admitted.station
        current = self._live.get(station)
        if current is not connection:
            if current is not None and current.rival is connection:
                current.rival = None
            return
        del self._live[station]
        rival, connection.rival = connection.rival, None
        self._leave(connection, error)
        if rival is not None:
            self._join(rival)

    def ended(self, connection: Socket) -> None:
        """Count a transport that is closed."""
        self.door.open.discard(connection)
        if self._emptied is not None and not self.door.open:
            self._emptied.set()

    # ── the epochs of one station ───────────────────────────────────────────────────────

    def _replace(self, old: Connection, new: Connection) -> None:
        self._tell(Happening.REPLACED, old, f"by a connection from {new.admitted.entrance.address}")
        old.close(_NORMAL, ConnectionReplaced("a newer connection took over"), "replaced")
        self._join(new)

    def _refuse(self, rival: Connection) -> None:
        self._tell(Happening.CONTESTED, rival, "the station's older connection is alive", security=True)
        rival.close(_POLICY, Offline("refused"), "this station is connected already")

    def _join(self, connection: Connection) -> None:
        self._live[connection.admitted.station] = connection
        try:
            connection.join(self._converse)
        except Exception:  # noqa: BLE001 — whatever kept the backend from taking it, it shall not hang there unheard
            _log.exception("%s cannot join", connection.admitted.station)
            connection.close(_INTERNAL, Offline("internal error"), "internal error")
        else:
            self._tell(Happening.JOINED, connection)

    def _converse(self, connection: Connection) -> Conversation:
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
            wake=connection.wake,
        )
        self._backend.joined(conversation)
        return conversation

    def _leave(self, connection: Connection, error: Unreachable) -> None:
        conversation = connection.conversation
        if conversation is not None:
            conversation.close(error)
            self._backend.left(conversation)
            self._tell(Happening.LEFT, connection, str(error))

    def _tell(self, kind: Happening, connection: Connection, detail: str = "", *, security: bool = False) -> None:
        self._observe(
            ConnectionEvent(
                kind=kind,
                at=self._clock.now(),
                address=connection.admitted.entrance.address,
                station=connection.admitted.station,
                connection=connection.conversation.connection if connection.conversation else "",
                detail=detail,
                security=security,
            )
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
