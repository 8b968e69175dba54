"""The tables of an eMSP: its keys, drivers, their vehicles, and what became of their charging."""

from typing import Any, Final

import sqlalchemy as sa

from evouch.autocharge.budget import SignDay
from evouch.charging.tokens import Allowed
from evouch.store.columns import Blob, Choice, Day, Document, Flag, Instant, Int, Str
from evouch.store.mapping import SERIAL_COLUMN, Mapping, money, one, sealed
from evouch.store.records_roaming import (
    ACTIVE_SESSION,
    Car,
    Decision,
    Driver,
    DriverToken,
    EmspSession,
    Enrolment,
    Invoice,
    Notice,
    NoticeState,
    OprfKey,
)
from evouch.store.tables_shared import METADATA, owner, partial, point, quoted

__all__ = [
    "DECISIONS", "DRIVERS", "DRIVER_TOKENS", "EMSP", "EMSP_SESSIONS", "ENROLMENTS", "INVOICES", "NOTICES",
    "OPEN_NOTICE", "OPRF_KEYS", "RUNNING_SESSION", "SIGN_DAYS",
]  # fmt: skip

# Queries and partial indexes share these word for word: SQLite uses such an index only then.
RUNNING_SESSION: Final = sa.text(f"status IN ({quoted(ACTIVE_SESSION)})")
OPEN_NOTICE: Final = sa.text(f"state = '{NoticeState.OPEN}'")

OPRF_KEYS: Final = Mapping(
    METADATA,
    "oprf_keys",
    OprfKey,
    [one("id", Str), sealed("key"), one("created_at", Instant), one("retired_at", Instant, optional=True)],
)

SIGN_DAYS: Final = Mapping(
    METADATA,
    "sign_days",
    SignDay,
    [
        one("partner", Str),
        one("day", Day),
        one("signed", Int),
        one("refused", Int),
        one("invalid", Int),
        one("arrival", Instant, optional=True),
        one("minute", Instant, optional=True),
        one("in_minute", Int),
        one("hours", Document(tuple[int, ...])),
        one("followed", Int),
        one("looks", Int),
        one("excused", Flag),
    ],
)

DRIVERS: Final = Mapping(
    METADATA,
    "drivers",
    Driver,
    [
        one("id", Str),
        one("name", Str),
        one("contract", Str),
        one("language", Str),
        one("login", Blob, optional=True),
        one("opted_in", Flag),
        one("cars", Document(tuple[Car, ...])),
        one("valid_until", Instant, optional=True),
        one("blocked", Flag),
        money("credit", optional=True),
        one("created_at", Instant),
        point("phone", "phone_latitude", "phone_longitude"),
        one("phone_accuracy", Int, optional=True),
        one("phone_at", Instant, optional=True),
    ],
    sa.Index("drivers_by_contract", "contract", SERIAL_COLUMN),
)

DRIVER_TOKENS: Final = Mapping(
    METADATA,
    "driver_tokens",
    DriverToken,
    [
        one("key", Str),
        one("uid", Str),
        one("type", Str),
        one("driver", Str),
        one("contract", Str),
        one("valid", Flag),
        one("whitelist", Str),
        one("visual_number", Str),
        one("last_updated", Instant),
    ],
    sa.Index("driver_tokens_by_driver", "driver", "key"),
    sa.Index("driver_tokens_by_change", "last_updated", SERIAL_COLUMN),
)

ENROLMENTS: Final = Mapping(
    METADATA,
    "enrolments",
    Enrolment,
    [
        one("vid", Str),
        one("driver", Str),
        one("token_uid", Str),
        one("session", Str),
        one("partner", Str),
        one("key", Str),
        one("at", Instant),
        one("rival", Str),
    ],
    sa.Index("enrolments_by_driver", "driver", SERIAL_COLUMN),
)

EMSP_SESSIONS: Final = Mapping(
    METADATA,
    "emsp_sessions",
    EmspSession,
    [
        one("partner", Str),
        one("id", Str),
        one("status", Str),
        one("driver", Str),
        one("contract", Str),
        one("token_uid", Str),
        one("token_type", Str),
        one("vid", Str, optional=True),
        one("reference", Str),
        one("location", Str),
        one("evse", Str),
        point("point", "latitude", "longitude"),
        one("started_at", Instant),
        one("ended_at", Instant, optional=True),
        one("energy", Int),
        one("currency", Str),
        money("cost", optional=True),
        one("last_updated", Instant),
        one("told", Flag),
    ],
    sa.Index("emsp_sessions_by_time", "started_at", SERIAL_COLUMN),
    sa.Index("emsp_sessions_by_vid", "vid", "started_at", SERIAL_COLUMN),
    sa.Index("emsp_sessions_by_contract", "contract", "started_at", SERIAL_COLUMN),
    sa.Index("emsp_sessions_by_driver", "driver", "started_at", SERIAL_COLUMN),
    sa.Index("emsp_sessions_by_reference", "partner", "reference", "started_at", SERIAL_COLUMN),
    partial("emsp_sessions_active", "started_at", SERIAL_COLUMN, where=RUNNING_SESSION),
)

INVOICES: Final = Mapping(
    METADATA,
    "invoices",
    Invoice,
    [
        one("partner", Str),
        owner(),
        one("id", Str),
        one("driver", Str),
        one("contract", Str),
        one("session", Str),
        one("started_at", Instant),
        one("ended_at", Instant),
        one("energy", Int),
        money("total"),
        money("total_with_tax"),
        one("location", Str),
        one("received_at", Instant),
    ],
    sa.Index("invoices_by_time", "received_at", SERIAL_COLUMN),
    sa.Index("invoices_by_driver", "driver", "received_at", SERIAL_COLUMN),
)

DECISIONS: Final = Mapping(
    METADATA,
    "decisions",
    Decision,
    [
        one("id", Str),
        one("at", Instant),
        one("partner", Str),
        one("vid", Str),
        one("contract", Str),
        one("allowed", Choice(Allowed)),
        one("reason", Str),
        one("findings", Document(dict[str, str])),
        one("location", Str),
        one("evses", Document(tuple[str, ...])),
        one("distance_km", Int, optional=True),
        one("reference", Str),
    ],
    sa.Index("decisions_by_time", "at", SERIAL_COLUMN),
    sa.Index("decisions_by_vid", "vid", "at", SERIAL_COLUMN),
    sa.Index("decisions_by_reference", "reference", "at", SERIAL_COLUMN),
)

NOTICES: Final = Mapping(
    METADATA,
    "notices",
    Notice,
    [
        one("id", Str),
        one("driver", Str),
        one("at", Instant),
        one("kind", Str),
        one("vid", Str, optional=True),
        one("partner", Str),
        one("state", Choice(NoticeState)),
        one("expires", Instant, optional=True),
        one("data", Document(dict[str, str])),
    ],
    sa.Index("notices_by_time", "at", SERIAL_COLUMN),
    sa.Index("notices_by_driver", "driver", "at", SERIAL_COLUMN),
    partial("notices_open", "at", SERIAL_COLUMN, where=OPEN_NOTICE),
    partial("notices_open_by_driver", "driver", "at", SERIAL_COLUMN, where=OPEN_NOTICE),
)

EMSP: Final[tuple[Mapping[Any], ...]] = (
    OPRF_KEYS, SIGN_DAYS, DRIVERS, DRIVER_TOKENS, ENROLMENTS, EMSP_SESSIONS, INVOICES, DECISIONS, NOTICES,
)  # fmt: skip
