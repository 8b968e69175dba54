"""Trust on first use: what a station brings along is offered for enrolment, if an operator let it, and never again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from evouch.identity.certificate import fingerprint
from evouch.identity.did import did_key
from evouch.identity.encoding import base58
from evouch.identity.enrolment import IdentityKind, IdentityStatus, SigningInput
from evouch.identity.keys import KeyType
from evouch.identity.proof import Step
from tests.identity.examples import AT, KEYS, VECTORS, certificate, enrolled, judged, key, of_key, proof, resigned
from tests.proofs import proves

KEY = KEYS[KeyType.ED25519]


@pytest.mark.parametrize("type", KeyType)
@proves("M10")
def test_a_did_is_offered_in_its_normal_form(type: KeyType) -> None:
    did = did_key(KEYS[type].public)
    verdict = judged(proof(KEYS[type], kind=IdentityKind.WEB3, did=did), first_use=True)

    assert (None, None, (IdentityKind.WEB3, did)) == (verdict.step, verdict.identity, verdict.offered)
    assert verdict.signing is SigningInput.CANONICAL


@proves("M10")
def test_an_ethereum_address_is_offered_too() -> None:
    vector = next(each for each in VECTORS["vectors"] if each["id"].startswith("V7"))
    payload = {**vector["signedChallenge_conf"]["payload"], "web3Identity": {"did": vector["did_ethr"]}}
    import coincurve

    from evouch.identity.canonical import canonical
    from evouch.identity.ethereum import eip191

    private = coincurve.PrivateKey.from_hex(vector["private_key_hex"])
    document = resigned(KEY, payload)
    document["payloadSignature"] = "0x" + private.sign_recoverable(eip191(canonical(payload)), hasher=None).hex()
    verdict = judged(document, first_use=True)

    assert verdict.offered == (IdentityKind.WEB3, vector["did_ethr"].lower())
    assert verdict.signing is SigningInput.EIP191_CANONICAL


@proves("M10")
def test_a_certificate_is_offered_by_its_digest() -> None:
    private, der = certificate()
    document = proof(private, kind=IdentityKind.CERTIFICATE, certificate=der)

    assert judged(document, first_use=True, certificate=der).offered == (IdentityKind.CERTIFICATE, fingerprint(der))
    assert judged(document, first_use=True).step is Step.KEY


@proves("M10")
def test_a_public_key_is_offered_only_if_the_proof_brings_it_along() -> None:
    assert judged(proof(KEY, offer_key=True), first_use=True).offered == (IdentityKind.PUBLIC_KEY, KEY.public.material)
    assert judged(proof(KEY), first_use=True).step is Step.KEY


@proves("M10")
def test_nothing_is_offered_unless_an_operator_let_it() -> None:
    for document in (proof(KEY, offer_key=True), proof(KEY, kind=IdentityKind.WEB3, did=did_key(KEY.public))):
        verdict = judged(document)
        assert (Step.KEY, None) == (verdict.step, verdict.offered)


@proves("M10")
def test_a_station_that_has_an_identity_is_held_to_it_also_while_the_window_is_open() -> None:
    newcomer = key(seed="newcomer")
    mine = of_key(KEY)
    for identity in (mine, replace(mine, status=IdentityStatus.NEXT), replace(mine, not_before=AT + timedelta(days=1))):
        assert not judged(proof(newcomer, offer_key=True), identity, first_use=True).valid
    verdict = judged(proof(KEY, offer_key=True), mine, first_use=True)
    assert (mine, None) == (verdict.identity, verdict.offered)


@proves("M10")
def test_a_revoked_identity_does_not_come_back_by_first_use_but_another_may_follow_it() -> None:
    revoked = of_key(KEY, status=IdentityStatus.REVOKED)

    assert judged(proof(KEY, offer_key=True), revoked, first_use=True).step is Step.KEY
    assert judged(proof(key(seed="new"), offer_key=True), revoked, first_use=True).offered is not None


@proves("M10")
def test_what_is_offered_has_to_sign() -> None:
    thief = key(seed="thief")
    payload = proof(KEY, offer_key=True)["payload"]
    assert judged(resigned(thief, payload), first_use=True).step is Step.SIGNATURE


def test_published_and_weak_keys_are_not_offered() -> None:
    for did in (*VECTORS["known_public_demo_identities_denylist"]["dids"], f"did:w3cp:{base58(bytes(32))}"):
        verdict = judged(proof(KEY, kind=IdentityKind.WEB3, did=did), first_use=True)
        assert verdict.step is Step.KEY
        assert "private half" in verdict.reason or "small order" in verdict.reason
    vector = VECTORS["vectors"][0]
    document = resigned(KEY, {**vector["signedChallenge_conf"]["payload"], "publicKey": vector["public_key"]})
    assert "private half" in judged(document, first_use=True).reason


def test_a_certificate_is_no_longer_offered_once_another_is_enrolled() -> None:
    private, der = certificate()
    _, other = certificate()
    document = proof(private, kind=IdentityKind.CERTIFICATE, certificate=der)
    identity = enrolled(IdentityKind.CERTIFICATE, fingerprint(other))

    assert judged(document, identity, certificate=der, first_use=True).step is Step.KEY
