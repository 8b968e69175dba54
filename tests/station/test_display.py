from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from evouch.charging.dialogue import BootStatus, Setting
from evouch.charging.tokens import IdToken, Limit
from evouch.ids import EvseNumber, Secret, StationId
from evouch.station.configuration import Configuration, WebPayments
from evouch.station.display import Kind, Scene, Summary, screen
from evouch.station.machine import EvseState, Phase
from evouch.station.spec import V21, EvseSpec, StationSpec
from evouch.testing.clock import VECTOR_TIME
from evouch.units import Money, Watts, Wh
from evouch.webpayment import totp
from tests.proofs import proves
from tests.station.house import E1, SECRET, TEMPLATE

FREE = EvseState(number=E1)


def web(**values: str) -> WebPayments:
    configuration = Configuration(StationSpec(id=StationId("CS-1"), version=V21, evses=(EvseSpec(number=E1),)))
    wanted = {"URLTemplate": TEMPLATE, "SharedSecret": SECRET, "Enabled": "true"} | values
    settings = (
        Setting(component="WebPaymentsCtrlr", variable=name, value=value, evse=E1) for name, value in wanted.items()
    )
    assert {"Accepted"} == {result.status for result in configuration.configure(tuple(settings))}
    shown = configuration.web(E1)
    assert shown is not None
    return shown


def scene(**parts: object) -> Scene:
    whole = Scene(station=StationId("CS-1"), state=FREE, web=web(), now=VECTOR_TIME, synced=True, online=True)
    return replace(whole, **parts)  # type: ignore[arg-type]


@proves("C25.FR.01")
def test_a_free_evse_shows_the_code_of_the_published_vector() -> None:
    # secret secure!Charging!, 30 s, 8 characters, 2024-05-23T00:23:05Z: ocpp-v1-length-8 of the white paper
    shown = screen(scene())
    assert (Kind.CODE, "https://pay.example/q/CS-1/1/CN63y502?v=v1") == (shown.kind, shown.url)
    assert ("pay.example", 25, 30) == (shown.host, shown.remaining, shown.period)
    assert ("CS-1", 1) == (shown.station, shown.evse)


def test_the_code_changes_exactly_at_the_boundary_of_its_slot() -> None:
    boundary = VECTOR_TIME + timedelta(seconds=25)
    before, at = (screen(scene(now=moment)) for moment in (boundary - timedelta(microseconds=1), boundary))
    assert ("CN63y502", 1) == (before.url.split("/")[-1][:8], before.remaining)
    assert ("dI54vnA2", 30) == (at.url.split("/")[-1][:8], at.remaining)


def test_a_car_that_is_plugged_in_already_still_gets_a_code() -> None:
    shown = screen(scene(state=replace(FREE, phase=Phase.OCCUPIED, cable=1)))
    assert (Kind.CODE, True) == (shown.kind, shown.plugged)


@pytest.mark.parametrize(
    ("parts", "word"),
    [
        ({"synced": False}, "clock"),
        ({"online": False}, "connection"),
        ({"web": None}, "not set up"),
        ({"web": web(Enabled="false")}, "not set up"),
        ({"web": web(URLTemplate="")}, "not set up"),
        ({"web": replace(web(), secret=None)}, "not set up"),
        ({"web": web(URLTemplate="https://pay.example/{roamingevseid}/{totp}")}, "not set up"),
        ({"web": web(URLTemplate=TEMPLATE + "&p=" + "x" * 2400, QRCodeQuality="High")}, "not set up"),
    ],
)
def test_without_a_code_a_sentence_says_why(parts: dict[str, object], word: str) -> None:
    shown = screen(scene(**parts))
    assert (Kind.HIDDEN, "") == (shown.kind, shown.url)
    assert word in shown.sentence
    assert shown.sentence.endswith(".")


def test_a_station_that_has_to_prove_itself_says_that_it_is_being_checked() -> None:
    shown = screen(scene(online=False, registration=BootStatus.PENDING))
    assert (Kind.HIDDEN, "One moment", "") == (shown.kind, shown.title, shown.url)
    assert "checking" in shown.sentence


@pytest.mark.parametrize("online", [True, False])
def test_a_refused_station_stays_dark_and_says_so(online: bool) -> None:
    shown = screen(scene(online=online, registration=BootStatus.REJECTED, lock_seconds=10.0))
    assert (Kind.OUT_OF_ORDER, "Not in service", "", 0) == (shown.kind, shown.title, shown.url, shown.remaining)
    assert "does not recognise" in shown.sentence


