"""Arbitrary JSON documents for property tests, and a writer that spells them in every legal way."""

import json
from decimal import Decimal
from itertools import count
from typing import Any

from hypothesis import strategies as st

__all__ = ["documents", "objects", "spell"]

_texts = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["", "a", "1", "é", "2026-11-20T10:00:00Z", 'quote"', "back\\slash", "{:}", "5E-3", "89490200001234567890"]
)
_decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=3)
_integers = st.integers(-(10**18), 10**18)
_leaves = st.none() | st.booleans() | _integers | _decimals | _texts

#: Documents that the decoder accepts.
documents = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4), max_leaves=20
)
#: Those that are objects, as payloads are.
objects = st.dictionaries(_texts, documents, max_size=5)


def spell(document: Any, *, space: str = "", ascii: bool = False, doubled: int = -1) -> str:
    """Return ``document`` as JSON text.

    ``space`` goes around every sign, ``ascii`` escapes whatever is not, and the object
    numbered ``doubled`` (from 0, in reading order) gets its first member twice.
    """
    numbers = count()

    def write(node: Any) -> str:
        if isinstance(node, dict):
            members = list(node.items())
            if next(numbers) == doubled:
                members += [(name, None) for name, _ in members[:1]]
            inside = [f"{json.dumps(name, ensure_ascii=ascii)}{space}:{space}{write(value)}" for name, value in members]
            return "{" + space + f"{space},{space}".join(inside) + space + "}"
        if isinstance(node, list):
            return "[" + space + f"{space},{space}".join(write(value) for value in node) + space + "]"
        return str(node) if isinstance(node, Decimal) else json.dumps(node, ensure_ascii=ascii)

    return write(document)
