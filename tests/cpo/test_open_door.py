import asyncio

from evouch.charging import dialogue as d
from evouch.charging.equipment import ConnectorStatus
from evouch.ids import StationId
from evouch.testing.stations import PlainStation
from tests.cpo.town import town


def test_a_station_that_nobody_registered_is_taken_at_its_first_boot_where_the_door_is_open() -> None:
    async def story() -> None:
        async with town() as place:
            station = PlainStation("NEW-1", place.cpo.backend, place.stations, place.clock)
            answer = await station.arrive()
            assert answer is not None
            assert answer.status is d.BootStatus.ACCEPTED
            await station.status(ConnectorStatus.AVAILABLE, evse=2)
            await place.clock.advance(5)
            assert place.code("NEW-1", 1) != place.code("NEW-1", 2)
            assert place.cpo.registry.station(StationId("NEW-1")) is not None

    asyncio.run(story())
