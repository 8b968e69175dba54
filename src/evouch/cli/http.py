"""An HTTP server inside our own event loop: bound before anything starts, stopped when we say so."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from evouch.errors import LocalError

__all__ = ["KEEP_ALIVE", "MAX_HEAD", "HttpServer", "bind"]

#: Bytes of a request beside its body: cookies and tokens of our own fit into a tenth of it.
MAX_HEAD: Final = 64 * 1024
#: Seconds that an unused connection is kept: longer than our own client keeps one, so that no request of it meets
#: a connection that is being closed, and a partner that asks twice a minute greets us once.
KEEP_ALIVE: Final = 75


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


class _InOnePiece:
    """A transport that sends what is written in one turn of the loop at once: head and body of an answer, one packet.

    uvicorn writes them one by one, each a call of the operating system, which costs more than all that Python
    does with a small answer.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._waiting: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send ``data`` with what else is written until others have their turn."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)

    def close(self) -> None:
        """Send what is written, then close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._waiting and not self._transport.is_closing():
            self._transport.write(b"".join(self._waiting))
        self._waiting.clear()


class _Protocol(HttpToolsProtocol):
    """HTTP/1.1 that writes in one piece, and reads with a parser in C: a third of the time of one in Python.

    That parser keeps a head until it is complete, however long it is; so what is not body is counted here.
    """

    _overhead = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take a connection."""
        super().connection_made(_InOnePiece(transport, self.loop))  # type: ignore[arg-type]  # it is as good as one

    def data_received(self, data: bytes) -> None:
        """Read on, unless head, chunk sizes and trailers of one request have become too long."""
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response("Request header too long.")

    def on_body(self, body: bytes) -> None:
        """Count out what is body: who reads it knows its bounds."""
        self._overhead -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Count the next request from the start."""
        self._overhead = 0
        super().on_message_complete()


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
            app, http=_Protocol, log_config=None, access_log=False, lifespan="on", server_header=False,
            date_header=False, proxy_headers=bool(self._proxies), forwarded_allow_ips=list(self._proxies),
            timeout_graceful_shutdown=2, timeout_keep_alive=KEEP_ALIVE,
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
