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
    digits = {"hex": address.hex(), "reversed hex": address[::-1].hex(), "padded": f"0000{address.hex()}"}
    digits |= {f"hex {mark}": address.hex(mark) for mark in ":-. _"}
    digits |= {
        "dots": f"{address.hex()[:4]}.{address.hex()[4:8]}.{address.hex()[8:]}",
        "colons quoted": address.hex(":"),
    }
    digits["colons quoted"] = quote(digits["colons quoted"], safe="")
    digits["escaped"] = "".join(f"\\u00{each:02x}" for each in address)
    for name, text in digits.items():
        found |= {name: text.encode(), f"{name}, upper": text.upper().encode()}
    for name, text in {
        "octets": address,
        "digits": address.hex().upper().encode(),
        "lower": address.hex().encode(),
    }.items():
        found |= {
            f"base64 of {name}": base64.b64encode(text).rstrip(b"="),
            f"url64 of {name}": base64.urlsafe_b64encode(text),
        }
        found |= {f"base32 of {name}": base64.b32encode(text).rstrip(b"=")}
        for kind in ("md5", "sha1", "sha256"):
            digest = hashlib.new(kind, text, usedforsecurity=False)
            found |= {f"{kind} of {name}": digest.hexdigest().encode(), f"raw {kind} of {name}": digest.digest()}
    return found
