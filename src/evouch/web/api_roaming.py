"""Operations on roaming: partners, the charges of their customers, and the vehicles that they told us of."""

from datetime import datetime

from evouch.charging.roaming import RoamingCharge
from evouch.charging.vehicles import Vehicle
from evouch.cpo.roaming import Roaming
from evouch.errors import Refused
from evouch.units import format_time
from evouch.web import api_roaming_models as m
from evouch.web.api_partners import enter
from evouch.web.api_routes import Ask, operation

__all__: list[str] = []

enter(operation, partners=lambda ask: ask.cpo.partners, syncs=lambda ask: ask.cpo.syncs())


@operation("POST", "/partners/{partner}/resend", refuses=("noRoaming", "unknownPartner", "notRegistered"))
async def resend_to_partner(ask: Ask) -> None:
    """Send a partner everything of ours again, as it stands now."""
    await _roaming(ask).resend(ask.path["partner"], actor=ask.actor)


@operation("GET", "/roaming/charges", gives=m.ChargeList, query=("active", "limit"), refuses=("noRoaming",))
async def list_roaming_charges(ask: Ask) -> m.ChargeList:
    """Charges of partners' customers, newest first."""
    found = await _roaming(ask).charges.store.charges(active=ask.active, limit=ask.limit)
    return m.ChargeList([_charge(each) for each in found])


@operation("GET", "/roaming/vehicles", gives=m.VehicleList, query=("limit",), refuses=("noRoaming",))
async def list_roaming_vehicles(ask: Ask) -> m.VehicleList:
    """Vehicles that eMSPs told us of, latest change first."""
    store = _roaming(ask).charges.store
    _, total = await store.vehicle_page(limit=1)
    found, total = await store.vehicle_page(offset=max(0, total - ask.limit), limit=ask.limit)
    return m.VehicleList([_vehicle(each) for each in reversed(found)], total)


def _roaming(ask: Ask) -> Roaming:
    if ask.cpo.roaming is None:
        raise Refused("noRoaming")
    return ask.cpo.roaming


def _charge(charge: RoamingCharge) -> m.ChargeInfo:
    return m.ChargeInfo(
        charge.id, charge.partner, str(charge.owner), charge.state, charge.station, charge.evse, charge.transaction,
        charge.token_uid, charge.token_type, charge.contract, charge.method, charge.reference, charge.vid,
        charge.binding, format_time(charge.at), _time(charge.starts_at), format_time(charge.expires),
    )  # fmt: skip


def _vehicle(vehicle: Vehicle) -> m.VehicleInfo:
    return m.VehicleInfo(
        str(vehicle.owner), vehicle.vid, vehicle.contract, vehicle.status, format_time(vehicle.created),
        _time(vehicle.authorized), _time(vehicle.revoked),
    )  # fmt: skip


def _time(moment: datetime | None) -> str | None:
    return format_time(moment) if moment is not None else None
