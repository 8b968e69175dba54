"""An eMSP's pages and API for tests: a world in memory, a browser that follows nothing, a phone that is let in."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx2

from evouch.clock import Entropy
from evouch.store.ports import Put
from evouch.store.records import Operator
from evouch.testing.clock import SeededEntropy
from evouch.web.emsp_app import create_emsp_app
from tests.emsp.world import URL, World
from tests.web.street import QUICK

HOME = URL


@dataclass
class House:
    """The world and its application."""

    world: World
    app: Any
    _open: list[httpx2.AsyncClient] = field(default_factory=list)

    def client(self, **how: Any) -> httpx2.AsyncClient:
        """A browser that follows nothing."""
        made = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app), base_url=HOME, trust_env=False, **how
        )  # fmt: skip
        self._open.append(made)
        return made

    async def phone(self, driver: str = "ada") -> httpx2.AsyncClient:
        """A driver's phone that has opened his personal link."""
        token = await self.world.emsp.drivers.issue_login(driver, actor="ann")
        client = self.client()
        answer = await opened(client, token.text())
        assert (answer.status_code, answer.headers["Location"]) == (303, "/me")
        return client

    async def staff(self) -> httpx2.AsyncClient:
        """A browser of somebody who is logged in; no password is asked, for that takes its time on purpose."""
        operator = Operator(name="ann", password="hashed", role="operator")
        await self.world.store.commit(Put(operator))
        cookie = self.app.state["desk"].door.log_in(operator, self.world.clock.now())
        return self.client(cookies={cookie.key: cookie.value})

    async def program(self) -> httpx2.AsyncClient:
        """A program with a bearer token."""
        token = await self.world.emsp.operators.issue("octt", actor="test")
        return self.client(headers={"Authorization": f"Bearer {token.text()}"})

    async def close(self) -> None:
        for each in self._open:
            await each.aclose()


async def opened(client: httpx2.AsyncClient, token: str) -> httpx2.Response:
    """Open a personal link, as a phone without JavaScript does."""
    page = await client.get("/me/enter")
    return await client.post("/me/enter", data={"token": token, "csrf": proof(page)})


def proof(page: httpx2.Response) -> str:
    """What the forms of a page carry."""
    found = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert found, page.text
    return found[1]


async def tap(client: httpx2.AsyncClient, path: str, *, at: str = "/me", **fields: str) -> httpx2.Response:
    """Send a form of the page ``at``."""
    return await client.post(path, data={"csrf": proof(await client.get(at)), **fields})


def play(story: Callable[[House], Coroutine[Any, Any, None]], *names: str, **terms: Any) -> None:
    """Tell a story in a house of its own."""

    async def run() -> None:
        world = await World.new(*names, **terms)
        world.emsp.operators._hasher = QUICK
        chance: Entropy = SeededEntropy("pages")
        house = House(world, create_emsp_app(world.emsp, clock=world.clock, entropy=chance, base_url=HOME))
        try:
            await story(house)
        finally:
            await house.close()
            await world.stop()
            await world.web.close()

    asyncio.run(run())
