"""What the tests of proofs begin with: a town whose operator knows a station's key."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from evouch.charging.equipment import Evse
from evouch.charging.tokens import IdToken
from evouch.cpo.identity_terms import IdentityTerms
from evouch.identity.enrolment import Identity, IdentityKind
from evouch.identity.keys import PrivateKey
from evouch.ids import EvseNumber, StationId
from evouch.store.ports import Put
from evouch.store.records import SecurityEvent, TokenRecord
from evouch.testing.town import Town, on_the_wire
from evouch.units import Watts
from tests.station.keys import ED25519

KEY_KIND = IdentityKind.PUBLIC_KEY
CS = StationId("CS-1")


def told(story: Callable[[Town], Coroutine[Any, Any, None]], *, key: bool = True, **terms: Any) -> None:
    """Tell a story in a town where CS-1 is registered and, unless told otherwise, its key enrolled."""

    async def run() -> None:
        async with on_the_wire(identity=IdentityTerms(**terms)) as town:
            await known(town, key=key)
            await story(town)

    asyncio.run(run())


async def known(town: Town, id: str = "CS-1", *, key: bool = True) -> None:
    evses = (Evse(number=EvseNumber(1), connectors=(1,), max_power=Watts(22_000)),)
    await town.cpo.stations.register(StationId(id), actor="test", name="One", evses=evses)
    if key:
        await enrol(town, id=id)


async def enrol(town: Town, key: PrivateKey = ED25519, *, id: str = "CS-1", **how: Any) -> Identity:
    return await town.cpo.identities.enrol(StationId(id), KEY_KIND, key.public.document(), actor="anna", **how)


async def events(town: Town, kind: str = "") -> list[SecurityEvent]:
    """Security events, oldest first."""
    await town.wait(0.1)
    return [one for one in (await town.cpo.store.security_events())[::-1] if kind in one.kind]


async def card(town: Town, value: str = "CARD") -> None:
    """Let a card charge."""
    await town.cpo.store.commit(Put(TokenRecord(key=IdToken(value).key)))
