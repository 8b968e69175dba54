"""Vehicles in tokens: how each version names a car that asks for energy, and what is read of that.

========  ==================================================================  ========================
version   a station sends                                                     we read it as
========  ==================================================================  ========================
1.6       idTag ``VID:`` and 12 hexadecimal digits (16, the first four zero)  ``MacAddress``
2.0.1     type ``MacAddress``                                                 ``MacAddress``
2.1       type ``MacAddress``, or ``EVCCID`` of exactly 12 digits             the type that it has
========  ==================================================================  ========================

What is read has the address in ``IdToken.mac`` and no value; where no address can be read, the
value is dropped all the same, for it names a vehicle too: an EVCCID of ISO 15118-20 is of
another kind than an address, and never becomes one (docs/decisions/050).

Source: "Autocharge Roaming" 0.1 §5; OCPP 2.0.1 part 2 IdTokenEnumType, OCPP 2.1 appendix 6.3.
"""

from typing import Final

from evouch.charging.macs import VID_PREFIX, parse_mac
from evouch.charging.tokens import IdToken, TokenKind
from evouch.ids import Mac

__all__ = ["of_tag", "of_type", "spelled", "tag", "value"]

#: An EVCCID that is an address (ISO 15118-2: six octets); all longer ones are not.
_EVCCID: Final = 12
_KINDS: Final = {kind.value.casefold(): kind for kind in (TokenKind.MAC_ADDRESS, TokenKind.EVCCID)}


def of_tag(text: str) -> IdToken:
    """Return the token in an idTag of 1.6, or wherever else a type is not said."""
    if _is_vid(text):
        return IdToken("", TokenKind.MAC_ADDRESS, parse_mac(text))
    return IdToken(text)


def of_type(text: str, kind: str) -> IdToken | None:
    """Return the vehicle that a token of 2.x names; None where it names none. ``kind`` in any case."""
    vehicle = _KINDS.get(kind.casefold())
    if vehicle is None:
        return of_tag(text) if _is_vid(text) else None
    if vehicle is TokenKind.EVCCID and len(text) != _EVCCID:
        return IdToken("", vehicle)
    return IdToken("", vehicle, parse_mac(text))


def _is_vid(text: str) -> bool:
    return text.lstrip()[: len(VID_PREFIX)].upper() == VID_PREFIX


# ── as a station sends it ───────────────────────────────────────────────────────────────


def tag(token: IdToken) -> str:
    """Return the idTag of a token; empty for a vehicle whose address is not known."""
    return f"{VID_PREFIX}{spelled(token.mac)}" if token.mac else token.value


def value(token: IdToken) -> str:
    """Return what 2.x carries beside the type."""
    return spelled(token.mac) if token.mac else token.value


def spelled(mac: Mac) -> str:
    """Return an address as stations write it: 12 upper-case digits. The one place where it goes onto the wire."""
    return mac.reveal().hex().upper()
