"""MAC addresses in text: what is one, and how to take every one out of a text.

A station spells a vehicle's address in many ways: ``VID:`` before it, separators or none, 16
digits padded with zeros (DIN 70121), any case. All roads lead to six raw octets, the input of
the OPRF (docs/decisions/048). Who reads a message with an address in it keeps :func:`redact`
of it, never the message.
"""

import re
from typing import Final

from evouch.ids import Mac

__all__ = ["HIDDEN", "VID_PREFIX", "parse_mac", "redact"]

#: How an idTag of OCPP 1.6 says that a vehicle's address follows.
VID_PREFIX: Final = "VID:"
#: What stands in a text where an address stood.
HIDDEN: Final = "***"

_SEPARATORS: Final = re.compile(r"[:\-. ]")
_DIGITS: Final = re.compile(r"(?:0000)?([0-9A-F]{12})\Z")


def parse_mac(text: str) -> Mac | None:
    """Return the address that ``text`` spells, None where it spells none.

    Trimmed; ``VID:`` before it, in any case, and ``:``, ``-``, ``.`` and spaces between digits are
    left out; 16 digits count where the first four are zeros. Exactly 12 hex digits must remain.
    """
    plain = text.strip()
    if plain[: len(VID_PREFIX)].upper() == VID_PREFIX:
        plain = plain[len(VID_PREFIX) :]
    found = _DIGITS.match(_SEPARATORS.sub("", plain).upper()) if plain.isascii() else None
    return Mac(bytes.fromhex(found[1])) if found else None


def redact(frame: bytes, *found: str) -> bytes:
    """Return ``frame`` with each of the texts ``found`` in it replaced; their spelling is that of the frame."""
    for text in found:
        frame = frame.replace(text.encode(), HIDDEN.encode())
    return frame
