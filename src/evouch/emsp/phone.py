"""Everything that a driver can do, as one object for pages and for the API of his phone. No rules live here."""

from collections.abc import Sequence
from dataclasses import dataclass

from evouch.charging.geo import Point
from evouch.charging.vehicles import Vehicle
from evouch.emsp.confirming import Confirming
from evouch.emsp.drivers import Drivers
from evouch.emsp.eligibility import Offer
from evouch.emsp.invoices import Invoices
from evouch.emsp.notices import Notices
from evouch.emsp.sessions import Sessions
from evouch.emsp.stopping import Stopping
from evouch.emsp.vehicles import Vehicles
from evouch.errors import Refused
from evouch.ids import Secret, Vid
from evouch.store.records_roaming import Car, Driver, EmspSession, Invoice, Notice

__all__ = ["Phone"]


@dataclass(slots=True)
class Phone:
    """The driver's side. Every call names the driver; whose phone it is says :meth:`login`."""

    _drivers: Drivers
    _vehicles: Vehicles
    _notices: Notices
    _confirming: Confirming
    _stopping: Stopping
    _sessions: Sessions
    _invoices: Invoices

    async def login(self, token: Secret) -> Driver:
        """Return whose phone shows this token; Refused("badLogin")."""
        id = self._drivers.by_login(token)
        if id is None:
            raise Refused("badLogin")
        return await self._drivers.get(id)

    # ── vehicles ──

    async def vehicles(self, driver: str) -> list[Vehicle]:
        """Return his vehicles, the latest first."""
        return await self._vehicles.of(driver)

    async def grant(self, driver: str, vid: Vid) -> Vehicle:
        """Let a vehicle start by itself; Refused("noSuchVehicle", "modelNotSupported", "bindAgain")."""
        return await self._vehicles.grant(driver, vid)

    async def revoke(self, driver: str, vid: Vid) -> Vehicle:
        """Let it start no more; Refused("noSuchVehicle")."""
        return await self._vehicles.revoke(driver, vid)

    async def do_not_ask(self, driver: str, vid: Vid) -> Vehicle:
        """Let it start no more, and be asked no more; Refused("noSuchVehicle")."""
        return await self._vehicles.do_not_ask(driver, vid)

    async def offer(self, driver: str) -> Offer:
        """Return whether automatic charging is offered to a driver of his cars."""
        return self._drivers.offer(await self._drivers.get(driver))

    async def set_cars(self, driver: str, cars: Sequence[Car]) -> Offer:
        """Note which models he drives; what was bound before is asked about now, if they can do it."""
        after = await self._drivers.set(driver, actor=f"driver {driver}", cars=tuple(cars))
        await self._vehicles.reconsider(driver)
        return self._drivers.offer(after)

    async def set_place(self, driver: str, point: Point, accuracy: int) -> None:
        """Note where his phone is, to ``accuracy`` metres; forgotten after minutes."""
        await self._drivers.set_phone(driver, point, accuracy)

    # ── notices ──

    async def notices(self, driver: str, *, open: bool = False) -> list[Notice]:
        """Return his notices, newest first."""
        return await self._notices.of(driver, open=open)

    async def accept(self, driver: str, notice: str, *, evse: str = "") -> Notice:
        """Say yes: grant, start, or that he has read it. ``evse`` where several were meant; raises as what it does."""
        asked = await self._notices.owned(driver, notice)
        match asked.kind:
            case "confirm":
                return await self._confirming.confirm(driver, notice, evse=evse)
            case "consent" if asked.vid is not None:
                await self._vehicles.grant(driver, asked.vid, answers=notice)
                return await self._notices.owned(driver, notice)
            case _:
                return await self._notices.read(driver, notice)

    async def decline(self, driver: str, notice: str) -> Notice:
        """Say no: leave it, revoke it, or stop it, by what the notice is about; raises as what it does."""
        asked = await self._notices.owned(driver, notice)
        match asked.kind:
            case "confirm":
                return await self._confirming.decline(driver, notice)
            case "started":
                return await self._stopping.by_notice(driver, notice)
            case _:
                return await self._vehicles.decline(driver, notice)

    # ── charging ──

    async def sessions(self, driver: str, *, active: bool = False) -> list[EmspSession]:
        """Return his sessions, newest first."""
        return await self._sessions.of(driver, active=active)

    async def stop(self, driver: str, partner: str, session: str) -> Notice:
        """Stop a session of his; Refused("noSuchSession", "notRunning")."""
        return await self._stopping.stop(driver, partner, session)

    async def invoices(self, driver: str) -> list[Invoice]:
        """Return his bills, newest first."""
        return await self._invoices.of(driver)
