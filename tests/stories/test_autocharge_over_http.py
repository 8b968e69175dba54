"""Three operators and three eMSPs over real HTTP, their stations over real WebSockets: the whole way, briefly."""

import asyncio

from evouch.charging.vehicles import AutoChargeStatus
from evouch.testing.roaming_town import Country, in_a_country
from tests.stories.roaming import Story, autostart, bound, leave, sent, shown, spread

#: What waits for minutes on a wire in memory waits for moments here.
QUICK = {"binding_pauses": (0.2,) * 9, "start_delay": 1}


def play(story: Story) -> None:
    async def run() -> None:
        async with in_a_country(3, 3, sockets=True, cpo=QUICK) as country:
            await story(country)

    asyncio.run(run())


def test_of_two_emsps_the_later_grant_is_charged_with_and_after_its_revocation_the_other() -> None:
    async def story(country: Country) -> None:
        ada, beta, due = await bound(country), country["beta"], country.at("due")
        bob = await bound(country, by="due", name="bob")
        assert "due" == (await autostart(beta)).partner
        assert [] != sent(country, "uno", "vehicles/conflict", "POST")
        assert [] == sent(country, "due", "vehicles/conflict", "POST")
        await shown(country, bob, "started")
        await bob.declines("started")  # one tap stops it
        await leave(bob, beta)
        await due.emsp.phone.revoke(bob.driver.id, await bob.vid())
        await spread(country, bob, AutoChargeStatus.REVOKED)
        assert "uno" == (await autostart(country["alfa"])).partner
        await leave(ada, country["alfa"])

    play(story)
