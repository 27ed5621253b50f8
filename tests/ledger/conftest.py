"""A PostgreSQL ledger to talk to, and its end."""

from collections.abc import Iterator

import pytest

from qmd_platform.ledger.postgres import PostgresDatabase
from tests.ledger.talking import Opened
from tests.servers import fresh_schema


@pytest.fixture
def opened() -> Iterator[Opened]:
    """Opens databases, brought up to date, and closes them at the end."""
    made: list[PostgresDatabase] = []

    def database(url: str) -> PostgresDatabase:
        made.append(PostgresDatabase(url))
        made[-1].migrate()
        return made[-1]

    yield database
    for one in made:
        one.close()


@pytest.fixture
def database(postgres: str, opened: Opened) -> PostgresDatabase:
    return opened(fresh_schema(postgres))
