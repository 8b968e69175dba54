"""An operator has seen a vehicle that another eMSP knows too: its driver is told, once a day (§6.3, §1.3).

Which eMSP that is nobody says, and nothing is revoked: the driver decides where he wants it.
"""

from dataclasses import dataclass
from typing import Final

from evouch.emsp.book import Book
from evouch.emsp.notices import Notices
from evouch.ids import Vid
from evouch.ocpi.model import ConflictNotice
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import OcpiRefusal
from evouch.store.ports import Put

__all__ = ["Conflicts"]

_INVALID: Final = 2001
#: What the notice is about.
ANOTHER_EMSP: Final = "another eMSP"


@dataclass(slots=True)
class Conflicts:
    """Conflicts over all vehicles."""

    book: Book
    notices: Notices

    async def take(self, partner: Partner, body: ConflictNotice) -> str:
        """Tell the driver, unless he was told a short while ago; OcpiRefusal 2001 for a vehicle that is not known."""
        vid = Vid(body.vehicle_id)
        async with self.book.turns.of(("conflict", vid)):
            vehicle = await self.book.store.vehicle(self.book.terms.party, vid)
            if vehicle is None or vehicle.contract.casefold() != body.contract_id.casefold():
                raise OcpiRefusal(_INVALID, "vehicle_id: not known with this contract")
            driver = await self.book.store.driver_of(vehicle.contract)
            if vehicle.granted and driver is not None and not await self.notices.told_of(driver.id, vid, ANOTHER_EMSP):
                data = {"about": ANOTHER_EMSP, "message": body.message.text if body.message else ""}
                notice = self.notices.new(driver.id, "conflict", vid=vid, partner=partner.id, data=data)
                audit = self.book.audit(f"operator {partner.id}", "report conflict", vid)
                await self.book.store.commit(Put(notice), audit)
        return "Conflict notification processed"
