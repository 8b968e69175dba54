"""A group of commits as SQL: first all at once, and where that fails each in a savepoint of its own.

At once means one ``executemany`` per table, which is what makes a group cheap. It holds as
long as nobody's change conflicts; when one does, the transaction is rolled back and the
group is written again caller by caller, so that the conflict stays with the one who has it.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from evouch.store.mapping import Mapping
from evouch.store.ports import Add, Change, Conflict, Put, StoreFailed
from evouch.store.records import Record
from evouch.store.rules import key_of
from evouch.store.sealing import Sealer
from evouch.store.sql_prepared import Prepared
from evouch.store.tables import CHECKOUTS, MAPPINGS, NUMBERS

__all__ = ["Work", "Writer", "Written", "prepare"]

_INSERTS: Final[dict[str, Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
#: deadlock_detected and serialization_failure: two nodes met; whoever lost tries again.
_TRY_AGAIN: Final = {"40P01", "40001"}


class Written(NamedTuple):
    """One change. ``how`` names one of the statements of :class:`_Statements`; ``only`` some of the record's fields.

    ``row`` is there where secrets had to be sealed; all others are made by the writer, if they are needed at all.
    """

    how: str
    mapping: Mapping[Any]
    record: Record
    only: tuple[str, ...] = ()
    row: dict[str, Any] | None = None


_Take = Callable[[Written], tuple[Any, ...]]


class Work(NamedTuple):
    """What one caller wants: changes, and perhaps a transaction number."""

    changes: tuple[Written, ...] = ()
    number: bool = False


def prepare(change: Change, sealer: Sealer) -> Written:
    """Return ``change`` as it is to be written."""
    record = change.record
    mapping = MAPPINGS[type(record)]
    if isinstance(change, Put) and change.only and mapping is not CHECKOUTS and mapping.plain(change.only):
        return Written("renew", mapping, record, change.only)
    return Written(_how(change), mapping, record, row=mapping.row(record, sealer) if mapping.sealed else None)


def _how(change: Change) -> str:
    if isinstance(change, Add):
        return "add"
    if not isinstance(change, Put):
        return "delete"
    if type(change.record) is not CHECKOUTS.kind:
        return "put"
    return "follow" if change.record.version > 1 else "open"


class _Statements:
    """The statements of one table, built once so that their SQL is compiled once."""

    def __init__(self, mapping: Mapping[Any], dialect: str) -> None:
        table = mapping.table
        insert = _INSERTS[dialect](table)
        fields = [column.name for column in mapping.columns if column.name not in mapping.key]
        values = {name: insert.excluded[name] for name in fields}
        self._mapping = mapping
        self._mine = mine = sa.and_(*(table.c[name] == sa.bindparam(f"key_{name}") for name in mapping.key))
        self._renewals: dict[tuple[str, ...], sa.Executable] = {}
        self._prepared: dict[tuple[str, tuple[str, ...]], tuple[Prepared, _Take]] = {}
        self.add: sa.Executable = insert
        self.add_if_new: sa.Executable = insert.on_conflict_do_nothing(index_elements=list(mapping.key))
        self.put: sa.Executable = insert.on_conflict_do_update(index_elements=list(mapping.key), set_=values)
        self.delete: sa.Executable = sa.delete(table).where(mine)
        if mapping is CHECKOUTS:
            # Put of a payment: only on top of the version before it
            self.open: sa.Executable = insert.on_conflict_do_update(
                index_elements=list(mapping.key), set_=values, where=table.c.version == insert.excluded.version - 1
            )
            self.follow: sa.Executable = sa.update(table).where(mine, table.c.version == sa.bindparam("follows"))

    def renew(self, only: tuple[str, ...]) -> sa.Executable:
        """Return the statement that writes some fields of a record that is there: no index is touched for the rest."""
        found = self._renewals.get(only)
        if found is None:
            columns = [column.name for part in self._mapping.renewed(only) for column in part.columns]
            values: dict[str, Any] = {name: sa.bindparam(name) for name in columns}
            found = self._renewals[only] = sa.update(self._mapping.table).where(self._mine).values(values)
        return found

    def prepared(self, first: Written, dialect: sa.Dialect) -> tuple[Prepared, "_Take"]:
        """Return a statement that writes many changes like this one, and what takes its values out of each."""
        name = (first.how, first.only)
        found = self._prepared.get(name)
        if found is None:
            statement: sa.Executable = self.renew(first.only) if first.how == "renew" else getattr(self, first.how)
            prepared = Prepared(statement, dialect, _parameters(first))
            found = self._prepared[name] = prepared, self._taking(prepared.names)
        return found

    def _taking(self, names: tuple[str, ...]) -> "_Take":
        """Return what takes values out of a change: one look into the record, where all of them stand there as such."""
        paths = [self._mapping.paths.get(name.removeprefix("key_")) for name in names]
        if len(paths) > 1 and all(paths):
            return attrgetter(*(f"record.{path}" for path in paths))

        def take(written: Written) -> tuple[Any, ...]:
            row = _parameters(written)
            return tuple(row[name] for name in names)

        return take


class Writer:
    """Writes groups over a connection that has a transaction open, in one database's dialect."""

    def __init__(self, dialect: str) -> None:
        self._statements = {mapping.name: _Statements(mapping, dialect) for mapping in MAPPINGS.values()}
        self._number = sa.insert(NUMBERS).returning(NUMBERS.c.number)

    def together(self, connection: Connection, group: Sequence[Work]) -> list[Any]:
        """Write the whole group; raise whatever the first conflict or failure raises."""
        for written in _runs(group):
            self._write_run(connection, written)
        return [self._numbered(connection, work) for work in group]

    def one_by_one(self, connection: Connection, group: Sequence[Work]) -> list[Any]:
        """Write each one's changes in a savepoint; return its outcome or the exception that is its own."""
        return [self._apart(connection, work) for work in group]

    def _apart(self, connection: Connection, work: Work) -> Any:
        try:
            with connection.begin_nested():
                for written in work.changes:
                    self._write_one(connection, written)
                return self._numbered(connection, work)
        except Conflict as conflict:
            return conflict
        except (SQLAlchemyError, ValueError, OverflowError, AttributeError, TypeError) as error:
            if _may_pass(error):
                raise
            return _refused(error)

    def _numbered(self, connection: Connection, work: Work) -> int | None:
        return connection.execute(self._number).scalar_one() if work.number else None

    def _write_run(self, connection: Connection, run: Sequence[Written]) -> None:
        first = run[0]
        if first.how == "renew":
            # of many that renew the same fields of one record (a counter), what the last one says is what stays
            run = list({key_of(written.record): written for written in run}.values())
        # asyncpg does not tell how many rows a statement for many met, and a row that is not there must be noticed
        blind = first.how == "renew" and not connection.dialect.supports_sane_multi_rowcount
        if first.how in {"open", "follow"} or blind:
            for written in run:
                self._write_one(connection, written)
        elif self._write_rows(connection, first, run) < len(run):
            raise Conflict(first.record)  # one of them is not there; apart we shall see which

    def _write_rows(self, connection: Connection, first: Written, run: Sequence[Written]) -> int:
        """Write what is written as ``first`` is; return how many rows that met, or their number where it must not."""
        if connection.dialect.name == "sqlite":
            prepared, take = self._statements[first.mapping.name].prepared(first, connection.dialect)
            met = prepared.run(connection, map(take, run))
        else:
            rows = [_parameters(written) for written in run]
            met = connection.execute(self._statement(first, first.how), rows).rowcount
        return met if first.how == "renew" else len(run)

    def _write_one(self, connection: Connection, written: Written) -> None:
        how = "add_if_new" if written.how == "add" else written.how
        done = connection.execute(self._statement(written, how), _parameters(written))
        if done.rowcount == 0 and how not in {"put", "delete"}:
            raise Conflict(written.record)

    def _statement(self, written: Written, how: str) -> sa.Executable:
        statements = self._statements[written.mapping.name]
        if how == "renew":
            return statements.renew(written.only)
        statement: sa.Executable = getattr(statements, how)
        return statement


def _runs(group: Sequence[Work]) -> Iterator[list[Written]]:
    """Yield what one statement can write: per table, changes of one kind that follow on each other."""
    changes = sorted((written for work in group for written in work.changes), key=attrgetter("mapping.name"))
    for _, run in groupby(changes, key=attrgetter("mapping.name", "how", "only")):
        yield list(run)


def _parameters(written: Written) -> dict[str, Any]:
    how, mapping = written.how, written.mapping
    if how == "renew":
        return mapping.some(written.record, written.only)
    row = mapping.bare(written.record) if written.row is None else written.row
    if how not in {"delete", "follow"}:
        return row
    keys = {f"key_{name}": row[name] for name in mapping.key}
    return keys if how == "delete" else {**row, **keys, "follows": row["version"] - 1}


def _may_pass(error: Exception) -> bool:
    """Return whether the whole group, tried again, could go through."""
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _TRY_AGAIN


def _refused(error: Exception) -> StoreFailed:
    failed = StoreFailed(f"the database refused a row ({type(error).__name__})")
    failed.__cause__ = error
    return failed
