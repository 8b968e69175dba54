"""Copies of frozen records, for places that make one per meter reading.

``dataclasses.replace`` calls the constructor of the class with every field by name; here the
fields are carried over as they are, in about half the time.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import fields
from itertools import repeat
from operator import attrgetter, call
from typing import Any, Final, TypeVar

__all__ = ["copier"]

R = TypeVar("R")

_exhaust: Final = deque[Any](maxlen=0).extend


def copier(kind: type[R]) -> Callable[..., R]:
    """Return what copies a ``kind``, some of its fields changed: ``copy(record, field=value)``.

    ``kind`` is a dataclass with slots and without a ``__post_init__``: nothing checks the changes.
    """
    names = tuple(field.name for field in fields(kind))  # type: ignore[arg-type]  # no type says "a dataclass" yet
    setters = {name: getattr(kind, name).__set__ for name in names}
    all_setters = tuple(setters.values())
    read: Callable[[R], tuple[Any, ...]] = attrgetter(*names)

    def copy(record: R, /, **changes: Any) -> R:
        after = object.__new__(kind)
        _exhaust(map(call, all_setters, repeat(after), read(record)))
        for name, value in changes.items():
            setters[name](after, value)
        return after

    return copy
