"""What kind of station a simulator plays: its hardware, its display, its firmware's oddities."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from evouch.charging.equipment import Evse, Wiring
from evouch.ids import EvseNumber, OcppVersion, Secret, StationId
from evouch.ocpp.manners import Habit, Manners
from evouch.station.prover import Prover
from evouch.units import Watts, Wh

__all__ = ["V16", "V21", "V201", "Autocharge", "Curve", "EvseSpec", "Quirk", "Screens", "StationSpec"]

V16: Final = OcppVersion("ocpp1.6")
V201: Final = OcppVersion("ocpp2.0.1")
V21: Final = OcppVersion("ocpp2.1")


#: What a station does with the address of a car: nothing, ask about it at plug-in, or report it while it charges.
Autocharge = Literal["off", "plug", "during"]


class Screens(StrEnum):
    """How many displays there are, which decides whom WebPaymentsCtrlr may be addressed to."""

    PER_EVSE = "one display per EVSE"
    SINGLE = "one display for the station"
    NONE = "no display"


class Quirk(StrEnum):
    """Oddities of firmware in the field. None of them may hurt a backend."""

    #: answers NotifyWebPaymentStarted and -Failed as something it never heard of
    NO_PAYMENT_NOTICE = "no payment notice"
    #: TransactionEvent Started names no EVSE
    STARTED_WITHOUT_EVSE = "started without evse"
    #: energy is sampled in kWh
    KWH = "kWh"
    #: sampled values name neither measurand nor unit
    BARE_SAMPLES = "bare samples"
    #: configuration of the QR code becomes effective only after a reboot
    REBOOT_REQUIRED = "reboot required"
    #: WebPaymentsCtrlr has no more than the five variables that 2.1 requires
    BARE_WEB = "bare WebPaymentsCtrlr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """How a car draws power: all it may until ``knee`` percent, then less and less.

    At 100 % it still takes ``tail`` of its full power, and then nothing.
    """

    power: Watts = Watts(22_000)
    capacity: Wh = Wh(60_000)
    soc: int = 40
    knee: int = 80
    tail: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseSpec:
    """One EVSE. ``register`` is what its meter shows when it is switched on: never zero in the field."""

    number: EvseNumber
    #: connectorIds: numbered per EVSE on 2.x, per station on 1.6
    connectors: tuple[int, ...] = (1,)
    curve: Curve = Curve()
    register: Wh = Wh(1_234_567)
    evse_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSpec:
    """One station. ``settings`` overrides defaults, ``Component.Variable`` (1.6: the key) → value."""

    id: StationId
    version: OcppVersion
    evses: tuple[EvseSpec, ...] = (EvseSpec(number=EvseNumber(1)),)
    vendor: str = "evouch"
    model: str = "Simulator"
    serial: str = ""
    firmware: str = "1.0"
    password: Secret | None = None
    #: currency that a driver types a maximum cost in
    currency: str = "EUR"
    screens: Screens = Screens.PER_EVSE
    #: http URLs to loopback pass as templates: for demos and tests on one machine
    loopback_http: bool = False
    quirks: frozenset[Quirk] = frozenset()
    #: seconds that the station thinks before it answers an order
    answer_delay: float = 0.0
    #: seconds between losing power and the first connection attempt after a reset
    reboot_seconds: float = 3.0
    #: seconds before it connects again, and as many more by chance; 2.x goes by its settings (part 4 §5.3)
    reconnect_seconds: float = 1.0
    settings: Mapping[str, str] = field(default_factory=dict)
    #: what it proves itself with when it is challenged (SignedChallenge); None: firmware that never heard of it
    prover: Prover | None = None
    #: what it answers to a challenge without a prover
    unknown: Habit = Habit.NOT_IMPLEMENTED
    #: goes on while Pending as if it were accepted
    ignores_pending: bool = False
    #: False: once accepted it says no BootNotification on a reconnect, as OCPP-J 1.6 §5.4 has it
    boots_on_reconnect: bool = True
    #: what it does with the address of a car that has one
    autocharge: Autocharge = "off"
    #: seconds that its clock is wrong by, whatever the backend says
    clock_offset: float = 0.0

    @property
    def modern(self) -> bool:
        """Whether it speaks 2.x."""
        return self.version != V16

    def manners(self) -> Manners:
        """Return what its connection knows beside OCPP, and what it answers to what it does not know."""
        return Manners(extensions=self.prover is not None, unknown=self.unknown)

    def wiring(self) -> Wiring:
        """Return the table EVSE → connectors that its translator needs."""
        known = {
            spec.number: Evse(
                number=spec.number, connectors=spec.connectors, max_power=spec.curve.power, evse_id=spec.evse_id
            )
            for spec in self.evses
        }
        shows_cost = self.settings.get("CustomDisplayCostAndPrice", "").casefold() == "true"
        return Wiring(self.version, known, currency=self.currency, cost_messages=shows_cost)
