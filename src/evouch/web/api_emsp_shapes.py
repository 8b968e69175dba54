"""Records of an eMSP in the shapes that its API gives them. What is secret is not among it."""

from datetime import datetime

from evouch.autocharge.budget import SignDay
from evouch.charging.vehicles import Vehicle
from evouch.emsp.app import Emsp
from evouch.emsp.privacy import DriverData, VehicleData
from evouch.store.records_roaming import (
    Decision,
    Driver,
    DriverToken,
    EmspSession,
    Enrolment,
    Invoice,
    Notice,
    OprfKey,
)
from evouch.units import Money, format_time
from evouch.web import api_emsp_models as m
from evouch.web.api_models import Amount

__all__ = [
    "decision", "driver", "driver_data", "invoice", "key", "notice", "session", "sign_day", "token", "vehicle",
    "vehicle_data",
]  # fmt: skip


def driver(emsp: Emsp, of: Driver) -> m.DriverInfo:
    """Return a driver; neither the hash of his phone's token nor where his phone is."""
    return m.DriverInfo(
        id=of.id, name=of.name, contract=of.contract, language=of.language, opted_in=of.opted_in,
        cars=[m.CarInfo(each.make, each.model) for each in of.cars], valid_until=_time(of.valid_until),
        blocked=of.blocked, credit=_amount(of.credit), created_at=format_time(of.created_at),
        phone_link=of.login is not None, offer=emsp.drivers.offer(of).value,
    )  # fmt: skip


def token(of: DriverToken) -> m.TokenInfo:
    """Return a card or an app's token."""
    return m.TokenInfo(
        uid=of.uid, type=of.type, driver=of.driver, contract=of.contract, valid=of.valid, whitelist=of.whitelist,
        visual_number=of.visual_number, last_updated=format_time(of.last_updated),
    )  # fmt: skip


def vehicle(of: Vehicle) -> m.VehicleInfo:
    """Return a vehicle."""
    return m.VehicleInfo(
        vid=of.vid, contract=of.contract, status=of.status.value, created=format_time(of.created),
        authorized=_time(of.authorized), revoked=_time(of.revoked), last_updated=format_time(of.last_updated),
    )  # fmt: skip


def decision(of: Decision) -> m.DecisionInfo:
    """Return a decision with what each check found."""
    return m.DecisionInfo(
        at=format_time(of.at), partner=of.partner, vid=of.vid, contract=of.contract, allowed=of.allowed.value,
        reason=of.reason, findings=of.findings, location=of.location, distance_km=of.distance_km,
        reference=of.reference,
    )  # fmt: skip


def notice(of: Notice) -> m.NoticeInfo:
    """Return a message to a driver."""
    return m.NoticeInfo(
        id=of.id, driver=of.driver, at=format_time(of.at), kind=of.kind, vid=of.vid, partner=of.partner,
        state=of.state.value, expires=_time(of.expires), data=of.data,
    )  # fmt: skip


def session(of: EmspSession) -> m.SessionInfo:
    """Return a session."""
    return m.SessionInfo(
        partner=of.partner, id=of.id, status=of.status, driver=of.driver, contract=of.contract,
        token_uid=of.token_uid, token_type=of.token_type, vid=of.vid, reference=of.reference, location=of.location,
        evse=of.evse, started_at=format_time(of.started_at), ended_at=_time(of.ended_at), energy=of.energy,
        cost=_amount(of.cost), last_updated=format_time(of.last_updated),
    )  # fmt: skip


def invoice(of: Invoice) -> m.InvoiceInfo:
    """Return a line of a bill."""
    return m.InvoiceInfo(
        partner=of.partner, id=of.id, driver=of.driver, contract=of.contract, session=of.session,
        started_at=format_time(of.started_at), ended_at=format_time(of.ended_at), energy=of.energy,
        total=_money(of.total), total_with_tax=_money(of.total_with_tax), location=of.location,
        received_at=format_time(of.received_at),
    )  # fmt: skip


def sign_day(of: SignDay) -> m.SignDayInfo:
    """Return a partner's counters of a day."""
    return m.SignDayInfo(
        partner=of.partner, day=of.day.isoformat(), signed=of.valid, refused=of.refused, invalid=of.invalid,
        followed=of.followed,
    )  # fmt: skip


def key(of: OprfKey) -> m.KeyInfo:
    """Return when a key was used, never the key."""
    return m.KeyInfo(id=of.id, created_at=format_time(of.created_at), retired_at=_time(of.retired_at))


def vehicle_data(of: VehicleData) -> m.VehicleExport:
    """Return everything about a vehicle."""
    return m.VehicleExport(
        vehicle=vehicle(of.vehicle), enrolment=_enrolment(of.enrolment) if of.enrolment is not None else None,
        sessions=[session(each) for each in of.sessions], decisions=[decision(each) for each in of.decisions],
    )  # fmt: skip


def driver_data(emsp: Emsp, of: DriverData) -> m.DriverExport:
    """Return everything about a driver."""
    return m.DriverExport(
        driver=driver(emsp, of.driver), tokens=[token(each) for each in of.tokens],
        vehicles=[vehicle_data(each) for each in of.vehicles], sessions=[session(each) for each in of.sessions],
        invoices=[invoice(each) for each in of.invoices], notices=[notice(each) for each in of.notices],
    )  # fmt: skip


def _enrolment(of: Enrolment) -> m.EnrolmentInfo:
    return m.EnrolmentInfo(of.driver, of.token_uid, of.session, of.partner, of.key, format_time(of.at))


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


def _money(money: Money) -> Amount:
    return Amount(str(money.rounded().amount), money.currency)


def _amount(money: Money | None) -> Amount | None:
    return None if money is None else _money(money)
