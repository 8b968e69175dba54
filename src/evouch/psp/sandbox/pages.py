"""The hosted pages as text: what a driver sees, and the headers that keep strangers out. Pure.

The pages work without JavaScript and load nothing from anywhere else. ``form-action`` names
the merchant's origin beside our own, because browsers check it for the redirect that
follows a submitted form too.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import jinja2

from evouch.psp.sandbox.cards import TEST_CARDS
from evouch.psp.sandbox.machine import HOLD_LASTS, MAX_ATTEMPTS
from evouch.psp.sandbox.messages import back_to_merchant, origin_of
from evouch.psp.sandbox.records import HoldRecord, State
from evouch.units import Money

__all__ = ["asset", "bank", "closed", "headers", "home", "merchant_origin", "money", "pay", "sorry"]

_HERE: Final = files("evouch.psp.sandbox")
_SYMBOLS: Final = {"EUR": "€", "GBP": "£", "USD": "$"}

#: What the driver reads after a declined card. No sentence says more than a shop may know.
DECLINES: Final = {
    "insufficientFunds": "Your bank declined: there is not enough money on this card for the hold.",
    "cardDeclined": "Your bank declined this card without giving a reason.",
    "expiredCard": "Your bank says that this card has expired.",
    "processingError": "Your bank could not be reached properly. The same card may work now.",
    "authenticationFailed": "Your bank could not confirm that it was you.",
    "authenticationRefused": "You refused the payment at your bank. No amount was held.",
}
#: What the driver reads when there is nothing left to pay here: heading and sentence.
ENDINGS: Final = {
    State.DECLINED: ("No card was accepted", "Nothing was held. You can scan the code on the station again."),
    State.RELEASED: ("This payment was cancelled", "Nothing is held on your card."),
    State.EXPIRED: ("This payment has expired", "Nothing is held on your card."),
}


@cache
def asset(name: str) -> tuple[str, bytes] | None:
    """Return media type and bytes of a file in ``static``, or None if there is none of that name."""
    types = {"pay.css": "text/css", "icon.svg": "image/svg+xml"}
    return (types[name], (_HERE / "static" / name).read_bytes()) if name in types else None


def headers(merchant_origin: str = "") -> dict[str, str]:
    """Return the headers of every page; forms may lead to us and to ``merchant_origin`` only."""
    actions = " ".join(part for part in ("'self'", merchant_origin) if part)
    return {
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
            f"frame-ancestors 'none'; form-action {actions}"
        ),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex",
    }


def money(amount: Money) -> str:
    """Return an amount as drivers read it: ``€50.00``, ``200.00 PLN``."""
    exact = amount.rounded()
    symbol = _SYMBOLS.get(exact.currency)
    return f"{symbol}{exact.amount}" if symbol else f"{exact.amount} {exact.currency}"


def pay(hold: HoldRecord, merchant: str, *, errors: Mapping[str, str] | None = None, expiry: str = "") -> str:
    """Return the card form; ``errors`` is a sentence per field. Number and code are never sent back."""
    left = MAX_ATTEMPTS - len(hold.attempts)
    return _render(
        "pay.html", hold=hold, merchant=merchant, errors=dict(errors or {}), expiry=expiry, left=left,
        declined=DECLINES.get(hold.reason, ""), cards=TEST_CARDS, days=HOLD_LASTS.days,
    )  # fmt: skip


def bank(hold: HoldRecord, merchant: str) -> str:
    """Return the question of the card's bank: it names the amount and the payee that a yes is for."""
    return _render("bank.html", hold=hold, merchant=merchant)


def closed(hold: HoldRecord, merchant: str) -> str:
    """Return the page of a hold that nobody can pay any more."""
    heading, sentence = ENDINGS[hold.state]
    back = back_to_merchant(hold)
    return _render("closed.html", hold=hold, merchant=merchant, heading=heading, sentence=sentence, back=back)


def sorry(heading: str, sentence: str) -> str:
    """Return a page that says what went wrong."""
    return _render("sorry.html", heading=heading, sentence=sentence)


def home(merchant: str) -> str:
    """Return the page at the root: what this service is, and its test cards."""
    return _render("home.html", merchant=merchant, cards=TEST_CARDS)


def merchant_origin(hold: HoldRecord) -> str:
    """Return the origin that the pages of this hold may lead to."""
    return origin_of(hold.return_url)


def _grouped(number: str) -> str:
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4))


@cache
def _templates() -> jinja2.Environment:
    sources = {page.name: page.read_text() for page in (_HERE / "templates").iterdir()}
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(sources), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"money": money, "grouped": _grouped}
    styles = asset("pay.css")
    environment.globals["version"] = hashlib.sha256(styles[1] if styles else b"").hexdigest()[:12]
    return environment


def _render(page: str, **values: Any) -> str:
    return _templates().get_template(page).render(**values)
