"""What OCPI 2.2.1 lacks, or names differently, as tables: objects are lifted to 2.3.0 and lowered again.

Both directions work on plain documents, before an object is read and after it is written, and
on parts of objects (PATCH) as on whole ones. Documents are changed in place: they belong to
whoever has just decoded or written them.

================  ==========================  =====================================================
object            2.2.1                       2.3.0
================  ==========================  =====================================================
Price             excl_vat, incl_vat          before_taxes, taxes
Tariff            prices without VAT          tax_included; prices are lowered to what they are without
Credentials       no hub_party_id             hub_party_id
TokenType         closed: no EMAID            open
ConnectorType     closed: no MCS, SAE_J3400   open
Capability        closed                      open
Location.address  45 characters               255 (edition 2)
================  ==========================  =====================================================

The words of "Autocharge Roaming" are in none of the closed lists. They stay as they are: whom they
may be said to is decided in ``ocpi.discretion``.
"""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from evouch.ocpi.model import AUTO_CHARGE_CAPABLE, VEHICLE_TOKEN

__all__ = ["lift", "lower"]

Document = dict[str, Any]

#: Name of the one tax that 2.2.1 knows.
VAT: Final = "VAT"
#: Numbers of OCPI have at most four digits after the point (2.2.1 types §number).
FOUR_DIGITS: Final = Decimal("0.0001")
#: Location.address (2.2.1 mod_locations §Location).
MOST_ADDRESS: Final = 45
TOKEN_TYPES: Final = frozenset({"AD_HOC_USER", "APP_USER", "OTHER", "RFID", VEHICLE_TOKEN})
CAPABILITIES: Final = frozenset({
    "CHARGING_PROFILE_CAPABLE", "CHARGING_PREFERENCES_CAPABLE", "CHIP_CARD_SUPPORT", "CONTACTLESS_CARD_SUPPORT",
    "CREDIT_CARD_PAYABLE", "DEBIT_CARD_PAYABLE", "PED_TERMINAL", "REMOTE_START_STOP_CAPABLE", "RESERVABLE",
    "RFID_READER", "START_SESSION_CONNECTOR_REQUIRED", "TOKEN_GROUP_CAPABLE", "UNLOCK_CAPABLE", AUTO_CHARGE_CAPABLE,
})  # fmt: skip
#: SAE J3400 is the plug that 2.2.1 knows by the name of its maker; MCS has no name there.
CONNECTORS: Final = {"SAE_J3400": "TESLA_S"}
UNNAMED_CONNECTORS: Final = frozenset({"MCS"})


def lift(document: Any) -> Any:
    """Return a document of 2.2.1 in the shape of 2.3.0; what does not look like one stays as it is."""
    return _changed(document, _LIFTS)


def lower(document: Any) -> Any:
    """Return a document of 2.3.0 in the shape of 2.2.1."""
    return _changed(document, _LOWERS)


Change = Callable[[Document], None]


def _changed(document: Any, changes: dict[str, Change]) -> Any:
    """Apply each change to every object that has the member by which the change is named, from the outside in."""
    if isinstance(document, dict):
        for member, change in changes.items():
            if member in document:
                change(document)
        for name, each in document.items():
            if name not in _FREE:
                _changed(each, changes)
    elif isinstance(document, list):
        for each in document:
            _changed(each, changes)
    return document


#: Members whose content is nobody's business here.
_FREE: Final = frozenset({"customData", "errorMessage", "error_message"})


# ── prices ──────────────────────────────────────────────────────────────────────────────


def _lift_price(price: Document) -> None:
    net, gross = price.pop("excl_vat"), price.pop("incl_vat", None)
    price["before_taxes"] = net
    if isinstance(net, int | Decimal) and isinstance(gross, int | Decimal):
        price["taxes"] = [{"name": VAT, "amount": Decimal(gross) - Decimal(net)}]


def _lower_price(price: Document) -> None:
    net, taxes = price.pop("before_taxes"), price.pop("taxes", ())
    price["excl_vat"] = net
    if taxes:
        price["incl_vat"] = net + sum(tax["amount"] for tax in taxes)


# ── tariffs ─────────────────────────────────────────────────────────────────────────────


def _lift_tariff(tariff: Document) -> None:
    """Say what is always so in 2.2.1: its prices are without VAT (mod_tariffs §PriceComponent)."""
    tariff.setdefault("tax_included", "NO")


def _lower_tariff(tariff: Document) -> None:
    if tariff.pop("tax_included", None) == "YES":
        for component in (each for element in tariff["elements"] for each in element["price_components"]):
            component["price"] = _without_vat(component["price"], component.get("vat"))


def _without_vat(price: Decimal, percent: Decimal | None) -> Decimal:
    if not percent:
        return price
    return (price * 100 / (100 + percent)).quantize(FOUR_DIGITS, rounding=ROUND_HALF_UP)


# ── the rest ────────────────────────────────────────────────────────────────────────────


def _lower_token(token: Document) -> None:
    """A contract is in tokens, and in vehicles, which have no type."""
    if "type" in token and token["type"] not in TOKEN_TYPES:
        token["type"] = "OTHER"


def _lower_connectors(evse: Document) -> None:
    evse["connectors"] = [each for each in evse["connectors"] if each.get("standard") not in UNNAMED_CONNECTORS]


def _renamed_connector(member: str) -> Change:
    def change(place: Document) -> None:
        place[member] = CONNECTORS.get(place[member], place[member])

    return change


def _lower_capabilities(evse: Document) -> None:
    evse["capabilities"] = [each for each in evse["capabilities"] if each in CAPABILITIES]


def _lower_evses(location: Document) -> None:
    """Leave out what has no connector that 2.2.1 could name: an EVSE has at least one there."""
    location["evses"] = [
        each
        for each in location["evses"]
        if any(connector.get("standard") not in UNNAMED_CONNECTORS for connector in each["connectors"])
    ]


def _lower_address(place: Document) -> None:
    place["address"] = place["address"][:MOST_ADDRESS]


#: Member by which an object is recognised → what becomes of it.
_LIFTS: Final[dict[str, Change]] = {"excl_vat": _lift_price, "elements": _lift_tariff}
_LOWERS: Final[dict[str, Change]] = {
    "before_taxes": _lower_price,
    "elements": _lower_tariff,
    "contract_id": _lower_token,
    "evses": _lower_evses,
    "connectors": _lower_connectors,
    "standard": _renamed_connector("standard"),
    "connector_standard": _renamed_connector("connector_standard"),
    "capabilities": _lower_capabilities,
    "address": _lower_address,
    "hub_party_id": lambda credentials: credentials.pop("hub_party_id"),
}
