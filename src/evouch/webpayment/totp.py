"""The one-time code in the URL on the display: TOTP "version 1" of OCPP 2.1 use case C25.

::

    slot   = floor(unix seconds / ValidityTime)
    digest = HMAC-SHA256(key = the bytes of SharedSecret, message = slot as 8 bytes, big-endian)
    start  = last byte of digest & 0x0F
    code   = alphabet[digest[(start + i) mod 32] mod 62]   for i = 0 … Length − 1

The message is the *index* of the interval. The prose of "Secure Dynamic QR-Codes for OCPP"
says its start in seconds, but its sample code and every implementation hash the index. It
is not the truncation of RFC 4226, so no authenticator app shows these codes. Other digests
and alphabets are parameters of the function, never of OCPP version 1.

The code covers the slot and nothing else: not the station, not the EVSE, not the limits.
Hence one secret per EVSE, and limits that are checked again by whoever reads them.
"""

import base64
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

from evouch.clock import Entropy
from evouch.errors import InvalidCode, Refused
from evouch.ids import Secret

__all__ = [
    "BASE62", "MAX_LENGTH", "MIN_LENGTH", "MIN_SECRET", "VERSION", "Digest", "Match", "Window",
    "code", "fresh_secret", "matches", "parse_secret", "slot", "starts_at", "weaknesses", "window",
]  # fmt: skip

#: What ``TOTPVersion`` is set to, and what ``{version}`` expands to.
VERSION: Final = "v1"
#: The alphabet of version 1. Its first eight characters are a little more frequent (256 = 4·62 + 8).
BASE62: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: ``Length`` as OCPP bounds it below and stations in the field bound it above.
MIN_LENGTH: Final = 6
MAX_LENGTH: Final = 255
#: Shortest legal secret; OCA's own certification configures ``12345678``.
MIN_SECRET: Final = 8

#: Below this many characters a secret cannot carry 128 bits, even if drawn evenly from base 62.
_STRONG_SECRET: Final = 22
#: Above this validity a photographed code stays good for longer than a driver needs (two slots).
_LONG_VALIDITY: Final = 120
#: Below this length a code carries fewer than 45 bits of chance.
_LONG_ENOUGH: Final = 8

