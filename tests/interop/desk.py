"""An operator of ours on a real port, with the phone of a driver in front of a strange station."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from evouch.charging.equipment import Evse
from evouch.charging.tokens import Limit
from evouch.cpo.offers import Offer
from evouch.ids import EvseNumber, Secret, StationId
from evouch.testing.town import TEMPLATE, Town, _Sockets, _town
from evouch.units import Watts
from evouch.webpayment.checkout import Checkout, State
from evouch.webpayment.url import Template
from tests.interop.station import connected
from tests.interop.strangers import Hurried, until

__all__ = ["PASSWORD", "begin", "captures", "desk", "lively", "scan", "waiting"]

PASSWORD = "a password of a stranger"


@asynccontextmanager
async def desk(version: str, *, name: str = "STRANGER*1", clock: Hurried | None = None) -> AsyncIterator[Any]:
    """Open a town, register the stranger with a password, connect it; yield both."""
    world = _Sockets()
    world.clock = clock = clock or Hurried()
    async with _town(world) as town:
        evse = Evse(number=EvseNumber(1), connectors=(1,), max_power=Watts(50_000), evse_id="DE*TWN*E1")
        await town.cpo.stations.register(
            StationId(name), actor="test", name="A stranger", evses=(evse,), password=Secret(PASSWORD)
        )
        async with connected(version, town.server.port, name=name, password=PASSWORD, clock=clock) as station:
            yield town, station


async def lively(station: Any) -> None:
    """Boot as a station does, and wait until it was told all that a code is made of."""
    assert await station.boot() == "Accepted"
    await station.status("Available")
    await until(lambda: station.url)


def scan(town: Town, url: str, *, browser: str = "phone") -> Offer:
    """Open what the code says, on a phone."""
    claim = Template.parse(TEMPLATE).read(url)
    return town.cpo.payments.offer(claim, browser=browser, address="192.0.2.7")


async def begin(town: Town, station: Any, *, limit: Limit = Limit(), browser: str = "phone") -> Checkout:
    """Scan, and press the button: a hold is open, the card not typed in yet."""
    offer = scan(town, station.url, browser=browser)
    assert not offer.busy
    return await town.cpo.payments.begin(offer.grant, browser=browser, limit=limit)


async def waiting(town: Town, station: Any) -> Checkout:
    """Pay first: the station has taken the start, and nothing is plugged in."""
    checkout = await begin(town, station)
    await town.pay(checkout)
    return await town.reach(checkout, State.WAITING)


def captures(town: Town) -> int:
    """Return how often the provider was asked for money."""
    return sum(question.operation == "capture" for question in town.psp.questions)
