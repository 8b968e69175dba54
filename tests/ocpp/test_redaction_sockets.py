"""Over real sockets, with every log at its most talkative: the car is in none of them, and in nothing that is kept."""

import asyncio
import logging

import pytest

from evouch.ids import OcppVersion
from evouch.ocpp.versions import VERSIONS
from tests.ocpp.cars import DIGITS, authorize, named
from tests.ocpp.sockets import BINARY, CLOSE, CONTINUATION, TEXT, Raw, frame, site
from tests.proofs import proves

BROKEN = f'[2,"3","Authorize",{{"idTag":"VID:{DIGITS}"'


async def said_in_every_way(raw: Raw, version: OcppVersion) -> None:
    """Name a car in a message, in fragments, in half a message, in an answer to nothing, and on the way out."""
    payload = str(authorize(version, DIGITS)).replace("'", '"')
    raw.say(f'[2,"1","Authorize",{payload}]')
    assert not named(await raw.text())
    raw.send(frame('[2,"2","Author', TEXT, fin=False), frame(f'ize",{payload}]', CONTINUATION))
    assert not named(await raw.text())
    raw.say(BROKEN)
    assert not named(await raw.text())
    raw.say(f'[3,"nobody",{payload}]')
    raw.say(f'[4,"nobody","VID:{DIGITS}","VID:{DIGITS}",{payload}]')
    await raw.heartbeat()
    raw.send(frame((1000).to_bytes(2, "big") + f"VID:{DIGITS}".encode(), CLOSE))
    await raw.gone()


@proves("R37", "A19")
@pytest.mark.parametrize("version", VERSIONS)
def test_no_log_and_nothing_that_is_kept_names_the_car_of_a_real_connection(
    version: OcppVersion, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with site() as here:
            await said_in_every_way(await here.join(version=version), version)
            other = await here.join("/ocpp/CS2", version=version)
            other.send(frame(f"VID:{DIGITS}", BINARY))
            assert await other.closed() == 1003
            third = await here.join("/ocpp/CS3", version=version)
            third.send(frame(f"VID:{DIGITS}".encode() + b"\xff"))
            assert await third.closed() == 1007
            assert not named(repr(here.ear.evidence))
            assert not named(repr(here.events))
            assert len(here.ear.evidence) == 6, "two questions about the car, and four heartbeats"

    caplog.set_level(1)
    for name in ("evouch.ocpp.picows", "evouch.ocpp.aio", "picows"):
        caplog.set_level(1, logger=name)
    asyncio.run(story())
    assert caplog.text
    assert logging.getLogger("evouch.ocpp.picows").isEnabledFor(1)
    assert not named(caplog.text)
