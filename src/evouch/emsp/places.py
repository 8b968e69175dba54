"""Where operators' stations are and what they cost: told by them, or read from their lists.

The checks need coordinates, the sign budget needs how many EVSEs an operator has. What a partner
shows of itself is believed up to a bound: a budget must not grow with what its owner claims.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from evouch.charging.agenda import Agenda
from evouch.charging.geo import Point
from evouch.emsp.book import Book
from evouch.ids import PartyId
from evouch.ocpi import codec
from evouch.ocpi.model import Connector, Evse, GeoLocation, Location, Tariff, Wire
from evouch.ocpi.partner import Partner
from evouch.ocpi.partners import Partners
from evouch.ocpi.ports import Call, OcpiRefusal
from evouch.store.ports import Delete, Put
from evouch.store.records_roaming import OcpiObject
from evouch.units import format_time

__all__ = ["Places", "point_of"]

W = TypeVar("W", bound=Wire)

#: EVSEs are counted when so long nothing came, s.
_COUNTING: Final = 30.0
_GONE: Final = "REMOVED"


@dataclass(slots=True)
class Places:
    """Locations and tariffs of all partners, as they travel."""

    book: Book
    partners: Partners
    agenda: Agenda

    # ── reading ──

    async def location(self, partner: Partner, id: str) -> Location | None:
        """Return one of a partner's locations, whichever of its parties has it."""
        for party in partner.parties:
            found = await self.book.store.ocpi_object("locations", partner.id, party, id.upper())
            if found is not None:
                return codec.read(found.body, Location)
        return None

    async def point(self, partner: Partner, location: str, evses: tuple[str, ...] = ()) -> Point | None:
        """Return where one EVSE is, or the location that several belong to; None where that is not known."""
        return point_of(await self.location(partner, location), evses)

    async def get(self, call: Call, module: str, id: str) -> Wire:
        """Return what a partner has told us of an object of its own; OcpiRefusal (404)."""
        owner = _owner(call)
        found = await self.book.store.ocpi_object(module, call.partner.id, owner, id.upper())
        if found is None:
            raise _nowhere()
        return codec.read(found.body, Location if module == "locations" else Tariff)

    # ── what operators tell ──

    async def put(self, call: Call, module: str, id: str, body: Wire) -> bool:
        """Keep an object; return whether it is new. One that is older than ours changes nothing."""
        new = await self._keep(call.partner, module, _owner(call), id, body)
        self._count_later(call.partner, module)
        return new

    async def put_part(self, call: Call, part: Evse | Connector) -> bool:
        """Put an EVSE or a connector into its location; return whether it is new there."""
        params = call.params
        async with self.book.turns.of(("place", call.partner.id, params["location_id"].upper())):
            location = await self._location(call)
            evse = part if isinstance(part, Evse) else _with_connector(_evse(location, params["evse_uid"]), part)
            known = _find(location.evses, params["evse_uid"])
            changed = _changed(location, part.last_updated, evses=_placed(location.evses, evse))
            await self._write(call.partner, "locations", _owner(call), location.id, changed)
        self._count_later(call.partner, "locations")
        return known is None or (isinstance(part, Connector) and _find(known.connectors, part.id) is None)

    async def patch(self, call: Call) -> None:
        """Change some members of a location, an EVSE or a connector."""
        params = call.params
        if "evse_uid" not in params:
            async with self.book.turns.of(("place", call.partner.id, params["location_id"].upper())):
                location = codec.merge(await self._location(call), call.body, call.version)
                await self._write(call.partner, "locations", _owner(call), location.id, location)
            self._count_later(call.partner, "locations")
            return
        evse = _evse(await self._location(call), params["evse_uid"])
        if "connector_id" not in params:
            await self.put_part(call, codec.merge(evse, call.body, call.version))
            return
        connector = _find(evse.connectors, params["connector_id"])
        if connector is None:
            raise _nowhere()
        await self.put_part(call, codec.merge(connector, call.body, call.version))

    async def delete_tariff(self, call: Call) -> None:
        """Forget a tariff; OcpiRefusal (404) where there is none."""
        found = await self.book.store.ocpi_object(
            "tariffs", call.partner.id, _owner(call), call.params["tariff_id"].upper()
        )
        if found is None:
            raise _nowhere()
        await self.book.store.commit(Delete(found))

    async def take(self, partner: Partner, module: str, body: Location | Tariff) -> None:
        """Keep an object of a partner's own list; one that is another's is passed over."""
        owner = PartyId(body.country_code.upper(), body.party_id.upper())
        if partner.speaks_for(owner):
            await self._keep(partner, module, owner, body.id, body)
            self._count_later(partner, module)

    async def count(self, partner: Partner) -> int:
        """Count the EVSEs that a partner shows; its budget grows with them up to a bound, never beyond staff's word."""
        shown, offset, total = 0, 0, 1
        while offset < total:
            page, total = await self.book.store.ocpi_page("locations", partner.id, offset=offset, limit=100)
            offset += 100
            shown += sum(_evses(each.body) for each in page)
        believed, known = min(shown, self.book.terms.most_shown_evses), self.partners.get(partner.id)
        if known is not None and believed > known.evses:
            await self.partners.change(partner.id, actor="locations", evses=believed)
        return shown

    # ── beneath ──

    def _count_later(self, partner: Partner, module: str) -> None:
        """Count once a whole catalogue has come, not with each of its objects."""
        if module == "locations":
            self.agenda.after(_COUNTING, ("count", partner.id), lambda: self.count(partner))

    async def _keep(self, partner: Partner, module: str, owner: PartyId, id: str, body: Wire) -> bool:
        async with self.book.turns.of(("place", partner.id, id.upper())):
            known = await self.book.store.ocpi_object(module, partner.id, owner, id.upper())
            if known is None or known.last_updated <= body.last_updated:  # type: ignore[attr-defined]
                await self._write(partner, module, owner, id, body)
            return known is None

    async def _write(self, partner: Partner, module: str, owner: PartyId, id: str, body: Any) -> None:
        await self.book.store.commit(
            Put(
                OcpiObject(
                    module=module, partner=partner.id, owner=owner, id=id.upper(), last_updated=body.last_updated,
                    body=codec.write(body),
                )
            )
        )  # fmt: skip

    async def _location(self, call: Call) -> Location:
        found = await self.get(call, "locations", call.params["location_id"])
        assert isinstance(found, Location)  # noqa: S101 - what the module holds
        return found


