"""Alembic runs this file: it migrates over the connection that ``ledger.database`` has opened and will commit."""

from alembic import context

from qmd_platform.ledger.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
