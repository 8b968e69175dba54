"""What alembic runs: the revisions, on the connection and in the transaction that it is given."""

from alembic import context

from evouch.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,  # SQLite too: our transactions are begun by hand, so they hold DDL
)
with context.begin_transaction():
    context.run_migrations()
