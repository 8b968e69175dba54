"""What the operator API takes and gives of roaming partners, as wire names; no token but that of an invitation."""

from typing import Annotated

from msgspec import Meta, Struct

from evouch.ocpi.partner import PartnerState, Role
from evouch.web.api_texts import Line, Short, Time

__all__ = ["AddPartner", "ChangePartner", "Invitation", "InvitePartner", "PartnerInfo", "PartnerList", "SyncInfo"]

Count = Annotated[int, Meta(ge=0, le=10_000_000)]
#: A party such as DE*ABC; empty: any.
Party = Annotated[str, Meta(pattern=r"^([A-Za-z]{2}\*?[A-Za-z0-9]{3})?$")]


class InvitePartner(Struct, frozen=True, forbid_unknown_fields=True):
    """Who will register at us, and as what. Credentials without ``party`` are refused, where it is said."""

    role: Role
    name: Short = ""
    party: Party = ""


class AddPartner(Struct, frozen=True, forbid_unknown_fields=True):
    """Where we are to register, with the registration token (A) that the partner gave us."""

    role: Role
    versions_url: Annotated[str, Meta(max_length=255)]
    token: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Short = ""
    party: Party = ""


class ChangePartner(Struct, frozen=True, forbid_unknown_fields=True):
    """What is ours to say of a partner; what is left out stays. The last eight are how it wants to be spoken to."""

    name: Short | None = None
    evses: Count | None = None
    sign_allowed: bool | None = None
    sign_reason: Line | None = None
    priority: Annotated[int, Meta(ge=-1000, le=1000)] | None = None
    plain_token: bool | None = None
    uncompressed: bool | None = None
    says_invalid: bool | None = None
    always_capable: bool | None = None
    limited_with_200: bool | None = None
    web_payment_on_221: bool | None = None
    oracle_url: Annotated[str, Meta(max_length=255)] | None = None


class Invitation(Struct, frozen=True):
    """What to hand to the partner, on a way that others do not read. The token is shown once."""

    partner: str
    token: str
    versions_url: str


class SyncInfo(Struct, frozen=True):
    """How far we and a partner agree on one module."""

    module: str
    dirty_since: Time | None
    watermark: Time | None
    succeeded_at: Time | None
    failed_at: Time | None
    failure: str


class PartnerInfo(Struct, frozen=True):
    """A partner. ``modules`` are those that it offers, each with its interface."""

    id: str
    role: Role
    name: str
    state: PartnerState
    #: whom it has to speak for; empty: anybody
    pinned: str
    parties: list[str]
    version: str
    versions_url: str
    modules: list[str]
    registered_at: Time | None
    rotated_at: Time | None
    #: until when the token from before the last exchange counts, where it still does
    previous_until: Time | None
    evses: int
    sign_allowed: bool
    sign_reason: str
    priority: int
    #: names of the ways in which it is spoken to otherwise than the specification says
    quirks: list[str]
    oracle_url: str
    syncs: list[SyncInfo]


class PartnerList(Struct, frozen=True):
    """All partners by id."""

    partners: list[PartnerInfo]
