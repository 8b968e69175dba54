"""Habits of firmware around its registration, frame by frame: who goes on while Pending, who never boots twice."""

import pytest

from evouch.charging.dialogue import BootStatus
from evouch.ids import OcppVersion
from evouch.station.display import Kind
from evouch.station.spec import V16
from tests.proofs import proves
from tests.station.frames import Tool, tool
from tests.station.house import ALL, CARD, run

PENDING, REJECTED, ACCEPTED = "Pending", "Rejected", "Accepted"


def actions(home: Tool) -> list[str]:
    return [action for action, _ in home.said]


# ── ignoring Pending ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ALL)
def test_a_station_waits_while_pending(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version, boot=PENDING) as home:
            await home.pass_time(25)
            assert {"BootNotification"} == set(actions(home))
            assert 3 == len(actions(home))

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_firmware_that_ignores_pending_says_what_an_accepted_station_says(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version, boot=PENDING, ignores_pending=True) as home:
            assert ["BootNotification", "StatusNotification", "StatusNotification"] == actions(home)[:3]
            await home.station.plug(1)
            await home.station.swipe(1, CARD)
            await home.pass_time(2)
            assert "Authorize" in actions(home)
            assert ("StartTransaction" if version == V16 else "TransactionEvent") in actions(home)
            assert 1 == actions(home).count("BootNotification")

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_it_boots_again_when_it_is_asked_to_and_is_accepted_then(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version, boot=PENDING, ignores_pending=True) as home:
            home.register(ACCEPTED, 300)
            assert "Accepted" == await home.status("TriggerMessage", {"requestedMessage": "BootNotification"})
            await home.pass_time(1)
            assert 2 == actions(home).count("BootNotification")
            assert BootStatus.ACCEPTED is home.station.uplink.registration

    run(story())


def test_a_security_error_to_a_transaction_message_is_an_attempt_that_failed() -> None:
    settings = {"TransactionMessageAttempts": "3", "TransactionMessageRetryInterval": "20"}

    async def story() -> None:
        async with tool(V16, boot=PENDING, ignores_pending=True, settings=settings) as home:
            home.answers["StartTransaction"] = "SecurityError"
            await home.station.plug(1)
            await home.station.swipe(1, CARD)
            await home.pass_time(19)
            assert 1 == actions(home).count("StartTransaction")
            await home.pass_time(1)
            assert 2 == actions(home).count("StartTransaction"), "after the interval"
            await home.pass_time(40)
            assert 3 == actions(home).count("StartTransaction"), "after twice the interval"
            await home.pass_time(600)
            assert 3 == actions(home).count("StartTransaction"), "then it is given up"

    run(story())


# ── reconnecting ────────────────────────────────────────────────────────────────────────


@proves("M15")
@pytest.mark.parametrize("version", ALL)
def test_a_station_may_come_back_without_booting_and_says_its_status_first(version: OcppVersion) -> None:
    async def story() -> None:
        async with tool(version, boots_on_reconnect=False) as home:
            assert "BootNotification" == actions(home)[0]
            home.said.clear()
            await home.offline()
            await home.pass_time(60)
            assert {"StatusNotification"} == set(actions(home))
            assert home.station.online

    run(story())


def test_most_stations_boot_on_every_connection() -> None:
    async def story() -> None:
        async with tool(V16) as home:
            home.said.clear()
            await home.offline()
            await home.pass_time(60)
            assert "BootNotification" == actions(home)[0]

    run(story())


def test_who_was_never_accepted_boots_on_every_connection() -> None:
    async def story() -> None:
        async with tool(V16, boot=PENDING, boots_on_reconnect=False) as home:
            await home.offline()
            await home.pass_time(60)
            assert {"BootNotification"} == set(actions(home))

    run(story())


def test_a_reset_makes_it_boot_again() -> None:
    async def story() -> None:
        async with tool(V16, boots_on_reconnect=False) as home:
            home.said.clear()
            assert "Accepted" == await home.status("Reset", {"type": "Soft"})
            await home.pass_time(60)
            assert "BootNotification" == actions(home)[0]

    run(story())


# ── what the driver reads, and the clock ────────────────────────────────────────────────


def test_the_driver_reads_that_the_station_is_being_checked_then_that_it_is_refused() -> None:
    async def story() -> None:
        async with tool(V16, boot=PENDING) as home:
            shown = home.station.screen(1)
            assert (Kind.HIDDEN, "") == (shown.kind, shown.url)
            assert "checking this charging point" in shown.sentence
            home.register(REJECTED, 60)
            await home.pass_time(10)
            shown = home.station.screen(1)
            assert (Kind.OUT_OF_ORDER, "") == (shown.kind, shown.url)
            assert "does not recognise this charging point" in shown.sentence
            await home.station.swipe(1, CARD)
            assert "does not recognise" in home.station.screen(1).message
            await home.offline()
            assert "does not recognise" in home.station.screen(1).sentence, "that it also hung up makes it no better"

    run(story())


@proves("M4")
def test_a_wrong_clock_stays_wrong_whatever_the_backend_says() -> None:
    async def story() -> None:
        async with tool(V16, clock_offset=3600.0) as home:
            await home.pass_time(301)
            assert home.told("Heartbeat")
            assert 3600 == (home.station.time.now() - home.clock.now()).total_seconds()

    run(story())
