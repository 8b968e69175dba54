"""A car that its eMSP knows starts by itself: announced, delayed, and replaced by whoever comes first."""

import asyncio
from typing import Any

import pytest

from evouch.charging import dialogue as d
from evouch.charging.equipment import EvsePlace
from evouch.charging.roaming import ChargeState
from evouch.charging.tokens import TokenStatus
from evouch.charging.vehicles import AutoChargeStatus
from evouch.errors import PeerRefused, TimedOut
from evouch.ids import EvseNumber, StationId
from evouch.ocpi.model import StartSession
from tests.cpo.roaming.emsp import Emsp, revoked
from tests.cpo.roaming.world import CAR, World, arrive, car, mac, notices, play, plug, present, starts, unplug
from tests.proofs import proves

VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")


async def announced(place: World, **how: Any) -> tuple[Emsp, Any]:
    emsp, station = await place.emsp(), await place.place(**how)
    await place.knows(emsp)
    answer = await arrive(station)
    await place.clock.advance(0)
    assert answer.status is TokenStatus.INVALID
    assert (await place.charge()).state is ChargeState.ANNOUNCED
    return emsp, station


@proves("A22", "A27")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_known_car_is_announced_waits_and_starts_by_a_one_time_token(version: str) -> None:
    async def story(place: World) -> None:
        emsp, station = await announced(place, version=version)
        assert notices(station) == [10]
        await place.clock.advance(9)
        assert not starts(station)
        await place.clock.advance(2)
        (order,) = starts(station)
        assert len(order.token.value) == 20
        assert order.token.value.isupper()
        started = await station.start(order.token, remote=order.remote_start)
        assert started.authorization.accepted
        await place.clock.advance(0)
        session, said = emsp.last, emsp.asked[-1]
        assert (session.status, session.auth_method, session.authorization_reference) == (
            "PENDING", "AUTH_REQUEST", "REF-1",
        )  # fmt: skip
        assert session.cdr_token.uid == said[0] == emsp.vid(CAR) == emsp.vid(CAR).lower()
        assert session.cdr_token.type == said[1] == "VEHICLE_HASHED_MAC_IDENTIFIER"
        assert session.cdr_token.contract_id == "MOBI-C1"
        assert said[2].location_id == "CS-1"
        assert said[2].evse_uids == ("CS-1-1",)

    play(story)


def test_the_one_time_token_is_good_once_and_at_its_own_station() -> None:
    async def story(place: World) -> None:
        _, station = await announced(place)
        await place.clock.advance(11)
        token = starts(station)[0].token
        other = await place.place("CS-2")
        assert (await present(other, token)).status is TokenStatus.INVALID
        assert (await present(station, token)).accepted
        started = await station.start(token)
        assert started.authorization.accepted
        assert (await present(station, token)).status is TokenStatus.CONCURRENT_TX
        await station.end("T-1", 1000)
        assert (await present(station, token)).status is TokenStatus.INVALID

    play(story)


def test_a_car_pulled_out_during_the_delay_does_not_start_and_the_notice_is_taken_back() -> None:
    async def story(place: World) -> None:
        _, station = await announced(place)
        await unplug(station)
        await place.clock.advance(30)
        assert (await place.charge()).state is ChargeState.LAPSED
        assert notices(station) == [10, 0]
        assert not starts(station)

    play(story)


def test_a_card_during_the_delay_replaces_the_automatic_start() -> None:
    async def story(place: World) -> None:
        _, station = await announced(place)
        local = await place.local_card()
        assert (await present(station, local)).accepted
        await place.clock.advance(0)
        assert (await place.charge()).state is ChargeState.REPLACED
        assert (await station.start(local)).authorization.accepted
        await place.clock.advance(60)
        assert not starts(station)

    play(story)


def test_a_card_at_the_neighbour_lets_the_start_wait_once_more_and_happen() -> None:
    async def story(place: World) -> None:
        _, station = await announced(place, evses=2)
        local = await place.local_card()
        await place.clock.advance(8)
        await plug(station, 2)
        assert (await present(station, local)).accepted
        await place.clock.advance(5)
        assert not starts(station)
        assert (await station.start(local, evse=2)).authorization.accepted
        await place.clock.advance(10)
        assert len(starts(station)) == 1

    play(story)


def test_a_card_that_may_be_meant_for_the_free_neighbour_lets_the_start_wait() -> None:
    async def story(place: World) -> None:
        _, station = await announced(place, evses=2)
        local = await place.local_card()
        await place.clock.advance(9)
        await present(station, local)
        await place.clock.advance(5)
        assert (await place.charge()).state is ChargeState.ANNOUNCED
        assert notices(station) == [10, 10]
        assert (await station.start(local, evse=1)).authorization.accepted
        await place.clock.advance(30)
        assert not starts(station)

    play(story)


