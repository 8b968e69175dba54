"""Cars start by themselves at operators that never saw them: from the first charge with a card to the bill.

Operators, eMSPs and stations are real; what one of them knows of another came over OCPI or OCPP.
"""

import itertools
from typing import Any

import pytest

from evouch import wire
from evouch.charging.geo import Point
from evouch.charging.vehicles import AutoChargeStatus
from evouch.ocpi import codec
from evouch.ocpi import model as m
from evouch.testing.roaming_town import CAR, OTHER_CAR, Country
from evouch.units import Watts
from tests.proofs import proves
from tests.stories.roaming import (
    VERSIONS,
    S,
    autostart,
    bind,
    bound,
    leave,
    nothing_starts,
    play,
    sent,
    shown,
    spread,
    the_short_way,
    told,
)

each_version = pytest.mark.parametrize("version", VERSIONS)
#: Where nothing but the words of a remote start differ, which 2.0.1 and 2.1 have in common.
each_dialect = pytest.mark.parametrize("version", ["ocpp1.6", "ocpp2.1"])
GRANTED, REVOKED = AutoChargeStatus.GRANTED, AutoChargeStatus.REVOKED


def bodies(country: Country, to: str, part: str, kind: Any, method: str = "") -> list[Any]:
    """What an actor was sent, read."""
    return [codec.read(wire.decode(each.body), kind) for each in sent(country, to, part, method)]


def statuses(country: Country, to: str, session: str) -> list[str]:
    return [each.status for each in bodies(country, to, "/sessions/", m.Session) if each.id == session]


# ── the whole way ───────────────────────────────────────────────────────────────────────


@proves("A15", "A22", "A25", "S11", "S13")
@pytest.mark.parametrize("flow", ["plug", "during"])
@each_version
def test_a_new_car_is_bound_and_then_starts_by_itself_at_another_operator(version: str, flow: str) -> None:
    async def story(country: Country) -> None:
        alfa, beta = country["alfa"], country["beta"]
        await alfa.station(version, autocharge=flow)
        await beta.station(version)
        ada = await country.at("uno").driver()
        card = await bind(ada, alfa)
        await leave(ada, alfa)
        await spread(country, ada, GRANTED)
        before = len(country.web.log)
        charge = await autostart(beta)
        assert (charge.partner, charge.vid, charge.method) == ("uno", await ada.vid(), "AUTH_REQUEST")
        await leave(ada, beta)
        assert await ada.bills() == [charge.id, card.id]
        assert ["PENDING", "ACTIVE", "COMPLETED"] == list(dict.fromkeys(statuses(country, "uno", charge.id)))
        bills = {each.session_id: each.cdr_token for each in bodies(country, "uno", "/cdrs", m.Cdr)}
        assert {card.id: "RFID", charge.id: m.VEHICLE_TOKEN} == {id: token.type for id, token in bills.items()}
        assert bills[charge.id].uid == charge.vid
        await _others_learnt_nothing(country, before, flow)

    play(story, 3, 3)


async def _others_learnt_nothing(country: Country, since: int, flow: str) -> None:
    for emsp in ("due", "tre"):
        assert {("POST", "oprf/sign")} == told(country, emsp, since=since)
        assert len(sent(country, emsp, "oprf/sign")) == (2 if flow == "plug" else 1), (
            "only whoever was asked at plug-in"
        )
    assert set() == told(country, "alfa", since=since) | told(country, "gama", since=since)
    assert {("PUT", "vehicles")} == told(country, "gama"), "whose car may start was pushed to all, and nothing more"
    asked = [bodies(country, each, "oprf/sign", m.SignRequest) for each in country.providers]
    points = [each.blinded_element for each in itertools.chain(*asked)]
    assert len(points) == len(set(points)), "no two eMSPs, and no two plug-ins, can be joined by what was sent"
    signed = {each.response.body for each in country.web.log if "oprf/sign" in each.request.url and each.response}
    assert len(signed) == len(points)


