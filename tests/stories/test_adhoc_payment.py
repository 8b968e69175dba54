"""From the code on the display to the receipt: the whole story, per version, on the wire and on sockets."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from evouch.charging.tokens import Limit
from evouch.errors import Refused
from evouch.station.spec import Screens
from evouch.testing.town import Town, on_sockets, on_the_wire
from evouch.units import Money, Wh
from evouch.webpayment.checkout import State

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
WORLDS = {"wire": on_the_wire, "sockets": on_sockets}

each_version = pytest.mark.parametrize("version", VERSIONS)
each_world = pytest.mark.parametrize("world", list(WORLDS))

Story = Callable[[Town], Coroutine[Any, Any, None]]


def play(story: Story, world: str = "wire", **how: Any) -> None:
    async def run() -> None:
        async with WORLDS[world](**how) as town:
            await story(town)

    asyncio.run(run())


@each_world
@each_version
def test_pay_first_then_plug_charge_stop_receipt(version: str, world: str) -> None:
    async def story(town: Town) -> None:
        simulator = await town.station(version)
        checkout = await town.checkout()
        await town.until(lambda: simulator.screen(1).kind.name == "LOCKED" or not simulator.screen(1).url)
        await town.pay(checkout)
        await town.reach(checkout, State.WAITING)
        await town.plug()
        await town.reach(checkout, State.CHARGING)
        await town.until(lambda: any(one.energy > 200 for one in town.cpo.checkouts.active()))
        await town.cpo.payments.stop(checkout.payment)
        done = await town.reach(checkout, State.SETTLED)
        receipt = await town.cpo.payments.receipt(checkout.payment)
        assert done.energy > 200
        assert receipt.gross == done.captured
        assert receipt.released == receipt.hold - receipt.gross
        assert receipt.net + receipt.vat == receipt.gross

    play(story, world)


@each_world
@each_version
def test_plug_first_then_pay(version: str, world: str) -> None:
    async def story(town: Town) -> None:
        await town.station(version)
        await town.plug()
        await town.wait(0.5)
        checkout = await town.checkout()
        await town.pay(checkout)
        await town.reach(checkout, State.CHARGING)
        await town.until(lambda: any(one.energy > 200 for one in town.cpo.checkouts.active()))
        await town.drive_away()
        done = await town.reach(checkout, State.SETTLED)
        assert done.captured is not None
        assert done.captured.amount > 0

    play(story, world)


@each_version
def test_the_code_is_back_after_the_car_has_left(version: str) -> None:
    async def story(town: Town) -> None:
        simulator = await town.station(version)
        checkout = await town.checkout()
        await town.pay(checkout)
        await town.plug()
        await town.reach(checkout, State.CHARGING)
        assert not simulator.screen(1).url
        await town.wait(30)
        await town.drive_away()
        await town.reach(checkout, State.SETTLED)
        await town.until(lambda: simulator.screen(1).url)

    play(story)


@each_version
def test_a_limit_on_cost_holds_to_the_cent(version: str) -> None:
    async def story(town: Town) -> None:
        await town.station(version)
        checkout = await town.checkout(limit=Limit(max_cost=Money.of("5.00", "EUR")))
        await town.pay(checkout)
        await town.plug()
        done = await town.reach(checkout, State.SETTLED, seconds=600)
        assert done.captured is not None
        assert Money.of("4.00", "EUR") < done.captured <= Money.of("5.00", "EUR")
        assert done.cost is not None
        assert done.cost <= Money.of("5.00", "EUR")

    play(story)


@each_version
def test_never_plugged_costs_nothing(version: str) -> None:
    async def story(town: Town) -> None:
        simulator = await town.station(version)
        checkout = await town.checkout()
        await town.pay(checkout)
        await town.reach(checkout, State.WAITING, State.CHARGING)
        done = await town.reach(checkout, State.RELEASED, seconds=400)
        assert done.captured is None
        await town.until(lambda: simulator.screen(1).url)

    play(story)


@each_version
def test_an_outage_in_the_middle_loses_nothing(version: str) -> None:
    async def story(town: Town) -> None:
        simulator = await town.station(version)
        checkout = await town.checkout()
        await town.pay(checkout)
        await town.plug()
        await town.reach(checkout, State.CHARGING)
        await town.wait(20)
        await simulator.go_offline()
        await town.wait(20)
        await town.drive_away()
        simulator.come_online()
        done = await town.reach(checkout, State.SETTLED, seconds=300)
        assert done.energy > 2_500, "the end was told after the outage"

    play(story)


@each_version
def test_a_connection_cut_while_the_start_travels_ends_well_either_way(version: str) -> None:
    async def story(town: Town) -> None:
        await town.station(version)
        checkout = await town.checkout()
        town.server.wire("CS-1").hold()
        await town.pay(checkout)
        town.server.wire("CS-1").cut()
        await town.plug()
        done = await town.reach(checkout, State.RELEASED, State.CHARGING, seconds=400)
        if done.state is State.RELEASED:
            assert done.captured is None

    play(story)


def test_a_16_station_that_shows_cost_messages_is_told_the_running_cost() -> None:
    async def story(town: Town) -> None:
        simulator = await town.station("ocpp1.6", settings={"CustomDisplayCostAndPrice": "true"})
        await simulator.go_offline()
        simulator.come_online()  # what a station shows is known from its second connection on
        await town.until(lambda: simulator.screen(1).url)
        checkout = await town.checkout()
        await town.pay(checkout)
        await town.plug()
        await town.reach(checkout, State.CHARGING)
        await town.until(lambda: (charge := simulator.screen(1).charge) and charge.cost)

    play(story)


@each_version
def test_a_station_with_one_display_for_two_evses_opens_one_payment_per_code(version: str) -> None:
    async def story(town: Town) -> None:
        await town.station(version, evses=2, screens=Screens.SINGLE)
        first = town.scan(evse=1, browser="one")
        second = town.scan(evse=2, browser="two")
        await town.cpo.payments.begin(first.grant, browser="one", limit=Limit())
        with pytest.raises(Refused, match="slotTaken"):
            await town.cpo.payments.begin(second.grant, browser="two", limit=Limit())

    play(story)


@each_version
def test_limits_typed_at_the_display_arrive_in_the_offer(version: str) -> None:
    async def story(town: Town) -> None:
        simulator = await town.station(version)
        await simulator.wish(1, Limit(max_energy=Wh(5_000), max_time=1800))
        offer = town.scan()
        assert (offer.limit.max_energy, offer.limit.max_time) == (5_000, 1800)

    play(story)
