"""A car that says who it is: asked about at plug-in, reported during a charge, announced on the display."""

from collections.abc import Callable
from typing import Any

import pytest

from evouch.charging import dialogue as d
from evouch.charging.tokens import Authorization, IdToken, TokenKind, TokenStatus
from evouch.clock import Tick
from evouch.ids import EvseNumber, Mac, OcppVersion
from evouch.station.display import Kind
from evouch.station.machine import Cause, Phase
from evouch.station.spec import V16, V21, V201
from tests.station.frames import Tool, tool
from tests.station.house import ALL, CARD, House, house, run, two_evses

CAR = Mac(bytes.fromhex("02005E10AB0F"))
OTHER = Mac(bytes.fromhex("02005E10AB10"))
TOKEN = IdToken("", TokenKind.MAC_ADDRESS, CAR)
TAG = "VID:02005E10AB0F"
NO = Authorization(status=TokenStatus.INVALID)
POINTS = ("Authorized", "EVConnected", "PowerPathClosed")


def points(version: OcppVersion, point: str) -> dict[str, Any]:
    return {} if version == V16 else {"settings": {"TxCtrlr.TxStartPoint": point}}


def tokens(place: House) -> list[IdToken]:
    """Return the tokens that the backend was asked about."""
    return [fact.token for fact in place.backend.of(d.TokenPresented)]


async def plugged(place: House, vehicle: Mac | None = CAR) -> None:
    await place.station.plug(1, vehicle=vehicle)
    await place.pass_time()


# ── asked about at plug-in ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("version", ALL)
def test_a_car_that_the_backend_knows_charges_by_being_plugged_in(version: OcppVersion, point: str) -> None:
    async def story() -> None:
        async with house(version, autocharge="plug", **points(version, point)) as place:
            await plugged(place)
            assert tokens(place) == [TOKEN]
            assert place.phase() is Phase.CHARGING
            named = [fact.token for fact in place.backend.of(d.SessionFact) if fact.token is not None]
            assert named == [TOKEN]

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_the_question_comes_after_the_status_that_says_where_a_car_was_plugged_in(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version, autocharge="plug") as place:
            place.backend.heard.clear()
            await plugged(place)
            kinds = [type(fact) for fact in place.backend.heard]
            assert kinds.index(d.ConnectorChanged) < kinds.index(d.TokenPresented)
            assert place.statuses()[0] == ("Preparing" if version == V16 else "Occupied")

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_a_car_that_is_not_accepted_leaves_the_station_as_it_is_for_everybody_else(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version, autocharge="plug") as place:
            await place.provision()
            place.backend.answers[d.TokenPresented] = lambda fact: NO if fact.token.vehicle else _yes()
            await plugged(place)
            shown = place.station.screen(1)
            assert (place.phase(), shown.kind, shown.message) == (Phase.OCCUPIED, Kind.CODE, "")
            await place.station.swipe(1, CARD)
            await place.pass_time()
            assert place.phase() is Phase.CHARGING
            assert [fact.token.value for fact in place.backend.of(d.SessionFact) if fact.token] == [CARD]

    run(story())


def _yes() -> Authorization:
    return Authorization(status=TokenStatus.ACCEPTED)


@pytest.mark.parametrize("version", ALL)
def test_a_card_does_not_wait_for_what_becomes_of_the_car_and_comes_first(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version, autocharge="plug") as place:
            late = Tick(place.clock.tick() + 5)

            async def slowly() -> Authorization:
                await place.clock.sleep_until(late)
                return _yes()

            place.backend.answers[d.TokenPresented] = lambda fact: slowly() if fact.token.vehicle else _yes()
            await plugged(place)
            assert place.phase() is Phase.OCCUPIED
            await place.station.swipe(1, CARD)
            await place.pass_time(10)
            state = place.bay.state
            assert state.phase is Phase.CHARGING
            assert state.token is not None
            assert state.token.value == CARD

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_a_remote_start_comes_before_a_car_that_is_still_asked_about(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version, autocharge="plug") as place:
            never: Callable[..., Any] = lambda fact: place.clock.sleep_until(Tick(place.clock.tick() + 20))
            place.backend.answers[d.TokenPresented] = never
            await plugged(place)
            assert (await place.start()).accepted
            assert place.phase() is Phase.CHARGING

    run(story())


