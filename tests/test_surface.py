"""What a module offers, it says: a docstring at its head, and an ``__all__`` that holds all of it."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "evouch"

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def defined(tree: ast.Module) -> set[str]:
    """Functions and classes at the top of a module whose names are not private; routes and commands have a table."""
    mine = [node for node in tree.body if isinstance(node, Definition) and not node.name.startswith("_")]
    return {node.name for node in mine if isinstance(node, ast.ClassDef) or not node.decorator_list}


def bound(tree: ast.Module) -> set[str]:
    """Every name that a module has at its top: defined, assigned or imported."""
    names = {node.name for node in tree.body if isinstance(node, Definition)}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def offered(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return None


def test_every_module_says_what_it_is_for() -> None:
    for path in modules():
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        first = text.partition("\n")[0]
        assert first.endswith("."), f"{path.relative_to(PACKAGE)}: its docstring begins with a sentence on one line"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_a_module_offers_is_what_it_has(path: Path) -> None:
    tree = ast.parse(path.read_text())
    names = offered(tree)
    if names is None:
        return
    assert set() == set(names) - bound(tree), "named in __all__, but not there"
    assert set() == defined(tree) - set(names), "public, but not named in __all__: name it, or begin it with _"
    assert len(names) == len(set(names)), "named twice"


#: Dependencies that no module imports, and why they are there.
UNIMPORTED = {
    "asyncpg": "SQLAlchemy's driver for postgresql addresses",
    "httptools": "uvicorn's parser of HTTP",
    "ocpp": "the official schemas inside it",
}
#: Extras whose libraries a module imports when it needs them, and says so where they are missing.
EXTRAS = ("web3",)
#: Modules that are called otherwise than their distribution.
CALLED = {"argon2": "argon2-cffi", "jsonschema_rs": "jsonschema-rs"}


def test_dependencies_are_what_is_imported() -> None:
    project = tomllib.loads((PACKAGE.parent.parent / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(each for extra in EXTRAS for each in project["optional-dependencies"][extra])]
    named = {re.split(r"[\[=<>]", each)[0] for each in lines}
    nodes = [node for path in modules() for node in ast.walk(ast.parse(path.read_text()))]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    roots = {each.partition(".")[0] for each in imported} - {"evouch", *sys.stdlib_module_names}
    assert named == {CALLED.get(each, each) for each in roots} | set(UNIMPORTED)


def test_the_command_is_installed() -> None:
    from importlib.metadata import entry_points

    (command,) = entry_points(group="console_scripts", name="evouch")
    assert callable(command.load())
