"""Messages of transactions that unproven connections sent: acknowledged, kept, and not believed.

A station that empties its offline queue before it has proved itself would, refused often
enough, throw away what its drivers have to pay (OCPP 1.6 §3.7.1). So such a message is written
here before it is acknowledged. It is played in, in order, when the same connection proves
itself; otherwise it is kept until an operator books it or dismisses it.

Anybody can send such messages under a station's name. So each connection has a small share,
each address a part of the station's, and the station itself an end; what does not fit is
refused, and nothing is ever put out to make room. What happens to the messages of one
connection happens one after the other, operators included.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import structlog

from evouch.charging.dialogue import Evidence, Link, SessionEnded, SessionFact, SessionStarted
from evouch.cpo.registry import Registry
from evouch.cpo.shares import Limit, Shares, network
from evouch.cpo.turns import Turns
from evouch.cpo.visits import Visit
from evouch.errors import EvouchError, PeerFault, Refused
from evouch.ids import OcppVersion, StationId
from evouch.ocpp.payloads import Payloads
from evouch.ocpp.translate import translator
from evouch.store.ports import Add, Put, StoreFailed
from evouch.store.records import Quarantined, QuarantineState
from evouch.wire import decode

__all__ = ["Past", "Quarantine"]

#: Bytes of one message: the end of a charge with thirty readings of four values each fits. A longer one the
#: station keeps, and says again when it has proved itself.
MAX_FRAME: Final = 16 * 1024
#: What one connection may leave here; the offline queue of a station that behaves is shorter.
PER_CONNECTION: Final = Limit(rows=64, bytes=256 * 1024)
#: What may wait undecided of one station from one address: however many connections come from there, most of
#: the station's share is left to others, and one of them may be the station.
PER_ADDRESS: Final = Limit(rows=250, bytes=1024 * 1024)
#: What may wait undecided of one station; beyond that it keeps its own.
PER_STATION: Final = Limit(rows=1000, bytes=4 * 1024 * 1024)

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
    #: by connection, while it lasts: everything that it sent
    _sent: Shares = field(default_factory=lambda: Shares(PER_CONNECTION))
    #: by station and address, and by station: what is undecided
    _waiting_from: Shares = field(default_factory=lambda: Shares(PER_ADDRESS))
    _waiting: Shares = field(default_factory=lambda: Shares(PER_STATION))
    #: by connection
    _turns: Turns = field(default_factory=Turns)

    async def load(self) -> None:
        """Count what is undecided; what was held when the process ended is an operator's now."""
        await self.registry.store.keep_held()
        for share in await self.registry.store.quarantine_shares():
            self._count(share.station, share.address, share.rows, share.bytes)

    def full(self, link: Link, evidence: Evidence) -> str:
        """Return what leaves no room for another message, for an operator to read; empty where there is room."""
        station, address, size = link.station, link.entrance.address, len(evidence.frame)
        if size > MAX_FRAME:
            return f"{size} bytes in one message"
        if not self._sent.room(link.connection, size):
            return "the connection has had its share"
        if not self._waiting_from.room((station, network(address)), size):
            return f"{address or 'an unknown address'} has had its share"
        return "" if self._waiting.room(station, size) else "the station has had its share"

    def holds(self, connection: str) -> bool:
        """Return whether this connection has sent anything that came here, or is being written."""
        return connection in self._sent

    def _count(self, station: StationId, address: str, rows: int, size: int) -> None:
        self._waiting.count(station, rows, size)
        self._waiting_from.count((station, network(address)), rows, size)

    async def keep(self, visit: Visit, fact: SessionFact, evidence: Evidence, *, refused: bool = False) -> None:
        """Write a message; return when it is durable. ``refused``: its sender was not told that we have it.

        What was refused is kept for an operator to see and never played in: the station says it again.
        """
        link = visit.link
        record = Quarantined(
            id=self.registry.entropy.id(), station=link.station, connection=link.connection, version=link.version,
            received_at=evidence.received_at, action=_action(link.version, fact), frame=evidence.frame,
            address=link.entrance.address,
        )  # fmt: skip
        size = len(record.frame)
        self._count(record.station, record.address, 1, size)
        if not visit.gone:  # it ended while a start was held: its share ended with it
            self._sent.count(link.connection, 1, size)
        try:
            async with self._turns.of(link.connection):
                await self._write(visit, record, fact, refused=refused)
        except BaseException:
            self._count(record.station, record.address, -1, -size)
            self._sent.count(link.connection, -1, -size)
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
        self._sent.drop(connection)
        async with self._turns.of(connection):
            for record, _ in self._held.pop(connection, []):
                await self._decide(record, QuarantineState.KEPT)

    # ── operators ──

    async def book(self, id: str, book: Book, *, actor: str) -> None:
        """Handle a kept message as if it were proven: an operator vouches for it.

        Refused: unknownMessage; notBookable for a start, whose station waits for no answer any
        more, and for what cannot be handled.
        """
        async with self._turns.of((await self._message(id)).connection):
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
        async with self._turns.of((await self._message(id)).connection):
            await self._decided(await self._kept(id), QuarantineState.DISMISSED, actor, "dismiss quarantined message")

    async def _message(self, id: str) -> Quarantined:
        record = await self.registry.store.quarantined_message(id)
        if record is None:
            raise Refused("unknownMessage")
        return record

    async def _kept(self, id: str) -> Quarantined:
        """Return a message that an operator may decide on. Asked within its turn: whoever came first has decided."""
        record = await self._message(id)
        if record.state not in _OPEN or record.connection in self._held:
            raise Refused("unknownMessage")
        return record

    async def _decided(self, record: Quarantined, state: QuarantineState, actor: str, act: str) -> None:
        audit = self.registry.audit(actor, act, record.station, f"{record.action} {record.id}")
        await self.registry.store.commit(_put(record, state), audit)
        self._count(record.station, record.address, -1, -len(record.frame))

    async def _decide(self, record: Quarantined, state: QuarantineState) -> bool:
        try:
            await self.registry.store.commit(_put(record, state))
        except StoreFailed:
            return False  # it stays held in the store, and is an operator's after the next start
        if state not in _OPEN:
            self._count(record.station, record.address, -1, -len(record.frame))
        return True


def _put(record: Quarantined, state: QuarantineState) -> Put[Quarantined]:
    return Put(replace(record, state=state), only=("state",))


def _action(version: OcppVersion, fact: SessionFact) -> str:
    if version != "ocpp1.6":
        return "TransactionEvent"
    if isinstance(fact, SessionStarted):
        return "StartTransaction"
    return "StopTransaction" if isinstance(fact, SessionEnded) else "MeterValues"


def _fact(record: Quarantined, registry: Registry) -> SessionFact:
    """Read the message again, as it was read when it came; Refused("notBookable") where it cannot be any more."""
    try:
        _, _, action, payload = decode(record.frame)
        payload = Payloads(record.version, Counter()).received(action, "request", payload)
        fact = translator(record.version, registry.wiring(record.station, record.version)).fact(action, payload)
    except (EvouchError, ValueError, TypeError, LookupError) as error:
        raise Refused("notBookable", f"it cannot be read any more: {error}") from error
    if not isinstance(fact, SessionFact):
        raise Refused("notBookable", "no message of a transaction")
    return fact
