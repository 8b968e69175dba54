"""What joins an OCPP transaction to the charge of a roaming partner's customer, from the start to the bill.

A charge finds its transaction by the answer to its token, by the remote start's number, or by
the transaction that the station named; it is written in one commit with the transaction. A
transaction that finds a charge which is over already is refused and stopped. The eMSP hears of it
at once as a Session that is PENDING, ACTIVE with the first energy, then from time to time, COMPLETED
with the end, and by the bill (docs/decisions/056).
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from evouch.charging.dialogue import SessionFact
from evouch.charging.equipment import EvsePlace
from evouch.charging.roaming import ChargeEvent, ChargeState, RoamingCharge, can
from evouch.charging.tokens import Authorization, TokenStatus
from evouch.clock import Clock, Tick
from evouch.cpo.registry import Registry
from evouch.cpo.roaming_binding import Bindings
from evouch.cpo.roaming_charges import RoamingCharges
from evouch.cpo.roaming_objects import Objects
from evouch.cpo.roaming_push import RoamingPush
from evouch.cpo.roaming_start import RoamingStarts
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.ids import EvseNumber, StationId
from evouch.ocpi.model import Cdr
from evouch.store.ports import Change, Put, Store
from evouch.store.records import Transaction

__all__ = ["RoamingSessions"]

_E, _S = ChargeEvent, ChargeState
_RUNNING: Final = frozenset({_S.PENDING, _S.ACTIVE})


@dataclass(slots=True)
class RoamingSessions:
    """Implements ``tie.RoamingTie``."""

    store: Store
    charges: RoamingCharges
    objects: Objects
    push: RoamingPush
    starts: RoamingStarts
    bindings: Bindings
    registry: Registry
    clock: Clock
    terms: RoamingTerms
    #: when a running session was last told, by charge
    _told: dict[str, Tick] = field(default_factory=dict)

    # ── a running transaction ──

    async def moved(
        self, put: Put[Transaction], fact: SessionFact, judged: Authorization | None, changes: tuple[Change, ...]
    ) -> Transaction | None:
        """Write a message of a transaction that is a roaming charge; None, and nothing written, if there is no need."""
        record = put.record
        charge = await self._charge(record, fact, judged)
        if charge is None:
            return None
        if record.roaming == charge.id:
            return await self._goes_on(record, charge, changes)
        return await self._bind(record, charge, changes)

    def others(self, record: Transaction) -> None:
        """Somebody charges at an EVSE: automatic starts that wait there are over."""
        self.starts.occupied(EvsePlace(record.station, record.evse), but=record.roaming)

    async def _charge(
        self, record: Transaction, fact: SessionFact, judged: Authorization | None
    ) -> RoamingCharge | None:
        if record.roaming is not None:
            return self.charges.running(record.roaming)
        if judged is not None and judged.accepted and judged.roaming is not None:
            return await self.charges.get(judged.roaming)
        for each in self.charges.active(record.station):
            started = fact.remote_start is not None and each.remote_start == fact.remote_start
            if (started and each.evse == record.evse) or each.transaction == record.id:
                return each
        return None

    async def _bind(self, record: Transaction, charge: RoamingCharge, changes: tuple[Change, ...]) -> Transaction:
        bound = replace(record, roaming=charge.id)
        events = (_E.TRANSACTION, _E.ENERGY) if record.energy else (_E.TRANSACTION,)
        after = await self.charges.advance(
            charge.id, *events, only=lambda now: _fits(now, record),
            also=lambda now: (Put(bound), *changes, *self._kept(now, bound)),
            transaction=record.id, evse=record.evse, connector=record.connector,
        )  # fmt: skip
        if after is None:  # it was given up while this message waited for its turn
            return await self._late(record, charge, changes)
        self._tell(after, bound)
        self.others(bound)
        await self.bindings.started(after)
        return bound

    async def _late(self, record: Transaction, charge: RoamingCharge, changes: tuple[Change, ...]) -> Transaction:
        refused = replace(record, roaming=None, status=TokenStatus.INVALID)
        detail = f"roaming charge is {charge.state}, transaction at EVSE {record.evse}"
        await self.store.commit(Put(refused), *changes, self.registry.alarm("lateStart", record.station, detail))
        return refused

    async def _goes_on(
        self, record: Transaction, charge: RoamingCharge, changes: tuple[Change, ...]
    ) -> Transaction | None:
        first = charge.state is _S.PENDING and record.energy > 0
        due = self.clock.tick() - self._told.get(charge.id, Tick(float("-inf"))) >= self.terms.session_interval
        if not first and not due:
            return None
        after = await self.charges.advance(
            charge.id,
            *((_E.ENERGY,) if first else ()),
            also=lambda now: (Put(record), *changes, *self._kept(now, record)),
        )
        if after is None:
            return None
        self._tell(after, record)
        if first:
            self.bindings.flows(after)
        return record

    # ── the end ──

    async def ended(self, record: Transaction, changes: tuple[Change, ...]) -> bool:
        """Write the end of a transaction with its bill; False, and nothing written, where it is no roaming charge."""
        charge = await self.charges.get(record.roaming) if record.roaming is not None else None
        if charge is None or (charge.state not in _RUNNING and not can(charge.state, _E.TRANSACTION)):
            return False
        began, at = () if charge.state in _RUNNING else (_E.TRANSACTION,), self.clock.now()
        after = await self.charges.advance(
            charge.id, *began, _E.END, also=lambda now: (Put(record), *changes, *self._closed(now, record, at)),
            transaction=record.id, evse=record.evse, connector=record.connector,
        )  # fmt: skip
        if after is None:  # this end was written the first time, and nobody was told
            await self.push.catch_up(charge)
            return False
        self._tell(after, record)
        self._told.pop(after.id, None)
        self.bindings.flows(after)
        self.push.cdr(after.partner, self._cdr(after, record, at))  # the very bill that was written
        return True

    def evse_of(self, station: StationId, fact: SessionFact) -> EvseNumber | None:
        """Return the EVSE that a message without one must mean, from the remote start that it names."""
        for each in self.charges.active(station):
            named = fact.token is not None and each.ocpp_token and each.ocpp_token.casefold() == fact.token.key
            if named or (fact.remote_start is not None and each.remote_start == fact.remote_start):
                return each.evse
        return None

    # ── telling ──

    def _kept(self, charge: RoamingCharge, record: Transaction) -> tuple[Change, ...]:
        return self.push.kept_session(charge, self.objects.session(charge, record, self.clock.now()))

    def _closed(self, charge: RoamingCharge, record: Transaction, at: datetime) -> tuple[Change, ...]:
        return *self._kept(charge, record), *self.push.kept_cdr(charge, self._cdr(charge, record, at))

    def _cdr(self, charge: RoamingCharge, record: Transaction, at: datetime) -> Cdr:
        station, evse = (
            self.registry.station(record.station),
            self.registry.evse(EvsePlace(record.station, record.evse)),
        )
        return self.objects.cdr(charge, record, station, evse, at)

    def _tell(self, charge: RoamingCharge, record: Transaction) -> None:
        self._told[charge.id] = self.clock.tick()
        self.push.session(charge.partner, self.objects.session(charge, record, self.clock.now()))

    async def resume(self) -> None:
        """Tell running sessions again: what was under way when the process ended may not have arrived."""
        for charge in self.charges.active():
            if charge.state in _RUNNING and charge.transaction is not None:
                record = await self.store.transaction(charge.station, charge.transaction)
                if record is not None:
                    self._tell(charge, record)


def _fits(charge: RoamingCharge, record: Transaction) -> bool:
    """Whether this may be the charge that was allowed: where it was, and no other one before it."""
    here = charge.evse == record.evse or (charge.evse is None and record.evse in charge.candidates)
    here = here or (record.evse in charge.candidates and charge.remote_start is None)
    return here and charge.transaction in {None, record.id}
