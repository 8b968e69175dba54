"""The objects of OCPI as they travel, in the shape of 2.3.0. What 2.2.1 lacks stands in ``ocpi.v221``.

Unknown members are tolerated (2.3.0 §transport: SHALL NOT reject), open enums are text, a null
member is an absent one (``ocpi.codec`` reads and writes). Times are aware UTC with milliseconds:
25 characters are all there is room for. Sections named are those of the OCPI documents.
"""

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Final

import msgspec

from evouch.charging.tokens import Allowed
from evouch.charging.vehicles import AutoChargeStatus, Vehicle
from evouch.ids import ContractId, PartyId, parse_vid

__all__ = [
    "AUTO_CHARGE_CAPABLE", "VEHICLE_TOKEN", "AuthorizationInfo", "BusinessDetails", "CancelReservation", "Cdr",
    "CdrDimension", "CdrLocation", "CdrToken", "ChargingPeriod", "CommandResponse", "CommandResult",
    "ConflictNotice", "Connector", "Credentials", "CredentialsRole", "DisplayText", "Endpoint", "Evse",
    "GeoLocation", "Location", "LocationReferences", "Price", "PriceComponent", "RegisterVehicle", "ReserveNow",
    "Session", "SignAnswer", "SignRequest", "StartSession", "StopSession", "Tariff", "TariffElement", "TaxAmount",
    "Token", "UnlockConnector", "VehicleObject", "Version", "VersionDetails", "WebPaymentNotice", "Wire",
    "times",
]  # fmt: skip

#: TokenType of a vehicle ("Autocharge Roaming" §7.4); the only one whose uid may be longer than 36 characters.
VEHICLE_TOKEN: Final = "VEHICLE_HASHED_MAC_IDENTIFIER"  # noqa: S105
#: Capability of an EVSE that takes part (§7.2).
AUTO_CHARGE_CAPABLE: Final = "AUTO_CHARGE_CAPABLE"

Country2 = Annotated[str, msgspec.Meta(min_length=2, max_length=2)]
Country3 = Annotated[str, msgspec.Meta(min_length=3, max_length=3)]
Party = Annotated[str, msgspec.Meta(min_length=1, max_length=3)]
CiString36 = Annotated[str, msgspec.Meta(min_length=1, max_length=36)]
#: uid of a token: 36 characters, and 64 for a vehicle; ``ocpi.codec`` checks which.
TokenUid = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Url = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Text512 = Annotated[str, msgspec.Meta(max_length=512)]
Text255 = Annotated[str, msgspec.Meta(max_length=255)]
Currency = Annotated[str, msgspec.Meta(min_length=3, max_length=3)]


