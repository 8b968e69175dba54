"""A station's life: boot, clock, heartbeat, reconnection, outage."""

from itertools import pairwise

import pytest

from evouch.charging import dialogue as d
from evouch.charging.tokens import Authorization, IdToken, TokenStatus
from evouch.errors import Offline, PeerRefused, TimedOut
from evouch.ids import EvseNumber, OcppVersion, Secret
from evouch.station.display import Kind
from evouch.station.machine import Phase
from evouch.station.spec import V16, V21, V201, Quirk
from evouch.testing.clock import VECTOR_TIME
from tests.station.house import ALL, CARD, PAYER, house, run, two_evses


def boot(status: d.BootStatus, interval: int = 300) -> d.BootAnswer:
    return d.BootAnswer(status, VECTOR_TIME, interval)


# ── boot ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ALL)
def test_after_an_accepted_boot_every_connector_is_reported(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version, evses=two_evses(version)) as home:
            assert isinstance(home.backend.heard[0], d.Booted)
            facts = home.backend.of(d.ConnectorChanged)
            expected = [(1, 1), (2, 2)] if version == V16 else [(1, 1), (2, 1)]
            assert expected == [(fact.evse, fact.connector) for fact in facts if fact.evse]
            assert (version == V16) is any(fact.evse == 0 for fact in facts)
            assert home.station.online

    run(story())


@pytest.mark.parametrize("status", [d.BootStatus.PENDING, d.BootStatus.REJECTED])
def test_a_boot_that_is_not_accepted_is_repeated_at_the_interval_that_was_named(status: d.BootStatus) -> None:
    async def story() -> None:
        async with house(boots=False) as home:
            home.backend.answers[d.Booted] = boot(status, 40)
            await home.pass_time(0)
            await home.pass_time(39)
            assert 1 == len(home.backend.heard), "and nothing else is said"
            home.backend.answers.clear()
            await home.pass_time(1)
            assert 2 == len(home.backend.of(d.Booted))
            assert home.station.accepted

    run(story())


def test_without_an_interval_the_station_chooses_its_own() -> None:
    async def story() -> None:
        async with house(boots=False) as home:
            home.backend.answers[d.Booted] = boot(d.BootStatus.REJECTED, 0)
            await home.pass_time(9.9)
            assert 1 == len(home.backend.of(d.Booted))
            await home.pass_time(0.2)
            assert 2 == len(home.backend.of(d.Booted))

    run(story())


def test_a_boot_that_nobody_answers_is_repeated() -> None:
    async def story() -> None:
        async with house(boots=False) as home:
            home.backend.answers[d.Booted] = TimedOut("")
            await home.pass_time(25)
            assert 3 == len(home.backend.of(d.Booted))

    run(story())


def test_while_pending_the_station_is_configured_and_refuses_to_charge() -> None:
    async def story() -> None:
        async with house(boots=False) as home:
            home.backend.answers[d.Booted] = boot(d.BootStatus.PENDING, 600)
            await home.pass_time(0)
            assert d.SettingStatus.ACCEPTED is (await home.provision())[0].status
            assert not (await home.start()).accepted
            await home.station.swipe(1, CARD)
            assert "connection" in home.bay.message
            assert Kind.HIDDEN is home.station.screen(1).kind
            await home.backend.order(d.ReportSettings(request=5))
            await home.pass_time(0)
            assert home.backend.of(d.SettingsReported)

    run(story())


# ── clock and heartbeat ─────────────────────────────────────────────────────────────────


def test_the_clock_is_the_backends_and_runs_on_by_itself() -> None:
    async def story() -> None:
        async with house(boots=False) as home:
            home.clock.step_wall(-86_400)  # the board's own clock is a day late
            home.backend.answers[d.Booted] = boot(d.BootStatus.ACCEPTED)
            await home.pass_time(0)
            home.clock.step_wall(500)
            await home.pass_time(10)
            assert 10 == (home.station.time.now() - VECTOR_TIME).total_seconds()

    run(story())


def test_a_heartbeat_comes_at_the_interval_of_the_boot_and_sets_the_clock_again() -> None:
    async def story() -> None:
        async with house() as home:
            await home.pass_time(299)
            assert not home.backend.of(d.StillThere)
            home.clock.step_wall(30)
            await home.pass_time(1)
            assert 1 == len(home.backend.of(d.StillThere))
            assert home.clock.now() == home.station.time.now()

    run(story())


