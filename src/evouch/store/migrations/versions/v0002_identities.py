"""Who stations are: their identities, what the unproven sent, and what is known of each station's proofs."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("state IN ('held', 'kept')")


def upgrade() -> None:
    """Add the columns of stations, and two tables with their indexes."""
    op.add_column("stations", sa.Column("trusted", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("stations", _int("enrol_until", optional=True))
    op.add_column("stations", sa.Column("profile", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("stations", sa.Column("certificate_name", _TEXT, nullable=False, server_default=""))
    op.add_column("stations", _text("unable", optional=True))
    _create_tables()
    op.create_index("quarantine_by_station", "quarantine", ["station", "written"])
    _partial_index("quarantine_open", ["written"])
    _partial_index("quarantine_open_by_station", ["station", "written"])


def _create_tables() -> None:
    _table(
        "identities",
        ("material",),
        _text("id"),
        _text("station"),
        _text("kind"),
        _text("material"),
        _text("key"),
        _text("status"),
        _int("enrolled_at"),
        _text("enrolled_by"),
        _int("not_before", optional=True),
        _int("not_after", optional=True),
        _text("signing", optional=True),
        _int("first_proven_at", optional=True),
        _int("revoked_at", optional=True),
    )
    _table(
        "quarantine",
        ("id",),
        _text("id"),
        _text("station"),
        _text("connection"),
        _text("version"),
        _int("received_at"),
        _text("action"),
        sa.Column("frame", sa.LargeBinary(), nullable=False),
        _text("state"),
    )


def _table(name: str, key: tuple[str, ...], *columns: sa.Column[Any]) -> None:
    serial: sa.Column[Any] = sa.Column("written", _SERIAL, primary_key=True, autoincrement=True)
    op.create_table(name, serial, *columns, sa.UniqueConstraint(*key, name=f"{name}_key"))


def _partial_index(name: str, columns: list[str]) -> None:
    op.create_index(name, "quarantine", columns, sqlite_where=_OPEN, postgresql_where=_OPEN)


def _text(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _TEXT, nullable=optional)


def _int(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=optional)
