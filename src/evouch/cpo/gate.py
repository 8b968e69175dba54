"""Who may open a connection: judged from memory, at the same cost for known and unknown stations.

Station passwords are long and random, so a keyed hash is enough to keep them, and ten
thousand stations that reconnect at once cost milliseconds. A stranger learns nothing: an
unknown station, a wrong password and a blocked station are all 401.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final

import structlog

from evouch.charging.rates import Limiter, Rate
from evouch.clock import Clock
from evouch.cpo.registry import Registry
from evouch.ids import KeyBytes, Secret, StationId
from evouch.ocpp.gate import Admission, Knock
from evouch.store.records import StationRecord

__all__ = ["DEFAULT_KNOCKS", "StationGate", "password_digest"]

#: Knocks of one address with a wrong credential: a site behind one router reconnects with good ones.
DEFAULT_KNOCKS: Final = Rate(count=30, seconds=60, burst=60)
#: Compared with where there is nothing to compare with, so that it takes as long.
_NO_DIGEST: Final = bytes(32)

#: An AuthorizationKey as it is configured (OCPP 1.6 security whitepaper, security profile 1).
HEX_KEY: Final = re.compile(rb"(?:[0-9A-Fa-f]{2}){16,20}")

_log = structlog.get_logger("evouch.cpo.gate")


def password_digest(pepper: KeyBytes, station: StationId, password: Secret) -> bytes:
    """Return the keyed hash under which a station's password is kept.

    A 1.6 AuthorizationKey is written as 32 to 40 hexadecimal digits and sent as the 16 to 20
    bytes that they mean, though some stations send the digits: both are the same password.
    """
    raw = password.reveal()  # counted: the one place where passwords are hashed
    if HEX_KEY.fullmatch(raw):
        raw = bytes.fromhex(raw.decode())
    return hmac.digest(pepper.reveal(), station.encode("utf-8", "surrogatepass") + b"\0" + raw, hashlib.sha256)


@dataclass(slots=True)
class StationGate:
    """The gate of an operator. ``open_door`` lets in stations without a credential, registered or not."""

    registry: Registry
    clock: Clock
    pepper: KeyBytes
    open_door: bool = False
    knocks: Rate = DEFAULT_KNOCKS
    _wrong: Limiter = field(init=False)

    def __post_init__(self) -> None:
        self._wrong = Limiter(self.knocks)

    def admit(self, knock: Knock) -> Admission:
        """Return whether a station may come in."""
        record = self.registry.station(knock.station)
        kept = record.password if record is not None else None
        offered = password_digest(self.pepper, knock.station, knock.password or Secret(b""))
        same = hmac.compare_digest(offered, kept or _NO_DIGEST)
        if kept is not None and knock.password is not None and same and record is not None and not record.blocked:
            return Admission(101, credential=f"basic:{kept.hex()}")
        if self.open_door and kept is None and not (record and record.blocked):
            return Admission(101)
        return self._refuse(knock, record)

    def _refuse(self, knock: Knock, record: StationRecord | None) -> Admission:
        wait = self._wrong.wait(knock.address, self.clock.tick())
        reason = "unknown station" if record is None else "blocked" if record.blocked else "wrong credential"
        _log.warning("station refused", station=knock.station, reason=reason)
        if wait:
            return Admission(429, retry_after=int(wait) + 1, reason=reason)
        return Admission(401, reason=reason)
