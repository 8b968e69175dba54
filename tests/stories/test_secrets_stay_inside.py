"""A paid charge leaves no secret behind: not in the database, not in the log, not in what anybody can read."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from evouch.charging.dialogue import ReadSettings, Setting
from evouch.cli.log import configure
from evouch.clock import SystemClock, Tick
from evouch.ids import EvseNumber, KeyBytes, StationId
from evouch.store.sealing import Sealer
from evouch.store.sql import SqlStore
from evouch.testing import SeededEntropy
from evouch.testing.town import Town, on_sockets
from evouch.webpayment.checkout import State
from tests.spellings import spellings

CARD = "4242424242424242"
SEAL = b"\x07s" * 16


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("evouch")
    handlers, level, our_level = root.handlers, root.level, ours.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    ours.setLevel(our_level)
    structlog.reset_defaults()


async def charge(town: Town, version: str) -> None:
    await town.station(version)
    checkout = await town.checkout()
    await town.pay(checkout, CARD)
    await town.plug()
    await town.reach(checkout, State.CHARGING)
    await town.until(lambda: any(each.energy > 20 for each in town.cpo.checkouts.active()))
    await town.drive_away()
    await town.reach(checkout, State.SETTLED)


async def read_back(town: Town) -> str:
    """What a station says of its settings, and operators see of everything that happened."""
    whole = Setting(component="WebPaymentsCtrlr", variable="SharedSecret")
    order = ReadSettings(settings=(whole, replace(whole, evse=EvseNumber(1))))
    answer = await town.server.call(StationId("CS-1"), order, by=Tick(town.world.clock.tick() + 10))
    store = town.cpo.store
    operators = (store.stations, store.qr_keys, store.transactions, store.checkouts, store.intents, store.audit)
    return repr([answer, await store.security_events(), *[await each() for each in operators]])


@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
def test_no_secret_is_left_behind(version: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> tuple[list[bytes], str]:
        seal = Sealer(KeyBytes(SEAL), entropy=SeededEntropy("seal"))
        store = await SqlStore.open(f"sqlite:///{tmp_path}/town.db", clock=SystemClock(), seal=seal)
        async with on_sockets(store=store) as town:
            await charge(town, version)
            said = await read_back(town)
            secrets = [key.secret.reveal() for key in await store.qr_keys()]
        await store.close()
        return secrets, said

    configure("debug", as_json=True)
    secrets, said = asyncio.run(story())
    assert len(secrets) == 1
    found = [said.encode(), "".join(capsys.readouterr()).encode(), *(each.read_bytes() for each in tmp_path.iterdir())]
    assert all(b"CS-1" in text for text in (found[0], b"".join(found[2:]))), "looked in the wrong place"
    hidden = [*secrets, SEAL, b"p" * 32, b"g" * 32, b"webhook secret of the town 12345", CARD.encode()]
    assert [] == [each for secret in hidden for each in spellings(secret) for text in found if each.encode() in text]
