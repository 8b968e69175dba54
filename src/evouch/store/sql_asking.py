"""How questions become queries, each built once. Parameters are called like the columns that they are compared with.

``most`` is the largest number of rows, ``skip`` how many are passed over; ``since`` is the first
moment that counts, ``until`` the first that counts no more.
"""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa

from evouch.store.mapping import SERIAL_COLUMN, Mapping
from evouch.store.records import Record

__all__ = ["Family", "Pages", "Question", "ask"]

R = TypeVar("R", bound=Record)

_MOST: Final = sa.bindparam("most", type_=sa.Integer)
_SKIP: Final = sa.bindparam("skip", type_=sa.Integer)


@dataclass(frozen=True, slots=True)
class Question(Generic[R]):
    """A query and the mapping that its rows are read with."""

    mapping: Mapping[R]
    query: sa.Select[Any]


def ask(
    mapping: Mapping[R],
    *equal: str,
    order: tuple[str, ...] = (),
    newest: str = "",
    where: sa.TextClause | None = None,
    limited: bool = False,
) -> Question[R]:
    """Rows whose columns ``equal`` the parameters of their names; ``newest`` first and at most ``most``, or in order.

    Of equal moments, what was written last is the newest.
    """
    c = mapping.c
    query = sa.select(*mapping.columns).where(*(c[name] == sa.bindparam(name) for name in equal))
    if where is not None:
        query = query.where(where)
    if newest:
        return Question(mapping, query.order_by(c[newest].desc(), c[SERIAL_COLUMN].desc()).limit(_MOST))
    query = query.order_by(*(c[name] for name in order))
    return Question(mapping, query.limit(_MOST) if limited else query)


@dataclass(frozen=True, slots=True, eq=False)
class Family(Generic[R]):
    """A question whose conditions may be left out, newest first; each of its members is built when first asked.

    A parameter is a column or ``since``, of the moment that sorts. ``narrow`` is a condition that
    an index is made for.
    """

    mapping: Mapping[R]
    newest: str
    narrow: sa.TextClause | None = None

    def member(self, given: Collection[str], *, narrow: bool = False) -> Question[R]:
        """Return the question with these parameters."""
        return _member(self, frozenset(given), narrow)


@cache
def _member(family: Family[Any], given: frozenset[str], narrow: bool) -> Question[Any]:  # noqa: FBT001 — a key
    where = family.narrow if narrow else None
    question = ask(family.mapping, *sorted(given - {"since"}), newest=family.newest, where=where)
    return Question(family.mapping, _between(question.query, family.mapping.c[family.newest], given))


@dataclass(frozen=True, slots=True, eq=False)
class Pages(Generic[R]):
    """Pages by the moment of the last change, oldest first; of equal moments, what was first written."""

    mapping: Mapping[R]
    change: str

    def member(self, given: Collection[str]) -> tuple[Question[R], sa.Select[Any]]:
        """Return the question with these parameters, and that for how many there are in all."""
        return _page(self, frozenset(given))


@cache
def _page(pages: Pages[Any], given: frozenset[str]) -> tuple[Question[Any], sa.Select[Any]]:
    c = pages.mapping.c
    equal = [c[name] == sa.bindparam(name) for name in sorted(given - {"since", "until"})]
    some = _between(sa.select(*pages.mapping.columns).where(*equal), c[pages.change], given)
    query = some.order_by(c[pages.change], c[SERIAL_COLUMN]).limit(_MOST).offset(_SKIP)
    count = _between(sa.select(sa.func.count()).select_from(pages.mapping.table).where(*equal), c[pages.change], given)
    return Question(pages.mapping, query), count


def _between(query: sa.Select[Any], moment: sa.Column[Any], given: frozenset[str]) -> sa.Select[Any]:
    if "since" in given:
        query = query.where(moment >= sa.bindparam("since"))
    if "until" in given:
        query = query.where(moment < sa.bindparam("until"))
    return query
