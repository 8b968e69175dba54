"""Charge detail records, each a line of a driver's bill (mod_cdrs). One that was taken never changes."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from urllib.parse import quote

from evouch.emsp.book import Book
from evouch.emsp.sessions import Holder, Sessions, watt_hours
from evouch.ids import ContractId, PartyId
from evouch.ocpi import codec
from evouch.ocpi.model import Cdr
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import Call, OcpiRefusal
from evouch.store.ports import Add, Put
from evouch.store.records_roaming import Invoice, OcpiObject
from evouch.units import Money

__all__ = ["Invoices"]

_INVALID: Final = 2001


@dataclass(slots=True)
class Invoices:
    """Bills of all drivers."""

    book: Book
    sessions: Sessions

    async def of(self, driver: str | None = None, *, limit: int = 100) -> list[Invoice]:
        """Return a driver's bills, or all, newest first."""
        return await self.book.store.invoices(driver, limit=limit)

    async def get(self, call: Call) -> Cdr:
        """Return a record that a partner has sent; OcpiRefusal (404)."""
        for party in call.partner.parties:
            id = call.params["cdr_id"].upper()
            found = await self.book.store.ocpi_object("cdrs", call.partner.id, party, id)
            if found is not None:
                return codec.read(found.body, Cdr)
        raise OcpiRefusal(2000, "Not found", http=404)

    def address(self, cdr: Cdr, version: str) -> str:
        """Return where a record is at us."""
        return f"{self.book.terms.base_url}/ocpi/{version}/cdrs/{quote(cdr.id, safe='')}"

    async def take(self, partner: Partner, cdr: Cdr) -> bool:
        """Take a record; return whether it is new. The same again is the same answer.

        OcpiRefusal 2001 for another record with an id that was taken, 2004 for a token that is not ours.
        """
        record = _object(partner, cdr)
        async with self.book.turns.of(("cdr", partner.id, record.id)):
            known = await self.book.store.ocpi_object("cdrs", partner.id, record.owner, record.id)
            if known is not None:
                if codec.read(known.body, Cdr) != codec.read(record.body, Cdr):
                    raise OcpiRefusal(_INVALID, "id: another record with this id was taken before")
                return False
            holder = await self._holder(partner, cdr)
            await self.book.store.commit(Put(record), Add(self._invoice(partner, cdr, *holder)))
            return True

    async def _holder(self, partner: Partner, cdr: Cdr) -> tuple[str, ContractId]:
        """Return whose bill it is: as its session was told, else by the token itself."""
        session = await self.book.store.emsp_session(partner.id, cdr.session_id) if cdr.session_id else None
        if session is not None and session.token_uid.casefold() == cdr.cdr_token.uid.casefold():
            return session.driver, session.contract
        holder: Holder = await self.sessions.holder(cdr.cdr_token)
        return holder.driver.id, holder.driver.contract

    def _invoice(self, partner: Partner, cdr: Cdr, driver: str, contract: ContractId) -> Invoice:
        taxes = sum((tax.amount for tax in cdr.total_cost.taxes), Decimal(0))
        total = Money(cdr.total_cost.before_taxes, cdr.currency)
        return Invoice(
            partner=partner.id, owner=_owner(cdr), id=cdr.id, driver=driver, contract=contract,
            session=cdr.session_id or "", started_at=cdr.start_date_time, ended_at=cdr.end_date_time,
            energy=watt_hours(cdr.total_energy),
            total=total, total_with_tax=Money(total.amount + taxes, cdr.currency), location=cdr.cdr_location.id,
            received_at=self.book.clock.now(),
        )  # fmt: skip


def _object(partner: Partner, cdr: Cdr) -> OcpiObject:
    return OcpiObject(
        module="cdrs", partner=partner.id, id=cdr.id.upper(), last_updated=cdr.last_updated,
        owner=_owner(cdr), body=codec.write(cdr),
    )  # fmt: skip


def _owner(cdr: Cdr) -> PartyId:
    return PartyId(cdr.country_code.upper(), cdr.party_id.upper())
