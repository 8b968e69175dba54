"""One request to a partner and its answer: headers on the way out, the envelope on the way back.

=====================================  =======================================================
what came                              what is raised, or returned
=====================================  =======================================================
2xx, envelope with status 1xxx         :class:`Reply`
any status, envelope with 2xxx…4xxx    PeerRefused, its code is that of the envelope
429                                    PeerRefused "http 429", with ``retryAfter`` in the details
a redirect, another status             PeerRefused "http NNN": no redirect is followed
2xx and no envelope, or half of one    PeerGarbled
nothing                                what the transport raised: Offline, TimedOut, Unreachable
=====================================  =======================================================

Data that nobody asked for is accepted and left alone (transport §envelope).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from evouch import wire
from evouch.clock import Entropy, Tick
from evouch.errors import PeerGarbled, PeerRefused
from evouch.ids import PartyId, Secret
from evouch.ocpi.addresses import AddressPolicy
from evouch.ocpi.authorization import header
from evouch.ocpi.http import Request, Response, Transport

__all__ = ["MAX_ANSWER", "Exchange", "Reply", "reply_of", "routing"]

#: Bytes of the largest answer: a page of a thousand Locations is about two megabytes.
MAX_ANSWER: Final = 8 * 1024 * 1024
#: Longest text of a partner that we show or keep.
MAX_WORDS: Final = 200
#: Longest wait that a partner may ask for and be believed (s).
MAX_RETRY_AFTER: Final = 86_400

TOO_MANY: Final = 429
_GOOD: Final = range(1000, 2000)
_BAD: Final = range(2000, 5000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer that says yes. Header names are lower case."""

    data: Any = None
    code: int = 1000
    http: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Exchange:
    """Asks one question at a time, of whoever an address belongs to."""

    def __init__(self, transport: Transport, policy: AddressPolicy, entropy: Entropy) -> None:
        self._transport = transport
        self._policy = policy
        self._entropy = entropy

    def correlation(self) -> str:
        """Return a new id for what may take several requests (transport §correlation)."""
        return str(UUID(bytes=self._entropy.bytes(16), version=4))

    async def ask(
        self,
        method: str,
        url: str,
        token: Secret,
        *,
        by: Tick,
        plain: bool = False,
        body: Any = None,
        route: Mapping[str, str] | None = None,
        correlation: str = "",
    ) -> Reply:
        """Send a request and return what came back. BadAddress where the policy forbids the address.

        ``body`` is plain values; ``route`` the OCPI-to and OCPI-from headers of functional modules.
        """
        self._policy.check(url)
        request_id = self.correlation()
        headers = {
            "authorization": header(token, plain=plain), "accept": "application/json", "x-request-id": request_id,
            "x-correlation-id": correlation or request_id, **(route or {}),
        }  # fmt: skip
        content = b""
        if body is not None:
            headers["content-type"] = "application/json"
            content = wire.encode(body)
        request = Request(method=method, url=url, headers=headers, body=content)
        return reply_of(await self._transport.send(request, by=by))


def routing(to: PartyId | None, ours: PartyId) -> dict[str, str]:
    """Return the headers that address a message (transport §routing); not for credentials and versions."""
    addressed = {} if to is None else {"ocpi-to-country-code": to.country, "ocpi-to-party-id": to.party}
    return addressed | {"ocpi-from-country-code": ours.country, "ocpi-from-party-id": ours.party}


def reply_of(response: Response) -> Reply:
    """Return what a response says, by the table above."""
    fine = response.status // 100 == 2  # noqa: PLR2004 - done
    if response.status == TOO_MANY:
        raise PeerRefused("http 429", "asked too often", _waits(response.headers))
    envelope = _envelope(response.body)
    code = envelope.get("status_code") if envelope is not None else None
    if envelope is not None and type(code) is int and code in _BAD:
        words = str(envelope.get("status_message") or "")[:MAX_WORDS]
        raise PeerRefused(str(code), words, {"http": response.status})
    if not fine:
        raise PeerRefused(f"http {response.status}", "", {"http": response.status})
    if envelope is None or type(code) is not int or code not in _GOOD:
        raise PeerGarbled("envelope", "the answer is no OCPI envelope", {"http": response.status})
    return Reply(data=envelope.get("data"), code=code, http=response.status, headers=response.headers)


def _envelope(body: bytes) -> dict[str, Any] | None:
    try:
        document = wire.decode(body, max_bytes=MAX_ANSWER)
    except wire.MalformedJson:
        return None
    return document if isinstance(document, dict) else None


def _waits(headers: Mapping[str, str]) -> dict[str, Any]:
    after = headers.get("retry-after", "")
    seconds = int(after) if after.isascii() and after.isdigit() and len(after) < len("1000000") else None
    return {"http": TOO_MANY} | ({} if seconds is None else {"retryAfter": min(seconds, MAX_RETRY_AFTER)})
