"""Which connection is whose: one station's old connection, its newer ones, and who gives way to whom.

Rules of this file:

- A station's old connection is not touched before its new one is open and authenticated.
- A connection that has proved its identity (the backend ``defends`` it) gives way to none
  that has not, whether or not it answers pings: one late pong proves nothing about either.
  Newer ones become *candidates*: they talk to the backend on a conversation of their own, get
  no orders meant for the station, and have a short while to prove themselves. So they do
  beside a connection that is still asked for its proof: else whoever comes in a station's
  name, with its password even, would keep the station from ever proving itself.
- The backend makes a candidate the station's connection (:meth:`Epochs.promote`); if the old
  one ends first, the oldest candidate becomes that. One that has not proved itself is pinged
  when somebody begins to wait beside it, and gives way if it does not answer.
- There are few places for candidates. When all are taken, whoever takes most of them (by
  address and credential) makes room with its oldest; if everybody has one, the newest is
  refused, unless it comes from where the old one did.
- Otherwise a new connection with the credential of the old one replaces it at once. Without
  such proof the old one is pinged first, and gives way only if it does not answer; to one
  that brings less than itself it does not give way at all.
- Every connection is its own epoch: whatever an old one still says or does on its way out,
  it never touches the new one.
"""

import ipaddress
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Final, Protocol

from evouch.charging.dialogue import Link
from evouch.clock import Clock, Tick
from evouch.errors import ConnectionReplaced, Offline, Unreachable
from evouch.ids import StationId
from evouch.ocpp.aio_connection import Connection
from evouch.ocpp.aio_limits import ConnectionEvent, Happening, Limits, Observe
from evouch.ocpp.conversation import Conversation

__all__ = ["Epochs", "Host"]

_log = logging.getLogger("evouch.ocpp.aio")

# RFC 6455 §7.4.1
_NORMAL: Final = 1000
_POLICY: Final = 1008
_INTERNAL: Final = 1011


class Host(Protocol):
    """What the epochs of all stations need of the server around them."""

    def converse(self, connection: Connection, *, candidate: bool) -> Conversation:
        """Return a conversation over ``connection`` that the backend has joined."""

    def defends(self, link: Link) -> bool:
        """Return whether the backend defends a live connection."""

    def left(self, link: Link) -> None:
        """Tell the backend that a connection is gone."""


