"""How a station answers a challenge: the proof, and the work for it, without keeping anybody waiting.

A proof of work is searched for in slices on the station's clock, so that heartbeats go on
beside it, and given up when the connection is gone. A challenge for another host than the one
that this station connected to was relayed by somebody, and is refused.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from evouch.charging.dialogue import IdentityProof, ProveIdentity
from evouch.clock import Clock, Tick
from evouch.errors import Offline, PeerFault
from evouch.identity.challenge import MAX_DIFFICULTY, endpoint_of
from evouch.identity.keys import PrivateKey
from evouch.identity.proof import prove
from evouch.identity.proving import search
from evouch.identity.work import SLICE
from evouch.ids import StationId
from evouch.station.prover import Prover
from evouch.station.timers import StationTime

__all__ = ["Proving"]

_log = logging.getLogger(__name__)


class Proving:
    """One station's key at work. Raises ``Refused("badKey")`` when it is made with what is no key."""

    def __init__(self, station: StationId, prover: Prover, clock: Clock, time: StationTime) -> None:
        self._prover = prover
        self._key = PrivateKey.from_pkcs8(prover.key)
        self._station = prover.cp_id or station
        self._clock, self._time = clock, time
        self._first: IdentityProof | None = None
        #: proofs of work that are being searched for
        self.busy = 0

    async def answer(self, challenge: ProveIdentity, *, wanted: Callable[[], bool]) -> IdentityProof:
        """Return the proof. Raises PeerFault for a challenge that is refused, Offline once it is not ``wanted``."""
        _log.info("%s: challenged", self._station)
        if self._prover.replays and self._first is not None:
            return self._first
        try:
            self._refuse(challenge)
        except PeerFault as fault:
            _log.warning("%s: challenge refused: %s", self._station, fault)
            raise
        proof = await self._prove(challenge, wanted)
        self._first = self._first or proof
        return proof

    def _refuse(self, challenge: ProveIdentity) -> None:
        if challenge.difficulty > MAX_DIFFICULTY:
            raise PeerFault("PropertyConstraintViolation", f"no more than {MAX_DIFFICULTY} bits of work")
        if (host := endpoint_of(challenge.nonce)) and self._prover.host and host != self._prover.host:
            raise PeerFault("SecurityError", "this challenge was made for another host than the one I am connected to")

    async def _prove(self, challenge: ProveIdentity, wanted: Callable[[], bool]) -> IdentityProof:
        draft = self._document(challenge, self._time.now(), None)
        if not challenge.difficulty:
            return IdentityProof(draft)
        found = await self._work(draft["payload"], challenge.difficulty, wanted)
        return IdentityProof(self._document(challenge, draft["payload"]["timestamp"], found))

    def _document(self, challenge: ProveIdentity, at: datetime | str, pow_nonce: int | None) -> dict[str, Any]:
        prover = self._prover
        return prove(
            self._key, station=self._station, nonce=challenge.nonce, at=at, kind=prover.kind, did=prover.did,
            certificate=prover.certificate, profile=prover.manner, offer_key=prover.offers_key, pow_nonce=pow_nonce,
        )  # fmt: skip

    async def _work(self, payload: dict[str, Any], difficulty: int, wanted: Callable[[], bool]) -> int:
        rate, began, tried = self._prover.hash_rate, self._clock.tick(), 0
        self.busy += 1
        try:
            for found in search(payload, self._prover.manner, difficulty):
                tried = found or tried + SLICE
                await self._clock.sleep_until(Tick(began + (tried / rate if rate else 0.0)))
                if found is not None:
                    return found
                if not wanted():
                    break
        finally:
            self.busy -= 1
        raise Offline("nobody waits for this proof any more")
