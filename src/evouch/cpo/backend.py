"""What the operator answers to each thing a station says: one table, fact by fact.

Answers that need nothing written are given at once, without a task; the rest are awaited
by the language layer, which answers the station only when they are durable.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from evouch.charging.dialogue import (
    BootAnswer,
    Booted,
    BootStatus,
    ConnectorChanged,
    DataAnswer,
    DataReceived,
    DataStatus,
    Evidence,
    Fact,
    Link,
    MeterSampled,
    Noted,
    SessionAnswer,
    SessionEnded,
    SessionFact,
    SessionStarted,
    SessionUpdated,
    SettingsReported,
    StillThere,
    TimeAnswer,
    TokenPresented,
    VehicleIdentified,
)  # fmt: skip
from evouch.charging.equipment import EvsePlace
from evouch.charging.tokens import Authorization
from evouch.clock import Clock
from evouch.cpo.authorize import Authorizer, Question
from evouch.cpo.presence import Presence
from evouch.cpo.registry import Registry
from evouch.cpo.sessions import Sessions
from evouch.errors import LocalError, PeerFault
from evouch.ids import StationId

__all__ = ["CpoBackend", "Onlooker"]

#: Seconds between heartbeats: long enough for a thousand stations, short enough to keep clocks in step.
HEARTBEAT: Final = 300
#: Seconds after which a station that was told to wait boots again.
RETRY: Final = 30

_WAITING: Final = frozenset({BootStatus.PENDING, BootStatus.REJECTED})

_log = structlog.get_logger("evouch.cpo.backend")


class Onlooker:
    """What others may want to hear of; every method may be left as it is."""

    def booted(self, link: Link, fact: Booted, answer: BootAnswer) -> None:
        """A station introduced itself and was answered."""

    def joined(self, link: Link) -> None:
        """A station connected."""

    def connector_changed(self, place: EvsePlace, before: object, fact: ConnectorChanged) -> None:
        """A connector changed its state."""

    def noted(self, link: Link, fact: Noted) -> None:
        """A station notified something that needs no answer."""


@dataclass(slots=True)
class CpoBackend:
    """Answers the stations that are themselves; :mod:`evouch.cpo.doorkeeper` stands before it."""

    registry: Registry
    presence: Presence
    sessions: Sessions
    authorizer: Authorizer
    clock: Clock
    onlooker: Onlooker
    heartbeat: int = HEARTBEAT
    #: stations that nobody registered are taken all the same; they are being registered already
    open_door: bool = False
    #: told of vehicles that name themselves beside any question about a token; None: nobody asks who they are
    vehicles: Callable[[StationId, VehicleIdentified], Awaitable[None]] | None = None
    _table: dict[type, Callable[[Link, Any], Any]] = field(init=False)

    def __post_init__(self) -> None:
        self._table = {
            Booted: self._booted,
            StillThere: lambda _link, _fact: TimeAnswer(self.clock.now()),
            ConnectorChanged: self._connector,
            TokenPresented: self._token,
            SessionStarted: self._started,
            SessionUpdated: self._updated,
            SessionEnded: self.sessions.ended,
            MeterSampled: lambda _link, _fact: None,
            DataReceived: lambda _link, fact: self._data(fact),
            SettingsReported: self._reported,
            VehicleIdentified: self._identified,
            Noted: self._noted,
        }

    def joined(self, link: Link, *, proven: bool) -> None:
        """A station connected; ``proven`` says whether it may be taken for what it says it is."""
        self.presence.joined(link, self.clock.tick()).proven = proven

    def left(self, link: Link) -> None:
        """That connection is gone; a newer one of the same station is not touched."""
        self.presence.left(link)

    def pend(self, link: Link) -> None:
        """This connection has booted and was told to wait."""
        here = self.presence.get(link.station)
        if here is not None and here.link.connection == link.connection:
            here.booted = BootStatus.PENDING

    def clear(self, link: Link, *, pending: bool) -> None:
        """This connection is the station's own now; ``pending`` if it was told to wait and has not booted again yet."""
        here = self.presence.get(link.station)
        if here is None or here.link.connection != link.connection:
            here = self.presence.joined(link, self.clock.tick())
        here.proven = True
        here.booted = BootStatus.PENDING if pending else here.booted

    def doubt(self, link: Link) -> None:
        """This connection is not to be taken for the station any more, though it may end its charge."""
        here = self.presence.get(link.station)
        if here is not None and here.link.connection == link.connection:
            here.proven = False

    def succeed(self, link: Link, *, proven: bool) -> None:
        """This connection waited behind another, which is gone."""
        if self.presence.get(link.station) is None:
            self.joined(link, proven=proven)

    def waits(self, station: StationId) -> bool:
        """Return whether an operator wants this station's boots answered with Pending."""
        record = self.registry.station(station)
        return record.hold_boot if record is not None else not self.open_door

    def book(self, link: Link, fact: SessionFact) -> Awaitable[SessionAnswer]:
        """Take a message of a transaction that waited until its connection was proven."""
        match fact:
            case SessionStarted():
                return self.sessions.started(link, fact)
            case SessionEnded():
                return self.sessions.ended(link, fact)
            case SessionUpdated():
                return self.sessions.updated(link, fact)
        raise LocalError(f"{type(fact).__name__} is no message of a transaction")

    def hear(self, link: Link, fact: Fact[Any], evidence: Evidence) -> Any:
        """Take a fact and answer it, at once or as an awaitable."""
        here = self.presence.get(link.station)
        if here is not None:
            here.heard = self.clock.tick()
        return self._table[type(fact)](link, fact)

    def _booted(self, link: Link, fact: Booted) -> BootAnswer:
        waits = self.waits(link.station)
        status = BootStatus.PENDING if waits else BootStatus.ACCEPTED
        here = self.presence.get(link.station)
        if here is not None:
            here.booted = status
            here.connectors.clear()
        answer = BootAnswer(status, self.clock.now(), RETRY if waits else self.heartbeat)
        self.onlooker.booted(link, fact, answer)
        return answer

    def _connector(self, link: Link, fact: ConnectorChanged) -> None:
        here = self.presence.get(link.station)
        if here is None or fact.evse == 0:
            return
        before = here.connectors.get((fact.evse, fact.connector))
        here.connectors[fact.evse, fact.connector] = fact.status
        self.onlooker.connector_changed(EvsePlace(link.station, fact.evse), before, fact)

    def _token(self, link: Link, fact: TokenPresented) -> Awaitable[Authorization]:
        self._must_be_accepted(link)
        return self.authorizer.authorize(Question(station=link.station, token=fact.token))

    def _identified(self, link: Link, fact: VehicleIdentified) -> Awaitable[None] | None:
        if self.vehicles is None or fact.mac is None:
            return None
        self._must_be_accepted(link)
        return self.vehicles(link.station, fact)

    def _started(self, link: Link, fact: SessionStarted) -> Awaitable[Any]:
        if not fact.offline:
            self._must_be_accepted(link)
        return self.sessions.started(link, fact)

    def _updated(self, link: Link, fact: SessionUpdated) -> Awaitable[Any]:
        if fact.token is not None and not fact.offline:
            self._must_be_accepted(link)
        return self.sessions.updated(link, fact)

    def _must_be_accepted(self, link: Link) -> None:
        """A station that was told to wait asks for no energy (OCPP 2.x B02, B03; 1.6 §4.2)."""
        here = self.presence.get(link.station)
        if here is not None and here.booted in _WAITING:
            raise PeerFault("SecurityError", "The station has not been accepted yet")

    def _data(self, fact: DataReceived) -> DataAnswer:
        return DataAnswer(DataStatus.UNKNOWN_VENDOR)

    def _reported(self, link: Link, fact: SettingsReported) -> Awaitable[None]:
        return self.registry.note_settings(link.station, fact.settings)

    def _noted(self, link: Link, fact: Noted) -> None:
        if fact.action == "SignCertificate" and not link.entrance.tls:
            raise PeerFault("SecurityError", "Certificates are not handled on a plain connection")
        self.onlooker.noted(link, fact)
