"""URL templates: what a station may be given, what a phone opens, and what comes back out of it."""

import contextlib
from decimal import Decimal
from string import ascii_letters, digits

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evouch.errors import InvalidCode, Refused
from evouch.units import Money
from evouch.webpayment.claim import FIELDS
from evouch.webpayment.url import MAX_LENGTH, Claim, Placeholder, Template
from tests.proofs import proves

LIMITS = ("maxtime", "maxenergy", "maxcost")
OCA = "https://qr.example.com/{chargingstationid}/{evse}/{totp}?v={version}"
CLAIM = Claim(station="CS-0001", evse=1, code="CN63y502", version="v1")


def refusal(text: str, **options: object) -> str:
    with pytest.raises(Refused) as refused:
        Template.parse(text, **options)  # type: ignore[arg-type]
    assert refused.value.reason == "badTemplate"
    return refused.value.detail


def unread(template: Template, url: str) -> str:
    with pytest.raises(InvalidCode) as refused:
        template.read(url)
    return refused.value.detail


def test_a_template_becomes_the_url_in_the_code() -> None:
    template = Template.parse(OCA)

    assert template.warnings == ()
    assert template.expand(CLAIM) == "https://qr.example.com/CS-0001/1/CN63y502?v=v1"
    assert template.read("https://qr.example.com/CS-0001/1/CN63y502?v=v1") == CLAIM


@pytest.mark.parametrize(
    ("said", "canonical"),
    [
        (
            "https://h.example/{ChargingStationId}/{EVSE}/{TOTP}/{Version}",
            "{chargingstationid}/{evse}/{totp}/{version}",
        ),
        (
            "https://h.example/{chargingStationId}/{evseId}/{totp}/{VERSION}",
            "{chargingstationid}/{evse}/{totp}/{version}",
        ),
        ("https://h.example/{roamingCSId}/{roamingEVSEId}/{totp}", "{roamingcsid}/{roamingevseid}/{totp}"),
        ("https://h.example/{roamingEvseId}/{totp}", "{roamingevseid}/{totp}"),
        ("https://h.example/{EVRoamingEVSEId}/{TOTP}", "{roamingevseid}/{totp}"),
        ("HTTPS://H.Example:443/{evse}/{totp}", "{evse}/{totp}"),
    ],
)
def test_every_known_spelling_is_understood_and_the_lower_case_name_is_kept(said: str, canonical: str) -> None:
    assert Template.parse(said).text == f"https://h.example/{canonical}"


def test_values_are_percent_encoded() -> None:
    template = Template.parse("https://h.example/{roamingevseid}/{totp}")
    url = template.expand(Claim(roaming_evse="DE*ABC*E123/4", code="CN63y502"))

    assert url == "https://h.example/DE%2AABC%2AE123%2F4/CN63y502"
    assert template.read(url).roaming_evse == "DE*ABC*E123/4"


