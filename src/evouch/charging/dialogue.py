"""What stations and backends say to each other, whatever version of OCPP carries it.

A *fact* travels from the station to the backend, an *order* the other way. Each names the
type of its answer: ``class Booted(Fact[BootAnswer])``. The vocabulary is modelled on
OCPP 2.1, the richest version; what another version cannot say is the explicit value
:class:`Unspeakable`, which the caller handles like any other answer.

Translators (``ocpp.v16``, ``ocpp.v2``) turn facts and orders into messages and back, for
either side of the wire; actors (``cpo``, ``station``) know nothing but these words.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from evouch.charging.equipment import ConnectorStatus
from evouch.charging.tokens import Authorization, IdToken, Limit
from evouch.clock import Tick
from evouch.errors import PeerRefused, Unreachable
from evouch.ids import EvseNumber, Mac, OcppVersion, RemoteStartId, Secret, StationId, TransactionId
from evouch.units import Money, Watts, Wh

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


# ── what both directions share ──────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Unspeakable:
    """This version, or this station, has no way to say the order."""

    version: OcppVersion
    order: str


class Evidence(NamedTuple):
    """The frame that a fact came in: for hashes and audits; no rule ever reads it.

    A vehicle's address is hidden in it. A tuple, for one is made of every message, and twice as fast.
    """

    frame: bytes
    received_at: datetime
    connection: str
    proven: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence for people. ``format`` as OCPP's MessageFormat; language as RFC 5646."""

    content: str
    language: str = "en"
    format: str = "UTF8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One sample of a meter. ``energy`` is Energy.Active.Import.Register, all phases, in Wh (docs/decisions/006)."""

    at: datetime
    energy: Wh | None = None
    power: Watts | None = None
    soc: Decimal | None = None
    #: ReadingContext as the wire has it: ``Transaction.Begin``, ``Sample.Periodic`` …
    context: str = "Sample.Periodic"
    #: how a simulated station spells its samples: ``Wh``, ``kWh``, or ``bare`` for neither measurand nor unit
    spelling: str = "Wh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One configuration value in neutral form.

    On 2.x a variable of a component, for one EVSE or (``evse=None``) the whole station.
    On 1.6 a configuration key: ``component`` is empty for keys of the 1.6 standard, and
    ``WebPaymentsCtrlr`` for ours, which become ``WebPaymentsCtrlr[.connectorId].Variable``.
    """

    component: str
    variable: str
    value: str | Secret | None = None
    evse: EvseNumber | None = None
    instance: str | None = None


class SettingStatus(StrEnum):
    """What became of a setting; 1.6 ``NotSupported`` is ``UNKNOWN_VARIABLE`` here."""

    ACCEPTED = "Accepted"
    REBOOT_REQUIRED = "RebootRequired"
    REJECTED = "Rejected"
    UNKNOWN_COMPONENT = "UnknownComponent"
    UNKNOWN_VARIABLE = "UnknownVariable"
    NOT_SUPPORTED_ATTRIBUTE = "NotSupportedAttributeType"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingResult:
    """A setting as the station answered it; ``value`` only when it was read."""

    setting: Setting
    status: SettingStatus
    value: str | None = None
    reason: str = ""
    readonly: bool = False


# ── facts: station → backend ────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Generic[A_co]):
    """Something a station says; the type parameter is what it wants to hear back."""


@dataclass(frozen=True, slots=True)
class TimeAnswer:
    """The backend's wall clock."""

    now: datetime


class BootStatus(StrEnum):
    """RegistrationStatus of all versions."""

    ACCEPTED = "Accepted"
    PENDING = "Pending"
    REJECTED = "Rejected"


