"""Reading: questions over a database, their rows as records."""

from collections.abc import Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from evouch.store.ports import StoreFailed
from evouch.store.records import Record
from evouch.store.sealing import Sealer
from evouch.store.sql_asking import Family, Pages, Question
from evouch.store.sql_engine import Database

__all__ = ["SqlReading"]

R = TypeVar("R", bound=Record)


class SqlReading:
    """Asks; raises StoreFailed where the database fails, SealBroken where a secret does not open."""

    def __init__(self, database: Database, seal: Sealer) -> None:
        self._database = database
        self._seal = seal

    async def _rows(self, query: sa.Select[Any], **values: Any) -> Sequence[Sequence[Any]]:
        try:
            return await self._database.read(lambda connection: connection.execute(query, values).all())
        except (SQLAlchemyError, OSError) as error:
            raise StoreFailed("the database failed while it was read") from error

    async def _all(self, question: Question[R], **values: Any) -> list[R]:
        rows = await self._rows(question.query, **values)
        return [question.mapping.record(row, self._seal) for row in rows]

    async def _first(self, question: Question[R], **values: Any) -> R | None:
        found = await self._all(question, **values)
        return found[0] if found else None

    async def _some(self, family: Family[R], *, most: int, narrow: bool = False, **values: Any) -> list[R]:
        """Answer the member of a family that these conditions choose; None is no condition."""
        given = _given(values)
        return await self._all(family.member(given, narrow=narrow), **given, most=most)

    async def _page(self, pages: Pages[R], offset: int, limit: int, **values: Any) -> tuple[list[R], int]:
        given = _given(values)
        question, count = pages.member(given)
        [[total]] = await self._rows(count, **given)
        return await self._all(question, **given, most=limit, skip=offset), total


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
