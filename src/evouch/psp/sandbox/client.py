"""The merchant's side over HTTP: the payment port against a running sandbox provider.

A question whose answer did not come is asked again, with the same idempotency key, a few
times; then ``Unreachable`` says that the outcome is not known. Redirects are not followed
and no proxy of the environment is used: this goes to one configured address or nowhere.
"""

from functools import cache
from typing import Any, Final
from urllib.parse import quote

import httpx2
import stamina

from evouch import wire
from evouch.clock import Clock, Tick
from evouch.errors import Offline, TimedOut, Unreachable
from evouch.ids import Secret
from evouch.psp.sandbox.port import SandboxPort, check_status

__all__ = ["SandboxProvider", "tls"]

#: Tries of one question, the first included.
ATTEMPTS: Final = 4
#: Seconds for one try; a provider that needs longer is asked again with the same key.
TRY_SECONDS: Final = 5.0
#: Seconds after which no new try is begun: the driver stands in front of the station.
PATIENCE: Final = 15.0

_PATHS: Final = {
    "hold": ("POST", "/v1/holds"),
    "look": ("GET", "/v1/holds/{hold}"),
    "capture": ("POST", "/v1/holds/{hold}/capture"),
    "release": ("POST", "/v1/holds/{hold}/release"),
    "refund": ("POST", "/v1/holds/{hold}/refunds"),
}


@cache
def tls() -> Any:
    """Return how certificates are checked: read once per process, for reading them all takes a while."""
    return httpx2.create_ssl_context(trust_env=False)


class SandboxProvider(SandboxPort):
    """The sandbox provider at ``base_url``, as :class:`~evouch.charging.payments.PaymentProvider`."""

    def __init__(
        self,
        base_url: str,
        api_key: Secret,
        webhook_secret: Secret,
        clock: Clock,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        attempts: int = ATTEMPTS,
        try_seconds: float = TRY_SECONDS,
        patience: float = PATIENCE,
    ) -> None:
        super().__init__(webhook_secret)
        self._clock = clock
        self._attempts = attempts
        self._patience = patience
        self._http = httpx2.AsyncClient(
            base_url=base_url.rstrip("/"),
            headers={"Authorization": f"Bearer {api_key.text()}", "Content-Type": "application/json"},
            timeout=try_seconds,
            transport=transport,
            verify=tls(),
            trust_env=False,
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _ask(self, operation: str, hold: str, document: Any, key: str) -> tuple[int, bytes]:
        by = Tick(self._clock.tick() + self._patience)
        tries = stamina.retry_context(
            on=lambda problem: isinstance(problem, Unreachable) and self._clock.tick() < by,
            attempts=self._attempts, timeout=self._patience, wait_initial=0.1, wait_max=2.0, wait_jitter=0.2,
        )  # fmt: skip
        async for attempt in tries:
            with attempt:
                status, body = await self._try(operation, hold, document, key)
                check_status(status)
        return status, body

    async def _try(self, operation: str, hold: str, document: Any, key: str) -> tuple[int, bytes]:
        method, path = _PATHS[operation]
        content = b"" if method == "GET" else wire.encode(document)
        headers = {"Idempotency-Key": key} if key else {}
        try:
            answer = await self._http.request(
                method, path.format(hold=quote(hold, safe="")), content=content, headers=headers
            )
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as problem:
            raise Offline(f"no connection to the payment provider: {type(problem).__name__}") from None
        except httpx2.TimeoutException as problem:
            raise TimedOut(f"no answer from the payment provider: {type(problem).__name__}") from None
        except httpx2.HTTPError as problem:
            raise Unreachable(f"the payment provider hung up: {type(problem).__name__}") from None
        return answer.status_code, answer.content
