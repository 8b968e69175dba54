from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.clock import Tick
from evouch.station.meter import Meter, delivered, duration, power_at
from evouch.station.spec import Curve
from evouch.testing.clock import VECTOR_TIME
from evouch.units import Watts, Wh

T0 = Tick(1000.0)
FAST = Curve(power=Watts(22_000), capacity=Wh(60_000), soc=40)
CURVES = st.builds(
    Curve,
    power=st.integers(1_000, 350_000),
    capacity=st.integers(5_000, 120_000),
    soc=st.integers(0, 99),
    knee=st.integers(1, 99),
    tail=st.floats(0.01, 1.0),
)


def meter(curve: Curve = FAST, register: int = 1_234_567) -> Meter:
    return Meter(curve=curve, register=Wh(register)).on(T0)


def test_the_register_begins_where_the_last_car_left_it() -> None:
    first = meter()
    later = Tick(T0 + 360)
    assert 1_234_567 + 2_200 == first.energy(later)
    assert 1_234_567 + 2_200 == first.next_car(later).energy(Tick(later + 100))


def test_energy_is_whole_watt_hours_and_never_ahead_of_what_flowed() -> None:
    assert 1_234_567 == meter().energy(Tick(T0 + 0.1))
    assert 1_234_568 == meter().energy(Tick(T0 + 0.17))


def test_power_falls_beyond_the_knee_and_ends_when_the_car_is_full() -> None:
    full = meter().full()
    assert full is not None
    knee = Tick(T0 + 24_000 / 22_000 * 3600)
    assert Watts(22_000) == meter().power(Tick(knee - 1))
    assert Watts(22_000) > meter().power(Tick(knee + 1800)) > Watts(2_200)
    assert Watts(0) == meter().power(full)
    assert Wh(1_234_567 + 36_000) == meter().energy(Tick(full + 3600))
    assert Decimal("100.0") == meter().soc(full)


def test_no_power_flows_while_the_contactor_is_open() -> None:
    paused = meter().off(Tick(T0 + 360))
    assert (Watts(0), Wh(1_236_767)) == (paused.power(Tick(T0 + 999)), paused.energy(Tick(T0 + 999)))
    assert Wh(1_238_967) == paused.on(Tick(T0 + 1000)).energy(Tick(T0 + 1360))
    assert paused.when(Wh(1_240_000)) is None
    assert paused.full() is None


def test_closing_a_closed_contactor_changes_nothing() -> None:
    assert meter() == meter().on(Tick(T0 + 60))


def test_a_meter_says_when_it_will_show_a_register() -> None:
    assert T0 + 360 == pytest.approx(meter().when(Wh(1_236_767)))
    assert meter().when(Wh(1_234_567 + 40_000)) is None, "the car is full before"


def test_a_reading_is_one_moment() -> None:
    reading = meter().reading(Tick(T0 + 360), VECTOR_TIME)
    assert (1_236_767, 22_000, Decimal("43.7")) == (reading.energy, reading.power, reading.soc)


@given(CURVES, st.floats(0, 1e6), st.floats(0, 1e6))
def test_energy_only_grows_and_ends_at_a_full_battery(curve: Curve, one: float, other: float) -> None:
    early, late = sorted((one, other))
    room = (100 - curve.soc) / 100 * curve.capacity
    assert delivered(curve, early) <= delivered(curve, late) + 1e-9
    assert delivered(curve, late) <= room + 1e-6


@given(CURVES, st.floats(0.001, 0.999))
def test_when_and_how_much_are_inverses(curve: Curve, share: float) -> None:
    energy = share * (100 - curve.soc) / 100 * curve.capacity
    seconds = duration(curve, energy)
    assert seconds is not None
    assert energy == pytest.approx(delivered(curve, seconds), rel=1e-6, abs=1e-3)


@given(CURVES, st.floats(0, 1))
def test_power_never_exceeds_what_the_evse_gives(curve: Curve, share: float) -> None:
    energy = share * (100 - curve.soc) / 100 * curve.capacity
    assert 0 <= power_at(curve, energy) <= curve.power


def test_a_dead_evse_delivers_nothing() -> None:
    dead = Curve(power=Watts(0))
    assert 0.0 == delivered(dead, 3600)
    assert duration(dead, 1.0) is None
