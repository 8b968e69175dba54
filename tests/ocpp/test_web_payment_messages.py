"""NotifyWebPaymentStarted and -Failed on every version: the error tables of the source, in both directions.

Source: "Secure Dynamic QR-Codes for OCPP", sections OCPP v2.1, v2.0.1, v1.6.
"""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.charging.dialogue import (
    DataAnswer,
    DataStatus,
    LockAnswer,
    LockOutcome,
    Order,
    SendData,
    Text,
    WebPaymentFailed,
    WebPaymentStarted,
)
from evouch.charging.equipment import Wiring
from evouch.errors import PeerFault, PeerRefused
from evouch.ids import EvseNumber, OcppVersion
from evouch.ocpp.extensions.web_payment import FAILED, STARTED, VENDOR
from evouch.ocpp.translate import translator
from evouch.ocpp.translator import AnsweredAlready, Json
from evouch.ocpp.versions import V16, V21, V201
from tests.ocpp.wiretalk import VERSIONS, answered_at_once, calls, carried_out, heard, over_the_wire, response, wired

TAKEN = LockAnswer(LockOutcome.TAKEN)
MISSING = object()


def judge(order: Order[Any]) -> Any:
    """Answer as a station of two free EVSEs does; EVSE 2 is charging."""
    match order:
        case SendData():
            return DataAnswer(DataStatus.UNKNOWN_VENDOR)
        case WebPaymentStarted() | WebPaymentFailed() if not 1 <= order.evse <= 2:
            return LockAnswer(LockOutcome.REJECTED, "invalidEvseId")
        case WebPaymentStarted() if not 0 <= order.timeout <= 300:
            return LockAnswer(LockOutcome.REJECTED, "invalidTimeout")
        case WebPaymentStarted() if order.evse == 2:
            return LockAnswer(LockOutcome.REJECTED, "evseOccupied")
        case WebPaymentStarted() | WebPaymentFailed():
            return TAKEN
    raise AssertionError(order)


def station(version: OcppVersion, action: str, payload: Json, wiring: Wiring | None = None) -> Json | PeerRefused:
    """Return what a station answers, as the backend's peer would hand it on."""
    speaks = translator(version, wiring or wired(version))
    try:
        order = speaks.told(action, over_the_wire(payload))
        answer = speaks.done(order, judge(order))
    except AnsweredAlready as already:
        answer = already.payload
    except PeerFault as fault:
        return PeerRefused(fault.code, fault.description, over_the_wire(fault.details))
    return response(version, action, answer)


def backend(version: OcppVersion, answer: Json | PeerRefused, order: Any = None) -> Any:
    asked = order or WebPaymentStarted(evse=EvseNumber(1), timeout=60)
    return translator(version, wired(version)).outcome(asked, [answer])


def content(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in ({"evseId": 1, "timeout": 60} | members).items() if value is not MISSING}


def transfer(version: OcppVersion, data: Any, **members: Any) -> dict[str, Any]:
    plain = version != V16 or data is MISSING or isinstance(data, str)
    text = data if plain else json.dumps(data, default=float)
    envelope = {"vendorId": VENDOR, "messageId": STARTED, "data": text} | members
    return {name: value for name, value in envelope.items() if value is not MISSING}


WRONG_TYPES: tuple[Any, ...] = ("1", True, Decimal("1.0"), [1], {})
EVSES = {MISSING: "missing", None: "null"}

#: version, what is asked, how the station answers it, what the backend makes of that answer
Row = tuple[OcppVersion, str, Json, Json | PeerRefused, LockAnswer]


def rows_21() -> list[Row]:
    made: list[Row] = []

    def row(member: str, value: Any, code: str, sentence: str) -> None:
        request = content(**{member: value})
        details = {"property": member, "value": None if value is MISSING else value, "request": request}
        reason = {"evseId": "invalidEvseId", "timeout": "invalidTimeout"}[member]
        refused = PeerRefused(code, sentence, over_the_wire(details))
        made.append((V21, STARTED, request, refused, LockAnswer(LockOutcome.REJECTED, reason, sentence)))

    for member in ("evseId", "timeout"):
        for value in (MISSING, None):
            row(member, value, "OccurrenceConstraintViolation", f"Missing '{member}' value!")
        for value in WRONG_TYPES:
            row(member, value, "TypeConstraintViolation", f"Property '{member}' must be of type Integer!")
    for value in (0, -1, 3, 999999999):
        row("evseId", value, "PropertyConstraintViolation", f"Invalid value '{value}' for property 'evseId'!")
    for value in (-1, 301, 999999999):
        row("timeout", value, "PropertyConstraintViolation", "The 'timeout' must be >0 and <= 300 seconds!")
    right = (content(), content(timeout=0), content(timeout=300), content(evseId=2))
    return made + [(V21, STARTED, request, {}, TAKEN) for request in right]


