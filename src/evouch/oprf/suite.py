"""The suite OPRF(P-256, SHA-256) in mode 0: its names, and the hashes around the arithmetic (RFC 9497 §3, §4.3).

"Autocharge Roaming" §4.2 calls it "OPRF-P256-SHA256". The identifier that goes into the hashes is
that of the RFC, ``P256-SHA256``: with any other one every VID is another (docs/decisions/048).
"""

import hashlib
from typing import Final

__all__ = ["DERIVE_KEY_PAIR", "HASH_TO_GROUP", "IDENTIFIER", "LONGEST_INPUT", "Finalize"]

IDENTIFIER: Final = b"P256-SHA256"
#: CreateContextString of RFC 9497 §3.1, for mode 0.
CONTEXT: Final = b"OPRFV1-\x00-" + IDENTIFIER
#: Domain separation tags (RFC 9497 §4.3 and §3.2.1).
HASH_TO_GROUP: Final = b"HashToGroup-" + CONTEXT
DERIVE_KEY_PAIR: Final = b"DeriveKeyPair" + CONTEXT
#: Inputs are preceded by their length in two bytes (RFC 9497 §1.2).
LONGEST_INPUT: Final = 0xFFFF


class Finalize:
    """The hash at the end (RFC 9497 §3.3.1), begun with the input: nothing else is needed of it later on.

    Raises ValueError for an input longer than :data:`LONGEST_INPUT`.
    """

    __slots__ = ("_begun",)

    def __init__(self, input: bytes) -> None:
        if len(input) > LONGEST_INPUT:
            raise ValueError(f"an input of the OPRF has at most {LONGEST_INPUT} bytes")
        self._begun = hashlib.sha256(len(input).to_bytes(2, "big") + input)

    def output(self, unblinded: bytes) -> bytes:
        """Return the output of the function, 32 bytes, from the element in its compressed form."""
        whole = self._begun.copy()
        whole.update(len(unblinded).to_bytes(2, "big") + unblinded + b"Finalize")
        return whole.digest()
