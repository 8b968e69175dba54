"""Whom a policy lets in, and whom it challenges."""

from dataclasses import fields
from ipaddress import ip_network
from itertools import permutations, product

import pytest

from evouch.identity.policy import RULES, Decision, Policy, Require, Rule, Visitor, decide
from tests.proofs import proves

SITE = (ip_network("10.1.0.0/16"), ip_network("2001:db8::/32"))
ALL = Policy(networks=SITE, require=Require.ALL)


@proves("M22", "W18")
@pytest.mark.parametrize(
    ("visitor", "rule"),
    [
        (Visitor(), None),
        (Visitor(trusted=True), None),
        (Visitor(trusted=True, address="192.0.2.10"), None),
        (Visitor(trusted=True, basic=True), Rule.TRUSTED),
        (Visitor(trusted=True, certificate=True), Rule.TRUSTED),
        (Visitor(trusted=True, address="127.0.0.1"), Rule.TRUSTED),
        (Visitor(trusted=True, address="::1"), Rule.TRUSTED),
        (Visitor(trusted=True, address="::ffff:127.0.0.1"), Rule.TRUSTED),
        (Visitor(trusted=True, address="127.0.0.1", tls=True), None),
        (Visitor(address="127.0.0.1"), None),
        (Visitor(certificate=True), Rule.CERTIFICATE),
        (Visitor(basic=True, address="10.1.2.3"), Rule.NETWORK),
        (Visitor(basic=True, address="::ffff:10.1.2.3"), Rule.NETWORK),
        (Visitor(basic=True, address="2001:db8::7%eth0"), Rule.NETWORK),
        (Visitor(basic=True, address="10.2.0.1"), None),
        (Visitor(basic=False, address="10.1.2.3"), None),
        (Visitor(basic=True, address="wire"), None),
        (Visitor(basic=True, address=""), None),
        (Visitor(trusted=True, certificate=True, basic=True, address="10.1.2.3"), Rule.TRUSTED),
        (Visitor(certificate=True, basic=True, address="10.1.2.3"), Rule.CERTIFICATE),
    ],
)
def test_the_first_rule_that_matches_lets_in_and_whom_none_matches_is_challenged(
    visitor: Visitor, rule: Rule | None
) -> None:
    decision, by = decide(ALL, visitor)
    assert by is rule
    assert decision is (Decision.CHALLENGE if rule is None else Decision.TRUST)


@proves("M22")
def test_rules_are_asked_in_the_order_that_the_operator_gave_them() -> None:
    everything = Visitor(trusted=True, certificate=True, basic=True, address="10.1.2.3")
    for order in permutations(RULES):
        assert decide(Policy(rules=order, networks=SITE), everything).rule is order[0]
    assert decide(Policy(rules=(), require=Require.ALL), everything).decision is Decision.CHALLENGE


@proves("W18")
@pytest.mark.parametrize(("enrolled", "window", "proven"), list(product((False, True), repeat=3)))
def test_whom_no_rule_trusts_is_challenged_if_there_is_anything_to_prove(
    enrolled: bool, window: bool, proven: bool
) -> None:
    visitor = Visitor(enrolled=enrolled, window=window, proven_before=proven)
    expected = Decision.CHALLENGE if enrolled or window or proven else Decision.TRUST
    assert decide(Policy(require=Require.ENROLLED), visitor).decision is expected
    assert decide(ALL, visitor).decision is Decision.CHALLENGE


@proves("M22")
def test_a_password_from_the_right_network_is_not_enough_for_who_has_proved_more() -> None:
    visitor = Visitor(basic=True, address="10.1.2.3", enrolled=True, proven_before=True)
    assert decide(ALL, visitor).decision is Decision.CHALLENGE


@proves("M22")
def test_nothing_that_a_station_says_of_itself_can_be_a_condition() -> None:
    known = {field.name for field in fields(Visitor)}
    assert known == {"trusted", "certificate", "basic", "tls", "address", "enrolled", "window", "proven_before"}
