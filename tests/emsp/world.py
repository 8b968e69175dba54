"""An eMSP with everything but sockets: a store and a web in memory, operators that speak OCPI to it, a clock to turn.

What operators send goes through client, web and server, so that each test shows what a peer sees.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from evouch.charging.geo import Point
from evouch.charging.tokens import Allowed
from evouch.emsp.app import Emsp
from evouch.emsp.terms import EmspTerms
from evouch.errors import EvouchError, PeerRefused
from evouch.ids import ContractId, KeyBytes, PartyId, Vid
from evouch.ocpi import model as m
from evouch.ocpi.partner import Partner, Role
from evouch.ocpi.ports import Answer, Call, OcpiRefusal
from evouch.oprf.client import blind
from evouch.store.memory import MemoryStore
from evouch.store.records_roaming import Car, Driver, EmspSession, Notice
from evouch.testing.clock import ManualClock, SeededEntropy, settle
from evouch.testing.faulty_store import FaultyStore
from evouch.testing.ocpi import MemoryWeb
from tests.ocpi.pair import Side

T = TypeVar("T")

PARTY = PartyId("NL", "MSP")
URL = "https://emsp.test"
VID = Vid("5a" * 32)
OTHER_VID = Vid("6b" * 32)
ADA = ContractId("NL-MSP-C00000001-1")
BOB = ContractId("NL-MSP-C00000002-2")
#: A model that keeps its address.
GOOD = Car("Tesla", "Model 3")
BERLIN, POTSDAM, MUNICH = ("52.52000", "13.40500"), ("52.39600", "13.05800"), ("48.13700", "11.57500")
#: Points of SEC 1 that are none.
BAD_ELEMENTS = ("", "00", "02" + "ff" * 32, "04" + "00" * 64, "05" + "11" * 32, "zz" * 33, "02" + "11" * 31)


def element(entropy: SeededEntropy, vehicle: bytes = b"\x0c\x29\x8f\x00\x00\x01") -> str:
    """A blinded element as an operator sends it."""
    _, blinded = blind(vehicle, entropy)
    return blinded.hex()


def point(place: tuple[str, str]) -> Point:
    return Point(Decimal(place[0]), Decimal(place[1]))


class Faulty(FaultyStore):
    """A store that fails at a chosen write, and answers every question."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


