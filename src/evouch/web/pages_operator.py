"""The operator's pages: which stations are there, what is being paid, fresh QR secrets at a click.

Whoever wants more uses the API. A login is a signed cookie that no other site can send and
no script can read; every form carries proof that it came from our page.
"""

from typing import Final

from litestar import get, post
from litestar.params import FromPath

from evouch.errors import Refused
from evouch.ids import Secret, StationId
from evouch.web.api_stations import key_state
from evouch.web.desk import Desk, desk_of, form
from evouch.web.logins import acting, who
from evouch.web.security import AnyRequest, address
from evouch.web.views import Page, page, redirect

__all__ = ["HANDLERS"]

#: Rows of a page: newer ones are what people look for.
_ROWS: Final = 50
_EVENTS: Final = 10
_LONGEST_PASSWORD: Final = 1024


@get("/operator")
async def stations(request: AnyRequest) -> Page:
    """List stations and what needs a look."""
    desk, login = await who(request)
    if login is None:
        return redirect("/operator/login")
    events = await desk.cpo.store.security_events(limit=_EVENTS)
    return page(
        "operator_stations.html", login=login, stations=desk.cpo.stations.list(), events=events, state=key_state
    )


@get("/operator/stations/{station:str}")
async def station(request: AnyRequest, station: FromPath[str]) -> Page:
    """Show one station."""
    desk, login = await who(request)
    if login is None:
        return redirect("/operator/login")
    view = desk.cpo.stations.get(StationId(station))
    audit = [row for row in await desk.cpo.store.audit(limit=1000) if row.subject == station][:_EVENTS]
    found = await desk.cpo.store.transactions(station=StationId(station), limit=_EVENTS)
    return page("operator_station.html", login=login, view=view, audit=audit, transactions=found, state=key_state)


@post("/operator/stations/{station:str}/provision", status_code=303)
async def provision(request: AnyRequest, station: FromPath[str]) -> Page:
    """Give every EVSE of a station a fresh QR secret."""
    desk, login, _ = await acting(request)
    await desk.cpo.stations.provision(StationId(station), actor=login.name)
    return redirect(request.url.path.removesuffix("/provision"))


@get("/operator/payments")
async def payments(request: AnyRequest) -> Page:
    """List payments."""
    desk, login = await who(request)
    if login is None:
        return redirect("/operator/login")
    found = await desk.cpo.store.checkouts(limit=_ROWS)
    return page("operator_payments.html", login=login, payments=found, due=desk.cpo.checkouts.due)


@get("/operator/login")
async def ask(request: AnyRequest) -> Page:
    """Ask who is there."""
    return _form(desk_of(request), request)


@post("/operator/login", status_code=303)
async def enter(request: AnyRequest) -> Page:
    """Let an operator in."""
    desk, fields = desk_of(request), await form(request)
    desk.door.check_form(request, fields, desk.door.browser(request))
    password = Secret(fields.get("password", "")[:_LONGEST_PASSWORD])
    try:
        operator = await desk.cpo.operators.login(fields.get("name", ""), password, address=address(request))
    except Refused as refusal:
        if refusal.reason != "badLogin":
            raise
        return _form(desk, request, wrong=True)
    return redirect("/operator", cookies=[desk.door.log_in(operator, desk.clock.now())])


@post("/operator/logout", status_code=303)
async def leave(request: AnyRequest) -> Page:
    """Let an operator out."""
    desk, _, _ = await acting(request)
    return redirect("/operator/login", cookies=[desk.door.log_out()])


HANDLERS: Final = [stations, station, provision, payments, ask, enter, leave]


def _form(desk: Desk, request: AnyRequest, *, wrong: bool = False) -> Page:
    browser = desk.door.browser(request) or desk.door.new_browser()
    return page(
        "operator_login.html", status=401 if wrong else 200, wrong=wrong,
        csrf=desk.door.csrf(browser), cookies=[desk.door.known(browser)],
    )  # fmt: skip
