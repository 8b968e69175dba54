"""The few kinds of column that tables are made of: each keeps a value exactly, on both databases.

There is no Numeric, Float or DateTime here, and a test keeps it so: databases round the
first two, each in its own way, and forget the zone of the third. Decimals are text, moments
are integer microseconds since 1970 in UTC, days are their number since 1970, enums are their
text, nested values are JSON.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from evouch import wire

__all__ = [
    "PLAIN_TEXT", "SERIAL", "Blob", "Choice", "Day", "Document", "Exact", "Flag", "Instant", "Int", "Plain", "Str",
]  # fmt: skip

#: Text that sorts by code point on both databases, whatever the server's locale.
PLAIN_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
#: A running number given by the database. SQLite gives one only to a column called INTEGER.
SERIAL: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

Int = sa.BigInteger
Flag = sa.Boolean
Blob = sa.LargeBinary

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY: Final = date(1970, 1, 1)
_MICROSECOND: Final = timedelta(microseconds=1)
#: Largest nested value that is read back: a full inventory of a large station's settings.
_MAX_DOCUMENT: Final = 16 * 1024 * 1024


class Str(TypeDecorator[str]):
    r"""Text. PostgreSQL knows no NUL, so NUL becomes ``\0`` and the backslash ``\\``, on both databases."""

    impl = PLAIN_TEXT
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text as it is stored."""
        if value and ("\\" in value or "\0" in value):
            return value.replace("\\", "\\\\").replace("\0", "\\0")
        return value

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Return the text as it was given."""
        if value and "\\" in value:
            return "\\".join(part.replace("\\0", "\0") for part in value.split("\\\\"))
        return value


class Instant(TypeDecorator[datetime]):
    """A moment, as microseconds since 1970 in UTC. A time without a zone is refused (ValueError)."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return the moment as a number."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a time without a zone cannot be stored"
            raise ValueError(msg)
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return the moment, aware, in UTC."""
        return None if value is None else _EPOCH + value * _MICROSECOND


class Day(TypeDecorator[date]):
    """A day, as its number since 1970."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> int | None:
        """Return the number."""
        return None if value is None else (value - _FIRST_DAY).days

    def process_result_value(self, value: int | None, dialect: Dialect) -> date | None:
        """Return the day."""
        return None if value is None else _FIRST_DAY + timedelta(days=value)


class Exact(TypeDecorator[Decimal]):
    """A decimal number with all its digits, as text."""

    impl = PLAIN_TEXT
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Return the digits."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """Return the number."""
        return None if value is None else Decimal(value)


class Choice(TypeDecorator[StrEnum]):
    """A member of an enum, as its text."""

    impl = PLAIN_TEXT
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        """Return the text."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Return the member."""
        return None if value is None else self.kind(value)


class Document(TypeDecorator[Any]):
    """A nested value (dataclass, tuple, dict) as JSON text; decimals and times inside it are strings."""

    impl = PLAIN_TEXT
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the JSON text."""
        return None if value is None else wire.encode(msgspec.to_builtins(value)).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Return the value."""
        return None if value is None else wire.convert(wire.decode(value, max_bytes=_MAX_DOCUMENT), self.kind)


class Plain(TypeDecorator[Any]):
    """A document of plain values as JSON text, its numbers as they are: ``0.590`` keeps its digits."""

    impl = PLAIN_TEXT
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the JSON text."""
        return None if value is None else wire.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Return the document."""
        return None if value is None else wire.decode(value, max_bytes=_MAX_DOCUMENT)
