"""What stands beside the pages is chosen by the path alone."""

import asyncio
from typing import Any

import pytest

from evouch.web.mounting import OCPI, beside


def _named(name: str, served: list[tuple[str, str]]) -> Any:
    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        served.append((name, scope["type"]))

    return app


def _served(scope: dict[str, Any]) -> list[tuple[str, str]]:
    served: list[tuple[str, str]] = []
    app = beside(_named("pages", served), OCPI, _named("ocpi", served))

    async def serve() -> None:
        await app(scope, None, None)

    asyncio.run(serve())
    return served


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/ocpi", "ocpi"), ("/ocpi/versions", "ocpi"), ("/ocpi/", "ocpi"),
        ("/", "pages"), ("/ocpis", "pages"), ("/api/ocpi", "pages"), ("/OCPI/versions", "pages"),
    ],
)  # fmt: skip
def test_the_path_decides_who_answers(path: str, name: str) -> None:
    assert _served({"type": "http", "path": path}) == [(name, "http")]


def test_the_pages_begin_and_end_with_the_server() -> None:
    assert _served({"type": "lifespan"}) == [("pages", "lifespan")]
    assert _served({"type": "websocket", "path": "/ocpi"}) == [("pages", "websocket")]
