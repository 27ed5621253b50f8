"""What the ledger is asked about its own past: commits, versions, revised rows, pins.

What lives here: one read transaction a question. What does not: the data as it was then (``ledger.questions``, with
``as_of``).
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select, true

from qmd_platform.ledger import rows
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.questions import Questions
from qmd_platform.ledger.records import Commit, Pin, Revision, Segment, Version
from qmd_platform.ledger.snapshots import AsOf, pinned, resolved
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.window import Instant, Window

_VERSION = (
    "version",
    "commit_id",
    "rows",
    "new",
    "changed",
    "unchanged",
    "outranked",
    "bytes",
    "data_version",
    "wrote",
)

_TOGETHER = 200
"""Partitions asked about in one query, which names each with a version of its own."""


class History(Questions):
    """The questions about commits."""

    def log(self, series: Series | None = None, limit: int = 100) -> list[Commit]:
        """The latest commits, newest first, with counts summed over the partitions (of ``series``)."""
        counts = [func.count(db.change.c.commit_id).label("partitions")]
        counts += [
            func.coalesce(func.sum(db.change.c[name]), 0).label(name) for name in ("new", "changed", "unchanged")
        ]
        about = [db.commit.c[name] for name in ("id", "at", "run_id", "source", "code_version")]
        # A commit may change no partition: one that only pins.
        joined = db.commit.outerjoin(db.change).outerjoin(db.partition)
        query = select(*about, *counts).select_from(joined).group_by(*about)
        query = query.where(rows.of_series(series) if series else true())
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(db.commit.c.id.desc()).limit(limit)).all()
        return [Commit(*row) for row in found]

    def committed_at(self, commit: int) -> Instant | None:
        """When ``commit`` was made, by the clock of who made it; None where there is no such one."""
        with self._database.reading() as connection:
            return connection.execute(select(db.commit.c.at).where(db.commit.c.id == commit)).scalar()

    def versions(self, series: Series | None = None, limit: int = 100) -> list[Version]:
        """What every commit did to each partition (of ``series``), newest first."""
        query = versions_where(rows.of_series(series) if series else true())
        query = query.order_by(db.commit.c.id.desc(), *rows.NAMES).limit(limit)
        with self._database.reading() as connection:
            return [version_of(row) for row in connection.execute(query)]

    def changed_after(self, known: Mapping[Partition, int]) -> dict[Partition, Instant]:
        """When each partition first became another version than the one it is given with; left out where it did not."""
        found: dict[Partition, Instant] = {}
        named = list(known.items())
        with self._database.reading() as connection:
            for first in range(0, len(named), _TOGETHER):
                found |= _changed_after(connection, dict(named[first : first + _TOGETHER]))
        return found

    def revisions(
        self, series: Series | None = None, window: Window | None = None, *, since: AsOf = None
    ) -> list[Revision]:
        """Rows that were there and changed or went, oldest first.

        Args:
            series: None for all.
            window: of open times; None for all.
            since: only what commits after this snapshot did; None for all.
        """
        at = db.revision.c.open_at
        inside = and_(at >= window.start, at < window.end) if window else true()
        mine = and_(rows.of_series(series) if series else true(), inside)
        with self._database.reading() as connection:
            return _revisions(connection, mine, 0 if since is None else resolved(connection, since))

    def pins(self) -> list[Pin]:
        """All pins, by name; expired ones too, until a vacuum."""
        with self._database.reading() as connection:
            return pinned(connection)

    def pinned_segments(self, pin: Pin) -> list[Segment]:
        """The files a pin holds, sorted by partition and time."""
        with self._database.reading() as connection:
            found = rows.segments(connection, rows.live(as_of=pin.commit))
        return [segment for segment in found if pin.covers(segment.partition.series)]


def _changed_after(connection: Connection, known: Mapping[Partition, int]) -> dict[Partition, Instant]:
    columns, partition = db.change.c, db.partition.c
    ids = connection.execute(select(partition.id, *rows.NAMES).where(rows.of_partitions(known))).all()
    if not ids:
        return {}
    later = or_(*(and_(columns.partition_id == row.id, columns.version > known[rows.named(row)]) for row in ids))
    query = select(columns.partition_id, func.min(db.commit.c.at).label("at")).select_from(db.change.join(db.commit))
    at = {row.partition_id: row.at for row in connection.execute(query.where(later).group_by(columns.partition_id))}
    return {rows.named(row): at[row.id] for row in ids if row.id in at}


def versions_where(where: ColumnElement[bool]) -> Select[Any]:
    """What commits did to partitions; ``version_of`` reads the rows."""
    columns = [db.change.c[name] for name in _VERSION]
    about = [db.commit.c[name] for name in ("at", "run_id", "source", "code_version")]
    query = select(*rows.NAMES, *columns, *about).select_from(db.change.join(db.partition).join(db.commit))
    return query.where(where)


def version_of(row: Row[Any]) -> Version:
    """The version in a row of ``versions_where``."""
    return Version(
        partition=rows.named(row),
        commit=row.commit_id,
        at=row.at,
        run_id=row.run_id,
        source=row.source,
        code_version=row.code_version,
        **{name: getattr(row, name) for name in _VERSION if name != "commit_id"},
    )


def _revisions(connection: Connection, where: ColumnElement[bool], after: int) -> list[Revision]:
    columns = db.revision.c
    joined = db.revision.join(db.partition).join(db.commit, db.commit.c.id == columns.commit_id)
    query = select(*rows.NAMES, db.revision, db.commit.c.at).select_from(joined)
    query = query.where(where, columns.commit_id > after).order_by(columns.commit_id, *rows.NAMES, columns.key)
    return [
        Revision(rows.named(row), row.key, row.before, row.after, row.open_at, row.commit_id, row.at)
        for row in connection.execute(query)
    ]


def text_of(series: tuple[Series, ...] | None) -> str:
    """The text in a pin's row; see ``questions.series_of``."""
    return json.dumps(None if series is None else [[one.table, one.venue, one.symbol] for one in series])