class Epochs:
    """The connections of all stations, and their order of succession."""

    def __init__(self, host: Host, *, clock: Clock, limits: Limits, observe: Observe) -> None:
        self._host = host
        self._clock = clock
        self._limits = limits
        self._observe = observe
        #: each station's connection
        self.live: dict[StationId, Connection] = {}
        #: those that wait beside it and may prove themselves, oldest first
        self._candidates: dict[StationId, list[Connection]] = {}

    def __iter__(self) -> Iterator[Connection]:
        """Yield every connection that is talked over."""
        yield from list(self.live.values())
        for waiting in list(self._candidates.values()):
            yield from list(waiting)

    def find(self, link: Link) -> Connection | None:
        """Return the connection under ``link``, if it still is one."""
        here = (self.live.get(link.station), *self._candidates.get(link.station, ()))
        return next((one for one in here if one is not None and one.is_of(link)), None)

    # ── what connections say ────────────────────────────────────────────────────────────

    def opened(self, new: Connection) -> None:
        """Let an admitted connection join, replace an older one, or wait."""
        old = self.live.get(new.admitted.station)
        if old is None:
            self._join(new)
        elif self._is_defended(old):
            self._stand_by(old, new)
        elif old.conversation is not None and old.conversation.gated:
            self._beside_unproven(old, new)
        elif old.admitted.credential and old.admitted.credential == new.admitted.credential:
            self._replace(old, new)
        elif old.rival is not None or _brings_less(new, old):
            self._refuse(new)
        else:
            old.rival = new
            old.probe()

    def proved(self, connection: Connection, *, alive: bool) -> None:
        """Decide between a connection and those that wait for it to be dead."""
        rival, connection.rival = connection.rival, None
        if alive:
            if rival is not None:
                self._refuse(rival)
        elif self._is_defended(connection):  # it has proved itself while the probe was under way
            if rival is not None:
                self._stand_by(connection, rival)
        elif heir := rival or self._oldest(connection):
            self._replace(connection, heir)

    def lapsed(self, connection: Connection) -> None:
        """End a candidate that has had its time."""
        self._tell(Happening.EXPIRED, connection, "it did not prove its identity in time", security=True)
        connection.close(_POLICY, Offline("no proof in time"), "no proof of identity in time")

    def lost(self, connection: Connection, error: Unreachable) -> None:
        """Forget a connection, and let its heir in."""
        station = connection.admitted.station
        current = self.live.get(station)
        if current is not connection:
            if current is not None and current.rival is connection:
                current.rival = None
            elif self._withdraw(connection):
                self._leave(connection, error)
            return
        del self.live[station]
        heir, connection.rival = connection.rival or self._oldest(connection), None
        if heir is not None and self._withdraw(heir):
            self._succeed(heir, str(error))
        self._leave(connection, error)
        if heir is not None and heir.conversation is None:
            self._join(heir)

    # ── what the backend says ───────────────────────────────────────────────────────────

    def promote(self, link: Link) -> bool:
        """Make a connection the station's and close the one that was; False where it is gone."""
        chosen = self.find(link)
        if chosen is None:
            return False
        old = self.live[link.station]
        if chosen is not old:
            self._replace(old, chosen)
        return True

    def hang_up(self, link: Link, reason: str, code: int) -> bool:
        """Close this one connection; False where it is gone."""
        connection = self.find(link)
        if connection is not None:
            connection.close(code, Offline(reason), reason)
        return connection is not None

    # ── candidates ──────────────────────────────────────────────────────────────────────

    def _is_defended(self, old: Connection) -> bool:
        return old.conversation is not None and self._host.defends(old.conversation)

    def _beside_unproven(self, old: Connection, new: Connection) -> None:
        if _brings_less(new, old):
            self._refuse(new)
            return
        first = self._oldest(old) is None
        self._stand_by(old, new)
        if first:
            old.probe()

    def _stand_by(self, old: Connection, new: Connection) -> None:
        waiting = self._candidates.setdefault(new.admitted.station, [])
        outgoing: Connection | None = None
        if len(waiting) >= self._limits.candidates:
            outgoing = _of_the_crowd(waiting, new)
            if outgoing is None and _origin(new) != _origin(old):
                self._refuse(new, "too many connections wait for their proof")
                return
        waiting.append(new)
        new.trial_ends = Tick(self._clock.tick() + self._limits.candidacy)
        self._begin(new, Happening.CANDIDATE)
        if outgoing is not None:
            self._end_replaced(outgoing, new)

    def _oldest(self, connection: Connection) -> Connection | None:
        return next(iter(self._candidates.get(connection.admitted.station, ())), None)

    def _withdraw(self, connection: Connection) -> bool:
        """Strike a connection off the candidates; return whether it was one."""
        waiting = self._candidates.get(connection.admitted.station, [])
        if connection not in waiting:
            return False
        waiting.remove(connection)
        if not waiting:
            del self._candidates[connection.admitted.station]
        return True

    def _succeed(self, heir: Connection, why: str) -> None:
        self.live[heir.admitted.station] = heir
        heir.trial_ends = None
        if heir.conversation is not None:
            heir.conversation.candidate = False
        self._tell(Happening.PROMOTED, heir, why)

    # ── the epochs of one station ───────────────────────────────────────────────────────

    def _replace(self, old: Connection, new: Connection) -> None:
        if old.rival is not None and old.rival is not new:
            self._refuse(old.rival)
        old.rival = new
        self._end_replaced(old, new)

    def _end_replaced(self, old: Connection, new: Connection) -> None:
        self._tell(Happening.REPLACED, old, f"by a connection from {new.admitted.entrance.address}")
        old.close(_NORMAL, ConnectionReplaced("a newer connection took over"), "replaced")

    def _refuse(self, rival: Connection, why: str = "the station's older connection is alive") -> None:
        self._tell(Happening.CONTESTED, rival, why, security=True)
        rival.close(_POLICY, Offline("refused"), "this station is connected already")

    def _join(self, connection: Connection) -> None:
        self.live[connection.admitted.station] = connection
        self._begin(connection, Happening.JOINED)

    def _begin(self, connection: Connection, kind: Happening) -> None:
        try:
            connection.join(lambda one: self._host.converse(one, candidate=kind is Happening.CANDIDATE))
        except Exception:  # noqa: BLE001 — whatever kept the backend from taking it, it shall not hang there unheard
            _log.exception("%s cannot join", connection.admitted.station)
            connection.close(_INTERNAL, Offline("internal error"), "internal error")
        else:
            self._tell(kind, connection)

    def _leave(self, connection: Connection, error: Unreachable) -> None:
        conversation = connection.conversation
        if conversation is not None:
            conversation.close(error)
            self._host.left(conversation)
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


def _brings_less(new: Connection, old: Connection) -> bool:
    return bool(old.admitted.credential) and not new.admitted.credential


def _of_the_crowd(waiting: list[Connection], new: Connection) -> Connection | None:
    """Return the oldest connection of the origin that has most places, ``new`` counted; None where each has one."""
    places = Counter(_origin(one) for one in (*waiting, new))
    most = max(places.values())
    return next((one for one in waiting if places[_origin(one)] == most > 1), None)


def _origin(connection: Connection) -> tuple[str, str]:
    """Return what tells those apart who come in one station's name: where from, and with what credential."""
    return _place(connection.admitted.entrance.address), connection.admitted.credential


def _place(address: str) -> str:
    """Return an address, or the network of an IPv6 one: whoever has one of a /64 has them all."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return address
    return str(ip.ipv4_mapped or ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
