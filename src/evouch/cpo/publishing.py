"""What partners see of the operator's places and prices: lists from current state, and pushes of what changes.

Nothing of it is stored: a Location is made of what is registered of a station and of what its
connectors say. Only when it last changed is remembered; after a restart everything has just changed,
so that whoever asks for news misses none. Stations without a site are not shown (they have no place).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from urllib.parse import quote

from evouch.charging.equipment import ConnectorStatus, EvsePlace
from evouch.clock import Clock, Tick
from evouch.cpo.presence import Presence
from evouch.cpo.registry import Registry
from evouch.cpo.roaming_names import RoamingNames, evse_uid, location_id
from evouch.cpo.roaming_objects import Objects
from evouch.cpo.roaming_partners import Directory, Pushes
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.ids import StationId
from evouch.ocpi.model import Connector, Evse, Location, Tariff, Wire
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import Listing, Page, PartnerCalls
from evouch.ocpi.pushing import settle_refusal

__all__ = ["LOCATIONS", "TARIFFS", "Publishing", "cut"]

LOCATIONS = "locations"
TARIFFS = "tariffs"


@dataclass(slots=True)
class Publishing:
    """Locations and tariffs."""

    registry: Registry
    presence: Presence
    objects: Objects
    names: RoamingNames
    directory: Directory
    calls: PartnerCalls
    pushes: Pushes
    clock: Clock
    terms: RoamingTerms
    #: when this process began: whatever has not changed since is as old as that
    since: datetime = field(init=False)
    _changed: dict[StationId, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.since = self.clock.now()

    # ── lists ──

    def locations(self, page: Page) -> Listing:
        """Return a page of all stations that have a site, oldest change first."""
        return cut([self._location(each.id) for each in self.registry.stations() if each.site is not None], page)

    def tariffs(self, page: Page) -> Listing:
        """Return the one tariff."""
        return cut([self.objects.tariff(self.since)], page)

    def find(self, location: str, uid: str | None = None, connector: str | None = None) -> Wire | None:
        """Return a Location, one of its EVSEs or one of that one's connectors; None where it is not there."""
        record = self.names.station(location)
        if record is None or record.site is None:
            return None
        whole = self._location(record.id)
        if uid is None:
            return whole
        evse = next((each for each in whole.evses if each.uid.casefold() == uid.casefold()), None)
        if evse is None or connector is None:
            return evse
        return next((each for each in evse.connectors if each.id == connector), None)

    def _location(self, station: StationId) -> Location:
        record = self.registry.station(station)
        assert record is not None  # noqa: S101  # asked for by those who have just found it
        return self.objects.location(record, self.presence.status, self._at(station))

    def _at(self, station: StationId) -> datetime:
        return self._changed.get(station, self.since)

    # ── news ──

    def station_changed(self, station: StationId) -> None:
        """A station was registered, moved or renamed: its Location goes out."""
        self._changed[station] = self.clock.now()
        record = self.registry.station(station)
        if record is None or record.site is None:
            return
        for partner in self._receivers(LOCATIONS):
            self.pushes.push(partner, LOCATIONS, location_id(station), partial(self._put, partner, station))

    def connector_changed(self, place: EvsePlace, before: ConnectorStatus | None, after: ConnectorStatus) -> None:
        """A connector changed: its EVSE goes out."""
        record = self.registry.station(place.station)
        if before is after or record is None or record.site is None or self.registry.evse(place) is None:
            return
        self._changed[place.station] = self.clock.now()
        for partner in self._receivers(LOCATIONS):
            self.pushes.push(partner, LOCATIONS, evse_uid(place), partial(self._put_evse, partner, place))

    async def resend(self, partner: Partner, module: str, since: datetime) -> None:
        """Send everything that changed since, as it stands now."""
        if module == TARIFFS:
            await settle_refusal(partial(self.put_tariff, partner))
            return
        for record in self.registry.stations():
            if record.site is not None and self._at(record.id) >= since:
                await settle_refusal(partial(self._put, partner, record.id))

    def introduce(self, partner: Partner) -> None:
        """Send everything to a partner that has just registered."""
        if partner.endpoint(TARIFFS, "RECEIVER"):
            self.pushes.push(partner, TARIFFS, self.terms.tariff_id, partial(self.put_tariff, partner))
        if partner.endpoint(LOCATIONS, "RECEIVER"):
            for record in self.registry.stations():
                if record.site is not None:
                    self.pushes.push(partner, LOCATIONS, location_id(record.id), partial(self._put, partner, record.id))

    def _receivers(self, module: str) -> Iterable[Partner]:
        return [each for each in self.directory.all() if each.registered and each.endpoint(module, "RECEIVER")]

    async def _put(self, partner: Partner, station: StationId) -> None:
        if self.registry.station(station) is not None:
            await self._send(partner, LOCATIONS, self._location(station), location_id(station))

    async def _put_evse(self, partner: Partner, place: EvsePlace) -> None:
        evse = self.find(location_id(place.station), evse_uid(place))
        if evse is not None:
            await self._send(partner, LOCATIONS, evse, location_id(place.station), evse_uid(place))

    async def put_tariff(self, partner: Partner) -> None:
        """Put the tariff at a partner."""
        await self._send(partner, TARIFFS, self.objects.tariff(self.since), self.terms.tariff_id)

    async def _send(self, partner: Partner, module: str, body: Wire, *path: str) -> None:
        parts = (self.terms.party.country, self.terms.party.party, *path)
        by = Tick(self.clock.tick() + self.terms.push_time)
        partner = self.directory.get(partner.id) or partner  # its token may be another one by now
        await self.calls.put_object(partner, module, "/".join(quote(each, safe="") for each in parts), body, by=by)


def cut(objects: Sequence[Location | Evse | Connector | Tariff], page: Page) -> Listing:
    """Return a page of objects: ``since`` inclusive, ``until`` exclusive, oldest change first."""
    found = [
        each for each in objects
        if (page.since is None or each.last_updated >= page.since)
        and (page.until is None or each.last_updated < page.until)
    ]  # fmt: skip
    found.sort(key=lambda each: each.last_updated)
    return Listing(objects=tuple(found[page.offset : page.offset + page.limit]), total=len(found))
