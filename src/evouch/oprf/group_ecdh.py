"""P-256 out of key exchanges: the way of the ``cryptography`` package, whose OpenSSL is out of reach.

An exchange gives the x of k·P and hides its y. The x of (k+1)·P, from a second exchange, gives it back:
with P = (x1, y1), k·P = (x2, y2) and x3 = x((k+1)·P) the chord through P and k·P says

    (y2 − y1)² = (x1 + x2 + x3)(x2 − x1)²,   and with the equation of the curve
    y2 = (x2³ − 3x2 + b + y1² − (x1 + x2 + x3)(x2 − x1)²) / 2y1   modulo p.

It holds for k = 1 as well; for k = n − 1 there is no second exchange, and k·P is −P. y1 is
never 0, for n is odd.

The exchanges are constant in time, and what Python computes is made of their results. For a
server all of that is public. For a client the element that was hashed to is not: powers and
quotients of Python's integers on it tell something by their time to whoever can measure that,
which is why the other group is preferred.
"""

import hashlib
from typing import Final

import cryptography
from cryptography.hazmat.backends.openssl import backend
from cryptography.hazmat.primitives.asymmetric import ec

from evouch.errors import LocalError
from evouch.ids import KeyBytes
from evouch.oprf.curve import FIELD, ORDER, B, is_scalar
from evouch.oprf.hash_to_curve import hash_to_curve
from evouch.oprf.sec1 import InvalidElement, check_form

__all__ = ["make"]

_CURVE: Final = ec.SECP256R1()
_ECDH: Final = ec.ECDH()


def _field_power(base: int, exponent: int) -> int:
    return pow(base, exponent, FIELD)


class _Point:
    """An element by its coordinates."""

    __slots__ = ("x", "y")

    def __init__(self, x: int, y: int) -> None:
        self.x = x
        self.y = y

    def encode(self, *, compressed: bool = True) -> bytes:
        """Return it as SEC 1."""
        x, y = self.x.to_bytes(32, "big"), self.y.to_bytes(32, "big")
        return bytes([2 + self.y % 2]) + x if compressed else b"\x04" + x + y


class _Scalar:
    """A scalar k as two private keys: k and k + 1, where that is one."""

    __slots__ = ("_key", "_next", "_raw")

    def __init__(self, raw: KeyBytes) -> None:
        number = int.from_bytes(raw.reveal(), "big")
        self._raw = raw
        self._key = ec.derive_private_key(number, _CURVE)
        self._next = ec.derive_private_key(number + 1, _CURVE) if number != ORDER - 1 else None

    def times(self, element: _Point) -> _Point:
        """Return the product: two exchanges, and the y between them."""
        if type(element) is not _Point:
            raise LocalError("this element belongs to another group")
        if self._next is None:
            return _Point(element.x, FIELD - element.y)
        peer = ec.EllipticCurvePublicNumbers(element.x, element.y, _CURVE).public_key()
        here, there = (int.from_bytes(key.exchange(_ECDH, peer), "big") for key in (self._key, self._next))
        return _Point(here, _y_between(element, here, there))

    def inverse(self) -> "_Scalar":
        """Return the inverse. What Python inverts is the product with a mask that only the scalar's owner can make."""
        raw = self._raw.reveal()
        mask = int.from_bytes(hashlib.sha512(b"mask" + raw).digest(), "big") % (ORDER - 1) + 1
        hidden = pow(int.from_bytes(raw, "big") * mask % ORDER, -1, ORDER)
        return _Scalar(KeyBytes((hidden * mask % ORDER).to_bytes(32, "big")))


def _y_between(point: _Point, x2: int, x3: int) -> int:
    """Return y of k·P from P, the x of k·P and the x of (k+1)·P; see the head of the module."""
    chord = (point.x + x2 + x3) * (x2 - point.x) ** 2
    square = x2**3 - 3 * x2 + B
    return (square + point.y**2 - chord) * pow(2 * point.y, -1, FIELD) % FIELD


class _Ecdh:
    """The group, as :class:`evouch.oprf.group.Group` describes it."""

    name: Final = "ecdh"
    library: Final = f"cryptography {cryptography.__version__}, {backend.openssl_version_text()}"

    def element(self, encoded: bytes) -> _Point:
        """Return the element. The library finds out whether coordinates are in range and on the curve."""
        check_form(encoded)
        try:
            numbers = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, encoded).public_numbers()
        except ValueError:
            raise InvalidElement from None
        return _Point(numbers.x, numbers.y)

    def hash_to_curve(self, message: bytes, dst: bytes) -> _Point:
        """Return the element of ``message``, its powers by Python."""
        return self.element(hash_to_curve(message, dst, _field_power))

    def scalar(self, key: KeyBytes) -> _Scalar:
        """Return the scalar of 32 bytes; ValueError outside 1 to n − 1."""
        if not is_scalar(key.reveal()):
            raise ValueError("a scalar has 32 bytes and is between 1 and n - 1")
        return _Scalar(key)

    def reduce(self, wide: bytes) -> KeyBytes:
        """Return ``wide`` modulo n: one division by Python, when a key is derived."""
        return KeyBytes((int.from_bytes(wide, "big") % ORDER).to_bytes(32, "big"))


def make() -> _Ecdh:
    """Return the group."""
    return _Ecdh()
