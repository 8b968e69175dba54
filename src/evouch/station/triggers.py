"""TriggerMessage: what a station says because the backend asked for it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from evouch.charging.dialogue import BootStatus, MeterSampled, Trigger, Yes
from evouch.ids import EvseNumber
from evouch.station.bay import Bay

if TYPE_CHECKING:
    from evouch.station.app import Simulator

__all__ = ["addressed", "trigger"]

ACCEPTED: Final = Yes(accepted=True, status="Accepted")
REJECTED: Final = Yes(accepted=False, status="Rejected")


def trigger(station: "Simulator", order: Trigger) -> Yes:
    """Do what a TriggerMessage asks for; return whether that is possible."""
    bays = addressed(station, order.evse)
    if order.message == "StatusNotification":
        return _trigger_status(station, order, bays)
    triggered = _TRIGGERS.get(order.message)
    if triggered is None:
        return Yes(accepted=False, status="NotImplemented")
    return ACCEPTED if bays and triggered(station, bays) else REJECTED


def _trigger_boot(station: "Simulator", bays: list[Bay]) -> bool:
    # 2.x F06.FR.17: an accepted station does not boot once more
    del bays
    if station.spec.modern and station.uplink.registration is BootStatus.ACCEPTED:
        return False
    station.uplink.boot()
    return True


def _trigger_heartbeat(station: "Simulator", bays: list[Bay]) -> bool:
    del bays
    station.uplink.beat()
    return True


def _trigger_status(station: "Simulator", order: Trigger, bays: list[Bay]) -> Yes:
    """Say the status of a connector. 2.x wants it named (F06.FR.12); on 1.6 all are meant where none is."""
    if station.spec.modern and not (order.evse and order.connector):
        return REJECTED
    facts = [fact for bay in bays for fact in bay.report(order.connector)]
    for fact in facts:
        station.tell(fact, asked=True)
    return ACCEPTED if facts else REJECTED


def _trigger_event(station: "Simulator", bays: list[Bay]) -> bool:
    if all(bay.state.session is None for bay in bays):
        return False
    station.soon(lambda: _sample(bays))
    return True


def _trigger_values(station: "Simulator", bays: list[Bay]) -> bool:
    station.soon(lambda: _meter_values(station, bays))
    return True


#: TriggerMessage, by MessageTrigger of either family.
_TRIGGERS: Final[Mapping[str, Callable[["Simulator", list[Bay]], bool]]] = {
    "BootNotification": _trigger_boot,
    "Heartbeat": _trigger_heartbeat,
    "MeterValues": _trigger_values,
    "TransactionEvent": _trigger_event,
}


def _sample(bays: list[Bay]) -> None:
    for bay in bays:
        bay.sample("Trigger")


def _meter_values(station: "Simulator", bays: list[Bay]) -> None:
    """Say readings: within the transaction on 1.6, on 2.x always apart from it (F06)."""
    for bay in bays:
        if station.spec.modern or not bay.sample("Trigger"):
            reading = bay.meter.reading(station.clock.tick(), station.time.now())
            readings = (replace(reading, context="Trigger", soc=None),)
            station.tell(MeterSampled(evse=bay.spec.number, readings=readings), asked=True)


def addressed(station: "Simulator", evse: EvseNumber | None) -> list[Bay]:
    """Return the bays that are meant: all of them where none is named."""
    if not evse:
        return list(station.bays.values())
    return [station.bays[evse]] if evse in station.bays else []
