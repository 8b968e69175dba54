"""What an operator tells partners, as OCPI objects: pure functions of what it knows.

Prices include VAT, as drivers see them; a cost is split into what is before taxes and the VAT
that it contains, and both add up to it to the cent.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from evouch.charging.equipment import ConnectorStatus, EvsePlace
from evouch.charging.equipment import Evse as KnownEvse
from evouch.charging.geo import Point, Site
from evouch.charging.roaming import ChargeState, RoamingCharge
from evouch.charging.tariffs import Tariff as Prices
from evouch.cpo.roaming_names import evse_uid, location_id
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.ocpi import model as m
from evouch.store.records import StationRecord, Transaction
from evouch.units import kwh

__all__ = ["Objects"]

_C = ConnectorStatus
#: Status of an EVSE (mod_locations §Status): CHARGING means that it is in use.
_STATUS: Final = {
    _C.AVAILABLE: "AVAILABLE", _C.OCCUPIED: "CHARGING", _C.PREPARING: "CHARGING", _C.CHARGING: "CHARGING",
    _C.SUSPENDED_EV: "CHARGING", _C.SUSPENDED_EVSE: "CHARGING", _C.FINISHING: "CHARGING", _C.RESERVED: "RESERVED",
    _C.UNAVAILABLE: "INOPERATIVE", _C.FAULTED: "OUTOFORDER", None: "UNKNOWN",
}  # fmt: skip
_SESSION: Final = {
    ChargeState.PENDING: "PENDING", ChargeState.ACTIVE: "ACTIVE", ChargeState.COMPLETED: "COMPLETED",
}  # fmt: skip
_CAPABILITIES: Final = ("REMOTE_START_STOP_CAPABLE", "RFID_READER", "UNLOCK_CAPABLE", m.AUTO_CHARGE_CAPABLE)
#: Numbers of OCPI have at most four digits after the point.
_FOUR: Final = Decimal("0.0001")
#: What a required text says that cannot be filled (types §string).
_NA: Final = "#NA"
#: Where a station stands that nobody has said it of.
_NOWHERE: Final = Site(point=Point(Decimal(0), Decimal(0)), address=_NA, city=_NA, country=_NA)
#: Volts: what an EVSE has that is not said to have another.
_AC_VOLTS: Final = 400
_DC_VOLTS: Final = 920
#: √3, of three phases, as far as whole amperes need it.
_ROOT_3: Final = Decimal("1.732")
_SECONDS_PER_HOUR: Final = 3600
_MOST_CITY: Final = 45


@dataclass(frozen=True, slots=True)
class Objects:
    """Builds the objects of one operator."""

    terms: RoamingTerms
    prices: Prices

    # ── places and prices ──

    def location(
        self, record: StationRecord, status: Callable[[EvsePlace], ConnectorStatus | None], at: datetime
    ) -> m.Location:
        """Return a station as a Location; who may not see what its EVSEs can do is shown less (``ocpi.discretion``)."""
        site = record.site or _NOWHERE
        places = {EvsePlace(record.id, each.number): each for each in record.evses}
        evses = tuple(self.evse(place, each, status(place), at) for place, each in places.items())
        return m.Location(
            country_code=self.terms.party.country, party_id=self.terms.party.party, id=location_id(record.id),
            publish=record.site is not None, name=(site.name or record.name)[:255] or None, address=site.address[:255],
            city=site.city[:_MOST_CITY], postal_code=site.postal_code or None, country=site.country,
            coordinates=_coordinates(site), evses=evses, operator=m.BusinessDetails(name=self.terms.name[:100]),
            time_zone=site.time_zone, last_updated=at,
        )  # fmt: skip

    def evse(self, place: EvsePlace, known: KnownEvse, status: ConnectorStatus | None, at: datetime) -> m.Evse:
        """Return an EVSE as OCPI has it."""
        return m.Evse(
            uid=evse_uid(place), evse_id=known.evse_id or None, status=_STATUS[status],
            capabilities=_CAPABILITIES,
            connectors=tuple(self.connector(known, each, at) for each in known.connectors), last_updated=at,
        )  # fmt: skip

    def connector(self, known: KnownEvse, number: int, at: datetime) -> m.Connector:
        """Return a connector; its plug is that of the terms."""
        direct = known.max_power > self.terms.most_ac
        volts = _DC_VOLTS if direct else _AC_VOLTS
        amperes = Decimal(known.max_power) / volts / (1 if direct else _ROOT_3)
        return m.Connector(
            id=str(number), standard=self.terms.dc_standard if direct else self.terms.ac_standard,
            format="CABLE" if direct else "SOCKET", power_type="DC" if direct else "AC_3_PHASE",
            max_voltage=volts, max_amperage=int(amperes.to_integral_value()), max_electric_power=int(known.max_power),
            tariff_ids=(self.terms.tariff_id,), last_updated=at,
        )  # fmt: skip

    def tariff(self, at: datetime) -> m.Tariff:
        """Return the one tariff, VAT included."""
        components = (
            ("ENERGY", self.prices.per_kwh, 1), ("TIME", self.prices.per_minute * 60, 1),
            ("FLAT", self.prices.per_session, 1),
        )  # fmt: skip
        parts = tuple(
            m.PriceComponent(type=kind, price=price, vat=self.prices.vat_percent or None, step_size=size)
            for kind, price, size in components if price or kind == "ENERGY"
        )  # fmt: skip
        return m.Tariff(
            country_code=self.terms.party.country, party_id=self.terms.party.party, id=self.terms.tariff_id,
            currency=self.prices.currency, tax_included="YES", elements=(m.TariffElement(price_components=parts),),
            last_updated=at,
        )  # fmt: skip

    # ── charges ──

    def session(self, charge: RoamingCharge, record: Transaction, at: datetime) -> m.Session:
        """Return a charge that has a transaction as a Session (mod_sessions)."""
        return m.Session(
            country_code=self.terms.party.country, party_id=self.terms.party.party, id=charge.id,
            start_date_time=record.started_at, end_date_time=record.ended_at, kwh=kwh(record.energy),
            cdr_token=_cdr_token(charge), auth_method=charge.method, authorization_reference=charge.reference,
            location_id=location_id(record.station), evse_uid=evse_uid(EvsePlace(record.station, record.evse)),
            connector_id=str(record.connector or 1), currency=self.prices.currency,
            charging_periods=(self._period(record),) if record.energy else (), total_cost=self._cost(record),
            status=_SESSION[charge.state], last_updated=at,
        )  # fmt: skip

    def cdr(
        self, charge: RoamingCharge, record: Transaction, station: StationRecord | None, evse: KnownEvse | None,
        at: datetime,
    ) -> m.Cdr:  # fmt: skip
        """Return the bill of a charge that has ended (mod_cdrs); it is never changed."""
        return m.Cdr(
            country_code=self.terms.party.country, party_id=self.terms.party.party, id=charge.id,
            start_date_time=record.started_at, end_date_time=record.ended_at or at, session_id=charge.id,
            cdr_token=_cdr_token(charge), auth_method=charge.method, authorization_reference=charge.reference,
            cdr_location=self._cdr_location(record, station, evse, at), currency=self.prices.currency,
            tariffs=(self.tariff(at),), charging_periods=(self._period(record),), total_cost=self._cost(record),
            total_energy=kwh(record.energy), total_time=_hours(record), last_updated=at,
        )  # fmt: skip

    def _cdr_location(
        self, record: Transaction, station: StationRecord | None, evse: KnownEvse | None, at: datetime
    ) -> m.CdrLocation:
        site = (station.site if station else None) or _NOWHERE
        place = EvsePlace(record.station, record.evse)
        connector = self.connector(evse or KnownEvse(number=record.evse), record.connector or 1, at)
        return m.CdrLocation(
            id=location_id(record.station), name=(station.name if station else "") or None, address=site.address[:255],
            city=site.city[:_MOST_CITY], postal_code=site.postal_code or None, country=site.country,
            coordinates=_coordinates(site), evse_uid=evse_uid(place), evse_id=(evse.evse_id if evse else "") or _NA,
            connector_id=connector.id, connector_standard=connector.standard, connector_format=connector.format,
            connector_power_type=connector.power_type,
        )  # fmt: skip

    def _period(self, record: Transaction) -> m.ChargingPeriod:
        return m.ChargingPeriod(
            start_date_time=record.started_at, tariff_id=self.terms.tariff_id,
            dimensions=(
                m.CdrDimension(type="ENERGY", volume=kwh(record.energy)),
                m.CdrDimension(type="TIME", volume=_hours(record)),
            ),
        )  # fmt: skip

    def _cost(self, record: Transaction) -> m.Price:
        total = self.prices.cost(record.energy, _seconds(record))
        net, vat = self.prices.split(total)
        tax = m.TaxAmount(name="VAT", percentage=self.prices.vat_percent, amount=vat.amount)
        return m.Price(before_taxes=net.amount, taxes=(tax,) if self.prices.vat_percent else ())


def _cdr_token(charge: RoamingCharge) -> m.CdrToken:
    """Return who charges: for a vehicle its VID, and the contract that the eMSP named when it said yes (§7.4)."""
    return m.CdrToken(
        country_code=charge.owner.country, party_id=charge.owner.party, uid=charge.token_uid, type=charge.token_type,
        contract_id=charge.contract,
    )  # fmt: skip


def _coordinates(site: Site) -> m.GeoLocation:
    point = site.point
    return m.GeoLocation(latitude=_degrees(point.latitude), longitude=_degrees(point.longitude))


def _degrees(value: Decimal) -> str:
    """Return degrees as OCPI wants them: at least five digits after the point, seven at most."""
    return f"{value:.6f}"


def _seconds(record: Transaction) -> int:
    until = record.ended_at or record.last_at or record.started_at
    return max(0, int((until - record.started_at).total_seconds()))


def _hours(record: Transaction) -> Decimal:
    return (Decimal(_seconds(record)) / _SECONDS_PER_HOUR).quantize(_FOUR)
