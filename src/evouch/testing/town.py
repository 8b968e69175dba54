"""A town to tell stories in: an operator, a payment provider, simulated stations and their drivers.

The same story runs in two worlds. :func:`on_the_wire` joins real OCPP ends in memory under a
manual clock, so an hour passes in milliseconds; :func:`on_sockets` uses loopback WebSockets
and the machine's clock. What a story may ask for is what a driver can do: scan, pay, plug,
drive away, and wait.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from evouch.charging.equipment import Evse
from evouch.charging.geo import Site
from evouch.charging.rates import Rate
from evouch.charging.tariffs import Tariff
from evouch.charging.tokens import Limit
from evouch.clock import Clock, Entropy, SystemClock, Tick
from evouch.cpo.app import Cpo, CpoTerms
from evouch.cpo.codes import CodeLimits
from evouch.cpo.identity_terms import IdentityTerms
from evouch.cpo.offers import Terms
from evouch.cpo.provision import QrTerms
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.errors import EvouchError
from evouch.identity.certificate import fingerprint
from evouch.identity.enrolment import Identity, IdentityKind
from evouch.identity.keys import PrivateKey
from evouch.ids import EvseNumber, KeyBytes, Mac, OcppVersion, Secret, StationId
from evouch.ocpi.http import Transport
from evouch.ocpp.aio import StationClient, StationServer
from evouch.station.app import Simulator
from evouch.station.prover import Prover
from evouch.station.spec import Curve, EvseSpec, StationSpec
from evouch.store.memory import MemoryStore
from evouch.store.ports import Store
from evouch.testing.clock import ManualClock, SeededEntropy
from evouch.testing.psp import SandboxPsp
from evouch.testing.wire import WiredStations
from evouch.units import Money, Watts
from evouch.webpayment.checkout import Checkout, State
from evouch.webpayment.grant import GrantKey
from evouch.webpayment.receipt import Seller
from evouch.webpayment.url import Template

__all__ = [
    "Patience", "Town", "World", "in_memory", "on_sockets", "on_the_wire", "opened", "operator_of", "over_sockets",
    "sandbox_of",
]  # fmt: skip

TEMPLATE = "https://town.test/qr/{chargingstationid}/{evse}/{totp}?v={version}"
GENEROUS = Rate(count=10_000, seconds=1, burst=10_000)


class Patience(EvouchError):
    """What the story waited for did not happen."""


class World(Protocol):
    """How a town's stations reach their operator, and how its time passes."""

    @property
    def clock(self) -> Clock:
        """What tells the time."""

    manual: bool
    #: of each EVSE: strong enough that what passes for a while in this world costs cents
    power: Watts
    #: how long stations wait before they connect again
    reconnect_seconds: float

    def server(self, cpo: Cpo, entropy: Entropy) -> Any:
        """Return the operator's end."""

    async def open(self, server: Any) -> None:
        """Let stations in."""

    def connect(self, server: Any, spec: StationSpec) -> Callable[..., Coroutine[Any, Any, StationClient]]:
        """Return a station's way to the operator."""

    async def pass_time(self, seconds: float) -> None:
        """Let time pass."""


