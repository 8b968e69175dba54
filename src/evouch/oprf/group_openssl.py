"""P-256 by the OpenSSL that Python's ``ssl`` has loaded, called through ctypes.

``ssl`` links to it, so that whoever opens ``ssl``'s own library finds exactly that copy by its symbols:
no name is guessed, and there are never two copies in the process. Importing this module raises
AttributeError where the library keeps its functions to itself.

- What a secret scalar meets is written to be constant in time: EC_POINT_mul (the nistz256 assembly or the
  ladder), BN_mod_exp_mont_consttime, and BN_div on numbers that are marked for it.
- Every object belongs to one Python object and is wiped when it is freed. Nothing is shared between threads
  but the curve, points and scalars, which no call changes once they are made.
- OpenSSL's queue of errors is also that of ``ssl``: whoever sees a failure here empties it.
"""

import _ssl
import ctypes
import threading
from ctypes import c_char_p, c_int, c_size_t, c_void_p
from functools import lru_cache
from typing import Any, Final, NoReturn

from evouch.errors import LocalError
from evouch.ids import KeyBytes
from evouch.oprf.curve import FIELD, ORDER, SCALAR_BYTES, is_scalar
from evouch.oprf.hash_to_curve import hash_to_curve
from evouch.oprf.sec1 import COMPRESSED, UNCOMPRESSED, InvalidElement, check_form

__all__ = ["make"]

_library: Final = ctypes.CDLL(_ssl.__file__)


def _bind(name: str, returns: Any, *takes: Any) -> Any:
    """Return a function of the library with its types, without which pointers would be cut to 32 bits."""
    function = getattr(_library, name)
    function.restype, function.argtypes = returns, takes
    return function


_P = c_void_p
_version: Final = _bind("OpenSSL_version", c_char_p, c_int)
_clear_errors: Final = _bind("ERR_clear_error", None)
_curve_by_name: Final = _bind("EC_GROUP_new_by_curve_name", _P, c_int)
_point_new: Final = _bind("EC_POINT_new", _P, _P)
_point_free: Final = _bind("EC_POINT_clear_free", None, _P)
_point_read: Final = _bind("EC_POINT_oct2point", c_int, _P, _P, c_char_p, c_size_t, _P)
_point_write: Final = _bind("EC_POINT_point2oct", c_size_t, _P, _P, c_int, c_char_p, c_size_t, _P)
_point_mul: Final = _bind("EC_POINT_mul", c_int, _P, _P, _P, _P, _P, _P)
_number_read: Final = _bind("BN_bin2bn", _P, c_char_p, c_int, _P)
_number_write: Final = _bind("BN_bn2binpad", c_int, _P, c_char_p, c_int)
_number_free: Final = _bind("BN_clear_free", None, _P)
_number_set_flags: Final = _bind("BN_set_flags", None, _P, c_int)
_number_power: Final = _bind("BN_mod_exp_mont_consttime", c_int, _P, _P, _P, _P, _P, _P)
_number_divide: Final = _bind("BN_div", c_int, _P, _P, _P, _P, _P)
_montgomery_new: Final = _bind("BN_MONT_CTX_new", _P)
_montgomery_set: Final = _bind("BN_MONT_CTX_set", c_int, _P, _P, _P)
_context_new: Final = _bind("BN_CTX_new", _P)
_context_free: Final = _bind("BN_CTX_free", None, _P)

#: NID_X9_62_prime256v1, which is P-256.
_NID: Final = 415
#: BN_FLG_CONSTTIME
_CONSTANT_TIME: Final = 4
#: POINT_CONVERSION_COMPRESSED and _UNCOMPRESSED, with their size and a buffer of it
_FORM: Final = {
    True: (COMPRESSED, 2, ctypes.c_char * COMPRESSED),
    False: (UNCOMPRESSED, 4, ctypes.c_char * UNCOMPRESSED),
}
#: The curve, for the life of the process.
_P256: Final = _curve_by_name(_NID)


def _failed(what: str) -> LocalError:
    _clear_errors()
    return LocalError(f"OpenSSL could not {what}")


class _Owned:
    """Something that OpenSSL made and that is wiped and freed with this object. So there is no second one."""

    __slots__ = ("at",)
    at: int | None

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(f"{type(self).__name__} is never copied")


class _Number(_Owned):
    """A BIGNUM of ours, treated as a secret."""

    __slots__ = ()

    def __init__(self, raw: bytes) -> None:
        self.at = _number_read(raw, len(raw), None)
        if not self.at:
            raise _failed("read a number")
        _number_set_flags(self.at, _CONSTANT_TIME)

    def __del__(self, _free: Any = _number_free) -> None:
        _free(self.at)

    def bytes(self) -> bytes:
        """Return it in 32 bytes."""
        out = (ctypes.c_char * SCALAR_BYTES)()
        if _number_write(self.at, out, SCALAR_BYTES) != SCALAR_BYTES:
            raise _failed("write a number")
        return bytes(out.raw)