@proves("A7")
def test_other_operators_learn_which_car_but_not_which_card_bound_it() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, elsewhere=())
        pushed = sent(country, "beta", "/vehicles/", "PUT")
        assert pushed
        assert not [each for each in pushed if ada.card.encode() in each.body or b"CS-1" in each.body]

    play(story)


@proves("A25")
def test_each_emsp_has_a_name_of_its_own_for_the_same_car() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, elsewhere=())
        bob = await bound(country, by="due", name="bob", elsewhere=())
        assert await ada.vid() != await bob.vid()
        for town in country.operators.values():
            assert [await town.knows(await each.vid()) for each in (ada, bob)] == [True, True]

    play(story, 2, 2)


def test_a_car_whose_timer_waits_for_the_night_is_bound_once_it_takes_energy() -> None:
    async def story(country: Country) -> None:
        country.world.power = Watts(8)
        await country["alfa"].station("ocpp2.1")
        ada = await country.at("uno").driver()
        await country["alfa"].plug(vehicle=CAR)
        await country["alfa"].wait(1)
        await country["alfa"].swipe(ada)
        await country["alfa"].charge(S.PENDING)
        await country.wait(300)
        assert [] == await ada.vehicles()
        await country["alfa"].charge(S.ACTIVE, seconds=3600)
        await country.until(ada.vehicles, 300)

    play(story)


# ── consent ─────────────────────────────────────────────────────────────────────────────


@proves("S11")
def test_a_driver_who_is_asked_says_yes_days_later_and_then_it_starts() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, opted_in=False)
        await nothing_starts(country["beta"])
        await country["beta"].drive_away()
        country.later(days=3)
        await ada.accepts("consent")
        await spread(country, ada, GRANTED)
        await autostart(country["beta"])
        await leave(ada, country["beta"])

    play(story)


@proves("R22")
def test_a_driver_who_does_not_want_to_be_asked_never_is_again() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, opted_in=False)
        await country.at("uno").emsp.phone.do_not_ask(ada.id, await ada.vid())
        await spread(country, ada, AutoChargeStatus.DO_NOT_ASK)
        before = len(country.web.log)
        for town in (country["beta"], country["alfa"]):
            await town.plug(vehicle=CAR)
            await town.wait(1)
            await town.swipe(ada)
            await town.charge(S.ACTIVE)
            await town.wait(300)
            await leave(ada, town)
        assert [] == sent(country, "uno", "/vehicles", "POST", since=before)
        assert [] == await ada.notices("consent")

    play(story)


@pytest.mark.parametrize("by", ["driver", "staff"])
@proves("S11", "A24")
def test_a_revoked_car_starts_nowhere_also_where_the_operator_was_away(by: str) -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, elsewhere=("beta",))
        await country.wait(90)  # the list of a new partner was read by then
        country["beta"].door.offline(on="/vehicles")
        emsp, vid = country.at("uno").emsp, await ada.vid()
        if by == "driver":
            await emsp.phone.revoke(ada.id, vid)
        else:
            await emsp.desk.withdraw(vid, actor="ann", reason="the car was sold")
        await country.until(lambda: country["alfa"].knows(vid, REVOKED))
        await country.wait(30)
        assert await country["beta"].knows(vid, GRANTED)
        await nothing_starts(country["beta"])  # its whitelist is old, but the eMSP has the last word
        await country["beta"].drive_away()
        country["beta"].door.well()
        await country.until(lambda: country["beta"].knows(vid, REVOKED), 1800)
        await nothing_starts(country["alfa"])

    play(story)


