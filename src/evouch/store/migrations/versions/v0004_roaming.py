"""Roaming: partners and what they exchange, vehicles, charges, and what an eMSP keeps of its drivers."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ACTIVE_CHARGE = "state NOT IN ('completed', 'lapsed', 'replaced')"
_RUNNING_SESSION = "status IN ('ACTIVE', 'PENDING')"
_OPEN_NOTICE = "state = 'open'"


def upgrade() -> None:
    """Add two columns, and the tables with their indexes."""
    op.add_column("stations", _text("site", optional=True))
    op.add_column("transactions", _text("roaming", optional=True))
    _create_tables()
    _create_tables_of_an_emsp()
    _create_indexes()
    _create_indexes_of_an_emsp()


def _create_tables() -> None:
    _table(
        "partners",
        ("id",),
        _text("id"),
        _text("role"),
        _text("name"),
        _text("state"),
        _text("pinned", optional=True),
        _text("parties"),
        _text("versions_url"),
        _text("version"),
        _text("endpoints"),
        _blob("token_out", optional=True),
        _blob("token_in", optional=True),
        _blob("token_previous", optional=True),
        _int("previous_until", optional=True),
        _text("quirks"),
        _int("registered_at", optional=True),
        _int("rotated_at", optional=True),
        _int("evses"),
        _flag("sign_allowed"),
        _text("sign_reason"),
        _int("priority"),
    )
    _table(
        "partner_syncs",
        ("partner", "module"),
        _text("partner"),
        _text("module"),
        _int("dirty_since", optional=True),
        _int("watermark", optional=True),
        _int("succeeded_at", optional=True),
        _int("failed_at", optional=True),
        _text("failure"),
    )
    _table(
        "ocpi_objects",
        ("module", "partner", "owner_country", "owner_party", "id"),
        _text("module"),
        _text("partner"),
        _text("owner_country"),
        _text("owner_party"),
        _text("id"),
        _int("last_updated"),
        _text("body"),
    )
    _table(
        "vehicles",
        ("owner_country", "owner_party", "vid"),
        _text("owner_country"),
        _text("owner_party"),
        _text("vid"),
        _text("contract"),
        _text("status"),
        _int("created"),
        _int("authorized", optional=True),
        _int("revoked", optional=True),
        _int("last_updated", optional=True),
    )
    _table(
        "charges",
        ("id",),
        _text("id"),
        _text("partner"),
        _text("owner_country"),
        _text("owner_party"),
        _text("token_uid"),
        _text("token_type"),
        _text("contract"),
        _text("method"),
        _text("reference", optional=True),
        _text("state"),
        _text("station"),
        _int("evse", optional=True),
        _int("connector", optional=True),
        _text("candidates"),
        _int("at"),
        _int("expires"),
        _int("starts_at", optional=True),
        _text("ocpp_token"),
        _text("token_key", optional=True),
        _int("remote_start", optional=True),
        _text("transaction", optional=True),
        _text("vid", optional=True),
        _text("binding"),
        _text("result_url"),
    )


def _create_tables_of_an_emsp() -> None:
    _table(
        "oprf_keys",
        ("id",),
        _text("id"),
        _blob("key"),
        _int("created_at"),
        _int("retired_at", optional=True),
    )
    _table(
        "sign_days",
        ("partner", "day"),
        _text("partner"),
        _int("day"),
        _int("signed"),
        _int("refused"),
        _int("invalid"),
        _int("arrival", optional=True),
        _int("minute", optional=True),
        _int("in_minute"),
        _text("hours"),
        _int("followed"),
        _int("looks"),
        _flag("excused"),
    )
    _table(
        "drivers",
        ("id",),
        _text("id"),
        _text("name"),
        _text("contract"),
        _text("language"),
        _blob("login", optional=True),
        _flag("opted_in"),
        _text("cars"),
        _int("valid_until", optional=True),
        _flag("blocked"),
        _text("credit", optional=True),
        _text("credit_currency", optional=True),
        _int("created_at"),
        _text("phone_latitude", optional=True),
        _text("phone_longitude", optional=True),
        _int("phone_accuracy", optional=True),
        _int("phone_at", optional=True),
    )
    _table(
        "driver_tokens",
        ("key",),
        _text("key"),
        _text("uid"),
        _text("type"),
        _text("driver"),
        _text("contract"),
        _flag("valid"),
        _text("whitelist"),
        _text("visual_number"),
        _int("last_updated"),
    )
    _table(
        "enrolments",
        ("vid",),
        _text("vid"),
        _text("driver"),
        _text("token_uid"),
        _text("session"),
        _text("partner"),
        _text("key"),
        _int("at"),
        _text("rival"),
    )
    _table(
        "emsp_sessions",
        ("partner", "id"),
        _text("partner"),
        _text("id"),
        _text("status"),
        _text("driver"),
        _text("contract"),
        _text("token_uid"),
        _text("token_type"),
        _text("vid", optional=True),
        _text("reference"),
        _text("location"),
        _text("evse"),
        _text("latitude", optional=True),
        _text("longitude", optional=True),
        _int("started_at"),
        _int("ended_at", optional=True),
        _int("energy"),
        _text("currency"),
        _text("cost", optional=True),
        _text("cost_currency", optional=True),
        _int("last_updated"),
        _flag("told"),
    )
    _table(
        "invoices",
        ("partner", "owner_country", "owner_party", "id"),
        _text("partner"),
        _text("owner_country"),
        _text("owner_party"),
        _text("id"),
        _text("driver"),
        _text("contract"),
        _text("session"),
        _int("started_at"),
        _int("ended_at"),
        _int("energy"),
        _text("total"),
        _text("total_currency"),
        _text("total_with_tax"),
        _text("total_with_tax_currency"),
        _text("location"),
        _int("received_at"),
    )
    _table(
        "decisions",
        ("id",),
        _text("id"),
        _int("at"),
        _text("partner"),
        _text("vid"),
        _text("contract"),
        _text("allowed"),
        _text("reason"),
        _text("findings"),
        _text("location"),
        _text("evses"),
        _int("distance_km", optional=True),
        _text("reference"),
    )
    _table(
        "notices",
        ("id",),
        _text("id"),
        _text("driver"),
        _int("at"),
        _text("kind"),
        _text("vid", optional=True),
        _text("partner"),
        _text("state"),
        _int("expires", optional=True),
        _text("data"),
    )


def _create_indexes() -> None:
    _index("ocpi_objects_by_change", "ocpi_objects", ["module", "last_updated", "written"])
    _index("ocpi_objects_by_id", "ocpi_objects", ["module", "id", "written"])
    _index("ocpi_objects_of_partner", "ocpi_objects", ["module", "partner", "last_updated", "written"])
    _index("vehicles_by_change", "vehicles", ["last_updated", "written"])
    _index("vehicles_by_contract", "vehicles", ["contract", "written"])
    _index("vehicles_by_vid", "vehicles", ["vid"])
    _index("charges_active", "charges", ["at", "written"], where=_ACTIVE_CHARGE)
    _index("charges_by_time", "charges", ["at", "written"])
    _index("charges_by_token", "charges", ["token_key", "at", "written"])
    _index("charges_by_transaction", "charges", ["station", "transaction", "at", "written"])


def _create_indexes_of_an_emsp() -> None:
    _index("drivers_by_contract", "drivers", ["contract", "written"])
    _index("driver_tokens_by_change", "driver_tokens", ["last_updated", "written"])
    _index("driver_tokens_by_driver", "driver_tokens", ["driver", "key"])
    _index("enrolments_by_driver", "enrolments", ["driver", "written"])
    _index("emsp_sessions_active", "emsp_sessions", ["started_at", "written"], where=_RUNNING_SESSION)
    _index("emsp_sessions_by_contract", "emsp_sessions", ["contract", "started_at", "written"])
    _index("emsp_sessions_by_driver", "emsp_sessions", ["driver", "started_at", "written"])
    _index("emsp_sessions_by_reference", "emsp_sessions", ["partner", "reference", "started_at", "written"])
    _index("emsp_sessions_by_time", "emsp_sessions", ["started_at", "written"])
    _index("emsp_sessions_by_vid", "emsp_sessions", ["vid", "started_at", "written"])
    _index("invoices_by_driver", "invoices", ["driver", "received_at", "written"])
    _index("invoices_by_time", "invoices", ["received_at", "written"])
    _index("decisions_by_reference", "decisions", ["reference", "at", "written"])
    _index("decisions_by_time", "decisions", ["at", "written"])
    _index("decisions_by_vid", "decisions", ["vid", "at", "written"])
    _index("notices_by_driver", "notices", ["driver", "at", "written"])
    _index("notices_by_time", "notices", ["at", "written"])
    _index("notices_open", "notices", ["at", "written"], where=_OPEN_NOTICE)
    _index("notices_open_by_driver", "notices", ["driver", "at", "written"], where=_OPEN_NOTICE)


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
