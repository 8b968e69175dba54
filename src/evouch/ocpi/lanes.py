"""What pushing to partners and polling them have in common: promises, chance, and failures in a few words."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Protocol

from evouch.clock import Entropy
from evouch.errors import EvouchError, PeerGarbled, PeerRefused
from evouch.ocpi.partner import Partner, PartnerSync

__all__ = ["Find", "Promises", "Save", "backoff", "is_final", "jittered", "words"]

Deed = Callable[[], Awaitable[object]]
#: Returns a partner as it stands now, None where there is none any more.
Find = Callable[[str], Partner | None]
Save = Callable[[PartnerSync], Awaitable[None]]

#: Status codes that say no for good: the same object is refused again, however often it comes.
_FINAL: Final = frozenset({"http 400", "http 404", "http 405", "http 413", "http 422", "noEndpoint"})


class Promises(Protocol):
    """What an actor does later, or beside what it does: its agenda."""

    def soon(self, deed: Deed) -> None:
        """Do something now, beside whatever runs."""

    def after(self, seconds: float, key: Hashable, deed: Deed) -> None:
        """Do something later, in place of what was promised under ``key``."""

    def drop(self, key: Hashable) -> None:
        """Forget what was promised under ``key``."""


def jittered(seconds: float, entropy: Entropy, *, spread: float) -> float:
    """Return a time within ``spread`` (a share of it) around ``seconds``: partners must not all be asked at once."""
    chance = int.from_bytes(entropy.bytes(4)) / 2**32
    return seconds * (1 + spread * (2 * chance - 1))


def backoff(failures: int, first: float, longest: float) -> float:
    """Return the pause after so many failures in a row: ``first``, doubled each time, ``longest`` at most."""
    return min(longest, first * 2.0 ** min(failures - 1, 32))


def is_final(error: EvouchError) -> bool:
    """Return whether a partner has said no to what was sent, and not only to when."""
    if isinstance(error, PeerGarbled) or not isinstance(error, PeerRefused):
        return False
    return error.code in _FINAL or (error.code.startswith("2") and error.details.get("http") != 401)  # noqa: PLR2004


def words(error: EvouchError) -> str:
    """Return a failure for the operator: no content, and no text of the partner's."""
    return f"refused: {error.code}" if isinstance(error, PeerRefused) else f"no answer: {type(error).__name__}"
