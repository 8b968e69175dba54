"""Pages that say what is so: commands exist, links resolve, and what can be read off the code is."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from docs import generate
from evouch.cli import build

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MAKEFILE = (ROOT / "Makefile").read_text()


def page_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[str]:
    """Yield each line of the page that a reader would type: in a fenced block, at a prompt or on its own."""
    for _, text in re.findall(r"^```(console|sh|bash)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        for line in text.replace("\\\n", " ").splitlines():
            yield line.removeprefix("$ ")


def typed(program: str) -> list[tuple[str, str]]:
    return [(page_name(page), line) for page in PAGES for line in blocks(page) if f"{line} ".startswith(f"{program} ")]


def understood(words: list[str]) -> None:
    """Walk down the commands, and find every option on the last one."""
    command: Any = typer.main.get_command(build(words[0]))
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not getattr(command, "commands", {}) or words[:1] == ["--help"], f"{command.name} does nothing by itself"
    options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help", "-h"}
    unknown = {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"} - options
    assert set() == unknown


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_what_is_generated_is_what_the_code_says(page: Path) -> None:
    assert generate.written(page.read_text()) == page.read_text(), "make docs"


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize(("page", "line"), typed("evouch"))
def test_commands_of_the_pages_are_understood(page: str, line: str) -> None:
    understood(shlex.split(line, comments=True)[1:])


@pytest.mark.parametrize(("page", "line"), typed("make"))
def test_make_targets_of_the_pages_exist(page: str, line: str) -> None:
    targets = [word for word in shlex.split(line, comments=True)[1:] if "=" not in word]
    assert targets
    assert all(re.search(rf"^{target}:", MAKEFILE, re.MULTILINE) for target in targets)


def test_the_first_screen_holds_the_two_commands() -> None:
    said = {line.split("  ")[0].strip() for line in blocks(ROOT / "README.md")}
    assert {"make demo", "make test"} <= said


def test_every_command_helps_and_says_what_its_options_mean() -> None:
    for name, command in generate.commands():
        assert command.help, name
        for each in command.params:
            assert each.help or "--help" in each.opts, f"{name} {each.opts}"


def test_every_decision_has_a_page_that_says_what_and_why() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    numbers = [int(page.name[:3]) for page in pages]
    assert list(range(1, len(pages) + 1)) == numbers
    for page in pages:
        text = page.read_text()
        assert text.startswith("# "), page.name
        assert "\n## Why\n" in text, page.name


def test_every_picture_of_a_table_is_generated() -> None:
    drawn = [page_name(page) for page in PAGES if "stateDiagram" in generate.written(page.read_text())]
    marked = [page_name(page) for page in PAGES if "_states -->" in page.read_text()]
    assert drawn == marked != []
