"""Talking to a ledger on PostgreSQL by way of our code, and past it."""

from collections.abc import Callable
from contextlib import closing

import psycopg2
import sqlalchemy as sa

from qmd_platform.ledger import schema as db
from qmd_platform.ledger.postgres import PostgresDatabase

Opened = Callable[[str], PostgresDatabase]


def said(database: PostgresDatabase) -> list[str]:
    with database.reading() as connection:
        return sorted(connection.execute(sa.select(db.about.c.key)).scalars())


def say(connection: sa.Connection, key: str) -> None:
    connection.execute(sa.insert(db.about).values(key=key, value=""))


def asked(url: str, *statements: str) -> None:
    """Send statements past our code."""
    with closing(psycopg2.connect(url.partition("?")[0])) as connection:
        connection.autocommit = True
        for statement in statements:
            connection.cursor().execute(statement)
