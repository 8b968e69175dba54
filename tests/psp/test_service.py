"""The provider as a service: bearer keys, faults over the wire, webhooks that go out, and a file that outlives it."""

import asyncio
import json
import logging
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import stamina

from evouch.charging.payments import Hold, HoldStatus
from evouch.errors import LocalError, PeerRefused, Refused, Unreachable
from evouch.ids import PaymentId, Secret
from evouch.psp.sandbox import cards, machine, webhooks
from evouch.psp.sandbox.aio import SandboxService
from evouch.psp.sandbox.api import ROUTES
from evouch.psp.sandbox.client import SandboxProvider, tls
from evouch.psp.sandbox.faults import Fault
from evouch.testing import ManualClock, SeededEntropy
from evouch.units import Money
from tests.psp.merchant import Merchant, service, until

FIFTY = Money.of(50, "EUR")


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries follow each other at once, and the server's word about a cut answer is expected."""
    logging.getLogger("uvicorn.error").disabled = True
    with stamina.set_testing(True, attempts=4):
        yield
    logging.getLogger("uvicorn.error").disabled = False


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


async def opened(client: SandboxProvider, key: str = "open") -> Hold:
    return await client.hold(PaymentId("p1"), FIFTY, description="", return_url="https://cpo.test/back", key=key)


def pay(provider: SandboxService, hold: Hold, clock: ManualClock) -> None:
    card = cards.read({"number": "4242424242424242", "expiry": "12/30", "cvc": "123"}, clock.now())
    provider.book.change(hold.psp_ref, lambda record: machine.submit(record, card, clock.now(), ""), clock.now())


class Control:
    """The API as a program without our client sees it."""

    def __init__(self, provider: SandboxService, http: httpx2.AsyncClient) -> None:
        self.provider, self.http = provider, http
        self.headers = {"Authorization": f"Bearer {provider.api_key.text()}"}

    async def __call__(self, method: str, path: str, document: object = None) -> httpx2.Response:
        body = b"" if document is None else json.dumps(document).encode()
        return await self.http.request(method, self.provider.url + path, content=body, headers=self.headers)

    async def arm(self, kind: str, **how: object) -> httpx2.Response:
        return await self("POST", "/v1/faults", {"kind": kind, **how})


def test_without_the_key_nothing_is_told() -> None:
    async def scene() -> None:
        async with service(ManualClock()) as (provider, _), httpx2.AsyncClient(verify=tls()) as http:
            paths: list[tuple[str, str]] = [(route.method, route.path.replace("{hold}", "hold_x")) for route in ROUTES]
            paths += [("POST", "/v1/faults"), ("GET", "/v1/faults"), ("DELETE", "/v1/faults")]
            key = provider.api_key.text()
            for given in (None, "", "Bearer", "Bearer wrong", f"Basic {key}", key, f"Bearer {key}x", f"Bearer {key} x"):
                headers = {} if given is None else {"Authorization": given}
                for method, path in paths:
                    answer = await http.request(method, provider.url + path, headers=headers)
                    assert (401, "unauthorized") == (answer.status_code, answer.json()["error"]["code"])
                    assert answer.headers["www-authenticate"] == "Bearer"

    run(scene())


def test_an_answer_lost_before_or_after_the_effect_is_asked_for_again_and_moves_money_once() -> None:
    async def scene() -> None:
        clock = ManualClock()
        async with service(clock) as (provider, client), httpx2.AsyncClient(verify=tls()) as http:
            control = Control(provider, http)
            for kind in ("loseRequest", "loseAnswer", "serverError"):
                await control.arm(kind, operation="capture")
            hold = await opened(client)
            pay(provider, hold, clock)
            captured = await client.capture(hold.psp_ref, Money.of(10, "EUR"), key="c")
            assert captured.captured == Money.of(10, "EUR")
            assert [event.kind for event in provider.book.events()] == ["hold.held", "hold.captured"]
            assert (await control("GET", "/v1/faults")).json() == {"faults": []}

    run(scene())


@pytest.mark.parametrize(("kind", "happened"), [("loseRequest", False), ("loseAnswer", True), ("serverError", True)])
def test_an_answer_that_never_comes_is_an_unknown_outcome(kind: str, happened: bool) -> None:
    async def scene() -> None:
        clock = ManualClock()
        async with service(clock) as (provider, client), httpx2.AsyncClient(verify=tls()) as http:
            hold = await opened(client)
            await Control(provider, http).arm(kind, operation="release", times=4)
            with pytest.raises(Unreachable):
                await client.release(hold.psp_ref, key="r")
            looked = await client.look(hold.psp_ref)
            assert (looked.status is HoldStatus.RELEASED) is happened
            assert (await client.release(hold.psp_ref, key="r")).status is HoldStatus.RELEASED

    run(scene())


