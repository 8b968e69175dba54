"""One end of a connection: calls and answers, their order, their ends, and everything that is no message."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.clock import Tick
from evouch.errors import LocalError, Offline, Overloaded, PeerFault, PeerRefused, TimedOut
from evouch.ids import OcppVersion
from evouch.ocpp.rpc import Answered, Called, Event, Failed, Ignored, Peer, Rejected, Sent
from evouch.ocpp.versions import V16, V21, V201, VERSIONS, actions
from evouch.testing.clock import SeededEntropy
from evouch.wire import encode
from tests.documents import documents, spell
from tests.ocpp.peers import NOW, SOON, called, hear, make, rejected, said

TIME = {"currentTime": "2026-11-20T10:00:00.000Z"}
#: An action that both sides may send, in all versions, with its smallest payload and answer.
DATA, ACCEPTED = {"vendorId": "x"}, {"status": "Accepted"}


def only(events: list[Event]) -> Event:
    (event,) = events
    return event


def ignored(peer: Peer, message: Any) -> str:
    """Let ``peer`` hear something that must change nothing; return why it was ignored."""
    event = only(hear(peer, message))
    assert isinstance(event, Ignored), event
    assert peer.frames_to_send() == []
    return event.why


# ── calls and answers ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", VERSIONS)
def test_a_call_is_taken_and_answered_in_compact_json(version: OcppVersion) -> None:
    peer = make(version)
    frame = b'[2, "19223201", "Heartbeat", {}]'
    assert hear(peer, frame) == [Called("19223201", "Heartbeat", {}, frame)]
    assert peer.frames_to_send() == []

    peer.answer("19223201", TIME)
    assert peer.frames_to_send() == [b'[3,"19223201",{"currentTime":"2026-11-20T10:00:00.000Z"}]']
    assert peer.frames_to_send() == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_call_of_ours_goes_out_in_compact_json_and_is_answered(version: OcppVersion) -> None:
    peer = make(version)
    id = peer.call("DataTransfer", {"vendorId": "ü"}, by=SOON)
    assert len(id) <= 36
    assert peer.frames_to_send() == [f'[2,"{id}","DataTransfer",{{"vendorId":"ü"}}]'.encode()]

    frame = encode([3, id, ACCEPTED])
    assert hear(peer, frame) == [Answered(id, "DataTransfer", ACCEPTED, frame)]
    assert peer.next_deadline() is None


@pytest.mark.parametrize("version", VERSIONS)
def test_text_and_bytes_are_the_same_message(version: OcppVersion) -> None:
    assert hear(make(version), '[2,"1","Heartbeat",{}]') == hear(make(version), b'[2,"1","Heartbeat",{}]')


def test_payloads_keep_their_numbers() -> None:
    event = called(make(V201), "DataTransfer", {"vendorId": "x", "data": [60, Decimal("60.0"), Decimal("0.10")]})
    assert repr(event.payload["data"]) == "[60, Decimal('60.0'), Decimal('0.10')]"


@pytest.mark.parametrize(
    ("version", "code"),
    [
        (V16, "OccurenceConstraintViolation"),
        (V201, "OccurrenceConstraintViolation"),
        (V21, "OccurrenceConstraintViolation"),
    ],
)
def test_a_call_is_refused_in_the_spelling_of_the_version(version: OcppVersion, code: str) -> None:
    peer = make(version)
    called(peer, "Heartbeat", {})
    peer.refuse("1", PeerFault("OccurrenceConstraintViolation", "x" * 300, {"property": "evseId"}))
    assert said(peer) == [[4, "1", code, "x" * 255, {"property": "evseId"}]]


def test_details_that_are_no_json_are_left_out() -> None:
    peer = make(V16)
    called(peer, "Heartbeat", {})
    peer.refuse("1", PeerFault("InternalError", "\ud800", {"what": object()}))
    assert said(peer) == [[4, "1", "InternalError", "", {}]]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_callerror_fails_the_call_with_what_the_peer_said(version: OcppVersion) -> None:
    peer = make(version)
    id = peer.call("DataTransfer", DATA, by=SOON)
    event = only(hear(peer, [4, id, "NotImplemented", "no such thing", {"a": 1}]))
    assert isinstance(event, Failed)
    assert (event.id, event.action) == (id, "DataTransfer")
    assert isinstance(event.error, PeerRefused)
    assert (event.error.code, event.error.description, event.error.details) == (
        "NotImplemented",
        "no such thing",
        {"a": 1},
    )


def test_an_endless_callerror_is_cut() -> None:
    peer = make(V16)
    id = peer.call("DataTransfer", DATA, by=SOON)
    event = only(hear(peer, [4, id, "x" * 1000, "y" * 1000, {}]))
    assert isinstance(event, Failed)
    assert isinstance(event.error, PeerRefused)
    assert (len(event.error.code), len(event.error.description)) == (50, 255)


@pytest.mark.parametrize("version", VERSIONS)
def test_both_directions_are_open_at_once(version: OcppVersion) -> None:
    peer = make(version)
    ours = peer.call("DataTransfer", DATA, by=SOON)
    assert len(said(peer)) == 1
    called(peer, "Heartbeat", {}, id=ours)  # ids of the two sides are apart
    peer.answer(ours, TIME)
    assert said(peer) == [[3, ours, TIME]]
    assert isinstance(only(hear(peer, [3, ours, ACCEPTED])), Answered)


# ── one at a time ───────────────────────────────────────────────────────────────────────


def test_one_call_is_open_and_others_follow_in_order() -> None:
    peer = make(V16)
    ids = [peer.call("DataTransfer", {"vendorId": str(number)}, by=SOON) for number in range(4)]
    assert len(set(ids)) == 4
    for number, id in enumerate(ids):
        assert said(peer) == [[2, id, "DataTransfer", {"vendorId": str(number)}]]
        end = [3, id, ACCEPTED] if number % 2 else [4, id, "GenericError", "", {}]
        assert isinstance(only(hear(peer, end)), Answered if number % 2 else Failed)
    assert said(peer) == []


def test_the_queue_is_bounded_and_says_so_before_anything_is_sent() -> None:
    peer = make(V16, max_queue=2)
    for _ in range(3):
        peer.call("DataTransfer", DATA, by=SOON)
    with pytest.raises(Overloaded):
        peer.call("DataTransfer", DATA, by=SOON)
    assert len(said(peer)) == 1


def test_a_queue_of_none_still_carries_one_call() -> None:
    peer = make(V16, max_queue=0)
    peer.call("DataTransfer", DATA, by=SOON)
    with pytest.raises(Overloaded):
        peer.call("DataTransfer", DATA, by=SOON)


# ── deadlines ───────────────────────────────────────────────────────────────────────────


def test_an_unanswered_call_fails_at_its_deadline_and_the_next_goes_out() -> None:
    peer = make(V16)
    first = peer.call("DataTransfer", DATA, by=Tick(1010.0))
    second = peer.call("DataTransfer", DATA, by=Tick(1020.0))
    said(peer)
    assert peer.next_deadline() == 1010.0
    assert peer.expire(Tick(1009.9)) == []

    event = only(peer.expire(Tick(1010.0)))
    assert isinstance(event, Failed)
    assert isinstance(event.error, TimedOut)
    assert event.id == first
    assert [frame[1] for frame in said(peer)] == [second]
    assert peer.next_deadline() == 1020.0


def test_a_queued_call_expires_without_having_been_sent() -> None:
    peer = make(V16)
    first = peer.call("DataTransfer", DATA, by=Tick(1030.0))
    second = peer.call("DataTransfer", DATA, by=Tick(1010.0))
    third = peer.call("DataTransfer", DATA, by=Tick(1040.0))
    assert peer.next_deadline() == 1010.0
    assert [event.id for event in peer.expire(Tick(1010.0)) if isinstance(event, Failed)] == [second]
    assert [frame[1] for frame in said(peer)] == [first]
    hear(peer, [3, first, ACCEPTED], at=Tick(1011.0))
    assert [frame[1] for frame in said(peer)] == [third]


def test_calls_that_expire_together_fail_in_order_and_none_is_sent_too_late() -> None:
    peer = make(V16)
    ids = [peer.call("DataTransfer", DATA, by=Tick(1010.0)) for _ in range(3)]
    said(peer)
    assert [event.id for event in peer.expire(Tick(1010.0)) if isinstance(event, Failed)] == ids
    assert said(peer) == []
    assert peer.next_deadline() is None


def test_a_late_answer_is_ignored() -> None:
    peer = make(V16)
    id = peer.call("DataTransfer", DATA, by=Tick(1010.0))
    peer.expire(Tick(1010.0))
    said(peer)
    assert ignored(peer, [3, id, ACCEPTED]) == "late CALLRESULT"
    assert ignored(peer, [4, id, "GenericError", "", {}]) == "late CALLERROR"


def test_an_answer_at_the_deadline_is_late_even_if_nobody_looked_at_the_clock() -> None:
    peer = make(V16)
    id = peer.call("DataTransfer", DATA, by=Tick(1010.0))
    failed, late = hear(peer, [3, id, ACCEPTED], at=Tick(1010.0))
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, TimedOut)
    assert isinstance(late, Ignored)


def test_a_late_answer_does_not_end_the_next_call() -> None:
    peer = make(V16)
    first = peer.call("DataTransfer", DATA, by=Tick(1010.0))
    second = peer.call("DataTransfer", DATA, by=SOON)
    peer.expire(Tick(1010.0))
    said(peer)
    assert ignored(peer, [3, first, ACCEPTED]) == "late CALLRESULT"
    assert isinstance(only(hear(peer, [3, second, ACCEPTED])), Answered)


def test_a_doubled_answer_is_ignored() -> None:
    peer = make(V16)
    id = peer.call("DataTransfer", DATA, by=SOON)
    said(peer)
    assert isinstance(only(hear(peer, [3, id, ACCEPTED])), Answered)
    assert ignored(peer, [3, id, ACCEPTED]) == "doubled CALLRESULT"
    assert ignored(peer, [4, id, "GenericError", "", {}]) == "doubled CALLERROR"


def test_an_answer_to_nothing_is_ignored() -> None:
    peer = make(V16)
    assert ignored(peer, [3, "1", {}]) == "unexpected CALLRESULT"
    peer.call("DataTransfer", DATA, by=SOON)
    said(peer)
    assert ignored(peer, [3, "1", ACCEPTED]) == "unexpected CALLRESULT"
    assert ignored(peer, [3, None, ACCEPTED]) == "unexpected CALLRESULT"
    assert ignored(peer, [4, "1", "GenericError", "", {}]) == "unexpected CALLERROR"
    assert peer.next_deadline() == SOON


def test_only_the_last_few_calls_are_remembered() -> None:
    peer = make(V16)
    ids = []
    for _ in range(100):
        ids.append(peer.call("DataTransfer", DATA, by=SOON))
        hear(peer, [3, ids[-1], ACCEPTED])
    said(peer)
    assert ignored(peer, [3, ids[0], ACCEPTED]) == "unexpected CALLRESULT"
    assert ignored(peer, [3, ids[-1], ACCEPTED]) == "doubled CALLRESULT"
    assert len(peer._past) == 16


# ── the end ─────────────────────────────────────────────────────────────────────────────


def test_with_the_connection_every_call_ends() -> None:
    peer = make(V16)
    ids = [peer.call("DataTransfer", DATA, by=SOON) for _ in range(3)]
    called(make(V16), "Heartbeat", {})
    hear(peer, [2, "9", "Heartbeat", {}])
    gone = Offline("gone")
    events = peer.close(gone)
    assert [(event.id, event.error) for event in events if isinstance(event, Failed)] == [(id, gone) for id in ids]

    assert peer.frames_to_send() == []
    assert peer.next_deadline() is None
    assert peer.close(gone) == []
    assert peer.expire(SOON) == []
    assert ignored(peer, [2, "1", "Heartbeat", {}]) == "closed"
    with pytest.raises(Offline):
        peer.call("DataTransfer", DATA, by=SOON)
    peer.answer("9", TIME)  # the handler was still at work: nobody hears it
    peer.refuse("9", PeerFault("InternalError"))
    assert peer.frames_to_send() == []


# ── message ids ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("id", ["x" * 36, "", "{3c6d}", "ü" * 36])
def test_any_text_of_36_characters_is_an_id(version: OcppVersion, id: str) -> None:
    peer = make(version)
    called(peer, "Heartbeat", {}, id=id)
    peer.answer(id, TIME)
    assert said(peer) == [[3, id, TIME]]


@pytest.mark.parametrize("version", [V201, V21])
@pytest.mark.parametrize("id", ["x" * 37, 5, None, True, ["1"], {"id": "1"}])
def test_2_x_answers_an_unreadable_id_with_minus_one(version: OcppVersion, id: Any) -> None:
    peer = make(version)
    event = only(hear(peer, [2, id, "Heartbeat", {}]))
    assert isinstance(event, Rejected)
    assert (event.id, event.action, event.fault.code) == ("-1", "Heartbeat", "RpcFrameworkError")
    (answer,) = said(peer)
    assert answer[:3] == [4, "-1", "RpcFrameworkError"]


@pytest.mark.parametrize("id", [5, None, True, ["1"], {"id": "1"}, "x" * 256])
def test_1_6_has_no_answer_to_an_unreadable_id(id: Any) -> None:
    assert ignored(make(V16), [2, id, "Heartbeat", {}]) == "CALL without a readable id"


@pytest.mark.parametrize("id", ["x" * 37, "x" * 255])
def test_1_6_repeats_an_id_that_is_too_long_for_else_nobody_could_match_it(id: str) -> None:
    peer = make(V16)
    assert rejected(peer, "Heartbeat", {}, id=id).code == "FormationViolation"


def test_a_call_that_comes_twice_before_its_answer_is_answered_once() -> None:
    peer = make(V201)
    called(peer, "Heartbeat", {})
    assert ignored(peer, [2, "1", "Heartbeat", {}]) == "doubled CALL"
    peer.answer("1", TIME)
    assert len(said(peer)) == 1


def test_an_id_that_returns_after_its_answer_is_a_new_call() -> None:
    peer = make(V16)
    for _ in range(3):
        called(peer, "Heartbeat", {})
        peer.answer("1", TIME)
        assert said(peer) == [[3, "1", TIME]]


def test_a_caller_may_choose_the_id() -> None:
    peer = make(V16)
    assert peer.call("DataTransfer", DATA, by=SOON, id="mine") == "mine"
    for id in ("mine", "", "x" * 37, "-1"):
        with pytest.raises(LocalError):
            peer.call("DataTransfer", DATA, by=SOON, id=id)
    hear(peer, [3, "mine", ACCEPTED])
    with pytest.raises(LocalError):
        peer.call("DataTransfer", DATA, by=SOON, id="mine")


def test_a_flood_of_calls_is_refused_and_earlier_ones_are_still_answered() -> None:
    peer = make(V16)
    for number in range(64):
        called(peer, "Heartbeat", {}, id=str(number))
    assert rejected(peer, "Heartbeat", {}, id="65").code == "GenericError"
    peer.answer("0", TIME)
    said(peer)
    called(peer, "Heartbeat", {}, id="66")


# ── strict out ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "answer", [{}, {"currentTime": "noon"}, TIME | {"x": 1}, TIME | {"customData": None}, None, []]
)
def test_an_answer_of_ours_that_breaks_its_schema_is_an_internal_error(version: OcppVersion, answer: Any) -> None:
    peer = make(version)
    called(peer, "Heartbeat", {})
    with pytest.raises(LocalError, match="Heartbeat response"):
        peer.answer("1", answer)
    assert said(peer) == [[4, "1", "InternalError", "", {}]]
    with pytest.raises(LocalError, match="awaits"):
        peer.answer("1", TIME)


@pytest.mark.parametrize("data", [object(), "\ud800", Decimal("NaN")])
def test_an_answer_that_is_no_json_is_an_internal_error(data: object) -> None:
    peer = make(V201)
    called(peer, "DataTransfer", DATA)
    with pytest.raises(LocalError):
        peer.answer("1", ACCEPTED | {"data": data})
    assert said(peer) == [[4, "1", "InternalError", "", {}]]


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("DataTransfer", {}),
        ("DataTransfer", {"vendorId": None}),
        ("DataTransfer", {"vendorId": "x", "messageId": "x" * 51}),
        ("TriggerMessage", {"requestedMessage": "Nonsense"}),
        ("Heartbeat", {1: 2}),
        ("Heartbeat", None),
        ("NoSuchAction", {}),
        ("NotifyPeriodicEventStream", {}),
    ],
)
def test_a_call_of_ours_that_breaks_its_schema_is_never_sent(action: str, payload: Any) -> None:
    for version in VERSIONS:
        peer = make(version)
        with pytest.raises(LocalError):
            peer.call(action, payload, by=SOON)
        assert peer.frames_to_send() == []
        assert peer.next_deadline() is None


def test_an_integer_of_ours_is_an_integer() -> None:
    peer = make(V21)
    peer.call("NotifyWebPaymentStarted", {"evseId": 1, "timeout": 60}, by=SOON)
    for timeout in (Decimal("60.0"), 60.0, True):
        with pytest.raises(LocalError):
            peer.call("NotifyWebPaymentStarted", {"evseId": 1, "timeout": timeout}, by=SOON)


def test_what_was_never_asked_cannot_be_answered() -> None:
    with pytest.raises(LocalError):
        make(V16).answer("1", {})
    with pytest.raises(LocalError):
        make(V16).refuse("1", PeerFault("InternalError"))


# ── answers that break their schema ─────────────────────────────────────────────────────

_BAD_ANSWERS = [
    ([{}], {V16: "OccurenceConstraintViolation", V201: "OccurrenceConstraintViolation"}),
    ([{"status": 5}], {V16: "TypeConstraintViolation", V201: "TypeConstraintViolation"}),
    ([{"status": "Perhaps"}], {V16: "PropertyConstraintViolation", V201: "PropertyConstraintViolation"}),
    ([ACCEPTED | {"x": 1}], {V16: "FormationViolation", V201: "FormatViolation"}),
    ([None], {V16: "FormationViolation", V201: "FormatViolation"}),
    ([], {V16: "FormationViolation", V201: "RpcFrameworkError"}),
    ([ACCEPTED, {}], {V16: "FormationViolation", V201: "RpcFrameworkError"}),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("rest", "codes"), _BAD_ANSWERS)
def test_nonsense_for_an_answer_is_the_peers_fault_and_only_2_1_says_so(
    version: OcppVersion, rest: list[Any], codes: dict[OcppVersion, str]
) -> None:
    peer = make(version)
    first, second = (peer.call("DataTransfer", DATA, by=SOON) for _ in range(2))
    said(peer)
    event = only(hear(peer, [3, first, *rest]))
    assert isinstance(event, Failed)
    assert isinstance(event.error, PeerFault)
    code = codes[V16 if version == V16 else V201]
    assert (event.id, event.error.code) == (first, code)

    answers = said(peer)
    assert answers[-1][:2] == [2, second]
    if version == V21:
        assert answers[0][:3] == [5, first, code]
        assert len(answers[0]) == 5
    else:
        assert len(answers) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_an_answer_that_is_no_json_ends_its_call(version: OcppVersion) -> None:
    peer = make(version)
    id = peer.call("DataTransfer", DATA, by=SOON)
    said(peer)
    event = only(hear(peer, f'[3,"{id}",{{"status":"Accepted","status":"Rejected"}}]'))
    assert isinstance(event, Failed)
    assert isinstance(event.error, PeerFault)
    assert [answer[:3] for answer in said(peer)] == ([[5, id, "FormatViolation"]] if version == V21 else [])


def test_the_details_of_a_callresulterror_say_what_was_wrong() -> None:
    peer = make(V21)
    id = peer.call("DataTransfer", DATA, by=SOON)
    said(peer)
    hear(peer, [3, id, {"status": "Perhaps"}])
    assert said(peer)[0][4] == {"property": "status", "value": "Perhaps", "request": {"status": "Perhaps"}}


# ── 2.1: SEND and CALLRESULTERROR ───────────────────────────────────────────────────────

STREAM = {"id": 1, "pending": 0, "basetime": "2026-11-20T10:00:00Z", "data": [{"t": Decimal("0.5"), "v": "1"}]}


def test_a_send_wants_no_answer() -> None:
    peer = make(V21)
    frame = encode([6, "7", "NotifyPeriodicEventStream", STREAM])
    assert hear(peer, frame) == [Sent("NotifyPeriodicEventStream", STREAM, frame)]
    assert peer.frames_to_send() == []


@pytest.mark.parametrize(
    "message",
    [
        [6, "7", "NotifyPeriodicEventStream", {}],
        [6, "7", "NotifyPeriodicEventStream", None],
        [6, "7", "Heartbeat", {}],
        [6, "7", "NoSuchAction", {}],
        [6, "7"],
        [6],
        b'[6,"7","NotifyPeriodicEventStream",{"id":NaN}]',
    ],
)
def test_a_bad_send_has_no_answer_either(message: Any) -> None:
    assert "SEND" in ignored(make(V21), message)


def test_a_send_that_we_do_not_handle_is_ignored() -> None:
    message = [6, "7", "NotifyPeriodicEventStream", STREAM]
    assert ignored(make(V21, handled=frozenset({"Heartbeat"})), message) == "a SEND that is not handled"


def test_a_send_message_is_no_call() -> None:
    assert rejected(make(V21), "NotifyPeriodicEventStream", STREAM).code == "NotImplemented"


def test_we_send_on_2_1_only() -> None:
    peer = make(V21)
    peer.send("NotifyPeriodicEventStream", STREAM)
    ((kind, id, *rest),) = said(peer)
    assert (kind, rest) == (6, ["NotifyPeriodicEventStream", STREAM])
    assert 0 < len(id) <= 36
    assert peer.next_deadline() is None
    with pytest.raises(LocalError):
        peer.send("NotifyPeriodicEventStream", {})
    with pytest.raises(LocalError):
        peer.send("Heartbeat", {})
    for version in (V16, V201):
        with pytest.raises(LocalError):
            make(version).send("NotifyPeriodicEventStream", STREAM)


@pytest.mark.parametrize("rest", [["FormatViolation", "", {}], [], [5], ["x"]])
def test_nothing_answers_a_callresulterror(rest: list[Any]) -> None:
    peer = make(V21)
    called(peer, "Heartbeat", {})
    peer.answer("1", TIME)
    said(peer)
    assert ignored(peer, [5, "1", *rest]).startswith("the peer could not read our answer")


# ── what is no message ──────────────────────────────────────────────────────────────────

_F, _R, _M = "FormatViolation", "RpcFrameworkError", "MessageTypeNotSupported"
#: text → (1.6, 2.0.1, 2.1): the id and code of the answer, or None for silence.
_NO_MESSAGE: list[tuple[bytes, Any, Any, Any]] = [
    # nothing that could be matched to a call
    (b"", None, ("-1", _R), ("-1", _R)),
    (b"hello", None, ("-1", _R), ("-1", _R)),
    (b"{}", None, ("-1", _R), ("-1", _R)),
    (b"null", None, ("-1", _R), ("-1", _R)),
    (b"[]", None, ("-1", _R), ("-1", _R)),
    (b"[null]", None, ("-1", _R), ("-1", _R)),
    (b"\xff\xfe", None, ("-1", _R), ("-1", _R)),
    (b'["2","1","Heartbeat",{}]', None, ("1", _R), ("1", _R)),
    (b'[2.0,"1","Heartbeat",{}]', None, ("1", _R), ("1", _R)),
    (b'[true,"1","Heartbeat",{}]', None, ("1", _R), ("1", _R)),
    (b"[" * 100_000, None, ("-1", _R), ("-1", _R)),
    # type numbers that the version does not have
    (b'[1,"1"]', None, None, ("1", _M)),
    (b'[7,"1","Heartbeat",{}]', None, None, ("1", _M)),
    (b'[-2,"1"]', None, None, ("1", _M)),
    (b"[9]", None, None, ("-1", _M)),
    (b'[9,"1",NaN]', None, None, ("1", _M)),
    # calls whose payload is no JSON, with an id that can be read
    (b'[2,"1","Authorize",{]', ("1", "FormationViolation"), ("1", _F), ("1", _F)),
    (b'[2,"1","Authorize",{"a":NaN}]', ("1", "FormationViolation"), ("1", _F), ("1", _F)),
    (b'[2,"1","Authorize",{"a":1e400}]', ("1", "FormationViolation"), ("1", _F), ("1", _F)),
    (b'[2,"1","Authorize",{"a":1,"a":1}]', ("1", "FormationViolation"), ("1", _F), ("1", _F)),
    (b'[2,"1","Authorize",{"a":"\xff"}]', ("1", "FormationViolation"), ("1", _F), ("1", _F)),
    (b'[2,"1","Authorize",{"a":"\\ud800"}]', ("1", "FormationViolation"), ("1", _F), ("1", _F)),
    (b'[2,"1","Authorize",' + b"[" * 50_000, ("1", "FormationViolation"), ("1", _F), ("1", _F)),
    (b'[2,"1","Authorize",{"a":"' + b"x" * 300_000 + b'"}]', ("1", "FormationViolation"), ("1", _F), ("1", _F)),
    (b' [ 2 , "1" , "Authorize"', ("1", "FormationViolation"), ("1", _F), ("1", _F)),
    # and with one that cannot
    (b'[2,"\\u0031","Heartbeat",{]', None, ("-1", _R), ("-1", _R)),
    (b"[2,1,Heartbeat", None, ("-1", _R), ("-1", _R)),
    (b"[2", None, ("-1", _R), ("-1", _R)),
    # calls of another form
    (b'[2,"1"]', ("1", "FormationViolation"), ("1", _R), ("1", _R)),
    (b'[2,"1","Authorize"]', ("1", "FormationViolation"), ("1", _R), ("1", _R)),
    (b'[2,"1","Authorize",{},{}]', ("1", "FormationViolation"), ("1", _R), ("1", _R)),
    (b'[2,"1",5,{}]', ("1", "FormationViolation"), ("1", _R), ("1", _R)),
    (b"[2]", None, ("-1", _R), ("-1", _R)),
    # nothing ever answers a CALLERROR, or an answer that nobody waits for
    (b'[3,"1",{]', None, None, None),
    (b"[3]", None, None, None),
    (b'[4,"1","X","",{]', None, None, None),
    (b"[4]", None, None, None),
    (b'[4,"-1","X","",{}]', None, None, None),
    (b'[4,null,"X","",{}]', None, None, None),
]


@pytest.mark.parametrize(("frame", "on_16", "on_201", "on_21"), _NO_MESSAGE, ids=lambda value: repr(value)[:40])
def test_what_is_no_message_is_answered_as_the_version_can(frame: bytes, on_16: Any, on_201: Any, on_21: Any) -> None:
    for version, expected in ((V16, on_16), (V201, on_201), (V21, on_21)):
        peer = make(version)
        event = only(hear(peer, frame))
        if expected is None:
            assert isinstance(event, Ignored)
            assert peer.frames_to_send() == []
        else:
            assert isinstance(event, Rejected)
            assert (event.id, event.fault.code) == expected
            assert [tuple(answer[:3]) for answer in said(peer)] == [(4, *expected)]
        assert event.frame == frame
        called(peer, "Heartbeat", {})  # and the connection lives on


@pytest.mark.parametrize("version", [V16, V201])
@pytest.mark.parametrize("message", [[5, "1", "FormatViolation", "", {}], [6, "1", "NotifyPeriodicEventStream", {}]])
def test_messages_of_2_1_are_unknown_before_it(version: OcppVersion, message: Any) -> None:
    assert ignored(make(version), message) == "unknown message type"


def test_text_with_a_lone_surrogate_is_no_message() -> None:
    assert ignored(make(V16), "\ud800") == "not UTF-8"
    assert rejected_text(make(V16), '[2,"1","Authorize",{"a":"\ud800"}]') == "FormationViolation"


def rejected_text(peer: Peer, text: str) -> str:
    event = only(hear(peer, text))
    assert isinstance(event, Rejected)
    return event.fault.code


# ── whatever arrives ────────────────────────────────────────────────────────────────────

_ids = st.sampled_from(["1", "", "-1", "x" * 37, 5, None])
_actions = st.sampled_from([*sorted(actions(V21)), "StartTransaction", "NotifyPeriodicEventStream", "Foo", 5, None])
_messages = st.one_of(
    st.tuples(st.just(2), _ids, _actions, documents).map(list),
    st.tuples(st.just(3), _ids, documents).map(list),
    st.tuples(st.sampled_from([4, 5]), _ids, documents, documents, documents).map(list),
    st.tuples(st.sampled_from([2, 3, 4, 5, 6, 7, -1, "2", None]), _ids, _actions, documents).map(list),
    st.lists(documents, max_size=6),
    documents,
)
_frames = st.one_of(
    st.builds(
        spell, _messages, space=st.sampled_from(["", " "]), ascii=st.booleans(), doubled=st.sampled_from([-1, 0])
    ),
    st.binary(max_size=40),
    st.text(max_size=40),
    st.builds(lambda message, cut: encode(message)[:cut], _messages, st.integers(0, 60)),
)


@given(st.sampled_from(VERSIONS), st.lists(_frames, max_size=6), st.booleans())
def test_nothing_that_arrives_raises_and_no_answer_is_answered(
    version: OcppVersion, heard: list[bytes | str], busy: bool
) -> None:
    peer, other = make(version), Peer(version, csms=False, entropy=SeededEntropy("other"))
    if busy:
        peer.call("DataTransfer", DATA, by=SOON, id="1")
        peer.frames_to_send()
    for frame in heard:
        assert len(peer.receive(frame, NOW)) == 1
        for answer in peer.frames_to_send():
            assert len(other.receive(answer, NOW)) == 1
            assert other.frames_to_send() == []


@given(st.sampled_from(VERSIONS), st.lists(st.sampled_from(["call", "answer", "refuse", "wrong", "wait"]), max_size=30))
def test_every_call_ends_exactly_once(version: OcppVersion, steps: list[str]) -> None:
    peer, now = make(version), 1000.0
    asked: list[str] = []
    ended: list[str] = []
    open_now: list[str] = []

    def note(events: list[Event]) -> None:
        ended.extend(event.id for event in events if isinstance(event, (Answered, Failed)))
        open_now.extend(frame[1] for frame in said(peer) if frame[0] == 2)

    for step in steps:
        last = open_now[-1] if open_now else "none"
        match step:
            case "call":
                asked.append(peer.call("DataTransfer", DATA, by=Tick(now + 3)))
                note([])
            case "wait":
                now += 1
                note(peer.expire(Tick(now)))
            case "answer":
                note(peer.receive(encode([3, last, ACCEPTED]), Tick(now)))
            case "refuse":
                note(peer.receive(encode([4, last, "GenericError", "", {}]), Tick(now)))
            case "wrong":
                note(peer.receive(encode([3, last, {}]), Tick(now)))
        assert len(set(open_now) - set(ended)) <= 1
    note(peer.close(Offline("gone")))
    assert sorted(asked) == sorted(ended)
