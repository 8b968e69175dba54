"""Where the promises of an operator are found; what they are stands in ``charging.agenda``."""

from evouch.charging.agenda import Agenda

__all__ = ["Agenda"]
