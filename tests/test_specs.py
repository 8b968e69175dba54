"""What a specification shows as an example is true: its vectors are judged by the code."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evouch.identity.enrolment import Identity, IdentityKind, SigningInput
from evouch.identity.keys import read_key
from evouch.identity.proof import Expected, Step, verify
from evouch.ids import StationId
from evouch.wire import decode, encode
from tests.proofs import proves

PAGE = (Path(__file__).parent.parent / "docs" / "specs" / "signed_challenge.md").read_text()
VECTORS = dict(re.findall(r"^```json vector (\w)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
ED25519, P256 = (json.loads(text) for text in re.findall(r'(\{"type": "(?:ed25519|ecP256)", .*?\})', PAGE))
NONCE = "4ZfUq0Xf7RR6aIUz0sqGnTeQGNmgI3TCoHlfX0_Ggwk"
AT = datetime(2025, 7, 9, 14, 0, 3, tzinfo=UTC)


def expected(key: Any, **other: Any) -> Expected:
    enrolled = Identity(
        id="i", station=StationId("CP-12345"), kind=IdentityKind.PUBLIC_KEY, material=read_key(key).material,
        enrolled_at=AT, enrolled_by="test",
    )  # fmt: skip
    return replace(
        Expected(station="CP-12345", nonce=NONCE, now=AT, identities=(enrolled,), enforce_time=True), **other
    )


@proves("W8", "W9", "W10")
@pytest.mark.parametrize(
    ("name", "key", "signing", "difficulty"),
    [
        ("A", ED25519, SigningInput.CANONICAL, 0),
        ("B", P256, SigningInput.CANONICAL, 0),
        ("C", ED25519, SigningInput.CANONICAL, 12),
        ("D", ED25519, SigningInput.HASH_TEXT, 0),
    ],
)
def test_the_vectors_of_the_page_are_valid(name: str, key: Any, signing: SigningInput, difficulty: int) -> None:
    verdict = verify(decode(VECTORS[name]), expected(key, difficulty=difficulty))
    assert (verdict.step, verdict.signing, verdict.reason) == (None, signing, "")


@pytest.mark.parametrize("name", "AD")
def test_the_canonical_forms_of_the_page_are_what_was_hashed(name: str) -> None:
    verdict = verify(decode(VECTORS[name]), expected(ED25519))
    assert f"```text\n{verdict.canonical}\n```" in PAGE
    assert name != "A" or f"one line of {len(verdict.canonical)} bytes" in PAGE


def spoiled(**payload: Any) -> Any:
    document = decode(VECTORS["A"])
    document["payload"] |= payload
    return document


def test_what_the_page_calls_invalid_fails_where_it_says() -> None:
    good = expected(ED25519)
    rehashed = spoiled(powNonce=1)
    rehashed["payloadSha256Hash"] = _hash(rehashed["payload"])
    assert verify(decode(VECTORS["A"]), replace(good, nonce="another")).step is Step.NONCE
    assert verify(decode(VECTORS["A"]), replace(good, station="CP-99999")).step is Step.CP_ID
    assert verify(spoiled(powNonce=1), good).step is Step.HASH
    assert verify(rehashed, good).step is Step.SIGNATURE
    assert verify(decode(VECTORS["A"].replace('"powNonce": 0', '"powNonce": 0.0')), good).step is Step.FORM
    assert verify(spoiled(extra=1), good).step is Step.FORM


def _hash(payload: Any) -> str:
    import hashlib

    return hashlib.sha256(json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@proves("W10")
def test_the_work_of_the_page_has_thirteen_bits_and_not_fourteen() -> None:
    assert verify(decode(VECTORS["C"]), expected(ED25519, difficulty=13)).valid
    assert verify(decode(VECTORS["C"]), expected(ED25519, difficulty=14)).step is Step.WORK


@proves("M4")
def test_the_vectors_are_of_their_time() -> None:
    late = expected(ED25519, now=AT + timedelta(seconds=121))
    assert verify(decode(VECTORS["A"]), late).step is Step.TIMESTAMP
    lenient = verify(decode(VECTORS["A"]), replace(late, enforce_time=False))
    assert lenient.valid
    assert len(lenient.warnings) == 1


def test_the_flow_of_the_page_is_made_of_frames() -> None:
    frames = re.findall(r"^[→←] (\[.*\])$", PAGE, re.MULTILINE)
    assert len(frames) == 8
    for frame in frames:
        assert encode(decode(frame)).decode() == frame
