"""When a charge binds a vehicle to a customer, and when it does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.autocharge.binding import BindingCase, BoundSession, BoundToken, Effect, Outcome, judge
from evouch.autocharge.consent import register
from evouch.ids import ContractId, PartyId, Vid
from tests.proofs import proves

AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
CAR, OTHER = Vid("a" * 64), Vid("b" * 64)
MINE, HIS = ContractId("mine"), ContractId("his")
SESSION = BoundSession(partner="fast", status="ACTIVE", token_uid="04A1B2")
CASE = BindingCase(
    at=AT, caller="fast", vid=CAR, token_uid="04a1b2", token=BoundToken(contract=MINE), session=SESSION
)  # fmt: skip
COMPLETED = replace(SESSION, status="COMPLETED", ended_at=AT - timedelta(hours=1))


def vehicle(contract: ContractId) -> Any:
    return register(PartyId("FR", "ELC"), CAR, contract, AT - timedelta(days=9), opted_in=True)


@proves("A6")
@pytest.mark.parametrize("session", [SESSION, COMPLETED, replace(COMPLETED, ended_at=AT - timedelta(hours=24))])
def test_a_charge_with_the_customers_own_card_binds_the_vehicle(session: BoundSession) -> None:
    verdict = judge(replace(CASE, session=session))
    assert (verdict.accepted, verdict.code, verdict.effect) == (True, 1000, Effect.NEW)


@proves("A6", "S12")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"token": None}, 2004),
        ({"token": BoundToken(contract=MINE, valid=False)}, 2001),
        ({"token_uid": "04A1B3"}, 2001),
        ({"session": replace(SESSION, by_vehicle=True)}, 2001),
        ({"session": replace(SESSION, status="INVALID")}, 2001),
        ({"session": replace(SESSION, status="RESERVATION")}, 2001),
        ({"session": replace(SESSION, status="<script>")}, 2001),
        ({"session": replace(COMPLETED, ended_at=AT - timedelta(hours=24, seconds=1))}, 2001),
        ({"session": replace(COMPLETED, ended_at=None)}, 2001),
        ({"session": replace(SESSION, bound=OTHER)}, 2001),
        ({"session": replace(SESSION, started_at=AT - timedelta(minutes=9)), "key_since": AT}, 2001),
        ({"key_since": AT}, 2001),
    ],
)
def test_what_shows_nothing_binds_nothing(change: dict[str, Any], code: int) -> None:
    verdict = judge(replace(CASE, **change))
    assert (verdict.outcome, verdict.code, verdict.effect) == (Outcome.REFUSE, code, Effect.NONE)
    assert verdict.message


@proves("A6")
@pytest.mark.parametrize("session", [None, replace(SESSION, partner="slow"), replace(SESSION, status="PENDING")])
def test_a_session_that_may_still_be_on_its_way_is_to_be_tried_again(session: BoundSession | None) -> None:
    verdict = judge(replace(CASE, session=session))
    assert (verdict.outcome, verdict.code) == (Outcome.RETRY, 2901)


def test_a_session_of_another_operator_looks_like_one_that_is_not_known() -> None:
    assert judge(replace(CASE, session=replace(SESSION, partner="slow"))) == judge(replace(CASE, session=None))


@proves("A6")
def test_the_same_binding_again_is_the_same_answer_again_even_after_the_window() -> None:
    long_ago = replace(COMPLETED, ended_at=AT - timedelta(days=3), bound=CAR)
    verdict = judge(replace(CASE, session=long_ago, vehicle=vehicle(MINE)))
    assert (verdict.accepted, verdict.effect) == (True, Effect.REPEAT)


@proves("A6", "A26")
def test_a_charge_that_began_after_the_key_changed_binds() -> None:
    assert judge(replace(CASE, session=replace(SESSION, started_at=AT), key_since=AT)).accepted


@proves("A28")
def test_another_contracts_vehicle_is_not_moved() -> None:
    assert judge(replace(CASE, vehicle=vehicle(MINE))).effect is Effect.REPEAT
    assert judge(replace(CASE, vehicle=vehicle(HIS))).effect is Effect.RIVAL


SESSIONS = st.builds(
    BoundSession,
    partner=st.sampled_from(["fast", "slow"]),
    status=st.sampled_from(["PENDING", "ACTIVE", "COMPLETED", "INVALID", "RESERVATION", "NEW"]),
    token_uid=st.sampled_from(["04A1B2", "04a1B2", "other", CAR]),
    by_vehicle=st.booleans(),
    ended_at=st.none() | st.timedeltas(timedelta(days=-3), timedelta()).map(lambda ago: AT + ago),
    bound=st.sampled_from([None, CAR, OTHER]),
)
CASES = st.builds(
    BindingCase, at=st.just(AT), caller=st.just("fast"), vid=st.just(CAR), token_uid=st.sampled_from(["04A1B2", CAR]),
    token=st.none() | st.builds(BoundToken, contract=st.sampled_from([MINE, HIS]), valid=st.booleans()),
    session=st.none() | SESSIONS, vehicle=st.sampled_from([None, vehicle(MINE), vehicle(HIS)]),
)  # fmt: skip


@proves("S12")
@given(CASES)
def test_nothing_is_bound_but_by_a_valid_token_in_a_session_of_the_caller(case: BindingCase) -> None:
    verdict = judge(case)
    assert verdict.accepted == (verdict.code == 1000) == (verdict.effect is not Effect.NONE)
    if not verdict.accepted:
        return
    assert case.token is not None
    assert case.token.valid
    assert case.session is not None
    assert case.session.partner == case.caller
    assert case.session.bound in {None, case.vid}
    if case.session.bound is None:
        assert case.session.status in {"ACTIVE", "COMPLETED"}
        assert not case.session.by_vehicle
        assert case.session.token_uid.lower() == case.token_uid.lower()