def test_stations_that_do_not_percent_encode_are_understood() -> None:
    template = Template.parse("https://h.example/{roamingevseid}/{totp}")

    assert template.read("https://h.example/DE*ABC*E123/CN63y502").roaming_evse == "DE*ABC*E123"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not an https address"),
        ("qr.example.com/{evse}/{totp}", "not an https address"),
        ("javascript:alert({totp}{evse})", "not an https address"),
        ("data:text/html,{evse}/{totp}", "not an https address"),
        ("javascript://h.example/{evse}/{totp}", "not https"),
        ("http://h.example/{evse}/{totp}", "not https"),
        ("ftp://h.example/{evse}/{totp}", "not https"),
        ("https://h.example/{evse}/{totp}/{tariffId}", "unknown placeholder {tariffId}"),
        ("https://h.example/{evse}/{totp}/{}", "unknown placeholder {}"),
        ("https://h.example/{evse}/{ totp }", "unknown placeholder { totp }"),
        ("https://h.example/{evse}/{totp", "a brace without its partner"),
        ("https://h.example/{evse}/{{totp}}", "a brace without its partner"),
        ("https://h.example/{evse}/totp", "no {totp}: whoever copies this address can use it for ever"),
        ("https://h.example/{totp}", "nothing says which station or EVSE the code belongs to"),
        ("https://h.example/{evse}/{totp}/{TOTP}", "a placeholder occurs twice"),
        (
            "https://h.example/{evse}/{totp}?v={version}&v=2",
            "a query parameter occurs twice or has a placeholder for a name",
        ),
        ("https://h.example/{totp}?{evse}=1", "a query parameter occurs twice or has a placeholder for a name"),
        ("https://h.example/{evse}{totp}", "two placeholders follow each other with nothing to tell them apart"),
        ("https://h.example/{evse}x{totp}", "two placeholders follow each other with nothing to tell them apart"),
        ("https://h.example/{evse}/{totp}#{version}", "a fragment never reaches the server"),
        ("https://{evse}.example/{totp}", "a placeholder in the host"),
        ("https://h.example:{evse}/{totp}", "a placeholder in the host"),
        ("https://user:pass@h.example/{evse}/{totp}", "credentials in the URL"),
        ("https://h.example@evil.example/{evse}/{totp}", "credentials in the URL"),
        ("https:///{evse}/{totp}", "no host name"),
        ("https://h.example:0/{evse}/{totp}", "no such port"),
        ("https://h.example:65536/{evse}/{totp}", "no such port"),
        ("https://h.example:https/{evse}/{totp}", "no host name"),
        ("https://192.0.2.7/{evse}/{totp}", "the host is an IP address, which nobody can recognise"),
        ("https://[2001:db8::7]/{evse}/{totp}", "the host is an IP address, which nobody can recognise"),
        ("https://3221225991/{evse}/{totp}", "the host is an IP address, which nobody can recognise"),
        ("https://0xc0.0x2/{evse}/{totp}", "the host is an IP address, which nobody can recognise"),
        (
            "https://xn--exmple-cua.com/{evse}/{totp}",
            "the host has letters beyond ASCII, which can be mistaken for others",
        ),
        ("https://exаmple.com/{evse}/{totp}", "a character that no URL may hold"),  # noqa: RUF001 - Cyrillic
        ("https://h%2eexample/{evse}/{totp}", "no host name"),
        ("https://h..example/{evse}/{totp}", "no valid host name"),
        ("https://-h.example/{evse}/{totp}", "no valid host name"),
        ("https://h.example./{evse}/{totp}", "no valid host name"),
        ("https://h.example\\@evil.example/{evse}/{totp}", "a character that no URL may hold"),
        ("https://h.example/{evse}/{totp} ", "a character that no URL may hold"),
        ("https://h.example/{evse}/{totp}\n", "a character that no URL may hold"),
        ('https://h.example/{evse}/{totp}?x="', "a character that no URL may hold"),
        ("https://localhost/{evse}/{totp}", "the host is this machine itself; no phone could open it"),
        ("https://127.0.0.1/{evse}/{totp}", "the host is this machine itself; no phone could open it"),
        ("http://[::1]:8080/{evse}/{totp}", "the host is this machine itself; no phone could open it"),
        ("https://h.example/{evse}/{totp}?t={maxtime}", "{maxtime} is not among the station's URLParameters"),
    ],
)
def test_a_template_that_would_do_harm_is_refused_when_it_is_set(text: str, why: str) -> None:
    assert refusal(text) == why


def test_a_limit_needs_a_query_parameter_of_its_own() -> None:
    said = refusal("https://h.example/{evse}/{totp}?x={maxtime}-{maxcost}", parameters=LIMITS)

    assert said == "a limit shares its query parameter with another placeholder"


def test_only_own_hosts_are_accepted_where_they_are_named() -> None:
    assert Template.parse(OCA, hosts=["QR.example.com"]).origin.host == "qr.example.com"
    assert refusal(OCA, hosts=["pay.example.com"]) == "qr.example.com is not one of the allowed hosts"


@pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.0.1", "ocpp2.1"])
def test_a_template_has_to_fit_what_its_version_can_set(version: str) -> None:
    limit = MAX_LENGTH[version]
    longest = OCA + "x" * (limit - len(OCA))

    assert Template.parse(longest, max_length=limit).text == longest
    assert refusal(longest + "x", max_length=limit) == f"{limit + 1} characters, of which this version can set {limit}"
    assert limit == {"ocpp1.6": 500, "ocpp2.0.1": 1000, "ocpp2.1": 2500}[version]


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "127.8.9.1"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_one_machine_may_play_all_roles_over_loopback(host: str, scheme: str) -> None:
    template = Template.parse(f"{scheme}://{host}/{{evse}}/{{totp}}", loopback_http=True)

    assert template.expand(CLAIM) == f"{scheme}://{host}/1/CN63y502"


