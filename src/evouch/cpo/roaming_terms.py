"""What an operator decides once about roaming: who it is to its partners, and how long things may take.

Times are seconds, unless a name says otherwise. The defaults are those that the pages under
docs/decisions give reasons for (051, 053, 056, 057).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from evouch.ids import PartyId
from evouch.ocpi.partner import V221, V230

__all__ = ["RoamingTerms"]

#: A station waits about this long for the answer to an Authorize; an answer after it helps nobody.
_STATION_WAITS: Final = 30.0
#: A start that waits longer than this is no start by itself any more.
_LONGEST_DELAY: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class RoamingTerms:
    """Everything about roaming that is a choice. ValueError where choices contradict each other."""

    #: the operator as OCPI names it
    party: PartyId
    name: str
    website: str = ""
    #: public address under which ``/ocpi`` is served, without a slash at its end
    base_url: str
    versions: tuple[str, ...] = (V230, V221)

    # ── what reaches an eMSP ──
    #: rules of the filter that every address passes before anything is sent, as ``autocharge.mac_rules`` reads
    #: them: a file or its text; "" are those that come along
    mac_rules: str | Path = ""
    #: asking all eMSPs for signatures (§5.1.1)
    sign_time: float = 5.0
    #: everybody is waited for this long; then a vehicle that somebody knows waits for nobody else
    known_time: float = 1.0
    #: asking the eMSPs that know the vehicle, or a card
    authorize_time: float = 3.0
    #: both together, below what a station waits for its answer
    whole_time: float = 8.0
    #: a connector that went to Preparing or Occupied this long ago may be where a vehicle stands that names itself
    plug_window: float = 60.0
    #: VIDs of what is plugged in are held this long at most, in memory
    vehicle_memory: float = 8 * 3600.0

    # ── starts ──
    #: an automatic start waits this long, so that a card or a code may come first; 0 starts at once
    start_delay: int = 10
    #: how long an eMSP's yes is good for
    yes_lasts: int = 15 * 60
    #: how long a start waits for the vehicle, where the station would not tell its own timeout
    plug_timeout: int = 60
    #: answer of a command's result at the latest, beyond the plug timeout
    command_margin: int = 30

    # ── telling partners ──
    #: pauses before a binding is sent again, where the eMSP does not know the session yet or is not there
    binding_pauses: tuple[float, ...] = (2.0, 5.0, 15.0, 60.0, 180.0)
    #: a running session is sent at most this often, as long as nothing but its energy changed
    session_interval: float = 60.0
    #: one push
    push_time: float = 10.0
    #: an eMSP that was told of a conflict over a vehicle is told again after this
    conflict_memory: float = 24 * 3600.0
    #: hours between two readings of a partner's vehicles and tokens
    polling_hours: float = 1.0
    #: a list is read again from this long before the last reading, for clocks that differ
    polling_overlap: float = 300.0
    #: who is shown that an EVSE takes part: everybody, partners with the vehicles module, nobody
    capable: Literal["always", "partners", "never"] = "partners"
    #: addresses of partners on this machine or in private networks are allowed (for tests and demonstrations)
    private_addresses: bool = False

    # ── what is published ──
    #: id of the one tariff
    tariff_id: str = "TARIFF-1"
    #: mod_locations §Connector, for every connector; power decides between AC and DC
    ac_standard: str = "IEC_62196_T2"
    dc_standard: str = "IEC_62196_T2_COMBO"
    #: W; an EVSE with more delivers DC
    most_ac: int = 43_000

    def __post_init__(self) -> None:
        if not 0 < max(self.sign_time, self.authorize_time) <= self.whole_time < _STATION_WAITS:
            msg = f"signing and authorising fit into whole_time, and that into {_STATION_WAITS:.0f} seconds"
            raise ValueError(msg)
        if not 0 <= self.start_delay <= _LONGEST_DELAY:
            msg = f"a start waits 0 to {_LONGEST_DELAY} seconds"
            raise ValueError(msg)
        if self.base_url.endswith("/"):
            msg = "base_url has no slash at its end"
            raise ValueError(msg)
