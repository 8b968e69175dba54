"""Two databases behind one small surface: run this function on a connection, in a transaction or to read.

SQLite runs in threads of its own, one for writing and a few for reading, with the driver of
the standard library: a whole transaction is one hop to the thread and back. (Through an
asynchronous driver each statement is several hops; measured, that is three times the
processor time of a commit.) PostgreSQL runs on asyncpg. The functions are the same.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from evouch.store.ports import StoreFailed

__all__ = ["Database", "connect"]

T = TypeVar("T")
Action = Callable[[Connection], T]

#: How long a writer waits for another process's transaction (SQLite), in seconds.
BUSY_SECONDS: Final = 5
#: Attempts to switch a new database to WAL while other processes do the same.
WAL_TRIES: Final = 20
#: Somebody else holds the lock, or is reading back what a process that died had begun.
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY, sqlite3.SQLITE_BUSY_SNAPSHOT})
#: Questions answered at the same time: threads on SQLite, connections on PostgreSQL.
READERS: Final = 4


class Database(Protocol):
    """A database. ``dialect`` is SQLAlchemy's name for it."""

    dialect: str

    async def read(self, action: Action[T]) -> T:
        """Run ``action`` on a connection that only reads."""

    async def write(self, action: Action[T]) -> T:
        """Run ``action`` in a transaction; return when it is durable.

        What ``action`` raises is raised after a rollback; a COMMIT that fails is
        :class:`StoreFailed`, because nobody knows whether it was kept.
        """

    async def close(self) -> None:
        """Let go of all connections."""


def connect(url: str) -> Database:
    """Return the database behind ``sqlite:///path/file.db`` or ``postgresql://user@host/name`` (else ValueError)."""
    parsed = sa.make_url(url)
    if parsed.drivername in {"postgresql", "postgres"}:
        return _Postgres(parsed.set(drivername="postgresql+asyncpg"))
    if parsed.drivername == "sqlite" and parsed.database not in {None, "", ":memory:"}:
        return _Sqlite(parsed)
    msg = "a database is sqlite:///path/file.db or postgresql://user@host/name"
    raise ValueError(msg)


class _Sqlite:
    dialect = "sqlite"

    def __init__(self, url: URL) -> None:
        self._path = str(url.database)
        options: dict[str, Any] = {"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False}
        self._writing = create_engine(url, pool_size=1, max_overflow=0, connect_args=options)
        self._reading = create_engine(
            url, pool_size=READERS, max_overflow=0, pool_reset_on_return=None, connect_args=options
        )
        event.listen(self._writing, "connect", _prepare_writer)
        event.listen(self._reading, "connect", partial(_pragmas, ("query_only=ON",)))
        # the lock is taken when a transaction begins: one that had to upgrade from reading could not wait for it
        event.listen(self._writing, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        self._writer = ThreadPoolExecutor(1, "store-write")
        self._readers = ThreadPoolExecutor(READERS, "store-read")

    async def read(self, action: Action[T]) -> T:
        return await self._in(self._readers, partial(_read, self._reading, action))

    async def write(self, action: Action[T]) -> T:
        return await self._in(self._writer, partial(self._write, action))

    async def close(self) -> None:
        await self._in(self._writer, self._dispose)
        self._writer.shutdown()
        self._readers.shutdown()

    def _write(self, action: Action[T]) -> T:
        if not os.path.exists(self._path):  # noqa: PTH110 — a path is text here, for SQLite and for us
            # payments and credentials: nobody else on the machine reads them; WAL and SHM inherit the mode
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        with self._writing.connect() as connection:
            return _transact(connection, action)

    def _dispose(self) -> None:
        self._reading.dispose()
        self._writing.dispose()

    @staticmethod
    async def _in(threads: ThreadPoolExecutor, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, function)


class _Postgres:
    dialect = "postgresql"

    def __init__(self, url: URL) -> None:
        durable = {"server_settings": {"synchronous_commit": "on"}}
        self._writing = create_async_engine(url, pool_size=1, max_overflow=0, connect_args=durable)
        self._reading = create_async_engine(url, pool_size=READERS, isolation_level="AUTOCOMMIT")

    async def read(self, action: Action[T]) -> T:
        try:
            return await self._read(action)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return await self._read(action)  # the server was restarted; a question may be asked again

    async def write(self, action: Action[T]) -> T:
        async with self._writing.connect() as connection:
            return await connection.run_sync(_transact, action)

    async def close(self) -> None:
        await self._reading.dispose()
        await self._writing.dispose()

    async def _read(self, action: Action[T]) -> T:
        async with self._reading.connect() as connection:
            return await connection.run_sync(action)


def _read(engine: Engine, action: Action[T]) -> T:
    with engine.connect() as connection:
        return action(connection)


def _transact(connection: Connection, action: Action[T]) -> T:
    transaction = connection.begin()
    try:
        result = action(connection)
    except BaseException:
        transaction.rollback()
        raise
    try:
        transaction.commit()
    except DBAPIError as error:
        raise StoreFailed("the database failed while it committed") from error
    return result


def _prepare_writer(connection: sqlite3.Connection, record: object) -> None:
    """Switch to WAL and full durability.

    The switch does not wait for another process that is about to do the same, whatever the
    timeout says; a transaction does. So where it is refused, one is waited for, and it is
    tried again.
    """
    for _ in range(WAL_TRIES):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in _BUSY:
                raise
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    _pragmas(("journal_mode=WAL", "synchronous=FULL"), connection, record)


def _pragmas(pragmas: tuple[str, ...], connection: sqlite3.Connection, _record: object) -> None:
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
