"""The two messages of ours about known vehicles, carried by DataTransfer. Not OCPP.

Vendor ``org.evouch``. On 2.x ``data`` is an object, on 1.6 a string that holds the same object.

- ``VehicleIdentified``, from stations of 1.6: which vehicle is plugged in, learnt during a
  charge. 2.x says it by NotifyEvent.
- ``AutochargeStart``, to stations of all versions: a known vehicle starts in so many seconds,
  for the driver to read. A station that knows neither vendor nor message loses a sentence on
  its display, and nothing else.

Specification: docs/specs/autocharge_ocpp.md; why there are such messages: docs/decisions/050.
"""

from collections.abc import Sequence
from typing import Any, Final

from evouch.charging.dialogue import AnnounceStart, DataStatus, VehicleIdentified, Yes
from evouch.charging.equipment import Wiring
from evouch.charging.macs import parse_mac
from evouch.errors import PeerRefused
from evouch.ids import EvseNumber, TransactionId
from evouch.ocpp import vehicles
from evouch.ocpp.extensions import AUTOCHARGE_START, VEHICLE_IDENTIFIED
from evouch.ocpp.schemas import content
from evouch.ocpp.translator import AnsweredAlready, Json
from evouch.ocpp.versions import V16
from evouch.wire import MalformedJson, decode

__all__ = ["IDENTIFIED", "START", "VENDOR", "done", "identified", "identified_data", "outcome", "start_data", "told"]

VENDOR: Final = VEHICLE_IDENTIFIED.vendor
IDENTIFIED: Final = VEHICLE_IDENTIFIED.message
START: Final = AUTOCHARGE_START.message

_ACCEPTED: Final = DataStatus.ACCEPTED.value
#: CALLERROR codes of a station that never heard of such a DataTransfer.
_UNKNOWN: Final = frozenset({"NotImplemented", "NotSupported"})


def _read(message: str, data: Any) -> Json:
    """Return the content of ``data``, which is an object or holds one. Raises AnsweredAlready where it does not fit."""
    try:
        found = decode(data) if isinstance(data, str) else data
    except MalformedJson:
        found = None
    if not content(message).is_valid(found):
        raise AnsweredAlready({"status": DataStatus.REJECTED.value})
    return found


# ── VehicleIdentified ───────────────────────────────────────────────────────────────────


def identified(wiring: Wiring, message: str | None, data: Any) -> VehicleIdentified:
    """Backend: return what a DataTransfer of our vendor says. Raises AnsweredAlready where it says nothing to us."""
    if message != IDENTIFIED:
        raise AnsweredAlready({"status": DataStatus.UNKNOWN_MESSAGE.value})
    found = _read(IDENTIFIED, data)
    number = found.get("transactionId", 0)
    return VehicleIdentified(
        mac=parse_mac(found["evccid"]),
        evse=wiring.evse_of(found["connectorId"]),
        connector=found["connectorId"],
        # as in MeterValues, a number below 1 is how some stations say that there is none
        transaction=TransactionId(str(number)) if number > 0 else None,
    )


def identified_data(fact: VehicleIdentified, connector: int, transaction: int | None) -> Json:
    """Station: return the content of VehicleIdentified."""
    about = {} if transaction is None else {"transactionId": transaction}
    return {"connectorId": connector, **about, "evccid": vehicles.spelled(fact.mac) if fact.mac else ""}


# ── AutochargeStart ─────────────────────────────────────────────────────────────────────


def start_data(order: AnnounceStart, connector: int | None = None) -> Json:
    """Backend: return the content of AutochargeStart; ``connector`` only where the version has no EVSE."""
    place = {} if connector is None else {"connectorId": connector}
    return {"evseId": int(order.evse), **place, "seconds": order.seconds}


def outcome(_wiring: Wiring, _order: AnnounceStart, answers: Sequence[Json | PeerRefused]) -> Yes | PeerRefused:
    """Backend: return whether the station shows it; what does not know the message does not."""
    first = answers[0]
    if isinstance(first, PeerRefused):
        return Yes(accepted=False, status=first.code) if first.code in _UNKNOWN else first
    return Yes(first["status"] == _ACCEPTED, first["status"])


def told(wiring: Wiring, message: str | None, data: Any) -> AnnounceStart:
    """Station: return the order in a DataTransfer of our vendor. Raises AnsweredAlready where there is none."""
    if message != START:
        raise AnsweredAlready({"status": DataStatus.UNKNOWN_MESSAGE.value})
    found = _read(START, data)
    connector = found.get("connectorId") if wiring.version == V16 else None
    wired = None if connector is None else wiring.evse_of(connector)
    evse = found.get("evseId", wired)
    if evse is None or (connector is not None and wired != evse):
        raise AnsweredAlready({"status": DataStatus.REJECTED.value})
    return AnnounceStart(evse=EvseNumber(evse), seconds=found["seconds"], connector=connector)


def done(_wiring: Wiring, _order: AnnounceStart, answer: Yes) -> Json:
    """Station: return the answer to AutochargeStart."""
    return {"status": _ACCEPTED if answer.accepted else DataStatus.REJECTED.value}
