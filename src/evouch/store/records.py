"""What is kept, as frozen values. Each record names its own key in ``KEYS``."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from evouch.autocharge.budget import SignDay
from evouch.charging.dialogue import Reading
from evouch.charging.equipment import Evse, EvsePlace
from evouch.charging.geo import Site
from evouch.charging.roaming import RoamingCharge
from evouch.charging.sessions import SessionState
from evouch.charging.tokens import IdToken, TokenKind, TokenStatus
from evouch.charging.vehicles import Vehicle
from evouch.identity.enrolment import Identity
from evouch.ids import EvseNumber, OcppVersion, PaymentId, RemoteStartId, Secret, StationId, TransactionId
from evouch.ocpi.partner import Partner, PartnerSync
from evouch.store.records_roaming import (
    Decision,
    Driver,
    DriverToken,
    EmspSession,
    Enrolment,
    Invoice,
    Notice,
    OcpiObject,
    OprfKey,
)
from evouch.units import Money, Wh
from evouch.webpayment.checkout import Checkout
from evouch.webpayment.ledger import Entry

__all__ = [
    "KEYS",
    "ApiToken",
    "AuditRow",
    "Code",
    "Decision",
    "Driver",
    "DriverToken",
    "EmspSession",
    "Enrolment",
    "Entry",
    "Identity",
    "Intent",
    "Invoice",
    "Notice",
    "OcpiObject",
    "Operator",
    "OprfKey",
    "Partner",
    "PartnerSync",
    "ProviderEvent",
    "QrKey",
    "QuarantineShare",
    "QuarantineState",
    "Quarantined",
    "Record",
    "RoamingCharge",
    "Sample",
    "SecurityEvent",
    "SignDay",
    "StationRecord",
    "TokenRecord",
    "Transaction",
    "Vehicle",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class StationRecord:
    """A station as the operator registered it and as it last introduced itself."""

    id: StationId
    #: HMAC-SHA256(pepper, id ‖ 0x00 ‖ password); None: no credential set
    password: bytes | None = None
    name: str = ""
    address: str = ""
    evses: tuple[Evse, ...] = ()
    #: operator's wish: answer BootNotification with Pending
    hold_boot: bool = False
    blocked: bool = False
    version: OcppVersion | None = None
    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    booted_at: datetime | None = None
    #: settings that the station accepted or reported, ``Component[.evse].Variable`` → value; never secrets
    settings: dict[str, str] = field(default_factory=dict)
    #: enrolled as trusted: never asked to prove its identity
    trusted: bool = False
    #: until then a key that the station brings itself is enrolled on first use
    enrol_until: datetime | None = None
    #: the least OCPP security profile that it may connect with: the highest it has used, or an operator's wish
    profile: int = 0
    #: common name of its client certificate, where that is not its id (often a serial number)
    certificate_name: str = ""
    #: the firmware that did not know the message which asks for a proof; None: none did
    unable: str | None = None
    #: where it stands, as roaming partners are told; without one it is not shown to them
    site: Site | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QrKey:
    """The QR secret of one EVSE, and the template that its station was given (docs/decisions/019).

    ``previous`` stays valid for two slots after ``committed_at``. Secrets are encrypted at rest.
    """

    place: EvsePlace
    secret: Secret
    template: str
    totp_version: str = "v1"
    validity: int = 30
    length: int = 8
    committed_at: datetime | None = None  # None: sent, not yet accepted in full
    reboot_pending: bool = False
    previous: Secret | None = None
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A token that an operator knows: a card, an app's token. ``key`` is ``IdToken.key``."""

    key: str
    kind: TokenKind = TokenKind.UNSAID
    status: TokenStatus = TokenStatus.ACCEPTED
    expires: datetime | None = None
    group: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One OCPP transaction. ``start_key`` makes a retried start find its first answer again."""

    station: StationId
    id: TransactionId
    evse: EvseNumber
    connector: int | None
    state: SessionState
    started_at: datetime
    start_key: str
    token: IdToken | None = None
    status: TokenStatus = TokenStatus.ACCEPTED
    remote_start: RemoteStartId | None = None
    payment: PaymentId | None = None
    #: the charge of a roaming partner's customer that this is (``RoamingCharge.id``)
    roaming: str | None = None
    #: first and latest register reading; energy is their difference
    meter_start: Wh | None = None
    meter_last: Wh | None = None
    last_at: datetime | None = None
    last_seq: int | None = None
    ended_at: datetime | None = None
    reason: str = ""
    #: running number, the 1.6 transactionId; unique over all stations
    number: int = 0

    @property
    def energy(self) -> Wh:
        """Energy delivered so far; never negative, whatever a meter says."""
        if self.meter_start is None or self.meter_last is None:
            return Wh(0)
        return Wh(max(0, self.meter_last - self.meter_start))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One reading of a transaction."""

    station: StationId
    transaction: TransactionId
    number: int
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A consumed code: the unique row that decides who may pay for (EVSE, slot)."""

    place: EvsePlace
    slot: int
    payment: PaymentId
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A call to the provider, written before it is made. ``key`` is its idempotency key."""

    key: str
    payment: PaymentId
    movement: str
    amount: Money
    at: datetime
    done_at: datetime | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEvent:
    """A webhook that was seen: the same event id wakes nobody twice."""

    provider: str
    event_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """Who changed what. Values of secrets never stand here."""

    id: str
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """Something an operator should look at: a refused connection, codes that never match, a late start."""

    id: str
    at: datetime
    kind: str
    station: StationId | None = None
    detail: str = ""


