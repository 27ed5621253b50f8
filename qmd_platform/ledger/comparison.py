"""Two ledgers compared: do they say the same of the lake, now and in the past?

What lives here: what counts as the same. What does not: where the other ledger comes from (``lake.rebuild`` makes one
from the commit records).

Numbers of partitions may differ, as a judgement too gives one. What a vacuum did is in one ledger only: marks on
segments, and coverage of the past that it dropped.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, select

from qmd_platform.ledger import schema as db
from qmd_platform.ledger.rows import NAMES

_COMPARED = (
    db.commit,
    db.partition,
    db.segment,
    db.coverage,
    db.change,
    db.quarantine,
    db.revision,
    db.pin,
    db.evidence,
    db.attempt,
)
_OWN = {"partition_id", "trashed_at", "gone_at"}
"""Columns that may differ."""


def differences(ours: Connection, theirs: Connection) -> Iterator[str]:
    """What one ledger says and the other does not, both in an open transaction; a sentence a table."""
    for table in _COMPARED:
        mine, other = _said(ours, table), _said(theirs, table)
        if table is db.coverage:
            # Runs of the past that a vacuum dropped are in one of the two only.
            removed = [column.name for column in table.columns if column.name not in _OWN].index("removed_commit")
            other = {row for row in other if row in mine or row[len(NAMES) + removed] is None}
        if mine != other:
            odd = sorted(mine ^ other, key=repr)
            first = " ".join(str(value) for value in odd[0])
            yield f"{len(odd)} rows of {table.name} are not what was committed, the first: {first}"


def _said(connection: Connection, table: Table) -> set[tuple[Any, ...]]:
    columns = [column for column in table.columns if column.name not in _OWN]
    if table is db.partition:
        columns = [column for column in columns if column.name != "id"]
        query = select(*columns).where(db.partition.c.version > 0)
    elif "partition_id" in table.columns:
        query = select(*NAMES, *columns).join_from(table, db.partition)
    else:
        query = select(*columns)
    return {tuple(row) for row in connection.execute(query)}
