"""The records of a memory, kept apart from those of its callers, and how they are picked and sorted."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from evouch.store.records import KEYS, Decision, Notice, OcpiObject, Record, StationRecord

__all__ = ["MemoryRecords", "first", "newest", "own", "page"]

R = TypeVar("R", bound=Record)


class MemoryRecords:
    """What a memory holds: per type, key → record, in the order of writing."""

    def __init__(self) -> None:
        self._records: dict[type, dict[Any, Any]] = {kind: {} for kind in KEYS}

    async def records(self, kind: type[R]) -> list[R]:
        """Return everything of one type, in the order of writing: for exports and tests."""
        return self._all(kind)

    def _get(self, kind: type[R], key: Any) -> R | None:
        found: R | None = self._records[kind].get(key)
        return None if found is None else own(found)

    def _all(self, kind: type[R], where: Callable[[R], bool] = lambda _: True) -> list[R]:
        return [own(record) for record in self._records[kind].values() if where(record)]


def own(record: R) -> R:
    """Return a record that shares nothing that can change with the caller's."""
    if isinstance(record, StationRecord):
        return replace(record, settings=dict(record.settings))
    if isinstance(record, OcpiObject):
        return replace(record, body=deepcopy(record.body))
    if isinstance(record, Decision):
        return replace(record, findings=dict(record.findings))
    if isinstance(record, Notice):
        return replace(record, data=dict(record.data))
    return record


def newest(records: Iterable[R], when: Callable[[R], datetime]) -> list[R]:
    """Sort newest first; of equal moments, what was written last comes first."""
    found = sorted(records, key=when)
    found.reverse()
    return found


def first(records: list[R]) -> R | None:
    """Return the first, if there is one."""
    return records[0] if records else None


def page(
    records: Iterable[R], changed: Callable[[R], datetime], between: tuple[datetime | None, datetime | None],
    offset: int, limit: int,
) -> tuple[list[R], int]:  # fmt: skip
    """Return a page of what changed ``between`` two moments, the second one excluded, and how many did in all.

    The oldest change comes first; None is no bound.
    """
    since, until = between
    kept = (one for one in records if since is None or since <= changed(one))
    found = sorted((one for one in kept if until is None or changed(one) < until), key=changed)
    return found[offset : offset + limit], len(found)
