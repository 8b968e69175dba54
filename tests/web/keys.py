"""Stations with keys for the tests of pages and API."""

from typing import Any

from evouch.identity.keys import KeyType, PrivateKey
from evouch.station.prover import Prover
from evouch.testing.clock import SeededEntropy
from tests.web.street import Street

ENTROPY = SeededEntropy("web")


def key(type: KeyType = KeyType.ED25519) -> PrivateKey:
    """A key that no other test has."""
    return PrivateKey.generate(type, ENTROPY)


async def station(street: Street, mine: PrivateKey, *, id: str = "CS-1", **how: Any) -> None:
    """A 1.6 station that proves itself with a key, which is enrolled unless the story says otherwise."""
    offers = how.pop("offers_key", False)
    await street.town.station("ocpp1.6", id=id, prover=Prover(key=mine.pem(), offers_key=offers), **how)


async def standing(street: Street, *states: str, id: str = "CS-1") -> None:
    """Let time pass until the station's connection is taken for one of these."""

    def there() -> bool:
        view = street.town.cpo.challenger.standing(id)  # type: ignore[arg-type]
        return view is not None and str(view.state) in states

    await street.town.until(there, 300)
