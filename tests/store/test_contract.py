"""What every store promises, asked of each: in memory, on SQLite, on PostgreSQL."""

import asyncio
from dataclasses import replace
from functools import cache
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evouch.charging.equipment import EvsePlace
from evouch.charging.sessions import SessionState
from evouch.charging.tokens import IdToken
from evouch.errors import LocalError
from evouch.identity.enrolment import IdentityStatus, SigningInput
from evouch.ids import EvseNumber, PaymentId, RemoteStartId, StationId, TransactionId
from evouch.store.ports import Add, Change, Conflict, Delete, Put
from evouch.store.records import (
    KEYS,
    ApiToken,
    Operator,
    ProviderEvent,
    QuarantineShare,
    QuarantineState,
    Record,
    SecurityEvent,
    TokenRecord,
)
from evouch.units import Wh
from evouch.webpayment.checkout import FINAL, Event, State
from tests.proofs import proves
from tests.store.examples import (
    NOON,
    PLACE,
    STATION,
    anything,
    at,
    audit,
    checkout,
    code,
    distinct,
    entry,
    identity,
    intent,
    qr_key,
    quarantined,
    sample,
    station,
    transaction,
)
from tests.store.homes import Home, ReadableStore, living, story

# ── what is kept ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", list(KEYS), ids=lambda kind: kind.__name__)
def test_every_record_is_read_as_it_was_written(home: Home, kind: Any) -> None:
    async def tell(store: ReadableStore) -> None:
        marks = count()
        for drawn in every_shape(kind):
            records = [distinct(record, f"{next(marks)}:") for record in drawn]
            await store.commit(*map(Add, records))
            read = (await store.records(kind))[-len(records) :]
            assert read == records
            assert repr(read) == repr(records)  # 0.590 stays 0.590, None is not "", UTC is UTC

    story(home, tell)


@cache
def every_shape(kind: Any) -> list[list[Any]]:
    """Records of a kind that nobody thought of, drawn once for all homes."""
    drawn: list[list[Any]] = []

    @settings(max_examples=5, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(anything(kind), min_size=5, max_size=5))
    def draw(records: list[Any]) -> None:
        drawn.append(records)

    draw()
    return drawn


def test_everything_is_there_after_a_restart(home: Home) -> None:
    written: list[Record] = [
        station("CS1", settings={"OCPPCommCtrlr.HeartbeatInterval": "300"}),
        qr_key(previous=None, parameters=("maxenergy",), committed_at=at(0.000001)),
        transaction(),
        sample(1),
        code("p"),
        checkout(),
        entry("e"),
        intent("i"),
        audit("a"),
        identity("k", key="ab" * 32, signing=SigningInput.HASH_TEXT, not_after=at(9), first_proven_at=at(1)),
        quarantined("q"),
    ]

    async def run() -> None:
        async with living(home) as store:
            await store.commit(*(Add(record) for record in written))
        async with living(home) as store:
            for record in written:
                assert await store.records(type(record)) == [record]

    asyncio.run(run())


