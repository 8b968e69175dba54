"""Days of an eMSP in seconds: honest operators, one that tries a maker's addresses out, and what the limits leave it.

The eMSP is whole, with its records in memory and a clock that is turned by hand; every signature
is made. Each operator has four weeks behind it, and comes by day: one in twenty of those that it
asks about is the eMSP's customer. Sizes, hours and chances are the same in every run.
"""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

from bench.operators import EMSP, Operator, oprf_key
from bench.peers.sign_server import Nowhere
from evouch.autocharge.budget import BudgetTerms, Limits, SignDay, spend
from evouch.emsp.app import Emsp
from evouch.emsp.terms import EmspTerms
from evouch.ids import KeyBytes
from evouch.ocpi.ports import OcpiRefusal
from evouch.oprf.client import blind
from evouch.store.memory import MemoryStore
from evouch.store.ports import Put
from evouch.store.records import SecurityEvent
from evouch.testing.clock import ManualClock, SeededEntropy

__all__ = ["OUI", "Outcome", "days_for", "swept"]

#: Addresses of one maker's prefix.
OUI: Final = 2**24
#: The day that is lived through, and those before it that are on record.
DAY: Final = date(2026, 11, 20)
PAST: Final = 28
MINUTES: Final = 24 * 60
#: Plug-ins of an EVSE a day: busy, and below what a budget takes for normal.
PLUG_INS: Final = 5
#: Signs for each car that is a customer's.
PER_USE: Final = 20
#: Share of a day's plug-ins in each hour (UTC).
HOURS: Final = tuple(
    each / 100 for each in (1, 1, 1, 1, 1, 2, 3, 5, 6, 5, 5, 5, 6, 5, 5, 6, 7, 8, 8, 7, 5, 3, 2, 2)
)  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """What became of one day. Times are minutes since the sweep began; None: it did not come to that."""

    signed: int = 0
    refused: int = 0
    alarm: int | None = None
    suspended: int | None = None
    #: signs, refusals and alarms of all honest operators together
    honest_signed: int = 0
    honest_refused: int = 0
    honest_alarms: list[str] = field(default_factory=list)


class Days:
    """An eMSP with its operators; the first one sweeps."""

    def __init__(self, operators: list[Operator]) -> None:
        self.operators, self.sweeper = operators, operators[0]
        self.clock, self.entropy = (
            ManualClock(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)),
            SeededEntropy("bench"),
        )
        self.store = MemoryStore()
        self.chance = random.Random(20)  # the same traffic in every run
        self.elements = [blind(bytes([0, 0, 0, 0, 0, each]), self.entropy)[1].hex() for each in range(64)]
        self.outcome = Outcome()

    async def live(self, minutes: int, pace: float) -> Outcome:
        """Let ``minutes`` go by, in which the sweeper also asks ``pace`` times a minute."""
        await self.store.commit(Put(oprf_key()), *(Put(each.partner) for each in self.operators))
        await self.store.commit(*(Put(day) for each in self.operators for day in _past(each)))
        terms = EmspTerms(party=EMSP, name="Bench", base_url="http://127.0.0.1:1")
        self.emsp = Emsp(
            store=self.store, terms=terms, clock=self.clock, entropy=self.entropy, transport=Nowhere(),
            pepper=KeyBytes(bytes(32)),
        )  # fmt: skip
        await self.emsp.load()
        running = asyncio.create_task(self.emsp.run())
        due = 0.0
        for minute in range(minutes):
            await self._business(minute)
            due += pace
            for _ in range(int(due)):
                await self._sweep()
            due -= int(due)
            await self.clock.advance(60)
            await self._look(minute + 1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return self.outcome

    async def _business(self, minute: int) -> None:
        """Have every operator plug in what comes in a minute like this."""
        for operator in self.operators:
            expected = operator.evses * PLUG_INS * HOURS[minute // 60 % 24] / 60
            for _ in range(int(expected) + (self.chance.random() < expected % 1)):
                signed = await self._asks(operator)
                if operator is not self.sweeper:
                    self.outcome.honest_signed += signed
                    self.outcome.honest_refused += not signed
                if signed and self.chance.random() < 1 / PER_USE:
                    await self.store.commit(self.emsp.oracle.followed(operator.id))

    async def _sweep(self) -> None:
        if await self._asks(self.sweeper):
            self.outcome.signed += 1
        else:
            self.outcome.refused += 1

    async def _asks(self, operator: Operator) -> bool:
        partner = self.emsp.partners.known(operator.id)
        try:
            await self.emsp.oracle.sign(partner, self.chance.choice(self.elements))
        except OcpiRefusal:
            return False
        return True

    async def _look(self, minute: int) -> None:
        """Note what the watch has found by now."""
        found = [each.detail for each in await self.store.records(SecurityEvent)]
        mine = f"{self.sweeper.id}:"
        if self.outcome.alarm is None and any(each.startswith(mine) for each in found):
            self.outcome.alarm = minute
        if self.outcome.suspended is None and not self.emsp.partners.known(self.sweeper.id).sign_allowed:
            self.outcome.suspended = minute
        self.outcome.honest_alarms = [each for each in found if not each.startswith(mine)]


def _past(operator: Operator) -> list[SignDay]:
    """Return four weeks of an operator's asking."""
    usual = operator.evses * PLUG_INS
    return [
        SignDay(
            partner=operator.id, day=DAY - timedelta(days=back), signed=usual, followed=usual // PER_USE,
            hours=tuple(int(usual * share) for share in HOURS),
        )
        for back in range(PAST, 0, -1)
    ]  # fmt: skip


def swept(sizes: tuple[int, ...], minutes: int, pace: float) -> Outcome:
    """Live through a day with operators of these sizes, of which the first sweeps ``pace`` addresses a minute."""
    operators = [Operator.several(1, size, prefix=f"of-{number}")[0] for number, size in enumerate(sizes)]
    return asyncio.run(Days(operators).live(minutes, pace))


def days_for(evses: int, addresses: int = OUI) -> int:
    """Return in how many days an operator of this size can have so many addresses signed, taking all it is given.

    Nothing but the limits is in its way: it asks about no car of its own, and the watch is blind.
    """
    limits = Limits.for_evses(evses, BudgetTerms())
    at, past, left, days = datetime(2026, 1, 1, 23, 0, tzinfo=UTC), list[SignDay](), addresses, 0
    while left > 0:
        granted = _granted(limits, past[-400:], at)
        past.append(SignDay(partner="one", day=at.date(), signed=granted))
        left, days, at = left - granted, days + 1, at + timedelta(days=1)
    return days


def _granted(limits: Limits, past: list[SignDay], at: datetime) -> int:
    """Return the most that may be signed on one day: what the budget itself says, by halving."""
    low, high = 0, limits.per_day + 1
    while high - low > 1:
        middle = (low + high) // 2
        day = SignDay(partner="one", day=at.date(), signed=middle - 1)
        low, high = (middle, high) if spend(limits, day, past, at, partner="one")[1] <= 0 else (low, middle)
    return low
