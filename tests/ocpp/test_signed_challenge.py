"""SignedChallenge on the wire: its form, both sides of it, and stations that never heard of it."""

import asyncio
import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from evouch.charging.dialogue import BootAnswer, Booted, BootStatus, IdentityProof, ProveIdentity
from evouch.clock import Tick
from evouch.errors import PeerRefused, TimedOut
from evouch.ids import OcppVersion
from evouch.ocpp.extensions import EXTENSIONS
from evouch.ocpp.frames import MAX_ID
from evouch.ocpp.manners import MANNERS, Habit, Manners
from evouch.ocpp.rpc import Answered, Called, Ignored
from evouch.ocpp.schemas import validator
from evouch.ocpp.versions import V16, V21, VERSIONS
from evouch.testing.clock import settle
from tests.ocpp.ears import Talk
from tests.ocpp.peers import SOON, called, hear, make, rejected, said, station_end
from tests.ocpp.wiretalk import carried_out, heard, wired
from tests.proofs import proves

NAME = "SignedChallenge"
CHALLENGE = ProveIdentity(nonce="abc123", timestamp=datetime(2025, 7, 9, 14, tzinfo=UTC))
#: SignedChallenge.conf of the source, with a hash and a signature of the right length.
PROOF: dict[str, Any] = {
    "payload": {
        "cpId": "CP-12345",
        "timestamp": "2025-07-09T14:00:03Z",
        "nonce": "abc123",
        "identityType": "web3",
        "powNonce": 42,
    },
    "payloadSignature": "0x" + "ab" * 64,
    "payloadSha256Hash": "de" * 32,
}
WHOLE: dict[str, Any] = PROOF | {
    "type": "identityProof",
    "payload": PROOF["payload"]
    | {
        "web3Identity": {"method": "kilt", "did": "did:kilt:light:00x", "kid": None},
        "x509Identity": {"certificateSha256": "00" * 32},
        "publicKey": {"type": "ed25519", "encoding": "base64url", "value": "AAAA"},
    },
}


def later(talk: Talk, seconds: float = 15.0) -> Tick:
    return Tick(talk.clock.tick() + seconds)


# ── the form ────────────────────────────────────────────────────────────────────────────


def fits(conf: Any, version: OcppVersion = V16) -> bool:
    return validator(version, NAME, response=True).is_valid(conf)


def without(conf: dict[str, Any], *path: str) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(conf)
    inside = changed
    for step in path[:-1]:
        inside = inside[step]
    del inside[path[-1]]
    return changed


def with_(conf: dict[str, Any], value: Any, *path: str) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(conf)
    inside = changed
    for step in path[:-1]:
        inside = inside[step]
    inside[path[-1]] = value
    return changed


@proves("W6")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_proof_has_its_three_members_and_no_other(version: OcppVersion) -> None:
    assert fits(PROOF, version)
    assert fits(WHOLE, version)
    for name in PROOF:
        assert not fits(without(PROOF, name), version), name
    assert not fits(PROOF | {"colour": "red"}, version)
    assert not fits(PROOF | {"type": "identityChallenge"}, version)


@proves("W6", "W7")
def test_the_payload_of_a_proof_has_its_members_and_no_misspelt_one() -> None:
    for name in PROOF["payload"]:
        assert not fits(without(PROOF, "payload", name)), name
        assert not fits(with_(without(PROOF, "payload", name), PROOF["payload"][name], "payload", name.upper())), name
    for place in ((), ("web3Identity",), ("x509Identity",), ("publicKey",)):
        assert not fits(with_(WHOLE, "red", "payload", *place, "colour")), place


