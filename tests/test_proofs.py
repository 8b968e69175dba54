"""Requirements are marked with ids that somebody else can look up, and what cannot run says so."""

import re
from pathlib import Path

import pytest

from tests.needs import found as met
from tests.needs import need
from tests.proofs import found, proves

#: OCPP 2.x requirements and test cases.
LOOKED_UP = re.compile(r"[A-Z][0-9]{2}\.FR\.[0-9]{2}|TC_[A-Z]_[0-9]{2,3}(_CSMS|_CS)?")
#: Ids of this project's own lists of requirements: the first cell of a row.
OURS = re.compile(r"^\| ([A-Z][0-9]+) \|", re.MULTILINE)
SPECS = Path(__file__).parent.parent / "docs" / "specs"


def listed() -> set[str]:
    return {id for page in SPECS.glob("*_requirements.md") for id in OURS.findall(page.read_text())}


def test_every_id_is_one_that_can_be_looked_up() -> None:
    assert [] == sorted(each for each in set(found()) - listed() if not LOOKED_UP.fullmatch(each))


def test_everything_on_our_own_lists_is_proven() -> None:
    assert listed()
    assert [] == sorted(listed() - set(found()))


def test_marked_tests_are_found_without_running_them(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        '@proves("C25.FR.07", "C25.FR.08")\ndef test_a() -> None:\n    raise OSError\n'
    )
    assert {
        "C25.FR.07": [f"{tmp_path.name}/test_it.py::test_a"],
        "C25.FR.08": [f"{tmp_path.name}/test_it.py::test_a"],
    } == found(tmp_path)


def test_a_mark_without_an_id_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        proves()


def test_a_missing_need_skips_with_its_reason_and_fails_under_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EVOUCH_TEST_POSTGRES", raising=False)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="EVOUCH_TEST_POSTGRES is not set"):
        need("postgres")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needs postgres"):
        need("postgres")


def test_a_need_that_is_met_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOUCH_TEST_POSTGRES", "postgresql://here/db")
    assert "postgresql://here/db" == need("postgres") == met()["postgres"]
