"""Bytes as text, strictly: hexadecimal, base64url and base58, one spelling per value.

W3CP's layer for OCPP 1.6J writes hexadecimal, its firmware base64url. The decoders of the
standard library accept too much for texts that are signed and compared: blanks, characters
of another alphabet, bits after the end. These raise :class:`ValueError` instead.
"""

import base64
import binascii
import re
from typing import Final

__all__ = [
    "base58", "base64url", "read_base58", "read_base64url", "read_digest", "read_hex", "read_signature",
]  # fmt: skip

_BASE64URL: Final = re.compile(r"([A-Za-z0-9_\-]+)(={0,2})\Z")
_DIGEST_SIZE: Final = 32
#: Shortest signature in hexadecimal without ``0x``: 64 bytes. In base64url the longest has 96 characters.
_SIGNATURE_HEX: Final = 128
#: Longest signature text: DER of a 256-bit curve has 72 bytes, an Ethereum one 65.
_SIGNATURE_TEXT: Final = 200

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}
#: Longest base58 text: reading one takes time that grows with its square, and no key needs as many.
_BASE58_TEXT: Final = 128


def read_hex(text: str) -> bytes:
    """Return the bytes of hexadecimal in either case, with or without ``0x``."""
    digits = text.removeprefix("0x")
    # fromhex skips blanks, which are not alphanumeric; letters it does not know it refuses itself
    if not digits.isalnum():
        raise ValueError("not hexadecimal")
    return bytes.fromhex(digits)


def base64url(raw: bytes) -> str:
    """Return ``raw`` in base64url without padding (RFC 4648 §5)."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read_base64url(text: str) -> bytes:
    """Return the bytes of base64url; padding may be there, whole or not at all, and bits after the end may not."""
    found = _BASE64URL.match(text)
    if found is None or (found[2] and len(text) % 4):
        raise ValueError("not base64url")
    padded = found[1] + "=" * (-len(found[1]) % 4)
    try:
        raw = binascii.a2b_base64(padded.translate(_STANDARD))
    except binascii.Error:
        raise ValueError("not base64url") from None
    # the last character carries bits that belong to no byte: only zeros, or a digest had several spellings
    if base64url(raw) != found[1]:
        raise ValueError("base64url with bits after its end")
    return raw


_STANDARD: Final = str.maketrans("-_", "+/")


def read_digest(text: str) -> bytes:
    """Return the 32 bytes of a SHA-256, written as 64 hex digits (``0x`` optional) or 43 base64url characters."""
    raw = read_hex(text) if len(text) in {64, 66} else read_base64url(text)
    if len(raw) != _DIGEST_SIZE:
        raise ValueError("not the 32 bytes of a SHA-256")
    return raw


def read_signature(text: str) -> bytes:
    """Return the bytes of a signature: ``0x`` and hex digits, at least 128 bare hex digits, or base64url.

    Lengths keep them apart. A base64url text may begin with ``0x`` by chance, but not go on
    in hex digits for the rest of a signature.
    """
    if len(text) > _SIGNATURE_TEXT:
        raise ValueError("longer than any signature")
    if text.startswith("0x") or len(text) >= _SIGNATURE_HEX:
        try:
            return read_hex(text)
        except ValueError:
            pass
    return read_base64url(text)


def base58(raw: bytes) -> str:
    """Return ``raw`` in base58 with Bitcoin's alphabet, as DIDs write keys."""
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, value = divmod(number, 58)
        text = _ALPHABET[value] + text
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text


def read_base58(text: str) -> bytes:
    """Return the bytes of base58."""
    if not 0 < len(text) <= _BASE58_TEXT or not set(text) <= _VALUES.keys():
        raise ValueError("not base58")
    number = 0
    for character in text:
        number = number * 58 + _VALUES[character]
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
