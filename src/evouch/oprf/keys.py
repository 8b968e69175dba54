"""Secret scalars: the key that a server keeps, and how one is drawn, derived, written and read.

A scalar is 32 bytes, big-endian, from 1 to n − 1 ("Autocharge Roaming" §4.4, RFC 9497 §4.3). No number
is made of it here: it stays bytes until a group computes with it.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from evouch.clock import Entropy
from evouch.errors import LocalError
from evouch.ids import KeyBytes, Secret
from evouch.oprf.curve import GENERATOR, SCALAR_BYTES, is_scalar
from evouch.oprf.group import Group, open_group
from evouch.oprf.hash_to_curve import ELEMENT_BYTES, expand
from evouch.oprf.suite import DERIVE_KEY_PAIR

__all__ = ["PrivateKey", "random_scalar", "scalar_in"]

_DIGITS: Final = re.compile(r"[0-9a-f]{64}\Z", re.IGNORECASE | re.ASCII)
#: Chance misses the range once in 2^32 draws; this often in a row it is no chance.
_DRAWS: Final = 8
#: The counter of DeriveKeyPair has one byte.
_TRIES: Final = 256


def random_scalar(entropy: Entropy) -> KeyBytes:
    """Return 32 bytes from 1 to n − 1, each as likely as any other: drawn until they fit (RFC 9497 §4.7.1).

    Raises LocalError for a source that never gives any.
    """
    for _ in range(_DRAWS):
        raw = entropy.bytes(SCALAR_BYTES)
        if is_scalar(raw):
            return KeyBytes(raw)
    raise LocalError("this source of chance gives no scalars")


def scalar_in(text: str) -> KeyBytes:
    """Return the scalar of exactly 64 hex digits, in any case; ValueError for anything else, and outside 1 to n − 1."""
    if not _DIGITS.match(text) or not is_scalar(raw := bytes.fromhex(text)):
        raise ValueError("a scalar is written as 64 hex digits and is between 1 and n - 1")
    return KeyBytes(raw)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The key of an oracle. It is never printed, and equal to another only by comparison in constant time."""

    key_bytes: KeyBytes

    def __post_init__(self) -> None:
        if not is_scalar(self.key_bytes.reveal()):
            raise ValueError("a key of the OPRF has 32 bytes and is between 1 and n - 1")

    @classmethod
    def from_bytes(cls, given: KeyBytes | bytes) -> Self:
        """Return the key of 32 bytes, leading zeros included; ValueError unless it is from 1 to n − 1."""
        return cls(given if isinstance(given, KeyBytes) else KeyBytes(given))

    @classmethod
    def from_hex(cls, given: Secret | str) -> Self:
        """Return the key of exactly 64 hex digits, in any case; ValueError for anything else."""
        return cls(scalar_in(given.text() if isinstance(given, Secret) else given))

    @classmethod
    def generate(cls, entropy: Entropy) -> Self:
        """Return a new key."""
        return cls(random_scalar(entropy))

    @classmethod
    def derive(cls, seed: KeyBytes | bytes, info: bytes = b"", *, group: Group | None = None) -> Self:
        """Return the key that ``seed``, 32 bytes of chance, and ``info`` determine (DeriveKeyPair, RFC 9497 §3.2.1).

        Raises ValueError for a seed of another length, or an ``info`` of more than 65,535 bytes.
        """
        raw = seed.reveal() if isinstance(seed, KeyBytes) else seed
        if len(raw) != SCALAR_BYTES or len(info) > 0xFFFF:  # noqa: PLR2004 - its length is written in two bytes
            raise ValueError("a seed has 32 bytes, and an info at most 65535")
        reduce = (group or open_group()).reduce
        for counter in range(_TRIES):
            message = raw + len(info).to_bytes(2, "big") + info + bytes([counter])
            key = reduce(expand(message, DERIVE_KEY_PAIR, ELEMENT_BYTES))
            if is_scalar(key.reveal()):
                return cls(key)
        raise LocalError("256 scalars in a row that are zero")

    def public(self, *, group: Group | None = None) -> bytes:
        """Return the public element, compressed. Mode 0 does not use it; people compare keys by it."""
        group = group or open_group()
        return group.scalar(self.key_bytes).times(group.element(GENERATOR)).encode()
