"""What became of a command, told to the eMSP that gave it (mod_commands §CommandResult).

A charge that an eMSP asked for carries the address of its result for as long as the result is
owed, also over a restart. A result is sent once, and a few times where nobody answers.
"""

from dataclasses import dataclass, field
from typing import Final

import structlog

from evouch.charging.roaming import ChargeState, RoamingCharge
from evouch.clock import Clock, Tick
from evouch.cpo.agenda import Agenda
from evouch.cpo.roaming_charges import RoamingCharges
from evouch.cpo.roaming_partners import Directory
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.errors import PeerRefused, Unreachable
from evouch.ocpi.model import CommandResult
from evouch.ocpi.partner import Partner
from evouch.ocpi.ports import PartnerCalls
from evouch.store.ports import Store

__all__ = ["Results"]

#: Seconds before a result is sent again. Whoever waits longer than this has given up.
PAUSES: Final = (2.0, 5.0, 15.0)
#: Charges of before a restart that may still owe a result; older ones interest nobody.
_RECENT: Final = 200

_WORDS: Final = {
    ChargeState.PENDING: "ACCEPTED", ChargeState.ACTIVE: "ACCEPTED", ChargeState.COMPLETED: "ACCEPTED",
    ChargeState.REPLACED: "EVSE_OCCUPIED", ChargeState.LAPSED: "TIMEOUT",
}  # fmt: skip

_log = structlog.get_logger("evouch.cpo.roaming")


@dataclass(slots=True)
class Results:
    """Sends results."""

    charges: RoamingCharges
    directory: Directory
    calls: PartnerCalls
    agenda: Agenda
    clock: Clock
    terms: RoamingTerms
    #: charges whose result is decided
    _said: set[str] = field(default_factory=set)

    def stepped(self, charge: RoamingCharge) -> None:
        """Say what a charge has come to, if that is what its eMSP waits for."""
        word = _WORDS.get(charge.state)
        if word is not None:
            self.settle(charge, word)

    def settle(self, charge: RoamingCharge, word: str) -> None:
        """Say the result of the command that a charge came from; what was said first counts."""
        if not charge.result_url or charge.id in self._said:
            return
        self._said.add(charge.id)
        self.agenda.soon(lambda: self._settle(charge, word))

    def send(self, partner: Partner, url: str | None, word: str) -> None:
        """Say the result of a command that is no charge; nothing where nobody asked for one."""
        if url:
            self.agenda.soon(lambda: self._send(partner, url, word))

    async def resume(self, store: Store) -> None:
        """Say what was owed when the process ended."""
        for charge in await store.charges(limit=_RECENT):
            self.stepped(charge)

    async def _settle(self, charge: RoamingCharge, word: str) -> None:
        partner = self.directory.get(charge.partner)
        try:
            if partner is not None:
                await self._send(partner, charge.result_url, word)
        finally:
            await self.charges.advance(charge.id, result_url="")
            self._said.discard(charge.id)

    async def _send(self, partner: Partner, url: str, word: str) -> None:
        for pause in (*PAUSES, None):
            try:
                by = Tick(self.clock.tick() + self.terms.push_time)
                await self.calls.result(partner, url, CommandResult(result=word), by=by)
            except Unreachable:
                if pause is not None:
                    await self.clock.sleep_until(Tick(self.clock.tick() + pause))
            except PeerRefused as error:
                _log.warning("result of a command refused", partner=partner.id, code=error.code)
                return
            else:
                return
        _log.warning("result of a command given up", partner=partner.id)
