"""A real browser at a driver's pages: what the script adds to them, and that the token leaves the address bar."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
import uvicorn
from playwright.async_api import async_playwright, expect

from evouch.testing.clock import SeededEntropy
from evouch.web.emsp_app import create_emsp_app
from tests.browser.test_adhoc_payment import ARGS, PATIENCE, PHONE, fits
from tests.needs import need
from tests.web.emsp import House, play

PLACE: Final[Any] = {"latitude": 52.52, "longitude": 13.405, "accuracy": 20}


@asynccontextmanager
async def served(house: House) -> AsyncIterator[str]:
    """Serve the pages over HTTP; yield where."""
    sock = socket.create_server(("127.0.0.1", 0))
    home = f"http://127.0.0.1:{sock.getsockname()[1]}"
    world = house.world
    app = create_emsp_app(world.emsp, clock=world.clock, entropy=SeededEntropy("browser"), base_url=home)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield home
    finally:
        server.should_exit = True
        await serving


@pytest.mark.timeout(60)
def test_a_personal_link_opens_with_one_tap_and_the_page_follows_what_happens() -> None:
    chromium, complaints = need("chromium"), list[str]()

    async def story(house: House) -> None:
        await house.world.bound(granted=False)
        token = (await house.world.emsp.drivers.issue_login("ada", actor="ann")).text()
        async with served(house) as home, async_playwright() as player:
            browser = await player.chromium.launch(executable_path=chromium, args=ARGS)
            context = await browser.new_context(viewport=PHONE, geolocation=PLACE, permissions=["geolocation"])  # type: ignore[arg-type]
            context.set_default_timeout(PATIENCE)
            page = await context.new_page()
            page.on("console", lambda said: complaints.append(said.text))
            page.on("request", lambda asked: None if asked.url.startswith(home) else complaints.append(asked.url))
            await page.goto(f"{home}/me/enter#{token}")
            await expect(page.get_by_text("This is your personal link.")).to_be_visible()
            assert page.url == f"{home}/me/enter"
            await page.get_by_role("button", name="Open").click()
            await expect(page.get_by_role("heading", name="Should this car start by itself")).to_be_visible()
            await fits(page)
            await page.get_by_role("button", name="I am with my car").click()
            await expect(page.get_by_text("Your place is noted.")).to_be_visible()
            driver = await house.world.emsp.drivers.get("ada")
            assert driver.phone is not None
            await page.get_by_role("button", name="Yes, start by itself").click()
            await expect(page.get_by_role("heading", name="Nothing is charging")).to_be_visible()
            await house.world.alfa.put(house.world.alfa.session("S5"))
            await page.evaluate("look()")  # as it does by itself, every 20 seconds
            await expect(page.get_by_role("button", name="Stop charging")).to_be_visible()
            await fits(page)
            await browser.close()

    play(story)
    assert [] == complaints
