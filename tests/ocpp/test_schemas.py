"""The official schemas: that all are there, compile, and mean what OCPP means by them."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from evouch.ids import OcppVersion
from evouch.ocpp import versions
from evouch.ocpp.extensions import EXTENSIONS, Extension
from evouch.ocpp.schemas import Catalogue, catalogue, validator
from evouch.ocpp.versions import V16, V21, V201, VERSIONS
from tests.ocpp.samples import ACTIONS, sample, schema_of

#: What draft 6 added to, or changed from, draft 4.
_DRAFT_6 = {"const", "contains", "propertyNames", "examples", "exclusiveMinimum", "exclusiveMaximum", "if"}


def _schemas(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield every schema inside ``node``, with the member names that lead to it."""
    yield path, node
    for group in ("properties", "definitions"):
        for name, inner in node.get(group, {}).items():
            yield from _schemas(inner, (*path, name))
    if "items" in node:
        yield from _schemas(node["items"], path)


def test_each_version_knows_its_actions() -> None:
    assert {version: len(versions.actions(version)) for version in VERSIONS} == {V16: 39, V201: 64, V21: 90}
    assert "RemoteStartTransaction" in versions.actions(V16)
    assert "RequestStartTransaction" in versions.actions(V201)
    assert "NotifyWebPaymentStarted" in versions.actions(V21) - versions.actions(V201)
    assert versions.actions(V201) <= versions.actions(V21)


def test_only_2_1_has_a_message_that_wants_no_answer() -> None:
    assert {version: set(versions.sends(version)) for version in VERSIONS} == {
        V16: set(),
        V201: set(),
        V21: {"NotifyPeriodicEventStream"},
    }


@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_every_message_has_a_schema_that_takes_it_and_refuses_nonsense(version: OcppVersion, action: str) -> None:
    for response in (False, True):
        schema = validator(version, action, response=response)
        for whole in (False, True):
            assert schema.is_valid(sample(version, action, response, whole=whole))
        assert not schema.is_valid(sample(version, action, response) | {"noSuchMember": 1})


@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_no_schema_uses_what_draft_4_does_not_know(version: OcppVersion, action: str) -> None:
    for response in (False, True):
        for _, schema in _schemas(schema_of(version, action, response)):
            assert isinstance(schema, dict)
            assert not _DRAFT_6 & schema.keys()


@pytest.mark.parametrize(("version", "action"), ACTIONS)
def test_only_data_and_custom_data_are_free_form(version: OcppVersion, action: str) -> None:
    for response in (False, True):
        for path, schema in _schemas(schema_of(version, action, response)):
            if not schema.keys() & {"type", "$ref", "enum"}:
                assert (action, path) == ("DataTransfer", ("data",))
            if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
                assert path == ("CustomDataType",)


@pytest.mark.parametrize("value", [60, 0, -1])
def test_whole_numbers_are_integers(value: int) -> None:
    assert validator(V16, "BootNotification", response=True).is_valid(
        {"status": "Accepted", "currentTime": "2026-11-20T10:00:00Z", "interval": value}
    )


@pytest.mark.parametrize("value", [Decimal("60.0"), Decimal("6E+1"), 60.0, True, "60"])
def test_nothing_else_is_an_integer(value: object) -> None:
    for version in VERSIONS:
        assert not validator(version, "BootNotification", response=True).is_valid(
            {"status": "Accepted", "currentTime": "2026-11-20T10:00:00Z", "interval": value}
        )


@pytest.mark.parametrize(
    ("limit", "fits"),
    [
        ("16", True),
        ("21.4", True),
        ("0.3", True),
        ("1000000.1", True),
        ("16.0", True),
        ("4.11", False),
        ("0.05", False),
    ],
)
def test_charging_limits_of_1_6_have_one_decimal(limit: str, fits: bool) -> None:
    profile = sample(V16, "SetChargingProfile")
    profile["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"] = [
        {"startPeriod": 0, "limit": Decimal(limit)}
    ]
    assert validator(V16, "SetChargingProfile").is_valid(profile) is fits


@pytest.mark.parametrize(
    ("time", "fits"),
    [
        ("2026-11-20T10:00:00Z", True),
        ("2026-11-20T10:00:00.123456789+01:00", True),
        ("2026-11-20T10:00:00", False),
        ("2026-02-30T10:00:00Z", False),
        ("222222017-01-01T00:00:00Z", False),
    ],
)
def test_times_are_times_with_a_zone(time: str, fits: bool) -> None:
    for version in VERSIONS:
        assert validator(version, "Heartbeat", response=True).is_valid({"currentTime": time}) is fits


def test_an_action_of_another_version_has_no_schema() -> None:
    with pytest.raises(KeyError):
        validator(V201, "NotifyWebPaymentStarted")
    with pytest.raises(KeyError):
        validator(V21, "StartTransaction")
    with pytest.raises(KeyError):
        validator(V21, "NotifyPeriodicEventStream", response=True)
    with pytest.raises(KeyError):
        validator(V16, "../v16/Heartbeat")


def test_a_schema_is_compiled_once() -> None:
    assert catalogue(V16) is catalogue(V16)
    assert validator(V16, "Heartbeat") is validator(V16, "Heartbeat")


def test_no_extension_stands_in_for_an_official_message() -> None:
    for extension in EXTENSIONS:
        for version in extension.versions:
            assert extension.action not in versions.actions(version) | versions.sends(version)
            assert extension.source


def test_an_extension_adds_an_action_to_its_versions_only(tmp_path: Path) -> None:
    request = {"type": "object", "properties": {"hash": {"type": "string"}}, "required": ["hash"]}
    (tmp_path / "Oracle.json").write_text(json.dumps(request))
    (tmp_path / "OracleResponse.json").write_text(json.dumps({"type": "object", "additionalProperties": False}))
    oracle = Extension(action="Oracle", versions=frozenset({V16}), source="this test", folder=tmp_path)

    known = Catalogue(V16, [oracle])
    assert known.actions == versions.actions(V16) | {"Oracle"}
    assert known.request("Oracle").is_valid({"hash": "00"})
    assert not known.request("Oracle").is_valid({})
    assert known.response("Oracle").is_valid({})
    assert known.request("Heartbeat").is_valid({})
    assert "Oracle" not in Catalogue(V201, [oracle]).actions