@proves("W7")
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("cpId", [5, None, "", {}]),
        ("timestamp", [1_752_069_603, None, ""]),
        ("nonce", [123, None, ["abc123"], ""]),
        ("identityType", [None, 1, "password", "PublicKey", ""]),
        ("powNonce", ["42", None, True, -1, 4.2, 2**53]),
        ("web3Identity", ["did:key:x", [], {"did": 5}]),
        ("x509Identity", ["00" * 32, {"certificateSha256": "00"}, {"certificatePem": ""}]),
        ("publicKey", ["AAAA", {"type": "rsa", "encoding": "base64url", "value": "AAAA"}, {"type": "ed25519"}]),
    ],
)
def test_a_member_of_the_wrong_type_or_word_breaks_the_form(name: str, values: list[Any]) -> None:
    for value in values:
        assert not fits(with_(PROOF, value, "payload", name)), value


def test_what_the_reference_writes_as_null_may_be_null() -> None:
    assert fits(with_(PROOF, None, "payload", "web3Identity"))
    assert fits(with_(WHOLE, None, "payload", "web3Identity", "kid"))


@proves("W5")
def test_a_challenge_has_a_nonce_a_time_in_zulu_and_perhaps_a_difficulty() -> None:
    form = validator(V16, NAME)
    assert form.is_valid({"nonce": "abc123", "timestamp": "2025-07-09T14:00:00Z"})
    assert form.is_valid({"nonce": "abc123", "timestamp": "2025-07-09T14:00:00.123456789Z", "difficulty": 0})
    for wrong in (
        {"nonce": "abc123"},
        {"timestamp": "2025-07-09T14:00:00Z"},
        {"nonce": "abc123", "timestamp": "2025-07-09T16:00:00+02:00"},
        {"nonce": "abc123", "timestamp": "2025-07-09T14:00:00Z", "difficulty": -1},
        {"nonce": "abc123", "timestamp": "2025-07-09T14:00:00Z", "difficulty": 21},
        {"nonce": "abc123", "timestamp": "2025-07-09T14:00:00Z", "difficulty": "0"},
        {"nonce": "a" * 256, "timestamp": "2025-07-09T14:00:00Z"},
        {"nonce": "abc123", "timestamp": "2025-07-09T14:00:00Z", "endpoint": "example.com"},
    ):
        assert not form.is_valid(wrong), wrong


@proves("W15")
@pytest.mark.parametrize("version", VERSIONS)
def test_it_is_a_message_of_its_own_and_marked_as_not_being_ocpp(version: OcppVersion) -> None:
    (extension,) = [each for each in EXTENSIONS if each.action == NAME]
    assert version in extension.versions
    assert "W3CP" in extension.source


# ── the two sides ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", [PROOF, WHOLE], ids=["least", "whole"])
def test_what_a_station_proves_reaches_the_backend_untouched(version: OcppVersion, document: Any) -> None:
    wiring = wired(version)
    (order,) = heard(CHALLENGE, wiring)
    assert order == CHALLENGE
    assert carried_out(CHALLENGE, IdentityProof(document), wiring) == IdentityProof(document)


@proves("W15", "W19", "W21")
@pytest.mark.parametrize("version", VERSIONS)
def test_the_challenge_is_one_call_of_its_own_name_in_zulu_time(version: OcppVersion) -> None:
    async def story() -> None:
        talk = Talk(version)
        asked = asyncio.ensure_future(talk.conversation.call(CHALLENGE, by=later(talk)))
        await settle()
        kind, id, action, payload = talk.answer(PROOF)
        assert (kind, action) == (2, NAME)
        assert 0 < len(id) <= MAX_ID
        assert payload == {"nonce": "abc123", "timestamp": "2025-07-09T14:00:00.000Z", "difficulty": 0}
        assert await asked == IdentityProof(PROOF)

    asyncio.run(story())


@proves("W6")
def test_a_malformed_proof_is_a_refusal_with_the_code_of_its_breach() -> None:
    async def story() -> None:
        for conf, code in (
            (without(PROOF, "payloadSignature"), "OccurenceConstraintViolation"),
            (PROOF | {"colour": "red"}, "FormationViolation"),
            (with_(PROOF, "42", "payload", "powNonce"), "TypeConstraintViolation"),
            (with_(PROOF, "password", "payload", "identityType"), "PropertyConstraintViolation"),
            (PROOF | {"type": None}, "OccurenceConstraintViolation"),
            (with_(PROOF, None, "payload", "x509Identity"), "OccurenceConstraintViolation"),
            ([], "FormationViolation"),
        ):
            talk = Talk(V16)
            asked = asyncio.ensure_future(talk.conversation.call(CHALLENGE, by=later(talk)))
            await settle()
            talk.answer(conf)
            answer = await asked
            assert isinstance(answer, PeerRefused)
            assert answer.code == code
            assert talk.said() == []

    asyncio.run(story())


