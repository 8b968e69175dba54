"""Who may charge: the contract, the driver's word, and at least one check that vouches for the place."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evouch.autocharge.checks import Case, Finding, Outcome, standard_checks
from evouch.autocharge.deciding import ContractCheck, Standing, decide
from evouch.charging.tokens import Allowed
from evouch.charging.vehicles import AutoChargeStatus
from evouch.units import Money
from tests.autocharge.cases import AT, GRANTED, LYON, PARIS, VERSAILLES, case, phone, session
from tests.proofs import proves

PLAUSIBLE = case(sessions=(session(VERSAILLES),))


@dataclass(frozen=True)
class Saying:
    """A check that says what it is told to."""

    outcome: Outcome
    name: str = "a test"
    suffices: bool = True
    asks: bool = True

    def judge(self, case: Case) -> Finding:
        return Finding(check=self.name, outcome=self.outcome, reason="told to")


@proves("R5", "A14")
def test_a_vid_alone_starts_nothing() -> None:
    for checks in ((), standard_checks()):
        verdict = decide(case(), checks, GRANTED)
        assert (verdict.allowed, verdict.confirm) == (Allowed.NOT_ALLOWED, True)


@proves("A14")
@pytest.mark.parametrize(
    "vouched",
    [PLAUSIBLE, case(sessions=(session(PARIS, 9.0),)), case(phone=phone()), case(confirmed=True)],
    ids=["travel", "binding session here", "phone", "confirmed"],
)
def test_travel_the_phone_or_a_confirmation_suffices(vouched: Case) -> None:
    verdict = decide(vouched, standard_checks(), GRANTED)
    assert (verdict.allowed, verdict.confirm) == (Allowed.ALLOWED, False)
    assert verdict.reason
    assert len(verdict.findings) == 6, "all of them, so that the log says why"


@proves("A14")
def test_a_passed_check_does_not_outweigh_a_failed_one() -> None:
    verdict = decide(case(sessions=(session(LYON, 0.5),), phone=phone(), confirmed=True), standard_checks(), GRANTED)
    assert (verdict.allowed, verdict.confirm) == (Allowed.NOT_ALLOWED, True)
    assert "too fast" in verdict.reason


def test_the_implausible_third_station_is_refused_and_asked() -> None:
    second = decide(case(sessions=(session(VERSAILLES, 1.0),)), standard_checks(), GRANTED)
    third = decide(case(sessions=(session(LYON, 1.0), session(VERSAILLES, 9.0))), standard_checks(), GRANTED)
    assert (second.allowed, third.allowed, third.confirm) == (Allowed.ALLOWED, Allowed.NOT_ALLOWED, True)


def test_a_driver_is_not_asked_until_he_says_yes_to_have_peace() -> None:
    often = replace(PLAUSIBLE, refusals=(AT - timedelta(minutes=5),) * 6)
    verdict = decide(often, standard_checks(), GRANTED)
    assert (verdict.allowed, verdict.confirm) == (Allowed.NOT_ALLOWED, False)


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({"status": AutoChargeStatus.REVOKED}, Allowed.BLOCKED),
        ({"status": AutoChargeStatus.DO_NOT_ASK}, Allowed.BLOCKED),
        ({"blocked": True}, Allowed.BLOCKED),
        ({"valid_until": AT}, Allowed.EXPIRED),
        ({"valid_until": AT + timedelta(seconds=1)}, Allowed.ALLOWED),
        ({"credit": Money(Decimal(0), "EUR")}, Allowed.NO_CREDIT),
        ({"credit": Money(Decimal("0.01"), "EUR")}, Allowed.ALLOWED),
    ],
)
def test_before_any_context_the_contract_and_the_drivers_word_count(change: dict[str, Any], allowed: Allowed) -> None:
    verdict = decide(PLAUSIBLE, standard_checks(), replace(GRANTED, **change))
    assert (verdict.allowed, verdict.confirm) == (allowed, False)


def test_how_much_credit_is_none_is_the_emsps_to_say() -> None:
    prepaid = replace(GRANTED, credit=Money(Decimal(5), "EUR"))
    verdict = decide(PLAUSIBLE, standard_checks(), prepaid, contract=ContractCheck(least_credit=Decimal(5)))
    assert verdict.allowed is Allowed.NO_CREDIT


@proves("R5", "A14")
@settings(max_examples=60)
@given(
    st.lists(st.builds(Saying, st.sampled_from(Outcome), suffices=st.booleans(), asks=st.booleans()), max_size=6),
    st.builds(
        Standing,
        status=st.sampled_from(AutoChargeStatus),
        blocked=st.booleans(),
        valid_until=st.sampled_from([None, AT, AT + timedelta(days=1)]),
        credit=st.sampled_from([None, Money(Decimal(0), "EUR"), Money(Decimal(9), "EUR")]),
    ),
)
def test_allowed_means_that_a_check_vouched_and_none_failed(checks: list[Saying], standing: Standing) -> None:
    verdict = decide(case(), checks, standing)
    vouched = any(each.outcome is Outcome.PASS and each.suffices for each in checks)
    failed = any(each.outcome is Outcome.FAIL for each in checks)
    sound = standing.status is AutoChargeStatus.GRANTED and not standing.blocked and standing.valid_until != AT
    sound = sound and (standing.credit is None or standing.credit.amount > 0)
    assert (verdict.allowed is Allowed.ALLOWED) == (vouched and not failed and sound)
    assert not verdict.confirm or verdict.allowed is Allowed.NOT_ALLOWED


CONTEXT = {"travel", "phone", "confirmation"}


@proves("R5", "R6", "A14")
@settings(max_examples=60)
@given(
    st.lists(st.builds(session, st.sampled_from([PARIS, VERSAILLES, LYON, None]), st.floats(0, 9)), max_size=3),
    st.none() | st.builds(phone, st.integers(0, 4000), st.integers(0, 30), st.integers(0, 300)),
    st.booleans(),
    st.lists(st.builds(session, st.just(PARIS), ended=st.none(), evse=st.sampled_from(["E1", "E2"])), max_size=2),
)
def test_allowed_means_that_travel_phone_or_confirmation_passed(
    sessions: list[Any], fix: Any, confirmed: bool, active: list[Any]
) -> None:
    asked = case(sessions=tuple(sessions), phone=fix, confirmed=confirmed, active=tuple(active))
    verdict = decide(asked, standard_checks(), GRANTED)
    passed = {each.check for each in verdict.findings if each.outcome is Outcome.PASS}
    failed = {each.check for each in verdict.findings if each.outcome is Outcome.FAIL}
    assert (verdict.allowed is Allowed.ALLOWED) == (bool(passed & CONTEXT) and not failed)
