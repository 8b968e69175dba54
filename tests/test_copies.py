"""A copy differs in what was changed and in nothing else, and the original stays as it was."""

from dataclasses import dataclass, replace

from evouch.copies import copier


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    weight: int
    sender: str = "nobody"
    notes: tuple[str, ...] = ()


copy = copier(Parcel)
PARCEL = Parcel(weight=3, notes=("fragile",))


def test_a_copy_without_changes_is_equal_and_another_object() -> None:
    assert copy(PARCEL) == PARCEL
    assert copy(PARCEL) is not PARCEL


def test_a_copy_has_what_was_changed_as_replace_does_it() -> None:
    assert copy(PARCEL, weight=5, sender="me") == replace(PARCEL, weight=5, sender="me")
    assert Parcel(weight=3, notes=("fragile",)) == PARCEL