def test_a_member_twice_in_a_proof_is_seen_although_json_would_keep_the_last() -> None:
    async def story() -> None:
        talk = Talk(V16)
        asked = asyncio.ensure_future(talk.conversation.call(CHALLENGE, by=later(talk)))
        await settle()
        ((_, id, *_),) = talk.said()
        text = json.dumps([3, id, PROOF]).replace('"cpId"', '"cpId":"CP-1","cpId"', 1)
        talk.conversation.receive(text.encode())
        answer = await asked
        assert isinstance(answer, PeerRefused)
        assert answer.code == "FormationViolation"

    asyncio.run(story())


@proves("W5")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_station_leaves_members_of_a_challenge_that_it_does_not_know_unread(version: OcppVersion) -> None:
    asked = {"nonce": "abc123", "timestamp": "2025-07-09T14:00:00Z"}
    station = station_end(version, MANNERS)
    call = called(station, NAME, asked | {"endpoint": "cpo.example", "extra": {"deep": [1]}})
    assert call.payload == asked
    assert station.tally["challengeWithMore"] == 1
    rejected(station_end(version, MANNERS), NAME, {"endpoint": "cpo.example", "nonce": "abc123"})


@pytest.mark.parametrize("version", VERSIONS)
def test_a_backend_is_never_challenged_by_a_station(version: OcppVersion) -> None:
    talk = Talk(version)
    talk.say(2, "c1", NAME, {"nonce": "abc123", "timestamp": "2025-07-09T14:00:00Z"})
    ((kind, id, code, *_),) = talk.said()
    assert (kind, id, code) == (4, "c1", "NotSupported")
    assert talk.ear.heard == []


# ── order and framing ───────────────────────────────────────────────────────────────────


@proves("W3", "W4")
@pytest.mark.parametrize("slow", [False, True], ids=["at once", "after a write"])
def test_the_challenge_follows_the_pending_answer_and_nothing_overtakes_it(*, slow: bool) -> None:
    """A backend starts its challenge while it makes the answer; on the wire the answer is first, always."""

    async def story() -> None:
        talk = Talk(V16)
        asked: list[asyncio.Future[Any]] = []

        def pending() -> BootAnswer:
            asked.append(asyncio.ensure_future(talk.conversation.call(CHALLENGE, by=later(talk))))
            return BootAnswer(BootStatus.PENDING, talk.clock.now(), 10)

        async def written() -> BootAnswer:
            await asyncio.sleep(0)
            return pending()

        talk.ear.answers[Booted] = lambda _: written() if slow else pending()
        talk.say(2, "b1", "BootNotification", {"chargePointVendor": "v", "chargePointModel": "m"})
        await settle()
        boot, call = talk.said()
        assert boot[:2] == [3, "b1"]
        assert boot[2]["status"] == "Pending"
        assert (call[0], call[2]) == (2, NAME)
        talk.say(3, call[1], PROOF)
        assert await asked[0] == IdentityProof(PROOF)

    asyncio.run(story())


