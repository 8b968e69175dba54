"""Transactions as stations report them: started, updated, ended, each as often as a station likes to say it.

A repeated message changes nothing and is answered as the first time. A message that came
without its predecessor (a station that lost its memory, a backend that was down) opens the
transaction it speaks of. Nothing is answered before it is written; the transaction and the
payment it belongs to are written in one commit. What one station says is taken one message
after the other, whatever connections it comes over: a retry never races its first try.
"""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Final

from evouch.charging.dialogue import (
    ChargingState,
    Link,
    Reading,
    SessionAnswer,
    SessionEnded,
    SessionFact,
    SessionStarted,
    SessionUpdated,
)  # fmt: skip
from evouch.charging.equipment import EvsePlace
from evouch.charging.sessions import SessionEvent, SessionState, step
from evouch.charging.tokens import Authorization, IdToken, TokenStatus
from evouch.clock import Clock, Tick
from evouch.copies import copier
from evouch.cpo.authorize import Authorizer, Question
from evouch.cpo.registry import Registry
from evouch.cpo.tie import Tie
from evouch.cpo.turns import Turns
from evouch.ids import EvseNumber, StationId, TransactionId
from evouch.store.ports import Change, Put, Store
from evouch.store.records import Sample, Transaction
from evouch.units import Watts, Wh

__all__ = ["Live", "Sessions", "start_key"]

#: Samples of one transaction that are kept at most: a 30-second interval for five days.
MAX_SAMPLES: Final = 15_000
#: ReadingContext of the register at the start.
BEGIN: Final = "Transaction.Begin"
#: Unknown 1.6 transactions that are remembered as reported; a station repeats itself for hours.
MAX_REPORTED: Final = 1000

#: The fields that a reading changes, and nearly always they alone.
MEASURED: Final = ("meter_last", "last_at", "last_seq")
_copy: Final = copier(Transaction)
_beside_measured: Final = attrgetter(*(each.name for each in fields(Transaction) if each.name not in MEASURED))

Key = tuple[StationId, TransactionId]


@dataclass(slots=True)
class Live:
    """A running transaction with what only memory knows of it."""

    record: Transaction
    #: when its last reading arrived, by our own clock
    heard: Tick
    power: Watts | None = None
    soc: Decimal | None = None
    samples: int = 0


