"""What an unproven station says about transactions: kept, never lost, and booked only when it is proven."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from evouch.charging.dialogue import Entrance
from evouch.charging.sessions import SessionState
from evouch.cpo import quarantine as module
from evouch.cpo.identity_terms import IdentityTerms
from evouch.cpo.shares import Limit
from evouch.errors import Refused
from evouch.ids import StationId, TransactionId
from evouch.store.memory import MemoryStore
from evouch.store.ports import Put
from evouch.store.records import Quarantined, QuarantineState, Transaction
from evouch.testing.faulty_store import FaultyStore
from evouch.testing.town import Town, on_the_wire
from tests.cpo.hand import START, Hand, reading, stop
from tests.cpo.unproven import CS, card, events, known, told
from tests.proofs import proves
from tests.station.keys import ED25519, P256


async def charging(town: Town) -> int:
    """Let the station prove itself, begin a charge and lose its connection; return the transaction's number."""
    await card(town)
    hand = await Hand(town).open()
    await town.wait(10)
    await hand.prove()
    number: int = (await hand.ask("StartTransaction", START))[0]["transactionId"]
    await hand.hang_up()
    return number


async def transaction(town: Town, number: int) -> Transaction:
    found = await town.cpo.store.transaction(CS, TransactionId(str(number)))
    assert found is not None
    return found


async def states(town: Town) -> list[str]:
    return [one.state for one in await town.cpo.store.quarantined(open=False)]


@proves("M16")
def test_a_queue_that_is_emptied_before_the_proof_is_booked_in_order_after_it() -> None:
    async def story(town: Town) -> None:
        number = await charging(town)
        hand = await Hand(town).open()
        for meter in (2000, 3000, 4000):
            assert await hand.ask("MeterValues", reading(number, meter)) == [{}]
        assert await hand.ask("StopTransaction", stop(number)) == [{}]
        assert await states(town) == ["held"] * 4
        assert (await transaction(town, number)).meter_last == 1000, "nothing of it is believed yet"
        await hand.prove()
        assert await states(town) == ["promoted"] * 4
        record = await transaction(town, number)
        assert (record.state, record.energy) == (SessionState.ENDED, 5000)
        samples = await town.cpo.store.samples(CS, record.id)
        assert [one.reading.energy for one in samples] == [1000, 2000, 3000, 4000, 6000]

    told(story)


@proves("M16")
def test_a_queue_whose_sender_never_proves_itself_waits_for_an_operator() -> None:
    async def story(town: Town) -> None:
        number = await charging(town)
        thief = await Hand(town).open()
        assert await thief.ask("StopTransaction", stop(number, 9999)) == [{}]
        await thief.prove(key=P256)
        await thief.hang_up()
        assert await states(town) == ["kept"]
        honest = await Hand(town).open()
        await town.wait(10)
        await honest.prove()
        record = await transaction(town, number)
        assert record.state is not SessionState.ENDED, "the proof of another connection does not count for it"
        [kept] = await town.cpo.store.quarantined()
        assert (kept.action, kept.station) == ("StopTransaction", CS)
        await town.cpo.quarantine.dismiss(kept.id, actor="anna")
        assert await states(town) == ["dismissed"]
        with pytest.raises(Refused, match="unknownMessage"):
            await town.cpo.quarantine.dismiss(kept.id, actor="anna")
        assert "dismiss quarantined message" in [row.action for row in await town.cpo.store.audit()]

    told(story)


@proves("M16")
def test_an_operator_can_vouch_for_what_was_kept() -> None:
    async def story(town: Town) -> None:
        number = await charging(town)
        hand = await Hand(town).open()
        assert await hand.ask("StopTransaction", stop(number)) == [{}]
        await hand.hang_up()
        [kept] = await town.cpo.store.quarantined()
        await town.cpo.book_quarantined(kept.id, actor="anna")
        assert (await transaction(town, number)).energy == 5000
        assert await states(town) == ["promoted"]

    told(story)


@proves("M16")
@pytest.mark.parametrize("right", [True, False], ids=["proven", "refused"])
def test_a_start_is_held_while_the_challenge_that_it_triggers_runs(right: bool) -> None:
    async def story(town: Town) -> None:
        await card(town)
        hand = await Hand(town).open()
        start = hand.send("StartTransaction", START)
        await hand.challenge()
        await town.wait(5)
        assert hand.answer_to(start) is None
        await hand.prove(key=ED25519 if right else P256)
        answer = hand.answer_to(start)
        assert answer is not None
        if right:
            assert answer[0]["idTagInfo"]["status"] == "Accepted"
            assert (await transaction(town, answer[0]["transactionId"])).meter_start == 1000
            assert await states(town) == []
        else:
            assert answer[0] == "SecurityError"
            assert await town.cpo.store.transactions() == []
            assert await states(town) == ["kept"], "its content is there to be seen"

    told(story)


