"""P-256 once more, in the plainest way: affine points of Python integers, to compare groups with. Never for a key."""

import hashlib
from dataclasses import dataclass
from typing import Any

from evouch.ids import KeyBytes
from evouch.oprf.sec1 import InvalidElement

__all__ = ["IntGroup", "N", "P", "decoded"]

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
Z = P - 10
Affine = tuple[int, int] | None


def curve(x: int) -> int:
    return (x**3 - 3 * x + B) % P


def root(square: int) -> int | None:
    found = pow(square, (P + 1) // 4, P)
    return found if found * found % P == square % P else None


def plus(one: Affine, other: Affine) -> Affine:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, P) if one == other else (y2 - y1) * pow(x2 - x1, -1, P)
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def times(k: int, point: Affine) -> Affine:
    product: Affine = None
    for bit in f"{k:b}":
        product = plus(product, product)
        product = plus(product, point) if bit == "1" else product
    return product


def decoded(encoded: bytes) -> Affine:
    """Return the point of SEC 1 §2.3.4 in one of the two forms, None where it is none."""
    x, y = int.from_bytes(encoded[1:33], "big"), int.from_bytes(encoded[33:], "big")
    if len(encoded) == 65 and encoded[0] == 4:
        return (x, y) if x < P and y < P and y * y % P == curve(x) else None
    if len(encoded) == 33 and encoded[0] in {2, 3} and x < P and (found := root(curve(x))) is not None:
        return x, found if found % 2 == encoded[0] % 2 else P - found
    return None


def swu(u: int) -> Affine:
    """Simplified SWU as RFC 9380 §6.6.2 explains it, not as its §F.2 computes it."""
    tv1 = pow(Z * Z * u**4 + Z * u * u, -1, P)
    x1 = -B * pow(-3, -1, P) * (1 + tv1) % P
    x2 = Z * u * u * x1 % P
    x, y = next((x, y) for x in (x1, x2) if (y := root(curve(x))) is not None)
    return x, y if y % 2 == u % 2 else P - y


def uniform(message: bytes, dst: bytes) -> tuple[int, int]:
    tail = dst + bytes([len(dst)])
    seed = hashlib.sha256(bytes(64) + message + b"\0\x60\0" + tail).digest()
    one = hashlib.sha256(seed + b"\1" + tail).digest()
    two = hashlib.sha256(bytes(a ^ b for a, b in zip(seed, one, strict=True)) + b"\2" + tail).digest()
    three = hashlib.sha256(bytes(a ^ b for a, b in zip(seed, two, strict=True)) + b"\3" + tail).digest()
    wide = one + two + three
    return int.from_bytes(wide[:48], "big") % P, int.from_bytes(wide[48:], "big") % P


@dataclass(frozen=True)
class IntElement:
    point: tuple[int, int]

    def encode(self, *, compressed: bool = True) -> bytes:
        x, y = (each.to_bytes(32, "big") for each in self.point)
        return bytes([2 + y[-1] % 2]) + x if compressed else b"\x04" + x + y


@dataclass(frozen=True)
class IntScalar:
    number: int

    def times(self, element: Any) -> IntElement:
        product = times(self.number, element.point)
        assert product is not None
        return IntElement(product)

    def inverse(self) -> "IntScalar":
        return IntScalar(pow(self.number, -1, N))


class IntGroup:
    name = "integers"
    library = "Python"

    def element(self, encoded: bytes) -> IntElement:
        point = decoded(encoded)
        if point is None:
            raise InvalidElement
        return IntElement(point)

    def hash_to_curve(self, message: bytes, dst: bytes) -> IntElement:
        first, second = uniform(message, dst)
        point = plus(swu(first), swu(second))
        assert point is not None
        return IntElement(point)

    def scalar(self, key: KeyBytes) -> IntScalar:
        return IntScalar(int.from_bytes(key.reveal(), "big"))

    def reduce(self, wide: bytes) -> KeyBytes:
        return KeyBytes((int.from_bytes(wide, "big") % N).to_bytes(32, "big"))