def test_a_payer_at_the_neighbour_changes_nothing() -> None:
    async def story(place: World) -> None:
        _, station = await announced(place, evses=2)
        checkout = await place.scan_and_begin(evse=2)
        await place.pay(checkout)
        await present(station, starts(station)[0].token)
        await place.clock.advance(11)
        assert [order.evse for order in starts(station)] == [2, 1]

    play(story)


def test_a_card_whose_transaction_starts_where_the_car_waits_replaces_it() -> None:
    async def story(place: World) -> None:
        _, station = await announced(place, evses=2)
        local = await place.local_card()
        await plug(station, 2)
        await present(station, local)
        assert (await station.start(local, evse=1)).authorization.accepted
        await place.clock.advance(60)
        assert (await place.charge()).state is ChargeState.REPLACED
        assert not starts(station)

    play(story)


def test_a_code_scanned_during_the_delay_replaces_the_automatic_start() -> None:
    async def story(place: World) -> None:
        _, station = await announced(place)
        await place.scan_and_begin()
        await place.clock.advance(30)
        assert (await place.charge()).state is ChargeState.REPLACED
        assert not starts(station)
        assert notices(station) == [10, 0]

    play(story)


def test_a_code_scanned_while_the_emsp_is_being_asked_comes_first() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        emsp.host.slow(2, on="authorize")
        asking = asyncio.ensure_future(arrive(station))
        await place.clock.advance(1)
        await place.scan_and_begin()
        await place.clock.advance(2)
        assert (await asking).status is TokenStatus.INVALID
        await place.clock.advance(30)
        assert not starts(station)
        assert not await place.charges()

    play(story)


def test_a_car_that_has_gone_while_its_emsp_was_asked_does_not_start() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        emsp.host.slow(2, on="authorize")
        asking = asyncio.ensure_future(arrive(station))
        await place.clock.advance(1)
        await unplug(station)
        await place.clock.advance(2)
        await asking
        await place.clock.advance(30)
        assert not starts(station)

    play(story)


def test_a_car_plugged_in_while_somebody_pays_is_the_payers_and_nobody_is_asked() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place(evses=2)
        await place.knows(emsp)
        await place.scan_and_begin()
        answer = await arrive(station)
        assert answer.status is TokenStatus.INVALID
        assert emsp.signed == 0
        assert not await place.charges()

    play(story)


def test_where_a_payer_may_have_plugged_in_too_the_start_is_not_delayed_but_settled_by_the_transaction() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place(evses=2)
        await place.knows(emsp)
        await place.scan_and_begin()
        await plug(station, 1)
        assert (await arrive(station, evse=2)).accepted
        assert emsp.asked[-1][2].evse_uids == ("CS-1-2",)
        assert (await station.start(car(), evse=1)).authorization.status is TokenStatus.INVALID
        assert (await station.start(car(), evse=2, transaction="T-2")).authorization.accepted

    play(story)


def test_two_cars_plugged_in_at_once_are_candidates_and_the_start_settles_it() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place(evses=3)
        await place.knows(emsp)
        await plug(station, 1)
        answer = await arrive(station, evse=2)
        assert answer.accepted
        assert answer.token is not None
        assert answer.token.value == emsp.vid(CAR)
        assert emsp.asked[-1][2].evse_uids == ("CS-1-1", "CS-1-2")
        assert (await place.charge()).evse is None
        started = await station.start(car(), evse=2)
        assert started.authorization.accepted
        charge = await place.charge()
        assert (charge.state, charge.evse, len(emsp.asked)) == (ChargeState.PENDING, 2, 1)

    play(story)


def test_an_old_plug_in_is_no_candidate_beside_a_new_one() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place(evses=2)
        await place.knows(emsp)
        await plug(station, 1)
        await place.clock.advance(61)
        await arrive(station, evse=2)
        assert emsp.asked[-1][2].evse_uids == ("CS-1-2",)

    play(story)


def test_without_a_delay_the_car_is_accepted_at_once() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        answer = await arrive(station)
        assert answer.accepted
        started = await station.start(car())
        assert started.authorization.accepted
        assert len(emsp.asked) == 1
        record = (await place.store.transactions())[0]
        assert record.token is not None
        assert record.token.value == emsp.vid(CAR)
        assert record.token.mac is None
        assert mac().reveal().hex() not in record.start_key.casefold()

    play(story, start_delay=0)


def test_a_car_that_names_itself_in_its_transaction_is_accepted_at_once() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        started = await station.start(car())
        assert started.authorization.accepted
        assert (await place.charge()).state is ChargeState.PENDING

    play(story)


def test_a_car_charges_once_whatever_station_it_is_presented_at() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        other = await place.place("CS-2")
        await place.knows(emsp)
        await station.start(car())
        answer = await arrive(other)
        assert answer.status is TokenStatus.CONCURRENT_TX
        assert len(emsp.asked) == 1

    play(story)


