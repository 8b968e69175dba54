"""Sessions as operators tell them (mod_sessions), and the driver told of those that his vehicle started.

He is told when the session becomes ACTIVE here, not when it was allowed: only then is there
something to stop (docs/decisions/055). A session of a vehicle that nothing of ours allowed is
told all the same, and staff see it. Whose session it is does not change: what it has bound or told
would be another's.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from evouch.emsp.book import Book
from evouch.emsp.contexts import allowed
from evouch.emsp.notices import Notices
from evouch.emsp.oracle import SignOracle
from evouch.emsp.places import Places
from evouch.ids import PartyId, Vid, parse_vid
from evouch.ocpi import codec
from evouch.ocpi.model import VEHICLE_TOKEN, CdrToken, Session
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import Call, OcpiRefusal
from evouch.store.ports import Change, Put
from evouch.store.records_roaming import Driver, EmspSession, Notice, OcpiObject
from evouch.units import Money, Wh

__all__ = ["Holder", "Sessions", "watt_hours"]

_INVALID: Final = 2001
_UNKNOWN_TOKEN: Final = 2004
_WH: Final = 1000
#: A ferry takes less. What no database column holds must not stop the reading of a list either.
_MOST_KWH: Final = 1_000_000


def watt_hours(kwh: Decimal) -> Wh:
    """Return kilowatt-hours of the wire as whole watt-hours, never negative; OcpiRefusal 2001 for more than any."""
    if kwh > _MOST_KWH:
        raise OcpiRefusal(_INVALID, "kwh: no charge has so much")
    return Wh(max(0, int((kwh * _WH).to_integral_value())))


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose token it is: the driver, and the vehicle where that was the token."""

    driver: Driver
    vid: Vid | None


