"""A proof by certificate: the one that TLS presented, the one that the proof names, the one that is enrolled."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from evouch.errors import Refused
from evouch.identity.certificate import der_of, fingerprint, read_certificate
from evouch.identity.enrolment import IdentityKind
from evouch.identity.keys import KeyType
from evouch.identity.proof import Profile, Step
from tests.identity.examples import AT, KEYS, certificate, edited, enrolled, judged, of_key, proof, resigned
from tests.proofs import proves

KEY, DER = certificate()
OTHER_KEY, OTHER = certificate(name="CP-99999")
MINE = enrolled(IdentityKind.CERTIFICATE, fingerprint(DER))


def pem(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM).decode()


def proved(**more: Any) -> dict[str, Any]:
    return proof(KEY, kind=IdentityKind.CERTIFICATE, certificate=DER, **more)


def naming(**members: Any) -> dict[str, Any]:
    return resigned(KEY, {**proved()["payload"], "x509Identity": members})


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("type", [KeyType.P256, KeyType.ED25519])
@proves("W17", "W20")
def test_a_station_proves_the_certificate_that_it_presented_in_tls(type: KeyType, profile: Profile) -> None:
    private, der = certificate(type)
    identity = enrolled(IdentityKind.CERTIFICATE, fingerprint(der))
    document = proof(private, kind=IdentityKind.CERTIFICATE, certificate=der, profile=profile)

    assert judged(document, identity, certificate=der).identity == identity


@proves("W17")
def test_a_certificate_may_be_named_by_its_digest_or_in_full() -> None:
    sha256 = fingerprint(DER)
    for members in (
        {"certificateSha256": sha256}, {"certificateSha256": sha256.upper()}, {"certificateSha256": f"0x{sha256}"},
        {"certificatePem": pem(DER)}, {"certificatePem": pem(DER), "certificateSha256": sha256},
    ):  # fmt: skip
        assert judged(naming(**members), MINE, certificate=DER).valid, members


@pytest.mark.parametrize(
    "members",
    [
        {"certificateSha256": fingerprint(OTHER)}, {"certificateSha256": ""}, {"certificateSha256": "00"},
        {"certificatePem": pem(OTHER)}, {"certificatePem": ""}, {"certificatePem": pem(DER) + pem(OTHER)},
        {"certificatePem": pem(DER), "certificateSha256": fingerprint(OTHER)},
    ],
)  # fmt: skip
@proves("W17")
def test_a_certificate_that_was_not_presented_is_not_proved(members: dict[str, str]) -> None:
    assert judged(naming(**members), MINE, certificate=DER).step is Step.KEY


@proves("W17")
def test_without_a_certificate_in_tls_there_is_none_to_prove() -> None:
    verdict = judged(proved(), MINE)
    assert (Step.KEY, True) == (verdict.step, "no client certificate" in verdict.reason)


@proves("W17")
def test_another_certificate_in_tls_is_another_station() -> None:
    assert judged(proved(), MINE, certificate=OTHER).step is Step.KEY
    theirs = proof(OTHER_KEY, kind=IdentityKind.CERTIFICATE, certificate=OTHER)
    assert judged(theirs, MINE, certificate=OTHER).step is Step.KEY


@proves("W17")
def test_a_proof_that_names_no_certificate_fails() -> None:
    verdict = judged(resigned(KEY, edited(proved(), x509Identity=None)["payload"]), MINE, certificate=DER)
    assert (Step.KEY, True) == (verdict.step, "x509Identity" in verdict.reason)


@proves("W17")
def test_the_certificates_own_key_has_to_sign() -> None:
    impostor = resigned(OTHER_KEY, proved()["payload"])
    assert judged(impostor, MINE, certificate=DER).step is Step.SIGNATURE


def test_a_presented_certificate_proves_no_public_key_and_the_other_way_round() -> None:
    assert judged(proved(), of_key(KEY), certificate=DER).step is Step.KEY
    assert judged(proof(KEY), MINE, certificate=DER).step is Step.KEY


@pytest.mark.parametrize("days", [(-2, -1), (1, 2)])
def test_a_certificate_out_of_its_validity_proves_nothing(days: tuple[int, int]) -> None:
    private, der = certificate(since=AT + timedelta(days=days[0]), until=AT + timedelta(days=days[1]))
    document = proof(private, kind=IdentityKind.CERTIFICATE, certificate=der)
    verdict = judged(document, enrolled(IdentityKind.CERTIFICATE, fingerprint(der)), certificate=der)

    assert (Step.KEY, True) == (verdict.step, "expired" in verdict.reason)


def test_a_certificate_is_valid_to_its_last_second() -> None:
    certificate = read_certificate(DER)
    assert certificate.valid(certificate.not_before)
    assert certificate.valid(certificate.not_after)
    assert not certificate.valid(certificate.not_after + timedelta(seconds=1))
    assert certificate.key == KEY.public


@pytest.mark.parametrize("type", ["rsa", KeyType.SECP256K1])
def test_a_certificate_whose_key_signs_no_proof_is_refused(type: str) -> None:
    _, der = certificate(type)
    with pytest.raises(Refused, match="P-256 or Ed25519"):
        read_certificate(der)
    document = proof(KEYS[KeyType.P256], kind=IdentityKind.CERTIFICATE, certificate=der)
    assert judged(document, enrolled(IdentityKind.CERTIFICATE, fingerprint(der)), certificate=der).step is Step.KEY


@pytest.mark.parametrize("raw", [b"", b"\x30\x00", DER[:-1], DER + b"\0", b"nothing"])
def test_what_is_no_certificate_is_refused(raw: bytes) -> None:
    with pytest.raises(Refused, match="badCertificate"):
        read_certificate(raw)
    with pytest.raises(Refused, match="badCertificate"):
        der_of(raw)
    named = enrolled(IdentityKind.CERTIFICATE, fingerprint(raw))
    assert judged(naming(certificateSha256=fingerprint(raw)), named, certificate=raw).step is Step.KEY
