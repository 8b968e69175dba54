"""No address of a car leaves the language layer but in the two places that are made for it."""

import asyncio
import json
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evouch.charging.dialogue import (
    DataReceived,
    Noted,
    RawAnswer,
    RawCall,
    SessionFact,
    TokenPresented,
    VehicleIdentified,
)
from evouch.clock import Tick
from evouch.errors import PeerRefused
from evouch.ids import OcppVersion
from evouch.ocpp.redaction import hidden, kept, masked, redacted
from evouch.ocpp.versions import V16, V21, V201
from evouch.testing.clock import settle
from evouch.wire import encode
from tests.ocpp.cars import CAR, DIGITS, authorize, named, spelled
from tests.ocpp.ears import Talk
from tests.ocpp.peers import hear, make
from tests.ocpp.test_vehicles import event, notified, transfer
from tests.ocpp.wiretalk import FAMILY_2, VERSIONS
from tests.proofs import proves

AT = "2026-06-01T12:00:00Z"
CONTRACT = {"connectorId": 1, "meterStart": 1, "timestamp": AT}
OCMF = f'OCMF|{{"IT":"EVCCID","ID":"{DIGITS}","RD":[{{"RV":1}}]}}|{{"SD":"3045"}}'


def signed_16(value: str = OCMF, **more: str) -> dict[str, Any]:
    return {"connectorId": 1, "meterValue": [{"timestamp": AT, "sampledValue": [{"value": value, **more}]}]}


def transaction(**more: Any) -> dict[str, Any]:
    return {
        "eventType": "Updated", "timestamp": AT, "triggerReason": "Trigger", "seqNo": 1,
        "transactionInfo": {"transactionId": "T-1"}, **more,
    }  # fmt: skip


