"""Drivers of the demo who pay by the code on the display: scan, pay, plug in, charge, stop, receive."""

import asyncio
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final
from urllib.parse import urljoin

from evouch.errors import LocalError
from evouch.station.app import Simulator
from evouch.testing.phone import Phone

__all__ = ["CARDS", "charge"]

#: A card that asks for confirmation at its bank, and such that do not.
CARDS: Final = {"DEMO-16": "4242424242424242", "DEMO-201": "4000002500003155", "DEMO-21": "5555555555554444"}
_OVER: Final = frozenset({"SETTLED", "RELEASED", "ABANDONED"})


async def charge(simulator: Simulator, seconds: float) -> dict[str, Any]:
    """Charge for some seconds at the first EVSE, with the cable in or not; return what became of the payment."""
    phone = Phone()
    try:
        await phone.open(await _code_on(simulator))
        await phone.submit("/offer/pay")
        await _pay(phone, CARDS[simulator.spec.id])
        address = phone.url.partition("?")[0]
        if not simulator.screen(1).plugged:
            await simulator.plug(1)
        await _until(phone, address, {"CHARGING"})
        await asyncio.sleep(seconds)
        await phone.open(address)
        await phone.submit("/stop")
        await simulator.unplug(1)
        return await _outcome(phone, address)
    finally:
        await phone.close()


async def _code_on(simulator: Simulator) -> str:
    """Return the URL that the display shows, as soon as it shows one."""
    while not (url := simulator.screen(1).url):
        await simulator.watch()
    return url


async def _pay(phone: Phone, card: str) -> None:
    """Type the card in at the provider, and confirm at the bank if it asks."""
    await phone.submit("/pay/", number=card, expiry="12/34", cvc="123")
    if "/return" not in phone.url and "/bank" in phone.page.text:
        await phone.submit("/bank", answer="approve")


async def _until(phone: Phone, address: str, states: Collection[str]) -> Any:
    """Look at the payment until it is in one of ``states``, or over."""
    while True:
        status = await phone.json(f"{address}/status.json")
        if status["state"] in states:
            return status
        if status["state"] in _OVER:
            raise LocalError(f"the payment ended as {status['state']}: {status['reason']}")
        await asyncio.sleep(0.05)


async def _outcome(phone: Phone, address: str) -> dict[str, Any]:
    status = await _until(phone, address, _OVER)
    steps = {step["state"]: datetime.fromisoformat(step["at"]) for step in status["steps"]}
    first = min(steps.values())
    return {
        "state": status["state"],
        "states": status["steps"],
        "seconds_to_charge": round((steps["CHARGING"] - first).total_seconds(), 3) if "CHARGING" in steps else None,
        "energy_wh": status["energy"],
        "cost": status["cost"],
        "hold": status["hold"],
        "capture": status["captured"],
        "receipt": urljoin(address, status["receipt"]) if status["receipt"] else None,
    }
