"""An operator with one location, whose cars are plugged in at a word: what an eMSP's software can be tried against.

A plug-in does what an operator does: it asks every partner for a signature, has the VIDs
authorised, and where nobody knows the vehicle charges with a card and sends the binding. The
address of the vehicle is in local variables alone.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from evouch.charging.tokens import Allowed
from evouch.clock import Clock, Entropy, Tick
from evouch.errors import EvouchError, PeerFault, PeerRefused, Unreachable
from evouch.ids import Mac, PartyId
from evouch.ocpi import model as m
from evouch.ocpi.client import OcpiClient
from evouch.ocpi.partner import Partner
from evouch.ocpi.partners import Partners
from evouch.ocpi.ports import Answer, Call, Listing, OcpiRefusal
from evouch.oprf.client import Blinder
from evouch.testing.mock_emsp import _known, _page

__all__ = ["LOCATION", "MockCpo"]

LOCATION, EVSE, CONNECTOR = "MOCK-LOC", "MOCK-EVSE-1", "1"
#: Seconds for each step of a plug-in.
PATIENCE: Final = 5.0

Tell = Callable[..., None]
Steps = list[dict[str, Any]]
_PROBLEMS: Final = (PeerRefused, PeerFault, Unreachable)


@dataclass(slots=True)
class MockCpo:
    """Handlers of an operator, and what its drivers do."""

    party: PartyId
    clock: Clock
    entropy: Entropy
    partners: Partners
    client: OcpiClient
    tell: Tell = field(default=lambda *_, **__: None)
    later: Callable[[float, Callable[[], Awaitable[None]]], None] = field(default=lambda *_: None)
    vehicles_known: dict[tuple[str, str], m.VehicleObject] = field(default_factory=dict)
    tokens_known: dict[str, m.Token] = field(default_factory=dict)
    sessions_open: dict[str, m.Session] = field(default_factory=dict)
    _since: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._since = self.clock.now()

    # ── a driver comes ──

    async def plug(self, mac: Mac, card: str = "") -> Steps:
        """Plug a vehicle in; ``card`` starts the charge where nobody knows it. Return every step with its outcome."""
        steps: Steps = []
        blinder = Blinder(mac.reveal())
        for partner in self.partners.with_module("oprf", "SENDER"):
            try:
                await self._at(partner, blinder, card, steps)
            except _PROBLEMS as problem:
                steps.append(_step("failed", partner, error=type(problem).__name__, why=_why(problem)))
        for each in steps:
            self.tell(**each)
        return steps

    async def _at(self, partner: Partner, blinder: Blinder, card: str, steps: Steps) -> None:
        kept, blinded = blinder.blind(self.entropy)
        vid = kept.finish(await self.client.sign(partner, blinded, by=self._by())).hex()
        steps.append(_step("sign", partner, vid=vid))
        where = m.LocationReferences(location_id=LOCATION, evse_uids=(EVSE,))
        info = await self.client.authorize(partner, vid, m.VEHICLE_TOKEN, where, by=self._by())
        verdict = "UNKNOWN" if info is None else info.verdict.value
        steps.append(_step("authorize", partner, vid=vid, allowed=verdict))
        if info is not None and info.verdict is Allowed.ALLOWED:
            await self._charge(partner, info, steps)
        elif info is None and card:
            await self._bind(partner, vid, card, where, steps)

    async def _bind(self, partner: Partner, vid: str, card: str, where: m.LocationReferences, steps: Steps) -> None:
        """Charge with a card, and send the binding while the session is known."""
        info = await self.client.authorize(partner, card, "RFID", where, by=self._by())
        verdict = "UNKNOWN" if info is None else info.verdict.value
        steps.append(_step("authorize", partner, uid=card, allowed=verdict))
        if info is None or info.verdict is not Allowed.ALLOWED:
            return
        session = await self._begin(partner, info, steps)
        body = m.RegisterVehicle(vehicle_id=vid, token_uid=card, session_id=session.id)
        vehicle = await self.client.post_vehicle(partner, body, by=self._by())
        self.vehicles_known[partner.id, vehicle.vehicle_id] = vehicle
        steps.append(_step("bind", partner, vid=vid, status=vehicle.auto_charge_status or ""))
        await self._end(partner, session, steps)

    async def _charge(self, partner: Partner, info: m.AuthorizationInfo, steps: Steps) -> None:
        await self._end(partner, await self._begin(partner, info, steps), steps)

    async def _begin(self, partner: Partner, info: m.AuthorizationInfo, steps: Steps) -> m.Session:
        token, now = info.token, self.clock.now()
        holder = m.CdrToken(
            country_code=token.country_code, party_id=token.party_id, uid=token.uid, type=token.type,
            contract_id=token.contract_id,
        )  # fmt: skip
        session = m.Session(
            country_code=self.party.country, party_id=self.party.party, id=self.entropy.id()[:20].upper(),
            start_date_time=now, kwh=Decimal(0), cdr_token=holder, auth_method="AUTH_REQUEST",
            authorization_reference=info.authorization_reference, location_id=LOCATION, evse_uid=EVSE,
            connector_id=CONNECTOR, currency="EUR", status="ACTIVE", last_updated=now,
        )  # fmt: skip
        await self.client.put_session(partner, session, by=self._by())
        self.sessions_open[session.id] = session
        steps.append(_step("session", partner, id=session.id, status=session.status))
        return session

    async def _end(self, partner: Partner, session: m.Session, steps: Steps) -> None:
        now = self.clock.now()
        over = msgspec.structs.replace(
            session, status="COMPLETED", end_date_time=now, kwh=Decimal("12.5"), last_updated=now
        )
        await self.client.put_session(partner, over, by=self._by())
        self.sessions_open.pop(session.id, None)
        steps.append(_step("session", partner, id=session.id, status=over.status))

    def _by(self) -> Tick:
        return Tick(self.clock.tick() + PATIENCE)

    # ── what eMSPs ask ──

    async def locations(self, call: Call) -> Listing:
        """The one location."""
        return _page(call, [self._location()])

    async def location(self, call: Call) -> Answer:
        """The one location, its EVSE or its connector."""
        found: Any = self._location() if call.params["location_id"].upper() == LOCATION else None
        if found is not None and "evse_uid" in call.params:
            found = next((each for each in found.evses if each.uid == call.params["evse_uid"]), None)
        if found is not None and "connector_id" in call.params:
            found = next((each for each in found.connectors if each.id == call.params["connector_id"]), None)
        return Answer(data=_known(found))

    async def sessions(self, call: Call) -> Listing:
        """Sessions that are under way."""
        return _page(call, list(self.sessions_open.values()))

    async def cdrs(self, call: Call) -> Listing:
        """None."""
        return _page(call, [])

    async def tariffs(self, call: Call) -> Listing:
        """None."""
        return _page(call, [])

    async def put_token(self, call: Call) -> Answer:
        """Keep a card."""
        new = call.body.uid.upper() not in self.tokens_known
        self.tokens_known[call.body.uid.upper()] = call.body
        self.tell("token", uid=call.body.uid, valid=call.body.valid)
        return Answer(http=201 if new else 200)

    async def token(self, call: Call) -> Answer:
        """Return a card."""
        return Answer(data=_known(self.tokens_known.get(call.params["token_uid"].upper())))

    async def put_vehicle(self, call: Call) -> Answer:
        """Keep what an eMSP says of a vehicle."""
        vehicle: m.VehicleObject = call.body
        key = (call.partner.id, vehicle.vehicle_id)
        new = key not in self.vehicles_known
        self.vehicles_known[key] = vehicle
        self.tell("vehicle", partner=call.partner.id, vid=vehicle.vehicle_id, status=vehicle.auto_charge_status)
        return Answer(http=201 if new else 200)

    async def command(self, call: Call) -> Answer:
        """Accept every command, and say later that it was done."""
        name, place = call.params["command"], getattr(call.body, "response_url", None)
        self.tell("command", name=name)
        if place:
            done = m.CommandResult(result="ACCEPTED")
            self.later(0.1, lambda: self.client.result(call.partner, place, done, by=self._by()))
        return Answer(data=m.CommandResponse(result="ACCEPTED", timeout=30))

    def __getattr__(self, name: str) -> Any:
        """Answer what a mock does not do as the specification says it."""
        if name.startswith("_"):
            raise AttributeError(name)

        async def cannot(_: Call) -> Answer:
            raise OcpiRefusal(2000, f"a mock does not do {name}")

        return cannot

    def _location(self) -> m.Location:
        connector = m.Connector(
            id=CONNECTOR, standard="IEC_62196_T2_COMBO", format="CABLE", power_type="DC", max_voltage=920,
            max_amperage=500, last_updated=self._since,
        )  # fmt: skip
        evse = m.Evse(
            uid=EVSE, evse_id=f"{self.party.country}*{self.party.party}*EMOCK1", status="AVAILABLE",
            capabilities=("RFID_READER", m.AUTO_CHARGE_CAPABLE), connectors=(connector,), last_updated=self._since,
        )  # fmt: skip
        return m.Location(
            country_code=self.party.country, party_id=self.party.party, id=LOCATION, publish=True, name="Mock",
            address="Mock street 1", city="Mockton", country="NLD",
            coordinates=m.GeoLocation(latitude="52.0", longitude="5.0"), evses=(evse,), time_zone="Europe/Amsterdam",
            last_updated=self._since,
        )  # fmt: skip


def _step(kind: str, partner: Partner, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "partner": partner.id, **more}


def _why(problem: EvouchError) -> str:
    return getattr(problem, "code", "") or ""
