"""What a scanned URL can say, name by name, and how each name is written and read.

The names are those of OCA's device model; other sources spell some of them differently.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

from evouch.charging.tokens import Limit
from evouch.errors import InvalidCode
from evouch.units import Money, Wh

__all__ = ["ALIASES", "FIELDS", "IDENTITY", "LIMITS", "Claim", "Placeholder", "claim_of", "plain"]

_WHOLE: Final = re.compile(r"[0-9]{1,9}\Z")
_DECIMAL: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,4})?\Z")


class Placeholder(StrEnum):
    """What a template can ask for, by the names that we emit."""

    STATION = "chargingstationid"
    EVSE = "evse"
    ROAMING_STATION = "roamingcsid"
    ROAMING_EVSE = "roamingevseid"
    CODE = "totp"
    VERSION = "version"
    MAX_TIME = "maxtime"
    MAX_ENERGY = "maxenergy"
    MAX_COST = "maxcost"


_P = Placeholder
#: Every spelling that is understood, in lower case.
ALIASES: Final = {name.value: name for name in _P} | {
    "evseid": _P.EVSE,  # the white paper's own example for OCPP 1.6, and the mobile apps
    "evroamingevseid": _P.ROAMING_EVSE,  # the DynamicQRCodes libraries
}
#: At least one of these says where the driver stands.
IDENTITY: Final = frozenset({_P.STATION, _P.EVSE, _P.ROAMING_STATION, _P.ROAMING_EVSE})
#: The limits, and where :class:`Claim` keeps them.
LIMITS: Final = {_P.MAX_TIME: "limit_time", _P.MAX_ENERGY: "limit_energy", _P.MAX_COST: "limit_cost"}
#: Where :class:`Claim` keeps each.
FIELDS: Final = {
    _P.STATION: "station", _P.EVSE: "evse", _P.ROAMING_STATION: "roaming_station", _P.ROAMING_EVSE: "roaming_evse",
    _P.CODE: "code", _P.VERSION: "version", **LIMITS,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a scanned URL says. Nothing in it is true before the code has been checked, the limits not even then.

    ``station`` and roaming ids are empty, and ``evse`` is 0, where the URL does not name them.
    """

    code: str
    station: str = ""
    evse: int = 0
    version: str = ""
    roaming_station: str = ""
    roaming_evse: str = ""
    #: seconds
    limit_time: int | None = None
    #: Wh
    limit_energy: int | None = None
    #: in the station's currency
    limit_cost: Decimal | None = None

    def limit(self, currency: str) -> Limit:
        """Return the limits as the driver's own, cost rounded down to what the currency can pay."""
        cost = None if self.limit_cost is None else Money(self.limit_cost, currency).rounded_down()
        energy = None if self.limit_energy is None else Wh(self.limit_energy)
        return Limit(max_cost=cost, max_energy=energy, max_time=self.limit_time)


def plain(value: str | int | Decimal | None) -> str:
    """Return a value as the text that stands for it in a URL, before percent-encoding; nothing for None."""
    return "" if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)


def claim_of(said: dict[Placeholder, str]) -> Claim:
    """Return percent-encoded values as a claim; raise :class:`InvalidCode` where one cannot be read."""
    try:
        texts = {name: unquote(value, errors="strict") for name, value in said.items()}
    except UnicodeDecodeError:
        raise InvalidCode("not UTF-8") from None
    values = {FIELDS[name]: _value(name, text) for name, text in texts.items()}
    return Claim(**values)  # type: ignore[arg-type]


def _value(name: Placeholder, text: str) -> str | int | Decimal | None:
    if name is _P.EVSE:
        return int(text)
    if name not in LIMITS:
        return text
    # stations that leave an unset limit in the URL send it empty, as its placeholder, or as 0
    if text.lower() in {"", f"{{{name}}}"}:
        return None
    shape = _DECIMAL if name is _P.MAX_COST else _WHOLE
    if not shape.match(text):
        raise InvalidCode(f"{name} is not a number")
    return (Decimal(text) if name is _P.MAX_COST else int(text)) or None