def test_loopback_does_not_make_other_hosts_plain() -> None:
    assert refusal("http://h.example/{evse}/{totp}", loopback_http=True) == "not https"


def test_a_missing_station_or_version_is_a_warning() -> None:
    said = Template.parse("https://h.example/{evse}/{totp}").warnings

    assert len(said) == 2
    assert "{chargingstationid}" in said[0]
    assert "{version}" in said[1]


def test_an_instrument_sees_dangers_as_warnings_but_nothing_unreadable() -> None:
    template = Template.parse("http://192.0.2.7/{totp}", lenient=True)

    assert template.warnings[:3] == (
        "not https",
        "the host is an IP address, which nobody can recognise",
        "nothing says which station or EVSE the code belongs to",
    )
    assert template.expand(CLAIM) == "http://192.0.2.7/CN63y502"
    assert refusal("https://h.example/{evse}", lenient=True).startswith("no {totp}")


@pytest.mark.parametrize(
    ("template", "limits", "url"),
    [
        ("{totp}?e={evse}&maxtime={maxtime}", {}, "CN63y502?e=1"),
        ("{totp}?maxtime={maxtime}&e={evse}", {}, "CN63y502?e=1"),
        ("{evse}/{totp}?maxtime={maxtime}", {}, "1/CN63y502"),
        ("{evse}/{totp}?maxtime={maxtime}", {"limit_time": 300}, "1/CN63y502?maxtime=300"),
        ("{evse}/{totp}?t={maxtime}&c={MaxCost}", {"limit_cost": Decimal("50.00")}, "1/CN63y502?c=50.00"),
        ("{evse}/{totp}/{maxenergy}/x", {"limit_energy": 20000}, "1/CN63y502/20000/x"),
        ("{evse}/{totp}/{maxenergy}/x", {}, "1/CN63y502//x"),
        ("{evse}/{totp}", {"limit_energy": 20000, "limit_cost": Decimal(5)}, "1/CN63y502?maxenergy=20000&maxcost=5"),
        ("{evse}/{totp}?app", {"limit_time": 60}, "1/CN63y502?app&maxtime=60"),
    ],
)
@proves("C25.FR.04", "C25.FR.05", "C25.FR.06")
def test_limits_are_placed_or_appended_or_vanish_cleanly(template: str, limits: dict[str, int], url: str) -> None:
    claim = Claim(evse=1, code="CN63y502", **limits)  # type: ignore[arg-type]
    parsed = Template.parse(f"https://h.example/{template}", parameters=["maxTime", "maxEnergy", "maxCost"])

    assert parsed.expand(claim) == f"https://h.example/{url}"
    assert parsed.read(f"https://h.example/{url}") == claim


@proves("C25.FR.03")
def test_a_driver_cannot_enter_a_limit_that_the_station_does_not_list() -> None:
    claim = Claim(station="CS-0001", evse=1, code="CN63y502", limit_time=300)

    with pytest.raises(Refused) as refused:
        Template.parse(OCA, parameters=["maxcost"]).expand(claim)
    assert refused.value.reason == "limitNotOffered"


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("{chargingstationid}/{totp}", "chargingstationid"),
        ("{chargingstationid}/{evse}/{totp}", "chargingstationid"),
        ("{roamingevseid}/{totp}", "roamingevseid"),
    ],
)
def test_what_the_template_names_has_to_have_a_value(text: str, missing: str) -> None:
    with pytest.raises(Refused) as refused:
        Template.parse(f"https://h.example/{text}").expand(Claim(code="CN63y502", evse=1))
    assert refused.value.reason == "incompleteClaim"
    assert missing in refused.value.detail


