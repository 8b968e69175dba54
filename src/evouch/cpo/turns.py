"""Where the turns of an operator are found; what they are stands in ``charging.turns``."""

from evouch.charging.turns import Turns

__all__ = ["Turns"]
