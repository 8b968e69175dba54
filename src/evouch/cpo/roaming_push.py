"""Sessions and bills on their way to the eMSP whose customer it is, and to nobody else.

Both stand in the store as they were last sent, by partner: lists are read from there, and what
could not be sent is sent again as it stands then. A bill that no eMSP has acknowledged yet is
owed, which is a row of its own, written with the bill and deleted with the acknowledgement.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from evouch.charging.roaming import RoamingCharge
from evouch.clock import Clock, Tick
from evouch.cpo.roaming_partners import Directory, Pushes, may_carry
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.errors import PeerRefused
from evouch.ids import PartyId
from evouch.ocpi.codec import read, write
from evouch.ocpi.lanes import is_final
from evouch.ocpi.model import Cdr, Session
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import PartnerCalls
from evouch.ocpi.pushing import settle_refusal
from evouch.store.ports import Add, Change, Delete, Put, Store
from evouch.store.records import OcpiObject

__all__ = ["CDRS", "OWED", "SESSIONS", "RoamingPush"]

SESSIONS: Final = "sessions"
CDRS: Final = "cdrs"
#: Bills that no eMSP has acknowledged; a module of the store, not of OCPI.
OWED: Final = "cdrs owed"
#: Objects that are read from the store at a time.
_PAGE: Final = 100
#: States of a session in which an eMSP may check a binding.
_BEGUN: Final = frozenset({"ACTIVE", "COMPLETED"})


@dataclass(slots=True)
class RoamingPush:
    """Keeps and sends."""

    store: Store
    directory: Directory
    calls: PartnerCalls
    pushes: Pushes
    clock: Clock
    terms: RoamingTerms
    #: told of a charge whose eMSP has just heard that energy flows, or that it is over
    flowed: Callable[[str], None] = field(default=lambda _: None)
    #: sessions that their eMSP has, with the state that it knows
    _known: dict[str, str] = field(default_factory=dict)
    #: bills that are on their way just now
    _posting: set[str] = field(default_factory=set)

    # ── what is written with the charge ──

    def kept_session(self, charge: RoamingCharge, session: Session) -> tuple[Change, ...]:
        """Return the change that keeps a session as it is told now."""
        return (Put(self._object(SESSIONS, charge.partner, session.id, session.last_updated, session)),)

    def kept_cdr(self, charge: RoamingCharge, cdr: Cdr) -> tuple[Change, ...]:
        """Return the changes that keep a bill, and that it is owed."""
        kept = self._object(CDRS, charge.partner, cdr.id, cdr.last_updated, cdr)
        owed = OcpiObject(module=OWED, partner=charge.partner, owner=kept.owner, id=kept.id,
                          last_updated=cdr.last_updated, body={})  # fmt: skip
        return Add(kept), Add(owed)

    def _object(self, module: str, partner: str, id: str, at: datetime, body: Any) -> OcpiObject:
        return OcpiObject(
            module=module, partner=partner, owner=self.terms.party, id=id.upper(), last_updated=at, body=write(body)
        )

    # ── sending ──

    def session(self, partner_id: str, session: Session) -> None:
        """Have a session put at its eMSP."""
        if (partner := self._receiver(partner_id, session)) is not None:
            self.pushes.push(partner, SESSIONS, session.id, partial(self._tell, partner, session))

    def cdr(self, partner_id: str, cdr: Cdr) -> None:
        """Have a bill posted to its eMSP."""
        if (partner := self._receiver(partner_id, cdr)) is not None:
            self.pushes.push(partner, CDRS, cdr.id, partial(self._post, partner, cdr))

    async def ensure(self, charge: RoamingCharge) -> None:
        """Return once the eMSP has the session of a charge; raises Unreachable or PeerRefused."""
        partner = self.directory.get(charge.partner)
        kept = await self.store.ocpi_object(SESSIONS, charge.partner, self.terms.party, charge.id.upper())
        if partner is None or kept is None:
            raise PeerRefused("noSession", "nothing to put yet")
        if charge.id not in self._known:
            await self._put(partner, read(kept.body, Session))

    async def catch_up(self, charge: RoamingCharge) -> None:
        """Send what is kept of a charge: its session, and its bill if that is owed."""
        kept = await self.store.ocpi_object(SESSIONS, charge.partner, self.terms.party, charge.id.upper())
        if kept is not None:
            self.session(charge.partner, read(kept.body, Session))
        partner = self.directory.get(charge.partner)
        if partner is not None and partner.registered:
            self.pushes.push(partner, CDRS, OWED, partial(self._resend_cdrs, partner))

    async def resend(self, partner: Partner, module: str, since: datetime) -> None:
        """Send the current state of everything that changed since; bills: all that are owed."""
        if module == CDRS:
            await self._resend_cdrs(partner)
            return
        offset = 0
        while True:
            page, _ = await self.store.ocpi_page(SESSIONS, partner.id, since=since, offset=offset, limit=_PAGE)
            for each in page:
                await settle_refusal(partial(self._tell, partner, read(each.body, Session)))
            offset += len(page)
            if len(page) < _PAGE:
                return

    async def resume(self) -> None:
        """Post the bills that may not have arrived when the process ended."""
        for partner in self.directory.all():
            await self.remind(partner)

    async def remind(self, partner: Partner) -> None:
        """Post the bills that a partner has not acknowledged, if there are any."""
        if partner.registered and (await self.store.ocpi_page(OWED, partner.id, limit=1))[0]:
            self.pushes.push(partner, CDRS, OWED, partial(self._resend_cdrs, partner))

    async def _resend_cdrs(self, partner: Partner) -> None:
        """Post what is owed, but for bills that were refused for good: those are for people to look at."""
        offset, refused = 0, 0
        while True:
            owed, _ = await self.store.ocpi_page(OWED, partner.id, offset=offset, limit=_PAGE)
            for each in owed:
                kept = await self.store.ocpi_object(CDRS, each.partner, each.owner, each.id)
                if kept is None or each.body or not await self._pay(partner, read(kept.body, Cdr)):
                    refused += 1
            if len(owed) < _PAGE:
                return
            offset = refused

    async def _pay(self, partner: Partner, cdr: Cdr) -> bool:
        """Post a bill that is owed; False where it was refused for good."""
        return await settle_refusal(partial(self._post, partner, cdr)) is None

    async def _put(self, partner: Partner, session: Session) -> bool:
        """Put a session; return whether its eMSP has heard only now that energy flows, or that it is over."""
        await self.calls.put_session(self._now(partner), session, by=self._by())
        news = self._known.get(session.id) != session.status and session.status in _BEGUN
        self._known[session.id] = session.status
        if session.status == "COMPLETED":
            del self._known[session.id]
        return news

    async def _tell(self, partner: Partner, session: Session) -> None:
        if await self._put(partner, session):
            self.flowed(session.id)

    async def _post(self, partner: Partner, cdr: Cdr) -> None:
        if cdr.id in self._posting:
            return
        self._posting.add(cdr.id)
        try:
            await self.calls.post_cdr(self._now(partner), cdr, by=self._by())
        except PeerRefused as refused:
            if is_final(refused):
                await self._settle(partner, cdr, partial(_refused, code=refused.code))
            raise
        finally:
            self._posting.discard(cdr.id)
        await self._settle(partner, cdr, Delete)

    async def _settle(self, partner: Partner, cdr: Cdr, change: Callable[[OcpiObject], Change]) -> None:
        owner = PartyId(cdr.country_code, cdr.party_id)
        owed = await self.store.ocpi_object(OWED, partner.id, owner, cdr.id.upper())
        if owed is not None:
            await self.store.commit(change(owed))

    def _receiver(self, id: str, body: Session | Cdr) -> Partner | None:
        """Return who gets this, unless the token in it may not be named to it any more (§7.4)."""
        partner = self.directory.get(id)
        return partner if partner is not None and may_carry(partner, body.cdr_token.type) else None

    def _now(self, partner: Partner) -> Partner:
        """Return a partner as it stands now: its token may be another one than when the push was made."""
        return self.directory.get(partner.id) or partner

    def _by(self) -> Tick:
        return Tick(self.clock.tick() + self.terms.push_time)


def _refused(owed: OcpiObject, *, code: str) -> Change:
    return Put(replace(owed, body={"refused": code}))
