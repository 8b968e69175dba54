"""What pages say: one table per kind of news, in plain words. Pure.

Reasons are the short stable words that use-cases give (``slotTaken``); a page never shows
one that stands in no table here.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from evouch.charging.tokens import Limit
from evouch.units import Money, Watts, Wh
from evouch.web.words_identity import REFUSALS
from evouch.webpayment.checkout import Checkout, State

__all__ = ["BUSY", "PROBLEMS", "Stage", "kw", "kwh", "limits", "money", "price", "span", "stage"]

#: Why nobody can pay at an EVSE now, and what to do instead.
BUSY: Final = {
    "slotTaken": "Somebody has just paid with this code. Scan the next code on the display: it changes by itself.",
    "stationOffline": "The station has no connection right now. Please try again in a minute or use another one.",
    "evseUnavailable": "This charging point is out of order. Please use another one.",
    "evseBusy": "Somebody is using or paying for this charging point. Wait for the next code, or use another one.",
}

#: Status, heading, sentence of a request that leads nowhere.
PROBLEMS: Final[dict[str, tuple[int, str, str]]] = {
    "invalidCode": (404, "This code is no longer valid", "Scan the one on the display now."),
    "unknownPayment": (404, "There is no such payment", "Scan the code on the display to start a new one."),
    "notFound": (404, "There is nothing here", "Scan the code on the charging station's display to start."),
    "wrongMethod": (405, "This did not work", "Please go back and try again."),
    "noReceipt": (404, "There is no receipt yet", "It is made as soon as the payment is settled."),
    "unknownStation": (404, "There is no such station", "It may have been removed. Go back to the list."),
    "badGrant": (410, "This offer is over", "Scan the code on the display again to see the current one."),
    "grantExpired": (410, "This offer is over", "Scan the code on the display again to see the current one."),
    "foreignForm": (403, "This did not come from our page", "Please go back, reload the page and try again."),
    "notLoggedIn": (401, "You are not logged in", "Your login has run out. Log in again at /operator."),
    "notYours": (403, "Only the phone that paid can do it", "You can also stop at the station or in the car."),
    "tooLarge": (413, "This is more than the form has fields for", "Please go back and try again."),
    "tooManyRequests": (429, "Too many tries", "Please wait a moment, then scan the code on the display again."),
    "providerDown": (
        503, "Payment is not possible right now",
        "The payment provider did not answer. Nothing was charged. Please scan the next code in a moment.",
    ),
    "paymentOver": (409, "This payment is over", "Nothing was charged. Scan the next code to start again."),
    "equalSecrets": (409, "Two stations have the same secret", "Give this station a fresh one."),
    "badLimit": (422, "This limit cannot be used", "Please go back and leave it empty."),
    "malformed": (400, "This did not work", "The address or the form is not complete. Please scan the code again."),
    "serverError": (500, "Something went wrong here", "It is not your fault. Please try again in a moment."),
    **{reason: (status, "This was not done", says) for reason, (status, says) in REFUSALS.items()},
    **{reason: (409, "You cannot pay here right now", says) for reason, says in BUSY.items()},
}  # fmt: skip

#: Why a payment ended without a charge.
_NOTHING: Final = {
    "cancelled": "The payment was cancelled.",
    "cardDeclined": "No card was accepted.",
    "notPaidInTime": "The payment was not finished in time.",
    "neverPlugged": "No car was plugged in.",
    "startRejected": "The station refused to start.",
    "stationOffline": "The station lost its connection before it could start.",
    "evseBusy": "Somebody else began to use this charging point first.",
    "providerDown": "The payment provider did not answer.",
    "amountMismatch": "The provider held another amount than agreed.",
    "captureImpossible": "The hold ended before anything could be taken from it.",
    "holdGone": "The hold on the card ended before the charge.",
    "noEnergy": "No energy flowed.",
    "stoppedByDriver": "It was stopped before energy flowed.",
}

#: Why a charge ended, where that is worth saying.
_ENDED: Final = {
    "stoppedByDriver": "You stopped the charge.",
    "limitReached": "The charge stopped at the limit that you agreed to.",
    "holdGone": "The charge was stopped because the hold on the card ended.",
}

_DECLINED: Final = {
    "insufficientFunds": "There was not enough money on the card for the hold.",
    "expiredCard": "The card has expired.",
    "processingError": "The card's bank could not be reached properly.",
    "authenticationFailed": "The card's bank could not confirm that it was you.",
    "authenticationRefused": "The payment was refused at the card's bank.",
}

_STAGES: Final = {
    State.OPENED: ("Not paid yet", "Open the payment page to go on."),
    State.PAYING: ("Waiting for your card", "Finish on the payment page. This page goes on by itself."),
    State.HELD: ("Card accepted", "The station is being started."),
    State.STARTING: ("Card accepted", "The station is being started."),
    State.WAITING: ("Plug in now", "The station is ready for your car."),
    State.CHARGING: ("Charging", ""),
    State.STOPPING: ("Stopping", "The station was asked to stop. This takes a few seconds."),
    State.CAPTURING: ("Charge finished", "The final amount is being taken."),
    State.SETTLED: ("Paid", ""),
    State.RELEASING: ("Nothing was charged", "The hold on your card is being given back."),
    State.RELEASED: ("Nothing was charged", "The hold on your card was given back."),
    State.ABANDONED: ("Nothing was charged", ""),
}

_CANCELLABLE: Final = frozenset({State.OPENED, State.PAYING, State.HELD, State.STARTING, State.WAITING})
_NOTHING_TAKEN: Final = frozenset({State.RELEASING, State.RELEASED, State.ABANDONED})
_METERED: Final = frozenset({State.CHARGING, State.STOPPING, State.CAPTURING, State.SETTLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A payment in plain words, and what its driver may do now."""

    title: str
    sentence: str
    state: State
    #: whether something still happens by itself
    live: bool
    metered: bool
    can_cancel: bool
    can_stop: bool
    can_retry: bool


