"""The questions of roaming, answered by a memory."""

from collections.abc import Sequence
from datetime import date, datetime
from operator import attrgetter

from evouch.autocharge.budget import SignDay
from evouch.charging.roaming import FINAL, RoamingCharge
from evouch.charging.tokens import IdToken
from evouch.charging.vehicles import Vehicle
from evouch.ids import ContractId, PartyId, StationId, TransactionId, Vid
from evouch.ocpi.partner import Partner, PartnerSync
from evouch.store.memory_records import MemoryRecords, first, newest, page
from evouch.store.records_roaming import (
    ACTIVE_SESSION,
    Decision,
    Driver,
    DriverToken,
    EmspSession,
    Enrolment,
    Invoice,
    Notice,
    NoticeState,
    OcpiObject,
    OprfKey,
)

__all__ = ["MemoryRoaming"]


class MemoryRoaming(MemoryRecords):
    """Implements :class:`~evouch.store.ports_roaming.RoamingStore`."""

    # partners and objects of modules

    async def partners(self) -> list[Partner]:
        return sorted(self._all(Partner), key=lambda one: one.id)

    async def partner_syncs(self) -> list[PartnerSync]:
        return sorted(self._all(PartnerSync), key=lambda one: (one.partner, one.module))

    async def ocpi_object(self, module: str, partner: str, owner: PartyId, id: str) -> OcpiObject | None:
        return self._get(OcpiObject, (module, partner, owner, id))

    async def ocpi_objects_named(self, module: str, id: str) -> list[OcpiObject]:
        return self._all(OcpiObject, lambda one: (one.module, one.id) == (module, id))

    async def ocpi_page(
        self, module: str, partner: str | None, *, since: datetime | None = None, until: datetime | None = None,
        offset: int = 0, limit: int = 100,
    ) -> tuple[list[OcpiObject], int]:  # fmt: skip
        found = self._all(OcpiObject, lambda one: one.module == module and partner in {None, one.partner})
        return page(found, attrgetter("last_updated"), (since, until), offset, limit)

    # vehicles

    async def vehicle(self, owner: PartyId, vid: Vid) -> Vehicle | None:
        return self._get(Vehicle, (owner, vid))

    async def vehicles_with(self, vids: Sequence[Vid]) -> list[Vehicle]:
        return sorted(self._all(Vehicle, lambda one: one.vid in vids), key=lambda one: (one.owner, one.vid))

    async def vehicles_of(self, contract: ContractId) -> list[Vehicle]:
        return self._all(Vehicle, lambda one: one.contract == contract)

    async def vehicle_page(
        self, *, since: datetime | None = None, until: datetime | None = None, offset: int = 0, limit: int = 100
    ) -> tuple[list[Vehicle], int]:
        return page(self._all(Vehicle), attrgetter("last_updated"), (since, until), offset, limit)

    # an operator's charges

    async def charge(self, id: str) -> RoamingCharge | None:
        return self._get(RoamingCharge, id)

    async def charge_of(self, station: StationId, transaction: TransactionId) -> RoamingCharge | None:
        found = self._all(RoamingCharge, lambda one: (one.station, one.transaction) == (station, transaction))
        return first(newest(found, _at))

    async def charge_by_token(self, ocpp_token_key: str) -> RoamingCharge | None:
        found = self._all(RoamingCharge, lambda one: bool(ocpp_token_key) and _token_key(one) == ocpp_token_key)
        return first(newest(found, _at))

    async def charges(self, *, active: bool = False, limit: int = 1000) -> list[RoamingCharge]:
        return newest(self._all(RoamingCharge, lambda one: not (active and one.state in FINAL)), _at)[:limit]

    # an eMSP's drivers

    async def driver(self, id: str) -> Driver | None:
        return self._get(Driver, id)

    async def driver_of(self, contract: ContractId) -> Driver | None:
        return first(self._all(Driver, lambda one: one.contract == contract))

    async def drivers(self) -> list[Driver]:
        return sorted(self._all(Driver), key=lambda one: one.id)

    async def driver_token(self, key: str) -> DriverToken | None:
        return self._get(DriverToken, key)

    async def driver_tokens(self, driver: str | None = None) -> list[DriverToken]:
        return sorted(self._all(DriverToken, lambda one: driver in {None, one.driver}), key=lambda one: one.key)

    async def driver_token_page(
        self, *, since: datetime | None = None, until: datetime | None = None, offset: int = 0, limit: int = 100
    ) -> tuple[list[DriverToken], int]:
        return page(self._all(DriverToken), attrgetter("last_updated"), (since, until), offset, limit)

    async def enrolment(self, vid: Vid) -> Enrolment | None:
        return self._get(Enrolment, vid)

    async def enrolments(self, driver: str | None = None) -> list[Enrolment]:
        return self._all(Enrolment, lambda one: driver in {None, one.driver})

    # an eMSP's view of charging

    async def emsp_session(self, partner: str, id: str) -> EmspSession | None:
        return self._get(EmspSession, (partner, id))

    async def emsp_sessions(
        self, *, vid: Vid | None = None, contract: ContractId | None = None, driver: str | None = None,
        active: bool = False, limit: int = 100,
    ) -> list[EmspSession]:  # fmt: skip
        def wanted(one: EmspSession) -> bool:
            same = vid in {None, one.vid} and contract in {None, one.contract} and driver in {None, one.driver}
            return same and not (active and one.status not in ACTIVE_SESSION)

        return newest(self._all(EmspSession, wanted), _started_at)[:limit]

    async def emsp_session_by_reference(self, partner: str, reference: str) -> EmspSession | None:
        named = (partner, reference)
        found = self._all(EmspSession, lambda one: bool(reference) and (one.partner, one.reference) == named)
        return first(newest(found, _started_at))

    async def invoices(self, driver: str | None = None, *, limit: int = 100) -> list[Invoice]:
        found = self._all(Invoice, lambda one: driver in {None, one.driver})
        return newest(found, attrgetter("received_at"))[:limit]

    async def invoice(self, partner: str, owner: PartyId, id: str) -> Invoice | None:
        return self._get(Invoice, (partner, owner, id))

    async def decisions(
        self, *, vid: Vid | None = None, since: datetime | None = None, limit: int = 100
    ) -> list[Decision]:
        found = self._all(Decision, lambda one: vid in {None, one.vid} and (since is None or since <= one.at))
        return newest(found, _at)[:limit]

    async def decision_by_reference(self, reference: str) -> Decision | None:
        return first(newest(self._all(Decision, lambda one: bool(reference) and one.reference == reference), _at))

    async def notices(self, driver: str | None = None, *, open: bool = False, limit: int = 100) -> list[Notice]:
        def wanted(one: Notice) -> bool:
            return driver in {None, one.driver} and not (open and one.state is not NoticeState.OPEN)

        return newest(self._all(Notice, wanted), _at)[:limit]

    async def notice(self, id: str) -> Notice | None:
        return self._get(Notice, id)

    # the sign oracle

    async def oprf_keys(self) -> list[OprfKey]:
        return newest(self._all(OprfKey), attrgetter("created_at"))

    async def sign_days(self, since: date) -> list[SignDay]:
        return sorted(self._all(SignDay, lambda one: since <= one.day), key=lambda one: (one.partner, one.day))


def _token_key(charge: RoamingCharge) -> str:
    return IdToken(charge.ocpp_token).key


def _at(record: RoamingCharge | Decision | Notice) -> datetime:
    return record.at


def _started_at(session: EmspSession) -> datetime:
    return session.started_at
