"""Asking partners what has changed, now and then: pushes get lost, and nobody owes us any.

Rules of this file (docs/decisions/061):

* Every list is read again within hours, at moments that chance spreads: a thousand operators that
  ask on the hour are an outage (transport §pull). The first time is seconds after a registration.
* What is read is what changed since the latest change that was ever seen there, minus an overlap:
  the partner's own times count, our clock does not.
* A reading that broke off moves no watermark: what it brought is taken, and comes again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from evouch.clock import Clock, Entropy
from evouch.errors import EvouchError, PeerRefused, Unreachable
from evouch.ocpi.lanes import Find, Promises, Save, backoff, jittered, words
from evouch.ocpi.partner import Partner, PartnerSync

__all__ = ["PollTerms", "Polling"]

#: Reads a list from a moment on and takes what is there; returns the greatest ``last_updated``, None for an empty one.
Read = Callable[[Partner, str, datetime | None], Awaitable[datetime | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PollTerms:
    """How often. Times in seconds."""

    #: between two readings: hours, not minutes (transport §pull)
    period: float = 6 * 3600.0
    #: share of the period by which each reading comes earlier or later
    splay: float = 0.25
    #: until the first reading of a list: until then its cards and places are strangers. Not at once, for a partner
    #: that registers here has not kept our answer yet
    first: float = 3.0
    #: until the next reading after a failure; doubled with each
    soon: float = 60.0
    #: how far before the latest change a reading begins
    overlap: timedelta = timedelta(minutes=5)


@dataclass(slots=True)
class _List:
    sync: PartnerSync
    failures: int = 0
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)


class Polling:
    """Readings of one actor at all its partners."""

    def __init__(
        self,
        clock: Clock,
        entropy: Entropy,
        promises: Promises,
        *,
        find: Find,
        save: Save,
        read: Read,
        terms: PollTerms | None = None,
    ) -> None:
        self._clock = clock
        self._entropy = entropy
        self._promises = promises
        self._find = find
        self._save = save
        self._read = read
        self._terms = terms or PollTerms()
        self._lists: dict[tuple[str, str], _List] = {}

    def load(self, syncs: Iterable[PartnerSync]) -> None:
        """Take how far the lists of modules that we read had been read; once, before :meth:`start`."""
        for sync in syncs:
            self._lists[sync.partner, sync.module] = _List(sync)

    def states(self) -> list[PartnerSync]:
        """Return how all lists stand, by partner and module."""
        return [self._lists[key].sync for key in sorted(self._lists)]

    def start(self, partner: Partner, module: str, *, new: bool = False) -> None:
        """Read a list from now on: in seconds where it is ``new`` or was never read, else within its period."""
        known = self._list(partner.id, module)
        self._later(known, self._terms.period if known.sync.succeeded_at and not new else self._terms.first)

    def stop(self, partner: str) -> None:
        """Read nothing of a partner any more; what was read stays known."""
        for key in self._lists:
            if key[0] == partner:
                self._promises.drop(("poll", *key))

    def forget(self, partner: str) -> None:
        """Drop everything about a partner that is none any more: the next of that name is read from the beginning."""
        self.stop(partner)
        for key in [each for each in self._lists if each[0] == partner]:
            del self._lists[key]

    async def poll(self, partner: Partner, module: str, *, whole: bool = False) -> PartnerSync:
        """Read a list now; ``whole`` from its beginning. Raises PeerRefused, PeerGarbled, Unreachable."""
        known = self._list(partner.id, module)
        async with known.reading:
            since = None if whole or known.sync.watermark is None else known.sync.watermark - self._terms.overlap
            try:
                latest = await self._read(partner, module, since)
            except (PeerRefused, Unreachable) as error:
                await self._failed(known, error)
                raise
            await self._done(known, latest)
            return known.sync

    def _list(self, partner: str, module: str) -> _List:
        key = (partner, module)
        if key not in self._lists:
            self._lists[key] = _List(PartnerSync(partner=partner, module=module))
        return self._lists[key]

    async def _done(self, known: _List, latest: datetime | None) -> None:
        times = [each for each in (known.sync.watermark, latest) if each is not None]
        known.sync = replace(known.sync, watermark=max(times, default=None), succeeded_at=self._clock.now(), failure="")
        known.failures = 0
        await self._note(known)

    async def _failed(self, known: _List, error: EvouchError) -> None:
        known.failures += 1
        known.sync = replace(known.sync, failed_at=self._clock.now(), failure=words(error))
        await self._note(known)

    async def _note(self, known: _List) -> None:
        if self._known(known):
            await self._save(known.sync)

    def _known(self, known: _List) -> bool:
        """Return whether a list is still ours to read: its partner may have been forgotten meanwhile."""
        return self._lists.get((known.sync.partner, known.sync.module)) is known

    def _later(self, known: _List, seconds: float) -> None:
        pause = jittered(seconds, self._entropy, spread=self._terms.splay)
        self._promises.after(pause, ("poll", known.sync.partner, known.sync.module), lambda: self._turn(known))

    async def _turn(self, known: _List) -> None:
        """Read a list whose time has come, and promise the next time."""
        partner = self._find(known.sync.partner)
        if partner is None or not partner.registered:
            return
        pause = self._terms.period
        try:
            await self.poll(partner, known.sync.module)
        except (PeerRefused, Unreachable):
            pause = backoff(known.failures, self._terms.soon, self._terms.period)
        if self._known(known):
            self._later(known, pause)
