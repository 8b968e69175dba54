"""The operator API as a table: what each operation is called, takes, gives and may refuse.

Handlers (``api_stations``, ``api_records``) enter themselves with :func:`operation`. The
HTTP side and the OpenAPI document are both made from the table, so they cannot disagree.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from evouch.cpo.app import Cpo
from evouch.errors import Refused
from evouch.ids import StationId, parse_station_id
from evouch.web.words_identity import REFUSALS

__all__ = ["ERRORS", "MOST", "OPERATIONS", "Ask", "Operation", "asked_station", "operation"]

#: Rows of the longest list.
MOST: Final = 1000

#: Reason → HTTP status and sentence.
ERRORS: Final[dict[str, tuple[int, str]]] = {
    "malformed": (400, "The body is not the JSON document that this operation takes."),
    "badQuery": (400, "A query parameter is unknown or has no such value."),
    "unauthorized": (401, "Send an API token as bearer token."),
    "notFound": (404, "There is nothing at this address."),
    "unknownStation": (404, "There is no such station."),
    "unknownToken": (404, "There is no such token."),
    "unknownTransaction": (404, "There is no such transaction."),
    "unknownPayment": (404, "There is no such payment."),
    "wrongMethod": (405, "This address does not take that method."),
    "stationOffline": (409, "The station is not connected."),
    "tooLarge": (413, "The body is too large."),
    "badStationId": (422, "A station id is 1 to 48 characters of A-Z a-z 0-9 * - _ = : + | @ ."),
    "badToken": (422, "A token is 1 to 255 printable ASCII characters, its expiry a time with a zone."),
    "badEvses": (422, "Each EVSE has a number of its own."),
    "badPassword": (422, "A station's password has 16 to 40 bytes."),
    "badPayload": (422, "The station's OCPP version knows no such action, or its schema does not allow this payload."),
    "serverError": (500, "Something went wrong here."),
    "stationBusy": (503, "Too many calls to this station are waiting."),
    "stationSilent": (504, "The station did not answer in time; whether it acted is not known."),
    **REFUSALS,
}


Method = Literal["GET", "PUT", "POST", "DELETE"]


@dataclass(frozen=True, slots=True)
class Ask:
    """One authorised question: who asks, where, and the body as the type that the operation takes."""

    cpo: Cpo
    actor: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any

    @property
    def station(self) -> StationId:
        """The station in the path; Refused where no station can be called so."""
        try:
            return parse_station_id(self.path["station"])
        except ValueError:
            raise Refused("badStationId") from None

    @property
    def limit(self) -> int:
        """How many rows are wanted, 100 if nobody said."""
        text = self.query.get("limit", "100")
        if not (text.isascii() and text.isdecimal() and len(text) < 5 and 1 <= int(text) <= MOST):  # noqa: PLR2004 - digits of MOST
            raise Refused("badQuery", "limit")
        return int(text)

    @property
    def active(self) -> bool:
        """Whether only what is under way is wanted."""
        text = self.query.get("active", "false")
        if text not in {"true", "false"}:
            raise Refused("badQuery", "active")
        return text == "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row of the table."""

    method: Method
    path: str
    name: str
    says: str
    gives: type[Any] | None
    takes: type[Any] | None
    query: tuple[str, ...]
    refuses: tuple[str, ...]
    run: Callable[[Ask], Awaitable[Any]]


OPERATIONS: Final[list[Operation]] = []

Handler = Callable[[Ask], Awaitable[Any]]


def operation(
    method: Method, path: str, *, gives: type[Any] | None = None, takes: type[Any] | None = None,
    query: tuple[str, ...] = (), refuses: tuple[str, ...] = (),
) -> Callable[[Handler], Handler]:  # fmt: skip
    """Enter a handler into the table; its docstring is what the document says of it."""

    def enter(run: Handler) -> Handler:
        says = (run.__doc__ or "").partition("\n")[0]
        row = Operation(
            method=method, path=path, name=run.__name__, says=says, gives=gives, takes=takes, query=query,
            refuses=refuses + (("badStationId",) if "{station}" in path else ()), run=run,
        )  # fmt: skip
        OPERATIONS.append(row)
        return run

    return enter


def asked_station(ask: Ask) -> StationId | None:
    """Return the station that the query names, None for all; Refused("badQuery")."""
    text = ask.query.get("station")
    try:
        return None if text is None else parse_station_id(text)
    except ValueError:
        raise Refused("badQuery", "station") from None
