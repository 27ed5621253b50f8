"""SQL rows to ledger records: the conditions and queries that the ledger's questions are made of.

What lives here: reading. What does not: writing rows (``ledger.applying``), transactions (``ledger.questions``).
"""

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, case, func, or_, select, tuple_

from qmd_platform.errors import ConfigError, LedgerError
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.records import PartitionState, Segment
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, State
from qmd_platform.model.window import Instant, Window

NAMES = (db.partition.c.table_name, db.partition.c.venue, db.partition.c.symbol, db.partition.c.month)
"""The columns that name a partition, as ``named`` reads them."""

OUTCOME = ("version", "rows", "new", "changed", "unchanged", "bytes", "data_version", "wrote", "outranked")
"""The fields of an outcome that are columns of the table ``change``."""

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


REBUILD = "`qmd rebuild` makes it again from the commit records"
"""What to do about a damaged ledger."""


_NONSENSE = (ConfigError, ValueError, TypeError, OverflowError, OSError)
"""What comes of reading values that were never written."""


def named(row: Any) -> Partition:  # noqa: ANN401 - a row of any query with NAMES
    """The partition a row with ``NAMES`` is about."""
    return Partition(Series(row.table_name, row.venue, row.symbol), row.month)


def name_of(partition: Partition) -> tuple[str, str, str, str]:
    """The values of ``NAMES``."""
    series = partition.series
    return series.table, series.venue, series.symbol, partition.month


def of_series(series: Series) -> ColumnElement[bool]:
    """All partitions of ``series``."""
    columns = db.partition.c
    return and_(columns.table_name == series.table, columns.venue == series.venue, columns.symbol == series.symbol)


def of_any(series: Collection[Series]) -> ColumnElement[bool]:
    """All partitions of any of ``series``; one query for many."""
    if len(series) == 1:
        return of_series(*series)
    return tuple_(*NAMES[:3]).in_([(one.table, one.venue, one.symbol) for one in series])


def of_partitions(partitions: Iterable[Partition]) -> ColumnElement[bool]:
    """Exactly these partitions; one query for many."""
    return tuple_(*NAMES).in_([name_of(partition) for partition in partitions])


def live(table: Table = db.segment, as_of: int | None = None) -> ColumnElement[bool]:
    """Rows of ``segment`` or ``coverage`` that count now, or counted right after the commit ``as_of``."""
    columns = table.c
    if as_of is None:
        return columns.removed_commit.is_(None)
    return and_(columns.added_commit <= as_of, or_(columns.removed_commit.is_(None), columns.removed_commit > as_of))


def states(connection: Connection, where: ColumnElement[bool]) -> list[PartitionState]:
    """The partitions that were ever committed to."""
    columns = db.partition.c
    found = connection.execute(select(db.partition).where(where, columns.version > 0).order_by(*NAMES))
    return [
        PartitionState(
            named(row),
            row.version,
            row.rows,
            row.bytes,
            row.data_version,
            row.first,
            row.last,
            row.committed_at,
            row.layout,
        )
        for row in found
    ]


def checksums(connection: Connection, where: ColumnElement[bool]) -> dict[Partition, str | None]:
    """What was kept beside each partition (``ledger.checksums``)."""
    found = connection.execute(select(*NAMES, db.partition.c.checksum).where(where, db.partition.c.version > 0))
    return {named(row): row.checksum for row in found}


def past_states(connection: Connection, where: ColumnElement[bool], as_of: int) -> list[PartitionState]:
    """The partitions as they were right after the commit ``as_of``; their layout is not kept, and 0 here."""
    change, segment = db.change.c, db.segment.c
    latest = (
        select(change.partition_id, func.max(change.commit_id).label("commit_id"))
        .where(change.commit_id <= as_of)
        .group_by(change.partition_id)
        .subquery()
    )
    ends = (
        select(segment.partition_id, func.min(segment.first).label("first"), func.max(segment.last).label("last"))
        .where(live(as_of=as_of))
        .group_by(segment.partition_id)
        .subquery()
    )
    query = (
        select(*NAMES, db.change, ends.c.first, ends.c.last, db.commit.c.at)
        .join_from(db.change, latest, and_(change.partition_id == latest.c.partition_id))
        .join(db.commit, db.commit.c.id == change.commit_id)
        .join(db.partition, db.partition.c.id == change.partition_id)
        .outerjoin(ends, ends.c.partition_id == change.partition_id)
        .where(change.commit_id == latest.c.commit_id, change.version > 0, where)
        .order_by(*NAMES)
    )
    return [
        PartitionState(named(row), row.version, row.rows, row.bytes, row.data_version, row.first, row.last, row.at)
        for row in connection.execute(query)
    ]


def segments(connection: Connection, where: ColumnElement[bool]) -> list[Segment]:
    """The files, sorted by partition and time."""
    columns = db.segment.c
    # A file of codec 1 speaks for its whole partition and has no window.
    order = case((columns.lo.is_(None), 0), else_=columns.lo)
    found = connection.execute(select(*NAMES, db.segment).join(db.partition).where(where).order_by(*NAMES, order))
    return [segment_of(row) for row in found]


def segment_of(row: Row[Any]) -> Segment:
    """The segment in a row of the table ``segment`` with ``NAMES``."""
    return Segment(
        named(row),
        row.path,
        row.rows,
        row.bytes,
        row.file_hash,
        row.version,
        row.first,
        row.last,
        _window(row.lo, row.hi),
        row.digests or "",
        row.codec,
    )


def _window(lo: Instant | None, hi: Instant | None) -> Window | None:
    try:
        return None if lo is None or hi is None else Window(lo, hi)
    except _NONSENSE as error:
        raise LedgerError(f"the ledger is damaged: {error}", hint=REBUILD) from error


def runs(
    connection: Connection, where: ColumnElement[bool], as_of: int | None = None
) -> dict[Partition, tuple[Run, ...]]:
    """Coverage by partition, in order of time."""
    columns = db.coverage.c
    said = (columns.start, columns.end, columns.state, columns.cause)
    query = select(*NAMES, *said).join_from(db.coverage, db.partition).where(where, live(db.coverage, as_of))
    found = connection.execute(query.order_by(*NAMES, columns.start)).all()
    parts = groupby(found, key=lambda row: row[: len(NAMES)])
    return {
        Partition(Series(table, venue, symbol), month): tuple(run(*row[len(NAMES) :]) for row in rows)
        for (table, venue, symbol, month), rows in parts
    }


def run(start: Instant, end: Instant, state: str, cause: str) -> Run:
    """The run in these columns; LedgerError if they are none."""
    try:
        return Run(Window(start, end), State(state), cause)
    except _NONSENSE as error:
        raise LedgerError(f"the ledger is damaged: {error}", hint=REBUILD) from error


def run_of(row: Row[Any]) -> Run:
    """The run in a row of the table ``coverage``."""
    return run(row.start, row.end, row.state, row.cause)


def ids(connection: Connection, partitions: Collection[Partition]) -> dict[Partition, int]:
    """The number of each partition that has one."""
    found = connection.execute(select(*NAMES, db.partition.c.id).where(of_partitions(partitions)))
    return {named(row): row.id for row in found}
