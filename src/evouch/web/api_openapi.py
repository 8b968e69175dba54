"""The OpenAPI 3.1 document of an API, made from its table and its message types."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from evouch.web.api_models import ErrorAnswer, Health
from evouch.web.api_table import Operation, Table

__all__ = ["PREFIX", "document"]

PREFIX: Final = "/api/v1"
_ALWAYS: Final = ("unauthorized", "serverError")
#: Documents that were made, by title of the table and server.
_MADE: Final[dict[tuple[str, str], bytes]] = {}


def document(server: str, table: Table) -> bytes:
    """Return the document as JSON; ``server`` is the public address of this service."""
    key = (table.title, server)
    if key not in _MADE:
        _MADE[key] = _document(server, table)
    return _MADE[key]


def _document(server: str, table: Table) -> bytes:
    kinds = {kind for row in table.rows for kind in (row.gives, row.takes) if kind is not None} | {ErrorAnswer, Health}
    ordered = sorted(kinds, key=lambda kind: kind.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {"/health": {"get": _health()}}
    for row in table.rows:
        paths.setdefault(PREFIX + row.path, {})[row.method.lower()] = _operation(row, table)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": table.title,
                "version": "1",
                "description": table.about,
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


def _operation(row: Operation, table: Table) -> dict[str, Any]:
    done = {"200": _content(row.gives, row.says)} if row.gives else {"204": {"description": "Done."}}
    operation: dict[str, Any] = {
        "operationId": row.name,
        "summary": row.says,
        "parameters": _parameters(row, table),
        "responses": done | _refusals(row, table.errors),
    }
    if row.takes:
        operation["requestBody"] = {**_content(row.takes, ""), "required": True}
    return operation


def _parameters(row: Operation, table: Table) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", row.path)
    found = [{"name": name, "in": "path", "required": True, "schema": table.path[name]} for name in names]
    return found + [{"name": name, "in": "query", "schema": table.query[name]} for name in row.query]


def _refusals(row: Operation, errors: Mapping[str, tuple[int, str]]) -> dict[str, Any]:
    reasons = [*row.refuses, *_ALWAYS, "badQuery"]
    reasons += ["malformed", "tooLarge"] if row.takes else []
    # a path parameter that no address can carry ends where there is no such address
    reasons += ["notFound"] if "{" in row.path else []
    by_status: dict[str, list[str]] = {}
    for reason in reasons:
        by_status.setdefault(str(errors[reason][0]), []).append(f"`{reason}`")
    return {status: _content(ErrorAnswer, ", ".join(words)) for status, words in sorted(by_status.items())}


def _content(kind: type[Any], says: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return ({"description": says} if says else {}) | {"content": {"application/json": {"schema": schema}}}
