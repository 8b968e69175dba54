"""A real browser at the operator's pages: who has proved it, and the buttons, on a phone and at a desk."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from evouch.cli.demo_identity import IMPOSTOR, PROVING
from tests.browser.test_adhoc_payment import PATIENCE, PHONE, Eyes, fits, look

DESK = {"width": 1280, "height": 900}
CERTIFICATE = "AB:" * 31


async def operator(eyes: Eyes, folder: Path, **how: object) -> Page:
    page = await eyes.open(eyes.demo.backend.http_url + "/operator", **how)
    await page.get_by_label("Name").fill("operator")
    await page.get_by_label("Password").fill((folder / "keys" / "operator-password").read_text().strip())
    await page.get_by_role("button", name="Log in").click()
    return page


@pytest.mark.timeout(120)
def test_an_operator_sees_who_is_proven_and_acts_on_it(tmp_path: Path) -> None:
    async def story(eyes: Eyes) -> None:
        for number, (size, javascript) in enumerate(((PHONE, False), (DESK, True))):
            page = await operator(eyes, tmp_path, viewport=size, java_script_enabled=javascript)
            row = page.get_by_role("row").filter(has=page.get_by_role("link", name=PROVING, exact=True))
            await expect(row).to_contain_text("proven")
            await expect(row).to_contain_text("ed25519 key")
            await fits(page)
            await page.get_by_role("link", name=PROVING, exact=True).click()
            await page.get_by_role("button", name="Challenge now").click()
            await expect(page.get_by_role("status")).to_have_text("It has just proved its identity.", timeout=PATIENCE)
            await page.get_by_text("Enrol an identity").click()
            await page.get_by_label("Public key").fill(CERTIFICATE + f"{number:02d}")
            await page.get_by_role("button", name="Enrol", exact=True).click()
            await expect(page.get_by_role("status")).to_contain_text("The identity is enrolled.")
            await page.get_by_text("Trust and security profile").click()
            await fits(page)
            await page.goto(f"{eyes.demo.backend.http_url}/operator/stations/{IMPOSTOR}")
            await expect(page.get_by_text("refused", exact=True)).to_be_visible()
            await fits(page)
            await page.get_by_role("link", name="Security", exact=True).click()
            await expect(page.get_by_role("link", name=IMPOSTOR).first).to_be_visible()
            await fits(page)

    look(tmp_path, story)
