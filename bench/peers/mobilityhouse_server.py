"""``ocpp`` over ``websockets``, as the example of that project shows them, schema validation as it comes."""

import asyncio
import contextlib
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result

logging.disable(logging.CRITICAL)


class Station(ChargePoint):  # type: ignore[misc]
    """A connected station."""

    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def on_heartbeat(self) -> Any:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        return call_result.Heartbeat(current_time=now)

    @on("MeterValues")  # type: ignore[untyped-decorator]
    def on_meter_values(self, **kwargs: Any) -> Any:
        return call_result.MeterValues()


async def connected(socket: Any) -> None:
    with contextlib.suppress(websockets.ConnectionClosed):
        await Station(socket.request.path.strip("/"), socket).start()


async def serve() -> None:
    server = await websockets.serve(connected, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol("ocpp1.6")])
    print(next(iter(server.sockets)).getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