@proves("A24")
def test_an_operator_that_was_away_is_sent_what_is_so_now_and_not_what_was_said_meanwhile() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, elsewhere=("beta",))
        emsp, vid = country.at("uno").emsp, await ada.vid()
        await country.wait(90)  # the list of a new partner was read by then
        country["beta"].door.offline(on="/vehicles")
        for _ in range(3):
            await emsp.phone.revoke(ada.id, vid)
            await country.wait(20)
            await emsp.phone.grant(ada.id, vid)
            await country.wait(20)
        await emsp.phone.revoke(ada.id, vid)
        await country.wait(60)
        country["beta"].door.well()
        before = len(country.web.log)
        await country.until(lambda: country["beta"].knows(vid, REVOKED), 1800)
        assert {m.VehicleObject} == {
            type(each) for each in bodies(country, "beta", f"/vehicles/{vid}", m.VehicleObject)
        }
        assert 1 == len(sent(country, "beta", f"/vehicles/{vid}", "PUT", since=before))

    play(story, cpo={"polling_hours": 24})


@proves("A24")
def test_an_operator_that_misses_every_push_reads_the_list_in_time() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, elsewhere=("beta",))
        vid = await ada.vid()
        country["beta"].door.status(500, on="/vehicles")
        await country.at("uno").emsp.phone.revoke(ada.id, vid)
        await country.until(lambda: country["beta"].knows(vid, REVOKED), 2 * 3600)

    play(story, cpo={"polling_hours": 0.2})


@proves("A28")
def test_a_car_that_changes_hands_is_moved_by_its_new_drivers_word_and_not_before() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country)
        vid = await ada.vid()
        bob = await country.at("uno").driver("bob")
        await bind(bob, country["alfa"])
        await leave(bob, country["alfa"])
        assert [vid] == [each.vid for each in await ada.vehicles()]
        assert [] == await bob.vehicles()
        assert await ada.notices("conflict")
        await bob.accepts("consent")
        assert [vid] == [each.vid for each in await bob.vehicles()]
        await spread(country, bob, GRANTED)
        country.later(minutes=20)  # the yes that the car was given beside his card is no charge by then
        charge = await autostart(country["beta"])
        assert charge.contract == bob.driver.contract
        await leave(bob, country["beta"])

    play(story)


# ── what is not plausible ───────────────────────────────────────────────────────────────


@each_version
def test_at_an_implausible_place_the_driver_is_asked_and_his_yes_starts_it(version: str) -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, version, elsewhere=("gama",))
        gama = country["gama"]
        await nothing_starts(gama)
        await shown(country, ada, "confirm")
        assert "accepted" == (await ada.accepts("confirm")).data["start"]
        charge = await gama.charge(S.ACTIVE)
        assert ("COMMAND", await ada.vid(), 20) == (charge.method, charge.token_uid, len(charge.ocpp_token))
        asked = await country.at("uno").emsp.phone.notices(ada.id)
        assert "ACCEPTED" in [each.data.get("start") for each in asked]
        await leave(ada, gama)
        await gama.plug(vehicle=OTHER_CAR)
        await gama.stations["CS-1"].swipe(1, charge.ocpp_token)
        await gama.wait(20)
        assert 1 == len(await gama.charges()), "the token was good once"

    play(story, 3)


def test_at_an_implausible_place_a_phone_beside_the_car_is_as_good_as_an_answer() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, elsewhere=("gama",))
        country.later(hours=6)
        point: Point = country["gama"].point
        await country.at("uno").emsp.phone.set_place(ada.id, point, 30)
        await autostart(country["gama"])
        await leave(ada, country["gama"])

    play(story, 3)


def test_where_nobody_confirms_nothing_starts_and_the_question_expires() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, elsewhere=("gama",))
        await nothing_starts(country["gama"])
        assert await ada.notices("confirm")
        await country.wait(660)
        assert [] == await ada.notices("confirm")
        assert [] == await country["gama"].charges()

    play(story, 3)


def test_a_car_that_charges_already_does_not_start_elsewhere() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country)
        await autostart(country["beta"])
        await nothing_starts(country["alfa"])  # somebody has copied its address
        await leave(ada, country["beta"])

    play(story)


@each_dialect
def test_one_tap_on_the_phone_stops_what_the_car_started(version: str) -> None:
    play(lambda country: the_short_way(country, version))
