"""One car, every way in which stations spell it, and a search for it in whatever came out."""

import re
from typing import Any

from evouch.charging.tokens import IdToken, TokenKind
from evouch.ids import Mac, OcppVersion
from evouch.ocpp.versions import V16, V21, V201

__all__ = ["CAR", "DIGITS", "authorize", "named", "spelled", "token"]

DIGITS = "02005E10AB0F"
CAR = Mac(bytes.fromhex(DIGITS))


def spelled(digits: str = DIGITS) -> dict[str, str]:
    """Return by name every spelling of one address that is read."""
    pairs = [digits[at : at + 2] for at in range(0, len(digits), 2)]
    lower = digits.lower()
    return {
        "upper": digits,
        "lower": lower,
        "colons": ":".join(pairs),
        "dashes": "-".join(pairs).lower(),
        "dots": f"{lower[:4]}.{lower[4:8]}.{lower[8:]}",
        "spaces": " ".join(pairs),
        "padded": f"0000{digits}",
    }


def named(text: str | bytes, digits: str = DIGITS) -> bool:
    """Tell whether ``text`` holds the address, whatever stands between its digits, escapes of JSON included."""
    plain = text.decode() if isinstance(text, bytes) else text
    plain = re.sub(r"\\u00([0-9A-Fa-f]{2})", lambda found: chr(int(found[1], 16)), plain)
    return digits in re.sub(r"[:\-. ]", "", plain).upper()


def token(version: OcppVersion, kind: TokenKind = TokenKind.MAC_ADDRESS) -> IdToken:
    """Return the token of the car."""
    return IdToken("", kind if version == V21 else TokenKind.MAC_ADDRESS, CAR)


def authorize(version: OcppVersion, text: str, kind: str = "MacAddress") -> dict[str, Any]:
    """Return Authorize for a car as its station spells it."""
    if version == V16:
        return {"idTag": f"VID:{text}"}
    assert version in {V201, V21}
    return {"idToken": {"idToken": text, "type": kind}}