@dataclass(frozen=True, slots=True)
class BootAnswer:
    """Whether the station may work; ``interval`` (s) is heartbeat or retry, as the status says."""

    status: BootStatus
    now: datetime
    interval: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Booted(Fact[BootAnswer]):
    """BootNotification."""

    vendor: str
    model: str
    serial: str = ""
    firmware: str = ""
    #: BootReason of 2.x; ``Unknown`` on 1.6, which has none.
    reason: str = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class StillThere(Fact[TimeAnswer]):
    """Heartbeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorChanged(Fact[None]):
    """StatusNotification. On 1.6 ``evse`` is 0 for the station as a whole."""

    evse: EvseNumber
    connector: int
    status: ConnectorStatus
    at: datetime | None = None
    error: str = "NoError"
    info: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPresented(Fact[Authorization]):
    """Authorize. It names no EVSE: the same question is asked again when the transaction starts."""

    token: IdToken


class ChargingState(StrEnum):
    """ChargingState of 2.x."""

    CHARGING = "Charging"
    EV_CONNECTED = "EVConnected"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    IDLE = "Idle"


@dataclass(frozen=True, slots=True)
class SessionAnswer:
    """Answer to any session fact. ``transaction`` only for a 1.6 start; costs only where the version can say them."""

    authorization: Authorization | None = None
    transaction: TransactionId | None = None
    total_cost: Money | None = None
    limit: Limit | None = None
    message: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFact(Fact[SessionAnswer]):
    """What the three session facts share; see TransactionEvent of 2.x part 2 §1.60.

    ``transaction`` is None only in a 1.6 start, where the backend assigns it. ``evse`` may
    be None: stations in the field leave it out. ``seq`` is None on 1.6.
    """

    transaction: TransactionId | None
    at: datetime
    evse: EvseNumber | None = None
    connector: int | None = None
    token: IdToken | None = None
    remote_start: RemoteStartId | None = None
    readings: tuple[Reading, ...] = ()
    seq: int | None = None
    #: TriggerReason of 2.x; on 1.6 the nearest one.
    trigger: str = ""
    state: ChargingState | None = None
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted(SessionFact):
    """StartTransaction; TransactionEvent Started. ``reservation`` 1.6 and 2.x."""

    reservation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionUpdated(SessionFact):
    """MeterValues with a transactionId; TransactionEvent Updated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(SessionFact):
    """StopTransaction; TransactionEvent Ended. ``reason`` as the wire has it (``Remote``, ``EVDisconnected`` …)."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSampled(Fact[None]):
    """MeterValues that belong to no transaction (clock-aligned data)."""

    evse: EvseNumber
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleIdentified(Fact[None]):
    """A station learnt which vehicle is plugged in, beside any question about a token (docs/decisions/050).

    2.x: NotifyEvent of ConnectedEV.VehicleId. 1.6: our DataTransfer. ``mac`` is None where what
    was sent is no MAC address; it is an argument on its way, and is kept nowhere.
    """

    mac: Mac | None
    evse: EvseNumber | None = None
    connector: int | None = None
    transaction: TransactionId | None = None
    at: datetime | None = None


class DataStatus(StrEnum):
    """DataTransferStatus of all versions (the source's ``UnknownVendor`` is never emitted)."""

    ACCEPTED = "Accepted"
    REJECTED = "Rejected"
    UNKNOWN_MESSAGE = "UnknownMessageId"
    UNKNOWN_VENDOR = "UnknownVendorId"


@dataclass(frozen=True, slots=True)
class DataAnswer:
    """Answer to a DataTransfer. On 1.6 ``data`` is a string on the wire, elsewhere any JSON."""

    status: DataStatus
    data: Any = None
    reason: str = ""
    info: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReceived(Fact[DataAnswer]):
    """DataTransfer from the station that no extension of ours claims."""

    vendor: str | None
    message: str | None = None
    data: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsReported(Fact[None]):
    """NotifyReport: one page of the report that :class:`ReportSettings` asked for."""

    request: int
    page: int
    more: bool
    settings: tuple[SettingResult, ...]
    #: when the station made the page; 2.x cannot say one without it
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Fact[None]):
    """A notification that needs no more than an acknowledgement (firmware, logs, events, security …)."""

    action: str
    payload: Any = field(default=None)