@proves("M16")
def test_a_start_is_not_held_longer_than_a_station_waits() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        start = hand.send("StartTransaction", START)
        await town.wait(14.9)
        assert hand.answer_to(start) is None
        await town.wait(0.3)
        answer = hand.answer_to(start)
        assert answer is not None
        assert answer[0] == "SecurityError"

    told(story, difficulty=20, ttl=600)


@proves("M16")
def test_a_start_that_is_tried_three_times_goes_through_at_the_third() -> None:
    async def story(town: Town) -> None:
        await card(town)
        hand = await Hand(town).open()
        await town.wait(10)
        await hand.prove(key=P256)
        for _ in range(2):
            assert (await hand.ask("StartTransaction", START))[0] == "SecurityError"
            await town.wait(30)
        third = hand.send("StartTransaction", START)
        await hand.prove(2)
        answer = hand.answer_to(third)
        assert answer is not None
        assert answer[0]["idTagInfo"]["status"] == "Accepted"

    told(story)


@proves("M16")
def test_a_start_behind_queued_messages_comes_after_them() -> None:
    async def story(town: Town) -> None:
        number = await charging(town)
        hand = await Hand(town).open()
        hand.send("StopTransaction", stop(number))
        start = hand.send("StartTransaction", {**START, "timestamp": "2024-05-23T01:00:00Z", "meterStart": 6000})
        await hand.prove()
        await town.wait(0.5)
        answer = hand.answer_to(start)
        assert answer is not None
        assert answer[0]["idTagInfo"]["status"] == "Accepted", (
            "the card is free again: its first charge was ended first"
        )
        assert (await transaction(town, number)).state is SessionState.ENDED

    told(story)


@proves("M16")
def test_readings_without_a_transaction_are_refused() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        clock_aligned = reading(1, 5)
        del clock_aligned["transactionId"]
        assert (await hand.ask("MeterValues", clock_aligned))[0] == "SecurityError"
        assert await states(town) == []

    told(story)


@proves("M16")
def test_quarantine_is_bounded_per_connection_and_beyond_that_the_station_keeps_its_own() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        most = module.PER_CONNECTION.rows
        answers = [await hand.ask("MeterValues", reading(7, n)) for n in range(most + 20)]
        assert answers[:most] == [[{}]] * most
        assert {answer[0] for answer in answers[most:]} == {"SecurityError"}
        assert len(await town.cpo.store.quarantined()) == most
        assert 1 <= len(await events(town, "quarantineFull")) <= 5

    told(story)


@proves("M16")
def test_quarantine_is_bounded_per_station_however_many_connections_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PER_STATION", Limit(70, 10**6))

    async def story(town: Town) -> None:
        for n in range(2):
            await flood(town, f"192.0.2.{n}", 50)
        kept = await town.cpo.store.quarantined(limit=1000)
        assert len(kept) == 70
        await town.cpo.quarantine.dismiss(kept[0].id, actor="anna")
        hand = await Hand(town).open()
        assert await hand.ask("MeterValues", reading(7, 1)) == [{}], "what was decided makes room"

    told(story)


async def flood(town: Town, address: str, messages: int) -> list[str]:
    """Send so many readings over a connection from an address, and hang up; return the answers: "" or a code."""
    hand = await Hand(town).open(Entrance(address=address))
    answers = [await hand.ask("MeterValues", reading(7, n)) for n in range(messages)]
    await hand.hang_up()
    return ["" if answer == [{}] else answer[0] for answer in answers]


