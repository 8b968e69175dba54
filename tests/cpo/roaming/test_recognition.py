"""From an address to the eMSP that is charged with: who is asked, for how long, who is chosen, and who is told."""

import asyncio

import pytest
from structlog.testing import CapturingLogger

from evouch.charging import dialogue as d
from evouch.charging.tokens import TokenStatus
from evouch.cpo import roaming_authorize
from tests.cpo.roaming.world import CAR, OTHER_CAR, TERMS, World, arrive, car, mac, play, present, starts
from tests.proofs import proves


@proves("R30")
@pytest.mark.parametrize("text", ["000000000000", "FFFFFFFFFFFF", "01005E000001", "007DFA123456", "AABBCCDDEEFF"])
def test_an_address_that_no_car_keeps_is_asked_about_nowhere(text: str) -> None:
    async def story(place: World) -> None:
        await place.emsp()
        station = await place.place()
        before = len(place.web.requests(method="POST"))
        assert (await arrive(station, text)).status is TokenStatus.INVALID
        await place.clock.advance(1)
        assert len(place.web.requests(method="POST")) == before

    play(story)


@proves("R29", "R30")
def test_rules_of_the_operator_stand_before_ours() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        assert (await arrive(station)).status is TokenStatus.INVALID
        assert emsp.signed == 0

    play(story, mac_rules='[[rule]]\nprefix = "98:ED:5C"\naction = "deny"\nwhy = "a test"\n')


@proves("R7")
def test_a_slow_emsp_costs_five_seconds_and_the_others_nothing() -> None:
    async def story(place: World) -> None:
        good, slow, station = await place.emsp(), await place.emsp("slow", "FRSLO"), await place.place()
        slow.host.slow(60, on="oprf/sign")
        asking = asyncio.ensure_future(arrive(station))
        await place.clock.advance(4.9)
        assert not asking.done(), "nobody knows the car yet, and the slow one may"
        await place.clock.advance(0.2)
        assert asking.done()
        assert good.signed == 1

    play(story)


def test_a_car_that_is_known_waits_one_second_for_an_emsp_that_is_silent() -> None:
    async def story(place: World) -> None:
        good, slow, station = await place.emsp(), await place.emsp("slow", "FRSLO"), await place.place()
        await place.knows(good)
        slow.host.slow(60, on="oprf/sign")
        asking = asyncio.ensure_future(arrive(station))
        await place.clock.advance(0.9)
        assert not asking.done(), "two that know it are a conflict"
        await place.clock.advance(0.2)
        assert asking.done()
        await place.clock.advance(11)
        assert len(starts(station)) == 1

    play(story)


@pytest.mark.parametrize("fault", ["dead", "offline", "garbage", "status", "limited", "wrong_point", "partial"])
def test_an_emsp_that_fails_in_any_way_hides_nobody_else(fault: str) -> None:
    async def story(place: World) -> None:
        good, bad, station = await place.emsp(), await place.emsp("bad", "FRBAD"), await place.place()
        await place.knows(good)
        await place.knows(bad)
        getattr(bad.host, fault)(on="oprf/sign")
        asking = asyncio.ensure_future(arrive(station))
        await place.clock.advance(6)
        assert asking.done()
        assert [uid for uid, *_ in good.asked] == [good.vid(CAR)]
        assert not bad.asked

    play(story)


def test_sign_and_authorise_together_end_before_the_station_stops_waiting() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        emsp.host.slow(4.5, on="oprf/sign")
        emsp.host.dead(on="authorize")
        asking = asyncio.ensure_future(arrive(station))
        await place.clock.advance(7.4)
        assert not asking.done()
        await place.clock.advance(0.2)
        assert asking.done()
        assert (await asking).status is TokenStatus.INVALID

    play(story)


def test_a_whole_time_shorter_than_both_holds() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        emsp.host.slow(4.5, on="oprf/sign")
        emsp.host.dead(on="authorize")
        asking = asyncio.ensure_future(arrive(station))
        await place.clock.advance(6.1)
        assert asking.done()

    play(story, whole_time=6.0)


