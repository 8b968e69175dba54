"""``evouch mac``: whether eMSPs would be asked about an address, and why not. Needs no backend.

What is typed is not repeated: the answer names the maker's prefix alone. Words of a command
stay in the shell's history; ``-`` reads addresses from stdin instead, one per line.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from evouch.autocharge.mac import MacFilter, oui
from evouch.autocharge.mac_rules import default_filter, filter_from_rules
from evouch.charging.macs import parse_mac
from evouch.errors import EvouchError, Refused

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Addresses of vehicles: which ones eMSPs are asked about.")


@app.callback()
def _noun() -> None:
    """Keep ``check`` a word of its own while it is the only one."""


@app.command()
def check(
    addresses: Annotated[
        list[str],
        typer.Argument(
            metavar="MAC...",
            help="Addresses in any spelling (VID:, colons, 16 digits); - reads stdin.",
            show_default=False,
        ),
    ],
    rules: Annotated[
        Path | None, typer.Option("--rules", help="TOML file with rules that stand before ours.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Say whether vehicles with these addresses could become known; exit 1 if one of them could not.

    With --json: a list with, for each address in its order, oui, accepted, reason (a word), vendor, why (a sentence)
    and warning.
    """
    judge = _filter(rules)
    found = [_judged(judge, text) for text in _words(addresses)]
    print(json.dumps(found, indent=2) if as_json else "\n".join(_line(each) for each in found))
    if not all(each["accepted"] for each in found):
        raise typer.Exit(1)


def _filter(rules: Path | None) -> MacFilter:
    try:
        return filter_from_rules(rules) if rules else default_filter()
    except Refused as refused:
        raise EvouchError(refused.detail) from None


def _words(addresses: Sequence[str]) -> Iterator[str]:
    for each in addresses:
        if each == "-":
            yield from (line for line in sys.stdin.read().splitlines() if line.strip())
        else:
            yield each


def _judged(judge: MacFilter, text: str) -> dict[str, Any]:
    mac = parse_mac(text)
    if mac is None:
        why = "not an address: 12 hex digits, or 16 of which the first four are zeros"
        return {"oui": None, "accepted": False, "reason": "unreadable", "vendor": "", "why": why, "warning": False}
    verdict = judge.judge(mac)
    return {
        "oui": oui(mac), "accepted": verdict.accepted, "reason": verdict.reason, "vendor": verdict.vendor,
        "why": verdict.why, "warning": verdict.warning,
    }  # fmt: skip


def _line(found: dict[str, Any]) -> str:
    word = "warning" if found["warning"] else "accepted" if found["accepted"] else "refused"
    said = ": ".join(part for part in (found["vendor"], found["why"]) if part)
    return f"{found['oui'] or '?':<8}  {word:<8}  {said or 'no rule names it'}"
