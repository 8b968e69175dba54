"""What is known around one wish to charge, gathered for the checks (§4.6): sessions, starts, the phone, a yes.

Nothing is judged here. A yes of ours that no session has followed yet may become a charge any
moment, so for a while it counts as one that runs where it was given.

Any operator can tell any session, and knows every VID. So a session shows where the vehicle was only
if we had let it charge at that place, or if it bound the vehicle; one that runs speaks against a
second one in any case.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from evouch.autocharge.checks import (
    Case,
    Check,
    ConcurrentUse,
    Confirmed,
    ImpossibleTravel,
    PastSession,
    PhoneFix,
    PhoneNear,
    StartRate,
)
from evouch.charging.geo import distance_km
from evouch.charging.tokens import Allowed
from evouch.charging.vehicles import Vehicle
from evouch.emsp.book import Book
from evouch.emsp.places import Places
from evouch.emsp.terms import EmspTerms
from evouch.ocpi.model import LocationReferences
from evouch.ocpi.partner import Partner
from evouch.store.records_roaming import Decision, Driver, EmspSession, NoticeState

__all__ = ["Contexts", "allowed", "checks_of", "coarse"]

_DAY: Final = timedelta(days=1)
#: Clocks of operators differ by so much; what is said of a later time says nothing.
_CLOCKS: Final = timedelta(minutes=5)
#: Sessions and decisions of one vehicle that are looked at: its rate is bounded far below.
_MOST: Final = 50
_MOST_DECISIONS: Final = 500
#: Kilometres: a decision keeps no distance finer than this.
_COARSE: Final = 5


def checks_of(terms: EmspTerms) -> tuple[Check, ...]:
    """Return the checks with the thresholds of an eMSP's terms."""
    return (
        ConcurrentUse(),
        ImpossibleTravel(doubt_km_h=terms.travel_doubt, fail_km_h=terms.travel_fail, near_km=terms.travel_least),
        PhoneNear(
            near=terms.phone_near, far=terms.phone_far, most_inaccurate=terms.phone_accuracy,
            oldest=timedelta(seconds=terms.phone_age),
        ),
        StartRate(
            per_hour=terms.starts_per_hour, per_day=terms.starts_per_day, refused_per_hour=terms.refusals_per_hour
        ),
        Confirmed(),
    )  # fmt: skip


