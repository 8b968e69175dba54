"""The driver says on his phone that it is he, is told of what starts, and stops it with one tap."""

from typing import Any

import pytest

from evouch.ocpi import model as m
from evouch.ocpi.model import VEHICLE_TOKEN
from evouch.ocpi.ports import Answer
from evouch.store.records_roaming import Notice, NoticeState
from evouch.testing.clock import settle
from tests.emsp.world import ADA, BOB, URL, VID, Operator, World, play, refused
from tests.proofs import proves


async def asked(world: World, place: str = "L3") -> Notice:
    """A vehicle at a place that it cannot have come to: its driver is asked."""
    await world.bound()
    assert "NOT_ALLOWED" == await world.alfa.verdict(place=place)
    (question,) = await world.notices("confirm")
    return question


async def seen(world: World, notice: str) -> Notice:
    return await world.emsp.notices.owned("ada", notice)


async def result(operator: Operator, url: str, result: str) -> None:
    await operator.client.result(operator.partner(), url, m.CommandResult(result=result), by=operator.by())


@proves("R6")
def test_a_yes_is_sent_to_the_operator_as_a_start_with_the_vehicles_token() -> None:
    async def story(world: World) -> None:
        question = await asked(world)
        answered = await world.emsp.phone.accept("ada", question.id)
        (call,) = world.alfa.told("command")
        body = call.body
        assert ("START_SESSION", VID, VEHICLE_TOKEN, "NEVER") == (
            call.params["command"], body.token.uid, body.token.type, body.token.whitelist
        )  # fmt: skip
        assert ("L3", "L3-E1", None, question.data["reference"]) == (
            body.location_id, body.evse_uid, body.connector_id, body.authorization_reference
        )  # fmt: skip
        assert f"{URL}/ocpi/2.3.0/commands/START_SESSION/{question.id}" == body.response_url
        assert (NoticeState.ACCEPTED, "accepted") == (answered.state, answered.data["start"])
        await result(world.alfa, body.response_url, "ACCEPTED")
        assert "ACCEPTED" == (await seen(world, question.id)).data["start"]

    play(story)


@pytest.mark.parametrize("words", ["FAILED", "TIMEOUT", "EVSE_OCCUPIED", "REJECTED"])
def test_what_became_of_a_start_is_shown(words: str) -> None:
    async def story(world: World) -> None:
        question = await asked(world)
        await world.emsp.phone.accept("ada", question.id)
        await result(world.alfa, world.alfa.told("command")[0].body.response_url, words)
        assert words == (await seen(world, question.id)).data["start"]

    play(story)


def test_a_result_that_never_comes_is_a_timeout_also_over_a_restart() -> None:
    async def story(world: World) -> None:
        question = await asked(world)
        await world.emsp.phone.accept("ada", question.id)
        await world.restart()
        await world.pass_time(seconds=world.terms.result_time - 1)
        assert "accepted" == (await seen(world, question.id)).data["start"]
        await world.pass_time(seconds=2)
        assert "TIMEOUT" == (await seen(world, question.id)).data["start"]

    play(story)


def test_a_result_that_overtakes_the_answer_is_what_counts() -> None:
    async def story(world: World) -> None:
        question = await asked(world)
        world.web.host(world.alfa.url, world.alfa.server.handle)
        commands = world.emsp.commands

        async def command(partner: Any, name: str, body: Any, *, by: Any) -> m.CommandResponse:
            await result(world.alfa, body.response_url, "ACCEPTED")
            return m.CommandResponse(result="ACCEPTED", timeout=30)

        commands.calls = type("Calls", (), {"command": staticmethod(command)})()
        answered = await world.emsp.phone.accept("ada", question.id)
        assert "ACCEPTED" == answered.data["start"]

    play(story)


def test_an_operator_that_says_no_or_is_not_there_is_said_so() -> None:
    async def story(world: World) -> None:
        question = await asked(world)
        no = Answer(data=m.CommandResponse(result="NOT_SUPPORTED", timeout=0))
        world.alfa.handlers.answers["command"] = lambda _call: no
        assert "NOT_SUPPORTED" == (await world.emsp.phone.accept("ada", question.id)).data["start"]
        await world.pass_time(minutes=1)
        await world.alfa.verdict(place="L3")
        (again,) = await world.notices("confirm")
        world.web.host(world.alfa.url, world.alfa.server.handle).offline()
        assert "unreachable" == (await world.emsp.phone.accept("ada", again.id)).data["start"]

    play(story)


