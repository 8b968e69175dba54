"""A town whose operator has roaming partners: stations in the neutral dialogue, eMSPs on a web in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from evouch.charging import dialogue as d
from evouch.charging.equipment import ConnectorStatus
from evouch.charging.geo import Point, Site
from evouch.charging.roaming import RoamingCharge
from evouch.charging.tokens import Authorization, IdToken, TokenKind
from evouch.charging.vehicles import Vehicle
from evouch.clock import Tick
from evouch.cpo.app import Cpo, CpoTerms
from evouch.cpo.codes import CodeLimits
from evouch.cpo.offers import Terms
from evouch.cpo.provision import QrTerms
from evouch.cpo.roaming import Roaming
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.ids import EvseNumber, KeyBytes, Mac, PartyId, Secret, StationId, TransactionId
from evouch.ocpi.client import OcpiClient
from evouch.ocpi.model import CommandResponse, VehicleObject, Wire
from evouch.ocpi.partner import Partner, Role
from evouch.store.memory import MemoryStore
from evouch.store.ports import Put, Store
from evouch.store.records import TokenRecord
from evouch.testing.clock import ManualClock, SeededEntropy
from evouch.testing.faulty_store import FaultyStore
from evouch.testing.ocpi import MemoryWeb
from evouch.testing.psp import SandboxPsp
from evouch.testing.stations import PlainStation, PlainStations
from evouch.units import Money
from evouch.webpayment.grant import GrantKey
from tests.cpo.roaming.emsp import Emsp
from tests.cpo.town import GENEROUS, SELLER, TARIFF, TEMPLATE, Town

#: A car. The prefix is a car maker's.
CAR = "98ED5C0A1B2C"
OTHER_CAR = "98ED5C0A1B2D"
CPO = PartyId("DE", "CPO")
TERMS = RoamingTerms(party=CPO, name="Town Energy", base_url="https://cpo.test")
SITE = Site(point=Point(Decimal("52.52"), Decimal("13.40")), address="1 Plug Street", city="Berlin", country="DEU")


def mac(text: str = CAR) -> Mac:
    return Mac(bytes.fromhex(text))


def car(text: str = CAR) -> IdToken:
    return IdToken("", TokenKind.MAC_ADDRESS, mac(text))


class Disk(FaultyStore):
    """A store that fails when told to, and passes every question on."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["store"], name)


@dataclass
class World(Town):
    web: MemoryWeb = field(kw_only=True)
    emsps: dict[str, Emsp] = field(default_factory=dict, kw_only=True)
    terms: RoamingTerms = field(default=TERMS, kw_only=True)
    keeper: asyncio.Task[None] | None = field(default=None, kw_only=True)

    @property
    def roaming(self) -> Roaming:
        assert self.cpo.roaming is not None
        return self.cpo.roaming

    async def emsp(self, id: str = "mobi", party: str = "NLMOB", **how: Any) -> Emsp:
        """Build an eMSP and register with it."""
        made = self.emsps[id] = Emsp(id, PartyId(party[:2], party[2:]), self.web, self.clock, **how)
        token = await made.partners.invite("cpo", Role.CPO, actor="ann")
        partners = self.roaming.partners
        await partners.add(id, Role.EMSP, f"{made.url}/ocpi/versions", token, actor="bob")
        await partners.register(id, actor="bob")
        await self.clock.advance(0)
        return made

    def partner(self, id: str = "mobi") -> Partner:
        found = self.roaming.partners.get(id)
        assert found is not None
        return found

    async def push(self, emsp: Emsp, vehicle: Vehicle) -> Vehicle:
        """Have an eMSP tell the operator of a vehicle."""
        emsp.own_vehicles[vehicle.vid] = vehicle
        await self.ask(emsp).put_vehicle(emsp.cpo, VehicleObject.of(vehicle), by=self.by())
        return vehicle

    async def knows(self, emsp: Emsp, text: str = CAR, **more: Any) -> Vehicle:
        return await self.push(emsp, emsp.vehicle(text, **more))

    async def card(self, emsp: Emsp, uid: str = "CARD", whitelist: str = "NEVER", **more: Any) -> None:
        """Have an eMSP tell the operator of a card."""
        token = emsp.token(uid, whitelist, **more)
        path = f"{token.country_code}/{token.party_id}/{token.uid}"
        await self.ask(emsp).put_object(emsp.cpo, "tokens", path, token, by=self.by())

    async def order(self, emsp: Emsp, name: str, body: Wire) -> CommandResponse:
        answer = await self.ask(emsp).command(emsp.cpo, name, body, by=self.by())
        await self.clock.advance(0)
        return answer

    def ask(self, emsp: Emsp) -> OcpiClient:
        return OcpiClient(self.web, emsp.partners, emsp.partners.ours, self.clock, self.entropy)

    def by(self, seconds: float = 10) -> Tick:
        return Tick(self.clock.tick() + seconds)

    async def place(self, id: str = "CS-1", **how: Any) -> Any:
        """A PlainStation with a site."""
        station = await self.station(id, **how)
        await self.cpo.registry.change(StationId(id), lambda record: replace(record, site=SITE))
        return station

    async def local_card(self, uid: str = "LOCAL") -> IdToken:
        await self.store.commit(Put(TokenRecord(key=uid.casefold())))
        return IdToken(uid)

    async def charges(self) -> list[RoamingCharge]:
        return await self.store.charges()

    async def charge(self) -> RoamingCharge:
        return (await self.store.charges())[0]

    @asynccontextmanager
    async def reborn(self) -> AsyncIterator["World"]:
        """Kill the operator's process, and start another one on the same store; no station is connected to it."""
        assert self.keeper is not None
        self.keeper.cancel()
        await asyncio.gather(self.keeper, return_exceptions=True)
        self.stations.connected.clear()
        after = make(self.clock, self.entropy, self.store, self.psp, self.stations, self.web, self.terms, self.emsps)
        async with living(after):
            yield after

    def back(self, station: PlainStation, *, plugged: bool = True) -> Any:
        """Return a station as it is connected to this process, without a new boot."""
        again = PlainStation(station.id, self.cpo.backend, self.stations, self.clock, station.version)
        again.register, again.seq = station.register, station.seq

        async def triggered(_order: d.Trigger) -> d.Yes:
            await again.status(ConnectorStatus.OCCUPIED if plugged else ConnectorStatus.AVAILABLE)
            return d.Yes(accepted=True)

        again.answers[d.Trigger] = triggered
        again.knock()
        return again


