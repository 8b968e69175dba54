"""What the staff of an eMSP see of partners and of the sign oracle, gathered."""

from dataclasses import dataclass

from evouch.autocharge.budget import Limits, SignDay
from evouch.autocharge.watch import Alarm
from evouch.emsp.app import Emsp
from evouch.ocpi.partner import Partner, PartnerSync

__all__ = ["Budget", "Lane", "Row", "budget", "lanes", "rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a partner may ask for, and has asked for today (UTC). ``share`` is what the watch leaves of it."""

    limits: Limits
    day: SignDay
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One module of one partner: what we push there, or read from there."""

    sync: PartnerSync
    pushed: bool

    @property
    def trouble(self) -> bool:
        """Whether something of ours has not arrived, or the last thing that was tried has failed."""
        sync = self.sync
        failed = sync.failed_at is not None and (sync.succeeded_at is None or sync.succeeded_at < sync.failed_at)
        return sync.dirty_since is not None or failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A partner as the overview shows it."""

    partner: Partner
    lanes: tuple[Lane, ...]
    budget: Budget
    alarms: tuple[Alarm, ...]


def budget(emsp: Emsp, partner: Partner) -> Budget:
    """Return a partner's budget, and what it has used of it today."""
    account, today = emsp.oracle.accounts.of(partner.id), emsp.clock.now().date()
    current = account.today is not None and account.today.day == today
    day = account.today if account.today is not None and current else SignDay(partner=partner.id, day=today)
    return Budget(limits=account.limits(partner.evses, emsp.terms.budget), day=day, share=account.share)


def lanes(emsp: Emsp) -> list[PartnerSync]:
    """Return how all modules of all partners stand: what is pushed there, and what is read from there."""
    return [*emsp.pusher.states(), *emsp.polling.states()]


def rows(emsp: Emsp) -> list[Row]:
    """Return all partners with everything that staff look at."""
    return [_row(emsp, partner) for partner in emsp.partners.all()]


def _row(emsp: Emsp, partner: Partner) -> Row:
    both = [(each, True) for each in emsp.pusher.states()] + [(each, False) for each in emsp.polling.states()]
    mine = [Lane(sync=each, pushed=pushed) for each, pushed in both if each.partner == partner.id]
    return Row(
        partner=partner, lanes=tuple(sorted(mine, key=lambda each: each.sync.module)), budget=budget(emsp, partner),
        alarms=tuple(each for each in emsp.watch.alarms if each.partner == partner.id),
    )  # fmt: skip
