"""Which partners can do what, as far as an operator has to know, and how one of them is asked.

A vehicle's token is never sent to a partner without the ``vehicles`` module ("Autocharge
Roaming" §7.4): :func:`may_carry` is asked before anything with a token in it leaves.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from evouch.clock import Tick
from evouch.errors import PeerRefused, Unreachable
from evouch.ocpi.discretion import speaks_vehicles
from evouch.ocpi.model import VEHICLE_TOKEN, AuthorizationInfo, LocationReferences
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import PartnerCalls

__all__ = ["Directory", "PartnerOracle", "Pushes", "has_vehicles", "may_carry", "verdict_of"]


class Directory(Protocol):
    """Our partners, as ``ocpi.partners.Partners`` keeps them."""

    def all(self) -> list[Partner]:
        """Return all partners."""

    def get(self, id: str) -> Partner | None:
        """Return one by our own name for it."""


class Pushes(Protocol):
    """Sends what changed, latest first, a few times; later the current state again (``ocpi.pushing.Pusher``)."""

    def push(self, partner: Partner, module: str, key: str, send: Callable[[], Awaitable[None]]) -> None:
        """Send soon; a newer push of the same key takes the place of an older one."""


def has_vehicles(partner: Partner) -> bool:
    """Return whether an eMSP takes part in Autocharge: it has the vehicles module, for us to ask (§7.3)."""
    return partner.registered and bool(partner.endpoint("vehicles", "SENDER"))


def may_carry(partner: Partner, token_type: str) -> bool:
    """Return whether a token of this type may be named to a partner (§7.4)."""
    return partner.registered and (token_type != VEHICLE_TOKEN or speaks_vehicles(partner))


@dataclass(frozen=True, slots=True)
class PartnerOracle:
    """One eMSP as the asking side sees it (``autocharge.asking.Oracle``)."""

    partner: Partner
    calls: PartnerCalls

    @property
    def name(self) -> str:
        """Our name for the partner."""
        return self.partner.id

    async def sign(self, blinded: bytes, *, by: Tick) -> bytes:
        """Have a blinded element evaluated."""
        return await self.calls.sign(self.partner, blinded, by=by)


async def verdict_of(
    calls: PartnerCalls, partner: Partner, uid: str, kind: str, where: LocationReferences, *, by: Tick
) -> AuthorizationInfo | Unreachable | PeerRefused | None:
    """Return an eMSP's answer to a token: None where it knows none, the error as a value where there was no answer."""
    if not may_carry(partner, kind):
        return None
    try:
        return await calls.authorize(partner, uid, kind, where, by=by)
    except (Unreachable, PeerRefused) as error:
        return error
