"""A country to tell roaming stories in: operators with their towns, eMSPs with their drivers, and one web.

Every actor is the real one, with its store, its server and its client; partners register by the
real handshake, stations are simulated and speak real OCPP. As in ``testing.town`` the same story runs
in memory under a manual clock, or over sockets: OCPP on WebSockets, OCPI on HTTP.

::

    async with in_a_country(operators=3, providers=3) as country:
        await country["alfa"].station("ocpp2.1", autocharge="plug")
        ada = await country.at("uno").driver("ada")
        await country["alfa"].plug(vehicle=CAR)
        await country["alfa"].swipe(ada)
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, cast

from evouch.charging.geo import Point, Site
from evouch.charging.roaming import ChargeState, RoamingCharge
from evouch.charging.vehicles import AutoChargeStatus, Vehicle
from evouch.clock import Tick
from evouch.cpo.roaming import Roaming
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.emsp.app import Emsp
from evouch.emsp.terms import EmspTerms
from evouch.ids import ContractId, KeyBytes, Mac, PartyId, Vid
from evouch.ocpi.partner import Partner, Role
from evouch.station.app import Simulator
from evouch.store.memory import MemoryStore
from evouch.store.ports import Store
from evouch.store.records_roaming import Car, Driver, EmspSession, Notice
from evouch.testing.clock import ManualClock, SeededEntropy
from evouch.testing.faulty_store import FaultyStore
from evouch.testing.roaming_web import Door, HttpWeb, InMemory, Web
from evouch.testing.town import Patience, Town, World, in_memory, opened, operator_of, over_sockets, sandbox_of

__all__ = ["CAR", "OTHER_CAR", "Country", "Disk", "OperatorTown", "Person", "Provider", "in_a_country"]

#: Two cars of a maker whose addresses stay the same.
CAR: Final = Mac(bytes.fromhex("98ed5c0a1b2c"))
OTHER_CAR: Final = Mac(bytes.fromhex("98ed5c0a1b2d"))
#: A model that keeps its address, for drivers who are asked what they drive.
MODEL: Final = Car("Tesla", "Model 3")

#: Operators, and where their stations stand: two in one city, within a walk of each other, and one too far to be
#: there soon after.
OPERATORS: Final = {
    "alfa": (PartyId("DE", "ALF"), Point(Decimal("52.5200"), Decimal("13.4050"))),
    "beta": (PartyId("DE", "BET"), Point(Decimal("52.5300"), Decimal("13.4400"))),
    "gama": (PartyId("DE", "GAM"), Point(Decimal("48.1370"), Decimal("11.5750"))),
}
PROVIDERS: Final = {"uno": PartyId("NL", "UNO"), "due": PartyId("IT", "DUE"), "tre": PartyId("FR", "TRE")}


#: Seconds between two looks at what a story waits for: stories of roaming take hours of their people's time.
_LOOK: Final = 1.0


class Disk(FaultyStore):
    """What one process holds of a store: it can fail when told to, and is gone with the process."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, fail_at=0)

    def __getattr__(self, name: str) -> Any:
        """Pass every other question on."""
        return getattr(self.__dict__["store"], name)

    def pull(self) -> None:
        """Take nothing any more, from a process that was killed and whose last words are still on their way."""
        self._stays_down = self.failed = True