# ── orders: backend → station ───────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Generic[A_co]):
    """Something a backend wants; the type parameter is what the station answers."""


@dataclass(frozen=True, slots=True)
class Yes:
    """Accepted, or refused with the wire's own status word and reason."""

    accepted: bool
    status: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StartAnswer:
    """Answer to a remote start. ``transaction`` when the station names one already (2.x)."""

    accepted: bool
    transaction: TransactionId | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCharging(Order[StartAnswer]):
    """RemoteStartTransaction; RequestStartTransaction. ``connector`` is required on 1.6 (docs/decisions/007)."""

    evse: EvseNumber
    token: IdToken
    remote_start: RemoteStartId
    connector: int | None = None
    #: additionalInfo of 2.1, type → text (PspRef, CardLast4Digits …).
    additional: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StopCharging(Order[Yes]):
    """RemoteStopTransaction; RequestStopTransaction."""

    transaction: TransactionId


class LockOutcome(StrEnum):
    """What a station made of NotifyWebPaymentStarted or -Failed."""

    TAKEN = "taken"
    REJECTED = "rejected"
    #: the station does not know the vendor, the message or the action
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class LockAnswer:
    """``reason`` is the source's reasonCode (``invalidEvseId``, ``invalidTimeout``, ``evseOccupied`` …)."""

    outcome: LockOutcome
    reason: str = ""
    info: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPaymentStarted(Order[LockAnswer]):
    """NotifyWebPaymentStarted: lock the EVSE against local start for ``timeout`` seconds; 0 releases."""

    evse: EvseNumber
    timeout: int
    connector: int | None = None
    #: a vendor's object beside it, with its ``vendorId``; passed on as it is, and no rule reads it
    custom: dict[str, Any] | None = field(default=None, hash=False)
    #: the request as it came, for an answer that has to quote it; no rule reads it
    asked: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPaymentFailed(Order[LockAnswer]):
    """NotifyWebPaymentFailed, a vendor extension on all versions: release the lock and say why."""

    evse: EvseNumber
    messages: tuple[Text, ...] = ()
    connector: int | None = None
    custom: dict[str, Any] | None = field(default=None, hash=False)
    asked: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configure(Order[tuple[SettingResult, ...]]):
    """SetVariables in one message; on 1.6 one ChangeConfiguration after the other."""

    settings: tuple[Setting, ...]
    #: what was asked for, as the wire spelled it and without values; no rule reads it
    asked: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSettings(Order[tuple[SettingResult, ...]]):
    """GetVariables; GetConfiguration. Empty ``settings`` asks for all (1.6 only)."""

    settings: tuple[Setting, ...] = ()
    asked: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings(Order[Yes]):
    """GetBaseReport; its pages come back as :class:`SettingsReported`."""

    request: int
    base: str = "FullInventory"


@dataclass(frozen=True, slots=True, kw_only=True)
class CostSoFar(Order[Yes]):
    """CostUpdated (2.x), or the OCA cost-message DataTransfer (1.6, where the station supports it).

    The 1.6 message also needs the meter register (Wh) that the cost is based on, and its time.
    """

    transaction: TransactionId
    cost: Money
    at: datetime | None = None
    meter: Wh | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(Order[Yes]):
    """Reset; ``hard`` is Hard on 1.6 and Immediate on 2.x."""

    hard: bool = False
    evse: EvseNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAvailability(Order[Yes]):
    """ChangeAvailability of a connector, an EVSE (None: the station)."""

    operative: bool
    evse: EvseNumber | None = None
    connector: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlock(Order[Yes]):
    """UnlockConnector."""

    evse: EvseNumber
    connector: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger(Order[Yes]):
    """TriggerMessage; ``message`` as the version spells it."""

    message: str
    evse: EvseNumber | None = None
    connector: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearCache(Order[Yes]):
    """ClearCache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve(Order[Yes]):
    """ReserveNow; a locked EVSE answers ``Occupied`` (docs/decisions/014)."""

    id: int
    evse: EvseNumber
    token: IdToken
    expires: datetime
    connector: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReservation(Order[Yes]):
    """CancelReservation."""

    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendData(Order[DataAnswer]):
    """DataTransfer to the station."""

    vendor: str
    message: str | None = None
    data: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceStart(Order[Yes]):
    """Our DataTransfer on all versions: a known vehicle starts in ``seconds``, unless a card or a code comes first.

    ``seconds`` 0 takes the announcement back (docs/decisions/051).
    """

    evse: EvseNumber
    seconds: int
    connector: int | None = None


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """The payload of a CALLRESULT as the station sent it."""

    payload: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RawCall(Order[RawAnswer]):
    """Any CALL of the station's own version, as an operator or a test suite wrote it."""

    action: str
    payload: Any


