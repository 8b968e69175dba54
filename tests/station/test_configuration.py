import pytest

from evouch.charging.dialogue import Setting, SettingResult, SettingStatus
from evouch.ids import EvseNumber, OcppVersion, Secret, StationId
from evouch.station.configuration import Configuration
from evouch.station.queue import Retries
from evouch.station.spec import V16, V21, V201, EvseSpec, Quirk, Screens, StationSpec
from evouch.testing.clock import VECTOR_TIME
from tests.station.house import ALL, E1, E2, SECRET, TEMPLATE, two_evses

S = SettingStatus
WEB = "WebPaymentsCtrlr"


def station(version: OcppVersion = V21, **spec: object) -> Configuration:
    whole = {"id": StationId("CS-1"), "version": version, "evses": two_evses(version)} | spec
    return Configuration(StationSpec(**whole))  # type: ignore[arg-type]


def web(name: str, value: str | Secret | None = None, evse: EvseNumber | None = E1) -> Setting:
    return Setting(component=WEB, variable=name, value=value, evse=evse)


def put(configuration: Configuration, setting: Setting) -> SettingResult:
    (result,) = configuration.configure((setting,))
    return result


def look(configuration: Configuration, setting: Setting) -> SettingResult:
    (result,) = configuration.read((setting,))
    return result


# ── WebPaymentsCtrlr: ranges ────────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("ValidityTime", ("6", "30", "3600"), ("5", "3601", "0", "-1", "", "30.0", "30s", " 30", "٣٠")),
        ("Length", ("6", "8", "255"), ("5", "256", "", "8.0", "eight")),
        ("TOTPVersion", ("v1", "V1"), ("v2", "", "1")),
        ("QRCodeQuality", ("Low", "medium", "QUARTILE", "High"), ("Best", "", "L")),
        ("Enabled", ("true", "False", "TRUE"), ("yes", "1", "")),
        ("SharedSecret", ("12345678", "secure!Charging!", "x" * 255), ("1234567", "", "with blank!", "tab\tinside")),
        ("ChargingStationId", ("CS-1", "DE*ABC*1"), ("", "a b", "x" * 49)),
        ("URLTemplate", (TEMPLATE, "", "https://pay.example/{evseId}/{TOTP}"), ("http://pay.example/{evse}/{totp}",)),
    ],
)
def test_each_setting_takes_its_range_and_refuses_what_is_outside(
    version: OcppVersion, name: str, good: tuple[str, ...], bad: tuple[str, ...]
) -> None:
    configuration = station(version)
    for value in good:
        assert S.ACCEPTED is put(configuration, web(name, value)).status, value
    kept = look(configuration, web(name)).value
    for value in bad:
        result = put(configuration, web(name, value))
        assert S.REJECTED is result.status, value
        assert result.reason
        assert kept == look(configuration, web(name)).value


@pytest.mark.parametrize(
    "template",
    [
        "https://pay.example/{evse}",
        "https://pay.example/{totp}",
        "https://pay.example/{evse}/{totp}/{surprise}",
        "https://anne:secret@pay.example/{evse}/{totp}",
        "javascript:alert({totp}{evse})",
        "https://pay.example/{evse}/{totp}?kwh={maxSoC}",
    ],
)
def test_a_template_that_cannot_be_safe_is_refused_when_it_is_set(template: str) -> None:
    configuration = station()
    assert S.REJECTED is put(configuration, web("URLTemplate", template)).status


@pytest.mark.parametrize(("version", "longest"), [(V16, 500), (V201, 1000), (V21, 2500)])
def test_a_template_is_as_long_as_the_version_can_set(version: OcppVersion, longest: int) -> None:
    configuration = station(version)
    exact = TEMPLATE + "&p=" + "x" * (longest - len(TEMPLATE) - 3)
    assert S.ACCEPTED is put(configuration, web("URLTemplate", exact)).status
    assert S.REJECTED is put(configuration, web("URLTemplate", exact + "x")).status


