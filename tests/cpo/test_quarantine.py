"""What an unproven station says about transactions: kept, never lost, and booked only when it is proven."""

import asyncio

import pytest

from evouch.charging.sessions import SessionState
from evouch.cpo import quarantine as module
from evouch.errors import Refused
from evouch.ids import StationId, TransactionId
from evouch.store.memory import MemoryStore
from evouch.store.records import QuarantineState, Transaction
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
        answers = [await hand.ask("MeterValues", reading(7, n)) for n in range(module.PER_CONNECTION + 20)]
        assert answers[: module.PER_CONNECTION] == [[{}]] * module.PER_CONNECTION
        assert {answer[0] for answer in answers[module.PER_CONNECTION :]} == {"SecurityError"}
        assert len(await town.cpo.store.quarantined()) == module.PER_CONNECTION
        assert 1 <= len(await events(town, "quarantineFull")) <= 5

    told(story)


@proves("M16")
def test_quarantine_is_bounded_per_station_however_many_connections_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PER_STATION", 70)

    async def story(town: Town) -> None:
        for _ in range(2):
            hand = await Hand(town).open()
            for n in range(module.PER_CONNECTION):
                await hand.ask("MeterValues", reading(7, n))
            await hand.hang_up()
        kept = await town.cpo.store.quarantined(limit=1000)
        assert len(kept) == 70
        await town.cpo.quarantine.dismiss(kept[0].id, actor="anna")
        hand = await Hand(town).open()
        assert await hand.ask("MeterValues", reading(7, 1)) == [{}], "what was decided makes room"

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
