"""The pages of an eMSP's staff: partners and their budgets, vehicles, decisions, messages, the key, what happened.

Whoever wants more uses the API. Who is there is known as on the operator's pages.
"""

from typing import Final

from litestar import get, post
from litestar.params import FromPath

from evouch.emsp.notices import current
from evouch.errors import Refused
from evouch.ids import Secret, Vid, parse_vid
from evouch.ocpi.ports import Page as Rows
from evouch.web import words_emsp as words
from evouch.web.desk import form
from evouch.web.emsp_desk import EmspDesk, looking, serving, staff
from evouch.web.security import AnyRequest, address
from evouch.web.staff_view import rows
from evouch.web.views import Page, page, redirect

__all__ = ["HANDLERS"]

#: Rows of a page: newer ones are what people look for.
_ROWS: Final = 100
_NEWS: Final = 8
_LONGEST_PASSWORD: Final = 1024
_LOGIN: Final = "/staff/login"
#: Refusals that are told on the page where the form stands.
_ANSWERS: Final = frozenset({"reasonMissing"})
#: What may be chosen as grace of an old key: seconds → words.
GRACES: Final = {"0": "not at all", "86400": "for a day", "604800": "for a week", "2592000": "for 30 days"}


# ── in and out ──


@get(_LOGIN)
async def ask(request: AnyRequest) -> Page:
    """Ask who is there."""
    return _form(looking(request), request)


@post(_LOGIN, status_code=303)
async def enter(request: AnyRequest) -> Page:
    """Let somebody of the staff in."""
    desk, fields = looking(request), await form(request)
    desk.door.check_form(request, fields, desk.door.browser(request))
    password = Secret(fields.get("password", "")[:_LONGEST_PASSWORD])
    try:
        operator = await desk.emsp.operators.login(fields.get("name", ""), password, address=address(request))
    except Refused as refusal:
        if refusal.reason != "badLogin":
            raise
        return _form(desk, request, wrong=True)
    return redirect("/staff", cookies=[desk.door.log_in(operator, desk.clock.now())])


@post("/staff/logout", status_code=303)
async def leave(request: AnyRequest) -> Page:
    """Let somebody out."""
    desk, _, _ = await serving(request)
    return redirect(_LOGIN, cookies=[desk.door.log_out()])


# ── partners ──


@get("/staff")
async def overview(request: AnyRequest) -> Page:
    """List partners with what goes between us, their budgets today, and what needs a look."""
    desk, login = await staff(request)
    if login is None:
        return redirect(_LOGIN)
    events = await desk.emsp.desk.alarms(limit=_NEWS)
    return page(
        "staff_overview.html", login=login, done=_done(request), rows=rows(desk.emsp), events=events,
        meaning=words.EVENTS, key=desk.emsp.keys.current, name=desk.emsp.terms.name,
    )  # fmt: skip


@post("/staff/partners/{partner:str}/sign-right", status_code=303)
async def sign_right(request: AnyRequest, partner: FromPath[str]) -> Page:
    """Take a partner's right to ask for signatures, or give it back."""
    desk, login, fields = await serving(request)
    lift = fields.get("allowed") == "1"
    change = desk.emsp.watch.lift if lift else desk.emsp.watch.suspend
    try:
        await change(partner, actor=login.name, reason=fields.get("reason", ""))
    except Refused as refusal:
        return redirect(f"/staff?done={_told(refusal)}")
    return redirect(f"/staff?done={'lifted' if lift else 'suspended'}")


# ── vehicles and what was decided ──


@get("/staff/vehicles")
async def vehicles(request: AnyRequest) -> Page:
    """List vehicles, latest change first."""
    desk, login = await staff(request)
    if login is None:
        return redirect(_LOGIN)
    number = _number(request.query_params.get("page", ""))
    _, total = await desk.emsp.desk.vehicles(Rows(offset=0, limit=1))
    last = max(0, total - number * _ROWS)
    found, _ = await desk.emsp.desk.vehicles(Rows(offset=max(0, last - _ROWS), limit=max(1, min(_ROWS, last))))
    shown = [(each, await desk.emsp.store.driver_of(each.contract)) for each in reversed(found if last else [])]
    return page(
        "staff_vehicles.html", login=login, done=_done(request), vehicles=shown, standing=words.status, total=total,
        number=number, more=last > _ROWS, short=words.short,
    )  # fmt: skip


