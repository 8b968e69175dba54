"""``evouch doctor`` says what is there, which way is taken, and whether that suffices."""

import importlib.util
import json
import re
import sqlite3
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from evouch.cli import doctor, main
from evouch.cli.doctor import CHECKS, Finding, State, look
from evouch.clock import SystemClock
from evouch.errors import LocalError
from evouch.oprf.group import open_group

Capture = pytest.CaptureFixture[str]


def said(capsys: Capture, *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", *words])
    return int(ended.value.code or 0), capsys.readouterr().out


def test_it_says_which_group_computes_and_that_both_pass_the_vectors(capsys: Capture) -> None:
    code, out = said(capsys, "--json")
    found = json.loads(out)

    assert (0, list(CHECKS)) == (code, list(found))
    assert re.match(r"openssl computes: OpenSSL \d", found["oprf"]["seen"])
    for name in ("openssl", "ecdh"):
        assert ("ok", True) == (
            found[f"oprf by {name}"]["state"],
            "passes the vectors" in found[f"oprf by {name}"]["seen"],
        )
    assert {"Python", "OpenSSL", "SQLite", "clock", "coincurve"} <= set(found)


def test_for_people_each_check_has_a_line(capsys: Capture) -> None:
    code, out = said(capsys)

    assert (0, len(CHECKS)) == (code, len(out.splitlines()))
    assert all(line.split()[0] in {"ok", "absent"} for line in out.splitlines())


def no_group(name: str = "auto") -> Any:
    raise LocalError(f"{name} is not here")


def test_without_any_group_it_fails(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "open_group", no_group)
    code, out = said(capsys, "--json")

    states = {name: finding["state"] for name, finding in json.loads(out).items()}
    assert (1, "failed", "absent", "absent") == (
        code, states["oprf"], states["oprf by openssl"], states["oprf by ecdh"]
    )  # fmt: skip


def test_the_slower_group_suffices_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    slower = open_group("ecdh")
    monkeypatch.setattr(doctor, "open_group", lambda name="auto": slower)

    assert State.OK is look()["oprf"].state
    assert "the preferred one, openssl, cannot be used here" in look()["oprf"].seen


@pytest.mark.parametrize("year", [1970, 2025, 2106])
def test_a_clock_that_was_never_set_fails(year: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda self: datetime(year, 1, 1, tzinfo=UTC))

    assert State.FAILED is look()["clock"].state


def test_a_clock_that_runs_backwards_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([2.0, 1.0])
    monkeypatch.setattr(SystemClock, "tick", lambda self: next(ticks))

    assert Finding(State.FAILED, "the monotonic clock runs backwards") == look()["clock"]


def test_what_is_optional_may_be_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    assert State.ABSENT is look()["coincurve"].state


def test_an_old_sqlite_or_python_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    monkeypatch.setattr(sys, "version_info", (3, 10))

    assert (State.FAILED, State.FAILED) == (look()["SQLite"].state, look()["Python"].state)
