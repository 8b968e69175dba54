"""What we ask of partners, as :class:`~evouch.ocpi.ports.PartnerCalls`, over any transport.

Rules of this file:

* A request is addressed: to the partner's party, from ours (transport §routing). Each eMSP is
  asked by itself; nothing is broadcast.
* A partner is asked as it stands at that moment, whatever the caller still holds: with the token and
  the endpoints of now, and not at all once its registration is over.
* A path is made of the endpoint without its slash and of parts that are percent-encoded.
* Elements travel compressed; a partner that answers 2001 to that is asked once more in the long form,
  and from then on in that form (docs/decisions/048).
* Nothing is sent of a vehicle to who has no module for it (``ocpi.discretion``).
* Nothing is repeated here that changes something: what was missed is sent again by ``ocpi.pushing``.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from evouch.clock import Clock, Entropy, Tick
from evouch.errors import PeerFault, PeerGarbled, PeerRefused
from evouch.ids import PartyId
from evouch.ocpi import model as m
from evouch.ocpi.codec import read, write
from evouch.ocpi.crawling import crawl, first_url
from evouch.ocpi.discretion import Show, told
from evouch.ocpi.exchange import Exchange, Reply, routing
from evouch.ocpi.http import Transport
from evouch.ocpi.partner import Partner
from evouch.ocpi.partners import Ours, Partners, oracle_urls
from evouch.ocpi.ports import PartnerCalls
from evouch.oprf.element import parse_hex, uncompress
from evouch.oprf.sec1 import InvalidElement

__all__ = ["OcpiClient"]

W = TypeVar("W", bound=m.Wire)

NOT_FOUND: Final = 404
#: status_codes: a parameter is invalid; the token is not known.
INVALID: Final = "2001"
UNKNOWN_TOKEN: Final = "2004"  # noqa: S105 - a status code


class OcpiClient(PartnerCalls):
    """Speaks to the partners of one actor; see the port for what each call raises."""

    def __init__(
        self, transport: Transport, partners: Partners, ours: Ours, clock: Clock, entropy: Entropy,
        *, show: Show = Show.PARTNERS,
    ) -> None:  # fmt: skip
        self._exchange = Exchange(transport, partners.policy, entropy)
        self._partners = partners
        self._ours = ours
        self._show = show
        #: partners that took an element in its long form only; found out anew after a restart
        self._long_form: set[str] = set()
        #: where a partner's oracle answered
        self._oracles: dict[str, str] = {}

    # ── vehicles ──

    async def sign(self, partner: Partner, blinded: bytes, *, by: Tick) -> bytes:
        """See the port. Whether the answer is a point at all, only who unblinds it can say."""
        if partner.quirks.uncompressed or partner.id in self._long_form:
            return await self._sign(partner, uncompress(blinded), by)
        try:
            return await self._sign(partner, blinded, by)
        except PeerRefused as refused:
            if refused.code != INVALID:
                raise
        evaluated = await self._sign(partner, uncompress(blinded), by)
        self._long_form.add(partner.id)
        return evaluated

    async def _sign(self, partner: Partner, element: bytes, by: Tick) -> bytes:
        body = m.SignRequest(blinded_element=element.hex())
        reply = await self._ask_oracle(partner, write(body, partner.version), by)
        answer = self._read(reply, m.SignAnswer, partner)
        try:
            return parse_hex(answer.evaluated_element)
        except InvalidElement as invalid:
            raise PeerGarbled(invalid.code, "evaluated_element is neither form of SEC 1") from None

    async def _ask_oracle(self, partner: Partner, body: Any, by: Tick) -> Reply:
        """Ask where the oracle may be, one place after the other until one is there; that one is first next time."""
        last = self._oracles.get(partner.id)
        places = sorted(oracle_urls(self._now(partner)), key=lambda place: place != last)
        missing = _no_endpoint("oprf", "SENDER")
        for place in places:
            try:
                reply = await self._ask(partner, "POST", place, body=body, by=by)
            except PeerRefused as refused:
                if refused.details.get("http") != NOT_FOUND:
                    raise
                missing = refused
            else:
                self._oracles[partner.id] = place
                return reply
        raise missing

    async def put_vehicle(self, partner: Partner, vehicle: m.VehicleObject, *, by: Tick) -> None:
        """See the port."""
        await self.put_object(partner, "vehicles", quote(vehicle.vehicle_id, safe=""), vehicle, by=by)

    async def post_vehicle(self, partner: Partner, body: m.RegisterVehicle, *, by: Tick) -> m.VehicleObject:
        """See the port."""
        return self._read(await self._post(partner, "vehicles", "", body, by), m.VehicleObject, partner)

    async def post_conflict(self, partner: Partner, body: m.ConflictNotice, *, by: Tick) -> None:
        """See the port."""
        await self._post(partner, "vehicles", "conflict", body, by)

    # ── tokens ──

    async def authorize(
        self, partner: Partner, uid: str, kind: str, where: m.LocationReferences | None, *, by: Tick
    ) -> m.AuthorizationInfo | None:
        """See the port."""
        path = f"{quote(uid, safe='')}/authorize?{urlencode({'type': kind})}"
        url = self._url(partner, "tokens", "SENDER", path)
        body = None if where is None else write(where, partner.version)
        try:
            reply = await self._ask(partner, "POST", url, body=body, by=by)
        except PeerRefused as refused:
            if refused.code == UNKNOWN_TOKEN:
                return None
            raise
        return self._read(reply, m.AuthorizationInfo, partner)

    async def token(self, partner: Partner, uid: str, *, by: Tick) -> m.Token | None:
        """See the port."""
        async for each in self.pages(partner, "tokens", m.Token, by=by):
            if each.uid.upper() == uid.upper():
                return each
        return None

    # ── charging ──

    async def put_session(self, partner: Partner, session: m.Session, *, by: Tick) -> None:
        """See the port."""
        path = "/".join(quote(each, safe="") for each in (session.country_code, session.party_id, session.id))
        await self.put_object(partner, "sessions", path, session, by=by, to=_holder(session.cdr_token))

    async def post_cdr(self, partner: Partner, cdr: m.Cdr, *, by: Tick) -> str:
        """See the port."""
        reply = await self._post(partner, "cdrs", "", cdr, by, interface="RECEIVER", to=_holder(cdr.cdr_token))
        return reply.headers.get("location", "")

    async def put_object(
        self, partner: Partner, module: str, path: str, body: m.Wire, *, by: Tick, to: PartyId | None = None
    ) -> None:
        """See the port. ``to`` is the party it is for, where the partner has several."""
        url = self._url(partner, module, "RECEIVER", path)
        await self._ask(partner, "PUT", url, body=self._seen(partner, body), by=by, to=to)

    async def command(self, partner: Partner, name: str, body: m.Wire, *, by: Tick) -> m.CommandResponse:
        """See the port."""
        reply = await self._post(partner, "commands", quote(name, safe=""), body, by, interface="RECEIVER")
        return self._read(reply, m.CommandResponse, partner)

    async def result(self, partner: Partner, url: str, body: m.CommandResult, *, by: Tick) -> None:
        """See the port."""
        await self._ask(partner, "POST", url, body=write(body, partner.version), by=by)

    # ── lists ──

    async def pages(
        self, partner: Partner, module: str, kind: type[W], *, since: datetime | None = None, by: Tick
    ) -> AsyncIterator[W]:
        """See the port."""
        endpoint, correlation = self._url(partner, module, "SENDER", ""), self._exchange.correlation()
        hosts = frozenset(urlsplit(each.url).netloc.lower() for each in self._now(partner).endpoints)

        async def ask(url: str) -> Reply:
            return await self._ask(partner, "GET", url, by=by, correlation=correlation)

        async for each in crawl(first_url(endpoint, since), ask, kind, partner.version, hosts):
            yield each

    # ── one request ──

    async def _post(
        self, partner: Partner, module: str, path: str, body: m.Wire, by: Tick, *, interface: str = "SENDER",
        to: PartyId | None = None,
    ) -> Reply:  # fmt: skip
        url = self._url(partner, module, interface, path)
        return await self._ask(partner, "POST", url, body=self._seen(partner, body), by=by, to=to)

    async def _ask(
        self, partner: Partner, method: str, url: str, *, by: Tick, body: Any = None, correlation: str = "",
        to: PartyId | None = None,
    ) -> Reply:  # fmt: skip
        partner = self._now(partner)
        if partner.token_out is None:
            raise PeerRefused("notRegistered", f"{partner.id} gave us no token")
        receiver = to if to is not None and partner.speaks_for(to) else next(iter(partner.parties), None)
        try:
            return await self._exchange.ask(
                method, url, partner.token_out, by=by, plain=partner.quirks.plain_token, body=body,
                route=routing(receiver, self._ours.party), correlation=correlation,
            )  # fmt: skip
        except PeerFault as bad:
            raise PeerRefused("badAddress", bad.description) from None

    def _now(self, partner: Partner) -> Partner:
        now = self._partners.get(partner.id)
        if now is None or not now.registered:
            raise PeerRefused("notRegistered", f"{partner.id} is no partner of ours any more")
        return now

    def _url(self, partner: Partner, module: str, interface: str, path: str) -> str:
        endpoint = self._now(partner).endpoint(module, interface)
        if not endpoint:
            raise _no_endpoint(module, interface)
        return f"{endpoint}/{path}" if path else endpoint

    def _seen(self, partner: Partner, body: m.Wire) -> Any:
        """Return an object as the partner may see it."""
        shown = told(body, partner, partner.version, self._show)
        if shown is None:
            raise PeerRefused("noEndpoint", "it has no module for vehicles, and is told nothing of them")
        return write(shown, partner.version)

    @staticmethod
    def _read(reply: Reply, kind: type[W], partner: Partner) -> W:
        try:
            return read(reply.data, kind, partner.version)
        except PeerFault as fault:
            raise PeerGarbled(kind.__name__, fault.description) from None


def _no_endpoint(module: str, interface: str) -> PeerRefused:
    return PeerRefused("noEndpoint", f"it has no {module} as {interface}")


def _holder(token: m.CdrToken) -> PartyId:
    return PartyId(token.country_code.upper(), token.party_id.upper())