@dataclass(frozen=True, slots=True)
class IdentityProof:
    """The payload of SignedChallenge.conf as the strict decoder read it: nothing of it is believed yet."""

    document: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ProveIdentity(Order[IdentityProof]):
    """SignedChallenge.req of W3CP: sign this nonce with the key that was enrolled. Not an OCPP message.

    Native on 1.6 by the W3CP layer for OCPP 1.6J; on 2.x an extension of ours under the same name.
    """

    nonce: str
    timestamp: datetime
    #: trailing zero bits of the SHA-256 of the canonical payload; 0 asks for no work
    difficulty: int = 0


# ── ports ───────────────────────────────────────────────────────────────────────────────


class StationCalls(Protocol):
    """The one way to reach a station, on this node or another."""

    async def call(
        self, station: StationId, order: Order[A], *, by: Tick
    ) -> A | Unspeakable | PeerRefused | Unreachable:
        """Return the station's answer, or the error as a value: none of them is exceptional here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """How a connection came in: what its transport proves, before anything was said on it.

    ``tls`` is also true behind a configured proxy, which ends TLS for us. ``basic`` says that
    the right password was brought, ``certificate`` is the client's, verified, in DER.
    """

    address: str = ""
    tls: bool = False
    basic: bool = False
    certificate: bytes | None = None

    @property
    def profile(self) -> int:
        """The OCPP security profile that this is: 3 mutual TLS, 2 TLS and Basic, 1 Basic, 0 none of them."""
        if self.certificate is not None:
            return 3
        return (2 if self.tls else 1) if self.basic else 0


class Link(Protocol):
    """One live connection of one station, as the backend sees it. Valid until ``left``."""

    station: StationId
    version: OcppVersion
    #: unguessable and new for every connection; tells a late message of an old one apart
    connection: str
    entrance: Entrance
    #: another connection of this station is being kept (:meth:`Backend.defends`): orders go there, until this
    #: one is made the station's by ``StationServer.promote``
    candidate: bool

    async def call(self, order: Order[A], *, by: Tick) -> A | Unspeakable | PeerRefused | Unreachable:
        """Say an order on this very connection, whichever one orders for the station go to."""

    def allow(
        self,
        actions: frozenset[str] | None,
        *,
        proven: bool = False,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        """Answer CALLs of other actions with SecurityError, before anything in them is looked at; None allows all.

        ``proven`` is what :class:`Evidence` says from now on. ``refused`` is told the action
        of each CALL that was refused so, once its answer is on its way.
        """


class Backend(Protocol):
    """What the language layer needs of a backend: it speaks, and is answered, in this vocabulary.

    ``hear`` returns its answer at once where nothing has to be written (a heartbeat), and
    an awaitable otherwise; it raises :class:`~evouch.errors.Refused` or ``PeerFault``,
    which the language answers with its wire code.
    """

    def joined(self, link: Link) -> None:
        """A station connected and was admitted."""

    def left(self, link: Link) -> None:
        """That connection is gone."""

    def defends(self, link: Link) -> bool:
        """Return whether this live connection has proved its identity: a newer one must do so before it takes over."""

    def hear(self, link: Link, fact: Fact[A], evidence: Evidence) -> A | Awaitable[A]:
        """Take a fact and answer it."""
