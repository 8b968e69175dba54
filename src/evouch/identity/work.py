"""Proof of work: trailing zero bits of the SHA-256 of the canonical payload.

W3CP counts them, but over the text of the hash, which never ends in a zero bit, so its
firmware cannot solve any difficulty above 0. Counted here over the 32 raw bytes, from the least
significant bit of the last one. Each bit doubles the work of the prover and costs the
verifier nothing; it also buys little, hence 0 unless asked for, and never above 20.
"""

import hashlib
from collections.abc import Iterator
from itertools import count
from typing import Final

from evouch.errors import LocalError

__all__ = ["MAX_DIFFICULTY", "SLICE", "check_difficulty", "patience", "search", "solve", "trailing_zeros"]

#: Above this a microcontroller works for minutes, and a verifier gains nothing.
MAX_DIFFICULTY: Final = 20
#: Numbers that :func:`search` tries at a stretch: a few milliseconds.
SLICE: Final = 1_000
#: Hashes per second of the slowest station that is waited for.
_RATE: Final = 20_000
#: Of a thousand provers one needs more than 6.9 times the mean: −ln 0.001.
_UNLUCKY: Final = 6.9


def check_difficulty(difficulty: int) -> int:
    """Return ``difficulty``; LocalError outside 0 … 20."""
    if not 0 <= difficulty <= MAX_DIFFICULTY:
        raise LocalError(f"a difficulty is 0 to {MAX_DIFFICULTY} bits")
    return difficulty


def trailing_zeros(digest: bytes) -> int:
    """Return how many bits at the end of ``digest`` are zero."""
    number = int.from_bytes(digest, "big")
    return (number & -number).bit_length() - 1 if number else 8 * len(digest)


def search(before: bytes, after: bytes, difficulty: int, *, start: int = 1) -> Iterator[int | None]:
    """Try the numbers from ``start``, written between the two, until one gives a hash with enough zero bits.

    Yields None after every :data:`SLICE` in vain, so that something else can be done meanwhile, and
    that number in the end.
    """
    check_difficulty(difficulty)
    hashed = hashlib.sha256(before)
    for number in count(start):
        attempt = hashed.copy()
        attempt.update(b"%d" % number + after)
        if trailing_zeros(attempt.digest()) >= difficulty:
            yield number
            return
        if (number - start + 1) % SLICE == 0:
            yield None


def solve(before: bytes, after: bytes, difficulty: int, *, start: int = 1) -> int:
    """Return the first number that :func:`search` finds."""
    return next(found for found in search(before, after, difficulty, start=start) if found is not None)


def patience(difficulty: int) -> float:
    """Return the seconds within which 999 of 1000 slow stations are done (at 20,000 hashes a second)."""
    return _UNLUCKY * (1 << check_difficulty(difficulty)) / _RATE if difficulty else 0.0
