"""Operations on partners, vehicles, decisions, charges, the sign oracle, and what staff read."""

from dataclasses import asdict

from evouch.errors import Refused
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import Page
from evouch.store.records import AuditRow, SecurityEvent
from evouch.units import format_time
from evouch.web import api_emsp_models as m
from evouch.web import api_emsp_shapes as shapes
from evouch.web import api_models as shared
from evouch.web.api_emsp_routes import EmspAsk, operation
from evouch.web.api_partners import enter
from evouch.web.staff_view import budget, lanes

__all__: list[str] = []

enter(operation, partners=lambda ask: ask.emsp.partners, syncs=lambda ask: lanes(ask.emsp))

# ── vehicles ──


@operation("GET", "/vehicles", gives=m.VehicleList, query=("offset", "limit"))
async def list_vehicles(ask: EmspAsk) -> m.VehicleList:
    """One page of all vehicles, oldest change first."""
    found, total = await ask.emsp.desk.vehicles(Page(offset=ask.offset, limit=ask.limit))
    return m.VehicleList([shapes.vehicle(each) for each in found], total)


@operation("GET", "/vehicles/{vehicle}", gives=m.VehicleInfo, refuses=("noSuchVehicle",))
async def get_vehicle(ask: EmspAsk) -> m.VehicleInfo:
    """One vehicle."""
    found = await ask.emsp.vehicles.get(ask.vid)
    if found is None:
        raise Refused("noSuchVehicle")
    return shapes.vehicle(found)


@operation(
    "POST", "/vehicles/{vehicle}/revoke", takes=m.Reason, gives=m.VehicleInfo,
    refuses=("noSuchVehicle", "reasonMissing"),
)  # fmt: skip
async def revoke_vehicle(ask: EmspAsk) -> m.VehicleInfo:
    """Revoke a vehicle, with a reason that its driver reads; operators are told."""
    return shapes.vehicle(await ask.emsp.desk.withdraw(ask.vid, actor=ask.actor, reason=ask.body.reason))


@operation("GET", "/vehicles/{vehicle}/export", gives=m.VehicleExport, refuses=("noSuchVehicle",))
async def export_vehicle(ask: EmspAsk) -> m.VehicleExport:
    """Everything that is known of a vehicle; that it was taken out is on record."""
    return shapes.vehicle_data(await ask.emsp.desk.export_vehicle(ask.vid, actor=ask.actor))


@operation("GET", "/decisions", gives=m.DecisionList, query=("vehicle", "limit"))
async def list_decisions(ask: EmspAsk) -> m.DecisionList:
    """Why vehicles were or were not let charge, newest first."""
    found = await ask.emsp.desk.decisions(vid=ask.asked_vid, limit=ask.limit)
    return m.DecisionList([shapes.decision(each) for each in found])


@operation("GET", "/notices", gives=m.NoticeList, query=("limit",))
async def list_notices(ask: EmspAsk) -> m.NoticeList:
    """What drivers were told and asked, newest first."""
    return m.NoticeList([shapes.notice(each) for each in await ask.emsp.desk.notices(limit=ask.limit)])


# ── charging ──


@operation("GET", "/sessions", gives=m.SessionList, query=("driver", "active", "limit"))
async def list_sessions(ask: EmspAsk) -> m.SessionList:
    """Sessions of all drivers or of one, newest first; ``active`` leaves out those that are over."""
    found = await ask.emsp.store.emsp_sessions(driver=ask.query.get("driver"), active=ask.active, limit=ask.limit)
    return m.SessionList([shapes.session(each) for each in found])


@operation("GET", "/invoices", gives=m.InvoiceList, query=("driver", "limit"))
async def list_invoices(ask: EmspAsk) -> m.InvoiceList:
    """Bills of all drivers or of one, newest first."""
    found = await ask.emsp.invoices.of(ask.query.get("driver"), limit=ask.limit)
    return m.InvoiceList([shapes.invoice(each) for each in found])


# ── the sign oracle ──


@operation("GET", "/sign-days", gives=m.SignDayList, query=("days",))
async def list_sign_days(ask: EmspAsk) -> m.SignDayList:
    """What partners have asked the sign oracle for, by partner and day."""
    return m.SignDayList([shapes.sign_day(each) for each in await ask.emsp.desk.sign_days(ask.days)])


@operation("GET", "/sign-budgets", gives=m.SignBudgetList)
async def list_sign_budgets(ask: EmspAsk) -> m.SignBudgetList:
    """What each partner may ask for, and has asked for today."""
    return m.SignBudgetList([_budget(ask, each) for each in ask.emsp.partners.all()])


@operation("PUT", "/partners/{partner}/sign-right", takes=m.SignRight, refuses=("unknownPartner", "reasonMissing"))
async def put_sign_right(ask: EmspAsk) -> None:
    """Take a partner's right to ask for signatures, or give it back with its whole budget; all other modules go on."""
    body: m.SignRight = ask.body
    change = ask.emsp.watch.lift if body.allowed else ask.emsp.watch.suspend
    await change(ask.path["partner"], actor=ask.actor, reason=body.reason)


@operation("GET", "/alarms", gives=m.Alarms)
async def list_alarms(ask: EmspAsk) -> m.Alarms:
    """What the last look at the sign oracle has found to be unlike an operator."""
    return m.Alarms([m.Alarm(each.partner, each.kind.value, each.detail) for each in ask.emsp.watch.alarms])


@operation("GET", "/keys", gives=m.KeyList)
async def list_keys(ask: EmspAsk) -> m.KeyList:
    """All keys of the sign oracle, newest first; what they are stays sealed."""
    return m.KeyList([shapes.key(each) for each in ask.emsp.keys.all()])


@operation("POST", "/keys", takes=m.KeyRotate, gives=m.KeyInfo, refuses=("reasonMissing",))
async def rotate_key(ask: EmspAsk) -> m.KeyInfo:
    """Put a new key into use. Every vehicle has to be bound again: those of the old key are revoked and told."""
    body: m.KeyRotate = ask.body
    return shapes.key(await ask.emsp.desk.rotate_key(actor=ask.actor, reason=body.reason, grace=body.grace))


# ── what staff read ──


@operation("GET", "/audit", gives=shared.AuditList, query=("limit",))
async def list_emsp_audit(ask: EmspAsk) -> shared.AuditList:
    """Who changed what, newest first."""
    return shared.AuditList([_audit(row) for row in await ask.emsp.desk.audit(limit=ask.limit)])


@operation("GET", "/security-events", gives=shared.SecurityEventList, query=("limit",))
async def list_emsp_security_events(ask: EmspAsk) -> shared.SecurityEventList:
    """What staff should look at, newest first."""
    return shared.SecurityEventList([_event(row) for row in await ask.emsp.desk.alarms(limit=ask.limit)])


def _budget(ask: EmspAsk, partner: Partner) -> m.SignBudgetInfo:
    today = budget(ask.emsp, partner)
    return m.SignBudgetInfo(
        partner=partner.id, allowed=partner.sign_allowed, reason=partner.sign_reason, evses=partner.evses,
        share=today.share, signed=today.day.valid, refused=today.day.refused, invalid=today.day.invalid,
        followed=today.day.followed, **asdict(today.limits),
    )  # fmt: skip


def _audit(row: AuditRow) -> shared.AuditInfo:
    return shared.AuditInfo(format_time(row.at), row.actor, row.action, row.subject, row.detail)


def _event(row: SecurityEvent) -> shared.SecurityEventInfo:
    return shared.SecurityEventInfo(format_time(row.at), row.kind, row.station, row.detail)