@dataclass(slots=True)
class Sessions:
    """All running transactions."""

    store: Store
    registry: Registry
    authorizer: Authorizer
    clock: Clock
    tie: Tie
    _live: dict[Key, Live] = field(default_factory=dict)
    _turns: Turns = field(default_factory=Turns)
    _reported: set[Key] = field(default_factory=set)

    async def load(self) -> None:
        """Take up every transaction that was running."""
        for record in await self.store.transactions(active=True, limit=100_000):
            samples = await self.store.samples(record.station, record.id)
            self._live[record.station, record.id] = Live(record, self.clock.tick(), samples=len(samples))

    # ── reading ──

    def live(self, station: StationId, id: TransactionId) -> Live | None:
        """Return a running transaction."""
        return self._live.get((station, id))

    def all(self) -> list[Live]:
        """Return every running transaction."""
        return list(self._live.values())

    def at(self, place: EvsePlace) -> Live | None:
        """Return the transaction that runs on an EVSE."""
        return next(
            (
                live
                for live in self._live.values()
                if (live.record.station, live.record.evse) == (place.station, place.evse)
            ),
            None,
        )

    def token_in_use(self, key: str, *, but: Key | None) -> bool:
        """Return whether a token charges somewhere, leaving one transaction out of account."""
        return any(
            live.record.token is not None
            and live.record.token.key == key
            and live.record.status is TokenStatus.ACCEPTED
            for name, live in self._live.items()
            if name != but
        )

    # ── what stations say ──

    async def started(self, link: Link, fact: SessionStarted) -> SessionAnswer:
        """Take a StartTransaction or TransactionEvent Started."""
        async with self._turns.of(link.station):
            known = await self._known_start(link, fact)
            if known is not None:
                return await self._answer(link, fact, known)
            return await self._open(link, fact)

    async def updated(self, link: Link, fact: SessionUpdated) -> SessionAnswer:
        """Take MeterValues of a transaction or TransactionEvent Updated."""
        async with self._turns.of(link.station):
            live = await self._find(link, fact)
            return SessionAnswer() if live is None else await self._answer(link, fact, live)

    async def ended(self, link: Link, fact: SessionEnded) -> SessionAnswer:
        """Take a StopTransaction or TransactionEvent Ended."""
        async with self._turns.of(link.station):
            live = await self._find(link, fact)
            return SessionAnswer() if live is None else await self._end(link, fact, live)

    async def lost(self, place: EvsePlace, since: Tick) -> None:
        """End a transaction that its station has forgotten: its EVSE is free, and nothing was heard of it ``since``."""
        async with self._turns.of(place.station):
            live = self.at(place)
            if live is None or live.heard > since:
                return
            record = live.record
            ended = SessionEnded(transaction=record.id, at=record.last_at or record.started_at, reason="Lost")
            await self.store.commit(self.registry.alarm("transactionLost", record.station, record.id[:40]))
            await self._close(live, record, ended)

    async def _end(self, link: Link, fact: SessionEnded, live: Live) -> SessionAnswer:
        after = self._measured(live, fact)
        judged = await self._judged_at_end(link, fact, after)
        if judged is not None and judged.roaming is not None and after.roaming is None:  # nothing was heard before
            after = replace(after, roaming=judged.roaming, token=_remembered(fact, judged), status=judged.status)
        record = await self._close(live, after, fact)
        return SessionAnswer(authorization=judged, total_cost=self.tie.cost(record))

    async def _judged_at_end(self, link: Link, fact: SessionEnded, record: Transaction) -> Authorization | None:
        """Judge the token of an end. A vehicle that the transaction belongs to need not be asked for again."""
        if fact.token is None:
            return None
        if fact.token.vehicle and record.token is not None and record.token.vehicle:
            return self._as_before(record)
        return await self._judge(link, fact, record, ending=True)

    async def _close(self, live: Live, record: Transaction, fact: SessionEnded) -> Transaction:
        record = replace(
            record, state=step(record.state, SessionEvent.END), ended_at=fact.at, last_at=fact.at, reason=fact.reason
        )
        await self.tie.ended(record, fact, *self._samples(live, fact))
        self._live.pop((record.station, record.id), None)
        return record

    # ── opening ──

    async def _known_start(self, link: Link, fact: SessionStarted) -> Live | None:
        """Return the transaction that a repeated start opened the first time."""
        if fact.transaction is not None and (live := self._live.get((link.station, fact.transaction))):
            return live
        record = await self.store.transaction_by_start(link.station, start_key(fact))
        if record is None and fact.transaction is not None:  # what we opened ourselves for a start that came late
            record = await self.store.transaction(link.station, fact.transaction)
        if record is None:
            return None
        return self._live.get((record.station, record.id)) or Live(record, self.clock.tick())

    async def _open(self, link: Link, fact: SessionFact) -> SessionAnswer:
        number = await self.store.next_number()
        id = fact.transaction if fact.transaction is not None else TransactionId(str(number))
        evse = fact.evse or self.tie.place_of(link.station, fact) or EvseNumber(1)
        record = Transaction(
            station=link.station, id=id, evse=evse, connector=fact.connector, state=SessionState.PENDING,
            started_at=fact.at, start_key=start_key(fact), number=number,
        )  # fmt: skip
        live = Live(record, self.clock.tick())
        return await self._answer(link, fact, live)

    async def _find(self, link: Link, fact: SessionFact) -> Live | None:
        """Return the transaction a message speaks of, opening one that we never heard the start of.

        On 1.6 only a start can open one: the number is ours to give. A message of a
        transaction that has ended already is a repetition.
        """
        if fact.transaction is None:
            return None
        live = self._live.get((link.station, fact.transaction))
        if live is not None:
            return live
        if await self.store.transaction(link.station, fact.transaction) is not None:
            return None
        if link.version == "ocpp1.6":
            await self._report(link.station, fact.transaction)
            return None
        opening = SessionStarted(transaction=fact.transaction, at=fact.at, evse=fact.evse, connector=fact.connector)
        await self._open(link, opening)
        return self._live.get((link.station, fact.transaction))

    async def _report(self, station: StationId, transaction: TransactionId) -> None:
        """Leave one security event per unknown transaction, however often the station speaks of it."""
        if (station, transaction) in self._reported:
            return
        if len(self._reported) >= MAX_REPORTED:
            self._reported.clear()
        self._reported.add((station, transaction))
        await self.store.commit(self.registry.alarm("unknownTransaction", station, transaction[:40]))

    # ── every message ──

    async def _answer(self, link: Link, fact: SessionFact, live: Live) -> SessionAnswer:
        """Measure, judge the token, tie the payment, write, and answer."""
        if live.record.state is SessionState.ENDED:
            return SessionAnswer(authorization=self._as_before(live.record), transaction=live.record.id)
        record, judged = await self._judged(link, fact, self._measured(live, fact))
        if fact.remote_start is not None:
            record = replace(record, remote_start=fact.remote_start)
        put = Put(record, self._only(live.record, record))
        record, limit = await self.tie.moved(put, fact, judged, self._samples(live, fact))
        live.record = record
        live.heard = self.clock.tick()
        self._live[record.station, record.id] = live
        if isinstance(fact, SessionStarted) and limit is None:  # said again: the station may have lost the first answer
            limit = self.tie.limit(record)
        cost = self.tie.measured(record, live.heard, live.power)
        return SessionAnswer(authorization=judged, transaction=record.id, limit=limit, total_cost=cost)

    async def _judged(
        self, link: Link, fact: SessionFact, record: Transaction
    ) -> tuple[Transaction, Authorization | None]:
        """Judge the token of a message, if it has one that was not judged for this transaction before.

        A transaction keeps the first token that was good for it: another card, held to the
        reader of a running charge, is answered and changes nothing.
        """
        if fact.token is None:
            return record, None
        if record.token is not None and _same(record.token, fact.token):
            return record, self._as_before(record)
        if record.token is not None and record.status is TokenStatus.ACCEPTED and fact.token.vehicle:
            await self.authorizer.identified(self._question(link, fact.token, record))
            return record, self._as_before(record)
        judged = await self._judge(link, fact, record)
        if record.token is not None and record.status is TokenStatus.ACCEPTED:
            return record, judged
        return replace(record, token=_remembered(fact, judged), status=judged.status), judged

    def _as_before(self, record: Transaction) -> Authorization:
        """Return the answer that the token of a transaction got the first time, no longer good than it was then."""
        expires = self.tie.expires(record)
        return Authorization(status=record.status, payment=record.payment, reason="as before", expires=expires)

    async def _judge(
        self, link: Link, fact: SessionFact, record: Transaction, *, ending: bool = False
    ) -> Authorization:
        question = self._question(link, fact.token or IdToken(""), record, ending=ending)
        return await self.authorizer.authorize(question)

    def _question(self, link: Link, token: IdToken, record: Transaction, *, ending: bool = False) -> Question:
        return Question(
            station=link.station, token=token, evse=record.evse, transaction=record.id, ending=ending
        )  # fmt: skip

    def _measured(self, live: Live, fact: SessionFact) -> Transaction:
        """Return the record with the readings of a message taken in. A register never runs backwards."""
        record = live.record
        register: _Register = record.meter_start, record.meter_last, record.last_at
        for reading in fact.readings:
            live.power = live.power if reading.power is None else reading.power
            live.soc = live.soc if reading.soc is None else reading.soc
            if reading.energy is not None:
                register = _after(register, reading, reading.energy, record.started_at)
        start, last, at = register
        flowing = start is not None and last is not None and last > start
        return _copy(
            record, state=_state(record.state, fact, flowing=flowing),
            started_at=min(record.started_at, fact.at) if isinstance(fact, SessionStarted) else record.started_at,
            evse=record.evse if record.payment is not None else fact.evse or record.evse,
            connector=fact.connector or record.connector,
            meter_start=start, meter_last=last, last_at=at,
            last_seq=record.last_seq if fact.seq is None else max(fact.seq, record.last_seq or 0),
        )  # fmt: skip

    def _only(self, before: Transaction, after: Transaction) -> tuple[str, ...]:
        """Return the fields that a message of a stored transaction changed, where those are what a reading changes."""
        stored = (before.station, before.id) in self._live
        return MEASURED if stored and _beside_measured(before) == _beside_measured(after) else ()

    def _samples(self, live: Live, fact: SessionFact) -> tuple[Change, ...]:
        samples = []
        for reading in fact.readings:
            if live.samples < MAX_SAMPLES:
                samples.append(
                    Put(
                        Sample(
                            station=live.record.station,
                            transaction=live.record.id,
                            number=live.samples,
                            reading=reading,
                        )
                    )
                )
                live.samples += 1
        return tuple(samples)