def stage(checkout: Checkout, now: datetime) -> Stage:
    """Return where a payment stands, as its driver reads it."""
    state = checkout.state
    declined = state is State.OPENED and checkout.attempts > 0
    title, sentence = ("The card was declined", _declined(checkout)) if declined else _STAGES[state]
    if state in _NOTHING_TAKEN:
        sentence = f"{_NOTHING.get(checkout.reason, '')} {sentence}".strip()
    elif state is State.WAITING and checkout.plug_until is not None:
        minutes = max(1, round((checkout.plug_until - now).total_seconds() / 60))
        within = f"{minutes} minutes" if minutes > 1 else "one minute"
        sentence = f"The station is ready. Plug in within {within}; after that the hold is given back."
    elif state in (State.CAPTURING, State.SETTLED):
        sentence = f"{_ENDED.get(checkout.reason, '')} {sentence}".strip()
    return Stage(
        title=title, sentence=sentence, state=state, live=not checkout.final, metered=state in _METERED,
        can_cancel=state in _CANCELLABLE, can_stop=state is State.CHARGING, can_retry=_can_retry(checkout),
    )  # fmt: skip


def _can_retry(checkout: Checkout) -> bool:
    """Whether the driver has to ask for a payment page: the last one is over, or the provider gave none."""
    return checkout.state is State.OPENED or (checkout.state is State.PAYING and not checkout.pay_url)


def _declined(checkout: Checkout) -> str:
    why = _DECLINED.get(checkout.reason, "Its bank gave no reason.")
    return f"{why} Nothing was charged. You can try again or use another card."


# ── how quantities read ─────────────────────────────────────────────────────────────────


def money(amount: Money) -> str:
    """Return an amount as it is paid: ``12.30 EUR``."""
    return str(amount)


def price(amount: Decimal) -> str:
    """Return a price with all its digits, and at least two after the point: ``0.59``, ``0.595``."""
    plain = amount.normalize()
    return f"{plain:.2f}" if plain.as_tuple().exponent > -2 else f"{plain:f}"  # type: ignore[operator]  # noqa: PLR2004 - cents


def kwh(energy: Wh) -> str:
    """Return an energy in kWh, to ten watt-hours."""
    return f"{Decimal(energy) / 1000:.2f}"


def kw(power: Watts) -> str:
    """Return a power in kW, without a useless ``.0``."""
    return f"{Decimal(power) / 1000:.1f}".removesuffix(".0")


def span(seconds: int) -> str:
    """Return a time as ``1:05:09`` or ``5:09``."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def limits(limit: Limit) -> str:
    """Return limits as a driver says them, empty without any."""
    parts = (
        money(limit.max_cost) if limit.max_cost else "",
        f"{kwh(limit.max_energy)} kWh" if limit.max_energy else "",
        f"{price(Decimal(limit.max_time) / 60).removesuffix('.00')} min" if limit.max_time else "",
    )
    return " · ".join(part for part in parts if part)
