"""Enrolling an identity as an operator asks for it, from the API or a page, and why it was not done."""

from datetime import datetime
from typing import Any

from evouch.cpo.app import Cpo
from evouch.errors import Refused
from evouch.identity.enrolment import Identity, IdentityKind, IdentityStatus
from evouch.identity.material import read_material
from evouch.identity.spellings import common_name
from evouch.ids import StationId

__all__ = ["enrolled"]


async def enrolled(
    cpo: Cpo, station: StationId, kind: IdentityKind, material: Any, *, actor: str,
    status: IdentityStatus = IdentityStatus.ACTIVE, begins: datetime | None = None, ends: datetime | None = None,
) -> Identity:  # fmt: skip
    """Enrol it; Refused as :meth:`~evouch.cpo.identities.Identities.enrol` does.

    Besides ``badTime`` where it would have ended already, and ``revoked`` instead of
    ``materialTaken`` where the key, in whatever spelling, was revoked: no other station has it.
    """
    if ends is not None and ends <= cpo.clock.now():
        raise Refused("badTime", "it would have ended already")
    try:
        return await cpo.identities.enrol(
            station, kind, material, actor=actor, status=status, not_before=begins, not_after=ends
        )
    except Refused as refusal:
        if refusal.reason == "materialTaken" and _revoked(cpo, kind, material):
            raise Refused("revoked") from None
        raise


def _revoked(cpo: Cpo, kind: IdentityKind, material: Any) -> bool:
    read = read_material(kind, material)
    key = common_name(kind, read, material)
    revoked = [one for one in cpo.identities.all() if one.status is IdentityStatus.REVOKED]
    return any(one.material == read or (key and one.key == key) for one in revoked)
