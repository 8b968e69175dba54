"""From an address to VIDs: what an operator does with an address, and all that it does.

The address is an argument from here to the OPRF's client and is kept nowhere ("Autocharge
Roaming" §8.2). It passes the filter before anything leaves the operator (§7.1); then every eMSP
that takes part is asked, or the one whose customer is charging.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from evouch.autocharge.asking import Asking, Enough, Heard
from evouch.clock import Clock, Tick
from evouch.cpo.roaming_partners import Directory, PartnerOracle, has_vehicles
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.ids import Mac
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import PartnerCalls

__all__ = ["Recogniser"]

_log = structlog.get_logger("evouch.cpo.roaming")


@dataclass(slots=True)
class Recogniser:
    """Asks eMSPs what they call a vehicle."""

    asking: Asking
    directory: Directory
    calls: PartnerCalls
    clock: Clock
    terms: RoamingTerms

    async def heard(
        self, mac: Mac, partners: Sequence[Partner] | None = None, *, enough: Enough | None = None
    ) -> Heard:
        """Return what they call it: of ``partners``, or of all that take part, those that answered in time.

        Once ``enough`` says that the VIDs will do, nobody is waited for longer than a second.
        A vehicle that the filter does not let pass is unknown to all of them, and none hears of it.
        """
        asked = [each for each in (self.directory.all() if partners is None else partners) if has_vehicles(each)]
        by = Tick(self.clock.tick() + self.terms.sign_time)
        oracles = [PartnerOracle(each, self.calls) for each in asked]
        heard = await self.asking.ask(mac, oracles, by=by, enough=enough)
        if not heard.verdict.accepted:
            _log.info("vehicle filtered", reason=heard.verdict.reason, vendor=heard.verdict.vendor)
        elif heard.silent:
            _log.warning("partners silent", partners=heard.silent)
        return heard
