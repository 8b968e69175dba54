"""How a record becomes a row and a row a record: one part per field, each with its columns.

A field is one column, or several (a place is a station and an EVSE; money is digits and a
currency), or a sealed one. A column that only serves a query is derived from the record and
never read back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from evouch import wire
from evouch.store.columns import SERIAL, Blob, Exact, Str
from evouch.store.records import KEYS, Record
from evouch.store.sealing import Sealer
from evouch.units import Money

__all__ = ["SERIAL_COLUMN", "Kind", "Mapping", "Part", "derived", "money", "one", "sealed", "spread"]

R = TypeVar("R", bound=Record)
#: A kind of column, as :mod:`evouch.store.columns` names them.
Kind = TypeEngine[Any] | type[TypeEngine[Any]]

#: The order of writing, which sorts what happened at the same moment.
SERIAL_COLUMN: Final = "written"


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a record and the columns that hold it."""

    #: None: derived, never read back
    attribute: str | None
    columns: tuple[sa.Column[Any], ...]
    apart: Callable[[Any], tuple[Any, ...]]
    together: Callable[..., Any]
    sealed: bool = False
    #: where in the record the columns' values stand as they are; none where they have to be made
    paths: tuple[str, ...] = ()


def one(attribute: str, kind: Kind, *, optional: bool = False) -> Part:
    """A field that is a column."""
    return Part(attribute, (sa.Column(attribute, kind, nullable=optional),), _single, _itself, paths=(attribute,))


def sealed(attribute: str, *, optional: bool = False) -> Part:
    """A :class:`~evouch.ids.Secret`, encrypted for its row."""
    column: sa.Column[Any] = sa.Column(attribute, Blob, nullable=optional)
    return Part(attribute, (column,), _single, _itself, sealed=True)


def spread(attribute: str, cls: type, columns: dict[str, tuple[str, Kind]], *, optional: bool = False) -> Part:
    """A dataclass whose fields are columns: name of the column → field and kind. All NULL is None."""
    names = [field for field, _ in columns.values()]
    nullable = {field.name: field.default is None for field in fields(cls)}
    nothing = (None,) * len(names)
    read: Callable[[Any], tuple[Any, ...]] = attrgetter(*names)

    def apart(value: Any) -> tuple[Any, ...]:
        return nothing if value is None else read(value)

    def together(*values: Any) -> Any:
        if optional and all(value is None for value in values):
            return None
        return cls(**dict(zip(names, values, strict=True)))

    made = tuple(sa.Column(name, kind, nullable=optional or nullable[field]) for name, (field, kind) in columns.items())
    return Part(attribute, made, apart, together, paths=() if optional else tuple(f"{attribute}.{n}" for n in names))


def money(attribute: str, *, optional: bool = False) -> Part:
    """Money: its exact digits and its currency."""
    columns: dict[str, tuple[str, Kind]] = {
        attribute: ("amount", Exact),
        f"{attribute}_currency": ("currency", Str),
    }
    return spread(attribute, Money, columns, optional=optional)


def derived(name: str, kind: Kind, read: Callable[[Any], Any]) -> Part:
    """A column that only serves a query: ``read(record)``."""
    return Part(None, (sa.Column(name, kind, nullable=True),), lambda record: (read(record),), _itself)


class Mapping(Generic[R]):
    """A record type and its table. ``c`` is the table's columns by name."""

    def __init__(
        self, metadata: sa.MetaData, name: str, kind: type[R], parts: Sequence[Part], *indexes: sa.Index
    ) -> None:
        self.name = name
        self.kind = kind
        self.parts = tuple(parts)
        #: fields that are sealed; each is one column of its own name
        self.sealed = tuple(part.attribute for part in parts if part.sealed and part.attribute)
        self.key = tuple(_columns_of(parts, KEYS[kind]))
        columns = [column for part in parts for column in part.columns]
        serial: sa.Column[Any] = sa.Column(SERIAL_COLUMN, SERIAL, primary_key=True, autoincrement=True)
        unique = sa.UniqueConstraint(*self.key, name=f"{name}_key")
        self.table = sa.Table(name, metadata, serial, *columns, unique, *indexes, implicit_returning=False)
        self.c = self.table.c
        self.columns = tuple(self.c[column.name] for column in columns)
        self._names = tuple(column.name for column in columns)
        #: column → path of its value in a record, of the columns that have one
        self.paths: dict[str, str] = {}
        for part in parts:
            if part.paths:
                self.paths.update(zip((column.name for column in part.columns), part.paths, strict=True))
        self._chosen: dict[tuple[str, ...], tuple[tuple[str, ...], list[Part]]] = {}

    def row(self, record: R, sealer: Sealer) -> dict[str, Any]:
        """Return the column values of ``record``, secrets sealed."""
        row = self.bare(record)
        for name in self.sealed:
            if row[name] is not None:
                row[name] = sealer.seal(row[name], self.context(row, name))
        return row

    def bare(self, record: R) -> dict[str, Any]:
        """Return the column values of ``record``, secrets as they are."""
        values: list[Any] = []
        for part in self.parts:
            values += part.apart(record if part.attribute is None else getattr(record, part.attribute))
        return dict(zip(self._names, values, strict=True))

    def some(self, record: R, attributes: tuple[str, ...]) -> dict[str, Any]:
        """Return the column values of some fields of ``record``, none of them sealed, and of its key as ``key_…``."""
        names, chosen = self._chosen.get(attributes) or self._choose(attributes)
        values: list[Any] = []
        for part in chosen:
            values += part.apart(record if part.attribute is None else getattr(record, part.attribute))
        return dict(zip(names, values, strict=True))

    def plain(self, attributes: tuple[str, ...]) -> bool:
        """Return whether none of these fields is sealed."""
        return not set(attributes) & set(self.sealed)

    def renewed(self, attributes: tuple[str, ...]) -> list[Part]:
        """Return the parts that some fields live in, and those that may be derived from them."""
        return [part for part in self.parts if part.attribute is None or part.attribute in attributes]

    def _choose(self, attributes: tuple[str, ...]) -> tuple[tuple[str, ...], list[Part]]:
        fields = self.renewed(attributes)
        keys = [part for part in self.parts if part.attribute in KEYS[self.kind]]
        names = [column.name for part in fields for column in part.columns]
        names += [f"key_{column.name}" for part in keys for column in part.columns]
        chosen = self._chosen[attributes] = (tuple(names), fields + keys)
        return chosen

    def record(self, values: Sequence[Any], sealer: Sealer) -> R:
        """Return the record whose ``columns`` have these values; raise SealBroken where a secret does not open."""
        read: dict[str, Any] = {}
        at = 0
        for part in self.parts:
            end = at + len(part.columns)
            if part.attribute is not None:
                read[part.attribute] = part.together(*values[at:end])
            at = end
        for name in self.sealed:
            if read[name] is not None:
                context = self.context(dict(zip(self._names, values, strict=True)), name)
                read[name] = sealer.open(read[name], context)
        return self.kind(**read)

    def context(self, row: dict[str, Any], column: str) -> bytes:
        """Return what a sealed secret is bound to: table, column and key."""
        return wire.encode([self.name, column, *(row[name] for name in self.key)])


def _columns_of(parts: Sequence[Part], attributes: Sequence[str]) -> list[str]:
    by_name = {part.attribute: part for part in parts}
    return [column.name for attribute in attributes for column in by_name[attribute].columns]


def _single(value: Any) -> tuple[Any, ...]:
    return (value,)


def _itself(value: Any) -> Any:
    return value
