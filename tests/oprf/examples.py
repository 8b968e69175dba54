"""The vectors, and groups that take note of what they are asked for."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evouch.ids import KeyBytes
from evouch.oprf.group import GROUPS, Element, Group, Scalar
from evouch.oprf.keys import PrivateKey

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent.parent / "vectors" / "oprf_p256.json").read_text())
OFFICIAL = VECTORS["oprf_base_mode_0"]
ROWS = [
    {**official, **derived}
    for official, derived in zip(OFFICIAL["vectors"], VECTORS["derived_from_official"], strict=True)
]
MACS = VECTORS["mac_examples"]["cases"]
KEY = PrivateKey.from_hex(OFFICIAL["skSm"])

#: Every test with ``group`` runs once with each; it is opened in conftest.py, and not before.
each_group = pytest.mark.parametrize("group", GROUPS, indirect=True)


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


def blind_of(row: dict[str, str]) -> KeyBytes:
    return KeyBytes(raw(row["Blind"]))


def cases(name: str) -> pytest.MarkDecorator:
    """Return a mark over ``encoded`` with the cases of one list."""
    return pytest.mark.parametrize(
        "encoded", [raw(each["encoded"]) for each in VECTORS[name]], ids=[each["what"] for each in VECTORS[name]]
    )


@dataclass
class Spy:
    """A group that notes each use of a scalar."""

    real: Group
    used: list[str] = field(default_factory=list)
    name: str = "spy"
    library: str = ""

    def element(self, encoded: bytes) -> Element:
        return self.real.element(encoded)

    def hash_to_curve(self, message: bytes, dst: bytes) -> Element:
        return self.real.hash_to_curve(message, dst)

    def scalar(self, key: KeyBytes) -> Scalar:
        return SpyScalar(self.real.scalar(key), self.used)

    def reduce(self, wide: bytes) -> KeyBytes:
        return self.real.reduce(wide)


@dataclass
class SpyScalar:
    real: Scalar
    used: list[str]

    def times(self, element: Any) -> Element:
        self.used.append("times")
        return self.real.times(element)

    def inverse(self) -> Scalar:
        self.used.append("inverse")
        return SpyScalar(self.real.inverse(), self.used)
