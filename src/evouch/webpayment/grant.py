"""A grant: what a browser holds between a code that was judged fresh and the payment it opens.

A code is judged once, when its URL is opened, and that changes nothing. Whoever opened it
gets a grant: signed, good for minutes rather than seconds, bound to the station, EVSE, slot
and browser. No page or deep link leads to a payment without one, and a stolen one is of no
use in another browser. The first order that follows consumes (EVSE, slot) in the database.

Form, safe in a cookie: ``v1.<key id>.<base64url of the content>.<base64url of the MAC>``;
MAC = HMAC-SHA256(key, ``"evouch grant v1"`` ‖ 0x00 ‖ all before the last dot). The first part
and the prefix keep it apart from everything else that is ever signed with such a key.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from evouch import wire
from evouch.charging.equipment import EvsePlace
from evouch.charging.tokens import Limit
from evouch.clock import Entropy
from evouch.errors import LocalError, Refused
from evouch.ids import EvseNumber, KeyBytes, StationId
from evouch.units import Money, Wh

__all__ = ["MAX_LIFETIME", "Grant", "GrantKey", "browser_mark", "issue", "seal", "unseal"]

#: Time to read an offer and decide; any longer, and somebody else stands at the EVSE.
MAX_LIFETIME: Final = timedelta(minutes=10)
#: Shortest signing key, as RFC 2104 §3 advises for SHA-256.
MIN_KEY: Final = 32
#: A cookie holds 4 KiB; a grant is far smaller.
_MAX_TEXT: Final = 1024

_NO_LIMIT: Final = Limit()
_VERSION: Final = "v1"
_DOMAIN: Final = b"evouch grant v1\0"
_BROWSER_DOMAIN: Final = b"evouch browser v1\0"
_KEY_ID: Final = re.compile(r"[A-Za-z0-9_\-]{1,16}\Z")
_BASE64: Final = re.compile(r"[A-Za-z0-9_\-]+\Z")


@dataclass(frozen=True, slots=True)
class GrantKey:
    """A signing key and its public name, so that keys can be rotated while grants are under way."""

    id: str
    key: KeyBytes

    def __post_init__(self) -> None:
        if not _KEY_ID.match(self.id) or len(self.key) < MIN_KEY:
            msg = f"a grant key has an id of 1 to 16 letters or digits and at least {MIN_KEY} bytes"
            raise LocalError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Permission to start one payment at ``place`` with the code of ``slot``.

    ``id`` is 128 random bits: the payment that consumes the slot remembers it. ``browser``
    is :func:`browser_mark` of the browser that may use it. ``limit`` is what the driver
    entered at the station; it is a wish until the payment checks it.
    """

    id: str
    place: EvsePlace
    slot: int
    browser: str
    expires_at: datetime
    limit: Limit = _NO_LIMIT


def browser_mark(nonce: str) -> str:
    """Return what a grant keeps of a browser's cookie: enough to recognise, useless to imitate."""
    return hashlib.sha256(_BROWSER_DOMAIN + nonce.encode("utf-8", "surrogatepass")).hexdigest()


def issue(
    key: GrantKey,
    *,
    place: EvsePlace,
    slot: int,
    browser: str,
    at: datetime,
    entropy: Entropy,
    limit: Limit = _NO_LIMIT,
    lifetime: timedelta = MAX_LIFETIME,
) -> tuple[Grant, str]:
    """Return a new grant and its sealed text. ``browser`` is the nonce in the browser's cookie, not its mark."""
    expires_at = (at + lifetime).replace(microsecond=0)
    grant = Grant(
        id=entropy.id(), place=place, slot=slot, browser=browser_mark(browser), expires_at=expires_at, limit=limit
    )
    return grant, seal(grant, key, at=at)


def seal(grant: Grant, key: GrantKey, *, at: datetime) -> str:
    """Return ``grant`` signed; LocalError where it would live longer than :data:`MAX_LIFETIME`."""
    if not timedelta(0) < grant.expires_at - at <= MAX_LIFETIME:
        msg = "a grant lives for at most ten minutes"
        raise LocalError(msg)
    signed = f"{_VERSION}.{key.id}.{_to_base64(wire.encode(_content(grant)))}"
    return f"{signed}.{_to_base64(_mac(key.key, signed))}"


def unseal(text: str, keys: Mapping[str, KeyBytes], *, browser: str, at: datetime) -> Grant:
    """Return the grant in ``text``.

    ``keys`` is key id → key, the current one and those that may still be under way;
    ``browser`` the nonce in the browser's cookie. Raises ``Refused("badGrant")`` for
    anything that we did not sign for this browser, and ``Refused("grantExpired")`` only
    once that is certain.
    """
    signed, _, mac = text.rpartition(".") if len(text) <= _MAX_TEXT else ("", "", "")
    version, key_id, content = _three(signed)
    key = keys.get(key_id)
    if key is None or version != _VERSION:
        raise Refused("badGrant", "unknown key or version")
    if not hmac.compare_digest(_mac(key, signed), _from_base64(mac)):
        raise Refused("badGrant", "signature")
    grant = _grant(wire.decode(_from_base64(content)))
    if not hmac.compare_digest(grant.browser, browser_mark(browser)):
        raise Refused("badGrant", "another browser")
    # the second bound stops a clock that was set back from reviving old grants for long
    if not timedelta(0) < grant.expires_at - at <= MAX_LIFETIME:
        raise Refused("grantExpired")
    return grant


def _mac(key: KeyBytes, signed: str) -> bytes:
    return hmac.digest(key.reveal(), _DOMAIN + signed.encode("utf-8", "surrogatepass"), "sha256")


def _three(signed: str) -> tuple[str, str, str]:
    parts = signed.split(".")
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else ("", "", "")  # noqa: PLR2004 - the form above


def _content(grant: Grant) -> dict[str, Any]:
    cost = grant.limit.max_cost
    return {
        "id": grant.id,
        "station": grant.place.station,
        "evse": grant.place.evse,
        "slot": grant.slot,
        "browser": grant.browser,
        "expires": int(grant.expires_at.timestamp()),
        "cost": None if cost is None else [str(cost.amount), cost.currency],
        "energy": grant.limit.max_energy,
        "time": grant.limit.max_time,
    }


def _grant(content: dict[str, Any]) -> Grant:
    cost, energy = content["cost"], content["energy"]
    return Grant(
        id=content["id"],
        place=EvsePlace(StationId(content["station"]), EvseNumber(content["evse"])),
        slot=content["slot"],
        browser=content["browser"],
        expires_at=datetime.fromtimestamp(content["expires"], UTC),
        limit=Limit(
            max_cost=None if cost is None else Money(Decimal(cost[0]), cost[1]),
            max_energy=None if energy is None else Wh(energy),
            max_time=content["time"],
        ),
    )


def _to_base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _from_base64(text: str) -> bytes:
    # one spelling per value: what decodes to the same bytes but is written otherwise is not ours
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) if _BASE64.match(text) else b""
    except binascii.Error:
        return b""
    return raw if _to_base64(raw) == text else b""