@proves("A7", "A25", "S13")
def test_a_vid_is_looked_up_at_the_emsp_that_made_it_and_nowhere_else() -> None:
    async def story(place: World) -> None:
        one, two, station = await place.emsp(), await place.emsp("two", "FRTWO"), await place.place()
        assert one.vid(CAR) != two.vid(CAR)
        vehicle = one.vehicle(CAR)
        stolen = type(vehicle)(
            owner=two.party, vid=vehicle.vid, contract=vehicle.contract, status=vehicle.status, created=vehicle.created,
            authorized=vehicle.authorized,
        )  # fmt: skip
        await place.push(two, stolen)
        assert (await arrive(station)).status is TokenStatus.INVALID
        assert not one.asked
        assert not two.asked

    play(story)


@proves("R10", "R11", "A16", "A17")
def test_of_two_emsps_that_allow_the_car_the_later_grant_is_charged_with_and_the_other_is_told() -> None:
    async def story(place: World) -> None:
        early, late, station = await place.emsp(), await place.emsp("late", "FRLAT"), await place.place()
        mine = await place.knows(early)
        await place.clock.advance(60)
        await place.knows(late)
        await arrive(station)
        await place.clock.advance(1)
        assert (len(early.asked), len(late.asked)) == (1, 1)
        assert (await place.charge()).partner == "late"
        (notice,) = early.conflicts
        assert (notice.vehicle_id, notice.contract_id) == (mine.vid, mine.contract)
        assert "late" not in str(notice).casefold()
        assert not late.conflicts
        await place.clock.advance(11)
        assert len(starts(station)) == 1

    play(story)


@proves("A16")
def test_the_next_in_order_is_taken_where_the_first_does_not_allow_it_and_is_told_all_the_same() -> None:
    async def story(place: World) -> None:
        early, late, station = await place.emsp(), await place.emsp("late", "FRLAT"), await place.place()
        await place.knows(early)
        await place.clock.advance(60)
        refused = await place.knows(late)
        late.verdicts[refused.vid] = "NOT_ALLOWED"
        await arrive(station)
        await place.clock.advance(1)
        assert (await place.charge()).partner == "mobi"
        assert [each.vehicle_id for each in late.conflicts] == [refused.vid]

    play(story)


@proves("A17", "S14")
def test_where_all_that_know_the_car_refuse_it_all_of_them_are_told() -> None:
    async def story(place: World) -> None:
        early, late, station = await place.emsp(), await place.emsp("late", "FRLAT"), await place.place()
        for emsp in (early, late):
            vehicle = await place.knows(emsp)
            emsp.verdicts[vehicle.vid] = "NOT_ALLOWED"
        assert (await arrive(station)).status is TokenStatus.INVALID
        await place.clock.advance(1)
        assert [each.vehicle_id for each in early.conflicts] == [early.vid(CAR)]
        assert [each.vehicle_id for each in late.conflicts] == [late.vid(CAR)]
        assert not await place.charges()

    play(story)


def test_one_emsp_that_refuses_its_car_is_in_no_conflict() -> None:
    async def story(place: World) -> None:
        emsp, _, station = await place.emsp(), await place.emsp("other", "FROTH"), await place.place()
        vehicle = await place.knows(emsp)
        emsp.verdicts[vehicle.vid] = "NOT_ALLOWED"
        await arrive(station)
        await place.clock.advance(1)
        assert not emsp.conflicts

    play(story)


