"""Asking an operator to start or stop: the command, its answer at once, and its result later (mod_commands).

The address that we give for the result ends in the id of a notice, 128 random bits that only
this operator is told. What became of a command stands in that notice: "sent", then the words
of CommandResponse and CommandResult, or TIMEOUT where no result came.
"""

from dataclasses import dataclass
from typing import Final

from evouch.charging.agenda import Agenda
from evouch.clock import Tick
from evouch.emsp.book import Book
from evouch.emsp.notices import Notices
from evouch.errors import PeerRefused, Unreachable
from evouch.ocpi.model import CommandResult, StartSession, StopSession
from evouch.ocpi.partner import Partner
from evouch.ocpi.partners import Partners
from evouch.ocpi.ports import OcpiRefusal, PartnerCalls
from evouch.store.records_roaming import Notice

__all__ = ["RESULTS", "Commands"]

#: Command → where in a notice its outcome stands.
RESULTS: Final = {"START_SESSION": "start", "STOP_SESSION": "stop"}
#: The operator has the command, and its result is owed.
_OWED: Final = frozenset({"sent", "accepted"})


@dataclass(slots=True)
class Commands:
    """Sends commands, and takes their results."""

    book: Book
    partners: Partners
    calls: PartnerCalls
    notices: Notices
    agenda: Agenda

    async def load(self) -> None:
        """Give up again in time on results that were owed when this process ended."""
        for notice in await self.book.store.notices(limit=1000):
            for key in RESULTS.values():
                if notice.data.get(key) in _OWED:
                    self._give_up_later(notice.id, key)

    def address(self, partner: Partner, command: str, notice: str) -> str:
        """Return the response_url of a command."""
        return f"{self.book.terms.base_url}/ocpi/{partner.version}/commands/{command}/{notice}"

    async def send(self, notice: Notice, command: str, body: StartSession | StopSession) -> Notice:
        """Send a command for a notice, and return the notice with its outcome so far.

        "accepted" where a result is to come, "REJECTED", "NOT_SUPPORTED" or "UNKNOWN_SESSION" as the
        operator said, "refused" or "unreachable" where it said nothing of the kind.
        """
        key = RESULTS[command]
        await self.notices.note(notice.id, **{key: "sent"})
        self._give_up_later(notice.id, key)
        outcome = await self._outcome(notice, command, body)
        if outcome != "accepted":
            self.agenda.drop(("result", notice.id, key))
        return await self._settle(notice, key, outcome)

    async def result(self, partner: Partner, command: str, uid: str, body: CommandResult) -> None:
        """Take an operator's CommandResult; OcpiRefusal (404) for one that was not asked of it."""
        key, notice = RESULTS.get(command), await self.book.store.notice(uid)
        if key is None or notice is None or notice.partner != partner.id or key not in notice.data:
            raise OcpiRefusal(2000, "no such command", http=404)
        self.agenda.drop(("result", uid, key))
        await self.notices.note(uid, **{key: body.result[:40]})

    async def _outcome(self, notice: Notice, command: str, body: StartSession | StopSession) -> str:
        partner = self.partners.get(notice.partner)
        if partner is None or not partner.registered:
            return "unreachable"
        try:
            by = Tick(self.book.clock.tick() + self.book.terms.command_time)
            response = await self.calls.command(partner, command, body, by=by)
        except PeerRefused:
            return "refused"
        except Unreachable:
            return "unreachable"
        return "accepted" if response.result == "ACCEPTED" else response.result[:40]

    async def _settle(self, notice: Notice, key: str, outcome: str) -> Notice:
        """Note the answer, unless the result has overtaken it."""
        known = await self.book.store.notice(notice.id)
        if known is not None and known.data.get(key) != "sent":
            return known
        return await self.notices.note(notice.id, **{key: outcome}) or notice

    def _give_up_later(self, id: str, key: str) -> None:
        self.agenda.after(self.book.terms.result_time, ("result", id, key), lambda: self._give_up(id, key))

    async def _give_up(self, id: str, key: str) -> None:
        notice = await self.book.store.notice(id)
        if notice is not None and notice.data.get(key) in _OWED:
            await self.notices.note(id, **{key: "TIMEOUT"})
