"""The first weeks of an eMSP and of its partners: few customers, pilots, going live. Nobody honest loses a right."""

from datetime import datetime, timedelta

from evouch.autocharge.budget import BudgetTerms, spend
from evouch.autocharge.watch import AlarmKind, WatchTerms
from evouch.testing.clock import VECTOR_TIME
from tests.autocharge.test_watch import HUMAN
from tests.emsp.world import World, play
from tests.proofs import proves

MIDNIGHT = VECTOR_TIME.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def plugged_in(world: World, name: str, hour: datetime, count: int) -> None:
    """An operator asks about the vehicles of an hour, one after the other."""
    account = world.emsp.oracle.accounts.of(name)
    limits = account.limits(world.emsp.partners.known(name).evses, world.terms.budget)
    for number in range(count):
        at = hour + number * timedelta(hours=1) / count
        past = account.earlier(at.date())
        account.keep(spend(limits, account.today, past, at, partner=name)[0])


async def a_day(world: World, plug_ins: dict[str, int], uses: dict[str, int] | None = None) -> set[AlarmKind]:
    """Play a day of these plug-ins by operator, as people come; return what the watch had to say."""
    said: set[AlarmKind] = set()
    begin = world.clock.now().replace(minute=0, second=0, microsecond=0)
    for hour, share in enumerate(HUMAN):
        for name, count in plug_ins.items():
            plugged_in(world, name, begin + timedelta(hours=hour), count * share // 1000)
        world.leap(minutes=59)
        if hour == 12:
            for name, count in (uses or {}).items():
                for _ in range(count):
                    await world.store.commit(world.emsp.oracle.followed(name))
        said |= {each.kind for each in await world.emsp.watch.look()}
        world.leap(minutes=1)
    return said


def untouched(world: World, name: str) -> bool:
    """Whether a partner has its right and its whole budget, and was never refused."""
    account = world.emsp.oracle.accounts.of(name)
    refused = sum(each.refused for each in [*account.past, *([account.today] if account.today else [])])
    return (world.emsp.partners.known(name).sign_allowed, account.share, refused) == (True, 1.0, 0)


@proves("R36")
def test_an_honest_operator_that_goes_live_at_a_new_emsp_keeps_its_right_and_its_budget() -> None:
    async def story(world: World) -> None:
        world.leap(seconds=(MIDNIGHT - world.clock.now()).total_seconds())
        await world.emsp.partners.change("alfa", actor="ann", evses=300)
        await world.emsp.partners.change("beta", actor="ann", evses=50)
        for _ in range(8):  # a pilot with a few stations, and no customer of this eMSP among the cars
            await a_day(world, {"alfa": 20, "beta": 300})
        said = set()
        for day in range(4):  # all stations, and now and then a customer
            said |= await a_day(world, {"alfa": 2000, "beta": 300}, {"alfa": day, "beta": 0})
        assert AlarmKind.GROWTH in said  # people read it
        assert untouched(world, "alfa")
        assert untouched(world, "beta")

    play(story, "alfa", "beta", watch_interval=10**9)


@proves("R36")
def test_few_uses_mean_nothing_where_nobody_has_customers_yet() -> None:
    async def story(world: World) -> None:
        world.leap(seconds=(MIDNIGHT - world.clock.now()).total_seconds())
        for name in ("alfa", "beta"):
            await world.emsp.partners.change(name, actor="ann", evses=300)
        assert await a_day(world, {"alfa": 1500, "beta": 900}) == set()
        assert await a_day(world, {"alfa": 1500, "beta": 900}, {"beta": 40}) == {AlarmKind.RATIO}
        assert untouched(world, "alfa")

    play(story, "alfa", "beta", watch_interval=10**9)


@proves("R36")
def test_who_asks_more_than_its_charging_points_explain_and_uses_nothing_loses_its_right() -> None:
    async def story(world: World) -> None:
        world.leap(seconds=(MIDNIGHT - world.clock.now()).total_seconds())
        for name in ("alfa", "beta"):
            await world.emsp.partners.change(name, actor="ann", evses=100)
        assert AlarmKind.RATIO in await a_day(world, {"alfa": 2500, "beta": 800}, {"beta": 30})
        assert not world.emsp.partners.known("alfa").sign_allowed
        assert untouched(world, "beta")

    play(story, "alfa", "beta", watch_interval=10**9)


def test_what_charging_points_explain_is_what_they_see_on_a_busy_day() -> None:
    assert [BudgetTerms().explained(each) for each in (0, 10, 300)] == [100, 100, 3000]
    assert WatchTerms().least > BudgetTerms().explained(0)
