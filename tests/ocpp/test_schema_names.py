"""Every name that we write on the wire stands in the official schema, and every required one is written."""

from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from evouch.charging import dialogue
from evouch.charging.dialogue import Fact, Order, RawCall, SessionFact
from evouch.ids import OcppVersion
from evouch.ocpp import v2_messages, v2_requests, v16_messages
from evouch.ocpp.extensions import EXTENSIONS
from evouch.ocpp.translate import translator
from evouch.ocpp.v2 import TABLES_21, TABLES_201
from evouch.ocpp.v16 import TABLES
from evouch.ocpp.versions import V16, V21, V201, actions
from tests.ocpp.samples import schema_of
from tests.ocpp.wiretalk import VERSIONS, wired

#: Struct → the actions whose request (or, where named Answer, response) it is, if not the one of its own name.
ACTIONS_16 = {
    "RemoteStart": ["RemoteStartTransaction"],
    "RemoteStop": ["RemoteStopTransaction"],
    "TriggerMessage": ["TriggerMessage", "ExtendedTriggerMessage"],
    "StatusAnswer": [
        "CancelReservation", "ChangeAvailability", "ChangeConfiguration", "ClearCache", "ExtendedTriggerMessage",
        "RemoteStartTransaction", "RemoteStopTransaction", "ReserveNow", "Reset", "TriggerMessage", "UnlockConnector",
    ],
}  # fmt: skip
ACTIONS_2 = {
    "RequestStart": ["RequestStartTransaction"],
    "RequestStartAnswer": ["RequestStartTransaction"],
    "RequestStop": ["RequestStopTransaction"],
    "StatusAnswer": [
        "CancelReservation", "ChangeAvailability", "ClearCache", "GetBaseReport", "RequestStopTransaction",
        "ReserveNow", "Reset", "TriggerMessage", "UnlockConnector",
    ],
}  # fmt: skip
#: Members that only 2.1 has, by struct.
SINCE_21 = {
    "TransactionEventAnswer": {"transactionLimit"},
    "TriggerMessage": {"customTrigger"},
}
#: Members that we understand absent although the schema requires them, and always write.
TOLERATED = {"DataTransfer": {"vendorId"}, "ReportData": {"variableCharacteristics"}}


def structs(module: Any) -> dict[str, type[msgspec.Struct]]:
    return {
        name: one
        for name, one in vars(module).items()
        if isinstance(one, type) and issubclass(one, msgspec.Struct) and one.__module__ == module.__name__
    }


def uses() -> list[tuple[OcppVersion, str, bool, type[msgspec.Struct]]]:
    found = []
    families = ((V16, v16_messages, ACTIONS_16), (V201, v2_messages, ACTIONS_2), (V21, v2_messages, ACTIONS_2))
    more = ((V201, v2_requests, ACTIONS_2), (V21, v2_requests, ACTIONS_2))
    for version, module, table in families + more:
        for name, struct in structs(module).items():
            response = name.endswith("Answer")
            named = table.get(name, [name.removesuffix("Answer")])
            found += [(version, action, response, struct) for action in named if action in actions(version)]
    return found


def resolved(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema or schema.get("type") == "array":
        schema = root["definitions"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema["items"]
    return schema


def inner(hint: Any) -> type[msgspec.Struct] | None:
    """Return the struct inside ``X | None`` or ``list[X] | None``."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    return next((found for one in get_args(hint) if (found := inner(one))), None)


def compare(struct: type[msgspec.Struct], schema: dict[str, Any], root: dict[str, Any], version: OcppVersion) -> None:
    properties = schema["properties"]
    later = SINCE_21.get(struct.__name__, set()) if version == V201 else set()
    hints = get_type_hints(struct)
    for info in msgspec.structs.fields(struct):
        if info.encode_name in later:
            continue
        assert info.encode_name in properties, f"{struct.__name__}.{info.name}"
        part = inner(hints[info.name])
        if part is not None:
            compare(part, resolved(properties[info.encode_name], root), root, version)
    written = {info.encode_name for info in msgspec.structs.fields(struct) if info.required}
    missing = set(schema.get("required", ())) - written
    assert missing <= TOLERATED.get(struct.__name__, set()), struct.__name__


@pytest.mark.parametrize(("version", "action", "response", "struct"), uses(), ids=str)
def test_names_are_those_of_the_schema(
    version: OcppVersion, action: str, response: bool, struct: type[msgspec.Struct]
) -> None:
    schema = schema_of(version, action, response)
    compare(struct, schema, schema, version)


def test_every_struct_belongs_to_a_message() -> None:
    for module in (v16_messages, v2_messages, v2_requests):
        top = {struct for _, _, _, struct in uses()}
        reached: set[type] = set()
        while top - reached:
            reached |= top
            top |= {part for one in top for hint in get_type_hints(one).values() if (part := inner(hint))}
        assert set(structs(module).values()) <= top


@pytest.mark.parametrize("version", VERSIONS)
def test_every_handled_action_exists_in_its_version(version: OcppVersion) -> None:
    speaks = translator(version, wired(version))
    assert speaks.handled_by_csms <= actions(version)
    assert speaks.handled_by_station <= actions(version) | {extension.action for extension in EXTENSIONS}
    # DataTransfer is the one message that both sides send.
    assert speaks.handled_by_csms & speaks.handled_by_station == {"DataTransfer"}


def kinds(base: type) -> set[type]:
    return {one for one in vars(dialogue).values() if isinstance(one, type) and issubclass(one, base)} - {base}


def test_every_word_of_the_dialogue_has_its_place_or_is_named_here() -> None:
    facts, orders = kinds(Fact) - {SessionFact}, kinds(Order) - {RawCall}
    for tables in (TABLES_201, TABLES_21):
        assert facts == set(tables.answer) == set(tables.say) == set(tables.heard)
        assert orders == set(tables.order) == set(tables.outcome) == set(tables.done)
    unsaid_facts, unsaid_orders = {dialogue.SettingsReported}, {dialogue.ReportSettings}
    assert facts - unsaid_facts == set(TABLES.answer) == set(TABLES.say) == set(TABLES.heard)
    assert orders - unsaid_orders == set(TABLES.order) == set(TABLES.outcome) == set(TABLES.done)
