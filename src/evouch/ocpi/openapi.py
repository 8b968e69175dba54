"""The OpenAPI 3.1 document of a role and a version, made of the table of routes and the objects' types.

It is served without a token, on purpose: it holds what the specifications say and which of their
modules we serve, and nothing about anybody. Who is about to connect reads it before there is a token.
"""

import re
from functools import cache
from typing import Any, Final

import msgspec

from evouch.ocpi import model as m
from evouch.ocpi.partner import V221, Role
from evouch.ocpi.routes import Form, Route, rows

__all__ = ["PATH", "document"]

#: Below the address of the version.
PATH: Final = "openapi.json"

#: A parameter that can only be one word.
_FIXED: Final = re.compile(r"{\w+=(\w+)}")
_WORD: Final = r"\1"
_TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1}
_TIME: Final[dict[str, Any]] = {"type": "string", "format": "date-time"}
_NUMBER: Final[dict[str, Any]] = {"type": "number"}
_LENGTHS: Final = {"country_code": 2, "party_id": 3, "cdr_id": 39, "vehicle_id": 64, "token_uid": 64}
_USUAL_LENGTH: Final = 36
_PAGE: Final[dict[str, Any]] = {
    "offset": {"type": "integer", "minimum": 0, "maximum": 999_999_999, "default": 0},
    "limit": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
    "date_from": _TIME,
    "date_to": _TIME,
}
_TYPE: Final[dict[str, Any]] = {"type": {**_TEXT, "default": "RFID"}}
#: Objects that 2.2.1 has in another shape (``ocpi.v221``).
_PRICE_221: Final[dict[str, Any]] = {
    "title": "Price",
    "type": "object",
    "properties": {"excl_vat": _NUMBER, "incl_vat": _NUMBER},
    "required": ["excl_vat"],
}
_NOT_221: Final = {"Tariff": "tax_included", "Credentials": "hub_party_id"}

_PROBLEMS: Final = {
    "400": "The body is no JSON.",
    "401": "The token does not count here.",
    "404": "There is no such thing, or it is not yours.",
    "500": "The server's own mistake.",
}


@cache
def document(role: Role, version: str, root: str) -> bytes:
    """Return the document as JSON; ``root`` is the address that ``versions`` is below."""
    served = rows(role, version)
    paths: dict[str, Any] = {
        "/versions": {"get": _about("versions", m.Version, several=True)},
        f"/{version}": {"get": _about("version details", m.VersionDetails)},
    }
    for row in served:
        path = f"/{version}/{_FIXED.sub(_WORD, row.path)}"
        paths.setdefault(path, {})[row.method.lower()] = _operation(row, path)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": f"OCPI {version}, {role}", "version": version, "description": __doc__},
            "servers": [{"url": root}],
            "security": [{"token": []}],
            "paths": paths,
            "components": {"schemas": _schemas(served, version), "securitySchemes": {"token": _token()}},
        }
    )


def _token() -> dict[str, str]:
    says = "`Token` and the token in base64"
    return {"type": "apiKey", "in": "header", "name": "Authorization", "description": says}


# ── operations ──────────────────────────────────────────────────────────────────────────


def _about(says: str, kind: type[Any], *, several: bool = False) -> dict[str, Any]:
    return {"operationId": f"get {says}", "summary": says, "responses": _responses("GET", _data(kind, several=several))}


def _operation(row: Route, path: str) -> dict[str, Any]:
    says = f"{row.module}, {row.interface}"
    operation: dict[str, Any] = {
        "operationId": f"{row.method} {path}",
        "summary": says,
        "tags": [row.module],
        "parameters": _parameters(row),
        "responses": _responses(row.method, _data(row.gives, several=row.form is Form.LIST), row.module),
    }
    if row.takes is not None:
        operation["requestBody"] = {"content": _json(_body(row)), "required": row.form is not Form.OPTIONAL}
    return operation


def _parameters(row: Route) -> list[dict[str, Any]]:
    query = (_PAGE if row.form is Form.LIST else {}) | (_TYPE if "token_uid" in row.names else {})
    names = re.findall(r"{(\w+)}", row.path)
    found = [{"name": each, "in": "path", "required": True, "schema": _parameter(each)} for each in names]
    return found + [{"name": name, "in": "query", "schema": schema} for name, schema in query.items()]


def _parameter(name: str) -> dict[str, Any]:
    return {**_TEXT, "maxLength": _LENGTHS.get(name, _USUAL_LENGTH)}


def _body(row: Route) -> dict[str, Any]:
    if row.form is Form.PART:
        return {"type": "object", "properties": {"last_updated": _TIME}, "required": ["last_updated"]}
    return _reference(row.takes)


def _responses(method: str, data: dict[str, Any] | None, module: str = "") -> dict[str, Any]:
    envelope = {
        "type": "object",
        "properties": {"status_code": {"type": "integer"}, "status_message": {"type": "string"}, "timestamp": _TIME},
        "required": ["status_code", "timestamp"],
    }
    whole = envelope | {"properties": envelope["properties"] | ({} if data is None else {"data": data})}  # type: ignore[operator]
    said = {"200": "Done, or a status code that says why not."} | ({"201": "New."} if method != "GET" else {})
    no = _PROBLEMS | ({"405": "Not in this state of the registration."} if module == "credentials" else {})
    no |= {"429": "Too often; see Retry-After."} if module in {"oprf", "vehicles"} else {}
    good = {code: {"description": text, "content": _json(whole)} for code, text in said.items()}
    return good | {code: {"description": text, "content": _json(envelope)} for code, text in no.items()}


def _data(kind: type[Any] | None, *, several: bool = False) -> dict[str, Any] | None:
    if kind is None:
        return None
    one = {"type": "string"} if kind is str else _reference(kind)
    return {"type": "array", "items": one} if several else one


def _reference(kind: type[Any] | None) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{kind.__name__ if kind else ''}"}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


# ── objects ─────────────────────────────────────────────────────────────────────────────


def _schemas(served: tuple[Route, ...], version: str) -> dict[str, Any]:
    kinds = {kind for row in served for kind in (row.takes, row.gives) if kind not in {None, str}}
    ordered = sorted(kinds | {m.Version, m.VersionDetails}, key=lambda kind: kind.__name__)
    _, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    for name, schema in components.items():
        _say_times(getattr(m, name), schema)
    found: dict[str, Any] = _numbers(components)
    if version == V221:
        found.pop("TaxAmount", None)
        found["Price"] = _PRICE_221
        for name, member in _NOT_221.items():
            found.get(name, {"properties": {}})["properties"].pop(member, None)
    return found


def _say_times(kind: Any, schema: dict[str, Any]) -> None:
    """Name the format of times: without a zone they are UTC, which JSON Schema has no word for."""
    for name in m.times(kind):
        schema["properties"][name] = _TIME


def _numbers(schema: Any) -> Any:
    """Say that Decimals are numbers."""
    if isinstance(schema, dict):
        return _NUMBER if schema.get("format") == "decimal" else {name: _numbers(each) for name, each in schema.items()}
    return [_numbers(each) for each in schema] if isinstance(schema, list) else schema
