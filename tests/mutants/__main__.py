"""``make mutants``: break each requirement in a copy of the tree, and see whether its test notices."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from tests.mutants import Mutant, mutants

ROOT: Final = Path(__file__).parent.parent.parent
#: What a test may read of the tree.
COPIED: Final = ("src", "tests", "docs", "bench", "requirements", "pyproject.toml", "Makefile", "README.md")
PROCESSES: Final = 2
#: pytest's exit codes
GREEN, RED = 0, 1
#: In seconds. One test ends long before; pytest's own limit for it is 60.
PATIENCE: Final = 180.0


class Copies:
    """Copies of the tree, one for each process, so that two changes never meet."""

    def __init__(self, folder: Path) -> None:
        self._free: SimpleQueue[Path] = SimpleQueue()
        for number in range(PROCESSES):
            self._free.put(_copy(folder / f"copy{number}"))

    def run(self, tests: Sequence[str], mutant: Mutant | None = None) -> tuple[int, str]:
        """Return pytest's exit code and output for ``tests``, with the change made where there is one."""
        copy = self._free.get()
        try:
            return _changed(copy, mutant, tests) if mutant else _pytest(copy, tests)
        finally:
            self._free.put(copy)


def _copy(target: Path) -> Path:
    target.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__", "results"))
        else:
            shutil.copy2(ROOT / name, target / name)
    return target


def _changed(copy: Path, mutant: Mutant, tests: Sequence[str]) -> tuple[int, str]:
    path = copy / mutant.file
    before, after = path.read_text(), mutant.applied(copy)
    path.write_text(after)
    try:
        return _pytest(copy, tests)
    finally:
        path.write_text(before)


def _pytest(root: Path, tests: Sequence[str]) -> tuple[int, str]:
    # Without bytecode: Python tells it from its source by size and second, and a change may keep both.
    env = {**os.environ, "PYTHONPATH": str(root / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command, cwd=root, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return -1, f"did not end within {PATIENCE:.0f} s"
    return done.returncode, done.stdout.decode()


def verdict(mutant: Mutant, copies: Copies) -> str:
    """Return what is wrong; empty where the test noticed the change."""
    try:
        code, output = copies.run([mutant.test], mutant)
    except ValueError as gone:
        return f"does not apply any more: {gone}"
    if code == RED:
        return ""
    return "SURVIVED" if code == GREEN else f"shows nothing (pytest ended with {code}): {output[-400:]}"


def judged(chosen: Sequence[Mutant], copies: Copies) -> Iterator[tuple[Mutant, str]]:
    """Yield every mutant with what is wrong with it, in order."""
    with ThreadPoolExecutor(PROCESSES) as pool:
        yield from zip(chosen, pool.map(lambda each: verdict(each, copies), chosen), strict=True)


def survey(chosen: Sequence[Mutant], copies: Copies) -> int:
    """Print a line for each; return how many changes were not noticed."""
    missed = 0
    for mutant, wrong in judged(chosen, copies):
        missed += bool(wrong)
        print(f"{wrong or 'noticed'}  {mutant}", flush=True)
    print(f"{len(chosen) - missed} of {len(chosen)} changes were noticed")
    return missed


def main(words: Sequence[str] | None = None) -> int:
    """Return 0 where every change was noticed."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("ids", nargs="*", help="only these requirements")
    options = parser.parse_args(words)
    chosen = [each for each in mutants() if not options.ids or not set(options.ids).isdisjoint(each.ids)]
    if not chosen:
        parser.error("no mutant has these ids")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copies = Copies(Path(folder))
        code, output = copies.run(sorted({each.test for each in chosen}))
        if code != GREEN:
            print(f"{output}\nNot green before any change: nothing can be said.")
            return 1
        return 1 if survey(chosen, copies) else 0


if __name__ == "__main__":
    sys.exit(main())
