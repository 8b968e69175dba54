"""Security events, as many as somebody will read.

The first few of a kind at a station are written as they come; what follows within the hour
is counted, and written as one row that says how many there were. So whoever knocks ten
thousand times writes a handful of rows, and the number is not lost.
"""

from dataclasses import dataclass, field
from typing import Final

import structlog

from evouch.cpo.agenda import Agenda
from evouch.cpo.registry import Registry
from evouch.ids import StationId

__all__ = ["Alarms"]

#: Rows of one kind at one station that are written as they come, within ``PERIOD``.
AT_ONCE: Final = 5
#: Kinds at one station that are told apart: some of their names are the station's own words.
KINDS: Final = 20
#: Seconds that are summed up in one row.
PERIOD: Final = 3600

#: Stations that nobody registered are counted as one: their names are as many as somebody likes to invent.
STRANGERS: Final = StationId("")
#: The kind under which all others beyond ``KINDS`` are counted.
OTHER: Final = "other"

_log = structlog.get_logger("evouch.cpo.alarms")


@dataclass(slots=True)
class Alarms:
    """The one way to write a security event that a station can cause as often as it likes."""

    registry: Registry
    agenda: Agenda
    #: station → kind → how many since its period began
    _counts: dict[StationId, dict[str, int]] = field(default_factory=dict)

    def sound(self, kind: str, station: StationId, detail: str = "") -> None:
        """Write an event, or count it. Returns at once; the row is written beside whatever goes on."""
        whose = station if self.registry.station(station) is not None else STRANGERS
        counts = self._counts.setdefault(whose, {})
        if kind not in counts and len(counts) >= KINDS:
            kind, detail = OTHER, f"{kind}: {detail}"
        counts[kind] = counts.get(kind, 0) + 1
        if counts[kind] == 1:
            self.agenda.after(PERIOD, ("alarms", whose, kind), lambda: self._sum_up(whose, kind))
        if counts[kind] <= AT_ONCE:
            # without a stranger's words, in the detail or as a kind of a station's own: pages and API show them
            _log.warning("security event", kind=kind if kind.isalpha() else OTHER, station=station)
            self.agenda.soon(lambda: self._write(kind, station, detail))

    async def _write(self, kind: str, station: StationId, detail: str) -> None:
        await self.registry.store.commit(self.registry.alarm(kind, station or None, detail[:255]))

    async def _sum_up(self, station: StationId, kind: str) -> None:
        """Write how many more there were; the next one begins a new period."""
        counts = self._counts.get(station, {})
        more = counts.get(kind, 0) - AT_ONCE
        if more > 0:
            await self._write(kind, station, f"{more} more within {PERIOD // 60} minutes")
        counts.pop(kind, None)
        if not counts:
            self._counts.pop(station, None)
