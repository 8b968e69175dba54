"""Which stations are here, and what they last said of their connectors. In memory only.

Heartbeats and connector states are not worth a disk: after a restart every station
reconnects and says them again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from evouch.charging.dialogue import BootStatus, Link
from evouch.charging.equipment import ConnectorStatus, EvsePlace
from evouch.clock import Tick
from evouch.ids import EvseNumber, StationId

__all__ = ["BUSY", "UNUSABLE", "Presence", "Present"]

_C = ConnectorStatus
#: States in which nobody can start, whoever pays.
UNUSABLE = frozenset({_C.FAULTED, _C.UNAVAILABLE})
#: States of an EVSE that somebody else is using.
BUSY = frozenset({_C.CHARGING, _C.SUSPENDED_EV, _C.SUSPENDED_EVSE, _C.RESERVED})


@dataclass(slots=True)
class Present:
    """A connected station. ``booted`` is None until it has said BootNotification on this connection."""

    link: Link
    since: Tick
    heard: Tick
    booted: BootStatus | None = None
    #: False until it is known who it is: nobody can be sent there
    proven: bool = True
    connectors: dict[tuple[EvseNumber, int], ConnectorStatus] = field(default_factory=dict)

    def status(self, evse: EvseNumber) -> ConnectorStatus | None:
        """Return the one state that tells most about an EVSE, or None where nothing was said yet."""
        states = [state for (number, _), state in self.connectors.items() if number == evse]
        for group in (BUSY, UNUSABLE):
            for state in states:
                if state in group:
                    return state
        return states[0] if states else None


@dataclass(slots=True)
class Presence:
    """All connected stations by id.

    What a station said of its connectors outlives the connection: a reconnect without a
    reboot does not repeat it.
    """

    _here: dict[StationId, Present] = field(default_factory=dict)
    _said: dict[StationId, dict[tuple[EvseNumber, int], ConnectorStatus]] = field(default_factory=dict)

    def joined(self, link: Link, now: Tick) -> Present:
        """Note a new connection; it takes the place of an older one of the same station."""
        connectors = self._said.setdefault(link.station, {})
        here = self._here[link.station] = Present(link, since=now, heard=now, connectors=connectors)
        return here

    def left(self, link: Link) -> bool:
        """Note the end of a connection; False where a newer one has taken over already."""
        here = self._here.get(link.station)
        if here is None or here.link.connection != link.connection:
            return False
        del self._here[link.station]
        if not here.connectors:  # names are as many as somebody likes to invent; nothing is kept of who said nothing
            self._said.pop(link.station, None)
        return True

    def get(self, station: StationId) -> Present | None:
        """Return the station if it is connected."""
        return self._here.get(station)

    def ready(self, station: StationId) -> bool:
        """Return whether the station is connected, is known to be itself, and was not told to wait."""
        here = self._here.get(station)
        return here is not None and here.proven and here.booted in (None, BootStatus.ACCEPTED)

    def status(self, place: EvsePlace) -> ConnectorStatus | None:
        """Return the state of an EVSE, None where unknown or offline."""
        here = self._here.get(place.station)
        return here.status(place.evse) if here else None

    def __iter__(self) -> Iterator[Present]:
        return iter(list(self._here.values()))
