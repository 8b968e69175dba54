"""The OpenAPI 3.1 document of the sandbox provider, made from its route table and its message types."""

from typing import Any, Final

import msgspec

from evouch.psp.sandbox.api import ERRORS, MAX_EVENTS, MAX_KEY, ROUTES, Route
from evouch.psp.sandbox.messages import ErrorView

__all__ = ["document"]

_ALWAYS: Final = ("unauthorized", "serverError")
_HOLD: Final = {
    "name": "hold", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 64},
}  # fmt: skip
_KEY: Final = {
    "name": "Idempotency-Key", "in": "header", "required": True,
    "description": "One key is executed once; asked again, it gets the first answer, errors included.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
}  # fmt: skip
_AFTER: Final = {
    "name": "after", "in": "query", "description": "id of the last event already seen",
    "schema": {"type": "string", "maxLength": 64},
}  # fmt: skip
_LIMIT: Final = {
    "name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": MAX_EVENTS},
}  # fmt: skip


def document(server: str) -> bytes:
    """Return the document as JSON; ``server`` is the address under which the API is reached."""
    kinds = [route.gives for route in ROUTES] + [route.takes for route in ROUTES if route.takes] + [ErrorView]
    _, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Sandbox payment provider", "version": "1", "description": "Holds without real money."},
            "servers": [{"url": server}],
            "security": [{"key": []}],
            "paths": paths,
            "components": {"schemas": components, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        }
    )


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation,
        "summary": route.says,
        "parameters": _parameters(route),
        "responses": {str(route.status): _content(route.gives, route.says)} | _refusals(route),
    }
    if route.takes:
        operation["requestBody"] = {**_content(route.takes, ""), "required": True}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    wanted = [_HOLD] if "{hold}" in route.path else []
    wanted += [_KEY] if route.takes else []
    return wanted + ([_AFTER, _LIMIT] if route.operation == "events" else [])


def _refusals(route: Route) -> dict[str, Any]:
    by_status: dict[str, list[str]] = {}
    for reason in (*route.refusals, *_ALWAYS):
        status, code, _ = ERRORS[reason]
        by_status.setdefault(str(status), []).append(f"`{code}`")
    return {status: _content(ErrorView, ", ".join(dict.fromkeys(codes))) for status, codes in sorted(by_status.items())}


def _content(kind: type[msgspec.Struct], says: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return ({"description": says} if says else {}) | {"content": {"application/json": {"schema": schema}}}