@proves("A17")
def test_a_conflict_is_told_once_a_day() -> None:
    async def story(place: World) -> None:
        early, late, station = await place.emsp(), await place.emsp("late", "FRLAT"), await place.place()
        await place.knows(early)
        await place.clock.advance(60)
        await place.knows(late)
        for wait in (1, 3600, 24 * 3600):
            started = await station.start(car(), transaction=f"T-{wait}")
            assert started.authorization is not None
            assert started.authorization.accepted
            await station.end(f"T-{wait}", 100)
            await place.clock.advance(wait)
        assert len(early.conflicts) == 1
        await station.start(car(), transaction="T-9")
        await place.clock.advance(1)
        assert len(early.conflicts) == 2

    play(story)


@proves("R34")
def test_a_partner_without_the_module_never_hears_of_a_vehicle() -> None:
    async def story(place: World) -> None:
        plain, station = await place.emsp("plain", "FRPLN", vehicles_module=False), await place.place()
        vehicle = plain.vehicle(CAR)
        assert not place.partner("plain").endpoint("vehicles", "SENDER")
        await place.roaming.whitelist.keep(vehicle)
        assert (await arrive(station)).status is TokenStatus.INVALID
        await place.clock.advance(1)
        said = b"".join(part for each in place.web.log for part in each.parts)
        assert b"VEHICLE_HASHED_MAC" not in said
        assert vehicle.vid.encode() not in said

    play(story)


@proves("R38", "A19")
def test_the_address_is_in_nothing_that_was_said_or_written() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        await station.start(car())
        await station.meter("T-1", 1000)
        await station.end("T-1", 1000, token=car())
        await station.start(car(OTHER_CAR), transaction="T-2")
        await place.clock.advance(5)
        said = b"".join(part for each in place.web.log for part in each.parts).lower()
        kept = repr([vars(place.store)]).lower()
        held = repr(list(place.roaming.places._vids.values())).lower()
        for one in (CAR, OTHER_CAR):
            for spelling in (one, ":".join(one[i : i + 2] for i in range(0, 12, 2)), one[6:]):
                assert spelling.lower().encode() not in said
                assert spelling.lower() not in kept + held
            assert mac(one) not in _values(place.store)

    play(story)


def _values(holder: object, depth: int = 0) -> list[object]:
    """Everything that can be reached from an object by fields and members of collections."""
    if depth > 8 or isinstance(holder, str | bytes | int | float | None):
        return []
    if isinstance(holder, dict):
        inner = [*holder.keys(), *holder.values()]
    elif isinstance(holder, list | tuple | set | frozenset):
        inner = list(holder)
    else:
        names = [*getattr(type(holder), "__slots__", ()), *getattr(holder, "__dict__", {})]
        inner = [getattr(holder, each, None) for each in names]
    return [found for each in inner for found in (each, *_values(each, depth + 1))]


def test_another_car_at_the_same_plug_is_another_car() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        assert (await arrive(station, OTHER_CAR)).status is TokenStatus.INVALID
        assert not emsp.asked

    play(story)


def test_what_is_no_address_is_no_car() -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        bare = car().bare
        assert (await present(station, bare)).status is TokenStatus.INVALID
        await station.say(d.VehicleIdentified(mac=None))
        assert emsp.signed == 0

    play(story)


def test_times_fit_into_each_other() -> None:
    with pytest.raises(ValueError, match="fit into"):
        type(TERMS)(party=TERMS.party, name="x", base_url="https://x", sign_time=9)
    with pytest.raises(ValueError, match="0 to 120"):
        type(TERMS)(party=TERMS.party, name="x", base_url="https://x", start_delay=500)
    with pytest.raises(ValueError, match="slash"):
        type(TERMS)(party=TERMS.party, name="x", base_url="https://x/")


def test_a_line_of_the_log_says_how_many_were_asked_about_a_car_and_who_was_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(place: World) -> None:
        emsp, station = await place.emsp(), await place.place()
        await place.knows(emsp)
        monkeypatch.setattr(roaming_authorize, "_log", log := CapturingLogger())
        await arrive(station)
        (line,) = [each.kwargs for each in log.calls if each.args == ("vehicle known",)]
        assert (1, "mobi") == (line["asked"], line["chosen"])

    play(story)
