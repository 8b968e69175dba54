"""Everything that staff of the eMSP can do beyond single parts, as one object for pages and the operator API.

Drivers, cards and partners have their own use-cases (``drivers``, ``tokens``, ``partners``), as has
the oracle's watch (``watch``: alarms, suspend, lift). Here is what joins several of them.
"""

from dataclasses import dataclass
from datetime import timedelta

from evouch.autocharge.budget import SignDay
from evouch.charging.vehicles import Vehicle
from evouch.emsp.book import Book
from evouch.emsp.keys import Keys
from evouch.emsp.oracle import SignOracle
from evouch.emsp.privacy import DriverData, Privacy, VehicleData
from evouch.emsp.upkeep import Upkeep
from evouch.emsp.vehicles import Vehicles
from evouch.ids import Secret, Vid
from evouch.ocpi.ports import Page
from evouch.store.records import AuditRow, SecurityEvent
from evouch.store.records_roaming import Decision, Notice, OprfKey

__all__ = ["Desk"]


@dataclass(slots=True)
class Desk:
    """The side of the eMSP's staff. ``actor`` is who does it, for the audit."""

    _book: Book
    _vehicles: Vehicles
    _keys: Keys
    _oracle: SignOracle
    _privacy: Privacy
    _upkeep: Upkeep

    # ── vehicles ──

    async def vehicles(self, page: Page) -> tuple[list[Vehicle], int]:
        """Return one page of all vehicles, oldest change first, and how many there are."""
        return await self._vehicles.all(page)

    async def withdraw(self, vid: Vid, *, actor: str, reason: str) -> Vehicle:
        """Revoke a vehicle, with a reason that its driver reads; Refused("noSuchVehicle", "reasonMissing")."""
        return await self._vehicles.withdraw(vid, actor=actor, reason=reason)

    async def decisions(self, *, vid: Vid | None = None, limit: int = 100) -> list[Decision]:
        """Return why vehicles were or were not let charge, newest first."""
        return await self._book.store.decisions(vid=vid, limit=limit)

    async def notices(self, *, limit: int = 100) -> list[Notice]:
        """Return what drivers were told and asked, newest first."""
        return await self._book.store.notices(limit=limit)

    # ── the sign oracle ──

    async def sign_days(self, days: int = 30) -> list[SignDay]:
        """Return what partners asked the sign oracle, by partner and day."""
        await self._oracle.flush()
        since = self._book.clock.now().date() - timedelta(days=days - 1)
        return await self._book.store.sign_days(since)

    def keys(self) -> list[OprfKey]:
        """Return all keys, the one in use first; what they are stays secret."""
        return self._keys.all()

    async def rotate_key(self, *, actor: str, reason: str, grace: float | None = None) -> OprfKey:
        """Put a new key into use. Every vehicle has to be bound again: those of the old key are revoked and told.

        ``grace`` (s) is how long they still start; the terms' where it is None. Refused("reasonMissing").
        """
        grace = self._book.terms.key_grace if grace is None else grace
        new = await self._keys.rotate(actor=actor, reason=reason, grace=grace)
        self._upkeep.retire()
        return new

    async def export_key(self, *, actor: str) -> Secret:
        """Return the key in use as 64 hex digits, for a backup in a safe place."""
        return await self._keys.export(actor=actor)

    async def restore_key(self, key: Secret, *, actor: str, reason: str) -> OprfKey:
        """Put a key from a backup into use; vehicles of the present one are revoked. Refused("badKey")."""
        restored = await self._keys.restore(key, actor=actor, reason=reason)
        self._upkeep.retire()
        return restored

    # ── people's data ──

    async def export(self, driver: str, *, actor: str) -> DriverData:
        """Return everything that is known of a driver; Refused("noSuchDriver")."""
        return await self._privacy.export(driver, actor=actor)

    async def export_vehicle(self, vid: Vid, *, actor: str) -> VehicleData:
        """Return everything that is known of a vehicle; Refused("noSuchVehicle")."""
        return await self._privacy.export_vehicle(vid, actor=actor)

    async def erase(self, driver: str, *, actor: str, reason: str) -> None:
        """Erase a driver; Refused("noSuchDriver", "reasonMissing")."""
        await self._privacy.erase(driver, actor=actor, reason=reason)

    # ── what happened ──

    async def audit(self, *, limit: int = 200) -> list[AuditRow]:
        """Return who changed what, newest first."""
        return await self._book.store.audit(limit=limit)

    async def alarms(self, *, limit: int = 200) -> list[SecurityEvent]:
        """Return what somebody should look at, newest first."""
        return await self._book.store.security_events(limit=limit)
