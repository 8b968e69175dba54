"""The command line says what it can do, imports what it needs, and turns an error of ours into a sentence."""

import importlib.util
import os
import subprocess
import sys

import pytest
import typer

import evouch.cli
from evouch.cli import NOUNS, build, main
from evouch.errors import EvouchError

HEAVY = {
    "alembic", "asyncpg", "cryptography", "httpx2", "jsonschema_rs", "litestar", "picows", "sqlalchemy", "uvicorn",
}  # fmt: skip


def imported_by(*words: str) -> set[str]:
    """The packages that a command of its own process has imported when it ends."""
    code = (
        "import sys\n"
        "from evouch.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert done.returncode in {0, 2}, done.stderr
    return {name.partition(".")[0] for name in done.stderr.split()}


def raise_advice() -> None:
    error = EvouchError("the plug is on fire")
    error.advice = "Pull it."
    raise error


@pytest.mark.parametrize("words", [["--help"], ["qr", "--help"], ["qr", "show", "--help"], ["config", "show"]])
def test_light_commands_import_no_heavy_library(words: list[str]) -> None:
    assert set() == imported_by(*words) & HEAVY


def test_codes_are_made_without_a_heavy_library() -> None:
    words = ("qr", "show", "--template", "https://a.example/{chargingstationid}/{evse}/{totp}", "--secret", "x" * 16)
    assert set() == imported_by(*words) & HEAVY


def test_help_names_every_noun_that_exists(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    there = {noun for noun in NOUNS if importlib.util.find_spec(f"evouch.cli.{noun}")}
    assert there == {noun for noun in NOUNS if f" {noun} " in said}


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (0, "0.1.0\n") == (ended.value.code, capsys.readouterr().out)


@pytest.mark.parametrize("words", [["nonsense"], ["config", "nonsense"], ["config", "show", "--nonsense"]])
def test_a_command_that_is_not_understood_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert 2 == ended.value.code
    assert "nonsense" in capsys.readouterr().err


def test_a_noun_that_is_missing_does_not_hurt_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evouch.cli, "NOUNS", {**NOUNS, "teapot": "Not here."})
    group = typer.main.get_command(build("config"))
    assert "teapot" not in group.commands  # type: ignore[attr-defined]
    assert "config" in group.commands  # type: ignore[attr-defined]


def test_an_error_of_ours_is_a_sentence_on_stderr_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.import_module", lambda _: type("Noun", (), {"command": raise_advice}))
    with pytest.raises(SystemExit) as ended:
        main(["config"])
    said = capsys.readouterr()
    assert (1, "") == (ended.value.code, said.out)
    assert "evouch: the plug is on fire\nPull it.\n" == said.err


def test_python_m_evouch_is_evouch() -> None:
    done = subprocess.run([sys.executable, "-m", "evouch", "--version"], capture_output=True, text=True, check=True)
    assert "0.1.0" == done.stdout.strip()
