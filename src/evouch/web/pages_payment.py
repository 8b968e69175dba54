"""From the payment provider to the receipt: the page that a driver watches, and what it can press.

A payment's address is unguessable and may be shared: whoever has it may look. Stopping,
cancelling and paying again take the cookie of the browser that began the payment.
"""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import ServerSentEvent, ServerSentEventMessage

from evouch.cpo.payments import View
from evouch.errors import Refused
from evouch.ids import PaymentId
from evouch.units import Money, format_time
from evouch.web import words
from evouch.web.desk import Desk, desk_of, form
from evouch.web.security import AnyRequest
from evouch.web.sse import stream
from evouch.web.views import Page, page, redirect, render
from evouch.webpayment.checkout import Checkout, State

__all__ = ["HANDLERS"]

#: Largest webhook: a provider's event is a few hundred bytes.
MAX_WEBHOOK: Final = 64 * 1024


@get("/pay/{payment:str}")
async def watch(request: AnyRequest, payment: FromPath[str]) -> Page:
    """Show how a payment stands."""
    desk = desk_of(request)
    view = await desk.cpo.payments.view(PaymentId(payment))
    browser = desk.door.browser(request)
    return page(
        "pay.html", **_seen(view, desk.clock.now()), payer=desk.door.pays(request, view.checkout),
        csrf=desk.door.csrf(browser) if browser else "",
    )  # fmt: skip


@get("/pay/{payment:str}/return")
async def come_back(request: AnyRequest, payment: FromPath[str]) -> Page:
    """The provider sent the browser back: look what became of the hold."""
    checkout = await desk_of(request).cpo.payments.returned(PaymentId(payment))
    return redirect(f"/pay/{checkout.payment}")


@get("/pay/{payment:str}/events")
async def events(request: AnyRequest, payment: FromPath[str]) -> ServerSentEvent:
    """Follow a payment until it is over."""
    desk = desk_of(request)
    await desk.cpo.payments.view(PaymentId(payment))
    return stream(_follow(desk, PaymentId(payment)), desk.clock)


@get("/pay/{payment:str}/status.json")
async def status(request: AnyRequest, payment: FromPath[str]) -> Response[dict[str, Any]]:
    """Say for scripts how a payment stands."""
    return Response(_status(await desk_of(request).cpo.payments.view(PaymentId(payment))))


@get("/pay/{payment:str}/receipt")
async def receipt(request: AnyRequest, payment: FromPath[str]) -> Page:
    """Show the receipt."""
    return page("receipt.html", receipt=await desk_of(request).cpo.payments.receipt(PaymentId(payment)))


@post("/pay/{payment:str}/stop", status_code=303)
async def stop(request: AnyRequest, payment: FromPath[str]) -> Page:
    """The driver wants no more energy."""
    desk, checkout = await _payer(request, payment)
    await desk.cpo.payments.stop(checkout.payment)
    return redirect(f"/pay/{checkout.payment}")


@post("/pay/{payment:str}/cancel", status_code=303)
async def cancel(request: AnyRequest, payment: FromPath[str]) -> Page:
    """The driver gives up before energy flows."""
    desk, checkout = await _payer(request, payment)
    await desk.cpo.payments.cancel(checkout.payment)
    return redirect(f"/pay/{checkout.payment}")


@post("/pay/{payment:str}/retry", status_code=303)
async def retry(request: AnyRequest, payment: FromPath[str]) -> Page:
    """The driver tries another card."""
    desk, checkout = await _payer(request, payment)
    again = await desk.cpo.payments.again(checkout.payment)
    return redirect(again.pay_url or f"/pay/{again.payment}")


@post("/webhooks/sandbox", status_code=204, request_max_body_size=MAX_WEBHOOK)
async def webhook(request: AnyRequest) -> Response[None]:
    """The provider has news: 204, or 400 where the signature or its age does not hold."""
    try:
        await desk_of(request).cpo.payments.webhook(dict(request.headers.items()), await request.body())
    except Refused:
        return Response(None, status_code=400)
    return Response(None, status_code=204)


HANDLERS: Final = [watch, come_back, events, status, receipt, stop, cancel, retry, webhook]


async def _payer(request: AnyRequest, payment: str) -> tuple[Desk, Checkout]:
    """Return the payment that this browser may act for; Refused otherwise."""
    desk = desk_of(request)
    desk.door.check_form(request, await form(request), desk.door.browser(request))
    checkout = (await desk.cpo.payments.view(PaymentId(payment))).checkout
    if not desk.door.pays(request, checkout):
        raise Refused("notYours")
    return desk, checkout


async def _follow(desk: Desk, payment: PaymentId) -> AsyncIterator[ServerSentEventMessage]:
    """Yield what changes on the page, and nothing twice."""
    sent = ""
    async for view in desk.cpo.payments.watch(payment):
        seen = _seen(view, desk.clock.now())
        numbers = render("pay_numbers.html", **seen) if seen["stage"].metered else ""
        news = json.dumps({"stage": seen["mark"], "numbers": numbers})
        if news != sent:
            sent = news
            yield ServerSentEventMessage(data=news, event="view")


def _seen(view: View, now: datetime) -> dict[str, Any]:
    checkout = view.checkout
    return {
        "view": view,
        "checkout": checkout,
        "stage": words.stage(checkout, now),
        # the page is loaded again when this changes
        "mark": f"{checkout.state}.{checkout.attempts}.{'open' if checkout.pay_url else ''}",
        "released": checkout.hold - checkout.captured if checkout.captured is not None else None,
    }


def _status(view: View) -> dict[str, Any]:
    checkout = view.checkout
    settled = checkout.state is State.SETTLED
    steps = [(State.OPENED, checkout.created_at), *((step.state, step.at) for step in checkout.steps)]
    return {
        "payment": checkout.payment,
        "state": str(checkout.state),
        "reason": checkout.reason,
        "energy": int(view.energy),
        "seconds": view.seconds,
        "cost": _money(view.cost),
        "hold": _money(checkout.hold),
        "captured": _money(checkout.captured),
        "steps": [{"state": str(state), "at": format_time(at)} for state, at in steps],
        "receipt": f"/pay/{checkout.payment}/receipt" if settled else None,
    }


def _money(amount: Money | None) -> dict[str, str] | None:
    return None if amount is None else {"amount": str(amount.rounded().amount), "currency": amount.currency}
