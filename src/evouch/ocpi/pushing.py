"""Telling partners what has changed: a few tries within seconds, then the current state, later.

Rules of this file (docs/decisions/061):

* A push is one object's latest state. One that waits gives way to a newer one of the same key, and
  two of one key are never on their way at once: what arrives last is what is so.
* What could not be sent within seconds is not kept as a message (transport §offline behaviour). The
  module of that partner is *dirty* since then, and when the partner answers again the actor sends
  whatever has changed since, as it stands by then (``resend``).
* Whoever refuses an object for good (2xxx) is not asked again with the same; this is no outage.
* What waited when this process ended is in no list: after a restart every lane is dirty since its
  last success that was written down.
* A partner that is away costs one try per change and a probe now and then, never a queue.
* Who is no partner any more is sent nothing more, whatever waits: if it comes back, it is dirty.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from evouch.clock import Clock, Entropy, Tick
from evouch.errors import EvouchError, PeerRefused, Unreachable
from evouch.ocpi.lanes import Find, Promises, Save, backoff, is_final, jittered, words
from evouch.ocpi.partner import Partner, PartnerSync
from evouch.ocpi.polling import Polling, PollTerms

__all__ = ["PollTerms", "Polling", "PushTerms", "Pusher", "settle_refusal"]

Send = Callable[[], Awaitable[object]]
#: Sends everything of a module that changed since then, as it stands now. Wrap each object in :func:`settle_refusal`.
Resend = Callable[[Partner, str, datetime], Awaitable[None]]

_log = structlog.get_logger("evouch.ocpi.pushing")

#: How much earlier than the moment of a push its object may have changed.
SLACK: Final = timedelta(minutes=1)
#: Successes are written down this often: a restart sends again what changed since.
NOTED: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushTerms:
    """How hard we try. Times in seconds."""

    #: between the tries of one push: three tries within about five seconds
    pauses: tuple[float, ...] = (1.0, 3.0)
    #: between probes of a partner that is away: doubled from the first to the longest
    first_probe: float = 30.0
    longest_probe: float = 900.0
    #: pushes to one module of one partner at the same time
    width: int = 4
    #: changes that wait for one module of one partner; more make it dirty at once
    waiting: int = 10_000


@dataclass(slots=True)
class _Lane:
    """One module of one partner."""

    sync: PartnerSync
    waiting: dict[str, tuple[Send, datetime]] = field(default_factory=dict)
    under_way: set[str] = field(default_factory=set)
    workers: int = 0
    recovering: bool = False
    #: missed while the current state was being sent
    missed: datetime | None = None
    failures: int = 0
    noted_at: datetime | None = None

    @property
    def dirty(self) -> bool:
        return self.sync.dirty_since is not None


class Pusher:
    """Pushes of one actor to all its partners. ``save`` writes how a lane stands, ``resend`` catches up."""

    def __init__(
        self,
        clock: Clock,
        entropy: Entropy,
        promises: Promises,
        *,
        find: Find,
        save: Save,
        resend: Resend,
        terms: PushTerms | None = None,
    ) -> None:
        self._clock = clock
        self._entropy = entropy
        self._promises = promises
        self._find = find
        self._save = save
        self._resend = resend
        self._terms = terms or PushTerms()
        self._lanes: dict[tuple[str, str], _Lane] = {}

    def load(self, syncs: Iterable[PartnerSync]) -> None:
        """Take how the lanes of modules that we push stood, and catch up with each; once, at the start."""
        for sync in syncs:
            lane = _Lane(replace(sync, dirty_since=sync.dirty_since or sync.succeeded_at))
            self._lanes[sync.partner, sync.module] = lane
            if lane.dirty:
                self._probe_later(lane)

    def states(self) -> list[PartnerSync]:
        """Return how all lanes stand, by partner and module."""
        return [self._lanes[key].sync for key in sorted(self._lanes)]

    def push(self, partner: Partner, module: str, key: str, send: Send) -> None:
        """Send an object's latest state soon; an older one of the same ``key`` that still waits is dropped.

        ``send`` raises what PartnerCalls raise. It is called later, perhaps several times, perhaps never.
        """
        lane, since = self._lane(partner.id, module), self._clock.now() - SLACK
        _, since = lane.waiting.pop(key, (send, since))
        if len(lane.waiting) >= self._terms.waiting:
            self._promises.soon(lambda: self._miss(lane, since, "too many changes wait"))
            return
        lane.waiting[key] = (send, since)
        if lane.workers < self._terms.width:
            lane.workers += 1
            self._promises.soon(lambda: self._work(lane))

    async def resync(self, partner: Partner, module: str, since: datetime) -> None:
        """Send everything that changed since then, now; raises nothing: :meth:`states` say what became of it."""
        lane = self._lane(partner.id, module)
        lane.sync = replace(lane.sync, dirty_since=min(since, lane.sync.dirty_since or since))
        await self._recover(lane)

    def forget(self, partner: str) -> None:
        """Drop everything about a partner that is none any more."""
        for key in [each for each in self._lanes if each[0] == partner]:
            self._lanes.pop(key).waiting.clear()
            self._promises.drop(("push", *key))

    # ── one lane ──

    def _lane(self, partner: str, module: str) -> _Lane:
        key = (partner, module)
        if key not in self._lanes:
            self._lanes[key] = _Lane(PartnerSync(partner=partner, module=module))
        return self._lanes[key]

    async def _work(self, lane: _Lane) -> None:
        try:
            while (key := next((each for each in lane.waiting if each not in lane.under_way), None)) is not None:
                lane.under_way.add(key)
                send, since = lane.waiting.pop(key)
                try:
                    await self._deliver(lane, key, send, since)
                except Exception as error:  # noqa: BLE001 - what is wrong with one object must not stop the others
                    self._broken(lane, since, error)
                finally:
                    lane.under_way.discard(key)
        finally:
            lane.workers -= 1

    async def _deliver(self, lane: _Lane, key: str, send: Send, since: datetime) -> None:
        """Try to send; a partner that is known to be away is tried once."""
        failure, wait = "", 0.0
        for pause in (0.0,) if lane.dirty else (0.0, *self._terms.pauses):
            await self._pause(pause)
            if not self._registered(lane):
                failure = "not registered"
                break
            if key in lane.waiting:  # a newer state came in the meantime: it goes instead
                newer, _ = lane.waiting[key]
                lane.waiting[key] = (newer, since)
                return
            try:
                await self._succeed(lane, await settle_refusal(send))
                return
            except (PeerRefused, Unreachable) as error:
                failure, wait = words(error), _asked_to_wait(error)
                if wait:
                    break
        await self._miss(lane, since, failure, wait)

    def _broken(self, lane: _Lane, since: datetime, error: Exception) -> None:
        """Something of ours failed, the store perhaps: nothing is written now, and the partner is caught up with."""
        _log.error("push broken", module=lane.sync.module, kind=type(error).__name__)
        if self._lack(lane, since, f"ours: {type(error).__name__}"):
            self._probe_later(lane)

    def _registered(self, lane: _Lane) -> bool:
        partner = self._find(lane.sync.partner)
        return partner is not None and partner.registered

    async def _pause(self, seconds: float) -> None:
        if seconds:
            spread = jittered(seconds, self._entropy, spread=0.25)
            await self._clock.sleep_until(Tick(self._clock.tick() + spread))

    async def _succeed(self, lane: _Lane, refused: PeerRefused | None) -> None:
        """Note that the partner is there; what it refused for good it was told all the same."""
        now = self._clock.now()
        if refused is None:
            lane.sync = replace(lane.sync, succeeded_at=now)
        else:
            lane.sync = replace(lane.sync, failed_at=now, failure=words(refused))
            _log.warning(
                "partner refuses an object", partner=lane.sync.partner, module=lane.sync.module, code=refused.code
            )
        if lane.dirty:
            self._promises.soon(lambda: self._recover(lane))
        elif lane.noted_at is None or now - lane.noted_at >= NOTED:
            await self._note(lane)

    async def _miss(self, lane: _Lane, since: datetime, failure: str, wait: float = 0.0) -> None:
        """Note that the partner lacks what changed since then."""
        if self._lack(lane, since, failure):
            self._probe_later(lane, wait)
            await self._note(lane)

    def _lack(self, lane: _Lane, since: datetime, failure: str) -> bool:
        """Make a lane dirty; return whether that is news."""
        lane.missed = min(since, lane.missed or since)
        was_dirty, first = lane.dirty, min(since, lane.sync.dirty_since or since)
        lane.sync = replace(lane.sync, dirty_since=first, failed_at=self._clock.now(), failure=failure)
        return not was_dirty

    # ── catching up ──

    def _probe_later(self, lane: _Lane, wait: float = 0.0) -> None:
        lane.failures += 1
        pause = max(wait, backoff(lane.failures, self._terms.first_probe, self._terms.longest_probe))
        key = ("push", lane.sync.partner, lane.sync.module)
        self._promises.after(jittered(pause, self._entropy, spread=0.25), key, lambda: self._recover(lane))

    async def _recover(self, lane: _Lane) -> None:
        """Send what changed since the lane became dirty, as it stands now."""
        partner, since = self._find(lane.sync.partner), lane.sync.dirty_since
        if lane.recovering or since is None or partner is None or not partner.registered:
            return
        lane.recovering, lane.missed = True, None
        try:
            await self._resend(partner, lane.sync.module, since)
        except (PeerRefused, Unreachable) as error:
            lane.sync = replace(lane.sync, failed_at=self._clock.now(), failure=words(error))
            self._probe_later(lane, _asked_to_wait(error))
        except Exception as error:  # noqa: BLE001 - whatever failed here, the partner still lacks what changed
            _log.error("catching up broken", module=lane.sync.module, kind=type(error).__name__)
            self._probe_later(lane)
        else:
            self._caught_up(lane)
        finally:
            lane.recovering = False
        await self._note(lane)

    def _caught_up(self, lane: _Lane) -> None:
        lane.sync = replace(lane.sync, dirty_since=lane.missed, succeeded_at=self._clock.now(), failure="")
        lane.failures = 0
        self._promises.drop(("push", lane.sync.partner, lane.sync.module))
        if lane.dirty:
            self._probe_later(lane)

    async def _note(self, lane: _Lane) -> None:
        lane.noted_at = self._clock.now()
        if self._lanes.get((lane.sync.partner, lane.sync.module)) is lane:  # else it was forgotten meanwhile
            await self._save(lane.sync)


async def settle_refusal(send: Send) -> PeerRefused | None:
    """Send; return a refusal for good, which is an answer, and raise what may be otherwise another time."""
    try:
        await send()
    except PeerRefused as refused:
        if not is_final(refused):
            raise
        return refused
    return None


def _asked_to_wait(error: EvouchError) -> float:
    """Return for how long a partner wants to be left alone (429 with Retry-After, s)."""
    return float(error.details.get("retryAfter", 0)) if isinstance(error, PeerRefused) else 0.0