def test_a_car_presented_again_while_it_waits_is_not_asked_for_again() -> None:
    async def story(place: World) -> None:
        emsp, station = await announced(place)
        await present(station, car())
        assert (len(emsp.asked), len(await place.charges())) == (1, 1)

    play(story)


@pytest.mark.parametrize("answer", [d.StartAnswer(accepted=False), PeerRefused("NotSupported")])
def test_a_station_that_refuses_the_remote_start_ends_it(answer: object) -> None:
    async def story(place: World) -> None:
        _, station = await announced(place)
        station.answers[d.StartCharging] = answer
        await place.clock.advance(11)
        assert (await place.charge()).state is ChargeState.LAPSED

    play(story)


def test_a_station_that_gave_no_answer_may_still_start_until_its_plug_timeout() -> None:
    async def story(place: World) -> None:
        _, station = await announced(place)
        station.answers[d.StartCharging] = TimedOut("slow")
        await place.clock.advance(60)
        assert (await place.charge()).state is ChargeState.STARTING
        await place.clock.advance(60)
        assert (await place.charge()).state is ChargeState.LAPSED
        late = await station.start(starts(station)[0].token)
        assert late.authorization.status is TokenStatus.INVALID
        await place.clock.advance(1)
        assert station.got(d.StopCharging)

    play(story)


def test_a_station_that_was_away_during_the_delay_starts_nothing_for_another_car_may_be_there() -> None:
    async def story(place: World) -> None:
        _, station = await announced(place)
        station.leave()
        await place.clock.advance(2)
        await station.arrive(boot=False)
        await plug(station)
        await place.clock.advance(30)
        assert not starts(station)
        assert (await place.charge()).state is ChargeState.LAPSED

    play(story)


def test_a_station_that_stays_away_starts_nothing() -> None:
    async def story(place: World) -> None:
        _, station = await announced(place)
        station.leave()
        await place.clock.advance(120)
        assert (await place.charge()).state is ChargeState.LAPSED

    play(story)


def test_a_driver_who_revokes_during_the_delay_is_heard() -> None:
    async def story(place: World) -> None:
        emsp, station = await announced(place)
        await place.push(emsp, revoked(emsp.own_vehicles[emsp.vid(CAR)], place.clock.now()))
        await place.clock.advance(30)
        assert (await place.charge()).state is ChargeState.LAPSED
        assert not starts(station)

    play(story)


def test_an_app_start_on_the_same_evse_replaces_the_automatic_one() -> None:
    async def story(place: World) -> None:
        emsp, station = await announced(place)
        token = emsp.token("APP-1", type="APP_USER")
        body = StartSession(response_url="https://mobi.test/ocpi/2.3.0/commands/START_SESSION/1", token=token,
                            location_id="CS-1", evse_uid="CS-1-1")  # fmt: skip
        assert (await place.order(emsp, "START_SESSION", body)).result == "ACCEPTED"
        await place.clock.advance(30)
        states = {charge.method: charge.state for charge in await place.charges()}
        assert states["AUTH_REQUEST"] is ChargeState.REPLACED
        assert len(starts(station)) == 1

    play(story)


@proves("R9", "R12", "A9", "A10")
@pytest.mark.parametrize(
    ("said", "heard"),
    [("BLOCKED", TokenStatus.BLOCKED), ("EXPIRED", TokenStatus.EXPIRED), ("NO_CREDIT", TokenStatus.NO_CREDIT),
     ("NOT_ALLOWED", TokenStatus.INVALID), (None, TokenStatus.INVALID), ("INVALID", TokenStatus.BLOCKED)],
)  # fmt: skip
def test_what_is_not_allowed_starts_nothing(said: str | None, heard: TokenStatus) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        vehicle = await place.knows(emsp)
        emsp.verdicts[vehicle.vid] = said
        assert (await arrive(station)).status is heard
        await place.clock.advance(30)
        assert not starts(station)
        assert not await place.charges()

    play(story)


@pytest.mark.parametrize("status", [AutoChargeStatus.REVOKED, AutoChargeStatus.DO_NOT_ASK])
def test_a_vehicle_that_is_not_granted_is_not_even_asked_for(status: AutoChargeStatus) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp, status=status)
        assert (await arrive(station)).status is TokenStatus.INVALID
        assert not emsp.asked

    play(story)


def test_a_locked_evse_takes_no_car_in_a_transaction_either() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        await place.scan_and_begin()
        assert place.cpo.locks.holder(EvsePlace(StationId("CS-1"), EvseNumber(1)), place.clock.tick())
        assert (await station.start(car())).authorization.status is TokenStatus.INVALID

    play(story)
