"""All identities as they stand in the store, and whose a key is, in whatever spelling it comes.

One key belongs to one station, and what was revoked is never enrolled again: neither as the
same material nor as another spelling of it (:mod:`evouch.identity.spellings`). Within one
station a key may have several spellings; a certificate that is renewed keeps its key.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from evouch.errors import Refused
from evouch.identity.enrolment import Identity, IdentityKind, IdentityStatus
from evouch.identity.spellings import common_name_of_certificate
from evouch.ids import StationId

__all__ = ["NOBODY", "Keyring", "describe"]

#: The station of revoked identities whose station was removed.
NOBODY: Final = StationId("")
#: Characters of a fingerprint that people compare.
_SHOWN: Final = 16


@dataclass(slots=True)
class Keyring:
    """Identities by id, by station, by material, and by what the spellings of one key have in common."""

    _by_id: dict[str, Identity] = field(default_factory=dict)
    _of: dict[StationId, dict[str, Identity]] = field(default_factory=dict)
    _by_material: dict[str, Identity] = field(default_factory=dict)
    _by_key: dict[str, dict[str, Identity]] = field(default_factory=dict)

    def of(self, station: StationId) -> Iterable[Identity]:
        """Return the identities of a station in the order of enrolment, revoked ones too."""
        return self._of.get(station, {}).values()

    def all(self) -> list[Identity]:
        """Return every identity in the order of enrolment."""
        return list(self._by_id.values())

    def find(self, id: str) -> Identity | None:
        """Return one identity."""
        return self._by_id.get(id)

    def keep(self, identity: Identity) -> None:
        """Take in an identity as it is now."""
        self._by_id[identity.id] = self._by_material[identity.material] = identity
        self._of.setdefault(identity.station, {})[identity.id] = identity
        if identity.key:
            self._by_key.setdefault(identity.key, {})[identity.id] = identity

    def forget(self, identity: Identity) -> None:
        """Forget an identity."""
        self._by_id.pop(identity.id, None)
        self._by_material.pop(identity.material, None)
        self._of.get(identity.station, {}).pop(identity.id, None)
        self._by_key.get(identity.key, {}).pop(identity.id, None)

    def spellings(self, identity: Identity) -> list[Identity]:
        """Return what is revoked with an identity: the same key of its station. A certificate goes alone."""
        if identity.kind is IdentityKind.CERTIFICATE:
            return [identity]
        same = self._by_key.get(identity.key, {identity.id: identity}).values()
        return [one for one in same if one.station == identity.station and one.kind is not IdentityKind.CERTIFICATE]

    def free(self, identity: Identity) -> Identity:
        """Return it; Refused("materialTaken") if its key is another station's, or was revoked."""
        for one in self._by_key.get(identity.key, {}).values():
            if one.id != identity.id and (one.station != identity.station or _bars(one, identity)):
                raise Refused("materialTaken")
        return identity

    def banned(self, station: StationId, der: bytes) -> bool:
        """Return whether a client certificate was revoked, or its key was, at whatever station."""
        key = common_name_of_certificate(der)
        mine = self._by_material.get(hashlib.sha256(der).hexdigest())
        if mine is not None and mine.status is IdentityStatus.REVOKED:
            return True
        mine = replace(mine, key=key) if mine is not None and mine.station == station else None
        return any(_bars(one, mine) for one in self._by_key.get(key, {}).values())


def _bars(other: Identity, identity: Identity | None) -> bool:
    """Return whether ``other`` says that this key is not to be used any more.

    A certificate that was enrolled while an older one with its key was good takes over from it.
    """
    if other.status is not IdentityStatus.REVOKED:
        return False
    if identity is None or not (other.kind is identity.kind is IdentityKind.CERTIFICATE):
        return True
    return other.station != identity.station or other.revoked_at is None or identity.enrolled_at >= other.revoked_at


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
