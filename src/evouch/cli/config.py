"""From a TOML file, the environment and flags to one frozen value, each setting with its origin.

The last one wins: default, file, environment, flag. A name that nobody knows is an error,
wherever it stands, for a misspelt limit that is silently ignored is no limit. The file has
one table per command (``[cpo]``, ``[psp]``, ``[station]``), so that one file can serve all.

==============================  =======================================
``[cpo.http]``  ``port = 80``   file; ``--config``, ``EVOUCH_CONFIG`` or ``./evouch.toml``
``EVOUCH_CPO_HTTP__PORT=80``    environment: two underscores where the file has a point
``--http-port 80``              flag
==============================  =======================================
"""

import json
import os
import re
import tomllib
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, Union, cast, get_args, get_origin

import msgspec
import typer

from evouch.cli.settings import ACTORS, Section
from evouch.errors import EvouchError
from evouch.ids import Secret

__all__ = ["ConfigError", "Loaded", "app", "load", "rows"]

C = TypeVar("C", bound=Section)

#: Read where no other file is named, if it is there.
DEFAULT_FILE: Final = Path("evouch.toml")
_PREFIX: Final = "EVOUCH_"
#: Variables that are no settings of a command: the file's name, and what the test suite is told.
_OTHERS: Final = re.compile(r"EVOUCH_(CONFIG$|TEST_)")


class ConfigError(EvouchError):
    """A setting that cannot be; the sentence names it and where it came from."""


@dataclass(frozen=True, slots=True)
class Loaded(Generic[C]):
    """A configuration, and for each dotted name where its value comes from."""

    config: C
    origins: dict[str, str]


def load(
    kind: type[C],
    *,
    file: Path | None = None,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
) -> Loaded[C]:
    """Return the configuration of one command; raise :class:`ConfigError` where it does not hold.

    ``flags`` maps dotted names to values; None means that the flag was not given. ``options``
    are the flags that are not called as their setting.
    """
    actor = next(name for name, known in ACTORS.items() if known is kind)
    variables = os.environ if environ is None else environ
    types_of = dict(_leaves(kind))
    tree, origins = _from_file(actor, file, variables, types_of)
    for name, value, origin in (
        *_from_environment(actor, variables, types_of),
        *_from_flags(flags or {}, types_of, options or {}),
    ):
        _put(tree, name, value)
        origins[name] = origin
    try:
        config = msgspec.convert(tree, kind, dec_hook=_revive)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(actor, str(error), origins)) from None
    return Loaded(config, {name: origins.get(name, "default") for name in types_of})


def rows(loaded: Loaded[Any]) -> Iterator[tuple[str, Any, str]]:
    """Yield name, value and origin of every setting, fit to be shown: secrets are ``***``."""
    for name, origin in loaded.origins.items():
        value: Any = loaded.config
        for part in name.split("."):
            value = getattr(value, part, None)
        yield name, msgspec.to_builtins(value, enc_hook=str), origin


# ── where values come from ──────────────────────────────────────────────────────────────


