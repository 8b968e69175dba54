"""Settings come from default, file, environment and flag, the last one wins, and none is silently ignored."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evouch.cli import build
from evouch.cli.config import ConfigError, Loaded, load, rows
from evouch.cli.settings import ACTORS, CpoConfig, IdentityConfig, PspConfig, StationConfig
from tests.proofs import proves

FILE = """
[cpo]
public_url = "https://pay.example"
hold = 30.10

[cpo.http]
port = 8443

[cpo.tariff]
per_kwh = 0.59
per_minute = 0.1

[[cpo.stations]]
id = "CS-1"
version = "1.6"
password = "not a good password"
evses = [{number = 1, max_power = 11000, evse_id = "DE*ABC*E1"}, {number = 2}]

[psp.http]
port = 9999
"""

IDENTITY = """
[cpo.ocpp]
proxies = ["10.0.0.1", "2001:db8::1"]

[cpo.tls]
certificate = "chain.pem"
key = "key.pem"
client_ca = "stations.pem"
require_client_certificate = true
organization = "Example Charging"

[cpo.identity]
require = "all"
difficulty = 20
on_unsupported = "fallback"
ocpp2_extension = true
trusted_networks = ["10.1.0.0/16", "2001:db8::/32"]
rules = ["mutual TLS", "trusted"]
recheck = 24
endpoint = "cpo.example"

[[cpo.stations]]
id = "CS-1"
trusted = true
profile = 3
certificate_name = "SN-0001"
identities = [
    { key = { type = "ed25519", encoding = "base64url", value = "AAAA" } },
    { did = "did:key:z6Mk" },
    { certificate = "00ff" },
]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "evouch.toml"
    path.write_text(FILE)
    return path


def cpo(file: Path | None = None, **environ: str) -> Loaded[CpoConfig]:
    return load(CpoConfig, file=file, environ=environ)


def test_everything_has_a_default_that_listens_on_loopback_only() -> None:
    for kind in (CpoConfig, PspConfig, StationConfig):
        config = load(kind, environ={}).config
        assert "127.0.0.1" == config.http.host  # type: ignore[attr-defined]


def test_the_file_wins_over_the_default_the_environment_over_the_file_and_a_flag_over_all(file: Path) -> None:
    environ = {"EVOUCH_CPO_HTTP__PORT": "81"}
    seen = [
        cpo(),
        cpo(file),
        cpo(file, **environ),
        load(CpoConfig, file=file, environ=environ, flags={"http.port": 82, "ocpp.port": None}),
    ]
    assert [8080, 8443, 81, 82] == [each.config.http.port for each in seen]
    origins = ["default", str(file), "EVOUCH_CPO_HTTP__PORT", "--http-port"]
    assert origins == [each.origins["http.port"] for each in seen]
    assert ["default"] * 4 == [each.origins["ocpp.port"] for each in seen]


def test_prices_in_the_file_keep_every_digit(file: Path) -> None:
    config = cpo(file).config
    assert (Decimal("30.10"), "30.10") == (config.hold, str(config.hold))
    assert "0.1" == str(config.tariff.tariff().per_minute)
    assert Decimal("0.59") == config.tariff.tariff().per_kwh
    assert "30.10 EUR" == str(config.held)


def test_a_price_from_the_environment_is_exact_too() -> None:
    assert Decimal("0.10") == cpo(EVOUCH_CPO_TARIFF__PER_KWH="0.10").config.tariff.per_kwh


def test_stations_are_wired_as_their_version_numbers_connectors(file: Path) -> None:
    old = cpo(file).config.stations[0]
    assert [(1, (1,)), (2, (2,))] == [(each.number, each.connectors) for each in old.wiring()]
    assert [11_000, 22_000] == [each.max_power for each in old.wiring()]


def test_each_command_reads_its_own_table(file: Path) -> None:
    assert 9999 == load(PspConfig, file=file, environ={}).config.http.port
    assert "ocpp2.1" == load(StationConfig, file=file, environ={}).config.subprotocol


def test_a_section_that_is_absent_by_default_appears_with_its_settings() -> None:
    config = cpo(EVOUCH_CPO_TLS__CERTIFICATE="a.pem", EVOUCH_CPO_TLS__KEY="b.pem").config
    assert config.tls is not None
    assert (Path("a.pem"), Path("b.pem")) == (config.tls.certificate, config.tls.key)


def test_identity_trust_and_proxies_are_settings_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "evouch.toml"
    path.write_text(IDENTITY)
    loaded = cpo(path, EVOUCH_CPO_IDENTITY__WINDOW="300")
    config = loaded.config
    assert ("all", 20, 300, 60) == (
        config.identity.require, config.identity.difficulty, config.identity.window, config.identity.ttl,
    )  # fmt: skip
    assert ("mutual TLS", "trusted") == config.identity.rules
    assert config.tls is not None
    assert (Path("stations.pem"), True) == (config.tls.client_ca, config.tls.require_client_certificate)
    assert ("10.0.0.1", "2001:db8::1") == config.ocpp.proxies
    (station,) = config.stations
    assert (True, 3, "SN-0001", 3) == (
        station.trusted, station.profile, station.certificate_name, len(station.identities),
    )  # fmt: skip
    origins = [loaded.origins[f"identity.{name}"] for name in ("window", "ttl", "difficulty")]
    assert ["EVOUCH_CPO_IDENTITY__WINDOW", "default", str(path)] == origins


