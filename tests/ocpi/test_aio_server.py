"""The server over real sockets: the same answers, bodies within bounds, and where a request came from."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import uvicorn

from evouch.ocpi import model as m
from evouch.ocpi.aio_server import asgi
from evouch.ocpi.server import MAX_BODY
from tests.ocpi.serving import SAMPLES, TOKEN, VID, Serving, run


def play(story: Callable[[Serving, httpx2.AsyncClient], Awaitable[None]]) -> None:
    """Run a story against a server on a free port of this machine."""

    async def whole() -> None:
        serving = Serving()
        server = uvicorn.Server(uvicorn.Config(asgi(serving.server), port=0, log_config=None, lifespan="on"))
        running = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.001)
        port = server.servers[0].sockets[0].getsockname()[1]
        headers = {"Authorization": f"Token {TOKEN}"}
        try:
            async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
                await story(serving, client)
        finally:
            server.should_exit = True
            await running

    asyncio.run(whole())


def test_over_sockets_the_server_answers_as_in_memory() -> None:
    async def story(serving: Serving, client: httpx2.AsyncClient) -> None:
        answer = await client.post("/ocpi/2.3.0/oprf/sign", json=SAMPLES[m.SignRequest], headers={"X-Request-ID": "r"})
        assert (answer.status_code, answer.json()["data"]) == (200, SAMPLES[m.SignAnswer])
        assert (answer.headers["X-Request-ID"], answer.headers["Content-Type"]) == ("r", "application/json")
        assert serving.call.address == "127.0.0.1"

        assert (await client.get("/ocpi/2.3.0/cdrs/a%2Fb%C3%A4?x=%20")).status_code == 200
        assert (serving.call.params, serving.call.query) == ({"cdr_id": "a/bä"}, {"x": " "})
        slashed = await client.post(f"/ocpi/2.3.0/tokens/{VID}/authorize/?type={m.VEHICLE_TOKEN}")
        assert (slashed.status_code, slashed.json()["status_code"]) == (200, 1000)
        assert (await client.get("/ocpi/versions", headers={"Authorization": "Token no"})).status_code == 401
        assert (await client.put("/ocpi/2.3.0/vehicles")).headers["Allow"] == "GET, POST"

        large = await client.post("/ocpi/2.3.0/oprf/sign", content=b" " * (MAX_BODY + 10_000))
        assert (large.status_code, large.json()["status_code"]) == (400, 2001)
        stranger = {"Authorization": "Token no"}
        refused = await client.post("/ocpi/2.3.0/oprf/sign", content=b" " * MAX_BODY, headers=stranger)
        assert (refused.status_code, refused.json()["status_code"]) == (401, 2000)
        assert (await client.get("/ocpi/versions")).status_code == 200

    play(story)


def test_a_caller_that_goes_before_its_body_is_whole_is_not_answered() -> None:
    async def story() -> None:
        serving, sent = Serving(), list[Any]()
        messages: list[Any] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
        scope: Any = {"type": "http", "method": "POST", "path": "/ocpi/2.3.0/oprf/sign", "headers": [], "client": None}

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        known = scope | {"headers": [(b"authorization", f"Token {TOKEN}".encode())]}
        await asgi(serving.server)(known, receive, send)
        assert (sent, serving.handlers.calls, messages) == ([], [], [])

        # nothing of a stranger's body is read
        await asgi(serving.server)(scope, receive, send)
        assert (sent[0]["status"], json.loads(sent[1]["body"])["status_code"]) == (401, 2000)
        await asgi(serving.server)({"type": "websocket"}, receive, send)
        assert len(sent) == 2

    run(story())
