"""Partners are told what changed; who was away is told how things stand, not what he missed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from evouch.charging.agenda import Agenda
from evouch.errors import Offline, PeerRefused
from evouch.ocpi.partner import Partner, PartnerState, PartnerSync, Role
from evouch.ocpi.polling import Polling, PollTerms
from evouch.ocpi.pushing import SLACK, Pusher, PushTerms, settle_refusal
from evouch.store.ports import StoreFailed
from evouch.testing.clock import ManualClock, SeededEntropy, settle
from tests.proofs import proves

PARTNER = Partner(id="p", role=Role.EMSP, state=PartnerState.REGISTERED)
AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Away:
    """A partner that takes states of objects, unless it is away or refuses."""

    clock: ManualClock
    error: Exception | None = None
    has: dict[str, str] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)
    #: how things stand with us, and since when
    ours: dict[str, str] = field(default_factory=dict)
    resent: list[datetime] = field(default_factory=list)
    synced: list[PartnerSync] = field(default_factory=list)
    #: as we know it now
    partner: Partner | None = PARTNER

    async def take(self, key: str, state: str) -> None:
        self.tried.append(f"{key}={state}")
        if self.error is not None:
            raise self.error
        self.has[key] = state

    async def resend(self, partner: Partner, module: str, since: datetime) -> None:
        self.resent.append(since)
        for key, state in list(self.ours.items()):
            await settle_refusal(lambda key=key, state=state: self.take(key, state))  # type: ignore[misc]

    async def save(self, sync: PartnerSync) -> None:
        self.synced.append(sync)

    def push(self, pusher: Pusher, key: str, state: str) -> None:
        self.ours[key] = state
        pusher.push(PARTNER, "sessions", key, lambda: self.take(key, state))


@asynccontextmanager
async def pushing(terms: PushTerms | None = None) -> AsyncIterator[tuple[Away, Pusher, ManualClock]]:
    clock = ManualClock(AT)
    agenda, away = Agenda(clock), Away(clock)
    pusher = Pusher(
        clock, SeededEntropy(), agenda, find=lambda _: away.partner, save=away.save, resend=away.resend, terms=terms
    )
    running = asyncio.ensure_future(agenda.run())
    await settle()
    try:
        yield away, pusher, clock
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_a_change_is_sent_at_once() -> None:
    async with pushing() as (away, pusher, _):
        away.push(pusher, "s1", "ACTIVE")
        await settle()
        assert {"s1": "ACTIVE"} == away.has
        assert (AT, None) == (pusher.states()[0].succeeded_at, pusher.states()[0].dirty_since)


async def test_of_changes_that_wait_for_one_object_only_the_last_is_sent() -> None:
    async with pushing() as (away, pusher, _):
        for state in ("PENDING", "ACTIVE", "COMPLETED"):
            away.push(pusher, "s1", state)
        await settle()
        assert ["s1=COMPLETED"] == away.tried


async def test_two_states_of_one_object_are_never_on_their_way_at_once() -> None:
    async with pushing() as (_away, pusher, clock):
        order: list[str] = []

        async def slow(state: str) -> None:
            order.append(f"+{state}")
            await clock.sleep_until(clock.tick() + 5)  # type: ignore[arg-type]
            order.append(f"-{state}")

        pusher.push(PARTNER, "sessions", "s1", lambda: slow("a"))
        await settle()
        pusher.push(PARTNER, "sessions", "s1", lambda: slow("b"))
        pusher.push(PARTNER, "sessions", "s2", lambda: slow("c"))
        await clock.advance(20)
        assert order.index("-a") < order.index("+b")
        assert order.index("+c") < order.index("-a")


@proves("A24")
async def test_a_moment_of_absence_is_bridged_by_a_few_tries_within_seconds() -> None:
    async with pushing() as (away, pusher, clock):
        away.error = Offline("away")
        away.push(pusher, "s1", "ACTIVE")
        await clock.advance(0.5)
        away.error = None
        await clock.advance(6)
        assert ({"s1": "ACTIVE"}, []) == (away.has, away.resent)


@proves("A24")
async def test_who_was_away_gets_the_current_state_and_never_the_old_message() -> None:
    async with pushing() as (away, pusher, clock):
        away.error = Offline("away")
        away.push(pusher, "s1", "ACTIVE")
        await clock.advance(10)
        assert 3 == len(away.tried)
        (state,) = pusher.states()
        assert (AT - SLACK, "no answer: Offline") == (state.dirty_since, state.failure)
        assert away.synced[-1].dirty_since is not None
        away.ours["s1"] = "COMPLETED"
        away.error = None
        await clock.advance(60)
        assert {"s1": "COMPLETED"} == away.has
        assert "s1=ACTIVE" not in away.tried[3:]
        assert [AT - SLACK] == away.resent
        assert (None, "") == (pusher.states()[0].dirty_since, away.synced[-1].failure)


async def test_the_first_push_that_gets_through_brings_the_rest() -> None:
    async with pushing(PushTerms(first_probe=10_000, longest_probe=10_000)) as (away, pusher, clock):
        away.error = Offline("away")
        away.push(pusher, "s1", "ACTIVE")
        await clock.advance(10)
        away.error = None
        away.push(pusher, "s2", "PENDING")
        await clock.advance(1)
        assert {"s1": "ACTIVE", "s2": "PENDING"} == away.has


async def test_a_partner_that_is_away_costs_one_try_per_change_and_probes_that_grow_rare() -> None:
    async with pushing() as (away, pusher, clock):
        away.error = Offline("away")
        away.push(pusher, "s1", "ACTIVE")
        await clock.advance(10)
        before = len(away.tried)
        away.push(pusher, "s2", "ACTIVE")
        await clock.advance(1)
        assert before + 1 == len(away.tried)
        await clock.advance(86_400)
        assert 90 < len(away.resent) < 140


async def test_what_is_missed_while_catching_up_keeps_the_lane_dirty() -> None:
    async with pushing() as (away, pusher, clock):
        away.error = Offline("away")
        away.push(pusher, "s1", "ACTIVE")
        await clock.advance(10)
        plain = away.take

        async def stumbling(key: str, state: str) -> None:
            if key == "s1" and "s2" not in away.ours:
                away.push(pusher, "s2", "PENDING")
                await settle()
                away.error = None
            await plain(key, state)

        away.take = stumbling  # type: ignore[method-assign]
        await clock.advance(35)
        missed = pusher.states()[0].dirty_since
        assert missed is not None
        assert missed > AT - SLACK
        await clock.advance(120)
        assert ({"s1": "ACTIVE", "s2": "PENDING"}, None) == (away.has, pusher.states()[0].dirty_since)


async def test_an_object_that_is_refused_for_good_is_not_sent_again_and_stops_nothing() -> None:
    async with pushing() as (away, pusher, clock):
        away.error = PeerRefused("2001", "no", {"http": 200})
        away.push(pusher, "s1", "ACTIVE")
        await clock.advance(3600)
        assert (["s1=ACTIVE"], []) == (away.tried, away.resent)
        assert (None, "refused: 2001") == (pusher.states()[0].dirty_since, pusher.states()[0].failure)


async def test_who_asks_to_be_left_alone_is_left_alone() -> None:
    async with pushing() as (away, pusher, clock):
        away.error = PeerRefused("http 429", "", {"http": 429, "retryAfter": 600})
        away.push(pusher, "s1", "ACTIVE")
        await clock.advance(440)
        assert (1, 0) == (len(away.tried), len(away.resent))
        await clock.advance(320)
        assert 1 == len(away.resent)


async def test_more_changes_than_may_wait_make_the_partner_dirty_and_nothing_else() -> None:
    async with pushing(PushTerms(waiting=2, width=1)) as (away, pusher, clock):
        for number in range(5):
            away.push(pusher, f"s{number}", "ACTIVE")
        await clock.advance(60)
        assert 5 == len(away.has)
        assert 1 == len(away.resent)


async def test_after_a_restart_everything_since_the_last_noted_success_is_sent_again() -> None:
    async with pushing() as (away, pusher, clock):
        away.ours = {"s1": "COMPLETED"}
        noted = AT - timedelta(hours=1)
        pusher.load([PartnerSync(partner="p", module="sessions", succeeded_at=noted)])
        await clock.advance(60)
        assert ([noted], {"s1": "COMPLETED"}) == (away.resent, away.has)


async def test_an_operator_can_have_everything_sent_again_and_a_partner_forgotten() -> None:
    async with pushing() as (away, pusher, _clock):
        away.ours = {"s1": "ACTIVE"}
        await pusher.resync(PARTNER, "sessions", AT - timedelta(days=1))
        assert {"s1": "ACTIVE"} == away.has
        pusher.forget("p")
        assert [] == pusher.states()


async def test_what_is_wrong_with_one_object_does_not_stop_the_others() -> None:
    async with pushing(PushTerms(width=1)) as (away, pusher, clock):
        away.error = ValueError("a bug")
        away.push(pusher, "s1", "ACTIVE")
        away.push(pusher, "s2", "ACTIVE")
        await clock.advance(1)
        assert ["s1=ACTIVE", "s2=ACTIVE"] == away.tried


async def test_what_our_own_store_failed_to_send_is_sent_once_the_store_is_back() -> None:
    async with pushing() as (away, pusher, clock):
        away.error = StoreFailed("the disk is full")
        away.push(pusher, "s1", "ACTIVE")
        await clock.advance(1)
        assert (AT - SLACK, "ours: StoreFailed") == (pusher.states()[0].dirty_since, pusher.states()[0].failure)
        await clock.advance(40)  # a probe, and the store is still away
        assert [AT - SLACK] == away.resent
        away.error = None
        await clock.advance(300)
        assert {"s1": "ACTIVE"} == away.has
        assert [None] == [each.dirty_since for each in pusher.states()]


# ── polling ──


@dataclass
class Shelf:
    """A partner's list."""

    latest: datetime | None = None
    error: Exception | None = None
    asked: list[tuple[datetime | None, datetime]] = field(default_factory=list)
    synced: list[PartnerSync] = field(default_factory=list)


