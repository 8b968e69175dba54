"""Who has the key: evaluate elements that strangers send (BlindEvaluate of RFC 9497 §3.3.1)."""

from evouch.oprf.group import Group, open_group
from evouch.oprf.keys import PrivateKey
from evouch.oprf.sec1 import COMPRESSED
from evouch.oprf.suite import HASH_TO_GROUP, Finalize

__all__ = ["Evaluator"]


class Evaluator:
    """A key, made ready once, that elements are multiplied with. One object serves all threads."""

    __slots__ = ("_group", "_key", "_read")

    def __init__(self, key: PrivateKey, group: Group | None = None) -> None:
        self._group = group or open_group()
        self._read = self._group.element
        self._key = self._group.scalar(key.key_bytes)

    def evaluate(self, blinded: bytes) -> bytes:
        """Return the product of key and element, in the form that the element came in: 33 bytes or 65.

        Raises :class:`~evouch.oprf.group.InvalidElement` before the key is touched ("Autocharge Roaming" §6.3).
        """
        element = self._read(blinded)
        return self._key.times(element).encode(compressed=len(blinded) == COMPRESSED)

    def output(self, input: bytes) -> bytes:
        """Return F(key, input) for an input that is at hand, without any blind: 32 bytes (Evaluate of RFC 9497)."""
        element = self._group.hash_to_curve(input, HASH_TO_GROUP)
        return Finalize(input).output(self._key.times(element).encode())
