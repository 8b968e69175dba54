"""Is this code fresh, and the code of this very EVSE? Judged once, when the page opens; changes nothing.

A stranger learns one thing from every refusal: the code opens nothing. An unknown station
costs the same computation as a wrong code. The operator learns more: a station whose codes
never match is noticed, for its secret or its clock has gone astray.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from evouch.charging.equipment import EvsePlace
from evouch.charging.rates import Limiter, Rate
from evouch.clock import Clock, Tick
from evouch.cpo.registry import Registry
from evouch.errors import InvalidCode, Refused
from evouch.ids import EvseNumber, Secret, StationId
from evouch.store.records import QrKey
from evouch.webpayment import totp

__all__ = ["CodeLimits", "Codes"]

#: Slots for which the previous secret stays good after a change: what is on the display still opens.
GRACE_SLOTS: Final = 2
#: Well-formed codes in a row that match nothing, until a station is suspected.
SUSPICIOUS: Final = 10
#: Seconds for which a station that was suspected is not suspected again: wrong codes are anybody's to send,
#: and each suspicion darkens a display for a moment.
SUSPECT_AGAIN: Final = 3600

#: Hashed in place of a secret that does not exist, so that both take the same time.
_NOBODY = QrKey(place=EvsePlace(StationId("-"), EvseNumber(1)), secret=Secret(b"nobody has this secret!!"), template="")


@dataclass(frozen=True, slots=True)
class CodeLimits:
    """How often codes may be tried. An 8-character code in 3 slots survives far more than these."""

    per_address: Rate = Rate(count=30, seconds=60, burst=15)
    per_evse: Rate = Rate(count=60, seconds=60, burst=30)
    in_all: Rate = Rate(count=500, seconds=1, burst=1000)


@dataclass(slots=True)
class Codes:
    """The judge of codes, with its memory of who tried how often."""

    registry: Registry
    clock: Clock
    limits: CodeLimits = field(default_factory=CodeLimits)
    #: told of a station whose codes never match
    suspect: Callable[[StationId], None] | None = None
    _address: Limiter = field(init=False)
    _evse: Limiter = field(init=False)
    _all: Limiter = field(init=False)
    #: both by what is registered, so no stranger can make them grow
    _misses: dict[EvsePlace, int] = field(default_factory=dict)
    _suspected: dict[StationId, Tick] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._address = Limiter(self.limits.per_address)
        self._evse = Limiter(self.limits.per_evse)
        self._all = Limiter(self.limits.in_all)

    def judge(self, place: EvsePlace, code: str, version: str, *, address: str) -> int:
        """Return the slot that a code belongs to; raise InvalidCode, or Refused("tooManyRequests")."""
        self._count(place, address)
        key = self.registry.key(place)
        try:
            slot = self._match(key or _NOBODY, code, version)
        except InvalidCode:
            self._missed(place, key, code)
            raise
        if key is None:
            raise InvalidCode("no key for this EVSE")
        self._misses.pop(place, None)
        return slot

    def _match(self, key: QrKey, code: str, version: str) -> int:
        if version and version != key.totp_version:
            raise InvalidCode("version")
        at = self.clock.now()
        try:
            return totp.matches(code, key.secret, at, validity=key.validity, length=key.length).slot
        except InvalidCode:
            if key.previous is None or not self._in_grace(key):
                raise
            return totp.matches(code, key.previous, at, validity=key.validity, length=key.length).slot

    def _in_grace(self, key: QrKey) -> bool:
        """Whether the previous secret still counts: two slots after the change, or while nobody knows if it took."""
        if key.committed_at is None or key.reboot_pending:
            return True
        now = totp.slot(self.clock.now(), key.validity)
        return now - totp.slot(key.committed_at, key.validity) <= GRACE_SLOTS

    def _count(self, place: EvsePlace, address: str) -> None:
        now = self.clock.tick()
        # who has had his share uses up nobody else's: the address is asked first, and a refusal counts nowhere else
        for limiter, key in ((self._address, address), (self._all, ""), (self._evse, str(place))):
            if wait := limiter.wait(key, now):
                raise Refused("tooManyRequests", f"{wait:.0f}")

    def _missed(self, place: EvsePlace, key: QrKey | None, code: str) -> None:
        if key is None or len(code) != key.length:
            return
        self._misses[place] = self._misses.get(place, 0) + 1
        if self._misses[place] < SUSPICIOUS:
            return
        del self._misses[place]
        now, last = self.clock.tick(), self._suspected.get(place.station)
        if self.suspect is not None and (last is None or now - last >= SUSPECT_AGAIN):
            self._suspected[place.station] = now
            self.suspect(place.station)
