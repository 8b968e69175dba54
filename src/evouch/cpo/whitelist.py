"""Vehicles that eMSPs told us of: which VID starts by itself, and whom nobody is to be asked about again.

The key is owner and VID: each eMSP has another VID of the same car, so a VID is only ever
looked up at the eMSP that made it ("Autocharge Roaming" §5.1, §6.3). What is older than what
stands here changes nothing, in whatever order it arrives. However a revocation is heard of, pushed,
read or in the answer to a binding, what still waits to start is told.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from evouch.autocharge.consent import prevails, worth_binding
from evouch.charging.vehicles import Vehicle
from evouch.cpo.roaming_partners import Directory
from evouch.cpo.turns import Turns
from evouch.ids import ContractId, PartyId, Vid, parse_vid
from evouch.ocpi.model import VehicleObject
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import OcpiRefusal
from evouch.store.ports import Put, Store

__all__ = ["Known", "Whitelist"]

#: OCPI status code: invalid or missing parameters (status_codes §2xxx).
INVALID: Final = 2001

_log = structlog.get_logger("evouch.cpo.roaming")


@dataclass(frozen=True, slots=True)
class Known:
    """A vehicle that is plugged in, and the eMSP that knows it."""

    partner: Partner
    vehicle: Vehicle


@dataclass(slots=True)
class Whitelist:
    """The vehicles of all eMSPs, in the store."""

    store: Store
    directory: Directory
    #: told of a vehicle, by owner and VID, that does not start by itself any more
    withdrawn: Callable[[PartyId, Vid], Awaitable[None]] | None = None
    _turns: Turns = field(default_factory=Turns)

    async def put(self, partner: Partner, vid: str, body: VehicleObject, party: PartyId | None = None) -> bool:
        """Take what an eMSP pushed; return whether it is new.

        OcpiRefusal 2001: the id of the address is another one, the owner is not the eMSP's party,
        or it is no VID. An object older than ours is left aside.
        """
        try:
            vehicle, named = body.vehicle(), parse_vid(vid)
        except ValueError as error:
            raise OcpiRefusal(INVALID, str(error)) from error
        if vehicle.vid != named:
            raise OcpiRefusal(INVALID, "vehicle_id is not that of the address")
        if not partner.speaks_for(vehicle.owner) or party not in {None, vehicle.owner}:
            raise OcpiRefusal(INVALID, "the owner of the vehicle is not the sender")
        return await self.keep(vehicle)

    async def keep(self, vehicle: Vehicle) -> bool:
        """Write a vehicle unless ours is newer; return whether it is new.

        One at a time: of a grant and a revocation that arrive together the later word of the driver stays.
        """
        async with self._turns.of((vehicle.owner, vehicle.vid)):
            before = await self.store.vehicle(vehicle.owner, vehicle.vid)
            stands = before
            if vehicle != before and prevails(vehicle, before):
                stands = vehicle
                await self.store.commit(Put(vehicle))
        if stands is not None and not stands.granted and self.withdrawn is not None:
            await self.withdrawn(stands.owner, stands.vid)
        return before is None

    async def take_in(self, partner: Partner, body: VehicleObject) -> None:
        """Take one object of an eMSP's list; what cannot be meant is left out and said."""
        try:
            await self.put(partner, body.vehicle_id, body)
        except OcpiRefusal as refusal:
            _log.warning("vehicle of a list left out", partner=partner.id, why=refusal.message)

    async def granted(self, vids: Mapping[str, Vid]) -> list[Known]:
        """Return who of the eMSPs behind these VIDs (partner → VID) wants the vehicle to start by itself."""
        found = []
        for each in await self.store.vehicles_with(list(vids.values())) if vids else ():
            for name, vid in vids.items():
                partner = self.directory.get(name)
                if each.granted and each.vid == vid and partner is not None and partner.speaks_for(each.owner):
                    found.append(Known(partner, each))
        return found

    async def binds(self, owner: PartyId, vid: Vid, contract: ContractId) -> bool:
        """Return whether the eMSP is to be told that its customer charges this vehicle (docs/decisions/052)."""
        return worth_binding(await self.store.vehicle(owner, vid), contract)
