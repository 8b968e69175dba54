"""What the operator API takes and gives, as wire names. Money and prices are text, energy is Wh, times are RFC 3339."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from evouch.charging.tokens import TokenKind, TokenStatus
from evouch.web.api_identity_models import Standing
from evouch.web.api_texts import AskedTime, Line, Short, Time

__all__ = [
    "Amount", "AuditInfo", "AuditList", "Blocked", "BootHold", "CallAnswer", "CallRequest", "ConnectorInfo",
    "EntryInfo", "ErrorAnswer", "ErrorBody", "EvseInfo", "Health", "IntentInfo", "KeyInfo", "Limits", "Password",
    "PaymentDetail", "PaymentInfo", "PaymentList", "ProvisionAnswer", "SampleInfo", "SecurityEventInfo",
    "SecurityEventList", "StationDetail", "StationInfo", "StationList", "StationPut", "StepInfo", "TokenInfo",
    "TokenList", "TokenPut", "TransactionDetail", "TransactionInfo", "TransactionList",
]  # fmt: skip

#: What every station can send in HTTP Basic: 16 to 40 printable ASCII characters.
Passphrase = Annotated[str, Meta(pattern="^[ -~]{16,40}$")]


class ErrorBody(Struct, frozen=True):
    """``code`` is for programs, ``description`` for people. A station's own CALLERROR keeps its code."""

    code: str
    description: str = ""
    details: dict[str, Any] = {}


class ErrorAnswer(Struct, frozen=True):
    """What every refusal looks like."""

    error: ErrorBody


class Health(Struct, frozen=True):
    """That the service answers."""

    status: str = "ok"


class Amount(Struct, frozen=True):
    """Money: exact decimal text and ISO 4217 code."""

    amount: str
    currency: str


class Limits(Struct, frozen=True):
    """What a charge may not exceed; energy in Wh, time in seconds."""

    cost: Amount | None
    energy: int | None
    time: int | None


# ── stations ──


class EvseInfo(Struct, frozen=True, forbid_unknown_fields=True):
    """An EVSE. ``connectors`` are numbered per EVSE on OCPP 2.x, per station on 1.6; ``max_power`` is in W."""

    number: Annotated[int, Meta(ge=1, le=999)]
    connectors: Annotated[tuple[Annotated[int, Meta(ge=1, le=999)], ...], Meta(min_length=1, max_length=20)] = (1,)
    max_power: Annotated[int, Meta(ge=1, le=10_000_000)] = 22_000
    evse_id: Annotated[str, Meta(max_length=48)] = ""


class StationPut(Struct, frozen=True, forbid_unknown_fields=True):
    """A station as the operator registers it. Without ``evses`` or ``password`` those stay as they are."""

    name: Line = ""
    address: Line = ""
    evses: Annotated[tuple[EvseInfo, ...], Meta(max_length=200)] = ()
    password: Passphrase | None = None


class Password(Struct, frozen=True, forbid_unknown_fields=True):
    """A station's password (OCPP security profiles 1 and 2), for its next connection."""

    password: Passphrase


