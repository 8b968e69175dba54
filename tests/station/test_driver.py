import pytest

from evouch.charging import dialogue as d
from evouch.errors import TimedOut
from evouch.station.display import Kind
from evouch.station.driver import Step, parse, perform
from evouch.units import Money, Wh
from tests.proofs import proves
from tests.station.house import CARD, house, run

DAY = f"""
    # a card, a car, a charge
    plug
    swipe {CARD}
    wait charging
    wait energy 500     # Wh
    stop
    expect finished
    unplug
    wait hidden
"""


def test_a_script_reads_the_same_as_text_and_as_json() -> None:
    text = parse("plug 2\nwait plug-in # remark\n\nlimits kwh=20 cost=15.50\nrest 0.5")
    assert text == parse('[["plug", 2], ["wait", "plug-in"], ["limits", "kwh=20", "cost=15.50"], ["rest", "0.5"]]')
    assert ["plug 2", "wait plug-in", "limits kwh=20 cost=15.50", "rest 0.5"] == [str(step) for step in text]


@pytest.mark.parametrize(
    "line",
    ["dance", "swipe", "wait", "wait sunset", "wait energy lots", "rest", "rest soon", "limits", "limits soc=80",
     "plug left", "expect", "unplug 1", "[1, 2]", '[["dance"]]', "[[]]"],
)  # fmt: skip
def test_a_step_that_makes_no_sense_is_refused_before_anything_is_done(line: str) -> None:
    with pytest.raises(ValueError):
        parse(line)


def test_a_person_charges_by_card() -> None:
    async def story() -> None:
        async with house() as home:
            home.station.timers.spawn(perform(home.station, 1, parse(DAY)))
            await home.pass_time(120)
            (ended,) = home.backend.of(d.SessionEnded)
            energy = ended.readings[0].energy
            assert energy is not None
            assert 500 <= energy - 1_234_567 <= 507, "a person looks once a second"
            assert Kind.HIDDEN is home.station.screen(1).kind

    run(story())


def test_nobody_waits_for_ever() -> None:
    async def story() -> None:
        async with house() as home:
            errors: list[TimedOut] = []

            async def wait() -> None:
                try:
                    await perform(home.station, 1, parse("wait charging"), patience=30)
                except TimedOut as error:
                    errors.append(error)

            home.station.timers.spawn(wait())
            await home.pass_time(29)
            assert not errors
            await home.pass_time(2)
            assert "still says hidden" in str(errors[0])

    run(story())


def test_an_expectation_is_checked_at_once() -> None:
    async def story() -> None:
        async with house() as home:
            with pytest.raises(ValueError, match="the display says hidden"):
                await perform(home.station, 1, (Step("expect", ("charging",)),))

    run(story())


def test_everything_else_that_a_person_can_do() -> None:
    async def story() -> None:
        async with house() as home:
            await perform(home.station, 1, parse("fault GroundFailure\nexpect out-of-order\nclear\nexpect hidden"))
            await perform(home.station, 1, parse("limits kwh=20 minutes=30 cost=15.50"))
            wishes = home.bay.wishes
            assert (Wh(20_000), 1800, Money.of("15.50", "EUR")) == (wishes.max_energy, wishes.max_time, wishes.max_cost)
            await perform(home.station, 1, parse("offline"))
            assert not home.station.online
            await perform(home.station, 1, parse("online"))
            await home.pass_time(10)
            assert home.station.online

    run(story())


def test_a_charge_is_interrupted_and_a_blackout_ends_it() -> None:
    async def story() -> None:
        async with house() as home:
            await home.station.plug(1)
            await home.start()
            await perform(home.station, 1, parse("wait charging\npause\nexpect suspended\nresume\nexpect charging"))
            await perform(home.station, 1, parse("pause station\nexpect suspended\nresume\nexpect charging\nblackout"))
            await home.pass_time(10)
            assert home.told()[-1] == "Ended AbnormalCondition"
            assert home.station.screen(1).kind == "finished"

    run(story())


@proves("C25.FR.03")
def test_limits_that_the_station_does_not_offer_cannot_be_typed_in() -> None:
    async def story() -> None:
        async with house(settings={"WebPaymentsCtrlr.URLParameters": "maxtime"}) as home:
            with pytest.raises(ValueError, match="maxenergy"):
                await perform(home.station, 1, parse("limits kwh=20"))

    run(story())
