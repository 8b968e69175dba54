"""Whatever an attacker and an honest station do, in whatever order: one gains nothing, the other loses nothing.

Both speak in the name of one station, over the real door. The attacker knows everything but
the key. What is checked after each step and at the end is what the operator believes.
"""

import asyncio
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from evouch.charging.sessions import SessionState
from evouch.cpo.identity_terms import IdentityTerms
from evouch.errors import EvouchError
from evouch.ids import TransactionId
from evouch.testing.town import Town, on_the_wire
from evouch.units import format_time
from tests.cpo.hand import CALL, RESULT, START, Hand, reading, stop
from tests.cpo.unproven import CS, card, known
from tests.proofs import proves
from tests.station.keys import P256

HONEST = ["connect", "arrive", "arrive", "boot", "prove", "start", "start", "meter", "stop", "leave", "beat"]
THIEF = ["connect", "boot", "prove wrong", "replay", "start", "meter", "stop", "refuse", "leave", "swarm", "authorize"]
TIME = ["1", "11", "16", "61"]
STEPS = [
    *(("honest", what) for what in HONEST * 2),
    *(("thief", what) for what in THIEF),
    *(("time", seconds) for seconds in TIME),
]
steps = st.lists(st.sampled_from(STEPS), min_size=20, max_size=40)


