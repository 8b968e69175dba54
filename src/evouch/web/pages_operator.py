"""The operator's pages: which stations are there and who has proved it, what needs a look, what is being paid.

Whoever wants more uses the API. A login is a signed cookie that no other site can send and
no script can read; every form carries proof that it came from our page.
"""

from typing import Final

from litestar import get, post

from evouch.errors import Refused
from evouch.ids import Secret
from evouch.web import words_identity
from evouch.web.api_stations import key_state
from evouch.web.desk import Desk, desk_of, form
from evouch.web.identity_view import seen
from evouch.web.logins import acting, who
from evouch.web.security import AnyRequest, address
from evouch.web.views import Page, page, redirect

__all__ = ["HANDLERS"]

#: Rows of a page: newer ones are what people look for.
_ROWS: Final = 50
_EVENTS: Final = 200
_MANY: Final = 1000
_NEWS: Final = 5
_LONGEST_PASSWORD: Final = 1024


@get("/operator")
async def stations(request: AnyRequest) -> Page:
    """List stations and what needs a look."""
    desk, login = await who(request)
    if login is None:
        return redirect("/operator/login")
    events = await desk.cpo.store.security_events(limit=_NEWS)
    stations = [(view, seen(desk.cpo, view)) for view in desk.cpo.stations.list()]
    return page("operator_stations.html", login=login, stations=stations, events=events, state=key_state)


@get("/operator/security")
async def security(request: AnyRequest) -> Page:
    """List security events, of one station if one is named."""
    desk, login = await who(request)
    if login is None:
        return redirect("/operator/login")
    station = request.query_params.get("station", "")
    found = await desk.cpo.store.security_events(limit=_MANY)
    events = [each for each in found if not station or each.station == station][:_EVENTS]
    registered = {view.record.id for view in desk.cpo.stations.list()}  # whoever knocks may name any other
    return page(
        "operator_security.html", login=login, events=events, station=station, registered=registered,
        meaning=words_identity.EVENTS,
    )  # fmt: skip


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


HANDLERS: Final = [stations, security, payments, ask, enter, leave]


def _form(desk: Desk, request: AnyRequest, *, wrong: bool = False) -> Page:
    browser = desk.door.browser(request) or desk.door.new_browser()
    return page(
        "operator_login.html", status=401 if wrong else 200, wrong=wrong,
        csrf=desk.door.csrf(browser), cookies=[desk.door.known(browser)],
    )  # fmt: skip
