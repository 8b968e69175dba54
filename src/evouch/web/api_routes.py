"""The operator's API: its table, what its refusals are called, and what one question of it brings along.

Handlers (``api_stations``, ``api_records``) enter themselves with :func:`operation`.
"""

from dataclasses import dataclass
from typing import Final

from evouch.cpo.app import Cpo
from evouch.errors import Refused
from evouch.ids import StationId, parse_station_id
from evouch.web.api_partners import PARTNER_ERRORS
from evouch.web.api_table import COMMON, LIMIT, Question, Table, text
from evouch.web.words_identity import REFUSALS

__all__ = ["CPO", "ERRORS", "Ask", "asked_station", "operation"]

#: Reason → HTTP status and sentence.
ERRORS: Final[dict[str, tuple[int, str]]] = {
    **COMMON,
    "unknownStation": (404, "There is no such station."),
    "unknownToken": (404, "There is no such token."),
    "unknownTransaction": (404, "There is no such transaction."),
    "unknownPayment": (404, "There is no such payment."),
    "stationOffline": (409, "The station is not connected."),
    "badStationId": (422, "A station id is 1 to 48 characters of A-Z a-z 0-9 * - _ = : + | @ ."),
    "badToken": (422, "A token is 1 to 255 printable ASCII characters, its expiry a time with a zone."),
    "badEvses": (422, "Each EVSE has a number of its own."),
    "badPassword": (422, "A station's password has 16 to 40 bytes."),
    "badPayload": (422, "The station's OCPP version knows no such action, or its schema does not allow this payload."),
    "stationBusy": (503, "Too many calls to this station are waiting."),
    "stationSilent": (504, "The station did not answer in time; whether it acted is not known."),
    **REFUSALS,
    **PARTNER_ERRORS,
}


@dataclass(frozen=True, slots=True)
class Ask(Question[Cpo]):
    """A question to an operator's backend."""

    @property
    def cpo(self) -> Cpo:
        """The operator that is asked."""
        return self.service

    @property
    def station(self) -> StationId:
        """The station in the path; Refused where no station can be called so."""
        try:
            return parse_station_id(self.path["station"])
        except ValueError:
            raise Refused("badStationId") from None


_STATION: Final = {"type": "string", "pattern": r"^[A-Za-z0-9*\-_=:+|@.]{1,48}$"}

CPO: Final = Table(
    title="evouch operator API",
    about="Stations, identities, tokens, transactions, payments and roaming of one charge point operator.",
    ask=Ask,
    errors=ERRORS,
    path={
        "station": _STATION, "token": {"type": "string", "pattern": "^[ -~]{1,255}$"}, "transaction": text(255),
        "payment": text(64), "identity": text(64), "message": text(64), "partner": text(40),
    },
    query={"active": {"type": "boolean", "default": False}, "station": _STATION, "limit": LIMIT},
    slashed=frozenset({"token", "transaction"}),
    always={"station": "badStationId"},
)  # fmt: skip

operation = CPO.operation


def asked_station(ask: Ask) -> StationId | None:
    """Return the station that the query names, None for all; Refused("badQuery")."""
    named = ask.query.get("station")
    try:
        return None if named is None else parse_station_id(named)
    except ValueError:
        raise Refused("badQuery", "station") from None
