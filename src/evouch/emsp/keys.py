"""Custody of the key that makes VIDs (docs/decisions/063).

The eMSP never sees an address, so it cannot make the VIDs of a new key from those of the old:
a new key means that every vehicle is bound again. That makes the key worth a backup, and its
rotation an act with a reason. The key is sealed at rest by the store; in memory it is a Secret
until the group has it.

The id of a key is a hash of its public element: a backup that is brought back is the same key,
and the vehicles that it had named are its own again.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from evouch.autocharge.answering import Signer
from evouch.emsp.book import Book
from evouch.errors import LocalError, Refused
from evouch.ids import Secret
from evouch.oprf.keys import PrivateKey
from evouch.oprf.server import Evaluator
from evouch.store.ports import Put, StoreFailed
from evouch.store.records_roaming import OprfKey

__all__ = ["Keys"]

#: Characters of a key's id.
_ID: Final = 16


@dataclass(slots=True)
class Keys:
    """One key is in use; former ones only tell which vehicles they have named."""

    book: Book
    _keys: dict[str, OprfKey] = field(default_factory=dict)
    _signer: Signer | None = None
    _current: str = ""

    async def load(self) -> None:
        """Read the keys; make the first one where there is none."""
        if not await self._read():
            await self._take(PrivateKey.generate(self.book.entropy), None, "service", "make OPRF key", "the first")

    async def _read(self) -> bool:
        """Take what the store has; return whether one is in use."""
        self._keys = {key.id: key for key in await self.book.store.oprf_keys()}
        using = [key for key in self._keys.values() if key.retired_at is None]
        if using:
            self._use(max(using, key=lambda key: key.created_at))
        return bool(using)

    @property
    def signer(self) -> Signer:
        """What signs, with the key in use; made once. LocalError before :meth:`load`."""
        if self._signer is None:
            msg = "the keys are not loaded"
            raise LocalError(msg)
        return self._signer

    @property
    def current(self) -> OprfKey:
        """The key in use."""
        return self._keys[self._current]

    @property
    def changed_at(self) -> datetime | None:
        """When the key in use took the place of another one; None: it is the only one that there ever was."""
        return self.current.created_at if len(self._keys) > 1 else None

    def all(self) -> list[OprfKey]:
        """Return all keys, the one in use first, then the newest."""
        return sorted(self._keys.values(), key=lambda key: (key.id == self._current, key.created_at), reverse=True)

    def retired(self, at: datetime) -> set[str]:
        """Return the ids of keys whose VIDs start nothing any more at this moment."""
        return {key.id for key in self._keys.values() if key.retired_at is not None and key.retired_at <= at}

    async def rotate(self, *, actor: str, reason: str, grace: float) -> OprfKey:
        """Put a new key into use; the VIDs of the one before count for ``grace`` seconds more."""
        if not reason.strip():
            raise Refused("reasonMissing")
        new = PrivateKey.generate(self.book.entropy)
        return await self._take(new, grace, actor, "rotate OPRF key", reason)

    async def export(self, *, actor: str) -> Secret:
        """Return the key in use as 64 hex digits, for a backup; that it was taken out is on record."""
        await self.book.store.commit(self.book.audit(actor, "export OPRF key", self._current))
        return self.current.key

    async def restore(self, key: Secret, *, actor: str, reason: str) -> OprfKey:
        """Put a key from a backup into use, at once and in place of the present one; Refused("badKey")."""
        try:
            private = PrivateKey.from_hex(key)
        except ValueError:
            raise Refused("badKey") from None
        if _id(private) == self._current:
            return self.current
        return await self._take(private, 0.0, actor, "restore OPRF key", reason)

    async def _take(
        self, private: PrivateKey, grace: float | None, actor: str, action: str, reason: str
    ) -> OprfKey:  # fmt: skip
        """Write the new key and the end of the one before in one commit, then use it."""
        now, id = self.book.clock.now(), _id(private)
        new = OprfKey(id=id, key=_hex(private), created_at=now)
        former = self._keys.get(self._current)
        gone = [] if former is None else [replace(former, retired_at=now + timedelta(seconds=grace or 0.0))]
        audit = self.book.audit(actor, action, id, reason[:255])
        try:
            await self.book.store.commit(*(Put(each) for each in (*gone, new)), audit)
        except StoreFailed:
            await self._read()  # whether it was kept, only the store can say; signing goes on with what it has
            raise
        self._keys |= {each.id: each for each in (*gone, new)}
        self._use(new)
        return new

    def _use(self, key: OprfKey) -> None:
        self._current = key.id
        self._signer = Signer(Evaluator(PrivateKey.from_hex(key.key)))


def _id(private: PrivateKey) -> str:
    return hashlib.sha256(private.public()).hexdigest()[:_ID]


def _hex(private: PrivateKey) -> Secret:
    return Secret(private.key_bytes.reveal().hex())
