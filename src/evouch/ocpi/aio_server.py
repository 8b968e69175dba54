"""An OCPI server as an ASGI application: bytes of a connection in, bytes out, and nothing in between.

The body is read up to a bound; what is larger is not read to its end, and that of a stranger not at all.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from evouch.ocpi.http import Request, Response
from evouch.ocpi.server import MAX_BODY

__all__ = ["Serves", "asgi"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class Serves(Protocol):
    """What answers requests: ``ocpi.server.OcpiServer``, or a double of one."""

    async def handle(self, request: Request, *, address: str = "") -> Response:
        """Return the response to a request that came from an address. Never raises for what was sent."""

    def admits(self, authorization: str) -> bool:
        """Return whether the body of a request with this header is worth reading."""


def asgi(server: Serves) -> App:
    """Return the application. It sees the whole path of an address, also where it is mounted below one."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            body = await _body(receive) if server.admits(headers.get("authorization", "")) else b""
            if body is not None:
                request = Request(method=scope["method"], url=_url(scope), headers=headers, body=body)
                await _send(await server.handle(request, address=_address(scope)), send)

    return app


async def _body(receive: Receive) -> bytes | None:
    """Return the body, cut one byte above the bound: the decoder says that it is too long. None: they went."""
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > MAX_BODY or not message.get("more_body", False):
            return b"".join(chunks)[: MAX_BODY + 1]


def _url(scope: Message) -> str:
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    return (path + b"?" + query if query else path).decode("latin-1")


def _address(scope: Message) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


async def _send(response: Response, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    headers.append((b"content-length", b"%d" % len(response.body)))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def _live(receive: Receive, send: Send) -> None:
    """Begin and end with the web server, where nothing else does."""
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