def test_where_no_start_can_be_sent_a_yes_speaks_for_the_vehicle_when_it_is_asked_again_soon() -> None:
    async def story(world: World) -> None:
        await world.bound()
        stranger = await world.join("stranger", places=False)
        no = Answer(data=m.CommandResponse(result="NOT_SUPPORTED", timeout=0))
        stranger.handlers.answers["command"] = lambda _call: no
        assert "NOT_ALLOWED" == await stranger.verdict()
        (question,) = await world.notices("confirm")
        await world.emsp.phone.accept("ada", question.id)
        assert "NOT_ALLOWED" == await stranger.verdict(place="L2")
        assert "ALLOWED" == await stranger.verdict()
        world.leap(minutes=16)
        assert "NOT_ALLOWED" == await stranger.verdict()

    play(story)


def test_a_question_is_answered_once_by_its_driver_while_it_is_open() -> None:
    async def story(world: World) -> None:
        question = await asked(world)
        await world.driver("bob", BOB, "CARD-B")
        assert "noSuchNotice" == await refused(world.emsp.phone.accept("bob", question.id))
        assert "whichEvse" == await refused(world.emsp.phone.accept("ada", question.id, evse="L1-E1"))
        await world.emsp.phone.accept("ada", question.id)
        assert "alreadyAnswered" == await refused(world.emsp.phone.accept("ada", question.id))
        assert "alreadyAnswered" == await refused(world.emsp.phone.decline("ada", question.id))
        assert 1 == len(world.alfa.told("command"))

    play(story)


def test_a_no_a_late_yes_and_a_yes_after_a_revocation_start_nothing() -> None:
    async def story(world: World) -> None:
        question = await asked(world)
        assert NoticeState.DECLINED is (await world.emsp.phone.decline("ada", question.id)).state
        await world.alfa.verdict(place="L3")
        (late,) = await world.notices("confirm")
        world.leap(minutes=11)
        assert "noticeExpired" == await refused(world.emsp.phone.accept("ada", late.id))
        await world.alfa.verdict(place="L3")
        (last,) = await world.notices("confirm")
        await world.emsp.drivers.set("ada", actor="ann", blocked=True)
        assert "contractNotInOrder" == await refused(world.emsp.phone.accept("ada", last.id))
        await world.emsp.drivers.set("ada", actor="ann", blocked=False)
        await world.emsp.phone.revoke("ada", VID)
        assert "notGranted" == await refused(world.emsp.phone.accept("ada", last.id))
        assert [] == world.alfa.told("command")

    play(story)


def test_one_question_at_a_time_the_latest_place_counts() -> None:
    async def story(world: World) -> None:
        await asked(world)
        await world.pass_time(minutes=1)
        await world.alfa.verdict(place="L2")
        assert ["L2"] == [each.data["location"] for each in await world.notices("confirm")]

    play(story)


def test_a_yes_is_for_one_start_at_one_evse_and_used_up_by_its_charge() -> None:
    async def story(world: World) -> None:
        await world.bound()
        stranger = await world.join("stranger", places=False)  # where it is nobody knows: nothing but his yes speaks
        assert "NOT_ALLOWED" == await stranger.verdict()
        (question,) = await world.notices("confirm")
        await world.emsp.phone.accept("ada", question.id)

        async def verdict(evse: str) -> str:
            info = await stranger.authorize(evse=evse)
            assert info is not None
            return info.allowed

        assert ["NOT_ALLOWED", "ALLOWED"] == [await verdict("L1-E2"), await verdict("l1-e1")]
        session = stranger.session(
            "V1", VID, kind=VEHICLE_TOKEN, authorization_reference=question.data["reference"], status="COMPLETED",
            end_date_time=world.clock.now(),
        )  # fmt: skip
        await stranger.put(session)
        assert "NOT_ALLOWED" == await verdict("L1-E1")

    play(story)


def test_with_several_evses_the_driver_says_which() -> None:
    async def story(world: World) -> None:
        await world.bound()
        where = m.LocationReferences(location_id="L3", evse_uids=("L3-E1", "L3-E2"))
        alfa = world.alfa
        await alfa.client.authorize(alfa.partner(), VID, VEHICLE_TOKEN, where, by=alfa.by())
        (question,) = await world.notices("confirm")
        assert "whichEvse" == await refused(world.emsp.phone.accept("ada", question.id))
        await world.emsp.phone.accept("ada", question.id, evse="L3-E2")
        assert "L3-E2" == alfa.told("command")[0].body.evse_uid

    play(story)


def test_a_connector_is_named_where_the_evse_wants_one() -> None:
    async def story(world: World) -> None:
        import msgspec

        alfa = world.alfa
        place = alfa.location("L3")
        evses = tuple(
            msgspec.structs.replace(each, capabilities=("START_SESSION_CONNECTOR_REQUIRED",)) for each in place.evses
        )
        path = f"{alfa.party.country}/{alfa.party.party}/L3"
        place = msgspec.structs.replace(place, evses=evses)
        await alfa.client.put_object(alfa.partner(), "locations", path, place, by=alfa.by())
        question = await asked(world)
        await world.emsp.phone.accept("ada", question.id)
        assert "1" == alfa.told("command")[0].body.connector_id

    play(story)


