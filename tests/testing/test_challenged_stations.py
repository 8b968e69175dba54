"""Challenged over wires and sockets: a station that answers, and firmware that never heard of it."""

import asyncio
from typing import Any

import pytest

from evouch.charging.dialogue import Evidence, IdentityProof, Order, ProveIdentity, Reset, StillThere, TimeAnswer
from evouch.errors import PeerRefused, TimedOut
from evouch.ids import OcppVersion
from evouch.ocpp.manners import Habit, Manners
from evouch.ocpp.versions import V16, VERSIONS
from tests.ocpp.sockets import until
from tests.ocpp.test_signed_challenge import CHALLENGE, PROOF
from tests.proofs import proves
from tests.testing.test_wire import CS1, YES, Site, both, site

#: What a backend may hear in place of a proof; all of them mean that there is none.
NO_PROOF = {"NotImplemented", "NotSupported", "FormationViolation", "GenericError"}


def prover(_link: Any, order: Order[Any], _evidence: Evidence) -> Any:
    return IdentityProof(PROOF) if isinstance(order, ProveIdentity) else YES


async def challenged(here: Site, *, seconds: float = 15.0) -> Any:
    """Challenge the station and return what came of it."""
    await until(lambda: here.ear.joins)
    link = here.ear.links[here.ear.joins[-1]]
    asked = asyncio.ensure_future(link.call(CHALLENGE, by=here.by(seconds)))
    for _ in range(20):
        if asked.done():
            break
        await here.clock.advance(1)
        await until(lambda: True)
    return await asked


@both
@proves("W1", "W15", "W21")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_challenge_is_answered_by_a_message_of_its_own(kind: str, version: OcppVersion) -> None:
    async def story() -> None:
        async with site(kind) as here:
            client = await here.connect(version, hear=prover)
            assert await challenged(here) == IdentityProof(PROOF)
            assert here.ear.heard == []
            await client.close()

    asyncio.run(story())


@both
@pytest.mark.parametrize("habit", Habit)
def test_firmware_that_never_heard_of_it_has_proved_nothing_and_goes_on(kind: str, habit: Habit) -> None:
    async def story() -> None:
        async with site(kind) as here:
            heard: list[Order[Any]] = []

            def hear(_link: Any, order: Order[Any], _evidence: Evidence) -> Any:
                heard.append(order)
                return YES

            client = await here.connect(V16, hear=hear, manners=Manners(extensions=False, unknown=habit))
            answer = await challenged(here)
            if habit is Habit.NO_ANSWER:
                assert isinstance(answer, TimedOut)
            else:
                assert isinstance(answer, PeerRefused)
                assert answer.code in NO_PROOF
            assert heard == []
            assert isinstance(await client.say(StillThere(), by=here.by()), TimeAnswer)
            assert await here.stations.call(CS1, Reset(), by=here.by()) == YES
            await client.close()

    asyncio.run(story())
