"""The first seconds of a partnership: each side gets to know what the other one has."""

from evouch.ocpi.ports import Listing
from tests.emsp.world import VID, World, play


def test_a_new_operator_is_told_every_card_and_vehicle_within_seconds_of_its_registration() -> None:
    async def story(world: World) -> None:
        await world.bound()
        beta = await world.join("beta", places=False)
        assert [] == beta.told("put_token")
        await world.pass_time(seconds=4)
        assert ["CARD-A"] == [call.params["token_uid"] for call in beta.told("put_token")]
        assert [VID] == [call.params["vehicle_id"].lower() for call in beta.told("put_vehicle")]

    play(story)


def test_the_places_of_a_new_operator_are_known_within_seconds_of_its_registration() -> None:
    async def story(world: World) -> None:
        beta = await world.join("beta", places=False)
        beta.handlers.answers["locations"] = lambda _call: Listing(objects=(beta.location("B1"),), total=1)
        await world.pass_time(seconds=4)
        assert await world.store.ocpi_object("locations", "beta", beta.party, "B1") is not None

    play(story)
