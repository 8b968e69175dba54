"""The parts of the documentation that can be read off the code, so that they cannot rot.

A page marks such a part with ``<!-- generated: NAME -->`` and ``<!-- end -->``; ``make docs``
writes what stands between, and a test fails where it no longer is what the code says.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import typer

from evouch.autocharge import consent
from evouch.charging import roaming, sessions
from evouch.cli import NOUNS, build
from evouch.cli.config import load, rows
from evouch.cli.settings import ACTORS
from evouch.identity import standing
from evouch.webpayment import checkout

__all__ = ["PARTS", "commands", "main", "written"]

ROOT: Final = Path(__file__).parent.parent
_MARKED: Final = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def tree() -> str:
    """Every module with the first sentence of its docstring, as the folders have it."""
    source = ROOT / "src"
    paths = sorted((source / "evouch").rglob("*.py"), key=lambda path: (path.parent, path.name))
    lines = []
    for folder, files in groupby(paths, key=lambda path: path.parent.relative_to(source)):
        lines += ["", f"{folder}/"]
        lines += [f"    {path.name:<22}{_first_line(path)}" for path in files]
    return _fenced("text", "\n".join(lines[1:]))


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, with its full name."""
    for noun in NOUNS:
        found = typer.main.get_command(build(noun)).commands.get(noun)  # type: ignore[attr-defined]
        if found is not None:
            yield from _branches(f"evouch {noun}", found)


def _branches(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    children: Mapping[str, Any] = getattr(command, "commands", {})
    if not children:
        yield name, command
    for child in children.values():
        yield from _branches(f"{name} {child.name}", child)


def reference() -> str:
    """Every command with its arguments and options, from the same words as ``--help``."""
    return "\n".join(_command(name, command) for name, command in commands())


def _command(name: str, command: Any) -> str:
    rows = [
        f"| `{'`, `'.join(each.opts) if each.opts[0].startswith('-') else each.opts[0].upper()}` | {_cell(each)} |"
        for each in command.params
        if "--help" not in each.opts
    ]
    table = ["", "| | |", "|---|---|", *rows] if rows else []
    return "\n".join([f"### `{name}`", "", _prose(command.help), *table, ""])


def _cell(option: Any) -> str:
    default = (
        "" if callable(option.default) or option.default in (None, False, "", ()) else f" Default: {option.default}."
    )
    return (_prose(option.help) + default).replace("|", "\\|")


def _prose(text: str | None) -> str:
    paragraphs = re.split(r"\n\s*\n", text or "")
    return "\n\n".join(" ".join(each.replace("\f", " ").split()) for each in paragraphs).strip()


def settings() -> str:
    """Every setting with its default."""
    lines = ["| setting | default |", "|---|---|"]
    for actor, kind in ACTORS.items():
        lines += [f"| `{actor}.{name}` | {_code(value)} |" for name, value, _ in rows(load(kind, environ={}))]
    return "\n".join(lines)


def _code(value: object) -> str:
    return "–" if value in (None, "", [], {}) else f"`{value}`"


def payment_states() -> str:
    """The life of a payment, from its table."""
    return _diagram(
        (state, row.to, f"{event}{f' / {row.money}' if row.money else ''}")
        for state, rows in checkout.TABLE.items()
        for event, row in rows.items()
    )


def session_states() -> str:
    """The life of a session, from its table."""
    return _diagram((state, to, event) for state, rows in sessions.TABLE.items() for event, to in rows.items())


def standing_states() -> str:
    """What a connection may be taken for, from its table."""
    return _diagram((state, to, turn) for state, rows in standing.TABLE.items() for turn, to in rows.items())


def consent_states() -> str:
    """What a driver has said about a vehicle, from its table."""
    return _diagram((state, to, event) for state, row in consent.TABLE.items() for event, to in row.items())


def roaming_states() -> str:
    """The life of a charge of an eMSP's customer, from its table."""
    return _diagram((state, to, event) for state, row in roaming.TABLE.items() for event, to in row.items())


def _diagram(edges: Iterator[tuple[Enum, Enum, str]]) -> str:
    moves = [(old.name, new.name, text) for old, new, text in edges if old is not new]
    start = f"    [*] --> {moves[0][0]}"
    ends = sorted({new for _, new, _ in moves} - {old for old, _, _ in moves})
    lines = [f"    {old} --> {new}: {text}" for old, new, text in moves]
    return _fenced("mermaid", "\n".join(["stateDiagram-v2", start, *lines, *(f"    {end} --> [*]" for end in ends)]))


def decisions() -> str:
    """The decisions, by the heading of each page."""
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    return "\n".join(f"- [{page.read_text().splitlines()[0].removeprefix('# ')}]({page.name})" for page in pages)


#: Name of a part → who writes it.
PARTS: Final[dict[str, Callable[[], str]]] = {
    "tree": tree,
    "commands": reference,
    "settings": settings,
    "payment_states": payment_states,
    "session_states": session_states,
    "standing_states": standing_states,
    "consent_states": consent_states,
    "roaming_states": roaming_states,
    "decisions": decisions,
}


def written(page: str) -> str:
    """Return the text of a page with its generated parts written anew."""
    return _MARKED.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}\n{found[3]}", page)


def main() -> int:
    """Write every page anew."""
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        before = path.read_text()
        after = written(before)
        if after != before:
            path.write_text(after)
            print(path.relative_to(ROOT))
    return 0


def _first_line(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


if __name__ == "__main__":
    sys.exit(main())
