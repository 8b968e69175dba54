"""What time takes away: questions that nobody answered, old decisions and notices, vehicles of former keys."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from evouch.charging.agenda import Agenda
from evouch.emsp.book import Book
from evouch.emsp.keys import Keys
from evouch.emsp.notices import current
from evouch.emsp.vehicles import Vehicles
from evouch.store.ports import Change, Delete, Put
from evouch.store.records_roaming import NoticeState

__all__ = ["Upkeep"]

#: Between two rounds, s.
_ROUND: Final = 6 * 3600.0
#: Changes that go into one commit.
_CHUNK: Final = 200
_MOST: Final = 100_000


@dataclass(slots=True)
class Upkeep:
    """Rounds through the store, on the agenda."""

    book: Book
    agenda: Agenda
    keys: Keys
    vehicles: Vehicles

    def begin(self) -> None:
        """Promise the first round, and the end of keys that are in their grace."""
        self.agenda.after(_ROUND, "upkeep", self._again)
        self.retire()

    def retire(self) -> None:
        """Revoke the vehicles of keys that are retired, each when its grace is over; also after a restart."""
        now = self.book.clock.now()
        for at in {key.retired_at for key in self.keys.all() if key.retired_at is not None}:
            over = at <= now  # all that are over are one round
            self.agenda.after((at - now).total_seconds(), ("keys", None if over else at), self.revoke_retired)

    async def revoke_retired(self) -> int:
        """Revoke what retired keys have named, and tell the drivers; return how many vehicles."""
        gone = self.keys.retired(self.book.clock.now())
        return await self.vehicles.withdraw_of_keys(gone, actor="service", reason="new key: please connect it again")

    async def round(self) -> None:
        """Go through everything that has a term."""
        now, terms = self.book.clock.now(), self.book.terms
        await self._change(await self._notices(now, now - timedelta(days=terms.notices_kept)))
        await self._change(await self._decisions(now - timedelta(days=terms.decisions_kept)))
        await self._change(await self._sign_days(now - timedelta(days=terms.sign_days_kept)))
        await self._change(await self._erased(now - timedelta(days=terms.erased_kept)))

    async def _again(self) -> None:
        self.agenda.after(_ROUND, "upkeep", self._again)
        await self.round()

    async def _notices(self, now: datetime, before: datetime) -> list[Change]:
        changes: list[Change] = []
        for notice in await self.book.store.notices(limit=_MOST):
            state = current(notice, now).state
            if notice.at < before and state is not NoticeState.OPEN:
                changes.append(Delete(notice))
            elif state is not notice.state:
                changes.append(Put(replace(notice, state=state)))
        return changes

    async def _decisions(self, before: datetime) -> list[Change]:
        return [Delete(each) for each in await self.book.store.decisions(limit=_MOST) if each.at < before]

    async def _sign_days(self, before: datetime) -> list[Change]:
        days = await self.book.store.sign_days(date.min)
        return [Delete(each) for each in days if each.day < before.date()]

    async def _erased(self, before: datetime) -> list[Change]:
        """Return what was kept of erased drivers so that operators could come to know of it."""
        changes: list[Change] = [
            Delete(each)
            for each in await self.book.store.driver_tokens()
            if not each.driver and each.last_updated < before
        ]
        page, _ = await self.book.store.vehicle_page(until=before, limit=_MOST)
        for vehicle in page:
            orphan = not vehicle.granted and await self.book.store.driver_of(vehicle.contract) is None
            changes += [Delete(vehicle)] if orphan else []
        return changes

    async def _change(self, changes: list[Change]) -> None:
        for first in range(0, len(changes), _CHUNK):
            await self.book.store.commit(*changes[first : first + _CHUNK])
