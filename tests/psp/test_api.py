"""The JSON language: the same key gets the same answer, and every refusal has its status and its code."""

import json
from datetime import timedelta
from typing import Any

import pytest

from evouch.psp.sandbox import api, cards, machine
from evouch.psp.sandbox.api import ERRORS, ROUTES, Question, Reply
from evouch.psp.sandbox.book import Book
from evouch.psp.sandbox.faults import Fault, Switch
from evouch.testing import SeededEntropy
from evouch.testing.clock import VECTOR_TIME as NOW
from evouch.units import Money

HOLD = {"amount": 5000, "currency": "EUR", "return_url": "https://cpo.test/back", "reference": "p1"}


def book() -> Book:
    return Book(SeededEntropy(), merchant="M", public_url="https://pay.test")


def ask(account: Book, operation: str, hold: str = "", document: Any = None, key: str = "k") -> Reply:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return api.perform(account, Question(operation=operation, hold=hold, body=body, key=key), NOW)


def opened(account: Book, key: str = "open") -> str:
    return str(json.loads(ask(account, "hold", document=HOLD, key=key).body)["id"])


def paid(account: Book) -> str:
    id = opened(account)
    card = cards.read({"number": "4242424242424242", "expiry": "12/30", "cvc": "123"}, NOW)
    account.change(id, lambda hold: machine.submit(hold, card, NOW, ""), NOW)
    return id


def code(reply: Reply) -> tuple[int, str]:
    return reply.status, json.loads(reply.body)["error"]["code"]


def test_a_new_hold_is_shown_as_the_merchant_needs_it() -> None:
    reply = ask(book(), "hold", document=HOLD | {"description": "Point 1"})
    shown = json.loads(reply.body)
    assert reply.status == 201
    assert shown["pay_url"] == f"https://pay.test/pay/{shown['id']}"
    assert shown | {"id": "", "pay_url": ""} == {
        "id": "", "status": "pending", "amount": 5000, "currency": "EUR", "captured": 0, "refunded": 0,
        "description": "Point 1", "reference": "p1", "return_url": "https://cpo.test/back", "pay_url": "",
        "card": None, "created_at": "2024-05-23T00:23:05Z", "capture_before": None, "decline_reason": "", "attempts": 0,
    }  # fmt: skip


def test_the_same_key_with_the_same_question_is_executed_once() -> None:
    account = book()
    first = ask(account, "hold", document=HOLD)
    again = ask(account, "hold", document=dict(reversed(HOLD.items())))
    assert (first.body, False, True) == (again.body, first.replayed, again.replayed)
    assert ask(account, "hold", document=HOLD, key="other").body != first.body


def test_a_replayed_answer_is_the_first_one_even_when_the_world_moved_on() -> None:
    account = book()
    id = paid(account)
    first = ask(account, "capture", id, {"amount": 1200, "currency": "EUR"})
    ask(account, "refund", id, {"amount": 1200, "currency": "EUR"}, key="r")
    assert first.body == ask(account, "capture", id, {"amount": 1200, "currency": "EUR"}).body
    assert json.loads(ask(account, "look", id).body)["refunded"] == 1200


def test_a_refusal_is_replayed_too() -> None:
    account = book()
    id = opened(account)
    early = ask(account, "capture", id, {"amount": 1200, "currency": "EUR"})
    card = cards.read({"number": "4242424242424242", "expiry": "12/30", "cvc": "123"}, NOW)
    account.change(id, lambda hold: machine.submit(hold, card, NOW, ""), NOW)
    assert early.body == ask(account, "capture", id, {"amount": 1200, "currency": "EUR"}).body
    assert ask(account, "capture", id, {"amount": 1200, "currency": "EUR"}, key="new").status == 200


@pytest.mark.parametrize(
    ("operation", "hold", "document"),
    [
        ("hold", "", HOLD | {"amount": 5001}),
        ("release", "ID", {}),
        ("capture", "ID", {"amount": 1, "currency": "EUR"}),
    ],
)
def test_a_key_that_was_used_for_another_question_is_refused(operation: str, hold: str, document: Any) -> None:
    account = book()
    id = opened(account, key="k")
    assert code(ask(account, operation, id if hold else "", document)) == (409, "idempotency_mismatch")


def test_a_key_belongs_to_the_hold_it_was_used_for() -> None:
    account = book()
    one, two = opened(account, "a"), opened(account, "b")
    ask(account, "release", one, {})
    assert code(ask(account, "release", two, {})) == (409, "idempotency_mismatch")


