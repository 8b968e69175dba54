"""What is kept of partners, vehicles and charges on both sides, as frozen values.

An operator and an eMSP have a database each; the tables are the same, and each fills its own.
No record holds a MAC address, and none may: a test searches the files for them.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from evouch.charging.geo import Point
from evouch.charging.tokens import Allowed
from evouch.ids import ContractId, PartyId, Secret, Vid
from evouch.units import Money, Wh

__all__ = [
    "ACTIVE_SESSION",
    "Car",
    "Decision",
    "Driver",
    "DriverToken",
    "EmspSession",
    "Enrolment",
    "Invoice",
    "Notice",
    "NoticeState",
    "OcpiObject",
    "OprfKey",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class OcpiObject:
    """One object of a module as it travels. ``partner`` is whom it came from, or whom it goes to; "" is everybody.

    ``id`` is upper case (CiString). ``body`` is the object in the shape of 2.3.0, as plain values.
    """

    module: str
    partner: str
    owner: PartyId
    id: str
    last_updated: datetime
    body: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OprfKey:
    """An eMSP's key. One is in use; former ones sign nothing any more, and their VIDs are revoked.

    ``created_at`` is when it came into use: when it was made, or the last time that a backup of it was brought back.
    """

    id: str
    #: 64 hex digits; sealed at rest
    key: Secret
    created_at: datetime
    #: None: in use. Later than now: VIDs that it has named still start vehicles, until then
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Car:
    """A model that a driver has, as he says it."""

    make: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A customer of the eMSP.

    ``login`` is HMAC-SHA256(pepper, phone's token); who ``opted_in`` grants his vehicles before they are known.
    """

    id: str
    name: str
    contract: ContractId
    language: str = "en"
    login: bytes | None = None
    opted_in: bool = False
    cars: tuple[Car, ...] = ()
    #: the contract: None is without end
    valid_until: datetime | None = None
    blocked: bool = False
    #: None: postpaid without limit
    credit: Money | None = None
    created_at: datetime
    #: last place of the driver's phone, kept for minutes only; metres
    phone: Point | None = None
    phone_accuracy: int | None = None
    phone_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverToken:
    """A card or an app's token. ``key`` is the uid without case; ``type`` RFID, APP_USER or AD_HOC_USER."""

    key: str
    uid: str
    type: str
    driver: str
    contract: ContractId
    valid: bool = True
    whitelist: str = "ALLOWED"
    visual_number: str = ""
    last_updated: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """How a vehicle came to a driver: the binding, beside the Vehicle that operators see."""

    vid: Vid
    driver: str
    token_uid: str
    session: str
    #: local name of the operator that sent it
    partner: str
    #: the OPRF key that made the VID
    key: str
    at: datetime
    #: somebody else's session that named the same vehicle: both are asked (docs/decisions/052)
    rival: str = ""


#: Statuses of a session that is not over: it may use a contract, a vehicle, a place.
ACTIVE_SESSION: Final = frozenset({"ACTIVE", "PENDING"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EmspSession:
    """A session as its operator told it. ``id`` is the operator's; ``vid`` where the vehicle was the token."""

    partner: str
    id: str
    status: str
    driver: str
    contract: ContractId
    token_uid: str
    token_type: str
    vid: Vid | None = None
    reference: str = ""
    location: str
    evse: str
    point: Point | None = None
    started_at: datetime
    ended_at: datetime | None = None
    energy: Wh
    currency: str
    cost: Money | None = None
    last_updated: datetime
    #: the driver was told that it became ACTIVE
    told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """A charge detail record as a line of a driver's bill. Its id is unique for its party, ``owner`` (mod_cdrs)."""

    partner: str
    owner: PartyId
    id: str
    driver: str
    contract: ContractId
    session: str
    started_at: datetime
    ended_at: datetime
    energy: Wh
    total: Money
    total_with_tax: Money
    location: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Why a vehicle was or was not let charge. Coordinates are not kept, a coarse distance is."""

    id: str
    at: datetime
    partner: str
    vid: Vid
    contract: ContractId
    allowed: Allowed
    reason: str
    #: check → what it found: pass, fail or unknown, and why
    findings: dict[str, str] = field(default_factory=dict)
    location: str = ""
    #: where at the location it was asked for; none: anywhere
    evses: tuple[str, ...] = ()
    distance_km: int | None = None
    reference: str = ""


class NoticeState(StrEnum):
    """What became of what a driver was told."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    READ = "read"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something for the driver's phone: asked for consent, for confirmation, told of a start, of a conflict.

    ``kind`` is "consent", "confirm", "started", "conflict" or "revoked". ``data`` is what acting on it
    needs (session, location, EVSE, reference …).
    """

    id: str
    driver: str
    at: datetime
    kind: str
    vid: Vid | None = None
    partner: str = ""
    state: NoticeState = NoticeState.OPEN
    expires: datetime | None = None
    data: dict[str, str] = field(default_factory=dict)