def test_a_limit_in_the_template_has_to_be_one_that_the_station_offers() -> None:
    template = TEMPLATE + "&kwh={maxenergy}"
    assert S.ACCEPTED is put(station(), web("URLTemplate", template)).status
    without = station(settings={f"{WEB}.URLParameters": "maxtime"})
    assert S.REJECTED is put(without, web("URLTemplate", template)).status


def test_http_to_loopback_needs_a_station_that_was_told_so() -> None:
    template = TEMPLATE.replace("https://pay.example", "http://localhost:8080")
    assert S.REJECTED is put(station(), web("URLTemplate", template)).status
    assert S.ACCEPTED is put(station(loopback_http=True), web("URLTemplate", template)).status


# ── WebPaymentsCtrlr: the secret ────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", [V201, V21])
def test_nobody_reads_the_shared_secret_on_2_x(version: OcppVersion) -> None:
    configuration = station(version)
    put(configuration, web("SharedSecret", Secret(SECRET)))
    result = look(configuration, web("SharedSecret"))
    assert (S.REJECTED, None, "WriteOnly") == (result.status, result.value, result.reason)


def test_1_6_names_the_key_of_the_secret_without_a_value() -> None:
    configuration = station(V16)
    put(configuration, web("SharedSecret", Secret(SECRET)))
    result = look(configuration, web("SharedSecret"))
    assert (S.ACCEPTED, None) == (result.status, result.value)
    assert all(SECRET not in str(row.value) for row in configuration.read(()))


@pytest.mark.parametrize("version", ALL)
def test_no_report_holds_a_secret(version: OcppVersion) -> None:
    configuration = station(version)
    put(configuration, web("SharedSecret", Secret(SECRET)))
    assert SECRET not in repr(configuration.report(1, VECTOR_TIME, writable_only=False))
    assert SECRET not in repr(configuration.read(()))


# ── WebPaymentsCtrlr: addresses ─────────────────────────────────────────────────────────


@pytest.mark.parametrize("version", ALL)
def test_one_display_per_evse_is_addressed_per_evse_only(version: OcppVersion) -> None:
    configuration = station(version)
    assert S.REJECTED is put(configuration, web("Length", "8", None)).status
    assert S.ACCEPTED is put(configuration, web("Length", "9", E2)).status
    assert ["8", "9"] == [look(configuration, web("Length", evse=evse)).value for evse in (E1, E2)]


@pytest.mark.parametrize("version", ALL)
def test_a_single_display_is_addressed_station_wide_only(version: OcppVersion) -> None:
    configuration = station(version, screens=Screens.SINGLE)
    assert S.REJECTED is put(configuration, web("Length", "8", E1)).status
    assert S.ACCEPTED is put(configuration, web("Length", "9", None)).status
    shown = [configuration.web(evse) for evse in (E1, E2)]
    assert [9, 9] == [each.length for each in shown if each]


def test_an_evse_that_is_not_there_has_no_component() -> None:
    assert S.UNKNOWN_COMPONENT is put(station(), web("Length", "8", EvseNumber(3))).status
    assert S.UNKNOWN_VARIABLE is put(station(V16), web("Length", "8", EvseNumber(3))).status


@pytest.mark.parametrize(("version", "status"), [(V16, S.UNKNOWN_VARIABLE), (V21, S.UNKNOWN_COMPONENT)])
def test_a_station_without_display_does_not_know_the_component(version: OcppVersion, status: SettingStatus) -> None:
    configuration = station(version, screens=Screens.NONE)
    assert status is put(configuration, web("Length", "8")).status
    assert status is look(configuration, web("Length")).status
    assert configuration.web(E1) is None


@pytest.mark.parametrize("version", ALL)
def test_names_are_compared_without_case(version: OcppVersion) -> None:
    configuration = station(version)
    setting = Setting(component="webPaymentsCtrlr", variable="validitytime", value="60", evse=E1)
    assert S.ACCEPTED is put(configuration, setting).status
    assert "60" == look(configuration, web("ValidityTime")).value


