"""Every question of :mod:`evouch.store.ports_roaming` as one query, or as a family of them."""

from typing import Final

import sqlalchemy as sa

from evouch.store.mapping import SERIAL_COLUMN
from evouch.store.sql_asking import Family, Pages, Question, ask
from evouch.store.tables_emsp import (
    DECISIONS,
    DRIVER_TOKENS,
    DRIVERS,
    EMSP_SESSIONS,
    ENROLMENTS,
    INVOICES,
    NOTICES,
    OPEN_NOTICE,
    OPRF_KEYS,
    RUNNING_SESSION,
    SIGN_DAYS,
)
from evouch.store.tables_roaming import ACTIVE_CHARGE, CHARGES, OCPI_OBJECTS, PARTNER_SYNCS, PARTNERS, VEHICLES

PARTNERS_BY_ID: Final = ask(PARTNERS, order=("id",))
SYNCS: Final = ask(PARTNER_SYNCS, order=("partner", "module"))

OCPI_OBJECT: Final = ask(OCPI_OBJECTS, "module", "partner", "owner_country", "owner_party", "id")
OCPI_OBJECTS_NAMED: Final = ask(OCPI_OBJECTS, "module", "id", order=(SERIAL_COLUMN,))
OCPI_PAGES: Final = Pages(OCPI_OBJECTS, "last_updated")

VEHICLE: Final = ask(VEHICLES, "owner_country", "owner_party", "vid")
#: the rows come as the index has them; who asks sorts a handful
VEHICLES_WITH: Final = Question(
    VEHICLES, sa.select(*VEHICLES.columns).where(VEHICLES.c["vid"].in_(sa.bindparam("vids", expanding=True)))
)
VEHICLES_OF: Final = ask(VEHICLES, "contract", order=(SERIAL_COLUMN,))
VEHICLE_PAGES: Final = Pages(VEHICLES, "last_updated")

CHARGE: Final = ask(CHARGES, "id")
CHARGE_OF: Final = ask(CHARGES, "station", "transaction", newest="at")
CHARGE_BY_TOKEN: Final = ask(CHARGES, "token_key", newest="at")
SOME_CHARGES: Final = Family(CHARGES, "at", ACTIVE_CHARGE)

DRIVER: Final = ask(DRIVERS, "id")
DRIVER_OF: Final = ask(DRIVERS, "contract", order=(SERIAL_COLUMN,))
DRIVERS_BY_ID: Final = ask(DRIVERS, order=("id",))
DRIVER_TOKEN: Final = ask(DRIVER_TOKENS, "key")
TOKENS_BY_KEY: Final = ask(DRIVER_TOKENS, order=("key",))
TOKENS_OF: Final = ask(DRIVER_TOKENS, "driver", order=("key",))
TOKEN_PAGES: Final = Pages(DRIVER_TOKENS, "last_updated")
ENROLMENT: Final = ask(ENROLMENTS, "vid")
ALL_ENROLMENTS: Final = ask(ENROLMENTS, order=(SERIAL_COLUMN,))
ENROLMENTS_OF: Final = ask(ENROLMENTS, "driver", order=(SERIAL_COLUMN,))

EMSP_SESSION: Final = ask(EMSP_SESSIONS, "partner", "id")
SESSION_BY_REFERENCE: Final = ask(EMSP_SESSIONS, "partner", "reference", newest="started_at")
SOME_SESSIONS: Final = Family(EMSP_SESSIONS, "started_at", RUNNING_SESSION)
INVOICE: Final = ask(INVOICES, "partner", "owner_country", "owner_party", "id")
SOME_INVOICES: Final = Family(INVOICES, "received_at")
DECISION_BY_REFERENCE: Final = ask(DECISIONS, "reference", newest="at")
SOME_DECISIONS: Final = Family(DECISIONS, "at")
NOTICE: Final = ask(NOTICES, "id")
SOME_NOTICES: Final = Family(NOTICES, "at", OPEN_NOTICE)

KEYS_BY_AGE: Final = ask(OPRF_KEYS, order=("created_at", SERIAL_COLUMN))
SIGN_DAYS_SINCE: Final = Question(
    SIGN_DAYS,
    sa.select(*SIGN_DAYS.columns)
    .where(SIGN_DAYS.c["day"] >= sa.bindparam("since"))
    .order_by(SIGN_DAYS.c["partner"], SIGN_DAYS.c["day"]),
)
