"""Every question of :mod:`evouch.store.ports` as one query, built once: building one anew costs more than asking it.

Parameters are called like the columns that they are compared with, and ``most`` is the
largest number of rows. Each has its index in :mod:`evouch.store.tables`; a test asks SQLite
for its plans.
"""

from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import sqlalchemy as sa

from evouch.store.mapping import SERIAL_COLUMN, Mapping
from evouch.store.records import QuarantineState, Record
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

__all__ = ["Question"]

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Question(Generic[R]):
    """A query and the mapping that its rows are read with."""

    mapping: Mapping[R]
    query: sa.Select[Any]


def _ask(
    mapping: Mapping[R],
    *equal: str,
    order: tuple[str, ...] = (),
    newest: str = "",
    where: sa.TextClause | None = None,
    limited: bool = False,
) -> Question[R]:
    """Rows whose columns ``equal`` the parameters of their names; ``newest`` first and at most ``most``, or in order.

    Of equal moments, what was written last is the newest.
    """
    c = mapping.c
    query = sa.select(*mapping.columns).where(*(c[name] == sa.bindparam(name) for name in equal))
    if where is not None:
        query = query.where(where)
    most = sa.bindparam("most", type_=sa.Integer)
    if newest:
        return Question(mapping, query.order_by(c[newest].desc(), c[SERIAL_COLUMN].desc()).limit(most))
    query = query.order_by(*(c[name] for name in order))
    return Question(mapping, query.limit(most) if limited else query)


STATION: Final = _ask(STATIONS, "id")
ALL_STATIONS: Final = _ask(STATIONS, order=("id",))
QR_KEY: Final = _ask(QR_KEYS, "station", "evse")
ALL_QR_KEYS: Final = _ask(QR_KEYS, order=("station", "evse"))
TOKEN: Final = _ask(TOKENS, "key")
ALL_TOKENS: Final = _ask(TOKENS, order=("key",))

TRANSACTION: Final = _ask(TRANSACTIONS, "station", "id")
TRANSACTION_BY_START: Final = _ask(TRANSACTIONS, "station", "start_key", newest="started_at")
#: (only active ones, only of one station) → question
SOME_TRANSACTIONS: Final = {
    (active, one_station): _ask(
        TRANSACTIONS,
        *(["station"] if one_station else []),
        newest="started_at",
        where=ACTIVE_TRANSACTION if active else None,
    )
    for active in (False, True)
    for one_station in (False, True)
}
SAMPLES_OF: Final = _ask(SAMPLES, "station", "transaction", order=("number",))

CHECKOUT: Final = _ask(CHECKOUTS, "payment")
CHECKOUT_BY_PSP_REF: Final = _ask(CHECKOUTS, "psp_ref", newest="created_at")
CHECKOUT_BY_TOKEN: Final = _ask(CHECKOUTS, "token_key", newest="created_at")
CHECKOUT_BY_START: Final = _ask(CHECKOUTS, "station", "remote_start", newest="created_at")
#: only active ones → question
SOME_CHECKOUTS: Final = {
    active: _ask(CHECKOUTS, newest="created_at", where=ACTIVE_CHECKOUT if active else None) for active in (False, True)
}
CODE: Final = _ask(CODES, "station", "evse", "slot")
ENTRIES_OF: Final = _ask(ENTRIES, "payment", order=(SERIAL_COLUMN,))
#: (only open ones, only of one payment) → question
SOME_INTENTS: Final = {
    (open_, one_payment): _ask(
        INTENTS,
        *(["payment"] if one_payment else []),
        order=(SERIAL_COLUMN,),
        where=OPEN_INTENT if open_ else None,
    )
    for open_ in (False, True)
    for one_payment in (False, True)
}

ALL_IDENTITIES: Final = _ask(IDENTITIES, order=(SERIAL_COLUMN,))
#: (only open ones, only of one station) → question
SOME_QUARANTINED: Final = {
    (open_, one_station): _ask(
        QUARANTINE,
        *(["station"] if one_station else []),
        order=(SERIAL_COLUMN,),
        where=OPEN_QUARANTINE if open_ else None,
        limited=True,
    )
    for open_ in (False, True)
    for one_station in (False, True)
}
QUARANTINED: Final = _ask(QUARANTINE, "id")
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

LATEST_AUDIT: Final = _ask(AUDIT, newest="at")
LATEST_SECURITY_EVENTS: Final = _ask(SECURITY_EVENTS, newest="at")
OPERATOR: Final = _ask(OPERATORS, "name")
ALL_API_TOKENS: Final = _ask(API_TOKENS, order=("name", "digest"))

#: record type → all of them in the order of writing
ALL: Final[dict[type, Question[Any]]] = {
    kind: _ask(mapping, order=(SERIAL_COLUMN,)) for kind, mapping in MAPPINGS.items()
}
