"""The tree of errors: whose fault it is can be told from the type, and codes are data."""

import inspect

import pytest

from evouch import errors
from evouch.errors import (
    ConnectionReplaced,
    EvouchError,
    InvalidCode,
    InvalidProof,
    LocalError,
    Offline,
    Overloaded,
    PeerFault,
    PeerGarbled,
    PeerRefused,
    Refused,
    TimedOut,
    Unreachable,
)


def _drawn() -> dict[str, str]:
    """Return child → parent as the module's docstring draws them."""
    parents: list[tuple[int, str]] = []
    tree: dict[str, str] = {}
    for line in inspect.getdoc(errors).split("::")[1].splitlines():  # type: ignore[union-attr]
        name = line.lstrip(" ├└│─").split(" ")[0]
        if not name or not hasattr(errors, name):
            continue
        depth = line.index(name)
        parents = [(other, parent) for other, parent in parents if other < depth]
        if parents:
            tree[name] = parents[-1][1]
        parents.append((depth, name))
    return tree


def test_the_tree_is_drawn_as_it_is() -> None:
    real = {
        name: kind.__mro__[1].__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, EvouchError) and kind is not EvouchError
    }
    assert _drawn() == real


def test_everything_public_is_in_the_tree() -> None:
    assert set(errors.__all__) == {*_drawn(), "EvouchError"}
    assert errors.__all__ == sorted(errors.__all__)


@pytest.mark.parametrize("kind", [PeerFault, PeerRefused, PeerGarbled])
def test_a_wire_code_is_data(kind: type[PeerFault | PeerRefused]) -> None:
    error = kind("TypeConstraintViolation", "Property 'timeout' must be of type Integer!", {"property": "timeout"})
    assert (error.code, error.details) == ("TypeConstraintViolation", {"property": "timeout"})
    assert "TypeConstraintViolation" in str(error)
    assert error.description in str(error)
    assert kind("X").details == {}
    assert kind("X").details is not kind("X").details


def test_a_fault_without_description_is_its_code() -> None:
    assert str(PeerFault("GenericError")) == "GenericError"


def test_details_stay_out_of_the_text_for_they_may_hold_secrets() -> None:
    for error in (PeerFault("X", "y", {"value": "s3cret"}), PeerRefused("X", "y", {"value": "s3cret"})):
        assert "s3cret" not in str(error) + repr(error)


def test_a_refusal_has_a_reason_for_machines_and_a_detail_for_the_operator() -> None:
    refused = Refused("slotTaken", "by payment 17")
    assert (refused.reason, refused.detail) == ("slotTaken", "by payment 17")
    assert str(refused) == "slotTaken (by payment 17)"
    assert str(Refused("slotTaken")) == "slotTaken"


def test_whatever_is_wrong_with_a_code_or_proof_the_reason_is_one() -> None:
    assert {InvalidCode(detail).reason for detail in ("", "old slot", "other EVSE")} == {"invalidCode"}
    assert {InvalidProof(detail).reason for detail in ("", "other key")} == {"invalidProof"}
    assert InvalidCode("old slot").detail == "old slot"


def test_silence_leaves_the_outcome_unknown_and_a_refusal_does_not() -> None:
    for kind in (Offline, TimedOut, Overloaded, ConnectionReplaced):
        assert issubclass(kind, Unreachable)
    for known in (LocalError, PeerFault, PeerRefused, Refused):
        assert not issubclass(known, Unreachable)


def test_an_error_may_come_with_advice() -> None:
    assert EvouchError().advice == ""
