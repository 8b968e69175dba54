"""The keys that stations are known by: held in memory as they stand in the store, changed by operators.

Rules of this file:

* One key belongs to one station, in whatever spelling (:mod:`evouch.cpo.keyring`), and what
  was revoked is never enrolled again. Who brings a new key takes turns with everybody else
  who does; of one material the store's unique row decides besides.
* A station whose keys were all revoked still has to prove itself. It is as new when an
  operator has removed it: what was revoked is nobody's from then on, and stays revoked.
* A change and its audit row are one commit; memory follows after it.
* A ``next`` identity becomes ``active`` with its first proof. The one before it keeps working
  until an operator revokes it: a station that falls back to its old firmware is not lost.
* The signing input of an identity's first valid proof is kept with it, before that proof
  counts; nothing else is taken from this identity afterwards.
* Without an identity and within a window that an operator opened, the first key that proves
  itself is enrolled, recorded as first use, and the window is closed by the same commit. So it
  is by every other enrolment, and by a revocation.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from evouch.cpo.keyring import NOBODY, Keyring, describe
from evouch.cpo.registry import Registry
from evouch.cpo.turns import Turns
from evouch.errors import Refused
from evouch.identity.enrolment import FIRST_USE, Identity, IdentityKind, IdentityStatus, SigningInput, usable
from evouch.identity.material import read_material
from evouch.identity.spellings import common_name, common_name_of_certificate
from evouch.ids import StationId
from evouch.store.ports import Add, Conflict, Delete, Put
from evouch.store.records import AuditRow, StationRecord

__all__ = ["Identities", "describe"]

#: Longest window for first use (s): an operator opens it for a station that is being set up, not for good.
LONGEST_WINDOW: Final = 7 * 86_400
#: The security profiles of OCPP, and 0 for none of them.
PROFILES: Final = range(4)
_REVOKED: Final = IdentityStatus.REVOKED
#: The turn of everybody who brings a key: it is looked for in all stations.
_ALL: Final = "all keys"


@dataclass(slots=True)
class Identities:
    """Snapshot of all identities, and the one way to change them. Errors are Refused, by reason."""

    registry: Registry
    #: told of an identity that was revoked, and of a station of which more is asked than before
    revoked: Callable[[Identity], None] = field(default=lambda _: None)
    unsettled: Callable[[StationId], None] = field(default=lambda _: None)
    _ring: Keyring = field(default_factory=Keyring)
    _turns: Turns = field(default_factory=Turns)

    async def load(self) -> None:
        """Read everything; once, before anybody connects."""
        self._ring = Keyring()
        for identity in await self.registry.store.identities():
            self._ring.keep(identity)

    # ── reading ──

    def of(self, station: StationId) -> list[Identity]:
        """Return the identities of a station in the order of enrolment, revoked ones too."""
        return list(self._ring.of(station))

    def all(self) -> list[Identity]:
        """Return every identity in the order of enrolment."""
        return self._ring.all()

    def get(self, id: str) -> Identity:
        """Return one identity; Refused("unknownIdentity")."""
        found = self._ring.find(id)
        if found is None:
            raise Refused("unknownIdentity")
        return found

    def usable(self, station: StationId) -> tuple[Identity, ...]:
        """Return the identities that a proof may count for now."""
        enrolled = self._ring.of(station)
        if not enrolled:
            return ()
        now = self.registry.clock.now()
        return tuple(identity for identity in enrolled if usable(identity, now))

    def expected(self, station: StationId) -> bool:
        """Return whether this station has to prove itself: what has run out or was revoked still says so."""
        enrolled = self._ring.of(station)
        if not enrolled:
            return False
        now = self.registry.clock.now()
        return any(one.status is _REVOKED or one.not_before is None or one.not_before <= now for one in enrolled)

    def begins(self, station: StationId) -> datetime | None:
        """Return when the next identity of a station begins to count; None where none does later."""
        enrolled = self._ring.of(station)
        if not enrolled:
            return None
        now = self.registry.clock.now()
        later = (one.not_before for one in enrolled if one.not_before is not None and one.status is not _REVOKED)
        return min((moment for moment in later if moment > now), default=None)

    def proven_before(self, station: StationId) -> bool:
        """Return whether this station has ever proved itself, with whatever identity."""
        return any(identity.first_proven_at is not None for identity in self._ring.of(station))

    def window_open(self, station: StationId) -> bool:
        """Return whether a key that this station brings now would be enrolled on first use."""
        record = self.registry.station(station)
        return record is not None and record.enrol_until is not None and self.registry.clock.now() < record.enrol_until

    def certificate_enrolled(self, station: StationId, sha256: str) -> bool:
        """Return whether a client certificate is one of this station's identities."""
        return any(one.kind is IdentityKind.CERTIFICATE and one.material == sha256 for one in self.usable(station))

    def certificate_banned(self, station: StationId, der: bytes) -> bool:
        """Return whether a client certificate was revoked, or its key was, at whatever station."""
        return self._ring.banned(station, der)

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
        read = read_material(kind, material)
        identity = Identity(
            id=self.registry.entropy.id(), station=station, kind=kind, material=read,
            key=common_name(kind, read, material), status=status, enrolled_at=self.registry.clock.now(),
            enrolled_by=actor, not_before=not_before, not_after=not_after,
        )  # fmt: skip
        await self._add(identity, actor, "enrol identity", _settled)
        self.unsettled(station)
        return identity

    async def rotate(self, station: StationId, kind: IdentityKind, material: Any, *, actor: str) -> Identity:
        """Enrol what takes over with its first proof; refused as :meth:`enrol`."""
        return await self.enrol(station, kind, material, actor=actor, status=IdentityStatus.NEXT)

    async def revoke(self, id: str, *, actor: str, reason: str = "") -> Identity:
        """Take no proof by this identity ever again, and drop the connections that it proved or opened.

        A key is revoked in all its spellings, a certificate alone: its station may have another
        with the same key. A window for first use is closed.
        """
        station = self.get(id).station
        async with self._turns.of(station):
            now = self.registry.clock.now()
            good = [one for one in self._ring.spellings(self.get(id)) if one.status is not _REVOKED]
            done = [replace(one, status=_REVOKED, revoked_at=now) for one in good]
            if done:
                rows = [self._row(actor, "revoke identity", one, reason) for one in done]
                await self.registry.change(station, _closed, *map(Put, done), *rows)
            for one in done:
                self._ring.keep(one)
        for one in done:
            self.revoked(one)
        self.unsettled(station)
        return self.get(id)

    async def promote(self, id: str, *, actor: str) -> Identity:
        """Make a next identity active; Refused("revoked") for a revoked one."""
        return await self._edit(id, _active, actor, "promote identity")

    async def open_window(self, station: StationId, seconds: float, *, actor: str) -> datetime:
        """Enrol the first key that this station proves until the returned moment.

        Refused: unknownStation, badWindow, and alreadyEnrolled where an identity is not revoked,
        be it good now or not: a new key beside it is enrolled as the next one, not on first use.
        """
        if not 0 < seconds <= LONGEST_WINDOW:
            raise Refused("badWindow", f"a window is 1 to {LONGEST_WINDOW} seconds long")
        until = self.registry.clock.now() + timedelta(seconds=seconds)

        def open(record: StationRecord) -> StationRecord:
            self._must_have_none(station, "alreadyEnrolled")
            return replace(record, enrol_until=until, unable=None)

        await self._change(station, open, actor, "open window for first use")
        self.unsettled(station)
        return until

    async def close_window(self, station: StationId, *, actor: str) -> None:
        """Enrol nothing on first use any more."""
        await self._change(station, _closed, actor, "close window for first use")

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

    async def remove(self, station: StationId, *, actor: str) -> None:
        """Forget a station with its identities. Revoked ones stay, as nobody's: nobody enrols them again.

        A proof that is being written meanwhile comes before it, or is refused.
        """
        async with self._turns.of(station):
            whole = self.of(station)
            gone = [one for one in whole if one.status is not _REVOKED]
            left = [replace(one, station=NOBODY) for one in whole if one.status is _REVOKED]
            audit = self.registry.audit(actor, "remove station", station)
            await self.registry.remove(station, *map(Delete, gone), *map(Put, left), audit)
            for one in whole:
                self._ring.forget(one)
            for one in left:
                self._ring.keep(one)

    # ── what proofs do ──

    async def proved(self, id: str, signing: SigningInput, *, certificate: bytes | None = None) -> Identity:
        """Note a valid proof: pin its signing input and promote a next identity, where that is news.

        ``certificate`` is the one that it was made with: its key is known from now on. Returns
        when it is written. Refused: revoked and unknownIdentity, where that was done meanwhile;
        materialTaken, where the key turns out to be another station's or a revoked one.
        """
        known = self._ring.find(id)
        key = known.key if known is not None else ""
        if known is not None and known.status is IdentityStatus.ACTIVE and known.signing is signing and key:
            return known  # nothing new: a storm of reconnecting stations writes nothing
        now = self.registry.clock.now()

        def edit(identity: Identity) -> Identity:
            first = identity.first_proven_at or now
            return replace(_active(identity), signing=identity.signing or signing, first_proven_at=first)

        if key or certificate is None:
            return await self._edit(id, edit, "system", "first proof", signing)
        key = common_name_of_certificate(certificate)
        async with self._turns.of(_ALL):
            return await self._edit(
                id, lambda identity: self._ring.free(replace(edit(identity), key=key)), "system", "first proof", signing
            )

    async def first_use(
        self, station: StationId, kind: IdentityKind, material: str, signing: SigningInput,
        *, certificate: bytes | None = None,
    ) -> Identity:  # fmt: skip
        """Enrol what a station has just proved within its window; Refused: windowClosed, materialTaken."""
        now = self.registry.clock.now()
        key = common_name(kind, material) if certificate is None else common_name_of_certificate(certificate)
        identity = Identity(
            id=self.registry.entropy.id(), station=station, kind=kind, material=material, key=key, enrolled_at=now,
            enrolled_by=FIRST_USE, signing=signing, first_proven_at=now,
        )  # fmt: skip

        def use_up(record: StationRecord) -> StationRecord:
            self._must_have_none(station, "windowClosed")
            if record.enrol_until is None or record.enrol_until <= now:
                raise Refused("windowClosed")
            return _settled(record)

        return await self._add(identity, "system", "enrol identity on first use", use_up)

    def _must_have_none(self, station: StationId, reason: str) -> None:
        if any(one.status is not _REVOKED for one in self._ring.of(station)):
            raise Refused(reason)

    # ── writing ──

    async def _add(
        self, identity: Identity, actor: str, act: str, edit: Callable[[StationRecord], StationRecord]
    ) -> Identity:
        row = self._row(actor, act, identity)
        async with self._turns.of(_ALL), self._turns.of(identity.station):
            self._ring.free(identity)
            try:
                record = await self.registry.change(identity.station, edit, Add(identity), row)
            except Conflict:
                raise Refused("materialTaken") from None
            if record is None:
                raise Refused("unknownStation")
            self._ring.keep(identity)
        return identity

    async def _edit(
        self, id: str, edit: Callable[[Identity], Identity], actor: str, act: str, detail: str = ""
    ) -> Identity:
        station = self.get(id).station
        async with self._turns.of(station):
            before = self.get(id)
            after = edit(before)
            if after != before:
                await self.registry.store.commit(Put(after), self._row(actor, act, after, detail))
                self._ring.keep(after)
            return after

    def _row(self, actor: str, act: str, identity: Identity, detail: str = "") -> Add[AuditRow]:
        about = f"{describe(identity)} {detail}".strip()[:255]
        return self.registry.audit(actor, act, identity.station, about)

    async def _change(
        self, station: StationId, edit: Callable[[StationRecord], StationRecord], actor: str, act: str
    ) -> None:
        if await self.registry.change(station, edit, self.registry.audit(actor, act, station)) is None:
            raise Refused("unknownStation")


def _settled(record: StationRecord) -> StationRecord:
    """Return a station whose key is known now: its window is used up, and its firmware may have learned."""
    return replace(record, enrol_until=None, unable=None)


def _closed(record: StationRecord) -> StationRecord:
    return replace(record, enrol_until=None)


def _active(identity: Identity) -> Identity:
    if identity.status is _REVOKED:
        raise Refused("revoked")
    return replace(identity, status=IdentityStatus.ACTIVE)