@post("/staff/vehicles/{vid:str}/revoke", status_code=303)
async def withdraw(request: AnyRequest, vid: FromPath[str]) -> Page:
    """Revoke a vehicle, with a reason that its driver reads."""
    desk, login, fields = await serving(request)
    try:
        await desk.emsp.desk.withdraw(_vid(vid), actor=login.name, reason=fields.get("reason", ""))
    except Refused as refusal:
        return redirect(f"/staff/vehicles?done={_told(refusal)}")
    return redirect("/staff/vehicles?done=withdrawn")


@get("/staff/decisions")
async def decisions(request: AnyRequest) -> Page:
    """List why vehicles were or were not let charge, of one vehicle if one is named."""
    desk, login = await staff(request)
    if login is None:
        return redirect(_LOGIN)
    named = request.query_params.get("vehicle", "")
    vid = _vid(named) if named else None
    found = await desk.emsp.desk.decisions(vid=vid, limit=_ROWS)
    return page("staff_decisions.html", login=login, decisions=found, vid=vid, finding=words.finding, short=words.short)


@get("/staff/messages")
async def messages(request: AnyRequest) -> Page:
    """List what drivers were told and asked."""
    desk, login = await staff(request)
    if login is None:
        return redirect(_LOGIN)
    now = desk.clock.now()
    notices = [current(each, now) for each in await desk.emsp.desk.notices(limit=_ROWS)]
    called = {each.id: each.name for each in await desk.emsp.drivers.all()}
    return page("staff_messages.html", login=login, notices=notices, called=called, short=words.short)


# ── the key, and what happened ──


@get("/staff/key")
async def key(request: AnyRequest) -> Page:
    """List the keys of the sign oracle, never what they are."""
    desk, login = await staff(request)
    if login is None:
        return redirect(_LOGIN)
    return page("staff_key.html", login=login, done=_done(request), keys=desk.emsp.keys.all(), graces=GRACES)


@post("/staff/key/rotate", status_code=303)
async def rotate(request: AnyRequest) -> Page:
    """Put a new key into use, with a reason."""
    desk, login, fields = await serving(request)
    grace = fields.get("grace", "")
    if grace not in GRACES:
        raise Refused("malformed")
    try:
        await desk.emsp.desk.rotate_key(actor=login.name, reason=fields.get("reason", ""), grace=float(grace))
    except Refused as refusal:
        return redirect(f"/staff/key?done={_told(refusal)}")
    return redirect("/staff/key?done=rotated")


@get("/staff/log")
async def log(request: AnyRequest) -> Page:
    """List who changed what, and what needs a look."""
    desk, login = await staff(request)
    if login is None:
        return redirect(_LOGIN)
    audit, events = await desk.emsp.desk.audit(limit=_ROWS), await desk.emsp.desk.alarms(limit=_ROWS)
    return page("staff_log.html", login=login, audit=audit, events=events, meaning=words.EVENTS)


HANDLERS: Final = [
    ask, enter, leave, overview, sign_right, vehicles, withdraw, decisions, messages, key, rotate, log,
]  # fmt: skip


def _form(desk: EmspDesk, request: AnyRequest, *, wrong: bool = False) -> Page:
    browser = desk.door.browser(request) or desk.door.new_browser()
    return page(
        "operator_login.html", status=401 if wrong else 200, wrong=wrong, csrf=desk.door.csrf(browser),
        cookies=[desk.door.known(browser)], heading=desk.emsp.terms.name, action=_LOGIN,
    )  # fmt: skip


def _done(request: AnyRequest) -> str:
    return words.DONE.get(request.query_params.get("done", ""), "")


def _told(refusal: Refused) -> str:
    if refusal.reason not in _ANSWERS:
        raise refusal
    return refusal.reason


def _vid(text: str) -> Vid:
    try:
        return parse_vid(text)
    except ValueError:
        raise Refused("noSuchVehicle") from None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0  # noqa: PLR2004 - ten million rows