def test_a_new_heartbeat_interval_counts_from_when_it_is_set() -> None:
    async def story() -> None:
        async with house() as home:
            await home.pass_time(100)
            setting = d.Setting(component="OCPPCommCtrlr", variable="HeartbeatInterval", value="20")
            await home.backend.order(d.Configure(settings=(setting,)))
            await home.pass_time(61)
            assert 3 == len(home.backend.of(d.StillThere))

    run(story())


def test_a_backend_that_does_not_answer_heartbeats_hides_the_code_until_it_does() -> None:
    async def story() -> None:
        async with house() as home:
            await home.provision()
            assert Kind.CODE is home.station.screen(1).kind
            home.backend.answers[d.StillThere] = TimedOut("")
            await home.pass_time(300)
            assert Kind.HIDDEN is home.station.screen(1).kind
            home.backend.answers.clear()
            await home.pass_time(300)
            assert Kind.CODE is home.station.screen(1).kind

    run(story())


# ── connection ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ALL)
def test_a_station_comes_back_ever_more_patiently_and_never_on_the_same_beat(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version, boots=False) as home:
            home.backend.down = Offline("")
            await home.pass_time(600)
            times = home.backend.attempts
            pauses = [later - earlier for earlier, later in pairwise(times)]
            for number, pause in enumerate(pauses, 1):
                least = 2.0 ** min(number, 6)
                assert least <= pause <= least + 1.0
            assert len({pause % 1 for pause in pauses}) == len(pauses)
            home.backend.down = None
            await home.pass_time(90)
            assert home.station.online

    run(story())


def test_how_patiently_is_a_setting_on_2_x() -> None:
    patience = {"RetryBackOffWaitMinimum": "10", "RetryBackOffRepeatTimes": "1", "RetryBackOffRandomRange": "0"}

    async def story() -> None:
        settings = {f"OCPPCommCtrlr.{name}": value for name, value in patience.items()}
        async with house(boots=False, settings=settings) as home:
            home.backend.down = Offline("")
            await home.pass_time(100)
            pauses = [later - earlier for earlier, later in pairwise(home.backend.attempts)]
            assert {20.0} == set(pauses)

    run(story())


def test_how_patiently_is_a_matter_of_its_make_on_1_6() -> None:
    async def story() -> None:
        async with house(V16, boots=False, reconnect_seconds=0.25) as home:
            home.backend.down = Offline("")
            await home.pass_time(100)
            pauses = [later - earlier for earlier, later in pairwise(home.backend.attempts)]
            for number, pause in enumerate(pauses, 1):
                least = 0.25 * 2.0 ** min(number, 6)
                assert least <= pause <= least + 0.25

    run(story())


def test_a_refusal_that_names_a_time_is_respected() -> None:
    async def story() -> None:
        async with house(boots=False) as home:
            home.backend.down = PeerRefused("503", "", {"retryAfter": 45})
            await home.pass_time(44)
            assert 1 == len(home.backend.attempts)
            await home.pass_time(45)
            assert 2 == len(home.backend.attempts)

    run(story())


def test_a_lost_connection_hides_the_code_and_is_replaced() -> None:
    async def story() -> None:
        async with house() as home:
            await home.provision()
            home.backend.hang_up()
            await home.pass_time(0)
            assert Kind.HIDDEN is home.station.screen(1).kind
            assert "no connection" in home.station.screen(1).sentence
            await home.pass_time(5)
            assert (2, 2) == (len(home.backend.lines), len(home.backend.of(d.Booted)))
            assert Kind.CODE is home.station.screen(1).kind

    run(story())


def test_a_password_that_the_backend_sets_is_used_on_a_new_connection_at_once() -> None:
    async def story() -> None:
        async with house(password=Secret("the first password")) as home:
            setting = d.Setting(component="SecurityCtrlr", variable="BasicAuthPassword", value=Secret("x" * 16))
            await home.backend.order(d.Configure(settings=(setting,)))
            await home.pass_time(5)
            assert [Secret("the first password"), Secret("x" * 16)] == home.backend.passwords

    run(story())