@dataclass
class Town:
    """One town. ``server`` is the operator's OCPP end; on the wire, ``server.wire(id)`` has the faults."""

    world: World
    cpo: Cpo
    psp: SandboxPsp
    server: Any
    entropy: SeededEntropy
    stations: dict[str, Simulator] = field(default_factory=dict)
    _runs: list[asyncio.Task[None]] = field(default_factory=list)
    #: how much of a manual clock's time passes between two looks (s); longer steps are faster to play
    look: float = field(default=0.25, kw_only=True)

    # ── stations ──

    async def station(
        self,
        version: str,
        *,
        id: str = "CS-1",
        evses: int = 1,
        wait: bool = True,
        enrolled: bool = True,
        site: Site | None = None,
        **spec: Any,
    ) -> Simulator:
        """Build a station of a version, and wait until its displays show codes.

        What it proves its identity with (``prover``) is enrolled for it, unless the story wants that otherwise.
        ``site`` is where it stands, as roaming partners are told.
        """
        numbers, power = [EvseNumber(n) for n in range(1, evses + 1)], self.world.power
        connectors = {n: (n,) if version == "ocpp1.6" else (1,) for n in numbers}
        known = tuple(
            Evse(number=n, connectors=connectors[n], max_power=power, evse_id=f"DE*TWN*E{n}") for n in numbers
        )
        await self.cpo.stations.register(
            StationId(id), actor="town", name=f"Station {id}", address="1 Plug Street", evses=known, site=site
        )
        spec.setdefault(
            "evses", tuple(EvseSpec(number=n, connectors=connectors[n], curve=Curve(power=power)) for n in numbers)
        )
        spec.setdefault("reconnect_seconds", self.world.reconnect_seconds)
        made = StationSpec(id=StationId(id), version=OcppVersion(version), **spec)
        if made.prover is not None and enrolled:
            await self.enrol(made.prover, id=id)
        simulator = Simulator(made, connect=self._way(made), clock=self.world.clock, entropy=self.entropy)
        self.stations[id] = simulator
        self._runs.append(asyncio.get_running_loop().create_task(simulator.run()))
        if wait:
            for n in numbers:
                await self.until(lambda n=n: simulator.screen(n).url, 60)  # type: ignore[misc]
        return simulator

    def _way(self, made: StationSpec) -> Callable[..., Coroutine[Any, Any, StationClient]]:
        """Return a station's way to whatever server is the operator's when it connects."""

        async def connect(**how: Any) -> StationClient:
            return await self.world.connect(self.server, made)(**how)

        return connect

    async def enrol(self, prover: Prover, *, id: str = "CS-1", **how: Any) -> Identity:
        """Enrol what a station proves its identity with."""
        match prover.kind:
            case IdentityKind.PUBLIC_KEY:
                material: Any = PrivateKey.from_pem(prover.key).public.document()
            case IdentityKind.WEB3:
                material = prover.did
            case IdentityKind.CERTIFICATE:
                material = fingerprint(prover.certificate or b"")
        return await self.cpo.identities.enrol(StationId(id), prover.kind, material, actor="town", **how)

    # ── drivers ──

    def scan(self, id: str = "CS-1", evse: int = 1, *, browser: str = "phone") -> Any:
        """Read the code on the display, as a phone does, and return the offer behind it."""
        url = self.stations[id].screen(evse).url
        if not url:
            raise Patience(f"{id}/{evse} shows no code: {self.stations[id].screen(evse).sentence}")
        return self.cpo.payments.offer(Template.parse(TEMPLATE).read(url), browser=browser, address="192.0.2.7")

    async def checkout(
        self, id: str = "CS-1", evse: int = 1, *, browser: str = "phone", limit: Limit = Limit()
    ) -> Checkout:
        """Scan and press the button, as far as the provider's card form."""
        return await self.cpo.payments.begin(self.scan(id, evse, browser=browser).grant, browser=browser, limit=limit)

    async def pay(self, checkout: Checkout, card: str = "4242424242424242") -> None:
        """Type a card in."""
        await self.psp.pay(checkout.psp_ref, card)

    async def plug(self, id: str = "CS-1", evse: int = 1, *, vehicle: Mac | None = None) -> None:
        """Plug the cable in; ``vehicle`` is the address of the car, for stations that do something with it."""
        await self.stations[id].plug(evse, vehicle=vehicle)

    async def drive_away(self, id: str = "CS-1", evse: int = 1) -> None:
        """Pull the cable and leave."""
        await self.stations[id].unplug(evse)

    # ── waiting ──

    async def now(self, checkout: Checkout) -> Checkout:
        """Return the payment as it stands."""
        found = await self.cpo.checkouts.get(checkout.payment)
        assert found is not None  # noqa: S101
        return found

    async def reach(self, checkout: Checkout, *states: State, seconds: float = 120) -> Checkout:
        """Wait until the payment is in one of ``states``."""
        held = {"now": checkout}

        async def there() -> bool:
            held["now"] = await self.now(checkout)
            return held["now"].state in states

        try:
            await self.until(there, seconds)
        except Patience:
            raise Patience(f"the payment is {held['now'].state} {held['now'].reason!r}, not {states}") from None
        return held["now"]

    async def until(self, condition: Callable[[], Any], seconds: float = 60) -> None:
        """Let time pass until ``condition`` holds; Patience after ``seconds``. On sockets a tenth of that must do."""
        step = self.look if self.world.manual else 0.01
        ends = self.world.clock.tick() + (seconds if self.world.manual else min(seconds, 15))
        while True:
            answer = condition()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            if self.world.clock.tick() > ends:
                raise Patience(f"waited {seconds} s")
            await self.world.pass_time(step)

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await self.world.pass_time(seconds)

    async def close(self) -> None:
        """Switch all stations off."""
        for run in self._runs:
            run.cancel()
        await asyncio.gather(*self._runs, return_exceptions=True)