@dataclass
class Operator(Side):
    """A charge point operator: two places, whatever sessions a test wants, and a memory of what it was told."""

    id: str = ""
    places: dict[str, tuple[str, str]] = field(default_factory=lambda: {"L1": BERLIN, "L2": POTSDAM, "L3": MUNICH})

    def partner(self) -> Partner:
        """The eMSP as the operator knows it."""
        return self.one()

    def told(self, handler: str) -> list[Call]:
        """What the eMSP sent to one of our handlers."""
        return [call for name, call in self.handlers.calls if name == handler]

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any], dict[str, str]]:
        """Send a request as it is; return status, envelope and headers."""
        from evouch import wire
        from evouch.ocpi.authorization import header
        from evouch.ocpi.http import Request

        token = self.partner().token_out
        assert token is not None
        content = b"" if body is None else wire.encode(body)
        request = Request(
            method=method, url=f"{URL}/ocpi/2.3.0/{path}", headers={"authorization": header(token)}, body=content
        )  # fmt: skip
        response = await self.web.send(request, by=self.by())
        return response.status, wire.decode(response.body), dict(response.headers)

    async def show_places(self) -> None:
        for id in self.places:
            path = f"{self.party.country}/{self.party.party}/{id}"
            await self.client.put_object(self.partner(), "locations", path, self.location(id), by=self.by())

    def location(self, id: str, *, evses: int = 2, **changed: Any) -> m.Location:
        now = self.clock.now()
        connector = m.Connector(
            id="1", standard="IEC_62196_T2", format="SOCKET", power_type="AC_3_PHASE", max_voltage=400,
            max_amperage=32, last_updated=now,
        )  # fmt: skip
        latitude, longitude = self.places.get(id, BERLIN)
        return m.Location(
            country_code=self.party.country, party_id=self.party.party, id=id, publish=True, address="A street 1",
            city="A town", country="DEU", coordinates=m.GeoLocation(latitude=latitude, longitude=longitude),
            evses=tuple(
                m.Evse(uid=f"{id}-E{number}", status="AVAILABLE", connectors=(connector,), last_updated=now)
                for number in range(1, evses + 1)
            ),
            time_zone="Europe/Berlin", last_updated=now, **changed,
        )  # fmt: skip

    def session(
        self, id: str, uid: str = "CARD-A", *, status: str = "ACTIVE", place: str = "L1", kind: str = "RFID",
        contract: str = ADA, kwh: str = "1.5", **changed: Any,
    ) -> m.Session:  # fmt: skip
        now = self.clock.now()
        return m.Session(
            country_code=self.party.country, party_id=self.party.party, id=id,
            start_date_time=changed.pop("start", now), kwh=Decimal(kwh), auth_method="AUTH_REQUEST",
            location_id=place, evse_uid=f"{place}-E1",
            connector_id="1", currency="EUR", status=status, last_updated=changed.pop("last_updated", now),
            cdr_token=m.CdrToken(
                country_code=PARTY.country, party_id=PARTY.party, uid=uid, type=kind, contract_id=contract
            ), **changed,
        )  # fmt: skip

    def cdr(self, id: str, session: m.Session, **changed: Any) -> m.Cdr:
        place = self.location(session.location_id)
        now = self.clock.now()
        return m.Cdr(
            country_code=self.party.country, party_id=self.party.party, id=id, start_date_time=session.start_date_time,
            end_date_time=changed.pop("end", now), session_id=session.id, cdr_token=session.cdr_token,
            auth_method=session.auth_method, authorization_reference=session.authorization_reference,
            cdr_location=m.CdrLocation(
                id=place.id, address=place.address, city=place.city, country=place.country,
                coordinates=place.coordinates, evse_uid=session.evse_uid, evse_id="DE*ABC*E1", connector_id="1",
                connector_standard="IEC_62196_T2", connector_format="SOCKET", connector_power_type="AC_3_PHASE",
            ),
            currency="EUR",
            charging_periods=(m.ChargingPeriod(
                start_date_time=session.start_date_time,
                dimensions=(m.CdrDimension(type="ENERGY", volume=Decimal("12.345")),),
            ),),
            total_cost=m.Price(
                before_taxes=Decimal("10.00"), taxes=(m.TaxAmount(name="VAT", amount=Decimal("1.90")),)
            ),
            total_energy=Decimal("12.345"), total_time=Decimal("0.5"), last_updated=now, **changed,
        )  # fmt: skip

    async def put(self, session: m.Session) -> m.Session:
        await self.client.put_session(self.partner(), session, by=self.by())
        return session

    async def bind(self, vid: str = VID, uid: str = "CARD-A", session: str = "S1") -> m.VehicleObject:
        body = m.RegisterVehicle(vehicle_id=vid, token_uid=uid, session_id=session)
        return await self.client.post_vehicle(self.partner(), body, by=self.by())

    async def authorize(
        self, vid: str = VID, place: str | None = "L1", evse: str = "", kind: str = m.VEHICLE_TOKEN
    ) -> m.AuthorizationInfo | None:  # fmt: skip
        where = None if place is None else m.LocationReferences(location_id=place, evse_uids=(evse or f"{place}-E1",))
        return await self.client.authorize(self.partner(), vid, kind, where, by=self.by())

    async def verdict(self, vid: str = VID, place: str | None = "L1") -> str:
        info = await self.authorize(vid, place)
        return info.allowed if info is not None else "unknown"

    async def sign(self) -> str:
        """Ask for one signature; return "signed", "too often", or the code of another refusal."""
        try:
            _, blinded = blind(self.entropy.bytes(6), self.entropy)
            await self.client.sign(self.partner(), blinded, by=self.by())
        except PeerRefused as refused:
            return "too often" if refused.code == "http 429" else refused.code
        return "signed"

    async def conflict(self, vid: str = VID, contract: str = ADA) -> None:
        body = m.ConflictNotice(vehicle_id=vid, contract_id=contract)
        await self.client.post_conflict(self.partner(), body, by=self.by())


