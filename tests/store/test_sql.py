"""What a database brings with it: other nodes, failures, sudden death, files that others may read."""

import asyncio
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from evouch.charging.tokens import IdToken
from evouch.ids import PaymentId, RemoteStartId, TransactionId
from evouch.store import sql_write
from evouch.store.ports import Add, Conflict, Put, Store, StoreFailed
from evouch.store.sql import SqlStore
from evouch.store.sql_engine import connect
from evouch.store.tables import METADATA
from evouch.testing.clock import ManualClock
from evouch.webpayment.checkout import Event
from tests.store.examples import NOON, PLACE, STATION, at, audit, checkout, code, sample, station, transaction
from tests.store.examples_roaming import ask_everything
from tests.store.homes import SqlHome, sealer, story

# ── other nodes on the same database ────────────────────────────────────────────────────


def _on_two_nodes(database: SqlHome, tell: Any) -> None:
    async def run() -> None:
        nodes = [await database.open() for _ in range(2)]
        try:
            await tell(*nodes)
        finally:
            for node in nodes:
                await node.close()

    asyncio.run(run())


def test_of_two_nodes_that_take_one_code_exactly_one_pays(database: SqlHome) -> None:
    async def tell(one: SqlStore, two: SqlStore) -> None:
        for slot in range(10):
            results = await asyncio.gather(
                one.commit(Add(checkout(f"a{slot}")), Add(code(f"a{slot}", slot))),
                two.commit(Add(checkout(f"b{slot}")), Add(code(f"b{slot}", slot))),
                return_exceptions=True,
            )
            assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
            winner = f"{'ab'[results.index(None)]}{slot}"
            assert await one.code_taken(PLACE, slot) == await two.code_taken(PLACE, slot) == winner
        assert len(await one.checkouts()) == 10

    _on_two_nodes(database, tell)


def test_two_nodes_that_take_codes_in_opposite_order_both_finish(database: SqlHome) -> None:
    async def tell(one: SqlStore, two: SqlStore) -> None:
        slots = range(100)
        up = [one.commit(Add(code("one", slot))) for slot in slots]
        down = [two.commit(Add(code("two", slot))) for slot in reversed(slots)]
        results = await asyncio.gather(*up, *down, return_exceptions=True)
        assert {type(result) for result in results} == {type(None), Conflict}
        assert results.count(None) == 100

    _on_two_nodes(database, tell)


def test_a_deadlock_with_another_node_is_nobodys_failure(postgres: SqlHome) -> None:
    """The other holds A and wants B, we hold B and want A: PostgreSQL ends us, and we try again."""

    async def tell(store: SqlStore) -> None:
        await store.commit(Put(station("A")), Put(station("B")))
        other = await asyncpg.connect(postgres.url)
        lock = "UPDATE stations SET vendor = 'other' WHERE id = $1"
        async with other.transaction():
            await other.execute(lock, "A")
            ours = asyncio.create_task(store.commit(Put(station("B", name="ours")), Put(station("A", name="ours"))))
            while not await postgres.execute("SELECT 1 FROM pg_locks WHERE NOT granted"):
                await asyncio.sleep(0)
            await other.execute(lock, "B")
        await other.close()
        await ours
        assert await store.stations() == [station("A", name="ours"), station("B", name="ours")]

    story(postgres, tell)


