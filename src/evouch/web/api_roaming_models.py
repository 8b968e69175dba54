"""What the operator API gives of roaming, as wire names."""

from msgspec import Struct

from evouch.charging.roaming import Binding, ChargeState
from evouch.charging.vehicles import AutoChargeStatus
from evouch.web.api_texts import Time

__all__ = ["ChargeInfo", "ChargeList", "VehicleInfo", "VehicleList"]


class ChargeInfo(Struct, frozen=True):
    """A charge of a partner's customer. ``id`` is that of the Session; ``vehicle`` a VID, never an address."""

    id: str
    partner: str
    owner: str
    state: ChargeState
    station: str
    #: None while several qualify
    evse: int | None
    transaction: str | None
    token: str
    token_type: str
    contract: str
    method: str
    reference: str | None
    vehicle: str | None
    binding: Binding
    at: Time
    starts_at: Time | None
    expires: Time


class ChargeList(Struct, frozen=True):
    """Charges, newest first."""

    charges: list[ChargeInfo]


class VehicleInfo(Struct, frozen=True):
    """A vehicle that an eMSP told us of, by the hash that only this eMSP has for it."""

    owner: str
    vehicle: str
    contract: str
    status: AutoChargeStatus
    created: Time
    authorized: Time | None
    revoked: Time | None


class VehicleList(Struct, frozen=True):
    """Vehicles, latest change first, and how many there are in all."""

    vehicles: list[VehicleInfo]
    total: int
