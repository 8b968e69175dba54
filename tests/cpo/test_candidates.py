"""Several connections in one station's name: who is kept, who takes over, and who is only heard."""

import pytest

from evouch.charging.dialogue import Entrance
from evouch.errors import PeerRefused
from evouch.testing.town import Town
from tests.cpo.hand import CALL, START, Hand
from tests.cpo.test_profiles import mutual
from tests.cpo.unproven import CS, card, told
from tests.proofs import proves
from tests.station.keys import P256


async def proven(town: Town) -> Hand:
    hand = await Hand(town).open()
    await hand.boot()
    await hand.prove()
    await hand.nudged()
    await hand.boot()
    await town.wait(2)
    return hand


@proves("M7")
def test_an_unproven_newcomer_does_not_push_out_a_proven_connection() -> None:
    async def story(town: Town) -> None:
        honest = await proven(town)
        thief = await Hand(town).open()
        assert (await thief.boot())["status"] == "Pending"
        view = town.cpo.challenger.standing(CS)
        assert view is not None
        assert view.candidates == 1
        await thief.prove(key=P256)
        assert thief.close == 1008
        assert honest.state == "proven"
        assert honest.close is None
        assert town.cpo.presence.ready(CS)
        await town.wait(31)
        assert honest.close is None
        assert (await honest.ask("Heartbeat", {}))[0]["currentTime"]

    told(story)


@proves("M7")
def test_a_newcomer_that_says_nothing_is_asked_after_two_seconds_and_gone_before_twenty() -> None:
    async def story(town: Town) -> None:
        await proven(town)
        thief = await Hand(town).open()
        await town.wait(1.9)
        assert not thief.calls("SignedChallenge")
        await thief.challenge(seconds=0.2)
        await town.wait(16)
        assert thief.close == 1008

    told(story)


@proves("M7")
def test_a_newcomer_that_proves_itself_takes_over() -> None:
    async def story(town: Town) -> None:
        await card(town)
        old = await proven(town)
        new = await Hand(town).open()
        await new.boot()
        await new.prove()
        await town.until(lambda: old.close, 1)
        assert old.close == 1000
        assert new.state == "proven"
        await new.nudged()
        assert (await new.boot())["status"] == "Accepted"
        assert town.cpo.presence.ready(CS)
        assert (await new.ask("StartTransaction", START))[0]["idTagInfo"]["status"] == "Accepted"

    told(story)


@proves("M7")
def test_the_honest_one_pushes_out_a_thief_who_came_first() -> None:
    async def story(town: Town) -> None:
        thief = await Hand(town).open()
        await thief.boot()
        honest = await Hand(town).open()
        await honest.boot()
        await honest.prove()
        await town.until(lambda: thief.close, 1)
        assert honest.close is None
        assert honest.state == "proven"
        assert (await honest.boot())["status"] == "Accepted"

    told(story)


@proves("M7")
def test_when_the_proven_connection_ends_the_newcomer_is_heard_in_its_place_and_still_has_to_prove_itself() -> None:
    async def story(town: Town) -> None:
        old = await proven(town)
        new = await Hand(town).open()
        await old.hang_up()
        assert new.state == "new"
        assert not town.cpo.presence.ready(CS)
        await town.wait(10)
        await new.prove()
        assert new.state == "proven"
        assert town.cpo.presence.ready(CS)

    told(story)


@proves("M7")
def test_trust_does_not_push_out_a_proven_connection_but_a_certificate_of_its_own_does() -> None:
    async def story(town: Town) -> None:
        honest = await proven(town)
        await town.cpo.identities.trust(CS, True, actor="anna")
        other = await Hand(town).open(Entrance(address="127.0.0.1"))
        assert (await other.boot())["status"] == "Pending"
        assert honest.close is None
        await other.hang_up()
        await town.cpo.identities.trust(CS, False, actor="anna")
        secure = await Hand(town).open(mutual("CS-1"))
        await town.until(lambda: honest.close, 1)
        assert (await secure.boot())["status"] == "Accepted"
        assert secure.state == "trusted"

    told(story)


