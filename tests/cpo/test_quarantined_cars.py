"""What an unproven station says about a charge is kept without the car that it names."""

from evouch.store.records import QuarantineState
from evouch.testing.town import Town
from tests.cpo.hand import Hand, stop
from tests.cpo.test_quarantine import charging, states
from tests.cpo.unproven import told
from tests.ocpp.cars import DIGITS, named
from tests.proofs import proves


@proves("R37", "A19")
def test_a_message_in_quarantine_names_no_car_and_is_booked_all_the_same() -> None:
    async def story(town: Town) -> None:
        number = await charging(town)
        hand = await Hand(town).open()
        assert await hand.ask("StopTransaction", {**stop(number), "idTag": f"VID:{DIGITS}"}) == [{}]
        [kept] = await town.cpo.store.quarantined()
        assert b'"idTag":"VID:***"' in kept.frame
        assert not named(repr(kept))
        await hand.prove()
        assert await states(town) == [QuarantineState.PROMOTED]

    told(story)
