"""Payloads made from the official schemas, so that a rule can be tested on every action there is."""

import json
from functools import cache
from typing import Any

from evouch.ids import OcppVersion
from evouch.ocpp.versions import VERSIONS, actions, schema_file

__all__ = ["ACTIONS", "sample", "schema_of"]

#: Every action of every version.
ACTIONS = [(version, action) for version in VERSIONS for action in sorted(actions(version))]


@cache
def schema_of(version: OcppVersion, action: str, response: bool = False) -> dict[str, Any]:
    """Return the official schema as it lies on disk."""
    schema: dict[str, Any] = json.loads(schema_file(version, action, response=response).read_text(encoding="utf-8-sig"))
    return schema


def sample(version: OcppVersion, action: str, response: bool = False, *, whole: bool = False) -> dict[str, Any]:
    """Return a payload that fits: with its required members only, or with all that the schema names."""
    schema = schema_of(version, action, response)
    payload: dict[str, Any] = _sample(schema, schema, whole)
    return payload


def _sample(schema: dict[str, Any], root: dict[str, Any], whole: bool) -> Any:
    if "$ref" in schema:
        return _sample(root["definitions"][schema["$ref"].rsplit("/", 1)[1]], root, whole)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            wanted = schema.get("properties", {}) if whole else schema.get("required", ())
            return {name: _sample(schema["properties"][name], root, whole) for name in wanted}
        case "array":
            return [_sample(schema["items"], root, whole) for _ in range(max(1, schema.get("minItems", 1)))]
        case "integer" | "number":
            return int(min(max(1, schema.get("minimum", 1)), schema.get("maximum", 1)))
        case "boolean":
            return True
        case "string":
            return {"date-time": "2026-11-20T10:00:00Z", "uri": "https://example.com"}.get(
                schema.get("format", ""), "a"
            )
    return {"free": None}
