"""Telling eMSPs that somebody else knows their customer's vehicle, too ("Autocharge Roaming" §5.2, §6.3).

Each is told with its own VID and contract, and never who was chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from evouch.autocharge.conflict import Match, Notified
from evouch.clock import Clock, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.roaming_partners import Directory
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.errors import PeerRefused, Unreachable
from evouch.ocpi.model import ConflictNotice, DisplayText
from evouch.ocpi.ports import PartnerCalls

__all__ = ["Conflicts"]

_SENTENCE: Final = DisplayText(language="en", text="This vehicle is registered with another provider as well.")

_log = structlog.get_logger("evouch.cpo.roaming")


@dataclass(slots=True)
class Conflicts:
    """Sends notices, one a day per vehicle and eMSP."""

    directory: Directory
    calls: PartnerCalls
    agenda: Agenda
    clock: Clock
    terms: RoamingTerms
    notified: Notified = field(default_factory=Notified)

    def tell(self, matches: Sequence[Match]) -> None:
        """Tell these eMSPs, beside whatever the driver waits for."""
        for match in matches:
            if self.notified.due(match.partner, match.vehicle.vid, self.clock.now()):
                self.agenda.soon(partial(self._send, match))

    async def _send(self, match: Match) -> None:
        partner = self.directory.get(match.partner)
        if partner is None:
            return
        notice = ConflictNotice(vehicle_id=match.vehicle.vid, contract_id=match.vehicle.contract, message=_SENTENCE)
        try:
            await self.calls.post_conflict(partner, notice, by=Tick(self.clock.tick() + self.terms.push_time))
        except Unreachable:
            self.notified.forget(match.partner, match.vehicle.vid)
        except PeerRefused as error:
            _log.warning("conflict notice refused", partner=match.partner, code=error.code)
