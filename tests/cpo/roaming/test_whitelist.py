"""Vehicles that eMSPs push or show: taken by owner, in whatever order they come, and never from a stranger."""

from dataclasses import replace
from datetime import timedelta

import pytest

from evouch.charging.vehicles import AutoChargeStatus
from evouch.errors import PeerRefused
from evouch.ids import PartyId
from evouch.ocpi.http import Response
from evouch.ocpi.model import VehicleObject
from tests.cpo.roaming.emsp import revoked
from tests.cpo.roaming.world import CAR, World, play
from tests.proofs import proves


def status(place: World) -> list[int]:
    found = [
        each.response for each in place.web.log if "/vehicles/" in each.request.url and each.request.method == "PUT"
    ]
    return [each.status for each in found if isinstance(each, Response)]


@proves("A18", "S5", "S11")
def test_a_new_vehicle_is_201_and_a_known_one_200() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        await place.knows(emsp)
        await place.knows(emsp)
        assert status(place) == [201, 200]
        known = await place.store.vehicle(emsp.party, emsp.vid(CAR))
        assert known is not None
        assert known.granted

    play(story)


@proves("A18")
def test_what_is_older_changes_nothing_and_is_answered_well() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        old = await place.knows(emsp)
        await place.clock.advance(60)
        await place.push(emsp, revoked(old, place.clock.now()))
        await place.push(emsp, old)
        assert status(place) == [201, 200, 200]
        known = await place.store.vehicle(emsp.party, old.vid)
        assert known is not None
        assert known.status is AutoChargeStatus.REVOKED

    play(story)


@proves("A18")
def test_a_vehicle_of_somebody_else_or_under_another_id_is_refused() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        vehicle = emsp.vehicle(CAR)
        for wrong in (replace(vehicle, owner=PartyId("FR", "OTH")),):
            with pytest.raises(PeerRefused) as refused:
                await place.push(emsp, wrong)
            assert refused.value.code == "2001"
        with pytest.raises(PeerRefused) as refused:
            await place.ask(emsp).put_object(emsp.cpo, "vehicles", "ab" * 32, VehicleObject.of(vehicle), by=place.by())
        assert refused.value.code == "2001"
        assert not (await place.store.vehicle_page())[1]

    play(story)


@proves("A18", "A27")
def test_the_longer_address_with_country_and_party_is_taken_too() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        vehicle = emsp.vehicle(CAR)
        path = f"NL/MOB/{vehicle.vid.upper()}"
        await place.ask(emsp).put_object(emsp.cpo, "vehicles", path, VehicleObject.of(vehicle), by=place.by())
        assert await place.store.vehicle(emsp.party, vehicle.vid) is not None

    play(story)


@proves("S5")
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
def test_nothing_but_put_is_answered(method: str) -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        url = emsp.cpo.endpoint("vehicles", "RECEIVER") + "/" + emsp.vid(CAR)
        with pytest.raises(PeerRefused) as refused:
            await place.ask(emsp)._ask(emsp.cpo, method, url, by=place.by())
        assert refused.value.details.get("http") == 405

    play(story)


@proves("S11")
def test_a_list_is_read_as_well_and_again_and_holds_no_cards() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        vehicle = emsp.vehicle(CAR)
        emsp.own_vehicles[vehicle.vid] = vehicle
        await place.clock.advance(100)
        known = await place.store.vehicle(emsp.party, vehicle.vid)
        assert known is not None
        assert known.contract == "MOBI-C1"
        emsp.own_vehicles[vehicle.vid] = revoked(vehicle, place.clock.now())
        await place.clock.advance(2 * 3600)
        known = await place.store.vehicle(emsp.party, vehicle.vid)
        assert known is not None
        assert not known.granted

    play(story)


def test_a_vehicle_in_a_list_that_is_not_the_emsps_own_is_left_out() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        vehicle = emsp.vehicle(CAR)
        emsp.own_vehicles["stolen"] = replace(vehicle, owner=PartyId("FR", "OTH"))
        emsp.own_vehicles[vehicle.vid] = vehicle
        await place.clock.advance(100)
        found, total = await place.store.vehicle_page()
        assert total == 1
        assert found[0].owner == emsp.party

    play(story)


def test_dates_of_pollers_may_overlap() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        vehicle = await place.knows(emsp)
        assert vehicle.last_updated <= place.clock.now() + timedelta(seconds=1)
        await place.roaming.polling.poll(place.partner(), "vehicles", whole=True)
        assert (await place.store.vehicle_page())[1] == 1

    play(story)


def test_the_vehicles_and_cards_of_a_new_partner_are_known_within_seconds_of_its_registration() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        emsp.own_vehicles["car"] = emsp.vehicle(CAR)
        emsp.own_tokens.append(emsp.token("CARD", "ALWAYS"))
        await place.clock.advance(4)
        assert await place.store.vehicle(emsp.party, emsp.vid(CAR)) is not None
        assert await place.store.ocpi_object("tokens", "mobi", emsp.party, "CARD") is not None

    play(story)
