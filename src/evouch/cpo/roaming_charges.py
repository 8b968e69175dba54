"""Charges of roaming partners' customers that are under way: each step written, then acted on.

:meth:`RoamingCharges.advance` is the only place where such a charge changes. It commits the new
record with whatever the caller adds (the transaction, a bill), all or nothing; the table of
states is ``charging.roaming``. A commit whose outcome the store could not tell is read back
before the next step.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

import structlog

from evouch.charging.equipment import EvsePlace
from evouch.charging.roaming import FINAL, ChargeEvent, RoamingCharge, can, step
from evouch.cpo.agenda import Agenda
from evouch.cpo.turns import Turns
from evouch.ids import StationId
from evouch.store.ports import Add, Change, Put, Store, StoreFailed

__all__ = ["RoamingCharges", "place_of"]

#: Charges that a restart takes up at most; an operator with more under way at once has more than one process.
_MOST: Final = 100_000

#: Seconds until a charge whose last write is in doubt is read back.
READ_BACK: Final = 2.0

_log = structlog.get_logger("evouch.cpo.roaming")

Condition = Callable[[RoamingCharge], bool]
Also = Callable[[RoamingCharge], tuple[Change, ...]]


@dataclass(slots=True)
class RoamingCharges:
    """All charges of roaming that are not over, and the way to move them on."""

    store: Store
    agenda: Agenda
    #: told of every step, after it is durable (before, after); ``before`` is None for a new charge
    stepped: Callable[[RoamingCharge | None, RoamingCharge], None] | None = None
    _active: dict[str, RoamingCharge] = field(default_factory=dict)
    _doubtful: set[str] = field(default_factory=set)
    _turns: Turns = field(default_factory=Turns)

    async def load(self) -> None:
        """Take up every charge that was under way."""
        self._active = {charge.id: charge for charge in await self.store.charges(active=True, limit=_MOST)}

    # ── reading ──

    def active(self, station: StationId | None = None) -> list[RoamingCharge]:
        """Return the charges that are not over, of one station or of all."""
        return [each for each in self._active.values() if station in {None, each.station}]

    def at(self, place: EvsePlace) -> list[RoamingCharge]:
        """Return the charges that are settled on an EVSE and not over."""
        return [each for each in self.active(place.station) if each.evse == place.evse]

    def running(self, id: str) -> RoamingCharge | None:
        """Return a charge that is not over."""
        return self._active.get(id)

    async def get(self, id: str) -> RoamingCharge | None:
        """Return a charge, under way or over."""
        return self._active.get(id) or await self.store.charge(id)

    async def by_token(self, key: str) -> RoamingCharge | None:
        """Return the charge that a one-time token was made for."""
        if not key:
            return None
        for charge in self._active.values():
            if charge.ocpp_token.casefold() == key:
                return charge
        return await self.store.charge_by_token(key)

    # ── moving on ──

    async def open(self, charge: RoamingCharge, *also: Change) -> None:
        """Write a new charge. One whose write failed is nobody's: should it be in the store, it lapses there."""
        try:
            await self.store.commit(Add(charge), *also)
        except StoreFailed:
            self.agenda.after(READ_BACK, ("roaming lost", charge.id), partial(self._disown, charge.id))
            raise
        self._take_over(None, charge)

    async def _disown(self, id: str) -> None:
        found = await self.store.charge(id)
        if found is not None and can(found.state, ChargeEvent.LAPSE):
            await self.store.commit(Put(replace(found, state=step(found.state, ChargeEvent.LAPSE))))

    async def advance(
        self, id: str, *events: ChargeEvent, also: Also | None = None, only: Condition | None = None, **changes: Any
    ) -> RoamingCharge | None:
        """Take steps in one commit, or none: only change fields. ``also`` says what else belongs to the commit.

        None, and nothing written, where the charge's state has no such step, or ``only`` says no
        when it is this change's turn.
        """
        async with self._turns.of(id):
            before = await self._latest(id)
            if before is None or not (only is None or only(before)):
                return None
            state = before.state
            for event in events:
                if not can(state, event):
                    return None
                state = step(state, event)
            after = replace(before, state=state, **changes)
            await self._write(after, also(after) if also is not None else ())
            self._take_over(before, after)
            return after

    async def _latest(self, id: str) -> RoamingCharge | None:
        """Return a charge as it stands. After a write that failed that is what the store has, written or not."""
        if id in self._doubtful:
            found, known = await self.store.charge(id), self._active.get(id)
            self._doubtful.discard(id)
            if found is not None and known is not None and found != known:
                self._take_over(known, found)
            return found
        return await self.get(id)

    async def _write(self, charge: RoamingCharge, also: tuple[Change, ...]) -> None:
        try:
            await self.store.commit(Put(charge), *also)
        except StoreFailed:
            self._doubtful.add(charge.id)
            self.agenda.after(READ_BACK, ("roaming doubt", charge.id), partial(self._read_back, charge.id))
            raise

    async def _read_back(self, id: str) -> None:
        async with self._turns.of(id):
            await self._latest(id)

    def _take_over(self, before: RoamingCharge | None, after: RoamingCharge) -> None:
        if after.state in FINAL:
            self._active.pop(after.id, None)
        else:
            self._active[after.id] = after
        if before is None or before.state is not after.state:
            _log.info(
                "roaming charge", charge=after.id, state=after.state, station=after.station, partner=after.partner
            )
        if self.stepped is not None:
            self.stepped(before, after)


def place_of(charge: RoamingCharge) -> EvsePlace | None:
    """Return the EVSE that a charge is settled on."""
    return None if charge.evse is None else EvsePlace(charge.station, charge.evse)
