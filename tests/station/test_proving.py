"""A challenged station, frame by frame: what it answers, in whose manner, and what it makes of a challenge too many."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from evouch.errors import Refused
from evouch.identity.challenge import issue
from evouch.identity.did import read_did
from evouch.identity.encoding import base58
from evouch.identity.enrolment import IdentityKind
from evouch.identity.keys import PrivateKey
from evouch.identity.proof import Profile
from evouch.identity.work import MAX_DIFFICULTY, trailing_zeros
from evouch.ids import KeyBytes, OcppVersion
from evouch.ocpp.manners import Habit
from evouch.station.prover import Prover
from evouch.station.spec import V16
from evouch.testing import SeededEntropy
from tests.proofs import proves
from tests.station.frames import Tool, tool
from tests.station.house import ALL, run
from tests.station.keys import ED25519, P256, PROVER, SECP256K1

CHALLENGE = "SignedChallenge"
ISSUED = "2024-05-23T00:23:05Z"
NONCE = "4ZfUq0Xf7RR6aIUz0sqGnTeQGNmgI3TCoHlfX0_Ggwk"
DID = f"did:w3cp:{base58(ED25519.public.raw)}"
CERTIFICATE = b"only its digest is looked at by the station"


def challenge(nonce: str = NONCE, difficulty: int = 0) -> dict[str, Any]:
    return {"nonce": nonce, "timestamp": ISSUED, "difficulty": difficulty}


def compact(document: Any) -> bytes:
    """Sorted members, no blanks: for these payloads the same as RFC 8785, and as sorted Jackson."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def unbase64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def check(key: PrivateKey, signature: bytes, message: bytes) -> None:
    """Verify with the bare library; raises InvalidSignature."""
    public = load_der_public_key(key.public.spki)
    if isinstance(public, ed25519.Ed25519PublicKey):
        public.verify(signature, message)
    else:
        assert isinstance(public, ec.EllipticCurvePublicKey)
        public.verify(signature, message, ec.ECDSA(SHA256()))


async def proof(home: Tool, nonce: str = NONCE, difficulty: int = 0) -> dict[str, Any]:
    answer: dict[str, Any] = await home.result(CHALLENGE, challenge(nonce, difficulty))
    return answer


# ── manners ─────────────────────────────────────────────────────────────────────────────


@proves("W6", "W7", "W9", "W19")
@pytest.mark.parametrize("key", [ED25519, P256, SECP256K1], ids=["ed25519", "ecP256", "secp256k1"])
@pytest.mark.parametrize("version", ALL)
def test_a_station_signs_its_payload_as_it_sends_it(version: OcppVersion, key: PrivateKey) -> None:
    async def story() -> None:
        async with tool(version, prover=Prover(key=key.pem())) as home:
            answer = await proof(home)
            assert {"payload", "payloadSignature", "payloadSha256Hash"} == answer.keys()
            payload = answer["payload"]
            assert {"cpId", "timestamp", "nonce", "identityType", "powNonce"} == payload.keys()
            assert ("CS-1", NONCE, "publicKey") == (payload["cpId"], payload["nonce"], payload["identityType"])
            assert re.fullmatch(r"2024-05-23T00:23:0\d(\.\d{3})?Z", payload["timestamp"])
            assert hashlib.sha256(compact(payload)).hexdigest() == answer["payloadSha256Hash"]
            assert answer["payloadSignature"].startswith("0x")
            check(key, bytes.fromhex(answer["payloadSignature"][2:]), compact(payload))

    run(story())


@proves("W7")
@pytest.mark.parametrize("key", [ED25519, P256], ids=["ed25519", "ecP256"])
def test_the_reference_firmware_hashes_a_null_that_it_does_not_send_and_signs_the_text_of_the_hash(
    key: PrivateKey,
) -> None:
    async def story() -> None:
        async with tool(V16, prover=Prover(key=key.pem(), manner=Profile.REFERENCE)) as home:
            answer = await proof(home)
            payload = answer["payload"]
            assert "identityProof" == answer["type"]
            assert "web3Identity" not in payload
            assert re.fullmatch(r"2024-05-23T00:23:0\d\.\d{9}Z", payload["timestamp"])
            assert payload["powNonce"] >= 1
            hashed = hashlib.sha256(compact({**payload, "web3Identity": None})).digest()
            assert base64url(hashed) == answer["payloadSha256Hash"]
            check(key, unbase64url(answer["payloadSignature"]), answer["payloadSha256Hash"].encode())

    run(story())


VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "w3cp.json").read_text())["vectors"]
FIRMWARE: dict[IdentityKind, tuple[str, dict[str, Any]]] = {
    IdentityKind.PUBLIC_KEY: ("V1-ref-p256-firmware", {"key": P256.pem()}),
    IdentityKind.WEB3: ("V4-ref-ed25519-polkadot-firmware", {"key": ED25519.pem(), "did": DID}),
}


@pytest.mark.parametrize("kind", FIRMWARE, ids=str)
def test_the_reference_manner_has_the_shape_of_the_references_own_message(kind: IdentityKind) -> None:
    name, how = FIRMWARE[kind]
    genuine = next(each["signedChallenge_conf"] for each in VECTORS if each["id"] == name)

    async def story() -> None:
        async with tool(V16, prover=Prover(kind=kind, manner=Profile.REFERENCE, **how)) as home:
            answer = await proof(home)
            assert genuine.keys() == answer.keys()
            assert genuine["payload"].keys() == answer["payload"].keys()
            assert genuine["payload"]["identityType"] == answer["payload"]["identityType"]
            assert len(genuine["payloadSha256Hash"]) == len(answer["payloadSha256Hash"])
            assert abs(len(genuine["payloadSignature"]) - len(answer["payloadSignature"])) <= 4
            said = genuine["payload"].get("web3Identity", {})
            assert said.get("method") == answer["payload"].get("web3Identity", {}).get("method")

    run(story())


@proves("W20")
def test_a_web3_identity_names_its_did_in_both_manners() -> None:
    async def story(manner: Profile) -> dict[str, Any]:
        prover = Prover(key=ED25519.pem(), kind=IdentityKind.WEB3, did=DID, manner=manner)
        async with tool(V16, prover=prover) as home:
            return await proof(home)

    async def both() -> None:
        own, reference = await story(Profile.OWN), await story(Profile.REFERENCE)
        for answer in (own, reference):
            assert "web3" == answer["payload"]["identityType"]
            named = answer["payload"]["web3Identity"]
            assert (DID, "polkadot") == (named["did"], named["method"])
        with_kid = {**reference["payload"]["web3Identity"], "kid": None}
        hashed = hashlib.sha256(compact({**reference["payload"], "web3Identity": with_kid})).digest()
        assert base64url(hashed) == reference["payloadSha256Hash"]
        assert read_did(DID).key == ED25519.public

    run(both())


@proves("W17", "W20")
def test_a_certificate_is_named_by_the_digest_of_its_der() -> None:
    async def story() -> None:
        prover = Prover(key=P256.pem(), kind=IdentityKind.CERTIFICATE, certificate=CERTIFICATE)
        async with tool(V16, prover=prover) as home:
            payload = (await proof(home))["payload"]
            assert "x509Certificate" == payload["identityType"]
            assert {"certificateSha256": hashlib.sha256(CERTIFICATE).hexdigest()} == payload["x509Identity"]

    run(story())


def test_a_new_station_may_offer_its_public_key() -> None:
    async def story() -> None:
        async with tool(V16, prover=Prover(key=ED25519.pem(), offers_key=True)) as home:
            assert ED25519.public.document() == (await proof(home))["payload"]["publicKey"]

    run(story())


# ── when ────────────────────────────────────────────────────────────────────────────────


@proves("W15")
@pytest.mark.parametrize("version", ALL)
def test_a_station_proves_itself_while_pending_and_says_nothing_else(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version, boot="Pending", prover=PROVER) as home:
            assert NONCE == (await proof(home))["payload"]["nonce"]
            assert {"BootNotification"} == {action for action, _ in home.said}

    run(story())