def test_a_car_that_drove_away_meanwhile_starts_nothing_for_the_next_one() -> None:
    async def story() -> None:
        async with house(V21, autocharge="plug") as place:
            late = Tick(place.clock.tick() + 5)

            async def slowly() -> Authorization:
                await place.clock.sleep_until(late)
                return _yes()

            place.backend.answers[d.TokenPresented] = lambda fact: slowly() if fact.token.mac == CAR else NO
            await plugged(place)
            await place.station.unplug(1)
            await plugged(place, OTHER)
            await place.pass_time(10)
            assert place.phase() is Phase.OCCUPIED

    run(story())


@pytest.mark.parametrize(
    ("how", "vehicle"), [("off", CAR), ("during", CAR), ("plug", None)], ids=["off", "during", "a car without address"]
)
def test_nobody_is_asked_about_a_car_where_the_station_does_not_do_so(how: str, vehicle: Mac | None) -> None:
    async def story() -> None:
        async with house(V201, autocharge=how) as place:
            await plugged(place, vehicle)
            assert tokens(place) == []
            assert place.phase() is Phase.OCCUPIED

    run(story())


def test_a_car_that_is_plugged_in_while_somebody_pays_is_the_payers() -> None:
    async def story() -> None:
        async with house(V21, autocharge="plug") as place:
            await place.lock(60)
            await plugged(place)
            assert tokens(place) == []
            assert (await place.start()).accepted

    run(story())


def test_a_payment_that_begins_while_the_car_is_asked_about_comes_first() -> None:
    async def story() -> None:
        async with house(V21, autocharge="plug") as place:
            late = Tick(place.clock.tick() + 2)

            async def slowly() -> Authorization:
                await place.clock.sleep_until(late)
                return _yes()

            place.backend.answers[d.TokenPresented] = lambda fact: slowly()
            await plugged(place)
            await place.lock(60)
            await place.pass_time(5)
            assert place.phase() is Phase.OCCUPIED

    run(story())


def test_a_reserved_evse_asks_about_no_car() -> None:
    async def story() -> None:
        async with house(V21, autocharge="plug") as place:
            until = place.clock.now().replace(year=2099)
            card = IdToken(CARD, TokenKind.ISO14443)
            await place.backend.order(d.Reserve(id=1, evse=EvseNumber(1), token=card, expires=until))
            await plugged(place)
            assert tokens(place) == []

    run(story())


def test_a_reservation_for_one_car_is_none_for_another() -> None:
    async def story() -> None:
        async with house(V21) as place:
            until = place.clock.now().replace(year=2099)
            await place.backend.order(d.Reserve(id=1, evse=EvseNumber(1), token=TOKEN, expires=until))
            other = IdToken("", TokenKind.MAC_ADDRESS, OTHER)
            assert [(await place.start(token)).accepted for token in (other, TOKEN)] == [False, True]

    run(story())


# ── without a connection ────────────────────────────────────────────────────────────────

OFFLINE = {V16: "AllowOfflineTxForUnknownId", V201: "AuthCtrlr.OfflineTxForUnknownIdEnabled"}


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("allowed", [True, False])
def test_without_a_connection_a_car_starts_where_unknown_cards_do(version: OcppVersion, allowed: bool) -> None:
    async def story() -> None:
        key = OFFLINE[V16] if version == V16 else OFFLINE[V201]
        async with house(version, autocharge="plug", settings={key: str(allowed).lower()}) as place:
            await place.station.go_offline()
            await plugged(place)
            assert place.phase() is (Phase.CHARGING if allowed else Phase.OCCUPIED)

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_what_was_queued_during_an_outage_still_names_the_car(version: OcppVersion) -> None:
    async def story() -> None:
        key = OFFLINE[V16] if version == V16 else OFFLINE[V201]
        async with house(version, autocharge="plug", settings={key: "true"}) as place:
            await place.station.go_offline()
            await plugged(place)
            await place.pass_time(60)
            await place.station.unplug(1)
            assert place.bay.car.vehicle is None
            place.station.come_online()
            await place.pass_time(60)
            facts = place.backend.of(d.SessionFact)
            assert facts[0].token == TOKEN
            assert facts[-1].token == (TOKEN if version == V16 else None)
            assert len(place.station.queue) == 0

    run(story())