@pytest.mark.parametrize("key", ["", "k" * 256, "schlüssel", "a\nb"])
def test_a_key_is_1_to_255_printable_characters(key: str) -> None:
    assert code(ask(book(), "hold", document=HOLD, key=key)) == (400, "idempotency_key_missing")
    assert ask(book(), "hold", document=HOLD, key="k" * 255).status == 201


@pytest.mark.parametrize(
    "document",
    [
        b"", b"{", b"[]", b"null", b"\xff", b'{"amount":1,"amount":2}', b'{"amount":NaN}',
        b"[" * 100 + b"]" * 100,
        HOLD | {"amount": 50.0}, HOLD | {"amount": "5000"}, HOLD | {"amount": True}, HOLD | {"amount": 0},
        HOLD | {"amount": -1}, HOLD | {"amount": 10**9}, HOLD | {"currency": "eur"}, HOLD | {"currency": "EURO"},
        HOLD | {"amuont": 1}, HOLD | {"description": "x" * 201}, HOLD | {"reference": "x" * 256}, {"amount": 1},
        HOLD | {"return_url": None},
    ],
)  # fmt: skip
def test_a_malformed_hold_is_refused_and_leaves_the_key_free(document: Any) -> None:
    account = book()
    assert code(ask(account, "hold", document=document)) == (400, "invalid_request")
    assert ask(account, "hold", document=HOLD).status == 201


def test_a_body_over_the_limit_is_refused_before_it_is_read() -> None:
    assert code(ask(book(), "hold", document=b" " * (api.MAX_BODY + 1))) == (413, "body_too_large")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "//cpo.test/back", "/back/to/me", "https:///back", "https://u:p@cpo.test/", "ftp://cpo.test/",
        "https://*/back", "https://cpo.test; script-src *", "https://cpo.test/ x", "https://cpo.test:x/",
        "https://cpo.test/\r\nSet-Cookie: a=b", "https://cpo.test\\@evil.test/", "https://cpo.test/<b>", "https://[::1/",
    ],
)  # fmt: skip
def test_a_return_address_that_leads_elsewhere_is_refused(url: str) -> None:
    assert code(ask(book(), "hold", document=HOLD | {"return_url": url})) == (400, "invalid_return_url")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/back?a=1", "https://[::1]:8443/b", "https://cpo.test/%C3%BC"])
def test_a_return_address_may_be_any_web_address(url: str) -> None:
    assert ask(book(), "hold", document=HOLD | {"return_url": url}).status == 201


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        (5001, "EUR", (422, "amount_too_large")),
        (0, "EUR", (422, "amount_not_positive")),
        (100, "SEK", (422, "currency_mismatch")),
    ],
)
def test_a_wrong_amount_has_its_code(amount: int, currency: str, expected: tuple[int, str]) -> None:
    account = book()
    id = paid(account)
    asked = {"amount": amount, "currency": currency}
    assert code(ask(account, "capture", id, asked)) == expected
    ask(account, "capture", id, {"amount": 5000, "currency": "EUR"}, key="c")
    assert code(ask(account, "refund", id, asked, key="r")) == expected


def end(account: Book, how: str) -> str:
    id = opened(account) if how in {"pending", "declined"} else paid(account)
    card = cards.read({"number": "4000000000000002", "expiry": "12/30", "cvc": "123"}, NOW)
    steps = {"released": machine.release, "captured": lambda hold: machine.capture(hold, hold.amount)}
    if how in steps:
        account.change(id, steps[how], NOW)
    if how == "expired":
        account.expire(id, NOW)
    for _ in range(3 if how == "declined" else 0):
        account.change(id, lambda hold: machine.submit(hold, card, NOW, ""), NOW)
    return id


@pytest.mark.parametrize(
    ("how", "operation", "expected"),
    [
        ("pending", "capture", (409, "hold_not_approved")),
        ("pending", "refund", (409, "hold_not_approved")),
        ("held", "refund", (409, "hold_not_captured")),
        ("captured", "capture", (409, "hold_captured")),
        ("captured", "release", (409, "hold_captured")),
        ("released", "capture", (409, "hold_released")),
        ("released", "refund", (409, "hold_released")),
        ("declined", "capture", (409, "hold_declined")),
        ("declined", "refund", (409, "hold_declined")),
        ("expired", "capture", (409, "hold_expired")),
        ("expired", "refund", (409, "hold_expired")),
    ],
)
def test_an_operation_that_the_state_does_not_allow_names_the_state(
    how: str, operation: str, expected: tuple[int, str]
) -> None:
    account = book()
    asked = {} if operation == "release" else {"amount": 100, "currency": "EUR"}
    assert code(ask(account, operation, end(account, how), asked, key="x")) == expected


