"""``evouch psp``: the sandbox payment provider as a service of its own."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evouch.cli.settings import PspConfig

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _psp() -> None:
    """Hold, capture, release and refund amounts on cards that do not exist."""


@app.command()
def run(
    *,
    config: Annotated[Path | None, typer.Option(help="The TOML file to read.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes any free one.")] = None,
    db: Annotated[Path | None, typer.Option(help="SQLite file to keep everything in; without it, memory.")] = None,
    webhook_url: Annotated[str | None, typer.Option(help="Where signed webhooks go; '' keeps them back.")] = None,
    public_url: Annotated[str | None, typer.Option(help="How browsers reach the card form.")] = None,
    state: Annotated[Path | None, typer.Option(help="Folder for the API key and the webhook secret.")] = None,
    merchant: Annotated[str, typer.Option(help="The name that drivers see.")] = "Sandbox Energy",
    faults: Annotated[bool, typer.Option("--faults", help="Let /v1/faults make things go wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print where it is as one line of JSON.")] = False,
) -> None:
    """Run the sandbox payment provider until it is stopped.

    API key and webhook secret stand in files that are made at the first start; a backend that
    runs with the same state folder finds them there. Only test cards are taken; they are
    listed on the service's front page.
    """
    from evouch.cli.config import load
    from evouch.cli.settings import PspConfig

    flags = {
        "http.host": host, "http.port": port, "database": db, "webhook_url": webhook_url,
        "public_url": public_url, "state": state,
    }  # fmt: skip
    loaded = load(PspConfig, file=config, flags=flags).config
    asyncio.run(_serve(loaded, merchant=merchant, faults=faults, as_json=as_json))


async def _serve(config: "PspConfig", *, merchant: str, faults: bool, as_json: bool) -> None:
    from evouch.cli.keys import secret_in
    from evouch.cli.log import configure
    from evouch.cli.running import say, stopped
    from evouch.clock import SystemClock, SystemEntropy
    from evouch.psp.sandbox.aio import SandboxService

    configure()
    entropy, keys = SystemEntropy(), config.state / "keys"
    files = {
        "api_key_file": config.api_key_file or keys / "psp-api-key",
        "webhook_secret_file": config.webhook_secret_file or keys / "psp-webhook-secret",
    }
    service = SandboxService(
        clock=SystemClock(), entropy=entropy, merchant=merchant,
        api_key=secret_in(config.api_key_file, files["api_key_file"], entropy),
        webhook_secret=secret_in(config.webhook_secret_file, files["webhook_secret_file"], entropy),
        webhook_url=config.webhook_url, host=config.http.host, port=config.http.port,
        db=_file(config.database), public_url=config.public_url, faults=faults,
    )  # fmt: skip
    end = stopped()
    await service.start()
    shown = {
        "url": service.url, "openapi": f"{service.url}/openapi.json", "webhook_url": config.webhook_url,
        "database": config.database, "faults": faults, **{name: str(path) for name, path in files.items()},
    }  # fmt: skip
    say(shown, as_json=as_json)
    try:
        await end.wait()
    finally:
        await service.stop()


def _file(database: str) -> Path | None:
    """Return the file that a database setting names: a path, or ``sqlite:///`` and a path."""
    path = database.removeprefix("sqlite:///")
    return Path(path) if path else None
