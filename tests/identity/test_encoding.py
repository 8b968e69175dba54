"""Every text of bytes has one reading, and most have one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.identity import encoding
from tests.proofs import proves

KEY = bytes.fromhex("54c71c235773b82115f0744252369c13414fd0e8bad3e8feff462c6a4bb58a0f")


@given(st.binary(min_size=1, max_size=100))
def test_what_is_written_is_read_back(raw: bytes) -> None:
    assert raw == encoding.read_hex(raw.hex()) == encoding.read_hex("0x" + raw.hex().upper())
    assert raw == encoding.read_base64url(encoding.base64url(raw))
    assert raw[:90] == encoding.read_base58(encoding.base58(raw[:90]))


@pytest.mark.parametrize("text", ["", "0x", "0", "0x0", "0X00", "0g", "00 00", " 00", "00\n", "0x0x00", "00:00", "٠٠"])  # noqa: RUF001
def test_other_hexadecimal_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        encoding.read_hex(text)


@pytest.mark.parametrize("text", ["TQ", "TQ==", "TWE", "TWE=", "TWFu", "-_-_"])
def test_base64url_may_be_padded_or_not(text: str) -> None:
    assert text.rstrip("=") == encoding.base64url(encoding.read_base64url(text))


@pytest.mark.parametrize(
    "text",
    ["", "=", "T", "TQ=", "TQ===", "TWE==", "TWFu=", "+/+/", "TQ\n", " TQ", "T Q=", "TR", "TWF", "TQ==TQ==", "é"],
)
def test_other_base64url_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        encoding.read_base64url(text)


@given(st.text(max_size=60))
def test_any_text_is_read_in_its_one_spelling_or_refused(text: str) -> None:
    for read, write in (
        (encoding.read_base64url, encoding.base64url),
        (encoding.read_base58, encoding.base58),
        (encoding.read_hex, bytes.hex),
    ):
        try:
            raw = read(text)
        except ValueError:
            continue
        assert write(raw) == (text.removeprefix("0x").lower() if write is bytes.hex else text.rstrip("="))


@pytest.mark.parametrize(
    ("raw", "text"),
    [(b"\0\0\x01", "112"), (b"Hello World!", "2NEpo7TZRRrLZSi2U"), (b"\0", "1"), (b"\xff" * 4, "7YXq9G")],
)
def test_base58_is_bitcoins(raw: bytes, text: str) -> None:
    assert (text, raw) == (encoding.base58(raw), encoding.read_base58(text))


@pytest.mark.parametrize("text", ["", "0", "O", "I", "l", "2NEpo7TZ RrLZSi2U", "2" * 129])
def test_other_base58_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="base58"):
        encoding.read_base58(text)


@proves("W9")
def test_a_hash_is_hexadecimal_or_base64url_of_32_bytes() -> None:
    hexadecimal, text = KEY.hex(), encoding.base64url(KEY)
    for each in (hexadecimal, hexadecimal.upper(), "0x" + hexadecimal, text, text + "="):
        assert KEY == encoding.read_digest(each)
    for each in (
        "",
        "deadbeef",
        hexadecimal[:-2],
        hexadecimal + "00",
        hexadecimal[:-1] + "g",
        text[:-1],
        text + "A",
        "0x",
    ):
        with pytest.raises(ValueError):
            encoding.read_digest(each)


def test_a_signature_is_told_by_its_length_and_its_0x() -> None:
    raw = KEY * 2
    assert raw == encoding.read_signature(raw.hex())
    assert raw == encoding.read_signature("0x" + raw.hex())
    assert raw == encoding.read_signature(encoding.base64url(raw))
    # 126 hex digits are a base64url text as well
    assert bytes.fromhex(raw.hex()[:124]) != encoding.read_signature(raw.hex()[:124])


def test_base64url_that_begins_with_0x_is_still_base64url() -> None:
    raw = encoding.read_base64url("0x" + encoding.base64url(KEY * 2)[2:])
    assert raw == encoding.read_signature(encoding.base64url(raw))
    assert encoding.base64url(raw).startswith("0x")


@pytest.mark.parametrize("text", ["", "0x", "0xzz!", "A" * 201, "ab cd", "ä" * 86])
def test_other_signatures_are_none(text: str) -> None:
    with pytest.raises(ValueError):
        encoding.read_signature(text)