def test_of_two_nodes_that_move_one_payment_one_wins(database: SqlHome) -> None:
    async def tell(one: SqlStore, two: SqlStore) -> None:
        now = checkout("p")
        await one.commit(Add(now))
        opened, _ = now.step(Event.HOLD_OPENED, at(1))
        gone, _ = now.step(Event.GIVE_UP, at(1))
        results = await asyncio.gather(one.commit(Put(opened)), two.commit(Put(gone)), return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
        assert await two.checkout(PaymentId("p")) == (opened if results[0] is None else gone)

    _on_two_nodes(database, tell)


def test_two_nodes_never_give_one_number(database: SqlHome) -> None:
    async def tell(one: SqlStore, two: SqlStore) -> None:
        numbers = await asyncio.gather(*(node.next_number() for _ in range(25) for node in (one, two)))
        assert len(set(numbers)) == 50
        assert all(0 < number < 2**31 for number in numbers)

    _on_two_nodes(database, tell)


def test_two_nodes_open_an_empty_database_together(empty: SqlHome) -> None:
    async def run() -> None:
        nodes = await asyncio.gather(*(empty.open() for _ in range(5)))
        await asyncio.gather(*(node.commit(Add(code(str(n), n))) for n, node in enumerate(nodes)))
        for node in nodes:
            assert await node.code_taken(PLACE, 2) == "2"
            await node.close()

    asyncio.run(run())


# ── failure and sudden death ────────────────────────────────────────────────────────────


def test_when_the_database_fails_every_caller_hears_it_and_the_writer_lives(database: SqlHome) -> None:
    async def tell(store: SqlStore) -> None:
        await store.commit(Add(code("before", 0)))
        await database.execute("ALTER TABLE codes RENAME TO gone")
        results = await asyncio.gather(
            *(store.commit(Add(code("p", slot))) for slot in range(5)), return_exceptions=True
        )
        assert [type(result) for result in results] == [StoreFailed] * 5
        with pytest.raises(StoreFailed):
            await store.code_taken(PLACE, 0)
        await database.execute("ALTER TABLE gone RENAME TO codes")
        await store.commit(Add(code("after", 1)))
        assert [await store.code_taken(PLACE, slot) for slot in (0, 1, 2)] == ["before", "after", None]

    story(database, tell)


def test_a_row_that_the_database_refuses_hurts_its_caller_alone(database: SqlHome) -> None:
    async def tell(store: SqlStore) -> None:
        too_large = transaction("huge", number=2**70)
        no_zone = transaction("naive", started_at=NOON.replace(tzinfo=None))
        results = await asyncio.gather(
            store.commit(Add(audit("a"))),
            store.commit(Add(audit("b")), Add(too_large)),
            store.commit(Add(audit("c")), Add(no_zone)),
            store.commit(Add(audit("d"))),
            return_exceptions=True,
        )
        assert [type(result) for result in results] == [type(None), StoreFailed, StoreFailed, type(None)]
        assert {row.id for row in await store.audit()} == {"a", "d"}

    story(database, tell)


def test_some_fields_of_a_row_that_is_not_there_hurt_their_caller_alone(database: SqlHome) -> None:
    async def tell(store: Store) -> None:
        known = transaction("known")
        await store.commit(Put(known))
        results = await asyncio.gather(
            store.commit(Put(transaction("unknown"), only=("last_seq",)), Add(code("a", 1))),
            store.commit(Put(replace(known, last_seq=3), only=("last_seq",))),
            return_exceptions=True,
        )
        assert [type(result).__name__ for result in results] == ["Conflict", "NoneType"]
        assert await store.code_taken(PLACE, 1) is None
        assert await store.transaction(STATION, known.id) == replace(known, last_seq=3)

    story(database, tell)


def test_a_full_disk_loses_no_answer(tmp_path: Path) -> None:
    home = SqlHome(f"sqlite:///{tmp_path}/evouch.db")

    async def tell(store: SqlStore) -> None:
        writing: Any = store._database
        [(pages,)] = await home.execute("PRAGMA page_count")
        await writing.write(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}"))
        kept, failed = [], 0
        for number in range(200):
            try:
                await store.commit(Add(audit(f"{number}:{'x' * 500}")))
                kept.append(f"{number}:{'x' * 500}")
            except StoreFailed:
                failed += 1
        assert kept
        assert failed
        assert [row.id for row in await store.audit()] == kept[::-1]
        await writing.write(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count=100000"))
        await store.commit(Add(audit("room again")))

    story(home, tell)


def test_a_server_that_was_restarted_is_used_again(postgres: SqlHome) -> None:
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    kick = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"

    async def tell(store: SqlStore) -> None:
        await store.commit(Add(code("before", 0)))
        assert await store.code_taken(PLACE, 0) == "before"
        await postgres.execute(kick)
        await store.commit(Add(code("after", 1)))
        await postgres.execute(kick)
        assert await store.code_taken(PLACE, 1) == "after"

    story(postgres, tell)


_CHILD = """
import asyncio, sys
from evouch.store.ports import Add
from tests.store.examples import audit, code
from tests.store.examples_roaming import ask_everything
from tests.store.homes import SqlHome

async def one(store, number):
    await store.commit(Add(code(str(number), number)), Add(audit(str(number))))
    print(number, flush=True)

async def main():
    store = await SqlHome(sys.argv[1]).open()
    for start in range(0, 100_000, 7):
        await asyncio.gather(*(one(store, start + n) for n in range(7)))

asyncio.run(main())
"""


def test_what_was_answered_survives_the_death_of_the_process(database: SqlHome) -> None:
    command = [sys.executable, "-c", _CHILD, database.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        answered = [int(child.stdout.readline()) for _ in range(60)]
        child.kill()
        answered += [int(line) for line in child.stdout if line.endswith("\n")]

    async def tell(store: SqlStore) -> None:
        rows = {row.id for row in await store.audit(limit=100_000)}
        assert rows >= {str(number) for number in answered}
        for number in range(max(answered) + 10):  # both halves of a commit, or none
            assert (str(number) in rows) == (await store.code_taken(PLACE, number) is not None)

    story(database, tell)


def test_after_close_nothing_is_taken(database: SqlHome) -> None:
    async def run() -> None:
        store = await database.open()
        await store.close()
        with pytest.raises(StoreFailed):
            await store.commit(Add(code("p")))

    asyncio.run(run())


# ── cost ────────────────────────────────────────────────────────────────────────────────


def test_many_callers_share_few_transactions(database: SqlHome, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []
    together = sql_write.Writer.together

    def counted(self: sql_write.Writer, connection: sa.Connection, group: Any) -> list[Any]:
        groups.append(len(group))
        return together(self, connection, group)

    monkeypatch.setattr(sql_write.Writer, "together", counted)

    async def tell(store: SqlStore) -> None:
        await asyncio.gather(*(store.commit(Add(sample(number))) for number in range(500)))
        assert len(groups) <= 4
        assert sum(groups) == 500
        assert len(await store.samples(STATION, TransactionId("t"))) == 500

    story(database, tell)


def test_every_question_is_answered_from_an_index(tmp_path: Path) -> None:
    async def tell(store: SqlStore) -> None:
        plans = await _plans(store, _ask_everything) + await _plans(store, ask_everything)
        assert len(plans) >= 80
        for plan in plans:
            assert "TEMP B-TREE" not in plan
            assert all("USING" in step for step in plan.splitlines()), plan

    story(SqlHome(f"sqlite:///{tmp_path}/evouch.db"), tell)


def test_active_ones_are_read_from_an_index_that_holds_no_others(tmp_path: Path) -> None:
    async def tell(store: SqlStore) -> None:
        assert await _plans(store, lambda store: store.transactions(active=True)) == [
            "SCAN transactions USING INDEX transactions_active"
        ]
        assert await _plans(store, lambda store: store.checkouts(active=True)) == [
            "SCAN checkouts USING INDEX checkouts_active"
        ]
        assert await _plans(store, lambda store: store.charges(active=True)) == [
            "SCAN charges USING INDEX charges_active"
        ]
        assert await _plans(store, lambda store: store.emsp_sessions(active=True)) == [
            "SCAN emsp_sessions USING INDEX emsp_sessions_active"
        ]
        assert await _plans(store, lambda store: store.notices("d", open=True)) == [
            "SEARCH notices USING INDEX notices_open_by_driver (driver=?)"
        ]

    story(SqlHome(f"sqlite:///{tmp_path}/evouch.db"), tell)


async def _plans(store: SqlStore, ask: Callable[[SqlStore], Awaitable[Any]]) -> list[str]:
    """Return how SQLite answers each query that ``ask`` leads to."""
    asked: list[tuple[str, Any]] = []
    database: Any = store._database

    def listen(_connection: Any, _cursor: Any, sql: str, values: Any, *_: Any) -> None:
        asked.append((sql, values))

    sa.event.listen(database._reading, "before_cursor_execute", listen)
    await ask(store)
    sa.event.remove(database._reading, "before_cursor_execute", listen)
    plans = []
    for sql, values in asked:
        explain = partial(_explain, sql=sql, values=values)
        plans.append("\n".join(await database.read(explain)))
    return plans


def _explain(connection: sa.Connection, *, sql: str, values: Any) -> list[str]:
    return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values)]


async def _ask_everything(store: Store) -> None:
    """Ask every question that could grow with the years; lists of all stations, keys, tokens are read whole."""
    await store.station(STATION)
    await store.qr_key(PLACE)
    await store.token("t")
    await store.transaction(STATION, TransactionId("t"))
    await store.transaction_by_start(STATION, "k")
    await store.transactions()
    await store.transactions(active=True)
    await store.transactions(station=STATION)
    await store.transactions(station=STATION, active=True)
    await store.samples(STATION, TransactionId("t"))
    await store.checkout(PaymentId("p"))
    await store.checkout_by_psp_ref("r")
    await store.checkout_by_token("t")
    await store.checkout_by_start(STATION, RemoteStartId(1))
    await store.checkouts()
    await store.checkouts(active=True)
    await store.code_taken(PLACE, 7)
    await store.entries(PaymentId("p"))
    await store.intents(open=True)
    await store.intents(payment=PaymentId("p"))
    await store.quarantined()
    await store.quarantined(station=STATION)
    await store.quarantined(station=STATION, open=False)
    await store.quarantined_message("q")
    await store.quarantine_shares()
    await store.audit()
    await store.security_events()
    await store.operator("anna")


# ── form ────────────────────────────────────────────────────────────────────────────────


def test_no_column_rounds_or_forgets_a_zone() -> None:
    forbidden = (sa.Numeric, sa.Float, sa.DateTime, sa.Date, sa.Time, sa.Interval, sa.JSON, sa.Enum, sa.PickleType)
    columns = [column for table in METADATA.tables.values() for column in table.columns]
    assert len(columns) > 100
    for column in columns:
        kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
        assert not isinstance(kind, forbidden), column


def test_a_database_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    home = SqlHome(f"sqlite:///{tmp_path}/evouch.db")

    async def tell(store: SqlStore) -> None:
        await store.commit(Add(code("p")))
        for path in tmp_path.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path

    story(home, tell)


def test_a_sqlite_commit_is_on_the_disk(tmp_path: Path) -> None:
    home = SqlHome(f"sqlite:///{tmp_path}/evouch.db")

    async def tell(store: SqlStore) -> None:
        def pragma(connection: sa.Connection) -> list[Any]:
            return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]

        assert await store._database.write(pragma) == ["wal", 2]
        with pytest.raises(sa.exc.OperationalError, match="readonly"):
            await store._database.read(lambda connection: connection.exec_driver_sql("DELETE FROM codes"))

    story(home, tell)


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "mysql://root@host/db", "sqlite+aiosqlite:///x.db", "postgresql+psycopg://h/d"],
)
def test_another_kind_of_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="a database is"):
        connect(url)


@pytest.mark.parametrize("url", ["sqlite:////no/such/folder/evouch.db", "postgresql://nobody@127.0.0.1:1/none"])
def test_a_database_that_is_not_there_is_said(url: str) -> None:
    async def run() -> None:
        with pytest.raises(StoreFailed, match="cannot be opened"):
            await SqlStore.open(url, clock=ManualClock(), seal=sealer())

    asyncio.run(run())


def test_a_sqlite_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    story(SqlHome("sqlite:///here.db"), lambda store: store.commit(Put(station("CS1"))))
    assert (tmp_path / "here.db").exists()


def test_a_token_is_found_whatever_its_case(database: SqlHome) -> None:
    async def tell(store: SqlStore) -> None:
        mine = checkout("p", token=IdToken("PAY-Straße"))
        await store.commit(Add(mine))
        assert await store.checkout_by_token(IdToken("pay-STRASSE").key) == mine

    story(database, tell)
