"""Between message structs and plain JSON: the few conversions that both families of versions share.

Everything that a schema does not check is checked here, and refused with the wire code
that the peer deserves: times without a zone, numbers that are none.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeVar

import msgspec

from evouch.charging.dialogue import Yes
from evouch.errors import PeerFault
from evouch.ids import Secret
from evouch.ocpp.redaction import masked
from evouch.units import parse_time
from evouch.wire import Json, MalformedJson, convert

__all__ = ["Struct", "clip", "members", "one_of", "plain", "read", "read_time", "said_yes", "spoken", "word"]

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

#: Longest reasonCode (2.x part 2 §2, StatusInfoType).
REASON_CODE: Final = 20
#: Longest additionalInfo that 2.0.1 takes; 2.1 takes twice that.
ADDITIONAL_INFO: Final = 512


class Struct(msgspec.Struct, omit_defaults=True):
    """A message, or a part of one. What is None is absent on the wire: OCPP has no null members."""


def read(kind: type[T], payload: Json) -> T:
    """Return ``payload`` as the struct ``kind``. Raises PeerFault where the two do not fit."""
    try:
        return convert(payload, kind)
    except MalformedJson as error:
        raise PeerFault("TypeConstraintViolation", str(error)) from None


def plain(message: Struct) -> Json:
    """Return ``message`` as plain JSON values, decimals as Decimal."""
    return msgspec.to_builtins(message, builtin_types=(Decimal,))


def read_time(text: str, property: str = "timestamp") -> datetime:
    """Return an RFC 3339 time. Raises PeerFault PropertyConstraintViolation where it is none."""
    try:
        return parse_time(text)
    except ValueError:
        details = {"property": property, "value": masked(text)[:100]}
        raise PeerFault("PropertyConstraintViolation", f"Invalid value for property '{property}'!", details) from None


def one_of(words: type[E], word: str) -> E:
    """Return ``word`` as a member of ``words``. Raises PeerFault PropertyConstraintViolation where it is none."""
    try:
        return words(word)
    except ValueError:
        raise PeerFault("PropertyConstraintViolation", f"not a {words.__name__}") from None


def clip(text: str, length: int) -> str | None:
    """Return as much of ``text`` as the wire takes, None for nothing at all."""
    return text[:length] or None


def spoken(value: str | Secret | None) -> str:
    """Return a setting's value as it goes onto the wire: the one place where a secret among settings is opened."""
    return value.text() if isinstance(value, Secret) else value or ""


def word(answer: Yes, words: Mapping[str, bool]) -> str:
    """Return the status word for ``answer``: its own where the version has it, else the first that says the same."""
    if words.get(answer.status) is answer.accepted:
        return answer.status
    return next(word for word, accepted in words.items() if accepted is answer.accepted)


def said_yes(status: str, words: Mapping[str, bool], reason: str = "") -> Yes:
    """Return the answer that a status word stands for; a word nobody knows is no."""
    return Yes(words.get(status, False), status, reason)


def members(payload: Any) -> Mapping[str, Any]:
    """Return ``payload`` where it is an object, and no members at all where it is not."""
    return payload if isinstance(payload, dict) else {}
