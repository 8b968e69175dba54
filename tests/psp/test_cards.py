"""Every test card, and every sentence that a driver may read under a field."""

from datetime import UTC, datetime

import pytest

from evouch.psp.sandbox import cards
from evouch.psp.sandbox.cards import TEST_CARDS, FormErrors, KnownCard, Outcome

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GOOD = {"number": "4242 4242 4242 4242", "expiry": "12/28", "cvc": "123"}


def errors(**fields: str) -> dict[str, str]:
    with pytest.raises(FormErrors) as problem:
        cards.read(GOOD | fields, NOW)
    return problem.value.fields


@pytest.mark.parametrize("known", TEST_CARDS, ids=lambda card: f"{card.outcome}-{card.number[-4:]}")
def test_every_test_card_is_read_with_its_outcome(known: KnownCard) -> None:
    cvc = "1234" if known.brand == "American Express" else "123"
    card = cards.read({"number": known.number, "expiry": "01/30", "cvc": cvc}, NOW)
    assert (known.brand, known.number[-4:], known.outcome) == (card.brand, card.last4, card.outcome)


def test_the_cards_show_every_outcome_and_one_is_slow() -> None:
    assert set(Outcome) == {card.outcome for card in TEST_CARDS}
    assert [8.0] == [card.seconds for card in TEST_CARDS if card.seconds]
    assert all(cards.luhn(card.number) for card in TEST_CARDS)


def test_what_is_kept_of_a_card_holds_no_number() -> None:
    assert "424242" not in repr(cards.read(GOOD, NOW))


@pytest.mark.parametrize("number", ["4242424242424242", " 4242-4242-4242-4242 ", "4242\u00a04242\u00a04242\u00a04242"])
def test_numbers_are_read_as_people_type_them(number: str) -> None:
    assert cards.read(GOOD | {"number": number}, NOW).last4 == "4242"


@pytest.mark.parametrize("expiry", ["12/28", "12/2028", "12 / 28", "12-28", "1228", "11/26", "1/27", "12 28"])
def test_dates_are_read_as_people_type_them(expiry: str) -> None:
    assert cards.read(GOOD | {"expiry": expiry}, NOW).brand == "Visa"


@pytest.mark.parametrize(
    ("number", "says"),
    [
        ("", "Enter the card number"),
        ("4242 4242 4242 424x", "digits only"),
        ("٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "digits only"),
        ("4242 4242", "12 to 19 digits"),
        ("4" * 20, "12 to 19 digits"),
        ("4242 4242 4242 4241", "typing error"),
        ("4111 1111 1111 1111", "Only test cards"),
    ],
)
def test_a_wrong_number_is_explained(number: str, says: str) -> None:
    found = errors(number=number)
    assert list(found) == ["number"]
    assert says in found["number"]


@pytest.mark.parametrize(
    ("expiry", "says"),
    [
        ("", "Enter the card's expiry date"),
        ("soon", "like 04/29"),
        ("13/28", "01 to 12"),
        ("00/28", "01 to 12"),
        ("10/26", "has expired"),
        ("12/25", "has expired"),
        ("12/60", "too far ahead"),
    ],
)
def test_a_wrong_date_is_explained(expiry: str, says: str) -> None:
    assert says in errors(expiry=expiry)["expiry"]


@pytest.mark.parametrize(
    ("number", "cvc", "says"),
    [
        ("4242424242424242", "", "Enter the security code"),
        ("4242424242424242", "12", "three digits"),
        ("4242424242424242", "1234", "three digits"),
        ("4242424242424242", "abc", "three digits"),
        ("378282246310005", "123", "four digits"),
    ],
)
def test_a_wrong_security_code_is_explained(number: str, cvc: str, says: str) -> None:
    assert says in errors(number=number, cvc=cvc)["cvc"]


def test_all_problems_are_told_at_once_and_an_empty_form_is_no_crash() -> None:
    assert {"number", "expiry", "cvc"} == set(errors(number="", expiry="", cvc=""))
    with pytest.raises(FormErrors) as problem:
        cards.read({}, NOW)
    assert {"number", "expiry", "cvc"} == set(problem.value.fields)


@pytest.mark.parametrize("number", ["79927398713", "0", "5555555555554444"])
def test_the_check_digit_of_known_numbers_is_right(number: str) -> None:
    assert cards.luhn(number)
    assert not cards.luhn(number[:-1] + str((int(number[-1]) + 1) % 10))