def signed_2(data: str) -> list[dict[str, Any]]:
    meter = {"signedMeterData": data, "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""}
    return [{"timestamp": AT, "sampledValue": [{"value": 1, "signedMeterValue": meter}]}]


def everywhere(text: str, version: OcppVersion) -> dict[str, tuple[str, Any]]:
    """Return by name every message of a version in which stations name a car."""
    if version == V16:
        return {
            "Authorize": ("Authorize", {"idTag": f"VID:{text}"}),
            "start": ("StartTransaction", {**CONTRACT, "idTag": f"vid:{text}"}),
            "stop": ("StopTransaction", {"transactionId": 7, "meterStop": 2, "timestamp": AT, "idTag": f"Vid:{text}"}),
            "ours": ("DataTransfer", transfer({"connectorId": 1, "evccid": text})),
            "ours, broken": ("DataTransfer", transfer(f'{{"connectorId":0,"evccid":"{text}"')),
            "another vendor": ("DataTransfer", {"vendorId": "v", "data": f'{{"ev":{{"mac":"{text}"}}}}'}),
            "a sentence": ("DataTransfer", {"vendorId": "v", "data": f"plugged in: VID:{text}, waiting"}),
            "signed": ("MeterValues", signed_16(format="SignedData")),
            "signed, not said": ("MeterValues", signed_16()),
            "a value": ("MeterValues", signed_16(f"VID:{text}")),
        }
    token = authorize(version, text)
    owned = {"vendorId": "v", "evccid": text}
    found: dict[str, tuple[str, Any]] = {
        "Authorize": ("Authorize", token),
        "Authorize, twice": ("Authorize", {"idToken": {**token["idToken"], "customData": {"vendorId": text}}}),
        "beside": ("Authorize", {"idToken": {
            "idToken": "04A1", "type": "ISO14443", "additionalInfo": [{"additionalIdToken": text, "type": "EVCCID"}],
        }}),
        "TransactionEvent": ("TransactionEvent", transaction(**token)),
        "custom": ("TransactionEvent", transaction(customData=owned)),
        "signed": ("TransactionEvent", transaction(meterValue=signed_2(OCMF))),
        "event": ("NotifyEvent", notified(event("VehicleId", text))),
        "event, and a remark": ("NotifyEvent", notified({**event("VehicleId", text), "techInfo": f"car {text}"})),
        "report": ("NotifyReport", {"requestId": 1, "generatedAt": AT, "seqNo": 0, "reportData": [{
            "component": {"name": "ConnectedEV"}, "variable": {"name": "VehicleId"},
            "variableAttribute": [{"value": text}],
        }]}),
        "customer": ("NotifyCustomerInformation", {
            "data": f"charged: evccid {text} on Monday", "seqNo": 0, "generatedAt": AT, "requestId": 1,
        }),
        "another vendor": ("DataTransfer", {"vendorId": "v", "data": {"list": [{"EVCCID": text}]}}),
    }  # fmt: skip
    if version == V21:
        found["EVCCID"] = ("Authorize", authorize(V21, text, "EVCCID"))
    return found


PLACES = [(version, name) for version in VERSIONS for name in everywhere(DIGITS, version)]


def kept_of(talk: Talk) -> list[bytes]:
    return [evidence.frame for evidence in talk.ear.evidence]


def leaks(said: Any) -> bool:
    """Tell whether what an actor heard names the car elsewhere than where it is meant to."""
    if isinstance(said, TokenPresented | VehicleIdentified):
        return False
    if isinstance(said, SessionFact):
        return named(repr(said))
    return named(repr(said.payload if isinstance(said, Noted) else said))


@proves("R37", "R38", "A19")
@pytest.mark.parametrize(("version", "name"), PLACES)
def test_what_is_kept_of_a_message_names_no_car_in_any_spelling(version: OcppVersion, name: str) -> None:
    for text in spelled().values():
        talk = Talk(version)
        action, payload = everywhere(text, version)[name]
        talk.say(2, "1", action, payload)
        if version == V16 and len(f"VID:{text}") > 20 and "idTag" in payload:
            assert talk.said()[0][0] == 4, "the form of an idTag has no room for it"
            continue
        assert not any(map(named, kept_of(talk)))
        assert not any(map(leaks, talk.ear.heard))
        assert all(json.loads(frame)[:3] == [2, "1", action] for frame in kept_of(talk))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_redacted_frame_still_says_that_there_was_a_car(version: OcppVersion) -> None:
    again = Talk(version)
    talk = Talk(version)
    talk.say(2, "1", "Authorize", authorize(version, DIGITS))
    again.conversation.receive(kept_of(talk)[0])
    assert [said.token.mac for said in talk.ear.heard] == [CAR]
    assert [(said.token.mac, said.token.vehicle, said.token.value) for said in again.ear.heard] == [(None, True, "")]


@pytest.mark.parametrize(
    "frame",
    [
        b'[2,"1","Heartbeat",{}]',
        b'[2,"1","Authorize",{"idTag":"04A1B2C3D4E5F6"}]',
        b'[2,"1","Authorize",{"idTag":"02005E10AB0F"}]',
        b'[2, "1", "StatusNotification", {"info": "gr\\u00fcn", "connectorId": 1}]',
        b'[2,"1","DataTransfer",{"vendorId":"v","data":"{ \\"a\\" : 1 }"}]',
    ],
)
def test_a_frame_without_a_car_is_kept_as_it_came(frame: bytes) -> None:
    assert redacted(frame) is frame


def test_the_samples_of_a_meter_are_passed_on_without_being_read_again() -> None:
    plain = encode([2, "1", "MeterValues", signed_16("1234", unit="Wh")])
    assert kept("MeterValues", {}, plain) is plain
    update = encode([2, "1", "TransactionEvent", transaction()])
    assert kept("TransactionEvent", transaction(), update) is update


def test_of_signed_values_nothing_is_kept_in_whatever_encoding_they_are() -> None:
    coded = "T0NNRnx7IklUIjoiRVZDQ0lEIn0="
    for action, payload in (
        ("MeterValues", signed_16(coded, format="SignedData")),
        ("TransactionEvent", transaction(meterValue=signed_2(coded))),
    ):
        frame = kept(action, payload, encode([2, "1", action, payload]))
        assert coded.encode() not in frame
        assert b"***" in frame


@pytest.mark.parametrize("escaped", [rf"\u0056ID:{DIGITS}", rf"VID\u003a{DIGITS}", rf"VID:\u0030{DIGITS[1:]}"])
def test_an_escape_hides_nothing_from_us(escaped: str) -> None:
    frame = redacted(f'[2,"1","Authorize",{{"idTag":"{escaped}"}}]'.encode())
    assert not named(frame)
    assert json.loads(frame)[3] == {"idTag": "VID:***"}


def test_of_what_is_no_json_and_may_name_a_car_nothing_is_left() -> None:
    assert redacted(f'[2,"1","Authorize",{{"idTag":"VID:{DIGITS}"'.encode()) == b"***"


# ── messages that break a rule ──────────────────────────────────────────────────────────


def broken(version: OcppVersion) -> dict[str, tuple[str, Any]]:
    """Return by name what firmware gets wrong when it names a car."""
    if version == V16:
        return {
            "too long": ("Authorize", {"idTag": f"VID:0000{DIGITS}9"}),
            "member": ("Authorize", {"idTag": "x", f"VID:{DIGITS}": 1}),
            "array": ("Authorize", [f"VID:{DIGITS}"]),
            "action": (f"VID:{DIGITS}", {}),
            "time": ("StartTransaction", {**CONTRACT, "idTag": f"VID:{DIGITS}", "timestamp": f"VID:{DIGITS}"}),
        }
    car = {"idToken": DIGITS, "type": "MacAddress"}
    return {
        "extra": ("Authorize", {"idToken": car, "more": 1}),
        "no type": ("Authorize", {"idToken": {"idToken": DIGITS}}),
        "no object": ("Authorize", {"idToken": DIGITS}),
        "number": ("Authorize", {"idToken": {"idToken": 112233445566, "type": "MacAddress"}}),
        "number, no type": ("Authorize", {"idToken": {"idToken": 112233445566}}),
        "member": ("Authorize", {"idToken": car, DIGITS: 1}),
        "event": ("NotifyEvent", {"eventData": [event("VehicleId", DIGITS)]}),
        "action": (f"VID:{DIGITS}", {}),
    }


BROKEN = [(version, name) for version in VERSIONS for name in broken(version)]


@proves("R37", "A19")
@pytest.mark.parametrize(("version", "name"), BROKEN)
def test_neither_error_nor_log_repeats_the_car_of_a_message_that_broke_a_rule(
    version: OcppVersion, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    talk = Talk(version)
    action, payload = broken(version)[name]
    talk.say(2, "1", action, payload)
    (answer,) = talk.out
    assert json.loads(answer)[0] == 4
    for digits in (DIGITS, "112233445566"):
        assert not named(answer, digits)
        assert not named(caplog.text, digits)


@pytest.mark.parametrize(("version", "name"), BROKEN)
def test_the_gate_tells_nobody_the_name_of_a_car(version: OcppVersion, name: str) -> None:
    told: list[str] = []
    talk = Talk(version)
    talk.conversation.allow(frozenset({"Heartbeat"}), refused=told.append)
    talk.say(2, "1", *broken(version)[name])
    assert len(told) == 1
    assert not named(told[0])


@proves("A19")
@pytest.mark.parametrize("version", VERSIONS)
def test_an_error_of_a_station_that_quotes_a_car_reaches_nobody_with_it(
    version: OcppVersion, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> PeerRefused:
        talk = Talk(version)
        asked = asyncio.ensure_future(
            talk.conversation.call(RawCall(action="ClearCache", payload={}), by=Tick(talk.clock.tick() + 9))
        )
        await settle()
        (call,) = talk.said()
        details = {"idToken": {"idToken": DIGITS, "type": "MacAddress"}}
        talk.say(4, call[1], f"VID:{DIGITS}", f"unknown idTag VID:{DIGITS}!", details)
        refused = await asked
        assert isinstance(refused, PeerRefused)
        return refused

    caplog.set_level(logging.DEBUG)
    refused = asyncio.run(story())
    assert not named(f"{refused!r} {refused} {refused.args} {refused.details} {caplog.text}")


def test_a_raw_answer_of_a_station_comes_without_the_car_that_is_connected() -> None:
    async def story() -> RawAnswer:
        talk = Talk(V201)
        wanted = {"component": {"name": "ConnectedEV"}, "variable": {"name": "VehicleId"}}
        order = RawCall(action="GetVariables", payload={"getVariableData": [wanted]})
        asked = asyncio.ensure_future(talk.conversation.call(order, by=Tick(talk.clock.tick() + 9)))
        await settle()
        (call,) = talk.said()
        row = {**wanted, "attributeStatus": "Accepted", "attributeValue": DIGITS}
        talk.say(3, call[1], {"getVariableResult": [row]})
        answer = await asked
        assert isinstance(answer, RawAnswer)
        return answer

    assert not named(repr(asyncio.run(story()).payload))


@proves("A19")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_handler_that_fails_over_a_car_logs_where_and_not_what(
    version: OcppVersion, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(said: TokenPresented) -> None:
        assert said.token.mac is not None
        raise ValueError(f"cannot handle {said.token.mac.reveal().hex()}")

    talk = Talk(version)
    talk.ear.answers[TokenPresented] = fail
    talk.say(2, "1", "Authorize", authorize(version, DIGITS))
    assert talk.said()[0][2] == "InternalError"
    assert "ValueError" in caplog.text
    assert not named(caplog.text)


@proves("R37")
@pytest.mark.parametrize("version", VERSIONS)
def test_while_a_question_about_a_car_is_thought_about_its_frame_is_held_by_nobody(version: OcppVersion) -> None:
    async def story() -> None:
        talk, verdict = Talk(version), asyncio.get_running_loop().create_future()
        talk.ear.answers[TokenPresented] = lambda said: verdict
        talk.say(2, "1", "Authorize", authorize(version, DIGITS))
        (task,) = asyncio.all_tasks() - {asyncio.current_task()}
        await settle()
        coroutine: Any = task.get_coro()
        assert not named(repr(coroutine.cr_frame.f_locals))
        peer: Any = talk.conversation._peer
        held = {name: getattr(peer, name) for name in type(peer).__slots__}
        assert not named(repr(held))
        verdict.cancel()
        await settle()

    asyncio.run(story())


# ── whatever a station makes of it ──────────────────────────────────────────────────────

ADDRESSES = st.binary(min_size=6, max_size=6).map(lambda octets: octets.hex().upper())


@st.composite
def frames(draw: st.DrawFn) -> tuple[OcppVersion, str, bytes]:
    """Draw a frame in which a car is named in one of all places, in any spelling, case and layout of JSON."""
    digits = draw(ADDRESSES)
    version, name = draw(st.sampled_from(PLACES))
    separator = draw(st.sampled_from(["", ":", "-", ".", " "]))
    every = draw(st.sampled_from([2, 4]))
    text = separator.join(digits[at : at + every] for at in range(0, 12, every))
    text = draw(st.sampled_from(["", "0000"])) + draw(st.sampled_from([text, text.lower(), text.swapcase()]))
    action, payload = everywhere(text, version)[name]
    written = json.dumps([2, "1", action, payload], indent=draw(st.sampled_from([None, 1])))
    if draw(st.booleans()):
        written = written.replace("VID:", "\\u0056ID:").replace(text, f"\\u{ord(text[0]):04x}{text[1:]}")
    return version, digits, written.encode()


@proves("R37", "R38", "A19")
@settings(max_examples=250, deadline=None)
@given(frames())
def test_no_frame_that_names_a_car_comes_out_as_evidence(drawn: tuple[OcppVersion, str, bytes]) -> None:
    version, digits, frame = drawn
    talk = Talk(version)
    talk.conversation.receive(frame)
    if OCMF.encode()[:4] not in frame:
        assert named(frame, digits)
    assert not any(named(each, digits) for each in kept_of(talk))
    assert not any(named(each, digits) for each in talk.out)
    assert not named(redacted(frame), digits)


@settings(max_examples=100)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
), max_leaves=8), ADDRESSES)  # fmt: skip
def test_hiding_keeps_the_shape_of_a_document_and_is_done_once(document: Any, digits: str) -> None:
    assume_nameless = json.dumps(document).casefold()
    whole = {"evccid": digits, "rest": document}
    clean = hidden(whole)
    assert hidden(clean) == clean
    assert clean["evccid"] == "***"
    if not any(word in assume_nameless for word in ("vid:", "mac", "evccid", "vehicle", "signed", "type")):
        assert named(json.dumps(document), digits) or clean["rest"] == document


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Heartbeat", "Heartbeat"),
        (f"VID:{DIGITS}", "VID:***"),
        (DIGITS, "***"),
        ("02:00:5e:10:ab:0f", "***"),
        (f"no such idTag (vid:{DIGITS}) here", "no such idTag (vid:***) here"),
        ("0a1b2c3d-4e5f-4a1b-8c9d-000000000001", "0a1b2c3d-4e5f-4a1b-8c9d-000000000001"),
    ],
)
def test_words_for_the_log_keep_what_names_no_car(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize(("kind", "before"), [("MacAddress", ""), ("Central", "VID:")])
def test_what_stands_beside_the_token_of_a_car_is_hidden_with_it(kind: str, before: str) -> None:
    beside = [{"additionalIdToken": "another name", "type": "carName"}]
    token = {"idToken": f"{before}{DIGITS}", "type": kind, "additionalInfo": beside}
    clean = hidden({"idToken": token})
    assert [{"additionalIdToken": "***", "type": "carName"}] == clean["idToken"]["additionalInfo"]
    card = {"idToken": {"idToken": "04A1", "type": "ISO14443", "additionalInfo": beside}}
    assert card == hidden(card)


def test_underscores_hide_no_address() -> None:
    text = "_".join(DIGITS[at : at + 2] for at in range(0, 12, 2))
    assert "***" == masked(text)
    assert "a car vid:*** is here" == masked(f"a car vid:{text} is here")
    assert {"note": "it is ***", "mac": "***"} == hidden({"note": f"it is {text}", "mac": DIGITS})
    assert {"x": "***"} == hidden({"x": text}, doubtful=True)


def test_a_long_message_full_of_addresses_takes_no_longer_than_others() -> None:
    many = [{"evccid": f"{number:012X}"} for number in range(1, 4000)]
    clean = redacted(encode([2, "1", "DataTransfer", {"vendorId": "v", "data": many}]))
    assert clean.count(b"***") == len(many)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_frame_that_is_no_call_is_thrown_away_with_all_that_it_says(version: OcppVersion) -> None:
    peer = make(version)
    (event,) = hear(peer, f'[3,"nobody",{{"idTag":"VID:{DIGITS}"}}]')
    assert "VID" not in getattr(event, "why", "")


@pytest.mark.parametrize("version", FAMILY_2)
def test_data_of_other_vendors_passes_but_for_the_car_in_it(version: OcppVersion) -> None:
    talk = Talk(version)
    talk.say(2, "1", "DataTransfer", {"vendorId": "v", "data": {"evccid": DIGITS, "soc": 40}})
    assert talk.ear.heard == [DataReceived(vendor="v", data={"evccid": "***", "soc": 40})]
