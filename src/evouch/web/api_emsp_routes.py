"""The eMSP's API: its table, and what one question of it brings along. ``api_emsp_*`` enter their operations."""

from dataclasses import dataclass
from typing import Any, Final

from evouch.emsp.app import Emsp
from evouch.errors import Refused
from evouch.ids import Vid, parse_vid
from evouch.web.api_partners import PARTNER_ERRORS
from evouch.web.api_table import COMMON, LIMIT, Question, Table, text
from evouch.web.words_emsp import REFUSALS

__all__ = ["EMSP", "EmspAsk", "operation"]

#: Days that counters of the sign oracle are kept at least.
_MOST_DAYS: Final = 400
_MOST_OFFSET: Final = 999_999_999
_DEFAULT_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class EmspAsk(Question[Emsp]):
    """A question to an eMSP."""

    @property
    def emsp(self) -> Emsp:
        """The eMSP that is asked."""
        return self.service

    @property
    def vid(self) -> Vid:
        """The vehicle in the path; Refused where no vehicle can be called so."""
        try:
            return parse_vid(self.path["vehicle"])
        except ValueError:
            raise Refused("badVid") from None

    @property
    def asked_vid(self) -> Vid | None:
        """The vehicle that the query names, None for all."""
        named = self.query.get("vehicle")
        try:
            return None if named is None else parse_vid(named)
        except ValueError:
            raise Refused("badQuery", "vehicle") from None

    @property
    def days(self) -> int:
        """Of how many days counters are wanted."""
        return self.number("days", least=1, most=_MOST_DAYS, default=_DEFAULT_DAYS)

    @property
    def offset(self) -> int:
        """How many rows are passed over."""
        return self.number("offset", least=0, most=_MOST_OFFSET, default=0)


_VID: Final[dict[str, Any]] = {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"}

EMSP: Final = Table(
    title="evouch eMSP API",
    about="Drivers, cards, vehicles, decisions, sessions, bills and the sign oracle of one e-mobility provider.",
    ask=EmspAsk,
    errors={**COMMON, **PARTNER_ERRORS, **REFUSALS, "badVid": (422, "A vehicle is 64 hexadecimal digits.")},
    path={"driver": text(64), "vehicle": _VID, "partner": text(40)},
    query={
        "active": {"type": "boolean", "default": False}, "limit": LIMIT, "vehicle": _VID, "driver": text(64),
        "offset": {"type": "integer", "minimum": 0, "maximum": _MOST_OFFSET, "default": 0},
        "days": {"type": "integer", "minimum": 1, "maximum": _MOST_DAYS, "default": _DEFAULT_DAYS},
    },
    always={"vehicle": "badVid"},
)  # fmt: skip

operation = EMSP.operation