Digest = Literal["sha256", "sha384", "sha512"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_WRAP: Final = 1 << 64
#: Order in which equal codes would be told apart; all are compared whatever comes out.
_OFFSETS: Final = (0, -1, 1)


@dataclass(frozen=True, slots=True)
class Window:
    """The three codes that are good at one moment, the index of the middle one, and its seconds left.

    ``remaining`` is the whole validity exactly on a boundary. The index is an unsigned
    64-bit number: at the epoch ``previous`` belongs to slot 2⁶⁴ − 1, which :func:`matches`
    never accepts.
    """

    previous: str
    current: str
    next: str
    slot: int
    remaining: int


@dataclass(frozen=True, slots=True)
class Match:
    """The slot that a code belongs to, and where that lies: −1 previous, 0 current, +1 next."""

    slot: int
    offset: int


def slot(at: datetime, validity: int) -> int:
    """Return the index of the interval of ``validity`` seconds that holds ``at`` (aware), rounded down."""
    return _seconds(at) // _positive(validity)


def starts_at(index: int, validity: int) -> datetime:
    """Return the moment at which slot ``index`` begins: when a display has to change its code."""
    return _EPOCH + timedelta(seconds=index * validity)


def code(secret: Secret, slot: int, *, length: int, alphabet: str = BASE62, digest: Digest = "sha256") -> str:
    """Return the code of one slot; a ``length`` above the digest's repeats it from its start."""
    if not 1 <= length <= MAX_LENGTH:
        msg = f"a code has 1 to {MAX_LENGTH} characters"
        raise ValueError(msg)
    return _code(secret.reveal(), slot, length, _table(alphabet), digest)


def window(
    secret: Secret, at: datetime, *, validity: int, length: int, alphabet: str = BASE62, digest: Digest = "sha256"
) -> Window:
    """Return the codes of the previous, current and next slot at ``at`` (aware)."""
    index = slot(at, validity)
    previous, current, following = (
        code(secret, index + offset, length=length, alphabet=alphabet, digest=digest) for offset in (-1, 0, 1)
    )
    return Window(previous, current, following, index, validity - _seconds(at) % validity)


def matches(
    text: str,
    secret: Secret,
    at: datetime,
    *,
    validity: int,
    length: int,
    alphabet: str = BASE62,
    digest: Digest = "sha256",
) -> Match:
    """Return which of previous, current and next slot ``text`` is the code of.

    The window is never wider, and no slot below 0 is accepted. All candidates are computed
    and compared in constant time, whichever fits. Raises :class:`InvalidCode`, whose detail
    (``length``, ``alphabet``, ``slot``) is for the operator alone.
    """
    if len(text) != length:
        raise InvalidCode("length")
    if not _only(text, alphabet):
        raise InvalidCode("alphabet")
    now = slot(at, validity)
    key, table, said = secret.reveal(), _table(alphabet), text.encode()
    found: int | None = None
    for offset in reversed(_OFFSETS):
        candidate = _code(key, now + offset, length, table, digest).encode()
        if hmac.compare_digest(candidate, said) & (now + offset >= 0):
            found = offset
    if found is None:
        raise InvalidCode("slot")
    return Match(now + found, found)


def fresh_secret(entropy: Entropy) -> Secret:
    """Return a new secret: 192 random bits as 32 characters that survive every configuration dialogue."""
    return Secret(base64.urlsafe_b64encode(entropy.bytes(24)))


def parse_secret(text: str) -> Secret:
    """Return ``text`` as a shared secret, byte for byte; raise ``Refused("badSecret")``.

    Whitespace is refused rather than trimmed: some libraries trim and some do not, so a
    secret with a blank at its end would make codes that only half of the field accepts.
    """
    if len(text) < MIN_SECRET:
        raise Refused("badSecret", f"a shared secret has at least {MIN_SECRET} characters")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise Refused("badSecret", "a shared secret has no blanks, line breaks or invisible characters")
    return Secret(text)


def weaknesses(secret: Secret, *, validity: int, length: int) -> tuple[str, ...]:
    """Return what is legal here but unwise, one sentence each, for whoever configures a station."""
    return tuple(_weaknesses(secret, validity, length))


def _weaknesses(secret: Secret, validity: int, length: int) -> Iterator[str]:
    if len(secret) < _STRONG_SECRET:
        yield f"a secret of {len(secret)} characters has less than 128 bits: one photographed code is enough to find it"
    if validity > _LONG_VALIDITY:
        yield f"a validity of {validity} s lets a photographed code be used for up to {2 * validity} s"
    if length < _LONG_ENOUGH:
        yield f"codes of {length} characters are within reach of guessing"


def _code(key: bytes, index: int, length: int, table: bytes, digest: str) -> str:
    raw = hmac.digest(key, (index % _WRAP).to_bytes(8, "big"), digest)
    start = raw[-1] & 0x0F
    ring = raw[start:] + raw[:start]
    if length > len(ring):
        ring *= -(-length // len(ring))
    return ring[:length].translate(table).decode("ascii")


@lru_cache(maxsize=32)
def _table(alphabet: str) -> bytes:
    """Return the translation of a digest's byte to its character: byte mod size of the alphabet."""
    if not alphabet.isascii() or len(set(alphabet)) != len(alphabet) or len(alphabet) < 2:  # noqa: PLR2004
        msg = "an alphabet is two or more different ASCII characters"
        raise ValueError(msg)
    return bytes(ord(alphabet[byte % len(alphabet)]) for byte in range(256))


def _only(text: str, alphabet: str) -> bool:
    # for version 1 the string methods say the same several times faster
    return text.isascii() and text.isalnum() if alphabet is BASE62 else not set(text) - set(alphabet)


def _seconds(at: datetime) -> int:
    # integers throughout: a float of a far year is off by more than the boundary it should find
    return (at - _EPOCH) // _SECOND


def _positive(validity: int) -> int:
    if validity < 1:
        msg = "a validity is at least one second"
        raise ValueError(msg)
    return validity
