"""Whether a car's model can start by itself at all, asked before the feature is offered (§7.1).

A vehicle whose address changes with every plug-in is never known again, and leaves an address
behind each time that may be another's tomorrow. The first half of an address names the maker of
a charger, not of a car, so the operator's filter cannot tell models apart: the driver can.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from evouch.emsp.terms import EmspTerms
from evouch.store.records_roaming import Car

__all__ = ["ModelList", "Offer", "VehicleEligibility"]


class Offer(StrEnum):
    """Whether to offer automatic charging to a driver."""

    YES = "yes"
    #: some of his cars can, some cannot: he says which one it was, whatever he agreed to beforehand
    ASK = "ask"
    NO = "no"


class VehicleEligibility(Protocol):
    """What can judge models: a list, a maker's service, a catalogue."""

    def judge(self, cars: Sequence[Car]) -> Offer:
        """Return whether the feature is offered to a driver of these cars."""


@dataclass(frozen=True, slots=True)
class ModelList:
    """Makes and models that cannot, those that can nevertheless, and what is said of drivers who told nothing.

    An entry is ``make`` or ``make model``, without regard to case; "Volkswagen ID.7" is also an
    "ID.7 Tourer" of that make. The longest entry that fits decides, and of two that fit the one that allows.
    """

    dynamic: tuple[str, ...]
    static: tuple[str, ...] = ()
    unknown: bool = False

    @classmethod
    def of(cls, terms: EmspTerms) -> "ModelList":
        """Return the list of an eMSP's terms."""
        return cls(terms.dynamic_models, terms.static_models, terms.offer_unknown_models)

    def judge(self, cars: Sequence[Car]) -> Offer:
        """Return YES where all cars can, NO where none can; without a car what the list says of the unknown."""
        if not cars:
            return Offer.ASK if self.unknown else Offer.NO
        able = {self.able(car) for car in cars}
        if able == {True}:
            return Offer.YES
        return Offer.ASK if True in able else Offer.NO

    def able(self, car: Car) -> bool:
        """Return whether this model is known by an address that stays."""
        name = _words(f"{car.make} {car.model}")
        return _longest(self.static, name) >= _longest(self.dynamic, name)


def _longest(entries: Iterable[str], name: str) -> int:
    """Return the length of the longest entry that begins a name at a word's end; 0 where none does."""
    return max((len(each) for each in map(_words, entries) if f"{name} ".startswith(f"{each} ")), default=0)


def _words(text: str) -> str:
    return " ".join(text.casefold().split())