class _Wire:
    manual = True
    power = Watts(300_000)
    reconnect_seconds = 1.0

    def __init__(self) -> None:
        self.clock = ManualClock()

    def server(self, cpo: Cpo, entropy: Entropy) -> WiredStations:
        return WiredStations(cpo.backend, cpo.gate, wiring=cpo.registry.wiring, clock=self.clock, entropy=entropy)

    async def open(self, server: WiredStations) -> None:
        """Wires are always open."""

    def connect(self, server: WiredStations, spec: StationSpec) -> Callable[..., Coroutine[Any, Any, StationClient]]:
        async def connect(**how: Any) -> StationClient:
            return await server.connect(
                station=spec.id, version=spec.version, wiring=spec.wiring(), manners=spec.manners(), **how
            )

        return connect

    async def pass_time(self, seconds: float) -> None:
        await self.clock.advance(seconds)


class _Sockets:
    manual = False
    power = Watts(1_500_000)
    reconnect_seconds = 0.1

    def __init__(self) -> None:
        self.clock = SystemClock()

    def server(self, cpo: Cpo, entropy: Entropy) -> StationServer:
        self._entropy = entropy
        return StationServer(cpo.backend, cpo.gate, wiring=cpo.registry.wiring, clock=self.clock, entropy=entropy)

    async def open(self, server: StationServer) -> None:
        await server.start()

    def connect(self, server: StationServer, spec: StationSpec) -> Callable[..., Coroutine[Any, Any, StationClient]]:
        async def connect(**how: Any) -> StationClient:
            return await StationClient.connect(
                f"ws://127.0.0.1:{server.port}", station=spec.id, version=spec.version, wiring=spec.wiring(),
                manners=spec.manners(), clock=self.clock, entropy=self._entropy, **how,
            )  # fmt: skip

        return connect

    async def pass_time(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def in_memory() -> World:
    """Return a world whose OCPP needs no sockets, under a manual clock."""
    return _Wire()


def over_sockets() -> World:
    """Return a world of loopback sockets, with the machine's clock."""
    return _Sockets()


def on_the_wire(**how: Any) -> Any:
    """Return a town in memory, as an async context manager."""
    return _town(_Wire(), **how)


def on_sockets(**how: Any) -> Any:
    """Return a town on loopback sockets, as an async context manager."""
    return _town(_Sockets(), **how)


def operator_of(
    world: World, *, store: Store, psp: SandboxPsp, entropy: Entropy, hold: str = "30", lock_seconds: int = 300,
    identity: IdentityTerms | None = None, roaming: RoamingTerms | None = None, transport: Transport | None = None,
) -> Cpo:  # fmt: skip
    """Return an operator as towns have them, with or without roaming; nothing of it runs yet."""
    seller = Seller(name="Town Energy", address="1 Plug Street", vat_id="DE123456789")
    tariff = Tariff(currency="EUR", per_kwh=Decimal("0.59"), per_minute=Decimal("0.02"), vat_percent=Decimal(19))
    terms = CpoTerms(
        terms=Terms(tariff=tariff, hold=Money.of(hold, "EUR"), seller=seller, lock_seconds=lock_seconds),
        qr=QrTerms(template=TEMPLATE), base_url="https://town.test", limits=CodeLimits(GENEROUS, GENEROUS, GENEROUS),
        open_door=True, settle=0.05, meter_interval=1 if not world.manual else 10, identity=identity or IdentityTerms(),
    )  # fmt: skip
    cpo = Cpo(
        store=store, provider=psp, terms=terms, clock=world.clock, entropy=entropy, pepper=KeyBytes(b"p" * 32),
        grant_keys=(GrantKey("k1", KeyBytes(b"g" * 32)),), roaming=roaming, transport=transport,
    )  # fmt: skip
    psp.webhook = cpo.payments.webhook
    return cpo


def sandbox_of(world: World, entropy: Entropy) -> SandboxPsp:
    """Return the payment provider of an operator."""
    return SandboxPsp(world.clock, entropy, webhook_secret=Secret(b"webhook secret of the town 12345"))


async def opened(world: World, cpo: Cpo, entropy: Entropy) -> Any:
    """Read an operator's store, and let stations in; return its OCPP end."""
    await cpo.load()
    server = world.server(cpo, entropy)
    cpo.connect(server, server)
    await world.open(server)
    return server


@asynccontextmanager
async def _town(world: World, *, store: Store | None = None, **how: Any) -> AsyncIterator[Town]:
    entropy = SeededEntropy()
    psp = sandbox_of(world, entropy)
    cpo = operator_of(world, store=store or MemoryStore(), psp=psp, entropy=entropy, **how)
    server = await opened(world, cpo, entropy)
    keeper = asyncio.get_running_loop().create_task(cpo.run())
    town = Town(world, cpo, psp, server, entropy)
    try:
        yield town
    finally:
        await town.close()
        await server.drain(Tick(world.clock.tick() + 1))
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