@pytest.mark.parametrize("version", ALL)
def test_url_parameters_are_read_only(version: OcppVersion) -> None:
    configuration = station(version)
    result = put(configuration, web("URLParameters", "maxcost"))
    assert (S.REJECTED, "ReadOnly") == (result.status, result.reason)
    read = look(configuration, web("URLParameters"))
    assert ("maxtime,maxenergy,maxcost", True) == (read.value, read.readonly)


def test_a_bare_station_has_what_2_1_requires_and_shows_as_soon_as_that_is_there() -> None:
    configuration = station(quirks=frozenset({Quirk.BARE_WEB}))
    for name in ("Enabled", "QRCodeQuality", "URLParameters"):
        assert S.UNKNOWN_VARIABLE is put(configuration, web(name, "true")).status
    configuration.configure((web("URLTemplate", TEMPLATE), web("SharedSecret", Secret(SECRET))))
    shown = configuration.web(E1)
    assert shown is not None
    assert shown.enabled
    assert shown.complete


def test_a_reboot_makes_waiting_settings_effective() -> None:
    configuration = station(quirks=frozenset({Quirk.REBOOT_REQUIRED}))
    assert S.REBOOT_REQUIRED is put(configuration, web("ValidityTime", "60")).status
    assert "30" == look(configuration, web("ValidityTime")).value
    configuration.reboot()
    assert "60" == look(configuration, web("ValidityTime")).value


def test_nothing_is_shown_before_a_backend_has_set_template_and_secret() -> None:
    configuration = station()
    fresh = configuration.web(E1)
    assert fresh is not None
    assert (False, False) == (fresh.enabled, fresh.complete)
    assert "CS-1" == fresh.station


def test_the_roaming_id_of_an_evse_is_its_own_unless_set() -> None:
    configuration = station(evses=(EvseSpec(number=E1, evse_id="DE*ABC*E1"),))
    configuration.configure((web("RoamingCSId", "DE*ABC*1"),))
    shown = configuration.web(E1)
    assert shown is not None
    assert ("DE*ABC*E1", "DE*ABC*1") == (shown.roaming_evse, shown.roaming_station)


# ── settings of the standards ───────────────────────────────────────────────────────────


def key(name: str, value: str | None = None) -> Setting:
    return Setting(component="", variable=name, value=value)


def variable(component: str, name: str, value: str | None = None, instance: str | None = None) -> Setting:
    return Setting(component=component, variable=name, value=value, instance=instance)


@pytest.mark.parametrize(
    ("setting", "status"),
    [
        (key("HeartbeatInterval", "60"), S.ACCEPTED),
        (key("heartbeatINTERVAL", "60"), S.ACCEPTED),
        (key("HeartbeatInterval", "-1"), S.REJECTED),
        (key("MeterValuesSampledData", "Energy.Active.Import.Register,Power.Active.Import,SoC"), S.ACCEPTED),
        (key("MeterValuesSampledData", "Voltage"), S.REJECTED),
        (key("AuthorizationKey", "00112233445566778899aabbccddeeff"), S.ACCEPTED),
        (key("AuthorizationKey", "0011"), S.REJECTED),
        (key("AuthorizationKey", "00112233445566778899aabbccddeeffg0"), S.REJECTED),
        (key("NumberOfConnectors", "3"), S.REJECTED),
        (key("StopTransactionOnInvalidId", "maybe"), S.REJECTED),
        (key("NoSuchKey", "1"), S.UNKNOWN_VARIABLE),
    ],
)
def test_1_6_keys(setting: Setting, status: SettingStatus) -> None:
    assert status is put(station(V16), setting).status