class _Context(_Owned):
    """Room for what a computation needs on its way."""

    __slots__ = ()

    def __init__(self) -> None:
        self.at = _context_new()
        if not self.at:
            raise _failed("make room for numbers")

    def __del__(self, _free: Any = _context_free) -> None:
        _free(self.at)


class _Room(threading.local):
    """A context of each thread, for reading and writing points. No scalar meets it: it is wiped with its thread."""

    def __init__(self) -> None:
        self.context = _Context()


_room: Final = _Room()


class _Modulus:
    """A prime that powers are taken by, with what OpenSSL computes of it in advance; for the life of the process."""

    __slots__ = ("_montgomery", "number")

    def __init__(self, prime: int) -> None:
        self.number = _public(prime)
        self._montgomery, context = _montgomery_new(), _Context()
        if not _montgomery_set(self._montgomery, self.number.at, context.at):
            raise _failed("prepare a modulus")

    def power(self, base: _Number, exponent: _Number) -> _Number:
        """Return base^exponent, of a base that is less than the prime."""
        result, context = _Number(b""), _Context()
        if not _number_power(result.at, base.at, exponent.at, self.number.at, context.at, self._montgomery):
            raise _failed("raise to a power")
        return result


@lru_cache
def _public(number: int) -> _Number:
    """Return one of the few numbers that are known to everybody."""
    return _Number(number.to_bytes(32, "big"))


_FIELD: Final = _Modulus(FIELD)
_ORDER: Final = _Modulus(ORDER)


def _field_power(base: int, exponent: int) -> int:
    """Return base^exponent modulo p, for :mod:`~evouch.oprf.hash_to_curve`."""
    return int.from_bytes(_FIELD.power(_Number(base.to_bytes(32, "big")), _public(exponent)).bytes(), "big")


class _Point(_Owned):
    """An EC_POINT of ours, on the curve once it has been read or computed."""

    __slots__ = ()

    def __init__(self) -> None:
        self.at = _point_new(_P256)
        if not self.at:
            raise _failed("make a point")

    def __del__(self, _free: Any = _point_free) -> None:
        _free(self.at)

    def encode(self, *, compressed: bool = True) -> bytes:
        """Return it as SEC 1. Infinity, which has one byte there, is a failure."""
        size, form, buffer = _FORM[compressed]
        out = buffer()
        if _point_write(_P256, self.at, form, out, size, _room.context.at) != size:
            raise _failed("write a point")
        return bytes(out.raw)


class _Scalar:
    """A scalar as a BIGNUM that is only ever read."""

    __slots__ = ("_number",)

    def __init__(self, number: _Number) -> None:
        self._number = number

    def times(self, element: _Point) -> _Point:
        """Return the product: one windowed multiplication, or ladder, of constant time."""
        if type(element) is not _Point:  # a foreign pointer would end the process, or worse
            raise LocalError("this element belongs to another group")
        product = _Point()
        if not _point_mul(_P256, product.at, None, element.at, self._number.at, None):
            raise _failed("multiply a point")
        return product

    def inverse(self) -> "_Scalar":
        """Return the inverse by Fermat: k^(n−2) modulo n."""
        return _Scalar(_ORDER.power(self._number, _public(ORDER - 2)))


class _Openssl:
    """The group, as :class:`evouch.oprf.group.Group` describes it."""

    name: Final = "openssl"
    library: Final = _version(0).decode()

    def element(self, encoded: bytes) -> _Point:
        """Return the element. OpenSSL finds out whether coordinates are in range and on the curve."""
        check_form(encoded)
        point = _Point()
        if not _point_read(_P256, point.at, encoded, len(encoded), _room.context.at):
            _clear_errors()
            raise InvalidElement
        return point

    def hash_to_curve(self, message: bytes, dst: bytes) -> _Point:
        """Return the element of ``message``, its powers by OpenSSL."""
        return self.element(hash_to_curve(message, dst, _field_power))

    def scalar(self, key: KeyBytes) -> _Scalar:
        """Return the scalar of 32 bytes; ValueError outside 1 to n − 1."""
        raw = key.reveal()
        if not is_scalar(raw):
            raise ValueError("a scalar has 32 bytes and is between 1 and n - 1")
        return _Scalar(_Number(raw))

    def reduce(self, wide: bytes) -> KeyBytes:
        """Return ``wide`` modulo n."""
        remainder, context, number = _Number(b""), _Context(), _Number(wide)
        if not _number_divide(None, remainder.at, number.at, _ORDER.number.at, context.at):
            raise _failed("divide a number")
        return KeyBytes(remainder.bytes())


def make() -> _Openssl:
    """Return the group."""
    return _Openssl()
