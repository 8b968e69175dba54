"""What a charge costs, to the cent, and when it has to stop."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.charging.tariffs import Bill, Tariff, seconds_until
from evouch.charging.tokens import Limit
from evouch.units import Money, Watts, Wh

GERMAN = Tariff(
    currency="EUR",
    per_kwh=Decimal("0.49"),
    per_minute=Decimal("0.05"),
    per_session=Decimal("0.35"),
    vat_percent=Decimal(19),
)

prices = st.decimals(0, 5, places=4)
tariffs = st.builds(
    Tariff,
    currency=st.sampled_from(["EUR", "JPY", "BHD"]),
    per_kwh=prices,
    per_minute=prices,
    per_session=prices,
    vat_percent=st.sampled_from([Decimal(0), Decimal("5.5"), Decimal(7), Decimal(19), Decimal(25)]),
)
energies = st.integers(0, 200_000).map(Wh)
durations = st.integers(0, 100_000)


def eur(amount: str) -> Money:
    return Money.of(amount, "EUR")


@pytest.mark.parametrize(
    ("energy", "seconds", "cost"),
    [
        (0, 0, "0.00"),
        (0, 3600, "0.00"),  # nothing delivered costs nothing, however long it took
        (-5, 60, "0.00"),
        (1, 0, "0.35"),
        (1000, 0, "0.84"),
        (10_000, 1800, "6.75"),
        (12_345, 1234, "7.43"),  # 6.04905 + 1.02833… + 0.35
        (20_000, 3600, "13.15"),
    ],
)
def test_a_charge_costs_energy_and_time_and_session(energy: int, seconds: int, cost: str) -> None:
    assert GERMAN.cost(Wh(energy), seconds) == eur(cost)


@pytest.mark.parametrize(
    ("tariff", "energy", "seconds", "cost"),
    [
        # half a cent is half a cent: dividing before multiplying would make it 0.00499… and lose it
        (Tariff(currency="EUR", per_minute=Decimal("0.015")), 1, 20, "0.01"),
        (Tariff(currency="EUR", per_minute=Decimal("0.35"), per_session=Decimal("1.00")), 1, 51, "1.30"),
        (Tariff(currency="EUR", per_kwh=Decimal("0.005")), 1000, 0, "0.01"),
        (Tariff(currency="EUR", per_kwh=Decimal("0.0049")), 1000, 0, "0.00"),
        (Tariff(currency="JPY", per_kwh=Decimal("45.5")), 1000, 0, "46"),
        (Tariff(currency="BHD", per_kwh=Decimal("0.0333")), 1000, 0, "0.033"),
    ],
)
def test_a_cost_is_rounded_once_half_up_to_the_currency_s_own_unit(
    tariff: Tariff, energy: int, seconds: int, cost: str
) -> None:
    assert tariff.cost(Wh(energy), seconds) == Money.of(cost, tariff.currency)


def test_a_bill_lists_the_components_in_the_order_of_afir() -> None:
    bill = GERMAN.bill(Wh(12_345), 1234)

    assert [(line.name, line.quantity, line.unit, line.price, line.amount) for line in bill.lines] == [
        ("Energy", Decimal("12.345"), "kWh", Decimal("0.49"), Decimal("6.05")),
        ("Time", Decimal("20.57"), "min", Decimal("0.05"), Decimal("1.03")),
        ("Session", Decimal(1), "", Decimal("0.35"), Decimal("0.35")),
    ]
    assert (bill.net, bill.vat, bill.total) == (eur("6.24"), eur("1.19"), eur("7.43"))


def test_free_components_are_neither_shown_nor_billed() -> None:
    tariff = Tariff(currency="EUR", per_kwh=Decimal("0.49"))

    assert tariff.prices() == ((Decimal("0.49"), "kWh"),)
    assert [line.name for line in tariff.bill(Wh(1000), 60).lines] == ["Energy"]


def test_prices_are_shown_in_the_order_of_afir() -> None:
    assert [unit for _, unit in GERMAN.prices()] == ["kWh", "minute", "session"]


def test_a_cap_is_a_line_of_its_own() -> None:
    bill = GERMAN.bill(Wh(12_345), 1234, cap=eur("5.00"))

    assert bill.lines[-1].name == "Reduction to the agreed maximum"
    assert bill.lines[-1].amount == Decimal("-2.43")
    assert (bill.net, bill.vat, bill.total) == (eur("4.20"), eur("0.80"), eur("5.00"))


def test_a_cap_in_fractions_of_a_cent_is_not_rounded_up() -> None:
    assert GERMAN.bill(Wh(12_345), 1234, cap=eur("5.009")).total == eur("5.00")


def test_a_bill_of_nothing_has_no_lines() -> None:
    assert GERMAN.bill(Wh(0), 600) == Bill((), eur("0.00"), eur("0.00"), eur("0.00"))


@given(tariffs, energies, durations, st.integers(0, 10**6))
def test_a_bill_adds_up_to_the_cent(tariff: Tariff, energy: Wh, seconds: int, cap: int) -> None:
    capped = tariff.bill(energy, seconds, cap=Money.from_minor(cap, tariff.currency))
    for bill in (tariff.bill(energy, seconds), capped):
        assert sum(line.amount for line in bill.lines) == bill.total.amount
        assert bill.net + bill.vat == bill.total
        assert bill.net.rounded() == bill.net
        assert bill.vat.amount >= 0
    assert capped.total.minor <= cap


@given(tariffs, energies, durations, st.integers(0, 50_000), st.integers(0, 10_000))
def test_more_energy_or_time_never_costs_less(tariff: Tariff, energy: Wh, seconds: int, more: int, longer: int) -> None:
    assert tariff.cost(energy, seconds) <= tariff.cost(Wh(energy + more), seconds + longer)


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        (Limit(), None),
        (Limit(max_time=1800), Decimal(1200)),
        (Limit(max_energy=Wh(5000)), Decimal(1440)),  # 4 kWh at 10 kW
        (Limit(max_time=600), Decimal(0)),
        (Limit(max_time=300), Decimal(-300)),
        (Limit(max_energy=Wh(1000)), Decimal(0)),
        (Limit(max_time=1800, max_energy=Wh(2000)), Decimal(360)),
    ],
)
def test_a_charge_knows_how_long_it_may_go_on(limit: Limit, left: Decimal | None) -> None:
    assert seconds_until(limit, GERMAN, Wh(1000), 600, Watts(10_000)) == left


def test_the_cap_on_cost_counts_energy_and_time_together() -> None:
    # used: 0.49 + 0.50 + 0.35 = 1.34; per second at 10 kW: 0.00136111… + 0.00083333… = 0.00219444…
    left = seconds_until(Limit(max_cost=eur("10.00")), GERMAN, Wh(1000), 600, Watts(10_000))

    assert left is not None
    assert 3946 < left < 3947


def test_without_power_only_time_moves_the_cost() -> None:
    limit = Limit(max_energy=Wh(5000), max_cost=eur("1.39"))

    assert seconds_until(limit, GERMAN, Wh(1000), 600, Watts(0)) == 60


@pytest.mark.parametrize(("cap", "left"), [("0.35", None), ("0.34", Decimal(0)), ("9.00", None)])
def test_a_price_per_session_alone_is_over_the_cap_from_the_start_or_never(cap: str, left: Decimal | None) -> None:
    tariff = Tariff(currency="EUR", per_session=Decimal("0.35"))

    assert seconds_until(Limit(max_cost=eur(cap)), tariff, Wh(0), 0, Watts(11_000)) == left


def test_a_cap_in_another_currency_is_a_mistake_not_a_limit() -> None:
    with pytest.raises(ValueError, match="combine"):
        seconds_until(Limit(max_cost=Money.of(5, "CHF")), GERMAN, Wh(0), 0, Watts(11_000))


@given(
    st.tuples(tariffs, energies, durations, st.integers(0, 400_000).map(Watts)),
    st.none() | st.decimals(0, 500, places=4),
    st.none() | st.integers(0, 300_000).map(Wh),
    st.none() | st.integers(0, 200_000),
)
def test_a_charge_stopped_in_time_passes_no_limit(
    charge: tuple[Tariff, Wh, int, Watts], cost: Decimal | None, most: Wh | None, longest: int | None
) -> None:
    tariff, energy, seconds, power = charge
    cap = None if cost is None else Money(cost, tariff.currency)
    left = seconds_until(Limit(max_cost=cap, max_energy=most, max_time=longest), tariff, energy, seconds, power)
    if left is None:
        left = Decimal(10**7)
    elif left < 0:
        return
    then = seconds + int(left)
    used = Wh(energy + int(power * left / 3600))

    assert cap is None or tariff.cost(used, then) <= cap
    assert most is None or used <= most
    assert longest is None or then <= longest


@given(tariffs, energies, durations, st.integers(1, 400_000).map(Watts), st.decimals(0, 500, places=2))
def test_the_cap_is_used_up(tariff: Tariff, energy: Wh, seconds: int, power: Watts, cost: Decimal) -> None:
    cap = Money(cost, tariff.currency).rounded_down()
    left = seconds_until(Limit(max_cost=cap), tariff, energy, seconds, power)

    if left is not None and left > 0:
        later = int(left) + 1
        assert tariff.exact(Wh(energy + power * later // 3600 + 1), seconds + later) >= cap.amount
