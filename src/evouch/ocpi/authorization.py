"""The tokens between two partners: how they are made, kept, written and read.

``Authorization: Token <base64 of the token>`` (transport §authorization). Peers of before 2.2 send
the token as it is, and the specification's own example decodes to a token with a newline at its
end; so what arrives is read in every one of these ways, and compared as a hash.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from typing import Final

from evouch.clock import Entropy
from evouch.ids import Secret

__all__ = ["TOKEN_LENGTH", "digest", "header", "new_token", "readings"]

#: Characters of a token that we make: the most that credentials §token allows, 6 bits of chance in each.
TOKEN_LENGTH: Final = 64
#: Longest header that is looked at: a token of 64 characters in base64 is 88, some peers encode it twice.
MAX_HEADER: Final = 256
_BYTES: Final = TOKEN_LENGTH * 6 // 8

_TOKEN = re.compile(r"[!-~]{1,64}\Z")
_HEADER = re.compile(r"token +([!-~]+)\s*\Z", re.IGNORECASE)


def new_token(entropy: Entropy) -> Secret:
    """Return a new token: 64 characters that need no escaping anywhere."""
    return Secret(base64.urlsafe_b64encode(entropy.bytes(_BYTES)))


def digest(token: str | Secret) -> bytes:
    """Return what is kept of a token that a partner sends: its SHA-256."""
    return hashlib.sha256(token.reveal() if isinstance(token, Secret) else token.encode()).digest()


def header(token: Secret, *, plain: bool = False) -> str:
    """Return the value of ``Authorization``; ``plain`` leaves base64 out, for peers that need it so."""
    return f"Token {token.text() if plain else base64.b64encode(token.reveal()).decode()}"


def readings(value: str) -> Iterator[str]:
    """Yield every token that a header may mean, the specification's reading first."""
    found = _HEADER.match(value[: MAX_HEADER + 1]) if len(value) <= MAX_HEADER else None
    if found is None:
        return
    decoded = _decoded(found[1])
    if decoded is not None and _TOKEN.match(decoded):
        yield decoded
    if _TOKEN.match(found[1]):
        yield found[1]


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("ascii").strip()
    except (binascii.Error, ValueError):
        return None
