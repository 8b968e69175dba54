"""A station reduced to what it says and answers, in the neutral dialogue: no OCPP, no socket.

For tests of an operator's rules. ``answers`` maps an order's type to the answer, or to a
function of the order; what is not in it gets the answer of a station that agrees.
"""

from collections.abc import Awaitable
from typing import Any

from evouch.charging import dialogue as d
from evouch.charging.equipment import ConnectorStatus
from evouch.charging.tokens import IdToken
from evouch.clock import Clock, Tick
from evouch.errors import Offline
from evouch.ids import EvseNumber, OcppVersion, RemoteStartId, StationId, TransactionId
from evouch.units import Watts, Wh

__all__ = ["PlainLink", "PlainStation", "PlainStations"]


class PlainLink:
    """A connection that consists of its name."""

    def __init__(self, station: StationId, version: OcppVersion, connection: str) -> None:
        self.station, self.version, self.connection = station, version, connection


class PlainStations:
    """Implements ``StationCalls`` and the operator's switch over stations that are objects in this process."""

    def __init__(self) -> None:
        self.connected: dict[StationId, PlainStation] = {}

    async def call(self, station: StationId, order: d.Order[Any], *, by: Tick) -> Any:
        """Hand the order to the station, if it is there."""
        here = self.connected.get(station)
        if here is None:
            return Offline(station)
        return await here.obey(order)

    def disconnect(self, station: StationId, reason: str) -> bool:
        """Cut the station off."""
        here = self.connected.get(station)
        if here is not None:
            here.leave()
        return here is not None


class PlainStation:
    """One station. Its methods are what its driver and its firmware do."""

    def __init__(
        self, id: str, backend: d.Backend, stations: PlainStations, clock: Clock, version: str = "ocpp2.1"
    ) -> None:
        self.id = StationId(id)
        self.version = OcppVersion(version)
        self.orders: list[d.Order[Any]] = []
        self.settings: dict[tuple[str, int | None], Any] = {}
        self.answers: dict[type, Any] = {}
        self.register = 1000
        self.seq = 0
        self._backend, self._stations, self._clock = backend, stations, clock
        self._connections = 0
        self.link: PlainLink

    # ── the connection ──

    async def arrive(self, *, boot: bool = True) -> d.BootAnswer | None:
        """Connect, and boot unless told otherwise."""
        self._connections += 1
        self.link = PlainLink(self.id, self.version, f"{self.id}#{self._connections}")
        self._stations.connected[self.id] = self
        self._backend.joined(self.link)
        if not boot:
            return None
        answer: d.BootAnswer = await self.say(d.Booted(vendor="Plain", model="P1"))
        if answer.status is d.BootStatus.ACCEPTED:
            await self.status(ConnectorStatus.AVAILABLE)
        return answer

    def leave(self) -> None:
        """Lose the connection."""
        self._stations.connected.pop(self.id, None)
        self._backend.left(self.link)

    async def say(self, fact: d.Fact[Any]) -> Any:
        """Say a fact and return the backend's answer."""
        evidence = d.Evidence(frame=b"", received_at=self._clock.now(), connection=self.link.connection)
        answer = self._backend.hear(self.link, fact, evidence)
        return await answer if isinstance(answer, Awaitable) else answer

    async def obey(self, order: d.Order[Any]) -> Any:
        """Answer an order."""
        self.orders.append(order)
        answer = self.answers.get(type(order))
        if answer is not None:
            answer = answer(order) if callable(answer) else answer
            return await answer if isinstance(answer, Awaitable) else answer
        return self._agree(order)

    def got(self, kind: type[Any]) -> list[Any]:
        """Return the orders of one type, in order."""
        return [order for order in self.orders if isinstance(order, kind)]

    # ── the charge ──

    async def status(self, status: ConnectorStatus, evse: int = 1) -> None:
        """Report the state of an EVSE's connector."""
        await self.say(d.ConnectorChanged(evse=EvseNumber(evse), connector=1, status=status))

    async def start(
        self, token: IdToken | None, *, transaction: str | None = "T-1", evse: int = 1, remote: int | None = None
    ) -> d.SessionAnswer:
        """Report the start of a transaction; on 1.6 without an id."""
        id = None if self.version == "ocpp1.6" or transaction is None else TransactionId(transaction)
        answer: d.SessionAnswer = await self.say(
            d.SessionStarted(
                transaction=id,
                at=self._clock.now(),
                evse=EvseNumber(evse),
                connector=1,
                token=token,
                remote_start=RemoteStartId(remote) if remote is not None else None,
                readings=(self._reading("Transaction.Begin"),),
                seq=self._next(),
            )
        )
        return answer

    async def meter(self, transaction: str, wh: int, *, evse: int | None = 1, **more: Any) -> d.SessionAnswer:
        """Deliver ``wh`` and report the register."""
        self.register += wh
        answer: d.SessionAnswer = await self.say(
            d.SessionUpdated(
                transaction=TransactionId(transaction),
                at=self._clock.now(),
                evse=EvseNumber(evse) if evse else None,
                readings=(self._reading("Sample.Periodic"),),
                seq=self._next(),
                state=d.ChargingState.CHARGING,
                **more,
            )
        )
        return answer

    async def end(self, transaction: str, wh: int = 0, *, reason: str = "Remote", **more: Any) -> d.SessionAnswer:
        """Deliver the last ``wh`` and report the end."""
        self.register += wh
        answer: d.SessionAnswer = await self.say(
            d.SessionEnded(
                transaction=TransactionId(transaction),
                at=self._clock.now(),
                readings=(self._reading("Transaction.End"),),
                reason=reason,
                seq=self._next(),
                **more,
            )
        )
        return answer

    def _reading(self, context: str) -> d.Reading:
        return d.Reading(at=self._clock.now(), energy=Wh(self.register), power=Watts(11_000), context=context)

    def _next(self) -> int:
        self.seq += 1
        return self.seq

    def _agree(self, order: d.Order[Any]) -> Any:
        match order:
            case d.StartCharging():
                return d.StartAnswer(accepted=True)
            case d.WebPaymentStarted() | d.WebPaymentFailed():
                return d.LockAnswer(d.LockOutcome.TAKEN)
            case d.Configure(settings=settings):
                for one in settings:
                    self.settings[one.variable, one.evse] = one.value
                return tuple(d.SettingResult(setting=one, status=d.SettingStatus.ACCEPTED) for one in settings)
            case d.ReadSettings(settings=settings):
                unknown = d.SettingStatus.UNKNOWN_VARIABLE
                return tuple(d.SettingResult(setting=one, status=unknown) for one in settings)
            case d.SendData():
                return d.DataAnswer(d.DataStatus.UNKNOWN_VENDOR)
            case d.RawCall():
                return d.RawAnswer({})
            case _:
                return d.Yes(accepted=True, status="Accepted")
