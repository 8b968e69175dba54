"""Secrets for displays, whatever a station makes of its settings."""

from collections.abc import Callable
from typing import Any

import pytest

from evouch.charging import dialogue as d
from evouch.charging.equipment import EvsePlace
from evouch.errors import InvalidCode, Refused, TimedOut
from evouch.ids import EvseNumber, Secret, StationId
from evouch.store.records import QrKey
from evouch.testing.stations import PlainStation
from evouch.webpayment import totp
from tests.cpo.plays import play
from tests.cpo.town import Town

ID = StationId("CS-1")
PLACE = EvsePlace(ID, EvseNumber(1))


def key(place: Town, where: EvsePlace = PLACE) -> QrKey:
    found = place.cpo.registry.key(where)
    assert found is not None
    return found


def opens(place: Town, of: Secret) -> bool:
    code = totp.code(of, totp.slot(place.clock.now(), 30), length=8)
    try:
        place.cpo.payments.offer(place.claim(code=code), browser="b", address="a")
    except InvalidCode:
        return False
    return True


def answering(status: d.SettingStatus, *names: str) -> Callable[[d.Configure], Any]:
    """Return a station's way to answer settings: those of ``names`` with ``status``, all others taken."""

    def answer(order: d.Configure) -> Any:
        taken = d.SettingStatus.ACCEPTED
        return tuple(
            d.SettingResult(setting=one, status=status if one.variable in names else taken) for one in order.settings
        )

    return answer


def shown(station: PlainStation, evse: int | None = 1) -> Any:
    """Return what a station that takes everything shows: whether it is on, and with which secret."""
    return station.settings.get(("Enabled", evse)), station.settings.get(("SharedSecret", evse))


def test_the_display_is_dark_until_everything_was_taken() -> None:
    async def story(place: Town) -> None:
        station = await place.station(evses=2)
        for evse in (1, 2):
            sent = [one.variable for order in station.got(d.Configure) for one in order.settings if one.evse == evse]
            assert sent[0] == "Enabled"
            assert sent[-2:] == ["SharedSecret", "Enabled"]
            assert shown(station, evse) == ("true", key(place, EvsePlace(ID, EvseNumber(evse))).secret)
        assert key(place).secret != key(place, EvsePlace(ID, EvseNumber(2))).secret

    play(story)


@pytest.mark.parametrize("name", ["URLTemplate", "TOTPVersion", "ValidityTime", "Length", "SharedSecret"])
def test_half_a_set_of_settings_leaves_the_old_code_good(name: str) -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        before = key(place)
        station.answers[d.Configure] = answering(d.SettingStatus.REJECTED, name)
        report = await place.cpo.stations.provision(ID, actor="ada")
        assert not report.ready
        assert name in report.outcome[EvseNumber(1)] or report.outcome[EvseNumber(1)] == "secretRejected"
        assert key(place) == before
        assert opens(place, before.secret)
        last = {one.variable: one.value for order in station.got(d.Configure) for one in order.settings}
        assert (last["ValidityTime"], last["URLTemplate"], last["Enabled"]) == ("30", before.template, "true")

    play(story)


@pytest.mark.parametrize("name", ["Enabled", "QRCodeQuality"])
def test_extras_may_be_unknown_to_a_station(name: str) -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        station.answers[d.Configure] = answering(d.SettingStatus.UNKNOWN_VARIABLE, name)
        assert (await place.cpo.stations.provision(ID, actor="ada")).ready

    play(story)


def test_after_a_lost_answer_both_secrets_open_and_the_same_one_is_sent_again() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        old = key(place).secret
        lost: list[Secret] = []

        def lose(order: d.Configure) -> Any:
            if order.settings[0].variable == "SharedSecret":
                lost.append(order.settings[0].value)  # type: ignore[arg-type]
                return TimedOut("lost")
            return station._agree(order)

        station.answers[d.Configure] = lose
        for _ in range(3):
            report = await place.cpo.stations.provision(ID, actor="ada")
            assert report.outcome == {EvseNumber(1): "unanswered"}
            await place.clock.advance(120)
            assert opens(place, old)
            assert opens(place, lost[-1])
        assert len(set(lost)) == 1
        del station.answers[d.Configure]
        assert (await place.cpo.stations.provision(ID, actor="ada")).ready
        assert shown(station) == ("true", lost[0])
        await place.clock.advance(120)
        assert not opens(place, old)

    play(story)


def test_a_lost_answer_at_boot_is_asked_again_by_itself() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        silent = [1]

        def lose(order: d.Configure) -> Any:
            if order.settings[0].variable == "SharedSecret" and silent:
                silent.clear()
                return TimedOut("lost")
            return station._agree(order)

        station.answers[d.Configure] = lose
        await station.arrive()
        await place.clock.advance(60)
        assert shown(station) == ("true", key(place).secret)
        assert key(place).committed_at is not None

    play(story)


def test_a_secret_that_waits_for_a_reboot_counts_after_it_and_the_old_one_until_then() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        old = key(place).secret
        station.answers[d.Configure] = answering(d.SettingStatus.REBOOT_REQUIRED, "SharedSecret")
        report = await place.cpo.stations.provision(ID, actor="ada")
        assert report.outcome == {EvseNumber(1): "rebootPending"}
        await place.clock.advance(300)
        assert opens(place, old)
        await place.cpo.stations.provision(ID, actor="ada")
        assert opens(place, old), "what is on the display did not change by a second try"
        del station.answers[d.Configure]
        fresh = key(place).secret
        station.leave()
        await station.arrive()
        await place.clock.advance(200)
        assert key(place).secret == fresh
        assert opens(place, fresh)
        assert not opens(place, old)

    play(story)


@pytest.mark.parametrize("evses", [1, 2])
@pytest.mark.parametrize("word", [d.SettingStatus.REJECTED, d.SettingStatus.UNKNOWN_COMPONENT])
def test_a_station_that_will_not_have_evses_addressed_is_addressed_as_a_whole(
    word: d.SettingStatus, evses: int
) -> None:
    async def story(place: Town) -> None:
        station = await place.station(evses=evses)

        def one_display(order: d.Configure) -> Any:
            status = word if order.settings[0].evse is not None else d.SettingStatus.ACCEPTED
            return tuple(d.SettingResult(setting=one, status=status) for one in order.settings)

        station.answers[d.Configure] = one_display
        assert (await place.cpo.stations.provision(ID, actor="ada")).ready
        assert len({one.secret for one in place.cpo.registry.keys(ID)}) == 1

    play(story)


def test_a_station_without_the_component_shows_no_codes_and_that_is_said() -> None:
    async def story(place: Town) -> None:
        station = await place.station()
        station.answers[d.Configure] = lambda order: tuple(
            d.SettingResult(setting=one, status=d.SettingStatus.UNKNOWN_COMPONENT) for one in order.settings
        )
        report = await place.cpo.stations.provision(ID, actor="ada")
        assert report.outcome == {EvseNumber(1): "notSupported"}
        assert (await place.store.audit())[0].detail == "EVSE 1: notSupported"

    play(story)


def test_two_stations_never_share_a_secret() -> None:
    async def story(place: Town) -> None:
        await place.station()
        await place.station("CS-2")
        other = key(place, EvsePlace(StationId("CS-2"), EvseNumber(1)))
        stolen = QrKey(place=other.place, secret=key(place).secret, template=other.template)
        with pytest.raises(Refused, match="equalSecrets"):
            await place.cpo.registry.save_key(stolen)
        assert key(place, other.place) == other

    play(story)
