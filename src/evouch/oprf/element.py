"""Elements as people and JSON write them: hex of either form of SEC 1 ("Autocharge Roaming" §4.4, §6.3)."""

import re
from typing import Final

from evouch.oprf.group import Group, open_group
from evouch.oprf.sec1 import COMPRESSED, UNCOMPRESSED, InvalidElement, check_form

__all__ = ["compress", "parse_hex", "uncompress"]

#: ``bytes.fromhex`` alone would also take spaces and line ends.
_HEX: Final = re.compile(
    rf"[0-9a-f]{{{2 * COMPRESSED}}}(?:[0-9a-f]{{{2 * (UNCOMPRESSED - COMPRESSED)}}})?\Z", re.IGNORECASE | re.ASCII
)


def parse_hex(text: str) -> bytes:
    """Return the bytes of 66 or 130 hex digits, in any case, nothing around them; else :class:`InvalidElement`.

    Whether it is a point is found out by who computes with it.
    """
    if not _HEX.match(text):
        raise InvalidElement
    return bytes.fromhex(text)


def compress(encoded: bytes) -> bytes:
    """Return an element, whose coordinates are not looked at, in 33 bytes; :class:`InvalidElement` by its form."""
    check_form(encoded)
    return encoded if len(encoded) == COMPRESSED else bytes([2 + encoded[-1] % 2]) + encoded[1:COMPRESSED]


def uncompress(encoded: bytes, *, group: Group | None = None) -> bytes:
    """Return an element in 65 bytes; :class:`InvalidElement` where it is none."""
    return (group or open_group()).element(encoded).encode(compressed=False)
