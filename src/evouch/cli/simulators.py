"""Simulated stations and their displays as a service: what ``station run`` and the demo share."""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from evouch.charging.dialogue import Evidence
from evouch.cli.http import HttpServer, bind
from evouch.clock import Clock, Entropy
from evouch.ids import Mac, Secret, StationId
from evouch.ocpp.aio import StationClient
from evouch.station.app import Connect, Line, Simulator
from evouch.station.spec import StationSpec
from evouch.web.pages_station import create_station_app

__all__ = ["Simulators", "over_sockets"]


def over_sockets(spec: StationSpec, url: str, clock: Clock, entropy: Entropy, tls: ssl.SSLContext | None) -> Connect:
    """Return the way to a backend for one station: a WebSocket in its version."""

    async def connect(
        *, password: Secret | None, hear: Callable[[Any, Any, Evidence], Any], on_close: Callable[..., None]
    ) -> Line:
        return await StationClient.connect(
            url, station=spec.id, version=spec.version, password=password, hear=hear, clock=clock, entropy=entropy,
            wiring=spec.wiring(), tls=tls, on_close=on_close, manners=spec.manners(),
        )  # fmt: skip

    return connect


class Simulators:
    """Stations that run in this process, and one HTTP server with all their displays."""

    def __init__(
        self, specs: Iterable[StationSpec], *, backend: str, clock: Clock, entropy: Entropy,
        host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None,
        cars: Mapping[str, Mac] | None = None,
    ) -> None:  # fmt: skip
        self.stations: dict[StationId, Simulator] = {
            spec.id: Simulator(
                spec, connect=over_sockets(spec, backend, clock, entropy, tls), clock=clock, entropy=entropy
            )
            for spec in specs
        }
        self._host, self._port = host, port
        #: cars that have an address, by the name on their button
        self._cars = cars or {}
        self._runs: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        """Where the displays are."""
        return f"http://{self._host}:{self._http.port}"

    async def start(self) -> None:
        """Bind, show the displays, and switch the stations on."""
        self._http = HttpServer(bind(self._host, self._port))
        await self._http.start(create_station_app(self.stations, cars=self._cars))
        self._runs = [asyncio.create_task(simulator.run()) for simulator in self.stations.values()]

    async def stop(self) -> None:
        """Switch everything off."""
        for task in self._runs:
            task.cancel()
        await asyncio.gather(*self._runs, return_exceptions=True)
        await self._http.stop()
