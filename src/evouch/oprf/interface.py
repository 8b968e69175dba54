"""What the protocol asks of arithmetic on P-256: elements, secret scalars, and who makes them."""

from typing import Any, Protocol

from evouch.ids import KeyBytes

__all__ = ["Element", "Group", "Scalar"]


class Element(Protocol):
    """A point on the curve other than infinity, of one group. It has been checked; it may be secret."""

    def encode(self, *, compressed: bool = True) -> bytes:
        """Return it as SEC 1: 33 bytes, or 65."""


class Scalar(Protocol):
    """A secret number from 1 to n − 1, ready to multiply with. All of its arithmetic is constant in time."""

    def times(self, element: Any) -> Element:
        """Return the product with an element of the same group; LocalError for one of another."""

    def inverse(self) -> "Scalar":
        """Return the number whose product with this one is 1 modulo n."""


class Group(Protocol):
    """Who computes on P-256. One object serves all threads."""

    @property
    def name(self) -> str:
        """The name that :func:`open_group` knows it by."""

    @property
    def library(self) -> str:
        """Which library does the arithmetic, with its version."""

    def element(self, encoded: bytes) -> Element:
        """Return the element of either form of SEC 1; :class:`InvalidElement` for anything else."""

    def hash_to_curve(self, message: bytes, dst: bytes) -> Element:
        """Return the element that ``message`` is hashed to (RFC 9380, P256_XMD:SHA-256_SSWU_RO_)."""

    def scalar(self, key: KeyBytes) -> Scalar:
        """Return a scalar of 32 bytes, big-endian; ValueError outside 1 to n − 1."""

    def reduce(self, wide: bytes) -> KeyBytes:
        """Return 32 bytes: the big-endian number ``wide`` modulo n, which may be 0."""
