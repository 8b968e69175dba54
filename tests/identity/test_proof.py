"""A proof holds for its station, its nonce, its moment and its key; anything else fails at the step that says why."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from evouch import wire
from evouch.identity.did import did_key
from evouch.identity.encoding import base58, read_digest
from evouch.identity.enrolment import IdentityKind, IdentityStatus, SigningInput
from evouch.identity.keys import KeyType
from evouch.identity.proof import Profile, Step, prove, verify
from tests.identity.examples import (
    AT,
    KEYS,
    NONCE,
    STATION,
    edited,
    enrolled,
    expected,
    judged,
    key,
    of_key,
    proof,
    resigned,
)  # fmt: skip
from tests.proofs import proves

KEY = KEYS[KeyType.ED25519]
MINE = of_key(KEY)
PROOF = proof(KEY)


def payload(**members: Any) -> dict[str, Any]:
    """A payload that anybody could have made; it is signed anew by whoever changes it."""
    return {
        "cpId": STATION, "timestamp": "2025-07-09T14:00:03Z", "nonce": NONCE, "identityType": "publicKey",
        "powNonce": 42, **members,
    }  # fmt: skip


def signed(**members: Any) -> dict[str, Any]:
    """A proof with members added to its payload, hashed and signed as they are."""
    return resigned(KEY, payload(**members))


def step(document: Any, **more: Any) -> Step | None:
    verdict = judged(document, MINE, **more)
    assert bool(verdict.reason) is not verdict.valid
    return verdict.step


# ── what holds ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("type", KeyType)
@proves("W8", "W19")
def test_a_station_proves_itself_with_every_kind_of_key_in_both_profiles(type: KeyType, profile: Profile) -> None:
    identity = of_key(KEYS[type])
    document = wire.decode(json.dumps(proof(KEYS[type], profile=profile)))
    verdict = judged(document, identity, enforce_time=True)

    assert (None, "", identity, None, ()) == (
        verdict.step, verdict.reason, verdict.identity, verdict.offered, verdict.warnings
    )  # fmt: skip
    assert verdict.signing is (SigningInput.CANONICAL if profile is Profile.OWN else SigningInput.HASH_TEXT)
    assert document["payload"]["timestamp"].endswith("Z")


@proves("W6", "W7")
def test_our_own_profile_sends_what_the_document_shows_and_no_more() -> None:
    assert PROOF.keys() == {"payload", "payloadSignature", "payloadSha256Hash"}
    assert PROOF["payload"] == {
        "cpId": STATION, "timestamp": "2025-07-09T14:00:03.000Z", "nonce": NONCE, "identityType": "publicKey",
        "powNonce": 1,
    }  # fmt: skip
    assert PROOF["payloadSignature"].startswith("0x")
    assert len(PROOF["payloadSha256Hash"]) == 64


def test_the_reference_profile_hashes_nulls_that_it_does_not_send() -> None:
    document = proof(KEY, profile=Profile.REFERENCE)

    assert document["type"] == "identityProof"
    assert "web3Identity" not in document["payload"]
    assert '"web3Identity":null' in judged(document, MINE).canonical
    assert document["payload"]["timestamp"] == "2025-07-09T14:00:03.000000000Z"
    assert len(document["payloadSha256Hash"]) == 43


def test_a_null_web3_identity_may_also_be_sent() -> None:
    for kind in ("publicKey", "web3"):
        identity = MINE if kind == "publicKey" else enrolled(IdentityKind.WEB3, did_key(KEY.public))
        assert judged(signed(identityType=kind, web3Identity=None), identity).valid


# ── (1) form ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("member", ["payload", "payloadSignature", "payloadSha256Hash"])
@proves("W6")
def test_an_answer_without_one_of_its_members_has_no_form(member: str) -> None:
    assert Step.FORM is step({name: value for name, value in PROOF.items() if name != member})
    for wrong in (None, 1, True, [], "" if member == "payload" else {}):
        assert Step.FORM is step({**PROOF, member: wrong})


@proves("W6")
def test_an_answer_with_another_member_has_no_form() -> None:
    assert Step.FORM is step({**PROOF, "publicKey": "x"})
    assert Step.FORM is step({**PROOF, "type": "identityChallenge"})
    assert Step.FORM is step({**PROOF, "type": None})
    assert step({**PROOF, "type": "identityProof"}) is None


@pytest.mark.parametrize("member", ["cpId", "timestamp", "nonce", "identityType", "powNonce"])
@proves("W7")
def test_a_payload_without_one_of_its_members_has_no_form(member: str) -> None:
    assert Step.FORM is step(resigned(KEY, {name: value for name, value in payload().items() if name != member}))
    assert Step.FORM is step(resigned(KEY, {**payload(), member.upper(): payload()[member]}))
    wrongs: list[Any] = [None, True, [], {}, "1" if member == "powNonce" else 1]
    for wrong in wrongs:
        assert Step.FORM is step(signed(**{member: wrong}))


@pytest.mark.parametrize("kind", ["", "PublicKey", "x509", "web3 ", "certificate"])
@proves("W20")
def test_another_identity_type_has_no_form(kind: str) -> None:
    assert Step.FORM is step(signed(identityType=kind))


@pytest.mark.parametrize("number", [Decimal("1.0"), Decimal("1e2"), -1, 2**53, 2**63, True])
def test_a_pow_nonce_is_an_integer_that_json_can_carry(number: Any) -> None:
    assert Step.FORM is step(edited(PROOF, powNonce=number))
    assert step(signed(powNonce=0)) is step(signed(powNonce=2**53 - 1)) is None


@pytest.mark.parametrize(
    "extra",
    [
        {"extra": 1}, {"publicKey": {}}, {"publicKey": None}, {"publicKey": {**KEY.public.document(), "kid": "1"}},
        {"x509Identity": {"certificateSha256": "00" * 32}}, {"web3Identity": {"did": did_key(KEY.public)}},
        {"identityType": "web3", "publicKey": KEY.public.document()},
        {"identityType": "web3", "web3Identity": "did:key:z"}, {"identityType": "web3", "web3Identity": {"did": 1}},
        {"identityType": "web3", "web3Identity": {"did": did_key(KEY.public), "controller": "x"}},
        {"identityType": "web3", "web3Identity": {"did": {"did": {"did": {}}}}},
        {"identityType": "x509Certificate", "x509Identity": {}},
        {"identityType": "x509Certificate", "x509Identity": {"issuer": "x"}},
        {"identityType": "x509Certificate", "x509Identity": {"certificateSha256": None}},
    ],
)  # fmt: skip
@proves("W7")
def test_members_that_are_unknown_or_of_another_identity_type_have_no_form(extra: dict[str, Any]) -> None:
    assert Step.FORM is step(signed(**extra))


def test_a_payload_above_eight_kilobytes_has_no_form() -> None:
    assert Step.FORM is step(signed(identityType="web3", web3Identity={"kid": "x" * 8192}))
    # longer only once it is written: every character takes six bytes
    assert Step.FORM is step(signed(identityType="web3", web3Identity={"kid": "\x01" * 2000}))
    holds = signed(identityType="web3", web3Identity={"kid": "x" * 7900})
    assert judged(holds, enrolled(IdentityKind.WEB3, did_key(KEY.public))).valid


@pytest.mark.parametrize("document", [None, True, 0, "", [], {}, [PROOF], {"payload": {}}, {"payload": PROOF}])
def test_what_is_no_answer_at_all_has_no_form(document: Any) -> None:
    assert Step.FORM is step(document)


def test_a_lone_surrogate_is_refused_by_the_decoder_and_fails_here_if_it_gets_past_it() -> None:
    with pytest.raises(wire.MalformedJson, match="surrogate"):
        wire.decode('{"nonce": "\\ud800"}')
    assert Step.NONCE is step(edited(PROOF, nonce="\ud800"))
    identity = {"did": None, "method": None, "kid": "\ud800"}
    assert Step.HASH is step(edited(PROOF, identityType="web3", web3Identity=identity))


# ── (2) nonce, (3) cpId ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("nonce", ["", "abc12", "abc1234", "ABC123", "abc123 ", "abc123\0", "äbc123"])
@proves("M3")
def test_another_nonce_fails_whatever_was_signed(nonce: str) -> None:
    assert Step.NONCE is step(signed(nonce=nonce))
    assert Step.NONCE is step(PROOF, nonce=nonce)


@proves("M8")
def test_a_nonce_for_another_host_is_another_nonce() -> None:
    assert Step.NONCE is step(proof(KEY, nonce=f"{NONCE}.Y3Ntcw"), nonce=f"{NONCE}.ZmFrZQ")
    assert step(proof(KEY, nonce=f"{NONCE}.Y3Ntcw"), nonce=f"{NONCE}.Y3Ntcw") is None


@pytest.mark.parametrize("station", ["", "cp-12345", "CP-12345 ", "CP-1234", "CP-12345%20", "\uff23P-12345"])
@proves("M5")
def test_the_station_is_named_byte_for_byte(station: str) -> None:
    assert Step.CP_ID is step(signed(cpId=station))
    assert Step.CP_ID is step(PROOF, station=station)


@proves("M5")
def test_the_same_letters_composed_otherwise_are_another_station() -> None:
    assert Step.CP_ID is step(signed(cpId="Saule-\u00e4"), station="Saule-a\u0308")
    assert step(signed(cpId="Saule-\u00e4"), station="Saule-\u00e4") is None


# ── (4) timestamp ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fraction", ["", ".0", ".1", ".12", ".123", ".1234", ".123456", ".1234567", ".123456789"])
@proves("W19")
def test_a_timestamp_has_none_to_nine_fraction_digits_and_a_z(fraction: str) -> None:
    assert step(signed(timestamp=f"2025-07-09T14:00:03{fraction}Z"), enforce_time=True) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "2025-07-09", "2025-07-09T14:00:03", "2025-07-09T14:00:03z", "2025-07-09t14:00:03Z", "2025-07-09 14:00:03Z",
        "2025-07-09T14:00:03+00:00", "2025-07-09T16:00:03+02:00", "2025-07-09T14:00:03.Z",
        "2025-07-09T14:00:03.1234567890Z", "2025-07-09T14:00:03,5Z", "2025-07-09T14:00Z", "2025-7-9T14:00:03Z",
        "2025-02-30T14:00:03Z", "2025-07-09T24:00:01Z", "2025-07-09T14:00:60Z", "0000-07-09T14:00:03Z", "1752069603",
        "2025-07-09T14:00:03Z\n", "٢٠٢٥-07-09T14:00:03Z",
    ],
)  # fmt: skip
@proves("W19")
def test_another_form_of_time_fails_also_where_time_is_only_warned_about(text: str) -> None:
    assert Step.TIMESTAMP is step(signed(timestamp=text))


@pytest.mark.parametrize("away", [-121, 121, 86_400, -315_360_000])
@proves("M4")
def test_a_timestamp_out_of_the_window_fails_or_is_warned_about(away: int) -> None:
    document = proof(KEY, at=AT + timedelta(seconds=away))

    assert Step.TIMESTAMP is step(document, enforce_time=True)
    verdict = judged(document, MINE)
    assert verdict.valid
    assert [f"{abs(away)} s away" in each for each in verdict.warnings] == [True]


@pytest.mark.parametrize("away", [-120, 0, 120])
@proves("M4")
def test_the_window_is_two_minutes_either_side(away: int) -> None:
    verdict = judged(proof(KEY, at=AT + timedelta(seconds=away)), MINE, enforce_time=True)
    assert (None, ()) == (verdict.step, verdict.warnings)


@proves("M4")
def test_a_narrower_window_is_a_setting() -> None:
    assert Step.TIMESTAMP is step(proof(KEY, at=AT + timedelta(seconds=6)), enforce_time=True, window=5)


@proves("M4")
def test_time_is_hashed_as_the_text_that_was_sent() -> None:
    document = signed(timestamp="2025-07-09T14:00:03.1Z")
    assert Step.HASH is step(edited(document, timestamp="2025-07-09T14:00:03.100Z"))


# ── (5) hash, (6) work ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["", "0x", "deadbeef", "0" * 64, "A" * 43, "=" * 44, PROOF["payloadSha256Hash"][:-1]])
@proves("W9")
def test_another_hash_fails(text: str) -> None:
    assert Step.HASH is step({**PROOF, "payloadSha256Hash": text})


@proves("W9")
def test_the_hash_covers_every_member() -> None:
    document = resigned(KEY, payload(identityType="web3", web3Identity={"did": did_key(KEY.public), "kid": "#1"}))
    identity = enrolled(IdentityKind.WEB3, did_key(KEY.public))
    assert judged(document, identity).valid
    for change in (
        {"powNonce": 43}, {"timestamp": "2025-07-09T14:00:04Z"}, {"identityType": "publicKey", "web3Identity": None},
        {"web3Identity": {"did": did_key(KEY.public), "kid": "#2"}}, {"web3Identity": {"did": did_key(KEY.public)}},
    ):  # fmt: skip
        assert judged(edited(document, **change), identity, MINE).step is Step.HASH


@proves("W10")
def test_work_is_done_where_it_was_asked_for_and_one_bit_less_is_too_little() -> None:
    for profile in Profile:
        document = proof(KEY, difficulty=10, profile=profile)
        assert step(document, difficulty=10) is None
        assert step(document, difficulty=0) is None
        assert Step.WORK is step(resigned(KEY, payload()), difficulty=10)
        bits = f"{int.from_bytes(read_digest(document['payloadSha256Hash'])):0256b}"
        done = len(bits) - len(bits.rstrip("0"))
        assert step(document, difficulty=done) is None
        assert Step.WORK is step(document, difficulty=done + 1)


@proves("W10")
def test_a_pow_nonce_that_is_off_by_one_is_no_work() -> None:
    document = proof(KEY, difficulty=12)
    number = document["payload"]["powNonce"]

    assert Step.HASH is step(edited(document, powNonce=number + 1), difficulty=12)
    assert Step.WORK is step(resigned(KEY, {**document["payload"], "powNonce": number + 1}), difficulty=12)


# ── (7) key ─────────────────────────────────────────────────────────────────────────────


def test_nothing_enrolled_or_nothing_of_this_type_is_nothing_to_judge_by() -> None:
    assert judged(PROOF).step is Step.KEY
    assert judged(PROOF, enrolled(IdentityKind.WEB3, did_key(KEY.public))).step is Step.KEY
    assert judged(signed(identityType="web3"), MINE).step is Step.KEY


@proves("W20")
def test_a_station_proves_a_did_whether_it_names_it_or_not() -> None:
    did = did_key(KEY.public)
    identity = enrolled(IdentityKind.WEB3, did)
    named = {"did": did, "method": "key", "kid": "#key-1"}
    extras: list[dict[str, Any]] = [{}, *({"web3Identity": each} for each in (named, {"did": None}, {}))]
    for extra in extras:
        assert judged(signed(identityType="web3", **extra), identity).valid, extra


def test_a_did_that_is_named_has_to_be_the_enrolled_one_and_not_only_its_key() -> None:
    enrolled_did = enrolled(IdentityKind.WEB3, did_key(KEY.public))
    for other in (f"did:w3cp:{base58(KEY.public.raw)}", did_key(key(seed="other").public), "did:key:z", "x", ""):
        assert judged(signed(identityType="web3", web3Identity={"did": other}), enrolled_did).step is Step.KEY


def test_a_key_that_is_brought_along_has_to_be_the_enrolled_one() -> None:
    assert judged(proof(KEY, offer_key=True), MINE).valid
    assert judged(proof(KEY, offer_key=True), of_key(key(seed="other"))).step is Step.KEY


@pytest.mark.parametrize(
    "state",
    [
        {"status": IdentityStatus.REVOKED}, {"not_before": AT + timedelta(seconds=1)}, {"not_after": AT},
        {"not_after": AT - timedelta(days=1)},
    ],
)  # fmt: skip
def test_an_identity_that_is_revoked_or_not_valid_now_proves_nothing(state: dict[str, Any]) -> None:
    assert judged(PROOF, replace(MINE, **state)).step is Step.KEY


def test_the_next_identity_proves_as_well_as_the_active_one() -> None:
    other = key(seed="next")
    following = of_key(other, status=IdentityStatus.NEXT)

    assert judged(PROOF, following, MINE).identity == MINE
    assert judged(proof(other), following, MINE).identity == following
    assert judged(proof(key(seed="third")), following, MINE).step is Step.SIGNATURE


def test_a_stranger_makes_us_check_few_signatures_however_many_identities_there_are() -> None:
    many = [of_key(key(seed=str(number))) for number in range(4)]
    last = of_key(key(seed="4"))

    assert judged(proof(key(seed="3")), *many, last).valid
    assert judged(proof(key(seed="4")), *many, last).step is Step.SIGNATURE
    # who names its key is found among any number
    assert judged(proof(key(seed="4"), offer_key=True), *many, last).identity == last


def test_enrolled_material_that_cannot_be_read_proves_nothing_and_hides_nobody_else() -> None:
    broken = [enrolled(IdentityKind.PUBLIC_KEY, material) for material in ("", "ed25519:AAAA", "rsa:AAAA")]

    assert judged(PROOF, *broken).step is Step.KEY
    assert judged(PROOF, *broken, MINE).identity == MINE


# ── (8) signature ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("type", KeyType)
@proves("W8")
def test_a_proof_by_another_key_of_the_same_kind_fails(type: KeyType) -> None:
    assert judged(proof(key(type, "other")), of_key(KEYS[type])).step is Step.SIGNATURE


@pytest.mark.parametrize("type", KeyType)
@proves("W8")
def test_a_signature_that_is_none_fails(type: KeyType) -> None:
    identity, document = of_key(KEYS[type]), proof(KEYS[type])
    signature = document["payloadSignature"]
    for text in ("", "0x", "0x00", signature[:-2], signature + "00", signature[:-1], "x" * 86, "A" * 86, "0" * 4000):
        assert judged({**document, "payloadSignature": text}, identity).step is Step.SIGNATURE


@pytest.mark.parametrize("type", KeyType)
def test_a_signature_may_be_over_the_payload_its_hash_or_the_text_of_its_hash(type: KeyType) -> None:
    private, identity = KEYS[type], of_key(KEYS[type])
    hash_text = resigned(private, payload())["payloadSha256Hash"]
    for message, signing in (
        (None, SigningInput.CANONICAL), (hash_text.encode(), SigningInput.HASH_TEXT),
        (bytes.fromhex(hash_text), SigningInput.DIGEST),
    ):  # fmt: skip
        document = resigned(private, payload(), message)
        assert judged(document, identity).signing is signing
        for pinned in SigningInput:
            assert judged(document, replace(identity, signing=pinned)).valid is (pinned is signing)
    assert judged(resigned(private, payload(), hash_text.upper().encode()), identity).step is Step.SIGNATURE


def test_the_text_of_a_hash_is_signed_as_it_was_sent() -> None:
    hash_text = resigned(KEY, payload())["payloadSha256Hash"]
    document = resigned(KEY, payload(), hash_text.upper().encode())

    assert judged({**document, "payloadSha256Hash": hash_text.upper()}, MINE).signing is SigningInput.HASH_TEXT
    assert judged(document, MINE).step is Step.SIGNATURE


def test_a_bug_of_a_parser_is_a_verdict_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evouch.identity.canonical.select", lambda *_: 1 / 0)
    verdict = judged(PROOF, MINE)

    assert (Step.HASH, True) == (verdict.step, verdict.reason.startswith("ZeroDivisionError"))


def test_the_steps_are_in_the_order_of_what_they_cost() -> None:
    """Everything is wrong with this proof; one fault after another is mended, and the next step speaks."""
    bad: dict[str, Any] = {"payload": payload(cpId="X", nonce="X", timestamp="X"), "payloadSha256Hash": "X", "extra": 1}
    bad["payloadSignature"] = "X"
    found = []
    for mend in (
        lambda: bad.pop("extra"),
        lambda: bad["payload"].update(nonce=NONCE),
        lambda: bad["payload"].update(cpId=STATION),
        lambda: bad["payload"].update(timestamp="2025-07-09T14:00:03Z"),
        lambda: bad.update(payloadSha256Hash=resigned(KEY, bad["payload"])["payloadSha256Hash"]),
        lambda: bad["payload"].update(proof(KEY, at="2025-07-09T14:00:03Z", difficulty=8)["payload"]),
        lambda: None,
    ):  # fmt: skip
        found.append(judged(bad, difficulty=8).step)
        mend()
    bad["payloadSha256Hash"] = resigned(KEY, bad["payload"])["payloadSha256Hash"]
    found += [judged(bad, difficulty=8).step, judged(bad, MINE, difficulty=8).step]

    assert [each for each in dict.fromkeys(found) if each] == list(Step)


def test_what_is_judged_by_nothing_at_all_is_not_valid() -> None:
    assert not verify(PROOF, expected()).valid


def test_a_moment_is_written_to_the_digit_that_each_profile_has() -> None:
    moment = AT.replace(microsecond=123456)
    for profile, text in ((Profile.OWN, "03.123Z"), (Profile.REFERENCE, "03.123456000Z")):
        document = prove(KEY, station=STATION, nonce=NONCE, at=moment, profile=profile)
        assert document["payload"]["timestamp"].endswith(text)
