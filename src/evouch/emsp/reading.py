"""Reading operators' lists: what a push has not brought is found there (transport §pull)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from evouch.clock import Tick
from evouch.emsp.book import Book
from evouch.emsp.invoices import Invoices
from evouch.emsp.places import Places
from evouch.emsp.sessions import Sessions
from evouch.ocpi.model import Cdr, Location, Session, Tariff
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import OcpiRefusal, PartnerCalls

__all__ = ["KINDS", "Reading"]

#: Modules that are read, in this order: sessions need to know places.
KINDS: Final[dict[str, type[Any]]] = {"locations": Location, "tariffs": Tariff, "sessions": Session, "cdrs": Cdr}
#: One reading of a whole list, s.
_LONGEST: Final = 600.0

_log = structlog.get_logger("evouch.emsp.reading")


@dataclass(slots=True)
class Reading:
    """Takes objects of lists as if they had been pushed."""

    book: Book
    calls: PartnerCalls
    places: Places
    sessions: Sessions
    invoices: Invoices

    async def read(self, partner: Partner, module: str, since: datetime | None) -> datetime | None:
        """Read a list from ``since`` on; return the latest ``last_updated`` in it. One bad object stops nothing."""
        latest: datetime | None = None
        by = Tick(self.book.clock.tick() + _LONGEST)
        async for each in self.calls.pages(partner, module, KINDS[module], since=since, by=by):
            try:
                await self._take(partner, module, each)
            except OcpiRefusal as refused:
                _log.info("object passed over", partner=partner.id, module=module, code=refused.code)
            latest = max(latest or each.last_updated, each.last_updated)
        return latest

    async def _take(self, partner: Partner, module: str, body: Any) -> None:
        if isinstance(body, Session):
            await self.sessions.take(partner, body)
        elif isinstance(body, Cdr):
            await self.invoices.take(partner, body)
        else:
            await self.places.take(partner, module, body)
