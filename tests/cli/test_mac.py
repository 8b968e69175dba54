"""``evouch mac check``: what is said of addresses, and what is not repeated."""

import io
import json
from pathlib import Path

import pytest

from evouch.cli import main


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["mac", "check", *words])
    return int(ended.value.code or 0), capsys.readouterr().out


def test_an_address_is_judged_in_any_spelling_and_never_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = said(capsys, "0C:29:8F:a1:b2:c3", "VID:0c298fa1b2c3", "00000C298FA1B2C3", "0c298f.a1b2c3")
    assert code == 0
    assert [line.split()[:3] for line in out.splitlines()] == [["0C:29:8F", "accepted", "Tesla:"]] * 4
    assert "A1" not in out.upper()


def test_one_that_is_not_asked_about_says_why_and_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = said(capsys, "007DFA123456", "92D50A693F80", "F81654123456", "nothing")
    assert code == 1
    assert [line.split()[1] for line in out.splitlines()] == ["refused", "warning", "accepted", "refused"]
    assert "Volkswagen Group" in out


def test_as_json_every_address_has_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = said(capsys, "--json", "007DFA123456", "x")
    first, second = json.loads(out)
    assert code == 1
    assert (first["oui"], first["accepted"], first["reason"]) == ("00:7D:FA", False, "denied")
    assert (second["oui"], second["reason"]) == (None, "unreadable")
    assert set(first) == set(second) == {"oui", "accepted", "reason", "vendor", "why", "warning"}


def test_own_rules_and_addresses_from_a_pipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('local = "deny"\n')
    monkeypatch.setattr("sys.stdin", io.StringIO("92D50A693F80\n\n0C298F123456\n"))
    code, out = said(capsys, "--rules", str(rules), "-")
    assert code == 1
    assert [line.split()[1] for line in out.splitlines()] == ["refused", "accepted"]


def test_rules_that_cannot_be_read_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["mac", "check", "--rules", str(tmp_path / "none.toml"), "0C298F123456"])
    assert ended.value.code == 1
    assert f"evouch: {tmp_path / 'none.toml'}: No such file or directory\n" == capsys.readouterr().err