class BootHold(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether BootNotification is answered with Pending."""

    hold: bool


class Blocked(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the station's connections are refused."""

    blocked: bool


class ConnectorInfo(Struct, frozen=True):
    """A connector as the station last reported it."""

    evse: int
    connector: int
    status: str


class KeyInfo(Struct, frozen=True):
    """The QR key of an EVSE, without its secret. ``state`` is ready, rebootPending or unconfirmed."""

    evse: int
    state: str
    template: str
    version: str
    validity: int
    length: int
    committed_at: Time | None


class StationInfo(Struct, frozen=True):
    """A station in a list."""

    id: str
    name: str
    address: str
    online: bool
    #: what its last BootNotification was answered with on this connection
    boot: str | None
    version: str | None
    vendor: str
    model: str
    serial: str
    firmware: str
    booted_at: Time | None
    hold_boot: bool
    blocked: bool
    password_set: bool
    #: enrolled as trusted: never asked to prove its identity
    trusted: bool
    #: the least OCPP security profile that it may connect with
    security_profile: int
    #: common name of its client certificate, where that is not its id
    certificate_name: str
    #: until then a key of its own is enrolled on first use
    enrol_until: Time | None
    #: who its live connection has proved to be
    standing: Standing | None
    evses: list[EvseInfo]
    connectors: list[ConnectorInfo]


class StationDetail(StationInfo, frozen=True, kw_only=True):
    """A station with its configuration (never secrets) and QR keys."""

    settings: dict[str, str]
    keys: list[KeyInfo]


class StationList(Struct, frozen=True):
    """All stations by id."""

    stations: list[StationInfo]


class CallRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Any CALL of the station's OCPP version. ``seconds`` is how long its answer is waited for."""

    action: Annotated[str, Meta(min_length=1, max_length=50)]
    payload: dict[str, Any] = {}
    seconds: Annotated[int, Meta(ge=1, le=120)] = 30


class CallAnswer(Struct, frozen=True, omit_defaults=True):
    """The payload of the CALLRESULT in ``result``, or the CALLERROR in ``error``."""

    result: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    error: ErrorBody | msgspec.UnsetType = msgspec.UNSET


class ProvisionAnswer(Struct, frozen=True):
    """What became of each EVSE: ``ready``, ``rebootPending``, or why not."""

    ready: bool
    outcome: dict[str, str]


# ── tokens ──


class TokenPut(Struct, frozen=True, forbid_unknown_fields=True):
    """A token that may charge, or not. Spelling does not depend on case."""

    status: TokenStatus = TokenStatus.ACCEPTED
    kind: TokenKind = TokenKind.UNSAID
    expires: AskedTime | None = None
    group: Short | None = None
    note: Line = ""


class TokenInfo(Struct, frozen=True):
    """A token as it is kept."""

    token: str
    status: TokenStatus
    kind: TokenKind
    expires: Time | None
    group: str | None
    note: str


class TokenList(Struct, frozen=True):
    """All tokens."""

    tokens: list[TokenInfo]


# ── transactions and payments ──


class TransactionInfo(Struct, frozen=True):
    """An OCPP transaction; energy and registers in Wh."""

    station: str
    id: str
    number: int
    evse: int
    connector: int | None
    state: str
    active: bool
    token: str | None
    status: str
    payment: str | None
    started_at: Time
    ended_at: Time | None
    reason: str
    energy: int
    meter_start: int | None
    meter_last: int | None


class SampleInfo(Struct, frozen=True):
    """One meter reading: register in Wh, power in W, state of charge in percent as text."""

    at: Time
    context: str
    energy: int | None
    power: int | None
    soc: str | None


class TransactionDetail(TransactionInfo, frozen=True, kw_only=True):
    """A transaction with its readings."""

    samples: list[SampleInfo]


class TransactionList(Struct, frozen=True):
    """Transactions, newest first."""

    transactions: list[TransactionInfo]


class StepInfo(Struct, frozen=True):
    """A state that a payment reached."""

    state: str
    at: Time


class PaymentInfo(Struct, frozen=True):
    """An ad hoc payment."""

    payment: str
    station: str
    evse: int
    state: str
    reason: str
    created_at: Time
    hold: Amount
    limit: Limits
    energy: int
    seconds: int
    captured: Amount | None
    transaction: str | None
    card: str


class EntryInfo(Struct, frozen=True):
    """A ledger row: the amount moved from ``credit`` to ``debit``."""

    at: Time
    debit: str
    credit: str
    amount: Amount
    memo: str


class IntentInfo(Struct, frozen=True):
    """A call to the payment provider, written down before it was made."""

    key: str
    movement: str
    amount: Amount
    at: Time
    done_at: Time | None
    outcome: str


class PaymentDetail(PaymentInfo, frozen=True, kw_only=True):
    """A payment with everything that moved."""

    steps: list[StepInfo]
    entries: list[EntryInfo]
    intents: list[IntentInfo]


class PaymentList(Struct, frozen=True):
    """Payments, newest first."""

    payments: list[PaymentInfo]


# ── what operators read ──


class AuditInfo(Struct, frozen=True):
    """Who changed what."""

    at: Time
    actor: str
    action: str
    subject: str
    detail: str


class AuditList(Struct, frozen=True):
    """Changes, newest first."""

    audit: list[AuditInfo]


class SecurityEventInfo(Struct, frozen=True):
    """Something to look at."""

    at: Time
    kind: str
    station: str | None
    detail: str


class SecurityEventList(Struct, frozen=True):
    """Security events, newest first."""

    events: list[SecurityEventInfo]
