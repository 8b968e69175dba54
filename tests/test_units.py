"""Energy, money and time: exact, in one currency, in UTC."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.units import EARLIEST, LATEST, Money, Wh, format_time, kwh, parse_time

amounts = st.decimals(-(10**9), 10**9, places=6)
moments = st.datetimes(datetime(2010, 1, 2), datetime(2099, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(("energy", "expected"), [(0, "0"), (1, "0.001"), (12345, "12.345"), (-500, "-0.5")])
def test_a_kilowatt_hour_is_a_thousand_watt_hours(energy: int, expected: str) -> None:
    assert kwh(Wh(energy)) == Decimal(expected)


# ── time ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T10:00:00Z",
        "2026-11-20T10:00:00.000Z",
        "2026-11-20T11:00:00+01:00",
        "2026-11-20T04:30:00-05:30",
        "2026-11-20T10:00:00.000000000Z",
    ],
)
def test_every_spelling_of_a_moment_is_the_same_moment(text: str) -> None:
    assert parse_time(text) == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert parse_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-20",
        "2026-11-20T10:00:00",
        "2026-13-20T10:00:00Z",
        "222222017-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
        "2009-12-31T23:59:59Z",
        "2100-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_what_is_no_time_of_ours(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        moment = parse_time(text)
    except ValueError:
        return
    assert EARLIEST <= moment < LATEST


@given(moments)
def test_a_moment_survives_the_wire_to_the_millisecond(moment: datetime) -> None:
    text = format_time(moment)
    assert text.endswith("Z")
    assert len(text) == len("2026-11-20T10:00:00.000Z")
    assert timedelta(0) <= moment - parse_time(text) < timedelta(milliseconds=1)


def test_a_moment_of_another_zone_is_written_in_utc() -> None:
    assert format_time(datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=2)))) == "2026-11-20T10:00:00.000Z"


# ── money ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("12.34", "EUR", 1234),
        ("0.005", "EUR", 1),
        ("0.0049999", "EUR", 0),
        ("-0.005", "EUR", -1),
        ("0.1", "EUR", 10),
        ("1234", "JPY", 1234),
        ("0.5", "JPY", 1),
        ("1.2345", "KWD", 1235),
    ],
)
def test_money_is_rounded_half_up_to_the_currencys_smallest_coin(amount: str, currency: str, minor: int) -> None:
    money = Money.of(amount, currency)
    assert money.minor == minor
    assert money.rounded() == Money.from_minor(minor, currency)


@given(st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_minor_units_survive(minor: int, currency: str) -> None:
    money = Money.from_minor(minor, currency)
    assert money.minor == minor
    assert money.rounded() == money


@given(amounts, amounts)
def test_sums_are_exact(one: Decimal, other: Decimal) -> None:
    a, b = Money(one, "EUR"), Money(other, "EUR")
    assert a + b - b == a
    assert a - b == -(b - a)
    assert (a < b, a <= b, a > b, a >= b) == (one < other, one <= other, one > other, one >= other)


def test_currencies_do_not_mix() -> None:
    euro, franc = Money.of("1", "EUR"), Money.of("1", "CHF")
    assert euro != franc
    for combine in (
        lambda: euro + franc,
        lambda: euro - franc,
        lambda: euro < franc,
        lambda: euro <= franc,
        lambda: euro > franc,
        lambda: euro >= franc,
    ):
        with pytest.raises(ValueError, match="cannot combine EUR with CHF"):
            combine()


def test_nothing_is_false() -> None:
    assert not Money.zero("EUR")
    assert Money.of("0.001", "EUR")


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money.of("12", "EUR"), "12.00 EUR"),
        (Money.of("0.005", "EUR"), "0.01 EUR"),
        (Money.of("12", "JPY"), "12 JPY"),
        (Money.of("12", "KWD"), "12.000 KWD"),
    ],
)
def test_money_is_shown_with_the_digits_of_its_currency(money: Money, text: str) -> None:
    assert str(money) == text