def point_of(location: Location | None, evses: tuple[str, ...] = ()) -> Point | None:
    """Return the coordinates of the one EVSE that is meant, else those of the location."""
    if location is None:
        return None
    evse = _find(location.evses, evses[0]) if len(evses) == 1 else None
    return _point(evse.coordinates if evse is not None and evse.coordinates else location.coordinates)


def _point(place: GeoLocation) -> Point | None:
    try:
        return Point(Decimal(place.latitude), Decimal(place.longitude))
    except (InvalidOperation, ValueError):
        return None


def _evse(location: Location, uid: str) -> Evse:
    found = _find(location.evses, uid)
    if found is None:
        raise _nowhere()
    return found


def _find(parts: tuple[W, ...], id: str) -> W | None:
    return next((each for each in parts if _id(each).casefold() == id.casefold()), None)


def _placed(parts: tuple[W, ...], part: W) -> tuple[W, ...]:
    """Return the parts with one in the place of that with its id, or at the end."""
    at = next((at for at, each in enumerate(parts) if _id(each).casefold() == _id(part).casefold()), len(parts))
    return (*parts[:at], part, *parts[at + 1 :])


def _with_connector(evse: Evse, connector: Connector) -> Evse:
    return _changed(evse, connector.last_updated, connectors=_placed(evse.connectors, connector))


def _changed(whole: W, at: datetime, **parts: tuple[Wire, ...]) -> W:
    """Return an object with other parts; it is as new as the newest of them."""
    latest = max(at, whole.last_updated)  # type: ignore[attr-defined]
    plain = {member: [codec.write(each) for each in those] for member, those in parts.items()}
    return codec.merge(whole, plain | {"last_updated": format_time(latest)})


def _id(part: Any) -> str:
    return str(part.uid if isinstance(part, Evse) else part.id)


def _evses(body: dict[str, Any]) -> int:
    return sum(each.get("status") != _GONE for each in body.get("evses", ()))


def _owner(call: Call) -> PartyId:
    return PartyId(call.params["country_code"].upper(), call.params["party_id"].upper())


def _nowhere() -> OcpiRefusal:
    return OcpiRefusal(2000, "Not found", http=404)
