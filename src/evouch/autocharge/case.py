"""One wish to charge, as checks look at it, and what they may say of it (§4.6).

Everything that a rule needs is a value here: whoever gathers it (sessions, the phone, what was
decided before) judges nothing, and whoever judges fetches nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from evouch.charging.geo import Point
from evouch.ids import ContractId, Vid

__all__ = ["Case", "Finding", "Outcome", "PastSession", "PhoneFix"]


class Outcome(StrEnum):
    """What a check can say."""

    PASS = "pass"  # noqa: S105 - a word, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check said, and why, in a sentence without coordinates."""

    check: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSession:
    """A session of this vehicle, or of its contract, as its operator told it."""

    id: str
    partner: str
    location: str
    evse: str
    started: datetime
    #: None while it runs
    ended: datetime | None = None
    #: when the operator last spoke of it
    updated: datetime
    point: Point | None = None
    vid: Vid | None = None

    @property
    def seen(self) -> datetime:
        """The last moment at which the vehicle is known to have been there."""
        return self.ended or self.started


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneFix:
    """Where the driver's phone said that it is; ``accuracy`` in metres."""

    point: Point
    accuracy: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One wish to charge, and all that checks may look at."""

    at: datetime
    vid: Vid
    contract: ContractId
    #: the operator, its location, and the EVSEs that may be meant
    partner: str
    location: str
    evses: tuple[str, ...] = ()
    point: Point | None = None
    #: sessions of this vehicle on its own contract, the one that bound it included, in any order; what another
    #: contract claims of it is no evidence of where it was
    sessions: tuple[PastSession, ...] = ()
    #: sessions of this vehicle or contract that have not ended
    active: tuple[PastSession, ...] = ()
    phone: PhoneFix | None = None
    #: when this vehicle was let start, and when it was not
    starts: tuple[datetime, ...] = ()
    refusals: tuple[datetime, ...] = ()
    #: the driver has said on his phone that this is he, for this very start
    confirmed: bool = False
