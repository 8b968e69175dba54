"""Settings of roaming: each choice of the terms is one, with the terms' default, and what cannot be is said."""

from dataclasses import MISSING, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from evouch.autocharge.budget import BudgetTerms
from evouch.autocharge.watch import WatchTerms
from evouch.charging.geo import Point, Site
from evouch.cli.config import ConfigError, load
from evouch.cli.settings import CpoConfig, EmspConfig, Section
from evouch.cli.settings_emsp import Budget, Watch
from evouch.cli.settings_roaming import CpoOcpi, QuirkEntry
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.emsp.terms import EmspTerms
from evouch.ids import PartyId
from evouch.ocpi.addresses import AddressPolicy
from evouch.ocpi.partner import Quirks

FILE = """
[cpo.ocpi]
enabled = true
party = "nl*cpo"
base_url = "https://ocpi.example/"
mac_rules = "rules.toml"
start_delay = 0
sign_time = 2.5
binding_pauses = [1, 2.5]
capable = "always"
versions = ["2.2.1"]

[[cpo.ocpi.partners]]
id = "emsp-one"
versions_url = "https://emsp.example/ocpi/versions"
token_file = "token"
priority = 2
quirks = { plain_token = true, uncompressed = true }

[[cpo.stations]]
id = "CS-1"
[cpo.stations.site]
latitude = 52.5200
longitude = 13.405
address = "Weg 1"
city = "Berlin"
country = "DEU"
postal_code = "10115"

[emsp]
party = "DE*EXA"
language = "de"

[emsp.checks]
phone_near = 300

[emsp.oracle]
key_grace = 3600

[emsp.oracle.budget]
plug_ins = 5

[emsp.oracle.watch]
night = [1, 2]

[emsp.ocpi]
private_hosts = ["VPN.example"]
"""

PARTNER = "[[cpo.ocpi.partners]]\nid = "
SITE = "[[cpo.stations]]\nid = 'a'\n[cpo.stations.site]\nlongitude = 1\naddress = 'a'\ncity = 'b'\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "evouch.toml"
    path.write_text(FILE)
    return path


def defaults(kind: type[Any]) -> dict[str, Any]:
    """Return what a dataclass says where nobody does; its own kinds of terms have settings of their own."""
    found = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    return {name: value for name, value in found.items() if not isinstance(value, BudgetTerms | WatchTerms)}


@pytest.mark.parametrize(
    ("kind", "sections"),
    [
        (RoamingTerms, (CpoOcpi(),)),
        (EmspTerms, (config := EmspConfig(), config.consent, config.checks, config.oracle, config.ocpi, config.kept)),
        (BudgetTerms, (Budget(),)),
        (WatchTerms, (Watch(),)),
        (Quirks, (QuirkEntry(),)),
    ],
)
def test_every_choice_is_a_setting_with_the_same_default(kind: type[Any], sections: tuple[Section, ...]) -> None:
    said = {name: getattr(each, name) for each in sections for name in each.__struct_fields__}
    wanted = {**defaults(kind)} | ({"mac_rules": None} if kind is RoamingTerms else {})
    assert {name: said.get(name, "no such setting") for name in wanted} == wanted


def test_an_operators_terms_are_what_the_file_says(file: Path) -> None:
    section = load(CpoConfig, file=file, environ={}).config.ocpi
    terms = section.terms(base_url="https://pay.example", seller="Example")
    assert (terms.party, terms.name, terms.base_url) == (PartyId("NL", "CPO"), "Example", "https://ocpi.example")
    assert (terms.start_delay, terms.sign_time, terms.binding_pauses) == (0, 2.5, (1.0, 2.5))
    assert (terms.capable, terms.versions, terms.mac_rules) == ("always", ("2.2.1",), Path("rules.toml"))
    (partner,) = section.partners
    assert (partner.id, partner.priority, partner.token_file) == ("emsp-one", 2, Path("token"))
    assert partner.quirks.quirks() == Quirks(plain_token=True, uncompressed=True)


