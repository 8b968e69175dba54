"""The server of one role: a request in, a response out, whatever the request was.

In this order: whose token it is, what is at the address, what the method does there, whether the
body can be read, whether the request agrees with itself, what the handler says. The table of what
goes wrong is in ``ocpi.envelope``, that of all addresses in ``ocpi.routes``. No web framework is
between the socket and this file (docs/decisions/064).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from traceback import extract_tb
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import structlog

from evouch import wire
from evouch.clock import Clock, Entropy
from evouch.errors import PeerFault
from evouch.ids import PartyId, parse_party_id
from evouch.ocpi import codec, consistency, envelope, openapi
from evouch.ocpi.credentials import allowed_methods
from evouch.ocpi.discretion import Show, told
from evouch.ocpi.http import Request, Response
from evouch.ocpi.model import Endpoint, Version, VersionDetails, Wire
from evouch.ocpi.pages import MOST, page_headers, page_of
from evouch.ocpi.partner import Partner, Role
from evouch.ocpi.partners import Partners, Standing
from evouch.ocpi.ports import Answer, Call, CpoHandlers, EmspHandlers, Listing, OcpiRefusal, Page
from evouch.ocpi.routes import CUSTOM, Form, Route, find, rows

__all__ = ["MAX_BODY", "OcpiServer", "ServerTerms"]

_log = structlog.get_logger("evouch.ocpi")

#: Bytes of a body: a Location of a thousand EVSEs, a CDR with a period for every minute of two days.
MAX_BODY: Final = 1024 * 1024
#: What may be an id of a request: anything printable that fits a line of a log; else we make one.
_ID: Final = re.compile(r"[!-~]{1,128}\Z")
_JSON: Final = "application/json"
TOO_MANY: Final = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTerms:
    """What an operator decides about a server."""

    #: objects on a page of a list, at most
    page: int = MOST
    #: ids of the partners that are told of ``vehicles`` and ``oprf`` and may use them; None: everybody
    vehicles_for: frozenset[str] | None = None
    #: who sees AUTO_CHARGE_CAPABLE
    capability: Show = Show.PARTNERS


@dataclass(slots=True)
class _Asked:
    """One request on its way through, and what has become known of it."""

    request: Request
    address: str
    path: str
    query: str
    request_id: str
    correlation_id: str
    partner: Partner | None = None
    version: str = ""
    #: set for functional modules: their answers carry routing headers
    module: str = ""
    to_party: PartyId | None = None
    from_party: PartyId | None = None


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What is answered: plain data, or a document that is no envelope."""

    data: Any = None
    http: int = 200
    code: int = envelope.SUCCESS
    message: str = "Success"
    headers: Mapping[str, str] = field(default_factory=dict)
    document: bytes = b""


