"""The receipt: complete, adding up, and never without a settled payment."""

from dataclasses import replace
from datetime import UTC, timedelta, timezone
from decimal import Decimal
from functools import partial

import pytest

from evouch.charging.equipment import EvsePlace
from evouch.charging.tariffs import Tariff
from evouch.charging.tokens import Limit
from evouch.errors import Refused
from evouch.ids import EvseNumber, PaymentId, StationId
from evouch.testing.clock import VECTOR_TIME
from evouch.units import Money, Wh
from evouch.webpayment.checkout import Checkout, State, Step
from evouch.webpayment.receipt import Seller, receipt, text

AT = VECTOR_TIME
SELLER = Seller(name="Example Charging GmbH", address="Hauptstr. 1\n12345 Beispielstadt", vat_id="DE123456789")


def eur(amount: str) -> Money:
    return Money.of(amount, "EUR")


SETTLED = Checkout(
    payment=PaymentId("aaaqeayeaudaocajbifqydiob4"),
    place=EvsePlace(StationId("CS-0001"), EvseNumber(1)),
    connector=1,
    slot=57214126,
    grant="g1",
    state=State.SETTLED,
    created_at=AT,
    tariff=Tariff(
        currency="EUR",
        per_kwh=Decimal("0.49"),
        per_minute=Decimal("0.05"),
        per_session=Decimal("0.35"),
        vat_percent=Decimal(19),
    ),
    hold=eur("50.00"),
    limit=Limit(max_cost=eur("50.00")),
    lock_until=AT + timedelta(minutes=5),
    steps=(Step(State.SETTLED, AT + timedelta(seconds=1300)),),
    card_brand="visa",
    card_last4="4242",
    started_at=AT + timedelta(seconds=60),
    ended_at=AT + timedelta(seconds=1294),
    energy=Wh(12_345),
    seconds=1234,
    cost=eur("7.43"),
    captured=eur("7.43"),
)
SUMMER = timezone(timedelta(hours=2), "CEST")
at_the_market = partial(
    receipt, station_name="Market square", address="Markt 5, 12345 Beispielstadt", evse_id="DE*ABC*E123"
)


def test_a_receipt_has_what_a_small_amount_invoice_needs() -> None:
    made = at_the_market(SETTLED, SELLER)

    assert made.is_invoice
    assert (made.seller, made.number) == (SELLER, "AAAQEAYEAUDAOCAJBIFQYDIOB4")
    assert made.issued_at == AT + timedelta(seconds=1300)
    assert (made.energy, made.seconds) == (12_345, 1234)
    assert (made.net, made.vat, made.gross, made.vat_percent) == (eur("6.24"), eur("1.19"), eur("7.43"), Decimal(19))
    assert (made.hold, made.captured, made.released) == (eur("50.00"), eur("7.43"), eur("42.57"))
    assert (made.station, made.evse, made.evse_id) == ("CS-0001", 1, "DE*ABC*E123")
    assert made.card_last4 == "4242"
    assert sum(line.amount for line in made.lines) == made.gross.amount


def test_the_text_says_it_all() -> None:
    made = at_the_market(SETTLED, SELLER, number="2024-000017", zone=SUMMER)

    assert (
        text(made)
        == """\
Example Charging GmbH
Hauptstr. 1
12345 Beispielstadt
VAT id DE123456789

Invoice 2024-000017
Date 2024-05-23
----------------------------------------------------------
Market square
Markt 5, 12345 Beispielstadt
Station CS-0001, DE*ABC*E123
From 2024-05-23 02:24:05 CEST (2024-05-23T00:24:05Z)
To   2024-05-23 02:44:39 CEST (2024-05-23T00:44:39Z)
Energy 12.345 kWh
----------------------------------------------------------
Energy 12.345 kWh x 0.49 EUR                      6.05 EUR
Time 20.57 min x 0.05 EUR                         1.03 EUR
Session                                           0.35 EUR
Net                                               6.24 EUR
VAT 19 %                                          1.19 EUR
Total                                             7.43 EUR
----------------------------------------------------------
Visa ending in 4242, blocked                     50.00 EUR
taken                                             7.43 EUR
given back                                       42.57 EUR
"""
    )


def test_the_date_is_that_of_the_place_where_the_station_stands() -> None:
    late = replace(SETTLED, steps=(Step(State.SETTLED, AT.replace(hour=23)),))

    assert "Date 2024-05-24" in text(receipt(late, SELLER, zone=SUMMER))
    assert "Date 2024-05-23" in text(receipt(late, SELLER, zone=UTC))


def test_what_the_agreed_maximum_cut_off_is_a_line() -> None:
    made = receipt(replace(SETTLED, captured=eur("5.00")), SELLER)

    assert made.lines[-1].amount == Decimal("-2.43")
    assert made.gross == eur("5.00")
    assert made.released == eur("45.00")
    assert "Reduction to the agreed maximum" in text(made)


@pytest.mark.parametrize("state", [state for state in State if state is not State.SETTLED])
def test_there_is_no_receipt_before_the_money_has_moved(state: State) -> None:
    with pytest.raises(Refused) as refused:
        receipt(replace(SETTLED, state=state), SELLER)
    assert refused.value.reason == "noReceipt"


def test_a_receipt_never_shows_lines_that_do_not_add_up_to_what_was_taken() -> None:
    with pytest.raises(Refused) as refused:
        receipt(replace(SETTLED, captured=eur("9.99")), SELLER)
    assert refused.value.reason == "noReceipt"


@pytest.mark.parametrize(
    ("energy", "seller", "invoice"),
    [
        (12_345, SELLER, True),
        (12_345, replace(SELLER, address=""), False),
        (510_000, SELLER, False),
    ],
)
def test_above_the_small_amount_or_without_a_seller_s_address_it_is_no_invoice(
    energy: int, seller: Seller, *, invoice: bool
) -> None:
    cost = SETTLED.tariff.cost(Wh(energy), 1234)
    made = receipt(replace(SETTLED, energy=Wh(energy), hold=eur("300.00"), captured=cost), seller)

    assert made.is_invoice is invoice
    assert ("Invoice" if invoice else "Receipt") + " " in text(made)


def test_times_come_from_the_steps_where_the_station_gave_none() -> None:
    steps = tuple(
        Step(state, AT + timedelta(seconds=number * 10))
        for number, state in enumerate([State.HELD, State.CHARGING, State.STOPPING, State.CAPTURING, State.SETTLED])
    )
    made = receipt(replace(SETTLED, started_at=None, ended_at=None, steps=steps), SELLER)

    assert made.started_at == AT + timedelta(seconds=10)
    assert made.ended_at == AT + timedelta(seconds=30)


def test_an_unknown_card_is_just_a_card() -> None:
    assert "Card, blocked" in text(receipt(replace(SETTLED, card_last4="", card_brand=""), SELLER))