@asynccontextmanager
async def polling(terms: PollTerms | None = None, seed: str = "") -> AsyncIterator[tuple[Shelf, Polling, ManualClock]]:
    clock, shelf = ManualClock(AT), Shelf()

    async def read(partner: Partner, module: str, since: datetime | None) -> datetime | None:
        shelf.asked.append((since, clock.now()))
        if shelf.error is not None:
            raise shelf.error
        return shelf.latest

    async def save(sync: PartnerSync) -> None:
        shelf.synced.append(sync)

    agenda = Agenda(clock)
    lists = Polling(clock, SeededEntropy(seed), agenda, find=lambda _: PARTNER, save=save, read=read, terms=terms)
    running = asyncio.ensure_future(agenda.run())
    await settle()
    try:
        yield shelf, lists, clock
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@proves("S11", "A24")
async def test_a_list_is_read_again_from_the_latest_change_on_minus_an_overlap() -> None:
    async with polling() as (shelf, lists, clock):
        shelf.latest = AT - timedelta(days=3)
        lists.start(PARTNER, "vehicles")
        await clock.advance(120)
        await clock.advance(9 * 3600)
        assert [None, shelf.latest - timedelta(minutes=5)] == [since for since, _ in shelf.asked]
        assert shelf.latest == shelf.synced[-1].watermark