# ── on the wire ─────────────────────────────────────────────────────────────────────────


def test_on_1_6_every_message_of_the_charge_repeats_the_tag() -> None:
    async def story() -> None:
        async with tool(V16, autocharge="plug") as desk:
            await desk.station.plug(1, vehicle=CAR)
            await desk.pass_time(5)
            assert desk.phase() is Phase.CHARGING
            await desk.station.unplug(1)
            await desk.pass_time(5)
            said = {action: payload.get("idTag") for action, payload in desk.said if "idTag" in payload}
            assert said == {"Authorize": TAG, "StartTransaction": TAG, "StopTransaction": TAG}
            order = [action for action, payload in desk.said if payload.get("status") == "Preparing" or action in said]
            assert order[:2] == ["StatusNotification", "Authorize"]

    run(story())


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("version", [V201, V21])
def test_on_2_x_the_transaction_names_the_car_once(version: OcppVersion, point: str) -> None:
    async def story() -> None:
        async with tool(version, autocharge="plug", **points(version, point)) as desk:
            await desk.station.plug(1, vehicle=CAR)
            await desk.pass_time(5)
            assert desk.phase() is Phase.CHARGING
            wanted = {"idToken": "02005E10AB0F", "type": "MacAddress"}
            assert [payload["idToken"] for payload in desk.told("Authorize")] == [wanted]
            named = [event["idToken"] for event in desk.told("TransactionEvent") if "idToken" in event]
            assert named == [wanted]

    run(story())


# ── reported during a charge ────────────────────────────────────────────────────────────


async def charging(desk: Tool, vehicle: Mac | None = CAR) -> None:
    """Let a driver charge with a card."""
    await desk.station.plug(1, vehicle=vehicle)
    await desk.station.swipe(1, CARD)
    await desk.pass_time(5)
    assert desk.phase() is Phase.CHARGING


def reports(desk: Tool) -> list[Any]:
    return desk.told("NotifyEvent") + desk.told("DataTransfer")


@pytest.mark.parametrize("version", [V201, V21])
def test_a_car_is_reported_by_its_event_once_it_charges(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version, autocharge="during") as desk:
            await charging(desk)
            (report,) = reports(desk)
            (event,) = report["eventData"]
            about = {"name": "ConnectedEV", "evse": {"id": 1, "connectorId": 1}}
            assert (event["component"], event["variable"]) == (about, {"name": "VehicleId"})
            assert event["actualValue"] == "02005E10AB0F"
            assert event["transactionId"] == desk.told("TransactionEvent")[0]["transactionInfo"]["transactionId"]

    run(story())


def test_on_1_6_it_is_reported_by_our_message_with_the_number_of_the_transaction() -> None:
    async def story() -> None:
        async with tool(V16, autocharge="during", evses=two_evses(V16)) as desk:
            desk.answers["DataTransfer"] = {"status": "UnknownVendorId"}
            await charging(desk)
            data = '{"connectorId":1,"transactionId":42,"evccid":"02005E10AB0F"}'
            wanted = {"vendorId": "org.evouch", "messageId": "VehicleIdentified", "data": data}
            assert reports(desk) == [wanted]
            assert desk.phase() is Phase.CHARGING, "a backend that does not know the message hurts nobody"

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_a_car_without_address_and_one_that_left_are_not_reported(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version, autocharge="during") as desk:
            desk.answers["DataTransfer"] = {"status": "Accepted"}
            await charging(desk, None)
            await desk.station.unplug(1)
            await desk.station.plug(1, vehicle=CAR)
            await desk.station.swipe(1, CARD)
            await desk.pass_time(1)
            await desk.station.unplug(1)
            await desk.pass_time(10)
            assert reports(desk) == []

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_a_report_that_an_outage_swallowed_is_made_again(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version, autocharge="during") as desk:
            desk.answers["DataTransfer"] = {"status": "Accepted"}
            await desk.station.plug(1, vehicle=CAR)
            await desk.station.swipe(1, CARD)
            await desk.pass_time(1)
            await desk.offline()
            await desk.pass_time(60)
            assert len(reports(desk)) == 1

    run(story())


# ── announced on the display ────────────────────────────────────────────────────────────


