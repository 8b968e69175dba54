"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create all tables and their indexes."""
    op.create_table("numbers", sa.Column("number", sa.Integer(), primary_key=True), sqlite_autoincrement=True)
    _create_tables()
    _create_indexes()


def _create_tables() -> None:
    _table(
        "stations",
        ("id",),
        _text("id"),
        _blob("password", optional=True),
        _text("name"),
        _text("address"),
        _text("evses"),
        _flag("hold_boot"),
        _flag("blocked"),
        _text("version", optional=True),
        _text("vendor"),
        _text("model"),
        _text("serial"),
        _text("firmware"),
        _int("booted_at", optional=True),
        _text("settings"),
    )
    _table(
        "qr_keys",
        ("station", "evse"),
        _text("station"),
        _int("evse"),
        _blob("secret"),
        _text("template"),
        _text("totp_version"),
        _int("validity"),
        _int("length"),
        _int("committed_at", optional=True),
        _flag("reboot_pending"),
        _blob("previous", optional=True),
        _text("parameters"),
    )
    _table(
        "tokens",
        ("key",),
        _text("key"),
        _text("kind"),
        _text("status"),
        _int("expires", optional=True),
        _text("group", optional=True),
        _text("note"),
    )
    _table(
        "transactions",
        ("station", "id"),
        _text("station"),
        _text("id"),
        _int("evse"),
        _int("connector", optional=True),
        _text("state"),
        _int("started_at"),
        _text("start_key"),
        _text("token", optional=True),
        _text("token_kind", optional=True),
        _text("status"),
        _int("remote_start", optional=True),
        _text("payment", optional=True),
        _int("meter_start", optional=True),
        _int("meter_last", optional=True),
        _int("last_at", optional=True),
        _int("last_seq", optional=True),
        _int("ended_at", optional=True),
        _text("reason"),
        _int("number"),
    )
    _table(
        "samples",
        ("station", "transaction", "number"),
        _text("station"),
        _text("transaction"),
        _int("number"),
        _int("at"),
        _int("energy", optional=True),
        _int("power", optional=True),
        _text("soc", optional=True),
        _text("context"),
        _text("spelling"),
    )
    _table(
        "codes",
        ("station", "evse", "slot"),
        _text("station"),
        _int("evse"),
        _int("slot"),
        _text("payment"),
        _int("at"),
    )
    _table(
        "checkouts",
        ("payment",),
        _text("payment"),
        _text("station"),
        _int("evse"),
        _int("connector"),
        _int("slot"),
        _text("grant"),
        _text("state"),
        _int("created_at"),
        _text("tariff"),
        _text("hold"),
        _text("hold_currency"),
        _text("limit"),
        _int("lock_until"),
        _text("steps"),
        _int("version"),
        _int("attempts"),
        _text("psp_ref"),
        _text("pay_url"),
        _text("card_brand"),
        _text("card_last4"),
        _int("capture_before", optional=True),
        _text("token", optional=True),
        _text("token_kind", optional=True),
        _text("token_key", optional=True),
        _int("remote_start", optional=True),
        _int("plug_until", optional=True),
        _text("transaction", optional=True),
        _int("started_at", optional=True),
        _int("ended_at", optional=True),
        _int("energy"),
        _int("seconds"),
        _text("cost", optional=True),
        _text("cost_currency", optional=True),
        _text("captured", optional=True),
        _text("captured_currency", optional=True),
        _text("reason"),
    )
    _table(
        "entries",
        ("id",),
        _text("id"),
        _text("payment"),
        _int("at"),
        _text("debit"),
        _text("credit"),
        _text("amount"),
        _text("amount_currency"),
        _text("memo"),
    )
    _table(
        "intents",
        ("key",),
        _text("key"),
        _text("payment"),
        _text("movement"),
        _text("amount"),
        _text("amount_currency"),
        _int("at"),
        _int("done_at", optional=True),
        _text("outcome"),
    )
    _table(
        "provider_events",
        ("provider", "event_id"),
        _text("provider"),
        _text("event_id"),
        _int("at"),
    )
    _table(
        "audit",
        ("id",),
        _text("id"),
        _int("at"),
        _text("actor"),
        _text("action"),
        _text("subject"),
        _text("detail"),
    )
    _table(
        "security_events",
        ("id",),
        _text("id"),
        _int("at"),
        _text("kind"),
        _text("station", optional=True),
        _text("detail"),
    )
    _table(
        "operators",
        ("name",),
        _text("name"),
        _text("password"),
        _text("role"),
    )
    _table(
        "api_tokens",
        ("digest",),
        _blob("digest"),
        _text("name"),
        _text("role"),
    )


def _create_indexes() -> None:
    _index("transactions_active", "transactions", ["started_at", "written"], where="state != 'ended'")
    _index("transactions_by_start", "transactions", ["station", "start_key", "started_at", "written"])
    _index("transactions_by_station", "transactions", ["station", "started_at", "written"])
    _index("transactions_by_time", "transactions", ["started_at", "written"])
    _index(
        "checkouts_active",
        "checkouts",
        ["created_at", "written"],
        where="state NOT IN ('ABANDONED', 'RELEASED', 'SETTLED')",
    )
    _index("checkouts_by_psp_ref", "checkouts", ["psp_ref", "created_at", "written"])
    _index("checkouts_by_remote_start", "checkouts", ["station", "remote_start", "created_at", "written"])
    _index("checkouts_by_time", "checkouts", ["created_at", "written"])
    _index("checkouts_by_token", "checkouts", ["token_key", "created_at", "written"])
    _index("entries_by_payment", "entries", ["payment", "written"])
    _index("intents_by_payment", "intents", ["payment", "written"])
    _index("intents_open", "intents", ["written"], where="done_at IS NULL")
    _index("audit_by_time", "audit", ["at", "written"])
    _index("security_events_by_time", "security_events", ["at", "written"])


def _table(name: str, key: tuple[str, ...], *columns: sa.Column[Any]) -> None:
    serial: sa.Column[Any] = sa.Column("written", _SERIAL, primary_key=True, autoincrement=True)
    op.create_table(name, serial, *columns, sa.UniqueConstraint(*key, name=f"{name}_key"))


def _index(name: str, table: str, columns: list[str], where: str | None = None) -> None:
    condition = sa.text(where) if where else None
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)


def _text(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, _TEXT, nullable=optional)


def _int(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=optional)


def _flag(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), nullable=optional)


def _blob(name: str, *, optional: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.LargeBinary(), nullable=optional)
