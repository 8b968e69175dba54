"""Who asks for energy, and what the answer is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from evouch.ids import PaymentId
from evouch.units import Money, Wh

__all__ = ["Authorization", "IdToken", "Limit", "TokenKind", "TokenStatus"]


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


@dataclass(frozen=True, slots=True)
class IdToken:
    """An identifier as a station presents it. OCPP compares it without regard to case."""

    value: str
    kind: TokenKind = TokenKind.UNSAID

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

    @property
    def accepted(self) -> bool:
        """Whether energy may flow."""
        return self.status is TokenStatus.ACCEPTED