@proves("M12")
@pytest.mark.parametrize("version", ALL)
def test_a_rejected_station_is_silent_until_a_later_boot_is_answered_otherwise(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version, boot="Rejected", prover=PROVER) as home:
            ids = [
                home.send(CHALLENGE, challenge()),
                home.send("TriggerMessage", {"requestedMessage": "BootNotification"}),
                home.send("NoSuchAction", {}),
                home.send("Reset", {"type": 5}),
            ]
            await home.pass_time(9)
            assert not home.answered
            assert 1 == len(home.said), "nor does it say anything"
            home.register("Pending")
            await home.pass_time(2)
            assert "payload" in (await proof(home))
            assert not home.answered.keys() & set(ids)

    run(story())


def test_a_rejected_station_stays_silent_on_its_next_connection_until_it_has_booted() -> None:
    async def story() -> None:
        async with tool(V16, boot="Rejected", prover=PROVER) as home:
            home.answers["BootNotification"] = None
            await home.offline()
            await home.pass_time(20)
            assert 2 == len(home.said)
            home.send(CHALLENGE, challenge())
            await home.pass_time(1)
            assert not home.answered

    run(story())


# ── proof of work ───────────────────────────────────────────────────────────────────────


@proves("W10")
@pytest.mark.parametrize("manner", list(Profile))
@pytest.mark.parametrize("difficulty", [1, 8, 13])
def test_the_work_that_is_asked_for_is_done(difficulty: int, manner: Profile) -> None:
    async def story() -> None:
        async with tool(V16, prover=Prover(key=ED25519.pem(), manner=manner)) as home:
            answer = await proof(home, difficulty=difficulty)
            hashed = answer["payload"] if manner is Profile.OWN else {**answer["payload"], "web3Identity": None}
            assert trailing_zeros(hashlib.sha256(compact(hashed)).digest()) >= difficulty

    run(story())


@proves("M9")
def test_more_work_than_the_cap_is_refused_at_once() -> None:
    async def story() -> None:
        async with tool(V16, prover=PROVER) as home:
            refusal = await home.ask(CHALLENGE, challenge(difficulty=MAX_DIFFICULTY + 1))
            assert "PropertyConstraintViolation" == refusal[0]

    run(story())


@proves("M9")
def test_small_hardware_takes_its_time_and_goes_on_with_everything_else() -> None:
    async def story() -> None:
        prover = Prover(key=ED25519.pem(), hash_rate=1000.0)
        async with tool(V16, prover=prover) as home:
            began = home.clock.tick()
            id = home.send(CHALLENGE, challenge(difficulty=14))
            assert "configurationKey" in await home.result("GetConfiguration", {})
            assert id not in home.answered
            while id not in home.answered:
                await home.pass_time(1)
            tried = home.answered[id][2]["payload"]["powNonce"]
            assert tried > 3000, "a nonce that takes a while, or this test shows nothing"
            assert abs(home.clock.tick() - began - tried / 1000) <= 1

    run(story())


def test_work_for_a_connection_that_is_gone_is_given_up() -> None:
    async def story() -> None:
        prover = Prover(key=ED25519.pem(), hash_rate=1000.0)
        async with tool(V16, prover=prover) as home:
            home.send(CHALLENGE, challenge(difficulty=20))
            await home.pass_time(3)
            await home.offline()
            await home.pass_time(30)
            assert home.station.proving is not None
            assert 0 == home.station.proving.busy

    run(story())


# ── what may be wrong with it ───────────────────────────────────────────────────────────


@proves("M4")
def test_a_wrong_clock_is_in_the_proof() -> None:
    async def story() -> None:
        async with tool(V16, prover=PROVER, clock_offset=-7200.0) as home:
            assert (await proof(home))["payload"]["timestamp"].startswith("2024-05-22T22:23:0")

    run(story())


@proves("M3")
def test_a_replaying_station_answers_every_challenge_with_its_first_proof() -> None:
    async def story() -> None:
        async with tool(V16, prover=Prover(key=ED25519.pem(), replays=True)) as home:
            first = await proof(home, "first")
            assert first == await proof(home, "second")
            assert "first" == first["payload"]["nonce"]

    run(story())


