"""What is served beside the pages under an address of its own, without passing through their framework.

Partners' requests need none of what pages need (sessions, security headers for browsers, forms),
and a sign oracle answers thousands of them a second: the path decides before anything else looks.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

__all__ = ["OCPI", "App", "beside"]

Message = MutableMapping[str, Any]
#: An ASGI application.
App = Callable[[Any, Any, Any], Awaitable[None]]

#: Where OCPI is served.
OCPI: Final = "/ocpi"


def beside(pages: App, below: str, other: App) -> App:
    """Return an application that gives requests for ``below``, and for what is below it, to another one.

    Beginning and end of the server are the pages' business.
    """
    inside = f"{below}/"

    async def app(scope: Message, receive: Any, send: Any) -> None:
        path: str = scope.get("path", "")
        chosen = other if scope["type"] == "http" and (path.startswith(inside) or path == below) else pages
        await chosen(scope, receive, send)

    return app
