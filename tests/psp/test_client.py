"""What the client makes of answers that a well-behaved provider never gives."""

import asyncio
import json
from collections.abc import Callable, Iterator

import httpx2
import pytest
import stamina

from evouch.charging.payments import Hold
from evouch.errors import EvouchError, Offline, Overloaded, PeerRefused, TimedOut, Unreachable
from evouch.ids import PaymentId, Secret
from evouch.psp.sandbox.client import ATTEMPTS, SandboxProvider
from evouch.testing import ManualClock
from evouch.units import Money

HOLD = {
    "id": "hold_1", "status": "pending", "amount": 5000, "currency": "EUR", "captured": 0, "refunded": 0,
    "description": "", "reference": "p1", "return_url": "https://cpo.test/", "pay_url": "https://pay.test/pay/hold_1",
    "card": None, "created_at": "2024-05-23T00:23:05Z", "capture_before": None, "decline_reason": "", "attempts": 0,
}  # fmt: skip

Handler = Callable[[httpx2.Request], httpx2.Response]


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=ATTEMPTS):
        yield


def ask(handler: Handler, clock: ManualClock | None = None) -> Hold:
    async def run() -> Hold:
        transport = httpx2.MockTransport(handler)
        client = SandboxProvider(
            "https://pay.test/", Secret("key"), Secret("whsec"), clock or ManualClock(), transport=transport
        )
        try:
            return await client.hold(
                PaymentId("p1"), Money.of(50, "EUR"), description="d" * 300, return_url="https://cpo.test/", key="k"
            )
        finally:
            await client.close()

    return asyncio.run(run())


def answers(*given: httpx2.Response | Exception) -> tuple[Handler, list[httpx2.Request]]:
    """Return a provider that gives these answers in turn, the last one for ever."""
    seen: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        answer = given[min(len(seen), len(given)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer

    return handle, seen


def test_a_question_carries_key_bearer_and_exact_minor_units() -> None:
    handler, seen = answers(httpx2.Response(201, json=HOLD))
    assert ask(handler).amount == Money.of(50, "EUR")
    (request,) = seen
    assert (request.headers["authorization"], request.headers["idempotency-key"]) == ("Bearer key", "k")
    assert str(request.url) == "https://pay.test/v1/holds"
    assert json.loads(request.content) == {
        "amount": 5000, "currency": "EUR", "description": "d" * 200, "reference": "p1", "return_url": "https://cpo.test/",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx2.ConnectError("x"), Offline),
        (httpx2.ConnectTimeout("x"), Offline),
        (httpx2.ReadTimeout("x"), TimedOut),
        (httpx2.PoolTimeout("x"), TimedOut),
        (httpx2.RemoteProtocolError("x"), Unreachable),
        (httpx2.ReadError("x"), Unreachable),
        (httpx2.Response(500), Unreachable),
        (httpx2.Response(503, text="<html>"), Unreachable),
        (httpx2.Response(302, headers={"location": "https://evil.test/"}), Unreachable),
        (httpx2.Response(429), Overloaded),
    ],
    ids=lambda value: f"{value.status_code}" if isinstance(value, httpx2.Response) else None,
)
def test_what_says_nothing_is_asked_again_with_the_same_key_and_then_unreachable(
    answer: httpx2.Response | Exception, error: type[EvouchError]
) -> None:
    handler, seen = answers(answer)
    with pytest.raises(error) as problem:
        ask(handler)
    assert type(problem.value) is error
    assert [request.headers["idempotency-key"] for request in seen] == ["k"] * ATTEMPTS
    handler, seen = answers(answer, httpx2.Response(201, json=HOLD))
    assert ask(handler).psp_ref == "hold_1"
    assert len(seen) == 2


def test_no_new_try_is_begun_once_patience_is_over() -> None:
    clock = ManualClock()

    seen: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        clock._move(clock.tick() + 10)
        return httpx2.Response(500)

    with pytest.raises(Unreachable):
        ask(handle, clock)
    assert len(seen) == 2


def test_a_refusal_is_asked_once_and_carries_the_provider_s_code() -> None:
    body = {"error": {"code": "hold_expired", "message": "This hold has expired."}}
    handler, seen = answers(httpx2.Response(409, json=body))
    with pytest.raises(PeerRefused) as refusal:
        ask(handler)
    given = refusal.value
    assert ("hold_expired", {"status": 409}) == (given.code, given.details)
    assert given.description == "This hold has expired."
    assert len(seen) == 1


def test_a_refusal_without_a_readable_body_carries_its_status() -> None:
    handler, _ = answers(httpx2.Response(403, text="<html>no</html>"))
    with pytest.raises(PeerRefused, match="http_403"):
        ask(handler)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b"\xff", json.dumps(HOLD | {"status": "paid"}).encode(),
        json.dumps(HOLD | {"amount": 50.0}).encode(), json.dumps(HOLD | {"amount": None}).encode(),
        json.dumps({"id": "hold_1"}).encode(), b'{"id":"a","id":"b"}', json.dumps(HOLD | {"captured": "0"}).encode(),
    ],
)  # fmt: skip
def test_a_success_that_cannot_be_read_is_an_unknown_outcome(body: bytes) -> None:
    handler, _ = answers(httpx2.Response(201, content=body))
    with pytest.raises(Unreachable, match="unreadable"):
        ask(handler)


def test_members_that_a_newer_provider_adds_hurt_nobody() -> None:
    handler, _ = answers(httpx2.Response(201, json=HOLD | {"new": {"x": 1}}))
    assert ask(handler).psp_ref == "hold_1"
