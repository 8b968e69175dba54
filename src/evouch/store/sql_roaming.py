"""The questions of roaming, answered by a database."""

from collections.abc import Sequence
from datetime import date, datetime

from evouch.autocharge.budget import SignDay
from evouch.charging.roaming import RoamingCharge
from evouch.charging.vehicles import Vehicle
from evouch.ids import ContractId, PartyId, StationId, TransactionId, Vid
from evouch.ocpi.partner import Partner, PartnerSync
from evouch.store import sql_questions_roaming as ask
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
from evouch.store.sql_reading import SqlReading

__all__ = ["SqlRoaming"]


class SqlRoaming(SqlReading):
    """Implements :class:`~evouch.store.ports_roaming.RoamingStore`."""

    # partners and objects of modules

    async def partners(self) -> list[Partner]:
        return await self._all(ask.PARTNERS_BY_ID)

    async def partner_syncs(self) -> list[PartnerSync]:
        return await self._all(ask.SYNCS)

    async def ocpi_object(self, module: str, partner: str, owner: PartyId, id: str) -> OcpiObject | None:
        return await self._first(
            ask.OCPI_OBJECT,
            module=module, partner=partner, owner_country=owner.country, owner_party=owner.party, id=id,
        )  # fmt: skip

    async def ocpi_objects_named(self, module: str, id: str) -> list[OcpiObject]:
        return await self._all(ask.OCPI_OBJECTS_NAMED, module=module, id=id)

    async def ocpi_page(
        self, module: str, partner: str | None, *, since: datetime | None = None, until: datetime | None = None,
        offset: int = 0, limit: int = 100,
    ) -> tuple[list[OcpiObject], int]:  # fmt: skip
        return await self._page(
            ask.OCPI_PAGES, offset, limit, module=module, partner=partner, since=since, until=until
        )  # fmt: skip

    # vehicles

    async def vehicle(self, owner: PartyId, vid: Vid) -> Vehicle | None:
        return await self._first(ask.VEHICLE, owner_country=owner.country, owner_party=owner.party, vid=vid)

    async def vehicles_with(self, vids: Sequence[Vid]) -> list[Vehicle]:
        found = await self._all(ask.VEHICLES_WITH, vids=list(vids)) if vids else []
        return sorted(found, key=lambda one: (one.owner, one.vid))

    async def vehicles_of(self, contract: ContractId) -> list[Vehicle]:
        return await self._all(ask.VEHICLES_OF, contract=contract)

    async def vehicle_page(
        self, *, since: datetime | None = None, until: datetime | None = None, offset: int = 0, limit: int = 100
    ) -> tuple[list[Vehicle], int]:
        return await self._page(ask.VEHICLE_PAGES, offset, limit, since=since, until=until)

    # an operator's charges

    async def charge(self, id: str) -> RoamingCharge | None:
        return await self._first(ask.CHARGE, id=id)

    async def charge_of(self, station: StationId, transaction: TransactionId) -> RoamingCharge | None:
        return await self._first(ask.CHARGE_OF, station=station, transaction=transaction, most=1)

    async def charge_by_token(self, ocpp_token_key: str) -> RoamingCharge | None:
        return await self._first(ask.CHARGE_BY_TOKEN, token_key=ocpp_token_key, most=1) if ocpp_token_key else None

    async def charges(self, *, active: bool = False, limit: int = 1000) -> list[RoamingCharge]:
        return await self._some(ask.SOME_CHARGES, narrow=active, most=limit)

    # an eMSP's drivers

    async def driver(self, id: str) -> Driver | None:
        return await self._first(ask.DRIVER, id=id)

    async def driver_of(self, contract: ContractId) -> Driver | None:
        return await self._first(ask.DRIVER_OF, contract=contract)

    async def drivers(self) -> list[Driver]:
        return await self._all(ask.DRIVERS_BY_ID)

    async def driver_token(self, key: str) -> DriverToken | None:
        return await self._first(ask.DRIVER_TOKEN, key=key)

    async def driver_tokens(self, driver: str | None = None) -> list[DriverToken]:
        return await (self._all(ask.TOKENS_BY_KEY) if driver is None else self._all(ask.TOKENS_OF, driver=driver))

    async def driver_token_page(
        self, *, since: datetime | None = None, until: datetime | None = None, offset: int = 0, limit: int = 100
    ) -> tuple[list[DriverToken], int]:
        return await self._page(ask.TOKEN_PAGES, offset, limit, since=since, until=until)

    async def enrolment(self, vid: Vid) -> Enrolment | None:
        return await self._first(ask.ENROLMENT, vid=vid)

    async def enrolments(self, driver: str | None = None) -> list[Enrolment]:
        return await (self._all(ask.ALL_ENROLMENTS) if driver is None else self._all(ask.ENROLMENTS_OF, driver=driver))

    # an eMSP's view of charging

    async def emsp_session(self, partner: str, id: str) -> EmspSession | None:
        return await self._first(ask.EMSP_SESSION, partner=partner, id=id)

    async def emsp_sessions(
        self, *, vid: Vid | None = None, contract: ContractId | None = None, driver: str | None = None,
        active: bool = False, limit: int = 100,
    ) -> list[EmspSession]:  # fmt: skip
        return await self._some(
            ask.SOME_SESSIONS, narrow=active, most=limit, vid=vid, contract=contract, driver=driver
        )  # fmt: skip

    async def emsp_session_by_reference(self, partner: str, reference: str) -> EmspSession | None:
        if not reference:
            return None
        return await self._first(ask.SESSION_BY_REFERENCE, partner=partner, reference=reference, most=1)

    async def invoices(self, driver: str | None = None, *, limit: int = 100) -> list[Invoice]:
        return await self._some(ask.SOME_INVOICES, most=limit, driver=driver)

    async def invoice(self, partner: str, owner: PartyId, id: str) -> Invoice | None:
        return await self._first(
            ask.INVOICE, partner=partner, owner_country=owner.country, owner_party=owner.party, id=id
        )

    async def decisions(
        self, *, vid: Vid | None = None, since: datetime | None = None, limit: int = 100
    ) -> list[Decision]:
        return await self._some(ask.SOME_DECISIONS, most=limit, vid=vid, since=since)

    async def decision_by_reference(self, reference: str) -> Decision | None:
        return await self._first(ask.DECISION_BY_REFERENCE, reference=reference, most=1) if reference else None

    async def notices(self, driver: str | None = None, *, open: bool = False, limit: int = 100) -> list[Notice]:
        return await self._some(ask.SOME_NOTICES, narrow=open, most=limit, driver=driver)

    async def notice(self, id: str) -> Notice | None:
        return await self._first(ask.NOTICE, id=id)

    # the sign oracle

    async def oprf_keys(self) -> list[OprfKey]:
        return (await self._all(ask.KEYS_BY_AGE))[::-1]

    async def sign_days(self, since: date) -> list[SignDay]:
        return await self._all(ask.SIGN_DAYS_SINCE, since=since)
