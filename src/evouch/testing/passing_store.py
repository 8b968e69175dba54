# ruff: noqa: D102 — the questions are documented in store/ports_roaming.py
"""The questions of roaming, passed on to another store: for doubles that change one thing and leave the rest."""

from collections.abc import Sequence
from datetime import date, datetime

from evouch.autocharge.budget import SignDay
from evouch.charging.roaming import RoamingCharge
from evouch.charging.vehicles import Vehicle
from evouch.ids import ContractId, PartyId, StationId, TransactionId, Vid
from evouch.ocpi.partner import Partner, PartnerSync
from evouch.store.ports import Store
from evouch.store.records_roaming import (
    Decision,
    Driver,
    DriverToken,
    EmspSession,
    Enrolment,
    Invoice,
    Notice,
    OcpiObject,
    OprfKey,
)

__all__ = ["PassesRoaming"]


class PassesRoaming:
    """Asks ``store``."""

    store: Store

    async def partners(self) -> list[Partner]:
        return await self.store.partners()

    async def partner_syncs(self) -> list[PartnerSync]:
        return await self.store.partner_syncs()

    async def ocpi_object(self, module: str, partner: str, owner: PartyId, id: str) -> OcpiObject | None:
        return await self.store.ocpi_object(module, partner, owner, id)

    async def ocpi_objects_named(self, module: str, id: str) -> list[OcpiObject]:
        return await self.store.ocpi_objects_named(module, id)

    async def ocpi_page(
        self,
        module: str,
        partner: str | None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        offset: int = 0,
        limit: int = 100,
    ) -> tuple[list[OcpiObject], int]:
        return await self.store.ocpi_page(module, partner, since=since, until=until, offset=offset, limit=limit)

    async def vehicle(self, owner: PartyId, vid: Vid) -> Vehicle | None:
        return await self.store.vehicle(owner, vid)

    async def vehicles_with(self, vids: Sequence[Vid]) -> list[Vehicle]:
        return await self.store.vehicles_with(vids)

    async def vehicles_of(self, contract: ContractId) -> list[Vehicle]:
        return await self.store.vehicles_of(contract)

    async def vehicle_page(
        self, *, since: datetime | None = None, until: datetime | None = None, offset: int = 0, limit: int = 100
    ) -> tuple[list[Vehicle], int]:
        return await self.store.vehicle_page(since=since, until=until, offset=offset, limit=limit)

    async def charge(self, id: str) -> RoamingCharge | None:
        return await self.store.charge(id)

    async def charge_of(self, station: StationId, transaction: TransactionId) -> RoamingCharge | None:
        return await self.store.charge_of(station, transaction)

    async def charge_by_token(self, ocpp_token_key: str) -> RoamingCharge | None:
        return await self.store.charge_by_token(ocpp_token_key)

    async def charges(self, *, active: bool = False, limit: int = 1000) -> list[RoamingCharge]:
        return await self.store.charges(active=active, limit=limit)

    async def driver(self, id: str) -> Driver | None:
        return await self.store.driver(id)

    async def driver_of(self, contract: ContractId) -> Driver | None:
        return await self.store.driver_of(contract)

    async def drivers(self) -> list[Driver]:
        return await self.store.drivers()

    async def driver_token(self, key: str) -> DriverToken | None:
        return await self.store.driver_token(key)

    async def driver_tokens(self, driver: str | None = None) -> list[DriverToken]:
        return await self.store.driver_tokens(driver)

    async def driver_token_page(
        self, *, since: datetime | None = None, until: datetime | None = None, offset: int = 0, limit: int = 100
    ) -> tuple[list[DriverToken], int]:
        return await self.store.driver_token_page(since=since, until=until, offset=offset, limit=limit)

    async def enrolment(self, vid: Vid) -> Enrolment | None:
        return await self.store.enrolment(vid)

    async def enrolments(self, driver: str | None = None) -> list[Enrolment]:
        return await self.store.enrolments(driver)

    async def emsp_session(self, partner: str, id: str) -> EmspSession | None:
        return await self.store.emsp_session(partner, id)

    async def emsp_sessions(
        self,
        *,
        vid: Vid | None = None,
        contract: ContractId | None = None,
        driver: str | None = None,
        active: bool = False,
        limit: int = 100,
    ) -> list[EmspSession]:
        return await self.store.emsp_sessions(vid=vid, contract=contract, driver=driver, active=active, limit=limit)

    async def emsp_session_by_reference(self, partner: str, reference: str) -> EmspSession | None:
        return await self.store.emsp_session_by_reference(partner, reference)

    async def invoices(self, driver: str | None = None, *, limit: int = 100) -> list[Invoice]:
        return await self.store.invoices(driver, limit=limit)

    async def invoice(self, partner: str, owner: PartyId, id: str) -> Invoice | None:
        return await self.store.invoice(partner, owner, id)

    async def decisions(
        self, *, vid: Vid | None = None, since: datetime | None = None, limit: int = 100
    ) -> list[Decision]:
        return await self.store.decisions(vid=vid, since=since, limit=limit)

    async def decision_by_reference(self, reference: str) -> Decision | None:
        return await self.store.decision_by_reference(reference)

    async def notices(self, driver: str | None = None, *, open: bool = False, limit: int = 100) -> list[Notice]:
        return await self.store.notices(driver, open=open, limit=limit)

    async def notice(self, id: str) -> Notice | None:
        return await self.store.notice(id)

    async def oprf_keys(self) -> list[OprfKey]:
        return await self.store.oprf_keys()

    async def sign_days(self, since: date) -> list[SignDay]:
        return await self.store.sign_days(since)
