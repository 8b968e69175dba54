"""What eMSPs order: a confirmed start, a stop, an unlock, and notices of payments elsewhere."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from evouch.charging import dialogue as d
from evouch.charging.equipment import EvsePlace
from evouch.charging.roaming import ChargeState
from evouch.charging.tokens import IdToken, TokenStatus
from evouch.cpo.roaming_payments import LOCKED
from evouch.errors import Offline, PeerRefused
from evouch.ids import EvseNumber, StationId
from evouch.ocpi import model as m
from evouch.store.memory import MemoryStore
from tests.cpo.roaming.emsp import Emsp
from tests.cpo.roaming.world import CAR, Disk, World, arrive, car, play, plug, present, starts
from tests.proofs import proves

HERE = EvsePlace(StationId("CS-1"), EvseNumber(1))


def url(emsp: Emsp, uid: str = "1", command: str = "START_SESSION") -> str:
    return f"{emsp.url}/ocpi/2.3.0/commands/{command}/{uid}"


def start(emsp: Emsp, **more: Any) -> m.StartSession:
    given: dict[str, Any] = {
        "token": emsp.token(emsp.vid(CAR), type=m.VEHICLE_TOKEN),
        "location_id": "CS-1",
        "evse_uid": "CS-1-1",
    }
    return m.StartSession(response_url=url(emsp), authorization_reference="REF-9", **(given | more))


def test_a_confirmed_start_is_not_authorised_again_and_its_result_follows_the_station() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        vehicle = await place.knows(emsp)
        emsp.verdicts[vehicle.vid] = "NOT_ALLOWED"
        assert (await arrive(station)).status is TokenStatus.INVALID
        asked = len(emsp.asked)
        answer = await place.order(emsp, "START_SESSION", start(emsp))
        assert answer.result == "ACCEPTED"
        await place.clock.advance(0)
        assert emsp.results == [("1", "ACCEPTED")]
        (order,) = starts(station)
        assert vehicle.vid not in repr(order)
        started = await station.start(order.token, remote=order.remote_start)
        assert started.authorization.accepted
        await place.clock.advance(1)
        assert len(emsp.asked) == asked
        session = emsp.last
        assert (session.auth_method, session.authorization_reference) == ("COMMAND", "REF-9")
        assert session.cdr_token.uid == vehicle.vid
        assert emsp.results == [("1", "ACCEPTED")]
        assert not (await place.charge()).result_url

    play(story)


def test_nobody_plugs_in_and_the_result_is_timeout() -> None:
    async def story(place: World) -> None:
        emsp, _ = await place.emsp(), await place.place()
        answer = await place.order(emsp, "START_SESSION", start(emsp))
        assert answer.timeout >= 90
        await place.clock.advance(60)
        assert not emsp.results
        await place.clock.advance(60)
        assert emsp.results == [("1", "TIMEOUT")]
        assert (await place.charge()).state is ChargeState.LAPSED

    play(story)


def test_who_plugs_in_late_is_what_the_result_waits_for() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.order(emsp, "START_SESSION", start(emsp))
        await place.clock.advance(40)
        await plug(station)
        await station.start(starts(station)[0].token)
        await place.clock.advance(1)
        assert emsp.results == [("1", "ACCEPTED")]

    play(story)


def test_the_confirmed_car_that_names_itself_meanwhile_is_that_start() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        await place.order(emsp, "START_SESSION", start(emsp))
        assert (await arrive(station)).accepted
        assert (await station.start(car())).authorization.accepted
        assert not emsp.asked
        assert [each.state for each in await place.charges()] == [ChargeState.PENDING]

    play(story)


@pytest.mark.parametrize(
    ("answer", "word"),
    [(d.StartAnswer(accepted=False), "REJECTED"), (Offline("gone"), "FAILED")],
)
def test_a_station_that_will_not_start_is_said_at_once(answer: object, word: str) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        station.answers[d.StartCharging] = answer
        await place.order(emsp, "START_SESSION", start(emsp))
        await place.clock.advance(1)
        assert emsp.results == [("1", word)]

    play(story)


def test_a_result_owed_is_said_after_a_restart() -> None:
    async def story(place: World) -> None:
        emsp, _ = await place.emsp(), await place.place()
        await place.order(emsp, "START_SESSION", start(emsp))
        async with place.reborn() as after:
            await after.clock.advance(200)
            assert emsp.results == [("1", "TIMEOUT")]

    play(story)


def test_a_result_is_sent_again_where_nobody_answered() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        emsp.host.offline(on="commands", times=2)
        await plug(station)
        await place.order(emsp, "START_SESSION", start(emsp))
        await place.clock.advance(10)
        assert emsp.results == [("1", "ACCEPTED")]

    play(story)


NO_CARD = {"type": "APP_USER"}


def app(emsp: Emsp, uid: str = "APP") -> m.StartSession:
    """A start that names the station, and no EVSE."""
    return start(emsp, token=emsp.token(uid, **NO_CARD), evse_uid=None)


def test_without_an_evse_the_car_that_came_last_is_meant() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place(evses=3)
        await plug(station, 3)
        await place.clock.advance(20)
        await plug(station, 2)
        assert (await place.order(emsp, "START_SESSION", app(emsp))).result == "ACCEPTED"
        await place.clock.advance(1)
        assert (await place.order(emsp, "START_SESSION", app(emsp, "APP-2"))).result == "ACCEPTED"
        await place.clock.advance(1)
        assert [each.evse for each in starts(station)] == [2, 3]  # at 2 somebody's start is under way

    play(story)


def test_a_car_that_named_itself_is_started_where_it_was_heard() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place(evses=2)
        vehicle = await place.knows(emsp)
        emsp.verdicts[vehicle.vid] = "NOT_ALLOWED"
        await arrive(station, evse=2)
        await place.clock.advance(5)
        await plug(station, 1)
        assert (await place.order(emsp, "START_SESSION", start(emsp, evse_uid=None))).result == "ACCEPTED"
        await place.clock.advance(1)
        assert [each.evse for each in starts(station)] == [2]

    play(story)


@pytest.mark.parametrize("plugged", [(), (1, 2)])
def test_without_an_evse_and_without_a_car_that_came_last_a_start_is_rejected(plugged: tuple[int, ...]) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place(evses=2)
        for evse in plugged:
            await plug(station, evse)
        answer = await place.order(emsp, "START_SESSION", app(emsp))
        assert answer.result == "REJECTED"
        assert "which EVSE" in answer.message[0].text
        assert not starts(station)

    play(story)


@pytest.mark.parametrize("case", ["lock", "busy", "offline", "nowhere", "invalid", "twice"])
def test_a_start_that_cannot_be_is_rejected(case: str) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        body = start(emsp)
        if case == "lock":
            await place.scan_and_begin()
        elif case == "busy":
            await station.start(await place.local_card())
        elif case == "offline":
            station.leave()
        elif case == "nowhere":
            body = start(emsp, location_id="CS-9")
        elif case == "invalid":
            body = start(emsp, token=emsp.token("APP", type="APP_USER", valid=False))
        else:
            await place.order(emsp, "START_SESSION", body)
        before = len(starts(station))
        assert (await place.order(emsp, "START_SESSION", body)).result == "REJECTED"
        await place.clock.advance(1)
        assert len(starts(station)) == before

    play(story)


@proves("R34")
def test_a_partner_without_the_module_starts_no_car() -> None:
    async def story(place: World) -> None:
        plain, _ = await place.emsp("plain", "FRPLN", vehicles_module=False), await place.place()
        assert (await place.order(plain, "START_SESSION", start(plain))).result == "REJECTED"
        assert not await place.charges()

    play(story)


def test_a_session_is_stopped_for_its_own_emsp_alone() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        other = await place.emsp("other", "FROTH")
        await place.card(emsp)
        await station.start(IdToken("CARD"))
        await place.clock.advance(0)
        body = m.StopSession(response_url=url(emsp, "7", "STOP_SESSION"), session_id=emsp.last.id)
        assert (await place.order(other, "STOP_SESSION", body)).result == "UNKNOWN_SESSION"
        assert (await place.order(emsp, "STOP_SESSION", body)).result == "ACCEPTED"
        await place.clock.advance(1)
        assert [each.transaction for each in station.got(d.StopCharging)] == ["T-1"]
        assert emsp.results == [("7", "ACCEPTED")]
        await station.end("T-1", 100)
        assert (await place.order(emsp, "STOP_SESSION", body)).result == "UNKNOWN_SESSION"

    play(story)


def test_a_connector_is_unlocked_and_a_station_that_is_away_is_said() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        body = m.UnlockConnector(
            response_url=url(emsp, "3", "UNLOCK_CONNECTOR"), location_id="cs-1", evse_uid="CS-1-1", connector_id="1"
        )
        assert (await place.order(emsp, "UNLOCK_CONNECTOR", body)).result == "ACCEPTED"
        assert station.got(d.Unlock)
        station.leave()
        await place.order(emsp, "UNLOCK_CONNECTOR", body)
        await place.clock.advance(1)
        assert [word for _, word in emsp.results] == ["ACCEPTED", "TIMEOUT"]

    play(story)


def test_reservations_are_not_supported_and_said_so() -> None:
    async def story(place: World) -> None:
        emsp, _ = await place.emsp(), await place.place()
        body = m.ReserveNow(
            response_url=url(emsp), token=emsp.token("CARD"), expiry_date=place.clock.now() + timedelta(hours=1),
            reservation_id="1", location_id="CS-1",
        )  # fmt: skip
        assert (await place.order(emsp, "RESERVE_NOW", body)).result == "NOT_SUPPORTED"

    play(story)


# ── payments elsewhere ──


def notice(emsp: Emsp, **more: Any) -> m.WebPaymentNotice:
    given: dict[str, Any] = {"location_id": "CS-1", "evse_uid": "CS-1-1", "timeout": 120}
    return m.WebPaymentNotice(**(given | more))


def test_a_payment_elsewhere_takes_the_same_lock_and_the_station_is_told() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        local = await place.local_card()
        body = notice(emsp, response_url=url(emsp, "5", "NOTIFY_WEB_PAYMENT_STARTED"))
        assert (await place.order(emsp, "NOTIFY_WEB_PAYMENT_STARTED", body)).result == "ACCEPTED"
        await place.clock.advance(1)
        (order,) = station.got(d.WebPaymentStarted)
        assert (order.evse, order.timeout) == (1, 120)
        assert emsp.results == [("5", "ACCEPTED")]
        assert (await present(station, local)).status is TokenStatus.INVALID
        await place.clock.advance(121)
        assert (await present(station, local)).accepted

    play(story)


def test_the_payers_own_start_is_no_obstacle_and_ends_the_lock() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        other = await place.emsp("other", "FROTH")
        await place.order(emsp, "NOTIFY_WEB_PAYMENT_STARTED", notice(emsp))
        assert (await place.order(other, "START_SESSION", start(other))).result == "REJECTED"
        body = start(emsp, token=emsp.token("PAYER", type="AD_HOC_USER"))
        assert (await place.order(emsp, "START_SESSION", body)).result == "ACCEPTED"
        assert (await station.start(starts(station)[0].token)).authorization.accepted
        assert place.cpo.locks.holder(HERE, place.clock.tick()) is None
        await place.clock.advance(0)
        assert not (await place.store.ocpi_page(LOCKED, None))[0]

    play(story)


def test_a_failed_payment_and_a_timeout_of_nothing_free_the_evse() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        for name, body in (
            ("NOTIFY_WEB_PAYMENT_FAILED", notice(emsp, error_message=[{"content": "No.", "language": "en"}])),
            ("NOTIFY_WEB_PAYMENT_STARTED", notice(emsp, timeout=0)),
        ):
            await place.order(emsp, "NOTIFY_WEB_PAYMENT_STARTED", notice(emsp))
            assert place.cpo.locks.holder(HERE, place.clock.tick())
            assert (await place.order(emsp, name, body)).result == "ACCEPTED"
            assert place.cpo.locks.holder(HERE, place.clock.tick()) is None
        assert station.got(d.WebPaymentFailed)[0].messages[0].content == "No."

    play(story)


def test_the_lock_of_a_payment_elsewhere_outlives_the_process_and_ends_in_time() -> None:
    async def story(place: World) -> None:
        emsp, _ = await place.emsp(), await place.place(evses=2)
        for evse in (1, 2):
            await place.order(emsp, "NOTIFY_WEB_PAYMENT_STARTED", notice(emsp, evse_uid=f"CS-1-{evse}"))
        await place.order(emsp, "NOTIFY_WEB_PAYMENT_FAILED", notice(emsp, evse_uid="CS-1-2"))
        await place.clock.advance(60)
        async with place.reborn() as after:
            free = EvsePlace(StationId("CS-1"), EvseNumber(2))
            assert after.cpo.locks.holder(HERE, after.clock.tick())
            assert after.cpo.locks.holder(free, after.clock.tick()) is None
            await after.clock.advance(61)
            assert after.cpo.locks.holder(HERE, after.clock.tick()) is None
            async with after.reborn():
                assert not (await place.store.ocpi_page(LOCKED, None))[0]

    play(story)


def test_a_payment_whose_lock_could_not_be_written_has_none() -> None:
    store = Disk(MemoryStore(), fail_at=10**9)

    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        store.fail_in(1, kept=False, stays_down=False)
        with pytest.raises(PeerRefused):
            await place.order(emsp, "NOTIFY_WEB_PAYMENT_STARTED", notice(emsp))
        assert place.cpo.locks.holder(HERE, place.clock.tick()) is None
        assert not station.got(d.WebPaymentStarted)

    play(story, store)


@pytest.mark.parametrize(
    "said",
    [
        {"error_message": [{"language": "nl", "text": "Nee."}]},
        {"error_message": {"language": "nl", "text": "Nee."}},
        {"error_texts": [{"format": "UTF8", "language": "nl", "content": "Nee."}, {"content": 5}]},
    ],
)
def test_why_a_payment_failed_is_understood_as_ocpi_and_as_ocpp_write_it(said: dict[str, object]) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.order(emsp, "NOTIFY_WEB_PAYMENT_FAILED", notice(emsp, **said))
        (order,) = station.got(d.WebPaymentFailed)
        assert order.messages == (d.Text("Nee.", "nl"),)

    play(story)


VENDORS = {"vendorId": "org.example", "order": Decimal("7.50"), "more": {"empty": None}}


@pytest.mark.parametrize("name", ["NOTIFY_WEB_PAYMENT_STARTED", "NOTIFY_WEB_PAYMENT_FAILED"])
def test_what_a_partner_says_beside_a_notice_reaches_the_station_as_it_is(name: str) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        answer = await place.order(emsp, name, notice(emsp, custom_data=VENDORS))
        assert answer.result == "ACCEPTED"
        told = [*station.got(d.WebPaymentStarted), *station.got(d.WebPaymentFailed)]
        assert [each.custom for each in told] == [VENDORS]

    play(story)


@pytest.mark.parametrize(
    "custom",
    [{}, {"vendorId": 7}, {"vendorId": ""}, {"vendorId": "x" * 256}, ["x"], "x", {"vendorId": "x", "much": "y" * 2048}],
)
def test_what_no_station_has_room_for_is_not_passed_on(custom: object) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        answer = await place.order(emsp, "NOTIFY_WEB_PAYMENT_STARTED", notice(emsp, custom_data=custom))
        assert answer.result == "REJECTED"
        assert not station.got(d.WebPaymentStarted)
        assert place.cpo.locks.holder(HERE, place.clock.tick()) is None

    play(story)


@pytest.mark.parametrize(
    "more", [{"timeout": 301}, {"timeout": None}, {"evse_uid": None}, {"evse_uid": "CS-1-9"}, {"location_id": "X"}]
)
def test_a_notice_that_names_nothing_is_rejected(more: dict[str, object]) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        assert (await place.order(emsp, "NOTIFY_WEB_PAYMENT_STARTED", notice(emsp, **more))).result == "REJECTED"
        assert not station.got(d.WebPaymentStarted)

    play(story)


def test_a_station_that_says_it_is_in_use_keeps_no_lock() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        station.answers[d.WebPaymentStarted] = d.LockAnswer(d.LockOutcome.REJECTED, "evseOccupied")
        body = notice(emsp, response_url=url(emsp, "5", "NOTIFY_WEB_PAYMENT_STARTED"))
        await place.order(emsp, "NOTIFY_WEB_PAYMENT_STARTED", body)
        await place.clock.advance(1)
        assert emsp.results == [("5", "REJECTED")]
        assert place.cpo.locks.holder(HERE, place.clock.tick()) is None

    play(story)


def test_a_notice_does_not_take_what_somebody_else_has() -> None:
    async def story(place: World) -> None:
        emsp, _ = await place.emsp(), await place.place()
        await place.scan_and_begin()
        assert (await place.order(emsp, "NOTIFY_WEB_PAYMENT_STARTED", notice(emsp))).result == "REJECTED"

    play(story)


def test_it_is_not_in_the_list_of_2_2_1_unless_agreed() -> None:
    async def story(place: World) -> None:
        emsp, _ = await place.emsp(versions=("2.2.1",)), await place.place()
        commands, body = place.roaming.commands, notice(emsp)
        partner = place.partner()
        refused = await commands.take(partner, "2.2.1", "NOTIFY_WEB_PAYMENT_STARTED", body)
        assert refused.result == "NOT_SUPPORTED"
        agreed = type(partner.quirks)(web_payment_on_221=True)
        await place.roaming.partners.change("mobi", actor="test", quirks=agreed)
        assert (await commands.take(place.partner(), "2.2.1", "NOTIFY_WEB_PAYMENT_STARTED", body)).result == "ACCEPTED"

    play(story)
