"""Which sampled values count, and for how much (OCPP 1.6 §7.43, 2.x SampledValueType)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.charging.dialogue import MeterSampled, Reading
from evouch.ids import EvseNumber, OcppVersion
from evouch.ocpp.metering import ENERGY, POWER, SOC, Sample, number, readings, samples
from evouch.units import Watts, Wh
from tests.ocpp.wiretalk import NOON, VERSIONS, lifted, wired


def one(*sampled: Sample) -> Reading | None:
    made = readings(NOON, sampled)
    assert len(made) <= 1
    return made[0] if made else None


def energy(*sampled: Sample) -> int | None:
    reading = one(*sampled)
    return reading.energy if reading else None


def sample(value: str, **more: object) -> Sample:
    return Sample(value=number(value), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sampled", "expected"),
    [
        (sample("1234"), 1234),
        (sample("1234", measurand=ENERGY), 1234),
        (sample("1.234", unit="kWh"), 1234),
        (sample("1234.9", unit="Wh"), 1234),
        (sample("1", unit="Wh", multiplier=3), 1000),
        (sample("1.5", unit="kWh", multiplier=-3), 1),
        (sample("7", location="Inlet"), 7),
        (sample("0"), 0),
        (sample("-1"), None),
        (sample("5", phase="L1"), None),
        (sample("5", unit="kvarh"), None),
        (sample("5", measurand="Energy.Active.Export.Register"), None),
        (sample("5", unit="Wh", multiplier=10**9), None),
        (sample("abc"), None),
        (sample(""), None),
        (sample("NaN"), None),
        (sample("Infinity"), None),
        (sample("1e999999999"), None),
        (Sample(value=None, measurand=ENERGY), None),
    ],
)
def test_energy_is_the_import_register_of_all_phases_in_wh(sampled: Sample, expected: int | None) -> None:
    assert energy(sampled) == expected


def test_a_broken_sample_spoils_none_of_the_others() -> None:
    assert one(sample("?"), sample("80", measurand=SOC, unit="Percent"), sample("9")) == Reading(
        at=NOON, energy=Wh(9), soc=Decimal(80)
    )


def test_the_outlet_goes_before_any_other_place() -> None:
    assert energy(sample("9", location="Inlet"), sample("8", location="Outlet")) == 8
    assert energy(sample("9", location="Inlet"), sample("8")) == 8


def test_each_context_is_a_reading_of_its_own() -> None:
    begin, end = sample("1", context="Transaction.Begin"), sample("2", context="Transaction.End")
    assert [(r.context, r.energy) for r in readings(NOON, [begin, end])] == [
        ("Transaction.Begin", 1),
        ("Transaction.End", 2),
    ]


def test_power_of_single_conductors_adds_up_unless_the_whole_is_said() -> None:
    phases = [sample("3.5", measurand=POWER, unit="kW", phase=phase) for phase in ("L1", "L2", "L3")]
    assert one(*phases) == Reading(at=NOON, power=Watts(10500))
    assert one(*phases, sample("9", measurand=POWER)) == Reading(at=NOON, power=Watts(9))
    assert one(sample("230", measurand=POWER, phase="L1-L2")) is None


def test_a_state_of_charge_beyond_full_is_no_reading() -> None:
    assert one(sample("101", measurand=SOC)) is None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("spelling", ["Wh", "kWh", "bare"])
def test_however_a_firmware_spells_its_energy_it_is_the_same(version: OcppVersion, spelling: str) -> None:
    said = MeterSampled(evse=EvseNumber(1), readings=(Reading(at=NOON, energy=Wh(1234567), spelling=spelling),))
    assert lifted(said, wired(version)) == MeterSampled(
        evse=EvseNumber(1), readings=(Reading(at=NOON, energy=Wh(1234567)),)
    )


@pytest.mark.parametrize("spelling", ["Wh", "kWh", "bare"])
def test_a_spelling_is_none_without_energy(spelling: str) -> None:
    assert list(samples(Reading(at=NOON, power=Watts(5), spelling=spelling))) == [(POWER, Decimal(5), "W")]


@given(
    energy=st.none() | st.integers(0, 10**12),
    power=st.none() | st.integers(-(10**6), 10**6),
    soc=st.none() | st.decimals(0, 100, places=1),
)
def test_what_a_station_samples_is_read_back(energy: int | None, power: int | None, soc: Decimal | None) -> None:
    reading = Reading(at=NOON, energy=energy, power=power, soc=soc)  # type: ignore[arg-type]
    again = [Sample(value=value, measurand=name, unit=unit) for name, value, unit in samples(reading)]
    assert readings(NOON, again) == ((reading,) if again else ())