@proves("M9")
def test_more_work_than_a_station_can_do_is_no_setting_and_none_is_the_default(tmp_path: Path) -> None:
    path = tmp_path / "evouch.toml"
    path.write_text("[cpo.identity]\ndifficulty = 21")
    with pytest.raises(ConfigError, match="above 20 a station computes for minutes"):
        cpo(path)
    assert (0, 20) == (
        cpo().config.identity.difficulty,
        cpo(EVOUCH_CPO_IDENTITY__DIFFICULTY="20").config.identity.difficulty,
    )


def test_a_proxy_may_stand_in_a_network_that_no_rule_trusts(tmp_path: Path) -> None:
    path = tmp_path / "evouch.toml"
    path.write_text(
        "[cpo.ocpp]\nproxies = ['10.1.2.3', '2001:db8::1']\n"
        "[cpo.identity]\ntrusted_networks = ['10.0.0.0/8']\nrules = ['trusted']"
    )
    assert cpo(path).config.ocpp.proxies == ("10.1.2.3", "2001:db8::1")
    path.write_text(
        "[cpo.ocpp]\nproxies = ['10.1.2.3', '2001:db8::1']\n"
        "[cpo.identity]\ntrusted_networks = ['10.1.2.4', '2001:db8:1::/48']"
    )
    assert cpo(path).config.identity.trusted_networks == ("10.1.2.4", "2001:db8:1::/48")


def test_a_token_travels_to_another_machine_by_https_only() -> None:
    with pytest.raises(ConfigError, match="must be https"):
        load(IdentityConfig, environ={"EVOUCH_IDENTITY_BACKEND": "http://cpo.example"})
    loaded = load(IdentityConfig, environ={"EVOUCH_IDENTITY_BACKEND": "https://cpo.example"})
    assert ("https://cpo.example", "EVOUCH_IDENTITY_BACKEND") == (loaded.config.backend, loaded.origins["backend"])