@proves("M16")
@pytest.mark.parametrize(
    ("addresses", "network"),
    [
        (["198.51.100.7"] * 3, "one address"),
        (["2001:db8::1", "2001:db8::2", "2001:db8::ffff:3"], "the addresses of one IPv6 network"),
        (["::ffff:198.51.100.7", "198.51.100.7", "::ffff:198.51.100.7"], "one address in two spellings"),
    ],
    ids=["v4", "v6", "mapped"],
)
def test_one_address_does_not_use_up_the_share_of_a_station(
    addresses: list[str], network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PER_ADDRESS", Limit(5, 10**6))

    async def story(town: Town) -> None:
        answers = [await flood(town, address, 4) for address in addresses]
        assert answers == [[""] * 4, ["", *["SecurityError"] * 3], ["SecurityError"] * 4], network
        assert await flood(town, "192.0.2.9", 3) == [""] * 3, "the station has room at its own"
        assert "has had its share" in (await events(town, "quarantineFull"))[0].detail

    told(story)


def test_what_each_address_has_used_is_known_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PER_ADDRESS", Limit(5, 10**6))
    store = MemoryStore()

    async def process() -> list[str]:
        async with on_the_wire(store=store, identity=IdentityTerms()) as town:
            if town.cpo.registry.station(CS) is None:
                await known(town)
            return await flood(town, "198.51.100.7", 4)

    assert [asyncio.run(process()) for _ in range(2)] == [[""] * 4, ["", *["SecurityError"] * 3]]


def long_reading(size: int) -> dict[str, Any]:
    """Return MeterValues whose CALL has about ``size`` bytes."""
    made = reading(7, 1)
    sampled = made["meterValue"][0]["sampledValue"]
    while len(json.dumps(made)) < size - 100:
        sampled.append({"value": "1" * 20})
    return made


@proves("M16")
def test_a_message_that_is_too_long_stays_with_its_station_until_it_is_proven() -> None:
    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        long = long_reading(module.MAX_FRAME + 1000)
        assert (await hand.ask("MeterValues", long))[0] == "SecurityError"
        assert await hand.ask("MeterValues", long_reading(module.MAX_FRAME)) == [{}]
        assert "bytes in one message" in (await events(town, "quarantineFull"))[0].detail
        await hand.prove()
        assert await hand.ask("MeterValues", long) == [{}]

    told(story)


@proves("M16")
@pytest.mark.parametrize("whose", ["PER_CONNECTION", "PER_ADDRESS", "PER_STATION"])
def test_quarantine_is_bounded_by_bytes_too(whose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, whose, Limit(1000, 40_000))

    async def story(town: Town) -> None:
        hand = await Hand(town).open()
        answers = [(await hand.ask("MeterValues", long_reading(15_000)))[0] for _ in range(4)]
        assert answers == [{}, {}, "SecurityError", "SecurityError"]
        assert await hand.ask("MeterValues", reading(7, 1)) == [{}], "a short one has room still"
        assert sum(len(one.frame) for one in await town.cpo.store.quarantined()) <= 40_000

    told(story)


def test_what_is_sent_and_gone_leaves_no_count_behind() -> None:
    async def story(town: Town) -> None:
        for _ in range(5):
            hand = await Hand(town).open()
            hand.send("StartTransaction", START)
            await town.wait(0.1)
            await hand.hang_up()
        await town.wait(20)
        quarantine = town.cpo.quarantine
        assert await states(town) == ["kept"] * 5
        assert quarantine._sent._had == {}
        for one in await town.cpo.store.quarantined():
            await quarantine.dismiss(one.id, actor="anna")
        assert quarantine._waiting._had == quarantine._waiting_from._had == {}

    told(story)


class Unlisted(MemoryStore):
    """Says how much there is and gives one message, but never the list of them."""

    async def quarantined(self, **_which: Any) -> list[Quarantined]:
        raise AssertionError


def test_neither_a_start_nor_a_decision_reads_what_others_sent() -> None:
    async def run() -> None:
        store = Unlisted()
        for _ in range(2):
            async with on_the_wire(store=store, identity=IdentityTerms()) as town:
                if town.cpo.registry.station(CS) is None:
                    await known(town)
                    await flood(town, "192.0.2.9", 3)
                [first, *_] = await store.records(Quarantined)
                if first.state is QuarantineState.KEPT:
                    await town.cpo.quarantine.dismiss(first.id, actor="anna")
        assert [one.state for one in await store.records(Quarantined)] == ["dismissed", "kept", "kept"]

    asyncio.run(run())


async def _kept_end(town: Town) -> tuple[int, str]:
    """Let a charge end over a connection that stays unproven; return the transaction's number and the message's id."""
    number = await charging(town)
    hand = await Hand(town).open()
    assert await hand.ask("StopTransaction", stop(number)) == [{}]
    await hand.hang_up()
    [kept] = await town.cpo.store.quarantined()
    return number, kept.id


@proves("M16")
@pytest.mark.parametrize("acts", [("dismiss",) * 5, ("book",) * 2, ("book", "dismiss"), ("dismiss", "book")])
def test_of_operators_who_decide_at_once_the_first_decides(acts: tuple[str, ...]) -> None:
    async def story(town: Town) -> None:
        number, id = await _kept_end(town)
        await flood(town, "192.0.2.9", 2)
        deciding = [
            town.cpo.book_quarantined(id, actor=f"operator {n}")
            if act == "book"
            else town.cpo.quarantine.dismiss(id, actor=f"operator {n}")
            for n, act in enumerate(acts)
        ]
        first, *others = await asyncio.gather(*deciding, return_exceptions=True)
        assert first is None
        assert {str(other) for other in others} == {"unknownMessage"}
        ended = (await transaction(town, number)).state is SessionState.ENDED
        assert ended is (acts[0] == "book")
        assert (await states(town))[0] == ("promoted" if ended else "dismissed")
        assert [row.actor for row in await town.cpo.store.audit() if "quarantined" in row.action] == ["operator 0"]
        assert town.cpo.quarantine._waiting._had[CS][0] == 2, "the two that nobody has decided on"

    told(story)


@pytest.mark.parametrize(
    "frame",
    [
        b"no json", b"7", b'[2,"1","StopTransaction"]', b'[2,"1","NoSuchThing",{}]', b'[2,"1","StopTransaction",{}]',
        b'[2,"1","StopTransaction",5]', b'[2,"1",7,{}]', b'[2,"1",{},{}]', b'[2,"1","Heartbeat",{}]',
    ],
)  # fmt: skip
def test_what_was_kept_and_cannot_be_read_any_more_is_not_bookable(frame: bytes) -> None:
    async def story(town: Town) -> None:
        _, id = await _kept_end(town)
        [kept] = await town.cpo.store.quarantined()
        await town.cpo.store.commit(Put(replace(kept, frame=frame)))
        with pytest.raises(Refused, match="notBookable"):
            await town.cpo.book_quarantined(id, actor="anna")
        assert await states(town) == ["kept"]

    told(story)


def test_what_was_held_when_the_operator_was_restarted_is_an_operators() -> None:
    store = MemoryStore()

    async def before() -> None:
        async with on_the_wire(store=store) as town:
            await known(town)
            hand = await Hand(town).open()
            assert await hand.ask("MeterValues", reading(7, 1)) == [{}]
            assert await states(town) == ["held"]
            store.commit = _broken  # type: ignore[method-assign]  # the process dies before it can say anything

    async def _broken(*_changes: object) -> None:
        await asyncio.sleep(0)

    async def after() -> None:
        del store.commit
        async with on_the_wire(store=store) as town:
            [kept] = await town.cpo.store.quarantined()
            assert kept.state is QuarantineState.KEPT

    asyncio.run(before())
    asyncio.run(after())


def test_what_cannot_be_written_is_not_acknowledged() -> None:
    async def run() -> None:
        faulty = FaultyStore(MemoryStore(), fail_at=0)
        async with on_the_wire(store=faulty) as town:
            await known(town)
            hand = await Hand(town).open()
            faulty.fail_in(1, stays_down=False)
            assert (await hand.ask("StopTransaction", stop(7)))[0] != {}
            assert await hand.ask("StopTransaction", stop(7)) == [{}]
            assert len(await town.cpo.store.quarantined(station=StationId("CS-1"))) == 1

    asyncio.run(run())


@pytest.mark.parametrize("version", ["ocpp2.0.1", "ocpp2.1"])
def test_transaction_events_of_2x_are_kept_and_booked_too(version: str) -> None:
    async def story(town: Town) -> None:
        await card(town)
        hand = await Hand(town, version).open()
        base = {
            "timestamp": START["timestamp"],
            "transactionInfo": {"transactionId": "T-1"},
            "triggerReason": "Trigger",
        }
        updated = base | {"eventType": "Updated", "seqNo": 1}
        assert await hand.ask("TransactionEvent", updated) == [{}]
        asks = base | {"eventType": "Updated", "seqNo": 2, "idToken": {"idToken": "CARD", "type": "Central"}}
        held = hand.send("TransactionEvent", asks)
        await town.wait(1)
        assert hand.answer_to(held) is None, "a token asks for energy, whatever the event is called"
        await hand.prove()
        answer = hand.answer_to(held)
        assert answer is not None
        assert answer[0]["idTokenInfo"]["status"] == "Accepted"
        assert [one.id for one in await town.cpo.store.transactions()] == ["T-1"]
        assert await states(town) == ["promoted"]

    told(story, ocpp2=True)
