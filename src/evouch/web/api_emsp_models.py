"""What the eMSP's API takes and gives, as wire names. Money is text, energy is Wh, times are RFC 3339."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from evouch.web.api_models import Amount
from evouch.web.api_texts import AskedTime, Time

__all__ = [
    "Alarm", "Alarms", "CarInfo", "Credit", "DecisionInfo", "DecisionList", "DriverExport", "DriverInfo",
    "DriverList", "DriverPut", "EnrolmentInfo", "InvoiceInfo", "InvoiceList", "KeyInfo", "KeyList",
    "KeyRotate", "NoticeInfo", "NoticeList", "PhoneLink", "Reason", "SessionInfo", "SessionList",
    "SignBudgetInfo", "SignBudgetList", "SignDayInfo", "SignDayList", "SignRight", "TokenGiven", "TokenInfo",
    "TokenList", "TokenNamed", "VehicleExport", "VehicleInfo", "VehicleList",
]  # fmt: skip

#: mod_tokens §Token: a uid, printable ASCII.
Uid = Annotated[str, Meta(pattern="^[!-~]([ -~]{0,34}[!-~])?$")]
#: mod_tokens §Token: a contract_id.
Contract = Annotated[str, Meta(pattern="^[!-~]{1,36}$")]
Name = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"\S")]
Given = Annotated[
    str, Meta(min_length=1, max_length=255, pattern=r"\S", description="kept, and read by those whom it concerns")
]
Money = Annotated[str, Meta(pattern=r"^-?[0-9]{1,9}(\.[0-9]{1,6})?$")]


class Reason(Struct, frozen=True, forbid_unknown_fields=True):
    """Why."""

    reason: Given


# ── drivers ──


class CarInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """A model that a driver has, as he says it."""

    make: Name
    model: Name


class Credit(Struct, frozen=True, forbid_unknown_fields=True):
    """What a prepaid driver has left: exact decimal text and ISO 4217 code."""

    amount: Money
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]


class DriverPut(Struct, frozen=True, forbid_unknown_fields=True):
    """A driver, whole. His contract stays what it was at first; without ``credit`` he pays later, without limit."""

    name: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"\S")]
    contract: Contract
    language: Annotated[str, Meta(pattern="^[a-z]{2}$")] = "en"
    opted_in: bool = False
    cars: Annotated[tuple[CarInfo, ...], Meta(max_length=10)] = ()
    valid_until: AskedTime | None = None
    blocked: bool = False
    credit: Credit | None = None


class DriverInfo(Struct, frozen=True):
    """A driver. ``phone_link`` is whether he was given one; where his phone is nobody is told."""

    id: str
    name: str
    contract: str
    language: str
    opted_in: bool
    cars: list[CarInfo]
    valid_until: Time | None
    blocked: bool
    credit: Amount | None
    created_at: Time
    phone_link: bool
    #: whether automatic charging is offered to him: yes, ask or no
    offer: str


class DriverList(Struct, frozen=True):
    """All drivers by id."""

    drivers: list[DriverInfo]


class PhoneLink(Struct, frozen=True):
    """The personal link of a driver's phone, shown this once; the one before is void."""

    link: str


class TokenNamed(Struct, frozen=True, forbid_unknown_fields=True):
    """A card or an app's token, by its uid."""

    uid: Uid


