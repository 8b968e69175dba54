"""The tables that migrations make are the tables that the code reads, and every field has its place."""

import asyncio
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from evouch.store import migrations
from evouch.store.ports import Put, StoreFailed
from evouch.store.records import KEYS
from evouch.store.sql import SqlStore
from evouch.store.sql_engine import connect
from evouch.store.tables import MAPPINGS, METADATA
from tests.store.examples import station
from tests.store.homes import SqlHome, story

FOLDER = Path(migrations.__file__).parent


def test_migrations_make_the_tables_that_the_code_reads(empty: SqlHome) -> None:
    def differences(connection: sa.Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA))

    async def tell(store: SqlStore) -> None:
        assert await store._database.read(differences) == []
        assert await store._database.read(_conditions) == _wanted_conditions()

    story(empty, tell)


def _conditions(connection: sa.Connection) -> set[str]:
    names = sa.inspect(connection)
    return {
        str(index["name"])
        for table in METADATA.tables
        for index in names.get_indexes(table)
        if index["dialect_options"].get(f"{connection.dialect.name}_where") is not None
    }


def _wanted_conditions() -> set[str]:
    indexes = [index for table in METADATA.tables.values() for index in table.indexes]
    return {str(index.name) for index in indexes if index.dialect_options["sqlite"]["where"] is not None}


def test_there_is_one_newest_revision_and_it_is_the_one_that_a_store_asks_for() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.HEAD]


def test_stations_of_the_first_tables_are_read_as_before(empty: SqlHome) -> None:
    def first_tables(connection: sa.Connection) -> None:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(FOLDER))
        command.upgrade(config, "0001")

    async def age() -> None:
        database = connect(empty.url)
        await database.write(first_tables)
        await database.close()
        await empty.execute(
            "INSERT INTO stations"
            " (id, name, address, evses, hold_boot, blocked, vendor, model, serial, firmware, settings)"
            " VALUES ('CS1', 'One', '', '[]', false, false, '', '', '', '', '{}')"
        )

    async def tell(store: SqlStore) -> None:
        assert await store.stations() == [station("CS1", name="One")]
        assert await store.identities() == []
        assert await store.partners() == []

    asyncio.run(age())
    story(empty, tell)


def test_stores_of_one_process_make_their_tables_at_once(tmp_path: Path) -> None:
    homes = [SqlHome(f"sqlite:///{tmp_path}/{name}.db") for name in "abc"]

    async def run() -> None:
        stores = await asyncio.gather(*(home.open() for home in homes))
        for store in stores:
            assert await store.partners() == []
            await store.close()

    asyncio.run(run())


def test_opening_again_changes_nothing(empty: SqlHome) -> None:
    story(empty, lambda store: store.commit(Put(station("CS1"))))
    before = asyncio.run(empty.dump())
    story(empty, lambda store: store.stations())
    assert asyncio.run(empty.dump()) == before


def test_a_database_of_a_newer_version_is_left_alone(empty: SqlHome) -> None:
    story(empty, lambda store: store.commit(Put(station("CS1"))))
    asyncio.run(empty.execute("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreFailed, match="another version"):
        asyncio.run(empty.open())
    asyncio.run(empty.execute(f"UPDATE alembic_version SET version_num = '{migrations.HEAD}'"))
    story(empty, lambda store: store.stations())


def test_a_migration_that_fails_leaves_the_database_as_it_was(empty: SqlHome) -> None:
    asyncio.run(empty.execute("CREATE TABLE tokens (in_the_way INTEGER)"))
    with pytest.raises(StoreFailed):
        asyncio.run(empty.open())
    asyncio.run(empty.execute("DROP TABLE tokens"))
    story(empty, lambda store: store.commit(Put(station("CS1"))))


@pytest.mark.parametrize("kind", list(KEYS), ids=lambda kind: kind.__name__)
def test_every_field_of_a_record_has_its_columns(kind: type[Any]) -> None:
    parts = [part.attribute for part in MAPPINGS[kind].parts if part.attribute]
    assert parts == sorted(parts, key=[field.name for field in fields(kind)].index)
    assert set(parts) == {field.name for field in fields(kind)}


def test_every_record_type_has_a_table() -> None:
    assert set(MAPPINGS) == set(KEYS)


def test_revisions_import_nothing_of_the_package() -> None:
    for path in (FOLDER / "versions").glob("v*.py"):
        assert "evouch" not in path.read_text()
