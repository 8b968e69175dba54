"""Cars in the messages of all versions: what a backend understands, what a station says, and what neither can."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from evouch.charging.dialogue import (
    AnnounceStart,
    Noted,
    SessionAnswer,
    SessionEnded,
    SessionStarted,
    SettingsReported,
    TokenPresented,
    Unspeakable,
    VehicleIdentified,
    Yes,
)
from evouch.charging.tokens import IdToken, TokenKind
from evouch.errors import PeerRefused
from evouch.ids import EvseNumber, Mac, OcppVersion, TransactionId
from evouch.ocpp.extensions import CONTENTS
from evouch.ocpp.extensions.autocharge import IDENTIFIED, START, VENDOR
from evouch.ocpp.schemas import content
from evouch.ocpp.translate import translator
from evouch.ocpp.translator import AnsweredAlready
from evouch.ocpp.versions import V16, V21, V201
from evouch.wire import encode
from tests.ocpp.cars import CAR, DIGITS, authorize, spelled, token
from tests.ocpp.ears import Talk
from tests.ocpp.wiretalk import (
    FAMILY_2,
    NOON,
    VERSIONS,
    answered_at_once,
    calls,
    carried_out,
    over_the_wire,
    request,
    spoken,
    wired,
)
from tests.proofs import proves

MAC, EVCCID = TokenKind.MAC_ADDRESS, TokenKind.EVCCID
NAMELESS = IdToken("", MAC)


def heard(version: OcppVersion, action: str, payload: Any) -> Any:
    """Return what a backend makes of a CALL that has passed its schema."""
    return translator(version, wired(version)).fact(action, request(version, action, payload))


# ── tokens ──────────────────────────────────────────────────────────────────────────────

SPELLINGS = [(version, text) for version in VERSIONS for text in spelled().values()]


@pytest.mark.parametrize(
    ("version", "text"), [(v, t) for v, t in SPELLINGS if v != V16 or len(t) <= 16] + [(V16, f" {DIGITS}")]
)
def test_an_address_is_read_in_whatever_spelling_its_station_likes(version: OcppVersion, text: str) -> None:
    fact = heard(version, "Authorize", authorize(version, text))
    assert fact == TokenPresented(token=IdToken("", MAC, CAR))


@pytest.mark.parametrize("prefix", ["VID:", "vid:", "Vid:", " vid:"])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_prefix_of_an_id_tag_counts_in_any_case_and_on_any_version(version: OcppVersion, prefix: str) -> None:
    tag = f"{prefix}{DIGITS}"
    payload = {"idTag": tag} if version == V16 else {"idToken": {"idToken": tag, "type": "Central"}}
    assert heard(version, "Authorize", payload).token == IdToken("", MAC, CAR)


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("VID:", NAMELESS),
        ("VID:02005E10AB0", NAMELESS),
        ("VID:02005E10AB0G", NAMELESS),
        ("VID:1234" + DIGITS, NAMELESS),
        ("VID:WMIV1234567890A", NAMELESS),
        (DIGITS, IdToken(DIGITS)),
        ("AVID:02005E10AB0F", IdToken("AVID:02005E10AB0F")),
    ],
)
def test_a_car_that_cannot_be_read_is_a_car_without_address_and_without_value(tag: str, expected: IdToken) -> None:
    assert heard(V16, "Authorize", {"idTag": tag}).token == expected


@pytest.mark.parametrize(
    ("version", "kind", "text", "expected"),
    [
        (V21, "EVCCID", DIGITS, IdToken("", EVCCID, CAR)),
        (V21, "evccid", DIGITS.lower(), IdToken("", EVCCID, CAR)),
        (V21, "MACADDRESS", DIGITS, IdToken("", MAC, CAR)),
        (V21, "EVCCID", "0000" + DIGITS, IdToken("", EVCCID)),
        (V21, "EVCCID", "WMIV1234567890ABCDEX", IdToken("", EVCCID)),
        (V21, "EVCCID", "VID:12345678", IdToken("", EVCCID)),
        (V21, "MacAddress", "unknown", NAMELESS),
        (V201, "MacAddress", "", NAMELESS),
        (V201, "ISO14443", DIGITS, IdToken(DIGITS, TokenKind.ISO14443)),
        (V21, "Central", DIGITS, IdToken(DIGITS, TokenKind.CENTRAL)),
    ],
)
def test_the_type_of_a_token_says_whether_it_is_a_car(
    version: OcppVersion, kind: str, text: str, expected: IdToken
) -> None:
    assert heard(version, "Authorize", authorize(version, text, kind)).token == expected


@pytest.mark.parametrize("version", VERSIONS)
def test_stations_write_an_address_with_twelve_upper_case_digits(version: OcppVersion) -> None:
    action, payload = spoken(TokenPresented(token=token(version)), wired(version))
    assert (action, payload) == ("Authorize", authorize(version, DIGITS))


def test_an_evccid_is_said_as_such_on_2_1_and_as_an_address_on_2_0_1() -> None:
    said = {v: spoken(TokenPresented(token=IdToken("", EVCCID, CAR)), wired(v))[1]["idToken"] for v in FAMILY_2}
    assert {v: one["type"] for v, one in said.items()} == {V201: "MacAddress", V21: "EVCCID"}


def test_a_car_whose_address_nobody_knows_cannot_be_said_on_1_6() -> None:
    assert isinstance(translator(V16, wired(V16)).say(TokenPresented(token=NAMELESS)), Unspeakable)


def test_start_and_stop_of_1_6_name_the_car() -> None:
    start = {"connectorId": 1, "idTag": f"VID:{DIGITS}", "meterStart": 1, "timestamp": "2026-06-01T12:00:00Z"}
    stop = {"transactionId": 7, "idTag": f"vid:{DIGITS}", "meterStop": 2, "timestamp": "2026-06-01T12:00:00Z"}
    assert heard(V16, "StartTransaction", start).token == heard(V16, "StopTransaction", stop).token == token(V16)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", [SessionStarted, SessionEnded])
def test_transactions_carry_the_car_there_and_back(version: OcppVersion, kind: Any) -> None:
    transaction = TransactionId("7") if kind is SessionEnded or version != V16 else None
    fact = kind(transaction=transaction, at=NOON, evse=EvseNumber(1), token=token(version), seq=0)
    action, payload = spoken(fact, wired(version))
    assert heard(version, action, payload).token == token(version)


# ── a car that is identified during a charge ────────────────────────────────────────────


def event(name: str, value: str, *, component: str = "ConnectedEV", evse: int | None = 2) -> dict[str, Any]:
    place = {"evse": {"id": evse, "connectorId": 1}} if evse else {}
    return {
        "eventId": 5, "timestamp": "2026-06-01T12:00:00Z", "trigger": "Delta", "actualValue": value,
        "eventNotificationType": "HardWiredNotification", "component": {"name": component, **place},
        "variable": {"name": name}, "transactionId": "T-1",
    }  # fmt: skip


def notified(*events: dict[str, Any]) -> dict[str, Any]:
    return {"generatedAt": "2026-06-01T12:00:00Z", "seqNo": 0, "eventData": list(events)}


@pytest.mark.parametrize("version", FAMILY_2)
def test_an_event_says_which_car_is_connected_and_where(version: OcppVersion) -> None:
    fact = heard(version, "NotifyEvent", notified(event("Problem", "false"), event("vehicleid", DIGITS.lower())))
    assert fact == VehicleIdentified(
        mac=CAR, evse=EvseNumber(2), connector=1, transaction=TransactionId("T-1"), at=NOON
    )
    assert translator(version, wired(version)).answer(fact, None) == {}


def test_of_several_cars_in_one_message_the_first_that_can_be_read_counts() -> None:
    payload = notified(event("VehicleId", "", evse=1), event("VehicleId", DIGITS))
    assert heard(V21, "NotifyEvent", payload).evse == EvseNumber(2)


@pytest.mark.parametrize("value", ["", "WMIV1234567890ABCDEX", "02005E"])
def test_a_car_that_has_no_address_is_identified_without_one(value: str) -> None:
    fact = heard(V21, "NotifyEvent", notified(event("VehicleId", value, evse=None)))
    assert (fact.mac, fact.evse) == (None, None)


def test_other_events_are_noted_as_before() -> None:
    payload = notified(event("Problem", "true"))
    assert heard(V201, "NotifyEvent", payload) == Noted(action="NotifyEvent", payload=over_the_wire(payload))


def transfer(data: Any, message: str | None = IDENTIFIED) -> dict[str, Any]:
    inside = data if isinstance(data, str) else encode(data).decode()
    return {"vendorId": VENDOR, "messageId": message, "data": inside} if message else {"vendorId": VENDOR}


@pytest.mark.parametrize("text", spelled().values())
def test_a_station_of_1_6_says_it_with_our_message(text: str) -> None:
    data = {"connectorId": 3, "transactionId": 7, "evccid": text, "firmware": "more than is asked for"}
    fact = heard(V16, "DataTransfer", transfer(data))
    assert fact == VehicleIdentified(mac=CAR, evse=EvseNumber(2), connector=3, transaction=TransactionId("7"))
    assert translator(V16, wired(V16)).answer(fact, None) == {"status": "Accepted"}


def test_an_object_in_place_of_its_text_is_understood_all_the_same() -> None:
    talk = Talk(V16)
    payload = {"vendorId": VENDOR, "messageId": IDENTIFIED, "data": {"connectorId": 1, "evccid": DIGITS}}
    talk.say(2, "1", "DataTransfer", payload)
    assert talk.said() == [[3, "1", {"status": "Accepted"}]]
    assert [fact.mac for fact in talk.ear.heard] == [CAR]


@pytest.mark.parametrize("number", [-1, 0])
def test_a_number_below_one_is_no_transaction(number: int) -> None:
    fact = heard(V16, "DataTransfer", transfer({"connectorId": 9, "transactionId": number, "evccid": "x"}))
    assert fact == VehicleIdentified(mac=None, connector=9)


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        (transfer("not JSON"), "Rejected"),
        (transfer([]), "Rejected"),
        (transfer({"evccid": DIGITS}), "Rejected"),
        (transfer({"connectorId": 0, "evccid": DIGITS}), "Rejected"),
        (transfer({"connectorId": 1, "evccid": 2}), "Rejected"),
        (transfer({"connectorId": 1, "transactionId": "7", "evccid": DIGITS}), "Rejected"),
        ({"vendorId": VENDOR, "messageId": IDENTIFIED}, "Rejected"),
        (transfer({}, "Other"), "UnknownMessageId"),
        (transfer({}, None), "UnknownMessageId"),
    ],
)
def test_what_our_message_cannot_mean_is_answered_and_reaches_nobody(payload: Any, status: str) -> None:
    talk = Talk(V16)
    talk.say(2, "1", "DataTransfer", payload)
    assert talk.said() == [[3, "1", {"status": status}]]
    assert talk.ear.heard == []


# ── a start that is announced ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("version", "data"),
    [
        (V16, '{"evseId":2,"connectorId":3,"seconds":10}'),
        (V201, {"evseId": 2, "seconds": 10}),
        (V21, {"evseId": 2, "seconds": 10}),
    ],
)
def test_a_start_is_announced_by_data_transfer_on_all_versions(version: OcppVersion, data: Any) -> None:
    order = AnnounceStart(evse=EvseNumber(2), seconds=10, connector=3 if version == V16 else None)
    assert calls(order, wired(version)) == [("DataTransfer", {"vendorId": VENDOR, "messageId": START, "data": data})]
    assert carried_out(order, Yes(accepted=True), wired(version)) == Yes(accepted=True, status="Accepted")
    assert carried_out(order, Yes(accepted=False), wired(version)) == Yes(accepted=False, status="Rejected")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_station_that_does_not_know_it_just_does_not_show_it(version: OcppVersion) -> None:
    order, speaks = AnnounceStart(evse=EvseNumber(1), seconds=5), translator(version, wired(version))
    for status in ("UnknownVendorId", "UnknownMessageId", "Rejected"):
        assert speaks.outcome(order, [{"status": status}]) == Yes(accepted=False, status=status)
    for code in ("NotImplemented", "NotSupported"):
        assert speaks.outcome(order, [PeerRefused(code)]) == Yes(accepted=False, status=code)
    broken = PeerRefused("InternalError")
    assert speaks.outcome(order, [broken]) is broken


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("data", "message", "status"),
    [
        ({"evseId": 1, "seconds": 301}, START, "Rejected"),
        ({"evseId": 1, "seconds": -1}, START, "Rejected"),
        ({"evseId": 0, "seconds": 1}, START, "Rejected"),
        ({"seconds": 1}, START, "Rejected"),
        ({"evseId": 1}, START, "Rejected"),
        ({"evseId": 1, "seconds": "1"}, START, "Rejected"),
        ("no object", START, "Rejected"),
        ({"evseId": 1, "seconds": 1}, "Other", "UnknownMessageId"),
    ],
)
def test_a_station_refuses_an_announcement_that_makes_no_sense(
    version: OcppVersion, data: Any, message: str, status: str
) -> None:
    inside = encode(data).decode() if version == V16 else data
    payload = {"vendorId": VENDOR, "messageId": message, "data": inside}
    assert answered_at_once(version, "DataTransfer", payload) == {"status": status}


def test_on_1_6_either_number_names_the_evse_and_two_have_to_agree() -> None:
    speaks = translator(V16, wired(V16))
    by_connector = speaks.told("DataTransfer", transfer({"connectorId": 3, "seconds": 4}, START))
    by_evse = speaks.told("DataTransfer", transfer({"evseId": 2, "seconds": 4}, START))
    assert by_connector == AnnounceStart(evse=EvseNumber(2), seconds=4, connector=3)
    assert by_evse == AnnounceStart(evse=EvseNumber(2), seconds=4)
    for wrong in ({"connectorId": 9, "seconds": 4}, {"connectorId": 3, "evseId": 1, "seconds": 4}):
        with pytest.raises(AnsweredAlready):
            speaks.told("DataTransfer", transfer(wrong, START))


def test_every_content_of_ours_has_a_schema_that_is_marked_as_no_ocpp() -> None:
    assert [each.message for each in CONTENTS] == [IDENTIFIED, START]
    for each in CONTENTS:
        assert content(each.message) is content(each.message)
        assert '"description": "Not an OCPP message' in each.schema_file.read_text()
    with pytest.raises(KeyError):
        content("Another")


# ── what is never handed on ─────────────────────────────────────────────────────────────


@proves("R37", "R38")
@pytest.mark.parametrize("version", FAMILY_2)
def test_a_report_of_the_device_model_comes_without_the_car_that_is_connected(version: OcppVersion) -> None:
    row = {
        "component": {"name": "ConnectedEV", "evse": {"id": 1}}, "variable": {"name": "VehicleId"},
        "variableAttribute": [{"value": DIGITS}], "variableCharacteristics": {
            "dataType": "string", "supportsMonitoring": False,
        },
    }  # fmt: skip
    page = {"requestId": 1, "generatedAt": "2026-06-01T12:00:00Z", "seqNo": 0, "reportData": [row]}
    fact = heard(version, "NotifyReport", page)
    assert isinstance(fact, SettingsReported)
    assert [result.value for result in fact.settings] == [None]


def test_a_session_answer_is_what_it_was() -> None:
    stop = SessionEnded(transaction=TransactionId("7"), at=NOON, token=token(V16))
    assert translator(V16, wired(V16)).answer(stop, SessionAnswer()) == {}


# ── the page ────────────────────────────────────────────────────────────────────────────

PAGE = (Path(__file__).parents[2] / "docs" / "specs" / "autocharge_ocpp.md").read_text()
FRAMES = [json.loads(line) for text in re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
          for line in text.splitlines()]  # fmt: skip


@pytest.mark.parametrize("frame", [one for one in FRAMES if one[0] == 2], ids=lambda frame: frame[2])
def test_the_examples_of_the_specification_are_what_they_say(frame: Any) -> None:
    _, _, action, payload = frame
    if payload.get("messageId") == START:
        order = translator(V21, wired(V21)).told(action, request(V21, action, payload))
        assert order == AnnounceStart(evse=EvseNumber(1), seconds=10)
        return
    versions = FAMILY_2 if "idToken" in payload or action == "NotifyEvent" else [V16]
    for version in versions:
        fact = heard(version, action, payload)
        mac = fact.mac if isinstance(fact, VehicleIdentified) else fact.token.mac
        assert mac == Mac(bytes.fromhex("02005E100001"))
