"""Settings of an eMSP. What each one is for stands beside the field of the same name in ``emsp.terms``.

Times are seconds where a name does not say otherwise; distances and thresholds of the checks in
the units of ``emsp.terms``.
"""

from pathlib import Path
from typing import Annotated

import msgspec

from evouch.autocharge.budget import BudgetTerms
from evouch.autocharge.watch import WatchTerms
from evouch.cli.section import Http, Section, no_password_in, safe_for_phones
from evouch.cli.settings_roaming import Count, PartnerEntry, Seconds, Version, distinct, same_named
from evouch.emsp.terms import EmspTerms
from evouch.ids import parse_party_id
from evouch.ocpi.addresses import AddressPolicy
from evouch.ocpi.partner import V221, V230

__all__ = [
    "Budget", "Checks", "Consent", "EmspConfig", "EmspKeys", "EmspOcpi", "EmspOperator", "Kept", "Oracle", "Watch",
]  # fmt: skip

Hour = Annotated[int, msgspec.Meta(ge=0, le=23)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Factor = Annotated[float, msgspec.Meta(gt=0)]
_DAY = 24 * 3600.0


class EmspKeys(Section, frozen=True, kw_only=True):
    """Files with one key of 64 hex digits a line, newest first. Made in ``state`` where not named.

    ``seal`` encrypts secrets and the keys of the sign oracle at rest, ``pepper`` keys the hashes of
    phones' and bearer tokens.
    """

    seal: Path | None = None
    pepper: Path | None = None


class EmspOperator(Section, frozen=True, kw_only=True):
    """The first login of staff and the first bearer token, made at start where they do not exist yet."""

    name: str = "operator"
    password_file: Path | None = None
    token_file: Path | None = None


class Consent(Section, frozen=True, kw_only=True):
    """When a driver is asked whether his vehicle may start by itself, and when the vehicle is bound to him."""

    opted_in: bool = False
    consent_lasts: Seconds = 14 * _DAY
    told_lasts: Seconds = 14 * _DAY
    dynamic_models: tuple[str, ...] = ("Volkswagen", "Audi", "Skoda", "Seat", "CUPRA")
    static_models: tuple[str, ...] = ("Volkswagen ID.7",)
    offer_unknown_models: bool = False
    binding_window: Seconds = _DAY


class Checks(Section, frozen=True, kw_only=True):
    """What has to be plausible about a start, beside the vehicle."""

    travel_doubt: Factor = 130.0
    travel_fail: Factor = 180.0
    travel_least: Seconds = 5.0
    phone_age: Seconds = 15 * 60.0
    phone_accuracy: Count = 200
    phone_near: Count = 500
    phone_far: Count = 2000
    starts_per_hour: Count = 4
    starts_per_day: Count = 12
    refusals_per_hour: Count = 6
    yes_lasts: Seconds = 15 * 60.0
    confirmation_lasts: Seconds = 10 * 60.0
    confirm_lasts: Seconds = 10 * 60.0


class Budget(Section, frozen=True, kw_only=True):
    """What an operator may ask the sign oracle for; see ``autocharge.budget``."""

    plug_ins: Annotated[int, msgspec.Meta(ge=1)] = 10
    day_factor: Factor = 3.0
    month_factor: Factor = 2.0
    year_factor: Factor = 1.5
    minute_factor: Factor = 6.0
    burst: Annotated[int, msgspec.Meta(ge=1)] = 20
    least_evses: Annotated[int, msgspec.Meta(ge=1)] = 10


class Watch(Section, frozen=True, kw_only=True):
    """What of an operator's asking is unlike an operator; see ``autocharge.watch``."""

    least: Count = 200
    baseline_least: Count = 7
    baseline_most: Count = 28
    ratio_times: Factor = 5.0
    growth_times: Factor = 5.0
    ratio_most: Factor = 500.0
    profile_least: Count = 480
    quiet_hours: Annotated[int, msgspec.Meta(ge=1, le=24)] = 6
    quiet_share: Share = 0.18
    night: tuple[Hour, ...] = (0, 1, 2, 3, 4)
    night_share: Share = 0.5
    invalid_least: Count = 20
    invalid_share: Share = 0.02
    refused_least: Count = 100


class Oracle(Section, frozen=True, kw_only=True):
    """The sign oracle: budgets, what is watched, and its key."""

    budget: Budget = Budget()
    watch: Watch = Watch()
    most_shown_evses: Count = 1000
    watch_interval: Factor = 15 * 60.0
    throttle: Share = 0.25
    watch_patience: Count = 3
    key_grace: Seconds = 0.0


class EmspOcpi(Section, frozen=True, kw_only=True):
    """What operators are told, and how long things between us may take."""

    #: where operators reach ``/ocpi``; empty: the public address of the pages
    base_url: str = ""
    versions: tuple[Version, ...] = (V230, V221)
    push_time: Seconds = 10.0
    command_time: Seconds = 10.0
    result_time: Seconds = 180.0
    polling_hours: Factor = 1.0
    polling_overlap: Seconds = 300.0
    conflict_memory: Seconds = _DAY
    #: partners on this machine, without TLS, may be spoken to; for tests and demonstrations
    private_addresses: bool = False
    #: names of partners that may lead into private networks
    private_hosts: tuple[str, ...] = ()
    partners: tuple[PartnerEntry, ...] = ()

    def __post_init__(self) -> None:
        safe_for_phones(self.base_url)
        distinct(self.partners)

    @property
    def policy(self) -> AddressPolicy:
        """Where we go at a partner's word."""
        if self.private_addresses:
            return AddressPolicy.development()
        return AddressPolicy(hosts=frozenset(host.lower() for host in self.private_hosts))


class Kept(Section, frozen=True, kw_only=True):
    """How long what is personal is kept: a phone's place in seconds, the rest in days."""

    phone_kept: Seconds = 15 * 60.0
    decisions_kept: Count = 90
    notices_kept: Count = 90
    sign_days_kept: Count = 400
    erased_kept: Count = 30


class EmspConfig(Section, frozen=True, kw_only=True):
    """``evouch emsp run``."""

    #: folder for the database and for keys that no file was named for; made for the owner's eyes only
    state: Path = Path("evouch-emsp-state")
    #: empty: SQLite in ``state``; else ``sqlite:///file`` or ``postgresql://user@host/name``
    database: str = ""
    #: how phones and operators reach us; empty: the address that ``http`` listens on
    public_url: str = ""
    http: Http = Http(port=8070)
    keys: EmspKeys = EmspKeys()
    operator: EmspOperator = EmspOperator()
    party: str = "DE*EMS"
    name: str = "Example Mobility"
    website: str = ""
    #: who issued the tokens, as operators show it; empty: ``name``
    issuer: str = ""
    #: of texts for drivers whose language is not known
    language: Annotated[str, msgspec.Meta(pattern="^[a-z]{2}$")] = "en"
    consent: Consent = Consent()
    checks: Checks = Checks()
    oracle: Oracle = Oracle()
    ocpi: EmspOcpi = EmspOcpi()
    kept: Kept = Kept()

    def __post_init__(self) -> None:
        no_password_in(self.database)
        safe_for_phones(self.public_url)
        self.terms(base_url="https://any.invalid")

    def terms(self, *, base_url: str) -> EmspTerms:
        """Return the eMSP's terms; ValueError where settings contradict each other."""
        given = same_named(EmspTerms, self, self.consent, self.checks, self.oracle, self.ocpi, self.kept)
        given["party"] = parse_party_id(self.party)
        given["base_url"] = (self.ocpi.base_url or base_url).rstrip("/")
        given["budget"] = BudgetTerms(**same_named(BudgetTerms, self.oracle.budget))
        given["watch"] = WatchTerms(**same_named(WatchTerms, self.oracle.watch))
        return EmspTerms(**given)