@pytest.mark.parametrize(
    ("setting", "status"),
    [
        (variable("OCPPCommCtrlr", "HeartbeatInterval", "60"), S.ACCEPTED),
        (variable("TxCtrlr", "TxStartPoint", "Authorized,EVConnected"), S.ACCEPTED),
        (variable("TxCtrlr", "TxStartPoint", "Whenever"), S.REJECTED),
        (variable("TxCtrlr", "SupportedLimits", "MaxCost"), S.REJECTED),
        (variable("SecurityCtrlr", "BasicAuthPassword", "x" * 16), S.ACCEPTED),
        (variable("SecurityCtrlr", "BasicAuthPassword", "x" * 15), S.REJECTED),
        (variable("SecurityCtrlr", "BasicAuthPassword", "x" * 41), S.REJECTED),
        (variable("OCPPCommCtrlr", "MessageAttempts", "5", "TransactionEvent"), S.ACCEPTED),
        (variable("OCPPCommCtrlr", "MessageAttempts", "5"), S.UNKNOWN_VARIABLE),
        (variable("TxCtrlr", "NoSuch", "1"), S.UNKNOWN_VARIABLE),
        (variable("NoSuchCtrlr", "Interval", "1"), S.UNKNOWN_COMPONENT),
    ],
)
def test_2_x_variables(setting: Setting, status: SettingStatus) -> None:
    assert status is put(station(), setting).status


def test_limits_are_new_in_2_1() -> None:
    assert station().supports("MaxCost")
    assert not station(V201).supports("MaxCost")
    assert S.UNKNOWN_VARIABLE is look(station(V201), variable("TxCtrlr", "SupportedLimits")).status


def test_the_password_that_a_backend_set_is_the_one_to_connect_with() -> None:
    old, new = station(V16, password=Secret("first password!!")), station(password=Secret("first password!!"))
    assert Secret("first password!!") == old.password == new.password
    put(old, key("AuthorizationKey", "41" * 16))
    put(new, variable("SecurityCtrlr", "BasicAuthPassword", "B" * 16))
    assert (Secret("A" * 16), Secret("B" * 16)) == (old.password, new.password)


@pytest.mark.parametrize("version", ALL)
def test_what_the_station_goes_by_is_what_was_set(version: OcppVersion) -> None:
    configuration = station(
        version,
        settings={
            "MeterValueSampleInterval": "10", "SampledDataCtrlr.TxUpdatedInterval": "10",
            "ConnectionTimeOut": "90", "TxCtrlr.EVConnectionTimeOut": "90",
            "AuthorizeRemoteTxRequests": "true", "AuthCtrlr.AuthorizeRemoteStart": "true",
            "TransactionMessageAttempts": "5", "OCPPCommCtrlr.MessageAttempts": "5",
            "TransactionMessageRetryInterval": "7", "OCPPCommCtrlr.MessageAttemptInterval": "7",
        },
    )  # fmt: skip
    assert (10, 90, True) == (
        configuration.sample_interval,
        configuration.cable_timeout,
        configuration.authorize_remote,
    )
    assert Retries(5, 7.0) == configuration.retries


def test_the_report_comes_in_pages_and_the_last_one_says_so() -> None:
    pages = station().report(77, VECTOR_TIME, writable_only=False)
    assert len(pages) > 1
    assert [True] * (len(pages) - 1) + [False] == [page.more for page in pages]
    assert list(range(len(pages))) == [page.page for page in pages]
    assert {77} == {page.request for page in pages}
    rows = [row.setting for page in pages for row in page.settings]
    assert {E1, E2} == {row.evse for row in rows if row.component == WEB and row.variable == "URLTemplate"}


def test_a_configuration_inventory_leaves_out_what_nobody_can_set() -> None:
    rows = [row for page in station().report(1, VECTOR_TIME, writable_only=True) for row in page.settings]
    assert not any(row.readonly for row in rows)
    assert "Identity" not in {row.setting.variable for row in rows}


def test_1_6_reads_everything_when_no_key_is_named() -> None:
    names = {row.setting.variable for row in station(V16).read(())}
    assert {"HeartbeatInterval", "NumberOfConnectors", "URLTemplate", "AuthorizationKey"} <= names
    assert S.UNKNOWN_VARIABLE is look(station(V16), key("Unheard")).status
    assert "2" == look(station(V16), key("NumberOfConnectors")).value
