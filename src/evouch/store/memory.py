"""A store in this process's memory: for tests, stories and instruments. Gone with the process."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from evouch.charging.equipment import EvsePlace
from evouch.charging.sessions import SessionState
from evouch.ids import PaymentId, RemoteStartId, StationId, TransactionId
from evouch.store.memory_records import first, newest, own
from evouch.store.memory_roaming import MemoryRoaming
from evouch.store.ports import Add, Change, Conflict, Delete, Put
from evouch.store.records import (
    ApiToken,
    AuditRow,
    Code,
    Entry,
    Identity,
    Intent,
    Operator,
    QrKey,
    Quarantined,
    QuarantineShare,
    QuarantineState,
    Record,
    Sample,
    SecurityEvent,
    StationRecord,
    TokenRecord,
    Transaction,
)  # fmt: skip
from evouch.store.rules import check, key_of, newer
from evouch.webpayment.checkout import Checkout

__all__ = ["MemoryStore"]

_UNDECIDED = frozenset({QuarantineState.HELD, QuarantineState.KEPT})


class MemoryStore(MemoryRoaming):
    """Implements :class:`~evouch.store.ports.Store`. ``close`` keeps everything, so a restart can be played."""

    def __init__(self) -> None:
        super().__init__()
        self._number = 0

    async def commit(self, *changes: Change) -> None:
        """Make all changes or none."""
        check(changes)
        await asyncio.sleep(0)  # as with a database, others may run in between
        staged: dict[tuple[type, Any], Record | None] = {}
        for change in changes:
            name = (type(change.record), key_of(change.record))
            stored = staged[name] if name in staged else self._records[name[0]].get(name[1])
            staged[name] = _changed(stored, change)
        for (kind, key), record in staged.items():
            if record is None:
                self._records[kind].pop(key, None)
            else:
                self._records[kind][key] = record

    async def close(self) -> None:
        """Do nothing: memory has nothing to write."""

    # stations and their keys

    async def station(self, id: StationId) -> StationRecord | None:
        return self._get(StationRecord, id)

    async def stations(self) -> list[StationRecord]:
        return sorted(self._all(StationRecord), key=lambda station: station.id)

    async def qr_key(self, place: EvsePlace) -> QrKey | None:
        return self._get(QrKey, place)

    async def qr_keys(self) -> list[QrKey]:
        return sorted(self._all(QrKey), key=lambda key: (key.place.station, key.place.evse))

    # who may charge

    async def token(self, key: str) -> TokenRecord | None:
        return self._get(TokenRecord, key)

    async def tokens(self) -> list[TokenRecord]:
        return sorted(self._all(TokenRecord), key=lambda token: token.key)

    # transactions

    async def transaction(self, station: StationId, id: TransactionId) -> Transaction | None:
        return self._get(Transaction, (station, id))

    async def transaction_by_start(self, station: StationId, start_key: str) -> Transaction | None:
        found = self._all(Transaction, lambda one: (one.station, one.start_key) == (station, start_key))
        return first(newest(found, _started_at))

    async def transactions(
        self, *, active: bool = False, station: StationId | None = None, limit: int = 1000
    ) -> list[Transaction]:
        found = self._all(
            Transaction,
            lambda one: station in {None, one.station} and not (active and one.state is SessionState.ENDED),
        )
        return newest(found, _started_at)[:limit]

    async def next_number(self) -> int:
        self._number += 1
        return self._number

    async def samples(self, station: StationId, transaction: TransactionId) -> list[Sample]:
        found = self._all(Sample, lambda one: (one.station, one.transaction) == (station, transaction))
        return sorted(found, key=lambda sample: sample.number)

    # payments

    async def checkout(self, payment: PaymentId) -> Checkout | None:
        return self._get(Checkout, payment)

    async def checkout_by_psp_ref(self, psp_ref: str) -> Checkout | None:
        return self._newest_checkout(lambda one: bool(psp_ref) and one.psp_ref == psp_ref)

    async def checkout_by_token(self, token_key: str) -> Checkout | None:
        return self._newest_checkout(lambda one: one.token is not None and one.token.key == token_key)

    async def checkout_by_start(self, station: StationId, remote_start: RemoteStartId) -> Checkout | None:
        return self._newest_checkout(lambda one: (one.place.station, one.remote_start) == (station, remote_start))

    async def checkouts(self, *, active: bool = False, limit: int = 1000) -> list[Checkout]:
        return newest(self._all(Checkout, lambda one: not (active and one.final)), _created_at)[:limit]

    async def code_taken(self, place: EvsePlace, slot: int) -> PaymentId | None:
        code = self._get(Code, (place, slot))
        return None if code is None else code.payment

    async def entries(self, payment: PaymentId) -> list[Entry]:
        return self._all(Entry, lambda one: one.payment == payment)

    async def intents(self, *, payment: PaymentId | None = None, open: bool = False) -> list[Intent]:
        return self._all(Intent, lambda one: payment in {None, one.payment} and not (open and one.done_at is not None))

    def _newest_checkout(self, where: Callable[[Checkout], bool]) -> Checkout | None:
        return first(newest(self._all(Checkout, where), _created_at))

    # who stations are

    async def identities(self) -> list[Identity]:
        return self._all(Identity)

    async def quarantined(
        self, *, station: StationId | None = None, open: bool = True, limit: int = 200
    ) -> list[Quarantined]:
        found = self._all(
            Quarantined, lambda one: station in {None, one.station} and (one.state in _UNDECIDED or not open)
        )
        return found[:limit]

    async def quarantined_message(self, id: str) -> Quarantined | None:
        return self._get(Quarantined, id)

    async def quarantine_shares(self) -> list[QuarantineShare]:
        sizes: dict[tuple[StationId, str], list[int]] = {}
        for one in self._all(Quarantined, lambda one: one.state in _UNDECIDED):
            sizes.setdefault((one.station, one.address), []).append(len(one.frame))
        return [
            QuarantineShare(station=station, address=address, rows=len(found), bytes=sum(found))
            for (station, address), found in sorted(sizes.items())
        ]

    async def keep_held(self) -> None:
        held = self._all(Quarantined, lambda one: one.state is QuarantineState.HELD)
        await self.commit(*(Put(replace(one, state=QuarantineState.KEPT)) for one in held))

    # what operators read

    async def audit(self, *, limit: int = 200) -> list[AuditRow]:
        return newest(self._all(AuditRow), _at)[:limit]

    async def security_events(self, *, limit: int = 200) -> list[SecurityEvent]:
        return newest(self._all(SecurityEvent), _at)[:limit]

    async def operator(self, name: str) -> Operator | None:
        return self._get(Operator, name)

    async def api_tokens(self) -> list[ApiToken]:
        return sorted(self._all(ApiToken), key=lambda token: (token.name, token.digest))


def _changed(stored: Record | None, change: Change) -> Record | None:
    record = change.record
    if isinstance(change, Delete):
        return None
    if isinstance(change, Add):
        if stored is not None:
            raise Conflict(record)
    elif isinstance(record, Checkout) and not newer(stored if isinstance(stored, Checkout) else None, record):
        raise Conflict(record)
    return own(record)


def _started_at(transaction: Transaction) -> datetime:
    return transaction.started_at


def _created_at(checkout: Checkout) -> datetime:
    return checkout.created_at


def _at(row: AuditRow | SecurityEvent) -> datetime:
    return row.at
