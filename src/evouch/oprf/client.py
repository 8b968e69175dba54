"""Who has the input: blind it, send what comes out, finish with the answer (RFC 9497 §3.3.1).

What is kept and what is sent are two types. Of the input only the begun hash of the last
step is kept, never its bytes: an input such as a MAC address stays in the caller's hands.
"""

from typing import NewType

from evouch.clock import Entropy
from evouch.ids import KeyBytes
from evouch.oprf.group import Group, Scalar, open_group
from evouch.oprf.keys import random_scalar
from evouch.oprf.suite import HASH_TO_GROUP, Finalize

__all__ = ["BlindedElement", "Blinder", "Kept", "blind", "blind_with"]

#: What is sent: a compressed element that says nothing about the input.
BlindedElement = NewType("BlindedElement", bytes)


class Kept:
    """What is kept until the answer is there: how to take the blind off, and the hash that ends it."""

    __slots__ = ("_blind", "_finalize", "_group")

    def __init__(self, blind: Scalar, finalize: Finalize, group: Group) -> None:
        self._blind = blind
        self._finalize = finalize
        self._group = group

    def finish(self, evaluated: bytes) -> bytes:
        """Return the output, 32 bytes, from the server's answer in either form of SEC 1.

        Raises :class:`~evouch.oprf.group.InvalidElement`; then nothing was computed with the blind. Whatever the
        form of the answer, the element is compressed before it is hashed (docs/decisions/048).
        """
        element = self._group.element(evaluated)
        return self._finalize.output(self._blind.inverse().times(element).encode())


class Blinder:
    """One input for several servers: it is hashed to the curve once and blinded anew for each of them.

    Two servers that compared what they were sent would find nothing in common.
    """

    __slots__ = ("_element", "_finalize", "_group")

    def __init__(self, input: bytes, *, group: Group | None = None) -> None:
        """Hash ``input``; ValueError where it is longer than 65,535 bytes."""
        self._group = group or open_group()
        self._finalize = Finalize(input)
        self._element = self._group.hash_to_curve(input, HASH_TO_GROUP)

    def blind(self, entropy: Entropy) -> tuple[Kept, BlindedElement]:
        """Return what to keep and what to send, with a blind of its own."""
        return self.blind_with(random_scalar(entropy))

    def blind_with(self, blind: KeyBytes) -> tuple[Kept, BlindedElement]:
        """Return the same with a given blind, never used before; ValueError unless it is from 1 to n − 1."""
        scalar = self._group.scalar(blind)
        return Kept(scalar, self._finalize, self._group), BlindedElement(scalar.times(self._element).encode())


def blind(input: bytes, entropy: Entropy, *, group: Group | None = None) -> tuple[Kept, BlindedElement]:
    """Return what to keep and what to send for ``input``; ValueError where it is longer than 65,535 bytes."""
    return Blinder(input, group=group).blind(entropy)


def blind_with(input: bytes, scalar: KeyBytes, *, group: Group | None = None) -> tuple[Kept, BlindedElement]:
    """Return the same with a given blind: one layer down, where chance is an argument."""
    return Blinder(input, group=group).blind_with(scalar)
