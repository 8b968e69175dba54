"""A real browser: the code is read off the station's screen, the card is paid, the car charges, the receipt appears."""

import asyncio
import io
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from evouch.cli.demo import Demo
from tests.needs import need

PHONE = {"width": 390, "height": 844}
#: Milliseconds that anything on a page may take.
PATIENCE = 15_000
#: No page of ours needs anything from anywhere else; the browser is told so, and complaints are counted.
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@dataclass
class Eyes:
    """A browser, and what it saw that should not be."""

    demo: Demo
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    async def open(self, address: str, **how: Any) -> Page:
        context: BrowserContext = await self.browser.new_context(**how)
        context.set_default_timeout(PATIENCE)
        page = await context.new_page()
        page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in {"error", "warning"} else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda asked: self._ours(asked.url))
        await page.goto(address)
        return page

    def _ours(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "data:")):
            self.complaints.append(f"a third party was asked: {url}")

    async def scan(self, station: str) -> str:
        """Show the station's display, photograph it, and read the code in the picture."""
        screen = await self.open(f"{self.demo.simulators.url}/{station}/1", viewport={"width": 1024, "height": 768})
        await screen.wait_for_selector("svg", timeout=PATIENCE)
        picture = Image.open(io.BytesIO(await screen.screenshot()))
        (code,) = zxingcpp.read_barcodes(picture)
        await screen.context.close()
        return code.text

    async def act(self, station: str, what: str) -> None:
        """Press a button of the simulated driver at the station."""
        context = await self.browser.new_context()
        answer = await context.request.post(f"{self.demo.simulators.url}/{station}/1/{what}")
        assert answer.ok, answer.status
        await context.close()


@asynccontextmanager
async def watching(folder: Path) -> AsyncIterator[Eyes]:
    chromium = need("chromium")
    demo = Demo(folder)
    await demo.start()
    try:
        async with async_playwright() as play:
            browser = await play.chromium.launch(executable_path=chromium, args=ARGS)
            try:
                yield Eyes(demo, browser)
            finally:
                await browser.close()
    finally:
        await demo.stop()


def look(folder: Path, story: Callable[[Eyes], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with watching(folder) as eyes:
            await story(eyes)
            assert [] == eyes.complaints

    asyncio.run(run())


async def pay(page: Page, card: str) -> None:
    await page.get_by_role("button", name="Pay by card").click()
    await page.fill("[name=number]", card)
    await page.fill("[name=expiry]", "12/34")
    await page.fill("[name=cvc]", "123")
    await page.get_by_role("button", name="Hold").click()


async def fits(page: Page) -> None:
    """No page is wider than the phone, and whatever is pressed is large enough for a thumb."""
    assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    for button in await page.locator("button:visible, a.main:visible").all():
        box = await button.bounding_box()
        assert box is not None
        assert box["height"] >= 44


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("station", "card", "javascript", "scheme"),
    [
        ("DEMO-21", "4242424242424242", True, "light"),
        ("DEMO-201", "4000002500003155", True, "dark"),
        ("DEMO-16", "5555555555554444", False, "light"),
    ],
)
def test_from_the_code_on_the_screen_to_the_receipt(
    tmp_path: Path, station: str, card: str, javascript: bool, scheme: str
) -> None:
    async def story(eyes: Eyes) -> None:
        address = await eyes.scan(station)
        phone = await eyes.open(address, viewport=PHONE, java_script_enabled=javascript, color_scheme=scheme)
        assert phone.url.endswith("/offer"), "the code has left the address bar"
        prices = await phone.get_by_label("Price").inner_text()
        assert re.findall(r"/(\w+)", prices) == ["kWh", "minute", "session"]
        if javascript:
            await fits(phone)
        await pay(phone, card)
        if card == "4000002500003155":
            await phone.get_by_role("button", name="Approve").click()
        await expect(phone.get_by_role("heading", name="Plug in now")).to_be_visible(timeout=PATIENCE)
        await eyes.act(station, "plug")
        await expect(phone.get_by_role("heading", name="Charging")).to_be_visible(timeout=PATIENCE)
        # the numbers move by themselves
        await expect(phone.locator("#numbers")).not_to_contain_text("0.00 kWh", timeout=PATIENCE)
        if javascript:
            await fits(phone)
        await phone.get_by_role("button", name="Stop charging").click()
        await expect(phone.get_by_role("link", name="Receipt")).to_be_visible(timeout=PATIENCE)
        await phone.get_by_role("link", name="Receipt").click()
        receipt = await phone.inner_text("article")
        assert "Total" in receipt
        assert f"ending in {card[-4:]}" in receipt
        assert "DE123456789" in receipt
        await eyes.act(station, "unplug")

    look(tmp_path, story)


@pytest.mark.timeout(120)
def test_a_copied_address_and_a_shared_page_open_nothing(tmp_path: Path) -> None:
    async def story(eyes: Eyes) -> None:
        address = await eyes.scan("DEMO-21")
        first = await eyes.open(address, viewport=PHONE)
        second = await eyes.open(address, viewport=PHONE)
        await first.get_by_role("button", name="Pay by card").click()
        await expect(first.locator("[name=number]")).to_be_visible(timeout=PATIENCE)
        await second.reload()
        await expect(second.get_by_role("alert")).to_contain_text("Scan the next code")
        third = await eyes.open(eyes.demo.backend.http_url + "/offer", viewport=PHONE)
        await expect(third.get_by_role("heading", name="This offer is over")).to_be_visible()
        # the browser says aloud that a page was refused; nothing else may be said
        assert all("410" in each for each in eyes.complaints)
        eyes.complaints.clear()

    look(tmp_path, story)


@pytest.mark.timeout(120)
def test_an_operator_sees_the_stations(tmp_path: Path) -> None:
    async def story(eyes: Eyes) -> None:
        page = await eyes.open(eyes.demo.backend.http_url + "/operator", viewport=PHONE)
        password = (tmp_path / "keys" / "operator-password").read_text().strip()
        await page.get_by_label("Name").fill("operator")
        await page.get_by_label("Password").fill(password)
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("heading", name="Stations")).to_be_visible()
        for station in ("DEMO-16", "DEMO-201", "DEMO-21"):
            await expect(page.get_by_role("link", name=station, exact=True)).to_be_visible()
        await page.get_by_role("link", name="DEMO-21", exact=True).click()
        await page.get_by_role("button", name="Give fresh QR secrets").click()
        await expect(page.get_by_text("provision QR secrets").first).to_be_visible()

    look(tmp_path, story)