@dataclass
class World:
    """Everything that a test plays with. ``emsp`` is the one that lives; :meth:`restart` makes it anew."""

    clock: ManualClock
    web: MemoryWeb
    store: Any
    terms: EmspTerms
    emsp: Emsp = field(init=False)
    operators: dict[str, Operator] = field(default_factory=dict)
    _running: "asyncio.Task[None] | None" = None
    _starts: int = 0

    @classmethod
    async def new(cls, *names: str, store: Any = None, **terms: Any) -> "World":
        clock = ManualClock()
        defaults = EmspTerms(party=PARTY, name="Voltage", base_url=URL)
        world = cls(clock, MemoryWeb(clock), store or MemoryStore(), replace(defaults, **terms))
        await world.restart()
        for name in names or ("alfa",):
            await world.join(name)
        return world

    async def restart(self) -> None:
        """Begin anew with what the store has."""
        await self.stop()
        self._starts += 1
        self.emsp = Emsp(
            store=self.store, terms=self.terms, clock=self.clock, entropy=SeededEntropy(f"start {self._starts}"),
            transport=self.web, pepper=KeyBytes(b"p" * 32),
        )  # fmt: skip
        self.web.host(URL, self.emsp.ocpi.handle)
        await self.emsp.load()
        self._running = asyncio.create_task(self.emsp.run())

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def join(self, name: str, *, places: bool = True) -> Operator:
        """Let an operator register, and show its places."""
        party = PartyId("DE", name[:3].upper())
        operator = Operator(Role.CPO, party, f"https://{name}.test", self.clock, self.web, id=name)
        token = await self.emsp.partners.invite(name, Role.CPO, actor="ann")
        await operator.partners.add("the-emsp", Role.EMSP, f"{URL}/ocpi/versions", token, actor="bob")
        await operator.partners.register("the-emsp", actor="bob")
        accepted = Answer(data=m.CommandResponse(result="ACCEPTED", timeout=30))
        operator.handlers.answers["command"] = lambda _call: accepted
        self.operators[name] = operator
        if places:
            await operator.show_places()
        return operator

    @property
    def alfa(self) -> Operator:
        return self.operators["alfa"]

    # ── a driver and his vehicle ──

    async def driver(self, id: str = "ada", contract: str = ADA, uid: str = "CARD-A", **more: Any) -> Driver:
        more = {"cars": (GOOD,)} | more
        driver = await self.emsp.drivers.add(id.title(), ContractId(contract), actor="ann", id=id, **more)
        await self.emsp.tokens.add(uid, driver, actor="ann")
        return driver

    async def bound(self, *, granted: bool = True, operator: Operator | None = None, **more: Any) -> Driver:
        """A driver has charged with his card at L1 of an operator, which sent his vehicle; he says yes."""
        operator = operator or self.alfa
        driver = await self.driver(**more)
        await operator.put(operator.session("S1"))
        await operator.bind()
        if granted:
            await self.emsp.phone.grant(driver.id, VID)
        await operator.put(operator.session("S1", status="COMPLETED", end_date_time=self.clock.now()))
        await settle()
        return driver

    async def notices(self, kind: str = "", driver: str = "ada", *, open: bool = True) -> list[Notice]:
        found = await self.emsp.phone.notices(driver, open=open)
        return [each for each in found if kind in {"", each.kind}]

    async def session(self, id: str, operator: str = "alfa") -> EmspSession:
        found: EmspSession | None = await self.store.emsp_session(operator, id)
        assert found is not None
        return found

    def leap(self, **span: float) -> None:
        """Be later without anything happening in between: days of polling take long to play."""
        self.clock.step_wall(timedelta(**span).total_seconds())

    async def pass_time(self, **span: float) -> datetime:
        """Let time pass; return what it is then, in the milliseconds that travel."""
        await self.clock.advance(timedelta(**span).total_seconds())
        now = self.clock.now()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


Story = Callable[[World], Coroutine[Any, Any, None]]


def play(story: Story, *names: str, **terms: Any) -> None:
    """Play a story in a world of its own."""

    async def played() -> None:
        world = await World.new(*names, **terms)
        try:
            await story(world)
        finally:
            await world.stop()
            await world.web.close()

    asyncio.run(played())


async def refused(doing: Awaitable[Any]) -> str:
    """Return the code or the reason of a refusal; "" where there was none."""
    try:
        await doing
    except PeerRefused as error:
        return error.code
    except OcpiRefusal as error:
        return str(error.code)
    except EvouchError as error:
        return str(getattr(error, "reason", type(error).__name__))
    return ""


__all__ = ["Allowed", "World", "msgspec", "play", "refused"]