def test_limits_that_stations_leave_unset_are_no_limits() -> None:
    template = Template.parse("https://h.example/{evse}/{totp}?t={maxtime}", parameters=LIMITS)

    for query in ("t=", "t=0", "t=%7Bmaxtime%7D", "t={maxtime}", "", "maxcost=&maxenergy=0", "maxcost=0.00"):
        assert template.read(f"https://h.example/1/CN63y502?{query}") == Claim(evse=1, code="CN63y502")


@pytest.mark.parametrize(
    "query",
    ["maxcost=-5", "maxcost=1e400", "maxcost=NaN", "maxcost=5,00", "maxcost=\u0665", "maxtime=1.5",
     "maxtime=9999999999", "maxenergy=+20000", "maxenergy=0x10", "maxcost=1.23456", "maxtime=%FF"],
)  # fmt: skip
def test_a_limit_that_is_no_number_opens_nothing(query: str) -> None:
    with pytest.raises(InvalidCode):
        Template.parse(OCA).read(f"https://qr.example.com/CS-0001/1/CN63y502?v=v1&{query}")


def test_limits_become_the_driver_s_own_without_rounding_up() -> None:
    claim = Claim(code="CN63y502", limit_time=300, limit_energy=20000, limit_cost=Decimal("50.009"))
    limit = claim.limit("EUR")

    assert (limit.max_time, limit.max_energy) == (300, 20000)
    assert limit.max_cost == Money.of("50.00", "EUR")
    assert not Claim(code="CN63y502").limit("EUR")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "no URL"),
        ("CN63y502", "no URL"),
        ("https://user@qr.example.com/CS-0001/1/CN63y502?v=v1", "no URL"),
        ("https://qr.example.com.evil.example/CS-0001/1/CN63y502?v=v1", "another origin than the template's"),
        ("http://qr.example.com/CS-0001/1/CN63y502?v=v1", "another origin than the template's"),
        ("https://qr.example.com:8443/CS-0001/1/CN63y502?v=v1", "another origin than the template's"),
        ("https://qr.example.com/CS-0001/1/?v=v1", "the path does not fit the template"),
        ("https://qr.example.com/CS-0001/0/CN63y502?v=v1", "the path does not fit the template"),
        ("https://qr.example.com/CS-0001/one/CN63y502?v=v1", "the path does not fit the template"),
        ("https://qr.example.com/CS-0001/\u0661/CN63y502?v=v1", "the path does not fit the template"),
        ("https://qr.example.com/CS-0001/1/2/CN63y502?v=v1", "the path does not fit the template"),
        ("https://qr.example.com/x/../CS-0001/1/CN63y502?v=v1", "the path does not fit the template"),
        ("https://qr.example.com/CS-0001/1/CN63y502", "the query does not fit the template"),
        ("https://qr.example.com/CS-0001/1/CN63y502?v=v1&v=v1", "the query does not fit the template"),
        ("https://qr.example.com/CS-0001/1/CN63y502?v=", "the query does not fit the template"),
        ("https://qr.example.com/CS%FF/1/CN63y502?v=v1", "not UTF-8"),
        ("https://qr.example.com/" + "x" * 9000, "no URL"),
    ],
)
def test_a_foreign_url_opens_nothing(url: str, why: str) -> None:
    assert unread(Template.parse(OCA), url) == why


@pytest.mark.parametrize(
    "url",
    [
        "HTTPS://QR.Example.com:443/CS-0001/1/CN63y502?v=v1",
        "https://qr.example.com/CS%2D0001/1/CN63y502?v=v1",
        "https://qr.example.com/CS-0001/1/CN63y502?utm_source=x&v=v1",
        "https://qr.example.com/CS-0001/1/CN63y502?v=v1#top",
        "https://qr.example.com/CS-0001/1/CN63y502?v=v1&",
    ],
)
def test_what_phones_do_to_a_url_does_not_hurt(url: str) -> None:
    assert Template.parse(OCA).read(url) == CLAIM


def test_a_server_reads_the_target_of_a_request() -> None:
    template = Template.parse("https://qr.example.com?cs={chargingstationid}&t={totp}&v={version}")

    assert template.text == "https://qr.example.com/?cs={chargingstationid}&t={totp}&v={version}"
    for target in ("/?cs=CS-0001&t=CN63y502&v=v1", "?v=v1&t=CN63y502&cs=CS-0001"):
        assert template.read_target(target) == Claim(station="CS-0001", code="CN63y502", version="v1")


