"""The strict decoder: what it refuses, what it keeps, and that its quick way takes no shortcut."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from evouch import wire
from evouch.errors import LocalError
from evouch.wire import MAX_DEPTH, MalformedJson, convert, decode, encode
from tests.documents import documents, spell

_REFUSED = [
    (b"", "Expecting value"),
    (b"hello", "Expecting value"),
    (b"[1,]", "Expecting value"),
    (b"{'a':1}", "Expecting property name"),
    (b"[1] [2]", "Extra data"),
    (b"\xef\xbb\xbf[]", "BOM"),
    (b'"\xff"', "not UTF-8"),
    (b'{"\xed\xa0\x80":1}', "not UTF-8"),
    (b'["\\ud800"]', "lone surrogate"),
    (b'{"\\udfff":1}', "lone surrogate"),
    ("\ud800", "lone surrogate"),
    (b'{"a":1,"a":1}', "duplicate member"),
    (b'{"a":1,"\\u0061":1}', "duplicate member"),
    (b'[{"b":{"a":1,"a":2}}]', "duplicate member"),
    (b"NaN", "NaN is not a JSON number"),
    (b'{"a":-Infinity}', "-Infinity is not a JSON number"),
    (b"1e400", "number out of range"),
    (b"1E+400", "number out of range"),
    (b"1E-400", "number out of range"),
    (b"1e99999999999999999999", "number out of range"),
    (b"1" * 21, "number out of range"),
    (b"-" + b"1" * 20, "number out of range"),
    (b"1" * 40 + b".5", "number out of range"),
    (b"1" * 5000, "number out of range"),
    (b"01", "Extra data"),
    (b'"a\x01b"', "Invalid control character"),
    (b'"a\nb"', "Invalid control character"),
    (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested too deeply"),
    (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "nested too deeply"),
    (b"[" * 100_000, "nested too deeply"),
    (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    (b'"' + b"x" * wire.MAX_BYTES + b'"', "more than 262144 bytes"),
    ("ü" * (wire.MAX_BYTES // 2), "more than 262144 bytes"),
]


@pytest.mark.parametrize(("data", "why"), _REFUSED, ids=lambda value: repr(value)[:30])
def test_what_breaks_a_rule_is_refused_with_the_rule(data: bytes | str, why: str) -> None:
    with pytest.raises(MalformedJson) as caught:
        decode(f'"{data}"' if isinstance(data, str) else data)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("60", 60),
        ("60.0", Decimal("60.0")),
        ("6e1", Decimal("6E+1")),
        ("-0", 0),
        ("0.30", Decimal("0.30")),
        ("1E+30", Decimal("1E+30")),
        ("0E-50", Decimal("0E-50")),
        ("12345678901234567890", 12345678901234567890),
        ("true", True),
        ("null", None),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\/"', "/"),
        (' [ 1 , { "a" : [ ] } ] ', [1, {"a": []}]),
    ],
)
def test_numbers_and_texts_keep_what_they_say(text: str, value: object) -> None:
    assert repr(decode(text)) == repr(value)
    assert repr(decode(text.encode())) == repr(value)


def test_nesting_up_to_the_limit_is_read() -> None:
    document = decode(b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH)
    for _ in range(MAX_DEPTH):
        (document,) = document
    assert document == 1


def test_many_containers_side_by_side_are_not_deep() -> None:
    assert len(decode(b"[" + b",".join([b"{}"] * 1000) + b"]")) == 1000


def test_limits_can_be_narrower() -> None:
    with pytest.raises(MalformedJson, match="more than 3 bytes"):
        decode(b"[1,2]", max_bytes=3)
    with pytest.raises(MalformedJson, match="nested too deeply"):
        decode(b"[[1]]", max_depth=1)


@given(documents)
def test_what_is_encoded_is_decoded_again(document: Any) -> None:
    assert repr(decode(encode(document))) == repr(document)


@given(documents)
def test_encoding_is_compact(document: Any) -> None:
    if document is None or isinstance(document, (str, bool)):
        return
    written = encode(document)
    assert written == msgspec.json.format(written, indent=-1)


@given(documents, st.sampled_from(["", " ", "\n\t "]), st.booleans())
def test_spelling_does_not_change_the_document(document: Any, space: str, ascii: bool) -> None:
    assert repr(decode(spell(document, space=space, ascii=ascii))) == repr(document)


@given(documents, st.integers(0, 3), st.sampled_from(["", " "]), st.booleans())
@example({"a": {"b": 1}}, 1, "", False)
def test_a_member_that_comes_twice_is_refused_wherever_it_is(
    document: Any, doubled: int, space: str, ascii: bool
) -> None:
    text = spell(document, space=space, ascii=ascii, doubled=doubled)
    if text == spell(document, space=space, ascii=ascii):
        return
    with pytest.raises(MalformedJson, match="duplicate member"):
        decode(text)
    assert wire._decode_canonical(text.encode()) is wire._UNPROVEN


def _compare_both_ways(data: bytes) -> None:
    quick = wire._decode_canonical(data)
    if quick is wire._UNPROVEN:
        return
    assert repr(quick) == repr(wire._decode_strictly(data))


@given(documents, st.sampled_from(["", " "]), st.booleans())
def test_the_quick_way_reads_what_the_strict_way_reads(document: Any, space: str, ascii: bool) -> None:
    _compare_both_ways(spell(document, space=space, ascii=ascii).encode())


@given(
    documents,
    st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(b'"\\:,{}[]0123456789eE+-.u \xff')), max_size=4),
)
def test_the_quick_way_accepts_nothing_that_the_strict_way_refuses(
    document: Any, changes: list[tuple[int, int]]
) -> None:
    data = bytearray(encode(document))
    for place, byte in changes:
        data[place % len(data)] = byte
    _compare_both_ways(bytes(data))


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_whatever_arrives_is_a_document_or_malformed(data: bytes | str) -> None:
    with suppress(MalformedJson):
        decode(data)


def test_compact_messages_take_the_quick_way() -> None:
    frame = json.dumps([2, "19223201", "Heartbeat", {"a": [1, 2.5, None, True, "ü"]}], ensure_ascii=False)
    for text in (frame, frame.replace(" ", "")):
        assert wire._decode_canonical(text.encode()) is not wire._UNPROVEN


@pytest.mark.parametrize(
    "document", ["\ud800", Decimal("NaN"), [Decimal("-Infinity")], {"a": Decimal("sNaN")}, object(), {("a",): 1}]
)
def test_what_is_not_json_is_never_sent(document: object) -> None:
    with pytest.raises(LocalError):
        encode(document)


def test_words_that_look_like_numbers_are_texts() -> None:
    assert encode({"NaN": "Infinity"}) == b'{"NaN":"Infinity"}'


def test_a_document_becomes_the_type_it_fits() -> None:
    class Point(msgspec.Struct):
        x: int

    assert convert({"x": 1}, Point) == Point(1)
    with pytest.raises(MalformedJson, match="x"):
        convert({"x": "1"}, Point)
