"""Identifiers are parsed by their rule; secrets never print."""

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch import wire
from evouch.errors import LocalError
from evouch.ids import KeyBytes, Mac, Secret, parse_evse_id, parse_station_id

HIDDEN = [Secret, KeyBytes, Mac]


@pytest.mark.parametrize("text", ["CS001", "a", "x" * 48, "DE*ABC*E1:left|2@site.example", "CS_1-2=3+4"])
def test_station_ids(text: str) -> None:
    assert parse_station_id(text) == text


@pytest.mark.parametrize(
    "text", ["", "x" * 49, "a b", "a/b", "a%20b", "ä", "CS001\n", "\nCS001", "a\x00", "a?b", "a#b"]
)
def test_what_is_no_station_id(text: str) -> None:
    with pytest.raises(ValueError, match="station id"):
        parse_station_id(text)


@pytest.mark.parametrize("text", ["DE*ABC*E123", "DEABCE123", "de*abc*e123", "DE*ABC*E1*2*3", "NL*8AC*E" + "1" * 31])
def test_evse_ids(text: str) -> None:
    assert parse_evse_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "DE*ABC*",
        "DE*ABC*E",
        "DE*ABC*E*1",
        "D*ABC*E1",
        "DE*AB*E1",
        "DE*ABC*F1",
        "DE*ABC*E1 ",
        "DE*ABC*E1\n",
        "DE*ABC*E" + "1" * 32,
        "D\u212a*ABC*E1",  # the Kelvin sign folds to k
        "DE*ABC*E\u017f",  # the long s folds to s
    ],
)
def test_what_is_no_evse_id(text: str) -> None:
    with pytest.raises(ValueError, match="EVSE id"):
        parse_evse_id(text)


@given(st.text())
def test_ids_are_ascii_whatever_is_tried(text: str) -> None:
    for parse in (parse_station_id, parse_evse_id):
        try:
            found = parse(text)
        except ValueError:
            continue
        assert found == text
        assert found.isascii()


@dataclass
class _Holder:
    secret: Any


@pytest.mark.parametrize("kind", HIDDEN)
def test_a_secret_never_prints(kind: type[Secret | KeyBytes | Mac]) -> None:
    secret = kind("s3cret")
    for text in (
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>40}",
        f"{secret:>40}",
        "%s %r" % (secret, secret),  # noqa: UP031
        repr([secret]),
        repr(_Holder(secret)),
        repr(vars(_Holder(secret))),
    ):
        assert "s3cret" not in text
        assert "***" in text
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize("kind", HIDDEN)
def test_a_secret_never_leaves_in_a_document_or_a_pickle(kind: type[Secret | KeyBytes | Mac]) -> None:
    secret = kind("s3cret")
    writers: tuple[Callable[[Any], object], ...] = (json.dumps, msgspec.json.encode, msgspec.msgpack.encode, bytes)
    for write in writers:
        with pytest.raises(TypeError):
            write(secret)
    with pytest.raises(LocalError) as caught:
        wire.encode({"value": secret})
    assert "s3cret" not in str(caught.value)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="never pickled"):
            pickle.dumps(secret, protocol)


@pytest.mark.parametrize("kind", HIDDEN)
def test_a_secret_opens_by_name_only_and_never_changes(kind: type[Secret | KeyBytes | Mac]) -> None:
    secret = kind("grüße")
    assert secret.reveal() == "grüße".encode()
    assert len(secret) == 7
    with pytest.raises(AttributeError):
        secret._value = b""
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret


def test_the_text_of_a_secret_is_what_was_set() -> None:
    assert Secret(" a b ").text() == " a b "
    assert Secret("ü".encode()).text() == "ü"


def test_secrets_are_equal_by_kind_and_content() -> None:
    assert Secret("a") == Secret(b"a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != KeyBytes("a")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), KeyBytes("a")}) == 2
