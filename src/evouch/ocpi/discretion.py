"""What a partner may be told of vehicles, by what it speaks itself.

Modules, token type and capability of "Autocharge Roaming" are in none of OCPI's lists. The type
MUST NOT be sent unless both sides have the ``vehicles`` module (§7.4), and a capability that is
not in the closed list of 2.2.1 breaks strict parsers (docs/decisions/062). Servers and whoever
pushes objects ask :func:`told` before anything leaves.
"""

from enum import StrEnum
from typing import TypeVar

import msgspec

from evouch.ocpi.model import AUTO_CHARGE_CAPABLE, VEHICLE_TOKEN, Cdr, Evse, Location, Session, Token, Wire
from evouch.ocpi.partner import V230, Partner

__all__ = ["Show", "shows_capability", "speaks_vehicles", "told"]

W = TypeVar("W", bound=Wire)


class Show(StrEnum):
    """Who sees ``AUTO_CHARGE_CAPABLE``."""

    ALWAYS = "always"
    #: those with the module, and those on 2.3.0, where the list is open
    PARTNERS = "partners"
    NEVER = "never"


def speaks_vehicles(partner: Partner) -> bool:
    """Return whether a partner has the ``vehicles`` module: the token type may be said to it (§7.4)."""
    return any(each.module == "vehicles" for each in partner.endpoints)


def shows_capability(partner: Partner, version: str, show: Show = Show.PARTNERS) -> bool:
    """Return whether a partner is shown which EVSEs take part."""
    if show is Show.PARTNERS:
        return version == V230 or partner.quirks.always_capable or speaks_vehicles(partner)
    return show is Show.ALWAYS


def told(struct: W, partner: Partner, version: str, show: Show = Show.PARTNERS) -> W | None:
    """Return an object as this partner may see it; None where it may not see it at all."""
    if isinstance(struct, Token | Session | Cdr):
        kind = struct.type if isinstance(struct, Token) else struct.cdr_token.type
        return struct if kind != VEHICLE_TOKEN or speaks_vehicles(partner) else None
    if isinstance(struct, Location | Evse) and not shows_capability(partner, version, show):
        return _incapable(struct)
    return struct


def _incapable(struct: W) -> W:
    if isinstance(struct, Location):
        return msgspec.structs.replace(struct, evses=tuple(_incapable(each) for each in struct.evses))
    kept = tuple(each for each in getattr(struct, "capabilities", ()) if each != AUTO_CHARGE_CAPABLE)
    return msgspec.structs.replace(struct, capabilities=kept)