@pytest.mark.parametrize("how", ["pending", "held", "released", "declined", "expired"])
def test_a_release_always_ends_with_nothing_blocked(how: str) -> None:
    account = book()
    reply = ask(account, "release", end(account, how), {}, key="x")
    expected = how if how in {"declined", "expired"} else "released"
    assert (200, expected) == (reply.status, json.loads(reply.body)["status"])


def test_a_hold_that_does_not_exist_is_404_everywhere() -> None:
    amount = {"amount": 1, "currency": "EUR"}
    for operation, document in (("look", {}), ("capture", amount), ("release", {}), ("refund", amount)):
        assert code(ask(book(), operation, "hold_x", document)) == (404, "no_such_hold")


def test_a_capture_that_the_bank_refuses_leaves_the_hold_as_it_was() -> None:
    account = book()
    id = paid(account)
    account.faults.arm(Switch(Fault.REFUSE_CAPTURE))
    amount = {"amount": 1200, "currency": "EUR"}
    assert code(ask(account, "capture", id, amount | {"amount": 5001}, key="1")) == (422, "amount_too_large")
    assert code(ask(account, "capture", id, amount, key="2")) == (402, "capture_refused")
    assert code(ask(account, "capture", id, amount, key="2")) == (402, "capture_refused")
    assert json.loads(ask(account, "look", id).body)["status"] == "held"
    assert ask(account, "capture", id, amount, key="3").status == 200


def test_events_tell_what_happened_in_order_and_can_be_read_on() -> None:
    account = book()
    id = paid(account)
    ask(account, "capture", id, {"amount": 1200, "currency": "EUR"}, key="c")
    ask(account, "refund", id, {"amount": 200, "currency": "EUR"}, key="r")
    listed = json.loads(api.list_events(account, "", "100").body)["events"]
    assert [event["type"] for event in listed] == ["hold.held", "hold.captured", "refund.created"]
    assert [event["hold"]["captured"] for event in listed] == [0, 1200, 1200]
    rest = json.loads(api.list_events(account, listed[0]["id"], "1").body)["events"]
    assert rest == listed[1:2]
    assert code(api.list_events(account, "evt_x", "1")) == (404, "no_such_event")
    for limit in ("0", "101", "x", "", "-1", "1.0"):
        assert code(api.list_events(account, "", limit)) == (400, "invalid_request")


def test_every_end_of_a_hold_is_told_once() -> None:
    for how, kinds in {
        "released": ["hold.held", "hold.released"],
        "expired": ["hold.held", "hold.expired"],
        "declined": ["hold.attempt_declined"] * 3 + ["hold.declined"],
    }.items():
        account = book()
        id = end(account, how)
        ask(account, "release", id, {}, key="again")
        assert kinds == [event.kind for event in account.events()]


def test_what_has_expired_is_told_without_anybody_asking() -> None:
    account = book()
    paid(account)
    account.sweep(NOW + machine.HOLD_LASTS)
    assert [event.kind for event in account.events()] == ["hold.held", "hold.expired"]


def test_a_full_sandbox_says_so_and_forgets_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    account = book()
    opened(account)
    monkeypatch.setattr("evouch.psp.sandbox.book.MAX_HOLDS", 1)
    assert code(ask(account, "hold", document=HOLD)) == (503, "too_many_holds")
    assert account.answer("k") is None


def test_what_is_written_is_read_again_and_only_once_noted_as_written() -> None:
    account = book()
    id = paid(account)
    ask(account, "capture", id, {"amount": 1200, "currency": "EUR"}, key="c")
    records = account.unsaved()
    account.change(id, lambda hold: machine.refund(hold, "refund_1", Money.of("0.01", "EUR"), NOW), NOW)
    account.saved(records)
    assert [type(record).__name__ for record in account.unsaved()] == ["HoldRecord", "Event", "Delivery"]
    again = book()
    again.load([*records, *account.unsaved()])
    assert account.hold(id, NOW) == again.hold(id, NOW)
    assert account.events() == again.events()
    assert ask(again, "capture", id, {"amount": 1200, "currency": "EUR"}, key="c").replayed


def test_every_code_stands_in_the_table_once_per_meaning_and_every_route_names_known_reasons() -> None:
    assert all(400 <= status < 600 for status, _, _ in ERRORS.values())
    assert all(reason in ERRORS for route in ROUTES for reason in route.refusals)
    assert set(machine.REASONS.values()) <= ERRORS.keys()


def test_time_is_the_one_that_is_asked_with() -> None:
    account = book()
    id = paid(account)
    later = NOW + timedelta(days=8)
    reply = api.perform(account, Question(operation="look", hold=id), later)
    assert json.loads(reply.body)["status"] == "expired"