async def test_readings_come_within_hours_and_chance_spreads_them() -> None:
    moments = set()
    for seed in "abcdef":
        async with polling(seed=seed) as (shelf, lists, clock):
            lists.load([PartnerSync(partner="p", module="vehicles", succeeded_at=AT)])
            lists.start(PARTNER, "vehicles")
            await clock.advance(8 * 3600)
            moments.add(shelf.asked[0][1])
    assert 6 == len(moments)
    assert all(timedelta(hours=4) < each - AT < timedelta(hours=8) for each in moments)


async def test_a_reading_that_breaks_off_moves_no_watermark_and_is_tried_again_sooner() -> None:
    async with polling() as (shelf, lists, clock):
        shelf.error = Offline("away")
        lists.start(PARTNER, "vehicles")
        await clock.advance(300)
        assert 2 <= len(shelf.asked) <= 4
        assert (None, "no answer: Offline") == (lists.states()[0].watermark, lists.states()[0].failure)
        shelf.error, shelf.latest = None, AT
        await clock.advance(600)
        assert (AT, "") == (lists.states()[0].watermark, lists.states()[0].failure)


async def test_a_list_can_be_read_on_demand_in_part_and_as_a_whole() -> None:
    async with polling() as (shelf, lists, _):
        shelf.latest = AT
        await lists.poll(PARTNER, "vehicles")
        await lists.poll(PARTNER, "vehicles")
        await lists.poll(PARTNER, "vehicles", whole=True)
        assert [None, AT - timedelta(minutes=5), None] == [since for since, _ in shelf.asked]
        shelf.error = PeerRefused("http 500")
        with pytest.raises(PeerRefused):
            await lists.poll(PARTNER, "vehicles")


