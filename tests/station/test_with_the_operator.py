"""Kinds of stations with the real operator: whatever begins a transaction, and however odd the firmware, it settles."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from evouch.station.spec import Quirk, Screens
from evouch.testing.town import Town, on_the_wire
from evouch.webpayment.checkout import State

ALL = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
Story = Callable[[Town], Coroutine[Any, Any, None]]

START_POINTS = (
    "Authorized", "EVConnected", "PowerPathClosed", "EnergyTransfer", "DataSigned", "Authorized,EVConnected",
    "EVConnected,PowerPathClosed", "Authorized,EVConnected,PowerPathClosed", "ParkingBayOccupancy,PowerPathClosed",
)  # fmt: skip


def play(story: Story) -> None:
    async def run() -> None:
        async with on_the_wire() as town:
            await story(town)

    asyncio.run(run())


async def paid_charge(town: Town, *, plug_first: bool) -> Any:
    """Scan, pay and plug in either order, charge, stop on the page; return the checkout."""
    if plug_first:
        await town.plug()
        await town.wait(2)
    checkout = await town.checkout()
    await town.pay(checkout)
    if not plug_first:
        # where a transaction begins with the authorisation it is there before the cable
        await town.reach(checkout, State.WAITING, State.CHARGING)
        await town.wait(5)
        await town.plug()
    await town.reach(checkout, State.CHARGING)
    await town.until(lambda: any(one.energy > 200 for one in town.cpo.checkouts.active()))
    await town.cpo.payments.stop(checkout.payment)
    if plug_first:
        await town.wait(3)
        await town.drive_away()
    done = await town.reach(checkout, State.SETTLED)
    if not plug_first:
        await town.drive_away()
    return done


@pytest.mark.parametrize("plug_first", [True, False], ids=["plug first", "pay first"])
@pytest.mark.parametrize("points", START_POINTS)
@pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
def test_a_payment_settles_wherever_a_transaction_begins(version: str, points: str, plug_first: bool) -> None:
    async def story(town: Town) -> None:
        station = await town.station(version, settings={"TxCtrlr.TxStartPoint": points})
        done = await paid_charge(town, plug_first=plug_first)
        assert done.energy > 200
        await town.until(lambda: station.screen(1).url, 60)

    play(story)


@pytest.mark.parametrize("plug_first", [True, False], ids=["plug first", "pay first"])
@pytest.mark.parametrize("points", ["Authorized", "EVConnected", "PowerPathClosed", "Authorized,EVConnected"])
@pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
def test_a_payment_settles_wherever_a_transaction_ends(version: str, points: str, plug_first: bool) -> None:
    async def story(town: Town) -> None:
        await town.station(version, settings={"TxCtrlr.TxStopPoint": points})
        if points == "EVConnected" and not plug_first:
            checkout = await town.checkout()
            await town.pay(checkout)
            await town.plug()
            await town.reach(checkout, State.CHARGING)
            await town.wait(20)
            await town.cpo.payments.stop(checkout.payment)
            await town.wait(5)
            await town.drive_away()
            await town.reach(checkout, State.SETTLED)
        else:
            await paid_charge(town, plug_first=plug_first)

    play(story)


@pytest.mark.parametrize("plug_first", [True, False], ids=["plug first", "pay first"])
@pytest.mark.parametrize("quirk", [one for one in Quirk if one is not Quirk.REBOOT_REQUIRED])
@pytest.mark.parametrize("version", ALL)
def test_odd_firmware_charges_and_settles(version: str, quirk: Quirk, plug_first: bool) -> None:
    async def story(town: Town) -> None:
        await town.station(version, quirks=frozenset({quirk}))
        done = await paid_charge(town, plug_first=plug_first)
        assert 200 < done.energy < 20_000

    play(story)


@pytest.mark.parametrize("version", ALL)
def test_firmware_that_wants_a_reboot_shows_codes_after_it(version: str) -> None:
    async def story(town: Town) -> None:
        station = await town.station(version, quirks=frozenset({Quirk.REBOOT_REQUIRED}), wait=False)
        await town.wait(30)
        assert not station.screen(1).url
        await town.cpo.stations.call(station.spec.id, "Reset", _reset(version), actor="test")
        await town.until(lambda: station.screen(1).url, 120)
        await paid_charge(town, plug_first=True)

    play(story)


def _reset(version: str) -> dict[str, str]:
    return {"type": "Soft" if version == "ocpp1.6" else "Immediate"}


@pytest.mark.parametrize("version", ALL)
def test_authorised_remote_starts_and_slow_answers_settle(version: str) -> None:
    asks = {"AuthorizeRemoteTxRequests": "true", "AuthCtrlr.AuthorizeRemoteStart": "true"}

    async def story(town: Town) -> None:
        await town.station(version, settings=asks, answer_delay=2.0)
        await paid_charge(town, plug_first=False)

    play(story)


@pytest.mark.parametrize("version", ALL)
def test_a_station_without_display_is_told_from_one_with_a_single_display(version: str) -> None:
    async def story(town: Town) -> None:
        blind = await town.station(version, id="BLIND", screens=Screens.NONE, wait=False)
        single = await town.station(version, id="SINGLE", evses=2, screens=Screens.SINGLE)
        await town.wait(10)
        assert blind.online
        assert "not set up" in blind.screen(1).sentence
        assert single.screen(1).url != single.screen(2).url

    play(story)
