"""What partners see of places and prices, and who sees that an EVSE takes part."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from evouch.charging.equipment import ConnectorStatus
from evouch.errors import PeerRefused
from evouch.ids import StationId
from evouch.ocpi import model as m
from evouch.ocpi.partner import Quirks
from tests.cpo.roaming.emsp import Emsp
from tests.cpo.roaming.world import SITE, World, play, plug
from tests.proofs import proves


async def read(place: World, emsp: Emsp, module: str, kind: type[m.Wire]) -> list[Any]:
    return [each async for each in place.ask(emsp).pages(emsp.cpo, module, kind, by=place.by())]


@proves("R31", "A21")
@pytest.mark.parametrize(
    ("capable", "module", "shown"),
    [("always", False, True), ("partners", True, True), ("partners", False, False), ("never", True, False)],
)
def test_who_may_see_it_sees_which_evses_take_part(capable: str, module: bool, shown: bool) -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp(vehicles_module=module, versions=("2.2.1",))
        await place.place()
        await place.clock.advance(1)
        pulled = (await read(place, emsp, "locations", m.Location))[0].evses[0]
        pushed = [body for path, body in emsp.puts if path.endswith("CS-1")][-1].evses[0]
        for evse in (pulled, pushed):
            assert (m.AUTO_CHARGE_CAPABLE in evse.capabilities) is shown

    play(story, capable=capable)


@proves("A21")
def test_a_strict_partner_may_be_shown_it_by_agreement() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp(vehicles_module=False, versions=("2.2.1",))
        await place.place()
        await place.roaming.partners.change("mobi", actor="test", quirks=Quirks(always_capable=True))
        evse = (await read(place, emsp, "locations", m.Location))[0].evses[0]
        assert m.AUTO_CHARGE_CAPABLE in evse.capabilities

    play(story)


def test_a_new_partner_is_given_everything_and_then_what_changes() -> None:
    async def story(place: World) -> None:
        await place.place(evses=2)
        emsp = await place.emsp()
        await place.clock.advance(1)
        assert sorted(path for path, _ in emsp.puts) == ["DE/CPO/CS-1", "DE/CPO/TARIFF-1"]
        station = place.stations.connected[StationId("CS-1")]
        await plug(station, 2)
        await place.clock.advance(1)
        path, evse = emsp.puts[-1]
        assert (path, evse.status) == ("DE/CPO/CS-1/CS-1-2", "CHARGING")
        await station.status(ConnectorStatus.FAULTED, 2)
        await place.clock.advance(1)
        assert emsp.puts[-1][1].status == "OUTOFORDER"

    play(story)


def test_a_station_without_a_site_is_not_shown_and_with_one_it_is() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        await place.station("CS-1")
        assert not await read(place, emsp, "locations", m.Location)
        await place.cpo.registry.change(StationId("CS-1"), lambda record: replace(record, site=SITE))
        await place.clock.advance(1)
        (found,) = await read(place, emsp, "locations", m.Location)
        assert (found.city, found.coordinates.latitude, found.publish) == ("Berlin", "52.520000", True)
        assert [path for path, _ in emsp.puts if "CS-1" in path] == ["DE/CPO/CS-1"]

    play(story)


def test_lists_come_in_pages_and_by_change() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        for n in range(5):
            await place.place(f"CS-{n}")
        place.web.host("https://cpo.test", place.roaming.ocpi.handle).one_item()
        assert len(await read(place, emsp, "locations", m.Location)) == 5
        since = place.clock.now()
        await place.clock.advance(60)
        await plug(place.stations.connected[StationId("CS-3")])
        asks = place.ask(emsp)
        news = [each async for each in asks.pages(emsp.cpo, "locations", m.Location, since=since, by=place.by())]
        assert [each.id for each in news if each.last_updated > since] == ["CS-3"]

    play(story)


def test_a_location_an_evse_and_a_connector_are_found_and_what_is_not_there_is_404() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        await place.place()
        asks, root = place.ask(emsp), emsp.cpo.endpoint("locations", "SENDER")
        for path in ("CS-1", "cs-1/cs-1-1", "CS-1/CS-1-1/1"):
            await asks._ask(emsp.cpo, "GET", f"{root}/{path}", by=place.by())
        for path in ("CS-9", "CS-1/CS-1-9", "CS-1/CS-1-1/7"):
            with pytest.raises(PeerRefused) as refused:
                await asks._ask(emsp.cpo, "GET", f"{root}/{path}", by=place.by())
            assert (refused.value.details.get("http"), refused.value.code) == (404, "2003")

    play(story)


@pytest.mark.parametrize(("version", "price"), [("2.3.0", Decimal("0.50")), ("2.2.1", Decimal("0.4202"))])
def test_the_tariff_says_what_a_kilowatt_hour_costs(version: str, price: Decimal) -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp(versions=(version,))
        (tariff,) = await read(place, emsp, "tariffs", m.Tariff)
        assert tariff.elements[0].price_components[0].price == price
        assert tariff.currency == "EUR"

    play(story)


def test_a_long_station_id_has_a_short_name_in_ocpi() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        await place.place("CS-" + "9" * 45)
        (found,) = await read(place, emsp, "locations", m.Location)
        assert len(found.id) <= 36
        assert len(found.evses[0].uid) <= 36
        assert place.roaming.publishing.find(found.id, found.evses[0].uid) is not None

    play(story)


def test_an_evse_that_an_emsp_missed_is_sent_when_it_is_back() -> None:
    async def story(place: World) -> None:
        station = await place.place()
        emsp = await place.emsp()
        await place.clock.advance(1)
        emsp.puts.clear()
        emsp.host.offline()
        await plug(station)
        await place.clock.advance(30)
        emsp.host.well()
        await place.clock.advance(120)
        assert [body.evses[0].status for path, body in emsp.puts if path.endswith("CS-1")] == ["CHARGING"]

    play(story)
