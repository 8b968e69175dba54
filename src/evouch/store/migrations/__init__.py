"""The history of the tables, applied when a store opens. Forward only: a release never takes a column back.

A new revision: change :mod:`evouch.store.tables`, add a file to ``versions`` that does the
same to an existing database, and run ``tests/store/test_migrations.py``, which compares.
Revisions name their own plain column types and import nothing of this package: they must
mean the same in ten years.
"""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from evouch.store.ports import StoreFailed

__all__ = ["HEAD", "migrate"]

#: The newest revision; a test compares it with the files.
HEAD: Final = "0004"
#: Any number, the same for all versions of this package: nodes that start together migrate one after the other.
_LOCK: Final = 0x65766F756368


def migrate(connection: Connection) -> None:
    """Bring the tables up to date within the transaction that is open, one connection of a process at a time.

    Raises StoreFailed where a newer version of this package made them.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    if _revision(connection) != HEAD:
        _upgrade(connection)


def _upgrade(connection: Connection) -> None:
    """Run what is missing. Alembic, and the templates that it brings along, are imported for that alone."""
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise StoreFailed("the tables were made by another version of this package") from error


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return revision
