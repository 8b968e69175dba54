"""What operators ask about roaming: charges, vehicles, and sending everything again."""

import asyncio
from typing import Any

import pytest

from evouch.charging.tokens import IdToken
from evouch.cpo.app import Cpo
from evouch.errors import Refused
from evouch.web.api_roaming import list_roaming_charges, list_roaming_vehicles, resend_to_partner
from evouch.web.api_routes import CPO, Ask
from tests.cpo.roaming.world import CAR, World, play


def ask(cpo: Cpo, query: dict[str, str] | None = None, **path: str) -> Ask:
    return Ask(cpo, "ann", path, query or {}, None)


def test_charges_and_vehicles_are_listed_without_any_address() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.card(emsp)
        await place.knows(emsp)
        await station.start(IdToken("CARD"))
        (charge,) = (await list_roaming_charges(ask(place.cpo, {"active": "true"}))).charges
        assert (charge.partner, charge.state, charge.token) == ("mobi", "pending", "CARD")
        found = await list_roaming_vehicles(ask(place.cpo))
        assert (found.total, found.vehicles[0].vehicle) == (1, emsp.vid(CAR))
        assert found.vehicles[0].status == "AUTO_CHARGE_GRANTED"

    play(story)


def test_everything_is_sent_again_by_one_button() -> None:
    async def story(place: World) -> None:
        emsp, _ = await place.emsp(), await place.place()
        await place.clock.advance(1)
        emsp.puts.clear()
        await resend_to_partner(ask(place.cpo, partner="mobi"))
        assert sorted(path for path, _ in emsp.puts) == ["DE/CPO/CS-1", "DE/CPO/TARIFF-1"]
        assert (await place.store.audit())[0].action == "send all again"
        with pytest.raises(Refused, match="unknownPartner"):
            await resend_to_partner(ask(place.cpo, partner="nobody"))
        assert {each.module for each in place.cpo.syncs()} >= {"locations", "tariffs"}

    play(story)


def test_an_operator_without_partners_says_so() -> None:
    class Alone:
        roaming = None

    async def story(cpo: Any) -> None:
        with pytest.raises(Refused, match="noRoaming"):
            await list_roaming_charges(ask(cpo))

    asyncio.run(story(Alone()))


def test_every_operation_is_in_the_table() -> None:
    paths = {row.path for row in CPO.rows}
    assert {"/partners", "/partners/{partner}/resend", "/roaming/charges", "/roaming/vehicles"} <= paths
