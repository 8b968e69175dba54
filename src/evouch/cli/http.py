"""An HTTP server inside our own event loop: bound before anything starts, stopped when we say so."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from evouch.errors import LocalError

__all__ = ["HttpServer", "bind"]


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket, or LocalError with a sentence that helps."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # the protocol is named so that asyncio switches Nagle's delay off, which costs 40 ms per answer
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise LocalError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    sock.listen(1024)
    sock.setblocking(False)
    return sock


class _Quiet(uvicorn.Server):
    """Leaves signals to the one handler of this process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves an ASGI application from a bound socket."""

    def __init__(self, sock: socket.socket, *, proxies: tuple[str, ...] = ()) -> None:
        self._sock = sock
        self._proxies = proxies
        self._server: _Quiet | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._sock.getsockname()[1])

    async def start(self, app: Any) -> None:
        """Serve ``app``; return when connections are taken."""
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="on", server_header=False, date_header=False,
            proxy_headers=bool(self._proxies), forwarded_allow_ips=list(self._proxies), timeout_graceful_shutdown=2,
        )  # fmt: skip
        self._server = _Quiet(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[self._sock]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise LocalError("the HTTP server did not start")
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Take no more connections, let the open ones finish for a moment, and end."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        self._sock.close()