def test_fixed_query_pairs_have_to_be_there() -> None:
    template = Template.parse("https://h.example/{evse}/{totp}?app=qr")

    assert template.read("https://h.example/1/CN63y502?app=qr").evse == 1
    assert unread(template, "https://h.example/1/CN63y502?app=other") == "the query does not fit the template"


def test_each_placeholder_has_a_place_in_the_claim() -> None:
    assert set(FIELDS) == set(Placeholder)
    assert set(FIELDS.values()) == set(Claim.__dataclass_fields__)


# ── every template ──────────────────────────────────────────────────────────────────────

spellings = {
    Placeholder.STATION: ["chargingstationid", "chargingStationId"],
    Placeholder.EVSE: ["evse", "evseId", "EVSE"],
    Placeholder.ROAMING_STATION: ["roamingcsid", "roamingCSId"],
    Placeholder.ROAMING_EVSE: ["roamingevseid", "EVRoamingEVSEId"],
    Placeholder.CODE: ["totp", "TOTP"],
    Placeholder.VERSION: ["version", "Version"],
    Placeholder.MAX_TIME: ["maxtime", "maxTime"],
    Placeholder.MAX_ENERGY: ["maxenergy", "MaxEnergy"],
    Placeholder.MAX_COST: ["maxcost", "maxCost"],
}
texts = st.text(ascii_letters + digits + "-_.~*:/+%&=@ äß\u20ac", min_size=1, max_size=30)
claims = st.builds(
    Claim,
    code=st.text(ascii_letters + digits, min_size=6, max_size=32),
    station=texts,
    evse=st.integers(1, 999),
    version=st.just("v1"),
    roaming_station=texts,
    roaming_evse=texts,
    limit_time=st.none() | st.integers(1, 10**9 - 1),
    limit_energy=st.none() | st.integers(1, 10**9 - 1),
    limit_cost=st.none() | st.decimals(Decimal("0.01"), 10**9 - 1, places=2),
)


@st.composite
def templates(draw: st.DrawFn) -> str:
    """Any placeholders in any order, in path or query, with any separators that a template may have."""
    names = draw(st.lists(st.sampled_from(list(Placeholder)), unique=True, min_size=2))
    assume(Placeholder.CODE in names and {*names} & {*list(Placeholder)[:4]})
    split = draw(st.integers(0, len(names)))
    text = "https://h.example/" + draw(st.sampled_from(["", "p/", "a-b."]))
    for name in names[:split]:
        text += f"{{{draw(st.sampled_from(spellings[name]))}}}" + draw(
            st.sampled_from(["/", "-", ".", "_", "*", "~x", "-1-"])
        )
    pairs = [f"k{number}={{{draw(st.sampled_from(spellings[name]))}}}" for number, name in enumerate(names[split:])]
    return text + ("?" + "&".join(pairs) if pairs else "")


@given(templates(), claims)
def test_every_template_gives_back_what_was_put_in(text: str, claim: Claim) -> None:
    template = Template.parse(text, parameters=LIMITS)
    url = template.expand(claim)
    limits = {"limit_time", "limit_energy", "limit_cost"}  # placed or appended, they are always there
    named = limits | {FIELDS[name] for name in template.names}
    expected = {field: getattr(claim, field) for field in named}

    read = template.read(url)

    assert {field: getattr(read, field) for field in named} == expected
    assert all(getattr(read, field) in {"", 0, None} for field in set(FIELDS.values()) - named)
    assert url.isascii()
    assert Template.parse(template.text, parameters=LIMITS) == template


@given(st.text() | st.text("htps:/?#&={}%.-0aA@[]", max_size=60).map("https://h.example/".__add__))
def test_no_text_hurts_the_parser(text: str) -> None:
    with contextlib.suppress(Refused):
        Template.parse(text, lenient=True)


@given(st.text() | st.text("/?#&=%-0aA:.@\ud800", max_size=60).map("https://qr.example.com/CS-0001".__add__))
def test_no_url_hurts_the_reader(url: str) -> None:
    with contextlib.suppress(InvalidCode):
        Template.parse(OCA).read(url)
