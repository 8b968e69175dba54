"""A station reduced to what it says and answers, in the neutral dialogue: no OCPP, no socket.

For tests of an operator's rules. ``answers`` maps an order's type to the answer, or to a
function of the order; what is not in it gets the answer of a station that agrees.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from evouch.charging import dialogue as d
from evouch.charging.equipment import ConnectorStatus
from evouch.charging.tokens import Authorization, IdToken, TokenKind
from evouch.clock import Clock, Tick
from evouch.errors import Offline, PeerRefused
from evouch.ids import EvseNumber, Mac, OcppVersion, RemoteStartId, StationId, TransactionId
from evouch.units import Watts, Wh

__all__ = ["PlainLink", "PlainStation", "PlainStations"]


#: How a station comes in that brings nothing but its name.
_PLAIN: Final = d.Entrance(address="192.0.2.1")

#: The action that says a fact on 1.6, and on 2.x where that is another.
_ACTIONS: Final[dict[type[d.Fact[Any]], tuple[str, str]]] = {
    d.Booted: ("BootNotification", "BootNotification"),
    d.StillThere: ("Heartbeat", "Heartbeat"),
    d.ConnectorChanged: ("StatusNotification", "StatusNotification"),
    d.TokenPresented: ("Authorize", "Authorize"),
    d.SessionStarted: ("StartTransaction", "TransactionEvent"),
    d.SessionUpdated: ("MeterValues", "TransactionEvent"),
    d.SessionEnded: ("StopTransaction", "TransactionEvent"),
    d.MeterSampled: ("MeterValues", "MeterValues"),
    d.DataReceived: ("DataTransfer", "DataTransfer"),
    d.VehicleIdentified: ("DataTransfer", "NotifyEvent"),
    d.SettingsReported: ("NotifyReport", "NotifyReport"),
}


class PlainLink:
    """A connection without a wire: what is ordered on it, the station obeys, whichever connection is its newest."""

    def __init__(
        self, station: "PlainStation", connection: str, entrance: d.Entrance, *, candidate: bool = False
    ) -> None:
        self.station, self.version, self.connection = station.id, station.version, connection
        self.entrance = entrance
        self.candidate = candidate
        self.allowed: frozenset[str] | None = None
        self.proven = False
        self.open = True
        #: why the backend closed it
        self.ended = ""
        self._station = station
        self._refused: Callable[[str], None] | None = None

    async def call(self, order: d.Order[Any], *, by: Tick) -> Any:
        """Hand the order to the station."""
        return await self._station.obey(order) if self.open else Offline(self.ended or "hung up")

    def allow(
        self,
        actions: frozenset[str] | None,
        *,
        proven: bool = False,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        """Refuse other actions, as the real gate does."""
        self.allowed, self.proven, self._refused = actions, proven, refused

    def refuses(self, fact: d.Fact[Any]) -> bool:
        """Tell whether the gate keeps a fact out, and tell the backend if it does."""
        action = _action(fact, self.version)
        if self.allowed is None or action in self.allowed or isinstance(fact, d.StillThere):
            return False
        if self._refused is not None:
            self._refused(action)
        return True


def _action(fact: d.Fact[Any], version: OcppVersion) -> str:
    if isinstance(fact, d.Noted):
        return fact.action
    return _ACTIONS[type(fact)][version != "ocpp1.6"]


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

    def promote(self, link: d.Link) -> bool:
        """Make a connection the station's, and close the one that was."""
        here = self.connected.get(link.station)
        return here is not None and here.promoted(link.connection)

    def hang_up(self, link: d.Link, reason: str, code: int = 1008) -> bool:
        """Close this one connection; False where it is gone."""
        here = self.connected.get(link.station)
        return here is not None and here.cut(link.connection, reason)


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
        #: the station's connection, which orders go to
        self.link: PlainLink
        #: all connections in this station's name, oldest first
        self.links: list[PlainLink] = []

    # ── the connection ──

    def knock(self, entrance: d.Entrance = _PLAIN) -> PlainLink:
        """Open one more connection in this station's name; beside one that is defended it is a candidate."""
        self._connections += 1
        old = self.link if self.links else None
        waits = old is not None and (old.allowed is not None or self._backend.defends(old))
        link = PlainLink(self, f"{self.id}#{self._connections}", entrance, candidate=waits)
        if old is not None and not waits:
            self.cut(old.connection, "replaced")
        self.links.append(link)
        if not waits:
            self.link = link
        self._stations.connected[self.id] = self
        self._backend.joined(link)
        return link

    async def arrive(self, *, boot: bool = True, entrance: d.Entrance = _PLAIN) -> d.BootAnswer | None:
        """Connect, and boot unless told otherwise."""
        self.knock(entrance)
        if not boot:
            return None
        answer: d.BootAnswer = await self.say(d.Booted(vendor="Plain", model="P1"))
        if answer.status is d.BootStatus.ACCEPTED:
            await self.status(ConnectorStatus.AVAILABLE)
        return answer

    def leave(self) -> None:
        """Lose the connection."""
        self.cut(self.link.connection, "hung up")

    def cut(self, connection: str, reason: str) -> bool:
        """End one connection; if it was the station's, the oldest candidate becomes that."""
        link = next((each for each in self.links if each.connection == connection), None)
        if link is None:
            return False
        self.links.remove(link)
        link.open, link.ended = False, reason
        if not self.links:
            self._stations.connected.pop(self.id, None)
        elif link is self.link:
            self.link = self.links[0]
            self.link.candidate = False
        self._backend.left(link)
        return True

    def promoted(self, connection: str) -> bool:
        """Make one connection the station's."""
        link = next((each for each in self.links if each.connection == connection), None)
        if link is None:
            return False
        if link is not self.link:
            old = self.link
            self.link, link.candidate = link, False
            self.cut(old.connection, "replaced")
        return True

    async def say(self, fact: d.Fact[Any], over: PlainLink | None = None) -> Any:
        """Say a fact, over the station's connection or another, and return the backend's answer."""
        link = over or self.link
        if link.refuses(fact):
            return PeerRefused("SecurityError")
        evidence = d.Evidence(frame=b"", received_at=self._clock.now(), connection=link.connection, proven=link.proven)
        answer = self._backend.hear(link, fact, evidence)
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

    async def present(self, token: IdToken | Mac) -> Authorization:
        """Ask about a token, or about a vehicle at plug-in."""
        asked = IdToken("", TokenKind.MAC_ADDRESS, token) if isinstance(token, Mac) else token
        answer: Authorization = await self.say(d.TokenPresented(token=asked))
        return answer

    async def identify(self, vehicle: Mac | None, *, transaction: str | None = None, evse: int | None = 1) -> None:
        """Report which vehicle is plugged in."""
        await self.say(
            d.VehicleIdentified(
                mac=vehicle,
                evse=EvseNumber(evse) if evse else None,
                connector=1,
                transaction=TransactionId(transaction) if transaction else None,
                at=self._clock.now(),
            )
        )

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
