"""What a partner offers: its versions, and the endpoints of the one that both speak."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog

from evouch.clock import Tick
from evouch.errors import PeerFault, PeerGarbled, PeerRefused
from evouch.ids import Secret
from evouch.ocpi import model
from evouch.ocpi.addresses import AddressPolicy, BadAddress
from evouch.ocpi.codec import read
from evouch.ocpi.credentials import MISSING_ENDPOINTS, best_version, missing
from evouch.ocpi.exchange import Exchange
from evouch.ocpi.partner import Endpoint, Role

__all__ = ["Found", "credentials_url", "discover", "readable"]

W = TypeVar("W", bound=model.Wire)

#: Endpoints that are looked at: a version has about a dozen modules, with two interfaces each.
MAX_ENDPOINTS: Final = 100
UNAUTHORIZED: Final = 401

_log = structlog.get_logger("evouch.ocpi.discovery")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A partner's endpoints in one version. ``plain``: it wants its token without base64."""

    version: str
    endpoints: tuple[Endpoint, ...]
    plain: bool


def credentials_url(endpoints: Sequence[Endpoint]) -> str:
    """Return where POST, PUT and DELETE go; which interface it says means nothing (version_information_endpoint)."""
    return next((each.url.rstrip("/") for each in endpoints if each.module == "credentials"), "")


async def discover(
    exchange: Exchange,
    policy: AddressPolicy,
    url: str,
    token: Secret,
    *,
    role: Role,
    versions: tuple[str, ...],
    plain: bool,
    by: Tick,
    correlation: str,
) -> Found:
    """Read versions and details of a partner that is a ``role``, with the token that it gave us.

    ``versions`` are those that we accept. Raises PeerFault 3002 and 3003, BadAddress, and what an exchange raises.
    """
    data, plain = await _first_contact(exchange, url, token, plain=plain, by=by, correlation=correlation)
    best = best_version(versions, readable(data, model.Version))
    reply = await exchange.ask("GET", best.url, token, by=by, plain=plain, correlation=correlation)
    endpoints = _endpoints(reply.data, policy)
    if lacking := missing(role, endpoints):
        raise PeerFault(str(MISSING_ENDPOINTS), f"needed and not there: {', '.join(lacking)}")
    return Found(version=best.version, endpoints=endpoints, plain=plain)


def readable(data: Any, kind: type[W]) -> list[W]:
    """Return those of a list that can be read; PeerGarbled where it is no list."""
    if not isinstance(data, list):
        raise PeerGarbled("data", "expected a list")
    found = []
    for each in data[:MAX_ENDPOINTS]:
        try:
            found.append(read(each, kind))
        except PeerFault as fault:
            _log.warning("object of a partner cannot be read", kind=kind.__name__, why=fault.description)
    return found


async def _first_contact(
    exchange: Exchange, url: str, token: Secret, *, plain: bool, by: Tick, correlation: str
) -> tuple[Any, bool]:
    """Return the list of versions; a 401 is asked again with the token in its other spelling."""
    try:
        return (await exchange.ask("GET", url, token, by=by, plain=plain, correlation=correlation)).data, plain
    except PeerRefused as refused:
        if refused.details.get("http") != UNAUTHORIZED:
            raise
    other = not plain
    return (await exchange.ask("GET", url, token, by=by, plain=other, correlation=correlation)).data, other


def _endpoints(data: Any, policy: AddressPolicy) -> tuple[Endpoint, ...]:
    """Return the endpoints that we may go to; one that leads elsewhere is as good as missing."""
    listed = data.get("endpoints") if isinstance(data, dict) else None
    found = []
    for each in readable(listed, model.Endpoint):
        try:
            url = policy.check(each.url)
        except BadAddress as bad:
            _log.warning("endpoint of a partner left out", module=each.identifier, why=bad.description)
            continue
        found.append(Endpoint(module=each.identifier.lower(), interface=(each.role or "").upper(), url=url))
    return tuple(found)
