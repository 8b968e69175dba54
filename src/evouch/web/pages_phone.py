"""A driver's phone: what he is asked, what runs, his cars, charges and bills.

A personal link carries his token behind a ``#``, where neither servers nor proxies nor other
sites ever see it. One tap exchanges it for a cookie; without JavaScript he pastes it. Nothing
is changed by looking, and every form leads back to a page that can be loaded again.
"""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from litestar import get, post
from litestar.params import FromPath

from evouch.charging.geo import Point
from evouch.emsp.eligibility import Offer
from evouch.errors import Refused
from evouch.ids import Secret, parse_vid
from evouch.store.records_roaming import Car, Driver, Notice
from evouch.web import words_emsp as words
from evouch.web.desk import form
from evouch.web.emsp_desk import ENTER, EmspDesk, driving, looking, riding
from evouch.web.phone_view import bills, charges, home, names
from evouch.web.security import AnyRequest, Kind
from evouch.web.views import Page, page, redirect

__all__ = ["HANDLERS"]

_LONGEST_LINK: Final = 500
_LONGEST_NAME: Final = 60
#: Cars that one driver may note.
_MOST_CARS: Final = 10
#: A metre, in degrees.
_EXACT: Final = Decimal("0.00001")
#: A fix that is worse says nothing; metres.
_MOST_INACCURATE: Final = 100_000
#: What a no means, by the kind of message.
_NO: Final = {"confirm": "refused", "started": "stopping", "granted": "revoked", "conflict": "revoked"}
#: Refusals that are an answer to the driver, told on the page that he came from; all others are a page of their own.
_ANSWERS: Final = frozenset(
    {
        "noticeExpired", "alreadyAnswered", "notGranted", "contractNotInOrder", "modelNotSupported", "whichEvse",
        "bindAgain", "notRunning", "badCar", "badPlace",
    }
)  # fmt: skip


# ── in and out ──


@get(ENTER)
async def ask(request: AnyRequest) -> Page:
    """Ask for the token of a personal link."""
    return _door(looking(request), request)


@post(ENTER, status_code=303)
async def enter(request: AnyRequest) -> Page:
    """Let the phone in that shows a good token."""
    desk, fields = looking(request), await form(request)
    desk.door.check_form(request, fields, desk.door.browser(request))
    shown = fields.get("token", "")[:_LONGEST_LINK].rpartition("#")[2].strip()
    try:
        driver = await desk.emsp.phone.login(Secret(shown))
    except Refused as refusal:
        if refusal.reason != "badLogin":
            raise
        return _door(desk, request, wrong=True)
    assert driver.login is not None  # noqa: S101 - it is what let him in
    return redirect("/me", cookies=[desk.door.let_in(driver.id, driver.login, desk.clock.now())])


@post("/me/leave", status_code=303)
async def leave(request: AnyRequest) -> Page:
    """Let the phone out."""
    desk, _, _ = await driving(request)
    return redirect(ENTER, cookies=[desk.door.log_out(Kind.DRIVER)])


# ── looking ──


@get("/me")
async def first(request: AnyRequest) -> Page:
    """Show what waits for an answer, what runs, and what happened."""
    desk, driver, csrf = await riding(request)
    if driver is None:
        return redirect(ENTER)
    shown = await home(desk.emsp, driver, desk.clock.now())
    return _page("me_home.html", request, desk, driver, csrf, home=shown)


@get("/me/cars")
async def cars(request: AnyRequest) -> Page:
    """Show what he drives, and which vehicles are his."""
    desk, driver, csrf = await riding(request)
    if driver is None:
        return redirect(ENTER)
    offer = await desk.emsp.phone.offer(driver.id)
    vehicles = await desk.emsp.phone.vehicles(driver.id)
    return _page(
        "me_cars.html", request, desk, driver, csrf, vehicles=vehicles, names=await names(desk.emsp, driver),
        standing=words.status, offered=offer is not Offer.NO, offer=words.OFFERS[offer] if driver.cars else "",
        most=_MOST_CARS,
    )  # fmt: skip


@get("/me/charges")
async def past(request: AnyRequest) -> Page:
    """Show his charges."""
    desk, driver, csrf = await riding(request)
    if driver is None:
        return redirect(ENTER)
    return _page("me_charges.html", request, desk, driver, csrf, charges=await charges(desk.emsp, driver))


@get("/me/bills")
async def paid(request: AnyRequest) -> Page:
    """Show his bills."""
    desk, driver, csrf = await riding(request)
    if driver is None:
        return redirect(ENTER)
    return _page("me_bills.html", request, desk, driver, csrf, bills=await bills(desk.emsp, driver))


# ── answering ──


