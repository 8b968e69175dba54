"""What a driver's phone shows, gathered: what waits for his answer, what runs, what happened.

Texts of partners (places, names of operators) are shown as they are; templates escape them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from evouch.charging.vehicles import Vehicle
from evouch.emsp.app import Emsp
from evouch.ids import Vid
from evouch.ocpi.model import Location
from evouch.store.records_roaming import Driver, EmspSession, Invoice, Notice, NoticeState
from evouch.web import words_emsp as words

__all__ = ["Bill", "Charge", "Home", "Told", "bills", "charges", "home", "names"]

#: Messages that want an answer; all others want to be read.
_QUESTIONS: Final = frozenset({"consent", "confirm", "conflict"})
#: A start that was said yes to is followed for this long.
_FOLLOWED: Final = timedelta(minutes=15)
_UNDER_WAY: Final = frozenset({"sent", "accepted"})
#: Seconds until the page looks again: a start is awaited at the car, a charge is watched, and else a car may plug in.
_SOON, _WHILE_CHARGING, _ELSE = 2, 5, 20
_ROWS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One message as the phone shows it."""

    notice: Notice
    car: str
    place: str
    operator: str
    #: kilometres from where the vehicle was last, in steps of five
    distance: int | None = None
    #: charging points to choose from, where several were meant
    evses: tuple[str, ...] = ()
    #: the charge that it tells of
    session: EmspSession | None = None
    #: what became of a yes
    start: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A session, and what became of stopping it."""

    session: EmspSession
    place: str
    operator: str
    state: str
    mark: str
    #: by which vehicle it was started, "" where a card or an app did it
    car: str = ""
    stop: str = ""
    stopping: bool = False
    invoice: Invoice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """An invoice and where it was."""

    invoice: Invoice
    place: str
    operator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The first page."""

    #: a car waits at a station for the answer
    urgent: tuple[Told, ...]
    questions: tuple[Told, ...]
    running: tuple[Charge, ...]
    news: tuple[Told, ...]

    @property
    def again(self) -> int:
        """Seconds until the page should look again."""
        if any(_awaited(each.notice) for each in self.news):
            return _SOON
        return _WHILE_CHARGING if self.running else _ELSE

    @property
    def live(self) -> bool:
        """Whether something goes on by itself, so that a page without JavaScript has to be loaded again."""
        return self.again < _ELSE


async def home(emsp: Emsp, driver: Driver, now: datetime) -> Home:
    """Return what a driver sees first."""
    notices = await emsp.phone.notices(driver.id)
    sessions = await emsp.phone.sessions(driver.id)
    running = await emsp.phone.sessions(driver.id, active=True)
    begun = {(each.partner, each.reference) for each in sessions if each.reference}
    told = [each for each in notices if each.state is NoticeState.OPEN or _followed(each, now, begun)]
    shown = [await _told(emsp, driver, each, await names(emsp, driver)) for each in told]
    asked = [each for each in shown if each.notice.kind in _QUESTIONS and not each.start]
    return Home(
        urgent=tuple(each for each in asked if each.notice.kind == "confirm"),
        questions=tuple(each for each in asked if each.notice.kind != "confirm"),
        running=tuple(await _charges(emsp, driver, running, notices)),
        news=tuple(each for each in shown if each not in asked and not _runs(each.notice, running)),
    )


async def charges(emsp: Emsp, driver: Driver) -> list[Charge]:
    """Return a driver's charges, newest first."""
    sessions = (await emsp.phone.sessions(driver.id))[:_ROWS]
    return await _charges(emsp, driver, sessions, await emsp.phone.notices(driver.id))


async def bills(emsp: Emsp, driver: Driver) -> list[Bill]:
    """Return a driver's bills, newest first."""
    found = (await emsp.phone.invoices(driver.id))[:_ROWS]
    return [
        Bill(
            invoice=each, place=await _place(emsp, each.partner, each.location), operator=_operator(emsp, each.partner)
        )
        for each in found
    ]