@dataclass(slots=True)
class Sessions:
    """Sessions of all drivers at all operators."""

    book: Book
    places: Places
    notices: Notices
    oracle: SignOracle

    async def of(self, driver: str, *, active: bool = False) -> list[EmspSession]:
        """Return a driver's sessions, newest first."""
        return await self.book.store.emsp_sessions(driver=driver, active=active)

    async def get(self, call: Call) -> Session:
        """Return what a partner has told us of a session; OcpiRefusal (404)."""
        kept = await self._kept(call)
        if kept is None:
            raise OcpiRefusal(2000, "Not found", http=404)
        return codec.read(kept.body, Session)

    async def take(self, partner: Partner, session: Session) -> bool:
        """Take a whole session; return whether it is new. What is older than ours changes nothing.

        OcpiRefusal 2004 where its token is none of ours, 2001 where it is not of whose the session was.
        """
        async with self.book.turns.of(("session", partner.id, session.id)):
            kept = await self.book.store.ocpi_object("sessions", partner.id, _owner(session), session.id.upper())
            if kept is None or kept.last_updated <= session.last_updated:
                await self._take(partner, session)
            return kept is None

    async def patch(self, call: Call) -> None:
        """Take some members of a session that we have; OcpiRefusal (404) where we have none."""
        async with self.book.turns.of(("session", call.partner.id, call.params["session_id"])):
            kept = await self._kept(call)
            if kept is None:
                raise OcpiRefusal(2000, "Not found", http=404)
            session = codec.merge(codec.read(kept.body, Session), call.body, call.version)
            if kept.last_updated <= session.last_updated:
                await self._take(call.partner, session)

    async def holder(self, token: CdrToken) -> Holder:
        """Return whose token a session or a bill names; OcpiRefusal 2004 where it is none of ours."""
        if PartyId(token.country_code.upper(), token.party_id.upper()) != self.book.terms.party:
            raise _not_ours()
        if token.type == VEHICLE_TOKEN:
            return await self._vehicle_holder(token)
        known = await self.book.store.driver_token(token.uid.casefold())
        driver = await self.book.store.driver(known.driver) if known is not None else None
        if driver is None:
            raise _not_ours()
        return Holder(driver, None)

    async def tell(self, session: EmspSession, **data: str) -> Notice:
        """Return the notice of a session's start, written if it was not; it carries what a stop needs."""
        for each in await self.book.store.notices(session.driver, limit=1000):
            if each.kind == "started" and (each.partner, each.data.get("session")) == (session.partner, session.id):
                return each
        notice = self._notice(session, data)
        await self.book.store.commit(Put(notice), Put(replace(session, told=True)))
        return notice

    async def _vehicle_holder(self, token: CdrToken) -> Holder:
        try:
            vid = parse_vid(token.uid)
        except ValueError:
            raise _not_ours() from None
        vehicle = await self.book.store.vehicle(self.book.terms.party, vid)
        driver = await self.book.store.driver_of(vehicle.contract) if vehicle is not None else None
        if driver is None:
            raise _not_ours()
        return Holder(driver, vid)

    async def _kept(self, call: Call) -> OcpiObject | None:
        params = call.params
        owner = PartyId(params["country_code"].upper(), params["party_id"].upper())
        return await self.book.store.ocpi_object("sessions", call.partner.id, owner, params["session_id"].upper())

    async def _take(self, partner: Partner, session: Session) -> None:
        """Write a session and what it causes, in one commit."""
        before = await self.book.store.emsp_session(partner.id, session.id)
        after = await self._record(partner, session, before)
        also = await self._news(after, before)
        if before is None:
            also.append(self.oracle.followed(partner.id))
        told = after.told or any(isinstance(each.record, Notice) for each in also)
        await self.book.store.commit(Put(_object(partner, session)), Put(replace(after, told=told)), *also)

    async def _record(self, partner: Partner, session: Session, before: EmspSession | None) -> EmspSession:
        token = session.cdr_token
        if before is not None and before.token_uid.casefold() == token.uid.casefold():
            driver, contract, vid, point = before.driver, before.contract, before.vid, before.point
        else:
            holder = await self.holder(token)
            if before is not None and holder.driver.id != before.driver:
                raise OcpiRefusal(_INVALID, "cdr_token: this session is another customer's")
            driver, contract, vid, point = holder.driver.id, holder.driver.contract, holder.vid, None
        if point is None:
            point = await self.places.point(partner, session.location_id, (session.evse_uid,))
        cost = session.total_cost
        return EmspSession(
            partner=partner.id, id=session.id, status=session.status, driver=driver, contract=contract,
            token_uid=token.uid, token_type=token.type, vid=vid, reference=session.authorization_reference or "",
            location=session.location_id, evse=session.evse_uid, point=point, started_at=session.start_date_time,
            ended_at=session.end_date_time, energy=watt_hours(session.kwh), currency=session.currency,
            cost=None if cost is None else Money(cost.before_taxes, session.currency),
            last_updated=session.last_updated, told=before is not None and before.told,
        )  # fmt: skip

    async def _news(self, session: EmspSession, before: EmspSession | None) -> list[Change]:
        """Return what a session means for its driver and for staff: once, when energy flows or has flowed."""
        flows = session.status == "ACTIVE" or (session.status == "COMPLETED" and session.energy > 0)
        if session.vid is None or session.told or not flows:
            return []
        news: list[Change] = [Put(self._notice(session, {}))]
        if not await allowed(self.book, session):
            told = f"{session.partner}: session {session.id} of a vehicle that was not let charge"
            news.append(self.book.alarm("unauthorisedSession", told))
        return news

    def _notice(self, session: EmspSession, data: dict[str, str]) -> Notice:
        what = {"session": session.id, "location": session.location, "evse": session.evse}
        return self.notices.new(session.driver, "started", vid=session.vid, partner=session.partner, data=what | data)


def _object(partner: Partner, session: Session) -> OcpiObject:
    return OcpiObject(
        module="sessions", partner=partner.id, id=session.id.upper(), last_updated=session.last_updated,
        owner=_owner(session), body=codec.write(session),
    )  # fmt: skip


def _owner(session: Session) -> PartyId:
    return PartyId(session.country_code.upper(), session.party_id.upper())


def _not_ours() -> OcpiRefusal:
    return OcpiRefusal(_UNKNOWN_TOKEN, "cdr_token: not a token of ours")
