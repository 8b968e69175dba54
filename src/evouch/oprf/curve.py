"""The numbers of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3): y² = x³ − 3x + b over the integers modulo p."""

from typing import Final

__all__ = ["FIELD", "GENERATOR", "ORDER", "SCALAR_BYTES", "A", "B", "is_scalar"]

#: p, the modulus of coordinates.
FIELD: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
A: Final = FIELD - 3
B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
#: n, the number of points, infinity included. It is prime: every other point generates all of them.
ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
#: The base point, compressed.
GENERATOR: Final = bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")
#: Ns of RFC 9497 §4.3.
SCALAR_BYTES: Final = 32

_ZERO: Final = bytes(SCALAR_BYTES)
_ORDER: Final = ORDER.to_bytes(SCALAR_BYTES, "big")


def is_scalar(raw: bytes) -> bool:
    """Return whether ``raw`` is a scalar: 32 bytes, big-endian, 1 to n − 1.

    Bytes are compared, no number is made of them. How long that takes can tell only how many of the
    first bytes are those of 0 or of n, which for a random scalar is none.
    """
    return len(raw) == SCALAR_BYTES and _ZERO < raw < _ORDER
