"""Which code a broken message earns, for every action of every version (OCPP-J 1.6 table 7, 2.x part 4 §4.3)."""

import copy
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.errors import InvalidCode, InvalidProof, PeerFault, Refused
from evouch.ids import OcppVersion
from evouch.ocpp.refusals import MAX_ECHO, Code, fault_of_refusal, fault_of_violations, wire_code
from evouch.ocpp.versions import V16, V21, V201, VERSIONS, actions
from tests.documents import documents, objects
from tests.ocpp.peers import hear, make, rejected, said
from tests.ocpp.samples import ACTIONS, sample, schema_of

#: The whole list of each version, as its specification prints it.
CODES = {
    V16: {
        "NotImplemented",
        "NotSupported",
        "InternalError",
        "ProtocolError",
        "SecurityError",
        "FormationViolation",
        "PropertyConstraintViolation",
        "OccurenceConstraintViolation",
        "TypeConstraintViolation",
        "GenericError",
    },
    V201: {
        "FormatViolation",
        "GenericError",
        "InternalError",
        "MessageTypeNotSupported",
        "NotImplemented",
        "NotSupported",
        "OccurrenceConstraintViolation",
        "PropertyConstraintViolation",
        "ProtocolError",
        "RpcFrameworkError",
        "SecurityError",
        "TypeConstraintViolation",
    },
}
CODES[V21] = CODES[V201]

#: Every message whose payload is judged: the Heartbeat of 1.6 is answered whatever it carries.
JUDGED = [each for each in ACTIONS if each != (V16, "Heartbeat")]

_FORMAT = {V16: "FormationViolation", V201: "FormatViolation", V21: "FormatViolation"}
_OCCURRENCE = {V16: "OccurenceConstraintViolation"} | dict.fromkeys((V201, V21), "OccurrenceConstraintViolation")


# ── spelling ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", VERSIONS)
def test_every_code_has_a_spelling_in_every_version(version: OcppVersion) -> None:
    assert {wire_code(version, code) for code in Code} <= CODES[version]
    for other in VERSIONS:
        assert {wire_code(version, code) for code in CODES[other]} <= CODES[version]
    assert {wire_code(version, code) for code in CODES[version]} == CODES[version]


def test_the_two_spellings_of_occurrence() -> None:
    assert wire_code(V16, "OccurrenceConstraintViolation") == "OccurenceConstraintViolation"
    assert wire_code(V21, "OccurenceConstraintViolation") == "OccurrenceConstraintViolation"


@given(st.text())
def test_a_word_that_is_no_code_is_a_generic_error(word: str) -> None:
    for version in VERSIONS:
        assert wire_code(version, word) in CODES[version]
        assert wire_code(version, f"x{word}") == "GenericError"


# ── rules that say no ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        (InvalidProof("wrong key"), "SecurityError"),
        (InvalidCode("slot 17"), "SecurityError"),
        (Refused("notBooted", "pending since noon"), "SecurityError"),
        (Refused("somethingElse", "for the operator"), "GenericError"),
    ],
)
def test_a_refusal_gives_its_reason_and_never_its_detail(refused: Refused, code: str) -> None:
    fault = fault_of_refusal(refused)
    assert (fault.code, fault.description, fault.details) == (code, refused.reason, {})


# ── every action ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_a_known_action_that_we_do_not_handle_is_not_supported(version: OcppVersion, action: str) -> None:
    peer = make(version, handled=actions(version) - {action})
    assert rejected(peer, action, sample(version, action)).code == "NotSupported"
    assert rejected(peer, action, {"whatever": 1}).code == "NotSupported"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_action_that_the_version_does_not_know_is_not_implemented(version: OcppVersion) -> None:
    everything = {action for other in VERSIONS for action in actions(other)}
    for action in [*sorted(everything - actions(version)), "Foo", "heartbeat", "HeartbeatRequest", "../Heartbeat", "☃"]:
        assert rejected(make(version), action, {}).code == "NotImplemented"


@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_a_missing_member_is_an_occurrence_violation(version: OcppVersion, action: str) -> None:
    payload = sample(version, action)
    for name in payload:
        if (action, name) == ("DataTransfer", "vendorId"):
            continue
        fault = rejected(make(version), action, {key: value for key, value in payload.items() if key != name})
        assert (fault.code, fault.description) == (_OCCURRENCE[version], f"Missing '{name}' value!")
        _check_details(version, fault, name, None)


@pytest.mark.parametrize(("version", "action"), JUDGED)
def test_an_unknown_member_is_a_format_violation(version: OcppVersion, action: str) -> None:
    fault = rejected(make(version), action, sample(version, action) | {"colour": "red"})
    assert (fault.code, fault.description) == (_FORMAT[version], "Unknown property 'colour'!")
    _check_details(version, fault, "colour", "red")


@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_a_wrong_type_is_a_type_violation(version: OcppVersion, action: str) -> None:
    for name, schema in _members(version, action):
        for value in _of_wrong_type(schema):
            fault = rejected(make(version), action, sample(version, action) | {name: value})
            assert fault.code == "TypeConstraintViolation", (name, value)
            assert fault.description.startswith(f"Property '{name}' must be of type ")
            _check_details(version, fault, name, value)


@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_a_wrong_value_is_a_property_violation(version: OcppVersion, action: str) -> None:
    for name, schema in _members(version, action):
        for value in _of_wrong_value(schema):
            fault = rejected(make(version), action, sample(version, action) | {name: value})
            assert fault.code == "PropertyConstraintViolation", (name, value)
            _check_details(version, fault, name, value)


