"""Where the logins of an operator's side are found; what they are stands in ``store.operators``."""

from evouch.store.operators import Operators

__all__ = ["Operators"]