@dataclass
class OperatorTown(Town):
    """An operator with roaming partners. What drivers do at its stations is what they do in any town."""

    name: str = field(kw_only=True)
    point: Point = field(kw_only=True)
    terms: RoamingTerms = field(kw_only=True)
    door: Door = field(kw_only=True)
    web: Web = field(kw_only=True)
    disk: Disk = field(kw_only=True)
    _keeper: "asyncio.Task[None] | None" = None

    @property
    def roaming(self) -> Roaming:
        """The roaming half of the operator."""
        found = self.cpo.roaming
        assert found is not None  # noqa: S101
        return found

    def partner(self, name: str) -> Partner:
        """Return an eMSP as this operator knows it."""
        found = self.roaming.partners.get(name)
        assert found is not None  # noqa: S101
        return found

    # ── the process ──

    async def begin(self) -> None:
        """Start the operator on its store; stations and partners that call get in."""
        self.disk = Disk(self.disk.store)
        self.cpo = operator_of(
            self.world, store=cast("Store", self.disk), psp=self.psp, entropy=self.entropy, roaming=self.terms,
            transport=self.web.transport,
        )  # fmt: skip
        self.server = await opened(self.world, self.cpo, self.entropy)
        self._keeper = asyncio.get_running_loop().create_task(self.cpo.run())
        self.door.opens(self.roaming.ocpi)

    async def kill(self) -> None:
        """End the process in the middle of whatever it does: nothing is said, nothing is written any more."""
        self.disk.pull()
        self.door.shuts()
        if self.world.manual:
            for id, simulator in self.stations.items():
                if simulator.online:
                    self.server.wire(id).cut()
        await self.end(0)

    async def end(self, seconds: float = 1) -> None:
        """End the process, and let stations go."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self.server.drain(Tick(self.world.clock.tick() + seconds))

    async def restart(self) -> None:
        """Kill the process, start another one on the same store, and wait until all stations are back."""
        await self.kill()
        await self.begin()
        await self.until(lambda: all(each.online for each in self.stations.values()))

    # ── stations and charges ──

    async def station(self, version: str, **how: Any) -> Simulator:
        """Build a station at the operator's place, which all partners then know; it asks about cars at plug-in."""
        how.setdefault("autocharge", "plug")
        how.setdefault("site", Site(point=self.point, address="1 Plug Street", city="A town", country="DEU"))
        return await super().station(version, **how)

    async def swipe(self, person: "Person", id: str = "CS-1", evse: int = 1) -> None:
        """Hold a driver's card before the reader."""
        await self.stations[id].swipe(evse, person.card)

    async def charges(self) -> list[RoamingCharge]:
        """Return all roaming charges, newest first."""
        return await self.roaming.charges.store.charges()

    async def charge(self, *states: ChargeState, seconds: float = 60) -> RoamingCharge:
        """Wait until the newest roaming charge is in one of ``states``."""
        found: list[RoamingCharge] = []

        async def there() -> bool:
            found[:] = await self.charges()
            return bool(found) and found[0].state in states

        try:
            await self.until(there, seconds)
        except Patience:
            said = f"{found[0].state}, {found[0].binding}" if found else "none"
            raise Patience(f"the roaming charge at {self.name} is {said}, not {states}") from None
        return found[0]

    async def announced(self, id: str = "CS-1", evse: int = 1) -> None:
        """Wait until the station's display says that a known vehicle starts by itself."""
        await self.until(lambda: self.stations[id].screen(evse).notice)

    async def knows(self, vid: Vid, status: AutoChargeStatus | None = AutoChargeStatus.GRANTED) -> bool:
        """Return whether this operator's whitelist has a vehicle in a status; None: not at all."""
        found = await self.disk.store.vehicles_with([vid])
        return (found[0].status if found else None) is status