class Wire(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all objects. A time without a zone is UTC (types §DateTime); microseconds are cut to milliseconds."""

    def __post_init__(self) -> None:
        for name in times(type(self)):
            moment = getattr(self, name)
            if moment is not None:
                zoned = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
                msgspec.structs.force_setattr(self, name, zoned.replace(microsecond=zoned.microsecond // 1000 * 1000))


@cache
def times(kind: type[Any]) -> tuple[str, ...]:
    """Return the names of the members of an object that are times."""
    return tuple(f.name for f in msgspec.structs.fields(kind) if f.type in {datetime, datetime | None})


# ── what many objects share (types) ─────────────────────────────────────────────────────


class DisplayText(Wire, frozen=True, kw_only=True):
    """Text for people (types §DisplayText)."""

    language: Country2
    text: Text512


class TaxAmount(Wire, frozen=True, kw_only=True):
    """One tax on a price (2.3.0 types §TaxAmount)."""

    name: str
    account_number: str | None = None
    percentage: Decimal | None = None
    amount: Decimal


class Price(Wire, frozen=True, kw_only=True):
    """An amount before taxes and the taxes on it (2.3.0); 2.2.1 has excl_vat and incl_vat."""

    before_taxes: Decimal
    taxes: tuple[TaxAmount, ...] = ()


class BusinessDetails(Wire, frozen=True, kw_only=True):
    """mod_locations §BusinessDetails."""

    name: Annotated[str, msgspec.Meta(max_length=100)]
    website: str | None = None


class GeoLocation(Wire, frozen=True, kw_only=True):
    """Degrees as text with a decimal point (mod_locations §GeoLocation)."""

    latitude: Annotated[str, msgspec.Meta(max_length=12)]
    longitude: Annotated[str, msgspec.Meta(max_length=12)]


# ── versions and credentials ────────────────────────────────────────────────────────────


class Version(Wire, frozen=True, kw_only=True):
    """One entry of ``/versions``."""

    version: str
    url: Url


class Endpoint(Wire, frozen=True, kw_only=True):
    """A module of a version. ``role`` is the interface: SENDER or RECEIVER; absent at peers of before 2.2."""

    identifier: str
    role: str | None = None
    url: Url


class VersionDetails(Wire, frozen=True, kw_only=True):
    """Answer of a version's own address."""

    version: str
    endpoints: tuple[Endpoint, ...]


class CredentialsRole(Wire, frozen=True, kw_only=True):
    """Who speaks: CPO, EMSP, … under which country and party."""

    role: str
    business_details: BusinessDetails
    party_id: Party
    country_code: Country2


class Credentials(Wire, frozen=True, kw_only=True):
    """mod_credentials §Credentials. ``token`` is what the receiver of this object authenticates with."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern="^[!-~]+$")]
    url: Url
    roles: Annotated[tuple[CredentialsRole, ...], msgspec.Meta(min_length=1)]
    hub_party_id: str | None = None


# ── tokens ──────────────────────────────────────────────────────────────────────────────


class Token(Wire, frozen=True, kw_only=True):
    """mod_tokens §Token. ``whitelist`` ALWAYS, ALLOWED, ALLOWED_OFFLINE or NEVER. An owner's (uid, type) is unique."""

    country_code: Country2
    party_id: Party
    uid: TokenUid
    type: str
    contract_id: CiString36
    visual_number: str | None = None
    issuer: Annotated[str, msgspec.Meta(max_length=64)]
    group_id: str | None = None
    valid: bool
    whitelist: str
    language: str | None = None
    last_updated: datetime


class LocationReferences(Wire, frozen=True, kw_only=True):
    """Where a token is to be used (mod_tokens §LocationReferences)."""

    location_id: CiString36
    evse_uids: tuple[CiString36, ...] = ()


class AuthorizationInfo(Wire, frozen=True, kw_only=True):
    """Answer of a real-time authorisation. ``allowed`` is a member of Allowed; ``INVALID`` is read as a refusal."""

    allowed: str
    token: Token
    location: LocationReferences | None = None
    authorization_reference: CiString36 | None = None
    info: DisplayText | None = None

    @property
    def verdict(self) -> Allowed:
        """What it says; every word that is not in the list is a refusal."""
        return Allowed(self.allowed) if self.allowed in set(Allowed) else Allowed.BLOCKED


# ── locations and tariffs ───────────────────────────────────────────────────────────────


class Connector(Wire, frozen=True, kw_only=True):
    """mod_locations §Connector. Power in W, voltage in V, amperage in A."""

    id: CiString36
    standard: str
    format: str
    power_type: str
    max_voltage: int
    max_amperage: int
    max_electric_power: int | None = None
    tariff_ids: tuple[CiString36, ...] = ()
    last_updated: datetime


class Evse(Wire, frozen=True, kw_only=True):
    """mod_locations §EVSE."""

    uid: CiString36
    evse_id: str | None = None
    status: str
    capabilities: tuple[str, ...] = ()
    connectors: tuple[Connector, ...]
    physical_reference: str | None = None
    coordinates: GeoLocation | None = None
    last_updated: datetime


class Location(Wire, frozen=True, kw_only=True):
    """mod_locations §Location. ``country`` is ISO 3166-1 alpha-3."""

    country_code: Country2
    party_id: Party
    id: CiString36
    publish: bool
    name: Text255 | None = None
    address: Text255
    city: Annotated[str, msgspec.Meta(max_length=45)]
    postal_code: str | None = None
    country: Country3
    coordinates: GeoLocation
    evses: tuple[Evse, ...] = ()
    operator: BusinessDetails | None = None
    time_zone: Text255
    last_updated: datetime


class PriceComponent(Wire, frozen=True, kw_only=True):
    """``type`` ENERGY (per kWh), TIME (per hour), FLAT, PARKING_TIME; ``vat`` in percent."""

    type: str
    price: Decimal
    vat: Decimal | None = None
    step_size: int


class TariffElement(Wire, frozen=True, kw_only=True):
    """mod_tariffs §TariffElement, without restrictions, which we do not make."""

    price_components: tuple[PriceComponent, ...]


class Tariff(Wire, frozen=True, kw_only=True):
    """mod_tariffs §Tariff. ``tax_included`` is YES, NO or N/A (2.3.0)."""

    country_code: Country2
    party_id: Party
    id: CiString36
    currency: Currency
    tax_included: str | None = None
    elements: tuple[TariffElement, ...]
    last_updated: datetime


# ── sessions and charge detail records ──────────────────────────────────────────────────


class CdrToken(Wire, frozen=True, kw_only=True):
    """Who charges (mod_cdrs §CdrToken)."""

    country_code: Country2
    party_id: Party
    uid: TokenUid
    type: str
    contract_id: CiString36


class CdrDimension(Wire, frozen=True, kw_only=True):
    """``type`` ENERGY (kWh), TIME (hours) and more."""

    type: str
    volume: Decimal


class ChargingPeriod(Wire, frozen=True, kw_only=True):
    """mod_cdrs §ChargingPeriod."""

    start_date_time: datetime
    dimensions: tuple[CdrDimension, ...]
    tariff_id: str | None = None


class Session(Wire, frozen=True, kw_only=True):
    """mod_sessions §Session. ``status`` PENDING, ACTIVE, COMPLETED, INVALID or RESERVATION."""

    country_code: Country2
    party_id: Party
    id: CiString36
    start_date_time: datetime
    end_date_time: datetime | None = None
    kwh: Decimal
    cdr_token: CdrToken
    auth_method: str
    authorization_reference: CiString36 | None = None
    location_id: CiString36
    evse_uid: CiString36
    connector_id: CiString36
    currency: Currency
    charging_periods: tuple[ChargingPeriod, ...] = ()
    total_cost: Price | None = None
    status: str
    last_updated: datetime


class CdrLocation(Wire, frozen=True, kw_only=True):
    """mod_cdrs §CdrLocation."""

    id: CiString36
    name: Text255 | None = None
    address: Text255
    city: Annotated[str, msgspec.Meta(max_length=45)]
    postal_code: str | None = None
    country: Country3
    coordinates: GeoLocation
    evse_uid: CiString36
    evse_id: str
    connector_id: CiString36
    connector_standard: str
    connector_format: str
    connector_power_type: str


class Cdr(Wire, frozen=True, kw_only=True):
    """mod_cdrs §CDR: the bill between operator and eMSP. Never changed once sent. Energy in kWh, time in hours."""

    country_code: Country2
    party_id: Party
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=39)]
    start_date_time: datetime
    end_date_time: datetime
    session_id: CiString36 | None = None
    cdr_token: CdrToken
    auth_method: str
    authorization_reference: CiString36 | None = None
    cdr_location: CdrLocation
    currency: Currency
    tariffs: tuple[Tariff, ...] = ()
    charging_periods: Annotated[tuple[ChargingPeriod, ...], msgspec.Meta(min_length=1)]
    total_cost: Price
    total_energy: Decimal
    total_time: Decimal
    last_updated: datetime


