"""The two vectors of RFC 9497 appendix A.3.1 for P256-SHA256, mode 0: no group computes for anybody before them."""

from dataclasses import dataclass
from typing import Final

from evouch.errors import EvouchError, LocalError
from evouch.ids import KeyBytes
from evouch.oprf import suite
from evouch.oprf.interface import Group

__all__ = ["check"]

#: skSm and Blind, public test data of the RFC.
_KEY: Final = KeyBytes(bytes.fromhex("159749d750713afe245d2d39ccfaae8381c53ce92d098a9375ee70739c7ac0bf"))
_BLIND: Final = KeyBytes(bytes.fromhex("3338fa65ec36e0290022b48eb562889d89dbfa691d1cde91517fa222ed7ad364"))


@dataclass(frozen=True, slots=True)
class _Vector:
    """The values of one vector, called as the RFC calls them."""

    input: str
    blinded_element: str
    evaluation_element: str
    output: str


_VECTORS: Final = (
    _Vector(
        "00",
        "03723a1e5c09b8b9c18d1dcbca29e8007e95f14f4732d9346d490ffc195110368d",
        "030de02ffec47a1fd53efcdd1c6faf5bdc270912b8749e783c7ca75bb412958832",
        "a0b34de5fa4c5b6da07e72af73cc507cceeb48981b97b7285fc375345fe495dd",
    ),
    _Vector(
        "5a" * 17,
        "03cc1df781f1c2240a64d1c297b3f3d16262ef5d4cf102734882675c26231b0838",
        "03a0395fe3828f2476ffcd1f4fe540e5a8489322d398be3c4e5a869db7fcb7c52c",
        "c748ca6dd327f0ce85f4ae3a8cd6d4d5390bbb804c9e12dcf94f853fece3dcce",
    ),
)


def check(group: Group) -> None:
    """Raise LocalError unless ``group`` comes to every value of both vectors, on both sides."""
    for number, vector in enumerate(_VECTORS, 1):
        try:
            same = _computed(group, vector) == vector
        except (EvouchError, ValueError) as error:
            raise LocalError(f"{group.name}: vector {number} of RFC 9497 fails: {error}") from error
        if not same:
            raise LocalError(f"{group.name}: vector {number} of RFC 9497 comes out differently")


def _computed(group: Group, vector: _Vector) -> _Vector:
    input, blind = bytes.fromhex(vector.input), group.scalar(_BLIND)
    blinded = blind.times(group.hash_to_curve(input, suite.HASH_TO_GROUP)).encode()
    evaluated = group.scalar(_KEY).times(group.element(blinded)).encode()
    unblinded = blind.inverse().times(group.element(evaluated)).encode()
    output = suite.Finalize(input).output(unblinded)
    return _Vector(vector.input, blinded.hex(), evaluated.hex(), output.hex())