def make(  # noqa: PLR0917
    clock: ManualClock, entropy: SeededEntropy, store: Store, psp: SandboxPsp, stations: PlainStations, web: MemoryWeb,
    terms: RoamingTerms, emsps: dict[str, Emsp] | None = None,
) -> World:  # fmt: skip
    cpo_terms = CpoTerms(
        terms=Terms(tariff=TARIFF, hold=Money.of(30, "EUR"), seller=SELLER), qr=QrTerms(template=TEMPLATE),
        base_url="https://pay.test", limits=CodeLimits(GENEROUS, GENEROUS, GENEROUS), open_door=True,
    )  # fmt: skip
    cpo = Cpo(
        store=store, provider=psp, terms=cpo_terms, clock=clock, entropy=entropy, pepper=KeyBytes(b"p" * 32),
        grant_keys=(GrantKey("k1", KeyBytes(b"g" * 32)),), roaming=terms, transport=web,
    )  # fmt: skip
    cpo.connect(stations, stations)
    psp.webhook = cpo.payments.webhook
    assert cpo.ocpi is not None
    web.host("https://cpo.test", cpo.ocpi.handle)
    return World(clock, entropy, store, psp, cpo, stations, web=web, emsps=emsps or {}, terms=terms)


@asynccontextmanager
async def living(place: World) -> AsyncIterator[World]:
    await place.cpo.load()
    place.keeper = asyncio.create_task(place.cpo.run())
    try:
        yield place
    finally:
        place.keeper.cancel()
        await asyncio.gather(place.keeper, return_exceptions=True)


def play(story: Callable[[World], Coroutine[Any, Any, None]], store: Store | None = None, **terms: Any) -> None:
    """Run a story in a world of its own; ``terms`` are those that differ."""

    async def run() -> None:
        clock, entropy = ManualClock(), SeededEntropy()
        psp, web = SandboxPsp(clock, entropy, webhook_secret=Secret(b"w" * 32)), MemoryWeb(clock)
        place = make(clock, entropy, store or MemoryStore(), psp, PlainStations(), web, replace(TERMS, **terms))
        async with living(place):
            await story(place)
        await web.close()

    asyncio.run(run())


# ── what cars and drivers do ──


async def plug(station: PlainStation, evse: int = 1) -> None:
    await station.status(ConnectorStatus.OCCUPIED if station.version != "ocpp1.6" else ConnectorStatus.PREPARING, evse)


async def unplug(station: PlainStation, evse: int = 1) -> None:
    await station.status(ConnectorStatus.AVAILABLE, evse)


async def present(station: PlainStation, token: IdToken) -> Authorization:
    answer: Authorization = await station.say(d.TokenPresented(token=token))
    return answer


async def arrive(station: PlainStation, text: str = CAR, evse: int = 1) -> Authorization:
    """Plug a car in that names itself."""
    await plug(station, evse)
    return await present(station, car(text))


async def identify(
    station: PlainStation, text: str = CAR, *, transaction: str | None = None, evse: int | None = 1
) -> None:
    await station.say(
        d.VehicleIdentified(
            mac=mac(text), transaction=TransactionId(transaction) if transaction else None,
            evse=EvseNumber(evse) if evse else None,
        )
    )  # fmt: skip


def starts(station: PlainStation) -> list[d.StartCharging]:
    return station.got(d.StartCharging)


def notices(station: PlainStation) -> list[int]:
    return [each.seconds for each in station.got(d.AnnounceStart)]
