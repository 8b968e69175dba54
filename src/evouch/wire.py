"""The one strict decoder of foreign JSON, for WebSocket frames and HTTP bodies alike.

What it refuses, and a plain decoder lets pass: bytes over a limit, text that is not
UTF-8, lone surrogates, duplicate members (elsewhere the last one silently wins),
nesting that would exhaust the stack, NaN and infinities, numbers like 1e400.
Numbers with a point or an exponent become :class:`~decimal.Decimal`, so that ``60.0``
stays different from ``60`` and money keeps its digits.
"""

import json
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

import msgspec

from evouch.errors import LocalError

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MalformedJson", "convert", "decode", "encode"]

#: JSON as Python sees it: dict, list, str, int, Decimal, bool, None.
Json = Any
T = TypeVar("T")

#: Largest document: generous for an OCPP report (2.x ReportDataType pages), small for a memory attack.
MAX_BYTES: Final = 256 * 1024
#: Most arrays and objects open at once: the deepest official OCPP message has 9.
MAX_DEPTH: Final = 32
#: Largest decimal exponent: no quantity of this field needs more.
MAX_EXPONENT: Final = 30
#: Longest integer, in digits.
MAX_DIGITS: Final = 20


class MalformedJson(ValueError):
    """The text is not JSON that we accept; the message says which rule it broke."""


def decode(data: bytes | str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Json:
    """Return the document in ``data``; raise :class:`MalformedJson` where it breaks a rule above."""
    if isinstance(data, str):
        data = _utf8(data)
    if len(data) > max_bytes:
        raise MalformedJson(f"more than {max_bytes} bytes")
    document = _decode_canonical(data)
    if document is _UNPROVEN:
        document = _decode_strictly(data)
    if data.count(b"{") + data.count(b"[") > max_depth and _depth(document) > max_depth:
        raise MalformedJson("nested too deeply")
    return document


def convert(document: Json, kind: type[T]) -> T:
    """Return a decoded document as the msgspec type ``kind``; raise :class:`MalformedJson` where it does not fit."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise MalformedJson(str(error)) from None


def encode(document: Any) -> bytes:
    """Return ``document`` (plain values, Decimal, msgspec structs) as compact UTF-8 JSON.

    Raises :class:`~evouch.errors.LocalError` where it has no such form: a lone surrogate,
    a Decimal that is no number, a type that JSON does not know.
    """
    try:
        data = _encoder.encode(document)
    except (TypeError, ValueError, RecursionError) as error:
        raise LocalError(f"not JSON: {error}") from None
    if b"NaN" in data or b"Infinity" in data:
        _must_read_back(data)
    return data


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise MalformedJson("lone surrogate") from None


def _must_read_back(data: bytes) -> None:
    """Tell the text ``"NaN"`` from the Decimal, which msgspec writes as a bare word."""
    try:
        _decoder.decode(data)
    except msgspec.DecodeError:
        raise LocalError("not JSON: a Decimal that is no number") from None


# ── the quick way ───────────────────────────────────────────────────────────────────────
#
# msgspec reads about four times as fast as the standard library, but keeps the last of
# two equal members. Writing its result again and finding the same bytes proves that
# nothing was lost: a dict cannot write a member twice. Stations send compact JSON, so this
# nearly always succeeds; whatever it cannot prove is read again, strictly.

_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)
_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_UNPROVEN: Final = object()

#: Makes long digit runs findable by one search: every digit becomes a zero.
_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER: Final = b"0" * MAX_DIGITS


def _decode_canonical(data: bytes) -> Json:
    """Return the document if ``data`` is its own canonical form and holds no extreme number, else ``_UNPROVEN``."""
    shape = data.translate(_ZEROS)
    if _LONG_NUMBER in shape or b"0E+" in shape or b"0E-" in shape:
        return _UNPROVEN
    try:
        document = _decoder.decode(data)
        written = _encoder.encode(document)
        proven = written == data or written == msgspec.json.format(data, indent=-1)
    except (ValueError, ArithmeticError, RecursionError):
        return _UNPROVEN
    return document if proven else _UNPROVEN


# ── the strict way ──────────────────────────────────────────────────────────────────────


def _decode_strictly(data: bytes) -> Json:
    try:
        document = json.loads(
            data.decode(),
            object_pairs_hook=_unique,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_constant,
        )
        if b"\\u" in data:
            _encoder.encode(document)
    except UnicodeDecodeError:
        raise MalformedJson("not UTF-8") from None
    except UnicodeEncodeError:
        raise MalformedJson("lone surrogate") from None
    except json.JSONDecodeError as error:
        raise MalformedJson(error.msg) from None
    except RecursionError:
        raise MalformedJson("nested too deeply") from None
    return document


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("duplicate member")
    return members


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise MalformedJson("number out of range") from None
    if abs(number.adjusted()) > MAX_EXPONENT and number:
        raise MalformedJson("number out of range")
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise MalformedJson("number out of range")
    return int(text)


def _constant(text: str) -> Json:
    raise MalformedJson(f"{text} is not a JSON number")


def _depth(document: Json) -> int:
    """Return how many arrays and objects are open at the deepest place."""
    depth = 0
    level = _containers([document])
    while level:
        depth += 1
        level = _containers(child for node in level for child in (node.values() if type(node) is dict else node))
    return depth


def _containers(nodes: Iterable[Json]) -> list[Json]:
    return [node for node in nodes if type(node) is dict or type(node) is list]
