"""The sign oracle: what it answers, how often, to whom; and what a sweep of one maker's addresses meets."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from evouch.autocharge.budget import BudgetTerms, Limits, SignDay, spend
from evouch.autocharge.watch import WatchTerms, judge
from evouch.emsp.accounts import Account, Accounts
from evouch.errors import PeerRefused
from evouch.ocpi.model import VEHICLE_TOKEN
from evouch.ocpi.partner import Quirks
from evouch.oprf.client import blind
from evouch.oprf.element import uncompress
from evouch.store.memory import MemoryStore
from evouch.testing.clock import VECTOR_TIME, SeededEntropy
from tests.emsp.world import BAD_ELEMENTS, VID, Faulty, Operator, World, element, play, refused
from tests.proofs import proves

#: Six at once, and no more than twelve in a minute.
SMALL = BudgetTerms(burst=6, minute_factor=1.0, least_evses=1)
#: What makes a sweep of twenty addresses one, without a thousand of them.
SWEEP: dict[str, Any] = {
    "watch": WatchTerms(least=15, ratio_most=18.0), "budget": BudgetTerms(plug_ins=1, day_factor=100.0),
}  # fmt: skip
MAC = b"\x0c\x29\x8f\x00\x00\x01"


async def today(world: World, partner: str = "alfa") -> SignDay:
    await world.emsp.oracle.flush()
    days: list[SignDay] = await world.store.sign_days(world.clock.now().date())
    return next(day for day in days if day.partner == partner)


async def signs(operator: Operator, count: int) -> list[str]:
    return [await operator.sign() for _ in range(count)]


@proves("S10", "R24")
def test_an_element_in_either_form_is_answered_in_that_form_and_makes_the_same_vid() -> None:
    async def story(world: World) -> None:
        kept, blinded = blind(MAC, SeededEntropy("one"))
        outputs = set()
        for sent in (blinded.hex(), blinded.hex().upper(), uncompress(blinded).hex()):
            for path in ("oprf/sign", "vehicles/oprf/sign"):
                status, answer, _ = await world.alfa.ask("POST", path, {"blinded_element": sent})
                evaluated = answer["data"]["evaluated_element"]
                assert (200, 1000, len(sent)) == (status, answer["status_code"], len(evaluated))
                outputs.add(kept.finish(bytes.fromhex(evaluated)))
        assert 1 == len(outputs)

    play(story)


@proves("R24", "R25", "A11")
@pytest.mark.parametrize("sent", BAD_ELEMENTS)
def test_what_is_no_element_is_refused_with_2001_and_counted(sent: str) -> None:
    async def story(world: World) -> None:
        status, answer, _ = await world.alfa.ask("POST", "oprf/sign", {"blinded_element": sent})
        assert (200, 2001, None) == (status, answer["status_code"], answer.get("data"))
        day = await today(world)
        assert (1, 1, 0) == (day.invalid, day.signed, day.valid)

    play(story)


@proves("R36", "A11")
def test_who_asks_too_often_is_answered_429_with_the_time_to_wait() -> None:
    async def story(world: World) -> None:
        body = {"blinded_element": element(world.alfa.entropy)}
        assert ["signed"] * 6 + ["too often"] * 3 == await signs(world.alfa, 9)
        status, answer, headers = await world.alfa.ask("POST", "oprf/sign", body)
        assert (429, 2900) == (status, answer["status_code"])
        await world.pass_time(seconds=int(headers["retry-after"]))
        assert "signed" == await world.alfa.sign()
        await world.emsp.partners.change("alfa", actor="ann", quirks=Quirks(limited_with_200=True))
        await signs(world.alfa, 6)
        status, answer, _ = await world.alfa.ask("POST", "oprf/sign", body)
        assert (200, 2900) == (status, answer["status_code"])

    play(story, budget=SMALL)


@proves("R36")
def test_a_restart_forgives_nothing() -> None:
    async def story(world: World) -> None:
        await signs(world.alfa, 6)
        await world.restart()
        assert "too often" == await world.alfa.sign()
        await world.pass_time(minutes=2)
        assert "signed" == await world.alfa.sign()
        assert 7 == (await today(world)).signed

    play(story, budget=SMALL)


@proves("R36")
def test_a_signature_is_never_given_before_it_is_counted() -> None:
    async def played() -> None:
        store = Faulty(MemoryStore(), fail_at=0)
        world = await World.new(store=store)
        await world.alfa.sign()
        store.fail_in(1, stays_down=False)
        with pytest.raises(PeerRefused) as refusal:
            await world.alfa.client.sign(world.alfa.partner(), blind(MAC, world.alfa.entropy)[1], by=world.alfa.by())
        assert "3000" == refusal.value.code
        assert "signed" == await world.alfa.sign()
        assert 3 == (await today(world)).signed  # the one that failed is spent: it may have been seen
        await world.stop()

    asyncio.run(played())


@proves("R36")
@pytest.mark.parametrize("broken", [False, True])
def test_what_was_counted_last_on_a_day_is_in_the_store_on_the_next(*, broken: bool) -> None:
    async def played() -> None:
        store = Faulty(MemoryStore(), fail_at=0)
        world = await World.new(store=store, budget=SMALL)
        now = world.clock.now()
        world.leap(seconds=(now.replace(hour=23, minute=59, second=59) - now).total_seconds())
        if broken:
            store.fail_in(1, stays_down=False)
        await asyncio.gather(*(refused(world.emsp.oracle.sign(world.emsp.partners.known("alfa"), each)) for each in (
            element(world.alfa.entropy, bytes([0, 0, 0, 0, 0, each])) for each in range(9)
        )))  # fmt: skip
        world.leap(seconds=2)
        assert "too often" == await world.alfa.sign()  # a burst does not begin anew with the day
        world.leap(seconds=60)
        assert "signed" == await world.alfa.sign()
        days: list[SignDay] = await world.store.sign_days(now.date())
        assert [(6, 3), (1, 1)] == [(each.signed, each.refused) for each in days]
        await world.stop()

    asyncio.run(played())


@proves("R36")
def test_the_budget_of_one_partner_is_nobody_elses() -> None:
    async def story(world: World) -> None:
        alfa, beta = world.operators["alfa"], world.operators["beta"]
        await signs(alfa, 9)
        assert ["signed"] * 6 == await signs(beta, 6)

    play(story, "alfa", "beta", budget=SMALL)


@proves("R36")
def test_a_hundred_at_once_are_counted_one_by_one_and_written_together() -> None:
    async def story(world: World) -> None:
        commits = 0
        write = world.store.commit

        async def counted(*changes: Any) -> None:
            nonlocal commits
            commits += 1
            await write(*changes)

        world.store.commit = counted
        sent = [element(world.alfa.entropy, bytes([0, 0, 0, 0, 0, each])) for each in range(100)]
        partner = world.emsp.partners.known("alfa")
        outcomes = await asyncio.gather(*(refused(world.emsp.oracle.sign(partner, each)) for each in sent))
        assert (20, 80) == (outcomes.count(""), outcomes.count("2900"))
        assert commits <= 3
        day = await today(world)
        assert (20, 80) == (day.signed, day.refused)

    play(story)


def test_the_size_of_a_budget_is_that_of_the_partner_as_far_as_it_is_believed() -> None:
    async def story(world: World) -> None:
        alfa = world.alfa
        assert 0 == world.emsp.partners.known("alfa").evses
        await world.pass_time(minutes=1)
        assert 6 == world.emsp.partners.known("alfa").evses
        path = f"{alfa.party.country}/{alfa.party.party}/HUGE"
        huge = alfa.location("HUGE", evses=40)
        await alfa.client.put_object(alfa.partner(), "locations", path, huge, by=alfa.by())
        await world.pass_time(minutes=1)
        assert 10 == world.emsp.partners.known("alfa").evses
        await world.emsp.partners.change("alfa", actor="ann", evses=5000)
        await world.emsp.places.count(world.emsp.partners.known("alfa"))
        assert 5000 == world.emsp.partners.known("alfa").evses

    play(story, most_shown_evses=10)


# ── suspended, by staff or by the watch ──


@proves("R36")
def test_who_is_suspended_is_told_nothing_but_not_now_and_everything_else_goes_on() -> None:
    async def story(world: World) -> None:
        await world.bound()
        await world.emsp.watch.suspend("alfa", actor="ann", reason="looks odd")
        good = await world.alfa.ask("POST", "oprf/sign", {"blinded_element": element(world.alfa.entropy)})
        bad = await world.alfa.ask("POST", "oprf/sign", {"blinded_element": "00"})
        assert (429, 2900) == (good[0], good[1]["status_code"])
        assert {k: v for k, v in good[1].items() if k != "timestamp"} == {
            k: v for k, v in bad[1].items() if k != "timestamp"
        }
        assert "odd" not in str(good[1])
        assert "ALLOWED" == await world.alfa.verdict()
        assert "reasonMissing" == await refused(world.emsp.watch.lift("alfa", actor="ann", reason=""))
        await world.emsp.watch.lift("alfa", actor="ann", reason="asked them")
        assert "signed" == await world.alfa.sign()
        said = [(each.actor, each.action) for each in await world.emsp.desk.audit()]
        assert ("ann", "change partner: sign_allowed, sign_reason") in said

    play(story)


@proves("R36")
def test_a_sweep_is_seen_throttled_and_suspended_and_its_neighbour_goes_on() -> None:
    async def story(world: World) -> None:
        rogue, honest = world.operators["rogue"], world.operators["honest"]
        for _ in range(3):
            for _ in range(20):
                await rogue.sign()
                await honest.sign()
            for _ in range(6):
                world.emsp.oracle.followed("honest")
            await world.pass_time(minutes=15)
        kinds = {each.detail.partition(":")[0] for each in await world.emsp.desk.alarms()}
        assert {"rogue"} == kinds
        assert "too often" == await rogue.sign()
        assert "signed" == await honest.sign()
        partner = world.emsp.partners.known("rogue")
        assert (False, "watch") == (
            partner.sign_allowed, next(each.actor for each in await world.emsp.desk.audit() if each.subject == "rogue")
        )  # fmt: skip
        await world.emsp.watch.lift("rogue", actor="ann", reason="a test of theirs")
        await rogue.sign()
        await world.pass_time(minutes=50)
        assert world.emsp.partners.known("rogue").sign_allowed

    play(story, "rogue", "honest", **SWEEP, watch_patience=2)


async def sweep(world: World, rogue: Operator, looks: int) -> None:
    """Ask much, and make no use of it, for so many looks of the watch."""
    for _ in range(looks):
        for _ in range(20):
            await rogue.sign()
        await world.pass_time(minutes=15)


def test_a_restart_of_ours_forgives_a_sweep_nothing() -> None:
    async def story(world: World) -> None:
        await sweep(world, world.alfa, 2)
        await world.restart()
        assert world.emsp.oracle.accounts.of("alfa").share < 1
        await world.emsp.watch.look()  # nothing was asked since: that is no further look
        assert world.emsp.partners.known("alfa").sign_allowed
        await sweep(world, world.alfa, 1)
        assert not world.emsp.partners.known("alfa").sign_allowed

    play(story, **SWEEP, watch_patience=3)


def test_nor_does_it_take_back_what_staff_have_forgiven() -> None:
    async def story(world: World) -> None:
        await sweep(world, world.alfa, 1)
        assert not world.emsp.partners.known("alfa").sign_allowed
        await world.emsp.watch.lift("alfa", actor="ann", reason="a test of theirs")
        await world.restart()
        await sweep(world, world.alfa, 2)
        assert world.emsp.partners.known("alfa").sign_allowed
        assert world.emsp.oracle.accounts.of("alfa").share == 1
        await world.pass_time(hours=24)
        await sweep(world, world.alfa, 1)
        assert not world.emsp.partners.known("alfa").sign_allowed

    play(story, **SWEEP, watch_patience=1)


@proves("R36")
def test_invalid_elements_are_an_alarm() -> None:
    async def story(world: World) -> None:
        for _ in range(20):
            await world.alfa.ask("POST", "oprf/sign", {"blinded_element": "00"})
        await world.emsp.watch.look()
        (alarm,) = world.emsp.watch.alarms
        assert ("alfa", "invalid elements") == (alarm.partner, alarm.kind.value)
        await world.emsp.watch.look()
        assert 1 == len(await world.emsp.desk.alarms())  # once a day

    play(story)


@proves("R36")
def test_a_sweep_of_one_prefix_ends_soon_and_fifty_honest_operators_notice_nothing() -> None:
    """One partner of 300 EVSEs tries 2^24 addresses as fast as it can; fifty do what operators do."""
    accounts, limits, small = Accounts(MemoryStore()), Limits.for_evses(300), Limits.for_evses(100)
    rogue, honest = accounts.of("rogue"), [accounts.of(f"honest{each}") for each in range(50)]
    at, look, alarmed = VECTOR_TIME.replace(hour=0, minute=0, second=0), timedelta(minutes=15), []
    for now in (at + each * look for each in range(36)):
        for account in honest:  # five plug-ins in a quarter of an hour
            ask(account, small, now, 5)
        for minute in range(15):
            ask(rogue, limits, now + minute * timedelta(minutes=1), 25)
        found = judge([each.today for each in accounts.all() if each.today], now + look)
        alarmed += [(each.partner, now + look - at) for each in found]
    day = rogue.today
    assert day is not None
    assert (limits.per_day, True) == (day.signed, day.refused > 0)
    assert day.signed / 2**24 < 0.002
    assert {"rogue"} == {partner for partner, _ in alarmed}
    assert min(after for _, after in alarmed) <= timedelta(minutes=30)
    assert all(each.today is not None and each.today.refused == 0 for each in honest)


def ask(account: Account, limits: Limits, at: Any, count: int) -> None:
    """Ask often, all at once."""
    for _ in range(count):
        account.keep(spend(limits, account.today, (), at, partner=account.partner)[0])


def test_a_year_is_added_up_once_a_day_and_says_the_same() -> None:
    account = Account("alfa", MemoryStore())
    first = VECTOR_TIME.date() - timedelta(days=400)
    for day in range(400):
        account.keep(SignDay(partner="alfa", day=first + timedelta(days=day), signed=day))
    whole = [*account.past, *([account.today] if account.today else [])]
    account.past, account.today = whole, None
    for caps in ((10, 10**6), (10**6, 10), (10**6, 10**6), (11_385 + 30, 10**6)):
        limits = Limits(burst=5, per_minute=5, per_day=5, per_month=caps[0], per_year=caps[1])
        plain = spend(limits, None, whole, VECTOR_TIME, partner="alfa")
        assert plain == spend(limits, None, account.earlier(VECTOR_TIME.date()), VECTOR_TIME, partner="alfa")


@proves("R36")
def test_a_charge_is_counted_once_as_use_however_often_it_is_told() -> None:
    async def story(world: World) -> None:
        await world.alfa.sign()
        await world.bound()  # a card's session is told when it begins and ends, and its vehicle is bound
        assert 1 == (await today(world)).followed
        await world.alfa.sign()
        await world.pass_time(hours=1)
        assert "ALLOWED" == await world.alfa.verdict()
        assert 1 == (await today(world)).followed  # asking costs a prober nothing: it is no use
        await world.alfa.put(world.alfa.session("S2", VID, kind=VEHICLE_TOKEN))
        assert (2, 2) == ((await today(world)).valid, (await today(world)).followed)

    play(story)