@post("/me/notices/{notice:str}", status_code=303)
async def answer(request: AnyRequest, notice: FromPath[str]) -> Page:
    """Take the answer to a question, or that he has read a message."""
    desk, driver, fields = await driving(request)
    asked = await desk.emsp.notices.owned(driver.id, notice)
    try:
        done = await _answered(desk, driver, asked, fields)
    except Refused as refusal:
        done = _told(refusal)
    return redirect(f"/me?done={done}" if done else "/me")


@post("/me/stop", status_code=303)
async def stop(request: AnyRequest) -> Page:
    """Stop a charge of his."""
    desk, driver, fields = await driving(request)
    done = "stopping"
    try:
        await desk.emsp.phone.stop(driver.id, fields.get("partner", ""), fields.get("session", ""))
    except Refused as refusal:
        done = _told(refusal)
    return redirect(f"/me?done={done}")


@post("/me/vehicles/{vid:str}", status_code=303)
async def say(request: AnyRequest, vid: FromPath[str]) -> Page:
    """Take what he says of a vehicle of his."""
    desk, driver, fields = await driving(request)
    phone = desk.emsp.phone
    acts = {"granted": phone.grant, "revoked": phone.revoke, "never": phone.do_not_ask}
    done = fields.get("say", "")
    if done not in acts:
        raise Refused("malformed")
    try:
        known = parse_vid(vid)
    except ValueError:
        raise Refused("noSuchVehicle") from None
    try:
        await acts[done](driver.id, known)
    except Refused as refusal:
        done = _told(refusal)
    return redirect(f"/me/cars?done={done}")


@post("/me/cars", status_code=303)
async def drive(request: AnyRequest) -> Page:
    """Note one car more, or one less."""
    desk, driver, fields = await driving(request)
    gone = fields.get("gone", "")
    if gone:
        kept = tuple(each for number, each in enumerate(driver.cars, 1) if str(number) != gone)
    else:
        make, model = (fields.get(name, "").strip() for name in ("make", "model"))
        known = 0 < len(make) <= _LONGEST_NAME and 0 < len(model) <= _LONGEST_NAME
        if not known or len(driver.cars) >= _MOST_CARS:
            return redirect("/me/cars?done=badCar")
        kept = tuple(dict.fromkeys((*driver.cars, Car(make, model))))
    await desk.emsp.phone.set_cars(driver.id, kept)
    return redirect("/me/cars?done=cars")


@post("/me/place", status_code=303)
async def here(request: AnyRequest) -> Page:
    """Note where the phone is."""
    desk, driver, fields = await driving(request)
    try:
        latitude, longitude, accuracy = (
            Decimal(fields.get(name, "")) for name in ("latitude", "longitude", "accuracy")
        )
        point = Point(latitude.quantize(_EXACT), longitude.quantize(_EXACT))
        metres = int(accuracy.to_integral_value()) if accuracy.is_finite() else _MOST_INACCURATE
    except (InvalidOperation, ValueError):
        return redirect("/me?done=badPlace")
    await desk.emsp.phone.set_place(driver.id, point, min(max(metres, 0), _MOST_INACCURATE))
    return redirect("/me?done=place")


HANDLERS: Final = [ask, enter, leave, first, cars, past, paid, answer, stop, say, drive, here]


async def _answered(desk: EmspDesk, driver: Driver, asked: Notice, fields: dict[str, str]) -> str:
    """Do what an answer means; return what the page says of it."""
    phone = desk.emsp.phone
    match fields.get("answer"), asked.kind:
        case "yes", _:
            await phone.accept(driver.id, asked.id, evse=fields.get("evse", ""))
            return {"consent": "granted", "confirm": "confirmed"}.get(asked.kind, "")
        case "never", "consent" if asked.vid is not None and "rival" not in asked.data:
            await desk.emsp.notices.question(driver.id, asked.id)
            await phone.do_not_ask(driver.id, asked.vid)
            return "never"
        case "no", _:
            await phone.decline(driver.id, asked.id)
            return _NO.get(asked.kind, "declined")
        case _:
            raise Refused("malformed")


def _told(refusal: Refused) -> str:
    if refusal.reason not in _ANSWERS:
        raise refusal
    return refusal.reason


def _door(desk: EmspDesk, request: AnyRequest, *, wrong: bool = False) -> Page:
    browser = desk.door.browser(request) or desk.door.new_browser()
    return page(
        "me_enter.html", status=401 if wrong else 200, wrong=wrong, name=desk.emsp.terms.name,
        csrf=desk.door.csrf(browser), cookies=[desk.door.known(browser)],
    )  # fmt: skip


def _page(template: str, request: AnyRequest, desk: EmspDesk, driver: Driver, csrf: str, **values: Any) -> Page:
    done = words.DONE.get(request.query_params.get("done", ""), "")
    return page(template, emsp=desk.emsp.terms.name, driver=driver, csrf=csrf, done=done, **values)