class Play:
    """One story. ``said`` is what the honest station was told that its backend has, by transaction."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.honest: Hand | None = None
        self.thief: Hand | None = None
        self.number = 0
        self.meter = 1000
        #: transaction → register at its end, as it was acknowledged
        self.ended: dict[int, int] = {}
        self.queue: list[tuple[str, dict[str, Any]]] = []
        self.proofs: list[dict[str, Any]] = []

    def alive(self, hand: Hand | None) -> bool:
        return hand is not None and hand.close is None

    async def step(self, who: str, what: str) -> None:
        if who == "time":
            await self.town.wait(float(what))
        elif who == "honest":
            await self.honestly(what)
        else:
            await self.maliciously(what)
        await self.town.wait(0)

    # ── the honest one: as a firmware does, it keeps what was not acknowledged ──

    async def honestly(self, what: str) -> None:
        if what in {"connect", "arrive", "start"} and not self.alive(self.honest):
            self.honest = await self.opened()
            if what != "connect" and self.honest is not None:
                await self.town.wait(10)
                await self.answer(self.honest, keep=True)
        hand = self.honest
        if what in {"meter", "stop"} and self.number:
            await self.measure(what)
        if hand is None or hand.close is not None:
            return
        match what:
            case "boot":
                await self.asked(hand, "BootNotification", {"chargePointModel": "M", "chargePointVendor": "V"})
            case "beat":
                assert await self.asked(hand, "Heartbeat", {}) is not None or hand.close is not None
            case "prove":
                await self.answer(hand, keep=True)
            case "leave":
                await hand.hang_up()
            case "start" if not self.number:
                await self.start(hand)
            case "meter" | "stop":
                await self.empty(hand)

    async def measure(self, what: str) -> None:
        """Go on with the charge, or end it, connected or not."""
        self.meter += 100
        if what == "meter":
            self.queue.append(("MeterValues", reading(self.number, self.meter)))
            return
        self.queue.append(("StopTransaction", stop(self.number, self.meter)))
        self.ended[self.number] = self.meter
        self.number = 0

    async def start(self, hand: Hand) -> None:
        now = format_time(self.town.world.clock.now())
        begun = {"connectorId": 1, "idTag": "CARD", "meterStart": self.meter, "timestamp": now}
        id = hand.send("StartTransaction", begun)
        await self.town.wait(0.1)
        if hand.answer_to(id) is None and hand.calls("SignedChallenge"):
            await self.answer(hand, keep=True)
        await self.town.wait(16)
        answer = hand.answer_to(id)
        if answer is not None and len(answer) == 1:
            assert self.town.cpo.challenger.visits.live(CS) is not None
            self.number = answer[0]["transactionId"]

    async def empty(self, hand: Hand) -> None:
        """Send the queue, as far as it is acknowledged."""
        while self.queue:
            if await self.asked(hand, *self.queue[0]) is None:
                return
            self.queue.pop(0)

    async def asked(self, hand: Hand, action: str, payload: Any) -> Any:
        """Return the answer, None where there was none or it was an error."""
        id = hand.send(action, payload)
        await self.town.wait(0.1)
        answer = hand.answer_to(id)
        return answer[0] if answer is not None and len(answer) == 1 else None

    async def answer(self, hand: Hand, *, keep: bool = False, **how: Any) -> None:
        """Answer the last challenge, if there is one."""
        challenges = hand.calls("SignedChallenge")
        if challenges:
            document = hand.proof(challenges[-1], **how)
            if keep:
                self.proofs.append(document)
            hand.write([RESULT, challenges[-1][1], document])
            await self.town.wait(0.1)

    async def opened(self) -> Hand | None:
        try:
            return await Hand(self.town).open()
        except EvouchError:
            return None

    # ── the thief: everything but the key ──

    async def maliciously(self, what: str) -> None:
        if what == "swarm":
            for _ in range(6):
                await self.opened()
            return
        if what != "leave" and not self.alive(self.thief):
            self.thief = await self.opened()
        hand = self.thief
        if hand is None or hand.close is not None:
            return
        challenges = hand.calls("SignedChallenge")
        match what:
            case "boot":
                await self.asked(hand, "BootNotification", {"chargePointModel": "X", "chargePointVendor": "Thief"})
            case "prove wrong":
                await self.answer(hand, key=P256)
            case "replay" if challenges and self.proofs:
                hand.write([RESULT, challenges[-1][1], self.proofs[-1]])
            case "refuse" if challenges:
                hand.write([4, challenges[-1][1], "NotImplemented", "", {}])
            case "start":
                hand.send("StartTransaction", {**START, "meterStart": 1})
            case "meter":
                await self.asked(hand, "MeterValues", reading(self.number or 1, 999_999))
            case "stop":
                await self.asked(hand, "StopTransaction", stop(self.number or 1, 999_999))
            case "authorize":
                assert await self.asked(hand, "Authorize", {"idTag": "CARD"}) is None
            case "leave":
                await hand.hang_up()
        await self.town.wait(0.1)
        self.nothing_for_the_thief(hand)

    def nothing_for_the_thief(self, hand: Hand) -> None:
        for frame in hand.frames:
            if frame[0] == RESULT:
                assert "transactionId" not in frame[2], "a transaction for a thief"
                assert frame[2].get("status") != "Accepted", "accepted without a proof"
                assert "idTagInfo" not in frame[2]
            if frame[0] == CALL:
                assert frame[2] == "SignedChallenge"

    # ── what must hold ──

    async def believed(self) -> None:
        """No transaction but the honest one's, and nothing that the thief said of them."""
        for one in await self.town.cpo.store.transactions():
            assert one.meter_last is None or one.meter_last < 100_000
        record = self.town.cpo.registry.station(CS)
        assert record is not None
        assert record.vendor != "Thief"

    async def rest(self) -> None:
        """Let the honest station come back, prove itself and empty its queue; an operator books what is left."""
        if self.honest is not None and self.honest.close is None:
            await self.honest.hang_up()
        if self.thief is not None and self.thief.close is None:
            await self.thief.hang_up()
        await self.town.wait(61)
        hand = await Hand(self.town).open()
        await self.asked(hand, "BootNotification", {"chargePointModel": "M", "chargePointVendor": "V"})
        await hand.prove()
        assert hand.state == "proven"
        await self.empty(hand)
        assert self.queue == []
        for kept in await self.town.cpo.store.quarantined():
            if kept.action == "StopTransaction" and b"999999" not in kept.frame:
                await self.town.cpo.book_quarantined(kept.id, actor="anna")
        for number, meter in self.ended.items():
            record = await self.town.cpo.store.transaction(CS, TransactionId(str(number)))
            assert record is not None
            assert (record.state, record.meter_last) == (SessionState.ENDED, meter), "lost"
        await self.believed()


@proves("W13", "M7", "M16")
@settings(
    max_examples=80, deadline=None, derandomize=True, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
@given(plan=steps)
def test_an_attacker_gains_nothing_and_the_honest_station_loses_nothing(plan: list[tuple[str, str]]) -> None:
    async def run() -> None:
        terms = IdentityTerms(on_unsupported="allow_untrusted")
        async with on_the_wire(identity=terms) as town:
            await known(town)
            await card(town)
            await first_proof(town)
            play = Play(town)
            for who, what in plan:
                await play.step(who, what)
                await play.believed()
            await play.rest()

    asyncio.run(run())


async def first_proof(town: Town) -> None:
    """Let the station have proved itself once, so that no policy takes it for one that cannot."""
    hand = await Hand(town).open()
    await hand.boot()
    await hand.prove()
    await hand.hang_up()
