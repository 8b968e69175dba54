"""How a car becomes known: its VID goes to the eMSP whose card or app charges it, before the charge or during it."""

import asyncio
from typing import Any

import pytest

from evouch.charging.roaming import Binding
from evouch.charging.tokens import IdToken, TokenStatus
from evouch.charging.vehicles import AutoChargeStatus
from tests.cpo.roaming.emsp import Emsp
from tests.cpo.roaming.world import CAR, OTHER_CAR, World, arrive, car, identify, play, plug, present, unplug
from tests.proofs import proves

CARD = IdToken("CARD")


async def ready(place: World, **how: Any) -> tuple[Emsp, Any]:
    emsp, station = await place.emsp(), await place.place(**how)
    await place.card(emsp)
    return emsp, station


def test_a_car_that_named_itself_before_the_card_is_bound_and_known_from_then_on() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        assert (await arrive(station)).status is TokenStatus.INVALID
        assert (await present(station, CARD)).accepted
        await station.start(CARD)
        await place.clock.advance(1)
        charge = await place.charge()
        (body,) = emsp.bindings
        assert (body.vehicle_id, body.token_uid, body.session_id) == (emsp.vid(CAR), "CARD", charge.id)
        assert charge.binding is Binding.DONE
        assert emsp.last.cdr_token.type == "RFID"
        known = await place.store.vehicle(emsp.party, emsp.vid(CAR))
        assert known is not None
        assert known.granted

    play(story)


def test_a_car_that_names_itself_during_the_charge_is_asked_for_at_that_emsp_alone() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        other = await place.emsp("other", "FROTH")
        await plug(station)
        await station.start(CARD)
        await identify(station, transaction="T-1")
        await place.clock.advance(1)
        assert [body.vehicle_id for body in emsp.bindings] == [emsp.vid(CAR)]
        assert (emsp.signed, other.signed) == (1, 0)

    play(story)


@proves("R8")
def test_an_emsp_that_is_slow_to_sign_costs_the_station_five_seconds() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        await plug(station)
        await station.start(CARD)
        emsp.host.dead(on="oprf/sign")
        telling = asyncio.ensure_future(identify(station, transaction="T-1"))
        await place.clock.advance(4.9)
        assert not telling.done()
        await place.clock.advance(0.2)
        assert telling.done()
        assert not emsp.bindings

    play(story)


def test_a_second_authorize_with_the_address_counts_where_one_connector_charges_without_one() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place, version="ocpp1.6")
        await plug(station)
        await station.start(CARD)
        assert (await present(station, car())).status is TokenStatus.INVALID
        await place.clock.advance(1)
        assert [body.vehicle_id for body in emsp.bindings] == [emsp.vid(CAR)]

    play(story)


def test_where_two_charge_without_one_nobody_can_say_whose_car_it_is() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place, evses=2)
        await place.card(emsp, "CARD-2")
        for n, token in ((1, CARD), (2, IdToken("CARD-2"))):
            await plug(station, n)
            await station.start(token, evse=n, transaction=f"T-{n}")
        await present(station, car())
        await place.clock.advance(1)
        assert not emsp.bindings

    play(story)


def test_an_address_in_an_event_of_a_running_transaction_binds_and_changes_nothing() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        await plug(station)
        await station.start(CARD)
        answer = await station.meter("T-1", 100, token=car())
        assert answer.authorization is not None
        assert answer.authorization.accepted
        await place.clock.advance(1)
        assert len(emsp.bindings) == 1
        assert (await place.store.transactions())[0].token == CARD

    play(story)


@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
@pytest.mark.parametrize("asks", [True, False], ids=["Authorize", "event"])
def test_a_car_whose_emsp_is_slow_is_bound_to_the_card_that_started_meanwhile(version: str, asks: bool) -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place, version=version, evses=2)
        emsp.host.slow(3, on="oprf/sign")
        await plug(station)
        naming = asyncio.ensure_future(present(station, car()) if asks else identify(station))
        await place.clock.advance(1)
        await station.start(CARD)
        await place.clock.advance(1)
        assert not emsp.bindings
        await place.clock.advance(3)
        await naming
        assert [body.vehicle_id for body in emsp.bindings] == [emsp.vid(CAR)]
        assert (await place.charge()).binding is Binding.DONE

    play(story)


def test_who_left_while_an_emsp_was_slow_is_not_bound_to_the_next_ones_card() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        emsp.host.slow(3, on="oprf/sign")
        await plug(station)
        naming = asyncio.ensure_future(present(station, car()))
        await place.clock.advance(1)
        await unplug(station)
        await plug(station)
        await station.start(CARD)
        await place.clock.advance(5)
        await naming
        assert not emsp.bindings

    play(story)


def test_the_neighbours_car_is_never_bound() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place, evses=2)
        await plug(station, 1)
        await arrive(station, evse=2)
        await station.start(CARD, evse=1)
        await place.clock.advance(1)
        assert not emsp.bindings

    play(story)


def test_what_was_pulled_out_is_forgotten() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        await arrive(station)
        await unplug(station)
        await plug(station)
        await station.start(CARD)
        await place.clock.advance(1)
        assert not emsp.bindings

    play(story)


