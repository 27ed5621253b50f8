"""What the ledger is asked about single candles: what was said of one, commit by commit, and which rows were kept out.

What lives here: one read transaction a question. What does not: the answers of the venue (``ledger.evidence``), putting
it all together (``lake.explaining``).
"""

import json
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, select, true

from qmd_platform.ledger import rows
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.history import History, version_of, versions_where
from qmd_platform.ledger.records import Rejected, Version
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run
from qmd_platform.model.window import Instant, Window


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was kept out, and the commit that last said so."""

    partition: Partition
    rejected: Rejected
    commit: int
    at: Instant
    run_id: str
    source: str


@dataclass(frozen=True, slots=True)
class Refusals:
    """How many rows of a series were kept out for one reason, and the open times of the first and the last one."""

    series: Series
    reason: str
    rows: int
    first: Instant
    last: Instant


class Tracing(History):
    """The questions about single candles."""

    def told(self, partition: Partition, at: Instant, upto: int) -> list[tuple[int, Run]]:
        """What the commits up to ``upto`` said of the candle that opens at ``at``, oldest first.

        Each with its commit; one that said the same as the one before is left out, but for the window it said it of.
        What a vacuum took is not there.
        """
        columns = db.coverage.c
        query = select(db.coverage).join_from(db.coverage, db.partition).where(rows.of_partitions([partition]))
        query = query.where(columns.start <= at, columns.end > at, columns.added_commit <= upto)
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(columns.added_commit)).all()
        said: list[tuple[int, Run]] = []
        for row in found:
            run = rows.run_of(row)
            if said and (said[-1][1].state, said[-1][1].cause) == (run.state, run.cause):
                said[-1] = (said[-1][0], run)
            else:
                said.append((row.added_commit, run))
        return said

    def versions_by(self, partition: Partition, commits: Collection[int]) -> dict[int, Version]:
        """What each of these commits did to a partition."""
        mine = and_(rows.of_partitions([partition]), db.change.c.commit_id.in_(set(commits)))
        with self._database.reading() as connection:
            return {row.commit_id: version_of(row) for row in connection.execute(versions_where(mine))}

    def refused(
        self, series: Series | None = None, window: Window | None = None, *, reason: str = "", limit: int | None = None
    ) -> list[Refused]:
        """Rows that were kept out (of ``series``, in ``window``, for reasons with ``reason`` in them), oldest first."""
        columns = db.quarantine.c
        query = select(*rows.NAMES, db.quarantine, db.commit.c.at, db.commit.c.run_id, db.commit.c.source)
        query = query.join_from(db.quarantine, db.partition).join(db.commit, db.commit.c.id == columns.commit_id)
        inside = and_(columns.open_at >= window.start, columns.open_at < window.end) if window else true()
        query = query.where(_kept_out(series, reason), inside)
        query = query.order_by(*rows.NAMES[:3], columns.open_at, columns.reason, columns.row).limit(limit)
        with self._database.reading() as connection:
            found = connection.execute(query).all()
        return [
            Refused(
                rows.named(row),
                Rejected(row.open_at, json.loads(row.row), row.reason),
                row.commit_id,
                row.at,
                row.run_id,
                row.source,
            )
            for row in found
        ]

    def refusals(self, series: Series | None = None, *, reason: str = "") -> list[Refusals]:
        """As ``refused``, counted by series and reason."""
        columns, name = db.quarantine.c, rows.NAMES[:3]
        counts = (func.count(), func.min(columns.open_at), func.max(columns.open_at))
        query = select(*name, columns.reason, *counts).join_from(db.quarantine, db.partition)
        query = query.where(_kept_out(series, reason)).group_by(*name, columns.reason).order_by(*name, columns.reason)
        with self._database.reading() as connection:
            found = connection.execute(query).all()
        return [Refusals(Series(*row[:3]), *row[3:]) for row in found]


def _kept_out(series: Series | None, reason: str) -> ColumnElement[bool]:
    mine = rows.of_series(series) if series else true()
    return and_(mine, func.lower(db.quarantine.c.reason).contains(reason.lower(), autoescape=True))
