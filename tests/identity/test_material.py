"""What an operator types, and what is enrolled of it."""

import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from evouch.errors import Refused
from evouch.identity.certificate import fingerprint
from evouch.identity.did import did_key
from evouch.identity.encoding import base64url
from evouch.identity.enrolment import IdentityKind
from evouch.identity.keys import KeyType
from evouch.identity.material import read_material
from tests.identity.examples import KEYS, VECTORS, certificate

KEY = KEYS[KeyType.P256].public
_, DER = certificate()
PEM = x509.load_der_x509_certificate(DER).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize("type", KeyType)
def test_a_key_is_enrolled_by_its_type_and_spki(type: KeyType) -> None:
    public = KEYS[type].public
    for given in (
        public.document(),
        json.dumps(public.document()),
        {**public.document(), "value": base64url(public.compressed)},
        {**public.document(), "did": did_key(public), "material": public.material, "fingerprint": public.fingerprint},
    ):
        assert public.material == read_material(IdentityKind.PUBLIC_KEY, given)


def test_a_certificate_is_enrolled_by_its_sha256_however_it_is_given() -> None:
    digest = fingerprint(DER)
    colons = ":".join(digest[at : at + 2] for at in range(0, 64, 2)).upper()
    for given in (PEM, f"\n{PEM}\n", digest, digest.upper(), f"0x{digest}", f" {colons}\n"):
        assert digest == read_material(IdentityKind.CERTIFICATE, given)


def test_a_did_is_enrolled_in_its_one_spelling() -> None:
    given = " did:ethr:mainnet:0x2c7536E3605D9C16a7a3D7b1898e529396a65c23\n"
    assert read_material(IdentityKind.WEB3, given) == "did:ethr:0x2c7536e3605d9c16a7a3d7b1898e529396a65c23"


@pytest.mark.parametrize(
    ("kind", "given", "reason"),
    [
        (IdentityKind.PUBLIC_KEY, "{", "badKey"), (IdentityKind.PUBLIC_KEY, "[]", "badKey"),
        (IdentityKind.PUBLIC_KEY, None, "badKey"), (IdentityKind.PUBLIC_KEY, PEM, "badKey"),
        (IdentityKind.PUBLIC_KEY, {**KEY.document(), "extra": 1}, "badKey"),
        (IdentityKind.PUBLIC_KEY, VECTORS["vectors"][0]["public_key"], "publicDemoKey"),
        (IdentityKind.PUBLIC_KEY, {"type": "ed25519", "encoding": "base64url", "value": "A" * 43}, "weakKey"),
        (IdentityKind.WEB3, "", "badDid"), (IdentityKind.WEB3, 1, "badDid"), (IdentityKind.WEB3, {}, "badDid"),
        (IdentityKind.WEB3, "did:web:example.com", "unsupportedDid"),
        (IdentityKind.WEB3, VECTORS["known_public_demo_identities_denylist"]["dids"][0], "publicDemoKey"),
        (IdentityKind.WEB3, "did:w3cp:11111111111111111111111111111111", "weakKey"),
        (IdentityKind.CERTIFICATE, "", "badCertificate"), (IdentityKind.CERTIFICATE, {}, "badCertificate"),
        (IdentityKind.CERTIFICATE, "ab" * 20, "badCertificate"),
        (IdentityKind.CERTIFICATE, PEM + PEM, "badCertificate"),
        (IdentityKind.CERTIFICATE, "-----BEGIN CERTIFICATE-----", "badCertificate"),
        (IdentityKind.CERTIFICATE, "g" * 64, "badCertificate"),
    ],
)  # fmt: skip
def test_what_cannot_be_enrolled_says_why(kind: IdentityKind, given: Any, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        read_material(kind, given)
    assert caught.value.reason == reason
