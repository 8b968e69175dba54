"""A station's side of its connection: connect, boot, heartbeat, say, and deliver what was queued.

Life of a connection: connect → BootNotification until Accepted → heartbeat and transaction
queue side by side → lost → connect again, ever more patiently. All waiting is on the clock.

Two habits of real firmware can be asked for (:class:`~evouch.station.spec.StationSpec`): to
go on while Pending as if accepted, and not to boot again on a reconnect (OCPP-J 1.6 §5.4).
A station that was Rejected answers nothing until a later boot is answered otherwise
(OCPP 1.6 §4.2).
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from evouch.charging.dialogue import (
    BootAnswer,
    Booted,
    BootStatus,
    Evidence,
    Fact,
    Order,
    SessionAnswer,
    SessionFact,
    StillThere,
    TimeAnswer,
    Unspeakable,
)
from evouch.clock import Clock, Entropy, Tick
from evouch.errors import LocalError, Offline, Overloaded, PeerRefused, TimedOut, Unreachable
from evouch.ids import Secret, TransactionId
from evouch.station.configuration import Configuration
from evouch.station.queue import Entry, Queue
from evouch.station.spec import StationSpec
from evouch.station.timers import StationTime, Timers

__all__ = ["Connect", "Ears", "Line", "Uplink"]

_log = logging.getLogger(__name__)
A = TypeVar("A")

#: How long a station waits for an answer, in seconds (OCPPCommCtrlr.MessageTimeout).
ANSWER_SECONDS: Final = 30.0
#: Boot retry where the backend names no interval (2.x B02.FR.06 leaves it to the station).
BOOT_RETRY: Final = 10
#: How long a transaction message waits for a crowded connection, in seconds.
CROWDED_SECONDS: Final = 1.0


class Line(Protocol):
    """One open connection to the backend."""

    async def say(self, fact: Fact[A], *, by: Tick) -> A | Unspeakable | PeerRefused | Unreachable:
        """Return the backend's answer, or what kept it from coming."""

    def mute(self, mute: bool) -> None:  # noqa: FBT001  # it is the value itself
        """Leave every order unanswered, whatever it is; or answer again."""

    async def close(self) -> None:
        """Hang up."""


