"""What operators do with stations, and the audit row that each act leaves."""

import asyncio

import pytest

from evouch.charging import dialogue as d
from evouch.charging.tokens import IdToken
from evouch.clock import Tick
from evouch.cpo.gate import password_digest
from evouch.errors import PeerFault, Refused
from evouch.ids import KeyBytes, Secret, StationId, TransactionId
from tests.cpo.plays import play
from tests.cpo.town import Town

ID = StationId("CS-1")


def test_every_change_leaves_one_audit_row() -> None:
    async def story(place: Town) -> None:
        await place.station()
        before = len(await place.store.audit())
        stations = place.cpo.stations
        await stations.set_password(ID, Secret("correct-horse-battery"), actor="ada")
        await stations.hold_boot(ID, True, actor="ada")
        await stations.hold_boot(ID, False, actor="ada")
        await stations.call(ID, "Reset", {}, actor="ada")
        await stations.provision(ID, actor="ada")
        await stations.block(ID, True, actor="ada")
        await stations.block(ID, False, actor="ada")
        await stations.remove(ID, actor="ada")
        rows = await place.store.audit()
        assert len(rows) - before == 8
        mine = [row for row in rows if row.actor == "ada"]
        assert [row.action for row in reversed(mine)] == [
            "set station password", "hold boot", "release boot", "call Reset", "provision QR secrets",
            "block station", "unblock station", "remove station",
        ]  # fmt: skip
        assert "correct-horse" not in repr(rows)

    play(story)


def test_an_unknown_station_is_refused_everywhere() -> None:
    async def story(place: Town) -> None:
        stations, ghost = place.cpo.stations, StationId("GHOST")
        for act in (
            stations.set_password(ghost, Secret("correct-horse-battery"), actor="a"),
            stations.hold_boot(ghost, True, actor="a"),
            stations.block(ghost, True, actor="a"), stations.call(ghost, "Reset", {}, actor="a"),
            stations.provision(ghost, actor="a"), stations.remove(ghost, actor="a"),
        ):  # fmt: skip
            with pytest.raises(Refused, match="unknownStation"):
                await act
        with pytest.raises(Refused, match="unknownStation"):
            stations.get(ghost)

    play(story)


@pytest.mark.parametrize("password", ["short", "x" * 41])
def test_a_password_of_the_wrong_length_is_refused(password: str) -> None:
    async def story(place: Town) -> None:
        await place.station()
        with pytest.raises(Refused, match="badPassword"):
            await place.cpo.stations.set_password(ID, Secret(password), actor="ada")

    play(story)


def test_a_password_set_while_the_station_reports_is_not_lost() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        setting = d.Setting(component="TxCtrlr", variable="EVConnectionTimeOut")
        reports = [
            d.SettingResult(setting=setting, status=d.SettingStatus.ACCEPTED, value=str(number)) for number in range(10)
        ]
        await asyncio.gather(
            *(place.cpo.registry.note_settings(ID, (report,)) for report in reports[:5]),
            place.cpo.stations.set_password(ID, Secret("correct-horse-battery"), actor="ada"),
            place.cpo.stations.hold_boot(ID, True, actor="ada"),
            station.say(d.Booted(vendor="Plain", model="P2")),
            *(place.cpo.registry.note_settings(ID, (report,)) for report in reports[5:]),
        )
        await place.clock.advance(1)
        record = place.cpo.registry.station(ID)
        assert record is not None
        assert record.password == password_digest(KeyBytes(b"p" * 32), ID, Secret("correct-horse-battery"))
        assert record.hold_boot
        assert record.model == "P2"
        assert record.settings["TxCtrlr.EVConnectionTimeOut"] == "9"
        assert await place.store.station(ID) == record

    play(story)


def test_a_boot_held_at_pending_gets_no_energy_until_it_is_released() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        await place.cpo.stations.hold_boot(ID, True, actor="ada")
        station.leave()
        answer = await station.arrive()
        assert answer is not None
        assert answer.status is d.BootStatus.PENDING
        offer = place.cpo.payments.offer(place.claim(), browser="b", address="a")
        assert offer.busy == "stationOffline"
        for fact in (
            d.TokenPresented(token=IdToken("card")),
            d.SessionStarted(transaction=TransactionId("T"), at=place.clock.now(), token=IdToken("card")),
            d.SessionUpdated(transaction=TransactionId("T"), at=place.clock.now(), token=IdToken("card")),
        ):
            with pytest.raises(PeerFault) as fault:
                await station.say(fact)
            assert fault.value.code == "SecurityError"
        await place.cpo.stations.hold_boot(ID, False, actor="ada")
        answer = await station.arrive()
        assert answer is not None
        assert answer.status is d.BootStatus.ACCEPTED

    play(story)


def test_a_paid_start_is_not_sent_to_a_station_that_was_told_to_wait() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        checkout = await place.scan_and_begin()
        await place.cpo.stations.hold_boot(ID, True, actor="ada")
        await station.arrive()
        await place.pay(checkout)
        await place.clock.advance(1)
        assert station.got(d.StartCharging) == []
        assert (await place.now(checkout)).reason == "stationOffline"

    play(story)


def test_a_removed_station_leaves_no_key_behind_even_while_it_is_provisioned() -> None:
    async def story(place: Town) -> None:
        station = await place.station()

        async def slowly(order: d.Configure) -> object:
            await place.clock.sleep_until(Tick(place.clock.tick() + 1))
            return station._agree(order)

        station.answers[d.Configure] = slowly
        provisioning = asyncio.create_task(place.cpo.stations.provision(ID, actor="ada"))
        await place.clock.advance(0.5)
        await place.cpo.stations.remove(ID, actor="ada")
        await place.clock.advance(10)
        await provisioning
        assert place.cpo.registry.keys(ID) == []
        assert await place.store.qr_keys() == []

    play(story)
