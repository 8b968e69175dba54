"""What a driver has said about one vehicle, as a table, and the dates that go with it (§6.1).

Rules of this file:

* The last change of the driver prevails. Everything that moves a status stands in ``TABLE``.
* A new vehicle is REVOKED until the driver accepts, unless he has opted in before it was known.
* GRANT: ``authorized`` is now, ``revoked`` is unset. It is now on *every* grant, not the first:
  as a grant unsets ``revoked``, the first date would make ``last_updated`` run backwards.
* REVOKE and DO_NOT_ASK: ``revoked`` is now, ``authorized`` stays. Without a date, a refusal to
  be asked would not move ``last_updated``, and who polls would never see it.
* DO_NOT_ASK is left by a grant alone: revoking what was never granted does not reopen the question.
* REPEAT, the same vehicle sent again for the same contract, changes nothing.
* Now is never before anything that the record says already, and always a millisecond after
  its last change: a clock that was set back, or two changes in one moment, lose no change.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from evouch.charging.vehicles import AutoChargeStatus, Vehicle
from evouch.ids import ContractId, PartyId, Vid

__all__ = ["TABLE", "ConsentEvent", "prevails", "register", "rehome", "step", "worth_binding"]


class ConsentEvent(StrEnum):
    """What can happen to a vehicle's record."""

    GRANT = "grant"
    REVOKE = "revoke"
    DO_NOT_ASK = "do not ask"
    REPEAT = "repeat"


_S, _E = AutoChargeStatus, ConsentEvent

TABLE: Final[Mapping[AutoChargeStatus, Mapping[ConsentEvent, AutoChargeStatus]]] = MappingProxyType({
    _S.REVOKED: {_E.GRANT: _S.GRANTED, _E.REVOKE: _S.REVOKED, _E.DO_NOT_ASK: _S.DO_NOT_ASK, _E.REPEAT: _S.REVOKED},
    _S.GRANTED: {_E.GRANT: _S.GRANTED, _E.REVOKE: _S.REVOKED, _E.DO_NOT_ASK: _S.DO_NOT_ASK, _E.REPEAT: _S.GRANTED},
    _S.DO_NOT_ASK: {
        _E.GRANT: _S.GRANTED, _E.REVOKE: _S.DO_NOT_ASK, _E.DO_NOT_ASK: _S.DO_NOT_ASK, _E.REPEAT: _S.DO_NOT_ASK,
    },
})  # fmt: skip

#: The smallest step of time that travels (OCPI DateTime has 25 characters).
_STEP: Final = timedelta(milliseconds=1)


def register(owner: PartyId, vid: Vid, contract: ContractId, at: datetime, *, opted_in: bool) -> Vehicle:
    """Return the record of a vehicle that was sent for the first time."""
    at = _cut(at)
    new = Vehicle(owner=owner, vid=vid, contract=contract, created=at)
    return replace(new, status=AutoChargeStatus.GRANTED, authorized=at) if opted_in else new


def step(vehicle: Vehicle, event: ConsentEvent, at: datetime) -> Vehicle:
    """Return the record after ``event``; the same one where it changes nothing."""
    status = TABLE[vehicle.status][event]
    if event is ConsentEvent.REPEAT:
        return vehicle
    now = _after(vehicle, at)
    if event is ConsentEvent.GRANT:
        return replace(vehicle, status=status, authorized=now, revoked=None)
    return replace(vehicle, status=status, revoked=now)


def rehome(vehicle: Vehicle, contract: ContractId, at: datetime) -> Vehicle:
    """Return the record of a vehicle that has changed hands, once its new driver has granted; ``created`` is kept."""
    return replace(step(vehicle, ConsentEvent.GRANT, at), contract=contract)


def prevails(received: Vehicle, stored: Vehicle | None) -> bool:
    """Return whether a record that was pushed or polled replaces what an operator has: an older one never does."""
    return stored is None or received.last_updated >= stored.last_updated


def worth_binding(known: Vehicle | None, contract: ContractId) -> bool:
    """Return whether an operator should send the eMSP this vehicle for this contract (POST vehicles).

    Not if the driver asked not to be asked (§6.1), nor if it is bound to this contract already.
    """
    if known is None or known.status is AutoChargeStatus.REVOKED:
        return True
    return known.granted and known.contract != contract


def _after(vehicle: Vehicle, at: datetime) -> datetime:
    return max(_cut(at), vehicle.last_updated + _STEP)


def _cut(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
