"""One payload, at most two forms; the hash says which."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.identity.canonical import MAX_POW_NONCE, _quickly, canonical, select, with_nulls
from tests.proofs import proves

PAYLOAD: dict[str, Any] = {
    "timestamp": "2025-07-09T14:00:03Z", "cpId": "CP-12345", "nonce": "abc123", "identityType": "publicKey",
    "powNonce": 1,
}  # fmt: skip

scalars = st.none() | st.text() | st.integers(0, MAX_POW_NONCE)


def digest(form: bytes) -> bytes:
    return hashlib.sha256(form).digest()


def test_members_are_sorted_and_written_compactly() -> None:
    assert canonical(PAYLOAD) == (
        b'{"cpId":"CP-12345","identityType":"publicKey","nonce":"abc123","powNonce":1,"timestamp":"2025-07-09T14:00:03Z"}'
    )


def test_text_is_utf_8_with_the_escapes_of_rfc_8785() -> None:
    assert canonical({"b": "é€😀/\x7f\u2028", "a": '\b\t\n\f\r"\\\x1f'}) == (
        '{"a":"\\b\\t\\n\\f\\r\\"\\\\\\u001f","b":"é€😀/\x7f\u2028"}'.encode()
    )


def test_members_are_sorted_by_utf_16() -> None:
    assert canonical({"\ufb33": 1, "😀": 2, "a": 3}) == '{"a":3,"😀":2,"\ufb33":1}'.encode()


@pytest.mark.parametrize("payload", [{"a": MAX_POW_NONCE + 1}, {"a": "\ud800"}, {"\ud800": 1}, {"a": object()}])
def test_what_has_no_canonical_form_is_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        canonical(payload)


@proves("W9")
def test_the_hash_selects_the_form_as_received_or_with_its_nulls() -> None:
    received, restored = canonical(PAYLOAD), canonical({**PAYLOAD, "web3Identity": None})

    assert received == select(PAYLOAD, digest(received))
    assert restored == select(PAYLOAD, digest(restored))
    assert select(PAYLOAD, digest(b"")) is None


def test_the_nulls_within_a_web3_identity_are_restored_as_well() -> None:
    payload = {**PAYLOAD, "web3Identity": {"did": "did:key:z1", "method": "key"}}

    assert {"did": "did:key:z1", "method": "key", "kid": None} == with_nulls(payload)["web3Identity"]
    for form in (canonical(payload), canonical(with_nulls(payload))):
        assert form == select(payload, digest(form))


@given(st.dictionaries(st.text(), scalars | st.dictionaries(st.text(), scalars)), st.booleans())
def test_whatever_a_payload_holds_the_form_that_is_selected_is_that_of_rfc_8785(
    payload: dict[str, Any], nulls: bool
) -> None:
    form = canonical(with_nulls(payload) if nulls else payload)
    assert form == select(payload, digest(form))


@given(st.dictionaries(st.sampled_from(sorted(PAYLOAD)), scalars | st.dictionaries(st.just("did"), scalars)))
def test_what_is_written_quickly_is_never_anything_else(payload: dict[str, Any]) -> None:
    assert canonical(payload) == _quickly(payload)


def test_there_is_no_form_with_upper_case_escapes() -> None:
    """A firmware escapes control characters so; nonces, station ids and DIDs hold none, so nobody honest is refused."""
    payload = {**PAYLOAD, "nonce": "a\x1f"}
    upper = canonical(payload).replace(b"\\u001f", b"\\u001F")

    assert select(payload, digest(upper)) is None


def test_timestamps_are_hashed_as_they_were_sent() -> None:
    for text in ("2025-07-09T14:00:03.1Z", "2025-07-09T14:00:03.100Z", "2025-07-09T14:00:03.123456789Z"):
        assert text.encode() in canonical({**PAYLOAD, "timestamp": text})
