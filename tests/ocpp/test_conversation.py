"""One live connection: who is answered when, and what becomes of what we say."""

import asyncio
import logging
from typing import Any

import pytest

from evouch.charging.dialogue import (
    Configure,
    CostSoFar,
    DataReceived,
    RawAnswer,
    RawCall,
    Reset,
    SessionAnswer,
    SessionEnded,
    SessionStarted,
    Setting,
    SettingStatus,
    StillThere,
    TimeAnswer,
    Unspeakable,
    WebPaymentStarted,
    Yes,
)
from evouch.clock import Tick
from evouch.errors import (
    ConnectionReplaced,
    LocalError,
    Offline,
    Overloaded,
    PeerFault,
    PeerRefused,
    Refused,
    TimedOut,
)
from evouch.ids import EvseNumber, OcppVersion, TransactionId
from evouch.ocpp.versions import V16, V21, V201, VERSIONS
from evouch.testing.clock import settle
from evouch.units import Money
from tests.ocpp.ears import Talk

TRANSACTION = {
    "timestamp": "2026-11-20T10:00:00Z",
    "triggerReason": "Authorized",
    "transactionInfo": {"transactionId": "T1"},
}


def started(seq: int = 0) -> dict[str, Any]:
    return {"eventType": "Started", "seqNo": seq, **TRANSACTION}


def ended(seq: int = 1) -> dict[str, Any]:
    return {"eventType": "Ended", "seqNo": seq, **TRANSACTION}


def soon(talk: Talk, seconds: float = 30) -> Tick:
    return Tick(talk.clock.tick() + seconds)


def raw(action: str = "ClearCache", **payload: Any) -> RawCall:
    return RawCall(action=action, payload=payload)


# ── answering ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", VERSIONS)
def test_an_answer_that_is_there_at_once_goes_out_at_once_and_without_a_task(version: OcppVersion) -> None:
    async def story() -> None:
        talk = Talk(version)
        talk.say(2, "h1", "Heartbeat", {})
        assert talk.said() == [[3, "h1", {"currentTime": "2024-05-23T00:23:05.000Z"}]]
        assert len(asyncio.all_tasks()) == 1
        assert talk.conversation.unanswered == 0

    asyncio.run(story())


def test_the_evidence_is_the_frame_the_moment_and_the_connection() -> None:
    async def story() -> None:
        talk = Talk(V21)
        talk.conversation.receive(b'[2,"h1","Heartbeat",{}]')
        (evidence,) = talk.ear.evidence
        assert evidence.frame == b'[2,"h1","Heartbeat",{}]'
        assert evidence.received_at == talk.clock.now()
        assert evidence.connection == "c1"

    asyncio.run(story())


def test_an_answer_that_has_to_be_written_first_goes_out_when_it_is_written() -> None:
    async def story() -> None:
        talk, written = Talk(V21), asyncio.get_running_loop().create_future()
        talk.ear.answers[StillThere] = lambda said: written
        talk.say(2, "h1", "Heartbeat", {})
        await settle()
        assert talk.said() == []
        assert talk.conversation.unanswered == 1
        written.set_result(TimeAnswer(talk.clock.now()))
        await settle()
        assert [frame[:2] for frame in talk.said()] == [[3, "h1"]]
        assert talk.conversation.unanswered == 0

    asyncio.run(story())


def test_what_is_said_about_transactions_is_answered_in_the_order_of_arrival_whatever_else_overtakes_it() -> None:
    async def story() -> None:
        talk, slow, order = Talk(V21), asyncio.get_running_loop().create_future(), []

        async def start() -> SessionAnswer:
            order.append("start asked")
            await slow
            order.append("start written")
            return SessionAnswer()

        async def end() -> SessionAnswer:
            order.append("end asked")
            return SessionAnswer()

        talk.ear.answers |= {SessionStarted: lambda said: start(), SessionEnded: lambda said: end()}
        talk.say(2, "t1", "TransactionEvent", started())
        talk.say(2, "t2", "TransactionEvent", ended())
        talk.say(2, "h1", "Heartbeat", {})
        await settle()
        assert [frame[1] for frame in talk.said()] == ["h1"]
        slow.set_result(None)
        await settle()
        assert [frame[1] for frame in talk.said()] == ["t1", "t2"]
        assert order == ["start asked", "start written", "end asked"]

    asyncio.run(story())


def test_a_start_that_fails_does_not_hold_up_the_end() -> None:
    async def story() -> None:
        talk = Talk(V21)

        async def fail() -> SessionAnswer:
            raise Refused("slotTaken")

        async def end() -> SessionAnswer:
            return SessionAnswer()

        talk.ear.answers |= {SessionStarted: lambda said: fail(), SessionEnded: lambda said: end()}
        talk.say(2, "t1", "TransactionEvent", started())
        talk.say(2, "t2", "TransactionEvent", ended())
        await settle()
        assert [frame[:2] for frame in talk.said()] == [[4, "t1"], [3, "t2"]]

    asyncio.run(story())


