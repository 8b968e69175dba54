"""``evouch cpo``: the backend as a service."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evouch.cli.settings import CpoConfig

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _cpo() -> None:
    """The backend of a charge point operator: OCPP for stations, pages for drivers, an API for you."""


@app.command()
def run(
    *,
    config: Annotated[Path | None, typer.Option(help="The TOML file to read.")] = None,
    state: Annotated[Path | None, typer.Option(help="Folder for the database and for keys.")] = None,
    database: Annotated[str | None, typer.Option(help="sqlite:///file or postgresql://user@host/name.")] = None,
    ocpp_host: Annotated[str | None, typer.Option(help="Address that stations connect to.")] = None,
    ocpp_port: Annotated[
        int | None, typer.Option(help="Port for stations, all versions; 0 takes any free one.")
    ] = None,
    http_host: Annotated[str | None, typer.Option(help="Address of pages and API.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Port of pages and API; 0 takes any free one.")] = None,
    public_url: Annotated[str | None, typer.Option(help="How phones reach the pages (https outside loopback).")] = None,
    provider_url: Annotated[str | None, typer.Option(help="Where the payment provider's API is.")] = None,
    identity_require: Annotated[
        str | None,
        typer.Option(
            help="Who has to prove its identity: enrolled (stations with a key), or all (whom no rule trusts)."
        ),
    ] = None,
    identity_ocpp2_extension: Annotated[
        bool | None,
        typer.Option(
            "--identity-ocpp2-extension",
            help="Challenge OCPP 2.0.1 and 2.1 stations too. There SignedChallenge is our extension and no standard.",
            show_default=False,
        ),
    ] = None,
    ocpi_enabled: Annotated[
        bool | None,
        typer.Option("--ocpi-enabled", help="Let customers of eMSPs charge (OCPI, Autocharge).", show_default=False),
    ] = None,
    ocpi_party: Annotated[str | None, typer.Option(help="Who it is to eMSPs, like DE*CPO.")] = None,
    ocpi_private_addresses: Annotated[
        bool | None,
        typer.Option(
            "--ocpi-private-addresses", help="Speak to eMSPs on this machine, without TLS.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print where it is as one line of JSON.")] = False,
) -> None:
    """Run the backend until it is stopped.

    Without stations that have passwords in the configuration it takes any station, and
    listens on loopback only. Keys, database and the operator's first password and API token
    are made in the state folder at the first start.
    """
    from evouch.cli.config import load
    from evouch.cli.settings import CpoConfig

    flags = {
        "state": state, "database": database, "ocpp.host": ocpp_host, "ocpp.port": ocpp_port, "http.host": http_host,
        "http.port": http_port, "public_url": public_url, "provider.url": provider_url,
        "identity.require": identity_require, "identity.ocpp2_extension": identity_ocpp2_extension,
        "ocpi.enabled": ocpi_enabled, "ocpi.party": ocpi_party, "ocpi.private_addresses": ocpi_private_addresses,
    }  # fmt: skip
    asyncio.run(_serve(load(CpoConfig, file=config, flags=flags).config, as_json=as_json))


async def _serve(config: "CpoConfig", *, as_json: bool) -> None:
    from evouch.cli.log import configure
    from evouch.cli.running import say, settled, stopped
    from evouch.cli.serve import CpoService
    from evouch.clock import SystemClock, SystemEntropy

    configure()
    end = stopped()
    service = CpoService(config, clock=SystemClock(), entropy=SystemEntropy())
    await service.start()
    settled()
    keys = config.state / "keys"
    shown = {
        "stations": f"{service.ocpp_url}/{{station id}}",
        "pages": service.http_url,
        "operator": f"{service.http_url}/operator",
        "operator password": str(config.operator.password_file or keys / "operator-password"),
        "api": f"{service.http_url}/api/v1",
        "api token": str(config.operator.token_file or keys / "operator-token"),
    }
    if service.versions_url:
        shown["ocpi"] = service.versions_url
    say(shown, as_json=as_json)
    try:
        await end.wait()
    finally:
        await service.stop()
