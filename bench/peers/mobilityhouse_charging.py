"""``ocpp`` over ``websockets`` for a fleet that charges, on three versions: it validates, answers, and forgets."""

import asyncio
import contextlib
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

import websockets
from ocpp import v16, v21, v201
from ocpp.routing import on

logging.disable(logging.CRITICAL)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Station16(v16.ChargePoint):  # type: ignore[misc]
    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def on_heartbeat(self) -> Any:
        return v16.call_result.Heartbeat(current_time=_now())

    @on("MeterValues")  # type: ignore[untyped-decorator]
    def on_meter_values(self, **_: Any) -> Any:
        return v16.call_result.MeterValues()


class Station201(v201.ChargePoint):  # type: ignore[misc]
    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def on_heartbeat(self) -> Any:
        return v201.call_result.Heartbeat(current_time=_now())

    @on("TransactionEvent")  # type: ignore[untyped-decorator]
    def on_event(self, **_: Any) -> Any:
        return v201.call_result.TransactionEvent()


class Station21(v21.ChargePoint):  # type: ignore[misc]
    @on("Heartbeat")  # type: ignore[untyped-decorator]
    def on_heartbeat(self) -> Any:
        return v21.call_result.Heartbeat(current_time=_now())

    @on("TransactionEvent")  # type: ignore[untyped-decorator]
    def on_event(self, **_: Any) -> Any:
        return v21.call_result.TransactionEvent()


STATIONS: Final[dict[str, Any]] = {"ocpp1.6": Station16, "ocpp2.0.1": Station201, "ocpp2.1": Station21}


async def connected(socket: Any) -> None:
    with contextlib.suppress(websockets.ConnectionClosed):
        await STATIONS[socket.subprotocol](socket.request.path.strip("/"), socket).start()


async def serve() -> None:
    versions = [websockets.Subprotocol(version) for version in STATIONS]
    server = await websockets.serve(connected, "127.0.0.1", 0, subprotocols=versions)
    print(next(iter(server.sockets)).getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
