# ruff: noqa: D102 — the questions are documented in store/ports.py
"""A store that fails at a chosen commit: what a crash leaves behind, moment by moment.

A commit can fail before it was kept or after; the caller cannot tell, and gets
:class:`~evouch.store.ports.StoreFailed` both times. Whoever plays a crash lets the store
stay down and starts an actor anew on the store beneath; whoever plays a disk that is full
for a moment lets it recover.
"""

from evouch.charging.equipment import EvsePlace
from evouch.ids import PaymentId, RemoteStartId, StationId, TransactionId
from evouch.store.ports import Change, Store, StoreFailed
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
    Sample,
    SecurityEvent,
    StationRecord,
    TokenRecord,
    Transaction,
)
from evouch.testing.passing_store import PassesRoaming
from evouch.webpayment.checkout import Checkout

__all__ = ["FaultyStore"]


class FaultyStore(PassesRoaming):
    """Passes everything on to ``store``, but commit number ``fail_at`` (from 1) raises StoreFailed.

    ``kept`` says whether that commit was durable before it failed; ``stays_down`` whether
    every later one fails too, unkept. ``commits`` counts them all.
    """

    def __init__(self, store: Store, *, fail_at: int, kept: bool = False, stays_down: bool = True) -> None:
        self.store = store
        self.commits = 0
        #: whether the fault has happened
        self.failed = False
        self._fail_at = fail_at
        self._kept = kept
        self._stays_down = stays_down

    def fail_in(self, commits: int, *, kept: bool = False, stays_down: bool = True) -> None:
        """Fail at the commit that comes after ``commits`` - 1 more, whatever was agreed before."""
        self._fail_at = self.commits + commits
        self._kept, self._stays_down, self.failed = kept, stays_down, False

    async def commit(self, *changes: Change) -> None:
        """Commit, or fail if it is its turn."""
        self.commits += 1
        self._check_down()
        if self.commits != self._fail_at:
            return await self.store.commit(*changes)
        if self._kept:
            await self.store.commit(*changes)
        self.failed = True
        raise StoreFailed("as the test wanted it")

    async def next_number(self) -> int:
        """Return a number, unless the store is down."""
        self._check_down()
        return await self.store.next_number()

    async def keep_held(self) -> None:
        """Keep what is held, unless the store is down."""
        self._check_down()
        await self.store.keep_held()

    async def close(self) -> None:
        """Close the store beneath."""
        await self.store.close()

    def _check_down(self) -> None:
        if self._stays_down and self.failed:
            raise StoreFailed("down, as the test wanted it")

    # questions are passed on

    async def station(self, id: StationId) -> StationRecord | None:
        return await self.store.station(id)

    async def stations(self) -> list[StationRecord]:
        return await self.store.stations()

    async def qr_key(self, place: EvsePlace) -> QrKey | None:
        return await self.store.qr_key(place)

    async def qr_keys(self) -> list[QrKey]:
        return await self.store.qr_keys()

    async def token(self, key: str) -> TokenRecord | None:
        return await self.store.token(key)

    async def tokens(self) -> list[TokenRecord]:
        return await self.store.tokens()

    async def transaction(self, station: StationId, id: TransactionId) -> Transaction | None:
        return await self.store.transaction(station, id)

    async def transaction_by_start(self, station: StationId, start_key: str) -> Transaction | None:
        return await self.store.transaction_by_start(station, start_key)

    async def transactions(
        self, *, active: bool = False, station: StationId | None = None, limit: int = 1000
    ) -> list[Transaction]:
        return await self.store.transactions(active=active, station=station, limit=limit)

    async def samples(self, station: StationId, transaction: TransactionId) -> list[Sample]:
        return await self.store.samples(station, transaction)

    async def checkout(self, payment: PaymentId) -> Checkout | None:
        return await self.store.checkout(payment)

    async def checkout_by_psp_ref(self, psp_ref: str) -> Checkout | None:
        return await self.store.checkout_by_psp_ref(psp_ref)

    async def checkout_by_token(self, token_key: str) -> Checkout | None:
        return await self.store.checkout_by_token(token_key)

    async def checkout_by_start(self, station: StationId, remote_start: RemoteStartId) -> Checkout | None:
        return await self.store.checkout_by_start(station, remote_start)

    async def checkouts(self, *, active: bool = False, limit: int = 1000) -> list[Checkout]:
        return await self.store.checkouts(active=active, limit=limit)

    async def code_taken(self, place: EvsePlace, slot: int) -> PaymentId | None:
        return await self.store.code_taken(place, slot)

    async def entries(self, payment: PaymentId) -> list[Entry]:
        return await self.store.entries(payment)

    async def intents(self, *, payment: PaymentId | None = None, open: bool = False) -> list[Intent]:
        return await self.store.intents(payment=payment, open=open)

    async def identities(self) -> list[Identity]:
        return await self.store.identities()

    async def quarantined(
        self, *, station: StationId | None = None, open: bool = True, limit: int = 200
    ) -> list[Quarantined]:
        return await self.store.quarantined(station=station, open=open, limit=limit)

    async def quarantined_message(self, id: str) -> Quarantined | None:
        return await self.store.quarantined_message(id)

    async def quarantine_shares(self) -> list[QuarantineShare]:
        return await self.store.quarantine_shares()

    async def audit(self, *, limit: int = 200) -> list[AuditRow]:
        return await self.store.audit(limit=limit)

    async def security_events(self, *, limit: int = 200) -> list[SecurityEvent]:
        return await self.store.security_events(limit=limit)

    async def operator(self, name: str) -> Operator | None:
        return await self.store.operator(name)

    async def api_tokens(self) -> list[ApiToken]:
        return await self.store.api_tokens()