def test_a_local_customers_car_is_nobodys_business() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        local = await place.local_card()
        await plug(station)
        await station.start(local)
        before = emsp.signed
        await identify(station, transaction="T-1")
        await place.clock.advance(1)
        assert emsp.signed == before
        assert not emsp.bindings

    play(story)


@proves("R22", "A4")
def test_a_driver_who_does_not_want_to_be_asked_is_not_asked_again() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        await place.knows(emsp, status=AutoChargeStatus.DO_NOT_ASK)
        await arrive(station)
        await station.start(CARD)
        await place.clock.advance(400)
        assert not emsp.bindings
        assert not place.web.requests("vehicles", "POST") or all(
            "oprf" in each.url for each in place.web.requests("vehicles", "POST")
        )

    play(story)


def test_a_car_that_starts_by_itself_already_is_not_bound_again_but_one_that_is_revoked_is() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        vehicle = await place.knows(emsp)
        emsp.verdicts[vehicle.vid] = "NOT_ALLOWED"
        await arrive(station)
        await station.start(CARD)
        await place.clock.advance(1)
        assert not emsp.bindings
        await place.knows(emsp, OTHER_CAR, status=AutoChargeStatus.REVOKED)
        await station.end("T-1", 100)
        await unplug(station)
        await arrive(station, OTHER_CAR)
        await station.start(CARD, transaction="T-2")
        await place.clock.advance(1)
        assert len(emsp.bindings) == 1

    play(story)


def test_another_contract_of_the_same_emsp_is_told_for_the_car_may_have_been_sold() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        vehicle = await place.knows(emsp, contract="FORMER")
        emsp.verdicts[vehicle.vid] = "NOT_ALLOWED"
        await arrive(station)
        await station.start(CARD)
        await place.clock.advance(1)
        assert len(emsp.bindings) == 1

    play(story)


def test_the_session_is_put_before_the_binding_even_where_its_push_failed() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        emsp.host.status(500, on="sessions", times=1)
        await arrive(station)
        await station.start(CARD)
        await place.clock.advance(30)
        order = [
            each.url.rsplit("/", 1)[-1] for each in place.web.requests("mobi.test") if each.method in {"PUT", "POST"}
        ]
        charge = await place.charge()
        assert emsp.bindings
        assert order.index(charge.id) < order.index("vehicles")
        assert charge.binding is Binding.DONE

    play(story)


def test_an_emsp_that_does_not_know_the_session_yet_is_asked_a_few_times_within_minutes() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        emsp.forgets = 3
        await arrive(station)
        await station.start(CARD)
        await place.clock.advance(120)
        assert len(emsp.bindings) == 4
        assert (await place.charge()).binding is Binding.DONE

    play(story)


@pytest.mark.parametrize("state", ["ACTIVE", "COMPLETED"])
def test_an_emsp_that_waits_for_energy_is_asked_again_as_soon_as_it_has_heard_of_it(state: str) -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        emsp.forgets = 100
        await arrive(station)
        await station.start(CARD)
        await place.clock.advance(25)  # three tries; the next one would be in a minute
        tried = len(emsp.bindings)
        emsp.forgets = 0
        emsp.host.slow(0.5, on="sessions")
        await (station.meter("T-1", 100) if state == "ACTIVE" else station.end("T-1", 100))
        await place.clock.advance(1)
        assert tried + 1 == len(emsp.bindings)
        charge = await place.charge()
        assert (Binding.DONE, state) == (charge.binding, emsp.seen(charge.id)[-1])

    play(story)


def test_what_is_told_of_a_charge_later_asks_nobody_again() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        emsp.forgets = 100
        await arrive(station)
        await station.start(CARD)
        await station.meter("T-1", 100)
        await place.clock.advance(30)
        tried = len(emsp.bindings)
        for energy in range(200, 500, 100):
            await place.clock.advance(2)
            await station.meter("T-1", energy)
            await place.clock.advance(0)
        assert ["ACTIVE"] * 4 == emsp.seen((await place.charge()).id)[-4:]
        assert tried == len(emsp.bindings)

    play(story, session_interval=1)


def test_one_that_never_knows_it_is_given_up() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        emsp.forgets = 100
        await arrive(station)
        await station.start(CARD)
        await station.meter("T-1", 100)
        await place.clock.advance(600)
        assert len(emsp.bindings) == 6
        assert (await place.charge()).binding is Binding.GIVEN_UP

    play(story)


def test_a_binding_that_waits_outlives_the_process() -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        await plug(station)
        await station.start(CARD)
        emsp.host.offline(on="2.3.0/vehicles")
        await identify(station, transaction="T-1")
        await place.clock.advance(1)
        assert (await place.charge()).binding is Binding.WAITING
        emsp.host.well()
        async with place.reborn() as after:
            await after.clock.advance(2)
            assert (await after.charge()).binding is Binding.DONE
        assert len(emsp.bindings) == 1

    play(story)


@pytest.mark.parametrize("status", list(AutoChargeStatus))
def test_whatever_the_emsp_makes_of_it_is_kept(status: AutoChargeStatus) -> None:
    async def story(place: World) -> None:
        emsp, station = await ready(place)
        emsp.grants = status
        await arrive(station)
        await station.start(CARD)
        await place.clock.advance(1)
        known = await place.store.vehicle(emsp.party, emsp.vid(CAR))
        assert known is not None
        assert known.status is status

    play(story)
