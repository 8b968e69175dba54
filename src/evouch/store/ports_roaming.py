"""What actors may ask of a memory about partners, vehicles and charges that cross between companies."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from evouch.autocharge.budget import SignDay
from evouch.charging.roaming import RoamingCharge
from evouch.charging.vehicles import Vehicle
from evouch.ids import ContractId, PartyId, StationId, TransactionId, Vid
from evouch.ocpi.partner import Partner, PartnerSync
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

__all__ = ["RoamingStore"]


class RoamingStore(Protocol):
    """The questions of roaming, for both sides. Lists come in a stated order, at most ``limit`` long."""

    # partners
    async def partners(self) -> list[Partner]:
        """All partners by id."""

    async def partner_syncs(self) -> list[PartnerSync]:
        """What is agreed with partners, by partner and module."""

    # objects of modules
    async def ocpi_object(self, module: str, partner: str, owner: PartyId, id: str) -> OcpiObject | None: ...
    async def ocpi_objects_named(self, module: str, id: str) -> list[OcpiObject]:
        """Objects with this id, whoever owns them, in the order of writing: a card's uid names no eMSP."""

    async def ocpi_page(
        self, module: str, partner: str | None, *, since: datetime | None = None, until: datetime | None = None,
        offset: int = 0, limit: int = 100,
    ) -> tuple[list[OcpiObject], int]:  # fmt: skip
        """A page of the objects of a module, oldest change first, and how many there are in all; None: of all partners.

        ``since`` is inclusive, ``until`` exclusive, both of ``last_updated``.
        """

    # vehicles
    async def vehicle(self, owner: PartyId, vid: Vid) -> Vehicle | None: ...
    async def vehicles_with(self, vids: Sequence[Vid]) -> list[Vehicle]:
        """Vehicles with any of these VIDs, by owner and VID."""

    async def vehicles_of(self, contract: ContractId) -> list[Vehicle]:
        """Vehicles of a contract, in the order of writing."""

    async def vehicle_page(
        self, *, since: datetime | None = None, until: datetime | None = None, offset: int = 0, limit: int = 100
    ) -> tuple[list[Vehicle], int]:
        """A page by ``last_updated``, oldest first, and the total."""

    # an operator's charges
    async def charge(self, id: str) -> RoamingCharge | None: ...
    async def charge_of(self, station: StationId, transaction: TransactionId) -> RoamingCharge | None:
        """The newest charge that this transaction is."""

    async def charge_by_token(self, ocpp_token_key: str) -> RoamingCharge | None:
        """The newest charge whose remote start uses this token (``IdToken.key``); an empty key finds none."""

    async def charges(self, *, active: bool = False, limit: int = 1000) -> list[RoamingCharge]:
        """Charges, newest first; ``active`` leaves out the final ones."""

    # an eMSP's drivers
    async def driver(self, id: str) -> Driver | None: ...
    async def driver_of(self, contract: ContractId) -> Driver | None:
        """The driver who was first written with this contract."""

    async def drivers(self) -> list[Driver]:
        """All drivers by id."""

    async def driver_token(self, key: str) -> DriverToken | None: ...
    async def driver_tokens(self, driver: str | None = None) -> list[DriverToken]:
        """Tokens by key."""

    async def driver_token_page(
        self, *, since: datetime | None = None, until: datetime | None = None, offset: int = 0, limit: int = 100
    ) -> tuple[list[DriverToken], int]:
        """A page by ``last_updated``, oldest first, and the total."""

    async def enrolment(self, vid: Vid) -> Enrolment | None: ...
    async def enrolments(self, driver: str | None = None) -> list[Enrolment]:
        """Enrolments in the order of writing."""

    # an eMSP's view of charging
    async def emsp_session(self, partner: str, id: str) -> EmspSession | None: ...
    async def emsp_sessions(
        self, *, vid: Vid | None = None, contract: ContractId | None = None, driver: str | None = None,
        active: bool = False, limit: int = 100,
    ) -> list[EmspSession]:  # fmt: skip
        """Sessions, newest start first; every condition given must hold. ``active``: PENDING and ACTIVE."""

    async def emsp_session_by_reference(self, partner: str, reference: str) -> EmspSession | None:
        """The session that started last with this authorization reference; an empty one finds none."""

    async def invoices(self, driver: str | None = None, *, limit: int = 100) -> list[Invoice]:
        """Invoices, last received first."""

    async def invoice(self, partner: str, owner: PartyId, id: str) -> Invoice | None: ...
    async def decisions(
        self, *, vid: Vid | None = None, since: datetime | None = None, limit: int = 100
    ) -> list[Decision]:
        """Decisions from ``since`` on, newest first."""

    async def decision_by_reference(self, reference: str) -> Decision | None:
        """The newest decision with this authorization reference; an empty one finds none."""

    async def notices(self, driver: str | None = None, *, open: bool = False, limit: int = 100) -> list[Notice]:
        """Notices, newest first."""

    async def notice(self, id: str) -> Notice | None: ...

    # the sign oracle
    async def oprf_keys(self) -> list[OprfKey]:
        """All keys, newest first."""

    async def sign_days(self, since: date) -> list[SignDay]:
        """Counters from this day on, by partner and day."""