class QuarantineState(StrEnum):
    """What became of a message that an unproven connection sent of a transaction."""

    #: the connection may yet prove itself
    HELD = "held"
    #: handled like any other message, since its connection has proved itself or an operator vouched for it
    PROMOTED = "promoted"
    #: its connection ended unproven: an operator decides
    KEPT = "kept"
    #: an operator decided that it is nobody's
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A message of a transaction that was acknowledged, but not believed. ``frame`` is the CALL as it came.

    ``address`` is where its connection came from; empty where that was not known.
    """

    id: str
    station: StationId
    connection: str
    version: OcppVersion
    received_at: datetime
    action: str
    frame: bytes
    state: QuarantineState = QuarantineState.HELD
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineShare:
    """How much of one station, from one address, waits to be decided. ``bytes`` are those of the frames."""

    station: StationId
    address: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A person who may log in. ``password`` is an argon2id string."""

    name: str
    password: str
    role: str = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A bearer token of the operator API, as HMAC-SHA256(pepper, token)."""

    digest: bytes
    name: str
    role: str = "operator"


Record = (
    StationRecord | QrKey | TokenRecord | Transaction | Sample | Code | Checkout | Entry | Intent
    | ProviderEvent | AuditRow | SecurityEvent | Operator | ApiToken | Identity | Quarantined
    | Partner | PartnerSync | OcpiObject | Vehicle | RoamingCharge
    | OprfKey | SignDay | Driver | DriverToken | Enrolment | EmspSession | Invoice | Decision | Notice
)  # fmt: skip

#: The fields that make two records of a type the same one; a dotted name reaches into a value.
KEYS: Final[dict[type, tuple[str, ...]]] = {
    StationRecord: ("id",),
    QrKey: ("place",),
    TokenRecord: ("key",),
    Transaction: ("station", "id"),
    Sample: ("station", "transaction", "number"),
    Code: ("place", "slot"),
    Checkout: ("payment",),
    Entry: ("id",),
    Intent: ("key",),
    ProviderEvent: ("provider", "event_id"),
    AuditRow: ("id",),
    SecurityEvent: ("id",),
    Operator: ("name",),
    ApiToken: ("digest",),
    # one key, one station: the database decides who enrols it
    Identity: ("material",),
    Quarantined: ("id",),
    # partners, on either side
    Partner: ("id",),
    PartnerSync: ("partner", "module"),
    OcpiObject: ("module", "partner", "owner", "id"),
    Vehicle: ("owner", "vid"),
    # an operator's
    RoamingCharge: ("id",),
    # an eMSP's
    OprfKey: ("id",),
    SignDay: ("partner", "day"),
    Driver: ("id",),
    DriverToken: ("key",),
    Enrolment: ("vid",),
    EmspSession: ("partner", "id"),
    Invoice: ("partner", "owner", "id"),
    Decision: ("id",),
    Notice: ("id",),
}
