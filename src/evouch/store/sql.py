"""The store on SQLite or PostgreSQL. Writing goes through one task per process, reading past it."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, Self, TypeVar
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from evouch.charging.equipment import EvsePlace
from evouch.clock import Clock
from evouch.ids import PaymentId, RemoteStartId, StationId, TransactionId
from evouch.store import sql_questions as ask
from evouch.store.groups import GroupCommit
from evouch.store.mapping import Mapping
from evouch.store.migrations import migrate
from evouch.store.ports import Change, StoreFailed
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
)
from evouch.store.rules import check
from evouch.store.sealing import Sealer
from evouch.store.sql_engine import Database, connect
from evouch.store.sql_roaming import SqlRoaming
from evouch.store.sql_write import Work, Writer, prepare
from evouch.store.tables import MAPPINGS
from evouch.webpayment.checkout import Checkout

__all__ = ["SqlStore"]

R = TypeVar("R", bound=Record)

#: How often a group is tried: at once, then one by one; then again, where nodes met or the connection was lost.
_ATTEMPTS: Final = 4
#: Alembic keeps what a migration works on in globals of its modules: stores that open together migrate in turn.
#: Not a lock of threads: on PostgreSQL a migration waits in the loop's own thread.
_migrating: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]] = WeakKeyDictionary()


class SqlStore(SqlRoaming):
    """Implements :class:`~evouch.store.ports.Store` on a database. Made by :meth:`open`, ended by :meth:`close`."""

    def __init__(self, database: Database, clock: Clock, seal: Sealer) -> None:
        super().__init__(database, seal)
        self._writer = Writer(database.dialect)
        self._groups: GroupCommit[Work] = GroupCommit(self._write, clock)

    @classmethod
    async def open(cls, url: str, *, clock: Clock, seal: Sealer) -> Self:
        """Open ``sqlite:///path/file.db`` or ``postgresql://user@host/name``, and bring its tables up to date.

        Secrets that an older key sealed are sealed anew. ``clock`` only paces the writer (20 ms);
        one that stands still holds concurrent commits until it moves. Raises ValueError for
        another kind of URL, StoreFailed where the database cannot be used, SealBroken where a
        key is missing.
        """
        database = connect(url)
        try:
            async with _migrating.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
                await database.write(migrate)
            await database.write(partial(_seal_anew, seal=seal))
        except (SQLAlchemyError, OSError) as error:
            await database.close()
            raise StoreFailed("the database cannot be opened") from error
        except BaseException:
            await database.close()
            raise
        return cls(database, clock, seal)

    async def close(self) -> None:
        await self._groups.close()
        await self._database.close()

    # writing

    async def commit(self, *changes: Change) -> None:
        check(changes)
        if changes:
            work = Work(tuple([prepare(change, self._seal) for change in changes]))
            await self._groups.commit(work, len(changes))

    async def next_number(self) -> int:
        number: int = await self._groups.commit(Work(number=True), 1)
        return number

    async def _write(self, group: Sequence[Work]) -> Sequence[Any]:
        last: Exception | None = None
        for attempt in range(_ATTEMPTS):
            action = self._writer.one_by_one if attempt else self._writer.together
            try:
                return await self._database.write(partial(action, group=group))
            except StoreFailed:
                raise  # the commit itself failed: trying again could do twice what was done once
            except Exception as error:  # noqa: BLE001 — drivers raise what they like
                last = error
        raise StoreFailed("the database failed") from last

    # reading

    async def records(self, kind: type[R]) -> list[R]:
        """Return everything of one type, in the order of writing: for exports and tests."""
        return await self._all(ask.ALL[kind])

    # stations and their keys

    async def station(self, id: StationId) -> StationRecord | None:
        return await self._first(ask.STATION, id=id)

    async def stations(self) -> list[StationRecord]:
        return await self._all(ask.ALL_STATIONS)

    async def qr_key(self, place: EvsePlace) -> QrKey | None:
        return await self._first(ask.QR_KEY, station=place.station, evse=place.evse)

    async def qr_keys(self) -> list[QrKey]:
        return await self._all(ask.ALL_QR_KEYS)

    # who may charge

    async def token(self, key: str) -> TokenRecord | None:
        return await self._first(ask.TOKEN, key=key)

    async def tokens(self) -> list[TokenRecord]:
        return await self._all(ask.ALL_TOKENS)

    # transactions

    async def transaction(self, station: StationId, id: TransactionId) -> Transaction | None:
        return await self._first(ask.TRANSACTION, station=station, id=id)

    async def transaction_by_start(self, station: StationId, start_key: str) -> Transaction | None:
        return await self._first(ask.TRANSACTION_BY_START, station=station, start_key=start_key, most=1)

    async def transactions(
        self, *, active: bool = False, station: StationId | None = None, limit: int = 1000
    ) -> list[Transaction]:
        values = {} if station is None else {"station": station}
        return await self._all(ask.SOME_TRANSACTIONS[active, bool(values)], **values, most=limit)

    async def samples(self, station: StationId, transaction: TransactionId) -> list[Sample]:
        return await self._all(ask.SAMPLES_OF, station=station, transaction=transaction)

    # payments

    async def checkout(self, payment: PaymentId) -> Checkout | None:
        return await self._first(ask.CHECKOUT, payment=payment)

    async def checkout_by_psp_ref(self, psp_ref: str) -> Checkout | None:
        return await self._first(ask.CHECKOUT_BY_PSP_REF, psp_ref=psp_ref, most=1) if psp_ref else None

    async def checkout_by_token(self, token_key: str) -> Checkout | None:
        return await self._first(ask.CHECKOUT_BY_TOKEN, token_key=token_key, most=1)

    async def checkout_by_start(self, station: StationId, remote_start: RemoteStartId) -> Checkout | None:
        return await self._first(ask.CHECKOUT_BY_START, station=station, remote_start=remote_start, most=1)

    async def checkouts(self, *, active: bool = False, limit: int = 1000) -> list[Checkout]:
        return await self._all(ask.SOME_CHECKOUTS[active], most=limit)

    async def code_taken(self, place: EvsePlace, slot: int) -> PaymentId | None:
        code = await self._first(ask.CODE, station=place.station, evse=place.evse, slot=slot)
        return code.payment if code else None

    async def entries(self, payment: PaymentId) -> list[Entry]:
        return await self._all(ask.ENTRIES_OF, payment=payment)

    async def intents(self, *, payment: PaymentId | None = None, open: bool = False) -> list[Intent]:
        values = {} if payment is None else {"payment": payment}
        return await self._all(ask.SOME_INTENTS[open, bool(values)], **values)

    # who stations are

    async def identities(self) -> list[Identity]:
        return await self._all(ask.ALL_IDENTITIES)

    async def quarantined(
        self, *, station: StationId | None = None, open: bool = True, limit: int = 200
    ) -> list[Quarantined]:
        values = {} if station is None else {"station": station}
        return await self._all(ask.SOME_QUARANTINED[open, bool(values)], **values, most=limit)

    async def quarantined_message(self, id: str) -> Quarantined | None:
        return await self._first(ask.QUARANTINED, id=id)

    async def quarantine_shares(self) -> list[QuarantineShare]:
        rows = await self._rows(ask.QUARANTINE_SHARES)
        return [QuarantineShare(station=row[0], address=row[1], rows=row[2], bytes=row[3]) for row in rows]

    async def keep_held(self) -> None:
        try:
            await self._database.write(lambda connection: connection.execute(ask.KEEP_HELD))
        except (SQLAlchemyError, OSError) as error:
            raise StoreFailed("the database failed") from error

    # what operators read

    async def audit(self, *, limit: int = 200) -> list[AuditRow]:
        return await self._all(ask.LATEST_AUDIT, most=limit)

    async def security_events(self, *, limit: int = 200) -> list[SecurityEvent]:
        return await self._all(ask.LATEST_SECURITY_EVENTS, most=limit)

    async def operator(self, name: str) -> Operator | None:
        return await self._first(ask.OPERATOR, name=name)

    async def api_tokens(self) -> list[ApiToken]:
        return await self._all(ask.ALL_API_TOKENS)


def _seal_anew(connection: Connection, *, seal: Sealer) -> None:
    """Seal with the newest key what an older one sealed; a row that somebody changes meanwhile is left to them."""
    for mapping in MAPPINGS.values():
        for name in mapping.sealed:
            _seal_column_anew(connection, mapping, name, seal)


def _seal_column_anew(connection: Connection, mapping: Mapping[Any], name: str, seal: Sealer) -> None:
    column = mapping.c[name]
    keys = [mapping.c[key] for key in mapping.key]
    for row in connection.execute(sa.select(column, *keys).where(column.is_not(None))).mappings().all():
        if not seal.fresh(row[name]):
            context = mapping.context({key: row[key] for key in mapping.key}, name)
            anew = seal.seal(seal.open(row[name], context), context)
            connection.execute(sa.update(mapping.table).where(column == row[name]).values({name: anew}))