@proves("M7")
def test_orders_go_to_the_proven_connection_however_many_wait_beside_it() -> None:
    async def story(town: Town) -> None:
        honest = await proven(town)
        thieves = [await Hand(town).open() for _ in range(3)]
        await town.cpo.stations.call(CS, "ClearCache", {}, actor="anna")
        assert len(honest.calls("ClearCache")) == 1
        for thief in thieves:
            assert {frame[2] for frame in thief.frames if frame[0] == CALL} <= {"SignedChallenge"}

    told(story)


@proves("M7")
def test_a_flood_of_newcomers_is_kept_small_and_the_proven_one_does_not_notice() -> None:
    async def story(town: Town) -> None:
        honest = await proven(town)
        refused = 0
        for _ in range(40):
            try:
                await Hand(town).open()
            except PeerRefused:
                refused += 1
        assert len(town.cpo.challenger.visits.of(CS)) <= 5
        assert (await honest.ask("Heartbeat", {}))[0]["currentTime"]
        await town.wait(60)
        assert len(town.cpo.challenger.visits.of(CS)) == 1
        assert honest.close is None

    told(story)


@proves("M7")
@pytest.mark.parametrize("first", ["StopTransaction", "StartTransaction"])
def test_what_a_candidate_says_of_transactions_is_no_more_believed_than_anybody_elses(first: str) -> None:
    async def story(town: Town) -> None:
        await card(town)
        honest = await proven(town)
        number = (await honest.ask("StartTransaction", START))[0]["transactionId"]
        thief = await Hand(town).open()
        done = {"transactionId": number, "meterStop": 1000, "timestamp": START["timestamp"]}
        thief.send(first, done if first == "StopTransaction" else START)
        await town.wait(20)
        assert len(await town.cpo.store.transactions(active=True)) == 1
        value = {"timestamp": START["timestamp"], "sampledValue": [{"value": "1500"}]}
        metered = {"connectorId": 1, "transactionId": number, "meterValue": [value]}
        assert await honest.ask("MeterValues", metered) == [{}]
        assert (await town.cpo.store.transactions())[0].meter_last == 1500

    told(story)


@pytest.mark.parametrize("act", ["block", "remove"])
def test_who_is_blocked_or_removed_leaves_no_heir(act: str) -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        await hand.prove()
        waiting = [await Hand(town).open() for _ in range(3)]
        await town.wait(0.5)
        if act == "block":
            await town.cpo.stations.block(CS, True, actor="anna")
        else:
            await town.cpo.stations.remove(CS, actor="anna")
        await town.wait(0.5)
        assert all(one.close in {1000, 1008} for one in (hand, *waiting))
        assert town.cpo.challenger.visits.of(CS) == []
        assert town.cpo.presence.get(CS) is None

    told(story)


def test_a_connection_that_was_let_in_just_before_its_station_was_blocked_is_closed() -> None:
    async def story(town: Town) -> None:
        first = await Hand(town).open()
        assert first.state == "trusted"
        town.server.wire(CS).hold()
        late = await Hand(town).open()
        await town.cpo.stations.block(CS, True, actor="anna")
        town.server.wire(CS).release()
        await town.wait(10)
        assert late.close is not None
        assert town.cpo.challenger.visits.of(CS) == []

    told(story, key=False)


def test_a_profile_that_an_operator_raises_is_asked_of_candidates_too() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        await hand.boot()
        await hand.prove()
        waiting = await Hand(town).open()
        await town.wait(0.5)
        await town.cpo.identities.set_profile(CS, 2, actor="anna")
        await town.wait(0.5)
        assert (hand.close, waiting.close) == (1008, 1008)
        assert town.cpo.challenger.visits.of(CS) == []

    told(story)
