"""Which addresses eMSPs may be asked about."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.autocharge.mac import Action, LocalBit, MacFilter, MacRule, MacVerdict, Pool, oui
from evouch.autocharge.mac_rules import default_filter, filter_from_rules
from evouch.errors import Refused
from evouch.ids import Mac
from tests.proofs import proves

POOL = Pool(prefix="70B3D6", digits=9)


def mac(digits: str) -> Mac:
    return Mac(bytes.fromhex(digits))


def rule(prefix: str, action: Action = Action.DENY, **other: str) -> MacRule:
    return MacRule(action=action, prefix=prefix, why="a test", **other)  # type: ignore[arg-type]


def judged(digits: str, *rules: MacRule, **other: object) -> MacVerdict:
    return MacFilter(rules, **other).judge(mac(digits))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("digits", "reason"),
    [
        ("000000000000", "allZero"),
        ("FFFFFFFFFFFF", "allOnes"),
        ("001122334455", "placeholder"),
        ("020000000001", "placeholder"),
        ("AABBCCDDEEFF", "placeholder"),
        ("01005E000001", "group"),
        ("0123456789AB", "group"),
        ("030000000002", "group"),
    ],
)
def test_what_is_no_vehicles_address_is_refused_whatever_rules_say(digits: str, reason: str) -> None:
    allowed = rule(digits[:6], Action.ALLOW)
    assert judged(digits, allowed, local=LocalBit.ALLOW) == judged(digits, allowed)
    assert (judged(digits, allowed).accepted, judged(digits, allowed).reason) == (False, reason)


@pytest.mark.parametrize("octets", [0, 5, 7, 8])
def test_an_address_has_six_octets(octets: int) -> None:
    assert not MacFilter().judge(Mac(b"\x0c" * octets)).accepted


@proves("R29")
@pytest.mark.parametrize(
    ("prefix", "digits", "named"),
    [
        ("0C298F", "0C298F000001", True),
        ("0C298F", "0C2980000001", False),
        ("DC44271", "DC44271FFFFF", True),
        ("DC44271", "DC44272FFFFF", False),
        ("70B3D6123", "70B3D6123FFF", True),
        ("70B3D6123", "70B3D6124000", False),
    ],
)
def test_rules_are_about_blocks_of_24_28_and_36_bits(prefix: str, digits: str, named: bool) -> None:
    assert judged(digits, rule(prefix)).accepted is not named
    assert judged(digits, rule(prefix, Action.ALLOW), others=Action.DENY).accepted is named


@proves("R29")
@pytest.mark.parametrize("first", [Action.ALLOW, Action.DENY])
def test_the_longest_prefix_decides_and_a_pattern_before_it(first: Action) -> None:
    other = Action.DENY if first is Action.ALLOW else Action.ALLOW
    rules = [rule("0C298F", other), rule("0C298F123", first), rule("0C298F1", other)]
    assert judged("0C298F123456", *rules).accepted is (first is Action.ALLOW)
    assert judged("0C298F1FF456", *rules).accepted is (other is Action.ALLOW)
    text = f'[[rule]]\naction = "{other}"\npattern = "0C298F12[0-9]"\nwhy = "a test"\n'
    both = [*filter_from_rules("defaults = false\n" + text).rules, *rules]
    assert judged("0C298F123456", *both).accepted is (other is Action.ALLOW)


@proves("R29")
def test_a_white_list_asks_about_listed_makers_only() -> None:
    listed = filter_from_rules('others = "deny"')
    assert listed.judge(mac("0C298F123456")).accepted
    assert listed.judge(mac("F81654123456")).reason == "notListed"
    assert not listed.judge(mac("92D50A693F80")).accepted, "a locally administered address is on no list"


@proves("R29")
def test_the_group_whose_addresses_change_at_every_plug_in_is_denied_and_says_why() -> None:
    verdict = default_filter().judge(mac("007DFA123456"))
    assert (verdict.accepted, verdict.vendor) == (False, "Volkswagen Group")
    assert "every plug-in" in verdict.why


@pytest.mark.parametrize(
    ("local", "accepted", "warning"),
    [(LocalBit.ALLOW, True, False), (LocalBit.WARN, True, True), (LocalBit.DENY, False, False)],
)
def test_a_locally_administered_address_is_treated_as_the_operator_says(
    local: LocalBit, accepted: bool, warning: bool
) -> None:
    verdict = judged("92D50A693F80", local=local)
    assert (verdict.accepted, verdict.warning) == (accepted, warning)
    assert judged("92D50A693F80", rule("92D50A", Action.ALLOW), local=local).accepted, "a rule knows better"


def test_known_makers_are_named() -> None:
    assert [default_filter().judge(mac(each)).vendor for each in ("0C298F000001", "DC4427100001", "EC65CC00AA01")] == [
        "Tesla", "Tesla", "Panasonic Automotive",
    ]  # fmt: skip
    assert default_filter().judge(mac("DC4427F00001")).vendor == "", "another maker of the same pool"


@proves("R29")
@pytest.mark.parametrize("prefix", ["70:B3:D6", "00:50:c2", "DC-44-27", "381F26", "8c147d", "70B3D61"])
def test_nobody_allows_a_pool_that_thousands_share(prefix: str) -> None:
    text = f'[[rule]]\naction = "allow"\nprefix = "{prefix}"\nwhy = "a test"\n'
    for extra in ("", "defaults = false\n"):
        with pytest.raises(Refused, match="shared by many makers"):
            filter_from_rules(extra + text)
    filter_from_rules(text.replace("allow", "deny"))  # a whole pool may be denied


def test_one_makers_block_of_a_pool_may_be_allowed() -> None:
    text = 'others = "deny"\n[[rule]]\naction = "allow"\nprefix = "70:B3:D6:12:3"\nvendor = "Us"\nwhy = "ours"\n'
    ours = filter_from_rules(text)
    assert ours.judge(mac("70B3D6123456")).vendor == "Us"
    assert not ours.judge(mac("70B3D6124456")).accepted


def test_an_operators_rules_stand_before_those_that_come_along(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\naction = "allow"\nprefix = "007DFA"\nvendor = "VW"\nwhy = "a fleet whose cars stay"\n')
    assert filter_from_rules(path).judge(mac("007DFA123456")).vendor == "VW"
    assert filter_from_rules("defaults = false").judge(mac("007DFA123456")).accepted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rule = 1", "iterable"),
        ("[[rule]]\nprefix = 7\naction = 'deny'\nwhy = 'x'", ""),
        ("[[rule]]\nprefix = '007DFA'\naction = 'deny'", "why"),
        ("[[rule]]\nprefix = '007DFA'\naction = 'perhaps'\nwhy = 'x'", "perhaps"),
        ("[[rule]]\nprefix = '007D'\naction = 'deny'\nwhy = 'x'", "6, 7 or 9"),
        ("[[rule]]\nprefix = '007DFA123456'\naction = 'deny'\nwhy = 'one car'", "6, 7 or 9"),
        ("[[rule]]\nprefix = '007DFA'\npattern = '007'\naction = 'deny'\nwhy = 'x'", "a prefix or a pattern"),
        ("[[rule]]\naction = 'deny'\nwhy = 'x'", "a prefix or a pattern"),
        ("[[rule]]\npattern = '('\naction = 'deny'\nwhy = 'x'", "cannot be read"),
        ("[[rule]]\nprefix = '007DFA'\naction = 'deny'\nwhy = 'x'\nwho = 'me'", "'who'"),
        ("[[pool]]\nprefix = '007DFA'\n", "pool"),
        ("loca = 'deny'", "'loca'"),
        ("local = 'sometimes'", "sometimes"),
        ("local = ", "Invalid value"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_with_a_sentence(text: str, says: str) -> None:
    with pytest.raises(Refused, match="badRules") as refused:
        filter_from_rules(text)
    assert says in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="badRules"):
        filter_from_rules(tmp_path / "nothing.toml")


@given(st.binary(min_size=6, max_size=6))
def test_every_address_gets_a_verdict_that_does_not_hold_it(raw: bytes) -> None:
    said = repr(default_filter().judge(Mac(raw))).upper()
    assert raw.hex().upper() not in said
    assert raw.hex(":").upper() not in said
    assert oui(Mac(raw)) == raw[:3].hex(":").upper()
