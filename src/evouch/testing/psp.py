"""The sandbox payment provider in memory: its very book and language, no sockets.

The driver's side is :meth:`SandboxPsp.pay`, :meth:`~SandboxPsp.confirm` and
:meth:`~SandboxPsp.cancel`. Unlike the client over HTTP it asks only once, so that every armed
fault is seen by the caller. Webhooks go to ``webhook`` as they would over the wire: signed,
after the change, each in a task of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from evouch import wire
from evouch.charging.payments import Hold
from evouch.clock import Clock, Entropy, Tick
from evouch.errors import EvouchError, TimedOut, Unreachable
from evouch.ids import Secret
from evouch.psp.sandbox import api, cards, machine, webhooks
from evouch.psp.sandbox.book import Book
from evouch.psp.sandbox.faults import Fault, Faults, Switch
from evouch.psp.sandbox.port import SandboxPort, read_hold
from evouch.psp.sandbox.records import HoldRecord

__all__ = ["SandboxPsp"]

Webhook = Callable[[dict[str, str], bytes], Awaitable[object]]


class SandboxPsp(SandboxPort):
    """A payment provider for stories. ``webhook`` may be set later; without it events are only kept."""

    def __init__(
        self,
        clock: Clock,
        entropy: Entropy,
        *,
        webhook: Webhook | None = None,
        merchant: str = "Sandbox Energy",
        public_url: str = "https://pay.test",
        webhook_secret: Secret | None = None,
    ) -> None:
        self.webhook_secret = webhook_secret or Secret(entropy.id())
        super().__init__(self.webhook_secret)
        self.book = Book(entropy, merchant=merchant, public_url=public_url)
        self.webhook = webhook
        #: every question that reached the provider, in order
        self.questions: list[api.Question] = []
        self._clock = clock
        self._outbox = webhooks.Outbox(self.book.faults)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def faults(self) -> Faults:
        """The switches of what goes wrong."""
        return self.book.faults

    def arm(self, fault: Fault, operation: str = "", **how: Any) -> None:
        """Let ``fault`` happen to the next ``operation``; see :class:`~evouch.psp.sandbox.faults.Switch`."""
        self.faults.arm(Switch(fault, operation, **how))

    async def pay(self, psp_ref: str, card: str = "4242424242424242") -> Hold:
        """Type a card into the payment page; ``Refused`` where the hold takes none any more."""
        now = self._clock.now()
        form = {"number": card, "expiry": f"12/{(now.year + 2) % 100:02d}", "cvc": "1234" if card[0] == "3" else "123"}
        read = cards.read(form, now)
        if read.seconds:
            await self._clock.sleep_until(Tick(self._clock.tick() + read.seconds))
        challenge = self.book.new_id("auth")
        return await self._drive(psp_ref, lambda hold: machine.submit(hold, read, self._clock.now(), challenge))

    async def confirm(self, psp_ref: str, *, yes: bool = True) -> Hold:
        """Answer the question of the card's bank (3-D Secure)."""
        return await self._drive(
            psp_ref, lambda hold: machine.consent(hold, hold.challenge, self._clock.now(), yes=yes)
        )

    async def cancel(self, psp_ref: str) -> Hold:
        """Press cancel on the payment page."""
        return await self._drive(psp_ref, machine.cancel)

    async def expire(self, psp_ref: str) -> Hold:
        """Let the hold run out now."""
        self.book.expire(psp_ref, self._clock.now())
        await self.deliver()
        return await self._seen(psp_ref)

    async def deliver(self) -> None:
        """Send the webhooks that are due; those due later follow by themselves."""
        self._post()
        for letter in self._outbox.due(self._clock.tick()):
            await self._send(letter)
        self._plan()

    async def _ask(self, operation: str, hold: str, document: Any, key: str) -> tuple[int, bytes]:
        if delay := self.faults.take(Fault.DELAY, operation):
            await self._clock.sleep_until(Tick(self._clock.tick() + delay.seconds))
        if self.faults.take(Fault.LOSE_REQUEST, operation):
            raise TimedOut("the request was lost")
        body = b"" if document is None else wire.encode(document)
        question = api.Question(operation=operation, hold=hold, body=body, key=key)
        self.questions.append(question)
        reply = api.perform(self.book, question, self._clock.now())
        self._post()
        self._plan()
        if self.faults.take(Fault.LOSE_ANSWER, operation):
            raise TimedOut("the answer was lost")
        if self.faults.take(Fault.SERVER_ERROR, operation):
            raise Unreachable("the payment provider answered 500")
        return reply.status, reply.body

    async def _drive(self, psp_ref: str, step: Callable[[HoldRecord], HoldRecord]) -> Hold:
        self.book.change(psp_ref, step, self._clock.now())
        await self.deliver()
        return await self._seen(psp_ref)

    async def _seen(self, psp_ref: str) -> Hold:
        reply = api.perform(self.book, api.Question(operation="look", hold=psp_ref), self._clock.now())
        return read_hold(reply.body)

    def _post(self) -> None:
        news = self.book.news()
        for event in news if self.webhook else ():
            self._outbox.post(event, self._clock.tick())

    def _plan(self) -> None:
        due = self._outbox.next_deadline()
        if due is None:
            return
        task = asyncio.get_running_loop().create_task(self._later(due))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _later(self, due: Tick) -> None:
        await self._clock.sleep_until(due)
        await self.deliver()

    async def _send(self, letter: webhooks.Letter) -> None:
        if self.webhook is None:
            return
        headers, body = webhooks.dress(letter, self.webhook_secret, self._clock.now())
        try:
            await self.webhook(headers, body)
        except EvouchError:
            self._outbox.failed(letter, self._clock.tick())