class OcpiServer:
    """Answers the partners of one role. ``base_url`` is our public address; all is below ``{base_url}/ocpi``."""

    def __init__(
        self, role: Role, handlers: CpoHandlers | EmspHandlers, partners: Partners, clock: Clock, entropy: Entropy,
        *, base_url: str, terms: ServerTerms | None = None,
    ) -> None:  # fmt: skip
        self._role = role
        self._handlers = handlers
        self._partners = partners
        self._clock = clock
        self._entropy = entropy
        self._terms = terms or ServerTerms()
        self._root = f"{base_url.rstrip('/')}/ocpi"
        self._prefix = f"{urlsplit(self._root).path}/"

    async def handle(self, request: Request, *, address: str = "") -> Response:
        """Return the response to a request; ``address`` is where it came from. Never raises for what was sent."""
        asked = self._asked(request, address)
        try:
            outcome = await self._outcome(asked)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong, the partner gets an envelope
            outcome = self._refused(asked, error)
        return self._response(asked, outcome)

    def admits(self, authorization: str) -> bool:
        """Return whether a token counts for anything here: what a stranger sends need not be read."""
        return self._partners.authenticate(authorization) is not None

    def _asked(self, request: Request, address: str) -> _Asked:
        path, _, query = request.url.partition("?")
        request_id = self._id(request.headers.get("x-request-id"))
        correlation_id = self._id(request.headers.get("x-correlation-id"))
        inside = path.removeprefix(self._prefix) if path.startswith(self._prefix) else ""
        return _Asked(request, address, inside, query, request_id, correlation_id)

    def _id(self, sent: str | None) -> str:
        return sent if sent is not None and _ID.match(sent) else self._entropy.id()

    # ── from the address to the answer ──────────────────────────────────────────────────

    async def _outcome(self, asked: _Asked) -> _Outcome:
        asked.version, _, rest = asked.path.removesuffix("/").partition("/")
        known = asked.version in self._partners.ours.versions
        if known and rest == openapi.PATH and asked.request.method == "GET":
            return _Outcome(document=openapi.document(self._role, asked.version, self._root))
        partner, standing = self._authenticate(asked, rest)
        if asked.version == "versions" and not rest:
            return self._get_only(asked, self._versions())
        if not known:
            raise envelope.nowhere()
        if not rest:
            return self._get_only(asked, self._details(partner, asked.version))
        route, params = self._route(asked, partner, rest)
        if route.module == "credentials":
            return await self._credentials(asked, partner, standing, self._body(asked, route))
        return await self._function(asked, partner, route, params)

    def _authenticate(self, asked: _Asked, rest: str) -> tuple[Partner, Standing]:
        """Return whose token it is. A registration token is good for versions and credentials, and nothing else."""
        known = self._partners.authenticate(asked.request.headers.get("authorization", ""))
        if known is None:
            raise envelope.unauthorized()
        asked.partner, standing = known
        if standing is Standing.REGISTRATION and rest not in {"", "credentials"}:
            raise envelope.unauthorized()
        return known

    def _route(self, asked: _Asked, partner: Partner, rest: str) -> tuple[Route, dict[str, str]]:
        """Return the row of the address and the method, with the parameters, among what this partner has."""
        found = find(self._role, rest)
        here = found.methods if found else {}
        methods = {method: row for method, row in here.items() if self._served(row, asked.version, partner)}
        route = methods.get(asked.request.method)
        if found is None or route is None:
            raise envelope.wrong_method(methods) if methods else envelope.nowhere()
        return route, found.params(route)

    def _served(self, row: Route, version: str, partner: Partner) -> bool:
        if row.module in CUSTOM and not self._tells_of_vehicles(partner):
            return False
        return version in row.versions or bool(row.unless and getattr(partner.quirks, row.unless))

    def _tells_of_vehicles(self, partner: Partner) -> bool:
        return self._terms.vehicles_for is None or partner.id in self._terms.vehicles_for

    # ── versions and credentials ────────────────────────────────────────────────────────

    def _get_only(self, asked: _Asked, data: Wire | tuple[Wire, ...]) -> _Outcome:
        if asked.request.method != "GET":
            raise envelope.wrong_method({"GET": None})
        return _Outcome(codec.write(data))

    def _versions(self) -> tuple[Version, ...]:
        return tuple(Version(version=each, url=f"{self._root}/{each}") for each in self._partners.ours.versions)

    def _details(self, partner: Partner, version: str) -> VersionDetails:
        """Return every module with its interface, each once."""
        named = dict.fromkeys(
            (row.module, row.interface) for row in rows(self._role, version) if self._served(row, version, partner)
        )
        root = f"{self._root}/{version}"
        ends = (Endpoint(identifier=module, role=role, url=f"{root}/{module}") for module, role in named)
        return VersionDetails(version=version, endpoints=tuple(ends))

    async def _credentials(self, asked: _Asked, partner: Partner, standing: Standing, body: Any) -> _Outcome:
        method = asked.request.method
        sent = asked.request.headers.get("authorization", "")
        ours = await self._partners.answer_credentials(
            method, partner, standing, body, asked.version, authorization=sent
        )
        return _Outcome(None if ours is None else codec.write(ours, asked.version))

    # ── functional modules ──────────────────────────────────────────────────────────────

    async def _function(self, asked: _Asked, partner: Partner, route: Route, params: Mapping[str, str]) -> _Outcome:
        asked.module = route.module
        call = self._call(asked, partner, route, params)
        answer = await getattr(self._handlers, route.handler)(call)
        return self._listed(asked, call, answer) if isinstance(answer, Listing) else self._answered(call, answer)

    def _call(self, asked: _Asked, partner: Partner, route: Route, params: Mapping[str, str]) -> Call:
        """Return the request as handlers take it; raise where it cannot be read or contradicts itself."""
        self._address(asked, partner)
        query, body = _query(asked.query), self._body(asked, route)
        if "token_uid" in params:
            query["type"] = consistency.token_type(query, body)
        consistency.check(route, partner, params, query, body)
        return Call(
            partner=partner, version=asked.version, params=params, query=query, body=body,
            page=page_of(query, self._terms.page) if route.form is Form.LIST else None,
            address=asked.address, request_id=asked.request_id, correlation_id=asked.correlation_id,
            to_party=asked.to_party, from_party=asked.from_party,
        )  # fmt: skip

    def _address(self, asked: _Asked, partner: Partner) -> None:
        """Read the routing headers leniently: who names somebody else as the sender is taken for himself."""
        asked.to_party = _party(asked.request.headers, "to")
        sender = _party(asked.request.headers, "from")
        asked.from_party = sender if sender is not None and partner.speaks_for(sender) else None

    def _body(self, asked: _Asked, route: Route) -> Any:
        sent = asked.request.body
        if route.takes is None or (route.form is Form.OPTIONAL and not sent.strip()):
            return None
        try:
            document = wire.decode(sent, max_bytes=MAX_BODY)
        except wire.MalformedJson as error:
            raise envelope.unreadable(error) from None
        if route.form is Form.OPTIONAL and document is None:
            return None
        return _part(document) if route.form is Form.PART else codec.read(document, route.takes, asked.version)

    def _listed(self, asked: _Asked, call: Call, listing: Listing) -> _Outcome:
        url = f"{self._root}/{asked.path.removesuffix('/')}"
        headers = page_headers(url, call.query, call.page or Page(), listing.total, self._terms.page)
        seen = (told(each, call.partner, call.version, self._terms.capability) for each in listing.objects)
        return _Outcome([codec.write(each, call.version) for each in seen if each is not None], headers=headers)

    def _answered(self, call: Call, answer: Answer) -> _Outcome:
        data: Any = answer.data
        if isinstance(data, Wire):
            data = told(data, call.partner, call.version, self._terms.capability)
            if data is None:
                raise envelope.nowhere()
        if data is not None and not isinstance(data, str):
            data = codec.write(data, call.version)
        return _Outcome(data, answer.http, headers=answer.headers)

    # ── the response ────────────────────────────────────────────────────────────────────

    def _refused(self, asked: _Asked, error: Exception) -> _Outcome:
        no = envelope.refusal(error)
        if no is None:
            _report(asked, error)
            no = envelope.broken()
        http, headers = no.http, dict(no.headers)
        if asked.partner is not None:
            _log.debug(
                "OCPI request refused", partner=asked.partner.id, module=asked.module or "credentials", http=http,
                code=no.code, request=asked.request_id,
            )  # fmt: skip
            if http == TOO_MANY and asked.partner.quirks.limited_with_200:
                http = 200
            if http == 405 and "allow" not in headers:  # noqa: PLR2004 - method not allowed
                headers["allow"] = ", ".join(allowed_methods(asked.partner.state))
        return _Outcome(None, http, no.code, no.message, headers)

    def _response(self, asked: _Asked, outcome: _Outcome) -> Response:
        headers = {"content-type": _JSON, "x-request-id": asked.request_id, "x-correlation-id": asked.correlation_id}
        if asked.module:
            headers |= self._routing(asked)
        headers |= outcome.headers
        body = outcome.document or envelope.pack(self._clock.now(), outcome.code, outcome.message, outcome.data)
        return Response(status=outcome.http, headers=headers, body=body)

    def _routing(self, asked: _Asked) -> dict[str, str]:
        """Return the sender as the receiver and the other way round (transport §routing headers)."""
        sender = asked.to_party or self._partners.ours.party
        receiver = asked.from_party or next(iter(asked.partner.parties if asked.partner else ()), None)
        headers = {"ocpi-from-country-code": sender.country, "ocpi-from-party-id": sender.party}
        if receiver is not None:
            headers |= {"ocpi-to-country-code": receiver.country, "ocpi-to-party-id": receiver.party}
        return headers


def _query(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError:
        raise OcpiRefusal(envelope.INVALID, "query: not readable") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise OcpiRefusal(envelope.INVALID, "query: a parameter twice")
    return found


def _part(document: Any) -> Any:
    if not isinstance(document, dict):
        raise PeerFault("2001", "not an object")
    if document.get("last_updated") is None:
        raise PeerFault("2001", "last_updated: a PATCH has one", {"member": "last_updated"})
    return document


def _party(headers: Mapping[str, str], which: str) -> PartyId | None:
    country, party = headers.get(f"ocpi-{which}-country-code"), headers.get(f"ocpi-{which}-party-id")
    if country is None or party is None:
        return None
    try:
        return parse_party_id(country + party)
    except ValueError:
        return None


def _report(asked: _Asked, error: Exception) -> None:
    """Say where it went wrong, without a value: tokens and addresses may be among them."""
    where = extract_tb(error.__traceback__)[-1]
    _log.error(
        "OCPI request failed", problem=type(error).__name__, file=where.filename, line=where.lineno,
        partner=asked.partner.id if asked.partner else "", module=asked.module, request=asked.request_id,
    )  # fmt: skip
