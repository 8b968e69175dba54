"""What a driver's phone shows: what he was told, and what he is asked.

========== ===================================== ==================================================
kind       says                                  accepting it / declining it
========== ===================================== ==================================================
consent    this vehicle is yours?                grants it / leaves it as it is (§6.1)
confirm    your vehicle wants to charge there    starts it (docs/decisions/055) / nothing
granted    bound and granted, as you had agreed  nothing / revokes it
started    it charges there                      nothing / stops it (§4.6)
conflict   another contract has this vehicle too nothing / revokes it (§6.3)
revoked    it does not start by itself any more  nothing
========== ===================================== ==================================================

Nothing is asked for ever: a question that is not answered in time expires, and so does what was told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from evouch.emsp.book import Book
from evouch.errors import Refused
from evouch.ids import Vid
from evouch.store.ports import Put
from evouch.store.records_roaming import Notice, NoticeState

__all__ = ["Notices", "current"]

#: Notices that one question to the store looks through.
MOST: Final = 1000

#: Kinds that are told: nobody waits for an answer.
_TOLD: Final = frozenset({"granted", "conflict", "revoked"})


def current(notice: Notice, at: datetime) -> Notice:
    """Return a notice as it counts at this moment: an open one whose time has passed is expired."""
    if notice.state is NoticeState.OPEN and notice.expires is not None and notice.expires <= at:
        return replace(notice, state=NoticeState.EXPIRED)
    return notice


@dataclass(slots=True)
class Notices:
    """Notices of all drivers. Who makes one commits it together with what it is about."""

    book: Book

    def new(
        self, driver: str, kind: str, *, vid: Vid | None = None, partner: str = "", lasts: float | None = None,
        data: Mapping[str, str] | None = None,
    ) -> Notice:  # fmt: skip
        """Return a notice that nobody has written yet; it expires ``lasts`` seconds from now.

        None is the terms' time for what is told, and no end for what ends otherwise.
        """
        now = self.book.clock.now()
        if lasts is None and kind in _TOLD:
            lasts = self.book.terms.told_lasts
        return Notice(
            id=self.book.entropy.id(), driver=driver, at=now, kind=kind, vid=vid, partner=partner,
            expires=None if lasts is None else now + timedelta(seconds=lasts), data=dict(data or {}),
        )  # fmt: skip

    async def of(self, driver: str, *, open: bool = False, limit: int = 100) -> list[Notice]:
        """Return a driver's notices, newest first; ``open`` leaves out what is answered or expired."""
        now = self.book.clock.now()
        found = [current(each, now) for each in await self.book.store.notices(driver, open=open, limit=limit)]
        return [each for each in found if not open or each.state is NoticeState.OPEN]

    async def about(self, driver: str, kind: str, vid: Vid) -> list[Notice]:
        """Return the open notices of one kind about one vehicle."""
        return [each for each in await self.of(driver, open=True, limit=MOST) if (each.kind, each.vid) == (kind, vid)]

    async def told_of(self, driver: str, vid: Vid, about: str) -> bool:
        """Return whether a driver was told of this conflict over a vehicle so lately that he is not told again."""
        since = self.book.clock.now() - timedelta(seconds=self.book.terms.conflict_memory)
        return any(
            (each.kind, each.vid, each.data.get("about")) == ("conflict", vid, about) and each.at > since
            for each in await self.book.store.notices(driver, limit=MOST)
        )

    async def owned(self, driver: str, id: str) -> Notice:
        """Return a driver's own notice as it counts now; Refused("noSuchNotice")."""
        notice = await self.book.store.notice(id)
        if notice is None or notice.driver != driver:
            raise Refused("noSuchNotice")
        return current(notice, self.book.clock.now())

    async def question(self, driver: str, id: str) -> Notice:
        """Return a notice that waits for his answer; Refused("noSuchNotice", "noticeExpired", "alreadyAnswered")."""
        notice = await self.owned(driver, id)
        if notice.state is NoticeState.EXPIRED:
            raise Refused("noticeExpired")
        if notice.state is not NoticeState.OPEN:
            raise Refused("alreadyAnswered")
        return notice

    async def read(self, driver: str, id: str) -> Notice:
        """Note that he has seen what needs no answer any more; one that is answered stays so."""
        async with self.book.turns.of(("notice", id)):
            notice = await self.owned(driver, id)
            if notice.state is NoticeState.OPEN:
                notice = replace(notice, state=NoticeState.READ)
                await self.book.store.commit(Put(notice))
            return notice

    async def note(self, id: str, **data: str) -> Notice | None:
        """Add to what a notice knows; None where there is none any more."""
        async with self.book.turns.of(("notice", id)):
            notice = await self.book.store.notice(id)
            if notice is None:
                return None
            noted = replace(notice, data=notice.data | data)
            if noted != notice:
                await self.book.store.commit(Put(noted))
            return noted
