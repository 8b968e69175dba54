"""When a station is challenged, and what comes of it: frame by frame, over the operator's real door."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from evouch.charging.dialogue import Entrance
from evouch.errors import Refused
from evouch.identity.proof import Expected, Verdict, verify
from evouch.ids import Secret
from evouch.testing.town import Town
from evouch.units import parse_time
from tests.cpo.hand import CALL, HOME, RESULT, START, Hand, stop
from tests.cpo.unproven import CS, card, enrol, events, known, told
from tests.proofs import proves
from tests.station.keys import P256, SECP256K1


@proves("W2", "W3", "W4", "M17")
def test_the_first_boot_is_answered_pending_and_the_challenge_follows_at_once_behind_it() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        answer = await hand.boot()
        assert answer["status"] == "Pending"
        assert 0 < answer["interval"] <= 10
        await hand.challenge(seconds=0)
        kinds = [frame[0] for frame in hand.frames]
        assert kinds == [RESULT, CALL], "the answer first, nothing between it and the challenge"

    told(story)


@proves("W2", "W18")
def test_a_station_that_nothing_is_required_of_is_accepted_at_once_and_never_challenged() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        assert (await hand.boot())["status"] == "Accepted"
        await town.wait(30)
        assert hand.calls("SignedChallenge") == []
        assert hand.state == "trusted"

    told(story, key=False)


@proves("W11", "W12")
def test_after_a_valid_proof_the_next_boot_is_accepted_and_the_station_works() -> None:
    async def story(town: Town) -> None:
        await card(town)
        hand = await Hand(town).open()
        await hand.boot()
        await hand.prove()
        await hand.nudged()
        assert (await hand.boot())["status"] == "Accepted"
        assert (await hand.ask("Authorize", {"idTag": "CARD"}))[0]["idTagInfo"]["status"] == "Accepted"
        started = (await hand.ask("StartTransaction", START))[0]
        assert started["idTagInfo"]["status"] == "Accepted"
        done = {"transactionId": started["transactionId"], "meterStop": 2000, "timestamp": START["timestamp"]}
        assert "idTagInfo" not in (await hand.ask("StopTransaction", done))[0]
        view = town.cpo.challenger.standing(CS)
        assert view is not None
        assert (view.state, view.how[:11], view.signing) == ("proven", "ed25519 key", "canonical")

    told(story)


@proves("W11")
def test_a_boot_while_challenged_is_pending_and_brings_no_second_challenge() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        for _ in range(4):
            assert (await hand.boot())["status"] == "Pending"
            await town.wait(1)
        assert len(hand.calls("SignedChallenge")) == 1

    told(story)


@proves("M15")
@pytest.mark.parametrize("action", ["Authorize", "StatusNotification", "DataTransfer", "NoSuchThing"])
def test_another_message_first_is_a_security_error_and_brings_the_challenge_behind_it(action: str) -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        assert (await hand.ask(action, {"whatever": 1}))[0] == "SecurityError"
        assert [frame[0] for frame in hand.frames] == [4, CALL]

    told(story)


@proves("M15")
def test_a_station_that_says_nothing_is_challenged_after_ten_seconds() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await town.wait(9.9)
        assert hand.frames == []
        await town.wait(0.2)
        assert len(hand.calls("SignedChallenge")) == 1

    told(story)


@proves("M15")
def test_a_station_that_came_back_without_a_boot_is_accepted_still_once_it_is_proven() -> None:
    async def story(town: Town) -> None:
        await card(town)
        hand = await Hand(town).open()
        await town.wait(11)
        await hand.prove()
        assert hand.calls("TriggerMessage") == [], "it never was told to wait"
        assert (await hand.ask("Authorize", {"idTag": "CARD"}))[0]["idTagInfo"]["status"] == "Accepted"
        await town.until(lambda: hand.calls("GetConfiguration"), 5)

    told(story)


@proves("M2")
def test_an_answer_after_the_challenge_has_expired_proves_nothing() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        challenge = await hand.challenge()
        await town.wait(6)
        hand.write([RESULT, challenge[1], hand.proof(challenge)])
        await town.wait(0.1)
        assert hand.state == "failed"
        assert [event.detail.partition(":")[0] for event in await events(town)] == ["expired"]
        await town.wait(60)
        assert (await hand.boot())["status"] == "Pending"
        fresh = await hand.challenge(2)
        assert fresh[3]["nonce"] != challenge[3]["nonce"]

    told(story, ttl=5)


@proves("M3")
def test_a_nonce_is_good_for_one_answer_whatever_that_is() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        challenge = await hand.challenge()
        await hand.prove(key=P256)
        assert hand.state == "failed"
        hand.write([RESULT, challenge[1], hand.proof(challenge)])
        await town.wait(0.1)
        assert hand.state == "failed", "the right proof came second"
        await town.wait(60)
        await hand.boot()
        second = await hand.challenge(2)
        hand.write([RESULT, second[1], hand.proof(challenge)])
        await town.wait(0.1)
        assert hand.state == "failed", "and it is not good for another challenge"
        assert [one.kind for one in await events(town)][-1] == "AttemptedReplayAttacks"

    told(story)


@proves("M6")
def test_a_proof_for_another_connection_of_the_same_station_proves_nothing() -> None:
    async def story(town: Town) -> None:
        first = await Hand(town).open()
        await first.boot()
        challenge = await first.challenge()
        second = await Hand(town).open()
        await second.boot()
        other = await second.challenge()
        assert challenge[3]["nonce"] != other[3]["nonce"]
        second.write([RESULT, other[1], first.proof(challenge)])
        await town.wait(0.1)
        assert not any(visit.acting for visit in town.cpo.challenger.visits.of(CS))

    told(story)


@proves("M12", "M21")
def test_failures_are_silent_outward_and_the_pause_doubles() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        expected = [60, 120, 240, 480]
        for count, interval in enumerate(expected, 1):
            assert (await hand.boot())["status"] == "Pending"
            await hand.prove(count, key=P256)
            before = len(hand.frames)
            answer = await hand.boot()
            assert (answer["status"], answer["interval"]) == ("Rejected", interval)
            assert len(hand.frames) == before + 1, "no word of what was wrong"
            await town.wait(interval - 1)
            assert (await hand.boot())["status"] == "Rejected"
            assert len(hand.calls("SignedChallenge")) == count, "and no CALL while Rejected"
            await town.wait(1)
        await hand.boot()
        await hand.prove(5, key=P256)
        await town.until(lambda: hand.close, 5)
        assert hand.close == 1008
        kinds = {event.kind for event in await events(town)}
        assert kinds == {"FailedToAuthenticateAtCentralSystem"}

    told(story)


@proves("M12")
def test_two_failures_and_then_a_success_are_a_success() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        for count, pause in ((1, 60), (2, 120)):
            await hand.boot()
            await hand.prove(count, key=P256)
            await town.wait(pause)
        await hand.boot()
        await hand.prove(3)
        assert (await hand.boot())["status"] == "Accepted"
        view = town.cpo.challenger.standing(CS)
        assert view is not None
        assert view.last_failure is not None
        assert view.last_failure[0] == "signature"

    told(story)


@proves("M12")
def test_a_connection_that_never_boots_is_asked_again_when_its_pause_is_over() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await town.wait(11)
        await hand.prove(key=P256)
        await town.wait(59)
        assert len(hand.calls("SignedChallenge")) == 1
        await town.wait(2)
        await hand.prove(2)
        assert hand.state == "proven"

    told(story)


@proves("M21")
@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ({"key": P256}, "FailedToAuthenticateAtCentralSystem"),
        ({"station": "CS-2"}, "FailedToAuthenticateAtCentralSystem"),
        ({"nonce": "another"}, "AttemptedReplayAttacks"),
    ],
    ids=["key", "cpId", "nonce"],
)
def test_each_failure_has_the_event_that_the_whitepaper_names(how: dict[str, object], kind: str) -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        await hand.prove(**how)  # type: ignore[arg-type]
        found = await events(town)
        assert [event.kind for event in found] == [kind]
        nonce = (await hand.challenge())[3]["nonce"]
        assert nonce not in found[0].detail
        assert "192.0.2.10" in found[0].detail

    told(story)


@proves("M21")
@pytest.mark.parametrize("document", [{}, {"payload": {}}, {"payload": 5, "payloadSignature": "x"}, [], "no"])
def test_an_answer_that_is_no_proof_is_an_invalid_message(document: object) -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        challenge = await hand.challenge()
        hand.write([RESULT, challenge[1], document])
        await town.wait(0.1)
        assert hand.state == "failed"
        assert [event.kind for event in await events(town)] == ["InvalidMessages"]

    told(story)


@proves("M21", "W6")
@pytest.mark.parametrize("how", ["another member", "a member twice", "no payload"])
@pytest.mark.parametrize("wish", ["reject", "allow_untrusted"])
def test_a_proof_of_another_form_is_no_word_of_a_firmware_that_cannot(how: str, wish: str) -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        challenge = await hand.challenge()
        document = hand.proof(challenge) | ({"extra": 1} if how == "another member" else {})
        answer = [RESULT, challenge[1], *([document] if how != "no payload" else [])]
        twice = '"cpId":"CS-1","cpId"' if how == "a member twice" else '"cpId"'
        hand.write(json.dumps(answer).replace('"cpId"', twice).encode())
        await town.wait(0.5)
        assert hand.state == "failed"
        assert [event.kind for event in await events(town)] == ["InvalidMessages"]
        record = town.cpo.registry.station(CS)
        assert record is not None
        assert record.unable is None

    told(story, on_unsupported=wish)


@proves("W14")
def test_a_heartbeat_is_answered_in_every_standing_and_prolongs_nothing() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.ask("Heartbeat", {"what": "ever"})
        await town.wait(9)
        await hand.ask("Heartbeat", [])
        await town.wait(1)
        assert len(hand.calls("SignedChallenge")) == 1, "silence is counted from connecting, heartbeats or not"
        answer = (await hand.ask("Heartbeat", {}))[0]
        assert parse_time(answer["currentTime"]) == town.world.clock.now()
        await town.wait(16)
        assert hand.state == "failed", "nor do they keep a challenge alive"
        assert "currentTime" in (await hand.ask("Heartbeat", {}))[0]

    told(story)


@proves("M14")
def test_nothing_but_challenge_and_trigger_is_sent_to_an_unproven_connection() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        await town.wait(5)
        report = await town.cpo.stations.provision(CS, actor="anna")
        assert set(report.outcome.values()) == {"stationOffline"}
        with pytest.raises(Refused, match="unproven"):
            await town.cpo.stations.call(CS, "Reset", {"type": "Soft"}, actor="anna")
        assert not town.cpo.presence.ready(CS)
        assert {frame[2] for frame in hand.frames if frame[0] == CALL} == {"SignedChallenge"}
        await hand.prove()
        await town.wait(1)
        assert {frame[2] for frame in hand.frames if frame[0] == CALL} == {"SignedChallenge", "TriggerMessage"}

    told(story)


def test_what_a_stranger_says_of_itself_is_not_written_down() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        await town.wait(2)
        record = town.cpo.registry.station(CS)
        assert record is not None
        assert (record.vendor, record.firmware) == ("", "")
        await hand.prove()
        await hand.boot()
        await town.wait(2)
        record = town.cpo.registry.station(CS)
        assert record is not None
        assert (record.vendor, record.firmware) == ("V", "1.0")

    told(story)


# ── asked again ─────────────────────────────────────────────────────────────────────────


async def proven(town: Town) -> Hand:
    hand = await Hand(town).open()
    await hand.boot()
    await hand.prove()
    await hand.nudged()
    await hand.boot()
    return hand


@proves("M18")
def test_an_operator_can_ask_a_proven_connection_again_and_it_goes_on_meanwhile() -> None:
    async def story(town: Town) -> None:
        hand = await proven(town)
        asked = asyncio.ensure_future(town.cpo.challenger.challenge(CS, actor="anna"))
        await hand.challenge(2)
        assert (await hand.boot())["status"] == "Accepted"
        await hand.prove(2)
        assert (await asked).proven
        assert "challenge station" in [row.action for row in await town.cpo.store.audit()]

    told(story)


@proves("M18")
def test_a_connection_that_fails_when_asked_again_ends_its_charge_and_is_closed_then() -> None:
    async def story(town: Town) -> None:
        await card(town)
        hand = await proven(town)
        number = (await hand.ask("StartTransaction", START))[0]["transactionId"]
        await town.wait(3600)
        await hand.prove(2, key=P256)
        assert hand.state == "doubted"
        assert not town.cpo.presence.ready(CS), "nobody is sent there"
        assert (await hand.ask("Authorize", {"idTag": "CARD"}))[0] == "SecurityError"
        assert (await hand.ask("StartTransaction", {**START, "connectorId": 2}))[0] == "SecurityError"
        value = {"timestamp": START["timestamp"], "sampledValue": [{"value": "1500"}]}
        metered = {"connectorId": 1, "transactionId": number, "meterValue": [value]}
        assert (await hand.ask("MeterValues", metered)) == [{}]
        await town.wait(60)
        assert hand.close is None, "a running transaction is not disturbed"
        done = {"transactionId": number, "meterStop": 2000, "timestamp": START["timestamp"]}
        assert (await hand.ask("StopTransaction", done)) == [{}]
        await town.until(lambda: hand.close, 15)
        assert hand.close == 1008
        assert "FailedToAuthenticateAtCentralSystem" in {event.kind for event in await events(town)}

    told(story, recheck=1)


@proves("M18")
def test_a_doubted_connection_that_proves_itself_in_time_is_whole_again() -> None:
    async def story(town: Town) -> None:
        await card(town)
        hand = await proven(town)
        await hand.ask("StartTransaction", START)
        triggers = len(hand.calls("TriggerMessage"))
        await town.wait(3600)
        await hand.prove(2, key=P256)
        asking = asyncio.ensure_future(town.cpo.challenger.challenge(CS, actor="anna"))
        await hand.prove(3)
        assert (await asking).proven
        await town.wait(60)
        assert hand.close is None
        assert town.cpo.presence.ready(CS)
        assert len(hand.calls("TriggerMessage")) == triggers, "it had been accepted, and is"

    told(story, recheck=1)


@proves("M18")
def test_a_station_that_is_busy_when_it_is_asked_again_has_time() -> None:
    async def story(town: Town) -> None:
        hand = await proven(town)
        asking = asyncio.ensure_future(town.cpo.challenger.challenge(CS, actor="anna"))
        challenge = await hand.challenge(2)
        await town.wait(40)
        hand.write([RESULT, challenge[1], hand.proof(challenge)])
        await town.wait(0.1)
        assert (await asking).proven

    told(story)


@proves("M18")
def test_a_challenge_that_waits_behind_slow_calls_is_not_held_against_the_station() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        await hand.prove()
        await hand.boot()
        await town.wait(5)
        hand.deaf = True
        slow = [
            asyncio.ensure_future(
                town.cpo.stations.call(CS, "GetDiagnostics", {"location": "ftp://x"}, actor="a", seconds=seconds)
            )
            for seconds in (100, 115)
        ]
        await town.wait(0.1)
        asking = asyncio.ensure_future(town.cpo.challenger.challenge(CS, actor="anna"))
        await town.wait(114)
        assert (hand.close, hand.state) == (None, "proven")
        await hand.challenge(2)
        await town.wait(10)  # what was sent at the end of its time is asked again
        await hand.challenge(3)
        await hand.prove(3)
        assert (await asking).proven
        assert hand.state == "proven"
        assert await events(town) == []
        await asyncio.gather(*slow)

    told(story)


def test_a_proven_station_that_stays_silent_twice_is_doubted_all_the_same() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        await hand.prove()
        asking = asyncio.ensure_future(town.cpo.challenger.challenge(CS, actor="anna"))
        await town.wait(121)
        assert (await asking).step == "timeout"
        assert len(hand.calls("SignedChallenge")) == 3
        assert hand.close == 1008

    told(story)


@proves("M11", "M18")
@pytest.mark.parametrize("charges", [True, False])
def test_who_is_proven_by_a_key_is_asked_again_when_that_ends(charges: bool) -> None:
    async def story(town: Town) -> None:
        await card(town)
        await enrol(town, not_after=town.world.clock.now() + timedelta(hours=1))
        hand = await Hand(town).open()
        await hand.boot()
        await hand.prove()
        await hand.boot()
        number = (await hand.ask("StartTransaction", START))[0]["transactionId"] if charges else 0
        await town.wait(3500)
        assert len(hand.calls("SignedChallenge")) == 1
        await town.wait(100)
        await hand.prove(2)
        assert hand.state == ("doubted" if charges else "gone")
        if charges:
            await hand.ask("StopTransaction", stop(number))
            await town.wait(11)
        assert hand.close == 1008

    told(story, key=False)


def test_another_key_of_the_station_takes_over_when_the_first_one_ends() -> None:
    async def story(town: Town) -> None:
        await enrol(town, not_after=town.world.clock.now() + timedelta(hours=1))
        await enrol(town, P256)
        hand = await Hand(town).open()
        await hand.boot()
        await hand.prove()
        await town.wait(3600)
        await hand.prove(2, key=P256)
        assert hand.state == "proven"
        await town.wait(7200)
        assert len(hand.calls("SignedChallenge")) == 2

    told(story, key=False)


@proves("M18")
def test_a_connection_that_charges_nothing_is_closed_at_once_when_it_fails_again() -> None:
    async def story(town: Town) -> None:
        hand = await proven(town)
        await town.wait(3600)
        await hand.refuse("NotImplemented", 2)
        await town.until(lambda: hand.close, 1)
        assert hand.close == 1008
        assert [event.kind for event in await events(town)] == ["IdentityDowngradeAttempt"]

    told(story, recheck=1, on_unsupported="allow_untrusted")


def test_nobody_there_can_be_asked_and_one_that_was_rejected_hears_nothing() -> None:
    async def story(town: Town) -> None:
        with pytest.raises(Refused, match="offline"):
            await town.cpo.challenger.challenge(CS, actor="anna")
        hand = await Hand(town).open()
        await hand.boot()
        await hand.prove(key=P256)
        assert (await hand.boot())["status"] == "Rejected"
        with pytest.raises(Refused, match="toldToWait"):
            await town.cpo.challenger.challenge(CS, actor="anna")

    told(story)


def test_a_wrong_clock_is_noted_or_refused_as_the_operator_wishes() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        await hand.prove(at=town.world.clock.now() + timedelta(days=400))
        assert hand.state == "failed" if town.cpo.terms.identity.enforce_time else "proven"

    told(story)
    told(story, enforce_time=True)


def test_a_difficulty_is_asked_for_and_checked() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        challenge = await hand.challenge()
        assert challenge[3]["difficulty"] == 8
        lazy = hand.proof(challenge, pow_nonce=0)
        hand.write([RESULT, challenge[1], lazy])
        await town.wait(0.1)
        assert [event.detail.partition(":")[0] for event in await events(town)] == ["proofOfWork"]
        await town.wait(60)
        await hand.boot()
        await hand.prove(2)
        assert hand.state == "proven"

    told(story, difficulty=8)
    with pytest.raises(ValueError, match="difficulty"):
        told(story, difficulty=21)


# ── on trust ────────────────────────────────────────────────────────────────────────────


@proves("M22", "W18")
def test_a_station_enrolled_as_trusted_is_not_asked_until_that_is_taken_back() -> None:
    async def story(town: Town) -> None:
        await town.cpo.identities.trust(CS, True, actor="anna")
        hand = await Hand(town).open(Entrance(address="127.0.0.1"))
        assert (await hand.boot())["status"] == "Accepted"
        assert hand.state == "trusted"
        await town.cpo.identities.trust(CS, False, actor="anna")
        await hand.prove()
        assert hand.state == "proven"

    told(story)


@proves("M22")
@pytest.mark.parametrize("local", [False, True], ids=["from anywhere", "from a proxy here"])
def test_the_name_of_a_trusted_station_alone_opens_nothing(local: bool) -> None:
    async def story(town: Town) -> None:
        await town.cpo.identities.trust(CS, True, actor="anna")
        hand = await Hand(town).open(Entrance(address="127.0.0.1", tls=True) if local else HOME)
        assert (await hand.boot())["status"] == "Pending"
        assert hand.state != "trusted"
        await town.cpo.stations.set_password(CS, Secret(b"correct-horse-battery"), actor="anna")
        await hand.hang_up()
        mine = await Hand(town).open(password=b"correct-horse-battery")
        assert (await mine.boot())["status"] == "Accepted"
        assert mine.state == "trusted"

    told(story, key=False, require="all")


@proves("M22")
def test_everybody_is_challenged_whom_no_rule_trusts_where_all_are() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        assert (await hand.boot())["status"] == "Pending"
        await hand.prove()
        assert hand.state == "failed", "and nothing is enrolled"
        await known(town, "CS-2", key=False)
        other = await Hand(town, id="CS-2").open(Entrance(address="192.0.2.10", tls=True))
        assert (await other.boot())["status"] == "Pending"

    told(story, key=False, require="all")


def test_a_key_of_another_kind_is_another_key() -> None:
    async def story(town: Town) -> None:
        await enrol(town, SECP256K1)
        hand = await Hand(town).open()
        await hand.boot()
        await hand.prove(key=SECP256K1)
        view = town.cpo.challenger.standing(CS)
        assert view is not None
        assert view.how.startswith("secp256k1 key")

    told(story)


# ── what a proof costs ──────────────────────────────────────────────────────────────────


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list in which every proof is noted that is verified."""
    seen: list[str] = []

    def counting(document: Any, expected: Expected) -> Verdict:
        seen.append(expected.station)
        return verify(document, expected)

    monkeypatch.setattr("evouch.cpo.judge.verify", counting)
    return seen