def start_key(fact: SessionFact) -> str:
    """Return what makes a repeated start the same one: 2.x its id, 1.6 everything it says."""
    if fact.transaction is not None:
        return f"id:{fact.transaction}"
    token = fact.token.bare.key if fact.token else ""  # a vehicle's address is no part of any key
    meter = next((reading.energy for reading in fact.readings if reading.energy is not None), "")
    return f"at:{fact.connector}:{token}:{fact.at.isoformat()}:{meter}"


def _same(kept: IdToken, said: IdToken) -> bool:
    """Whether a token was judged for this transaction already. A vehicle is remembered by another name than it says."""
    return kept.vehicle if said.vehicle else not kept.vehicle and kept.key == said.key


def _remembered(fact: SessionFact, judged: Authorization) -> IdToken | None:
    """Return the token as it is kept: that of a vehicle by its VID, or without anything."""
    return judged.token or (fact.token.bare if fact.token is not None else None)


#: The meter of a transaction: its first value, its latest, and when that was read.
_Register = tuple[Wh | None, Wh | None, datetime | None]


def _after(register: _Register, reading: Reading, energy: Wh, began: datetime) -> _Register:
    """Take a reading in. A register never runs backwards, but a start that comes late says where it began."""
    start, last, at = register
    if start is None or last is None:
        return energy, energy, reading.at
    if reading.context == BEGIN and reading.at < began:
        start = min(energy, start)
    return start, max(energy, last), max(reading.at, at or reading.at)


def _state(state: SessionState, fact: SessionFact, *, flowing: bool) -> SessionState:
    if fact.state in (ChargingState.SUSPENDED_EV, ChargingState.SUSPENDED_EVSE):
        return step(state, SessionEvent.SUSPEND)
    if flowing or fact.state is ChargingState.CHARGING:
        return step(state, SessionEvent.ENERGY)
    return state
