"""The keys that stations are known by: held in memory as they stand in the store, changed by operators.

Rules of this file:

* One material belongs to one station, once: the store's unique row decides who enrols it, and
  what was revoked is never enrolled again.
* A change and its audit row are one commit; memory follows after it.
* A ``next`` identity becomes ``active`` with its first proof. The one before it keeps working
  until an operator revokes it: a station that falls back to its old firmware is not lost.
* The signing input of an identity's first valid proof is kept with it, before that proof
  counts; nothing else is taken from this identity afterwards.
* Without an identity and within a window that an operator opened, the first key that proves
  itself is enrolled, recorded as first use, and the window is closed by the same commit.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from evouch.cpo.registry import Registry
from evouch.cpo.turns import Turns
from evouch.errors import Refused
from evouch.identity.enrolment import FIRST_USE, Identity, IdentityKind, IdentityStatus, SigningInput, usable
from evouch.identity.material import read_material
from evouch.ids import StationId
from evouch.store.ports import Add, Change, Conflict, Delete, Put
from evouch.store.records import StationRecord

__all__ = ["Identities", "describe"]

#: Longest window for first use (s): an operator opens it for a station that is being set up, not for good.
LONGEST_WINDOW: Final = 7 * 86_400
#: The security profiles of OCPP, and 0 for none of them.
PROFILES: Final = range(4)
#: Characters of a fingerprint that people compare.
_SHOWN: Final = 16


@dataclass(slots=True)
class Identities:
    """Snapshot of all identities, and the one way to change them. Errors are Refused, by reason."""

    registry: Registry
    #: told of an identity that was revoked, and of a station whose trust or profile an operator lowered
    revoked: Callable[[Identity], None] = field(default=lambda _: None)
    unsettled: Callable[[StationId], None] = field(default=lambda _: None)
    _by_id: dict[str, Identity] = field(default_factory=dict)
    _of: dict[StationId, dict[str, Identity]] = field(default_factory=dict)
    _turns: Turns = field(default_factory=Turns)

    async def load(self) -> None:
        """Read everything; once, before anybody connects."""
        self._by_id.clear()
        self._of.clear()
        for identity in await self.registry.store.identities():
            self._keep(identity)

    # ── reading ──

    def of(self, station: StationId) -> list[Identity]:
        """Return the identities of a station in the order of enrolment, revoked ones too."""
        return list(self._of.get(station, {}).values())

    def all(self) -> list[Identity]:
        """Return every identity in the order of enrolment."""
        return list(self._by_id.values())

    def get(self, id: str) -> Identity:
        """Return one identity; Refused("unknownIdentity")."""
        found = self._by_id.get(id)
        if found is None:
            raise Refused("unknownIdentity")
        return found

    def usable(self, station: StationId) -> tuple[Identity, ...]:
        """Return the identities that a proof may count for now."""
        enrolled = self._of.get(station)
        if not enrolled:
            return ()
        now = self.registry.clock.now()
        return tuple(identity for identity in enrolled.values() if usable(identity, now))

    def expected(self, station: StationId) -> bool:
        """Return whether this station has to prove itself: an identity that has run out still says so."""
        enrolled = self._of.get(station)
        if not enrolled:
            return False
        now = self.registry.clock.now()
        return any(
            one.status is not IdentityStatus.REVOKED and (one.not_before is None or one.not_before <= now)
            for one in enrolled.values()
        )

    def proven_before(self, station: StationId) -> bool:
        """Return whether this station has ever proved itself, with whatever identity."""
        return any(identity.first_proven_at is not None for identity in self._of.get(station, {}).values())

    def window_open(self, station: StationId) -> bool:
        """Return whether a key that this station brings now would be enrolled on first use."""
        record = self.registry.station(station)
        return record is not None and record.enrol_until is not None and self.registry.clock.now() < record.enrol_until

    def certificate_enrolled(self, station: StationId, sha256: str) -> bool:
        """Return whether a client certificate is one of this station's identities."""
        return any(one.kind is IdentityKind.CERTIFICATE and one.material == sha256 for one in self.usable(station))

    # ── what operators do ──

    async def enrol(
        self, station: StationId, kind: IdentityKind, material: Any, *, actor: str,
        status: IdentityStatus = IdentityStatus.ACTIVE,
        not_before: datetime | None = None, not_after: datetime | None = None,
    ) -> Identity:  # fmt: skip
        """Enrol a key document, a DID or a certificate.

        Refused: unknownStation, badKey, weakKey, publicDemoKey, badDid, unsupportedDid,
        badCertificate, badTime, materialTaken.
        """
        if not_before is not None and not_after is not None and not_after <= not_before:
            raise Refused("badTime", "it would end before it begins")
        identity = Identity(
            id=self.registry.entropy.id(), station=station, kind=kind, material=read_material(kind, material),
            status=status, enrolled_at=self.registry.clock.now(), enrolled_by=actor,
            not_before=not_before, not_after=not_after,
        )  # fmt: skip
        return await self._add(identity, actor, "enrol identity", lambda record: replace(record, unable=None))

    async def rotate(self, station: StationId, kind: IdentityKind, material: Any, *, actor: str) -> Identity:
        """Enrol what takes over with its first proof; refused as :meth:`enrol`."""
        return await self.enrol(station, kind, material, actor=actor, status=IdentityStatus.NEXT)

    async def revoke(self, id: str, *, actor: str, reason: str = "") -> Identity:
        """Take no proof by this identity ever again, and drop the connections that it proved."""
        now = self.registry.clock.now()

        def edit(identity: Identity) -> Identity:
            return replace(identity, status=IdentityStatus.REVOKED, revoked_at=identity.revoked_at or now)

        identity = await self._edit(id, edit, actor, "revoke identity", reason)
        self.revoked(identity)
        return identity

    async def promote(self, id: str, *, actor: str) -> Identity:
        """Make a next identity active; Refused("revoked") for a revoked one."""
        return await self._edit(id, _active, actor, "promote identity")

    async def open_window(self, station: StationId, seconds: float, *, actor: str) -> datetime:
        """Enrol the first key that this station proves until the returned moment.

        Refused: unknownStation, badWindow, and alreadyEnrolled where an identity is usable: a
        new key beside it is enrolled as the next one, not on first use.
        """
        if not 0 < seconds <= LONGEST_WINDOW:
            raise Refused("badWindow", f"a window is 1 to {LONGEST_WINDOW} seconds long")
        if self.usable(station):
            raise Refused("alreadyEnrolled")
        until = self.registry.clock.now() + timedelta(seconds=seconds)
        await self._change(
            station, lambda record: replace(record, enrol_until=until, unable=None), actor, "open window for first use"
        )
        return until

    async def close_window(self, station: StationId, *, actor: str) -> None:
        """Enrol nothing on first use any more."""
        await self._change(
            station, lambda record: replace(record, enrol_until=None), actor, "close window for first use"
        )

    async def trust(self, station: StationId, trusted: bool, *, actor: str) -> None:  # noqa: FBT001  # it is the value itself
        """Enrol the station as trusted: it is never asked for a proof. Or no longer."""
        act = "trust station" if trusted else "trust station no longer"
        await self._change(station, lambda record: replace(record, trusted=trusted), actor, act)
        if not trusted:
            self.unsettled(station)

    async def set_profile(self, station: StationId, profile: int, *, actor: str) -> None:
        """Set the least OCPP security profile (0 to 3) that the station may connect with; Refused("badProfile")."""
        if profile not in PROFILES:
            raise Refused("badProfile", "a security profile is 0, 1, 2 or 3")
        await self._change(
            station, lambda record: replace(record, profile=profile), actor, f"set security profile {profile}"
        )
        self.unsettled(station)

    async def name_certificate(self, station: StationId, name: str, *, actor: str) -> None:
        """Set the common name that the station's client certificate carries instead of its id; empty: its id."""
        await self._change(
            station, lambda record: replace(record, certificate_name=name[:255]), actor, "set certificate name"
        )

    def removal(self, station: StationId) -> tuple[Change, ...]:
        """Return what goes with a station that is removed. Revoked identities stay: nobody enrols them again."""
        return tuple(Delete(one) for one in self.of(station) if one.status is not IdentityStatus.REVOKED)

    def removed(self, station: StationId) -> None:
        """Forget what :meth:`removal` has removed."""
        for identity in self.of(station):
            if identity.status is not IdentityStatus.REVOKED:
                self._forget(identity)

    # ── what proofs do ──

    async def proved(self, id: str, signing: SigningInput) -> Identity:
        """Note a valid proof: pin its signing input and promote a next identity, where that is news.

        Returns when it is written. Refused("revoked") where the identity was revoked meanwhile.
        """
        known = self._by_id.get(id)
        if known is not None and known.status is IdentityStatus.ACTIVE and known.signing is signing:
            return known  # nothing new: a storm of reconnecting stations writes nothing
        now = self.registry.clock.now()

        def edit(identity: Identity) -> Identity:
            first = identity.first_proven_at or now
            return replace(_active(identity), signing=identity.signing or signing, first_proven_at=first)

        return await self._edit(id, edit, "system", "first proof", signing)

    async def first_use(self, station: StationId, kind: IdentityKind, material: str, signing: SigningInput) -> Identity:
        """Enrol what a station has just proved within its window; Refused: windowClosed, materialTaken."""
        now = self.registry.clock.now()
        identity = Identity(
            id=self.registry.entropy.id(), station=station, kind=kind, material=material, enrolled_at=now,
            enrolled_by=FIRST_USE, signing=signing, first_proven_at=now,
        )  # fmt: skip

        def use_up(record: StationRecord) -> StationRecord:
            if record.enrol_until is None or record.enrol_until <= now or self.usable(station):
                raise Refused("windowClosed")
            return replace(record, enrol_until=None, unable=None)

        return await self._add(identity, "system", "enrol identity on first use", use_up)

    # ── writing ──

    async def _add(
        self, identity: Identity, actor: str, act: str, edit: Callable[[StationRecord], StationRecord]
    ) -> Identity:
        audit = self.registry.audit(actor, act, identity.station, describe(identity))
        async with self._turns.of(identity.station):
            try:
                record = await self.registry.change(identity.station, edit, Add(identity), audit)
            except Conflict:
                raise Refused("materialTaken") from None
            if record is None:
                raise Refused("unknownStation")
            self._keep(identity)
        return identity

    async def _edit(
        self, id: str, edit: Callable[[Identity], Identity], actor: str, act: str, detail: str = ""
    ) -> Identity:
        station = self.get(id).station
        async with self._turns.of(station):
            before = self.get(id)
            after = edit(before)
            if after != before:
                about = f"{describe(after)} {detail}".strip()[:255]
                await self.registry.store.commit(Put(after), self.registry.audit(actor, act, station, about))
                self._keep(after)
            return after

    async def _change(
        self, station: StationId, edit: Callable[[StationRecord], StationRecord], actor: str, act: str
    ) -> None:
        if await self.registry.change(station, edit, self.registry.audit(actor, act, station)) is None:
            raise Refused("unknownStation")

    def _keep(self, identity: Identity) -> None:
        self._by_id[identity.id] = identity
        self._of.setdefault(identity.station, {})[identity.id] = identity

    def _forget(self, identity: Identity) -> None:
        self._by_id.pop(identity.id, None)
        self._of.get(identity.station, {}).pop(identity.id, None)


def describe(identity: Identity) -> str:
    """Return an identity in a few words: what it is, and enough of it to compare."""
    match identity.kind:
        case IdentityKind.PUBLIC_KEY:
            type, _, spki = identity.material.partition(":")
            return f"{type} key {_fingerprint(spki)}…"
        case IdentityKind.CERTIFICATE:
            return f"certificate {identity.material[:_SHOWN]}…"
        case IdentityKind.WEB3:
            return identity.material[:80]


def _fingerprint(spki: str) -> str:
    try:
        raw = base64.urlsafe_b64decode(spki + "=" * (-len(spki) % 4))
    except (binascii.Error, ValueError):
        return "?"
    return hashlib.sha256(raw).hexdigest()[:_SHOWN]


def _active(identity: Identity) -> Identity:
    if identity.status is IdentityStatus.REVOKED:
        raise Refused("revoked")
    return replace(identity, status=IdentityStatus.ACTIVE)