class Connect(Protocol):
    """How a station reaches its backend. Raises ``Offline`` or ``PeerRefused`` (the HTTP status as code)."""

    async def __call__(
        self,
        *,
        password: Secret | None,
        hear: Callable[[Any, Any, Evidence], Any],
        on_close: Callable[..., None],
    ) -> Line:
        """Return an open line; ``hear`` gets each order, ``on_close`` is called once when the line is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ears:
    """What an uplink tells the station that it belongs to."""

    #: an order; returns its answer, at once or as an awaitable
    order: Callable[[Order[Any]], Any]
    #: the boot was accepted: say what state everything is in
    accepted: Callable[[], None]
    #: the backend answered a fact of a transaction
    answered: Callable[[TransactionId, SessionAnswer], None]
    #: a message was put aside, for the backend never took it
    put_aside: Callable[[Entry], None]
    #: the connection is gone
    lost: Callable[[], None]
    #: something that a display shows has changed
    changed: Callable[[], None]


class Uplink:
    """One station's way to its backend. :meth:`run` is its life."""

    def __init__(
        self, spec: StationSpec, *, connect: Connect, clock: Clock, entropy: Entropy, timers: Timers,
        time: StationTime, configuration: Configuration, ears: Ears,
    ) -> None:  # fmt: skip
        self.spec = spec
        self.accepted = False
        #: what the last boot was answered with; a Pending ends with its connection, a reset forgets them all
        self.registration: BootStatus | None = None
        self.queue = Queue(spec.modern)
        #: BootReason of the next boot
        self.boot_reason = "PowerUp"
        self._connect = connect
        self._clock = clock
        self._entropy = entropy
        self._timers = timers
        self._time = time
        self._configuration = configuration
        self._ears = ears
        #: the connection of the moment
        self.line: Line | None = None
        self._silent = False
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._gone = asyncio.Event()
        self._stirred = asyncio.Event()
        self._down_until = clock.tick()
        #: seconds that a refusing backend asked us to wait (Retry-After)
        self._patience = 0.0

    # ── the connection ──────────────────────────────────────────────────────────────────

    @property
    def online(self) -> bool:
        """Whether the backend is connected, has accepted this station and still answers."""
        return self.line is not None and self.accepted and not self._silent

    async def run(self) -> None:
        """Stay connected until cancelled."""
        attempt = 0
        try:
            while True:
                await self._wanted.wait()
                await self._clock.sleep_until(self._down_until)
                self._patience = 0.0
                attempt = 0 if await self._live() else attempt + 1
                await self._pause(attempt)
        finally:
            await self._hang_up()

    async def _live(self) -> bool:
        """Live through one connection; return whether there was one."""
        self._gone.clear()
        try:
            self.line = await self._connect(
                password=self._configuration.password, hear=self._hear, on_close=self._closed
            )
        except (Unreachable, PeerRefused) as error:
            _log.info("%s: no connection: %s", self.spec.id, error)
            if isinstance(error, PeerRefused):
                self._patience = float(error.details.get("retryAfter", 0))
            return False
        self._silent = False
        self.line.mute(self.registration is BootStatus.REJECTED)
        if self.registration is BootStatus.ACCEPTED and not self.spec.boots_on_reconnect:
            self._begin_service(0)
        else:
            self._timers.set("boot", self._clock.tick(), self.boot)
        pump = asyncio.get_running_loop().create_task(self._pump())
        try:
            await self._gone.wait()
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
            await self._hang_up()
        return True

    async def _hang_up(self) -> None:
        line, self.line = self.line, None
        self.accepted = False
        if self.registration is BootStatus.PENDING:
            self.registration = None
        for name in ("boot", "heartbeat", "queue"):
            self._timers.clear(name)
        if line is not None:
            await line.close()
        self._ears.lost()

    def _closed(self, *_: object) -> None:
        self._gone.set()

    async def _pause(self, attempt: int) -> None:
        """Wait before the next attempt: longer each time, and a little by chance, lest a whole town returns at once."""
        share = int.from_bytes(self._entropy.bytes(2), "big") / 0xFFFF
        pause = max(self._patience, self._configuration.backoff(attempt, share))
        await self._clock.sleep_until(Tick(self._clock.tick() + pause))

    def break_off(self, seconds: float = 0.0) -> None:
        """Give this connection up; come back after ``seconds`` at the earliest."""
        self._down_until = Tick(self._clock.tick() + seconds)
        self._gone.set()

    def reset(self, reason: str) -> None:
        """Begin again as after power-up: forget what the backend made of us, and boot with ``reason``."""
        self.registration = None
        self.boot_reason = reason
        self.break_off(self.spec.reboot_seconds)

    async def go_offline(self) -> None:
        """Lose the network until :meth:`come_online`."""
        self._wanted.clear()
        self._gone.set()
        await self._hang_up()

    def come_online(self) -> None:
        """Have a network again."""
        self._wanted.set()

    # ── boot and heartbeat ──────────────────────────────────────────────────────────────

    def boot(self) -> None:
        """Say BootNotification."""
        self._timers.spawn(self._say_boot())

    async def _say_boot(self) -> None:
        booted = Booted(
            vendor=self.spec.vendor,
            model=self.spec.model,
            serial=self.spec.serial,
            firmware=self.spec.firmware,
            reason=self.boot_reason,
        )
        answer = await self.say(booted)
        if self.line is None:
            return
        if isinstance(answer, BootAnswer):
            self._time.set(answer.now)
            self.registration = answer.status
            _log.info("%s: boot %s, interval %d s", self.spec.id, answer.status, answer.interval)
            self.line.mute(answer.status is BootStatus.REJECTED)
            ignored = answer.status is BootStatus.PENDING and self.spec.ignores_pending
            if answer.status is BootStatus.ACCEPTED or ignored:
                self._begin_service(0 if ignored else answer.interval)
                return
        interval = answer.interval if isinstance(answer, BootAnswer) else 0
        self.accepted = False
        self._timers.set("boot", Tick(self._clock.tick() + (interval or BOOT_RETRY)), self.boot)
        self._ears.changed()

    def _begin_service(self, interval: int) -> None:
        self.accepted = True
        # a later boot without a reset in between can only be one that the backend asked for
        self.boot_reason = "Triggered"
        if interval > 0:
            self._configuration.set_heartbeat(interval)
        self.beat_again()
        self._ears.accepted()
        self._stirred.set()
        self._ears.changed()

    def beat_again(self) -> None:
        """Count the heartbeat interval from now."""
        interval = self._configuration.heartbeat
        due = Tick(self._clock.tick() + interval) if interval > 0 and self.accepted else None
        self._timers.set("heartbeat", due, self._beat)

    def _beat(self) -> None:
        self.beat()
        self.beat_again()

    def beat(self) -> None:
        """Say Heartbeat."""
        self._timers.spawn(self._say_heartbeat())

    async def _say_heartbeat(self) -> None:
        answer = await self.say(StillThere())
        if isinstance(answer, TimeAnswer):
            self._time.set(answer.now)
            self._ears.changed()

    # ── saying facts ────────────────────────────────────────────────────────────────────

    async def say(self, fact: Fact[A]) -> A | Unspeakable | PeerRefused | Unreachable:
        """Say a fact now; return the answer, or what kept it from coming."""
        line = self.line
        if line is None:
            return Offline("no connection")
        try:
            answer = await line.say(fact, by=Tick(self._clock.tick() + ANSWER_SECONDS))
        except LocalError:
            # our own mistake: it must be seen, and must not keep what comes behind it from being said
            _log.exception("%s: %s cannot be said", self.spec.id, type(fact).__name__)
            return Unspeakable(self.spec.version, type(fact).__name__)
        silent = isinstance(answer, Unreachable)
        if silent is not self._silent and line is self.line:
            self._silent = silent
            self._ears.changed()
        return answer

    def tell(self, fact: Fact[Any], *, asked: bool = False) -> None:
        """Say what is worth nothing later; before the boot is accepted only what the backend ``asked`` for."""
        if self.line is not None and (self.accepted or asked):
            self._timers.spawn(self.say(fact))

    def book(self, handle: TransactionId, fact: SessionFact) -> None:
        """Queue a fact of a transaction: it is delivered, in order, whatever happens to the connection."""
        self.queue.put(handle, fact)
        self._stirred.set()

    async def _pump(self) -> None:
        """Deliver the queue, one message at a time, for as long as this connection lasts."""
        while True:
            entry = self.queue.head(self._clock.tick()) if self.accepted else None
            if entry is None:
                self._stirred.clear()
                self._timers.set("queue", self.queue.next_deadline() if self.accepted else None, self._stirred.set)
                await self._stirred.wait()
                continue
            answer = await self.say(entry.fact)
            if isinstance(answer, Overloaded):  # our own connection has more to say than it can; nothing was sent
                await self._clock.sleep_until(Tick(self._clock.tick() + CROWDED_SECONDS))
            else:
                self._delivered(entry, answer)
            if self._gone.is_set():  # a closed line answers at once, so going on would never end
                return

    def _delivered(self, entry: Entry, answer: SessionAnswer | Unspeakable | PeerRefused | Unreachable) -> None:
        match answer:
            case SessionAnswer():
                self.queue.delivered(answer.transaction)
                self._ears.answered(entry.handle, answer)
            case Unspeakable():
                self.queue.delivered()
            case PeerRefused() | TimedOut():
                if self.queue.failed(self._clock.tick(), self._configuration.retries):
                    _log.warning("%s: %s put aside: %s", self.spec.id, type(entry.fact).__name__, answer)
                    self._ears.put_aside(entry)
            case Unreachable():
                self._gone.set()

    # ── hearing orders ──────────────────────────────────────────────────────────────────

    def _hear(self, _conversation: object, order: Order[Any], _evidence: Evidence) -> Any:
        return self._obey_late(order) if self.spec.answer_delay > 0 else self._ears.order(order)

    async def _obey_late(self, order: Order[Any]) -> Any:
        await self._clock.sleep_until(Tick(self._clock.tick() + self.spec.answer_delay))
        return self._ears.order(order)