def test_roaming_is_off_before_somebody_switches_it_on_and_goes_nowhere_private() -> None:
    section = load(CpoConfig, environ={}).config.ocpi
    assert (section.enabled, section.policy) == (False, AddressPolicy())
    assert load(EmspConfig, environ={}).config.ocpi.policy == AddressPolicy()
    local = load(CpoConfig, environ={"EVOUCH_CPO_OCPI__PRIVATE_ADDRESSES": "true"}).config.ocpi
    assert local.policy == AddressPolicy.development()
    assert local.terms(base_url="http://127.0.0.1:8080/", seller="S").base_url == "http://127.0.0.1:8080"


def test_an_emsps_terms_are_what_the_file_says(file: Path) -> None:
    config = load(EmspConfig, file=file, environ={"EVOUCH_EMSP_CHECKS__PHONE_FAR": "900"}).config
    terms = config.terms(base_url="https://emsp.example")
    assert (terms.party, terms.base_url, terms.language) == (PartyId("DE", "EXA"), "https://emsp.example", "de")
    assert (terms.phone_near, terms.phone_far, terms.key_grace) == (300, 900, 3600.0)
    assert (terms.budget, terms.watch) == (BudgetTerms(plug_ins=5), WatchTerms(night=(1, 2)))
    assert config.ocpi.policy == AddressPolicy(hosts=frozenset({"vpn.example"}))


def test_a_station_stands_where_the_file_says_with_every_digit(file: Path) -> None:
    (station,) = load(CpoConfig, file=file, environ={}).config.stations
    assert station.site is not None
    assert station.site.site() == Site(
        point=Point(Decimal("52.5200"), Decimal("13.405")), address="Weg 1", city="Berlin", country="DEU",
        postal_code="10115",
    )  # fmt: skip
    assert "52.5200" == str(station.site.latitude)


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        (CpoConfig, "[cpo.ocpi]\nparty = 'Germany'", "a party is two letters of a country"),
        (CpoConfig, "[cpo.ocpi]\nstart_delay = 121", "a start waits 0 to 120 seconds"),
        (CpoConfig, "[cpo.ocpi]\nsign_time = 9", "fit into whole_time"),
        (CpoConfig, "[cpo.ocpi]\nbase_url = 'http://ocpi.example'", "must be https"),
        (CpoConfig, "[cpo.ocpi]\nversions = ['2.1.1']", "cpo.ocpi.versions"),
        (CpoConfig, "[cpo.ocpi]\ncapable = 'sometimes'", "cpo.ocpi.capable"),
        (CpoConfig, "[[cpo.ocpi.partners]]\nid = 'a b'", "cpo.ocpi.partners"),
        (CpoConfig, f"{PARTNER}'a'\n{PARTNER}'a'", "two partners have the same id"),
        (CpoConfig, "[[cpo.ocpi.partners]]\nid = 'a'\nversions_url = 'https://e.example'", "belong together"),
        (CpoConfig, f"{SITE}latitude = 91\ncountry = 'DEU'", "a latitude is -90 to 90"),
        (CpoConfig, f"{SITE}latitude = 1\ncountry = 'DE'", "country"),
        (EmspConfig, "[emsp]\ndatabase = 'postgresql://me:word@db/evouch'", "no password in a database address"),
        (EmspConfig, "[emsp.checks]\nphone_near = 3000", "a phone is near"),
        (EmspConfig, "[emsp.checks]\nconfirmation_lasts = 3600", "at most 30 minutes"),
        (EmspConfig, "[emsp.oracle]\nthrottle = 2", "emsp.oracle.throttle"),
        (EmspConfig, "[emsp.oracle.watch]\nnight = [24]", "emsp.oracle.watch.night"),
        (EmspConfig, "[emsp.oracle.budgets]\nplug_ins = 5", "unknown field `budgets`"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(tmp_path: Path, kind: type[Section], text: str, says: str) -> None:
    path = tmp_path / "evouch.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(kind, file=path, environ={})
    assert says in str(caught.value)
