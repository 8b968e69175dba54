"""The tables of partners, of what they exchange, and of an operator's charges. No column holds a MAC address."""

from typing import Any, Final

import sqlalchemy as sa

from evouch.charging.roaming import FINAL, Binding, ChargeState, RoamingCharge
from evouch.charging.tokens import IdToken
from evouch.charging.vehicles import AutoChargeStatus, Vehicle
from evouch.ids import EvseNumber, PartyId
from evouch.ocpi.partner import Endpoint, Partner, PartnerState, PartnerSync, Quirks, Role
from evouch.store.columns import Blob, Choice, Document, Flag, Instant, Int, Plain, Str
from evouch.store.mapping import SERIAL_COLUMN, Mapping, derived, one, sealed
from evouch.store.records_roaming import OcpiObject
from evouch.store.tables_shared import METADATA, owner, partial, quoted

__all__ = ["ACTIVE_CHARGE", "CHARGES", "OCPI_OBJECTS", "PARTNERS", "PARTNER_SYNCS", "ROAMING", "VEHICLES"]


# A query and a partial index share it word for word: SQLite uses the index only then.
ACTIVE_CHARGE: Final = sa.text(f"state NOT IN ({quoted(FINAL)})")


PARTNERS: Final = Mapping(
    METADATA,
    "partners",
    Partner,
    [
        one("id", Str),
        one("role", Choice(Role)),
        one("name", Str),
        one("state", Choice(PartnerState)),
        one("pinned", Document(PartyId), optional=True),
        one("parties", Document(tuple[PartyId, ...])),
        one("versions_url", Str),
        one("version", Str),
        one("endpoints", Document(tuple[Endpoint, ...])),
        sealed("token_out", optional=True),
        one("token_in", Blob, optional=True),
        one("token_previous", Blob, optional=True),
        one("previous_until", Instant, optional=True),
        one("quirks", Document(Quirks)),
        one("registered_at", Instant, optional=True),
        one("rotated_at", Instant, optional=True),
        one("evses", Int),
        one("sign_allowed", Flag),
        one("sign_reason", Str),
        one("priority", Int),
    ],
)

PARTNER_SYNCS: Final = Mapping(
    METADATA,
    "partner_syncs",
    PartnerSync,
    [
        one("partner", Str),
        one("module", Str),
        one("dirty_since", Instant, optional=True),
        one("watermark", Instant, optional=True),
        one("succeeded_at", Instant, optional=True),
        one("failed_at", Instant, optional=True),
        one("failure", Str),
    ],
)

OCPI_OBJECTS: Final = Mapping(
    METADATA,
    "ocpi_objects",
    OcpiObject,
    [
        one("module", Str),
        one("partner", Str),
        owner(),
        one("id", Str),
        one("last_updated", Instant),
        one("body", Plain),
    ],
    sa.Index("ocpi_objects_by_id", "module", "id", SERIAL_COLUMN),
    sa.Index("ocpi_objects_by_change", "module", "last_updated", SERIAL_COLUMN),
    sa.Index("ocpi_objects_of_partner", "module", "partner", "last_updated", SERIAL_COLUMN),
)

VEHICLES: Final = Mapping(
    METADATA,
    "vehicles",
    Vehicle,
    [
        owner(),
        one("vid", Str),
        one("contract", Str),
        one("status", Choice(AutoChargeStatus)),
        one("created", Instant),
        one("authorized", Instant, optional=True),
        one("revoked", Instant, optional=True),
        derived("last_updated", Instant, lambda vehicle: vehicle.last_updated),
    ],
    sa.Index("vehicles_by_vid", "vid"),
    sa.Index("vehicles_by_contract", "contract", SERIAL_COLUMN),
    sa.Index("vehicles_by_change", "last_updated", SERIAL_COLUMN),
)

CHARGES: Final = Mapping(
    METADATA,
    "charges",
    RoamingCharge,
    [
        one("id", Str),
        one("partner", Str),
        owner(),
        one("token_uid", Str),
        one("token_type", Str),
        one("contract", Str),
        one("method", Str),
        one("reference", Str, optional=True),
        one("state", Choice(ChargeState)),
        one("station", Str),
        one("evse", Int, optional=True),
        one("connector", Int, optional=True),
        one("candidates", Document(tuple[EvseNumber, ...])),
        one("at", Instant),
        one("expires", Instant),
        one("starts_at", Instant, optional=True),
        one("ocpp_token", Str),
        derived("token_key", Str, lambda charge: IdToken(charge.ocpp_token).key),
        one("remote_start", Int, optional=True),
        one("transaction", Str, optional=True),
        one("vid", Str, optional=True),
        one("binding", Choice(Binding)),
        one("result_url", Str),
    ],
    sa.Index("charges_by_transaction", "station", "transaction", "at", SERIAL_COLUMN),
    sa.Index("charges_by_token", "token_key", "at", SERIAL_COLUMN),
    sa.Index("charges_by_time", "at", SERIAL_COLUMN),
    partial("charges_active", "at", SERIAL_COLUMN, where=ACTIVE_CHARGE),
)

ROAMING: Final[tuple[Mapping[Any], ...]] = (PARTNERS, PARTNER_SYNCS, OCPI_OBJECTS, VEHICLES, CHARGES)