@proves("M5")
def test_a_station_may_claim_to_be_another() -> None:
    async def story() -> None:
        async with tool(V16, prover=Prover(key=ED25519.pem(), cp_id="CS-2")) as home:
            assert "CS-2" == (await proof(home))["payload"]["cpId"]

    run(story())


@proves("M8")
@pytest.mark.parametrize(("endpoint", "refused"), [("csms.example", False), ("", False), ("thief.example", True)])
def test_a_station_that_knows_its_backend_refuses_a_challenge_made_for_another_host(
    endpoint: str, refused: bool
) -> None:
    async def story() -> None:
        async with tool(V16, prover=Prover(key=ED25519.pem(), host="csms.example")) as home:
            nonce = issue(SeededEntropy(), home.clock.now(), home.clock.tick(), endpoint=endpoint).nonce
            answer = await home.ask(CHALLENGE, challenge(nonce))
            assert refused is (answer[0] == "SecurityError")

    run(story())


@pytest.mark.parametrize("key", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", b"\0" * 32])
def test_what_is_no_private_key_is_refused_when_the_station_is_built(key: bytes) -> None:
    async def story() -> None:
        with pytest.raises(Refused, match="badKey"):
            async with tool(V16, prover=Prover(key=KeyBytes(key))):
                raise AssertionError("it was built")

    run(story())


@pytest.mark.parametrize(
    "parts",
    [
        {"kind": IdentityKind.WEB3}, {"did": DID}, {"kind": IdentityKind.CERTIFICATE}, {"certificate": CERTIFICATE},
        {"hash_rate": -1.0}, {"kind": IdentityKind.WEB3, "did": DID, "offers_key": True},
    ],
)  # fmt: skip
def test_an_identity_that_contradicts_itself_cannot_be_made(parts: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"identity|hash rate"):
        Prover(key=ED25519.pem(), **parts)


# ── firmware that never heard of it ─────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("habit", "code", "old"),
    [
        (Habit.NOT_IMPLEMENTED, "NotImplemented", "NotImplemented"),
        (Habit.NOT_SUPPORTED, "NotSupported", "NotSupported"),
        (Habit.FORMATION_VIOLATION, "FormatViolation", "FormationViolation"),
        (Habit.GENERIC_ERROR, "GenericError", "GenericError"),
    ],
)
@pytest.mark.parametrize("version", ALL)
def test_firmware_without_a_key_answers_as_it_likes(version: OcppVersion, habit: Habit, code: str, old: str) -> None:
    async def story() -> None:
        async with tool(version, unknown=habit) as home:
            id = home.send(CHALLENGE, challenge())
            await home.pass_time(1)
            answer = home.answered[id]
            assert [4, id, old if version == V16 else code] == answer[:3]
            assert (habit is Habit.FORMATION_VIOLATION) is (len(answer) == 4)

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_firmware_without_a_key_may_answer_nothing_at_all(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version, unknown=Habit.NO_ANSWER) as home:
            home.send(CHALLENGE, challenge())
            await home.pass_time(30)
            assert not home.answered
            assert 2 == len(await home.ask("TriggerMessage", {"requestedMessage": "Heartbeat"})) + 1

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_firmware_without_a_key_may_answer_under_an_id_that_nobody_asked(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version, unknown=Habit.NO_ID) as home:
            home.send(CHALLENGE, challenge())
            await home.pass_time(1)
            assert [4, "-1", "GenericError"] == home.strays[0][:3]

    run(story())


def test_whoever_watches_the_station_is_told_of_boots_challenges_and_why_one_was_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", logger="evouch.station")

    async def story() -> None:
        async with tool(V16, prover=Prover(key=ED25519.pem(), host="csms.example")) as home:
            await proof(home)
            elsewhere = base64url(b"other.example")
            assert (await home.ask(CHALLENGE, challenge(f"{NONCE}.{elsewhere}")))[0] == "SecurityError"

    run(story())
    told = " | ".join(record.getMessage() for record in caplog.records)
    assert "CS-1: boot Accepted, interval " in told
    assert "CS-1: challenged | " in told
    assert "CS-1: challenge refused: " in told
    assert "another host than the one I am connected to" in told
