"""Vehicles as operators and eMSPs speak of them: by the hash of an address, never by the address.

Source: "Autocharge Roaming" 0.1 §6.1 (Vehicle object). The rules by which its dates and its
status move are a table in ``autocharge.consent``.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from evouch.ids import ContractId, PartyId, Vid

__all__ = ["AutoChargeStatus", "Vehicle"]


class AutoChargeStatus(StrEnum):
    """What the driver has said about automatic charging (§6.1, AutoChargeStatus)."""

    GRANTED = "AUTO_CHARGE_GRANTED"
    REVOKED = "AUTO_CHARGE_REVOKED"
    DO_NOT_ASK = "AUTO_CHARGE_DO_NOT_ASK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """A vehicle at one eMSP. ``owner`` and ``vid`` together are its key: each eMSP has another VID of the same car."""

    owner: PartyId
    vid: Vid
    contract: ContractId
    status: AutoChargeStatus = AutoChargeStatus.REVOKED
    #: when an operator first sent the VID to the eMSP
    created: datetime
    #: when the driver last granted; kept when he revokes
    authorized: datetime | None = None
    #: when the driver last revoked, or asked not to be asked; unset by a grant
    revoked: datetime | None = None

    @property
    def last_updated(self) -> datetime:
        """The greatest of the three dates (§6.1): lists are paged by it."""
        return max(moment for moment in (self.created, self.authorized, self.revoked) if moment is not None)

    @property
    def granted(self) -> bool:
        """Whether the driver wants it to start by itself. That alone starts nothing (§4.6)."""
        return self.status is AutoChargeStatus.GRANTED
