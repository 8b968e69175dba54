"""What the language asks of an actor, and what an actor may ask of its partners.

Handlers are methods named as the rows of ``ocpi.routes``; each takes one :class:`Call` and
returns an :class:`Answer`, or raises :class:`OcpiRefusal`. :class:`PartnerCalls` is the other
direction: one object speaks to all partners, over sockets or in memory.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from evouch.clock import Tick
from evouch.errors import EvouchError
from evouch.ids import PartyId
from evouch.ocpi.model import (
    AuthorizationInfo,
    Cdr,
    CommandResponse,
    CommandResult,
    ConflictNotice,
    LocationReferences,
    RegisterVehicle,
    Session,
    Token,
    VehicleObject,
    Wire,
)
from evouch.ocpi.partner import Partner

__all__ = ["Answer", "Call", "CpoHandlers", "EmspHandlers", "Listing", "OcpiRefusal", "Page", "PartnerCalls"]

W = TypeVar("W", bound=Wire)


class OcpiRefusal(EvouchError):
    """A request is answered no. ``code`` is the OCPI status code, ``http`` the status of HTTP beside it."""

    def __init__(self, code: int, message: str, *, http: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.http = http
        self.headers: Mapping[str, str] = headers or {}

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a list is asked for: ``since`` inclusive, ``until`` exclusive (transport §pagination)."""

    since: datetime | None = None
    until: datetime | None = None
    offset: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One page: the objects, and how many there are in all for this partner."""

    objects: tuple[Wire, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One authorised request to us."""

    partner: Partner
    #: version that the address names
    version: str
    #: parts of the path by name, percent-decoded
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    page: Page | None = None
    #: the body as the type that the route takes; for PATCH the plain document
    body: Any = None
    #: where the request came from, where known
    address: str = ""
    request_id: str = ""
    correlation_id: str = ""
    #: OCPI-to and OCPI-from, where they were sent
    to_party: PartyId | None = None
    from_party: PartyId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``data`` None sends none. ``http`` is 201 where something new was made."""

    data: Wire | tuple[Wire, ...] | str | None = None
    http: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class CpoHandlers(Protocol):
    """What a charge point operator answers to eMSPs."""

    async def locations(self, call: Call) -> Listing: ...
    async def location(self, call: Call) -> Answer:
        """params: location_id, and perhaps evse_uid and connector_id."""

    async def tariffs(self, call: Call) -> Listing: ...
    async def sessions(self, call: Call) -> Listing: ...
    async def cdrs(self, call: Call) -> Listing: ...
    async def token(self, call: Call) -> Answer:
        """GET tokens/{country_code}/{party_id}/{token_uid}?type=."""

    async def put_token(self, call: Call) -> Answer: ...
    async def patch_token(self, call: Call) -> Answer: ...
    async def put_vehicle(self, call: Call) -> Answer:
        """params: vehicle_id, and perhaps country_code and party_id."""

    async def command(self, call: Call) -> Answer:
        """params: command. body: the struct of that command. Answers CommandResponse."""


class EmspHandlers(Protocol):
    """What an eMSP answers to charge point operators."""

    async def tokens(self, call: Call) -> Listing: ...
    async def authorize(self, call: Call) -> Answer:
        """params: token_uid; query: type; body: LocationReferences or None. Answers AuthorizationInfo."""

    async def location(self, call: Call) -> Answer: ...
    async def put_location(self, call: Call) -> Answer:
        """params: country_code, party_id, location_id, and perhaps evse_uid and connector_id."""

    async def patch_location(self, call: Call) -> Answer: ...
    async def tariff(self, call: Call) -> Answer: ...
    async def put_tariff(self, call: Call) -> Answer: ...
    async def delete_tariff(self, call: Call) -> Answer: ...
    async def session(self, call: Call) -> Answer: ...
    async def put_session(self, call: Call) -> Answer: ...
    async def patch_session(self, call: Call) -> Answer: ...
    async def cdr(self, call: Call) -> Answer:
        """GET cdrs/{cdr_id}: what we gave as Location."""

    async def post_cdr(self, call: Call) -> Answer: ...
    async def command_result(self, call: Call) -> Answer:
        """POST to the response_url that we gave. params: command, uid."""

    async def vehicles(self, call: Call) -> Listing: ...
    async def post_vehicle(self, call: Call) -> Answer: ...
    async def post_conflict(self, call: Call) -> Answer: ...
    async def sign(self, call: Call) -> Answer: ...


class PartnerCalls(Protocol):
    """Speaks to partners; every call stops at ``by``.

    Raises Unreachable, PeerGarbled, or PeerRefused, whose ``code`` is the OCPI status code as text, or
    ``http 429`` and the like where there was no envelope.
    """

    async def sign(self, partner: Partner, blinded: bytes, *, by: Tick) -> bytes:
        """Send a blinded element (33 octets), return the evaluated one in any SEC1 form."""

    async def authorize(
        self, partner: Partner, uid: str, kind: str, where: LocationReferences | None, *, by: Tick
    ) -> AuthorizationInfo | None:
        """Return the verdict; None where the token is not known (404 with 2004)."""

    async def put_session(self, partner: Partner, session: Session, *, by: Tick) -> None: ...
    async def post_cdr(self, partner: Partner, cdr: Cdr, *, by: Tick) -> str:
        """Return the address that the eMSP gave the record."""

    async def put_vehicle(self, partner: Partner, vehicle: VehicleObject, *, by: Tick) -> None: ...
    async def post_vehicle(self, partner: Partner, body: RegisterVehicle, *, by: Tick) -> VehicleObject: ...
    async def post_conflict(self, partner: Partner, body: ConflictNotice, *, by: Tick) -> None: ...
    async def put_object(self, partner: Partner, module: str, path: str, body: Wire, *, by: Tick) -> None:
        """PUT to an address below a module of the partner's RECEIVER interface: locations, tariffs, tokens."""

    async def command(self, partner: Partner, name: str, body: Wire, *, by: Tick) -> CommandResponse:
        """POST commands/{name}; ``body.response_url`` is ours."""

    async def result(self, partner: Partner, url: str, body: CommandResult, *, by: Tick) -> None:
        """POST to the response_url that the partner gave."""

    def pages(
        self, partner: Partner, module: str, kind: type[W], *, since: datetime | None = None, by: Tick
    ) -> AsyncIterator[W]:
        """Read a whole list of the partner's SENDER interface, page after page; unreadable objects are left out."""

    async def token(self, partner: Partner, uid: str, *, by: Tick) -> Token | None:
        """Return one token of an eMSP, where its list has it."""