@proves("W21")
def test_an_answer_is_taken_once_and_only_for_the_call_that_is_open() -> None:
    peer = make(V16)
    assert isinstance(hear(peer, [3, "nobody", PROOF])[0], Ignored)
    id = peer.call(NAME, {"nonce": "n", "timestamp": "2025-07-09T14:00:00Z"}, by=SOON)
    second = peer.call(NAME, {"nonce": "m", "timestamp": "2025-07-09T14:00:00Z"}, by=SOON)
    assert id != second
    assert [frame[1] for frame in said(peer)] == [id]
    assert isinstance(hear(peer, [3, second, PROOF])[0], Ignored)
    assert isinstance(hear(peer, [3, id, PROOF])[0], Answered)
    assert [frame[1] for frame in said(peer)] == [second]
    (again,) = hear(peer, [3, id, PROOF])
    assert isinstance(again, Ignored)
    assert again.why == "doubled CALLRESULT"
    peer.expire(SOON)
    (late,) = hear(peer, [3, second, PROOF])
    assert isinstance(late, Ignored)
    assert late.why == "late CALLRESULT"


# ── stations that never heard of it ─────────────────────────────────────────────────────

ANSWERS: dict[Habit, list[Any]] = {
    Habit.NOT_IMPLEMENTED: ["x", "NotImplemented", "ocpp1.6 does not know this action", {}],
    Habit.NOT_SUPPORTED: ["x", "NotSupported", "ocpp1.6 does not know this action", {}],
    Habit.FORMATION_VIOLATION: ["x", "FormationViolation", "ocpp1.6 does not know this action"],
    Habit.GENERIC_ERROR: ["x", "GenericError", "ocpp1.6 does not know this action", {}],
    Habit.NO_ID: ["-1", "GenericError", "ocpp1.6 does not know this action", {}],
}
REQUEST = {"nonce": "abc123", "timestamp": "2025-07-09T14:00:00Z", "difficulty": 0}


@pytest.mark.parametrize("habit", Habit)
@pytest.mark.parametrize("action", [NAME, "NoSuchAction"])
def test_firmware_that_does_not_know_a_message_answers_by_its_habit(habit: Habit, action: str) -> None:
    peer = station_end(V16, Manners(extensions=False, unknown=habit))
    (event,) = hear(peer, [2, "x", action, REQUEST])
    assert not isinstance(event, Called)
    assert said(peer) == ([[4, *ANSWERS[habit]]] if habit in ANSWERS else [])
    assert isinstance(hear(peer, [2, "y", "ClearCache", {}])[0], Called)


def test_a_habit_is_spelled_as_the_version_spells_it() -> None:
    peer = station_end(V21, Manners(extensions=False, unknown=Habit.FORMATION_VIOLATION))
    hear(peer, [2, "x", NAME, REQUEST])
    assert said(peer)[0][2] == "FormatViolation"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_station_that_knows_the_message_is_asked(version: OcppVersion) -> None:
    peer = station_end(version, Manners(unknown=Habit.NO_ANSWER))
    assert isinstance(hear(peer, [2, "x", NAME, REQUEST])[0], Called)
    assert isinstance(hear(peer, [2, "y", "NoSuchAction", {}])[0], Ignored)


@pytest.mark.parametrize("habit", Habit)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_backend_takes_every_habit_for_the_answer_to_its_challenge(version: OcppVersion, habit: Habit) -> None:
    """Also a CALLERROR without the challenge's id (libocpp), and one of four elements."""

    async def story() -> None:
        talk, firmware = Talk(version), Talk(version, csms=False, manners=Manners(extensions=False, unknown=habit))
        asked = asyncio.ensure_future(talk.conversation.call(CHALLENGE, by=later(talk)))
        await settle()
        firmware.say(*talk.said()[0])
        for answer in firmware.said():
            talk.say(*answer)
        if habit is Habit.NO_ANSWER:
            talk.conversation.expire(later(talk))
            assert isinstance(await asked, TimedOut)
        else:
            refused = await asked
            assert isinstance(refused, PeerRefused)
            assert refused.code in {
                "NotImplemented",
                "NotSupported",
                "FormationViolation",
                "FormatViolation",
                "GenericError",
            }
        assert firmware.ear.heard == []

    asyncio.run(story())


def test_firmware_without_extensions_still_judges_what_it_knows_by_its_form() -> None:
    peer = station_end(V16, Manners(extensions=False, unknown=Habit.NO_ANSWER))
    assert rejected(peer, "Reset", {}).code == "OccurenceConstraintViolation"
