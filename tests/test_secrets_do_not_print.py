"""Secrets, keys and MACs do not leave by accident: not printed, not formatted, not copied into a document."""

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass

import msgspec
import pytest

from evouch import wire
from evouch.errors import LocalError
from evouch.ids import KeyBytes, Mac, Secret
from tests.spellings import spellings

BYTES = b"open sesame+/\xc3\xa9"
HIDDEN = [Secret(BYTES), KeyBytes(BYTES), Mac(BYTES)]


@dataclass(frozen=True)
class Holder:
    hidden: object


SHOWN: dict[str, Callable[[object], str]] = {
    "str": str,
    "repr": repr,
    "format": lambda hidden: f"{hidden} {hidden!r} {hidden!s} {hidden:>40}",
    "percent": lambda hidden: "%s %r" % (hidden, hidden),  # noqa: UP031
    "in a list": lambda hidden: str([hidden]),
    "in a dataclass": lambda hidden: repr(Holder(hidden)),
    "asdict": lambda hidden: str(asdict(Holder(hidden))),
    "deep copy": lambda hidden: str(copy.deepcopy([hidden])),
    "log": lambda hidden: logging.LogRecord("x", 20, "x", 1, "%s", (hidden,), None).getMessage(),
    "exception": lambda hidden: "".join(traceback.format_exception(ValueError(hidden))),
    "dir": lambda hidden: str([getattr(hidden, "__dict__", ""), str(dir(hidden))]),
}


@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda hidden: type(hidden).__name__)
@pytest.mark.parametrize("way", SHOWN)
def test_what_is_shown_of_a_secret_is_stars(way: str, hidden: object) -> None:
    shown = SHOWN[way](hidden)
    assert [] == [each for each in spellings(BYTES) if each in shown]


ENCODED: dict[str, Callable[[object], object]] = {
    "pickle": pickle.dumps,
    "json": json.dumps,
    "msgspec": msgspec.json.encode,
    "msgpack": msgspec.msgpack.encode,
    "builtins": msgspec.to_builtins,
    "wire": wire.encode,
    "bytes": bytes,  # type: ignore[dict-item]
    "list": list,  # type: ignore[dict-item]
}


@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda hidden: type(hidden).__name__)
@pytest.mark.parametrize("way", ENCODED)
def test_a_secret_fits_into_no_document(way: str, hidden: object) -> None:
    with pytest.raises((TypeError, LocalError)) as caught:
        ENCODED[way](hidden)
    assert [] == [each for each in spellings(BYTES) if each in str(caught.value)]


@pytest.mark.parametrize("kind", [Secret, KeyBytes, Mac])
def test_a_secret_is_equal_to_its_own_kind_only_and_cannot_be_changed(kind: type[Secret]) -> None:
    hidden = kind(BYTES)
    assert (kind(BYTES), BYTES) == (hidden, hidden.reveal())
    assert all(
        hidden != other
        for other in (BYTES, "***", kind(b"other"), *(each for each in HIDDEN if type(each) is not kind))
    )
    with pytest.raises(AttributeError):
        hidden._value = b""
    assert 1 == len({hidden, kind(BYTES)})
    assert len(BYTES) == len(hidden)


def test_a_secret_keeps_its_text_exactly() -> None:
    assert " blank é \n" == Secret(" blank é \n").text()


def test_all_spellings_are_found() -> None:
    found = spellings(b"\x01\x02\xff\xfe\xfd\xfc")
    assert {"0102fffefdfc", "0102FFFEFDFC", "01:02:ff:fe:fd:fc", "01-02-ff-fe-fd-fc", "AQL//v38", "AQL__v38"} <= found
