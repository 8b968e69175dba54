"""Where a message in quarantine came from, so that no address uses up the share of a station."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_OPEN = sa.text("state IN ('held', 'kept')")


def upgrade() -> None:
    """Add the column, and the index that its question is answered from."""
    op.add_column("quarantine", sa.Column("address", _TEXT, nullable=False, server_default=""))
    op.create_index(
        "quarantine_open_by_address", "quarantine", ["station", "address"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )
