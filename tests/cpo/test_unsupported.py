"""Stations that do not know the message: what the operator wishes, and no way down for who has proved itself."""

import asyncio

import pytest

from evouch.charging.dialogue import Entrance
from evouch.identity.standing import Standing
from evouch.ids import Secret
from evouch.testing.town import Town
from tests.cpo.hand import CALL, START, Hand, stop
from tests.cpo.unproven import CS, card, events, told
from tests.proofs import proves
from tests.station.keys import P256

#: How firmware says that it never heard of SignedChallenge: a code under our id, one under none, or nothing.
HABITS = ["NotImplemented", "NotSupported", "FormationViolation", "GenericError", "InternalError", "-1", "silence"]
habits = pytest.mark.parametrize("habit", HABITS)


async def shrug(hand: Hand, habit: str, count: int = 1) -> None:
    if habit == "silence":
        await hand.challenge(count)
        await hand.town.wait(15.5)
    else:
        await hand.refuse("GenericError" if habit == "-1" else habit, count, id="-1" if habit == "-1" else None)


@habits
def test_by_default_it_is_rejected_and_asked_again_later(habit: str) -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        assert (await hand.boot())["status"] == "Pending"
        await shrug(hand, habit)
        answer = await hand.boot()
        assert (answer["status"], answer["interval"]) == ("Rejected", 60)
        assert (await hand.ask("Authorize", {"idTag": "CARD"}))[0] == "SecurityError"
        kind = "IdentityChallengeTimedOut" if habit == "silence" else "IdentityChallengeUnsupported"
        assert [event.kind for event in await events(town)] == [kind]
        await town.wait(60)
        assert (await hand.boot())["status"] == "Pending"
        await hand.prove(2)
        assert hand.state == "proven", "with its new firmware"

    told(story)


@habits
def test_borne_with_it_is_accepted_and_limited(habit: str) -> None:
    async def story(town: Town) -> None:
        await card(town)
        hand = await Hand(town).open()
        await hand.boot()
        await shrug(hand, habit)
        await hand.nudged()
        assert (await hand.boot())["status"] == "Accepted"
        assert hand.state == "untrusted"
        status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
        assert await hand.ask("StatusNotification", status) == [{}]
        assert (await hand.ask("Authorize", {"idTag": "CARD"}))[0] == "SecurityError"
        assert (await hand.ask("StartTransaction", START))[0] == "SecurityError"
        assert await hand.ask("StopTransaction", stop(7)) == [{}]
        await town.wait(30)
        assert {frame[2] for frame in hand.frames if frame[0] == CALL} == {"SignedChallenge", "TriggerMessage"}
        assert not town.cpo.presence.ready(CS)
        assert [one.action for one in await town.cpo.store.quarantined()] == ["StartTransaction", "StopTransaction"]

    told(story, on_unsupported="allow_untrusted")


@habits
@pytest.mark.parametrize("basic", [True, False], ids=["password", "nothing"])
def test_falling_back_takes_a_password_or_a_certificate_and_nothing_less(habit: str, basic: bool) -> None:
    async def story(town: Town) -> None:
        if basic:
            await town.cpo.stations.set_password(CS, Secret("correct-horse-battery"), actor="anna")
        hand = await Hand(town).open(password=b"correct-horse-battery" if basic else None)
        await hand.boot()
        await shrug(hand, habit)
        assert (await hand.boot())["status"] == ("Accepted" if basic else "Rejected")
        assert hand.state == ("trusted" if basic else "failed")

    told(story, on_unsupported="fallback")


