"""What one eMSP must not be able to do to another one's customers."""

from evouch.charging import dialogue as d
from evouch.charging.tokens import IdToken
from evouch.ocpi import model as m
from tests.cpo.roaming.test_commands import url
from tests.cpo.roaming.world import World, play, plug, present


def test_a_cable_is_unlocked_for_the_emsp_whose_customer_charges_and_for_no_other() -> None:
    async def story(place: World) -> None:
        emsp, other, station = await place.emsp(), await place.emsp("other", "FROTH"), await place.place()
        await place.card(emsp)
        await plug(station)
        await present(station, IdToken("CARD"))
        await station.start(IdToken("CARD"))
        asked = [
            m.UnlockConnector(
                response_url=url(each, "3", "UNLOCK_CONNECTOR"),
                location_id="CS-1",
                evse_uid="CS-1-1",
                connector_id="1",
            )
            for each in (other, emsp)
        ]
        assert (await place.order(other, "UNLOCK_CONNECTOR", asked[0])).result == "REJECTED"
        assert not station.got(d.Unlock)
        assert (await place.order(emsp, "UNLOCK_CONNECTOR", asked[1])).result == "ACCEPTED"
        assert station.got(d.Unlock)

    play(story)
