"""Each mistake that is known from the field is named when its code turns up."""

import base64
import hmac
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evouch.ids import Secret
from evouch.testing.clock import VECTOR_TIME
from evouch.webpayment import totp
from evouch.webpayment.diagnosis import SEARCH, Diagnosis, diagnose

AT = VECTOR_TIME
SECRET = Secret("secure!Charging!")
SLOT = 1716423785 // 30


def found(text: str, *, secret: Secret = SECRET, length: int = 12, validity: int = 30) -> Diagnosis:
    return diagnose(text, secret, AT, validity=validity, length=length)


def code(number: int, secret: Secret = SECRET, length: int = 12, **how: str) -> str:
    return totp.code(secret, number, length=length, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("offset", [-SEARCH, -7, -2, 2, 3, SEARCH])
def test_a_clock_that_is_off_is_measured_in_slots(offset: int) -> None:
    said = found(code(SLOT + offset))

    assert (said.reason, said.offset) == ("otherSlot", offset)
    assert str(timedelta(seconds=30 * abs(offset))) in said.sentence
    assert ("ahead" in said.sentence) is (offset > 0)


def test_further_away_nothing_is_guessed() -> None:
    assert found(code(SLOT + SEARCH + 1)).reason == "unknown"


@pytest.mark.parametrize("text", [" CN63y502maVh", "CN63y502maVh\n", "CN63 y502 maVh", "\tMdPU0jCm5tXz"])
def test_blanks_are_seen(text: str) -> None:
    assert found(text).reason == "whitespace"


@pytest.mark.parametrize("length", [6, 8, 11, 13, 32])
def test_a_station_with_another_length_is_seen(length: int) -> None:
    said = found(code(SLOT, length=length))

    assert said.reason == "otherLength"
    assert f"{length} characters" in said.sentence


@pytest.mark.parametrize("text", ["cn63y502mavh", "CN63Y502MAVH", "mdpu0jcm5txz"])
def test_a_reader_that_changes_capitals_is_seen(text: str) -> None:
    assert found(text).reason == "changedCase"


def test_the_code_of_a_little_endian_slot_is_seen() -> None:
    assert found("VdqJK7PbGdjb").reason == "littleEndian"  # what the DynamicQRCodes app for Android shows


def test_the_start_of_the_interval_in_place_of_its_index_is_seen() -> None:
    assert found(code(SLOT * 30)).reason == "secondsNotIndex"
    assert found(code((SLOT - 1) * 30)).reason == "secondsNotIndex"


@pytest.mark.parametrize("late", [0.0, 0.013, 7.5, 44.0])
def test_milliseconds_taken_for_seconds_are_seen(late: float) -> None:
    made_at = int((1716423785 - late) * 1000)

    assert found(code(made_at // 30)).reason == "milliseconds"


@pytest.mark.parametrize("validity", [15, 60, 120, 3600])
def test_a_station_with_another_validity_is_seen(validity: int) -> None:
    said = found(code(1716423785 // validity))

    assert said.reason == "otherValidity"
    assert f"{validity} s" in said.sentence


@pytest.mark.parametrize("digest", ["sha384", "sha512"])
def test_another_digest_is_seen(digest: str) -> None:
    assert found(code(SLOT, digest=digest)).reason == "otherDigest"


@pytest.mark.parametrize(
    "text", ["894361286613", "61e30fec245b", "GR6DA764SEVL", "CN-3w_-Yi4Rb"], ids=["digits", "hex", "base32", "-_"]
)
def test_another_alphabet_is_seen(text: str) -> None:
    assert found(text).reason == "otherAlphabet"


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ("AABBCCDD11223344", bytes.fromhex("AABBCCDD11223344")),
        ("c2VjdXJlIUNoYXJnaW5nIQ", b"secure!Charging!"),
        ("ONSWG5LSMUQUG2DB", base64.b32decode("ONSWG5LSMUQUG2DB")),
        (" secure!Charging! ", b"secure!Charging!"),
    ],
    ids=["hex", "base64", "base32", "trimmed"],
)
def test_a_secret_that_was_not_taken_byte_for_byte_is_seen(secret: str, key: bytes) -> None:
    said = found(code(SLOT, Secret(key)), secret=Secret(secret))

    assert said.reason == "otherSecret"
    assert secret.strip() not in said.sentence


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("digits", [6, 8])
def test_a_code_of_an_authenticator_app_is_seen(digest: str, digits: int) -> None:
    raw = hmac.digest(SECRET.reveal(), SLOT.to_bytes(8, "big"), digest)
    start = raw[-1] & 15
    shown = f"{(int.from_bytes(raw[start : start + 4], 'big') & 0x7FFFFFFF) % 10**digits:0{digits}d}"

    assert found(shown, length=8).reason == "rfc6238"


def test_the_rfc_s_own_vector_is_recognised() -> None:
    # RFC 6238 appendix B: at 59 s the 8 digits are 94287082
    said = diagnose("94287082", Secret("12345678901234567890"), totp.starts_at(59, 1), validity=30, length=8)

    assert said.reason == "rfc6238"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "wrongLength"),
        ("CN63y502", "otherLength"),
        ("CN63y50X", "wrongLength"),
        ("CN63y502maV-", "wrongAlphabet"),
        ("CN63y502maV\ud800", "wrongAlphabet"),
        ("CN63y502maVx", "unknown"),
        ("²²²²²²²²²²²²", "wrongAlphabet"),
        ("٣٣٣٣٣٣", "wrongLength"),
    ],
)
def test_what_cannot_be_explained_is_at_least_described(text: str, reason: str) -> None:
    assert found(text).reason == reason


@settings(max_examples=30)
@given(st.text(max_size=40), st.integers(1, 90_000), st.integers(1, 64))
def test_no_text_hurts_and_no_sentence_tells_the_secret(text: str, validity: int, length: int) -> None:
    said = found(text, validity=validity, length=length)

    assert "secure!" not in said.sentence
    assert said.sentence.isprintable()