def refusal(version: OcppVersion, reason: str, sentence: str) -> Json:
    why = {"reasonCode": reason, "additionalInfo": sentence}
    if version == V16:
        return {"status": "Rejected", "data": json.dumps({"message": sentence} | why, separators=(",", ":"))}
    return {"status": "Rejected", "statusInfo": why, "data": why}


def rows_transfer(version: OcppVersion) -> list[Row]:
    made: list[Row] = []

    def row(payload: Json, answer: Json, understood: LockAnswer) -> None:
        made.append((version, "DataTransfer", payload, answer, understood))

    def rejected(payload: Json, reason: str, sentence: str) -> None:
        row(payload, refusal(version, reason, sentence), LockAnswer(LockOutcome.REJECTED, reason, sentence))

    for vendor in (MISSING, None, "", "somebody.else"):
        unknown = {"status": "UnknownVendorId"}
        row(
            transfer(version, content(), vendorId=vendor),
            unknown,
            LockAnswer(LockOutcome.UNKNOWN, "UnknownVendorId"),
        )
    for message in (MISSING, "NotifyWebPaymentForgotten"):
        unknown = {"status": "UnknownMessageId"}
        row(
            transfer(version, content(), messageId=message),
            unknown,
            LockAnswer(LockOutcome.UNKNOWN, "UnknownMessageId"),
        )
    for value in (MISSING, None, 0, -1, 3, *WRONG_TYPES):
        rejected(transfer(version, content(evseId=value)), "invalidEvseId", "Invalid 'evseId' value!")
    for value in (MISSING, None, -1, 301, *WRONG_TYPES):
        rejected(transfer(version, content(timeout=value)), "invalidTimeout", "Invalid 'timeout' value!")
    rejected(transfer(version, content(evseId=2)), "evseOccupied", "evseOccupied")
    rejected(transfer(version, MISSING), "invalidMessage", "Invalid 'data' value!")
    rejected(transfer(version, "[1]"), "invalidMessage", "Invalid 'data' value!")
    for request in (content(), content(timeout=0), content(timeout=300), content(customData={"vendorId": "x"})):
        row(transfer(version, request), {"status": "Accepted"}, TAKEN)
    return made


def rows_16() -> list[Row]:
    def row(data: Any, reason: str, sentence: str) -> Row:
        answer = refusal(V16, reason, sentence)
        understood = LockAnswer(LockOutcome.REJECTED, reason, sentence)
        return V16, "DataTransfer", transfer(V16, data), answer, understood

    wrong = [
        # connector 3 belongs to EVSE 2, so the two members disagree
        (content(connectorId=3), "invalidEvseId", "Invalid 'evseId' value!"),
        (content(evseId=MISSING, connectorId=7), "invalidConnectorId", "Invalid 'connectorId' value!"),
        (content(evseId=None, connectorId=0), "invalidConnectorId", "Invalid 'connectorId' value!"),
        (content(evseId=MISSING, connectorId="1"), "invalidConnectorId", "Invalid 'connectorId' value!"),
        ("{not json", "invalidMessage", "Invalid 'data' value!"),
        ("", "invalidMessage", "Invalid 'data' value!"),
        ('{"evseId":1,"evseId":2}', "invalidMessage", "Invalid 'data' value!"),
    ]
    right = [content(connectorId=1), content(evseId=MISSING, connectorId=1), content(connectorId=None)]
    taken: list[Row] = [(V16, "DataTransfer", transfer(V16, data), {"status": "Accepted"}, TAKEN) for data in right]
    return taken + [row(*one) for one in wrong]


ROWS = [*rows_21(), *rows_transfer(V201), *rows_transfer(V16), *rows_16()]


@pytest.mark.parametrize(
    ("version", "action", "request_", "answer", "understood"), ROWS, ids=[f"{row[0]} {row[2]}"[:90] for row in ROWS]
)
def test_error_tables_of_the_source(
    version: OcppVersion, action: str, request_: Json, answer: Json | PeerRefused, understood: LockAnswer
) -> None:
    given = station(version, action, request_)
    if isinstance(answer, PeerRefused):
        assert isinstance(given, PeerRefused)
        assert (given.code, given.description, given.details) == (answer.code, answer.description, answer.details)
    else:
        assert given == answer
    assert backend(version, given) == understood


REJECTED = LockOutcome.REJECTED
UNKNOWN = LockOutcome.UNKNOWN

