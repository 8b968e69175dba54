"""When the display shows a code and when it does not, on a running station of each version."""

import pytest

from evouch.charging import dialogue as d
from evouch.ids import OcppVersion, Secret
from evouch.webpayment import totp
from tests.station.house import ALL, CARD, E1, SECRET, House, house, run
from tests.station.test_orders import reserve

each = pytest.mark.parametrize("version", ALL)


def shown(home: House) -> str:
    return home.station.screen(1).url


def code(home: House) -> str:
    """Return the code that a backend with the same clock expects now."""
    return totp.window(Secret(SECRET), home.clock.now(), validity=30, length=8).current


@each
def test_the_code_is_the_slots_to_the_last_moment(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version) as home:
            await home.provision()
            await home.pass_time(30 - home.clock.now().timestamp() % 30)
            before = shown(home)
            assert code(home) in before
            assert home.station.screen(1).remaining == 30
            await home.pass_time(29.999)
            assert shown(home) == before
            assert home.station.screen(1).remaining == 1
            await home.pass_time(0.001)
            assert shown(home) != before
            assert code(home) in shown(home)

    run(story())


@each
def test_nothing_is_shown_before_everything_is_there(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version) as home:
            for name, value in (("Enabled", "true"), ("URLTemplate", "https://pay.example/{evse}/{totp}")):
                await home.backend.order(d.Configure(settings=(_web(name, value),)))
                assert not shown(home)
                assert "not set up" in home.station.screen(1).sentence
            await home.backend.order(d.Configure(settings=(_web("SharedSecret", SECRET),)))
            assert shown(home)
            for name, off, on in (
                ("Enabled", "false", "true"),
                ("URLTemplate", "", "https://pay.example/{evse}/{totp}"),
            ):
                await home.backend.order(d.Configure(settings=(_web(name, off),)))
                assert not shown(home), name
                await home.backend.order(d.Configure(settings=(_web(name, on),)))
                assert shown(home)

    run(story())


def _web(name: str, value: str) -> d.Setting:
    return d.Setting(component="WebPaymentsCtrlr", variable=name, value=value, evse=E1)


@each
def test_an_outage_hides_the_code_until_the_backend_has_accepted_again(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version) as home:
            await home.provision()
            await home.station.go_offline()
            assert not shown(home)
            assert "no connection" in home.station.screen(1).sentence
            home.backend.answers[d.Booted] = lambda _: d.BootAnswer(d.BootStatus.PENDING, home.clock.now(), 20)
            home.station.come_online()
            await home.pass_time(5)
            assert not shown(home)
            home.backend.answers.clear()
            await home.pass_time(25)
            assert code(home) in shown(home)

    run(story())


@each
def test_a_reservation_a_fault_and_being_out_of_service_hide_the_code(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version) as home:
            await home.provision()
            assert (await reserve(home)).accepted
            assert (shown(home), home.station.screen(1).kind) == ("", "reserved")
            await home.backend.order(d.CancelReservation(id=5))
            assert shown(home)
            await home.station.fault(1)
            assert (shown(home), home.station.screen(1).kind) == ("", "out of order")
            await home.station.clear_fault(1)
            assert shown(home)
            await home.backend.order(d.ChangeAvailability(operative=False))
            assert (shown(home), home.station.screen(1).kind) == ("", "out of order")
            await home.backend.order(d.ChangeAvailability(operative=True))
            assert shown(home)

    run(story())


@each
def test_a_card_that_is_checked_and_a_charge_hide_the_code_until_the_car_has_left(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version) as home:
            await home.provision()
            await home.station.plug(1)
            assert shown(home), "plug first, pay second"
            await home.station.swipe(1, CARD)
            assert not shown(home)
            await home.pass_time(5)
            assert not shown(home)
            await home.station.stop(1)
            await home.pass_time(1)
            assert not shown(home)
            await home.station.unplug(1)
            await home.pass_time(1)
            assert shown(home)

    run(story())


@each
@pytest.mark.parametrize("hours", [-5, 3])
def test_a_stepping_clock_of_the_machine_changes_nothing_until_the_backend_says_the_time(
    version: OcppVersion, hours: int
) -> None:
    """The station counts on from what the backend told it; the next heartbeat brings the new time and its code."""

    async def story() -> None:
        async with house(version) as home:
            await home.provision()
            before = shown(home)
            home.clock.step_wall(hours * 3600)
            assert shown(home) == before
            await home.pass_time(300)
            assert code(home) in shown(home)

    run(story())


@each
def test_a_reboot_forgets_the_time_and_keeps_the_settings(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version) as home:
            await home.provision()
            await home.backend.order(d.Reset(hard=True))
            await home.pass_time(0)
            assert not shown(home)
            await home.pass_time(10)
            assert code(home) in shown(home)

    run(story())
