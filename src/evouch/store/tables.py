"""The tables, one per record type. A test proves that every field of every record has its place here.

Those of roaming stand in :mod:`evouch.store.tables_roaming` and :mod:`evouch.store.tables_emsp`.
Each table has a running number (the order of writing), its record's key as a unique
constraint, and an index for each question in :mod:`evouch.store.ports`. A change here needs
a migration beside it; a test compares the two.
"""

from typing import Any, Final

import sqlalchemy as sa

from evouch.charging.dialogue import Reading
from evouch.charging.equipment import Evse
from evouch.charging.geo import Site
from evouch.charging.sessions import SessionState
from evouch.charging.tariffs import Tariff
from evouch.charging.tokens import Limit, TokenKind, TokenStatus
from evouch.identity.enrolment import Identity, IdentityKind, IdentityStatus, SigningInput
from evouch.store.columns import Blob, Choice, Document, Exact, Flag, Instant, Int, Str
from evouch.store.mapping import SERIAL_COLUMN, Mapping, derived, money, one, sealed, spread
from evouch.store.records import (
    ApiToken,
    AuditRow,
    Code,
    Entry,
    Intent,
    Operator,
    ProviderEvent,
    QrKey,
    Quarantined,
    QuarantineState,
    Sample,
    SecurityEvent,
    StationRecord,
    TokenRecord,
    Transaction,
)
from evouch.store.tables_emsp import EMSP
from evouch.store.tables_roaming import ROAMING
from evouch.store.tables_shared import METADATA, partial, place, quoted, token
from evouch.webpayment.checkout import FINAL, Checkout, State, Step

__all__ = ["ACTIVE_CHECKOUT", "ACTIVE_TRANSACTION", "MAPPINGS", "METADATA", "NUMBERS", "OPEN_INTENT", "OPEN_QUARANTINE"]

# Conditions that queries and partial indexes share word for word: SQLite uses such an index only then.
ACTIVE_TRANSACTION: Final = sa.text(f"state != '{SessionState.ENDED}'")
ACTIVE_CHECKOUT: Final = sa.text(f"state NOT IN ({quoted(FINAL)})")
OPEN_INTENT: Final = sa.text("done_at IS NULL")
OPEN_QUARANTINE: Final = sa.text(f"state IN ('{QuarantineState.HELD}', '{QuarantineState.KEPT}')")


STATIONS: Final = Mapping(
    METADATA,
    "stations",
    StationRecord,
    [
        one("id", Str),
        one("password", Blob, optional=True),
        one("name", Str),
        one("address", Str),
        one("evses", Document(tuple[Evse, ...])),
        one("hold_boot", Flag),
        one("blocked", Flag),
        one("version", Str, optional=True),
        one("vendor", Str),
        one("model", Str),
        one("serial", Str),
        one("firmware", Str),
        one("booted_at", Instant, optional=True),
        one("settings", Document(dict[str, str])),
        one("trusted", Flag),
        one("enrol_until", Instant, optional=True),
        one("profile", Int),
        one("certificate_name", Str),
        one("unable", Str, optional=True),
        one("site", Document(Site), optional=True),
    ],
)

QR_KEYS: Final = Mapping(
    METADATA,
    "qr_keys",
    QrKey,
    [
        place(),
        sealed("secret"),
        one("template", Str),
        one("totp_version", Str),
        one("validity", Int),
        one("length", Int),
        one("committed_at", Instant, optional=True),
        one("reboot_pending", Flag),
        sealed("previous", optional=True),
        one("parameters", Document(tuple[str, ...])),
    ],
)

TOKENS: Final = Mapping(
    METADATA,
    "tokens",
    TokenRecord,
    [
        one("key", Str),
        one("kind", Choice(TokenKind)),
        one("status", Choice(TokenStatus)),
        one("expires", Instant, optional=True),
        one("group", Str, optional=True),
        one("note", Str),
    ],
)

TRANSACTIONS: Final = Mapping(
    METADATA,
    "transactions",
    Transaction,
    [
        one("station", Str),
        one("id", Str),
        one("evse", Int),
        one("connector", Int, optional=True),
        one("state", Choice(SessionState)),
        one("started_at", Instant),
        one("start_key", Str),
        token(),
        one("status", Choice(TokenStatus)),
        one("remote_start", Int, optional=True),
        one("payment", Str, optional=True),
        one("roaming", Str, optional=True),
        one("meter_start", Int, optional=True),
        one("meter_last", Int, optional=True),
        one("last_at", Instant, optional=True),
        one("last_seq", Int, optional=True),
        one("ended_at", Instant, optional=True),
        one("reason", Str),
        one("number", Int),
    ],
    sa.Index("transactions_by_start", "station", "start_key", "started_at", SERIAL_COLUMN),
    sa.Index("transactions_by_time", "started_at", SERIAL_COLUMN),
    sa.Index("transactions_by_station", "station", "started_at", SERIAL_COLUMN),
    partial("transactions_active", "started_at", SERIAL_COLUMN, where=ACTIVE_TRANSACTION),
)

SAMPLES: Final = Mapping(
    METADATA,
    "samples",
    Sample,
    [
        one("station", Str),
        one("transaction", Str),
        one("number", Int),
        spread(
            "reading",
            Reading,
            {
                "at": ("at", Instant),
                "energy": ("energy", Int),
                "power": ("power", Int),
                "soc": ("soc", Exact),
                "context": ("context", Str),
                "spelling": ("spelling", Str),
            },
        ),
    ],
)

CODES: Final = Mapping(METADATA, "codes", Code, [place(), one("slot", Int), one("payment", Str), one("at", Instant)])

