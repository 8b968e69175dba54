"""Stations with keys for the tests of pages and API."""

import json
from typing import Any

from evouch.identity.keys import KeyType, PrivateKey
from evouch.ids import OcppVersion, StationId
from evouch.station.prover import Prover
from evouch.store.ports import Add
from evouch.store.records import Quarantined, QuarantineState
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


async def kept(street: Street, action: str, payload: Any, *, name: str = "kept") -> str:
    """Put a message of an unproven connection into quarantine, and return its id."""
    id = f"{name}-{action}"
    record = Quarantined(
        id=id, station=StationId("CS-1"), connection="gone", version=OcppVersion("ocpp1.6"),
        received_at=street.town.cpo.clock.now(), action=action, frame=json.dumps([2, "19", action, payload]).encode(),
        state=QuarantineState.KEPT,
    )  # fmt: skip
    await street.town.cpo.store.commit(Add(record))
    return id


async def standing(street: Street, *states: str, id: str = "CS-1") -> None:
    """Let time pass until the station's connection is taken for one of these."""

    def there() -> bool:
        view = street.town.cpo.challenger.standing(id)  # type: ignore[arg-type]
        return view is not None and str(view.state) in states

    await street.town.until(there, 300)