def _from_file(
    actor: str, file: Path | None, environ: Mapping[str, str], types_of: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    path = file or Path(environ.get("EVOUCH_CONFIG", "") or DEFAULT_FILE)
    if path == DEFAULT_FILE and not path.exists():
        return {}, {}
    try:
        document = tomllib.loads(path.read_text(), parse_float=Decimal)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None
    for name in document.keys() - ACTORS.keys():
        raise ConfigError(f"{path}: there is no [{name}]; tables are {', '.join(ACTORS)}")
    tree = document.get(actor, {})
    return tree, {name: str(path) for name in types_of if _has(tree, name)}


def _from_environment(
    actor: str, environ: Mapping[str, str], types_of: Mapping[str, Any]
) -> Iterator[tuple[str, Any, str]]:
    ours = f"{_PREFIX}{actor.upper()}_"
    theirs = tuple(f"{_PREFIX}{name.upper()}_" for name in ACTORS)
    for variable, text in sorted(environ.items()):
        if variable.startswith(ours):
            name = variable.removeprefix(ours).lower().replace("__", ".")
            yield name, _read(text, name, types_of, variable), variable
        elif variable.startswith(_PREFIX) and not variable.startswith(theirs) and not _OTHERS.match(variable):
            raise ConfigError(f"{variable}: there is no such setting")


def _from_flags(
    flags: Mapping[str, object], types_of: Mapping[str, Any], options: Mapping[str, str]
) -> Iterator[tuple[str, Any, str]]:
    for name, value in flags.items():
        flag = options.get(name) or "--" + name.replace(".", "-").replace("_", "-")
        if value is not None:
            yield name, _read(str(value), name, types_of, flag), flag


def _read(text: str, name: str, types_of: Mapping[str, Any], origin: str) -> object:
    """Return a value that was written as plain text, where the setting is one that fits into plain text."""
    if name not in types_of:
        raise ConfigError(f"{origin}: there is no such setting")
    kind = types_of[name]
    if get_origin(kind) in {tuple, dict}:
        raise ConfigError(f"{origin}: a list stands in the file, not in one line of text")
    try:
        return cast("object", msgspec.convert(text, kind, strict=False, dec_hook=_revive))
    except msgspec.ValidationError as error:
        choices = f", not one of: {', '.join(get_args(kind))}" if get_origin(kind) is Literal else ""
        raise ConfigError(f"{origin}: {error}{choices}") from None


# ── names and types ─────────────────────────────────────────────────────────────────────


def _leaves(kind: type[Section], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted name and the type of every setting; a list of sections is one setting."""
    for field in msgspec.structs.fields(kind):
        section = _section(field.type)
        if section is None:
            yield prefix + field.name, field.type
        else:
            yield from _leaves(section, f"{prefix}{field.name}.")


def _section(kind: Any) -> type[Section] | None:
    """Return the section that a field holds, also where it may hold none."""
    options = get_args(kind) if get_origin(kind) in {Union, types.UnionType} else (kind,)
    return next((each for each in options if isinstance(each, type) and issubclass(each, Section)), None)


def _revive(kind: type, value: Any) -> Any:
    if not isinstance(value, str | Path | Secret):
        raise TypeError(f"Expected `str`, got `{type(value).__name__}`")
    return value if isinstance(value, kind) else kind(value)


def _has(tree: Any, name: str) -> bool:
    for part in name.split("."):
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    return True


def _put(tree: dict[str, Any], name: str, value: object) -> None:
    *path, last = name.split(".")
    for part in path:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"{part} is a table")
    tree[last] = value


def _explain(actor: str, message: str, origins: Mapping[str, str]) -> str:
    """Return msgspec's sentence with the setting's name, and the origin where it is known."""
    sentence, _, place = message.partition(" - at `$")
    name = place.strip("`.") or ""
    full = f"{actor}.{name}" if name else actor
    origin = next((origin for known, origin in origins.items() if name and known.startswith(name)), "")
    return f"{full}: {sentence}" + (f" (from {origin})" if origin else "")


# ── evouch config ───────────────────────────────────────────────────────────────────────

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _config() -> None:
    """Look at the configuration that commands would run with."""


@app.command()
def show(
    actor: Annotated[str, typer.Argument(help=f"One of {', '.join(ACTORS)}; all of them if left out.")] = "",
    *,
    config: Annotated[Path | None, typer.Option(help="The TOML file to read.")] = None,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print every setting with its value; secrets are shown as ***."""
    if actor and actor not in ACTORS:
        raise typer.BadParameter(f"one of {', '.join(ACTORS)}")
    shown = {name: list(rows(load(kind, file=config))) for name, kind in ACTORS.items() if actor in {"", name}}
    if as_json:
        print(json.dumps({
            name: {key: {"value": value, "origin": where} for key, value, where in settings}
            for name, settings in shown.items()
        }, ensure_ascii=False))  # fmt: skip
        return
    for name, settings in shown.items():
        for key, value, where in settings:
            line = f"{name}.{key} = {json.dumps(value, ensure_ascii=False)}"
            print(f"{line:<50}  # {where}" if origin else line)