def test_a_delayed_answer_comes_when_its_time_has_passed() -> None:
    async def scene() -> None:
        clock = ManualClock()
        async with service(clock) as (provider, client), httpx2.AsyncClient(verify=tls()) as http:
            await Control(provider, http).arm("delay", operation="hold", seconds=3)
            asking = asyncio.create_task(opened(client))
            await until(lambda: len(clock._sleepers) > 1)
            assert not asking.done()
            await clock.advance(3)
            assert (await asking).status is HoldStatus.PENDING

    run(scene())


def test_a_refused_capture_and_an_expired_hold_can_be_had_on_command() -> None:
    async def scene() -> None:
        clock = ManualClock()
        async with service(clock) as (provider, client), httpx2.AsyncClient(verify=tls()) as http:
            control, hold = Control(provider, http), await opened(client)
            pay(provider, hold, clock)
            await control.arm("refuseCapture")
            with pytest.raises(PeerRefused) as refusal:
                await client.capture(hold.psp_ref, FIFTY, key="c1")
            assert ("capture_refused", {"status": 402}) == (refusal.value.code, refusal.value.details)
            assert (await control.arm("expireHold", hold=hold.psp_ref)).status_code == 200
            with pytest.raises(PeerRefused, match="hold_expired"):
                await client.capture(hold.psp_ref, FIFTY, key="c2")

    run(scene())


def test_fault_switches_are_listed_cleared_and_checked() -> None:
    async def scene() -> None:
        async with service(ManualClock()) as (provider, _), httpx2.AsyncClient(verify=tls()) as http:
            control = Control(provider, http)
            armed = (await control.arm("webhookLate", seconds=7, times=2)).json()["faults"]
            assert armed == [{"fault": "webhookLate", "operation": "", "times": 2, "seconds": 7, "repeats": 10}]
            assert (await control.arm("meteorite")).json()["error"]["code"] == "unknown_fault"
            assert (await control.arm("delay", times=0)).json()["error"]["code"] == "invalid_request"
            assert (await control.arm("expireHold", hold="hold_x")).json()["error"]["code"] == "no_such_hold"
            assert (await control("DELETE", "/v1/faults")).json() == {"faults": []}

    run(scene())


def test_without_the_flag_there_are_no_switches() -> None:
    async def scene() -> None:
        provider = SandboxService(clock=ManualClock(), entropy=SeededEntropy())
        await provider.start()
        async with httpx2.AsyncClient(verify=tls()) as http:
            for method in ("GET", "POST", "DELETE"):
                assert (await Control(provider, http)(method, "/v1/faults")).status_code == 404
        await provider.stop()

    run(scene())


async def told(clock: ManualClock, merchant: Merchant, *kinds: str) -> list[str]:
    """Pay one hold, refuse or lose what was armed, and return the kinds of notice that held, in order."""
    async with service(clock, webhook_url=merchant.url) as (provider, client), httpx2.AsyncClient(verify=tls()) as http:
        control, hold = Control(provider, http), await opened(client)
        for kind in kinds:
            await control.arm(kind, repeats=10, seconds=600)
        pay(provider, hold, clock)
        await client.capture(hold.psp_ref, Money.of(10, "EUR"), key="c")
        expected = 1 if Fault.WEBHOOK_LOST in kinds or Fault.WEBHOOK_LATE in kinds else 2
        extra = 9 if Fault.WEBHOOK_DOUBLED in kinds else 1 if Fault.WEBHOOK_FORGED in kinds else 0
        await until(lambda: len(merchant.letters) == expected + extra)
        if Fault.WEBHOOK_LATE in kinds:
            await clock.advance(600)
            await until(lambda: len(merchant.letters) == 2)
        return [_kind(client, clock, headers, body) for headers, body in merchant.letters]


def _kind(client: SandboxProvider, clock: ManualClock, headers: dict[str, str], body: bytes) -> str:
    try:
        return client.notice(headers, body, now=clock.now()).kind
    except Refused as refusal:
        return refusal.reason


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("", ["hold.held", "hold.captured"]),
        ("webhookLost", ["hold.captured"]),
        ("webhookLate", ["badSignature", "hold.held"]),  # what came in time is too old by the time it is checked here
        ("webhookReordered", ["hold.captured", "hold.held"]),
        ("webhookDoubled", ["hold.held"] * 10 + ["hold.captured"]),
        ("webhookForged", ["badSignature", "hold.held", "hold.captured"]),
    ],
)
def test_webhooks_arrive_as_the_switches_say(kind: str, expected: list[str]) -> None:
    async def scene() -> None:
        async with Merchant() as merchant:
            assert expected == await told(ManualClock(), merchant, *filter(None, [kind]))

    run(scene())


