"""What speaks for a vehicle being where its address was seen (§4.6, Contextual Verification Layer).

An address can be copied, so knowing it is no proof. Each check is a small object with one
method; it says *pass*, *fail* or *unknown*, and why. Unknown is not pass. Whether all of them
together let the vehicle charge is decided in ``autocharge.deciding``. Thresholds are fields,
with defaults for cars on roads.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final, Protocol

from evouch.autocharge.case import Case, Finding, Outcome, PastSession, PhoneFix
from evouch.charging.geo import Point, distance_km

__all__ = [
    "Area",
    "Case",
    "Check",
    "ConcurrentUse",
    "Confirmed",
    "Finding",
    "ImpossibleTravel",
    "Outcome",
    "Passage",
    "PastSession",
    "PhoneFix",
    "PhoneNear",
    "StartRate",
    "standard_checks",
]

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_METRES: Final = 1000.0


class Check(Protocol):
    """One way to look at a case."""

    @property
    def name(self) -> str:
        """A short name, under which decisions are recorded."""

    @property
    def suffices(self) -> bool:
        """Whether its pass suffices where no other check fails (docs/decisions/054)."""

    @property
    def asks(self) -> bool:
        """Whether the driver is asked to confirm after its fail."""

    def judge(self, case: Case) -> Finding:
        """Return what it finds; never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcurrentUse:
    """A vehicle does not charge at two places (§4.6, velocity). One that comes back to its own EVSE resumes."""

    name: ClassVar[str] = "concurrent use"
    suffices: ClassVar[bool] = False
    asks: ClassVar[bool] = True
    #: whether another vehicle on the same contract counts too
    contract_too: bool = True
    #: an active session of which its operator has said nothing for so long is taken for forgotten
    forgotten: timedelta = timedelta(hours=48)

    def judge(self, case: Case) -> Finding:
        """FAIL where a session runs elsewhere."""
        running = [each for each in case.active if self._counts(case, each)]
        if any(not _here(case, each) for each in running):
            return _found(self, Outcome.FAIL, "another session is running elsewhere")
        if running:
            return _found(self, Outcome.PASS, "it resumes at the same EVSE")
        return _found(self, Outcome.PASS, "no other session is running")

    def _counts(self, case: Case, session: PastSession) -> bool:
        heard_of = case.at - session.updated < self.forgotten
        return heard_of and (self.contract_too or session.vid == case.vid)


@dataclass(frozen=True, slots=True)
class Area:
    """A place and everything within ``radius_km`` of it."""

    centre: Point
    radius_km: float

    def holds(self, point: Point) -> bool:
        """Return whether a point lies in it."""
        return distance_km(self.centre, point) <= self.radius_km