#: answers of stations that read the source in another way
FOREIGN: list[tuple[OcppVersion, Json | PeerRefused, Any]] = [
    (V201, {"status": "UnknownVendor"}, LockAnswer(UNKNOWN, "UnknownVendorId")),
    (V16, {"status": "UnknownVendor"}, LockAnswer(UNKNOWN, "UnknownVendorId")),
    (V201, {"status": "Rejected"}, LockAnswer(REJECTED)),
    (V16, {"status": "Rejected"}, LockAnswer(REJECTED)),
    (
        V201,
        {"status": "Rejected", "data": {"reasonCode": "invalidTimeout", "additionalInfo": "Invalid 'timeout' value!"}},
        LockAnswer(REJECTED, "invalidTimeout", "Invalid 'timeout' value!"),
    ),
    (
        V201,
        # the source's own slip: the EVSE is meant
        {
            "status": "Rejected",
            "statusInfo": {"reasonCode": "invalidTimeout", "additionalInfo": "Invalid 'evseId' value!"},
        },
        LockAnswer(REJECTED, "invalidEvseId", "Invalid 'evseId' value!"),
    ),
    (
        V16,
        {"status": "Rejected", "data": '{ "message": "Invalid \'timeout\' value!" }'},
        LockAnswer(REJECTED, "invalidTimeout", "Invalid 'timeout' value!"),
    ),
    (
        V16,
        {"status": "Rejected", "data": '{"reasonCode":"invalidConnectorId"}'},
        LockAnswer(REJECTED, "invalidConnectorId"),
    ),
    (V16, {"status": "Rejected", "data": "no such evse"}, LockAnswer(REJECTED, "", "no such evse")),
    (V16, {"status": "Rejected", "data": "[1,2]"}, LockAnswer(REJECTED)),
    (
        V201,
        {"status": "Rejected", "data": '{"message":"Invalid \'evseId\' value!"}'},
        LockAnswer(REJECTED, "invalidEvseId", "Invalid 'evseId' value!"),
    ),
    (V201, {"status": "Rejected", "data": {"reasonCode": 7}}, LockAnswer(REJECTED)),
    *[
        (version, PeerRefused(code, "?"), LockAnswer(UNKNOWN, code, "?"))
        for version in VERSIONS
        for code in ("NotImplemented", "NotSupported")
    ],
    (
        V16,
        PeerRefused("OccurenceConstraintViolation", "Missing 'timeout' value!"),
        LockAnswer(REJECTED, "invalidTimeout", "Missing 'timeout' value!"),
    ),
    (V21, PeerRefused("FormatViolation", "no"), LockAnswer(REJECTED, "", "no")),
]


@pytest.mark.parametrize(("version", "answer", "understood"), FOREIGN)
def test_answers_of_other_readings_are_understood(
    version: OcppVersion, answer: Json | PeerRefused, understood: LockAnswer
) -> None:
    assert backend(version, answer) == understood


@pytest.mark.parametrize("version", VERSIONS)
def test_an_error_that_says_nothing_about_the_request_stays_one(version: OcppVersion) -> None:
    refused = PeerRefused("InternalError", "out of memory")
    assert backend(version, refused) is refused


@pytest.mark.parametrize("version", VERSIONS)
def test_a_station_that_never_heard_of_the_message(version: OcppVersion) -> None:
    speaks, order = translator(version, wired(version)), WebPaymentStarted(evse=EvseNumber(1), timeout=60)
    unknown = LockAnswer(LockOutcome.UNKNOWN)
    if version == V21:
        with pytest.raises(PeerFault) as caught:
            speaks.done(order, unknown)
        assert caught.value.code == "NotImplemented"
    else:
        assert speaks.done(order, unknown) == {"status": "UnknownVendorId"}
        other = LockAnswer(LockOutcome.UNKNOWN, "UnknownMessageId")
        assert speaks.done(order, other) == {"status": "UnknownMessageId"}