@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
@pytest.mark.parametrize(
    ("version", "error", "code"),
    [
        (V16, PeerFault("OccurrenceConstraintViolation"), "OccurenceConstraintViolation"),
        (V201, PeerFault("OccurrenceConstraintViolation"), "OccurrenceConstraintViolation"),
        (V21, PeerFault("FormatViolation", "no such thing"), "FormatViolation"),
        (V16, Refused("notBooted"), "SecurityError"),
        (V21, Refused("notBooted"), "SecurityError"),
        (V201, Refused("whatever"), "GenericError"),
        (V16, KeyError("a bug"), "InternalError"),
        (V21, KeyError("a bug"), "InternalError"),
    ],
)
def test_a_handlers_error_is_told_with_the_versions_code_and_the_connection_lives_on(
    version: OcppVersion, error: Exception, code: str, later: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise error

    async def story() -> None:
        talk = Talk(version)
        talk.ear.answers[StillThere] = (lambda said: fail()) if later else error
        talk.say(2, "h1", "Heartbeat", {})
        await settle()
        (frame,) = talk.said()
        assert frame[:3] == [4, "h1", code]
        del talk.ear.answers[StillThere]
        talk.say(2, "h2", "Heartbeat", {})
        assert [frame[:2] for frame in talk.said()] == [[3, "h2"]]

    with caplog.at_level(logging.CRITICAL):
        asyncio.run(story())


def test_a_bug_is_logged_without_what_the_station_said(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        talk = Talk(V21)
        talk.ear.answers[DataReceived] = ValueError("invalid literal: 04A1B2C3D4E5F6")
        talk.say(2, "d1", "DataTransfer", {"vendorId": "acme", "data": "04A1B2C3D4E5F6"})
        assert talk.said()[0][2] == "InternalError"

    asyncio.run(story())
    assert "handling DataTransfer failed: ValueError" in caplog.text
    assert "in hear" in caplog.text
    assert "04A1B2C3D4E5F6" not in caplog.text


def test_an_answer_of_ours_that_breaks_the_schema_is_an_internal_error_and_nobody_waits_for_ever() -> None:
    async def story() -> None:
        talk = Talk(V201)
        talk.ear.answers[StillThere] = lambda said: object()
        talk.say(2, "h1", "Heartbeat", {})
        assert [frame[:3] for frame in talk.said()] == [[4, "h1", "InternalError"]]

    asyncio.run(story())


def test_a_handler_that_finishes_after_the_end_is_not_heard_and_hurts_nobody() -> None:
    async def story() -> None:
        talk, written = Talk(V21), asyncio.get_running_loop().create_future()
        talk.ear.answers[StillThere] = lambda said: written
        talk.say(2, "h1", "Heartbeat", {})
        talk.conversation.close(Offline("gone"))
        written.set_result(TimeAnswer(talk.clock.now()))
        await talk.conversation.finished()
        assert talk.said() == []
        assert talk.conversation.unanswered == 0
        talk.say(2, "h2", "Heartbeat", {})
        assert talk.said() == []

    asyncio.run(story())


def test_a_malformed_payment_notice_is_answered_with_a_result_on_2_0_1_and_with_an_error_on_2_1() -> None:
    async def story() -> None:
        old, new = Talk(V201, csms=False), Talk(V21, csms=False)
        notice = {"vendorId": "cloud.charging.open", "messageId": "NotifyWebPaymentStarted", "data": {"evseId": 1}}
        old.say(2, "d1", "DataTransfer", notice)
        new.say(2, "n1", "NotifyWebPaymentStarted", {"evseId": 1})
        (result,), (error,) = old.said(), new.said()
        assert result[0] == 3
        assert result[2]["status"] == "Rejected"
        assert error[:3] == [4, "n1", "OccurrenceConstraintViolation"]
        assert old.ear.heard == new.ear.heard == []

    asyncio.run(story())


def test_a_station_hears_an_order_and_its_answer_is_translated() -> None:
    async def story() -> None:
        talk = Talk(V21, csms=False)
        talk.ear.answers[Reset] = Yes(accepted=True)
        talk.say(2, "r1", "Reset", {"type": "Immediate"})
        assert talk.said() == [[3, "r1", {"status": "Accepted"}]]
        assert talk.ear.heard == [Reset(hard=True)]

    asyncio.run(story())


def test_a_send_is_heard_and_never_answered_even_if_it_is_not_taken() -> None:
    async def story(answer: Any) -> Talk:
        talk = Talk(V21)
        stream = {"id": 1, "pending": 0, "basetime": "2026-11-20T10:00:00Z", "data": [{"t": 0, "v": "1"}]}
        talk.say(6, "s1", "NotifyPeriodicEventStream", stream)
        await settle()
        return talk

    for answer in (None, Refused("notBooted")):
        assert asyncio.run(story(answer)).said() == []


# ── saying ──────────────────────────────────────────────────────────────────────────────


def test_an_order_goes_out_at_once_and_comes_back_as_its_answer() -> None:
    async def story() -> None:
        talk = Talk(V21)
        asked = asyncio.ensure_future(talk.conversation.call(Reset(), by=soon(talk)))
        await settle()
        call = talk.answer({"status": "Accepted"})
        assert call[0] == 2
        assert call[2:] == ["Reset", {"type": "OnIdle"}]
        assert len(call[1]) <= 36
        assert await asked == Yes(accepted=True, status="Accepted")

    asyncio.run(story())


def test_a_station_says_a_fact_and_hears_what_it_means() -> None:
    async def story() -> None:
        talk = Talk(V201, csms=False)
        asked = asyncio.ensure_future(talk.conversation.call(StillThere(), by=soon(talk)))
        await settle()
        talk.answer({"currentTime": "2024-05-23T00:23:05Z"})
        assert await asked == TimeAnswer(talk.clock.now())

    asyncio.run(story())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_call_written_by_hand_passes_as_it_is_and_so_does_its_answer(version: OcppVersion) -> None:
    async def story() -> None:
        talk = Talk(version)
        asked = asyncio.ensure_future(talk.conversation.call(raw(), by=soon(talk)))
        await settle()
        assert talk.answer({"status": "Accepted"})[2:] == ["ClearCache", {}]
        assert await asked == RawAnswer({"status": "Accepted"})

    asyncio.run(story())


def test_a_call_written_by_hand_that_breaks_the_schema_is_never_sent() -> None:
    async def story() -> None:
        talk = Talk(V201)
        with pytest.raises(LocalError):
            await talk.conversation.call(raw("Reset", type="Sideways"), by=soon(talk))
        with pytest.raises(LocalError):
            await talk.conversation.call(raw("NoSuchAction"), by=soon(talk))
        assert talk.said() == []

    asyncio.run(story())


def test_what_a_version_cannot_say_is_a_value_and_nothing_is_sent() -> None:
    async def story() -> None:
        talk = Talk(V16)
        order = CostSoFar(transaction=TransactionId("1"), cost=Money.of("1.00", "EUR"))
        assert isinstance(await talk.conversation.call(order, by=soon(talk)), Unspeakable)
        assert talk.said() == []

    asyncio.run(story())


def configure(*names: str) -> Configure:
    return Configure(settings=tuple(Setting(component="", variable=name, value="1") for name in names))


def test_an_order_of_several_calls_waits_for_each_answer_and_never_mixes_with_another() -> None:
    async def story() -> None:
        talk = Talk(V16)
        first = asyncio.ensure_future(talk.conversation.call(configure("A", "B"), by=soon(talk)))
        second = asyncio.ensure_future(talk.conversation.call(configure("C", "D"), by=soon(talk)))
        keys = []
        for _ in range(4):
            await settle()
            keys.append(talk.answer({"status": "Accepted"})[3]["key"])
        assert keys == ["A", "B", "C", "D"]
        for asked in (first, second):
            results = await asked
            assert isinstance(results, tuple)
            assert [result.status for result in results] == [SettingStatus.ACCEPTED] * 2

    asyncio.run(story())


def test_an_order_of_several_calls_goes_on_after_a_no_and_ends_when_nobody_answers() -> None:
    async def story() -> None:
        talk = Talk(V16)
        asked = asyncio.ensure_future(talk.conversation.call(configure("A", "B", "C"), by=soon(talk)))
        await settle()
        (call,) = talk.said()
        talk.say(4, call[1], "GenericError", "", {})
        await settle()
        assert [frame[3]["key"] for frame in talk.said()] == ["B"]
        talk.conversation.expire(soon(talk))
        assert isinstance(await asked, TimedOut)
        assert talk.said() == []

    asyncio.run(story())


@pytest.mark.parametrize("version", VERSIONS)
def test_a_station_that_says_no_is_a_value(version: OcppVersion) -> None:
    async def story() -> None:
        talk = Talk(version)
        asked = asyncio.ensure_future(talk.conversation.call(Reset(), by=soon(talk)))
        await settle()
        (call,) = talk.said()
        talk.say(4, call[1], "NotSupported", "not me", {"why": 1})
        refused = await asked
        assert isinstance(refused, PeerRefused)
        assert (refused.code, refused.description, refused.details) == ("NotSupported", "not me", {"why": 1})

    asyncio.run(story())


@pytest.mark.parametrize("version", VERSIONS)
def test_an_answer_that_breaks_its_schema_is_no_yes(version: OcppVersion) -> None:
    async def story() -> None:
        talk = Talk(version)
        asked = asyncio.ensure_future(talk.conversation.call(raw(), by=soon(talk)))
        await settle()
        call = talk.answer({"status": "Perhaps"})
        refused = await asked
        assert isinstance(refused, PeerRefused)
        assert refused.code == "PropertyConstraintViolation"
        complaint = [[5, call[1], "PropertyConstraintViolation"]] if version == V21 else []
        assert [frame[:3] for frame in talk.said()] == complaint

    asyncio.run(story())


def test_no_answer_in_time_is_a_value_and_the_next_order_goes_out() -> None:
    async def story() -> None:
        talk = Talk(V21)
        first = asyncio.ensure_future(talk.conversation.call(Reset(), by=soon(talk, 5)))
        second = asyncio.ensure_future(talk.conversation.call(raw(), by=soon(talk, 60)))
        await settle()
        assert [frame[2] for frame in talk.said()] == ["Reset"]
        assert talk.conversation.next_deadline() == soon(talk, 5)
        assert talk.woken
        await talk.clock.advance(5)
        talk.conversation.expire(talk.clock.tick())
        assert isinstance(await first, TimedOut)
        talk.answer({"status": "Accepted"})
        assert await second == RawAnswer({"status": "Accepted"})
        assert talk.conversation.next_deadline() is None

    asyncio.run(story())


def test_an_order_whose_time_is_over_is_not_sent() -> None:
    async def story() -> None:
        talk = Talk(V21)
        assert isinstance(await talk.conversation.call(Reset(), by=talk.clock.tick()), TimedOut)
        assert talk.said() == []

    asyncio.run(story())


def test_the_end_of_a_connection_fails_what_was_open_and_what_was_queued() -> None:
    async def story() -> None:
        talk = Talk(V21)
        asked = [asyncio.ensure_future(talk.conversation.call(Reset(), by=soon(talk))) for _ in range(3)]
        await settle()
        talk.conversation.close(ConnectionReplaced("by a newer one"))
        assert [type(await each) for each in asked] == [ConnectionReplaced] * 3
        assert isinstance(await talk.conversation.call(Reset(), by=soon(talk)), ConnectionReplaced)
        assert talk.conversation.next_deadline() is None

    asyncio.run(story())


def test_more_orders_than_the_queue_holds_are_overload_as_a_value() -> None:
    async def story() -> None:
        talk = Talk(V21)
        asked = [asyncio.ensure_future(talk.conversation.call(raw(), by=soon(talk))) for _ in range(66)]
        await settle()
        assert [isinstance(each.result(), Overloaded) for each in asked if each.done()] == [True]
        talk.conversation.close(Offline("gone"))
        await asyncio.gather(*asked)

    asyncio.run(story())


def test_whoever_gives_up_waiting_leaves_nothing_behind() -> None:
    async def story() -> None:
        talk = Talk(V21)
        asked = asyncio.ensure_future(talk.conversation.call(Reset(), by=soon(talk)))
        await settle()
        asked.cancel()
        await settle()
        talk.answer({"status": "Accepted"})
        assert talk.conversation.next_deadline() is None

    asyncio.run(story())


def test_a_late_and_a_doubled_answer_disturb_nothing() -> None:
    async def story() -> None:
        talk = Talk(V16)
        asked = asyncio.ensure_future(talk.conversation.call(Reset(), by=soon(talk)))
        await settle()
        (call,) = talk.said()
        talk.say(3, call[1], {"status": "Accepted"})
        talk.say(3, call[1], {"status": "Rejected"})
        talk.say(3, "never asked", {"status": "Rejected"})
        assert await asked == Yes(accepted=True, status="Accepted")

    asyncio.run(story())


def test_both_sides_may_ask_at_the_same_time() -> None:
    async def story() -> None:
        talk = Talk(V16)
        order = WebPaymentStarted(evse=EvseNumber(1), timeout=60)
        asked = asyncio.ensure_future(talk.conversation.call(order, by=soon(talk)))
        await settle()
        (call,) = talk.said()
        talk.say(2, "h1", "Heartbeat", {})
        assert [frame[:2] for frame in talk.said()] == [[3, "h1"]]
        talk.say(3, call[1], {"status": "Accepted"})
        await asked

    asyncio.run(story())