async def names(emsp: Emsp, driver: Driver) -> dict[Vid, str]:
    """Return how a driver's vehicles are called."""
    vehicles: list[Vehicle] = await emsp.phone.vehicles(driver.id)
    alone = len(vehicles) == 1
    return {each.vid: words.car(each.vid, driver.cars, alone=alone) for each in vehicles}


def _runs(notice: Notice, running: Sequence[EmspSession]) -> bool:
    """Whether a message tells of a charge that runs, and is shown as such."""
    if notice.kind == "confirm":
        return any((each.partner, each.vid) == (notice.partner, notice.vid) for each in running)
    return any((each.partner, each.id) == (notice.partner, notice.data.get("session")) for each in running)


def _followed(notice: Notice, now: datetime, begun: Collection[tuple[str, str]]) -> bool:
    """Whether a start that the driver has said yes to is still worth a look: its session says more."""
    recent = notice.at > now - _FOLLOWED and (notice.partner, notice.data.get("reference", "")) not in begun
    return recent and notice.kind == "confirm" and notice.state is NoticeState.ACCEPTED


def _awaited(notice: Notice) -> bool:
    """Whether a start is on its way: to the operator, to the station, or to the session that will tell of it."""
    return notice.kind == "confirm" and notice.data.get("start", "sent") in {*_UNDER_WAY, "ACCEPTED"}


async def _told(emsp: Emsp, driver: Driver, notice: Notice, called: dict[Vid, str]) -> Told:
    data, session = notice.data, None
    if notice.kind == "started" and "session" in data:
        session = await emsp.store.emsp_session(notice.partner, data["session"])
    meant = tuple(data.get("evses", "").split())
    answered = notice.kind == "confirm" and notice.state is NoticeState.ACCEPTED
    return Told(
        notice=notice, car=called.get(notice.vid, words.car(notice.vid)) if notice.vid else "",
        place=await _place(emsp, notice.partner, data.get("location", "")), operator=_operator(emsp, notice.partner),
        distance=await _distance(emsp, notice), evses=meant if len(meant) > 1 else (),
        session=session if session is not None and session.driver == driver.id else None,
        start=words.start(data.get("start", "sent")) if answered else "",
    )  # fmt: skip


async def _distance(emsp: Emsp, notice: Notice) -> int | None:
    if notice.kind != "confirm":
        return None
    decision = await emsp.store.decision_by_reference(notice.data.get("reference", ""))
    return decision.distance_km if decision is not None else None


async def _charges(
    emsp: Emsp, driver: Driver, sessions: Sequence[EmspSession], notices: Sequence[Notice]
) -> list[Charge]:
    called = await names(emsp, driver)
    stops = {
        (each.partner, each.data.get("session", "")): each.data.get("stop", "")
        for each in notices
        if each.kind == "started"
    }
    bills = {(each.partner, each.session): each for each in await emsp.phone.invoices(driver.id)}
    return [await _charge(emsp, each, called, stops, bills) for each in sessions]


async def _charge(
    emsp: Emsp, session: EmspSession, called: dict[Vid, str], stops: dict[tuple[str, str], str],
    bills: dict[tuple[str, str], Invoice],
) -> Charge:  # fmt: skip
    key = (session.partner, session.id)
    outcome = stops.get(key, "")
    state, mark = words.SESSIONS.get(session.status, (session.status, ""))
    return Charge(
        session=session, place=await _place(emsp, session.partner, session.location),
        operator=_operator(emsp, session.partner), state=state, mark=mark,
        car=called.get(session.vid, words.car(session.vid)) if session.vid else "",
        stop=words.stop(outcome), stopping=outcome in {*_UNDER_WAY, "ACCEPTED"}, invoice=bills.get(key),
    )  # fmt: skip


async def _place(emsp: Emsp, partner: str, location: str) -> str:
    """Return a place as its operator calls it; the bare id where nothing is known of it."""
    known = emsp.partners.get(partner)
    found: Location | None = await emsp.places.location(known, location) if known is not None and location else None
    if found is None:
        return location
    return ", ".join(part for part in (found.name or found.address, found.city) if part)


def _operator(emsp: Emsp, partner: str) -> str:
    known = emsp.partners.get(partner)
    return known.name or known.id if known is not None else partner
