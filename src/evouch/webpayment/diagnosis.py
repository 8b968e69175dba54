"""Why does this code open nothing? For engineers on either side of a display that disagrees.

A driver learns that a code is invalid and no more. Whoever holds the secret may ask here
which of the mistakes that are made in the field would produce exactly this code. Each
mistake is one function that proposes codes; the first proposal that matches is the answer.
Nothing here ever accepts a code.
"""

import base64
import binascii
import hmac
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from evouch.ids import Secret
from evouch.webpayment import totp

__all__ = ["SEARCH", "Diagnosis", "diagnose"]

#: Slots either side of now in which a code with a wrong clock behind it is searched.
SEARCH: Final = 20

#: Validities and lengths that stations are configured with.
_VALIDITIES: Final = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 300, 600, 900, 1800, 3600)
_ALPHABETS: Final = {
    "digits": string.digits,
    "hexadecimal digits": "0123456789abcdef",
    "base 32": string.ascii_uppercase + "234567",
    "letters before digits": string.ascii_uppercase + string.ascii_lowercase + string.digits,
    "digits, capitals, small letters": string.digits + string.ascii_uppercase + string.ascii_lowercase,
    "base 62 with - and _": totp.BASE62 + "-_",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong with a code. ``offset`` is how many slots it is ahead, where it is only that.

    ``reason`` is a stable word: ``whitespace``, ``otherSlot``, ``otherLength``, ``changedCase``,
    ``littleEndian``, ``secondsNotIndex``, ``milliseconds``, ``otherValidity``, ``otherDigest``,
    ``otherAlphabet``, ``otherSecret``, ``rfc6238``, ``wrongLength``, ``wrongAlphabet``, ``unknown``.
    """

    reason: str
    sentence: str
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    """A code under examination, and how codes should be made."""

    text: str
    key: bytes
    at: datetime
    validity: int
    length: int

    def codes(self, key: bytes | None = None, *, validity: int = 0, length: int = 0, **how: object) -> Iterator[str]:
        """Yield the three codes that would be good now, made in the way given."""
        secret = Secret(self.key if key is None else key)
        seen = totp.window(
            secret,
            self.at,
            validity=validity or self.validity,
            length=length or self.length,
            **how,  # type: ignore[arg-type]
        )
        yield from (seen.current, seen.previous, seen.next)

    def numbers(self) -> Iterator[int]:
        """Yield the indices of current, previous and next slot."""
        now = totp.slot(self.at, self.validity)
        yield from (now, now - 1, now + 1)


def diagnose(text: str, secret: Secret, at: datetime, *, validity: int, length: int) -> Diagnosis:
    """Return the likeliest reason why ``text`` is not a good code at ``at``; call it only after a refusal."""
    case = _Case(text, secret.reveal(), at, validity, length)
    for cause in _CAUSES:
        found = cause(case)
        if found is not None:
            return found
    return Diagnosis("unknown", "no known mistake makes this code: most likely it was made with another secret")


def _whitespace(case: _Case) -> Diagnosis | None:
    bare = "".join(case.text.split())
    if bare != case.text and bare in case.codes():
        return Diagnosis("whitespace", "the code is right, but there are blanks in or around it")
    return None


def _other_slot(case: _Case) -> Diagnosis | None:
    now = totp.slot(case.at, case.validity)
    for distance in range(2, SEARCH + 1):
        for offset in (-distance, distance):
            if totp.code(Secret(case.key), now + offset, length=case.length) == case.text:
                clock = timedelta(seconds=distance * case.validity)
                word = "ahead of" if offset > 0 else "behind"
                return Diagnosis(
                    "otherSlot",
                    f"the code of {distance} slots {'later' if offset > 0 else 'earlier'}: "
                    f"the clock behind it is about {clock} {word} yours, or the code is that old",
                    offset,
                )
    return None


def _other_length(case: _Case) -> Diagnosis | None:
    said = len(case.text)
    if said != case.length and 1 <= said <= totp.MAX_LENGTH and case.text in case.codes(length=said):
        return Diagnosis("otherLength", f"a good code of {said} characters: the station's Length is not {case.length}")
    return None


def _changed_case(case: _Case) -> Diagnosis | None:
    if any(case.text.lower() == code.lower() for code in case.codes()):
        return Diagnosis(
            "changedCase", "the code is right but for capitals and small letters: something on the way changed them"
        )
    return None


def _little_endian(case: _Case) -> Diagnosis | None:
    swapped = (int.from_bytes(number.to_bytes(8, "big", signed=True), "little") for number in case.numbers())
    return _made_from(
        case, swapped, "littleEndian", "the slot was hashed little-endian; it has to be 8 bytes big-endian"
    )


def _seconds(case: _Case) -> Diagnosis | None:
    starts = (number * case.validity for number in case.numbers())
    return _made_from(
        case, starts, "secondsNotIndex", "the start of the interval in seconds was hashed; it has to be its index"
    )


def _milliseconds(case: _Case) -> Diagnosis | None:
    # such a code changes a thousand times per slot, so all those of the last slots are tried
    now = (case.at - totp.starts_at(0, 1)) // timedelta(milliseconds=1) // case.validity
    near = range(now - 2000, now + 1000)
    return _made_from(case, iter(near), "milliseconds", "milliseconds were taken for seconds")


def _other_validity(case: _Case) -> Diagnosis | None:
    for validity in _VALIDITIES:
        if validity != case.validity and case.text in case.codes(validity=validity):
            return Diagnosis(
                "otherValidity",
                f"a good code of a ValidityTime of {validity} s: the station's is not {case.validity} s",
            )
    return None


def _other_digest(case: _Case) -> Diagnosis | None:
    for digest in ("sha384", "sha512"):
        if case.text in case.codes(digest=digest):
            return Diagnosis("otherDigest", f"made with HMAC-{digest.upper()}; version 1 is HMAC-SHA256")
    return None


def _other_alphabet(case: _Case) -> Diagnosis | None:
    for name, alphabet in _ALPHABETS.items():
        if case.text in case.codes(alphabet=alphabet):
            return Diagnosis("otherAlphabet", f"made with another alphabet ({name}); version 1 is 0-9a-zA-Z")
    return None


def _other_secret(case: _Case) -> Diagnosis | None:
    for how, key in _readings(case.key):
        if key != case.key and case.text in case.codes(key):
            return Diagnosis("otherSecret", f"the secret was {how}; its characters are the key as they stand")
    return None


def _rfc6238(case: _Case) -> Diagnosis | None:
    if case.text.isascii() and case.text.isdecimal() and len(case.text) <= 10:  # noqa: PLR2004 - 31 bits have 10 digits
        for _, key in _readings(case.key):
            for validity in {case.validity, 30}:
                now = totp.slot(case.at, validity)
                for digest in ("sha1", "sha256", "sha512"):
                    for number in (now, now - 1, now + 1):
                        if _hotp(key, number, len(case.text), digest) == case.text:
                            return Diagnosis(
                                "rfc6238", "an RFC 6238 code, as authenticator apps show; OCPP's is another"
                            )
    return None


def _wrong_length(case: _Case) -> Diagnosis | None:
    if len(case.text) != case.length:
        return Diagnosis("wrongLength", f"{len(case.text)} characters where {case.length} are expected")
    return None


def _wrong_alphabet(case: _Case) -> Diagnosis | None:
    strange = sorted(set(case.text) - set(totp.BASE62))
    if strange:
        shown = " ".join(ascii(character) for character in strange[:5])
        return Diagnosis("wrongAlphabet", f"characters that no code has: {shown}")
    return None


#: In the order of likelihood; what merely describes the code comes last.
_CAUSES: Final[tuple[Callable[[_Case], Diagnosis | None], ...]] = (
    _whitespace, _other_slot, _other_length, _changed_case, _little_endian, _seconds, _milliseconds, _other_validity,
    _other_digest, _other_alphabet, _other_secret, _rfc6238, _wrong_length, _wrong_alphabet,
)  # fmt: skip


def _made_from(case: _Case, numbers: Iterator[int], reason: str, sentence: str) -> Diagnosis | None:
    codes = (totp.code(Secret(case.key), number, length=case.length) for number in numbers)
    return Diagnosis(reason, sentence) if case.text in codes else None


def _readings(key: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the secret as it stands and as other software reads it."""
    yield "taken as it stands", key
    yield "trimmed", key.strip()
    decoders: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
        ("decoded from hexadecimal", binascii.unhexlify),
        ("decoded from base 64", lambda text: base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_")),
        ("decoded from base 32", lambda text: base64.b32decode(text + b"=" * (-len(text) % 8), casefold=True)),
    )
    for how, decoder in decoders:
        try:
            yield how, decoder(key)
        except ValueError:
            continue


def _hotp(key: bytes, counter: int, digits: int, digest: str) -> str:
    """Return the code of RFC 4226 §5.3."""
    raw = hmac.digest(key, counter.to_bytes(8, "big", signed=True), digest)
    start = raw[-1] & 0x0F
    number = int.from_bytes(raw[start : start + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)
