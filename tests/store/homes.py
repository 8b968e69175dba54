"""Where the stores of these tests live: a memory, a file, a PostgreSQL database of the test's own."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, TypeVar
from uuid import uuid4

import asyncpg

from evouch.clock import SystemClock, SystemEntropy
from evouch.ids import KeyBytes
from evouch.store.memory import MemoryStore
from evouch.store.ports import Store
from evouch.store.records import Record
from evouch.store.sealing import Sealer
from evouch.store.sql import SqlStore
from evouch.store.tables import METADATA

R = TypeVar("R", bound=Record)

KEY = KeyBytes(b"k" * 32)


def sealer(*keys: KeyBytes) -> Sealer:
    return Sealer(*(keys or (KEY,)), entropy=SystemEntropy())


class ReadableStore(Store, Protocol):
    async def records(self, kind: type[R]) -> list[R]: ...


class Home(Protocol):
    async def open(self) -> ReadableStore: ...


@dataclass
class MemoryHome:
    store: MemoryStore = field(default_factory=MemoryStore)

    async def open(self) -> ReadableStore:
        return self.store


@dataclass
class SqlHome:
    """Every open is a new store on the same database, as after a restart or on another node."""

    url: str

    async def open(self, *keys: KeyBytes) -> SqlStore:
        return await SqlStore.open(self.url, clock=SystemClock(), seal=sealer(*keys))

    async def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement past the store, on a connection of its own."""
        if self.postgres:
            connection = await asyncpg.connect(self.url)
            rows = [tuple(row.values()) for row in await connection.fetch(statement)]
            await connection.close()
            return rows
        with closing(sqlite3.connect(self.path, timeout=5)) as file, file:
            return file.execute(statement).fetchall()

    async def dump(self) -> bytes:
        """Return every value of every table, as bytes that can be searched."""
        values = [
            value for name in METADATA.tables for row in await self.execute(f'SELECT * FROM "{name}"') for value in row
        ]
        return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)

    @property
    def postgres(self) -> bool:
        return self.url.startswith("postgres")

    @property
    def path(self) -> Path:
        return Path(self.url.removeprefix("sqlite:///"))


@asynccontextmanager
async def living(home: Home) -> AsyncIterator[ReadableStore]:
    store = await home.open()
    try:
        yield store
    finally:
        await store.close()


def story(home: Home, tell: Callable[[Any], Awaitable[None]]) -> None:
    """Run ``tell`` with a store of this home."""

    async def run() -> None:
        async with living(home) as store:
            await tell(store)

    asyncio.run(run())


@cache
def file_with_tables() -> bytes:
    """An SQLite file with all tables and no rows, made once: a file is far faster copied than migrated."""
    with TemporaryDirectory() as folder:
        home = SqlHome(f"sqlite:///{folder}/evouch.db")
        story(home, _nothing)
        return home.path.read_bytes()


@dataclass
class Server:
    """A PostgreSQL server, on which these tests make and drop databases of their own."""

    dsn: str
    made: dict[str, SqlHome] = field(default_factory=dict)

    def database(self) -> SqlHome:
        """A database with all tables and no rows."""
        if "tables" not in self.made:
            story(self.named("tables"), _nothing)
        empty = "; ".join(f'DELETE FROM "{name}"' for name in METADATA.tables)  # far cheaper than TRUNCATE
        self._run(f"{empty}; ALTER SEQUENCE numbers_number_seq RESTART", on=self.made["tables"].url)
        return self.made["tables"]

    def empty(self) -> SqlHome:
        """A database without tables."""
        home = self.named("empty")
        self._run("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", on=home.url)
        return home

    def named(self, name: str) -> SqlHome:
        """A database that this test has under a name, without tables at first."""
        if name not in self.made:
            database = f"evouch_test_{uuid4().hex}"
            self._run(f"CREATE DATABASE {database}")
            self.made[name] = SqlHome(f"{self.dsn.rpartition('/')[0]}/{database}")
        return self.made[name]

    def close(self) -> None:
        self._run(*(f"DROP DATABASE {home.url.rpartition('/')[2]} WITH (FORCE)" for home in self.made.values()))

    def _run(self, *statements: str, on: str = "") -> None:
        async def run() -> None:
            connection = await asyncpg.connect(on or self.dsn)
            for statement in statements:
                await connection.execute(statement)
            await connection.close()

        asyncio.run(run())


async def _nothing(store: Store) -> None:
    pass
