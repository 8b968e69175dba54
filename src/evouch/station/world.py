"""What an EVSE needs of the station around it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from evouch.charging.dialogue import Fact, SessionFact
from evouch.charging.tokens import Authorization
from evouch.clock import Clock, Entropy
from evouch.ids import TransactionId
from evouch.station.configuration import Configuration
from evouch.station.spec import StationSpec
from evouch.station.timers import StationTime, Timers

__all__ = ["World"]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a bay needs of the station around it."""

    spec: StationSpec
    clock: Clock
    entropy: Entropy
    timers: Timers
    time: StationTime
    configuration: Configuration
    online: Callable[[], bool]
    #: a fact that is worth nothing later: dropped while offline
    tell: Callable[[Fact[None]], None]
    #: a fact of a transaction: kept until it is delivered
    book: Callable[[TransactionId, SessionFact], None]
    ask: Callable[[Fact[Authorization]], Awaitable[Any]]
    #: what the backend calls a transaction, None before it said so
    name: Callable[[TransactionId], TransactionId | None]
    #: something that the display shows has changed
    changed: Callable[[], None]
    #: a reservation ended without having been used or cancelled: its id, and ReservationUpdateStatus
    reservation_over: Callable[[int, str], None]
