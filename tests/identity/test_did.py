"""DIDs are read from their own text, each in one spelling, and what cannot be read offline says so."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.errors import Refused
from evouch.identity.did import did_key, did_of, read_did
from evouch.identity.encoding import base58, read_base58
from evouch.identity.keys import KeyType
from tests.identity.examples import KEYS, VECTORS
from tests.identity.test_keys import NON_CANONICAL, SMALL_ORDER

ED = KEYS[KeyType.ED25519].public
K1 = KEYS[KeyType.SECP256K1].public
ADDRESS = "0x2c7536e3605d9c16a7a3d7b1898e529396a65c23"


def kilt(code: str, raw: bytes, network: int = 38) -> str:
    """A light DID as KILT itself writes one: an SS58 address."""
    content = bytes([network]) + raw
    return f"did:kilt:light:{code}{base58(content + hashlib.blake2b(b'SS58PRE' + content).digest()[:2])}"


def refusal(text: str) -> str:
    with pytest.raises(Refused) as caught:
        read_did(text)
    return caught.value.reason


@pytest.mark.parametrize("type", KeyType)
def test_a_did_key_says_its_key(type: KeyType) -> None:
    public = KEYS[type].public
    did = read_did(did_key(public))

    assert (did.method, did.normalised, did.key) == ("key", did_key(public), public)
    assert did_key(public).startswith(
        {"ed25519": "did:key:z6Mk", "ecP256": "did:key:zDn", "secp256k1": "did:key:zQ3s"}[type]
    )


@pytest.mark.parametrize(
    "text", [f"did:w3cp:{base58(ED.raw)}", f"did:kilt:light:00{base58(ED.raw)}", kilt("01", ED.raw)]
)
def test_w3cps_and_kilts_spellings_say_an_ed25519_key(text: str) -> None:
    did = read_did(text)
    assert (did.normalised, did.key, did.address) == (text, ED, None)


def test_kilts_own_example_is_read_and_its_kind_of_key_is_not_supported() -> None:
    example = VECTORS["kilt_spec_light_did"]
    raw = bytes.fromhex(example["public_key_hex"])

    assert example["did"] == kilt("00", raw)
    assert example["decoded_hex"] == read_base58(example["did"].removeprefix("did:kilt:light:00")).hex()
    assert refusal(example["did"]) == "unsupportedDid"


@pytest.mark.parametrize(
    "text",
    [
        f"did:ethr:{ADDRESS}",
        f"did:ethr:{ADDRESS.upper().replace('X', 'x')}",
        f"did:ethr:mainnet:{ADDRESS}",
        f"did:ethr:0x1:{ADDRESS}",
    ],
)
def test_an_ethereum_account_is_its_address_whatever_its_case_and_however_its_chain_is_called(text: str) -> None:
    did = read_did(text)

    assert did.normalised == f"did:ethr:{ADDRESS}"
    assert (did.key, did.address) == (None, bytes.fromhex(ADDRESS[2:]))


def test_an_ethereum_did_may_hold_the_key_itself() -> None:
    did = read_did(f"did:ethr:volta:0x{K1.compressed.hex().upper()}")
    assert (did.normalised, did.key, did.address) == (f"did:ethr:volta:0x{K1.compressed.hex()}", K1, None)


def test_the_same_key_under_two_methods_is_two_identities() -> None:
    spellings = {
        did_key(K1), f"did:ethr:0x{K1.compressed.hex()}", f"did:ewc:0x{K1.compressed.hex()}",
        f"did:ethr:volta:0x{K1.compressed.hex()}", f"did:ewc:0x1:0x{K1.compressed.hex()}",
    }  # fmt: skip
    assert len({read_did(each).normalised for each in spellings}) == 5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "badDid"), ("did", "badDid"), ("did:key", "badDid"), ("did:key:", "badDid"), ("DID:key:z1", "badDid"),
        (f"{did_key(ED)}#key-1", "badDid"), (f"{did_key(ED)}?a=b", "badDid"), (f" {did_key(ED)}", "badDid"),
        (f"{did_key(ED)}\n", "badDid"), (f"did:key:z1{did_key(ED)[9:]}", "unsupportedDid"), ("did:key:z0", "badDid"),
        ("did:key:mAAAA", "unsupportedDid"), ("did:web:example.com", "unsupportedDid"),
        (f"did:key:z{base58(bytes.fromhex('8524') + bytes(49))}", "unsupportedDid"),
        (f"did:key:z{base58(bytes.fromhex('ed01') + ED.raw + bytes(1))}", "badDid"),
        (f"did:key:z{base58(bytes.fromhex('ed01') + ED.spki)}", "badDid"),
        (f"did:key:z{base58(bytes.fromhex('e701') + K1.raw)}", "badDid"),
        (f"did:key:z{base58(bytes.fromhex('8024') + bytes(33))}", "badDid"),
        (f"did:w3cp:{base58(ED.raw[1:])}", "badDid"), (f"did:w3cp:{base58(ED.spki)}", "badDid"),
        (f"did:w3cp:1{base58(ED.raw)}", "badDid"),
        (f"did:kilt:light:01{base58(ED.raw)}", "badDid"), (f"did:kilt:light:00{base58(ED.raw[1:])}", "badDid"),
        (f"{kilt('01', ED.raw)}:oWFh", "unsupportedDid"), (kilt("02", ED.raw), "unsupportedDid"),
        (kilt("01", ED.raw, network=42), "badDid"), (kilt("01", ED.raw)[:-1] + "1", "badDid"),
        ("did:kilt:4tMMvRNsRMhFoKjqVYLFeyzP2EfEKBTmVFLQmuRPWPUQ6vWY", "unsupportedDid"),
        ("did:ethr:0x2c75", "badDid"), (f"did:ethr:{ADDRESS[2:]}", "badDid"), (f"did:ethr:a:b:{ADDRESS}", "badDid"),
        (f"did:ethr:0x{'00' * 33}", "badDid"), (f"did:ethr:{ADDRESS}#controller", "badDid"),
        (f"did:key:z{'1' * 300}", "badDid"),
    ],
)  # fmt: skip
def test_other_dids_are_refused(text: str, reason: str) -> None:
    assert refusal(text) == reason


@pytest.mark.parametrize("encoded", SMALL_ORDER + NON_CANONICAL)
def test_a_did_with_a_key_of_small_order_is_refused_and_never_used(encoded: str) -> None:
    raw = bytes.fromhex(encoded)
    for text in (
        f"did:key:z{base58(bytes.fromhex('ed01') + raw)}", f"did:w3cp:{base58(raw)}", f"did:kilt:light:00{base58(raw)}",
        kilt("01", raw),
    ):  # fmt: skip
        assert refusal(text) == "weakKey"
        with pytest.raises(Refused, match="weakKey"):
            did_of(text)


def test_the_dids_of_the_reference_installation_are_refused_under_every_method() -> None:
    for text in VECTORS["known_public_demo_identities_denylist"]["dids"]:
        key = read_did(text, enrolling=False).key
        assert key is not None
        for spelling in (text, did_key(key), f"did:w3cp:{base58(key.raw)}", kilt("01", key.raw)):
            assert refusal(spelling) == "publicDemoKey"
            assert did_of(spelling).key == key


@given(st.text(max_size=80).map(lambda rest: f"did:{rest}") | st.sampled_from(["key", "w3cp", "kilt", "ethr"]).flatmap(
    lambda method: st.text("0123456789abcdefxzABCXZ:", max_size=80).map(lambda rest: f"did:{method}:{rest}")
))  # fmt: skip
def test_any_text_is_a_did_or_refused(text: str) -> None:
    try:
        did = read_did(text)
    except Refused as error:
        reason = error.reason
    else:
        reason = "" if read_did(did.normalised) == did else "another"
    assert reason in {"", "badDid", "unsupportedDid", "weakKey"}
