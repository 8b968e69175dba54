"""``evouch emsp``: an e-mobility service provider as a service."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evouch.cli import emsp_key

if TYPE_CHECKING:
    from evouch.cli.settings_emsp import EmspConfig

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)
app.add_typer(emsp_key.app, name="key")


@app.callback()
def _emsp() -> None:
    """An e-mobility service provider: drivers, their vehicles and cards, and OCPI for operators."""


@app.command()
def run(
    *,
    config: Annotated[Path | None, typer.Option(help="The TOML file to read.")] = None,
    state: Annotated[Path | None, typer.Option(help="Folder for the database and for keys.")] = None,
    database: Annotated[str | None, typer.Option(help="sqlite:///file or postgresql://user@host/name.")] = None,
    http_host: Annotated[str | None, typer.Option(help="Address of OCPI, pages and API.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Port of OCPI, pages and API; 0 takes any free one.")] = None,
    public_url: Annotated[
        str | None, typer.Option(help="How phones and operators reach it (https outside loopback).")
    ] = None,
    party: Annotated[str | None, typer.Option(help="Who it is to operators, like DE*EMS.")] = None,
    ocpi_private_addresses: Annotated[
        bool | None,
        typer.Option(
            "--ocpi-private-addresses", help="Speak to operators on this machine, without TLS.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print where it is as one line of JSON.")] = False,
) -> None:
    """Run an eMSP until it is stopped.

    It listens on loopback only, until told otherwise. Database, keys (also the one of the sign
    oracle, sealed), the first password of staff and the first API token are made in the state
    folder at the first start.
    """
    from evouch.cli.config import load
    from evouch.cli.settings_emsp import EmspConfig

    flags = {
        "state": state, "database": database, "http.host": http_host, "http.port": http_port,
        "public_url": public_url, "party": party, "ocpi.private_addresses": ocpi_private_addresses,
    }  # fmt: skip
    asyncio.run(_serve(load(EmspConfig, file=config, flags=flags).config, as_json=as_json))


async def _serve(config: "EmspConfig", *, as_json: bool) -> None:
    from evouch.cli.log import configure
    from evouch.cli.running import say, settled, stopped
    from evouch.cli.serve_emsp import EmspService
    from evouch.clock import SystemClock, SystemEntropy

    configure()
    end = stopped()
    service = EmspService(config, clock=SystemClock(), entropy=SystemEntropy())
    await service.start()
    settled()
    keys = config.state / "keys"
    shown = {
        "ocpi": service.versions_url,
        "pages": service.http_url,
        "operator password": str(config.operator.password_file or keys / "operator-password"),
        "api token": str(config.operator.token_file or keys / "operator-token"),
    }
    say(shown, as_json=as_json)
    try:
        await end.wait()
    finally:
        await service.stop()
