"""What one eMSP must not be able to do to another one's customers, and what is its own to say."""

from dataclasses import replace
from datetime import UTC, datetime

import msgspec

from evouch.charging import dialogue as d
from evouch.charging.tokens import IdToken
from evouch.ocpi import model as m
from evouch.ocpi.ports import Answer, Call
from tests.cpo.roaming.test_commands import url
from tests.cpo.roaming.world import World, car, play, plug, present


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


def test_an_emsp_that_allows_some_evses_only_is_heeded() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place(evses=2)
        await place.knows(emsp)
        await place.card(emsp)
        answer = emsp.authorize

        async def second_only(call: Call) -> Answer:
            given = await answer(call)
            only = m.LocationReferences(location_id="CS-1", evse_uids=("cs-1-2",))
            assert isinstance(given.data, m.AuthorizationInfo)
            return replace(given, data=msgspec.structs.replace(given.data, location=only))

        emsp.authorize = second_only  # type: ignore[method-assign]
        for evse in (1, 2):
            await plug(station, evse)
        for token in (car(), IdToken("CARD")):
            assert (await present(station, token)).accepted
            assert {each.candidates for each in await place.charges()} == {(2,)}
            refused = await station.start(token, transaction=f"A-{token.kind}", evse=1)
            assert not refused.authorization.accepted
        assert (await station.start(car(), transaction="B", evse=2)).authorization.accepted

    play(story)


def test_no_emsp_makes_the_card_of_another_one_void_and_the_operator_says_who_is_first() -> None:
    async def story(place: World) -> None:
        emsp, other, station = await place.emsp(), await place.emsp("other", "FROTH"), await place.place()
        far = datetime(2099, 1, 1, tzinfo=UTC)
        await place.card(emsp, whitelist="ALLOWED")
        await place.card(other, whitelist="ALLOWED", valid=False, last_updated=far)
        assert (await present(station, IdToken("CARD"))).accepted
        assert [each.partner for each in await place.charges()] == ["mobi"]
        await place.card(other, whitelist="ALLOWED", last_updated=far)
        found = place.roaming.tokens.find
        card = await found("CARD")
        assert card is not None
        assert card.partner.id == "other"
        await place.roaming.partners.change("mobi", actor="ann", priority=1)
        card = await found("CARD")
        assert card is not None
        assert card.partner.id == "mobi"

    play(story)
