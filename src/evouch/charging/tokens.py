"""Who asks for energy, and what the answer is."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from evouch.ids import Mac, PaymentId
from evouch.units import Money, Wh

__all__ = ["Allowed", "Authorization", "IdToken", "Limit", "TokenKind", "TokenStatus"]


class TokenKind(StrEnum):
    """What kind of identifier a token is; values as OCPP 2.1 spells them (appendix §6.3)."""

    CENTRAL = "Central"
    DIRECT_PAYMENT = "DirectPayment"
    EMAID = "eMAID"
    EVCCID = "EVCCID"
    ISO14443 = "ISO14443"
    ISO15693 = "ISO15693"
    KEY_CODE = "KeyCode"
    LOCAL = "Local"
    MAC_ADDRESS = "MacAddress"
    NO_AUTHORIZATION = "NoAuthorization"
    VIN = "VIN"
    #: 1.6 does not say, and 2.1 allows strings that nobody has listed.
    UNSAID = ""


_VEHICLES = frozenset({TokenKind.MAC_ADDRESS, TokenKind.EVCCID})


@dataclass(frozen=True, slots=True)
class IdToken:
    """An identifier as a station presents it. OCPP compares it without regard to case.

    That of a vehicle carries its address in ``mac`` and nothing in ``value``: what is kept of
    such a token is :attr:`bare`, or the VID that an eMSP made of the address.
    """

    value: str
    kind: TokenKind = TokenKind.UNSAID
    mac: Mac | None = field(default=None, repr=False)

    @property
    def vehicle(self) -> bool:
        """Whether a vehicle is named, readably or not; never looked up by its value."""
        return self.mac is not None or self.kind in _VEHICLES

    @property
    def bare(self) -> "IdToken":
        """The token without what must not be kept."""
        return IdToken("", self.kind) if self.vehicle else self

    @property
    def key(self) -> str:
        """The form that two spellings of one token share."""
        return self.value.casefold()


class TokenStatus(StrEnum):
    """The verdict on a token; values as OCPP 2.x spells them (AuthorizationStatusEnumType)."""

    ACCEPTED = "Accepted"
    BLOCKED = "Blocked"
    CONCURRENT_TX = "ConcurrentTx"
    EXPIRED = "Expired"
    INVALID = "Invalid"
    NO_CREDIT = "NoCredit"
    NOT_ALLOWED_TYPE_EVSE = "NotAllowedTypeEVSE"
    NOT_AT_THIS_LOCATION = "NotAtThisLocation"
    NOT_AT_THIS_TIME = "NotAtThisTime"
    UNKNOWN = "Unknown"


class Allowed(StrEnum):
    """The verdict of an eMSP on a token; values as OCPI spells them (AllowedType, a closed list)."""

    ALLOWED = "ALLOWED"
    BLOCKED = "BLOCKED"
    EXPIRED = "EXPIRED"
    NO_CREDIT = "NO_CREDIT"
    NOT_ALLOWED = "NOT_ALLOWED"


@dataclass(frozen=True, slots=True)
class Limit:
    """What a charge may not exceed; ``None`` is no limit. ``max_time`` is in seconds."""

    max_cost: Money | None = None
    max_energy: Wh | None = None
    max_time: int | None = None

    def __bool__(self) -> bool:
        return (self.max_cost, self.max_energy, self.max_time) != (None, None, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """The one answer that all roads to energy end in; only ``cpo.authorize`` makes an accepted one.

    ``reason`` is for the operator, never for the station. ``expires`` bounds how long a
    station may remember the answer.
    """

    status: TokenStatus
    reason: str = ""
    expires: datetime | None = None
    payment: PaymentId | None = None
    group: str | None = None
    #: the charge of a roaming partner's customer that this answer belongs to (``charging.roaming.RoamingCharge.id``)
    roaming: str | None = None
    #: how the token is remembered where it must not be kept as it came (vehicles)
    token: IdToken | None = None

    @property
    def accepted(self) -> bool:
        """Whether energy may flow."""
        return self.status is TokenStatus.ACCEPTED
