"""What an eMSP decides once: who it is, what it takes before a vehicle may charge, and how long things last.

Times are seconds, unless a name says otherwise. Every threshold of a check stands here with the
default that the pages under docs/decisions give reasons for (054, 055, 058, 060, 063).
"""

from dataclasses import dataclass, field
from typing import Final

from evouch.autocharge.budget import BudgetTerms
from evouch.autocharge.watch import WatchTerms
from evouch.ids import PartyId
from evouch.ocpi.partner import V221, V230

__all__ = ["EmspTerms"]

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
#: An operator's authorisation ends after three seconds (docs/decisions/056): confirming cannot be waited for.
_MOST_CONFIRMING: Final = 30 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class EmspTerms:
    """Everything about an eMSP that is a choice. ValueError where choices contradict each other."""

    #: the eMSP as OCPI names it
    party: PartyId
    name: str
    website: str = ""
    #: who issued the tokens, as operators show it; "" is ``name``
    issuer: str = ""
    #: public address under which ``/ocpi`` and the pages are served, without a slash at its end
    base_url: str
    versions: tuple[str, ...] = (V230, V221)
    #: of texts for drivers whose language is not known
    language: str = "en"

    # ── consent (§6.1) ──
    #: new drivers have agreed to automatic charging beforehand: their vehicles are granted as they are bound
    opted_in: bool = False
    #: how long a driver may answer a question for consent; later he still finds the vehicle in his list
    consent_lasts: float = 14 * _DAY
    #: how long a phone shows what a driver was told and has not read: granted, revoked, a conflict. Months later a tap
    #: on it would be about another state of his vehicle than the one that he knows
    told_lasts: float = 14 * _DAY
    #: models without an address that stays the same, "make" or "make model", for which the feature is not offered
    dynamic_models: tuple[str, ...] = ("Volkswagen", "Audi", "Skoda", "Seat", "CUPRA")
    #: models of a make above that are known to work nevertheless
    static_models: tuple[str, ...] = ("Volkswagen ID.7",)
    #: offer the feature to drivers who have not said what they drive; the source asks for a check before (§7.1)
    offer_unknown_models: bool = False

    # ── binding ──
    #: a session that ended this long ago binds no vehicle any more
    binding_window: float = _DAY

    # ── context (§4.6): a start needs that no check failed and at least one passed ──
    #: straight line between two charges, km/h: what is doubtful, and what no car does
    travel_doubt: float = 130.0
    travel_fail: float = 180.0
    #: distances below this are no travel; kilometres
    travel_least: float = 5.0
    #: a fix of the driver's phone counts for this long, if it is this exact (metres)
    phone_age: float = 15 * 60.0
    phone_accuracy: int = 200
    #: the phone is at the vehicle within this distance (metres), and away from it beyond the other
    phone_near: int = 500
    phone_far: int = 2000
    #: starts of one vehicle, and refusals after which its driver is not asked any more
    starts_per_hour: int = 4
    starts_per_day: int = 12
    refusals_per_hour: int = 6
    #: a yes that no session has followed may still become a charge for this long
    yes_lasts: float = 15 * 60.0
    #: a driver's yes to one start at one place counts for this long
    confirmation_lasts: float = 10 * 60.0
    #: a question for confirmation is asked for this long
    confirm_lasts: float = 10 * 60.0

    # ── the sign oracle (§8.1) ──
    #: what a partner may ask for, by the EVSEs that it operates
    budget: BudgetTerms = field(default_factory=BudgetTerms)
    #: EVSEs that a partner is believed to have because it has shown them; more is an operator's word
    most_shown_evses: int = 1000
    #: what is watched is looked at this often
    watch_interval: float = 15 * 60.0
    #: what is unlike an operator
    watch: WatchTerms = field(default_factory=WatchTerms)
    #: from its first alarm of a day on a partner has this share of its budget
    throttle: float = 0.25
    #: after this many looks in a row with an alarm its right is suspended, until staff lift it; 0 only throttles
    watch_patience: int = 3

    # ── the key (docs/decisions/063) ──
    #: how long the VIDs of a former key still start vehicles after a rotation; 0 revokes them at once
    key_grace: float = 0.0

    # ── partners ──
    #: one push, and one command
    push_time: float = 10.0
    command_time: float = 10.0
    #: an operator's CommandResult is waited for this long
    result_time: float = 180.0
    #: hours between two readings of a partner's locations, tariffs, sessions and CDRs
    polling_hours: float = 1.0
    #: a list is read again from this long before the last reading, for clocks that differ
    polling_overlap: float = 300.0
    #: a conflict over a vehicle is told to its driver again after this
    conflict_memory: float = _DAY
    #: addresses of partners on this machine, without TLS, are allowed (for tests and demonstrations)
    private_addresses: bool = False
    #: names of partners that may lead into private networks
    private_hosts: tuple[str, ...] = ()

    # ── what is kept ──
    #: a phone's place
    phone_kept: float = 15 * 60.0
    #: why a vehicle was or was not let charge; days
    decisions_kept: int = 90
    #: notices that are answered or expired; days
    notices_kept: int = 90
    #: revoked vehicles and void tokens of drivers who were erased, so that operators come to know of it; days
    erased_kept: int = 30
    #: counters of the sign oracle; days. A year's cap needs a year
    sign_days_kept: int = 400

    def __post_init__(self) -> None:
        if self.base_url.endswith("/"):
            msg = "base_url has no slash at its end"
            raise ValueError(msg)
        if not 0 < self.phone_near <= self.phone_far:
            msg = "a phone is near within a distance, and far beyond one that is not smaller"
            raise ValueError(msg)
        if not 0 < self.confirmation_lasts <= _MOST_CONFIRMING:
            msg = f"a confirmation counts for at most {_MOST_CONFIRMING // 60} minutes"
            raise ValueError(msg)
        if not 0 < self.throttle <= 1:
            msg = "a throttled budget is a share of the whole, above 0 and at most 1"
            raise ValueError(msg)
