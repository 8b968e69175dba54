"""Every question of :mod:`evouch.store.ports` as one query, built once: building one anew costs more than asking it.

Parameters are called like the columns that they are compared with, and ``most`` is the
largest number of rows. Each has its index in :mod:`evouch.store.tables`; a test asks SQLite
for its plans.
"""

from typing import Any, Final

import sqlalchemy as sa

from evouch.store.mapping import SERIAL_COLUMN
from evouch.store.records import QuarantineState
from evouch.store.sql_asking import Question, ask
from evouch.store.tables import (
    ACTIVE_CHECKOUT,
    ACTIVE_TRANSACTION,
    API_TOKENS,
    AUDIT,
    CHECKOUTS,
    CODES,
    ENTRIES,
    IDENTITIES,
    INTENTS,
    MAPPINGS,
    OPEN_INTENT,
    OPEN_QUARANTINE,
    OPERATORS,
    QR_KEYS,
    QUARANTINE,
    SAMPLES,
    SECURITY_EVENTS,
    STATIONS,
    TOKENS,
    TRANSACTIONS,
)

STATION: Final = ask(STATIONS, "id")
ALL_STATIONS: Final = ask(STATIONS, order=("id",))
QR_KEY: Final = ask(QR_KEYS, "station", "evse")
ALL_QR_KEYS: Final = ask(QR_KEYS, order=("station", "evse"))
TOKEN: Final = ask(TOKENS, "key")
ALL_TOKENS: Final = ask(TOKENS, order=("key",))

TRANSACTION: Final = ask(TRANSACTIONS, "station", "id")
TRANSACTION_BY_START: Final = ask(TRANSACTIONS, "station", "start_key", newest="started_at")
#: (only active ones, only of one station) → question
SOME_TRANSACTIONS: Final = {
    (active, one_station): ask(
        TRANSACTIONS,
        *(["station"] if one_station else []),
        newest="started_at",
        where=ACTIVE_TRANSACTION if active else None,
    )
    for active in (False, True)
    for one_station in (False, True)
}
SAMPLES_OF: Final = ask(SAMPLES, "station", "transaction", order=("number",))

CHECKOUT: Final = ask(CHECKOUTS, "payment")
CHECKOUT_BY_PSP_REF: Final = ask(CHECKOUTS, "psp_ref", newest="created_at")
CHECKOUT_BY_TOKEN: Final = ask(CHECKOUTS, "token_key", newest="created_at")
CHECKOUT_BY_START: Final = ask(CHECKOUTS, "station", "remote_start", newest="created_at")
#: only active ones → question
SOME_CHECKOUTS: Final = {
    active: ask(CHECKOUTS, newest="created_at", where=ACTIVE_CHECKOUT if active else None) for active in (False, True)
}
CODE: Final = ask(CODES, "station", "evse", "slot")
ENTRIES_OF: Final = ask(ENTRIES, "payment", order=(SERIAL_COLUMN,))
#: (only open ones, only of one payment) → question
SOME_INTENTS: Final = {
    (open_, one_payment): ask(
        INTENTS,
        *(["payment"] if one_payment else []),
        order=(SERIAL_COLUMN,),
        where=OPEN_INTENT if open_ else None,
    )
    for open_ in (False, True)
    for one_payment in (False, True)
}

ALL_IDENTITIES: Final = ask(IDENTITIES, order=(SERIAL_COLUMN,))
#: (only open ones, only of one station) → question
SOME_QUARANTINED: Final = {
    (open_, one_station): ask(
        QUARANTINE,
        *(["station"] if one_station else []),
        order=(SERIAL_COLUMN,),
        where=OPEN_QUARANTINE if open_ else None,
        limited=True,
    )
    for open_ in (False, True)
    for one_station in (False, True)
}
QUARANTINED: Final = ask(QUARANTINE, "id")
#: by station and address how many are open, and how long they are: neither database reads a frame for its length
QUARANTINE_SHARES: Final = (
    sa.select(
        QUARANTINE.c["station"],
        QUARANTINE.c["address"],
        sa.func.count().label("rows"),
        sa.func.sum(sa.func.length(QUARANTINE.c["frame"])).label("bytes"),
    )
    .where(OPEN_QUARANTINE)
    .group_by(QUARANTINE.c["station"], QUARANTINE.c["address"])
    .order_by(QUARANTINE.c["station"], QUARANTINE.c["address"])
)
#: what was held is an operator's to decide on
KEEP_HELD: Final = (
    sa.update(QUARANTINE.table)
    .where(OPEN_QUARANTINE, QUARANTINE.c["state"] == QuarantineState.HELD)
    .values(state=QuarantineState.KEPT)
)

LATEST_AUDIT: Final = ask(AUDIT, newest="at")
LATEST_SECURITY_EVENTS: Final = ask(SECURITY_EVENTS, newest="at")
OPERATOR: Final = ask(OPERATORS, "name")
ALL_API_TOKENS: Final = ask(API_TOKENS, order=("name", "digest"))

#: record type → all of them in the order of writing
ALL: Final[dict[type, Question[Any]]] = {
    kind: ask(mapping, order=(SERIAL_COLUMN,)) for kind, mapping in MAPPINGS.items()
}