@proves("M22")
@habits
@pytest.mark.parametrize("policy", ["allow_untrusted", "fallback"])
def test_one_that_has_ever_proved_itself_is_never_taken_for_one_that_cannot(habit: str, policy: str) -> None:
    async def story(town: Town) -> None:
        await town.cpo.stations.set_password(CS, Secret("correct-horse-battery"), actor="anna")
        honest = await Hand(town).open(password=b"correct-horse-battery")
        await honest.boot()
        await honest.prove()
        await honest.hang_up()
        thief = await Hand(town).open(password=b"correct-horse-battery")
        await thief.boot()
        await shrug(thief, habit)
        assert (await thief.boot())["status"] == "Rejected"
        assert thief.state == "failed"
        assert [event.kind for event in await events(town)] == ["IdentityDowngradeAttempt"]
        record = town.cpo.registry.station(CS)
        assert record is not None
        assert record.unable is None

    told(story, on_unsupported=policy)


@proves("M22")
def test_revoking_its_keys_does_not_make_it_one_that_cannot() -> None:
    async def story(town: Town) -> None:
        honest = await Hand(town).open()
        await honest.boot()
        await honest.prove()
        [mine] = town.cpo.identities.of(CS)
        await town.cpo.identities.revoke(mine.id, actor="anna")
        await town.until(lambda: honest.close, 1)
        assert honest.close == 1008
        thief = await Hand(town).open()
        assert (await thief.boot())["status"] == "Pending", "once proven, always challenged"
        await shrug(thief, "NotImplemented")
        assert (await thief.boot())["status"] == "Rejected"

    told(story, on_unsupported="allow_untrusted")


def test_one_that_is_borne_with_ends_nobodys_transaction_by_calling_a_connector_free() -> None:
    async def story(town: Town) -> None:
        await card(town)
        await town.cpo.identities.trust(CS, True, actor="anna")
        honest = await Hand(town).open(Entrance(address="127.0.0.1"))
        await honest.boot()
        await honest.ask("StartTransaction", START)
        await honest.hang_up()
        await town.cpo.identities.trust(CS, False, actor="anna")
        thief = await Hand(town).open()
        await thief.boot()
        await shrug(thief, "NotImplemented")
        free = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
        assert await thief.ask("StatusNotification", free) == [{}]
        await town.wait(3600)
        assert len(await town.cpo.store.transactions(active=True)) == 1

    told(story, on_unsupported="allow_untrusted")


def test_one_that_was_borne_with_and_proves_itself_later_is_set_up_like_any_other() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        await shrug(hand, "NotImplemented")
        assert (await hand.boot())["status"] == "Accepted"
        asking = asyncio.ensure_future(town.cpo.challenger.challenge(CS, actor="anna"))
        await hand.prove(2)
        assert (await asking).proven
        await town.until(lambda: hand.calls("GetConfiguration"), 5)

    told(story, on_unsupported="allow_untrusted")


def test_what_a_firmware_cannot_is_remembered_until_it_is_another_one() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        await shrug(hand, "NotImplemented")
        await town.wait(1)
        record = town.cpo.registry.station(CS)
        assert record is not None
        assert record.unable == "1.0"
        await hand.hang_up()
        again = await Hand(town).open()
        assert (await again.boot())["status"] == "Pending", "with nothing enrolled it need not be asked twice"
        outcome = await town.cpo.challenger.challenge(CS, actor="test")
        assert ("unsupported", "its firmware did not know the message before") == (outcome.step, outcome.reason)
        await town.wait(1)
        assert again.state == "untrusted"
        assert again.calls("SignedChallenge") == []
        await again.hang_up()
        newer = await Hand(town).open()
        boot = {"chargePointModel": "M", "chargePointVendor": "V", "firmwareVersion": "2.0"}
        await newer.ask("BootNotification", boot)
        assert len(newer.calls("SignedChallenge")) == 1

    told(story, key=False, require="all", on_unsupported="allow_untrusted")


def test_one_that_failed_and_whose_firmware_cannot_is_borne_with_when_its_pause_is_over() -> None:
    async def story(town: Town) -> None:
        failed = await Hand(town).open()
        await failed.boot()
        await failed.prove(key=P256)
        other = await Hand(town).open()
        await other.boot()
        await shrug(other, "NotImplemented")
        await town.wait(61)
        assert (await failed.boot())["status"] == "Pending"
        await failed.nudged()
        assert (await failed.boot())["status"] == "Accepted"
        assert failed.state == "untrusted"
        first = town.cpo.challenger.visits.of(CS)[0]
        assert first.round is None

    told(story, key=False, require="all", on_unsupported="allow_untrusted")


@pytest.mark.parametrize("habit", [habit for habit in HABITS if habit != "silence"])
def test_one_that_is_doubted_and_does_not_know_the_message_any_more_is_not_borne_with(habit: str) -> None:
    async def story(town: Town) -> None:
        await card(town)
        await town.cpo.identities.trust(CS, True, actor="anna")
        hand = await Hand(town).open(Entrance(address="127.0.0.1"))
        await hand.boot()
        await hand.ask("StartTransaction", START)
        await town.cpo.identities.trust(CS, False, actor="anna")
        await shrug(hand, habit)
        assert hand.state == "doubted"
        asking = asyncio.ensure_future(town.cpo.challenger.challenge(CS, actor="anna"))
        await shrug(hand, habit, 2)
        assert (await asking).step in {"unsupported", "timeout"}
        assert hand.state == "doubted"
        assert "identityNotJudged" not in [event.kind for event in await events(town)]

    told(story, on_unsupported="allow_untrusted")


def test_a_round_that_breaks_at_its_beginning_is_not_open_for_ever() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        visit = town.cpo.challenger.visits.of(CS)[0]
        whole, town.cpo.challenger.visitors = town.cpo.challenger.visitors, Broken()  # type: ignore[assignment]
        with pytest.raises(OSError, match="broken"):
            town.cpo.challenger.ask(visit)
        assert visit.round is None
        town.cpo.challenger.visitors = whole
        visit.standing = Standing.NEW
        await hand.boot()
        await hand.prove()
        assert hand.state == "proven"

    told(story)


class Broken:
    """Knows nothing of anybody."""

    def mute(self, visit: object) -> bool:
        raise OSError("broken")


def test_whose_key_is_enrolled_is_asked_every_time_whatever_somebody_answered_in_its_name() -> None:
    async def story(town: Town) -> None:
        thief = await Hand(town).open()
        await thief.boot()
        await shrug(thief, "NotSupported")
        await thief.hang_up()
        honest = await Hand(town).open()
        await honest.boot()
        await honest.prove()
        assert honest.state == "proven"

    told(story, on_unsupported="allow_untrusted")


@pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
def test_a_2x_station_is_challenged_where_the_operator_says_so(version: str) -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town, version).open()
        assert (await hand.boot())["status"] == "Pending"
        await hand.prove()
        await hand.nudged()
        assert (await hand.boot())["status"] == "Accepted"
        assert hand.state == "proven"

    told(story, ocpp2=True)


@pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
@pytest.mark.parametrize(
    ("wish", "status", "state"),
    [
        ("reject", "Rejected", "failed"),
        ("allow_untrusted", "Accepted", "untrusted"),
        ("fallback", "Rejected", "failed"),
    ],
)
def test_without_that_a_2x_station_with_a_key_counts_as_one_that_cannot(
    version: str, wish: str, status: str, state: str
) -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town, version).open()
        assert (await hand.boot())["status"] == status
        assert hand.state == state
        await town.wait(20)
        assert hand.calls("SignedChallenge") == []
        event = {"eventType": "Started", "timestamp": START["timestamp"], "triggerReason": "CablePluggedIn", "seqNo": 0}
        started = event | {
            "transactionInfo": {"transactionId": "T-1"},
            "idToken": {"idToken": "CARD", "type": "Central"},
        }
        assert (await hand.ask("TransactionEvent", started))[0] == "SecurityError"
        assert await town.cpo.store.transactions() == []

    told(story, on_unsupported=wish)


def test_a_2x_station_that_nothing_is_asked_of_is_let_in_as_ever() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town, "ocpp2.1").open(Entrance(address="192.0.2.10"))
        assert (await hand.boot())["status"] == "Accepted"
        assert hand.state == "trusted"

    told(story, key=False)
