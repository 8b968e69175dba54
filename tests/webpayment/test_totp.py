"""The one-time code: every published vector, its window, and what is never accepted."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.errors import InvalidCode, Refused
from evouch.ids import Secret
from evouch.testing.clock import SeededEntropy
from evouch.webpayment import totp
from tests.proofs import proves

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "vectors" / "totp.json").read_text())
SECRET = Secret("secure!Charging!")
#: the moment of most vectors, five seconds into its slot
AT = EPOCH + timedelta(seconds=1716423785)

moments = st.datetimes(datetime(1970, 1, 3), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def moment(seconds: str) -> datetime:
    return EPOCH + timedelta(microseconds=int(Decimal(seconds) * 1_000_000))


def index(vector: dict[str, Any]) -> int:
    return int(vector["slot"]) if "slot" in vector else totp.slot(moment(vector["at"]), vector["validity"])


def code_at(vector: dict[str, Any], offset: int) -> str:
    return totp.code(
        Secret(vector["secret"]),
        index(vector) + offset,
        length=vector["length"],
        alphabet=vector["alphabet"],
        digest=vector["digest"],
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector['source']}: {vector['name']}")
@proves("C25.FR.01")
def test_published_codes_are_reproduced(vector: dict[str, Any]) -> None:
    named = {"previous": -1, "current": 0, "next": 1}
    expected = {offset: vector[name] for name, offset in named.items() if name in vector}
    expected |= {int(offset): code for offset, code in vector.get("offsets", {}).items()}

    assert expected
    assert expected == {offset: code_at(vector, offset) for offset in expected}


@pytest.mark.parametrize(
    "vector", [vector for vector in VECTORS if "remaining" in vector], ids=lambda vector: str(vector["name"])
)
def test_the_window_shows_the_published_codes_and_seconds_left(vector: dict[str, Any]) -> None:
    seen = totp.window(
        Secret(vector["secret"]),
        moment(vector["at"]),
        validity=vector["validity"],
        length=vector["length"],
        alphabet=vector["alphabet"],
        digest=vector["digest"],
    )

    assert seen.current == vector["current"]
    assert seen.remaining == vector["remaining"]
    assert (seen.previous, seen.next) == (
        vector.get("previous", seen.previous),
        vector.get("next", seen.next),
    )


def test_all_sources_of_vectors_are_there() -> None:
    assert {vector["source"] for vector in VECTORS} == {"whitepaper", "citrineos", "evtivity"}
    assert len(VECTORS) == 35


@pytest.mark.parametrize(("code", "offset"), [("MdPU0jCm5tXz", -1), ("CN63y502maVh", 0), ("dI54vnA25m2h", 1)])
@proves("C25.FR.07")
def test_previous_current_and_next_code_are_accepted_and_told_apart(code: str, offset: int) -> None:
    match = totp.matches(code, SECRET, AT, validity=30, length=12)

    assert match == totp.Match(slot=1716423785 // 30 + offset, offset=offset)


@pytest.mark.parametrize("offset", [-3, -2, 2, 3, 20])
@proves("C25.FR.08")
def test_the_window_is_never_wider_than_one_slot_either_side(offset: int) -> None:
    code = totp.code(SECRET, totp.slot(AT, 30) + offset, length=12)

    with pytest.raises(InvalidCode) as refusal:
        totp.matches(code, SECRET, AT, validity=30, length=12)
    assert refusal.value.detail == "slot"


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("", "length"),
        ("CN63y502maV", "length"),
        ("CN63y502maVh0", "length"),
        ("CN63y502maVh ", "length"),
        ("CN63y502maV-", "alphabet"),
        ("CN63y502maV ", "alphabet"),
        ("CN63y502maV\0", "alphabet"),
        ("CN63y502maV²", "alphabet"),
        ("CN63y502maVх", "alphabet"),  # noqa: RUF001 - a Cyrillic letter that looks like an x
        ("CN63y502maV\ud800", "alphabet"),
        ("cn63y502mavh", "slot"),
        ("CN63y502maVH", "slot"),
    ],
)
def test_what_is_no_code_says_one_thing_to_the_caller(code: str, detail: str) -> None:
    with pytest.raises(InvalidCode) as refusal:
        totp.matches(code, SECRET, AT, validity=30, length=12)
    assert refusal.value.reason == "invalidCode"
    assert refusal.value.detail == detail


def test_a_code_of_another_secret_opens_nothing() -> None:
    code = totp.window(Secret("another!Charging!"), AT, validity=30, length=12).current

    with pytest.raises(InvalidCode):
        totp.matches(code, SECRET, AT, validity=30, length=12)


def test_the_slot_before_the_epoch_is_shown_but_not_accepted() -> None:
    shown = totp.window(SECRET, EPOCH, validity=30, length=12)

    assert shown.previous == "SzcwtcR5qcY7"
    assert totp.matches(shown.current, SECRET, EPOCH, validity=30, length=12).offset == 0
    with pytest.raises(InvalidCode):
        totp.matches(shown.previous, SECRET, EPOCH, validity=30, length=12)


def test_the_code_changes_exactly_at_the_boundary() -> None:
    boundary = totp.starts_at(totp.slot(AT, 30) + 1, 30)
    before, after = (
        totp.window(SECRET, at, validity=30, length=12) for at in (boundary - timedelta(microseconds=1), boundary)
    )

    assert (before.current, before.next) == (after.previous, after.current)
    assert (before.remaining, after.remaining) == (1, 30)


def test_the_zone_of_a_moment_does_not_matter() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=5, minutes=45)))

    assert totp.window(SECRET, elsewhere, validity=30, length=12) == totp.window(SECRET, AT, validity=30, length=12)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        totp.slot(AT.replace(tzinfo=None), 30)


@pytest.mark.parametrize("validity", [0, -30])
def test_a_validity_is_positive(validity: int) -> None:
    with pytest.raises(ValueError, match="one second"):
        totp.slot(AT, validity)


@pytest.mark.parametrize("length", [0, -1, 256])
def test_a_length_has_bounds(length: int) -> None:
    with pytest.raises(ValueError, match="1 to 255"):
        totp.code(SECRET, 1, length=length)


@pytest.mark.parametrize("alphabet", ["", "0", "00", "01é"])
def test_an_alphabet_is_different_ascii_characters(alphabet: str) -> None:
    with pytest.raises(ValueError, match="ASCII"):
        totp.code(SECRET, 1, length=8, alphabet=alphabet)


def test_the_longest_code_repeats_the_digest() -> None:
    code = totp.code(SECRET, 57281440, length=255)

    assert code == (code[:32] * 8)[:255]


@given(moments, st.integers(1, 86_400), st.integers(1, 64), st.integers(-1, 1))
def test_whatever_a_window_shows_is_accepted(at: datetime, validity: int, length: int, offset: int) -> None:
    shown = totp.window(SECRET, at, validity=validity, length=length)
    code = (shown.current, shown.next, shown.previous)[offset]

    match = totp.matches(code, SECRET, at, validity=validity, length=length)

    assert totp.code(SECRET, match.slot, length=length) == code
    if length >= 12:
        assert match.offset == offset


@given(moments, st.integers(1, 86_400))
def test_slots_follow_each_other_without_gap(at: datetime, validity: int) -> None:
    index = totp.slot(at, validity)
    remaining = totp.window(SECRET, at, validity=validity, length=8).remaining

    assert 1 <= remaining <= validity
    assert totp.starts_at(index, validity) <= at < totp.starts_at(index + 1, validity)
    assert totp.slot(at + timedelta(seconds=remaining), validity) == index + 1


@pytest.mark.parametrize("text", ["12345678", "AABBCCDD", "sécürè!Chärgîng!"])
def test_a_secret_of_eight_characters_is_legal_and_kept_byte_for_byte(text: str) -> None:
    assert totp.parse_secret(text).reveal() == text.encode()


@pytest.mark.parametrize("text", ["", "1234567", " 12345678", "12345678\n", "1234\t5678", "123\x005678"])
def test_a_secret_that_half_of_the_field_would_trim_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        totp.parse_secret(text)
    assert refusal.value.reason == "badSecret"
    assert text not in str(refusal.value) or not text


def test_a_fresh_secret_is_strong_printable_and_new() -> None:
    entropy = SeededEntropy()
    first, second = totp.fresh_secret(entropy), totp.fresh_secret(entropy)

    assert first != second
    assert len(first) == 32
    assert totp.parse_secret(first.text()) == first
    assert totp.weaknesses(first, validity=30, length=8) == ()


def test_what_is_legal_but_unwise_is_said() -> None:
    said = totp.weaknesses(Secret("12345678"), validity=3600, length=6)

    assert len(said) == 3
    assert not any("12345678" in sentence for sentence in said)