def test_a_webhook_nobody_took_comes_again_freshly_signed_until_it_is_taken() -> None:
    async def scene() -> None:
        clock = ManualClock()
        async with Merchant() as merchant, service(clock, webhook_url=merchant.url) as (provider, client):
            merchant.answers = [500, 404, 302]
            hold = await opened(client)
            pay(provider, hold, clock)
            await provider.save()
            for tried, wait in enumerate(webhooks.RETRIES[:3], start=1):
                # refused, and queued again: time may not move before, or the next wait starts too late
                await until(lambda: len(merchant.letters) == tried and provider._outbox.next_deadline())  # noqa: B023
                await clock.advance(wait)
            await until(lambda: not list(provider.book.undelivered()))
        ids = [json.loads(body)["id"] for _, body in merchant.letters]
        assert (4, 1) == (len(ids), len(set(ids)))
        assert len({headers["evouch-signature"] for headers, _ in merchant.letters}) == 4

    run(scene())


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    file = tmp_path / "psp.sqlite"

    async def scene() -> None:
        clock = ManualClock()
        async with service(clock, db=file) as (provider, client):
            hold = await opened(client)
            pay(provider, hold, clock)
            first = await client.capture(hold.psp_ref, Money.of(10, "EUR"), key="c")
        again = "another run"
        async with (
            Merchant() as merchant,
            service(clock, db=file, seed=again, webhook_url=merchant.url) as (provider, client),
        ):
            assert await client.capture(hold.psp_ref, Money.of(10, "EUR"), key="c") == first
            with pytest.raises(PeerRefused, match="hold_captured"):
                await client.capture(hold.psp_ref, Money.of(10, "EUR"), key="c2")
            await until(lambda: not list(provider.book.undelivered()))
            assert [json.loads(body)["type"] for _, body in merchant.letters] == ["hold.held", "hold.captured"]

    run(scene())


def test_expiry_is_noticed_by_itself() -> None:
    async def scene() -> None:
        clock = ManualClock()
        async with Merchant() as merchant, service(clock, webhook_url=merchant.url) as (_, client):
            await opened(client)
            clock.step_wall(machine.PAGE_LASTS.total_seconds())
            await clock.advance(31)
            await until(lambda: merchant.letters)
            assert json.loads(merchant.letters[0][1])["type"] == "hold.expired"

    run(scene())


def test_what_cannot_be_written_is_not_said_and_is_there_once_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        clock = ManualClock()
        async with service(clock) as (provider, client):
            hold = await opened(client)
            with monkeypatch.context() as broken:
                broken.setattr(provider._shelf, "save", lambda records: 1 / 0)
                with pytest.raises(Unreachable):
                    await client.release(hold.psp_ref, key="r")
            assert provider.book.unsaved()
            assert (await client.release(hold.psp_ref, key="r")).status is HoldStatus.RELEASED
            assert not provider.book.unsaved()

    run(scene())


def test_many_at_once_get_the_same_hold_for_the_same_key() -> None:
    async def scene() -> None:
        async with service(ManualClock()) as (_, client):
            holds = await asyncio.gather(*(opened(client, key="one") for _ in range(20)))
            assert len({hold.psp_ref for hold in holds}) == 1

    run(scene())


def test_a_taken_port_or_a_file_in_use_is_said_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "psp.sqlite"

    async def scene() -> None:
        async with service(ManualClock(), db=file) as (provider, _):
            for how in ({"port": provider.port}, {"db": file}):
                second = SandboxService(clock=ManualClock(), entropy=SeededEntropy(), **how)
                with pytest.raises(LocalError, match=r"cannot (listen|open)"):
                    await second.start()

    run(scene())


def test_ipv6_addresses_are_written_with_brackets() -> None:
    provider = SandboxService(clock=ManualClock(), entropy=SeededEntropy(), host="::1", port=8090)
    assert provider.url == "http://[::1]:8090"


def test_secrets_that_are_not_given_are_drawn_and_do_not_print() -> None:
    provider = SandboxService(clock=ManualClock(), entropy=SeededEntropy())
    assert "***" in repr(provider.api_key)
    assert len(provider.webhook_secret) > 26
    assert provider.api_key != Secret("")