# ── outage ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ALL)
def test_a_charge_across_an_outage_is_told_whole_and_in_order(version: OcppVersion) -> None:
    async def story() -> None:
        interval = {"SampledDataCtrlr.TxUpdatedInterval": "30", "MeterValueSampleInterval": "30"}
        async with house(version, settings=interval) as home:
            await home.start()
            await home.station.plug(1)
            await home.pass_time(31)
            name = home.transaction
            await home.station.go_offline()
            await home.pass_time(60)
            await home.station.unplug(1)
            assert 3 == len(home.station.queue)
            home.station.come_online()
            await home.pass_time(60)
            facts = home.backend.of(d.SessionFact)
            assert [d.SessionStarted, *[d.SessionUpdated] * 3, d.SessionEnded] == [type(fact) for fact in facts]
            assert [False, False, True, True, True] == [fact.offline for fact in facts]
            assert [name] * 4 == [fact.transaction for fact in facts[1:]]
            assert sorted(fact.at for fact in facts) == [fact.at for fact in facts]
            last = facts[-1]
            assert isinstance(last, d.SessionEnded)
            assert "EVDisconnected" == last.reason

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_a_charge_that_began_offline_is_told_when_the_backend_is_back(version: OcppVersion) -> None:
    async def story() -> None:
        offline = {"AllowOfflineTxForUnknownId": "true", "AuthCtrlr.OfflineTxForUnknownIdEnabled": "true"}
        async with house(version, settings=offline) as home:
            await home.station.go_offline()
            await home.station.plug(1)
            await home.station.swipe(1, CARD)
            await home.pass_time(60)
            assert Phase.CHARGING is home.phase()
            await home.station.swipe(1, CARD)
            assert Phase.FINISHING is home.phase()
            home.station.come_online()
            await home.pass_time(60)
            facts = home.backend.of(d.SessionFact)
            assert [d.SessionStarted, d.SessionEnded] == [
                type(fact) for fact in facts if fact.readings[0].context != "Sample.Periodic"
            ]
            assert all(fact.offline for fact in facts)
            assert 1 == len({fact.transaction for fact in facts if fact.transaction})

    run(story())


def test_a_card_cannot_start_offline_where_nobody_allowed_it() -> None:
    async def story() -> None:
        async with house() as home:
            await home.station.go_offline()
            await home.station.swipe(1, CARD)
            assert (Phase.AVAILABLE, True) == (home.phase(), "no connection" in home.bay.message)

    run(story())


def test_a_backend_that_fails_to_process_is_asked_again_as_configured_and_nothing_overtakes() -> None:
    async def story() -> None:
        retries = {"OCPPCommCtrlr.MessageAttempts": "3", "OCPPCommCtrlr.MessageAttemptInterval": "10"}
        async with house(settings=retries) as home:
            home.backend.answers[d.SessionStarted] = PeerRefused("InternalError")
            await home.start()
            await home.station.plug(1)
            await home.pass_time(9)
            assert 1 == len(home.backend.of(d.SessionFact))
            await home.pass_time(1)
            assert 2 == len(home.backend.of(d.SessionFact))
            home.backend.answers.clear()
            await home.pass_time(19)
            assert 2 == len(home.backend.of(d.SessionFact))
            await home.pass_time(1)
            assert 3 == len(home.backend.of(d.SessionFact))
            assert not home.station.queue.aside

    run(story())


def test_a_start_that_the_backend_never_takes_is_no_free_charge() -> None:
    async def story() -> None:
        retries = {"TransactionMessageAttempts": "2", "TransactionMessageRetryInterval": "10"}
        async with house(V16, settings=retries) as home:
            home.backend.answers[d.SessionStarted] = PeerRefused("InternalError")
            await home.station.plug(1)
            await home.start()
            assert Phase.STARTING is home.phase()
            await home.pass_time(10)
            assert Phase.FINISHING is home.phase()
            assert ["Started RemoteStart"] * 2 + ["Ended Deauthorized"] == home.told()
            assert "-1" == home.backend.of(d.SessionEnded)[0].transaction

    run(story())


def test_a_connection_that_breaks_while_a_message_is_under_way_costs_no_attempt() -> None:
    async def story() -> None:
        async with house() as home:
            home.backend.answers[d.SessionStarted] = Offline("")
            await home.start()
            await home.station.plug(1)
            await home.pass_time(30)
            assert not home.station.queue.aside
            home.backend.answers.clear()
            await home.pass_time(30)
            assert ["Started RemoteStart", "Updated MeterValuePeriodic"] == home.told()[-2:]
            assert 0 == len(home.station.queue)

    run(story())


