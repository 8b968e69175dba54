"""Messages of transactions that unproven connections sent: acknowledged, kept, and not believed.

A station that empties its offline queue before it has proved itself would, refused often
enough, throw away what its drivers have to pay (OCPP 1.6 §3.7.1). So such a message is written
here before it is acknowledged. It is played in, in order, when the same connection proves
itself; otherwise it is kept until an operator books it or dismisses it.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from evouch.charging.dialogue import Evidence, SessionEnded, SessionFact, SessionStarted
from evouch.cpo.registry import Registry
from evouch.cpo.turns import Turns
from evouch.cpo.visits import Visit
from evouch.errors import PeerFault, Refused
from evouch.ids import OcppVersion, StationId
from evouch.ocpp.payloads import Payloads
from evouch.ocpp.translate import translator
from evouch.store.ports import Add, Put, StoreFailed
from evouch.store.records import Quarantined, QuarantineState
from evouch.wire import decode

__all__ = ["Past", "Quarantine"]

#: Messages of one connection; the longest offline queue of a station that behaves is shorter.
PER_CONNECTION: Final = 64
#: Undecided messages of one station; beyond them it keeps its own.
PER_STATION: Final = 1000
#: Undecided messages that are counted at a start.
_MOST: Final = 1_000_000

_OPEN: Final = frozenset({QuarantineState.HELD, QuarantineState.KEPT})

_log = structlog.get_logger("evouch.cpo.quarantine")

#: Takes a fact of a transaction as if its connection had been proven.
Book = Callable[[Any, SessionFact], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Past:
    """A connection that is gone, as far as the handling of its messages needs one."""

    station: StationId
    version: OcppVersion
    connection: str


@dataclass(slots=True)
class Quarantine:
    """The quarantine of all stations."""

    registry: Registry
    #: connection → what it sent, in order
    _held: dict[str, list[tuple[Quarantined, SessionFact]]] = field(default_factory=dict)
    #: station → undecided messages
    _open: Counter[StationId] = field(default_factory=Counter)
    _counted: Counter[str] = field(default_factory=Counter)
    _turns: Turns = field(default_factory=Turns)

    async def load(self) -> None:
        """Count what is undecided; what was held when the process ended is an operator's now."""
        found = await self.registry.store.quarantined(limit=_MOST)
        self._open = Counter(one.station for one in found)
        late = [one for one in found if one.state is QuarantineState.HELD]
        if late:
            await self.registry.store.commit(*(Put(replace(one, state=QuarantineState.KEPT)) for one in late))

    def full(self, station: StationId, connection: str) -> bool:
        """Return whether there is no room for another message."""
        return self._counted[connection] >= PER_CONNECTION or self._open[station] >= PER_STATION

    def holds(self, connection: str) -> bool:
        """Return whether this connection has sent anything that is here, or is being written."""
        return self._counted[connection] > 0

    async def keep(self, visit: Visit, fact: SessionFact, evidence: Evidence, *, refused: bool = False) -> None:
        """Write a message; return when it is durable. ``refused``: its sender was not told that we have it.

        What was refused is kept for an operator to see and never played in: the station says it again.
        """
        link = visit.link
        record = Quarantined(
            id=self.registry.entropy.id(), station=link.station, connection=link.connection, version=link.version,
            received_at=evidence.received_at, action=_action(link.version, fact), frame=evidence.frame,
        )  # fmt: skip
        self._open[link.station] += 1
        self._counted[link.connection] += 1
        try:
            async with self._turns.of(link.connection):
                await self._write(visit, record, fact, refused=refused)
        except BaseException:
            self._open[link.station] -= 1
            raise

    async def _write(self, visit: Visit, record: Quarantined, fact: SessionFact, *, refused: bool) -> None:
        if refused or visit.gone:
            await self.registry.store.commit(Add(replace(record, state=QuarantineState.KEPT)))
        else:
            await self.registry.store.commit(Add(record))
            self._held.setdefault(record.connection, []).append((record, fact))

    async def play_in(self, link: Any, book: Book) -> bool:
        """Handle everything that this connection sent, in order; return whether all of it went well.

        What cannot be handled stays for an operator, and does not keep the next one from being handled.
        """
        well = True
        async with self._turns.of(link.connection):
            for record, fact in self._held.pop(link.connection, []):
                state = QuarantineState.PROMOTED
                try:
                    await book(link, fact)
                except Exception as error:  # noqa: BLE001  # whatever is wrong with one must not lose the next
                    _log.error("quarantined message not booked", station=link.station, error=type(error).__name__)
                    state, well = QuarantineState.KEPT, False
                well &= await self._decide(record, state)
        return well

    async def left(self, connection: str) -> None:
        """Leave to an operator what a connection sent that has ended unproven."""
        self._counted.pop(connection, None)
        async with self._turns.of(connection):
            for record, _ in self._held.pop(connection, []):
                await self._decide(record, QuarantineState.KEPT)

    # ── operators ──

    async def book(self, id: str, book: Book, *, actor: str) -> None:
        """Handle a kept message as if it were proven: an operator vouches for it.

        Refused: unknownMessage; notBookable for a start, whose station waits for no answer any
        more, and for what cannot be handled.
        """
        record = await self._kept(id)
        fact = _fact(record, self.registry)
        if isinstance(fact, SessionStarted):
            raise Refused("notBookable", "a start that was refused: the station has not begun it")
        try:
            await book(Past(record.station, record.version, record.connection), fact)
        except (PeerFault, Refused) as error:
            raise Refused("notBookable", str(error)) from error
        await self._decided(record, QuarantineState.PROMOTED, actor, "book quarantined message")

    async def dismiss(self, id: str, *, actor: str) -> None:
        """Decide that a kept message is nobody's; Refused("unknownMessage")."""
        await self._decided(await self._kept(id), QuarantineState.DISMISSED, actor, "dismiss quarantined message")

    async def _kept(self, id: str) -> Quarantined:
        found = await self.registry.store.quarantined(limit=_MOST)
        record = next((one for one in found if one.id == id and one.connection not in self._held), None)
        if record is None:
            raise Refused("unknownMessage")
        return record

    async def _decided(self, record: Quarantined, state: QuarantineState, actor: str, act: str) -> None:
        audit = self.registry.audit(actor, act, record.station, f"{record.action} {record.id}")
        await self.registry.store.commit(Put(replace(record, state=state)), audit)
        self._open[record.station] -= 1

    async def _decide(self, record: Quarantined, state: QuarantineState) -> bool:
        try:
            await self.registry.store.commit(Put(replace(record, state=state)))
        except StoreFailed:
            return False  # it stays held in the store, and is an operator's after the next start
        if state not in _OPEN:
            self._open[record.station] -= 1
        return True


def _action(version: OcppVersion, fact: SessionFact) -> str:
    if version != "ocpp1.6":
        return "TransactionEvent"
    if isinstance(fact, SessionStarted):
        return "StartTransaction"
    return "StopTransaction" if isinstance(fact, SessionEnded) else "MeterValues"


def _fact(record: Quarantined, registry: Registry) -> SessionFact:
    """Read the message again, as it was read when it came."""
    _, _, action, payload = decode(record.frame)
    payload = Payloads(record.version, Counter()).received(action, "request", payload)
    fact = translator(record.version, registry.wiring(record.station, record.version)).fact(action, payload)
    if not isinstance(fact, SessionFact):
        raise Refused("notBookable", "no message of a transaction")
    return fact