async def test_an_older_list_does_not_move_the_watermark_back_and_an_empty_one_leaves_it() -> None:
    async with polling() as (shelf, lists, _):
        for shelf.latest in (AT, AT - timedelta(days=1), None):
            await lists.poll(PARTNER, "vehicles")
        assert AT == lists.states()[0].watermark


async def test_a_partner_that_has_gone_is_not_read() -> None:
    async with polling() as (shelf, lists, clock):
        lists._find = lambda _: replace(PARTNER, state=PartnerState.ENDED)
        lists.start(PARTNER, "vehicles")
        await clock.advance(86_400)
        assert [] == shelf.asked
        lists.stop("p")


async def test_who_is_no_partner_any_more_is_sent_nothing_that_waits_and_everything_if_it_comes_back() -> None:
    async with pushing() as (away, pusher, clock):
        away.error = Offline("away")
        away.push(pusher, "s1", "ACTIVE")
        await clock.advance(0.5)
        away.partner, away.error = replace(PARTNER, state=PartnerState.ENDED), None
        away.push(pusher, "s2", "ACTIVE")
        await clock.advance(3600)
        assert ["s1=ACTIVE"] == away.tried
        away.partner = PARTNER
        away.push(pusher, "s3", "ACTIVE")
        await clock.advance(1)
        assert {"s1": "ACTIVE", "s2": "ACTIVE", "s3": "ACTIVE"} == away.has


async def test_of_a_partner_that_was_forgotten_nothing_is_written_down_any_more() -> None:
    async with pushing() as (away, pusher, clock):
        away.error = Offline("away")
        away.push(pusher, "s1", "ACTIVE")
        await clock.advance(0.5)
        away.partner = None
        pusher.forget("p")
        await clock.advance(3600)
        assert [] == away.synced
        assert [] == pusher.states()


async def test_a_list_of_a_new_partner_is_read_within_seconds_also_if_it_was_one_before() -> None:
    async with polling() as (shelf, lists, clock):
        lists.start(PARTNER, "tokens")
        await clock.advance(4)
        lists.start(PARTNER, "tokens", new=True)
        await clock.advance(4)
        assert 2 == len(shelf.asked)
        lists.start(PARTNER, "tokens")
        await clock.advance(3600)
        assert 2 == len(shelf.asked)


async def test_a_partner_of_the_name_of_one_that_was_forgotten_is_read_from_the_beginning() -> None:
    async with polling() as (shelf, lists, clock):
        shelf.latest = AT
        lists.start(PARTNER, "tokens")
        await clock.advance(4)
        lists.forget("p")
        assert [] == lists.states()
        await clock.advance(24 * 3600)
        assert 1 == len(shelf.asked)
        lists.start(PARTNER, "tokens")
        await clock.advance(4)
        assert [None, None] == [since for since, _ in shelf.asked]
