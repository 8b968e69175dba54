"""What happens again and again in stories of roaming: a car is bound, starts by itself, and leaves its bill."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, cast

from evouch.charging.equipment import EvsePlace
from evouch.charging.roaming import Binding, ChargeState, RoamingCharge
from evouch.charging.vehicles import AutoChargeStatus
from evouch.clock import SystemClock
from evouch.ids import EvseNumber, KeyBytes, Mac, StationId
from evouch.ocpi.http import Request
from evouch.store.records_roaming import Notice
from evouch.store.sealing import Sealer
from evouch.store.sql import SqlStore
from evouch.testing.clock import ManualClock, SeededEntropy, settle
from evouch.testing.roaming_town import CAR, Country, OperatorTown, Person, in_a_country

__all__ = [
    "CS", "VERSIONS", "S", "Story", "Waited", "autostart", "billed", "bind", "bound", "leave", "nothing_starts",
    "opened", "play", "sent", "shown", "spread", "the_short_way", "told", "waits_for",
]  # fmt: skip

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
CS = StationId("CS-1")
S = ChargeState

Story = Callable[[Country], Coroutine[Any, Any, None]]


def play(story: Story, operators: int = 2, providers: int = 1, **how: Any) -> None:
    """Play a story in a country of its own."""

    async def run() -> None:
        async with in_a_country(operators, providers, **how) as country:
            await story(country)

    asyncio.run(run())


# ── what drivers do ─────────────────────────────────────────────────────────────────────


async def bind(person: Person, town: OperatorTown, car: Mac = CAR, id: StationId = CS) -> RoamingCharge:
    """Charge with a card at a station that sees the car before (plug) or during the charge; stay there."""
    place = EvsePlace(id, EvseNumber(1))
    await town.until(lambda: town.roaming.tokens.find(person.card))
    await town.plug(id, vehicle=car)
    if town.stations[id].spec.autocharge == "plug":
        await town.until(lambda: town.roaming.places.held(place))
    await town.swipe(person, id)
    await town.charge(S.ACTIVE)

    async def told() -> bool:
        return (await town.charges())[0].binding is Binding.DONE

    await town.until(told, 300)
    return (await town.charges())[0]


async def leave(person: Person, town: OperatorTown, id: StationId = CS) -> RoamingCharge:
    """Pull the cable, and wait for the bill on the phone."""
    before = len(await person.bills())
    await town.drive_away(id)
    charge = await town.charge(S.COMPLETED)

    async def billed() -> bool:
        return len(await person.bills()) > before

    await town.until(billed, 1200)
    return charge


async def billed(person: Person, session: str) -> bool:
    """Return whether his phone shows the bill of a session."""
    return session in await person.bills()


async def bound(
    country: Country, version: str = "ocpp2.1", *, by: str = "uno", at: str = "alfa", name: str = "ada",
    car: Mac = CAR, elsewhere: tuple[str, ...] = ("beta",), **driver: Any,
) -> Person:  # fmt: skip
    """A driver has bound his car at an operator and has left; ``elsewhere`` has a station, too."""
    for town in (at, *elsewhere):
        if not country[town].stations:
            await country[town].station(version)
    person = await country.at(by).driver(name, **driver)
    await bind(person, country[at], car)
    await leave(person, country[at])
    if driver.get("opted_in", True):
        await spread(country, person, AutoChargeStatus.GRANTED)
    return person


async def spread(country: Country, person: Person, status: AutoChargeStatus) -> None:
    """Wait until every operator knows how his vehicle stands."""
    vid = await person.vid()
    for town in country.operators.values():
        await country.until(lambda town=town: town.knows(vid, status))  # type: ignore[misc]


async def autostart(town: OperatorTown, car: Mac = CAR) -> RoamingCharge:
    """Plug in, touch nothing, and charge."""
    await town.plug(vehicle=car)
    await town.announced()
    return await town.charge(S.ACTIVE)


async def the_short_way(country: Country, version: str, car: Mac = CAR) -> None:
    """Bind a car at one operator, have it start at another, and stop it with one tap on the phone; then the bill."""
    beta, ada = country["beta"], await bound(country, version, car=car)
    charge = await autostart(beta, car)
    assert (await shown(country, ada, "started")).data["session"] == charge.id
    await ada.declines("started")
    await beta.charge(S.COMPLETED)
    assert [] != sent(country, "beta", "commands/STOP_SESSION", "POST")
    await country.until(lambda: billed(ada, charge.id))
    await beta.drive_away()


async def nothing_starts(town: OperatorTown, car: Mac = CAR, *, seconds: float = 40) -> None:
    """Plug in, touch nothing, and nothing happens, on the display neither."""
    before = len(await town.charges())
    await town.plug(vehicle=car)
    for _ in range(4):
        await town.wait(seconds / 4)
        assert not town.stations[CS].screen(1).notice
    assert len(await town.charges()) == before
    assert not [each for each in town.cpo.sessions.all() if each.record.token is not None]


async def shown(country: Country, person: Person, kind: str, seconds: float = 60) -> Notice:
    """Wait until his phone shows a notice of a kind."""

    async def there() -> list[Notice]:
        return await person.notices(kind)

    await country.until(there, seconds)
    return await person.notice(kind)


# ── stores on databases ─────────────────────────────────────────────────────────────────


async def opened(url: str) -> SqlStore:
    """Return a store on a database."""
    return await SqlStore.open(
        url, clock=SystemClock(), seal=Sealer(KeyBytes(b"k" * 32), entropy=SeededEntropy("seal"))
    )


class Waited:
    """A store on a database whose calls can be waited for, which a manual clock knows nothing of."""

    def __init__(self, store: SqlStore) -> None:
        self.under_way = 0
        self._store = store

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **how: Any) -> Any:
            self.under_way += 1
            try:
                return await getattr(self.__dict__["_store"], name)(*args, **how)
            finally:
                self.under_way -= 1

        return call


def waits_for(country: Country, stores: Iterable[Waited]) -> None:
    """Let no time pass while a database is at work, however long that takes on a busy machine."""
    clock, stores = cast("ManualClock", country.world.clock), list(stores)

    async def rest() -> None:
        await settle()
        while any(each.under_way for each in stores):
            while any(each.under_way for each in stores):
                await asyncio.sleep(0.0005)
            await settle()

    clock.rest = rest


# ── what crossed the web ────────────────────────────────────────────────────────────────


def sent(country: Country, to: str, part: str = "", method: str = "", *, since: int = 0) -> list[Request]:
    """Return the requests to an actor whose address holds ``part``, since so many crossings."""
    door = (country.operators.get(to) or country.providers[to]).door
    found = [each.request for each in list(country.web.log)[since:] if each.request.url.startswith(f"{door.url}/")]
    return [each for each in found if part in each.url and method in {"", each.method}]


def told(country: Country, to: str, *, since: int = 0) -> set[tuple[str, str]]:
    """Return method and module of everything that an actor was sent but for what all partners exchange anyway."""
    usual = {"versions", "", "credentials", "locations", "tariffs", "tokens"}
    found = {(each.method, _module(each.url)) for each in sent(country, to, since=since)}
    return {(method, module) for method, module in found if module not in usual and method != "GET"}


def _module(url: str) -> str:
    """Return what stands behind the version in an address."""
    parts = url.partition("?")[0].split("/")[4:]
    return (
        "versions"
        if parts[:1] == ["versions"]
        else "/".join(parts[1:3] if parts[1:2] in (["oprf"], ["commands"]) else parts[1:2])
    )