@proves("M12", "M21")
def test_wrong_signatures_over_many_connections_are_refused_unread_after_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)

    async def story(town: Town) -> None:
        for _ in range(15):
            thief = await Hand(town).open()
            await thief.boot()
            await thief.prove(key=P256)
            await thief.hang_up()
        assert len(seen) in {10, 11}, "and another one every six seconds"
        assert "IdentityProofsLimited" in {event.kind for event in await events(town)}
        honest = await Hand(town).open(Entrance(address="192.0.2.99"))
        await honest.boot()
        await honest.prove()
        assert honest.state == "proven", "it comes from somewhere else"
        await honest.hang_up()
        await town.wait(60)
        same = await Hand(town).open()
        await same.boot()
        await same.prove()
        assert same.state == "proven"

    told(story)


def test_a_whole_network_of_one_thief_counts_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = counted(monkeypatch)

    async def story(town: Town) -> None:
        for number in range(15):
            thief = await Hand(town).open(Entrance(address=f"2001:db8::{number + 1:x}"))
            await thief.boot()
            await thief.prove(key=P256)
            await thief.hang_up()
        assert len(seen) in {10, 11}

    told(story)


def test_a_station_that_reconnects_all_the_time_is_never_refused_for_it() -> None:
    async def story(town: Town) -> None:
        for _ in range(30):
            hand = await Hand(town).open()
            await hand.boot()
            await hand.prove()
            assert hand.state == "proven"
            await hand.hang_up()

    told(story)
