"""What W3CP and its gaps ask of stations that prove who they are, broken one at a time."""

from typing import Final

from tests.mutants import Mutant

__all__ = ["IDENTITY"]

IDENTITY: Final[tuple[Mutant, ...]] = ()