@dataclass(frozen=True, slots=True)
class Passage:
    """Between two areas vehicles may be faster than on roads: a train, a ferry, a plane. ``km_h`` is how fast."""

    one: Area
    other: Area
    km_h: float

    def joins(self, here: Point, there: Point) -> bool:
        """Return whether a journey goes from one area to the other."""
        return (self.one.holds(here) and self.other.holds(there)) or (self.one.holds(there) and self.other.holds(here))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpossibleTravel:
    """Whether it can have come here from where it was last (§4.6). Kilometres, kilometres per hour.

    Faster than ``fail_km_h`` in a straight line fails. Between ``doubt_km_h`` and that is unknown: a doubt
    must not vouch. Within ``near_km`` of the last place passes.
    """

    name: ClassVar[str] = "travel"
    suffices: ClassVar[bool] = True
    asks: ClassVar[bool] = True
    doubt_km_h: float = 130.0
    fail_km_h: float = 180.0
    near_km: float = 5.0
    #: what coordinates of sites may be off by
    tolerance_km: float = 1.0
    #: clocks of operators differ: shorter journeys count as this long
    least: timedelta = timedelta(seconds=60)
    passages: tuple[Passage, ...] = ()

    def judge(self, case: Case) -> Finding:
        """Judge the journey from the last session, the binding one included."""
        last = max(case.sessions, key=lambda each: each.seen, default=None)
        if last is None:
            return _found(self, Outcome.UNKNOWN, "no session before this one")
        if last.point is None or case.point is None:
            return _found(self, Outcome.UNKNOWN, "a place is not known")
        km = distance_km(last.point, case.point)
        if km <= self.near_km:
            return _found(self, Outcome.PASS, "where it was last")
        hours = max(case.at - last.seen, self.least) / _HOUR
        return self._fast(max(0.0, km - self.tolerance_km) / hours, km, self._passage(last.point, case.point))

    def _fast(self, km_h: float, km: float, passage: Passage | None) -> Finding:
        doubt, fail = (self.doubt_km_h, self.fail_km_h)
        if passage is not None:
            doubt = fail = max(fail, passage.km_h)
        said = f"{km:.0f} km at {km_h:.0f} km/h"
        if km_h > fail:
            return _found(self, Outcome.FAIL, f"{said} is too fast")
        if km_h > doubt:
            return _found(self, Outcome.UNKNOWN, f"{said} is doubtful")
        return _found(self, Outcome.PASS, f"{said} can be done")

    def _passage(self, here: Point, there: Point) -> Passage | None:
        joining = [each for each in self.passages if each.joins(here, there)]
        return max(joining, key=lambda each: each.km_h, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneNear:
    """Whether the driver's phone is at the station (§4.6, geolocation). Distances in metres."""

    name: ClassVar[str] = "phone"
    suffices: ClassVar[bool] = True
    asks: ClassVar[bool] = True
    near: int = 500
    far: int = 2000
    most_inaccurate: int = 200
    oldest: timedelta = timedelta(minutes=15)
    #: how far ahead of ours the phone's clock may be
    ahead: timedelta = timedelta(minutes=1)

    def judge(self, case: Case) -> Finding:
        """PASS near, FAIL far away; unknown in between, and where there is no fresh and exact place."""
        fix = case.phone
        if fix is None or case.point is None:
            return _found(self, Outcome.UNKNOWN, "no place of the phone, or of the station")
        if not -self.ahead <= case.at - fix.at <= self.oldest:
            return _found(self, Outcome.UNKNOWN, "the phone's place is not fresh")
        if not 0 <= fix.accuracy <= self.most_inaccurate:
            return _found(self, Outcome.UNKNOWN, "the phone's place is not exact")
        metres = distance_km(fix.point, case.point) * _METRES
        if metres <= self.near + fix.accuracy:
            return _found(self, Outcome.PASS, "the phone is here")
        if metres > self.far + fix.accuracy:
            return _found(self, Outcome.FAIL, f"the phone is {metres / _METRES:.0f} km away")
        return _found(self, Outcome.UNKNOWN, "the phone is not here, and not far")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRate:
    """How often a vehicle is let start, and how often it was not. After a fail nobody is asked.

    Whoever replays an address would otherwise make the driver's phone ring until he says yes to have peace.
    """

    name: ClassVar[str] = "rate"
    suffices: ClassVar[bool] = False
    asks: ClassVar[bool] = False
    per_hour: int = 4
    per_day: int = 12
    refused_per_hour: int = 6

    def judge(self, case: Case) -> Finding:
        """FAIL where this start would be one too many."""
        if _within(case.starts, case.at, _HOUR) >= self.per_hour:
            return _found(self, Outcome.FAIL, f"more than {self.per_hour} starts in an hour")
        if _within(case.starts, case.at, _DAY) >= self.per_day:
            return _found(self, Outcome.FAIL, f"more than {self.per_day} starts in a day")
        if _within(case.refusals, case.at, _HOUR) >= self.refused_per_hour:
            return _found(self, Outcome.FAIL, f"{self.refused_per_hour} refusals in an hour")
        return _found(self, Outcome.PASS, "not too often")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """Whether the driver said on his phone that this is he (§4.6, confirmation)."""

    name: ClassVar[str] = "confirmation"
    suffices: ClassVar[bool] = True
    asks: ClassVar[bool] = True

    def judge(self, case: Case) -> Finding:
        """PASS where he did."""
        outcome, reason = (Outcome.PASS, "confirmed") if case.confirmed else (Outcome.UNKNOWN, "not confirmed")
        return _found(self, outcome, reason)


def standard_checks() -> tuple[Check, ...]:
    """Return all checks with their default thresholds."""
    return ConcurrentUse(), ImpossibleTravel(), PhoneNear(), StartRate(), Confirmed()


def _found(check: Check, outcome: Outcome, reason: str) -> Finding:
    return Finding(check=check.name, outcome=outcome, reason=reason)


def _here(case: Case, session: PastSession) -> bool:
    """Return whether a session is at the EVSE that is asked for, or at one of those that may be meant."""
    return (session.partner, session.location) == (case.partner, case.location) and session.evse in case.evses


def _within(moments: Iterable[datetime], at: datetime, span: timedelta) -> int:
    return sum(at - each < span for each in moments)
