"""Signatures that hold and signatures that do not; letters that come late, twice, in the wrong order or never."""

import hashlib
import hmac
from datetime import timedelta

import pytest

from evouch.clock import Tick
from evouch.errors import Refused
from evouch.ids import Secret
from evouch.psp.sandbox import webhooks
from evouch.psp.sandbox.faults import Fault, Faults, Switch
from evouch.psp.sandbox.records import Event
from evouch.psp.sandbox.webhooks import RETRIES, TOLERANCE, Letter, Outbox
from evouch.testing.clock import VECTOR_TIME as NOW

SECRET = Secret("whsec_of_this_test")
BODY = b'{"id":"evt_1","type":"hold.held","hold":{"id":"hold_1"}}'


def event(number: int) -> Event:
    return Event(id=f"evt_{number}", number=number, kind="hold.held", hold="hold_1", at=NOW, body=BODY)


def ids(letters: list[Letter]) -> list[str]:
    return [letter.event.id for letter in letters]


def test_the_signature_is_the_published_form() -> None:
    mac = hmac.new(b"whsec_of_this_test", b"1716423785." + BODY, hashlib.sha256).hexdigest()
    assert f"t=1716423785,v1={mac}" == webhooks.sign(SECRET, BODY, NOW)


@pytest.mark.parametrize("seconds", [-TOLERANCE, 0, TOLERANCE])
def test_a_signature_holds_within_five_minutes(seconds: int) -> None:
    webhooks.verify(SECRET, webhooks.sign(SECRET, BODY, NOW), BODY, NOW + timedelta(seconds=seconds))


def test_one_of_two_signatures_is_enough_while_a_secret_is_exchanged() -> None:
    old = webhooks.sign(Secret("the old one"), BODY, NOW)
    new = webhooks.sign(SECRET, BODY, NOW).split(",")[1]
    webhooks.verify(SECRET, f"{old},{new}", BODY, NOW)


GOOD = webhooks.sign(SECRET, BODY, NOW)


@pytest.mark.parametrize(
    ("header", "body", "later"),
    [
        (GOOD, BODY, TOLERANCE + 1),
        (GOOD, BODY, -TOLERANCE - 1),
        (GOOD, BODY + b" ", 0),
        (GOOD.replace("t=1716423785", "t=1716423786"), BODY, 0),
        (webhooks.sign(Secret("another"), BODY, NOW), BODY, 0),
        (GOOD[:-1], BODY, 0),
        (GOOD.upper(), BODY, 0),
        ("", BODY, 0),
        ("t=1716423785", BODY, 0),
        ("t=1716423785,v1=", BODY, 0),
        (GOOD.replace("v1=", "v0="), BODY, 0),
        (GOOD + ",v1=" + "0" * 64 + ",v1=" + "1" * 64 + ",v1=" + "2" * 64 + ",v1=" + "3" * 64, BODY, 0),
        ("t=99999999999999," + GOOD.split(",")[1], BODY, 0),
        ("t=١٧١٦٤٢٣٧٨٥," + GOOD.split(",")[1], BODY, 0),
    ],
    ids=[
        "old", "of the future", "body changed", "time changed", "wrong secret", "cut", "upper case", "none", "no mac",
        "empty mac", "other scheme", "too many", "absurd time", "foreign digits",
    ],
)  # fmt: skip
def test_a_signature_that_does_not_hold_is_refused_with_one_word(header: str, body: bytes, later: int) -> None:
    with pytest.raises(Refused) as refusal:
        webhooks.verify(SECRET, header, body, NOW + timedelta(seconds=later))
    assert refusal.value.reason == "badSignature"


def test_a_letter_nobody_takes_is_tried_again_with_growing_waits_and_then_given_up() -> None:
    outbox, at = Outbox(Faults()), Tick(0.0)
    outbox.post(event(1), at)
    for wait in RETRIES:
        (letter,) = outbox.due(at)
        assert outbox.failed(letter, at)
        assert outbox.next_deadline() == at + wait
        assert outbox.due(Tick(at + wait - 0.1)) == []
        at = Tick(at + wait)
    (letter,) = outbox.due(at)
    assert not outbox.failed(letter, at)
    assert outbox.next_deadline() is None


def test_a_lost_webhook_is_never_sent() -> None:
    outbox = Outbox(Faults())
    outbox.faults.arm(Switch(Fault.WEBHOOK_LOST))
    assert not outbox.post(event(1), Tick(0.0))
    assert outbox.post(event(2), Tick(0.0))
    assert ids(outbox.due(Tick(0.0))) == ["evt_2"]


def test_a_late_webhook_is_overtaken() -> None:
    outbox = Outbox(Faults())
    outbox.faults.arm(Switch(Fault.WEBHOOK_LATE, seconds=259_200.0))
    outbox.post(event(1), Tick(0.0))
    outbox.post(event(2), Tick(1.0))
    assert ids(outbox.due(Tick(1.0))) == ["evt_2"]
    assert ids(outbox.due(Tick(259_200.0))) == ["evt_1"]


def test_a_doubled_webhook_arrives_ten_times_and_its_copies_are_never_tried_again() -> None:
    outbox = Outbox(Faults())
    outbox.faults.arm(Switch(Fault.WEBHOOK_DOUBLED))
    outbox.post(event(1), Tick(0.0))
    letters = outbox.due(Tick(0.0))
    assert ids(letters) == ["evt_1"] * 10
    assert [outbox.failed(letter, Tick(0.0)) for letter in letters] == [True] + [False] * 9


def test_a_reordered_webhook_follows_its_successor_or_goes_out_alone_in_the_end() -> None:
    outbox = Outbox(Faults())
    outbox.faults.arm(Switch(Fault.WEBHOOK_REORDERED, times=2))
    outbox.post(event(1), Tick(0.0))
    assert outbox.due(Tick(0.0)) == []
    outbox.post(event(2), Tick(1.0))
    outbox.post(event(3), Tick(2.0))
    assert ids(outbox.due(Tick(2.0))) == ["evt_3", "evt_1", "evt_2"]
    outbox.faults.arm(Switch(Fault.WEBHOOK_REORDERED))
    outbox.post(event(4), Tick(3.0))
    deadline = outbox.next_deadline()
    assert deadline == Tick(3.0 + webhooks.REORDER_WAITS)
    assert ids(outbox.due(deadline)) == ["evt_4"]


def test_a_forged_webhook_comes_beside_the_true_one_and_its_signature_does_not_hold() -> None:
    outbox = Outbox(Faults())
    outbox.faults.arm(Switch(Fault.WEBHOOK_FORGED))
    outbox.post(event(1), Tick(0.0))
    forged, true = outbox.due(Tick(0.0))
    headers, body = webhooks.dress(true, SECRET, NOW)
    webhooks.verify(SECRET, headers[webhooks.HEADER], body, NOW)
    headers, body = webhooks.dress(forged, SECRET, NOW)
    with pytest.raises(Refused, match="badSignature"):
        webhooks.verify(SECRET, headers[webhooks.HEADER], body, NOW)
    assert not outbox.failed(forged, Tick(0.0))


def test_a_switch_is_used_up_by_the_operation_it_was_armed_for() -> None:
    faults = Faults()
    faults.arm(Switch(Fault.DELAY, "capture", times=2))
    assert faults.take(Fault.DELAY, "look") is None
    assert [bool(faults.take(Fault.DELAY, "capture")) for _ in range(3)] == [True, True, False]
    faults.arm(Switch(Fault.DELAY))
    assert faults.armed()
    faults.clear()
    assert faults.take(Fault.DELAY, "capture") is None
