"""Every reason that a use-case gives to a driver has its sentence, and quantities read as they should."""

import ast
from decimal import Decimal
from pathlib import Path

import pytest

from evouch.charging.tokens import Limit
from evouch.units import Money, Watts, Wh
from evouch.web import words
from evouch.webpayment.checkout import State

CPO = Path(__file__).parents[2] / "src" / "evouch" / "cpo"
#: What only operators and stations are told.
OTHERS = {
    "badLogin", "badPassword", "equalSecrets", "tooManyRequests", "unknownStation", "invalidCode", "windowClosed",
    "unknownPartner", "notRegistered",
}  # fmt: skip


def calls() -> list[ast.Call]:
    """Every call in the use-cases."""
    trees = [ast.parse(path.read_text()) for path in CPO.glob("*.py")]
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]


def constants(node: ast.expr) -> set[str]:
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def refused() -> set[str]:
    """First words of every Refused(…) in the use-cases."""
    made = [call for call in calls() if getattr(call.func, "id", "") == "Refused" and call.args]
    return {each for call in made for each in constants(call.args[0])}


def ended() -> set[str]:
    """Every reason that a payment is given for its end."""
    found: set[str] = set()
    for call in calls():
        name = getattr(call.func, "attr", "")
        if name in {"advance", "give_up"}:
            found |= {each for word in call.keywords if word.arg == "reason" for each in constants(word.value)}
        if name == "give_up":
            found |= constants(call.args[-1])
    return found - {""}


def test_every_refusal_has_its_words() -> None:
    known = set(words.PROBLEMS) | set(words.BUSY)
    assert refused() - known - OTHERS == set()


def test_every_end_of_a_payment_has_its_sentence() -> None:
    known = set(words._NOTHING) | set(words._ENDED) | set(words._DECLINED)
    assert ended() - known == set()
    assert len(ended()) >= 5


def test_every_state_has_its_words() -> None:
    assert set(words._STAGES) == set(State)


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0.59", "0.59"), ("0.5", "0.50"), ("1", "1.00"), ("0.595", "0.595"), ("0.1234", "0.1234"), ("100", "100.00")],
)
def test_a_price_keeps_all_its_digits(amount: str, text: str) -> None:
    assert words.price(Decimal(amount)) == text


def test_quantities() -> None:
    assert words.money(Money.of("12.3", "EUR")) == "12.30 EUR"
    assert words.money(Money.of(1200, "JPY")) == "1200 JPY"
    assert words.kwh(Wh(12_345)) == "12.34"
    assert (words.kw(Watts(22_000)), words.kw(Watts(7_400))) == ("22", "7.4")
    assert (words.span(5), words.span(309), words.span(3909)) == ("0:05", "5:09", "1:05:09")
    limit = Limit(max_cost=Money.of(20, "EUR"), max_energy=Wh(9000), max_time=5400)
    assert words.limits(limit) == "20.00 EUR · 9.00 kWh · 90 min"
    assert words.limits(Limit()) == ""
