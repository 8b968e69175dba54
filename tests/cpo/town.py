"""A town for the operator's tests: one operator, a provider, stations, drivers, and a clock that waits for us."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from evouch.charging.equipment import Evse, EvsePlace
from evouch.charging.rates import Rate
from evouch.charging.tariffs import Tariff
from evouch.charging.tokens import Limit
from evouch.cpo.app import Cpo, CpoTerms
from evouch.cpo.codes import CodeLimits
from evouch.cpo.offers import Terms
from evouch.cpo.provision import QrTerms
from evouch.ids import EvseNumber, KeyBytes, Secret, StationId
from evouch.store.memory import MemoryStore
from evouch.store.ports import Store
from evouch.testing.clock import ManualClock, SeededEntropy
from evouch.testing.psp import SandboxPsp
from evouch.testing.stations import PlainStation, PlainStations
from evouch.units import Money, Watts
from evouch.webpayment import totp
from evouch.webpayment.checkout import Checkout
from evouch.webpayment.claim import Claim
from evouch.webpayment.grant import GrantKey
from evouch.webpayment.receipt import Seller

TARIFF = Tariff(currency="EUR", per_kwh=Decimal("0.50"), vat_percent=Decimal(19))
SELLER = Seller(name="Town Energy", address="1 Plug Street", vat_id="DE123456789")
GENEROUS = Rate(count=10_000, seconds=1, burst=10_000)
TEMPLATE = "https://pay.test/qr/{chargingstationid}/{evse}/{totp}?v={version}"


@dataclass
class Town:
    clock: ManualClock
    entropy: SeededEntropy
    store: Store
    psp: SandboxPsp
    cpo: Cpo
    stations: PlainStations
    names: list[str] = field(default_factory=list)

    async def station(
        self, id: str = "CS-1", *, version: str = "ocpp2.1", evses: int = 1, power: int = 22_000
    ) -> PlainStation:
        """Register a station, let it boot, and wait until it has its secrets."""
        wiring = tuple(
            Evse(number=EvseNumber(n), connectors=(n if version == "ocpp1.6" else 1,), max_power=Watts(power))
            for n in range(1, evses + 1)
        )
        await self.cpo.stations.register(StationId(id), actor="test", name=f"Station {id}", evses=wiring)
        station = PlainStation(id, self.cpo.backend, self.stations, self.clock, version)
        await station.arrive()
        await self.clock.advance(5)
        return station

    def code(self, id: str = "CS-1", evse: int = 1, *, offset: int = 0) -> str:
        key = self.cpo.registry.key(EvsePlace(StationId(id), EvseNumber(evse)))
        assert key is not None
        return totp.code(key.secret, totp.slot(self.clock.now(), key.validity) + offset, length=key.length)

    def claim(self, id: str = "CS-1", evse: int = 1, **more: object) -> Claim:
        code = more.pop("code", None) or self.code(id, evse)
        return Claim(code=code, station=id, evse=evse, version="v1", **more)  # type: ignore[arg-type]

    async def scan_and_begin(
        self, id: str = "CS-1", evse: int = 1, *, browser: str = "phone", limit: Limit = Limit()
    ) -> Checkout:
        offer = self.cpo.payments.offer(self.claim(id, evse), browser=browser, address="192.0.2.1")
        return await self.cpo.payments.begin(offer.grant, browser=browser, limit=limit, address="192.0.2.1")

    async def pay(self, checkout: Checkout, card: str = "4242424242424242") -> Checkout:
        await self.psp.pay(checkout.psp_ref, card)
        await self.clock.advance(0.01)
        return await self.now(checkout)

    async def now(self, checkout: Checkout) -> Checkout:
        found = await self.cpo.checkouts.get(checkout.payment)
        assert found is not None
        return found

    def restarted(self) -> "Town":
        """The same town with a new operator process on the same store."""
        return make(self.clock, self.entropy, self.store, self.psp, self.stations)


def make(clock: ManualClock, entropy: SeededEntropy, store: Store, psp: SandboxPsp, stations: PlainStations) -> Town:
    terms = CpoTerms(
        terms=Terms(tariff=TARIFF, hold=Money.of(30, "EUR"), seller=SELLER),
        qr=QrTerms(template=TEMPLATE),
        base_url="https://pay.test",
        limits=CodeLimits(GENEROUS, GENEROUS, GENEROUS),
        open_door=True,
    )
    key = GrantKey("k1", KeyBytes(b"g" * 32))
    cpo = Cpo(
        store=store,
        provider=psp,
        terms=terms,
        clock=clock,
        entropy=entropy,
        pepper=KeyBytes(b"p" * 32),
        grant_keys=(key,),
    )
    cpo.connect(stations, stations)
    psp.webhook = cpo.payments.webhook
    return Town(clock, entropy, store, psp, cpo, stations)


@asynccontextmanager
async def town(store: Store | None = None) -> AsyncIterator[Town]:
    clock, entropy = ManualClock(), SeededEntropy()
    psp = SandboxPsp(clock, entropy, webhook_secret=Secret(b"w" * 32))
    place = make(clock, entropy, store or MemoryStore(), psp, PlainStations())
    async with living(place):
        yield place


@asynccontextmanager
async def living(place: Town) -> AsyncIterator[Town]:
    """Let the operator keep its promises while the block runs."""
    await place.cpo.load()
    keeper = asyncio.create_task(place.cpo.run())
    try:
        yield place
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
