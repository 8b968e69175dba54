"""The challenge: one nonce, good for one answer on one connection, for a short time.

The nonce is 32 random bytes in base64url and has nothing of the time in it. It may carry the
name of the host it was issued for, ``<random>.<base64url of the host>``: opaque to a station
that does not know this form, while one that does can refuse a nonce that another backend
only passes on. Whoever issues a challenge keeps it with the connection and takes it
away before an answer is judged, so that nobody can answer twice.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from evouch.clock import Entropy, Tick
from evouch.identity import encoding
from evouch.identity.work import MAX_DIFFICULTY, check_difficulty, patience

__all__ = ["MAX_DIFFICULTY", "NONCE_BYTES", "TTL", "Challenge", "endpoint_of", "issue"]

#: Twice what WebAuthn asks for at least (§13.4.3).
NONCE_BYTES: Final = 32
#: Seconds until an unanswered challenge is worth nothing: longer than a CALL may take.
TTL: Final = 60.0


@dataclass(frozen=True, slots=True)
class Challenge:
    """What was asked, and until when an answer counts. ``timestamp`` is what the station is told."""

    nonce: str
    timestamp: datetime
    difficulty: int
    expires: Tick


def issue(
    entropy: Entropy, now: datetime, tick: Tick, *, difficulty: int = 0, ttl: float = TTL, endpoint: str = ""
) -> Challenge:
    """Return a fresh challenge; ``endpoint`` is the host name to bind it to.

    It lives for ``ttl`` seconds and as long as a slow station works on ``difficulty``.
    LocalError where the difficulty is outside 0 … 20.
    """
    nonce = encoding.base64url(entropy.bytes(NONCE_BYTES))
    if endpoint:
        nonce += "." + encoding.base64url(endpoint.encode())
    return Challenge(nonce, now, check_difficulty(difficulty), Tick(tick + ttl + patience(difficulty)))


def endpoint_of(nonce: str) -> str:
    """Return the host that a nonce says it was issued for, or nothing: for the station that wants to compare."""
    _, _, tail = nonce.partition(".")
    try:
        return encoding.read_base64url(tail).decode() if tail else ""
    except ValueError:
        return ""
