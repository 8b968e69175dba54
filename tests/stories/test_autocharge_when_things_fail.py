"""Automatic starts while partners are dead, slow or lying, drivers change their minds, and processes are killed."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evouch.autocharge.budget import BudgetTerms
from evouch.charging.roaming import Binding
from evouch.clock import Tick
from evouch.errors import PeerRefused
from evouch.ocpi import model as m
from evouch.oprf.client import blind
from evouch.store.ports import Put
from evouch.store.records import TokenRecord
from evouch.testing import SeededEntropy
from evouch.testing.roaming_town import CAR, Country, OperatorTown, in_a_country
from evouch.webpayment.checkout import State
from tests.needs import need
from tests.proofs import proves
from tests.store.homes import Server
from tests.stories.roaming import (
    CS,
    S,
    Waited,
    autostart,
    billed,
    bind,
    bound,
    leave,
    nothing_starts,
    opened,
    play,
    sent,
    shown,
    spread,
    waits_for,
)
from tests.stories.test_autocharge import GRANTED, REVOKED, bodies, each_dialect, each_version

# ── two contracts, one car ──────────────────────────────────────────────────────────────


@proves("R11", "A17", "S14")
def test_of_two_emsps_that_know_a_car_one_is_charged_and_the_other_told_of_its_own_car_only() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, elsewhere=("beta",))
        country.later(hours=1)
        bob = await bound(country, by="due", name="bob")
        country.later(hours=1)
        charge = await autostart(country["beta"])
        assert charge.partner == "due", "the latest consent"
        await leave(bob, country["beta"])
        assert 1 == len(await ada.bills())
        (notice,) = bodies(country, "uno", "vehicles/conflict", m.ConflictNotice)
        assert (notice.vehicle_id, notice.contract_id) == (await ada.vid(), ada.driver.contract)
        (crossing,) = sent(country, "uno", "vehicles/conflict")
        assert not [word for word in (b"due", b"DUE", str(charge.vid).encode()) if word in crossing.body]
        assert [] == sent(country, "due", "vehicles/conflict")
        assert await ada.notices("conflict")
        country.later(hours=1)
        await autostart(country["alfa"])  # told once a day by each operator
        await leave(bob, country["alfa"])
        assert 2 == len(sent(country, "uno", "vehicles/conflict"))

    play(story, 2, 3)


# ── partners that fail ──────────────────────────────────────────────────────────────────


@proves("A15")
def test_one_dead_and_one_slow_emsp_delay_the_others_by_the_deadline_at_most() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country)
        country.at("due").door.dead(on="oprf/sign")
        country.at("tre").door.slow(60, on="oprf/sign")
        began = country.world.clock.tick()
        await country["beta"].plug(vehicle=CAR)
        await country["beta"].announced()
        assert country.world.clock.tick() - began <= 5.5
        await country["beta"].charge(S.ACTIVE)
        await leave(ada, country["beta"])

    play(story, 2, 3)


def test_an_emsp_that_lies_about_points_is_not_believed_and_disturbs_nobody() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country)
        country.at("due").door.wrong_point()
        country.at("tre").door.wrong_point("00")
        await autostart(country["beta"])
        await leave(ada, country["beta"])

    play(story, 2, 3)


def test_an_emsp_where_an_operator_has_no_budget_left_is_left_out() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country)
        beta = country["beta"]
        due, entropy, refused = beta.partner("due"), SeededEntropy("sweep"), 0
        for _ in range(20):
            try:
                await beta.roaming.calls.sign(due, blind(b"guess!", entropy)[1], by=_by(country, 5))
            except PeerRefused:
                refused += 1
        assert refused > 0
        await autostart(beta)
        await leave(ada, beta)
        assert country.at("due").emsp.oracle.accounts.of("beta").today.refused > refused  # type: ignore[union-attr]

    play(story, 2, 2, emsp={"budget": BudgetTerms(burst=3, plug_ins=1, least_evses=1)})


def test_where_all_emsps_are_dead_cards_work_that_can_be_judged_here() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, whitelist="ALLOWED_OFFLINE")
        await country["beta"].disk.commit(Put(TokenRecord(key="local")))
        for emsp in country.providers.values():
            emsp.door.dead()
        await country["beta"].plug(vehicle=CAR)
        await country["beta"].wait(1)
        await country["beta"].stations[CS].swipe(1, "LOCAL")
        await country.until(lambda: _charging(country["beta"]))
        await country["alfa"].plug(vehicle=CAR)
        await country["alfa"].swipe(ada)
        assert (await country["alfa"].charge(S.ACTIVE)).method == "WHITELIST"
        for emsp in country.providers.values():
            emsp.door.well()
        await leave(ada, country["alfa"])

    play(story, 2, 3)


# ── drivers who do something else ───────────────────────────────────────────────────────


@each_dialect
def test_a_card_in_time_replaces_an_automatic_start(version: str) -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, version)
        beta = country["beta"]
        await beta.disk.commit(Put(TokenRecord(key="local")))
        await _announced(beta)
        await beta.stations[CS].swipe(1, "LOCAL")
        await beta.charge(S.REPLACED)
        await country.until(lambda: _charging(beta))
        assert 1 == len(await beta.charges())
        await beta.wait(30)
        await beta.drive_away()
        await beta.wait(30)
        assert 1 == len(await ada.bills())

    play(story)


@each_dialect
def test_a_code_that_is_scanned_in_time_replaces_an_automatic_start(version: str) -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, version)
        beta = country["beta"]
        await _announced(beta)
        checkout = await beta.checkout()
        await beta.charge(S.REPLACED)
        assert not beta.stations[CS].screen(1).notice
        await beta.pay(checkout)
        await beta.reach(checkout, State.CHARGING)
        await beta.wait(30)
        await beta.drive_away()
        await beta.reach(checkout, State.SETTLED)
        assert 1 == len(await ada.bills())

    play(story)


@each_dialect
def test_a_cable_pulled_in_time_ends_an_automatic_start(version: str) -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, version)
        beta = country["beta"]
        await _announced(beta)
        await beta.drive_away()
        await beta.charge(S.LAPSED)
        await beta.wait(30)
        assert 1 == len(await ada.bills())
        assert not _charging(beta)

    play(story)


@each_dialect
def test_at_an_evse_that_is_being_paid_for_a_known_car_is_its_payers(version: str) -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, version)
        beta = country["beta"]
        checkout = await beta.checkout()
        await beta.plug(vehicle=CAR)
        await beta.wait(5)
        await beta.pay(checkout)
        await beta.reach(checkout, State.CHARGING)
        await beta.wait(30)
        assert [] == await beta.charges()
        await beta.drive_away()
        await beta.reach(checkout, State.SETTLED)
        assert 1 == len(await ada.bills())

    play(story)


# ── processes that are killed ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", [S.PENDING, S.ACTIVE])
@each_dialect
def test_an_operator_killed_in_the_middle_goes_on_where_it_was(state: Any, version: str) -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, version)
        beta = country["beta"]
        await beta.plug(vehicle=CAR)
        before = await beta.charge(state)
        await beta.restart()
        after = await beta.charge(S.ACTIVE, seconds=120)
        assert after.id == before.id
        await leave(ada, beta)
        assert [each.id for each in await beta.charges()] == [before.id]
        assert 1 == (await ada.bills()).count(before.id)

    play(story)


@each_dialect
def test_a_car_that_left_while_its_operator_was_away_starts_nobodys_charge_afterwards(version: str) -> None:
    async def story(country: Country) -> None:
        await bound(country, version)
        beta = country["beta"]
        await _announced(beta)
        await beta.kill()
        await beta.drive_away()
        await country.wait(5)
        await beta.begin()
        await country.until(lambda: beta.stations[CS].online)
        await country.wait(15)
        await beta.plug()  # somebody else's car, with no address
        await country.wait(60)
        assert not _charging(beta)
        assert [S.LAPSED] == [each.state for each in await beta.charges()]

    play(story)


def test_an_operator_killed_while_a_binding_waits_tells_it_afterwards() -> None:
    async def story(country: Country) -> None:
        alfa, uno = country["alfa"], country.at("uno")
        await alfa.station("ocpp2.1")
        ada = await uno.driver()
        uno.door.offline(on="/vehicles")
        await alfa.plug(vehicle=CAR)
        await alfa.wait(1)
        await alfa.swipe(ada)
        await alfa.charge(S.ACTIVE)
        assert (await alfa.charges())[0].binding is Binding.WAITING
        await alfa.restart()
        uno.door.well()
        await country.until(ada.vehicles, 300)
        await spread(country, ada, GRANTED)

    play(story)


def test_an_operator_killed_with_a_bill_that_was_not_taken_sends_it_afterwards_once() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country)
        beta, uno = country["beta"], country.at("uno")
        charge = await autostart(beta)
        uno.door.offline(on="/cdrs")
        await beta.drive_away()
        await beta.charge(S.COMPLETED)
        await beta.wait(10)
        await beta.restart()
        await beta.wait(5)
        uno.door.well()
        await country.until(lambda: billed(ada, charge.id), 1200)
        await country.wait(120)
        assert 1 == (await ada.bills()).count(charge.id)

    play(story)


@each_version
def test_a_start_told_after_a_restart_is_joined_to_the_yes_of_before_by_what_the_car_is_called(version: str) -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, version)
        beta = country["beta"]
        await _breaks_at_the_start(beta)
        await beta.plug(vehicle=CAR)
        before = await beta.charge(S.AUTHORIZED)
        await beta.restart()
        after = await beta.charge(S.ACTIVE, seconds=120)
        assert (after.id, after.vid) == (before.id, await ada.vid())
        await leave(ada, beta)
        assert 1 == len(await beta.charges())

    play(story, cpo={"start_delay": 0})


@each_version
def test_an_end_told_after_a_restart_is_billed_to_the_car_that_started(version: str) -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, version)
        beta = country["beta"]
        await beta.plug(vehicle=CAR)
        charge = await beta.charge(S.ACTIVE)
        await beta.stations[CS].go_offline()
        await beta.drive_away()
        await beta.kill()
        await beta.begin()
        beta.stations[CS].come_online()
        await beta.charge(S.COMPLETED, seconds=300)
        await country.until(lambda: billed(ada, charge.id), 300)

    play(story, cpo={"start_delay": 0})


def test_an_emsp_killed_between_question_and_answer_still_starts_the_car_and_has_its_bill() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country, elsewhere=("gama",))
        uno = country.at("uno")
        await nothing_starts(country["gama"])
        await uno.restart()
        await ada.accepts("confirm")
        await uno.restart()
        charge = await country["gama"].charge(S.ACTIVE)
        await uno.restart()
        await leave(ada, country["gama"])
        assert 1 == (await ada.bills()).count(charge.id)

    play(story, 3)


def test_after_a_new_key_a_car_starts_only_once_it_was_bound_again() -> None:
    async def story(country: Country) -> None:
        ada = await bound(country)
        old = await ada.vid()
        await country.at("uno").emsp.desk.rotate_key(actor="ann", reason="a year has passed")
        for town in country.operators.values():
            await country.until(lambda town=town: town.knows(old, REVOKED))  # type: ignore[misc]
        assert await ada.notices("revoked")
        await nothing_starts(country["beta"])
        await country["beta"].drive_away()
        await country.wait(16 * 60)  # what was plugged in before may still be called by its old name
        await bind(ada, country["alfa"])
        await leave(ada, country["alfa"])
        new = await ada.vid()
        assert new != old
        await spread(country, ada, GRANTED)
        assert (await autostart(country["beta"])).vid == new
        await leave(ada, country["beta"])

    play(story)


@pytest.mark.parametrize("kept", [False, True], ids=["lost", "kept"])
@pytest.mark.parametrize("whose", ["operator", "emsp"])
def test_whichever_write_fails_nobody_is_billed_twice_and_the_next_time_goes_well(whose: str, kept: bool) -> None:
    async def story(country: Country) -> None:
        ada = await bound(country)
        beta = country["beta"]
        disk = beta.disk if whose == "operator" else country.at("uno").disk
        for number in range(1, 9):
            country.later(hours=7)
            disk.fail_in(number, kept=kept, stays_down=False)
            await beta.plug(vehicle=CAR)
            await country.wait(30)
            await beta.drive_away()
            await country.wait(300)
            disk.fail_in(0)
        country.later(hours=7)
        charge = await autostart(beta)
        await leave(ada, beta)
        await beta.restart()  # what was written, and said to have failed, is over by then
        await country.wait(90)
        done = [each.id for each in await beta.charges() if each.state is S.COMPLETED]
        bills = await ada.bills()
        assert charge.id in done
        assert len(bills) == len(set(bills))
        assert set(done) <= set(bills), "what was charged is billed"
        assert not [each for each in await beta.charges() if each.state not in {S.COMPLETED, S.LAPSED, S.REPLACED}]

    play(story)


# ── on databases ───────────────────────────────────────────────────────────────────────


@pytest.fixture(params=["sqlite", "postgres"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """A database for each actor, by its name."""
    if request.param == "sqlite":
        yield lambda name: f"sqlite:///{tmp_path}/{name}.db"
        return
    server = Server(need("postgres"))
    urls = {name: server.named(name).url for name in ("uno", "alfa", "beta")}
    yield urls.__getitem__
    server.close()


def test_the_whole_way_on_a_database_with_both_sides_killed(databases: Callable[[str], str]) -> None:
    async def story() -> None:
        stores = {name: Waited(await opened(databases(name))) for name in ("uno", "alfa", "beta")}
        async with in_a_country(2, 1, stores=stores.__getitem__) as country:
            waits_for(country, stores.values())
            await _the_whole_way(country)
        for store in stores.values():
            await store.close()

    asyncio.run(story())


async def _the_whole_way(country: Country) -> None:
    ada = await bound(country, opted_in=False)
    await country["beta"].restart()
    await country.at("uno").restart()
    await ada.accepts("consent")
    await spread(country, ada, GRANTED)
    charge = await autostart(country["beta"])
    await country["beta"].restart()
    await shown(country, ada, "started")
    await ada.declines("started")
    await country["beta"].charge(S.COMPLETED)
    await country.until(lambda: billed(ada, charge.id))
    await country["beta"].drive_away()
    await country.at("uno").emsp.phone.revoke(ada.id, await ada.vid())
    await spread(country, ada, REVOKED)
    await nothing_starts(country["alfa"], seconds=12)


# ── little things ───────────────────────────────────────────────────────────────────────


def _by(country: Country, seconds: float) -> Tick:
    return Tick(country.world.clock.tick() + seconds)


def _charging(town: OperatorTown) -> bool:
    return any(each.record.token is not None for each in town.cpo.sessions.all())


async def _announced(town: OperatorTown) -> None:
    await town.plug(vehicle=CAR)
    await town.announced()
    await town.wait(2)


async def _breaks_at_the_start(town: OperatorTown) -> None:
    """Cut the connection in the moment in which the station tells that a transaction has begun."""
    wire = town.server.wire(CS)
    carry = wire.carry

    def cut(end: Any, frame: Any) -> None:
        said = frame.payload if frame is not None else b""
        if b"StartTransaction" in said or (b"TransactionEvent" in said and b"MacAddress" in said):
            wire.carry = carry
            wire.cut()
        else:
            carry(end, frame)

    wire.carry = cut
