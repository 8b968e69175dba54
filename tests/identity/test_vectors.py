"""Published proofs: those made with W3CP's own code hold, each over what it was signed over, and edited ones do not."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from evouch import wire
from evouch.identity import work
from evouch.identity.did import read_did
from evouch.identity.encoding import base64url, read_base64url
from evouch.identity.enrolment import Identity, IdentityKind, SigningInput
from evouch.identity.keys import KeyType, PrivateKey, public_key, read_key
from evouch.identity.proof import Step
from evouch.ids import KeyBytes
from tests.identity.examples import AT, VECTORS, enrolled, expected, judged
from tests.proofs import proves

POSITIVE: list[dict[str, Any]] = VECTORS["vectors"]
BY_ID = {vector["id"].partition("-")[0]: vector for vector in POSITIVE}
#: which signing input the vectors' own table says
MATCHES = {
    "V1": SigningInput.HASH_TEXT,
    "V2": SigningInput.DIGEST,
    "V4": SigningInput.HASH_TEXT,
    "V5": SigningInput.CANONICAL,
    "V7": SigningInput.CANONICAL,
}


def identity_of(vector: dict[str, Any], **more: Any) -> Identity:
    """The identity that a vector was made by. All of them are published, so none could be enrolled."""
    if vector["signedChallenge_conf"]["payload"]["identityType"] == "web3":
        return enrolled(IdentityKind.WEB3, vector.get("did") or vector["did_ethr"].lower(), **more)
    return enrolled(IdentityKind.PUBLIC_KEY, read_key(vector["public_key"], enrolling=False).material, **more)


@pytest.mark.parametrize("name", BY_ID)
@proves("W8", "W9", "W20")
def test_a_published_proof_holds_over_the_form_and_the_input_that_it_was_made_with(name: str) -> None:
    vector = BY_ID[name]
    verdict = judged(vector["signedChallenge_conf"], identity_of(vector), enforce_time=True)

    assert (None, "") == (verdict.step, verdict.reason)
    assert MATCHES[name] == verdict.signing
    assert vector["canonical_json"] == verdict.canonical
    assert vector["sha256_hex"] == hashlib.sha256(verdict.canonical.encode()).hexdigest()


@pytest.mark.parametrize("name", BY_ID)
def test_what_a_vector_was_signed_over_is_the_only_input_that_matches_it(name: str) -> None:
    vector = BY_ID[name]
    for pinned in SigningInput:
        verdict = judged(vector["signedChallenge_conf"], identity_of(vector, signing=pinned))
        assert (pinned is MATCHES[name]) == verdict.valid


@pytest.mark.parametrize("name", ["V1", "V4"])
def test_the_reference_firmwares_own_wire_text_holds(name: str) -> None:
    vector = BY_ID[name]
    assert judged(wire.decode(vector["raw_reference_wire"]), identity_of(vector)).valid


def test_the_same_signature_may_be_der_or_raw_and_hexadecimal_in_any_spelling() -> None:
    vector = BY_ID["V5"]
    for text in (
        vector["raw_r_s_hex"],
        vector["raw_r_s_hex"][2:],
        vector["raw_r_s_hex"][2:].upper(),
        "0x" + vector["signature_hex"].upper(),
        vector["signature_hex"],
        base64url(bytes.fromhex(vector["signature_hex"])),
    ):
        conf = {**vector["signedChallenge_conf"], "payloadSignature": text}
        assert judged(conf, identity_of(vector)).valid, text


def test_the_same_hash_may_be_hexadecimal_or_base64url() -> None:
    vector = BY_ID["V5"]
    digest = vector["sha256_hex"]
    for text in (digest, digest.upper(), "0x" + digest, vector["sha256_base64url"], vector["sha256_base64url"] + "="):
        conf = {**vector["signedChallenge_conf"], "payloadSha256Hash": text}
        assert judged(conf, identity_of(vector)).valid, text


@pytest.mark.parametrize("negative", VECTORS["negative"], ids=lambda negative: f"{negative['id']}: {negative['why']}")
def test_a_published_forgery_fails_at_the_step_that_its_source_names(negative: dict[str, Any]) -> None:
    context = negative["context"]
    verdict = judged(negative["conf"], identity_of(BY_ID["V5"]), station=context["ws_identity"], nonce=context["nonce"])

    assert not verdict.valid
    assert verdict.step is not None
    assert verdict.step.value in negative["expected"].removeprefix("reject: ")


def test_a_published_text_that_is_ambiguous_is_no_proof() -> None:
    duplicate, fraction = (each["text"] for each in VECTORS["negative_raw_text"])
    with pytest.raises(wire.MalformedJson, match="duplicate member"):
        wire.decode(duplicate)
    assert Step.FORM is judged(wire.decode(fraction)).step


@pytest.mark.parametrize("result", VECTORS["pow_over_raw_digest"]["results"], ids=lambda each: each["difficulty"])
@proves("W10")
def test_published_work_is_counted_and_found_again(result: dict[str, Any]) -> None:
    before, after = VECTORS["pow_over_raw_digest"]["canonical_template"].encode().split(b"N,")
    digest = hashlib.sha256(before + b"%d," % result["powNonce"] + after).digest()

    assert result["sha256_hex"] == digest.hex()
    assert result["trailing_zero_bits"] == work.trailing_zeros(digest)
    assert result["powNonce"] == work.solve(before, b"," + after, result["difficulty"])


@pytest.mark.parametrize("type", VECTORS["did_key_examples"])
def test_published_did_keys_are_read(type: str) -> None:
    did = read_did(VECTORS["did_key_examples"][type], enrolling=False)

    assert did.key is not None
    assert {"p256": "ecP256"}.get(type, type) == did.key.type


def test_the_ethereum_signatures_of_a_wallet_hold_for_its_address() -> None:
    vector = BY_ID["V7"]
    found = []
    for variant in vector["ethereum_variants"]:
        conf = {**vector["signedChallenge_conf"], "payloadSignature": variant["signature"]}
        verdict = judged(conf, enrolled(IdentityKind.WEB3, vector["did_ethr"].lower()))
        assert verdict.valid == variant["ok"], variant["input"]
        found.append(verdict.signing)
    assert found == [
        SigningInput.EIP191_CANONICAL, SigningInput.EIP191_DIGEST, SigningInput.EIP191_HASH_TEXT,
        SigningInput.EIP191_HASH_TEXT, SigningInput.CANONICAL,
    ]  # fmt: skip


def test_the_ethereum_signatures_of_a_wallet_hold_for_its_key() -> None:
    vector = BY_ID["V7"]
    for did in (
        f"did:ethr:0x{vector['public_key_compressed_hex']}",
        f"did:ewc:0x{vector['public_key_compressed_hex']}",
    ):
        for variant in vector["ethereum_variants"]:
            conf = {**vector["signedChallenge_conf"], "payloadSignature": variant["signature"]}
            assert judged(conf, enrolled(IdentityKind.WEB3, did)).valid, variant["input"]


@pytest.mark.parametrize("weak", VECTORS["ed25519_small_order_keys"], ids=lambda weak: weak["public_key"][:8])
def test_a_signature_that_fits_any_message_proves_nothing(weak: dict[str, Any]) -> None:
    key = public_key(KeyType.ED25519, bytes.fromhex(weak["public_key"]))
    messages = [f"message {number}".encode() for number in range(200)]
    assert any(key.verify(bytes.fromhex(weak["signature"]), message) for message in messages)

    for number in range(40):
        payload = {**BY_ID["V5"]["signedChallenge_conf"]["payload"], "powNonce": number}
        form = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
        conf = {
            "payload": payload, "payloadSignature": "0x" + weak["signature"],
            "payloadSha256Hash": hashlib.sha256(form).hexdigest(),
        }  # fmt: skip
        verdict = judged(conf, enrolled(IdentityKind.PUBLIC_KEY, key.material))
        assert (Step.KEY, True) == (verdict.step, "small order" in verdict.reason)


def test_the_keys_of_the_vectors_are_the_halves_of_their_private_ones() -> None:
    vector = BY_ID["V1"]
    private = PrivateKey.from_pkcs8(KeyBytes(read_base64url(vector["private_key_pkcs8"])))
    assert read_key(vector["public_key"], enrolling=False) == private.public


def test_the_moment_of_the_vectors_is_within_their_window() -> None:
    assert AT == datetime(2025, 7, 9, 14, 0, 3, tzinfo=UTC)
    assert expected().window == 120
