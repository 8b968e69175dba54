"""What a point looks like before anybody computes with it: SEC 1 §2.3.3, two forms and no other."""

from typing import Final

from evouch.errors import PeerFault

__all__ = ["COMPRESSED", "UNCOMPRESSED", "InvalidElement", "check_form"]

#: Ne of RFC 9497 §4.3: 02 or 03 for the parity of y, and x.
COMPRESSED: Final = 33
#: 04, x and y.
UNCOMPRESSED: Final = 65

_FORMS: Final = frozenset({(COMPRESSED, 2), (COMPRESSED, 3), (UNCOMPRESSED, 4)})


class InvalidElement(PeerFault):
    """What a peer sent is no element: not SEC 1 of the right length, out of range, off the curve, or infinity.

    Which of them is not said. "Autocharge Roaming" §6.3: such an encoding is rejected before it is used.
    """

    def __init__(self) -> None:
        super().__init__("invalidElement", "not the SEC1 encoding of a point on P-256 other than infinity")


def check_form(encoded: bytes) -> None:
    """Raise :class:`InvalidElement` unless length and first byte are those of one of the two forms.

    OpenSSL itself would also take the single byte 00 (infinity) and the hybrid forms 06 and 07.
    """
    if not encoded or (len(encoded), encoded[0]) not in _FORMS:
        raise InvalidElement
