"""An eMSP that knows two cards and learns vehicles: what an operator's software can be tried against.

It authorises its cards, signs, takes bindings (GRANTED at once, or after a while, as a driver who is
asked), refuses what the specification refuses, and remembers what it was told. It keeps nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from evouch.autocharge.answering import Signer
from evouch.autocharge.consent import ConsentEvent, register, step
from evouch.charging.tokens import Allowed
from evouch.charging.vehicles import Vehicle
from evouch.clock import Clock, Entropy
from evouch.ids import ContractId, PartyId, Vid, parse_vid
from evouch.ocpi import model as m
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import Answer, Call, Listing, OcpiRefusal
from evouch.oprf.keys import PrivateKey
from evouch.oprf.server import Evaluator

__all__ = ["CARDS", "MockEmsp"]

#: Cards that are good at every mock eMSP, with what follows the party in their contracts.
CARDS: Final = {"MOCK-CARD-1": "C00000001-1", "MOCK-CARD-2": "C00000002-2"}

UNKNOWN_LOCATION: Final = 2002
UNKNOWN_TOKEN: Final = 2004
#: send the session, try again ("Autocharge Roaming", docs/specs/autocharge.md §7)
NO_SESSION_YET: Final = 2901
NOT_FOUND: Final = 404

Push = Callable[[Partner, Vehicle], Awaitable[None]]
Tell = Callable[..., None]


@dataclass(slots=True)
class MockEmsp:
    """Handlers of an eMSP. ``push`` sends a vehicle whose driver was asked; ``tell`` hears what happens."""

    party: PartyId
    clock: Clock
    entropy: Entropy
    push: Push
    tell: Tell = field(default=lambda *_, **__: None)
    #: seconds that a driver takes to grant a new vehicle; None grants at once
    asks: float | None = None
    later: Callable[[float, Callable[[], Awaitable[None]]], None] = field(default=lambda *_: None)
    vehicles_known: dict[Vid, Vehicle] = field(default_factory=dict)
    sessions_known: dict[tuple[str, str], m.Session] = field(default_factory=dict)
    cdrs_known: dict[str, m.Cdr] = field(default_factory=dict)
    places: dict[str, m.Wire] = field(default_factory=dict)
    _signer: Signer = field(init=False)
    _since: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._signer = Signer(Evaluator(PrivateKey.generate(self.entropy)))
        self._since = self.clock.now()

    # ── tokens ──

    async def tokens(self, call: Call) -> Listing:
        """The cards."""
        return _page(call, [self._card(uid) for uid in CARDS])

    async def authorize(self, call: Call) -> Answer:
        """Cards are ALLOWED, vehicles as their drivers want, others are unknown."""
        uid, kind = call.params["token_uid"], call.query.get("type", "RFID")
        if kind == m.VEHICLE_TOKEN:
            return self._vehicle_answer(uid, call.body)
        found = next((each for each in CARDS if each.upper() == uid.upper()), None)
        if found is None:
            raise _unknown_token()
        return self._info(self._card(found), Allowed.ALLOWED, call.body)

    def _vehicle_answer(self, uid: str, where: m.LocationReferences | None) -> Answer:
        vehicle = self.vehicles_known.get(_vid(uid))
        if vehicle is None:
            raise _unknown_token()
        if where is None:
            raise OcpiRefusal(UNKNOWN_LOCATION, "where is it? LocationReferences are missing")
        token = m.Token(
            country_code=self.party.country, party_id=self.party.party, uid=vehicle.vid, type=m.VEHICLE_TOKEN,
            contract_id=vehicle.contract, issuer="Mock eMSP", valid=vehicle.granted, whitelist="NEVER",
            last_updated=vehicle.last_updated,
        )  # fmt: skip
        return self._info(token, Allowed.ALLOWED if vehicle.granted else Allowed.BLOCKED, where)

    def _info(self, token: m.Token, allowed: Allowed, where: m.LocationReferences | None) -> Answer:
        reference = self.entropy.id() if allowed is Allowed.ALLOWED else None
        self.tell("authorize", uid=token.uid, type=token.type, allowed=allowed.value)
        info = m.AuthorizationInfo(
            allowed=allowed.value, token=token, location=where, authorization_reference=reference
        )
        return Answer(data=info)

    def _contract(self, uid: str) -> ContractId:
        return ContractId(f"{self.party.country}-{self.party.party}-{CARDS[uid]}")

    def _card(self, uid: str) -> m.Token:
        return m.Token(
            country_code=self.party.country, party_id=self.party.party, uid=uid, type="RFID",
            contract_id=self._contract(uid),
            issuer="Mock eMSP", valid=True, whitelist="ALLOWED", last_updated=self._since,
        )  # fmt: skip

    # ── vehicles ──

    async def sign(self, call: Call) -> Answer:
        """Evaluate; what is no point is 2001."""
        return Answer(data=m.SignAnswer(evaluated_element=self._signer.sign(call.body.blinded_element)))

    async def vehicles(self, call: Call) -> Listing:
        """All vehicles, by their last change."""
        known = sorted(self.vehicles_known.values(), key=lambda each: each.last_updated)
        return _page(call, [m.VehicleObject.of(each) for each in known])

    async def post_vehicle(self, call: Call) -> Answer:
        """Bind a vehicle to the card of a session that the operator has pushed before."""
        body: m.RegisterVehicle = call.body
        session = self.sessions_known.get((call.partner.id, body.session_id.upper()))
        if session is None or session.status == "PENDING":
            raise OcpiRefusal(NO_SESSION_YET, "no session that has begun, send it and try again")
        card = next((each for each in CARDS if each.upper() == body.token_uid.upper()), None)
        if card is None or session.cdr_token.uid.upper() != card.upper():
            raise OcpiRefusal(2001, "token_uid: not the token of that session")
        vid = _vid(body.vehicle_id)
        known = self.vehicles_known.get(vid)
        vehicle = known or register(self.party, vid, self._contract(card), self.clock.now(), opted_in=self.asks is None)
        self.vehicles_known[vid] = vehicle
        self.tell("bind", vid=vid, status=vehicle.status.value)
        if known is None and self.asks is not None:
            self.later(self.asks, lambda: self.grant(call.partner, vid))
        return Answer(data=m.VehicleObject.of(vehicle), http=200 if known else 201)

    async def grant(self, partner: Partner, vid: Vid, event: ConsentEvent = ConsentEvent.GRANT) -> None:
        """Let the driver decide, and tell the operator."""
        vehicle = step(self.vehicles_known[vid], event, self.clock.now())
        self.vehicles_known[vid] = vehicle
        self.tell("driver", vid=vid, status=vehicle.status.value)
        await self.push(partner, vehicle)

    async def post_conflict(self, call: Call) -> Answer:
        """Take notice of a vehicle that another eMSP knows too."""
        if _vid(call.body.vehicle_id) not in self.vehicles_known:
            raise OcpiRefusal(2001, "vehicle_id: not known here")
        self.tell("conflict", vid=call.body.vehicle_id)
        return Answer(data="noted")

    # ── what operators push ──

    async def put_session(self, call: Call) -> Answer:
        """Keep a session."""
        session: m.Session = call.body
        key = (call.partner.id, session.id.upper())
        new = key not in self.sessions_known
        self.sessions_known[key] = session
        self.tell("session", id=session.id, status=session.status, kwh=str(session.kwh))
        return Answer(http=201 if new else 200)

    async def session(self, call: Call) -> Answer:
        """Return a session as it was pushed."""
        return Answer(data=_known(self.sessions_known.get((call.partner.id, call.params["session_id"].upper()))))

    async def post_cdr(self, call: Call) -> Answer:
        """Take a bill."""
        cdr: m.Cdr = call.body
        self.cdrs_known[cdr.id] = cdr
        self.tell("cdr", id=cdr.id, kwh=str(cdr.total_energy))
        return Answer(http=201)

    async def cdr(self, call: Call) -> Answer:
        """Return a bill."""
        return Answer(data=_known(self.cdrs_known.get(call.params["cdr_id"])))

    async def put_location(self, call: Call) -> Answer:
        """Keep a location, an EVSE or a connector."""
        return self._placed(call)

    async def put_tariff(self, call: Call) -> Answer:
        """Keep a tariff."""
        return self._placed(call)

    async def location(self, call: Call) -> Answer:
        """Return what was put there."""
        return Answer(data=_known(self.places.get(_key(call))))

    async def tariff(self, call: Call) -> Answer:
        """Return what was put there."""
        return Answer(data=_known(self.places.get(_key(call))))

    async def command_result(self, call: Call) -> Answer:
        """Take what became of a command."""
        self.tell("result", command=call.params["command"], result=call.body.result)
        return Answer()

    def __getattr__(self, name: str) -> Any:
        """Answer what a mock does not do as the specification says it."""
        if name.startswith("_"):
            raise AttributeError(name)

        async def cannot(_: Call) -> Answer:
            raise OcpiRefusal(2000, f"a mock does not do {name}")

        return cannot

    def _placed(self, call: Call) -> Answer:
        new = _key(call) not in self.places
        self.places[_key(call)] = call.body
        self.tell("put", what=type(call.body).__name__)
        return Answer(http=201 if new else 200)


def _page(call: Call, objects: Sequence[Any]) -> Listing:
    assert call.page is not None  # noqa: S101 - rows that answer lists have one
    page = call.page
    found = [
        each for each in objects
        if (page.since is None or each.last_updated >= page.since)
        and (page.until is None or each.last_updated < page.until)
    ]  # fmt: skip
    return Listing(objects=tuple(found[page.offset : page.offset + page.limit]), total=len(found))


def _key(call: Call) -> str:
    return "/".join([call.partner.id, *call.params.values()]).upper()


def _known(found: Any) -> Any:
    if found is None:
        raise OcpiRefusal(2000, "not here", http=NOT_FOUND)
    return found


def _vid(text: str) -> Vid:
    try:
        return parse_vid(text)
    except ValueError:
        raise _unknown_token() from None


def _unknown_token() -> OcpiRefusal:
    return OcpiRefusal(UNKNOWN_TOKEN, "unknown token", http=NOT_FOUND)
