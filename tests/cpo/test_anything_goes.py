"""Random drivers, a random station, a provider and a disk that fail, and an operator that is killed at random.

Whatever happens in whatever order: nobody is charged more than was held, the books balance,
a code opens one payment at most, every payment that is under way has a promise that will
end it, and in the end nothing is blocked, running or unpaid.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from evouch.charging import dialogue as d
from evouch.charging.equipment import ConnectorStatus
from evouch.charging.tokens import Limit
from evouch.errors import EvouchError, Offline, TimedOut
from evouch.psp.sandbox.faults import Fault
from evouch.store.memory import MemoryStore
from evouch.store.records import Code
from evouch.testing.faulty_store import FaultyStore
from evouch.testing.stations import PlainStation
from evouch.units import Money, Wh
from evouch.webpayment import ledger
from evouch.webpayment.checkout import Checkout
from tests.cpo.plays import VERSIONS, expect_peace, holds
from tests.cpo.town import Town, living, town

CARDS = ("4242424242424242", "4000000000000002", "4000002500003155")
START_ANSWERS: dict[str, Any] = {
    "accepted": None,
    "rejected": d.StartAnswer(accepted=False, reason="Rejected"),
    "silent": TimedOut("no answer"),
    "offline": Offline("gone"),
}
LIMITS = (Limit(), Limit(max_energy=Wh(2_000)), Limit(max_cost=Money.of("1.50", "EUR")), Limit(max_time=300))
#: What a payment under way may be waiting for.
PROMISES = ("lock", "look", "start", "plug", "cap", "stop", "overdue", "provider", "doubt", "resume")


class AnythingGoes(RuleBasedStateMachine):
    """One station with one EVSE, as many drivers as come."""

    place: Town
    station: PlainStation

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.lives = AsyncExitStack()
        self.beneath = MemoryStore()
        self.store = FaultyStore(self.beneath, fail_at=10**9)
        self.checkouts: list[Checkout] = []
        self.running = ""
        self.started = 0

    def do(self, act: Awaitable[Any]) -> Any:
        """Do something; whatever is refused is refused."""

        async def go() -> Any:
            try:
                return await act
            except EvouchError:
                return None

        return self.loop.run_until_complete(go())

    def later(self, seconds: float = 0.1) -> None:
        self.loop.run_until_complete(self.place.clock.advance(seconds))

    @initialize(version=st.sampled_from(VERSIONS))
    def begin(self, version: str) -> None:
        async def go() -> None:
            self.place = await self.lives.enter_async_context(town(self.store))
            self.station = await self.place.station(version=version)

        self.loop.run_until_complete(go())

    # ── drivers ──

    @rule(limit=st.sampled_from(LIMITS), offset=st.sampled_from((-1, 0, 1)))
    def a_driver_scans_and_begins(self, limit: Limit, offset: int) -> None:
        async def go() -> None:
            claim = self.place.claim(code=self.place.code(offset=offset))
            offer = self.place.cpo.payments.offer(claim, browser="b", address="a")
            tries = [self.place.cpo.payments.begin(offer.grant, browser="b", limit=limit) for _ in range(2)]
            for result in await asyncio.gather(*tries, return_exceptions=True):
                if isinstance(result, Checkout):
                    self.checkouts.append(result)

        self.do(go())

    @precondition(lambda self: not self.running)
    @rule(limit=st.sampled_from(LIMITS))
    def a_driver_pays_and_charges(self, limit: Limit) -> None:
        if self.station.id not in self.place.stations.connected:
            self.do(self.station.arrive(boot=False))
        self.later(31)  # the next code
        self.a_driver_scans_and_begins(limit, 0)
        if self.checkouts:
            self.the_last_driver_types_a_card(CARDS[0])
        if self.station.got(d.StartCharging):
            self.the_station_starts(which=0, twice=False, named=True)

    @precondition(lambda self: self.checkouts)
    @rule(card=st.sampled_from(CARDS))
    def the_last_driver_types_a_card(self, card: str) -> None:
        self.do(self.place.psp.pay(self.checkouts[-1].psp_ref, card))
        self.later()

    @precondition(lambda self: self.checkouts)
    @rule(yes=st.booleans())
    def the_bank_is_answered(self, yes: bool) -> None:
        self.do(self.place.psp.confirm(self.checkouts[-1].psp_ref, yes=yes))
        self.later()

    @precondition(lambda self: self.checkouts)
    @rule(what=st.sampled_from(("cancel", "stop", "returned", "again", "cancel at the provider", "expire")))
    def the_last_driver_presses(self, what: str) -> None:
        last, payments = self.checkouts[-1], self.place.cpo.payments
        acts: dict[str, Any] = {
            "cancel": lambda: payments.cancel(last.payment),
            "stop": lambda: payments.stop(last.payment),
            "returned": lambda: payments.returned(last.payment),
            "again": lambda: payments.again(last.payment),
            "cancel at the provider": lambda: self.place.psp.cancel(last.psp_ref),
            "expire": lambda: self.place.psp.expire(last.psp_ref),
        }
        self.do(acts[what]())
        self.later()

    # ── the station ──

    @rule(how=st.sampled_from(sorted(START_ANSWERS)))
    def the_station_will_answer_starts(self, how: str) -> None:
        self.station.answers[d.StartCharging] = START_ANSWERS[how]

    @precondition(lambda self: not self.running and self.station.got(d.StartCharging))
    @rule(which=st.integers(0, 1), twice=st.booleans(), named=st.booleans())
    def the_station_starts(self, which: int, twice: bool, named: bool) -> None:
        orders = self.station.got(d.StartCharging)
        order = orders[max(0, len(orders) - 1 - which)]
        self.started += 1
        remote = order.remote_start if named else None
        for _ in range(1 + twice):
            answer = self.do(self.station.start(order.token, transaction=f"T-{self.started}", remote=remote))
            if answer is not None:
                self.running = str(answer.transaction or f"T-{self.started}")
        self.later()

    @precondition(lambda self: self.running)
    @rule(wh=st.integers(-500, 3_000), seconds=st.integers(0, 60))
    def energy_flows(self, wh: int, seconds: int) -> None:
        self.later(seconds)
        self.do(self.station.meter(self.running, wh))

    @precondition(lambda self: self.running)
    @rule(wh=st.integers(0, 1_000), twice=st.booleans())
    def the_charge_ends(self, wh: int, twice: bool) -> None:
        answers = [self.do(self.station.end(self.running, wh))]
        if twice:
            answers.append(self.do(self.station.end(self.running, 0)))
        if any(answer is not None for answer in answers):
            self.running = ""
        self.later()

    @rule(boot=st.booleans())
    def the_station_comes_back(self, boot: bool) -> None:
        if self.station.id in self.place.stations.connected:
            self.station.leave()
        self.do(self.station.arrive(boot=boot))
        self.later(2)

    @rule()
    def the_station_is_lost(self) -> None:
        if self.station.id in self.place.stations.connected:
            self.station.leave()

    @rule(status=st.sampled_from((ConnectorStatus.PREPARING, ConnectorStatus.AVAILABLE)))
    def the_connector_changes(self, status: ConnectorStatus) -> None:
        self.do(self.station.status(status))
        self.later()

    # ── the world ──

    @rule(
        fault=st.sampled_from((Fault.LOSE_REQUEST, Fault.LOSE_ANSWER, Fault.SERVER_ERROR, Fault.REFUSE_CAPTURE)),
        operation=st.sampled_from(("hold", "look", "capture", "release")),
    )
    def the_provider_will_fail(self, fault: Fault, operation: str) -> None:
        self.place.psp.arm(fault, "capture" if fault is Fault.REFUSE_CAPTURE else operation)

    @rule(fault=st.sampled_from((Fault.WEBHOOK_LOST, Fault.WEBHOOK_DOUBLED, Fault.WEBHOOK_LATE, Fault.WEBHOOK_FORGED)))
    def a_webhook_will_go_wrong(self, fault: Fault) -> None:
        self.place.psp.arm(fault)

    @rule(seconds=st.sampled_from((1, 10, 31, 100, 301)))
    def time_passes(self, seconds: int) -> None:
        self.later(seconds)

    @rule(commits=st.integers(1, 6), kept=st.booleans())
    def the_disk_will_stumble(self, commits: int, kept: bool) -> None:
        self.store.fail_in(commits, kept=kept, stays_down=False)

    @rule()
    def the_operator_is_killed(self) -> None:
        async def go() -> None:
            await self.lives.aclose()
            self.store.fail_in(10**9)
            self.place = self.place.restarted()
            await self.lives.enter_async_context(living(self.place))
            self.station._backend = self.place.cpo.backend
            await self.station.arrive(boot=False)

        self.loop.run_until_complete(go())
        self.later(0)

    # ── what holds at every moment ──

    @invariant()
    def nobody_pays_more_than_was_held_and_the_books_balance(self) -> None:
        if not hasattr(self, "place"):
            return
        for hold in holds(self.place.psp):
            assert 0 <= hold.captured_minor <= hold.minor <= 3_000

        async def books() -> None:
            codes = await self.beneath.records(Code)
            assert len({code.payment for code in codes}) == len(codes)
            for checkout in await self.beneath.checkouts():
                entries = await self.beneath.entries(checkout.payment)
                assert not sum(one.amount for one in ledger.balance(entries).values())
                assert checkout.captured is None or checkout.captured <= checkout.hold

        self.loop.run_until_complete(books())

    @invariant()
    def every_payment_under_way_has_a_promise_that_ends_it(self) -> None:
        if not hasattr(self, "place"):
            return
        self.later(0)
        cpo = self.place.cpo
        for checkout in cpo.checkouts.active():
            assert any(cpo.agenda.promised((name, checkout.payment)) for name in PROMISES), checkout

    def teardown(self) -> None:
        async def rest() -> None:
            self.store.fail_in(10**9)
            self.place.psp.faults.clear()
            self.station.answers.clear()
            await self.station.arrive(boot=False)
            await self.place.clock.advance(10)
            if self.running:
                await self.station.end(self.running)
            await self.place.clock.advance(1_000)
            await expect_peace(self.beneath, self.place.psp)
            assert self.place.cpo.sessions.all() == []

        try:
            if hasattr(self, "place"):
                self.loop.run_until_complete(rest())
        finally:
            self.loop.run_until_complete(self.lives.aclose())
            self.loop.close()


TestAnythingGoes = AnythingGoes.TestCase
TestAnythingGoes.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, derandomize=True,
    phases=(Phase.generate,),  # shrinking a story of coroutines takes longer than reading it
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)  # fmt: skip
