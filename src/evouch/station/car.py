"""The car at one EVSE, as far as it says who it is, and what its driver is told of that.

Rules of this file:

- A car's address is known here while its cable is in, and forgotten when it is pulled. A
  charge that it started keeps it as its token, for the messages that repeat it.
- ``plug``: the station asks about the car once, when it is plugged into a free EVSE. Nothing
  waits for the answer: a card, a code or a remote start may come first, and then counts.
  What is not accepted changes nothing, and the driver reads nothing of it.
- ``during``: the station learns who the car is while it charges, and says so.
- AutochargeStart is a sentence with a countdown on the display. It ends with a start, a pulled
  cable, a payment by phone, a reboot, with its time, or when the backend takes it back.

Source: "Autocharge Roaming" 0.1 §5.1.1 and §5.1.2; docs/specs/autocharge_ocpp.md.
"""

from typing import TYPE_CHECKING, Final

from evouch.charging.dialogue import AnnounceStart, TokenPresented, VehicleIdentified, Yes
from evouch.charging.tokens import Authorization, IdToken, TokenKind
from evouch.clock import Tick
from evouch.ids import Mac
from evouch.station.machine import ENERGISED, Event, EvseState, Phase, Signal
from evouch.station.world import World

if TYPE_CHECKING:
    from evouch.station.bay import Bay

__all__ = ["Car"]

#: How long after the first energy a station knows which car it charges, in seconds: ISO 15118 and DIN 70121 say it
#: while the session is set up, and firmware reports it a moment later.
IDENTIFY_SECONDS: Final = 2.0

_ACCEPTED: Final = Yes(accepted=True, status="Accepted")
_REJECTED: Final = Yes(accepted=False, status="Rejected")


class Car:
    """What is known of the car that is plugged in at one EVSE."""

    def __init__(self, bay: "Bay", world: World) -> None:
        #: its address, where it has one that the station can read
        self.vehicle: Mac | None = None
        self._starts: Tick | None = None
        self._bay = bay
        self._world = world

    def leave(self) -> None:
        """Forget it: the cable was pulled."""
        self.vehicle = None

    # ── asking about it ─────────────────────────────────────────────────────────────────

    def ask(self) -> None:
        """Ask the backend about the car that was just plugged in, where this station does so at all."""
        wanted = self._world.spec.autocharge == "plug" and self._bay.state.phase is Phase.OCCUPIED
        if wanted and self.vehicle is not None and not self._bay.locked:
            self._world.timers.spawn(self._ask(self.vehicle))

    async def _ask(self, vehicle: Mac) -> None:
        token = IdToken("", TokenKind.MAC_ADDRESS, vehicle)
        answer = await self._world.ask(TokenPresented(token=token)) if self._world.online() else None
        free = self._bay.state.phase is Phase.OCCUPIED and not self._bay.locked
        if free and self.vehicle is vehicle and self._granted(answer):
            self._bay.happen(Event(signal=Signal.GRANTED, token=token))

    def _granted(self, answer: object) -> bool:
        if isinstance(answer, Authorization):
            return answer.accepted
        return self._world.configuration.start_offline

    # ── reporting it ────────────────────────────────────────────────────────────────────

    def report(self) -> None:
        """Say which car charges here, where this station says so during a charge."""
        state, charge = self._bay.state, self._bay.charge
        if self._world.spec.autocharge != "during" or self.vehicle is None or state.phase not in ENERGISED:
            return
        known = self._world.name(charge.handle) if charge is not None and charge.handle is not None else None
        self._world.tell(
            VehicleIdentified(
                mac=self.vehicle,
                evse=state.number,
                connector=state.cable,
                transaction=known,
                at=self._world.time.now(),
            )
        )

    # ── announcing its start ────────────────────────────────────────────────────────────

    def announce(self, order: AnnounceStart) -> Yes:
        """Tell the driver that charging starts in a while; 0 seconds take it back."""
        if order.connector is not None and order.connector not in self._bay.spec.connectors:
            return _REJECTED
        if order.seconds > 0 and (self._bay.state.busy or self._bay.state.cable is None or self._bay.locked):
            return _REJECTED
        self._announced(Tick(self._world.clock.tick() + order.seconds) if order.seconds > 0 else None)
        return _ACCEPTED

    def silence(self) -> None:
        """Take the announcement off the display."""
        if self._starts is not None:
            self._announced(None)

    def countdown(self, at: Tick) -> float:
        """Return in how many seconds the announced start is; 0 where there is none."""
        return max(0.0, self._starts - at) if self._starts is not None else 0.0

    def _announced(self, starts: Tick | None) -> None:
        self._starts = starts
        self._world.timers.set(f"{self._bay.spec.number}/announced", starts, self.silence)
        self._world.changed()

    # ── what happens at the EVSE ────────────────────────────────────────────────────────

    def follow(self, before: EvseState, after: EvseState) -> None:
        """Take a step of the table: an announcement ends with a start and with the cable."""
        if after.busy or after.cable is None:
            self.silence()
        begins = before.phase is Phase.STARTING or before.cable is None
        if begins and after.phase is Phase.CHARGING and self.vehicle is not None:
            due = Tick(self._world.clock.tick() + IDENTIFY_SECONDS)
            self._world.timers.set(f"{self._bay.spec.number}/identify", due, self.report)
