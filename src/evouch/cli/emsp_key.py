"""``evouch emsp key``: the key of the sign oracle, into a safe place and back (docs/decisions/063).

The key itself never crosses a wire, and no API token can take it out: export and restore work on
the eMSP's own database, with the key that seals it, so whoever may do this may read all files
anyway. It is never printed: it goes into a file that only its owner can read. List and rotate
ask a running eMSP over its operator API.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from evouch.errors import EvouchError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from evouch.cli.operator_api import OperatorApi
    from evouch.emsp.keys import Keys

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True)

#: In whose name the audit has what was done here.
_BY: Final = "command line"
#: Bytes of the largest file that can hold a key, with room for blanks.
_MOST: Final = 1000

_Backend = Annotated[
    str | None, typer.Option(help="Address of the eMSP.", show_default="that of [emsp] in the configuration")
]
_TokenFile = Annotated[
    Path | None,
    typer.Option("--token-file", help="File with an API token of the eMSP.", show_default="the one that it made"),
]
_Config = Annotated[Path | None, typer.Option(help="The TOML file to read.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.callback()
def _key() -> None:
    """The key that makes VIDs: list, export, restore, rotate. Losing it means that every car has to be bound again."""


@app.command("list")
def list_keys(
    *, backend: _Backend = None, token_file: _TokenFile = None, config: _Config = None, as_json: _Json = False
) -> None:
    """List all keys by their ids, the one in use first."""
    with _api(backend, token_file, config) as api:
        answer = api.ask("GET", "keys")
    lines = [f"{each['id']}  since {each['created_at']}  {_standing(each)}" for each in answer["keys"]]
    _say(answer, as_json, *lines)


@app.command()
def export(
    *,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A new file for the key.")],
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Write the key in use into a new file that only its owner can read; that it was taken out is on record.

    Reads the eMSP's database, on the machine where it is; the eMSP may be running.
    """
    from evouch.cli.keys import secret_to

    if out.exists():
        raise EvouchError(f"{out}: is there already")

    async def take(keys: "Keys") -> str:
        secret_to(out, await keys.export(actor=_BY))
        return keys.current.id

    id = _offline(config, take)
    _say({"id": id}, as_json, f"Key {id} is in {out}. Whoever has it can tell every car of yours by its address.")


@app.command()
def restore(
    *,
    key_file: Annotated[Path, typer.Option("--key-file", metavar="FILE", help="File with the key: 64 hex digits.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    backend: _Backend = None,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Put a key from a backup into use. What the present key has named is revoked when the eMSP starts again.

    Writes the eMSP's database, on the machine where it is; the eMSP has to be stopped.
    """
    from evouch.cli.backends import emsp_answers
    from evouch.errors import Refused
    from evouch.ids import Secret

    key = Secret(_read(key_file))
    if emsp_answers(backend, config):
        raise EvouchError("the eMSP is running, and goes on with the key that it has: stop it first")

    async def bring(keys: "Keys") -> str:
        try:
            return (await keys.restore(key, actor=_BY, reason=reason)).id
        except Refused:
            raise EvouchError(f"{key_file}: this is no key; 64 hexadecimal digits, from a backup") from None

    id = _offline(config, bring)
    _say({"id": id}, as_json, f"Key {id} is in use from the next start on.")


@app.command()
def rotate(
    *,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    grace: Annotated[
        int | None, typer.Option(help="Seconds for which cars of the present key still start; else as configured.")
    ] = None,
    backend: _Backend = None,
    token_file: _TokenFile = None,
    config: _Config = None,
    as_json: _Json = False,
) -> None:
    """Put a new key into use. Every car has to be bound again: what the present key has named is revoked."""
    with _api(backend, token_file, config) as api:
        answer = api.ask("POST", "keys", body={"reason": reason} | ({} if grace is None else {"grace": grace}))
    _say(answer, as_json, f"Key {answer['id']} is new and in use: every car has to be bound again.")


def _offline(config: Path | None, deed: "Callable[[Keys], Awaitable[str]]") -> str:
    """Do something with the keys in the database; return what it returns."""
    import asyncio

    from evouch.cli.config import load
    from evouch.cli.keys import private_folder
    from evouch.cli.serving import open_store
    from evouch.cli.settings_emsp import EmspConfig
    from evouch.clock import SystemClock, SystemEntropy
    from evouch.emsp.book import Book
    from evouch.emsp.keys import Keys

    settings, clock, entropy = load(EmspConfig, file=config).config, SystemClock(), SystemEntropy()
    if not settings.database and not (settings.state / "evouch.db").exists():
        raise EvouchError(f"{settings.state}: there is no eMSP in this folder")

    async def do() -> str:
        state = private_folder(settings.state)
        store = await open_store(
            settings.database, state / "evouch.db", settings.keys.seal, state / "keys", clock=clock, entropy=entropy
        )
        try:
            keys = Keys(Book(store, clock, entropy, settings.terms(base_url="https://offline.invalid")))
            await keys.load()
            return await deed(keys)
        finally:
            await store.close()

    return asyncio.run(do())


def _api(backend: str | None, token_file: Path | None, config: Path | None) -> "OperatorApi":
    from evouch.cli.backends import emsp_api

    return emsp_api(backend, token_file, config)


def _read(path: Path) -> str:
    try:
        return path.read_bytes()[:_MOST].decode("ascii").strip()
    except (OSError, ValueError) as error:
        raise EvouchError(f"{path}: {getattr(error, 'strerror', None) or 'is no text'} (the key)") from None


def _standing(key: dict[str, Any]) -> str:
    return f"retired {key['retired_at']}" if key["retired_at"] else "in use"


def _say(answer: Any, as_json: bool, *lines: str) -> None:
    from evouch.cli.operator_api import plain

    for line in (json.dumps(answer, ensure_ascii=False),) if as_json else map(plain, lines):
        print(line)
