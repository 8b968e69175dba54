"""The receipt of a settled payment: everything a driver, a bookkeeper and a tax office ask for. Pure.

Contents follow the German small-amount invoice (§ 33 UStDV, up to 250 EUR): name and
address of the seller, date, quantity and kind, gross amount, tax rate. Above that amount an
invoice would also name its recipient (§ 14 UStG), whom an ad hoc payment does not know; the
receipt then says that it is none. No e-mail address and no account is needed to get one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Final

from evouch.charging.tariffs import Line
from evouch.errors import Refused
from evouch.units import Money, Wh, kwh
from evouch.webpayment.checkout import Checkout, State

__all__ = ["Receipt", "Seller", "receipt", "text"]

#: Up to which a receipt with these contents is an invoice (§ 33 UStDV).
SMALL_AMOUNT: Final = Money.of(250, "EUR")

_WIDTH: Final = 58


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Who sells the energy. ``address`` may have several lines."""

    name: str
    address: str = ""
    vat_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One receipt. Moments are UTC; ``zone`` is where the station stands, for whoever shows them."""

    number: str
    issued_at: datetime
    seller: Seller
    station: str
    station_name: str
    address: str
    evse: int
    evse_id: str
    started_at: datetime
    ended_at: datetime
    zone: tzinfo
    energy: Wh
    seconds: int
    lines: tuple[Line, ...]
    net: Money
    vat: Money
    vat_percent: Decimal
    gross: Money
    hold: Money
    captured: Money
    released: Money
    card_brand: str
    card_last4: str
    #: why the charge ended, where that is worth saying
    reason: str = ""

    @property
    def is_invoice(self) -> bool:
        """Whether these contents make an invoice by themselves."""
        known = bool(self.seller.name and self.seller.address)
        return known and self.gross.currency == SMALL_AMOUNT.currency and self.gross <= SMALL_AMOUNT

    def local(self, moment: datetime) -> datetime:
        """Return ``moment`` on the clock of the station's place."""
        return moment.astimezone(self.zone)


def receipt(
    checkout: Checkout,
    seller: Seller,
    *,
    station_name: str = "",
    address: str = "",
    evse_id: str = "",
    number: str = "",
    zone: tzinfo = UTC,
) -> Receipt:
    """Return the receipt of ``checkout``; raise ``Refused("noReceipt")`` unless it is settled.

    The lines are computed from the tariff that the driver was shown; what the agreed
    maximum cut off is one of them. ``number`` is the payment's id where nothing else counts
    receipts.
    """
    captured = checkout.captured
    if checkout.state is not State.SETTLED or captured is None:
        raise Refused("noReceipt", f"{checkout.payment} is {checkout.state}")
    bill = checkout.tariff.bill(checkout.energy, checkout.seconds, cap=captured)
    if bill.total != captured:
        raise Refused("noReceipt", f"{checkout.payment} captured {captured} for a bill of {bill.total}")
    issued_at = checkout.steps[-1].at if checkout.steps else checkout.created_at
    return Receipt(
        number=number or checkout.payment.upper(),
        issued_at=issued_at,
        seller=seller,
        station=checkout.place.station,
        station_name=station_name,
        address=address,
        evse=checkout.place.evse,
        evse_id=evse_id,
        started_at=checkout.started_at or _reached(checkout, State.CHARGING) or checkout.created_at,
        ended_at=checkout.ended_at or _reached(checkout, State.CAPTURING) or issued_at,
        zone=zone,
        energy=checkout.energy,
        seconds=checkout.seconds,
        lines=bill.lines,
        net=bill.net,
        vat=bill.vat,
        vat_percent=checkout.tariff.vat_percent,
        gross=bill.total,
        hold=checkout.hold,
        captured=captured,
        released=checkout.hold - captured,
        card_brand=checkout.card_brand,
        card_last4=checkout.card_last4,
        reason=checkout.reason,
    )


def text(receipt: Receipt) -> str:
    """Return the receipt as lines of plain text, at most 58 characters where its words allow."""
    blocks = (_head(receipt), _charge(receipt), _amounts(receipt), _payment(receipt))
    return f"\n{'-' * _WIDTH}\n".join("\n".join(block) for block in blocks) + "\n"


def _head(receipt: Receipt) -> list[str]:
    seller = receipt.seller
    lines = [seller.name, *seller.address.splitlines()]
    if seller.vat_id:
        lines.append(f"VAT id {seller.vat_id}")
    return [
        *lines,
        "",
        f"{'Invoice' if receipt.is_invoice else 'Receipt'} {receipt.number}",
        f"Date {receipt.local(receipt.issued_at):%Y-%m-%d}",
    ]


def _charge(receipt: Receipt) -> list[str]:
    place = [part for part in (receipt.station_name, receipt.address.replace("\n", ", ")) if part]
    point = receipt.evse_id or f"EVSE {receipt.evse}"
    return [
        *place,
        f"Station {receipt.station}, {point}",
        f"From {_shown(receipt, receipt.started_at)}",
        f"To   {_shown(receipt, receipt.ended_at)}",
        f"Energy {kwh(receipt.energy)} kWh",
    ]


def _amounts(receipt: Receipt) -> list[str]:
    lines = [_row(_described(line, receipt.gross.currency), Money(line.amount, receipt.gross.currency))
             for line in receipt.lines]  # fmt: skip
    return [
        *lines,
        _row("Net", receipt.net),
        _row(f"VAT {receipt.vat_percent.normalize():f} %", receipt.vat),
        _row("Total", receipt.gross),
    ]


def _payment(receipt: Receipt) -> list[str]:
    card = f"{receipt.card_brand} ending in {receipt.card_last4}".strip() if receipt.card_last4 else "Card"
    return [
        _row(f"{card[:1].upper()}{card[1:]}, blocked", receipt.hold),
        _row("taken", receipt.captured),
        _row("given back", receipt.released),
    ]


def _described(line: Line, currency: str) -> str:
    if line.quantity == 1 and not line.unit:
        return line.name
    return f"{line.name} {line.quantity} {line.unit} x {line.price} {currency}"


def _row(name: str, amount: Money) -> str:
    shown = str(amount)
    return f"{name:<{max(1, _WIDTH - len(shown))}}{shown}"


def _shown(receipt: Receipt, moment: datetime) -> str:
    local = f"{receipt.local(moment):%Y-%m-%d %H:%M:%S %Z}"
    utc = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return local if receipt.zone is UTC else f"{local} ({utc})"


def _reached(checkout: Checkout, state: State) -> datetime | None:
    return next((step.at for step in checkout.steps if step.state is state), None)