def test_what_a_caller_does_to_its_record_later_changes_nothing(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        mine = station("CS1", settings={"a": "1"})
        await store.commit(Put(mine))
        mine.settings["a"] = "2"
        read = await store.station(STATION)
        assert read == station("CS1", settings={"a": "1"})
        assert read is not None
        read.settings["a"] = "3"
        assert await store.station(STATION) == station("CS1", settings={"a": "1"})

    story(home, tell)


# ── changes ─────────────────────────────────────────────────────────────────────────────


def test_adding_what_exists_is_a_conflict_and_nothing_of_that_commit_is_kept(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        await store.commit(Add(code("first")))
        with pytest.raises(Conflict) as conflict:
            await store.commit(Add(checkout("second")), Add(code("second")), Add(audit("a")))
        assert conflict.value.record == code("second")
        assert await store.code_taken(PLACE, 7) == "first"
        assert await store.checkout(PaymentId("second")) is None
        assert await store.audit() == []

    story(home, tell)


def test_two_of_one_key_in_one_commit_conflict_with_each_other(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        with pytest.raises(Conflict):
            await store.commit(Add(code("a")), Add(code("b")))
        assert await store.code_taken(PLACE, 7) is None

    story(home, tell)


def test_put_replaces_and_delete_removes_and_either_may_find_nothing(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        await store.commit(Delete(station("CS1")), Put(station("CS1")), Put(station("CS2")))
        await store.commit(Put(station("CS1", vendor="ACME")), Delete(station("CS2")))
        assert await store.stations() == [station("CS1", vendor="ACME")]

    story(home, tell)


def test_a_put_of_some_fields_writes_those_and_leaves_the_rest(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        before, neighbour = transaction("t-1"), transaction("t-2")
        await store.commit(Put(before), Put(neighbour))
        after = replace(before, meter_last=Wh(4711), last_seq=7)
        await store.commit(Put(after, only=("meter_last", "last_seq")), Put(sample(1, "t-1")))
        assert await store.transaction(STATION, before.id) == after
        assert await store.transaction(STATION, neighbour.id) == neighbour

    story(home, tell)


def test_changes_of_one_commit_happen_in_their_order(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        one, two = station("CS1", name="one"), station("CS1", name="two")
        await store.commit(Add(one), Delete(one), Add(two), Put(replace(two, name="three")))
        assert await store.stations() == [station("CS1", name="three")]

    story(home, tell)


def test_commits_of_one_group_happen_in_their_order(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        names = [str(number) for number in range(30)]
        await asyncio.gather(*(store.commit(Put(station("CS1", name=name))) for name in names))
        found = await store.station(STATION)
        assert found is not None
        assert found.name == "29"

    story(home, tell)


def test_a_commit_of_nothing_is_a_commit(home: Home) -> None:
    story(home, lambda store: store.commit())


@pytest.mark.parametrize(
    "change",
    [
        Put(entry("e")),
        Delete(entry("e")),
        Put(audit("a")),
        Delete(audit("a")),
        Put(code("p")),
        Put(ProviderEvent(provider="sandbox", event_id="e", at=NOON)),
    ],
    ids=lambda change: f"{type(change).__name__}-{type(change.record).__name__}",
)
def test_ledger_audit_codes_and_webhooks_are_only_ever_added(home: Home, change: Change) -> None:
    async def tell(store: ReadableStore) -> None:
        with pytest.raises(LocalError, match="only ever added"):
            await store.commit(Add(station("CS1")), change)
        assert await store.stations() == []

    story(home, tell)


# ── races ───────────────────────────────────────────────────────────────────────────────


def test_of_many_who_bring_one_code_exactly_one_pays(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        results = await asyncio.gather(
            *(store.commit(Add(checkout(f"p{n}")), Add(code(f"p{n}"))) for n in range(20)), return_exceptions=True
        )
        won = [n for n, result in enumerate(results) if result is None]
        assert len(won) == 1
        assert sum(isinstance(result, Conflict) for result in results) == 19
        assert await store.code_taken(PLACE, 7) == f"p{won[0]}"
        assert [one.payment for one in await store.checkouts()] == [f"p{won[0]}"]

    story(home, tell)


def test_the_same_webhook_wakes_nobody_twice(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        seen = ProviderEvent(provider="sandbox", event_id="evt_1", at=NOON)
        await store.commit(Add(seen))
        with pytest.raises(Conflict):
            await store.commit(Add(replace(seen, at=at(5))))
        await store.commit(Add(replace(seen, provider="other")))

    story(home, tell)


def test_a_conflict_hurts_nobody_else_in_its_group(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        await store.commit(Add(code("taken", slot=0)))
        results = await asyncio.gather(
            *(store.commit(Add(code(f"p{n}", slot=n % 40))) for n in range(60)), return_exceptions=True
        )
        lost = {n for n, result in enumerate(results) if isinstance(result, Conflict)}
        assert lost == {0, *range(40, 60)}
        assert [await store.code_taken(PLACE, slot) for slot in (0, 1, 39)] == ["taken", "p1", "p39"]

    story(home, tell)


def test_a_payment_is_only_put_on_top_of_the_version_before_it(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        first = checkout("p")
        second, _ = first.step(Event.HOLD_OPENED, at(1))
        third, _ = second.step(Event.HOLD_CONFIRMED, at(2))
        await store.commit(Add(first))
        for stale in (first, third):
            with pytest.raises(Conflict) as conflict:
                await store.commit(Put(stale), Add(audit("a")))
            assert conflict.value.record == stale
        await store.commit(Put(second))
        await store.commit(Put(third))
        assert await store.checkout(PaymentId("p")) == third
        assert await store.audit() == []

    story(home, tell)


@pytest.mark.parametrize(("version", "fits"), [(0, True), (1, True), (2, False)])
def test_a_payment_that_is_not_stored_is_put_at_version_0_or_1(home: Home, version: int, fits: bool) -> None:
    async def tell(store: ReadableStore) -> None:
        mine = checkout("p", version=version)
        if fits:
            await store.commit(Put(mine))
        else:
            with pytest.raises(Conflict):
                await store.commit(Put(mine))
        assert await store.checkouts() == [mine] * fits

    story(home, tell)


def test_of_two_steps_from_one_version_one_wins(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        first = checkout("p")
        await store.commit(Add(first))
        opened, _ = first.step(Event.HOLD_OPENED, at(1))
        gone, _ = first.step(Event.GIVE_UP, at(1), reason="timeout")
        results = await asyncio.gather(
            store.commit(Put(opened)), store.commit(Put(gone)), store.commit(Add(audit("a"))), return_exceptions=True
        )
        assert [type(result) for result in results] == [type(None), Conflict, type(None)]
        assert await store.checkout(PaymentId("p")) == opened

    story(home, tell)


def test_transaction_numbers_are_never_given_twice_restarts_included(home: Home) -> None:
    async def run() -> None:
        async with living(home) as store:
            assert [await store.next_number() for _ in range(3)] == [1, 2, 3]
            numbers = await asyncio.gather(*(store.next_number() for _ in range(20)))
            assert sorted(numbers) == list(range(4, 24))
        async with living(home) as store:
            assert await store.next_number() == 24

    asyncio.run(run())


def test_a_conflict_elsewhere_in_the_group_gives_no_number_twice(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        await store.commit(Add(code("first")))
        first = await store.next_number()
        results = await asyncio.gather(
            store.next_number(), store.commit(Add(code("second"))), store.next_number(), return_exceptions=True
        )
        numbers = [number for number in results if isinstance(number, int)]
        assert len({first, *numbers}) == 3

    story(home, tell)


# ── questions ───────────────────────────────────────────────────────────────────────────


def test_what_is_not_there_is_none(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        assert await store.station(STATION) is None
        assert await store.qr_key(PLACE) is None
        assert await store.token("ab12") is None
        assert await store.transaction(STATION, TransactionId("t")) is None
        assert await store.transaction_by_start(STATION, "k") is None
        assert await store.checkout(PaymentId("p")) is None
        assert await store.checkout_by_psp_ref("r") is None
        assert await store.checkout_by_token("ab12") is None
        assert await store.checkout_by_start(STATION, RemoteStartId(1)) is None
        assert await store.code_taken(PLACE, 7) is None
        assert await store.operator("anna") is None

    story(home, tell)


def test_stations_keys_and_tokens_come_in_order_of_their_names(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        names = ["b", "A", "a", "Ä", "_"]  # by code point, whatever the server's locale says
        await store.commit(*(Put(station(name)) for name in names))
        await store.commit(*(Put(TokenRecord(key=name)) for name in names))
        await store.commit(*(Put(ApiToken(digest=name.encode(), name=name)) for name in names))
        await store.commit(Put(qr_key(evse=10)), Put(qr_key(evse=2)))
        assert [one.id for one in await store.stations()] == sorted(names)
        assert [one.key for one in await store.tokens()] == sorted(names)
        assert [one.name for one in await store.api_tokens()] == sorted(names)
        assert [one.place.evse for one in await store.qr_keys()] == [2, 10]

    story(home, tell)


def test_keys_and_tokens_are_found_by_theirs(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        await store.commit(
            Put(qr_key()), Put(TokenRecord(key="ab12", note="x\0y\\0")), Put(Operator(name="anna", password="$"))
        )
        assert await store.qr_key(PLACE) == qr_key()
        assert await store.token("ab12") == TokenRecord(key="ab12", note="x\0y\\0")
        assert await store.operator("anna") == Operator(name="anna", password="$")
        assert await store.qr_key(EvsePlace(STATION, EvseNumber(2))) is None

    story(home, tell)


def test_transactions_come_newest_first_and_the_active_ones_alone(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        old = transaction("old", started_at=at(-60), state=SessionState.ENDED, ended_at=at(-5))
        here, there = transaction("here"), transaction("there", station=StationId("CS2"))
        await store.commit(Add(here), Add(old), Add(there))
        assert await store.transactions() == [there, here, old]
        assert await store.transactions(limit=1) == [there]
        assert await store.transactions(active=True) == [there, here]
        assert await store.transactions(station=STATION) == [here, old]
        assert await store.transactions(station=STATION, active=True) == [here]
        await store.commit(Put(replace(here, state=SessionState.ENDED)))
        assert await store.transactions(active=True) == [there]

    story(home, tell)


def test_a_retried_start_finds_its_first_answer(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        first, again = transaction("1", start_key="k"), transaction("2", start_key="k", started_at=at(9))
        await store.commit(Add(again), Add(first), Add(transaction("3", station=StationId("CS2"), start_key="k")))
        assert await store.transaction_by_start(STATION, "k") == again
        assert await store.transaction(STATION, TransactionId("1")) == first

    story(home, tell)


def test_samples_come_in_the_order_of_their_numbers(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        await store.commit(Add(sample(2)), Add(sample(10)), Add(sample(1)), Add(sample(1, "other")))
        assert await store.samples(STATION, TransactionId("t")) == [sample(1), sample(2), sample(10)]

    story(home, tell)


def test_a_payment_is_found_by_provider_by_token_and_by_remote_start(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        token = IdToken("PAY-AbC")
        mine = checkout("mine", psp_ref="ref", token=token, remote_start=RemoteStartId(5))
        older = replace(mine, payment=PaymentId("older"), created_at=at(-5))
        await store.commit(Add(mine), Add(older), Add(checkout("bare")))
        assert await store.checkout_by_psp_ref("ref") == mine
        assert await store.checkout_by_token(token.key) == mine
        assert await store.checkout_by_start(STATION, RemoteStartId(5)) == mine
        assert await store.checkout_by_start(StationId("CS2"), RemoteStartId(5)) is None
        assert await store.checkout_by_psp_ref("") is None  # a payment without a hold has no reference

    story(home, tell)


def test_active_payments_are_those_in_no_final_state(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        made = [checkout(f"p{n}", state=state, created_at=at(n)) for n, state in enumerate(State)]
        await store.commit(*map(Add, made))
        assert await store.checkouts() == made[::-1]
        assert await store.checkouts(active=True) == [one for one in made[::-1] if one.state not in FINAL]
        assert await store.checkouts(limit=2) == made[:-3:-1]

    story(home, tell)


def test_ledger_and_intents_of_a_payment_come_in_the_order_of_writing(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        await store.commit(Add(entry("z")), Add(entry("a")), Add(entry("b", "other")))
        await store.commit(Add(intent("z")), Add(intent("a")), Add(intent("b", "other")))
        assert await store.entries(PaymentId("p")) == [entry("z"), entry("a")]
        assert await store.intents(payment=PaymentId("p")) == [intent("z"), intent("a")]
        done = intent("z", done_at=at(1), outcome="captured")
        await store.commit(Put(done))
        assert await store.intents(open=True) == [intent("a"), intent("b", "other")]
        assert await store.intents(payment=PaymentId("p"), open=True) == [intent("a")]
        assert await store.intents() == [done, intent("a"), intent("b", "other")]

    story(home, tell)


def test_identities_come_in_the_order_of_enrolment_revoked_ones_too(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        await store.commit(Add(identity("z")), Add(identity("a", station=StationId("CS2"))))
        revoked = identity("z", status=IdentityStatus.REVOKED, revoked_at=at(5))
        await store.commit(Put(revoked))
        assert await store.identities() == [revoked, identity("a", station=StationId("CS2"))]

    story(home, tell)


@proves("M10")
def test_one_key_is_enrolled_for_one_station_whoever_asks_first(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        theirs = replace(identity("a"), id="other", station=StationId("CS2"))
        results = await asyncio.gather(
            store.commit(Add(identity("a")), Add(audit("1"))), store.commit(Add(theirs), Add(audit("2"))),
            return_exceptions=True,
        )  # fmt: skip
        assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
        assert len(await store.identities()) == 1
        assert len(await store.audit()) == 1

    story(home, tell)


def test_quarantine_is_read_in_the_order_of_writing_and_forgets_what_is_decided(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        first, second = quarantined("z"), quarantined("a", state=QuarantineState.KEPT)
        there = quarantined("m", station=StationId("CS2"))
        await store.commit(Add(first), Add(second), Add(there))
        assert await store.quarantined() == [first, second, there]
        assert await store.quarantined(limit=2) == [first, second]
        assert await store.quarantined(station=STATION) == [first, second]
        done = replace(first, state=QuarantineState.PROMOTED)
        await store.commit(Put(done), Put(replace(there, state=QuarantineState.DISMISSED)))
        assert await store.quarantined() == [second]
        assert await store.quarantined(station=STATION, open=False) == [done, second]
        assert len(await store.quarantined(open=False)) == 3

    story(home, tell)


def test_a_message_in_quarantine_is_found_by_its_id(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        mine = quarantined("a", address="192.0.2.1")
        await store.commit(Add(mine), Add(quarantined("b")))
        assert await store.quarantined_message("a") == mine
        assert await store.quarantined_message("c") is None

    story(home, tell)


def test_what_waits_in_quarantine_is_counted_by_station_and_address(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        assert await store.quarantine_shares() == []
        there = quarantined("t", station=StationId("CS2"), address="198.51.100.9", frame="é".encode())
        await store.commit(
            *(Add(quarantined(f"a{n}", address="192.0.2.1", frame=b"x" * n)) for n in range(3)),
            Add(quarantined("k", address="192.0.2.2", state=QuarantineState.KEPT, frame=b"\0\0")),
            Add(quarantined("p", address="192.0.2.2", state=QuarantineState.PROMOTED)),
            Add(quarantined("d", address="192.0.2.3", state=QuarantineState.DISMISSED)),
            Add(there),
        )
        assert await store.quarantine_shares() == [
            QuarantineShare(station=STATION, address="192.0.2.1", rows=3, bytes=3),
            QuarantineShare(station=STATION, address="192.0.2.2", rows=1, bytes=2),
            QuarantineShare(station=StationId("CS2"), address="198.51.100.9", rows=1, bytes=2),
        ]

    story(home, tell)


def test_what_is_held_is_kept_at_one_stroke_and_what_was_decided_stays_so(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        states = dict(zip("abcd", QuarantineState, strict=True))
        await store.commit(*(Add(quarantined(id, state=state)) for id, state in states.items()))
        for _ in range(2):
            await store.keep_held()
            found = {one.id: one.state for one in await store.quarantined(open=False)}
            assert found == states | {"a": QuarantineState.KEPT}

    story(home, tell)


def test_operators_read_the_newest_rows_first(home: Home) -> None:
    async def tell(store: ReadableStore) -> None:
        await store.commit(Add(audit("first")), Add(audit("second")), Add(audit("old", at(-1))))
        assert [row.id for row in await store.audit()] == ["second", "first", "old"]
        assert [row.id for row in await store.audit(limit=1)] == ["second"]
        events = [SecurityEvent(id=str(n), at=at(n), kind="refused") for n in range(3)]
        await store.commit(*map(Add, events))
        assert await store.security_events(limit=2) == events[:0:-1]

    story(home, tell)
