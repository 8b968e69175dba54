"""A store that fails at every write of a whole flow, one after the other: nothing is half done."""

import asyncio
from contextlib import suppress

import pytest

from evouch.errors import EvouchError
from evouch.ocpi.model import VEHICLE_TOKEN
from evouch.store.memory import MemoryStore
from evouch.testing.clock import settle
from tests.emsp.world import BOB, VID, Faulty, World
from tests.proofs import proves

#: The flow below writes at least so often.
LEAST_WRITES = 14
NEVER = 10**6


async def flow(world: World) -> None:
    """Bind, grant, start, be billed, be refused elsewhere, confirm, and hand the vehicle over."""
    alfa = world.alfa
    await alfa.put(alfa.session("S1"))
    await alfa.bind()
    await world.emsp.phone.grant("ada", VID)
    await alfa.put(alfa.session("S1", status="COMPLETED", end_date_time=world.clock.now()))
    info = await alfa.authorize()
    assert info is not None
    reference = info.authorization_reference
    session = await alfa.put(alfa.session("V1", VID, kind=VEHICLE_TOKEN, authorization_reference=reference))
    await alfa.client.post_cdr(alfa.partner(), alfa.cdr("C1", session), by=alfa.by())
    await alfa.verdict(place="L3")
    for notice in await world.notices("confirm"):
        await world.emsp.phone.accept("ada", notice.id)
    await alfa.put(alfa.session("S2", "CARD-B", contract=BOB))
    await alfa.bind(uid="CARD-B", session="S2")
    await alfa.sign()
    await world.emsp.desk.rotate_key(actor="ann", reason="yearly")
    await world.emsp.upkeep.revoke_retired()


async def whole(world: World) -> None:
    """What belongs together is there together."""
    store = world.store
    vehicle, enrolment = await world.emsp.vehicles.get(VID), await store.enrolment(VID)
    assert (vehicle is None) == (enrolment is None)
    session, kept = await store.emsp_session("alfa", "V1"), await store.ocpi_objects_named("sessions", "V1")
    assert (session is None) == (kept == [])
    if session is not None:
        told = [each for each in await world.notices(open=False) if each.kind == "started"]
        assert session.told == (len(told) == 1)
    assert len(await store.invoices()) == len(await store.ocpi_objects_named("cdrs", "C1"))
    for decision in await store.decisions():
        assert decision.allowed.value != "ALLOWED" or any(
            found.startswith("pass") for check, found in decision.findings.items() if check != "contract"
        )
    keys = await store.oprf_keys()
    assert 1 == sum(key.retired_at is None for key in keys)


@proves("R5")
@pytest.mark.parametrize("kept", [False, True], ids=["before it was kept", "after it was kept"])
def test_wherever_the_store_fails_nothing_is_half_done_and_the_flow_ends_when_tried_again(kept: bool) -> None:
    async def played(number: int) -> bool:
        """Play the flow with a fault at a write; return whether it came to that."""
        store = Faulty(MemoryStore(), fail_at=0)
        world = await World.new(store=store)
        await world.driver()
        await world.driver("bob", BOB, "CARD-B")
        await settle()
        store.fail_in(number, kept=kept, stays_down=False)
        with suppress(EvouchError):
            await flow(world)
        await settle()
        failed = store.failed
        await whole(world)
        store.fail_in(NEVER)
        await world.restart()
        await whole(world)
        with suppress(EvouchError):  # what was done is refused the second time: a vehicle of a former key
            await flow(world)
        await whole(world)
        assert 1 == len(await store.invoices()) or kept
        await world.stop()
        return failed

    async def every() -> int:
        number = 1
        while await played(number):
            number += 1
        return number

    assert asyncio.run(every()) > LEAST_WRITES
