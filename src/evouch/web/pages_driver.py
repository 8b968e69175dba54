"""From the scanned code to the payment provider: one code, one offer, one button.

Opening the scanned address judges the code and changes nothing. Whoever brought a good one
gets a grant in a cookie and is led to an address without the code, so that it stays out of
histories, shared links and referrers. The database is not asked on this way.
"""

from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import urlsplit

from litestar import get, post

from evouch.charging.tokens import Limit
from evouch.cpo.offers import Offer
from evouch.errors import InvalidCode
from evouch.ids import StationId
from evouch.units import Money, Wh
from evouch.web import words
from evouch.web.desk import Desk, desk_of, form, target
from evouch.web.security import AnyRequest, address
from evouch.web.views import Page, page, redirect
from evouch.webpayment.claim import Claim
from evouch.webpayment.url import Template

__all__ = ["handlers"]

_FIELDS: Final = {"cost": "the cost", "kwh": "the energy", "minutes": "the time"}
#: Above any charge, below any overflow.
_MOST: Final = 100_000


async def _scan(request: AnyRequest) -> Page:
    """Judge a scanned code, and lead its browser to the offer."""
    desk = desk_of(request)
    claim = _claim(desk, target(request))
    browser = desk.door.browser(request) or desk.door.new_browser()
    offered = desk.cpo.payments.offer(claim, browser=browser, address=address(request))
    lasts = max(1, int((offered.expires_at - desk.clock.now()).total_seconds()))
    return redirect("/offer", cookies=desk.door.scanned(browser, offered.grant, lasts))


@get("/offer")
async def offer(request: AnyRequest) -> Page:
    """Show price and hold."""
    desk = desk_of(request)
    browser = desk.door.browser(request)
    offered = desk.cpo.payments.offer_of(desk.door.grant(request), browser=browser)
    return _page(desk, offered, browser, _typed(offered.limit))


@post("/offer/pay", status_code=303)
async def pay(request: AnyRequest) -> Page:
    """Spend the code, and lead the browser to the payment provider."""
    desk, fields = desk_of(request), await form(request)
    browser, grant = desk.door.browser(request), desk.door.grant(request)
    desk.door.check_form(request, fields, browser)
    offered = desk.cpo.payments.offer_of(grant, browser=browser)
    limit, wrong = _limit(fields, offered.tariff.currency)
    if wrong:
        return _page(desk, offered, browser, {name: fields.get(name, "")[:9] for name in _FIELDS}, wrong)
    checkout = await desk.cpo.payments.begin(grant, browser=browser, limit=limit, address=address(request))
    return redirect(checkout.pay_url or f"/pay/{checkout.payment}", cookies=desk.door.paying(checkout))


def handlers(templates: tuple[Template, ...]) -> list[Any]:
    """Return the handlers of these pages; codes are looked for wherever a template puts them."""
    return [get(sorted({_path(template) for template in templates}), name="scan")(_scan), offer, pay]


def _path(template: Template) -> str:
    """Return the route of a template's addresses: what stands before its first placeholder, and anything after."""
    path = urlsplit(template.text).path
    fixed, brace, _ = path.partition("{")
    return fixed[: fixed.rindex("/") + 1] + "{rest:path}" if brace else path or "/"


def _claim(desk: Desk, asked: str) -> Claim:
    """Return what the address says; templates that were configured come before the usual form."""
    for template in desk.templates:
        try:
            claim = template.read_target(asked)
        except InvalidCode:
            continue
        return claim if claim.station else _located(desk, claim)
    raise InvalidCode("no template fits")


def _located(desk: Desk, claim: Claim) -> Claim:
    """Return a claim that names only a roaming EVSE id with the station and EVSE that have it."""
    for record in desk.cpo.registry.stations():
        for evse in record.evses:
            if claim.roaming_evse and evse.evse_id == claim.roaming_evse:
                return Claim(
                    code=claim.code, station=StationId(record.id), evse=evse.number, version=claim.version,
                    limit_time=claim.limit_time, limit_energy=claim.limit_energy, limit_cost=claim.limit_cost,
                )  # fmt: skip
    return claim


def _page(desk: Desk, offered: Offer, browser: str, typed: dict[str, str], wrong: tuple[str, ...] = ()) -> Page:
    errors = [f"Please type {_FIELDS[name]} as a number above 0, or leave it empty." for name in wrong]
    return page(
        "offer.html", status=422 if wrong else 200, offer=offered, prices=offered.tariff.prices(), typed=typed,
        wrong=wrong, errors=errors, limited=bool(offered.limit), busy=words.BUSY.get(offered.busy, ""),
        csrf=desk.door.csrf(browser),
    )  # fmt: skip


def _typed(limit: Limit) -> dict[str, str]:
    """Return limits as the form shows them: never above what they are."""
    cost, energy, time = limit.max_cost, limit.max_energy, limit.max_time
    return {
        "cost": "" if cost is None else words.price(cost.amount),
        "kwh": "" if energy is None else words.price(Decimal(energy) / 1000),
        "minutes": "" if time is None else str(time // 60 or 1),
    }


def _limit(fields: dict[str, str], currency: str) -> tuple[Limit, tuple[str, ...]]:
    """Return the limits that a driver typed, and the names of the fields that make no sense."""
    values: dict[str, Decimal | None] = {}
    wrong = []
    for name in _FIELDS:
        try:
            values[name] = _number(fields.get(name, ""))
        except ValueError:
            wrong.append(name)
    if wrong:
        return Limit(), tuple(wrong)
    cost, kwh, minutes = values["cost"], values["kwh"], values["minutes"]
    limit = Limit(
        max_cost=None if cost is None else Money(cost, currency).rounded_down(),
        max_energy=None if kwh is None else Wh(int(kwh * 1000)),
        max_time=None if minutes is None else int(minutes * 60),
    )
    # what is less than a cent, a watt-hour or a second would be no limit at all
    smallest = {"cost": limit.max_cost and limit.max_cost.amount, "kwh": limit.max_energy, "minutes": limit.max_time}
    return limit, tuple(name for name, value in smallest.items() if values[name] is not None and not value)


def _number(text: str) -> Decimal | None:
    """Return a positive number, None for an empty field; ValueError otherwise. A comma is a point."""
    text = text.strip().replace(",", ".")
    if not text:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError from None
    if not number.is_finite() or not 0 < number < _MOST or not text.isascii():
        raise ValueError(text)
    return number
