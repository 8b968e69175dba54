"""One car, several eMSPs: who is charged with, and who is told."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from evouch.autocharge.conflict import Match, Notified, order, others
from evouch.autocharge.consent import ConsentEvent, register, step
from evouch.ids import ContractId, PartyId, Vid
from tests.proofs import proves

AT = datetime(2026, 3, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def match(name: str, granted: datetime = AT, **other: Any) -> Match:
    owner = PartyId("FR", name.upper()[:3])
    vehicle = register(owner, Vid(name[0] * 64), ContractId(f"{name}-contract"), granted, opted_in=True)
    return Match(partner=name, vehicle=vehicle, **other)


def revoked(name: str) -> Match:
    known = match(name)
    return Match(partner=name, vehicle=step(known.vehicle, ConsentEvent.REVOKE, AT + DAY))


@proves("A16")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (match("zoe", AT + DAY), match("abe", AT, priority=9, took=0.1)),
        (match("zoe", priority=2, took=4.0), match("abe", priority=1, took=0.1)),
        (match("zoe", took=0.1), match("abe", took=0.2)),
        (match("abe"), match("zoe")),
    ],
    ids=["latest grant", "priority", "fastest", "party"],
)
def test_the_order_is_the_drivers_latest_word_then_priority_then_speed_then_name(first: Match, second: Match) -> None:
    assert order([second, first]) == order([first, second]) == [first, second]


@proves("A16")
def test_the_order_does_not_depend_on_who_was_heard_first() -> None:
    known = [match("abe"), match("bob", AT + DAY), match("cid", priority=1), match("dan", took=0.1), revoked("eve")]
    orders = {tuple(each.partner for each in order(list(mixed))) for mixed in permutations(known)}
    assert orders == {("bob", "cid", "abe", "dan")}


@proves("A17")
def test_every_other_emsp_that_its_driver_granted_is_told_with_what_it_knows_itself() -> None:
    known = [match("abe"), match("bob"), revoked("eve"), match("cid")]
    told = others(known, "bob")
    assert [(each.partner, each.vehicle.vid, each.vehicle.contract) for each in told] == [
        ("abe", "a" * 64, "abe-contract"), ("cid", "c" * 64, "cid-contract"),
    ]  # fmt: skip
    assert others([match("abe"), revoked("eve")], "abe") == []


@proves("A17")
def test_nobody_is_told_of_the_same_vehicle_twice_a_day() -> None:
    notified, car, other = Notified(), Vid("a" * 64), Vid("b" * 64)
    assert notified.due("abe", car, AT)
    assert not notified.due("abe", car, AT + timedelta(hours=23))
    assert notified.due("abe", other, AT)
    assert notified.due("bob", car, AT)
    assert notified.due("abe", car, AT + DAY)


def test_a_notice_that_did_not_arrive_is_due_again() -> None:
    notified = Notified()
    assert notified.due("abe", Vid("a" * 64), AT)
    notified.forget("abe", Vid("a" * 64))
    assert notified.due("abe", Vid("a" * 64), AT)


def test_what_was_told_long_ago_is_forgotten_and_a_clock_set_back_silences_nobody_for_long() -> None:
    notified = Notified(quiet=timedelta(hours=1))
    for number in range(100):
        notified.due("abe", Vid(f"{number:064x}"), AT + timedelta(minutes=number))
    assert len(notified._told) <= 61
    assert notified.due("abe", Vid(f"{99:064x}"), AT - DAY)