@dataclass(slots=True)
class Contexts:
    """Gathers cases from the store."""

    book: Book
    places: Places

    async def case(self, partner: Partner, vehicle: Vehicle, driver: Driver, where: LocationReferences) -> Case:
        """Return everything that the checks may look at."""
        now, store = self.book.clock.now(), self.book.store
        sessions = await store.emsp_sessions(vid=vehicle.vid, limit=_MOST)
        running = await store.emsp_sessions(contract=vehicle.contract, active=True, limit=_MOST)
        decided = await store.decisions(vid=vehicle.vid, since=now - _DAY, limit=_MOST_DECISIONS)
        binding = await self._binding(vehicle)
        active = {(each.partner, each.id): each for each in (*running, *_running(sessions))}
        return Case(
            at=now, vid=vehicle.vid, contract=vehicle.contract, partner=partner.id, location=where.location_id,
            evses=where.evse_uids, point=await self.places.point(partner, where.location_id, where.evse_uids),
            sessions=tuple(_past(each) for each in (*await self._seen(sessions, now), *binding)),
            active=(*map(_past, active.values()), *self._promised(decided, sessions, partner, where)),
            phone=_phone(driver), starts=_moments(decided, Allowed.ALLOWED),
            refusals=_moments(decided, Allowed.NOT_ALLOWED),
            confirmed=await self._confirmed(driver, partner, where, sessions, vehicle),
        )  # fmt: skip

    async def _seen(self, sessions: Iterable[EmspSession], now: datetime) -> list[EmspSession]:
        """Return the last session of the vehicle that shows where it was, if there is one."""
        told = [each for each in sessions if (each.ended_at or each.started_at) <= now + _CLOCKS]
        for each in sorted(told, key=lambda one: one.ended_at or one.started_at, reverse=True):
            if await allowed(self.book, each):
                return [each]
        return []

    async def _binding(self, vehicle: Vehicle) -> list[EmspSession]:
        """Return the session that bound it: with a card, its driver has been there with it."""
        enrolment = await self.book.store.enrolment(vehicle.vid)
        if enrolment is None:
            return []
        session = await self.book.store.emsp_session(enrolment.partner, enrolment.session)
        return [] if session is None else [session]

    def _promised(
        self, decided: Iterable[Decision], sessions: Iterable[EmspSession], partner: Partner, where: LocationReferences
    ) -> list[PastSession]:
        """Return the yeses for elsewhere, be it the next EVSE, that no session has followed yet."""
        since = self.book.clock.now() - timedelta(seconds=self.book.terms.yes_lasts)
        followed = {each.reference for each in sessions}
        return [
            PastSession(
                id=each.id, partner=each.partner, location=each.location, evse="", started=each.at, updated=each.at,
                vid=each.vid,
            )
            for each in decided
            if each.allowed is Allowed.ALLOWED and each.at > since and each.reference not in followed
            and not ((each.partner, each.location) == (partner.id, where.location_id)
                     and _meet(each.evses, where.evse_uids))
        ]  # fmt: skip

    async def _confirmed(
        self, driver: Driver, partner: Partner, where: LocationReferences, sessions: Iterable[EmspSession],
        vehicle: Vehicle,
    ) -> bool:  # fmt: skip
        """Return whether he said yes to this very start a short while ago: here, and no charge has come of it yet."""
        since = self.book.clock.now() - timedelta(seconds=self.book.terms.confirmation_lasts)
        used = {each.reference for each in sessions}
        return any(
            each.kind == "confirm" and each.state is NoticeState.ACCEPTED and each.vid == vehicle.vid
            and each.partner == partner.id and each.data.get("location") == where.location_id
            and _meet(each.data.get("evses", "").split(), where.evse_uids)
            and each.data.get("reference") not in used and _time(each.data.get("answered", "")) > since
            for each in await self.book.store.notices(driver.id, limit=_MOST)
        )  # fmt: skip


async def allowed(book: Book, session: EmspSession) -> bool:
    """Return whether we let this vehicle charge, with this operator and at this place."""
    decision = await book.store.decision_by_reference(session.reference) if session.reference else None
    return decision is not None and (
        decision.allowed, decision.vid, decision.partner, decision.location.casefold(),
    ) == (Allowed.ALLOWED, session.vid, session.partner, session.location.casefold())  # fmt: skip


def coarse(case: Case) -> int | None:
    """Return how far it is from where the vehicle was last, in steps of 5 km; None where that is not known."""
    last = max(case.sessions, key=lambda each: each.seen, default=None)
    if last is None or last.point is None or case.point is None:
        return None
    return round(distance_km(last.point, case.point) / _COARSE) * _COARSE


def _past(session: EmspSession) -> PastSession:
    return PastSession(
        id=session.id, partner=session.partner, location=session.location, evse=session.evse,
        started=session.started_at, ended=session.ended_at, updated=session.last_updated, point=session.point,
        vid=session.vid,
    )  # fmt: skip


def _running(sessions: Iterable[EmspSession]) -> list[EmspSession]:
    return [each for each in sessions if each.status in {"PENDING", "ACTIVE"}]


def _phone(driver: Driver) -> PhoneFix | None:
    if driver.phone is None or driver.phone_at is None:
        return None
    return PhoneFix(point=driver.phone, accuracy=driver.phone_accuracy or 0, at=driver.phone_at)


def _moments(decided: Sequence[Decision], allowed: Allowed) -> tuple[datetime, ...]:
    return tuple(each.at for each in decided if each.allowed is allowed)


def _meet(meant: Iterable[str], asked: Iterable[str]) -> bool:
    """Return whether one of the EVSEs is among the others; who names none means any."""
    ours, theirs = {each.casefold() for each in meant}, {each.casefold() for each in asked}
    return not ours or not theirs or bool(ours & theirs)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text or "1970-01-01T00:00:00+00:00")
