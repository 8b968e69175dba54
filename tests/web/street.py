"""A street for the tests of pages: a town on the wire, its pages, and its provider's pages, reached without sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

import httpx2
from argon2 import PasswordHasher

from evouch.ids import Secret
from evouch.psp.sandbox.app import create_app as provider_app
from evouch.testing.phone import Phone
from evouch.testing.town import Town, on_the_wire
from evouch.web.app import create_app

HOME = "https://town.test"
#: Passwords are hashed as they are kept, with less of the work that slows guessing down.
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PROVIDER = "https://pay.test"

T = TypeVar("T")


@dataclass
class Street:
    town: Town
    app: Any
    provider: Any
    _open: list[httpx2.AsyncClient] = field(default_factory=list)

    def client(self, **how: Any) -> httpx2.AsyncClient:
        """A browser that sends what it is told, and follows nothing."""
        mounts = {HOME: httpx2.ASGITransport(app=self.app), PROVIDER: httpx2.ASGITransport(app=self.provider)}
        made = httpx2.AsyncClient(mounts=mounts, base_url=HOME, trust_env=False, **how)
        self._open.append(made)
        return made

    def phone(self) -> "SlowPhone":
        """A driver's phone, without JavaScript."""
        return SlowPhone(self)

    def url(self, id: str = "CS-1", evse: int = 1) -> str:
        """The address on the display now."""
        return self.town.stations[id].screen(evse).url or ""

    async def during(self, doing: Awaitable[T]) -> T:
        """Let time pass while something is under way."""
        task = asyncio.ensure_future(doing)
        for _ in range(2000):
            await asyncio.sleep(0)
            if task.done():
                return task.result()
            await self.town.wait(0.02)
        raise AssertionError("it never ended")

    async def close(self) -> None:
        for each in self._open:
            await each.aclose()


class SlowPhone(Phone):
    """The demo's phone on this street, where time passes only while somebody waits."""

    def __init__(self, street: Street) -> None:
        super().__init__()
        self._unused, self._http = self._http, street.client(headers={"Accept": "text/html"})
        self._street = street

    async def _go(self, method: str, url: str, data: dict[str, str] | None = None) -> None:
        await self._street.during(super()._go(method, url, data))

    async def status(self) -> Any:
        """What the payment's page says to scripts."""
        return await self.json(self.url.partition("?")[0] + "/status.json")

    async def until(self, *states: str) -> Any:
        """Wait for the payment on this phone to be in one of ``states``."""
        found: dict[str, Any] = {}

        async def there() -> bool:
            found.update(await self.status())
            return found["state"] in states

        await self._street.town.until(there, 180)
        return found

    async def pay(self, card: str = "4242424242424242") -> "SlowPhone":
        """Press the button of the offer, and type a card in at the provider."""
        await self.submit("/offer/pay")
        await self.type_in(card)
        return self

    async def type_in(self, card: str) -> None:
        await self.submit("/pay/", number=card, expiry="12/34", cvc="123")


def play(story: Callable[[Street], Coroutine[Any, Any, None]], **how: Any) -> None:
    """Tell a story in a street."""

    async def run() -> None:
        async with _street(**how) as street:
            await story(street)

    asyncio.run(run())


def _at_the_provider(town: Town) -> Any:
    """The provider's pages, set up when the first driver comes: few stories go there, and it takes its time."""

    @cache
    def pages() -> Any:
        return provider_app(town.psp.book, clock=town.world.clock, api_key=Secret("k" * 32), save=town.psp.deliver)

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        await pages()(scope, receive, send)

    return serve


@asynccontextmanager
async def _street(**how: Any) -> AsyncIterator[Street]:
    async with on_the_wire(**how) as town:
        clock = town.world.clock
        app = create_app(town.cpo, clock=clock, entropy=town.entropy, base_url=HOME, provider_url=PROVIDER)
        town.cpo.operators._hasher = QUICK
        street = Street(town, app, _at_the_provider(town))
        try:
            yield street
        finally:
            await street.close()