@dataclass(kw_only=True)
class Provider:
    """An eMSP, and a way to its process."""

    name: str
    world: World
    terms: EmspTerms
    door: Door
    web: Web
    disk: Disk
    entropy: SeededEntropy
    emsp: Emsp = field(init=False)
    _keeper: "asyncio.Task[None] | None" = None

    async def begin(self) -> None:
        """Start the eMSP on its store."""
        self.disk = Disk(self.disk.store)
        self.emsp = Emsp(
            store=cast("Store", self.disk), terms=self.terms, clock=self.world.clock, entropy=self.entropy,
            transport=self.web.transport, pepper=KeyBytes(b"e" * 32),
        )  # fmt: skip
        await self.emsp.load()
        self._keeper = asyncio.get_running_loop().create_task(self.emsp.run())
        self.door.opens(self.emsp.ocpi)

    async def kill(self) -> None:
        """End the process in the middle of whatever it does."""
        self.disk.pull()
        self.door.shuts()
        await self.end()

    async def end(self) -> None:
        """End the process."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def restart(self) -> None:
        """Kill the process, and start another one on the same store."""
        await self.kill()
        await self.begin()

    async def driver(
        self, name: str = "ada", *, opted_in: bool = True, whitelist: str = "NEVER", **more: Any
    ) -> "Person":
        """Take a customer, who has a card and a phone; ``opted_in``: he has agreed to automatic charging beforehand."""
        number = len(await self.emsp.drivers.all()) + 1
        contract = ContractId(f"{self.terms.party.country}-{self.terms.party.party}-C{number:08}-X")
        driver = await self.emsp.drivers.add(
            name.title(), contract, actor="town", id=name, opted_in=opted_in, **({"cars": (MODEL,)} | more)
        )
        person = Person(self, driver, f"CARD-{self.name}-{name}".upper())
        await self.emsp.tokens.add(person.card, driver, actor="town", whitelist=whitelist)
        return person


@dataclass
class Person:
    """A driver: what he carries, and what his phone shows."""

    provider: Provider
    driver: Driver
    card: str

    @property
    def id(self) -> str:
        """His id at his eMSP."""
        return self.driver.id

    async def vehicles(self) -> list[Vehicle]:
        """Return his vehicles, the latest first."""
        return await self.provider.emsp.phone.vehicles(self.id)

    async def vid(self) -> Vid:
        """Return what his latest vehicle is called at his eMSP."""
        return (await self.vehicles())[0].vid

    async def notices(self, kind: str = "") -> list[Notice]:
        """Return what his phone shows and he has not answered, newest first."""
        found = await self.provider.emsp.phone.notices(self.id, open=True)
        return [each for each in found if kind in {"", each.kind}]

    async def notice(self, kind: str) -> Notice:
        """Return the newest notice of a kind; Patience where his phone shows none."""
        found = await self.notices(kind)
        if not found:
            shown = [each.kind for each in await self.notices()]
            raise Patience(f"{self.id}'s phone shows {shown}, not {kind}")
        return found[0]

    async def accepts(self, kind: str) -> Notice:
        """Tap yes on the newest notice of a kind."""
        return await self.provider.emsp.phone.accept(self.id, (await self.notice(kind)).id)

    async def declines(self, kind: str) -> Notice:
        """Tap no on it."""
        return await self.provider.emsp.phone.decline(self.id, (await self.notice(kind)).id)

    async def sessions(self) -> list[EmspSession]:
        """Return his sessions, newest first."""
        return await self.provider.emsp.phone.sessions(self.id)

    async def bills(self) -> list[str]:
        """Return the sessions that he was sent a bill for, newest first."""
        return [each.session for each in await self.provider.emsp.phone.invoices(self.id)]


@dataclass
class Country:
    """Everybody there is. ``country["alfa"]`` is an operator, ``country.at("uno")`` an eMSP."""

    world: World
    web: Web
    operators: dict[str, OperatorTown] = field(default_factory=dict)
    providers: dict[str, Provider] = field(default_factory=dict)

    def __getitem__(self, name: str) -> OperatorTown:
        """Return an operator."""
        return self.operators[name]

    def at(self, name: str) -> Provider:
        """Return an eMSP."""
        return self.providers[name]

    async def operator(self, name: str, *, store: Store | None = None, **terms: Any) -> OperatorTown:
        """Found an operator; ``terms`` are those that differ. It has no partners yet."""
        party, point = OPERATORS[name]
        door, entropy = await self.web.door(name), SeededEntropy(name)
        roaming = RoamingTerms(
            party=party, name=name.title(), base_url=door.url, private_addresses=not self.world.manual,
            start_delay=10 if self.world.manual else 1,
        )  # fmt: skip
        psp: Any = sandbox_of(self.world, entropy)
        nobody: Any = None
        town = OperatorTown(
            self.world, nobody, psp, nobody, entropy, name=name, point=point, terms=replace(roaming, **terms),
            door=door, web=self.web, disk=Disk(store or MemoryStore()), look=_LOOK,
        )  # fmt: skip
        self.operators[name] = town
        await town.begin()
        return town

    async def provider(self, name: str, *, store: Store | None = None, **terms: Any) -> Provider:
        """Found an eMSP; ``terms`` are those that differ. It has no partners yet."""
        door = await self.web.door(name)
        own = EmspTerms(
            party=PROVIDERS[name], name=name.title(), base_url=door.url, private_addresses=not self.world.manual
        )
        provider = Provider(
            name=name, world=self.world, terms=replace(own, **terms), door=door, web=self.web,
            disk=Disk(store or MemoryStore()), entropy=SeededEntropy(name),
        )  # fmt: skip
        self.providers[name] = provider
        await provider.begin()
        return provider

    async def register(self, operator: str, provider: str) -> None:
        """Have an operator register with an eMSP, by the handshake that all partners use."""
        cpo, emsp = self[operator].roaming.partners, self.at(provider).emsp.partners
        token = await emsp.invite(operator, Role.CPO, actor="town")
        await cpo.add(provider, Role.EMSP, emsp.ours.versions_url, token, actor="town")
        await cpo.register(provider, actor="town")

    # ── waiting ──

    async def until(self, condition: Callable[[], Any], seconds: float = 60) -> None:
        """Let time pass until ``condition`` holds, as :meth:`Town.until`."""
        await next(iter(self.operators.values())).until(condition, seconds)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await self.world.pass_time(seconds)

    def later(self, **span: float) -> None:
        """Be later without anything happening in between: hours of polling take long to play."""
        assert isinstance(self.world.clock, ManualClock)  # noqa: S101
        self.world.clock.step_wall(timedelta(**span).total_seconds())

    async def close(self) -> None:
        """Let everybody go home."""
        for town in self.operators.values():
            await town.close()
            await town.end()
        for provider in self.providers.values():
            await provider.end()
        await self.web.close()


@asynccontextmanager
async def in_a_country(
    operators: int = 3, providers: int = 3, *, sockets: bool = False, stores: Callable[[str], Store] | None = None,
    cpo: dict[str, Any] | None = None, emsp: dict[str, Any] | None = None,
) -> AsyncIterator[Country]:  # fmt: skip
    """Return a country where every operator has registered with every eMSP.

    ``stores`` makes the store of an actor by its name; ``cpo`` and ``emsp`` are terms that differ.
    """
    world = over_sockets() if sockets else in_memory()
    country = Country(world, HttpWeb(world.clock) if sockets else InMemory(world.clock))
    try:
        for name in list(PROVIDERS)[:providers]:
            await country.provider(name, store=stores(name) if stores else None, **(emsp or {}))
        for name in list(OPERATORS)[:operators]:
            await country.operator(name, store=stores(name) if stores else None, **(cpo or {}))
            for provider in country.providers:
                await country.register(name, provider)
        await country.wait(0)
        yield country
    finally:
        await country.close()
