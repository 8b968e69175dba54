"""The gate of a connection that has not proved who it is, and the Heartbeat that passes it whatever it carries."""

import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import pytest
from hypothesis import given

from evouch.charging.dialogue import IdentityProof, Reset, StillThere, TokenPresented, Yes
from evouch.clock import Tick
from evouch.ids import OcppVersion
from evouch.ocpp.rpc import Called, Ignored, Rejected
from evouch.ocpp.versions import V16, V21, V201, VERSIONS, actions
from evouch.testing.clock import settle
from tests.documents import documents
from tests.ocpp.ears import Talk
from tests.ocpp.peers import called, hear, make, rejected, said
from tests.ocpp.samples import ACTIONS, sample
from tests.ocpp.test_signed_challenge import CHALLENGE, PROOF
from tests.proofs import proves

#: What an unproven station may say.
OPEN = frozenset({"BootNotification", "Heartbeat"})
UNKNOWN = "NoSuchAction"
ALL_16 = [*sorted(actions(V16)), "SignedChallenge", UNKNOWN]


def gated(version: OcppVersion = V16) -> Any:
    peer = make(version)
    peer.allow(OPEN)
    return peer


# ── every action, with and without the gate ─────────────────────────────────────────────


@proves("W13", "M13")
@pytest.mark.parametrize("action", ALL_16)
def test_before_the_proof_only_boot_and_heartbeat_are_heard(action: str) -> None:
    payload = sample(V16, action) if action in actions(V16) else {}
    if action in OPEN:
        called(gated(), action, payload)
    else:
        assert rejected(gated(), action, payload).code == "SecurityError"


@proves("W13")
@pytest.mark.parametrize("action", ALL_16)
def test_without_the_gate_every_action_is_judged_as_ever(action: str) -> None:
    if action == UNKNOWN:
        assert rejected(make(V16), action, {}).code == "NotImplemented"
    elif action == "SignedChallenge":
        called(make(V16), action, {"nonce": "n", "timestamp": "2025-07-09T14:00:00Z"})
    else:
        called(make(V16), action, sample(V16, action))


@proves("W13", "M13")
@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_the_gate_stands_in_all_versions(version: OcppVersion, action: str) -> None:
    if action not in OPEN:
        assert rejected(gated(version), action, sample(version, action)).code == "SecurityError"


@proves("M13")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "text",
    [
        '[2,"x","Authorize",{"colour":"red"}]',
        '[2,"x","Authorize",{}]',
        '[2,"x","Authorize",[]]',
        '[2,"x","Authorize"]',
        '[2,"x","Authorize",{"idTag":"a","idTag":"b"}]',
        '[2,"x","Authorize",{"idTag":NaN}]',
        '[2,"x","Authorize",' + "[" * 50_000,
        '[2,"x","NoSuchAction",{}]',
        '[2,"x","",{}]',
    ],
)
def test_behind_the_gate_nothing_of_a_call_is_looked_at(version: OcppVersion, text: str) -> None:
    peer = gated(version)
    (event,) = hear(peer, text.encode())
    assert isinstance(event, Rejected)
    assert event.fault.code == "SecurityError"
    ((kind, id, code, _, details),) = said(peer)
    assert (kind, id, code, details) == (4, "x", "SecurityError", {})


def test_what_has_no_action_is_no_call_behind_the_gate_either() -> None:
    peer = gated()
    (event,) = hear(peer, '[2,"x",7,{}]')
    assert isinstance(event, Rejected)
    assert event.fault.code == "FormationViolation"


def test_a_boot_notification_is_still_judged_by_its_form_behind_the_gate() -> None:
    assert rejected(gated(), "BootNotification", {}).code == "OccurenceConstraintViolation"


def test_an_unasked_message_of_2_1_is_ignored_behind_the_gate() -> None:
    send = [6, "x", "NotifyPeriodicEventStream", sample(V21, "NotifyPeriodicEventStream")]
    assert not isinstance(hear(make(V21), send)[0], Ignored)
    assert isinstance(hear(gated(V21), send)[0], Ignored)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_gate_opens_and_closes_from_one_frame_to_the_next(version: OcppVersion) -> None:
    peer = gated(version)
    payload = sample(version, "Authorize")
    assert rejected(peer, "Authorize", payload, "1").code == "SecurityError"
    peer.allow(None)
    called(peer, "Authorize", payload, "2")
    peer.allow(frozenset({"Authorize"}))
    called(peer, "Authorize", payload, "3")
    assert rejected(peer, "DataTransfer", {"vendorId": "v"}, "4").code == "SecurityError"


# ── the gate of a conversation ──────────────────────────────────────────────────────────


@proves("W12", "W13", "M13")
def test_evidence_says_whether_the_connection_was_proven() -> None:
    talk = Talk(V16)
    talk.conversation.allow(OPEN)
    assert talk.conversation.gated
    talk.say(2, "1", "Heartbeat", {})
    talk.say(2, "2", "Authorize", {"idTag": "T"})
    talk.conversation.allow(None, proven=True)
    assert not talk.conversation.gated
    talk.say(2, "3", "Heartbeat", {})
    assert [each.proven for each in talk.ear.evidence] == [False, True]
    assert [answer[0] for answer in talk.said()] == [3, 4, 3]