CHECKOUTS: Final = Mapping(
    METADATA,
    "checkouts",
    Checkout,
    [
        one("payment", Str),
        place(),
        one("connector", Int),
        one("slot", Int),
        one("grant", Str),
        one("state", Choice(State)),
        one("created_at", Instant),
        one("tariff", Document(Tariff)),
        money("hold"),
        one("limit", Document(Limit)),
        one("lock_until", Instant),
        one("steps", Document(tuple[Step, ...])),
        one("version", Int),
        one("attempts", Int),
        one("psp_ref", Str),
        one("pay_url", Str),
        one("card_brand", Str),
        one("card_last4", Str),
        one("capture_before", Instant, optional=True),
        token(),
        derived("token_key", Str, lambda checkout: checkout.token and checkout.token.key),
        one("remote_start", Int, optional=True),
        one("plug_until", Instant, optional=True),
        one("transaction", Str, optional=True),
        one("started_at", Instant, optional=True),
        one("ended_at", Instant, optional=True),
        one("energy", Int),
        one("seconds", Int),
        money("cost", optional=True),
        money("captured", optional=True),
        one("reason", Str),
    ],
    sa.Index("checkouts_by_psp_ref", "psp_ref", "created_at", SERIAL_COLUMN),
    sa.Index("checkouts_by_token", "token_key", "created_at", SERIAL_COLUMN),
    sa.Index("checkouts_by_remote_start", "station", "remote_start", "created_at", SERIAL_COLUMN),
    sa.Index("checkouts_by_time", "created_at", SERIAL_COLUMN),
    partial("checkouts_active", "created_at", SERIAL_COLUMN, where=ACTIVE_CHECKOUT),
)

ENTRIES: Final = Mapping(
    METADATA,
    "entries",
    Entry,
    [
        one("id", Str),
        one("payment", Str),
        one("at", Instant),
        one("debit", Str),
        one("credit", Str),
        money("amount"),
        one("memo", Str),
    ],
    sa.Index("entries_by_payment", "payment", SERIAL_COLUMN),
)

INTENTS: Final = Mapping(
    METADATA,
    "intents",
    Intent,
    [
        one("key", Str),
        one("payment", Str),
        one("movement", Str),
        money("amount"),
        one("at", Instant),
        one("done_at", Instant, optional=True),
        one("outcome", Str),
    ],
    sa.Index("intents_by_payment", "payment", SERIAL_COLUMN),
    partial("intents_open", SERIAL_COLUMN, where=OPEN_INTENT),
)

PROVIDER_EVENTS: Final = Mapping(
    METADATA, "provider_events", ProviderEvent, [one("provider", Str), one("event_id", Str), one("at", Instant)]
)

AUDIT: Final = Mapping(
    METADATA,
    "audit",
    AuditRow,
    [
        one("id", Str),
        one("at", Instant),
        one("actor", Str),
        one("action", Str),
        one("subject", Str),
        one("detail", Str),
    ],
    sa.Index("audit_by_time", "at", SERIAL_COLUMN),
)

SECURITY_EVENTS: Final = Mapping(
    METADATA,
    "security_events",
    SecurityEvent,
    [one("id", Str), one("at", Instant), one("kind", Str), one("station", Str, optional=True), one("detail", Str)],
    sa.Index("security_events_by_time", "at", SERIAL_COLUMN),
)

OPERATORS: Final = Mapping(METADATA, "operators", Operator, [one("name", Str), one("password", Str), one("role", Str)])

API_TOKENS: Final = Mapping(METADATA, "api_tokens", ApiToken, [one("digest", Blob), one("name", Str), one("role", Str)])

IDENTITIES: Final = Mapping(
    METADATA,
    "identities",
    Identity,
    [
        one("id", Str),
        one("station", Str),
        one("kind", Choice(IdentityKind)),
        one("material", Str),
        one("key", Str),
        one("status", Choice(IdentityStatus)),
        one("enrolled_at", Instant),
        one("enrolled_by", Str),
        one("not_before", Instant, optional=True),
        one("not_after", Instant, optional=True),
        one("signing", Choice(SigningInput), optional=True),
        one("first_proven_at", Instant, optional=True),
        one("revoked_at", Instant, optional=True),
    ],
)

QUARANTINE: Final = Mapping(
    METADATA,
    "quarantine",
    Quarantined,
    [
        one("id", Str),
        one("station", Str),
        one("connection", Str),
        one("version", Str),
        one("received_at", Instant),
        one("action", Str),
        one("frame", Blob),
        one("state", Choice(QuarantineState)),
        one("address", Str),
    ],
    sa.Index("quarantine_by_station", "station", SERIAL_COLUMN),
    partial("quarantine_open", SERIAL_COLUMN, where=OPEN_QUARANTINE),
    partial("quarantine_open_by_station", "station", SERIAL_COLUMN, where=OPEN_QUARANTINE),
    partial("quarantine_open_by_address", "station", "address", where=OPEN_QUARANTINE),
)

#: One row per transaction number ever given. The database never gives one twice, on any node;
#: PostgreSQL refuses the first that would not fit the int32 of a 1.6 transactionId.
NUMBERS: Final = sa.Table(
    "numbers",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sqlite_autoincrement=True,
)

_ALL: Final[tuple[Mapping[Any], ...]] = (
    STATIONS, QR_KEYS, TOKENS, TRANSACTIONS, SAMPLES, CODES, CHECKOUTS, ENTRIES, INTENTS, PROVIDER_EVENTS,
    AUDIT, SECURITY_EVENTS, OPERATORS, API_TOKENS, IDENTITIES, QUARANTINE, *ROAMING, *EMSP,
)  # fmt: skip
MAPPINGS: Final[dict[type, Mapping[Any]]] = {mapping.kind: mapping for mapping in _ALL}
