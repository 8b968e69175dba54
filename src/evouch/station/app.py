"""The simulator: a station put together, and what its driver and its backend can make it do.

It runs on any connection that it is given and waits on nothing but its clock, so the same
object plays stories on a manual clock with a wire in memory, and demos on sockets.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from evouch.charging.dialogue import BootStatus, ConnectorChanged, Fact, Noted, SessionAnswer, SessionStarted
from evouch.charging.equipment import ConnectorStatus
from evouch.charging.tokens import IdToken, Limit, TokenKind
from evouch.clock import Clock, Entropy, Tick
from evouch.ids import EvseNumber, Mac, TransactionId
from evouch.station import orders
from evouch.station.bay import Bay
from evouch.station.configuration import Configuration
from evouch.station.display import REFUSED, Scene, Screen, screen
from evouch.station.machine import Cause, Event, Signal
from evouch.station.proving import Proving
from evouch.station.queue import Entry, Queue
from evouch.station.spec import StationSpec
from evouch.station.timers import StationTime, Timers
from evouch.station.uplink import Connect, Ears, Line, Uplink
from evouch.station.world import World

__all__ = ["Connect", "Line", "Simulator"]

#: How long a reset waits for queued messages to be taken, in seconds.
FLUSH_SECONDS: Final = 5.0


class Simulator:
    """One simulated station. :meth:`run` is its power switch."""

    def __init__(self, spec: StationSpec, *, connect: Connect, clock: Clock, entropy: Entropy) -> None:
        self.spec = spec
        self.clock = clock
        self.time = StationTime(clock, spec.clock_offset)
        self.configuration = Configuration(spec)
        #: how it answers a challenge; None: it never heard of one
        self.proving = Proving(spec.id, spec.prover, clock, self.time) if spec.prover else None
        self.timers = Timers(clock)
        self._news = asyncio.Event()
        self._idle_restart = False
        ears = Ears(
            order=partial(orders.obey, self), accepted=self._report, answered=self._answered,
            put_aside=self._put_aside, lost=self._lost, changed=self.changed,
        )  # fmt: skip
        self.uplink = Uplink(
            spec, connect=connect, clock=clock, entropy=entropy, timers=self.timers, time=self.time,
            configuration=self.configuration, ears=ears,
        )  # fmt: skip
        world = World(
            spec=spec, clock=clock, entropy=entropy, timers=self.timers, time=self.time,
            configuration=self.configuration, online=lambda: self.online, tell=self.tell, book=self.uplink.book,
            ask=self.uplink.say, name=self.queue.name, changed=self.changed, reservation_over=self.reservation_over,
        )  # fmt: skip
        self.bays: Mapping[EvseNumber, Bay] = {evse.number: Bay(evse, world) for evse in spec.evses}

    async def run(self) -> None:
        """Be a station until cancelled."""
        try:
            await self.uplink.run()
        finally:
            await self.timers.close()

    # ── the backend ─────────────────────────────────────────────────────────────────────

    @property
    def online(self) -> bool:
        """Whether the backend is connected, has accepted this station and still answers."""
        return self.uplink.online

    @property
    def accepted(self) -> bool:
        """Whether the backend has accepted the boot on this connection."""
        return self.uplink.accepted

    @property
    def queue(self) -> Queue:
        """Transaction messages that have not been delivered."""
        return self.uplink.queue

    def tell(self, fact: Fact[Any], *, asked: bool = False) -> None:
        """Say what is worth nothing later; before the boot is accepted only what the backend ``asked`` for."""
        self.uplink.tell(fact, asked=asked)

    def _report(self) -> None:
        """Say the status of everything, as after each accepted boot."""
        self.report_whole()
        for bay in self.bays.values():
            for fact in bay.report():
                self.tell(fact)
            bay.car.report()

    def report_whole(self) -> None:
        """Say the status of the station itself: connector 0 of 1.6 (§4.9); 2.x has none."""
        if not self.spec.modern:
            usable = any(bay.state.operative for bay in self.bays.values())
            status = ConnectorStatus.AVAILABLE if usable else ConnectorStatus.UNAVAILABLE
            self.tell(ConnectorChanged(evse=EvseNumber(0), connector=0, status=status, at=self.time.now()))

    def _answered(self, handle: TransactionId, answer: SessionAnswer) -> None:
        for bay in self.bays.values():
            bay.answered(handle, answer)

    def _put_aside(self, entry: Entry) -> None:
        """A start that the backend never took must not become a charge that nobody pays for."""
        if isinstance(entry.fact, SessionStarted):
            for bay in self.bays.values():
                if bay.charge is not None and bay.charge.handle == entry.handle:
                    bay.deauthorised()

    def _lost(self) -> None:
        for bay in self.bays.values():
            bay.nobody_answers()
        self.changed()

    def soon(self, act: Callable[[], None]) -> None:
        """Do something right after the answer to the order at hand has gone out."""

        async def later() -> None:
            act()

        self.timers.spawn(later())

    def use_password(self) -> None:
        """Prove ourselves with the password that was just set, on a new connection, at once (2.x A01)."""
        self.soon(self.uplink.break_off)

    def restart_when_idle(self) -> None:
        """Restart as soon as no charge runs (2.x OnIdle)."""
        self._idle_restart = True

    def _restart_if_idle(self) -> None:
        if self._idle_restart and not any(bay.state.busy for bay in self.bays.values()):
            self._idle_restart = False
            self.restart(Cause.SOFT_RESET, "ScheduledReset")

    def restart(self, cause: Cause, reason: str = "RemoteReset") -> None:
        """End all charges, say so, and boot anew."""
        self.timers.spawn(self._restart(cause, reason))

    async def _restart(self, cause: Cause, reason: str) -> None:
        for bay in self.bays.values():
            bay.stop(cause)
        latest = Tick(self.clock.tick() + FLUSH_SECONDS)
        while len(self.queue) and self.online and self.clock.tick() < latest:
            await self.clock.sleep_until(Tick(self.clock.tick() + 0.1))
        self._boot_anew(reason)

    def _boot_anew(self, reason: str) -> None:
        self.configuration.reboot()
        self.time.lose()
        for bay in self.bays.values():
            bay.reboot()
        self.uplink.reset(reason)

    def forget_reservation_at(self, id: int, expires: datetime) -> None:
        """Let a reservation end by itself."""
        seconds = (expires - self.time.now()).total_seconds()
        due = Tick(self.clock.tick() + max(0.0, seconds))
        self.timers.set(f"reservation {id}", due, partial(self._expire_reservation, id))

    def _expire_reservation(self, id: int) -> None:
        if self.forget_reservation(id):
            self.reservation_over(id, "Expired")

    def reservation_over(self, id: int, status: str) -> None:
        """Say that a reservation ended by itself (ReservationStatusUpdate; on 1.6 the connector status says it)."""
        self.timers.clear(f"reservation {id}")
        if self.spec.modern:
            payload = {"reservationId": id, "reservationUpdateStatus": status}
            self.tell(Noted(action="ReservationStatusUpdate", payload=payload))

    def forget_reservation(self, id: int) -> bool:
        """End a reservation; return whether there was one."""
        self.timers.clear(f"reservation {id}")
        reserved = [bay for bay in self.bays.values() if bay.reserved == id]
        for bay in reserved:
            bay.happen(Event(signal=Signal.UNRESERVE))
        return bool(reserved)

    async def go_offline(self) -> None:
        """Lose the network until :meth:`come_online`."""
        await self.uplink.go_offline()

    def come_online(self) -> None:
        """Have a network again."""
        self.uplink.come_online()

    # ── the driver in front of it ───────────────────────────────────────────────────────

    async def plug(self, evse: int, connector: int | None = None, *, vehicle: Mac | None = None) -> None:
        """Plug a cable in; ``vehicle`` is the address of the car behind it, which the station may ask about."""
        bay = self._bay(evse)
        bay.plug(connector, vehicle)
        if not self._no_cards():
            bay.car.ask()

    async def unplug(self, evse: int) -> None:
        """Pull the cable."""
        self._bay(evse).unplug()

    async def swipe(self, evse: int, token: str) -> None:
        """Hold a card before the reader."""
        bay = self._bay(evse)
        if not bay.state.busy and (why := self._no_cards()):
            bay.show(why)
        else:
            bay.swipe(IdToken(token, TokenKind.ISO14443))

    def _no_cards(self) -> str:
        """Return why no card can begin a charge, empty where one can."""
        if self.uplink.registration is BootStatus.REJECTED:
            return REFUSED
        if self.accepted or self.configuration.start_offline:
            return ""
        return "Cards cannot be checked right now: this charging point has no connection."

    async def stop(self, evse: int) -> None:
        """Press the stop button."""
        self._bay(evse).stop(Cause.LOCAL)

    async def wish(self, evse: int, limit: Limit) -> None:
        """Type in limits at the display, before scanning. What the station does not offer is refused (ValueError)."""
        web = self.configuration.web(EvseNumber(evse))
        offered = web.parameters if web else ()
        typed = {"maxtime": limit.max_time, "maxenergy": limit.max_energy, "maxcost": limit.max_cost}
        for name, value in typed.items():
            if value is not None and name not in offered:
                raise ValueError(f"this station does not offer {name}")
        self._bay(evse).wish(limit)

    async def fault(self, evse: int, code: str = "OtherError") -> None:
        """Break something; ``code`` as 1.6 ChargePointErrorCode."""
        self._bay(evse).happen(Event(signal=Signal.FAULT, code=code))

    async def clear_fault(self, evse: int) -> None:
        """Repair it."""
        self._bay(evse).happen(Event(signal=Signal.CLEAR))

    async def pause(self, evse: int, *, by_car: bool) -> None:
        """Interrupt the flow of energy: the car takes nothing for a while, or the station gives nothing."""
        self._bay(evse).happen(Event(signal=Signal.PAUSE_EV if by_car else Signal.PAUSE_EVSE))

    async def resume(self, evse: int) -> None:
        """Let energy flow again."""
        self._bay(evse).happen(Event(signal=Signal.RESUME))

    async def black_out(self) -> None:
        """Lose power for as long as a reboot takes. Charges end; that they did is told after the boot."""
        await self.uplink.go_offline()
        for bay in self.bays.values():
            bay.stop(Cause.POWER_LOSS)
        self._boot_anew("PowerUp")
        self.uplink.come_online()

    def _bay(self, evse: int) -> Bay:
        try:
            return self.bays[EvseNumber(evse)]
        except KeyError:
            raise ValueError(f"{self.spec.id} has no EVSE {evse}") from None

    # ── the display ─────────────────────────────────────────────────────────────────────

    def screen(self, evse: int) -> Screen:
        """Return what the display of ``evse`` shows now."""
        bay = self._bay(evse)
        tick = self.clock.tick()
        scene = Scene(
            station=self.spec.id, state=bay.state, web=self.configuration.web(bay.spec.number), now=self.time.now(),
            synced=self.time.synced, online=self.online, registration=self.uplink.registration,
            message=bay.message, wishes=bay.wishes,
            lock_seconds=bay.lock.until - tick if bay.lock and bay.locked else 0.0,
            announced=bay.car.countdown(tick), charge=bay.summary(tick),
        )  # fmt: skip
        return screen(scene)

    def changed(self) -> None:
        """Wake whoever watches a display; restart where that waited for the last charge to end."""
        self._restart_if_idle()
        self._news.set()
        self._news = asyncio.Event()

    async def watch(self) -> None:
        """Return when a display may have changed: something happened, or a second of the station's time is full."""
        news = self._news
        fraction = self.time.now().microsecond / 1_000_000
        second = asyncio.ensure_future(self.clock.sleep_until(Tick(self.clock.tick() + 1 - fraction)))
        waiting = asyncio.ensure_future(news.wait())
        try:
            await asyncio.wait((second, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            second.cancel()
            waiting.cancel()
