"""The test cards, and the reading of a card form.

Rules of this file: a card number and its CVC live in the local variables of :func:`read`
and nowhere else. What leaves is a :class:`Card`: brand, last four digits, and what the
card's bank will say. A number that is not a test card is refused, so that nobody's real
card is ever typed into a sandbox with success.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

__all__ = ["TEST_CARDS", "Card", "FormErrors", "KnownCard", "Outcome", "luhn", "read"]


class Outcome(StrEnum):
    """What the card's bank does. The declining ones are the reasons that the wire carries."""

    SUCCESS = "success"
    CHALLENGE = "challenge"
    CHALLENGE_FAILS = "challengeFails"
    INSUFFICIENT_FUNDS = "insufficientFunds"
    DECLINED = "cardDeclined"
    EXPIRED_CARD = "expiredCard"
    PROCESSING_ERROR = "processingError"


#: Years that a card is valid for, at most.
MAX_YEARS: Final = 20


@dataclass(frozen=True, slots=True)
class KnownCard:
    """A number with a known fate. ``seconds`` is how long its bank thinks."""

    number: str
    brand: str
    outcome: Outcome
    does: str
    seconds: float = 0.0


_O = Outcome
TEST_CARDS: Final = (
    KnownCard("4242424242424242", "Visa", _O.SUCCESS, "is accepted"),
    KnownCard("5555555555554444", "Mastercard", _O.SUCCESS, "is accepted"),
    KnownCard("378282246310005", "American Express", _O.SUCCESS, "is accepted (CVC of four digits)"),
    KnownCard("4000002500003155", "Visa", _O.CHALLENGE, "asks you to confirm at your bank (3-D Secure)"),
    KnownCard("4000008400001629", "Visa", _O.CHALLENGE_FAILS, "asks you to confirm, and is declined all the same"),
    KnownCard("4000000000009995", "Visa", _O.INSUFFICIENT_FUNDS, "is declined: not enough money"),
    KnownCard("4000000000000002", "Visa", _O.DECLINED, "is declined without a reason"),
    KnownCard("4000000000000069", "Visa", _O.EXPIRED_CARD, "is declined: the bank says it has expired"),
    KnownCard("4000000000000119", "Visa", _O.PROCESSING_ERROR, "fails at the bank; may be tried again"),
    KnownCard("4000000000000077", "Visa", _O.SUCCESS, "is accepted after eight seconds", seconds=8.0),
)
_BY_NUMBER: Final = {card.number: card for card in TEST_CARDS}


@dataclass(frozen=True, slots=True)
class Card:
    """All that is known of a card once its form was read."""

    brand: str
    last4: str
    outcome: Outcome
    seconds: float = 0.0


class FormErrors(Exception):
    """What the driver should mend: a sentence per field."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("the card form has errors")
        self.fields = dict(fields)


def luhn(number: str) -> bool:
    """Return whether the check digit of a card number is right (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        total += sum(divmod(int(digit) * (1 + place % 2), 10))
    return total % 10 == 0


def read(form: Mapping[str, str], at: datetime) -> Card:
    """Return the card of a submitted form (``number``, ``expiry``, ``cvc``); raise :class:`FormErrors`."""
    number = re.sub(r"[ \-\u00a0]", "", form.get("number", ""))
    card = _BY_NUMBER.get(number)
    problems = {
        "number": _number_problem(number, known=card is not None),
        "expiry": _expiry_problem(form.get("expiry", ""), at),
        "cvc": _cvc_problem(form.get("cvc", "").strip(), card),
    }
    errors = {field: problem for field, problem in problems.items() if problem}
    if errors or card is None:
        raise FormErrors(errors)
    return Card(card.brand, card.number[-4:], card.outcome, card.seconds)


def _number_problem(number: str, *, known: bool) -> str:
    if not number:
        return "Enter the card number."
    if not re.fullmatch(r"[0-9]+", number):
        return "A card number has digits only."
    if not re.fullmatch(r"[0-9]{12,19}", number):
        return "A card number has 12 to 19 digits. Is one missing?"
    if not luhn(number):
        return "This card number has a typing error. Please compare it with the card."
    return "" if known else "Only test cards work here. Never type the number of a real card into a sandbox."


def _expiry_problem(text: str, at: datetime) -> str:
    found = re.fullmatch(r"\s*([0-9]{1,2})\s*[/\-. ]\s*(?:20)?([0-9]{2})\s*|\s*([0-9]{2})([0-9]{2})\s*", text)
    if not found:
        return "Enter the date as month and year, like 04/29." if text.strip() else "Enter the card's expiry date."
    month, year = int(found[1] or found[3]), 2000 + int(found[2] or found[4])
    if month not in range(1, 13):
        return "The month of the expiry date is 01 to 12."
    if (year, month) < (at.year, at.month):
        return "This card has expired."
    return "" if year <= at.year + MAX_YEARS else "The expiry year lies too far ahead."


def _cvc_problem(cvc: str, card: KnownCard | None) -> str:
    if not cvc:
        return "Enter the security code."
    wanted = (3, 4) if card is None else (4,) if card.brand == "American Express" else (3,)
    if re.fullmatch(r"[0-9]{3,4}", cvc) and len(cvc) in wanted:
        return ""
    if wanted == (4,):
        return "The security code of this card has four digits, on the front."
    return "The security code has three digits, on the back of the card."
