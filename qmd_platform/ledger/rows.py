"""Ledger records to SQL rows and back.

What lives here: the conditions and queries shared by what the ledger writes and what it answers. What does not:
transactions (``ledger.ledger``).
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update

from qmd_platform.errors import Conflict
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.records import Change, Outcome, PartitionState, Rejected, Segment
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.window import Instant, Window

NAMES = (db.partition.c.table_name, db.partition.c.venue, db.partition.c.symbol, db.partition.c.month)
"""The columns that name a partition, as ``named`` reads them."""


def named(row: Row[Any]) -> Partition:
    """The partition a row with ``NAMES`` is about."""
    return Partition(Series(row.table_name, row.venue, row.symbol), row.month)


def of_series(series: Series) -> ColumnElement[bool]:
    """All partitions of ``series``."""
    columns = db.partition.c
    return and_(columns.table_name == series.table, columns.venue == series.venue, columns.symbol == series.symbol)


def live(as_of: int | None = None) -> ColumnElement[bool]:
    """Segments that count now, or counted right after the commit ``as_of``."""
    columns = db.segment.c
    if as_of is None:
        return columns.removed_commit.is_(None)
    return and_(columns.added_commit <= as_of, or_(columns.removed_commit.is_(None), columns.removed_commit > as_of))


def states(connection: Connection, where: ColumnElement[bool]) -> list[PartitionState]:
    """The partitions that were ever committed to."""
    columns = db.partition.c
    found = connection.execute(select(db.partition).where(where, columns.version > 0).order_by(*NAMES))
    return [
        PartitionState(
            named(row), row.version, row.rows, row.bytes, row.data_version, row.first, row.last, row.committed_at
        )
        for row in found
    ]


def segments(connection: Connection, where: ColumnElement[bool]) -> list[Segment]:
    """The files, sorted by partition and time."""
    columns = db.segment.c
    found = connection.execute(
        select(*NAMES, db.segment).join(db.partition).where(where).order_by(*NAMES, columns.first, columns.path)
    )
    return [
        Segment(named(row), row.path, row.rows, row.bytes, row.file_hash, row.version, row.first, row.last)
        for row in found
    ]


def runs(connection: Connection, where: ColumnElement[bool]) -> dict[Partition, list[Run]]:
    """Coverage by partition, in order of time."""
    columns = db.coverage.c
    found = connection.execute(
        select(*NAMES, db.coverage).join(db.partition).where(where).order_by(*NAMES, columns.start)
    )
    result: dict[Partition, list[Run]] = {}
    for row in found:
        run = Run(Window(row.start, row.end), State(row.state), row.cause)
        result.setdefault(named(row), []).append(run)
    return result


def partition_ids(connection: Connection, partitions: Iterable[Partition]) -> dict[Partition, int]:
    """The number of each partition; those without one get one, at version 0. Inside a writing transaction."""
    ids: dict[Partition, int] = {}
    for partition in partitions:
        series = partition.series
        where = and_(of_series(series), db.partition.c.month == partition.month)
        number = connection.execute(select(db.partition.c.id).where(where)).scalar()
        if number is None:
            name = {
                "table_name": series.table,
                "venue": series.venue,
                "symbol": series.symbol,
                "month": partition.month,
            }
            blank = {"version": 0, "rows": 0, "bytes": 0, "data_version": "", "committed_at": 0}
            number = connection.execute(
                insert(db.partition).values(**name, **blank).returning(db.partition.c.id)
            ).scalar_one()
        ids[partition] = int(number)
    return ids


def move_head(connection: Connection, commit: int, at: Instant, number: int, change: Change) -> None:
    """Make one partition what ``change`` says; Conflict if it is no longer what the change was made from."""
    outcome, segment = change.outcome, change.segment
    head: dict[str, Any] = {"version": outcome.version, "rows": outcome.rows, "bytes": outcome.bytes}
    head |= {"data_version": outcome.data_version, "committed_at": at}
    if outcome.wrote:
        head |= {"first": segment.first if segment else None, "last": segment.last if segment else None}
    mine = and_(db.partition.c.id == number, db.partition.c.version == change.seen)
    if connection.execute(update(db.partition).where(mine).values(head)).rowcount != 1:
        raise Conflict(f"{outcome.partition} is no longer at version {change.seen}")
    if outcome.wrote:
        gone = and_(db.segment.c.partition_id == number, live())
        connection.execute(update(db.segment).where(gone).values(removed_commit=commit))
    if segment:
        connection.execute(insert(db.segment).values(_segment_row(segment, number, commit)))
    _replace_coverage(connection, number, outcome.runs)
    _keep_rejected(connection, number, commit, change.rejected)


def _segment_row(segment: Segment, number: int, commit: int) -> dict[str, Any]:
    same = {name: getattr(segment, name) for name in ("path", "version", "rows", "bytes", "file_hash", "first", "last")}
    return same | {"partition_id": number, "added_commit": commit}


def _replace_coverage(connection: Connection, number: int, said: Iterable[Run]) -> None:
    connection.execute(delete(db.coverage).where(db.coverage.c.partition_id == number))
    rows = [
        {
            "partition_id": number,
            "start": run.window.start,
            "end": run.window.end,
            "state": run.state.value,
            "cause": run.cause,
        }
        for run in said
    ]
    if rows:
        connection.execute(insert(db.coverage), rows)


def _keep_rejected(connection: Connection, number: int, commit: int, rejected: Iterable[Rejected]) -> None:
    """Every rejected row that says something else is kept; the same one again replaces itself."""
    columns = db.quarantine.c
    for one in rejected:
        key = {"partition_id": number, "open_at": one.open_at, "identity": one.identity}
        same = and_(*(columns[name] == value for name, value in key.items()))
        connection.execute(delete(db.quarantine).where(same))
        said = {"row": one.row_json, "reason": one.reason, "commit_id": commit}
        connection.execute(insert(db.quarantine).values(key | said))


OUTCOME = ("version", "rows", "new", "changed", "unchanged", "bytes", "data_version", "wrote")
"""The fields of an outcome that are columns of the table ``change``."""


def change_row(outcome: Outcome, commit: int, number: int) -> dict[str, Any]:
    """The row of the table ``change`` that remembers ``outcome``."""
    return {name: getattr(outcome, name) for name in OUTCOME} | {"commit_id": commit, "partition_id": number}


VERDICT = (
    "rule",
    "severity",
    "passed",
    "offenders",
    "sample",
    "data_version",
    "checked_at",
    "version",
    "shorter_version",
)
"""The fields of a verdict that are columns of the table ``verdict``."""
