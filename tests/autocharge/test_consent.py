"""What a driver has said, and when: events in any order, clocks that run any way."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evouch.autocharge.consent import TABLE, ConsentEvent, prevails, register, rehome, step, worth_binding
from evouch.charging.vehicles import AutoChargeStatus, Vehicle
from evouch.ids import ContractId, PartyId, Vid
from tests.proofs import proves

AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
OWNER = PartyId("FR", "ELC")
CONTRACT = ContractId("FR-ELC-C1")
MINUTE = timedelta(minutes=1)
G, R, D, AGAIN = ConsentEvent.GRANT, ConsentEvent.REVOKE, ConsentEvent.DO_NOT_ASK, ConsentEvent.REPEAT


def known(*events: ConsentEvent, opted_in: bool = False) -> Vehicle:
    """A vehicle to which these things happened, a minute apart."""
    vehicle = register(OWNER, Vid("a" * 64), CONTRACT, AT, opted_in=opted_in)
    for number, event in enumerate(events, 1):
        vehicle = step(vehicle, event, AT + number * MINUTE)
    return vehicle


@proves("R13", "A5")
def test_a_new_vehicle_is_revoked_until_the_driver_accepts_or_has_opted_in_before() -> None:
    asked = known()
    assert (asked.status, asked.authorized, asked.revoked) == (AutoChargeStatus.REVOKED, None, None)
    eager = known(opted_in=True)
    assert (eager.status, eager.authorized, eager.revoked) == (AutoChargeStatus.GRANTED, AT, None)
    assert asked.created == eager.created == AT


@proves("R14", "R16", "R17", "R18")
@pytest.mark.parametrize("before", [(), (R,), (D,), (G, R), (G, D), (G, R, D)])
def test_a_grant_makes_it_active_now_and_unsets_the_revocation(before: Sequence[ConsentEvent]) -> None:
    vehicle = known(*before, G)
    assert (vehicle.status, vehicle.granted) == (AutoChargeStatus.GRANTED, True)
    assert vehicle.authorized == AT + (len(before) + 1) * MINUTE
    assert vehicle.revoked is None


@proves("R16", "A3")
def test_a_grant_on_top_of_a_grant_moves_its_date() -> None:
    assert known(G, G).authorized == AT + 2 * MINUTE
    assert known(G, R, G).authorized == AT + 3 * MINUTE


@proves("R15", "R19", "R20", "R21", "S3")
@pytest.mark.parametrize("before", [(), (G,), (G, R), (G, R, R)])
def test_a_revocation_makes_it_inactive_now_and_leaves_the_grants_date(before: Sequence[ConsentEvent]) -> None:
    vehicle, earlier = known(*before, R), known(*before)
    assert (vehicle.status, vehicle.granted) == (AutoChargeStatus.REVOKED, False)
    assert vehicle.revoked == AT + (len(before) + 1) * MINUTE, "the last one, not the first"
    assert vehicle.authorized == earlier.authorized


@proves("R22", "A4")
@pytest.mark.parametrize("before", [(), (G,), (R,), (G, R)])
def test_who_does_not_want_to_be_asked_is_not_and_pollers_see_it(before: Sequence[ConsentEvent]) -> None:
    vehicle, earlier = known(*before, D), known(*before)
    assert (vehicle.status, vehicle.granted) == (AutoChargeStatus.DO_NOT_ASK, False)
    assert vehicle.authorized == earlier.authorized
    assert vehicle.last_updated == vehicle.revoked == AT + (len(before) + 1) * MINUTE
    assert not worth_binding(vehicle, CONTRACT)
    assert not worth_binding(vehicle, ContractId("another"))


@proves("A4")
def test_only_a_grant_ends_do_not_ask() -> None:
    assert {
        event for event, to in TABLE[AutoChargeStatus.DO_NOT_ASK].items() if to is not AutoChargeStatus.DO_NOT_ASK
    } == {G}
    later = known(D, R)
    assert (later.status, later.revoked) == (AutoChargeStatus.DO_NOT_ASK, AT + 2 * MINUTE)


@proves("A28", "S2")
@pytest.mark.parametrize("events", [(), (G,), (R,), (D,), (G, R)])
def test_the_same_vehicle_sent_again_changes_nothing(events: Sequence[ConsentEvent]) -> None:
    vehicle = known(*events)
    assert step(vehicle, AGAIN, AT + timedelta(days=9)) == vehicle
    assert vehicle.created == AT


@proves("A28", "S2")
@pytest.mark.parametrize("events", [(G,), (R,), (D,)])
def test_a_vehicle_that_changes_hands_is_its_new_drivers_from_his_grant_on(events: Sequence[ConsentEvent]) -> None:
    sold = rehome(known(*events), ContractId("new"), AT + timedelta(days=1))
    assert (sold.contract, sold.status, sold.created, sold.revoked) == ("new", AutoChargeStatus.GRANTED, AT, None)
    assert sold.authorized == sold.last_updated == AT + timedelta(days=1)


CHANGES = st.lists(st.tuples(st.sampled_from(list(ConsentEvent)), st.integers(-(10**9), 10**9)), max_size=12)


@proves("R14", "R15", "R22", "A3", "A4", "S2", "S4")
@given(CHANGES, st.booleans())
def test_whatever_happens_under_whatever_clock_the_last_word_prevails_and_no_date_runs_back(
    changes: list[tuple[ConsentEvent, int]], opted_in: bool
) -> None:
    vehicle, word = known(opted_in=opted_in), G if opted_in else R
    for event, microseconds in changes:
        before, vehicle = vehicle, step(vehicle, event, AT + timedelta(microseconds=microseconds))
        if event is not AGAIN and (word, event) != (D, R):
            word = event
        assert vehicle.status == {G: "AUTO_CHARGE_GRANTED", R: "AUTO_CHARGE_REVOKED", D: "AUTO_CHARGE_DO_NOT_ASK"}[word]
        assert vehicle.created == before.created == AT
        assert vehicle.last_updated == max(filter(None, (vehicle.created, vehicle.authorized, vehicle.revoked)))
        assert (vehicle.authorized or AT) >= (before.authorized or AT)
        assert vehicle.revoked is None if event is G else (vehicle.revoked or AT) >= (before.revoked or AT)
        if event is AGAIN:
            assert vehicle == before
        else:
            assert vehicle.last_updated - before.last_updated >= timedelta(milliseconds=1), "else a poller may miss it"


@given(CHANGES)
def test_an_operator_that_hears_of_changes_in_any_order_ends_with_the_last_one(
    changes: list[tuple[ConsentEvent, int]],
) -> None:
    history = [known()]
    for event, microseconds in changes:
        history.append(step(history[-1], event, AT + timedelta(microseconds=microseconds)))
    stored: Vehicle | None = None
    for received in [*reversed(history), *history[::2]]:
        stored = received if prevails(received, stored) else stored
    assert stored == history[-1]


@pytest.mark.parametrize(
    ("events", "contract", "worth"),
    [
        ((), CONTRACT, True),
        ((G, R), CONTRACT, True),
        ((G,), CONTRACT, False),
        ((G,), ContractId("another"), True),
        ((D,), CONTRACT, False),
    ],
)
def test_an_operator_sends_what_may_lead_to_something(
    events: Sequence[ConsentEvent], contract: ContractId, worth: bool
) -> None:
    assert worth_binding(known(*events), contract) is worth
    assert worth_binding(None, contract)
