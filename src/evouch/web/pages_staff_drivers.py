"""The pages of an eMSP's staff about drivers: add one, his cards, phone, contract, what is known of him."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath

from evouch import wire
from evouch.errors import Refused
from evouch.ids import ContractId
from evouch.store.records_roaming import Driver
from evouch.units import Money
from evouch.web import api_emsp_shapes as shapes
from evouch.web import words_emsp as words
from evouch.web.emsp_desk import EmspDesk, phone_link, serving, staff
from evouch.web.phone_view import bills, charges
from evouch.web.security import AnyRequest, Login
from evouch.web.views import Page, page, redirect

__all__ = ["HANDLERS"]

_LOGIN: Final = "/staff/login"
_DRIVERS: Final = "/staff/drivers"
_LONGEST_NAME: Final = 100
#: mod_tokens §Token: characters of a contract_id.
_LONGEST_CONTRACT: Final = 36
#: What a field for date and time sends.
_MINUTE: Final = "%Y-%m-%dT%H:%M"
_AMOUNT: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,4})?")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_ANSWERS: Final = frozenset(
    {"reasonMissing", "contractTaken", "badDriver", "badToken", "tokenTaken", "badTime", "badAmount"}
)


@get(_DRIVERS)
async def drivers(request: AnyRequest) -> Page:
    """List drivers."""
    desk, login = await staff(request)
    if login is None:
        return redirect(_LOGIN)
    found = sorted(await desk.emsp.drivers.all(), key=lambda each: each.name.casefold())
    return page("staff_drivers.html", login=login, drivers=found, done=_done(request))


@post(_DRIVERS, status_code=303)
async def add(request: AnyRequest) -> Page:
    """Add a driver."""
    desk, login, fields = await serving(request)
    name, contract = (fields.get(each, "").strip() for each in ("name", "contract"))
    good = contract.isascii() and contract.isprintable() and 0 < len(contract) <= _LONGEST_CONTRACT
    if not good or not 0 < len(name) <= _LONGEST_NAME:
        return redirect(f"{_DRIVERS}?done=badDriver")
    try:
        driver = await desk.emsp.drivers.add(name, ContractId(contract), actor=login.name)
    except Refused as refusal:
        return redirect(f"{_DRIVERS}?done={_told(refusal)}")
    return redirect(f"{_DRIVERS}/{driver.id}?done=driverAdded")


@get(_DRIVERS + "/{driver:str}")
async def one(request: AnyRequest, driver: FromPath[str]) -> Page:
    """Show one driver."""
    desk, login = await staff(request)
    if login is None:
        return redirect(_LOGIN)
    return await _page(desk, login, await desk.emsp.drivers.get(driver), done=_done(request))


@post(_DRIVERS + "/{driver:str}/phone-link", status_code=200)
async def link(request: AnyRequest, driver: FromPath[str]) -> Page:
    """Make a phone link, and show it this once: it stands in no address."""
    desk, login, _ = await serving(request)
    token = await desk.emsp.drivers.issue_login((await desk.emsp.drivers.get(driver)).id, actor=login.name)
    shown = phone_link(desk.base_url, token)
    return await _page(desk, login, await desk.emsp.drivers.get(driver), link=shown)


@post(_DRIVERS + "/{driver:str}/change", status_code=303)
async def change(request: AnyRequest, driver: FromPath[str]) -> Page:
    """Change his name, how long his contract lasts, what he may still spend, and what he has agreed to."""
    desk, login, fields = await serving(request)
    id, done = await _id(desk, driver), "driverChanged"
    try:
        await desk.emsp.drivers.set(id, actor=login.name, **_changes(fields))
    except Refused as refusal:
        done = _told(refusal)
    return redirect(f"{_DRIVERS}/{id}?done={done}")


@post(_DRIVERS + "/{driver:str}/export", status_code=200)
async def export(request: AnyRequest, driver: FromPath[str]) -> Page:
    """Hand out everything that is known of him, as a file; that it was taken out is on record."""
    desk, login, _ = await serving(request)
    found = shapes.driver_data(desk.emsp, await desk.emsp.desk.export(driver, actor=login.name))
    headers = {"Content-Disposition": 'attachment; filename="driver.json"'}
    return Response(wire.encode(found).decode(), media_type="application/json", headers=headers)


@post(_DRIVERS + "/{driver:str}/block", status_code=303)
async def block(request: AnyRequest, driver: FromPath[str]) -> Page:
    """Block his contract, or no longer."""
    desk, login, fields = await serving(request)
    await desk.emsp.drivers.set(driver, actor=login.name, blocked=fields.get("blocked") == "1")
    return redirect(f"{_DRIVERS}/{await _id(desk, driver)}?done=driverChanged")


@post(_DRIVERS + "/{driver:str}/tokens", status_code=303)
async def give(request: AnyRequest, driver: FromPath[str]) -> Page:
    """Give him a card, block one, or make it good again."""
    desk, login, fields = await serving(request)
    known, uid, tokens = await desk.emsp.drivers.get(driver), fields.get("uid", "").strip(), desk.emsp.tokens
    done = "tokenChanged"
    try:
        match fields.get("act"):
            case "add":
                await tokens.add(uid, known, actor=login.name, visual_number=fields.get("visual", "").strip()[:64])
                done = "tokenAdded"
            case "block" | "unblock" as act if uid in {each.uid for each in await tokens.of(known.id)}:
                await (tokens.block if act == "block" else tokens.unblock)(uid, actor=login.name)
            case _:
                raise Refused("noSuchToken")
    except Refused as refusal:
        done = _told(refusal)
    return redirect(f"{_DRIVERS}/{known.id}?done={done}")


@post(_DRIVERS + "/{driver:str}/erase", status_code=303)
async def erase(request: AnyRequest, driver: FromPath[str]) -> Page:
    """Erase him, with a reason."""
    desk, login, fields = await serving(request)
    id, reason = await _id(desk, driver), fields.get("reason", "")
    if not reason.strip():
        return redirect(f"{_DRIVERS}/{id}?done=reasonMissing")
    await desk.emsp.desk.erase(id, actor=login.name, reason=reason)
    return redirect(f"{_DRIVERS}?done=erased")


HANDLERS: Final = [drivers, add, one, link, change, export, block, give, erase]


def _changes(fields: Mapping[str, str]) -> dict[str, Any]:
    """Read the form; Refused("badDriver", "badTime", "badAmount"). An empty field is without end, or pays later."""
    name, until, credit = (fields.get(each, "").strip() for each in ("name", "until", "credit"))
    if not 0 < len(name) <= _LONGEST_NAME:
        raise Refused("badDriver")
    return {
        "name": name, "opted_in": fields.get("opted_in") == "1", "valid_until": _until(until) if until else None,
        "credit": _credit(credit, fields.get("currency", "").strip().upper()) if credit else None,
    }  # fmt: skip


def _until(text: str) -> datetime:
    """Read what a browser's field for date and time sends. It is meant as UTC, as the page says."""
    try:
        return datetime.strptime(text, _MINUTE).replace(tzinfo=UTC)
    except ValueError:
        raise Refused("badTime") from None


def _credit(amount: str, currency: str) -> Money:
    if not _AMOUNT.fullmatch(amount) or not _CURRENCY.fullmatch(currency):
        raise Refused("badAmount")
    return Money(Decimal(amount), currency)


async def _page(desk: EmspDesk, login: Login, driver: Driver, *, done: str = "", link: str = "") -> Page:
    emsp = desk.emsp
    return page(
        "staff_driver.html", login=login, driver=driver, done=done, link=link, standing=words.status, short=words.short,
        tokens=await emsp.tokens.of(driver.id), vehicles=await emsp.vehicles.of(driver.id),
        charges=await charges(emsp, driver), bills=await bills(emsp, driver), offer=emsp.drivers.offer(driver),
    )  # fmt: skip


async def _id(desk: EmspDesk, driver: str) -> str:
    """Return the id of a driver who is known: what is put into an address comes from us."""
    return (await desk.emsp.drivers.get(driver)).id


def _done(request: AnyRequest) -> str:
    return words.DONE.get(request.query_params.get("done", ""), "")


def _told(refusal: Refused) -> str:
    if refusal.reason not in _ANSWERS:
        raise refusal
    return refusal.reason
