"""What actors may ask of a memory: one way to write, and questions named by their use.

A write is a tuple of changes that happen together or not at all; ``commit`` returns when
they are durable. Who loses a race on a unique row (a code, a webhook, a payment's version)
gets :class:`Conflict`, and nothing of that commit is kept; commits of others are unharmed.
"""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from evouch.charging.equipment import EvsePlace
from evouch.errors import EvouchError
from evouch.ids import PaymentId, RemoteStartId, StationId, TransactionId
from evouch.store.ports_roaming import RoamingStore
from evouch.store.records import (
    ApiToken,
    AuditRow,
    Entry,
    Identity,
    Intent,
    Operator,
    QrKey,
    Quarantined,
    QuarantineShare,
    Record,
    Sample,
    SecurityEvent,
    StationRecord,
    TokenRecord,
    Transaction,
)  # fmt: skip
from evouch.webpayment.checkout import Checkout

__all__ = [
    "Add", "Change", "Conflict", "Delete", "Put", "Store", "StoreFailed",
]  # fmt: skip

R_co = TypeVar("R_co", bound=Record, covariant=True)


class Conflict(EvouchError):
    """Another commit got there first. ``record`` is the one of ours that did not fit."""

    def __init__(self, record: Record) -> None:
        super().__init__(type(record).__name__)
        self.record = record


class StoreFailed(EvouchError):
    """The database failed: whether the commit was kept is not known. Nothing may be answered as done."""


@dataclass(frozen=True, slots=True)
class Add(Generic[R_co]):
    """Insert; Conflict where a record with this key exists."""

    record: R_co


@dataclass(frozen=True, slots=True)
class Put(Generic[R_co]):
    """Insert or replace. A Checkout must carry the stored ``version`` + 1 (without one: 0 or 1), else Conflict.

    ``only`` names the fields that differ from the record that is stored already, where the
    caller knows: a store need not write the others. Not for Checkouts.
    """

    record: R_co
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete(Generic[R_co]):
    """Remove the record with this record's key, if there is one."""

    record: R_co


Change = Add[Record] | Put[Record] | Delete[Record]


class Store(RoamingStore, Protocol):
    """Everything an actor remembers. Lists come in a stated order, at most ``limit`` long."""

    async def commit(self, *changes: Change) -> None:
        """Make all changes or none; return when they are durable."""

    async def close(self) -> None:
        """Write what is queued and let go of the database."""

    # stations and their keys
    async def station(self, id: StationId) -> StationRecord | None: ...
    async def stations(self) -> list[StationRecord]:
        """All stations by id."""

    async def qr_key(self, place: EvsePlace) -> QrKey | None: ...
    async def qr_keys(self) -> list[QrKey]: ...

    # who may charge
    async def token(self, key: str) -> TokenRecord | None: ...
    async def tokens(self) -> list[TokenRecord]: ...

    # transactions
    async def transaction(self, station: StationId, id: TransactionId) -> Transaction | None: ...
    async def transaction_by_start(self, station: StationId, start_key: str) -> Transaction | None:
        """The newest transaction that this start opened."""

    async def transactions(
        self, *, active: bool = False, station: StationId | None = None, limit: int = 1000
    ) -> list[Transaction]:
        """Transactions, newest first."""

    async def next_number(self) -> int:
        """The next running number of transactions: 1, 2, 3 … never given twice, restarts included."""

    async def samples(self, station: StationId, transaction: TransactionId) -> list[Sample]:
        """The readings of a transaction in order."""

    # payments
    async def checkout(self, payment: PaymentId) -> Checkout | None: ...
    async def checkout_by_psp_ref(self, psp_ref: str) -> Checkout | None:
        """The newest payment that the provider calls so; an empty reference finds none."""

    async def checkout_by_token(self, token_key: str) -> Checkout | None:
        """The newest payment that starts with this token (``IdToken.key``)."""

    async def checkout_by_start(self, station: StationId, remote_start: RemoteStartId) -> Checkout | None:
        """The newest payment with this remote start at this station."""

    async def checkouts(self, *, active: bool = False, limit: int = 1000) -> list[Checkout]:
        """Payments, newest first; ``active`` leaves out the final ones."""

    async def code_taken(self, place: EvsePlace, slot: int) -> PaymentId | None: ...
    async def entries(self, payment: PaymentId) -> list[Entry]:
        """The ledger rows of a payment in the order of writing."""

    async def intents(self, *, payment: PaymentId | None = None, open: bool = False) -> list[Intent]:
        """Intents in the order of writing; ``open`` leaves out what is done."""

    # who stations are
    async def identities(self) -> list[Identity]:
        """Every identity that was ever enrolled, in the order of enrolment, revoked ones included."""

    async def quarantined(
        self, *, station: StationId | None = None, open: bool = True, limit: int = 200
    ) -> list[Quarantined]:
        """Messages in quarantine in the order of writing; ``open`` leaves out what was promoted or dismissed."""

    async def quarantined_message(self, id: str) -> Quarantined | None: ...
    async def quarantine_shares(self) -> list[QuarantineShare]:
        """How much waits to be decided, by station and address; counted where it lies, no message is read."""

    async def keep_held(self) -> None:
        """Make KEPT of everything that is HELD, by one statement; return when that is durable."""

    # what operators read
    async def audit(self, *, limit: int = 200) -> list[AuditRow]:
        """Audit rows, newest first."""

    async def security_events(self, *, limit: int = 200) -> list[SecurityEvent]:
        """Security events, newest first."""

    async def operator(self, name: str) -> Operator | None: ...
    async def api_tokens(self) -> list[ApiToken]: ...