def test_a_refused_station_still_lets_go_of_a_car_that_has_charged() -> None:
    over = replace(FREE, phase=Phase.FINISHING, cable=1)
    assert Kind.FINISHED is screen(scene(state=over, registration=BootStatus.REJECTED)).kind


@pytest.mark.parametrize("word", ["challenge", "identity", "key", "signature", "proof", "backend", "rejected", "boot"])
def test_no_driver_needs_to_know_how_stations_are_recognised(word: str) -> None:
    for status in BootStatus:
        shown = screen(scene(online=False, registration=status))
        assert word not in (shown.title + " " + shown.sentence).lower()


@pytest.mark.parametrize(
    ("phase", "kind"),
    [
        (Phase.AUTHORISING, Kind.CHECKING),
        (Phase.AWAITING, Kind.PLUG_IN),
        (Phase.STARTING, Kind.STARTING),
        (Phase.CHARGING, Kind.CHARGING),
        (Phase.SUSPENDED_EV, Kind.SUSPENDED),
        (Phase.SUSPENDED_EVSE, Kind.SUSPENDED),
        (Phase.FINISHING, Kind.FINISHED),
        (Phase.RESERVED, Kind.RESERVED),
        (Phase.UNAVAILABLE, Kind.OUT_OF_ORDER),
        (Phase.FAULTED, Kind.OUT_OF_ORDER),
    ],
)
def test_no_code_is_shown_on_an_evse_that_is_not_free(phase: Phase, kind: Kind) -> None:
    token = IdToken("AB")
    shown = screen(scene(state=replace(FREE, phase=phase, token=token), lock_seconds=10.0))
    assert (kind, "") == (shown.kind, shown.url)
    assert shown.title


def test_a_lock_takes_the_code_away_and_counts_down() -> None:
    shown = screen(scene(lock_seconds=59.2))
    assert (Kind.LOCKED, "", 60) == (shown.kind, shown.url, shown.remaining)
    assert "phone" in shown.sentence


def test_a_message_stands_beside_whatever_is_shown() -> None:
    assert "Declined." == screen(scene(message="Declined.")).message


def test_the_lowest_figures_of_a_charge_are_shown_while_it_runs() -> None:
    charge = Summary(
        energy=Wh(1234), power=Watts(11_000), soc=Decimal("41.5"), seconds=61, cost=Money.of("1.20", "EUR")
    )
    shown = screen(scene(state=replace(FREE, phase=Phase.CHARGING, cable=1, token=IdToken("AB")), charge=charge))
    assert (charge, True) == (shown.charge, shown.latched)


@proves("C25.FR.04", "C25.FR.05", "C25.FR.06")
def test_limits_that_the_driver_typed_in_are_in_the_url() -> None:
    wishes = Limit(max_cost=Money.of("15.50", "EUR"), max_energy=Wh(20_000), max_time=3600)
    url = screen(scene(wishes=wishes)).url
    assert url.endswith("?v=v1&maxtime=3600&maxenergy=20000&maxcost=15.50")


def test_the_display_shows_its_time_only_when_the_backend_has_set_it() -> None:
    assert (VECTOR_TIME, None) == (screen(scene()).now, screen(scene(synced=False)).now)


def test_no_sentence_talks_of_errors_and_numbers() -> None:
    scenes = [scene(state=replace(FREE, phase=phase, token=IdToken("AB"))) for phase in Phase]
    scenes += [scene(synced=False), scene(online=False), scene(web=None), scene(lock_seconds=5.0)]
    scenes += [scene(online=False, registration=status) for status in BootStatus]
    for each in scenes:
        shown = screen(each)
        assert "error" not in (shown.title + shown.sentence).lower()
        assert not any(letter.isdigit() for letter in shown.title + shown.sentence)


def test_two_evses_show_two_codes() -> None:
    other = screen(scene(state=EvseState(number=EvseNumber(2))))
    assert "/CS-1/2/" in other.url


def test_the_port_belongs_to_the_host_that_is_shown() -> None:
    assert "pay.example:8443" == screen(scene(web=web(URLTemplate=TEMPLATE.replace("example", "example:8443")))).host


def test_the_code_is_made_with_the_length_and_validity_that_were_set() -> None:
    shown = screen(scene(web=web(ValidityTime="3600", Length="6")))
    expected = totp.code(Secret(SECRET), totp.slot(VECTOR_TIME, 3600), length=6)
    assert f"/1/{expected}?" in shown.url
