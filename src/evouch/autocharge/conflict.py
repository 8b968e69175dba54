"""Several eMSPs that know one vehicle: whom to ask first, and whom to tell afterwards (§5.2).

Only the operator can see it: each eMSP has another VID of the same vehicle. All are asked; the
first in the order below that says ALLOWED is charged with. The others are told with the VID
and the contract that they know, never with anybody else's, and not who was chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from evouch.charging.vehicles import Vehicle
from evouch.ids import Vid

__all__ = ["QUIET", "Match", "Notified", "order", "others"]

#: How long an eMSP is not told again of the same vehicle.
QUIET: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An eMSP that knows the vehicle. ``priority`` is the operator's, ``took`` the seconds until its answer."""

    partner: str
    vehicle: Vehicle
    priority: int = 0
    took: float = 0.0


def order(matches: Sequence[Match]) -> list[Match]:
    """Return granted matches, whom to charge with first: the driver's latest word, then ours, then speed, then name."""
    return sorted((each for each in matches if each.vehicle.granted), key=_rank)


def others(matches: Sequence[Match], chosen: str) -> list[Match]:
    """Return whom to tell that the driver has granted elsewhere too: every granted match but the chosen one, if any."""
    return [each for each in order(matches) if each.partner != chosen]


def _rank(match: Match) -> tuple[float, int, float, str, str]:
    granted = match.vehicle.authorized
    latest = -granted.timestamp() if granted else 0.0
    return latest, -match.priority, match.took, str(match.vehicle.owner), match.partner


@dataclass(slots=True)
class Notified:
    """Who was told of which vehicle, and when, for as long as it is quiet. In memory: a restart may tell once more."""

    quiet: timedelta = QUIET
    _told: dict[tuple[str, Vid], datetime] = field(default_factory=dict)

    def due(self, partner: str, vid: Vid, at: datetime) -> bool:
        """Return whether to tell this eMSP now, and remember that it was told."""
        self._told = {key: told for key, told in self._told.items() if abs(at - told) < self.quiet}
        if (partner, vid) in self._told:
            return False
        self._told[partner, vid] = at
        return True

    def forget(self, partner: str, vid: Vid) -> None:
        """Take back what :meth:`due` remembered: the notice did not arrive."""
        self._told.pop((partner, vid), None)
