"""The command line: one file per noun, mounted only when it is spoken to.

``evouch qr show`` must not wait for a web server's imports, and a noun whose libraries are
missing must not hurt the others. So the table below is all that ``evouch --help`` reads; the
module behind a name is imported when that name is the first word of the command.

stdout carries data, stderr talk. Exit codes: 0 done, 1 an error of ours with its sentence
(also: a check that did not hold), 2 the command was not understood.
"""

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Final

import typer

from evouch.errors import EvouchError

__all__ = ["NOUNS", "build", "main"]

#: Noun → what it is for. Module ``evouch.cli.<noun>`` holds ``app``, or ``command`` where the noun is all there is.
NOUNS: Final = {
    "demo": "A backend, a payment provider, two eMSPs and three stations on this machine.",
    "cpo": "The backend: stations, pages, payments, operator API.",
    "emsp": "An eMSP: drivers, vehicles that start by themselves, OCPI for operators.",
    "station": "A simulated station with its display.",
    "psp": "The sandbox payment provider.",
    "qr": "One-time codes and their URLs, without any backend.",
    "oprf": "Both sides of the blind signature of Autocharge, by hand.",
    "identity": "Who a station is: keys, proofs and their verification, and what a backend has enrolled.",
    "partner": "Roaming partners: who they are, the tokens between you, and whether they keep to OCPI.",
    "mock": "An operator or an eMSP for others to test against, with faults.",
    "mac": "Addresses of vehicles: which ones eMSPs are asked about.",
    "config": "The configuration that commands would run with.",
    "doctor": "What this machine has of what is needed.",
}

_HELP: Final = {"help_option_names": ["-h", "--help"]}


def main(words: Sequence[str] | None = None) -> None:
    """Run one command and exit. The only place that turns an error into a sentence."""
    words = sys.argv[1:] if words is None else list(words)
    spoken = next((word for word in words if not word.startswith("-")), "")
    try:
        typer.main.get_command(build(spoken))(words, prog_name="evouch")
    except EvouchError as error:
        print(f"evouch: {error}", file=sys.stderr)
        if error.advice:
            print(error.advice, file=sys.stderr)
        sys.exit(1)


def build(noun: str = "") -> typer.Typer:
    """Return the command tree; only the branch of ``noun`` is imported, the others are names."""
    root = typer.Typer(callback=_root, no_args_is_help=True, add_completion=False, context_settings=_HELP)
    for name, sentence in NOUNS.items():
        path = f"evouch.cli.{name}"
        if importlib.util.find_spec(path) is None:
            continue
        module = importlib.import_module(path) if name == noun else None
        command = getattr(module, "command", None)
        if command is not None:
            root.command(name, short_help=sentence)(command)
        else:
            root.add_typer(getattr(module, "app", typer.Typer()), name=name, short_help=sentence, help=sentence)
    return root


def _version(*, wanted: bool) -> None:
    if wanted:
        print(version("evouch"))
        raise typer.Exit


def _root(
    *,
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Vouch for who is at the charging plug: secure dynamic QR codes, ad hoc payment, OCPP 1.6, 2.0.1 and 2.1."""
