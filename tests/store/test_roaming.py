"""What every store promises about partners, vehicles, charges and drivers: in memory, on SQLite, on PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from evouch.charging.geo import Point, Site
from evouch.charging.roaming import ChargeState
from evouch.charging.tokens import IdToken, TokenKind
from evouch.charging.vehicles import AutoChargeStatus
from evouch.errors import LocalError
from evouch.ids import ContractId, Mac, PartyId, Secret, StationId, TransactionId
from evouch.ocpi.partner import PartnerSync
from evouch.store.ports import Add, Conflict, Delete, Put
from evouch.store.records_roaming import NoticeState
from evouch.units import Wh
from tests.proofs import proves
from tests.store.examples import NOON, STATION, at, audit, checkout, station, transaction
from tests.store.examples_roaming import (
    CONTRACT,
    DAY,
    OURS,
    THEIRS,
    charge,
    decision,
    driver,
    driver_token,
    emsp_session,
    enrolment,
    everything,
    invoice,
    notice,
    ocpi,
    oprf_key,
    partner,
    sign_day,
    sync,
    vehicle,
    vid,
)
from tests.store.homes import Home, ReadableStore, living, story

HERE = Site(point=Point(Decimal("52.520"), Decimal("13.405")), address="Weg 1", city="Berlin", country="DEU")
OTHER = ContractId("OTHER")


def test_everything_of_roaming_is_there_after_a_restart(home: Home) -> None:
    written = [*everything(), station("CS1", site=HERE), transaction(roaming="c")]

    async def run() -> None:
        async with living(home) as store:
            await store.commit(*(Add(record) for record in written))
        async with living(home) as store:
            for record in written:
                assert await store.records(type(record)) == [record]

    asyncio.run(run())


def test_what_a_caller_does_to_a_document_later_changes_nothing(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        mine, reason, word = ocpi("T1"), decision(), notice()
        await store.commit(Put(mine), Add(reason), Put(word))
        mine.body["evses"][0]["uid"] = "2"
        reason.findings.clear()
        word.data.clear()
        assert (await store.records(type(mine)), await store.decisions()) == ([ocpi("T1")], [decision()])
        [read] = await store.notices()
        read.data["session"] = "another"
        assert await store.notice("n") == notice()

    story(home, tell)


def test_a_token_with_the_address_of_a_vehicle_is_never_kept(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        named = IdToken("", TokenKind.MAC_ADDRESS, Mac(bytes(6)))
        for record in (transaction(token=named), checkout(token=named)):
            with pytest.raises(LocalError, match="never kept"):
                await store.commit(Add(audit("a")), Put(record))
        await store.commit(Put(transaction(token=named.bare)))
        assert await store.audit() == []

    story(home, tell)


def test_a_bill_and_a_decision_are_only_ever_added(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        await store.commit(Add(invoice()), Add(decision()))
        for record in (invoice(energy=Wh(0)), decision(reason="other")):
            with pytest.raises(LocalError, match="only ever added"):
                await store.commit(Put(record))
        with pytest.raises(Conflict):
            await store.commit(Add(invoice(energy=Wh(0))), Add(audit("twice")))
        assert (await store.invoices(), await store.decisions(), await store.audit()) == ([invoice()], [decision()], [])
        await store.commit(Add(invoice(partner="cpo-two")))  # another operator's ids are its own
        await store.commit(Add(invoice(owner=PartyId("DE", "XYZ"))))  # and those of each of its parties

    story(home, tell)


# ── partners and their objects ──────────────────────────────────────────────────────────


def test_partners_come_by_id_and_what_is_agreed_with_them_by_module(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        await store.commit(Put(partner("z")), Put(partner("a", token_out=None, token_in=None)))
        assert [one.id for one in await store.partners()] == ["a", "z"]
        changed = partner("z", token_out=Secret("rotated"), rotated_at=at(5), evses=3)
        await store.commit(Put(changed, only=("token_out", "rotated_at", "evses")))
        assert (await store.partners())[1] == changed
        await store.commit(*(Put(sync(*names)) for names in (("z", "a"), ("a", "t"), ("a", "l"))))
        assert [(one.partner, one.module) for one in await store.partner_syncs()] == [
            ("a", "l"),
            ("a", "t"),
            ("z", "a"),
        ]
        await store.commit(Put(PartnerSync(partner="a", module="t", watermark=at(1)), only=("watermark",)))
        assert (await store.partner_syncs())[1].watermark == at(1)

    story(home, tell)


def test_an_object_is_one_partners_one_partys_and_one_modules(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        mine, twin = ocpi("T1"), ocpi("T1", owner=THEIRS)
        await store.commit(
            Add(mine), Add(twin), Add(ocpi("T1", "q")), Add(ocpi("T1", module="locations")), Add(ocpi("T2"))
        )
        assert await store.ocpi_object("tokens", "p", OURS, "T1") == mine
        assert await store.ocpi_object("tokens", "p", OURS, "T3") is None
        assert await store.ocpi_objects_named("tokens", "T1") == [mine, twin, ocpi("T1", "q")]
        await store.commit(Delete(mine))
        assert await store.ocpi_object("tokens", "p", THEIRS, "T1") == twin
        assert await store.ocpi_object("tokens", "p", OURS, "T1") is None

    story(home, tell)


@proves("S7")
def test_a_page_holds_what_changed_from_one_moment_on_and_before_another(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        rows = [ocpi(f"T{n}", "pq"[n % 2], last_updated=at(n)) for n in (3, 1, 2, 0)]
        await store.commit(*map(Add, rows), Add(ocpi("T2", module="locations")))
        oldest = [rows[3], rows[1], rows[2], rows[0]]
        assert await store.ocpi_page("tokens", None) == (oldest, 4)
        assert await store.ocpi_page("tokens", "p") == (oldest[::2], 2)
        assert await store.ocpi_page("tokens", None, since=at(1), until=at(3)) == (oldest[1:3], 2)
        assert await store.ocpi_page("tokens", None, since=at(1.000001), until=at(3.000001)) == (oldest[2:], 2)
        assert await store.ocpi_page("tokens", "q", since=at(1), until=at(3)) == ([oldest[1]], 1)
        assert await store.ocpi_page("tokens", None, since=at(1), offset=1, limit=1) == ([oldest[2]], 3)
        assert await store.ocpi_page("tokens", None, offset=9) == ([], 4)

    story(home, tell)


def test_of_equal_moments_what_was_first_written_stands_first_on_every_page(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        rows = [ocpi(f"T{n}") for n in (5, 3, 4)]
        await store.commit(*map(Add, rows))
        await store.commit(Put(replace(rows[0], body={})))
        pages = [await store.ocpi_page("tokens", "p", offset=n, limit=1) for n in range(3)]
        assert [found[0].id for found, _ in pages] == ["T5", "T3", "T4"]

    story(home, tell)


# ── vehicles ────────────────────────────────────────────────────────────────────────────


@proves("S1")
def test_a_vehicle_is_read_as_it_was_written_with_and_without_its_dates(home: Home) -> None:
    bare = vehicle("a")
    full = vehicle("b", status=AutoChargeStatus.DO_NOT_ASK, authorized=at(1), revoked=at(2))

    async def tell(store: ReadableStore) -> None:
        await store.commit(Add(bare), Add(full))
        assert await store.vehicle(OURS, vid("a")) == bare
        assert await store.vehicle(OURS, vid("b")) == full
        granted = replace(full, status=AutoChargeStatus.GRANTED, authorized=at(3), revoked=None)
        await store.commit(Put(granted))  # what is not there any more is unset
        assert await store.vehicle(OURS, vid("b")) == granted

    story(home, tell)


@proves("S13", "A25")
def test_a_vehicle_of_one_emsp_is_not_that_of_another_with_the_same_id(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        ours, theirs = vehicle("a"), vehicle("a", THEIRS, contract=OTHER, status=AutoChargeStatus.GRANTED)
        await store.commit(Add(ours), Add(theirs))
        assert await store.vehicle(OURS, vid("a")) == ours
        assert await store.vehicle(THEIRS, vid("a")) == theirs
        assert await store.vehicle(PartyId("DE", "XYZ"), vid("a")) is None
        await store.commit(Delete(theirs))
        assert await store.vehicle(OURS, vid("a")) == ours

    story(home, tell)


def test_the_vids_of_one_car_find_its_vehicles_by_owner(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        await store.commit(
            *(Add(vehicle(*names)) for names in (("b", THEIRS), ("b", OURS), ("a", THEIRS), ("c", OURS)))
        )
        found = await store.vehicles_with([vid("b"), vid("a"), vid("d")])
        assert [(one.owner, one.vid[0]) for one in found] == [(OURS, "b"), (THEIRS, "a"), (THEIRS, "b")]
        assert await store.vehicles_with([]) == []
        await store.commit(Put(vehicle("c", contract=OTHER)))
        assert [one.vid[0] for one in await store.vehicles_of(CONTRACT)] == ["b", "b", "a"]

    story(home, tell)


@proves("S7")
def test_vehicles_are_paged_by_the_greatest_of_their_dates(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        first, second, third = (
            vehicle("c"),
            vehicle("b", authorized=at(2)),
            vehicle("a", authorized=at(1), revoked=at(3)),
        )
        await store.commit(Add(third), Add(second), Add(first))
        assert await store.vehicle_page() == ([first, second, third], 3)
        assert await store.vehicle_page(since=at(2), until=at(3)) == ([second], 1)
        assert await store.vehicle_page(offset=1, limit=1) == ([second], 3)
        moved = replace(first, authorized=at(4))
        await store.commit(Put(moved, only=("authorized",)))
        assert await store.vehicle_page(since=at(4)) == ([moved], 1)

    story(home, tell)


# ── an operator's charges ───────────────────────────────────────────────────────────────


def test_a_charge_is_found_by_its_transaction_and_by_the_token_that_starts_it(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        old = charge("old", ocpp_token="TOKEN1", transaction=TransactionId("t"))
        new = charge("new", ocpp_token="Token1", transaction=TransactionId("t"), at=at(1))
        await store.commit(Add(new), Add(old), Add(charge("none")), Add(charge("else", station=StationId("CS2"))))
        assert await store.charge("old") == old
        assert await store.charge_of(STATION, TransactionId("t")) == new
        assert await store.charge_of(StationId("CS2"), TransactionId("t")) is None
        assert await store.charge_by_token(IdToken("TOKEN1").key) == new
        assert await store.charge_by_token("") is None
        renamed = replace(new, ocpp_token="other")
        await store.commit(Put(renamed, only=("ocpp_token",)))
        assert await store.charge_by_token("other") == renamed
        assert await store.charge_by_token(IdToken("TOKEN1").key) == old

    story(home, tell)


def test_charges_come_newest_first_and_active_ones_alone_where_asked(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        every = [charge(f"c{n}", state=state, at=at(n)) for n, state in enumerate(ChargeState)]
        await store.commit(*map(Add, every))
        assert await store.charges() == every[::-1]
        assert await store.charges(limit=2) == every[:-3:-1]
        assert await store.charges(active=True) == every[4::-1]

    story(home, tell)


# ── an eMSP's drivers and their charging ────────────────────────────────────────────────


def test_drivers_tokens_and_enrolments_are_found_by_what_names_them(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        anna, bert = driver("a"), driver("b", contract=OTHER, phone=HERE.point, phone_accuracy=20, phone_at=NOON)
        await store.commit(Put(bert), Put(anna))
        assert (await store.driver("b"), await store.driver("c")) == (bert, None)
        assert (await store.driver_of(OTHER), await store.driver_of(ContractId("?"))) == (bert, None)
        assert await store.drivers() == [anna, bert]
        tokens = [driver_token("z"), driver_token("y", driver="b", last_updated=at(1)), driver_token("x")]
        await store.commit(*map(Put, tokens))
        assert await store.driver_token("y") == tokens[1]
        assert await store.driver_tokens() == tokens[::-1]
        assert await store.driver_tokens("d") == [tokens[2], tokens[0]]
        assert await store.driver_token_page(limit=2) == ([tokens[0], tokens[2]], 3)
        assert await store.driver_token_page(since=at(1), until=at(2)) == ([tokens[1]], 1)
        await store.commit(Add(enrolment("b")), Add(enrolment("a")), Add(enrolment("c", driver="b")))
        assert await store.enrolment(vid("a")) == enrolment("a")
        assert [one.vid[0] for one in await store.enrolments()] == ["b", "a", "c"]
        assert [one.vid[0] for one in await store.enrolments("d")] == ["b", "a"]

    story(home, tell)


def test_sessions_are_chosen_by_vehicle_contract_driver_and_whether_they_run(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        done = emsp_session("1", status="COMPLETED", vid=vid(), started_at=at(1))
        running = emsp_session("2", vid=vid(), contract=OTHER, started_at=at(2), reference="r")
        pending = emsp_session("3", status="PENDING", driver="b", started_at=at(3), reference="r")
        await store.commit(Put(pending), Put(done), Put(running))
        assert await store.emsp_sessions() == [pending, running, done]
        assert await store.emsp_sessions(limit=1) == [pending]
        assert await store.emsp_sessions(active=True) == [pending, running]
        assert await store.emsp_sessions(vid=vid()) == [running, done]
        assert await store.emsp_sessions(vid=vid(), active=True) == [running]
        assert await store.emsp_sessions(contract=CONTRACT, driver="d") == [done]
        assert await store.emsp_sessions(vid=vid("b"), contract=CONTRACT, driver="d", active=True) == []
        assert await store.emsp_session("cpo-one", "2") == running
        assert await store.emsp_session("cpo-two", "2") is None
        assert await store.emsp_session_by_reference("cpo-one", "r") == pending
        assert await store.emsp_session_by_reference("cpo-two", "r") is None
        assert await store.emsp_session_by_reference("cpo-one", "") is None

    story(home, tell)


def test_bills_decisions_and_notices_come_newest_first(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        bills = [invoice("1"), invoice("2", driver="b", received_at=at(9000)), invoice("3", received_at=at(8000))]
        await store.commit(*map(Add, bills))
        assert await store.invoices() == [bills[1], bills[2], bills[0]]
        assert await store.invoices("d", limit=1) == [bills[2]]
        assert await store.invoice("cpo-one", THEIRS, "2") == bills[1]
        assert await store.invoice("cpo-two", THEIRS, "2") is None
        said = [
            decision("1", reference="r"),
            decision("2", at=at(2), reference="r"),
            decision("3", at=at(1), vid=vid("b")),
        ]
        await store.commit(*map(Add, said))
        assert await store.decisions() == [said[1], said[2], said[0]]
        assert await store.decisions(vid=vid(), since=at(2)) == [said[1]]
        assert await store.decisions(since=at(1), limit=1) == [said[1]]
        assert (await store.decision_by_reference("r"), await store.decision_by_reference("")) == (said[1], None)
        words = [notice("1"), notice("2", at=at(1), state=NoticeState.ACCEPTED), notice("3", at=at(2), driver="b")]
        await store.commit(*map(Put, words))
        assert await store.notices() == words[::-1]
        assert await store.notices("d") == words[1::-1]
        assert (await store.notices(open=True), await store.notices("d", open=True)) == (
            [words[2], words[0]],
            [words[0]],
        )

    story(home, tell)


# ── the sign oracle ─────────────────────────────────────────────────────────────────────


def test_keys_come_newest_first_and_counters_by_partner_and_day(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        keys = [oprf_key("k2", created_at=at(2)), oprf_key("k1", retired_at=at(2)), oprf_key("k3", created_at=at(3))]
        await store.commit(*map(Put, keys))
        assert await store.oprf_keys() == [keys[2], keys[0], keys[1]]
        days = [sign_day(name, DAY - timedelta(days=n)) for name in ("b", "a") for n in range(3)]
        await store.commit(*map(Put, days))
        assert await store.sign_days(DAY - timedelta(days=1)) == [days[4], days[3], days[1], days[0]]

    story(home, tell)


def test_counters_that_many_write_at_once_hold_what_was_written_last(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        await store.commit(Put(sign_day("a")), Put(sign_day("b")))
        numbers = [sign_day(name, signed=n, arrival=at(n)) for n in range(40) for name in "ab"]
        await asyncio.gather(*(store.commit(Put(one, only=("signed", "arrival"))) for one in numbers))
        assert await store.sign_days(DAY) == numbers[-2:]

    story(home, tell)
