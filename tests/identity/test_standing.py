"""The table of a connection's standings."""

from itertools import product

import pytest

from evouch.errors import LocalError
from evouch.identity.standing import ACTING, TABLE, Standing, Turn, step
from tests.proofs import proves


def test_every_standing_has_its_place_and_is_reached_from_new() -> None:
    assert set(TABLE) == set(Standing)
    reached = {Standing.NEW}
    while more := {after for before in reached for after in TABLE[before].values()} - reached:
        reached |= more
    assert reached == set(Standing)


@proves("W13")
def test_only_a_proof_leads_to_proven_and_only_trust_to_trusted() -> None:
    for before, turn in product(Standing, Turn):
        after = TABLE[before].get(turn)
        if after is Standing.PROVEN:
            assert turn is Turn.PROVE
        if after is Standing.TRUSTED:
            assert turn is Turn.TRUST
        if after in ACTING and before not in ACTING:
            assert turn in {Turn.PROVE, Turn.TRUST}


def test_a_connection_that_has_proved_itself_is_never_borne_with() -> None:
    seen = {Standing.PROVEN}
    while more := {after for before in seen for after in TABLE[before].values()} - seen:
        seen |= more
    assert seen == {Standing.PROVEN, Standing.DOUBTED}


def test_out_of_failure_leads_nothing_but_a_new_challenge() -> None:
    assert {turn for turn, after in TABLE[Standing.FAILED].items() if after is not Standing.FAILED} == {Turn.ASK}


def test_what_is_not_in_the_table_is_a_bug() -> None:
    with pytest.raises(LocalError):
        step(Standing.FAILED, Turn.PROVE)
    with pytest.raises(LocalError):
        step(Standing.NEW, Turn.PROVE)
