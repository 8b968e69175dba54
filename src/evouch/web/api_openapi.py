"""The OpenAPI 3.1 document of the operator API, made from its table and its message types."""

import re
from functools import cache
from typing import Any, Final

import msgspec

from evouch.web import api_identity, api_records, api_stations  # noqa: F401 - they enter their operations into the table
from evouch.web.api_models import ErrorAnswer, Health
from evouch.web.api_routes import ERRORS, MOST, OPERATIONS, Operation

__all__ = ["PREFIX", "document"]

PREFIX: Final = "/api/v1"
_ALWAYS: Final = ("unauthorized", "serverError")
_PATH: Final[dict[str, Any]] = {
    "station": {"type": "string", "pattern": r"^[A-Za-z0-9*\-_=:+|@.]{1,48}$"},
    "token": {"type": "string", "pattern": "^[ -~]{1,255}$"},
    "transaction": {"type": "string", "minLength": 1, "maxLength": 255},
    "payment": {"type": "string", "minLength": 1, "maxLength": 64},
    "identity": {"type": "string", "minLength": 1, "maxLength": 64},
    "message": {"type": "string", "minLength": 1, "maxLength": 64},
}
_QUERY: Final[dict[str, Any]] = {
    "active": {"type": "boolean", "default": False},
    "station": _PATH["station"],
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "default": 100},
}


@cache
def document(server: str) -> bytes:
    """Return the document as JSON; ``server`` is the public address of this service."""
    kinds = {kind for row in OPERATIONS for kind in (row.gives, row.takes) if kind is not None} | {ErrorAnswer, Health}
    ordered = sorted(kinds, key=lambda kind: kind.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {"/health": {"get": _health()}}
    for row in OPERATIONS:
        paths.setdefault(PREFIX + row.path, {})[row.method.lower()] = _operation(row)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "evouch operator API",
                "version": "1",
                "description": "Stations, identities, tokens, transactions and payments of one charge point operator.",
            },
            "servers": [{"url": server}],
            "security": [{"token": []}],
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
        }
    )


def _health() -> dict[str, Any]:
    says = "Whether the service answers. Needs no token."
    return {"operationId": "health", "summary": says, "security": [], "responses": {"200": _content(Health, says)}}


def _operation(row: Operation) -> dict[str, Any]:
    done = {"200": _content(row.gives, row.says)} if row.gives else {"204": {"description": "Done."}}
    operation: dict[str, Any] = {
        "operationId": row.name,
        "summary": row.says,
        "parameters": _parameters(row),
        "responses": done | _refusals(row),
    }
    if row.takes:
        operation["requestBody"] = {**_content(row.takes, ""), "required": True}
    return operation


def _parameters(row: Operation) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", row.path)
    found = [{"name": name, "in": "path", "required": True, "schema": _PATH[name]} for name in names]
    return found + [{"name": name, "in": "query", "schema": _QUERY[name]} for name in row.query]


def _refusals(row: Operation) -> dict[str, Any]:
    reasons = [*row.refuses, *_ALWAYS, "badQuery"]
    reasons += ["malformed", "tooLarge"] if row.takes else []
    # a path parameter that no address can carry ends where there is no such address
    reasons += ["notFound"] if "{" in row.path else []
    by_status: dict[str, list[str]] = {}
    for reason in reasons:
        by_status.setdefault(str(ERRORS[reason][0]), []).append(f"`{reason}`")
    return {status: _content(ErrorAnswer, ", ".join(words)) for status, words in sorted(by_status.items())}


def _content(kind: type[Any], says: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return ({"description": says} if says else {}) | {"content": {"application/json": {"schema": schema}}}