class TokenGiven(TokenNamed, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A card or an app's token for a driver. Spelling does not depend on case."""

    driver: Annotated[str, Meta(min_length=1, max_length=64)]
    type: Literal["RFID", "APP_USER", "AD_HOC_USER"] = "RFID"
    whitelist: Literal["ALWAYS", "ALLOWED", "ALLOWED_OFFLINE", "NEVER"] = "ALLOWED"
    visual_number: Annotated[str, Meta(max_length=64)] = ""


class TokenInfo(Struct, frozen=True):
    """A card or an app's token. ``driver`` is empty after he was erased."""

    uid: str
    type: str
    driver: str
    contract: str
    valid: bool
    whitelist: str
    visual_number: str
    last_updated: Time


class TokenList(Struct, frozen=True):
    """Cards and apps' tokens."""

    tokens: list[TokenInfo]


# ── vehicles ──


class VehicleInfo(Struct, frozen=True):
    """A vehicle as operators see it."""

    vid: str
    contract: str
    status: str
    created: Time
    authorized: Time | None
    revoked: Time | None
    last_updated: Time


class VehicleList(Struct, frozen=True):
    """One page of vehicles, oldest change first, and how many there are in all."""

    vehicles: list[VehicleInfo]
    total: int


class DecisionInfo(Struct, frozen=True):
    """Why a vehicle was or was not let charge. ``findings``: check → what it found; the distance is in steps of 5."""

    at: Time
    partner: str
    vid: str
    contract: str
    allowed: str
    reason: str
    findings: dict[str, str]
    location: str
    distance_km: int | None
    reference: str


class DecisionList(Struct, frozen=True):
    """Decisions, newest first."""

    decisions: list[DecisionInfo]


class NoticeInfo(Struct, frozen=True):
    """What a driver was told or asked, and what became of it."""

    id: str
    driver: str
    at: Time
    kind: str
    vid: str | None
    partner: str
    state: str
    expires: Time | None
    data: dict[str, str]


class NoticeList(Struct, frozen=True):
    """Messages to drivers, newest first."""

    notices: list[NoticeInfo]


class EnrolmentInfo(Struct, frozen=True):
    """How a vehicle came to a driver."""

    driver: str
    token_uid: str
    session: str
    partner: str
    key: str
    at: Time


# ── charging ──


class SessionInfo(Struct, frozen=True):
    """A session as its operator told it; energy in Wh."""

    partner: str
    id: str
    status: str
    driver: str
    contract: str
    token_uid: str
    token_type: str
    vid: str | None
    reference: str
    location: str
    evse: str
    started_at: Time
    ended_at: Time | None
    energy: int
    cost: Amount | None
    last_updated: Time


class SessionList(Struct, frozen=True):
    """Sessions, newest first."""

    sessions: list[SessionInfo]


class InvoiceInfo(Struct, frozen=True):
    """A charge detail record as a line of a bill; energy in Wh."""

    partner: str
    id: str
    driver: str
    contract: str
    session: str
    started_at: Time
    ended_at: Time
    energy: int
    total: Amount
    total_with_tax: Amount
    location: str
    received_at: Time


class InvoiceList(Struct, frozen=True):
    """Bills, newest first."""

    invoices: list[InvoiceInfo]


# ── people's data ──


class VehicleExport(Struct, frozen=True):
    """Everything that is known of a vehicle."""

    vehicle: VehicleInfo
    enrolment: EnrolmentInfo | None
    sessions: list[SessionInfo]
    decisions: list[DecisionInfo]


class DriverExport(Struct, frozen=True):
    """Everything that is known of a driver."""

    driver: DriverInfo
    tokens: list[TokenInfo]
    vehicles: list[VehicleExport]
    sessions: list[SessionInfo]
    invoices: list[InvoiceInfo]
    notices: list[NoticeInfo]


# ── the sign oracle ──


class SignDayInfo(Struct, frozen=True):
    """What one partner has asked for on one day (UTC): answered with a signature, refused over budget, no element.

    ``followed`` are its charges of our customers that were first told on that day. The budget counts what was
    signed and what was invalid.
    """

    partner: str
    day: Annotated[str, Meta(description="RFC 3339 full-date")]
    signed: int
    refused: int
    invalid: int
    followed: int


class SignDayList(Struct, frozen=True):
    """Counters of the sign oracle, by partner and day."""

    days: list[SignDayInfo]


class SignBudgetInfo(Struct, frozen=True):
    """What a partner may ask for, and has asked for today. ``share`` is what the watch leaves of it."""

    partner: str
    allowed: bool
    reason: str
    evses: int
    share: float
    signed: int
    refused: int
    invalid: int
    followed: int
    burst: int
    per_minute: int
    per_day: int
    per_month: int
    per_year: int


class SignBudgetList(Struct, frozen=True):
    """Budgets of all partners."""

    budgets: list[SignBudgetInfo]


class Alarm(Struct, frozen=True):
    """What is unlike an operator."""

    partner: str
    kind: str
    detail: str


class Alarms(Struct, frozen=True):
    """What the last look at the sign oracle has found."""

    alarms: list[Alarm]


class SignRight(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a partner may ask for signatures, and why."""

    allowed: bool
    reason: Given


class KeyInfo(Struct, frozen=True):
    """A key of the sign oracle, without the key. In use where ``retired_at`` is not there."""

    id: str
    created_at: Time
    retired_at: Time | None


class KeyList(Struct, frozen=True):
    """All keys, newest first."""

    keys: list[KeyInfo]


class KeyRotate(Struct, frozen=True, forbid_unknown_fields=True):
    """A new key for a reason; vehicles of the old one still start for ``grace`` seconds, 30 days at most."""

    reason: Given
    grace: Annotated[int, Meta(ge=0, le=30 * 24 * 3600)] | None = None
