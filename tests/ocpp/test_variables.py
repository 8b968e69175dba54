"""WebPaymentsCtrlr in neutral form, on 2.x and as 1.6 keys; the standard settings that a payment needs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.charging.dialogue import Setting
from evouch.charging.equipment import Wiring
from evouch.ids import EvseNumber, OcppVersion, Secret
from evouch.ocpp.v2_parts import component_of, setting_part
from evouch.ocpp.variables import (
    VARIABLES,
    WEB_PAYMENTS,
    Kind,
    Mutability,
    Variable,
    hidden,
    key_of,
    metering_settings,
    plug_timeout,
    refusal,
    registration_reads,
    setting_of,
    value_limit,
    variable,
)
from evouch.ocpp.versions import V16, V21, V201
from tests.ocpp.wiretalk import VERSIONS, wired

NAMES = [one.name for one in VARIABLES]


def web(name: str, evse: int | None = None, value: str | None = None) -> Setting:
    return Setting(component=WEB_PAYMENTS, variable=name, evse=None if evse is None else EvseNumber(evse), value=value)


def test_the_table_holds_what_oca_lists_and_what_stations_add() -> None:
    listed = {
        "URLTemplate", "URLParameters", "TOTPVersion", "ChargingStationId", "ValidityTime", "SharedSecret",
        "Length", "QRCodeQuality",
    }  # fmt: skip
    assert listed <= set(NAMES)
    assert {one.name for one in VARIABLES if one.required} == {
        "URLTemplate", "TOTPVersion", "ValidityTime", "SharedSecret", "Length",
    }  # fmt: skip
    assert [one.name for one in VARIABLES if one.mutability is Mutability.WRITE_ONLY] == ["SharedSecret"]
    assert [one.name for one in VARIABLES if one.mutability is Mutability.READ_ONLY] == ["URLParameters"]


def test_names_are_compared_without_case() -> None:
    assert variable("sharedsecret") is variable("SharedSecret")
    assert variable("Nonsense") is None


@pytest.mark.parametrize("one", VARIABLES, ids=lambda one: one.name)
def test_a_default_is_a_value_that_could_be_set(one: object) -> None:
    known = next(each for each in VARIABLES if each is one)
    if known.default and known.mutability is not Mutability.READ_ONLY:
        assert refusal(known, known.default) == ""


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("Enabled", "TRUE", ""),
        ("Enabled", "yes", "InvalidValue"),
        ("URLParameters", "maxtime", "ReadOnly"),
        ("TOTPVersion", "v1", ""),
        ("TOTPVersion", "v2", "InvalidValue"),
        ("ValidityTime", "5", "ValueTooLow"),
        ("ValidityTime", "6", ""),
        ("ValidityTime", "3600", ""),
        ("ValidityTime", "3601", "ValueTooHigh"),
        ("ValidityTime", "99999999999999999999", "ValueTooHigh"),
        ("ValidityTime", "-30", "InvalidValue"),
        ("ValidityTime", "30.0", "InvalidValue"),
        ("ValidityTime", "٣٠", "InvalidValue"),
        ("Length", "5", "ValueTooLow"),
        ("Length", "8", ""),
        ("SharedSecret", "12345678", ""),
        ("SharedSecret", "1234567", "ValueTooShort"),
        ("SharedSecret", "x" * 256, "ValueTooLong"),
        ("QRCodeQuality", "high", ""),
        ("QRCodeQuality", "Ultra", "InvalidValue"),
    ],
)
def test_ranges(name: str, value: str, why: str) -> None:
    known = variable(name)
    assert known is not None
    assert refusal(known, value) == why


def test_a_list_takes_its_own_members_in_any_order_and_case() -> None:
    members = Variable(name="X", kind=Kind.MEMBERS, values=("a", "b"))
    assert refusal(members, " B,a") == ""
    assert refusal(members, "") == ""
    assert refusal(members, "a,c") == "InvalidValue"


@given(value=st.text(max_size=300))
def test_a_refusal_is_a_reason_code_and_never_repeats_the_value(value: str) -> None:
    for known in VARIABLES:
        assert len(refusal(known, value)) <= 20
        assert refusal(known, "s3cret!!" + value).find("s3cret!!") == -1


def test_values_have_the_room_that_the_version_gives_them() -> None:
    assert [value_limit(version) for version in (V16, V201, V21)] == [500, 1000, 2500]


# ── 1.6 keys ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("key", "setting"),
    [
        ("WebPaymentsCtrlr.URLTemplate", web("URLTemplate")),
        ("webPaymentsCtrlr.urltemplate", web("URLTemplate")),
        ("WEBPAYMENTSCTRLR.1.SHAREDSECRET", web("SharedSecret", 1)),
        # connectors 2 and 3 belong to EVSE 2
        ("WebPaymentsCtrlr.3.Length", web("Length", 2)),
        ("WebPaymentsCtrlr.Nonsense", web("Nonsense")),
        ("WebPaymentsCtrlr.9.Length", Setting(component="", variable="WebPaymentsCtrlr.9.Length")),
        ("WebPaymentsCtrlr.x.Length", Setting(component="", variable="WebPaymentsCtrlr.x.Length")),
        ("WebPaymentsCtrlr.1.2.Length", Setting(component="", variable="WebPaymentsCtrlr.1.2.Length")),
        ("WebPaymentsCtrlr", Setting(component="", variable="WebPaymentsCtrlr")),
        ("HeartbeatInterval", Setting(component="", variable="HeartbeatInterval")),
    ],
)
def test_a_key_is_a_setting(key: str, setting: Setting) -> None:
    assert setting_of(key, wired(V16)) == setting


def test_a_setting_is_a_key() -> None:
    assert key_of(web("Length"), wired(V16)) == "WebPaymentsCtrlr.Length"
    assert key_of(web("Length", 2), wired(V16)) == "WebPaymentsCtrlr.2.Length"
    assert key_of(Setting(component="", variable="HeartbeatInterval"), wired(V16)) == "HeartbeatInterval"
    assert key_of(Setting(component="TxCtrlr", variable="TxStartPoint"), wired(V16)) is None


@given(name=st.sampled_from(NAMES), evse=st.none() | st.integers(1, 2), upper=st.booleans())
def test_every_setting_survives_its_key_in_any_case(name: str, evse: int | None, upper: bool) -> None:
    key = key_of(web(name, evse), wired(V16))
    assert key is not None
    assert len(key) <= 50
    assert setting_of(key.upper() if upper else key.lower(), wired(V16)) == web(name, evse)


@given(key=st.text(max_size=50))
def test_no_key_makes_us_stumble(key: str) -> None:
    setting_of(key, wired(V16))
    setting_of(f"WebPaymentsCtrlr.{key}", Wiring(V16))


@given(name=st.sampled_from(NAMES), evse=st.none() | st.integers(1, 9))
def test_every_setting_survives_component_and_variable(name: str, evse: int | None) -> None:
    assert component_of(*setting_part(web(name, evse))) == web(name, evse)


def test_a_secret_is_wrapped_as_soon_as_it_is_read() -> None:
    setting = setting_of("WebPaymentsCtrlr.1.sharedSecret", wired(V16), "abcdefgh")
    assert setting.value == Secret("abcdefgh")
    assert hidden(setting)
    assert "abcdefgh" not in repr(setting)


# ── standard settings ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", VERSIONS)
def test_metering_covers_start_course_and_end(version: OcppVersion) -> None:
    named = {setting.variable: setting.value for setting in metering_settings(version)}
    measurands = [str(value) for name, value in named.items() if "Data" in name or "Measurands" in name]
    assert all("Energy.Active.Import.Register" in value.split(",") for value in measurands)
    interval = named["MeterValueSampleInterval" if version == V16 else "TxUpdatedInterval"]
    assert 0 < int(str(interval)) <= 30
    assert len(measurands) == (2 if version == V16 else 3)


def test_a_station_that_refuses_power_can_be_asked_for_energy_alone() -> None:
    for setting in metering_settings(V21, measurands=("Energy.Active.Import.Register",), interval=10):
        assert setting.value in {"Energy.Active.Import.Register", "10"}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_read_at_registration_can_be_said(version: OcppVersion) -> None:
    reads = registration_reads(version)
    assert plug_timeout(version) in reads
    assert all((setting.component == "") == (version == V16) for setting in reads)
    assert len(set(reads)) == len(reads)
    names = {setting.variable for setting in reads}
    assert ("SupportedLimits" in names) == ("SupportedIdTokenTypes" in names) == (version == V21)
    assert ("CustomDisplayCostAndPrice" in names) == (version == V16)