@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_a_list_of_the_wrong_length_is_an_occurrence_violation(version: OcppVersion, action: str) -> None:
    for name, schema in _members(version, action):
        if schema.get("minItems", 0) > 0:
            fault = rejected(make(version), action, sample(version, action) | {name: []})
            assert (fault.code, fault.description) == (_OCCURRENCE[version], f"Wrong number of elements in '{name}'!")


@pytest.mark.parametrize(("version", "action"), JUDGED)
def test_a_payload_that_is_no_object_is_a_format_violation(version: OcppVersion, action: str) -> None:
    nothings: tuple[Any, ...] = (None, [], "text", 5, True)
    for payload in nothings:
        assert rejected(make(version), action, payload).code == _FORMAT[version]


def _check_details(version: OcppVersion, fault: PeerFault, name: str, value: Any) -> None:
    if version != V21:
        assert fault.details == {}
        return
    assert fault.details["property"] == name
    if len(str(value)) * 2 < MAX_ECHO:
        assert repr(fault.details["value"]) == repr(value)
        assert fault.details["request"].get(name) == value


def _members(version: OcppVersion, action: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the members of a request with their schemas, references followed."""
    root = schema_of(version, action)
    for name, schema in root.get("properties", {}).items():
        reference = schema.get("$ref", "")
        yield name, root["definitions"][reference.rsplit("/", 1)[1]] if reference else schema


def _of_wrong_type(schema: dict[str, Any]) -> list[Any]:
    match schema.get("type"):
        case "integer":
            return [Decimal("60.0"), True, "60", [60]]
        case "number":
            return [True, "60"]
        case "string":
            return [5, False, {}]
        case "boolean":
            return [1, "true"]
        case "array":
            return [{}, "text"]
        case "object":
            return [[], "text"]
    return []


def _of_wrong_value(schema: dict[str, Any]) -> Iterator[Any]:
    if "enum" in schema:
        yield "NoSuchWord"
    elif "maxLength" in schema and "format" not in schema:
        yield "x" * (schema["maxLength"] + 1)
    if schema.get("format") == "date-time":
        yield "yesterday"
    if "minimum" in schema:
        yield int(schema["minimum"]) - 1
    if "maximum" in schema:
        yield int(schema["maximum"]) + 1


# ── what a refusal says ─────────────────────────────────────────────────────────────────


def test_of_several_violations_the_missing_member_is_told() -> None:
    fault = rejected(make(V201), "BootNotification", {"reason": "NoSuchWord", "colour": "red"})
    assert (fault.code, fault.description) == (_OCCURRENCE[V201], "Missing 'chargingStation' value!")


def test_the_place_of_a_violation_is_named() -> None:
    payload = sample(V16, "MeterValues")
    payload["meterValue"][0]["sampledValue"] = [{"value": "1"}, {"value": 1}]
    fault = rejected(make(V16), "MeterValues", payload)
    assert fault.description == "Property 'meterValue[0].sampledValue[1].value' must be of type String!"


def test_a_number_is_repeated_and_a_text_is_not() -> None:
    fault = rejected(make(V21), "Reset", {"type": "NoSuchWord"})
    assert fault.description == "Invalid value for property 'type'!"

    fault = rejected(make(V21), "NotifyWebPaymentStarted", {"evseId": -1, "timeout": 1})
    assert fault.description == "Invalid value '-1' for property 'evseId'!"
    assert fault.details == {"property": "evseId", "value": -1, "request": {"evseId": -1, "timeout": 1}}


def test_a_secret_that_is_too_long_stays_out_of_the_text() -> None:
    data = {
        "attributeValue": "s3cret" * 1000,
        "component": {"name": "WebPaymentsCtrlr"},
        "variable": {"name": "SharedSecret"},
    }
    for version in (V201, V21):
        assert "s3cret" not in str(rejected(make(version), "SetVariables", {"setVariableData": [data]}))
    assert "s3cret" not in str(rejected(make(V16), "ChangeConfiguration", {"key": "x", "value": "s3cret" * 1000}))


def test_a_long_request_is_not_repeated() -> None:
    fault = rejected(make(V21), "Heartbeat", {"colour": "x" * 10_000})
    assert fault.details == {"property": "colour"}


def test_a_long_member_name_is_cut() -> None:
    fault = rejected(make(V16), "ClearCache", {"x" * 10_000: 1})
    assert len(fault.description) == 255


def test_no_violation_at_all_is_still_a_fault() -> None:
    assert fault_of_violations(V21, [], {}).code == "FormatViolation"


def _offer(version: OcppVersion, action: str, payload: dict[str, Any]) -> None:
    """Let a peer hear ``payload``; whatever it makes of it, a refusal must be a proper one."""
    peer = make(version)
    hear(peer, [2, "1", action, payload])
    for answer in said(peer):
        assert answer[:2] == [4, "1"]
        assert answer[2] in CODES[version]
        assert len(answer[3]) <= 255


@given(st.sampled_from(ACTIONS), objects)
def test_no_payload_breaks_the_building_of_its_refusal(which: tuple[OcppVersion, str], payload: dict[str, Any]) -> None:
    _offer(*which, payload)
    _offer(*which, sample(*which, whole=True) | payload)


@given(st.sampled_from(ACTIONS), documents, st.data())
def test_no_value_in_any_place_breaks_it_either(
    which: tuple[OcppVersion, str], value: Any, data: st.DataObject
) -> None:
    payload = copy.deepcopy(sample(*which, whole=True))
    place: Any = payload
    while place:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], (dict, list)) or data.draw(st.booleans()):
            place[key] = value
            break
        place = place[key]
    _offer(*which, payload)
