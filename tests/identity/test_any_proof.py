"""Whatever is sent, the answer is a verdict; and whatever is changed in a proof, it holds no longer."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evouch import wire
from evouch.identity.canonical import canonical
from evouch.identity.did import did_key
from evouch.identity.encoding import base64url, read_signature
from evouch.identity.enrolment import Identity, IdentityKind
from evouch.identity.keys import KeyType
from evouch.identity.proof import Profile, Step, Verdict
from tests.identity.examples import KEYS, certificate, enrolled, judged, of_key, proof
from tests.proofs import proves

CERTIFIED, DER = certificate()
BOTH = [of_key(KEYS[type]) for type in KeyType]
ANYBODY: list[Identity] = [
    *BOTH, *(enrolled(IdentityKind.WEB3, did_key(KEYS[type].public)) for type in KeyType),
    enrolled(IdentityKind.WEB3, "did:ethr:0x2c7536e3605d9c16a7a3d7b1898e529396a65c23"),
]  # fmt: skip

#: (type, profile) → an honest proof
PROOFS = {(type, profile): proof(KEYS[type], profile=profile) for type in KeyType for profile in Profile}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
_NAMES = [
    "cpId", "timestamp", "nonce", "identityType", "powNonce", "web3Identity", "x509Identity", "publicKey", "did",
    "method", "kid", "type", "encoding", "value", "certificateSha256", "certificatePem",
]  # fmt: skip
_LIKELY = [
    "CP-12345", "abc123", "2025-07-09T14:00:03Z", "publicKey", "web3", "x509Certificate", "identityProof", "0x00",
]  # fmt: skip
likely = st.recursive(
    json_values | st.sampled_from(_LIKELY),
    lambda inner: st.dictionaries(st.sampled_from(_NAMES), inner, max_size=8),
    max_leaves=16,
)
answers = st.fixed_dictionaries(
    {"payload": likely, "payloadSignature": st.text() | likely, "payloadSha256Hash": st.text() | likely},
    optional={"type": likely},
)


def verdict_on(document: Any, **more: Any) -> Verdict:
    return judged(document, *ANYBODY, certificate=DER, **more)


@settings(max_examples=50)
@given(json_values | answers, st.booleans())
@example({"payload": {"web3Identity": {"did": "did:key:z" + "1" * 500}}}, True)
def test_any_json_is_judged_and_none_is_a_proof(document: Any, first_use: bool) -> None:
    verdict = judged(document, first_use=True) if first_use else verdict_on(document)

    assert isinstance(verdict.step, Step)
    assert verdict.reason


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(_NAMES), likely), st.sampled_from(sorted(PROOFS)), st.text(max_size=90))
def test_an_honest_proof_into_which_a_stranger_writes_is_judged_and_holds_no_longer(
    members: dict[str, Any], which: tuple[KeyType, Profile], text: str
) -> None:
    document = PROOFS[which]
    payload = {**document["payload"], **members}
    # hashed nulls may be sent as well
    null = {"web3Identity": None} if which[1] is Profile.REFERENCE else {}

    for changed in (
        {**document, "payload": payload},
        {**document, "payloadSignature": text},
        {**document, "payloadSha256Hash": text},
    ):
        honest = (document, {**document, "payload": {**document["payload"], **null}})
        assert verdict_on(changed).valid is (said(changed) in map(said, honest))


def said(document: dict[str, Any]) -> str:
    """What a document says, whatever the order of its members; True is not 1 here."""
    return repr({**document, "payload": sorted(map(repr, document["payload"].items()))})


def flips(text: str) -> list[str]:
    """The text with one character replaced by each of a few others, at every place."""
    return [text[:at] + other + text[at + 1 :] for at in range(len(text)) for other in "0aZ_" if other != text[at]]


@pytest.mark.parametrize("which", PROOFS, ids="-".join)
@proves("W8", "W9")
def test_any_character_of_signature_or_hash_that_is_changed_is_noticed(which: tuple[KeyType, Profile]) -> None:
    document, identity = PROOFS[which], of_key(KEYS[which[0]])
    for text in flips(document["payloadSha256Hash"]):
        assert judged({**document, "payloadSha256Hash": text}, identity).step is Step.HASH, text
    for text in flips(document["payloadSignature"]):
        assert judged({**document, "payloadSignature": text}, identity).step is Step.SIGNATURE, text


@pytest.mark.parametrize("which", PROOFS, ids="-".join)
@proves("W8", "W9")
def test_any_bit_of_the_signed_bytes_that_is_changed_is_noticed(which: tuple[KeyType, Profile]) -> None:
    document, key = PROOFS[which], KEYS[which[0]].public
    message = document["payloadSha256Hash"].encode()
    if which[1] is Profile.OWN:
        message = canonical(document["payload"])
    signature = read_signature(document["payloadSignature"])
    assert key.verify(signature, message)
    for at in range(0, len(message) * 8, 7):
        assert not key.verify(signature, flipped(message, at))
    for at in range(len(signature) * 8):
        assert not key.verify(flipped(signature, at), message)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("which", PROOFS, ids="-".join)
@proves("W8", "W9")
def test_any_byte_of_the_payload_that_is_changed_on_the_way_is_noticed(which: tuple[KeyType, Profile]) -> None:
    document, identity = PROOFS[which], of_key(KEYS[which[0]])
    text = json.dumps(document["payload"], separators=(",", ":"))
    for at in range(len(text)):
        for other in '0a"} ':
            try:
                payload = wire.decode(text[:at] + other + text[at + 1 :])
            except wire.MalformedJson:
                continue
            verdict = judged({**document, "payload": payload}, identity)
            assert verdict.valid is (payload == document["payload"]), (payload, verdict)


@given(
    st.sampled_from(KeyType), st.sampled_from(Profile), st.text("abcXYZ09-_", min_size=1, max_size=60), st.booleans()
)
def test_what_is_proved_is_verified(type: KeyType, profile: Profile, nonce: str, web3: bool) -> None:
    key = KEYS[type]
    kind = IdentityKind.WEB3 if web3 else IdentityKind.PUBLIC_KEY
    identity = enrolled(IdentityKind.WEB3, did_key(key.public)) if web3 else of_key(key)
    document = proof(key, nonce=nonce, profile=profile, kind=kind, did=did_key(key.public), difficulty=3)

    assert judged(wire.decode(json.dumps(document)), identity, nonce=nonce, difficulty=3).identity == identity
    assert not judged(document, identity, nonce=nonce + "x").valid


def test_a_proof_of_a_certificate_is_covered_by_its_signature_too() -> None:
    document = proof(CERTIFIED, kind=IdentityKind.CERTIFICATE, certificate=DER)
    from evouch.identity.certificate import fingerprint

    identity = enrolled(IdentityKind.CERTIFICATE, fingerprint(DER))
    assert judged(document, identity, certificate=DER).valid
    raw = read_signature(document["payloadSignature"])
    for at in range(len(raw) * 8):
        changed = {**document, "payloadSignature": base64url(flipped(raw, at))}
        assert judged(changed, identity, certificate=DER).step is Step.SIGNATURE