# ── who may charge ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ALL)
def test_a_card_is_asked_about_and_starts(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version) as home:
            await home.station.plug(1)
            await home.station.swipe(1, CARD)
            await home.pass_time(1)
            assert [CARD] == [fact.token.value for fact in home.backend.of(d.TokenPresented)]
            assert Phase.CHARGING is home.phase()
            await home.station.swipe(1, "another")
            assert "in use" in home.bay.message
            await home.station.swipe(1, CARD.lower())
            await home.pass_time(1)
            ended = home.backend.of(d.SessionEnded)
            assert ["Local"] == [fact.reason for fact in ended]

    run(story())


def test_a_card_that_is_not_accepted_starts_nothing() -> None:
    async def story() -> None:
        async with house() as home:
            home.backend.answers[d.TokenPresented] = Authorization(status=TokenStatus.BLOCKED)
            await home.station.swipe(1, CARD)
            await home.pass_time(1)
            assert Phase.AVAILABLE is home.phase()
            assert "not accepted" in home.bay.message

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_a_token_that_turns_out_invalid_at_the_start_ends_the_charge(version: OcppVersion) -> None:
    async def story() -> None:
        async with house(version) as home:
            home.backend.answers[d.SessionStarted] = d.SessionAnswer(Authorization(status=TokenStatus.INVALID))
            await home.station.plug(1)
            await home.start()
            await home.pass_time(1)
            assert Phase.FINISHING is home.phase()
            assert ["DeAuthorized"] == [fact.reason for fact in home.backend.of(d.SessionEnded)]

    run(story())


def test_where_configured_an_invalid_token_does_not_end_the_charge() -> None:
    async def story() -> None:
        async with house(V201, settings={"TxCtrlr.StopTxOnInvalidId": "false"}) as home:
            home.backend.answers[d.SessionStarted] = d.SessionAnswer(Authorization(status=TokenStatus.INVALID))
            await home.station.plug(1)
            await home.start()
            await home.pass_time(1)
            assert Phase.CHARGING is home.phase()

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_where_configured_the_backend_is_asked_about_its_own_remote_start(version: OcppVersion) -> None:
    asks = {"AuthorizeRemoteTxRequests": "true", "AuthCtrlr.AuthorizeRemoteStart": "true"}

    async def story() -> None:
        async with house(version, settings=asks) as home:
            await home.station.plug(1)
            assert (await home.start()).accepted
            await home.pass_time(1)
            assert [PAYER] == [fact.token for fact in home.backend.of(d.TokenPresented)]
            assert [7] == [fact.remote_start for fact in home.backend.of(d.SessionStarted)]

    run(story())


# ── the cable ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ALL)
def test_who_pays_and_does_not_plug_in_has_started_nothing(version: OcppVersion) -> None:
    async def story() -> None:
        wait = {"ConnectionTimeOut": "90", "TxCtrlr.EVConnectionTimeOut": "90", "TxCtrlr.TxStartPoint": "Authorized"}
        async with house(version, settings=wait) as home:
            await home.start()
            await home.pass_time(89)
            assert Phase.AWAITING is home.phase()
            await home.pass_time(1)
            assert (Phase.AVAILABLE, True) == (home.phase(), "No cable" in home.bay.message)
            expected = [] if version == V16 else ["Started RemoteStart", "Ended EVConnectTimeout"]
            assert expected == home.told()
            if version == V16:
                assert ["Available", "Preparing", "Available"] == home.statuses()

    run(story())


@pytest.mark.parametrize("version", ALL)
def test_where_configured_a_pulled_cable_pauses_the_charge(version: OcppVersion) -> None:
    stays = {
        "StopTransactionOnEVSideDisconnect": "false", "TxCtrlr.StopTxOnEVSideDisconnect": "false",
        "TxCtrlr.TxStopPoint": "Authorized",
    }  # fmt: skip

    async def story() -> None:
        async with house(version, settings=stays) as home:
            await home.station.plug(1)
            await home.start()
            await home.pass_time(10)
            await home.station.unplug(1)
            assert Phase.SUSPENDED_EV is home.phase()
            await home.station.plug(1)
            assert Phase.CHARGING is home.phase()
            await home.station.stop(1)
            await home.pass_time(1)
            assert 1 == len(home.backend.of(d.SessionEnded))

    run(story())