@proves("W14", "M15")
def test_the_backend_is_told_what_was_refused_after_the_answer_is_out() -> None:
    """So it can challenge a station that says something else first."""

    async def story() -> None:
        talk = Talk(V16)
        told: list[tuple[str, int]] = []
        asked: list[asyncio.Future[Any]] = []

        def refused(action: str) -> None:
            told.append((action, len(talk.out)))
            asked.append(asyncio.ensure_future(talk.conversation.call(CHALLENGE, by=Tick(talk.clock.tick() + 15))))

        talk.conversation.allow(OPEN, refused=refused)
        talk.say(2, "1", "Heartbeat", {})
        talk.say(2, "2", "StatusNotification", {})
        await settle()
        assert told == [("StatusNotification", 2)]
        _, error, call = talk.said()
        assert error[:3] == [4, "2", "SecurityError"]
        talk.say(3, call[1], PROOF)
        assert await asked[0] == IdentityProof(PROOF)

    asyncio.run(story())


def test_a_backend_that_fails_to_hear_of_a_refusal_hurts_nobody(caplog: pytest.LogCaptureFixture) -> None:
    talk = Talk(V16)

    def broken(action: str) -> None:
        raise RuntimeError(action)

    talk.conversation.allow(OPEN, refused=broken)
    talk.say(2, "1", "Authorize", {"idTag": "T"})
    talk.say(2, "2", "Heartbeat", {})
    assert [answer[0] for answer in talk.said()] == [4, 3]
    assert "telling of a refused" in caplog.text


def test_orders_pass_the_gate_for_it_is_the_backend_that_restrains_itself() -> None:
    async def story() -> None:
        talk = Talk(V16)
        talk.conversation.allow(frozenset())
        asked = asyncio.ensure_future(talk.conversation.call(Reset(), by=Tick(talk.clock.tick() + 15)))
        await settle()
        talk.answer({"status": "Accepted"})
        assert await asked == Yes(accepted=True, status="Accepted")

    asyncio.run(story())


# ── the Heartbeat of 1.6 ────────────────────────────────────────────────────────────────

HEARTBEATS = [
    '[2,"x","Heartbeat",{}]',
    '[2,"x","Heartbeat",{"colour":"red"}]',
    '[2,"x","Heartbeat",[]]',
    '[2,"x","Heartbeat",null]',
    '[2,"x","Heartbeat","{}"]',
    '[2,"x","Heartbeat",60.5]',
    '[2,"x","Heartbeat"]',
    '[2,"x","Heartbeat",]',
    '[2,"x","Heartbeat",{},1]',
    '[2,"x","Heartbeat",{',
    '[2,"x","Heartbeat"',
    '[2,"x","Heartbeat",{"a":1,"a":2}]',
    '[2,"x","Heartbeat",{"a":NaN}]',
    '[2,"x","Heartbeat",{"a":1e400}]',
    '[2,"x","Heartbeat",{"a":"\\ud800"}]',
    '[2,"x","Heartbeat",' + "[" * 50_000,
    ' [ 2 , "x" , "Heartbeat" , { ] ',
    '[2,"x","Heartbeat",{}][2,"y","Heartbeat",{}]',
]


@proves("W14")
@pytest.mark.parametrize("proven", [True, False], ids=["without a gate", "behind the gate"])
@pytest.mark.parametrize("text", HEARTBEATS, ids=lambda text: text[:45])
def test_a_heartbeat_of_1_6_is_answered_with_the_time_whatever_it_carries(text: str, *, proven: bool) -> None:
    talk = Talk(V16)
    if not proven:
        talk.conversation.allow(frozenset())
    talk.conversation.receive(text.encode())
    ((kind, id, payload),) = talk.said()
    assert (kind, id, list(payload)) == (3, "x", ["currentTime"])
    assert talk.ear.heard == [StillThere()]
    assert talk.ear.evidence[0].proven is False
    assert talk.conversation.gated is not proven


@proves("W14")
@given(payload=documents)
def test_no_payload_at_all_keeps_the_time_from_a_heartbeat_of_1_6(payload: Any) -> None:
    frame = json.dumps([2, "x", "Heartbeat", payload], default=str).encode()
    for peer in (make(V16), gated()):
        (event,) = peer.receive(frame, Tick(0.0))
        assert event == Called("x", "Heartbeat", {}, frame)


@pytest.mark.parametrize("version", [V201, V21])
@pytest.mark.parametrize("text", HEARTBEATS[1:5])
def test_a_heartbeat_of_2_x_is_judged_by_its_form(version: OcppVersion, text: str) -> None:
    for peer in (make(version), gated(version)):
        (event,) = hear(peer, text)
        assert isinstance(event, Rejected)
        assert event.fault.code == "FormatViolation"


def test_a_heartbeat_without_a_readable_id_can_have_no_answer() -> None:
    for text in ('[2,7,"Heartbeat",{}]', '[2,null,"Heartbeat",{}]', '[2,"\\u0078","Heartbeat",{]', "[2"):
        peer = make(V16)
        assert isinstance(hear(peer, text)[0], Ignored)
        assert said(peer) == []


@proves("W14")
def test_a_heartbeat_is_answered_while_something_else_waits_for_its_answer() -> None:
    async def story() -> None:
        talk = Talk(V16)
        answer = asyncio.get_running_loop().create_future()

        def slowly(_: Any) -> Awaitable[Any]:
            return answer

        talk.ear.answers[TokenPresented] = slowly
        talk.say(2, "1", "Authorize", {"idTag": "T"})
        talk.conversation.receive(b'[2,"2","Heartbeat",nonsense]')
        (beat,) = talk.said()
        assert beat[:2] == [3, "2"]
        answer.cancel()
        await settle()

    asyncio.run(story())


def test_a_station_answers_a_heartbeat_of_its_backend_as_any_order_it_does_not_have() -> None:
    talk = Talk(V16, csms=False)
    talk.conversation.receive(b'[2,"x","Heartbeat",{}]')
    assert talk.said()[0][2] == "NotSupported"
