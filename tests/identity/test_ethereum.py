"""Ethereum's hash, its prefix and its addresses, against published values; and what holds without the extra."""

import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.errors import Refused
from evouch.identity import ethereum
from evouch.identity.enrolment import IdentityKind, SigningInput
from evouch.identity.keys import KeyType
from evouch.identity.proof import Step
from tests.identity.examples import KEYS, VECTORS, enrolled, judged, proof

VECTOR = next(each for each in VECTORS["vectors"] if each["id"].startswith("V7"))
ADDRESS = bytes.fromhex(VECTOR["ethereum_address"][2:])
DIGEST = bytes.fromhex(VECTOR["sha256_hex"])


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (
            b"The quick brown fox jumps over the lazy dog",
            "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15",
        ),
        (b"transfer(address,uint256)", "a9059cbb2ab09eb219583f4a59a5d0623ade346d962bcd4e46b11da047c9049b"),
    ],
)
def test_keccak_256_is_ethereums(data: bytes, digest: str) -> None:
    assert digest == ethereum.keccak256(data).hex()


@pytest.mark.parametrize("size", [0, 1, 134, 135, 136, 137, 271, 272, 273, 1000])
def test_keccak_256_takes_any_length_and_any_byte_counts(size: int) -> None:
    data = bytes(range(256)) * 4
    digests = {ethereum.keccak256(data[:size])} | {ethereum.keccak256(data[:size] + bytes([each])) for each in range(3)}
    assert len(digests) == 4


def test_a_message_is_signed_with_its_length_before_it() -> None:
    # from the documentation of eth_sign and of the account libraries
    digest = "a1de988600a42c4b4ab089b619297c17d53cffae5d5120d82d8a92d0bb3b78f2"
    assert digest == ethereum.eip191(b"Hello World").hex()


def test_an_address_is_the_end_of_the_hash_of_its_key() -> None:
    from evouch.identity.keys import public_key

    key = public_key(KeyType.SECP256K1, bytes.fromhex(VECTOR["public_key_compressed_hex"]))
    assert ADDRESS == ethereum.address_of(key.raw)


def test_a_signature_says_its_signer_with_old_and_new_recovery_byte_or_none() -> None:
    recoverable = bytes.fromhex(VECTOR["ethereum_variants"][4]["signature"][2:])
    assert recoverable[-1] == 1
    for signature in (
        recoverable,
        recoverable[:-1] + b"\x1c",
        recoverable[:-1],
        bytes.fromhex(VECTOR["signature_hex"]),
    ):
        assert ethereum.signed_by(ADDRESS, signature, DIGEST)
        assert not ethereum.signed_by(ADDRESS, signature, bytes(32))
        assert not ethereum.signed_by(bytes(20), signature, DIGEST)
    for v in (0, 2, 3, 27, 29, 255):
        assert not ethereum.signed_by(ADDRESS, recoverable[:-1] + bytes([v]), DIGEST)


@given(st.binary(max_size=80) | st.binary(min_size=64, max_size=65))
def test_any_bytes_are_a_signature_of_somebody_else_or_none(signature: bytes) -> None:
    assert not ethereum.signed_by(ADDRESS, signature, DIGEST)


def test_without_the_extra_an_address_is_refused_with_a_reason_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "coincurve", None)
    with pytest.raises(Refused, match=r"evouch\[web3\]"):
        ethereum.signed_by(ADDRESS, bytes(65), DIGEST)
    verdict = judged(VECTOR["signedChallenge_conf"], enrolled(IdentityKind.WEB3, VECTOR["did_ethr"].lower()))

    assert verdict.step is Step.KEY
    assert "extra web3" in verdict.reason


def test_without_the_extra_an_account_whose_key_is_in_its_did_still_proves_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "coincurve", None)
    did = f"did:ethr:0x{VECTOR['public_key_compressed_hex']}"
    for variant in VECTOR["ethereum_variants"]:
        conf = {**VECTOR["signedChallenge_conf"], "payloadSignature": variant["signature"]}
        assert judged(conf, enrolled(IdentityKind.WEB3, did)).valid


def test_without_the_extra_a_second_identity_is_still_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "coincurve", None)
    key = KEYS[KeyType.SECP256K1]
    identities = (
        enrolled(IdentityKind.WEB3, VECTOR["did_ethr"].lower()),
        enrolled(IdentityKind.WEB3, f"did:ethr:0x{key.public.compressed.hex()}"),
    )
    assert judged(proof(key, kind=IdentityKind.WEB3), *identities).identity == identities[1]


def test_personal_sign_is_for_accounts_and_not_for_other_secp256k1_keys() -> None:
    from evouch.identity.did import did_key
    from evouch.identity.keys import public_key

    key = public_key(KeyType.SECP256K1, bytes.fromhex(VECTOR["public_key_compressed_hex"]))
    conf = {**VECTOR["signedChallenge_conf"], "payloadSignature": VECTOR["ethereum_variants"][0]["signature"]}

    assert judged(conf, enrolled(IdentityKind.WEB3, did_key(key))).step is Step.SIGNATURE


def test_who_signed_is_recovered_once_for_all_accounts_and_for_a_pinned_form_over_that_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recovered: list[bytes] = []

    def signers(signature: bytes, digest: bytes) -> frozenset[bytes]:
        recovered.append(digest)
        return real(signature, digest)

    real = ethereum.signers
    monkeypatch.setattr(ethereum, "signers", signers)
    accounts = tuple(enrolled(IdentityKind.WEB3, f"did:ethr:0x{number:040x}") for number in range(4))
    anybody = proof(KEYS[KeyType.SECP256K1], kind=IdentityKind.WEB3)
    assert judged(anybody, *accounts).step is Step.SIGNATURE
    assert len(recovered) == len(set(recovered)) == 7
    recovered.clear()
    pinned = tuple(replace(one, signing=SigningInput.EIP191_DIGEST) for one in accounts)
    assert judged(anybody, *pinned).step is Step.SIGNATURE
    assert len(recovered) == 1
