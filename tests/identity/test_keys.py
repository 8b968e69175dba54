"""Keys are read in every form that stations have them in, have one form of their own, and bad ones are refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.errors import Refused
from evouch.identity.encoding import base64url, read_base64url
from evouch.identity.keys import KeyType, PrivateKey, PublicKey, key_of, public_key, read_key
from evouch.ids import KeyBytes
from evouch.testing.clock import SeededEntropy
from tests.identity.examples import KEYS, VECTORS, certificate, key

P = (1 << 255) - 19


def document(type: str, raw: bytes) -> dict[str, str]:
    return {"type": type, "encoding": "base64url", "value": base64url(raw)}


def forms(key: PublicKey) -> list[bytes]:
    """Every form that the same key may be given in."""
    if key.type is KeyType.ED25519:
        return [key.spki, key.raw]
    compressed = {KeyType.P256: "3039301306072a8648ce3d020106082a8648ce3d030107032200"}.get(
        key.type, "3036301006072a8648ce3d020106052b8104000a032200"
    )
    return [key.spki, key.raw, key.compressed, bytes.fromhex(compressed) + key.compressed]


def refusal(given: Any) -> str:
    with pytest.raises(Refused) as caught:
        read_key(given)
    return caught.value.reason


@pytest.mark.parametrize("type", KeyType)
def test_a_key_is_the_same_in_whatever_form_it_is_given(type: KeyType) -> None:
    public = KEYS[type].public
    for form in forms(public):
        read = read_key(document(type, form))
        assert public == read
        assert public.document() == read.document() == document(type, public.spki)
    assert public == key_of(public.material)
    assert public.material == f"{type}:{base64url(public.spki)}"
    assert len(public.fingerprint) == 64


@pytest.mark.parametrize("type", KeyType)
def test_what_a_key_signs_it_verifies_and_nothing_else(type: KeyType) -> None:
    private, other = KEYS[type], key(type, "other")
    signature = private.sign(b"message")

    assert private.public.verify(signature, b"message")
    assert not private.public.verify(signature, b"another")
    assert not other.public.verify(signature, b"message")
    for wrong in (
        b"",
        signature[:-1],
        signature + b"\0",
        bytes(64),
        bytes(65),
        bytes(72),
        b"\x30\x06\x02\x01\x01\x02\x01\x01",
    ):
        assert not private.public.verify(wrong, b"message")
        assert not private.public.verify_digest(wrong, bytes(32))


def test_a_signature_with_a_recovery_byte_is_for_secp256k1_alone() -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    for type in (KeyType.P256, KeyType.SECP256K1):
        raw = b"".join(each.to_bytes(32, "big") for each in decode_dss_signature(KEYS[type].sign(b"message")))
        assert KEYS[type].public.verify(raw, b"message")
        for v in (0, 1, 27, 28):
            assert KEYS[type].public.verify(raw + bytes([v]), b"message") == (type is KeyType.SECP256K1)
        assert not KEYS[type].public.verify(raw + b"\x02", b"message")


@pytest.mark.parametrize(
    "given",
    [
        None, [], "key", {}, {"type": "ed25519", "encoding": "base64url"},
        {**document("ed25519", bytes(range(32))), "kid": "1"},
        {**document("ed25519", bytes(range(32))), "encoding": "hex"},
        {**document("ed25519", bytes(range(32))), "value": 1},
        {**document("ed25519", bytes(range(32))), "value": "+/=="},
        {**document("ed25519", bytes(range(32))), "type": 1},
        {**document("ed25519", bytes(range(32))), "type": ["ed25519"]},
        document("ecP384", bytes(97)), document("", bytes(32)),
        document("ed25519", bytes(range(31))), document("ed25519", bytes(range(33))), document("ed25519", b""),
        document("ecP256", b""), document("ecP256", b"\0"), document("ecP256", bytes(65)),
        document("ecP256", bytes(33)),
        document("ecP256", KEYS[KeyType.SECP256K1].public.spki),
        document("secp256k1", KEYS[KeyType.P256].public.spki),
        document("ed25519", KEYS[KeyType.P256].public.spki),
        # one bit of the point, and it lies on no curve
        document("ecP256", KEYS[KeyType.P256].public.raw[:-1] + bytes([KEYS[KeyType.P256].public.raw[-1] ^ 1])),
        # hybrid points of X9.62
        document("ecP256", b"\x06" + KEYS[KeyType.P256].public.raw[1:]),
        document("ecP256", b"\x07" + KEYS[KeyType.P256].public.raw[1:]),
        document("ecP256", KEYS[KeyType.P256].public.spki + b"\0"),
    ],
)  # fmt: skip
def test_what_is_no_key_is_refused(given: Any) -> None:
    assert refusal(given) == "badKey"


@pytest.mark.parametrize("material", ["", "ed25519", "ed25519:", "ed25519:!", "rsa:AAAA", "ecP256:AAAA"])
def test_material_of_another_form_is_refused(material: str) -> None:
    with pytest.raises(Refused, match="badKey"):
        key_of(material)


@given(st.binary(max_size=100), st.sampled_from(KeyType))
def test_any_bytes_are_a_key_or_refused(raw: bytes, type: KeyType) -> None:
    try:
        outcome: str = public_key(type, raw).type
    except Refused as error:
        outcome = error.reason
    assert outcome in {type, "badKey"}


# ── keys that are never enrolled ────────────────────────────────────────────────────────

SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]
NON_CANONICAL = [
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]


def doubled(y: int) -> int:
    """The y coordinate of twice the point with this y (Edwards25519: −x² + y² = 1 + d·x²·y²)."""
    d = -121665 * pow(121666, -1, P) % P
    square = (y * y - 1) * pow(d * y * y + 1, -1, P) % P  # of x
    return (y * y + square) * pow(1 - d * square * y * y, -1, P) % P


@pytest.mark.parametrize("encoded", SMALL_ORDER + NON_CANONICAL)
def test_a_key_of_small_order_is_refused_in_every_encoding(encoded: str) -> None:
    raw = bytes.fromhex(encoded)
    y = int.from_bytes(raw, "little") & ((1 << 255) - 1)

    assert doubled(doubled(doubled(y % P))) == 1, "eight times this point is the neutral one"
    for form in (raw, KEYS[KeyType.ED25519].public.spki[:12] + raw):
        assert refusal(document("ed25519", form)) == "weakKey"
    with pytest.raises(Refused, match="weakKey"):
        key_of(f"ed25519:{base64url(KEYS[KeyType.ED25519].public.spki[:12] + raw)}")


def test_published_small_order_keys_are_among_them() -> None:
    assert {each["public_key"] for each in VECTORS["ed25519_small_order_keys"]} <= set(SMALL_ORDER)


def test_the_keys_of_the_reference_installation_are_refused_in_every_form() -> None:
    spki = read_base64url(VECTORS["known_public_demo_identities_denylist"]["p256_spki_base64url"])
    demo = public_key(KeyType.P256, spki)
    for form in forms(demo):
        assert refusal(document("ecP256", form)) == "publicDemoKey"
        assert demo == read_key(document("ecP256", form), enrolling=False)
    for vector in VECTORS["vectors"]:
        if "public_key" in vector:
            assert refusal(vector["public_key"]) == "publicDemoKey"


# ── private keys ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("type", KeyType)
def test_a_private_key_comes_back_from_its_file_and_does_not_print(type: KeyType) -> None:
    private = PrivateKey.generate(type, SeededEntropy("new"))
    pem = private.pem()

    assert private.public == PrivateKey.from_pem(pem).public == PrivateKey.generate(type, SeededEntropy("new")).public
    assert private.public != PrivateKey.generate(type, SeededEntropy("another")).public
    assert f"{pem}" == "***"
    assert private.public.type is type
    assert "PRIVATE" not in repr(private)


@pytest.mark.parametrize(
    "raw", [b"", b"nothing", b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n", b"\x30\0"]
)
def test_what_is_no_private_key_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused, match="badKey"):
        PrivateKey.from_pkcs8(KeyBytes(raw))


def test_private_keys_of_other_kinds_are_refused() -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
    open_form, locked = serialization.NoEncryption(), serialization.BestAvailableEncryption(b"password")
    p256 = ec.generate_private_key(ec.SECP256R1())
    for raw in (
        rsa.generate_private_key(65537, 2048).private_bytes(*form, open_form),
        ec.generate_private_key(ec.SECP384R1()).private_bytes(*form, open_form),
        p256.private_bytes(*form, locked),
    ):
        with pytest.raises(Refused, match="badKey"):
            PrivateKey.from_pkcs8(KeyBytes(raw))


def test_the_key_of_a_certificate_signs_what_it_verifies() -> None:
    private, _ = certificate()
    assert private.public.verify(private.sign(b"message"), b"message")
