"""``python -m bench``: every bench one after the other, and one table of what is claimed and what came out.

A bench is a module beside this one that runs by itself (``python -m bench.codes --help``):
it prints a table, or with ``--json`` one object whose ``claims`` stand in the table here. It
ends with 0 where its figures hold, 1 where one does not, and 3 where the run was not valid;
this ends with the worst of them. Whoever wants figures runs it on a machine that does
nothing else.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from bench.common import INVALID

__all__ = ["benches", "main"]

VERDICTS: Final = {0: "met", 1: "MISSED", INVALID: "INVALID"}


def benches() -> list[str]:
    """Return the names of all benches that can be run."""
    paths = sorted(Path(__file__).parent.glob("[a-z]*.py"))
    return [path.stem for path in paths if 'if __name__ == "__main__":' in path.read_text()]


def run(name: str) -> tuple[dict[str, Any], int]:
    """Run one bench in a process of its own; return what it printed as JSON, and its exit code."""
    done = subprocess.run([sys.executable, "-m", f"bench.{name}", "--json"], stdout=subprocess.PIPE, check=False)
    lines = [line for line in done.stdout.decode().splitlines() if line.startswith("{")]
    return (json.loads(lines[-1]) if lines else {}), done.returncode


def rows(name: str, printed: dict[str, Any], code: int) -> list[tuple[str, ...]]:
    """Return the lines of the table that a bench fills."""
    claims = printed.get("claims") or []
    if not claims:
        verdict = VERDICTS.get(code, "failed") if printed else "failed"
        return [(name, "figures without a target: see its own table", "–", "–", verdict)]
    broken = code not in {0, 1}
    return [
        (
            name,
            claim["claim"],
            claim["target"],
            claim["measured"],
            VERDICTS.get(code, "failed") if broken else "met" if claim["met"] else "MISSED",
        )
        for claim in claims
    ]


def main(words: list[str] | None = None) -> int:
    """Run them; return the worst exit code: 0 all met, 1 a claim not met, 3 a run that proves nothing."""
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=benches(), metavar="NAME", help=", ".join(benches()))
    parser.add_argument("--json", action="store_true", help="print one JSON object with all figures")
    options = parser.parse_args(words)
    found: dict[str, Any] = {}
    table: list[tuple[str, ...]] = []
    worst = 0
    for name in options.only or benches():
        print(f"── {name}", file=sys.stderr, flush=True)
        printed, code = run(name)
        found[name] = {"exit": code, **printed}
        table += rows(name, printed, code)
        worst = max(worst, code)
    if options.json:
        print(json.dumps({"exit": worst, "benches": found}))
    else:
        show(table)
    return worst


def show(table: list[tuple[str, ...]]) -> None:
    """Print the table, a line for each claim and one for its figures."""
    for name, claim, target, measured, verdict in table:
        print(f"{verdict:<8} {name}: {claim}\n{'':<9}wanted {target}, measured {measured}")


if __name__ == "__main__":
    sys.exit(main())
