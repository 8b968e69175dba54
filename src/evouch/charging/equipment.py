"""Stations, their EVSEs and connectors."""

from dataclasses import dataclass, field
from enum import StrEnum

from evouch.ids import EvseNumber, OcppVersion, StationId
from evouch.units import Watts

__all__ = ["ConnectorStatus", "Evse", "EvsePlace", "Place", "Wiring"]


class ConnectorStatus(StrEnum):
    """State of a connector: the nine of OCPP 1.6; 2.x reports five, of which ``Occupied`` is its own."""

    AVAILABLE = "Available"
    OCCUPIED = "Occupied"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


@dataclass(frozen=True, slots=True)
class EvsePlace:
    """One EVSE of one station: what a code, a lock and a payment belong to."""

    station: StationId
    evse: EvseNumber

    def __str__(self) -> str:
        return f"{self.station}/{self.evse}"


#: Short name, for signatures.
Place = EvsePlace


@dataclass(frozen=True, slots=True, kw_only=True)
class Evse:
    """What an operator knows of an EVSE before any station speaks."""

    number: EvseNumber
    #: connectorIds: numbered per EVSE on 2.x, per station on 1.6.
    connectors: tuple[int, ...] = (1,)
    max_power: Watts = Watts(22_000)
    evse_id: str = ""


@dataclass(frozen=True, slots=True)
class Wiring:
    """Which connectors belong to which EVSE: on 1.6 the only place where an EVSE exists."""

    version: OcppVersion
    evses: dict[EvseNumber, Evse] = field(default_factory=dict)
    #: what amounts on the wire are in: OCPP sends numbers only. XXX is ISO 4217 for "no currency".
    currency: str = "XXX"
    #: whether the station shows the OCA cost messages (1.6 key ``CustomDisplayCostAndPrice``)
    cost_messages: bool = False

    def evse_of(self, connector: int) -> EvseNumber | None:
        """Return the EVSE that a 1.6 connectorId belongs to; 1:1 where nothing else was said."""
        for number, evse in self.evses.items():
            if connector in evse.connectors:
                return number
        return EvseNumber(connector) if connector > 0 and not self.evses else None

    def connector_of(self, evse: EvseNumber) -> int:
        """Return the first connectorId of an EVSE: the one that a remote start names."""
        known = self.evses.get(evse)
        if known and known.connectors:
            return known.connectors[0]
        return int(evse) if self.version == "ocpp1.6" else 1
