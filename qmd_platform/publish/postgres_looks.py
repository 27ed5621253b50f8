"""What PostgreSQL has of a table, before its rows are looked at.

What lives here: whether it is there, whether it is as qmd makes it, whether somebody emptied it. What does not: rows, and what
was loaded (``postgres``).
"""

from typing import Any

from qmd_platform.errors import StoreError
from qmd_platform.publish import postgres_sql as sql
from qmd_platform.publish.port import spec_of
from qmd_platform.publish.shape import REMAKE, unlike


def is_there(cursor: Any, schema: str, table: str) -> bool:  # noqa: ANN401 - psycopg2 has no types
    """Whether there is a table."""
    # Not to_regclass: within a transaction it remembers that there was none, though another one has made it meanwhile.
    cursor.execute(sql.THERE, (schema, table))
    found: bool = cursor.fetchone()[0]
    return found


def refuse_another(cursor: Any, schema: str, table: str, where: str) -> None:  # noqa: ANN401 - as above
    """StoreError if ``table`` lacks a column, or has it of another type."""
    cursor.execute(sql.COLUMNS, (schema, table))
    if said := unlike(spec_of(table), sql.SHOWN, dict(cursor.fetchall())):
        raise StoreError(f"PostgreSQL at {where} has another {table}: {said}", hint=REMAKE)


def is_emptied(cursor: Any, schema: str, table: str) -> bool:  # noqa: ANN401 - as above
    """Whether ``table`` has no row at all, though it was loaded with some."""
    cursor.execute(sql.emptied(schema, table), (table,))
    found: bool = cursor.fetchone()[0]
    return found