def test_nobody_is_challenged_and_no_extension_is_spoken_before_somebody_says_so() -> None:
    config = cpo().config
    assert ("enrolled", False, 0, "reject") == (
        config.identity.require, config.identity.ocpp2_extension, config.identity.difficulty,
        config.identity.on_unsupported,
    )  # fmt: skip
    assert ((), ()) == (config.ocpp.proxies, config.identity.trusted_networks)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[cpo]\nprot = 1", "unknown field `prot`"),
        ("[cpo.http]\nprot = 1", "cpo.http: Object contains unknown field `prot`"),
        ("[csms]\nport = 1", "there is no [csms]; tables are cpo, emsp, psp, station, identity, partner"),
        ("[cpo.http]\nport = '80'", "cpo.http.port: Expected `int`, got `str` (from "),
        ("[cpo.http]\nport = 70000", "cpo.http.port: Expected `int` <= 65535"),
        ("[cpo]\nhold = 0", "hold is an amount above 0"),
        ("[cpo]\nhold = nan", "hold is an amount above 0"),
        ("[cpo.tariff]\nper_kwh = -0.1", "a price is a number from 0"),
        ("[cpo.tariff]\ncurrency = 'euro'", "cpo.tariff.currency"),
        ("[cpo]\nlock_seconds = 301", "cpo.lock_seconds: Expected `int` <= 300"),
        ("[cpo.qr]\nvalidity = 5", "cpo.qr.validity: Expected `int` >= 6"),
        ("[cpo]\npublic_url = 'http://pay.example'", "must be https"),
        ("[cpo]\npublic_url = 'https://user:pass@pay.example'", "credentials"),
        ("[cpo]\ndatabase = 'postgresql://me:word@db/evouch'", "no password in a database address"),
        ("[cpo.tls]\ncertificate = 'a'", "missing required field `key`"),
        ("[cpo.tls]\ncertificate = 1\nkey = 'b'", "cpo.tls.certificate"),
        ("[[cpo.stations]]\nid = 'a b'", "a station id is"),
        ("[[cpo.stations]]\nid = 'a'\n[[cpo.stations]]\nid = 'a'", "two stations have the same id"),
        ("[[cpo.stations]]\nid = 'a'\nevses = [{number = 1}, {number = 1}]", "two EVSEs have the same number"),
        ("[[cpo.stations]]\nid = 'a'\nevses = [{evse_id = 'x'}]", "an EVSE id looks like"),
        ("[cpo]\n[cpo]", "evouch.toml: "),
        ("[cpo.identity]\nrequire = 'some'", "cpo.identity.require"),
        ("[cpo.identity]\nttl = 4", "cpo.identity.ttl: Expected `int` >= 5"),
        ("[cpo.identity]\nwindow = 0", "cpo.identity.window: Expected `int` >= 1"),
        ("[cpo.identity]\non_unsupported = 'ignore'", "cpo.identity.on_unsupported"),
        ("[cpo.identity]\nrules = ['anybody']", "cpo.identity.rules"),
        ("[cpo.identity]\nrules = ['trusted', 'trusted']", "a rule stands there twice"),
        ("[cpo.identity]\ntrusted_networks = ['10.0.0.1/8']", "a network looks like 10.1.0.0/16"),
        ("[cpo.tls]\ncertificate = 'a'\nkey = 'b'\nrequire_client_certificate = true", "need client_ca"),
        ("[cpo.tls]\ncertificate = 'a'\nkey = 'b'\norganization = 'Us'", "need client_ca"),
        ("[cpo.ocpp]\nproxies = ['balancer']", "one address like 10.1.2.3"),
        (
            "[cpo.ocpp]\nproxies = ['192.0.2.1', '10.1.2.3']\n[cpo.identity]\ntrusted_networks = ['10.0.0.0/8']",
            "the proxy 10.1.2.3 is inside the trusted network 10.0.0.0/8: whoever comes through it",
        ),
        (
            "[cpo.ocpp]\nproxies = ['2001:db8::/32']\n[cpo.identity]\ntrusted_networks = ['2001:db8:1::/48']",
            "the proxy 2001:db8::/32 is inside the trusted network 2001:db8:1::/48",
        ),
        ("[[cpo.stations]]\nid = 'a'\nprofile = 4", "profile"),
        ("[[cpo.stations]]\nid = 'a'\nidentities = [{}]", "an identity is one of key, did and certificate"),
        ("[[cpo.stations]]\nid = 'a'\nidentities = [{did = 'd', certificate = 'c'}]", "is one of key, did"),
    ],
)
def test_what_cannot_be_is_said_with_its_name(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "evouch.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        cpo(path)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("EVOUCH_CPO_HTTP__PROT", "EVOUCH_CPO_HTTP__PROT: there is no such setting"),
        ("EVOUCH_CSMS_HTTP__PORT", "EVOUCH_CSMS_HTTP__PORT: there is no such setting"),
        ("EVOUCH_CPO_STATIONS", "EVOUCH_CPO_STATIONS: a list stands in the file"),
        ("EVOUCH_CPO_HTTP__PORT", "EVOUCH_CPO_HTTP__PORT: Expected `int`"),
    ],
)
def test_a_variable_that_means_nothing_is_an_error(name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        load(CpoConfig, environ={name: "x"})


def test_variables_of_other_commands_and_of_the_test_suite_are_let_be() -> None:
    cpo(EVOUCH_PSP_HTTP__PORT="1", EVOUCH_TEST_POSTGRES="x")


def test_the_file_may_be_named_by_the_environment_or_lie_in_the_folder(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 8443 == cpo(EVOUCH_CONFIG=str(file)).config.http.port
    monkeypatch.chdir(file.parent)
    assert (8443, "evouch.toml") == (cpo().config.http.port, cpo().origins["http.port"])


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        cpo(tmp_path / "absent.toml")


def test_show_prints_every_setting_with_its_origin_and_no_secret(file: Path) -> None:
    said = CliRunner().invoke(build("config"), ["config", "show", "cpo", "--origin", "--config", str(file)])
    assert 0 == said.exit_code
    assert f"# {file}" in next(line for line in said.output.splitlines() if line.startswith("cpo.http.port = 8443"))
    assert "not a good password" not in said.output
    assert '"***"' in said.output


def test_show_says_where_settings_of_identity_come_from(tmp_path: Path) -> None:
    path = tmp_path / "evouch.toml"
    path.write_text(IDENTITY)
    said = CliRunner().invoke(build("config"), ["config", "show", "cpo", "--origin", "--config", str(path)]).output
    lines = {line.partition(" = ")[0]: line for line in said.splitlines()}
    assert lines["cpo.identity.require"].startswith('cpo.identity.require = "all"')
    assert lines["cpo.identity.require"].endswith(f"# {path}")
    assert lines["cpo.identity.ttl"].endswith("# default")
    assert "10.0.0.1" in lines["cpo.ocpp.proxies"]
    assert "stations.pem" in lines["cpo.tls.client_ca"]


def test_show_prints_the_same_as_json(file: Path) -> None:
    said = json.loads(CliRunner().invoke(build("config"), ["config", "show", "--json", "--config", str(file)]).output)
    assert set(ACTORS) == set(said)
    assert {"value": 9999, "origin": str(file)} == said["psp"]["http.port"]
    assert {name for name, _, _ in rows(cpo())} == set(said["cpo"])
