"""What is forgiven, row by row; and that nothing else is."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given

from evouch.ids import OcppVersion
from evouch.ocpp.rpc import Answered, Failed, Ignored
from evouch.ocpp.tolerances import OUR_VENDOR, TOLERANCES, tolerate
from evouch.ocpp.versions import V16, V21, V201, VERSIONS
from tests.documents import objects
from tests.ocpp.peers import NOW, SOON, called, hear, make, rejected, said
from tests.ocpp.samples import ACTIONS, sample, schema_of

_OCCURRENCE = {
    V16: "OccurenceConstraintViolation",
    V201: "OccurrenceConstraintViolation",
    V21: "OccurrenceConstraintViolation",
}


def test_every_row_says_where_what_and_why() -> None:
    assert len({row.counter for row in TOLERANCES}) == len(TOLERANCES)
    for row in TOLERANCES:
        assert row.versions
        assert row.path
        assert row.what
        assert row.source
        assert row.part in ("request", "response", "*", "frame")
        assert (row.part == "frame") is (row.mend is None and not row.assumed)


# ── null ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_an_optional_member_that_is_null_is_absent(version: OcppVersion, action: str) -> None:
    schema = schema_of(version, action)
    payload = sample(version, action)
    optional = dict.fromkeys(schema.get("properties", {}).keys() - payload.keys() - {"data"})
    peer = make(version)

    assert called(peer, action, payload | optional).payload == payload
    assert peer.tally == (Counter(nullMember=1) if optional else Counter())


@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_a_required_member_that_is_null_is_missing(version: OcppVersion, action: str) -> None:
    payload = sample(version, action)
    for name in payload:
        if (action, name) == ("DataTransfer", "vendorId"):
            continue
        peer = make(version)
        fault = rejected(peer, action, payload | {name: None})
        assert (fault.code, fault.description) == (_OCCURRENCE[version], f"Missing '{name}' value!")
        assert peer.tally == Counter()


def test_null_is_absent_at_any_depth() -> None:
    peer = make(V201)
    payload = {
        "evseId": 1,
        "meterValue": [
            {"timestamp": "2026-11-20T10:00:00Z", "sampledValue": [{"value": 1, "phase": None}], "customData": None}
        ],
    }
    assert called(peer, "MeterValues", payload).payload == {
        "evseId": 1,
        "meterValue": [{"timestamp": "2026-11-20T10:00:00Z", "sampledValue": [{"value": 1}]}],
    }


def test_null_in_a_list_is_no_element() -> None:
    fault = rejected(make(V16), "MeterValues", {"connectorId": 1, "meterValue": [None]})
    assert (fault.code, fault.description) == (
        "TypeConstraintViolation",
        "Property 'meterValue[0]' must be of type Object!",
    )


@pytest.mark.parametrize("version", [V201, V21])
def test_null_inside_custom_data_stays(version: OcppVersion) -> None:
    custom = {"vendorId": "x", "a": None, "b": {"c": None}}
    payload = {"customData": custom}
    assert called(make(version), "Heartbeat", payload).payload == payload

    event = called(make(version), "MeterValues", sample(version, "MeterValues") | {"customData": custom})
    assert event.payload["customData"] == custom

    boot = sample(version, "BootNotification")
    boot["chargingStation"] |= {"modem": None, "customData": custom}
    assert called(make(version), "BootNotification", boot).payload["chargingStation"]["customData"] == custom


@pytest.mark.parametrize("version", [V201, V21])
def test_null_inside_the_data_of_a_data_transfer_stays(version: OcppVersion) -> None:
    data = {"evseId": 1, "timeout": None}
    event = called(make(version), "DataTransfer", {"vendorId": "x", "messageId": None, "data": data})
    assert event.payload == {"vendorId": "x", "data": data}


def test_null_in_the_vendor_id_of_custom_data_is_missing() -> None:
    fault = rejected(make(V21), "Heartbeat", {"customData": {"vendorId": None}})
    assert (fault.code, fault.details["property"]) == ("OccurrenceConstraintViolation", "customData.vendorId")


def test_answers_are_forgiven_null_too() -> None:
    peer = make(V16)
    id = peer.call("GetConfiguration", {}, by=SOON)
    (event,) = hear(peer, [3, id, {"configurationKey": None, "unknownKey": ["x"]}])
    assert isinstance(event, Answered)
    assert event.payload == {"unknownKey": ["x"]}


@given(objects)
def test_what_the_table_makes_of_a_payload_is_never_more_than_it_was(payload: dict[str, Any]) -> None:
    for version in VERSIONS:
        for part in ("request", "response"):
            meaning = tolerate(version, "MeterValues", part, payload)
            assert meaning.judged == meaning.payload
            assert meaning.payload.keys() <= payload.keys()
            assert (meaning.counters == ()) is (meaning.payload == payload)


# ── DataTransfer ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("payload", [{}, {"vendorId": None}, {"messageId": "m", "data": "x"}])
def test_a_data_transfer_without_vendor_reaches_its_handler(version: OcppVersion, payload: dict[str, Any]) -> None:
    peer = make(version)
    meant = {name: value for name, value in payload.items() if value is not None}
    assert called(peer, "DataTransfer", payload).payload == meant
    assert peer.tally["dataTransferWithoutVendor"] == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_without_a_vendor_the_rest_is_still_checked(version: OcppVersion) -> None:
    assert rejected(make(version), "DataTransfer", {"messageId": 5}).code == "TypeConstraintViolation"
    assert rejected(make(version), "DataTransfer", {"vendorId": 5}).code == "TypeConstraintViolation"


@pytest.mark.parametrize("version", VERSIONS)
def test_unknown_vendor_is_read_as_unknown_vendor_id(version: OcppVersion) -> None:
    peer = make(version)
    id = peer.call("DataTransfer", {"vendorId": "x"}, by=SOON)
    (event,) = hear(peer, [3, id, {"status": "UnknownVendor"}])
    assert isinstance(event, Answered)
    assert event.payload == {"status": "UnknownVendorId"}
    assert peer.tally == Counter(unknownVendor=1)


def test_unknown_vendor_is_forgiven_nowhere_else() -> None:
    peer = make(V16)
    id = peer.call("Reset", {"type": "Soft"}, by=SOON)
    (event,) = hear(peer, [3, id, {"status": "UnknownVendor"}])
    assert isinstance(event, Failed)


# ── CALLERROR ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("id", ["-1", ""])
def test_a_callerror_without_id_answers_the_open_call(version: OcppVersion, id: str) -> None:
    peer = make(version)
    ours = peer.call("DataTransfer", {"vendorId": "x"}, by=SOON)
    (event,) = hear(peer, [4, id, "GenericError", "", {}])
    assert isinstance(event, Failed)
    assert event.id == ours
    assert peer.tally == Counter(callerrorWithoutId=1)
    assert isinstance(hear(peer, [4, id, "GenericError", "", {}])[0], Ignored)


@pytest.mark.parametrize(
    "rest",
    [
        [],
        ["NotImplemented"],
        ["NotImplemented", ""],
        ["NotImplemented", None, {}],
        ["NotImplemented", "", []],
        ["NotImplemented", "", None],
        [5, "", {}],
    ],
)
def test_a_short_callerror_is_a_callerror(rest: list[Any]) -> None:
    peer = make(V16)
    id = peer.call("DataTransfer", {"vendorId": "x"}, by=SOON)
    (event,) = hear(peer, [4, id, *rest])
    assert isinstance(event, Failed)
    assert event.error.args[0] == ("NotImplemented" if rest and rest[0] != 5 else "GenericError")
    assert peer.tally == Counter(shortCallerror=1)


def test_peers_can_share_one_tally() -> None:
    shared: Counter[str] = Counter()
    for version in VERSIONS:
        called(make(version, tally=shared), "DataTransfer", {})
    assert shared == Counter(dataTransferWithoutVendor=3)


def test_what_fits_needs_no_tolerance() -> None:
    peer = make(V21)
    called(peer, "Heartbeat", {})
    peer.answer("1", {"currentTime": "2026-11-20T10:00:00Z"})
    assert said(peer) == [[3, "1", {"currentTime": "2026-11-20T10:00:00Z"}]]
    assert peer.expire(NOW) == []
    assert peer.tally == Counter()


def test_a_16_payment_notice_with_an_object_reaches_its_handler_as_text() -> None:
    tally: Counter[str] = Counter()
    event = called(
        make(V16, tally=tally), "DataTransfer", {"vendorId": OUR_VENDOR, "data": {"evseId": 1, "timeout": 60}}
    )
    assert event.payload == {"vendorId": OUR_VENDOR, "data": '{"evseId":1,"timeout":60}'}
    assert tally == {"dataNotText": 1}
