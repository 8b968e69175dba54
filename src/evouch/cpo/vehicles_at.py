"""Which vehicle is plugged in where, as far as that is known: VIDs only, and in memory only.

An Authorize names no EVSE. The one that it means is the one whose connector last went to
Preparing or Occupied, a minute ago at most; if several did, all of them, and the start of the
transaction settles it (docs/decisions/050). A VID is held for an EVSE only where no other one
qualified: a binding that names the neighbour's car would be worse than none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from evouch.charging.equipment import ConnectorStatus, EvsePlace
from evouch.clock import Clock, Tick
from evouch.cpo.locks import Locks
from evouch.cpo.presence import UNUSABLE, Presence
from evouch.cpo.registry import Registry
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.ids import EvseNumber, StationId, Vid

__all__ = ["Busy", "Candidates", "VehiclesAt"]

_PLUGGED: Final = frozenset({ConnectorStatus.PREPARING, ConnectorStatus.OCCUPIED})


class Busy(Protocol):
    """What has to be known of transactions here."""

    def taken(self, place: EvsePlace) -> bool:
        """Return whether somebody's charge runs on an EVSE."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Where a vehicle that named itself may stand."""

    #: EVSEs that it may start on: somebody's payment takes them out
    free: tuple[EvseNumber, ...]
    #: all that qualify, with those that somebody is paying for
    qualified: tuple[EvseNumber, ...]
    #: who stands there, EVSE by EVSE (``VehiclesAt.stay``)
    stays: tuple[int, ...] = ()

    @property
    def settled(self) -> EvseNumber | None:
        """The one EVSE that it can only be."""
        return self.free[0] if self.free and len(self.qualified) == 1 else None

    @property
    def locked(self) -> bool:
        """Whether it is a payer's car wherever it stands (docs/decisions/015)."""
        return bool(self.qualified) and not self.free


@dataclass(slots=True)
class VehiclesAt:
    """Plug-ins and VIDs by EVSE."""

    presence: Presence
    registry: Registry
    locks: Locks
    busy: Busy
    clock: Clock
    terms: RoamingTerms
    _plugged: dict[EvsePlace, Tick] = field(default_factory=dict)
    #: by EVSE: when it was heard, and partner → VID
    _vids: dict[EvsePlace, tuple[Tick, Mapping[str, Vid]]] = field(default_factory=dict)
    #: how often somebody has left
    _left: dict[EvsePlace, int] = field(default_factory=dict)

    def connector_changed(self, place: EvsePlace, before: ConnectorStatus | None, after: ConnectorStatus) -> None:
        """Take the state of a connector. What is pulled out is forgotten."""
        if after is ConnectorStatus.AVAILABLE:
            self._left[place] = self.stay(place) + 1
            self._plugged.pop(place, None)
            self._vids.pop(place, None)
        elif after in _PLUGGED and before is not after:
            if before in {None, ConnectorStatus.AVAILABLE}:
                self._vids.pop(place, None)
            self._plugged[place] = self.clock.tick()

    def candidates(self, station: StationId, evse: EvseNumber | None = None) -> Candidates:
        """Return where a vehicle stands that named itself at a station, or at one EVSE of it."""
        qualified = (evse,) if evse is not None else self._qualified(station)
        free = tuple(each for each in qualified if self._unpaid(EvsePlace(station, each)))
        return Candidates(free, qualified, tuple(self.stay(EvsePlace(station, each)) for each in qualified))

    def still(self, station: StationId, before: Candidates, *, named: bool) -> Candidates:
        """Return what candidates have come to while somebody was asked: EVSEs are only lost.

        Whoever has left is not there any more, and whoever has come was not meant. Where it was not clear which
        EVSE, it is not clear now. ``named``: it is the EVSE of a transaction, whoever else seems to charge there.
        """
        stays = dict(zip(before.qualified, before.stays, strict=True))
        places = {each: EvsePlace(station, each) for each in before.free}
        free = tuple(
            each for each, place in places.items()
            if self._unpaid(place) and (named or not self.busy.taken(place)) and self.stay(place) == stays[each]
        )  # fmt: skip
        return replace(before, free=free)

    def _unpaid(self, place: EvsePlace) -> bool:
        return self.locks.holder(place, self.clock.tick()) is None

    def _qualified(self, station: StationId) -> tuple[EvseNumber, ...]:
        """Return the EVSEs where somebody has just plugged in; else where anybody is; else those without a charge."""
        idle = [each for each in self._evses(station) if not self.busy.taken(EvsePlace(station, each))]
        since = self.clock.tick() - self.terms.plug_window
        recent = tuple(each for each in idle if self._plugged.get(EvsePlace(station, each), since - 1) >= since)
        if recent:
            return recent
        said = {each: self.presence.status(EvsePlace(station, each)) for each in idle}
        plugged = tuple(each for each in idle if said[each] in _PLUGGED)
        return plugged or tuple(each for each in idle if said[each] not in UNUSABLE)

    def arrived(self, station: StationId) -> list[tuple[Tick, EvseNumber]]:
        """Return the EVSEs with a vehicle and without a charge, and when it came: the latest first.

        Vehicles that were there before this process are those that came first, at 0.
        """
        places = (EvsePlace(station, each) for each in self._evses(station))
        waiting = [each for each in places if self.presence.status(each) in _PLUGGED and not self.busy.taken(each)]
        return sorted(((self._plugged.get(each, Tick(0)), each.evse) for each in waiting), reverse=True)

    def _evses(self, station: StationId) -> list[EvseNumber]:
        record, here = self.registry.station(station), self.presence.get(station)
        known = {each.number for each in record.evses} if record else set()
        said = {number for number, _ in here.connectors} if here else set()
        return sorted(known | said) or [EvseNumber(1)]

    def stay(self, place: EvsePlace) -> int:
        """Return a number for who stands at an EVSE: the next one there has another."""
        return self._left.get(place, 0)

    def hold(self, place: EvsePlace, vids: Mapping[str, Vid], *, stay: int) -> None:
        """Remember the VIDs of what is plugged in: partner → VID.

        Asking takes seconds. ``stay`` is that of before: who has left meanwhile must not be taken for the next one.
        """
        if vids and stay == self.stay(place):
            self._vids[place] = (self.clock.tick(), dict(vids))

    def held(self, place: EvsePlace) -> Mapping[str, Vid]:
        """Return the VIDs of what is plugged in, as far as they were asked for."""
        at, vids = self._vids.get(place, (Tick(0), {}))
        return vids if self.clock.tick() - at <= self.terms.vehicle_memory else {}
