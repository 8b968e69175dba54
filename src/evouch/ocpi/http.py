"""HTTP as far as OCPI needs it: requests and responses as values, and the port that carries them.

A server is a function from :class:`Request` to :class:`Response`, a client asks a
:class:`Transport`. What is between them may be sockets (``ocpi.aio``) or this process's memory
(``testing.ocpi``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from evouch.clock import Tick

__all__ = ["Method", "Request", "Response", "Transport"]

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. ``url`` is whole for clients, and path with query for servers. Header names are lower case."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One response. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Transport(Protocol):
    """Carries requests to partners. Follows no redirect, uses no proxy of the environment."""

    async def send(self, request: Request, *, by: Tick) -> Response:
        """Return the response; raise Offline, TimedOut or Unreachable where none came."""
