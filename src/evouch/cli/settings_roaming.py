"""Settings of roaming, as an operator and an eMSP share them, and those of an operator.

Times are seconds where a name does not say otherwise. What each one is for stands beside the
field of the same name in ``cpo.roaming_terms``, which judges them together.
"""

from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from evouch.charging.geo import Point, Site
from evouch.cli.section import Section, safe_for_phones
from evouch.cpo.roaming_terms import RoamingTerms
from evouch.ids import PartyId, parse_party_id
from evouch.ocpi.addresses import AddressPolicy
from evouch.ocpi.partner import V221, V230, Quirks

__all__ = [
    "CpoOcpi", "PartnerConfig", "PartnerEntry", "QuirkEntry", "Seconds", "SiteEntry", "Version", "distinct",
    "same_named",
]  # fmt: skip

Version = Literal["2.3.0", "2.2.1"]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class SiteEntry(Section, frozen=True, kw_only=True):
    """Where a station stands, as partners are told; ``country`` is ISO 3166-1 alpha-3."""

    latitude: Decimal
    longitude: Decimal
    address: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    city: Annotated[str, msgspec.Meta(min_length=1, max_length=45)]
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    postal_code: Annotated[str, msgspec.Meta(max_length=10)] = ""
    name: Annotated[str, msgspec.Meta(max_length=255)] = ""
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        Point(self.latitude, self.longitude)

    def site(self) -> Site:
        """Return the same as stations remember it."""
        return Site(
            point=Point(self.latitude, self.longitude), address=self.address, city=self.city, country=self.country,
            postal_code=self.postal_code, name=self.name, time_zone=self.time_zone,
        )  # fmt: skip


class QuirkEntry(Section, frozen=True, kw_only=True):
    """What one partner needs to be spoken to otherwise than the specification says; see ``ocpi.partner.Quirks``."""

    plain_token: bool = False
    uncompressed: bool = False
    says_invalid: bool = False
    always_capable: bool = False
    limited_with_200: bool = False
    web_payment_on_221: bool = False
    oracle_url: str = ""

    def quirks(self) -> Quirks:
        """Return the same as it is kept of a partner."""
        return Quirks(**same_named(Quirks, self))


class PartnerEntry(Section, frozen=True, kw_only=True):
    """A partner that is written down at start where it is not known yet.

    With ``versions_url`` its registration token stands in ``token_file``, and we register there;
    without one it is invited, and the token that it has to bring is written to ``token_file``, or
    to ``keys/partner-ID`` in the state folder.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$", max_length=40)]
    name: str = ""
    versions_url: str = ""
    token_file: Path | None = None
    #: EVSEs that it operates; 0: as many as it shows
    evses: Count = 0
    #: of several eMSPs that know one car, the higher is asked first
    priority: int = 0
    quirks: QuirkEntry = QuirkEntry()

    def __post_init__(self) -> None:
        if self.versions_url and self.token_file is None:
            raise ValueError("versions_url and token_file belong together: a partner is called with its token")


class PartnerConfig(Section, frozen=True, kw_only=True):
    """``evouch partner``: the service whose partners are meant. What is left empty is as in ``[identity]``."""

    backend: str = ""
    #: file with an API token of that service
    token_file: Path | None = None

    def __post_init__(self) -> None:
        try:
            safe_for_phones(self.backend)
        except ValueError as error:
            raise ValueError(f"backend {error}") from None


class CpoOcpi(Section, frozen=True, kw_only=True):
    """Roaming over OCPI as an operator: who we are to eMSPs, and how long things may take."""

    enabled: bool = False
    party: str = "DE*CPO"
    #: empty: the seller's name
    name: str = ""
    website: str = ""
    #: where eMSPs reach ``/ocpi``; empty: the public address of the pages
    base_url: str = ""
    versions: tuple[Version, ...] = (V230, V221)
    #: rules about vehicles' addresses; none: those that come along
    mac_rules: Path | None = None
    sign_time: Seconds = 5.0
    known_time: Seconds = 1.0
    authorize_time: Seconds = 3.0
    whole_time: Seconds = 8.0
    plug_window: Seconds = 60.0
    vehicle_memory: Seconds = 8 * 3600.0
    start_delay: Count = 10
    yes_lasts: Count = 15 * 60
    plug_timeout: Count = 60
    command_margin: Count = 30
    binding_pauses: tuple[Seconds, ...] = (2.0, 5.0, 15.0, 60.0, 180.0)
    session_interval: Seconds = 60.0
    push_time: Seconds = 10.0
    conflict_memory: Seconds = 24 * 3600.0
    polling_hours: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    polling_overlap: Seconds = 300.0
    capable: Literal["always", "partners", "never"] = "partners"
    #: partners on this machine, without TLS, may be spoken to; for tests and demonstrations
    private_addresses: bool = False
    tariff_id: Annotated[str, msgspec.Meta(min_length=1, max_length=36)] = "TARIFF-1"
    ac_standard: str = "IEC_62196_T2"
    dc_standard: str = "IEC_62196_T2_COMBO"
    most_ac: Count = 43_000
    partners: tuple[PartnerEntry, ...] = ()

    def __post_init__(self) -> None:
        safe_for_phones(self.base_url)
        distinct(self.partners)
        self.terms(base_url="https://any.invalid", seller="")

    @property
    def policy(self) -> AddressPolicy:
        """Where we go at a partner's word."""
        return AddressPolicy.development() if self.private_addresses else AddressPolicy()

    def terms(self, *, base_url: str, seller: str) -> RoamingTerms:
        """Return the operator's terms; ValueError where settings contradict each other."""
        given = same_named(RoamingTerms, self)
        mine: dict[str, Any] = {
            "party": parse_party_id(self.party), "name": self.name or seller, "mac_rules": self.mac_rules or "",
            "base_url": (self.base_url or base_url).rstrip("/"),
        }  # fmt: skip
        return RoamingTerms(**{**given, **mine})

    @property
    def owner(self) -> PartyId:
        """The party that we are."""
        return parse_party_id(self.party)


def same_named(kind: type, *sections: Section) -> dict[str, Any]:
    """Return the values of those settings that a dataclass has a field of the same name for."""
    names = {field.name for field in fields(kind)}
    return {name: getattr(each, name) for each in sections for name in each.__struct_fields__ if name in names}


def distinct(partners: tuple[PartnerEntry, ...]) -> None:
    """Refuse two partners of one id."""
    ids = [each.id for each in partners]
    if len(set(ids)) != len(ids):
        raise ValueError("two partners have the same id")
