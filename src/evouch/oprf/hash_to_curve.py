"""From bytes to a point that nobody knows the logarithm of: P256_XMD:SHA-256_SSWU_RO_ of RFC 9380.

What is hashed here may be a secret that is easy to guess, such as a MAC address. So there is no
branch on it: of two candidates both are computed and one is picked, the addition has no special
cases, and powers, which are most of the work, are the group's (``power``). What remains are products of
Python's integers, which are not strictly constant in time. No key and no blind ever comes here.
"""

import hashlib
from collections.abc import Callable
from typing import Final

from evouch.oprf.curve import FIELD, A, B

__all__ = [
    "DIGEST_BYTES",
    "ELEMENT_BYTES",
    "Fraction",
    "Power",
    "add",
    "expand",
    "hash_to_curve",
    "hash_to_field",
    "map_to_curve",
]

#: base, exponent → base^exponent modulo p.
Power = Callable[[int, int], int]
#: A point as x/z, y/z.
Fraction = tuple[int, int, int]

#: b_in_bytes and s_in_bytes of SHA-256.
DIGEST_BYTES: Final = 32
BLOCK_BYTES: Final = 64
#: L of RFC 9380 §8.2: 256 bits and 128 more, so that the remainder has no bias.
ELEMENT_BYTES: Final = 48
#: Z of the suite (RFC 9380 §8.2), and c2 = sqrt(−Z) of its §F.2.1.2.
Z: Final = FIELD - 10
_ROOT_OF_MINUS_Z: Final = pow(10, (FIELD + 1) // 4, FIELD)
_ROOT: Final = (FIELD - 3) // 4
_INVERSE: Final = FIELD - 2


def hash_to_curve(message: bytes, dst: bytes, power: Power) -> bytes:
    """Return the point of ``message`` under the tag ``dst``, as uncompressed SEC 1 (RFC 9380 §3, cofactor 1).

    The chance that it is infinity is 2^-256; then it comes out as zeros, which no group takes for an element.
    """
    first, second = hash_to_field(message, dst)
    x, y, z = add(map_to_curve(first, power), map_to_curve(second, power))
    inverse = power(z, _INVERSE)
    return b"\x04" + b"".join((each * inverse % FIELD).to_bytes(32, "big") for each in (x, y))


def hash_to_field(message: bytes, dst: bytes) -> tuple[int, int]:
    """Return the two field elements of ``message`` (RFC 9380 §5.2)."""
    wide = expand(message, dst, 2 * ELEMENT_BYTES)
    first, second = wide[:ELEMENT_BYTES], wide[ELEMENT_BYTES:]
    return int.from_bytes(first, "big") % FIELD, int.from_bytes(second, "big") % FIELD


def expand(message: bytes, dst: bytes, count: int) -> bytes:
    """Return ``count`` uniform bytes (expand_message_xmd of RFC 9380 §5.3.1, with SHA-256)."""
    suffix = dst + bytes([len(dst)])
    seed = hashlib.sha256(bytes(BLOCK_BYTES) + message + count.to_bytes(2, "big") + b"\0" + suffix).digest()
    mask, block, blocks = int.from_bytes(seed, "big"), bytes(DIGEST_BYTES), []
    for number in range(1, -(-count // DIGEST_BYTES) + 1):
        mixed = mask ^ int.from_bytes(block, "big")
        block = hashlib.sha256(mixed.to_bytes(DIGEST_BYTES, "big") + bytes([number]) + suffix).digest()
        blocks.append(block)
    return b"".join(blocks)[:count]


def map_to_curve(u: int, power: Power) -> Fraction:
    """Return a point for the field element ``u``: simplified SWU, straight through (RFC 9380 §F.2)."""
    tv1 = Z * u * u % FIELD
    tv2 = (tv1 * tv1 + tv1) % FIELD
    tv3 = B * (tv2 + 1) % FIELD
    tv4 = A * (-tv2, Z)[tv2 == 0] % FIELD
    tv6 = tv4 * tv4 % FIELD
    gx = (tv3 * tv3 + A * tv6) * tv3 % FIELD
    tv6 = tv6 * tv4 % FIELD
    gx = (gx + B * tv6) % FIELD
    square, root = _root_of_ratio(gx, tv6, power)
    x = (tv1 * tv3 % FIELD, tv3)[square]
    y = (tv1 * u * root % FIELD, root)[square]
    y = (FIELD - y, y)[(u ^ y) & 1 == 0]
    return x, y * tv4 % FIELD, tv4


def _root_of_ratio(u: int, v: int, power: Power) -> tuple[bool, int]:
    """Return whether u/v is a square, and the root of it or of Z·u/v (RFC 9380 §F.2.1.2, p ≡ 3 modulo 4)."""
    uv = u * v % FIELD
    square = power(v * v * uv % FIELD, _ROOT) * uv % FIELD
    other = square * _ROOT_OF_MINUS_Z % FIELD
    is_square = square * square * v % FIELD == u
    return is_square, (other, square)[is_square]


def add(one: Fraction, other: Fraction) -> Fraction:
    """Return the sum of any two points, equal, opposite or infinity (Renes, Costello and Batina 2016, a = −3)."""
    x1, y1, z1 = one
    x2, y2, z2 = other
    xx, yy, zz = x1 * x2 % FIELD, y1 * y2 % FIELD, z1 * z2 % FIELD
    xy, yz, xz = (x1 * y2 + x2 * y1) % FIELD, (y1 * z2 + y2 * z1) % FIELD, (x1 * z2 + x2 * z1) % FIELD
    m = 3 * (xz - B * zz) % FIELD
    w = 3 * (B * xz - 3 * zz - xx) % FIELD
    t = 3 * (xx - zz) % FIELD
    return (
        (xy * (yy + m) - yz * w) % FIELD,
        ((yy + m) * (yy - m) + t * w) % FIELD,
        (yz * (yy - m) + xy * t) % FIELD,
    )
