"""What is known of one driver or one vehicle, to be handed out or erased (GDPR articles 15 and 17).

A VID, a contract and the places of charges are personal data, keyed hash or not. What bills need
stays, without a name. What operators still have to hear (a vehicle is revoked, a card is void)
stays until they have had the time, then upkeep removes it.
"""

from dataclasses import dataclass, replace
from typing import Final

from evouch.charging.vehicles import Vehicle
from evouch.emsp.book import Book
from evouch.emsp.drivers import Drivers
from evouch.emsp.tokens import Tokens
from evouch.emsp.vehicles import Vehicles
from evouch.errors import Refused
from evouch.ids import ContractId, Vid
from evouch.store.ports import Add, Change, Delete, Put
from evouch.store.records_roaming import (
    Decision,
    Driver,
    DriverToken,
    EmspSession,
    Enrolment,
    Invoice,
    Notice,
    OcpiObject,
)

__all__ = ["DriverData", "Privacy", "VehicleData"]

_MOST: Final = 100_000
_NOBODY: Final = ContractId("ERASED")


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleData:
    """Everything about one VID."""

    vehicle: Vehicle
    enrolment: Enrolment | None
    sessions: tuple[EmspSession, ...]
    decisions: tuple[Decision, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverData:
    """Everything about one driver; the hash of his phone's token is left out."""

    driver: Driver
    tokens: tuple[DriverToken, ...]
    vehicles: tuple[VehicleData, ...]
    sessions: tuple[EmspSession, ...]
    invoices: tuple[Invoice, ...]
    notices: tuple[Notice, ...]


@dataclass(slots=True)
class Privacy:
    """Hands out and erases."""

    book: Book
    drivers: Drivers
    tokens: Tokens
    vehicles: Vehicles

    async def export(self, driver: str, *, actor: str) -> DriverData:
        """Return everything that is known of a driver; that it was taken out is on record."""
        data = await self._driver(driver)
        await self.book.store.commit(self.book.audit(actor, "export driver", driver))
        return data

    async def export_vehicle(self, vid: Vid, *, actor: str) -> VehicleData:
        """Return everything that is known of a vehicle; Refused("noSuchVehicle")."""
        data = await self._vehicle(vid)
        await self.book.store.commit(self.book.audit(actor, "export vehicle", vid))
        return data

    async def erase(self, driver: str, *, actor: str, reason: str) -> None:
        """Erase a driver: vehicles are revoked and cards void at once, bills keep no name; Refused("reasonMissing")."""
        for vehicle in await self.vehicles.of(driver):
            await self.vehicles.withdraw(vehicle.vid, actor=actor, reason=reason)
        for token in await self.tokens.of(driver):
            await self.tokens.block(token.uid, actor=actor)
        data = await self._driver(driver)
        await self.book.store.commit(
            *await self._forgotten(data), self.book.audit(actor, "erase driver", driver, reason[:255])
        )
        self.drivers.forget_login(data.driver)

    async def _driver(self, id: str) -> DriverData:
        driver, store = await self.drivers.get(id), self.book.store
        vehicles = [await self._vehicle(each.vid) for each in await self.vehicles.of(id)]
        return DriverData(
            driver=driver, tokens=tuple(await self.tokens.of(id)), vehicles=tuple(vehicles),
            sessions=tuple(await store.emsp_sessions(driver=id, limit=_MOST)),
            invoices=tuple(await store.invoices(id, limit=_MOST)), notices=tuple(await store.notices(id, limit=_MOST)),
        )  # fmt: skip

    async def _vehicle(self, vid: Vid) -> VehicleData:
        vehicle, store = await self.vehicles.get(vid), self.book.store
        if vehicle is None:
            raise Refused("noSuchVehicle")
        return VehicleData(
            vehicle=vehicle, enrolment=await store.enrolment(vid),
            sessions=tuple(await store.emsp_sessions(vid=vid, limit=_MOST)),
            decisions=tuple(await store.decisions(vid=vid, limit=_MOST)),
        )  # fmt: skip

    async def _forgotten(self, data: DriverData) -> list[Change]:
        """Return what erases it: bills without a name, vehicles and tokens nobody's, the rest gone."""
        changes: list[Change] = [Delete(data.driver), *(Delete(each) for each in data.notices)]
        changes += [Put(replace(each, driver="")) for each in data.tokens]
        for bill in data.invoices:  # a bill is never changed: one without a name takes its place
            changes += [Delete(bill), Add(replace(bill, driver="", contract=_NOBODY))]
        for vehicle in data.vehicles:
            changes += [Delete(each) for each in vehicle.decisions]
            changes += [Delete(vehicle.enrolment)] if vehicle.enrolment is not None else []
        for session in data.sessions:
            changes += [Delete(session), *(Delete(each) for each in await self._objects("sessions", session))]
        for bill in data.invoices:
            changes += [Delete(each) for each in await self._objects("cdrs", bill)]
        return changes

    async def _objects(self, module: str, of: EmspSession | Invoice) -> list[OcpiObject]:
        found = await self.book.store.ocpi_objects_named(module, of.id.upper())
        return [
            each for each in found
            if each.partner == of.partner and (isinstance(of, EmspSession) or each.owner == of.owner)
        ]  # fmt: skip