def test_results_are_taken_from_the_operator_that_was_asked_alone() -> None:
    async def story(world: World) -> None:
        question = await asked(world)
        await world.emsp.phone.accept("ada", question.id)
        url = world.alfa.told("command")[0].body.response_url
        beta = world.operators["beta"]
        assert "2000" == await refused(result(beta, url, "FAILED"))
        assert "2000" == await refused(result(world.alfa, url.replace("START", "STOP"), "FAILED"))
        assert "2000" == await refused(result(world.alfa, url + "x", "FAILED"))
        assert "accepted" == (await seen(world, question.id)).data["start"]

    play(story, "alfa", "beta")


# ── told when energy flows, stopped with one tap ──


async def running(world: World, **changed: Any) -> m.Session:
    """A vehicle charges by itself."""
    await world.bound()
    info = await world.alfa.authorize()
    assert info is not None
    given = {"authorization_reference": info.authorization_reference} | changed
    return await world.alfa.put(world.alfa.session("V1", VID, kind=VEHICLE_TOKEN, **given))


def test_the_driver_is_told_when_the_session_becomes_active_and_not_before() -> None:
    async def story(world: World) -> None:
        session = await running(world, status="PENDING", kwh="0")
        assert [] == await world.notices("started")
        await world.pass_time(seconds=10)
        await world.alfa.put(world.alfa.session(
            "V1", VID, kind=VEHICLE_TOKEN, authorization_reference=session.authorization_reference
        ))  # fmt: skip
        await world.alfa.put(world.alfa.session(
            "V1", VID, kind=VEHICLE_TOKEN, authorization_reference=session.authorization_reference, kwh="3"
        ))  # fmt: skip
        (told,) = await world.notices("started")
        assert ("alfa", "V1", "L1") == (told.partner, told.data["session"], told.data["location"])
        assert [] == await world.emsp.desk.alarms()

    play(story)


def test_a_session_that_nobody_allowed_is_told_and_staff_see_it() -> None:
    async def story(world: World) -> None:
        await running(world, authorization_reference="made-up")
        assert 1 == len(await world.notices("started"))
        assert ["unauthorisedSession"] == [each.kind for each in await world.emsp.desk.alarms()]

    play(story)


def test_a_confirmed_start_is_an_authorised_one() -> None:
    async def story(world: World) -> None:
        question = await asked(world)
        await world.emsp.phone.accept("ada", question.id)
        reference = question.data["reference"]
        await world.alfa.put(world.alfa.session(
            "V3", VID, kind=VEHICLE_TOKEN, place="L3", authorization_reference=reference
        ))  # fmt: skip
        assert (1, []) == (len(await world.notices("started")), await world.emsp.desk.alarms())

    play(story)


@proves("R6")
def test_one_tap_on_what_he_was_told_stops_the_charge() -> None:
    async def story(world: World) -> None:
        await running(world)
        (told,) = await world.notices("started")
        await world.emsp.phone.decline("ada", told.id)
        await world.emsp.phone.stop("ada", "alfa", "V1")
        (call,) = world.alfa.told("command")
        assert ("STOP_SESSION", "V1") == (call.params["command"], call.body.session_id)
        await result(world.alfa, call.body.response_url, "ACCEPTED")
        assert "ACCEPTED" == (await seen(world, told.id)).data["stop"]

    play(story)


def test_a_stop_that_failed_may_be_tried_again_and_one_that_is_over_is_not() -> None:
    async def story(world: World) -> None:
        session = await running(world)
        no = Answer(data=m.CommandResponse(result="REJECTED", timeout=0))
        world.alfa.handlers.answers["command"] = lambda _call: no
        for _ in range(2):
            assert "REJECTED" == (await world.emsp.phone.stop("ada", "alfa", "V1")).data["stop"]
        assert 2 == len(world.alfa.told("command"))
        await world.alfa.put(world.alfa.session(
            "V1", VID, kind=VEHICLE_TOKEN, status="COMPLETED", authorization_reference=session.authorization_reference
        ))  # fmt: skip
        assert "notRunning" == await refused(world.emsp.phone.stop("ada", "alfa", "V1"))
        assert "noSuchSession" == await refused(world.emsp.phone.stop("ada", "alfa", "V9"))
        await world.driver("bob", BOB, "CARD-B")
        assert "noSuchSession" == await refused(world.emsp.phone.stop("bob", "alfa", "V1"))

    play(story)


def test_a_charge_with_a_card_is_stopped_as_well_and_nobody_was_told_of_it() -> None:
    async def story(world: World) -> None:
        await world.driver()
        await world.alfa.put(world.alfa.session("S1", status="PENDING", kwh="0", contract=ADA))
        assert [] == await world.notices()
        stopped = await world.emsp.phone.stop("ada", "alfa", "S1")
        await settle()
        assert ("started", "accepted") == (stopped.kind, stopped.data["stop"])

    play(story)
