"""Every way in which bytes could stand in a text, to look for secrets where none may be."""

import base64
import hashlib
import json
from urllib.parse import quote

__all__ = ["address_spellings", "spellings"]


def spellings(value: bytes) -> set[str]:
    """Return ``value`` as text, quoted, as hexadecimal digits and in the usual encodings, without padding."""
    text = value.decode(errors="replace")
    encoded = {base64.b64encode(value), base64.urlsafe_b64encode(value), base64.b32encode(value)}
    plain = {text, repr(value), quote(text), json.dumps(text)[1:-1], value.hex(), value.hex(":"), value.hex("-")}
    return {each.rstrip("=") for each in plain | {code.decode() for code in encoded}} | {value.hex().upper()}


def address_spellings(address: bytes) -> dict[str, bytes]:
    """Return by name every way in which the six octets of a vehicle's address could stand in bytes.

    A hash without a key is one of them: whoever has it can try all addresses of a maker in a second.
    """
    found = {"octets": address, "reversed": address[::-1], "decimal": str(int.from_bytes(address)).encode()}
    found |= {"octets quoted": repr(address)[2:-1].encode(), "percent": quote(address).encode()}
    for name, digits in _digits(address).items():
        found |= {name: digits.encode(), f"{name}, upper": digits.upper().encode()}
    for name, plain in (("octets", address), ("digits", address.hex().upper().encode())):
        found |= {f"{how} of {name}": code(plain).rstrip(b"=") for how, code in _CODES.items()}
        for how in ("md5", "sha1", "sha256"):
            digest = hashlib.new(how, plain, usedforsecurity=False)
            found |= {f"{how} of {name}": digest.hexdigest().encode(), f"raw {how} of {name}": digest.digest()}
    return found


_CODES = {"base64": base64.b64encode, "url64": base64.urlsafe_b64encode, "base32": base64.b32encode}


def _digits(address: bytes) -> dict[str, str]:
    plain = address.hex()
    found = {"hex": plain, "reversed hex": address[::-1].hex(), "padded": f"0000{plain}"}
    found |= {f"hex {mark}": address.hex(mark) for mark in ":-. _"}
    found |= {"dots": f"{plain[:4]}.{plain[4:8]}.{plain[8:]}", "colons quoted": quote(address.hex(":"), safe="")}
    return found | {"escaped": "".join(f"\\u00{each:02x}" for each in address)}
