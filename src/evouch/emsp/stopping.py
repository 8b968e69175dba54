"""One tap stops a charge: STOP_SESSION to the operator where it runs (§4.6, notification)."""

from dataclasses import dataclass
from typing import Final

from evouch.emsp.book import Book
from evouch.emsp.commands import Commands
from evouch.emsp.notices import Notices
from evouch.emsp.sessions import Sessions
from evouch.errors import Refused
from evouch.ocpi.model import StopSession
from evouch.ocpi.partners import Partners
from evouch.store.records_roaming import Notice

__all__ = ["Stopping"]

_RUNNING: Final = frozenset({"PENDING", "ACTIVE"})
#: A stop on its way is not sent again; one that failed may be.
_UNDER_WAY: Final = frozenset({"sent", "accepted", "ACCEPTED"})


@dataclass(slots=True)
class Stopping:
    """Stops sessions for their drivers."""

    book: Book
    sessions: Sessions
    notices: Notices
    commands: Commands
    partners: Partners

    async def by_notice(self, driver: str, notice: str) -> Notice:
        """Stop the session that a notice told of; as :meth:`stop`."""
        told = await self.notices.owned(driver, notice)
        if told.kind != "started":
            raise Refused("noSuchNotice")
        return await self.stop(driver, told.partner, told.data["session"])

    async def stop(self, driver: str, partner: str, session: str) -> Notice:
        """Stop a driver's session: return its notice, with the outcome so far in ``data["stop"]``.

        Refused("noSuchSession", "notRunning"). Tapping twice sends one command.
        """
        known, operator = await self.book.store.emsp_session(partner, session), self.partners.get(partner)
        if known is None or known.driver != driver or operator is None:
            raise Refused("noSuchSession")
        if known.status not in _RUNNING:
            raise Refused("notRunning")
        async with self.book.turns.of(("stop", partner, session)):
            notice = await self.sessions.tell(known)
            if notice.data.get("stop") in _UNDER_WAY:
                return notice
            url = self.commands.address(operator, "STOP_SESSION", notice.id)
            return await self.commands.send(
                notice, "STOP_SESSION", StopSession(response_url=url, session_id=session)
            )  # fmt: skip