async def announce(place: House, seconds: int, evse: int = 1, connector: int | None = None) -> d.Yes:
    order = d.AnnounceStart(evse=EvseNumber(evse), seconds=seconds, connector=connector)
    answer: d.Yes = await place.backend.order(order)
    return answer


def notice(place: House) -> str:
    return place.station.screen(1).notice


@pytest.mark.parametrize("version", ALL)
def test_an_announced_start_is_counted_down_beside_the_code(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version, evses=two_evses(version)) as place:
            await place.provision()
            await place.station.plug(1)
            assert (await announce(place, 10)).accepted
            wanted = (
                "Your car is known here. Charging starts in 10 s. Present a card or scan the code to pay otherwise."
            )
            assert (notice(place), place.station.screen(1).kind) == (wanted, Kind.CODE)
            await place.pass_time(7.5)
            assert "starts in 3 s" in notice(place)
            assert place.station.screen(2).notice == ""
            await place.pass_time(2.5)
            assert notice(place) == ""

    run(story())


def test_where_no_code_can_be_shown_only_the_card_is_offered() -> None:
    async def story() -> None:
        async with house(V21) as place:
            await place.station.plug(1)
            await announce(place, 10)
            assert notice(place).endswith("Charging starts in 10 s. Present a card to pay otherwise.")

    run(story())


async def _start(place: House) -> None:
    await place.start()


async def _unplug(place: House) -> None:
    await place.station.unplug(1)


async def _swipe(place: House) -> None:
    await place.station.swipe(1, CARD)


async def _reset(place: House) -> None:
    await place.backend.order(d.Reset(hard=True))
    await place.pass_time(1)


async def _black_out(place: House) -> None:
    await place.station.black_out()


async def _pay(place: House) -> None:
    await place.lock(60)


async def _take_back(place: House) -> None:
    assert (await announce(place, 0)).accepted


@pytest.mark.parametrize("deed", [_start, _unplug, _swipe, _reset, _black_out, _pay, _take_back])
@pytest.mark.parametrize("version", ALL)
def test_an_announcement_ends_with_whatever_comes_before_it(version: OcppVersion, deed: Any) -> None:
    async def story() -> None:
        async with house(version) as place:
            await place.station.plug(1)
            await announce(place, 60)
            assert notice(place)
            await deed(place)
            await place.pass_time()
            assert place.bay.car.countdown(place.clock.tick()) == 0
            assert notice(place) == ""

    run(story())


def test_a_card_that_is_refused_leaves_the_announcement_standing() -> None:
    async def story() -> None:
        async with house(V21) as place:
            place.backend.answers[d.TokenPresented] = NO
            await place.station.plug(1)
            await announce(place, 60)
            await place.station.swipe(1, CARD)
            await place.pass_time()
            assert place.phase() is Phase.OCCUPIED
            assert "starts in 60 s" in notice(place)

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_a_start_that_cannot_be_is_not_announced(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version, evses=two_evses(version)) as place:
            assert not (await announce(place, 10, evse=9)).accepted
            assert not (await announce(place, 10)).accepted, "nobody is plugged in"
            await place.station.plug(1)
            assert not (await announce(place, 10, connector=9)).accepted
            await place.start()
            assert not (await announce(place, 10)).accepted, "it charges already"
            assert (await announce(place, 0)).accepted

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_a_backend_announces_in_frames_and_is_answered(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version) as desk:
            await desk.station.plug(1)
            data: Any = {"evseId": 1, "seconds": 10}
            if version == V16:
                data = '{"connectorId": 1, "seconds": 10}'
            payload = {"vendorId": "org.evouch", "messageId": "AutochargeStart", "data": data}
            assert await desk.status("DataTransfer", payload) == "Accepted"
            assert "starts in" in desk.station.screen(1).notice

    run(story())


# ── what the station keeps of it ────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ALL)
def test_a_car_is_forgotten_when_its_cable_is_pulled(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version, autocharge="plug") as place:
            await plugged(place)
            assert place.bay.car.vehicle is CAR
            place.bay.stop(Cause.LOCAL)
            await place.pass_time()
            assert place.bay.car.vehicle is CAR, "its cable is still in"
            await place.station.unplug(1)
            await place.pass_time()
            assert place.bay.car.vehicle is None
            assert place.bay.state.token is None

    run(story())