# ── commands ────────────────────────────────────────────────────────────────────────────


class StartSession(Wire, frozen=True, kw_only=True):
    """mod_commands §StartSession."""

    response_url: Url
    token: Token
    location_id: CiString36
    evse_uid: CiString36 | None = None
    connector_id: CiString36 | None = None
    authorization_reference: CiString36 | None = None


class StopSession(Wire, frozen=True, kw_only=True):
    """mod_commands §StopSession."""

    response_url: Url
    session_id: CiString36


class ReserveNow(Wire, frozen=True, kw_only=True):
    """mod_commands §ReserveNow."""

    response_url: Url
    token: Token
    expiry_date: datetime
    reservation_id: CiString36
    location_id: CiString36
    evse_uid: CiString36 | None = None


class CancelReservation(Wire, frozen=True, kw_only=True):
    """mod_commands §CancelReservation."""

    response_url: Url
    reservation_id: CiString36


class UnlockConnector(Wire, frozen=True, kw_only=True):
    """mod_commands §UnlockConnector."""

    response_url: Url
    location_id: CiString36
    evse_uid: CiString36
    connector_id: CiString36


class WebPaymentNotice(Wire, frozen=True, kw_only=True):
    """NOTIFY_WEB_PAYMENT_STARTED and _FAILED (docs/decisions/059). ``customData`` is passed on as it is."""

    response_url: Url | None = None
    location_id: CiString36
    evse_uid: CiString36 | None = None
    evse_id: str | None = None
    timeout: int | None = None
    error_message: Any = None
    #: the same under the name that OCPP gives it
    error_texts: Any = msgspec.field(name="errorMessage", default=None)
    custom_data: Any = msgspec.field(name="customData", default=None)


