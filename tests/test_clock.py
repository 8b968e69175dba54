"""Time and chance: the machine's own, and the ones that tests move by hand."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from evouch.clock import Clock, Entropy, SystemClock, SystemEntropy, Tick, base32_id
from evouch.testing.clock import ManualClock, SeededEntropy


def _both() -> tuple[list[Clock], list[Entropy]]:
    """The doubles fit the ports: checked by mypy, and here by being used as such."""
    return [SystemClock(), ManualClock()], [SystemEntropy(), SeededEntropy()]


def test_now_is_aware_and_in_utc() -> None:
    for clock in _both()[0]:
        assert clock.now().tzinfo is UTC
    assert abs(SystemClock().now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_tick_never_goes_back() -> None:
    clock = SystemClock()
    ticks = [clock.tick() for _ in range(100)]
    assert ticks == sorted(ticks)
    assert abs(clock.tick() - time.monotonic()) < 5


def test_a_moment_that_has_passed_is_not_waited_for() -> None:
    async def story() -> None:
        for clock in _both()[0]:
            await asyncio.wait_for(clock.sleep_until(Tick(clock.tick() - 3600)), 1)
            await asyncio.wait_for(clock.sleep_until(clock.tick()), 1)

    asyncio.run(story())


def test_the_manual_clock_wakes_sleepers_in_order_and_shows_each_its_moment() -> None:
    async def story() -> None:
        clock = ManualClock()
        start, seen = clock.tick(), []

        async def sleeper(after: float) -> None:
            await clock.sleep_until(Tick(start + after))
            seen.append((after, clock.tick() - start))

        tasks = [asyncio.create_task(sleeper(after)) for after in (30, 10, 20, 10)]
        await clock.advance(25)
        assert seen == [(10, 10), (10, 10), (20, 20)]
        assert clock.tick() - start == 25
        await clock.advance(5)
        await asyncio.gather(*tasks)
        assert seen[-1] == (30, 30)

    asyncio.run(story())


def test_a_corrected_wall_clock_moves_no_deadline() -> None:
    clock = ManualClock()
    tick, now = clock.tick(), clock.now()
    clock.step_wall(-3600)
    assert clock.tick() == tick
    assert now - clock.now() == timedelta(hours=1)


def test_wall_clock_and_ticks_advance_together() -> None:
    async def story() -> None:
        clock = ManualClock()
        now = clock.now()
        await clock.advance(90)
        assert clock.now() - now == timedelta(seconds=90)

    asyncio.run(story())


def test_chance_gives_as_many_bytes_as_asked_and_never_twice_the_same() -> None:
    for entropy in _both()[1]:
        assert [len(entropy.bytes(count)) for count in (0, 1, 16, 100)] == [0, 1, 16, 100]
        assert len({entropy.id() for _ in range(1000)}) == 1000


def test_seeded_chance_repeats_itself() -> None:
    assert [SeededEntropy("a").id() for _ in range(2)] == [SeededEntropy("a").id()] * 2
    assert SeededEntropy("a").id() != SeededEntropy("b").id()


@given(st.binary(min_size=16, max_size=16))
def test_an_id_is_26_characters_that_fit_everywhere(raw: bytes) -> None:
    id = base32_id(raw)
    assert len(id) == 26
    assert set(id) <= set("abcdefghijklmnopqrstuvwxyz234567")
