"""Which requirement is shown to hold by which test.

``@proves("C25.FR.07")`` marks a test with ids as the specification numbers them.
``python -m tests.proofs`` lists every id with its tests; it reads the sources and runs nothing.
"""

import ast
import functools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["found", "main", "proves"]

TESTS = Path(__file__).parent


def proves(*ids: str) -> pytest.MarkDecorator:
    """Mark a test as showing that the requirements ``ids`` hold."""
    if not ids or not all(ids):
        msg = "proves() takes at least one requirement id"
        raise ValueError(msg)
    return pytest.mark.proves(*ids)


@functools.cache
def found(root: Path = TESTS) -> dict[str, list[str]]:
    """Return requirement id → tests as ``file::test``, both sorted; sources are read once."""
    proofs: dict[str, list[str]] = {}
    for path in sorted(root.rglob("test_*.py")):
        text = path.read_text()
        if "proves(" not in text:
            continue
        for test, ids in _marked(ast.parse(text)):
            for each in ids:
                proofs.setdefault(each, []).append(f"{path.relative_to(root.parent)}::{test}")
    return dict(sorted(proofs.items()))


def _marked(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """Yield every decorated test function with the literal ids in its ``@proves``."""
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for call in node.decorator_list:
            if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("proves"):
                yield node.name, [str(ast.literal_eval(each)) for each in call.args]


def main() -> int:
    """Print the list; exit with 1 where there is nothing to print."""
    proofs = found()
    for each, tests in proofs.items():
        print(each)
        for test in tests:
            print(f"    {test}")
    return 0 if proofs else 1


if __name__ == "__main__":
    sys.exit(main())
