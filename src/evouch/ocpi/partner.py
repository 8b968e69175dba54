"""A partner as we know it: who it is, what it speaks, and the tokens between us."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from evouch.ids import PartyId, Secret

__all__ = ["V221", "V230", "Endpoint", "Partner", "PartnerState", "PartnerSync", "Quirks", "Role"]

V221: Final = "2.2.1"
V230: Final = "2.3.0"


class Role(StrEnum):
    """Market roles that this package plays (credentials, Role)."""

    CPO = "CPO"
    EMSP = "EMSP"


class PartnerState(StrEnum):
    """Where the registration stands; the table is in ``ocpi.credentials``."""

    #: we made a registration token and wait for the partner to call
    INVITED = "invited"
    #: we have the partner's registration token and have not called yet
    KNOWN = "known"
    REGISTERED = "registered"
    #: one side ended it; its objects stay
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where one module of the partner is. ``interface`` is SENDER or RECEIVER, empty where it did not say."""

    module: str
    interface: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """What one partner needs to be spoken to otherwise than the specification says."""

    #: send the token as it is, not in base64 (OCPI 2.1.1 and many of 2.2)
    plain_token: bool = False
    #: blinded elements in the uncompressed form (65 octets)
    uncompressed: bool = False
    #: say INVALID for a revoked vehicle, as the source document words it, instead of BLOCKED
    says_invalid: bool = False
    #: AUTO_CHARGE_CAPABLE may be shown although it has no vehicles module
    always_capable: bool = False
    #: a refused sign answers HTTP 200 with 2900 instead of 429
    limited_with_200: bool = False
    #: NOTIFY_WEB_PAYMENT_* is agreed on 2.2.1 too
    web_payment_on_221: bool = False
    #: where its sign oracle is, for an eMSP that does not list a module ``oprf``
    oracle_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """One partner. ``id`` is our own name for it: letters, digits and dashes."""

    id: str
    #: what the partner is to us
    role: Role
    name: str = ""
    state: PartnerState
    #: whom staff meant: credentials without this party are refused; None: whoever has the token
    pinned: PartyId | None = None
    #: parties that it speaks for, from its credentials
    parties: tuple[PartyId, ...] = ()
    versions_url: str = ""
    version: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    #: what we send; sealed at rest
    token_out: Secret | None = None
    #: SHA-256 of what it sends us, and of what it sent before, which is good until ``previous_until``
    token_in: bytes | None = None
    token_previous: bytes | None = None
    previous_until: datetime | None = None
    quirks: Quirks = Quirks()
    registered_at: datetime | None = None
    rotated_at: datetime | None = None
    #: EVSEs that it operates: the size of its sign budget; 0 where not known
    evses: int = 0
    #: may ask for signatures; an operator's or the watch's decision
    sign_allowed: bool = True
    #: why not, for the operator
    sign_reason: str = ""
    #: of several operators' eMSPs that know one car, the higher is asked first
    priority: int = 0

    @property
    def registered(self) -> bool:
        """Whether functional modules may be spoken."""
        return self.state is PartnerState.REGISTERED

    def endpoint(self, module: str, interface: str) -> str:
        """Return the address of a module without a slash at its end, "" where it has none."""
        for each in self.endpoints:
            if each.module == module and each.interface in {interface, ""}:
                return each.url.rstrip("/")
        return ""

    def speaks_for(self, party: PartyId) -> bool:
        """Return whether a party is one of the partner's."""
        return party in self.parties


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerSync:
    """How far we and a partner agree on one module."""

    partner: str
    module: str
    #: our pushes that failed: everything of ours that changed since is sent again
    dirty_since: datetime | None = None
    #: until when we have read the partner's list
    watermark: datetime | None = None
    succeeded_at: datetime | None = None
    failed_at: datetime | None = None
    #: the last failure in a few words; no content
    failure: str = ""
