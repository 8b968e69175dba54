"""Every requirement that is proven can be broken, and ``make mutants`` knows where."""

from pathlib import Path

import pytest

from tests.mutants import Mutant, mutants
from tests.proofs import found

ROOT = Path(__file__).parent.parent
MUTANTS, PROOFS = mutants(), found()
each_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=str)


def test_every_proven_requirement_has_a_mutant_and_no_other() -> None:
    assert sorted(PROOFS) == sorted({id for mutant in MUTANTS for id in mutant.ids})


@each_mutant
def test_a_mutant_changes_exactly_one_place(mutant: Mutant) -> None:
    assert mutant.applied(ROOT) != (ROOT / mutant.file).read_text()


@each_mutant
def test_a_mutant_breaks_code_and_not_tests(mutant: Mutant) -> None:
    assert mutant.file.startswith("src/evouch/")


@each_mutant
def test_the_test_of_a_mutant_claims_to_show_its_requirements(mutant: Mutant) -> None:
    test = mutant.test.partition("[")[0]
    assert [] == [id for id in mutant.ids if test not in PROOFS.get(id, [])]


def test_a_text_that_is_gone_or_there_twice_is_no_mutant(tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text("a = 1\nb = 1\n")
    assert Mutant(("X",), "it.py", "a = 1", "a = 2", "").applied(tmp_path) == "a = 2\nb = 1\n"
    for old in ("= 1", "c"):
        with pytest.raises(ValueError, match="times"):
            Mutant(("X",), "it.py", old, "", "").applied(tmp_path)
