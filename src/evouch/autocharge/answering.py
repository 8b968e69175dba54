"""Signing what an operator has blinded: the eMSP's side of the OPRF (§6.3, POST oprf/sign).

The element is judged before the key is touched: hex, SEC1 in either form, on the curve, not
infinity. The answer has the form of the question, so that a peer whose library knows one form
only is never sent the other. What is signed looks random: the eMSP learns nothing from it, and
cannot see whether it was asked the same before. That is why there are budgets and a watch.
"""

from evouch.oprf.element import parse_hex
from evouch.oprf.server import Evaluator

__all__ = ["Signer"]


class Signer:
    """One key that answers."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    def sign(self, element_hex: str) -> str:
        """Return the evaluated element in lower-case hex, in the form of ``element_hex``; raises InvalidElement."""
        return self._evaluator.evaluate(parse_hex(element_hex)).hex()
