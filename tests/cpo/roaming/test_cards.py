"""Cards of eMSPs: who answers for them, what stations hear, and how the yes finds its transaction."""

import asyncio
from datetime import timedelta

import pytest

from evouch.charging.roaming import ChargeState
from evouch.charging.tokens import IdToken, TokenStatus
from evouch.cpo.authorize import CACHE_TIME
from evouch.errors import PeerRefused
from evouch.ocpi.model import VEHICLE_TOKEN, Token
from tests.cpo.roaming.world import World, play, plug, present

CARD = IdToken("CARD")


@pytest.mark.parametrize("whitelist", ["ALWAYS", "ALLOWED"])
def test_a_card_that_may_be_answered_here_is(whitelist: str) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.card(emsp, whitelist=whitelist)
        answer = await present(station, IdToken("card"))
        assert answer.accepted
        assert answer.expires == place.clock.now() + CACHE_TIME
        assert not emsp.asked
        assert (await place.charge()).method == "WHITELIST"

    play(story)


def test_a_card_that_is_not_valid_is_blocked_here() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.card(emsp, whitelist="ALLOWED", valid=False)
        assert (await present(station, CARD)).status is TokenStatus.BLOCKED

    play(story)


@pytest.mark.parametrize("valid", [True, False])
def test_a_card_that_must_be_asked_for_is_asked_for_whatever_we_think_of_it(valid: bool) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.card(emsp, whitelist="NEVER", valid=valid)
        answer = await present(station, CARD)
        assert answer.accepted
        assert [each[:2] for each in emsp.asked] == [("CARD", "RFID")]
        assert emsp.asked[0][2].location_id == "CS-1"
        assert answer.expires is not None
        assert answer.expires <= place.clock.now() + timedelta(minutes=15)

    play(story)


def test_a_card_that_must_be_asked_for_is_refused_where_its_emsp_is_away() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.card(emsp, whitelist="NEVER")
        emsp.host.dead(on="authorize")
        asking = asyncio.ensure_future(present(station, CARD))
        await place.clock.advance(2.9)
        assert not asking.done()
        await place.clock.advance(0.2)
        assert (await asking).status is TokenStatus.INVALID

    play(story)


@pytest.mark.parametrize(("valid", "heard"), [(True, TokenStatus.ACCEPTED), (False, TokenStatus.INVALID)])
def test_a_card_that_may_be_answered_here_only_offline_is(valid: bool, heard: TokenStatus) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.card(emsp, whitelist="ALLOWED_OFFLINE", valid=valid)
        emsp.host.offline(on="authorize")
        assert (await present(station, CARD)).status is heard
        emsp.host.well()
        await present(station, CARD)
        assert bool(emsp.asked) != valid  # the yes from before is still good

    play(story)


@pytest.mark.parametrize(
    ("said", "heard"),
    [("BLOCKED", TokenStatus.BLOCKED), ("EXPIRED", TokenStatus.EXPIRED), ("NO_CREDIT", TokenStatus.NO_CREDIT),
     ("NOT_ALLOWED", TokenStatus.INVALID), (None, TokenStatus.INVALID)],
)  # fmt: skip
def test_stations_hear_what_the_emsp_says_as_ocpp_words_it(said: str | None, heard: TokenStatus) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.card(emsp)
        emsp.verdicts["CARD"] = said
        assert (await present(station, CARD)).status is heard

    play(story)


def test_a_card_that_nobody_told_of_is_asked_for_nowhere() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        assert (await present(station, IdToken("STRANGER"))).status is TokenStatus.INVALID
        assert not emsp.asked

    play(story)


def test_a_local_card_of_the_same_number_comes_first() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.card(emsp)
        await place.local_card("CARD")
        assert (await present(station, CARD)).accepted
        assert not emsp.asked
        assert not await place.charges()

    play(story)


def test_the_yes_is_used_by_the_start_within_fifteen_minutes_and_not_after() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.card(emsp)
        await plug(station)
        await present(station, CARD)
        await place.clock.advance(14 * 60)
        assert (await station.start(CARD)).authorization.accepted
        assert len(emsp.asked) == 1
        await station.end("T-1", 100)
        await present(station, CARD)
        await place.clock.advance(16 * 60)
        assert (await place.charge()).state is ChargeState.LAPSED
        assert (await station.start(CARD, transaction="T-2")).authorization.accepted
        assert len(emsp.asked) == 3

    play(story)


def test_a_card_that_starts_where_it_was_not_expected_is_asked_for_again() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place(evses=2)
        await place.card(emsp)
        await plug(station, 1)
        await present(station, CARD)
        assert emsp.asked[-1][2].evse_uids == ("CS-1-1",)
        assert (await station.start(CARD, evse=2)).authorization.accepted
        assert emsp.asked[-1][2].evse_uids == ("CS-1-2",)

    play(story)


def test_a_card_charges_once() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        other = await place.place("CS-2")
        await place.card(emsp)
        await station.start(CARD)
        assert (await present(other, CARD)).status is TokenStatus.CONCURRENT_TX

    play(story)


def test_a_lock_refuses_partners_cards_as_it_refuses_ours() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.card(emsp)
        await place.scan_and_begin()
        assert (await present(station, CARD)).status is TokenStatus.INVALID
        assert not emsp.asked

    play(story)


def test_tokens_are_theirs_to_put_change_and_read_again() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        other = await place.emsp("other", "FROTH")
        await place.card(emsp, whitelist="ALLOWED")
        asks = place.ask(other)
        with pytest.raises(PeerRefused) as refused:
            await asks.put_object(other.cpo, "tokens", "NL/MOB/CARD", emsp.token("CARD"), by=place.by())
        assert refused.value.details.get("http") == 404
        old = emsp.token("CARD", "ALLOWED", valid=False, last_updated=place.clock.now() - timedelta(days=1))
        await place.ask(emsp).put_object(emsp.cpo, "tokens", "NL/MOB/CARD", old, by=place.by())
        assert (await present(station, CARD)).accepted
        kept = await place.roaming.tokens.get(place.partner(), emsp.party, "card")
        assert isinstance(kept, Token)
        await place.roaming.tokens.patch(
            place.partner(), emsp.party, "CARD", "RFID", {"valid": False, "last_updated": "2030-01-01T00:00:00Z"}
        )
        assert not (await place.roaming.tokens.get(place.partner(), emsp.party, "CARD")).valid

    play(story)


def test_a_vehicle_is_no_token_to_keep() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        token = emsp.token("ab" * 32, type=VEHICLE_TOKEN)
        with pytest.raises(PeerRefused) as refused:
            await place.ask(emsp).put_object(
                emsp.cpo, "tokens", f"NL/MOB/{token.uid}?type={VEHICLE_TOKEN}", token, by=place.by()
            )
        assert refused.value.code == "2001"

    play(story)


def test_tokens_of_a_new_partner_are_read_from_its_list() -> None:
    async def story(place: World) -> None:
        emsp = await place.emsp()
        emsp.own_tokens.append(emsp.token("PULLED", "ALLOWED"))
        station = await place.place()
        await place.clock.advance(4)
        assert (await present(station, IdToken("PULLED"))).accepted

    play(story)
