"""Who may open a connection: judged from memory, at the same cost for known and unknown stations.

Station passwords are long and random, so a keyed hash is enough to keep them, and ten
thousand stations that reconnect at once cost milliseconds. A stranger learns nothing: an
unknown station, a wrong password and a blocked station are all 401. Why is in the admission's
``reason``, for whoever observes connections: a line in the log per knock would be a third of
what a knock costs, and a stranger's to write as often as it likes.

The OCPP security profiles meet here: 1 is the right password, 2 the same over TLS, 3 a client
certificate that the transport has verified and that names the station. A certificate counts
if its common name is the station's id, or the name that an operator noted for it (often the
serial number, A00.FR.404 of the security whitepaper), or if the certificate itself is enrolled.
One that was revoked, or whose key was, counts for nobody, whatever name is in it.
A station that has used a higher profile is not let in with a lower one again.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from evouch.charging.dialogue import Entrance
from evouch.charging.rates import Limiter, Rate
from evouch.clock import Clock
from evouch.cpo.registry import Registry
from evouch.identity.subject import subject
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
    #: organisation that a client certificate has to carry; empty: any
    organization: str = ""
    #: whether a certificate, by the SHA-256 of its DER in hex, is enrolled for a station
    enrolled: Callable[[StationId, str], bool] = lambda _station, _sha256: False
    #: whether a certificate (DER) was revoked, or its key was
    banned: Callable[[StationId, bytes], bool] = lambda _station, _der: False
    #: told of a security event: kind, station, detail
    suspect: Callable[[str, StationId, str], None] = lambda _kind, _station, _detail: None
    _wrong: Limiter = field(init=False)

    def __post_init__(self) -> None:
        self._wrong = Limiter(self.knocks)

    def admit(self, knock: Knock) -> Admission:
        """Return whether a station may come in."""
        record = self.registry.station(knock.station)
        kept = record.password if record is not None else None
        offered = password_digest(self.pepper, knock.station, knock.password or Secret(b""))
        same = hmac.compare_digest(offered, kept or _NO_DIGEST)
        basic = kept is not None and knock.password is not None and same
        certificate = self._counts(knock, record)
        known = record is not None or self.open_door
        if (record is not None and record.blocked) or not (known and (basic or certificate or self._open_to(kept))):
            return self._refuse(knock, record)
        entrance = Entrance(tls=knock.tls, basic=basic, certificate=knock.certificate if certificate else None)
        if record is not None and entrance.profile < record.profile:
            self.suspect("securityProfileDowngrade", knock.station, _downgrade(entrance.profile, record, knock))
            return self._refuse(knock, record, "security profile too low")
        return Admission(101, credential=_credential(kept, entrance), basic=basic, certificate=certificate)

    def _open_to(self, kept: bytes | None) -> bool:
        return self.open_door and kept is None

    def _counts(self, knock: Knock, record: StationRecord | None) -> bool:
        """Return whether the client certificate was made for this station."""
        if knock.certificate is None or self.banned(knock.station, knock.certificate):
            return False
        name = (record.certificate_name if record is not None else "") or knock.station
        named = subject(knock.certificate).names(name, organization=self.organization)
        return self.enrolled(knock.station, hashlib.sha256(knock.certificate).hexdigest()) or named

    def _refuse(self, knock: Knock, record: StationRecord | None, reason: str = "wrong credential") -> Admission:
        wait = self._wrong.wait(knock.address, self.clock.tick())
        reason = "unknown station" if record is None else "blocked" if record.blocked else reason
        if wait:
            return Admission(429, retry_after=int(wait) + 1, reason=reason)
        return Admission(401, reason=reason)


def _credential(kept: bytes | None, entrance: Entrance) -> str:
    """Name what authenticated a station, so that its next connection with the same replaces this one."""
    if entrance.certificate is not None:
        return f"cert:{hashlib.sha256(entrance.certificate).hexdigest()}"
    return f"basic:{kept.hex()}" if kept is not None and entrance.basic else ""


def _downgrade(profile: int, record: StationRecord, knock: Knock) -> str:
    return f"profile {profile} instead of {record.profile}, from {knock.address or 'unknown'}"