class CommandResponse(Wire, frozen=True, kw_only=True):
    """At once: ``result`` ACCEPTED, REJECTED, NOT_SUPPORTED or UNKNOWN_SESSION; ``timeout`` in seconds."""

    result: str
    timeout: int
    message: tuple[DisplayText, ...] = ()


class CommandResult(Wire, frozen=True, kw_only=True):
    """Later, to response_url: ``result`` ACCEPTED, FAILED, REJECTED, TIMEOUT, EVSE_OCCUPIED and more."""

    result: str
    message: tuple[DisplayText, ...] = ()


# ── vehicles ("Autocharge Roaming" §6) ──────────────────────────────────────────────────


class VehicleObject(Wire, frozen=True, kw_only=True):
    """§6.1. A missing status is REVOKED, a missing last_updated the greatest of the dates (docs/decisions/048)."""

    country_code: Country2
    party_id: Party
    vehicle_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    contract_id: CiString36
    auto_charge_status: str | None = None
    date_created: datetime
    date_authorized: datetime | None = None
    date_revoked: datetime | None = None
    last_updated: datetime | None = None

    @classmethod
    def of(cls, vehicle: Vehicle) -> "VehicleObject":
        """Return a vehicle as it travels."""
        return cls(
            country_code=vehicle.owner.country, party_id=vehicle.owner.party, vehicle_id=vehicle.vid,
            contract_id=vehicle.contract, auto_charge_status=vehicle.status.value, date_created=vehicle.created,
            date_authorized=vehicle.authorized, date_revoked=vehicle.revoked, last_updated=vehicle.last_updated,
        )  # fmt: skip

    def vehicle(self) -> Vehicle:
        """Return it as this package speaks of it; ValueError where the id is no VID or the status is not known."""
        return Vehicle(
            owner=PartyId(self.country_code.upper(), self.party_id.upper()), vid=parse_vid(self.vehicle_id),
            contract=ContractId(self.contract_id),
            status=AutoChargeStatus(self.auto_charge_status or AutoChargeStatus.REVOKED),
            created=self.date_created, authorized=self.date_authorized, revoked=self.date_revoked,
        )  # fmt: skip


class RegisterVehicle(Wire, frozen=True, kw_only=True):
    """POST vehicles (§6.3)."""

    vehicle_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    token_uid: CiString36
    session_id: CiString36


class ConflictNotice(Wire, frozen=True, kw_only=True):
    """POST vehicles/conflict (§6.3)."""

    vehicle_id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    contract_id: CiString36
    message: DisplayText | None = None


class SignRequest(Wire, frozen=True, kw_only=True):
    """POST oprf/sign (§6.3): a SEC1 point in hex, both forms, any case."""

    blinded_element: Annotated[str, msgspec.Meta(max_length=512)]


class SignAnswer(Wire, frozen=True, kw_only=True):
    """Answer of oprf/sign, in the form that was asked in."""

    evaluated_element: Annotated[str, msgspec.Meta(max_length=512)]
