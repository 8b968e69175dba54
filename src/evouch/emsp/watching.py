"""Who asks the sign oracle unlike an operator is throttled, then suspended; nobody else notices (§8.1).

Each look compares what partners asked with what came of it. The first alarm of a day writes a
security event. A serious one leaves the partner a share of its budget, and when it goes on through
several looks, takes its right to ask until staff lift it.

Being over budget alone is not serious: the budget has dealt with it. Neither is what honest
partners have good reasons for, as long as their charging points explain what they asked: few uses
at an eMSP that has few customers, growth when an operator goes live, nights at a depot.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import structlog

from evouch.autocharge.budget import note_excused
from evouch.autocharge.watch import Alarm, AlarmKind, judge
from evouch.charging.agenda import Agenda
from evouch.emsp.accounts import Account
from evouch.emsp.book import Book
from evouch.emsp.oracle import SignOracle
from evouch.errors import Refused
from evouch.ocpi.partner import Partner
from evouch.ocpi.partners import Partners

__all__ = ["SignWatch"]

#: What is said, and acted upon by nobody but people.
_SAID_ONLY: Final = frozenset({AlarmKind.REFUSED})
#: What is said, and acted upon where charging points do not explain how much was asked.
_PERHAPS: Final = frozenset({AlarmKind.RATIO, AlarmKind.GROWTH, AlarmKind.NIGHTS})

_log = structlog.get_logger("evouch.emsp.watch")


@dataclass(slots=True)
class _Seen:
    """What the watch remembers of a partner beside its counters: what was said of it today, and what it had asked."""

    said: set[str] = field(default_factory=set)
    asked: int = 0


@dataclass(slots=True)
class SignWatch:
    """Looks at the sign oracle again and again."""

    book: Book
    oracle: SignOracle
    partners: Partners
    agenda: Agenda
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _alarms: tuple[Alarm, ...] = ()

    def begin(self) -> None:
        """Go on where the last process was, and promise the first look."""
        for account in self.oracle.accounts.all():
            self._seen[account.partner] = _Seen(asked=_asked(account))
            if account.today is not None and account.today.looks:
                account.throttle(self.book.terms.throttle)
        self._promise()

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What the last look found."""
        return self._alarms

    async def look(self) -> tuple[Alarm, ...]:
        """Judge all partners by their counters, and act; return what was found."""
        await self.oracle.flush()
        now = self.book.clock.now()
        self._alarms = judge(self.oracle.accounts.days(), now, self.book.terms.watch)
        for account in self.oracle.accounts.all():
            mine = [alarm for alarm in self._alarms if alarm.partner == account.partner]
            await self._act(account, mine)
        return self._alarms

    async def lift(self, partner: str, *, actor: str, reason: str) -> Partner:
        """Give a partner its right and its whole budget back; Refused("reasonMissing", "unknownPartner")."""
        changed = await self._allow(partner, reason, actor, allowed=True)
        account = self.oracle.accounts.of(partner)
        account.throttle(1.0)
        account.keep(note_excused(account.today, self.book.clock.now(), partner=partner))
        await account.written()
        return changed

    async def suspend(self, partner: str, *, actor: str, reason: str) -> Partner:
        """Take a partner's right to ask; all other modules go on. Refused("reasonMissing", "unknownPartner")."""
        return await self._allow(partner, reason, actor, allowed=False)

    async def _allow(self, partner: str, reason: str, actor: str, *, allowed: bool) -> Partner:
        if not reason.strip():
            raise Refused("reasonMissing")
        return await self.partners.change(partner, actor=actor, sign_allowed=allowed, sign_reason=reason[:255])

    def _promise(self) -> None:
        self.agenda.after(self.book.terms.watch_interval, "sign watch", self._again)

    async def _again(self) -> None:
        self._promise()
        await self.look()

    async def _act(self, account: Account, alarms: Sequence[Alarm]) -> None:
        seen = self._seen.setdefault(account.partner, _Seen())
        asked = _asked(account)
        goes_on, seen.asked = asked != seen.asked, asked
        serious = [alarm for alarm in alarms if self._serious(account, alarm)]
        await self._say(account, seen, alarms)
        day = account.today
        if day is None or not serious or day.excused:
            account.throttle(1.0)
            await _count(account, 0)
        elif goes_on:
            account.throttle(self.book.terms.throttle)
            await _count(account, day.looks + 1)
            if 0 < self.book.terms.watch_patience <= day.looks + 1:
                await self._take_away(account.partner, serious[0])

    def _serious(self, account: Account, alarm: Alarm) -> bool:
        known = self.partners.get(account.partner)
        explained = self.book.terms.budget.explained(known.evses if known is not None else 0)
        return alarm.kind not in _SAID_ONLY and (alarm.kind not in _PERHAPS or _asked(account) > explained)

    async def _say(self, account: Account, seen: _Seen, alarms: Sequence[Alarm]) -> None:
        """Write each kind of alarm once a day."""
        day = account.today.day.isoformat() if account.today else ""
        seen.said = {each for each in seen.said if each.startswith(day)}
        news = [alarm for alarm in alarms if f"{day} {alarm.kind}" not in seen.said]
        if not news:
            return
        rows = [self.book.alarm("signOracle", f"{alarm.partner}: {alarm.kind}: {alarm.detail}") for alarm in news]
        await self.book.store.commit(*rows)
        seen.said |= {f"{day} {alarm.kind}" for alarm in news}
        for alarm in news:
            _log.warning("sign oracle", partner=alarm.partner, kind=alarm.kind.value)

    async def _take_away(self, partner: str, alarm: Alarm) -> None:
        known = self.partners.get(partner)
        if known is not None and known.sign_allowed:
            await self.suspend(partner, actor="watch", reason=f"{alarm.kind}: {alarm.detail}")
            await self.book.store.commit(self.book.alarm("signSuspended", f"{partner}: {alarm.kind}"))


async def _count(account: Account, looks: int) -> None:
    """Note how many looks in a row have found something: a restart forgives nothing."""
    if account.today is not None and account.today.looks != looks:
        account.keep(replace(account.today, looks=looks))
        await account.written()


def _asked(account: Account) -> int:
    day = account.today
    return 0 if day is None else day.signed + day.refused + day.invalid
