"""Codes: judged the same for everybody, tried only so often, and missed when they never match."""

from collections.abc import Callable

import pytest

from evouch.charging import dialogue as d
from evouch.charging.equipment import EvsePlace
from evouch.charging.rates import Rate
from evouch.cpo.codes import CodeLimits, Codes
from evouch.errors import InvalidCode, Refused
from evouch.ids import EvseNumber, StationId
from evouch.webpayment import totp
from tests.cpo.plays import play
from tests.cpo.town import Town

PLACE = EvsePlace(StationId("CS-1"), EvseNumber(1))
WRONG = "AAAAAAAA"


def limited(place: Town, **rates: Rate) -> Codes:
    plenty = Rate(count=10_000, seconds=1, burst=10_000)
    limits = CodeLimits(**({"per_address": plenty, "per_evse": plenty, "in_all": plenty} | rates))
    return Codes(place.cpo.registry, place.clock, limits)


def answers(judge: Callable[[], int], times: int) -> list[str]:
    said = []
    for _ in range(times):
        try:
            judge()
            said.append("open")
        except (InvalidCode, Refused) as refusal:
            said.append(refusal.reason)
    return said


def test_an_address_that_guesses_is_stopped_and_uses_up_nobody_elses_share() -> None:
    async def story(place: Town) -> None:
        await place.station()
        codes = limited(
            place, per_address=Rate(count=3, seconds=60, burst=3), per_evse=Rate(count=9, seconds=60, burst=9)
        )
        said = answers(lambda: codes.judge(PLACE, WRONG, "v1", address="guesser"), 50)
        assert said == ["invalidCode"] * 3 + ["tooManyRequests"] * 47
        assert codes.judge(PLACE, place.code(), "v1", address="driver")

    play(story)


def test_unknown_and_known_evses_are_refused_alike_also_when_there_were_too_many() -> None:
    async def story(place: Town) -> None:
        await place.station()
        codes = limited(place, per_evse=Rate(count=5, seconds=60, burst=5))
        known = answers(lambda: codes.judge(PLACE, WRONG, "v1", address="a"), 8)
        ghost = EvsePlace(StationId("GHOST"), EvseNumber(7))
        assert known == answers(lambda: codes.judge(ghost, WRONG, "v1", address="a"), 8)

    play(story)


def test_strangers_leave_no_trace_in_memory() -> None:
    async def story(place: Town) -> None:
        await place.station()
        codes = limited(place)
        for number in range(500):
            with pytest.raises(InvalidCode):
                codes.judge(EvsePlace(StationId(f"X{number}"), EvseNumber(1)), WRONG, "v1", address=f"a{number}")
        assert codes._misses == {}
        assert codes._suspected == {}

    play(story)


def test_a_station_whose_codes_never_match_is_reported_and_gets_a_fresh_secret_once() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        before = place.cpo.registry.key(PLACE)
        for _ in range(10):
            with pytest.raises(InvalidCode):
                place.cpo.payments.offer(place.claim(code=WRONG), browser="b", address="a")
        await place.clock.advance(1)
        after = place.cpo.registry.key(PLACE)
        assert before is not None
        assert after is not None
        assert after.secret != before.secret
        assert after.previous == before.secret
        assert [event.kind for event in await place.store.security_events()] == ["codesNeverMatch"]
        given = len(station.got(d.Configure))
        for _ in range(100):
            with pytest.raises(InvalidCode):
                place.cpo.payments.offer(place.claim(code=WRONG), browser="b", address="a")
        await place.clock.advance(1)
        assert len(station.got(d.Configure)) == given, "wrong codes must not keep a display dark"

    play(story)


def test_one_good_code_clears_the_suspicion() -> None:
    async def story(place: Town) -> None:
        await place.station()
        for _ in range(3):
            for _ in range(9):
                with pytest.raises(InvalidCode):
                    place.cpo.payments.offer(place.claim(code=WRONG), browser="b", address="a")
            place.cpo.payments.offer(place.claim(), browser="b", address="a")
        await place.clock.advance(1)
        assert await place.store.security_events() == []

    play(story)


def test_the_previous_secret_opens_for_two_slots_and_no_longer() -> None:
    async def story(place: Town) -> None:
        await place.station()
        old = place.cpo.registry.key(PLACE)
        assert old is not None
        await place.cpo.stations.provision(StationId("CS-1"), actor="ada")

        def of_old() -> str:
            return totp.code(old.secret, totp.slot(place.clock.now(), old.validity), length=old.length)

        place.cpo.payments.offer(place.claim(code=of_old()), browser="b", address="a")
        await place.clock.advance(2 * old.validity)
        place.cpo.payments.offer(place.claim(code=of_old()), browser="b", address="a")
        await place.clock.advance(old.validity)
        with pytest.raises(InvalidCode):
            place.cpo.payments.offer(place.claim(code=of_old()), browser="b", address="a")
        place.cpo.payments.offer(place.claim(), browser="b", address="a")

    play(story)


@pytest.mark.parametrize("skew", [-45, 45])
def test_a_station_clock_that_is_45_seconds_off_is_one_slot_off_or_refused(skew: int) -> None:
    async def story(place: Town) -> None:
        await place.station()
        code = place.code()
        place.clock.step_wall(skew)
        offset = abs(place.clock.now().timestamp() // 30 - (place.clock.now().timestamp() - skew) // 30)
        if offset <= 1:
            place.cpo.payments.offer(place.claim(code=code), browser="b", address="a")
        else:
            with pytest.raises(InvalidCode):
                place.cpo.payments.offer(place.claim(code=code), browser="b", address="a")

    play(story)


@pytest.mark.parametrize("skew", [-600, 600])
def test_a_station_clock_that_is_ten_minutes_off_opens_nothing(skew: int) -> None:
    async def story(place: Town) -> None:
        await place.station()
        code = place.code()
        place.clock.step_wall(skew)
        with pytest.raises(InvalidCode):
            place.cpo.payments.offer(place.claim(code=code), browser="b", address="a")

    play(story)
