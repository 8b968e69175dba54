"""Whether somebody is about to hand over a private key where a public one is asked for: seen before it travels."""

from collections.abc import Mapping
from typing import Final

from evouch.identity.encoding import read_base64url

__all__ = ["holds_private_key"]

_PEM: Final = "PRIVATE KEY-----"
#: DER: what an SPKI begins with is a SEQUENCE in a SEQUENCE, a private key (PKCS #8, SEC 1) has its version first.
_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_LONG_LENGTH: Final = 0x80


def holds_private_key(given: object) -> bool:
    """Return whether a text or a key document holds a private key: PEM, PKCS #8, SEC 1, or a JWK with its ``d``."""
    if isinstance(given, str):
        return _PEM in given or _is_private_der(given.strip())
    if isinstance(given, Mapping):
        return "d" in given or any(holds_private_key(each) for each in given.values())
    return False


def _is_private_der(text: str) -> bool:
    try:
        raw = read_base64url(text)
    except ValueError:
        return False
    if len(raw) < 4 or raw[0] != _SEQUENCE:  # noqa: PLR2004 - tag, length, tag, length
        return False
    header = 2 + (raw[1] - _LONG_LENGTH if raw[1] > _LONG_LENGTH else 0)
    return raw[header : header + 2] == bytes([_INTEGER, 1])
