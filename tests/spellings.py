"""Every way in which bytes could stand in a text, to look for secrets where none may be."""

import base64
import json
from urllib.parse import quote

__all__ = ["spellings"]


def spellings(value: bytes) -> set[str]:
    """Return ``value`` as text, quoted, as hexadecimal digits and in the usual encodings, without padding."""
    text = value.decode(errors="replace")
    encoded = {base64.b64encode(value), base64.urlsafe_b64encode(value), base64.b32encode(value)}
    plain = {text, repr(value), quote(text), json.dumps(text)[1:-1], value.hex(), value.hex(":"), value.hex("-")}
    return {each.rstrip("=") for each in plain | {code.decode() for code in encoded}} | {value.hex().upper()}
