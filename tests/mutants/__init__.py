"""Small changes to the code, one at least for every requirement that is proven: each has to turn a test red.

- The change is textual: ``old`` occurs exactly once in ``file``, and ``new`` takes its place.
  A text that is not found any more is an error, never a skip.
- ``test`` is marked with all of ``ids`` (``@proves``), and is green before the change.
- A change breaks what the requirement asks for. Code that cannot be imported any more shows nothing.

``make mutants`` makes them, one at a time, in copies of the tree.
"""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mutant", "mutants"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change that breaks the requirements ``ids``, and the test that has to notice."""

    ids: tuple[str, ...]
    file: str
    old: str
    new: str
    test: str

    def __str__(self) -> str:
        """Name it by its ids, its file and the test."""
        return f"{', '.join(self.ids)}: {self.file} ({self.test.partition('::')[2]})"

    def applied(self, root: Path) -> str:
        """Return the file with the change made; ValueError where ``old`` does not occur exactly once."""
        text = (root / self.file).read_text()
        if (count := text.count(self.old)) != 1:
            msg = f"{self.file} holds the old text {count} times"
            raise ValueError(msg)
        return text.replace(self.old, self.new)


def mutants() -> tuple[Mutant, ...]:
    """Return all of them."""
    from tests.mutants.identity import IDENTITY
    from tests.mutants.payment import PAYMENT
    from tests.mutants.roaming_autocharge import ROAMING_AUTOCHARGE
    from tests.mutants.roaming_cpo import ROAMING_CPO
    from tests.mutants.roaming_emsp import ROAMING_EMSP
    from tests.mutants.roaming_ocpi_client import ROAMING_OCPI_CLIENT
    from tests.mutants.roaming_ocpi_server import ROAMING_OCPI_SERVER
    from tests.mutants.roaming_ocpp import ROAMING_OCPP
    from tests.mutants.roaming_oprf import ROAMING_OPRF
    from tests.mutants.roaming_store import ROAMING_STORE
    from tests.mutants.roaming_stories import ROAMING_STORIES

    return (
        *PAYMENT,
        *IDENTITY,
        *ROAMING_AUTOCHARGE,
        *ROAMING_CPO,
        *ROAMING_EMSP,
        *ROAMING_OCPI_CLIENT,
        *ROAMING_OCPI_SERVER,
        *ROAMING_OCPP,
        *ROAMING_OPRF,
        *ROAMING_STORE,
        *ROAMING_STORIES,
    )
