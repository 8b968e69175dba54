"""A connection that is not believed any more: it may end what it charges, begins nothing, and is closed then."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from evouch.cpo.identity_terms import IdentityTerms
from evouch.identity.keys import PrivateKey
from evouch.store.memory import MemoryStore
from evouch.store.ports import Change
from evouch.store.records import Quarantined, QuarantineState
from evouch.testing.town import Town, on_the_wire
from tests.cpo.hand import START, TIME, Hand, stop
from tests.cpo.unproven import CS, card, known, told
from tests.proofs import proves
from tests.station.keys import ED25519, P256

VERSIONS_2 = ("ocpp2.0.1", "ocpp2.1")


class SlowStore(MemoryStore):
    """Takes its time to write that a message was played in: until ``go`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def commit(self, *changes: Change) -> None:
        records = [change.record for change in changes]
        if any(isinstance(one, Quarantined) and one.state is QuarantineState.PROMOTED for one in records):
            await self.go.wait()
        await super().commit(*changes)


async def asked_again(town: Town, hand: Hand, count: int, key: PrivateKey) -> None:
    """Have an operator ask for the ``count``-th proof, and answer it with ``key``."""
    asking = asyncio.ensure_future(town.cpo.challenger.challenge(CS, actor="anna"))
    await hand.prove(count, key=key)
    await asking


def slowly(story: Callable[[Town, SlowStore, Hand], Coroutine[Any, Any, None]]) -> None:
    """Tell a story of a charging station that has proved itself, while what it said before is still being played in."""

    async def run() -> None:
        store = SlowStore()
        async with on_the_wire(store=store, identity=IdentityTerms()) as town:
            await known(town)
            await card(town)
            hand = await Hand(town).open()
            await town.wait(10)
            await hand.prove()
            await hand.ask("StartTransaction", START)
            await hand.hang_up()
            hand = await Hand(town).open()
            assert await hand.ask("StopTransaction", stop(77)) == [{}]
            await hand.prove()
            await story(town, store, hand)

    asyncio.run(run())


@proves("M18")
def test_one_proven_doubted_and_proven_while_its_queue_is_played_in_answers_everything() -> None:
    async def story(town: Town, store: SlowStore, hand: Hand) -> None:
        first = hand.send("StopTransaction", stop(78))
        await town.wait(0.1)
        await asked_again(town, hand, 2, P256)
        assert hand.state == "doubted"
        await asked_again(town, hand, 3, ED25519)
        assert hand.state == "proven"
        second = hand.send("StopTransaction", stop(79))
        store.go.set()
        await town.wait(1)
        assert (hand.answer_to(first), hand.answer_to(second)) == ([{}], [{}])

    slowly(story)


@proves("M18")
def test_a_start_that_waited_for_the_queue_of_one_that_is_doubted_by_then_is_refused() -> None:
    async def story(town: Town, store: SlowStore, hand: Hand) -> None:
        start = hand.send("StartTransaction", {**START, "connectorId": 2, "meterStart": 5})
        await town.wait(0.1)
        await asked_again(town, hand, 2, P256)
        store.go.set()
        await town.wait(1)
        answer = hand.answer_to(start)
        assert answer is not None
        assert answer[0] == "SecurityError"
        assert len(await town.cpo.store.transactions()) == 1

    slowly(story)


def event(kind: str, transaction: str, number: int = 0, **more: Any) -> dict[str, Any]:
    base = {"eventType": kind, "timestamp": TIME, "triggerReason": "MeterValuePeriodic", "seqNo": number}
    return base | {"transactionInfo": {"transactionId": transaction}, "evse": {"id": 1, "connectorId": 1}} | more


@proves("M18")
@pytest.mark.parametrize("kind", ["Updated", "Ended"])
@pytest.mark.parametrize("version", VERSIONS_2)
def test_a_doubted_connection_opens_no_transaction_by_speaking_of_one(version: str, kind: str) -> None:
    async def story(town: Town) -> None:
        await card(town)
        hand = await Hand(town, version).open()
        await hand.boot()
        await hand.prove()
        await hand.boot()
        await hand.ask("TransactionEvent", event("Started", "T1", idToken={"idToken": "CARD", "type": "ISO14443"}))
        await asked_again(town, hand, 2, P256)
        assert hand.state == "doubted"
        assert (await hand.ask("TransactionEvent", event(kind, "T2", 1)))[0] == "SecurityError"
        assert [one.id for one in await town.cpo.store.transactions()] == ["T1"]
        assert len(await hand.ask("TransactionEvent", event("Updated", "T1", 1))) == 1, "its own goes on"
        assert len(await hand.ask("TransactionEvent", event("Ended", "T1", 2))) == 1
        await town.until(lambda: hand.close, 15)
        assert hand.close == 1008

    told(story, ocpp2=True)