def test_requests_as_each_version_writes_them() -> None:
    order = WebPaymentStarted(evse=EvseNumber(2), timeout=60)
    assert calls(order, wired(V21)) == [(STARTED, {"evseId": 2, "timeout": 60})]
    ((_, modern),) = calls(order, wired(V201))
    assert modern == {"vendorId": VENDOR, "messageId": STARTED, "data": {"evseId": 2, "timeout": 60}}
    ((_, old),) = calls(order, wired(V16))
    assert old == {"vendorId": VENDOR, "messageId": STARTED, "data": '{"evseId":2,"timeout":60,"connectorId":2}'}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_payment_that_failed_is_told_by_data_transfer_on_every_version(version: OcppVersion) -> None:
    order = WebPaymentFailed(evse=EvseNumber(1), messages=(Text("Karte abgelehnt", "de"), Text("declined")))
    ((action, payload),) = calls(order, wired(version))
    data = json.loads(payload["data"]) if version == V16 else payload["data"]
    assert (action, payload["vendorId"], payload["messageId"]) == ("DataTransfer", VENDOR, FAILED)
    assert data["errorMessage"] == [
        {"format": "UTF8", "language": "de", "content": "Karte abgelehnt"},
        {"format": "UTF8", "language": "en", "content": "declined"},
    ]
    assert data["evseId"] == 1
    assert ("connectorId" in data) == (version == V16)
    assert carried_out(order, TAKEN, wired(version)) == TAKEN


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("message", "texts"),
    [
        (None, ()),
        ([], ()),
        ([{"content": "no"}], (Text("no"),)),
        ({"de": "nein", "en": "no"}, (Text("nein", "de"), Text("no", "en"))),
        ({"content": "no", "language": "nl", "format": "ASCII"}, (Text("no", "nl", "ASCII"),)),
    ],
)
def test_the_sentences_of_a_failure_come_as_a_list_or_by_language(
    version: OcppVersion, message: Any, texts: tuple[Text, ...]
) -> None:
    data = {"evseId": 1, "errorMessage": message}
    payload = transfer(version, data, messageId=FAILED)
    order = translator(version, wired(version)).told("DataTransfer", payload)
    assert isinstance(order, WebPaymentFailed)
    assert order.messages == texts


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"evseId": 1, "errorMessage": 5}, "invalidMessage"),
        ({"evseId": 1, "errorMessage": ["no"]}, "invalidMessage"),
        ({"evseId": 1, "errorMessage": [{"content": 5}]}, "invalidMessage"),
        ({"errorMessage": []}, "invalidEvseId"),
        ({"evseId": "1"}, "invalidEvseId"),
    ],
)
def test_a_failure_that_cannot_be_read_is_rejected_with_a_reason(version: OcppVersion, data: Any, reason: str) -> None:
    answer = answered_at_once(version, "DataTransfer", transfer(version, data, messageId=FAILED))
    assert backend(version, answer, WebPaymentFailed(evse=EvseNumber(1))).reason == reason


def test_2_1_takes_its_own_message_and_no_data_transfer_of_it() -> None:
    answer = answered_at_once(V21, "DataTransfer", transfer(V21, content()))
    assert answer == {"status": "UnknownMessageId"}


def test_a_connector_beyond_the_wiring_is_called_by_the_name_it_was_asked_for() -> None:
    """A station without a table takes connectors for EVSEs; its machine then refuses the EVSE."""
    payload = transfer(V16, content(evseId=MISSING, connectorId=9))
    answer = station(V16, "DataTransfer", payload, Wiring(V16))
    assert backend(V16, answer).reason == "invalidConnectorId"


def test_the_request_is_repeated_whole_in_a_2_1_error() -> None:
    asked = {"evseId": 7, "timeout": 60, "customData": {"vendorId": "x", "why": [1]}}
    refused = station(V21, STARTED, asked)
    assert isinstance(refused, PeerRefused)
    assert refused.details == {"property": "evseId", "value": 7, "request": asked}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_vendors_object_goes_with_either_message_on_every_version(version: OcppVersion) -> None:
    custom = {"vendorId": "org.example", "why": [1, {"empty": None}]}
    connector = 1 if version == V16 else None
    for order in (
        WebPaymentStarted(evse=EvseNumber(1), timeout=60, connector=connector, custom=custom),
        WebPaymentFailed(evse=EvseNumber(1), messages=(Text("no"),), connector=connector, custom=custom),
    ):
        ((_, payload),) = calls(order, wired(version))
        data = payload.get("data", payload)
        assert (json.loads(data) if version == V16 else data)["customData"] == custom
        assert heard(order, wired(version)) == [order]


@pytest.mark.parametrize("version", VERSIONS)
@given(evse=st.integers(1, 2), timeout=st.integers(-(2**31), 2**31 - 1))
def test_a_lock_arrives_as_it_was_ordered(version: OcppVersion, evse: int, timeout: int) -> None:
    connector = evse if version == V16 else None
    order = WebPaymentStarted(evse=EvseNumber(evse), timeout=timeout, connector=connector)
    assert heard(order, wired(version)) == [order]


@pytest.mark.parametrize("version", VERSIONS)
@given(data=st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(), st.lists, max_leaves=4))
def test_nothing_in_a_request_makes_a_station_stumble(version: OcppVersion, data: Any) -> None:
    for payload in (content(evseId=data), content(timeout=data), content(connectorId=data)):
        if version == V21:
            station(V21, STARTED, payload)
        for message in (STARTED, FAILED):
            station(version, "DataTransfer", transfer(version, payload | {"errorMessage": data}, messageId=message))