def test_a_full_car_suspends_itself() -> None:
    async def story() -> None:
        async with house(settings={"SampledDataCtrlr.TxUpdatedInterval": "0"}) as home:
            await home.station.plug(1)
            await home.start()
            await home.pass_time(4 * 3600)
            assert Kind.SUSPENDED is home.station.screen(1).kind
            assert "Updated ChargingStateChanged" == home.told()[-1]
            charge = home.station.screen(1).charge
            assert charge is not None
            assert (36_000, 0) == (charge.energy, charge.power)

    run(story())


# ── meter values ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ALL)
def test_meter_values_come_at_their_interval_and_hold_what_was_configured(version: OcppVersion) -> None:
    every = {
        "MeterValueSampleInterval": "15", "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import",
        "SampledDataCtrlr.TxUpdatedInterval": "15",
        "SampledDataCtrlr.TxEndedMeasurands": "Energy.Active.Import.Register,SoC",
        "SampledDataCtrlr.TxUpdatedMeasurands": "Energy.Active.Import.Register,Power.Active.Import",
    }  # fmt: skip

    async def story() -> None:
        async with house(version, settings=every) as home:
            await home.station.plug(1)
            await home.start()
            await home.pass_time(46)
            readings = [fact.readings[0] for fact in home.backend.of(d.SessionUpdated)]
            assert [1_234_567 + 91, 1_234_567 + 183, 1_234_567 + 275] == [reading.energy for reading in readings]
            assert {22_000} == {reading.power for reading in readings}
            assert {None} == {reading.soc for reading in readings}
            await home.stop()
            last = home.backend.of(d.SessionEnded)[0].readings[0]
            assert "Transaction.End" == last.context
            assert 1_234_567 + 281 == last.energy
            assert (version == V16) is (last.soc is None)

    run(story())


def test_odd_firmware_spells_its_samples_differently() -> None:
    async def story() -> None:
        for quirk, spelling in ((Quirk.KWH, "kWh"), (Quirk.BARE_SAMPLES, "bare")):
            async with house(quirks=frozenset({quirk})) as home:
                await home.station.plug(1)
                await home.start()
                assert spelling == home.backend.of(d.SessionStarted)[0].readings[0].spelling

    run(story())


def test_a_backend_that_answers_with_running_cost_has_it_on_the_display() -> None:
    from evouch.units import Money

    async def story() -> None:
        async with house() as home:
            home.backend.answers[d.SessionUpdated] = d.SessionAnswer(total_cost=Money.of("1.23", "EUR"))
            await home.station.plug(1)
            await home.start()
            await home.pass_time(60)
            charge = home.station.screen(1).charge
            assert charge is not None
            assert Money.of("1.23", "EUR") == charge.cost

    run(story())


def test_two_evses_do_not_disturb_each_other() -> None:
    async def story() -> None:
        async with house(evses=two_evses(V21)) as home:
            await home.station.plug(1)
            await home.station.plug(2)
            await home.start()
            await home.start(IdToken("psp_2"), 2)
            await home.pass_time(1)
            started = home.backend.of(d.SessionStarted)
            assert [1, 2] == [fact.evse for fact in started]
            await home.stop()
            assert Phase.FINISHING is home.phase()
            assert Phase.CHARGING is home.station.bays[EvseNumber(2)].state.phase

    run(story())


def test_a_charging_point_that_is_not_there_is_a_mistake_of_the_caller() -> None:
    async def story() -> None:
        async with house() as home:
            with pytest.raises(ValueError, match="no EVSE 9"):
                home.station.screen(9)

    run(story())


def test_a_display_is_woken_by_news_and_by_full_seconds() -> None:
    async def story() -> None:
        async with house() as home:
            seen: list[float] = []

            async def look() -> None:
                for _ in range(3):
                    await home.station.watch()
                    seen.append(home.station.time.now().timestamp() % 60)

            home.station.timers.spawn(look())
            await home.pass_time(0.4)
            await home.station.plug(1)
            await home.pass_time(3)
            assert [5.4, 6.0, 7.0] == pytest.approx(seen, abs=1e-3)

    run(story())
