"""``evouch station``: a simulated charging station with its displays."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import ssl

    from evouch.cli.settings import EvseEntry, StationConfig
    from evouch.station.spec import EvseSpec, StationSpec

__all__ = ["app", "spec_of"]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _station() -> None:
    """A charging station that exists only here: OCPP 1.6J, 2.0.1 or 2.1, with a display for each EVSE."""


@app.command()
def run(
    *,
    config: Annotated[Path | None, typer.Option(help="The TOML file to read.")] = None,
    id: Annotated[str | None, typer.Option(help="The station's id at the backend.")] = None,
    version: Annotated[str | None, typer.Option(help="1.6, 2.0.1 or 2.1.")] = None,
    backend: Annotated[str | None, typer.Option(help="ws:// or wss:// address without the station's id.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the OCPP password.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Port of the displays; 0 takes any free one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print where it is as one line of JSON.")] = False,
) -> None:
    """Run a simulated station until it is stopped.

    Its displays are web pages: the code to scan, and buttons to plug a car in, hold a card
    before the reader, or break something. It reconnects by itself and keeps transaction
    messages while the backend is away.
    """
    from evouch.cli.config import load
    from evouch.cli.settings import StationConfig

    flags = {
        "id": id, "version": version, "backend": backend, "password_file": password_file, "http.port": http_port,
    }  # fmt: skip
    asyncio.run(_serve(load(StationConfig, file=config, flags=flags).config, as_json=as_json))


async def _serve(config: "StationConfig", *, as_json: bool) -> None:
    from evouch.cli.log import configure
    from evouch.cli.running import say, stopped
    from evouch.cli.simulators import Simulators
    from evouch.clock import SystemClock, SystemEntropy

    configure()
    end = stopped()
    simulators = Simulators(
        [spec_of(config)], backend=config.backend, clock=SystemClock(), entropy=SystemEntropy(),
        host=config.http.host, port=config.http.port, tls=_tls(config),
    )  # fmt: skip
    await simulators.start()
    shown = {f"display {evse.number}": f"{simulators.url}/{config.id}/{evse.number}" for evse in config.evses}
    say({"station": config.id, "backend": config.backend, **shown}, as_json=as_json)
    try:
        await end.wait()
    finally:
        await simulators.stop()


def spec_of(config: "StationConfig") -> "StationSpec":
    """Return the simulated hardware that a configuration describes."""
    from evouch.ids import Secret, StationId
    from evouch.station.spec import Screens, StationSpec

    password = Secret(config.password_file.read_bytes().rstrip(b"\r\n")) if config.password_file else None
    return StationSpec(
        id=StationId(config.id),
        version=config.subprotocol,
        evses=tuple(_evse(entry, per_station=config.version == "1.6") for entry in config.evses),
        password=password,
        screens=Screens.PER_EVSE if config.displays == "per evse" else Screens.SINGLE,
        loopback_http=True,
        settings=config.settings,
    )


def _evse(entry: "EvseEntry", *, per_station: bool) -> "EvseSpec":
    from evouch.station.spec import Curve, EvseSpec

    evse = entry.evse(per_station=per_station)
    return EvseSpec(
        number=evse.number, connectors=evse.connectors, curve=Curve(power=evse.max_power), evse_id=evse.evse_id
    )


def _tls(config: "StationConfig") -> "ssl.SSLContext | None":
    import ssl

    if not config.backend.startswith("wss:"):
        return None
    return ssl.create_default_context(cafile=str(config.ca_file) if config.ca_file else None)
