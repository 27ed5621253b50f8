"""The ledger: commits by compare-and-swap, and the questions asked of it.

What lives here: transactions over ``ledger.schema``. What does not: rows and conditions (``ledger.rows``),
SQLite's habits (``ledger.engine``), files and merging (``lake``).

A commit covers a batch of partitions, all or nothing. Each change names the version it was made from; if any
partition has moved on since, the whole batch is refused (Conflict) and the caller reads again.
"""

import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import and_, delete, func, insert, select, true
from sqlalchemy.exc import IntegrityError

from qmd_platform import __version__
from qmd_platform.errors import Conflict, LedgerError
from qmd_platform.ledger import rows
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.engine import Database
from qmd_platform.ledger.records import Change, Commit, Head, Outcome, PartitionState, Rejected, Segment, Verdict
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, clipped, merged
from qmd_platform.model.window import Window


class Ledger:
    """What a lake holds. Cheap to open; safe to share between threads, to fork, and to open in many processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, path: Path, lock: Path) -> "Ledger":
        """The ledger in the SQLite file ``path``, made and migrated under the lock file ``lock`` where needed.

        Raises:
            LedgerTooNew: a newer qmd_platform wrote it; nothing is changed.
            LedgerError: it cannot be read or written.
        """
        database = Database(path, lock)
        database.migrate()
        return cls(database)

    def close(self) -> None:
        """Tidy up after this process's commits. They are durable without it."""
        self._database.close()

    def commit(self, changes: Sequence[Change], *, run_id: str, source: str, idem_key: str | None = None) -> int:
        """Make ``changes`` so, all or none, durably; the commit's id.

        Raises:
            Conflict: a partition is no longer at the version its change was made from, or ``idem_key`` was used
                before. Nothing was changed.
        """
        now = _now()
        said = {"at": now, "run_id": run_id, "source": source, "code_version": __version__, "idem_key": idem_key}
        with self._database.writing() as connection:
            try:
                number = int(connection.execute(insert(db.commit).values(said).returning(db.commit.c.id)).scalar_one())
            except IntegrityError as error:
                raise Conflict(f"a commit with the key {idem_key!r} exists") from error
            ids = rows.partition_ids(connection, [change.outcome.partition for change in changes])
            for change in changes:
                if change.is_change:
                    rows.move_head(connection, number, now, ids[change.outcome.partition], change)
            done = [rows.change_row(change.outcome, number, ids[change.outcome.partition]) for change in changes]
            if done:
                connection.execute(insert(db.change), done)
        return number

    def committed(self, idem_key: str) -> tuple[int, dict[Partition, Outcome]] | None:
        """The commit made under ``idem_key`` and what it did; None if there is none. The runs are today's."""
        with self._database.reading() as connection:
            number = connection.execute(select(db.commit.c.id).where(db.commit.c.idem_key == idem_key)).scalar()
            if number is None:
                return None
            mine = db.partition.c.id.in_(select(db.change.c.partition_id).where(db.change.c.commit_id == number))
            runs = rows.runs(connection, mine)
            columns = [db.change.c[name] for name in rows.OUTCOME]
            query = select(*rows.NAMES, *columns).select_from(db.change.join(db.partition))
            found = connection.execute(query.where(db.change.c.commit_id == number)).all()
        outcomes = [
            Outcome(
                partition=(name := rows.named(row)),
                runs=tuple(runs.get(name, ())),
                **dict(zip(rows.OUTCOME, row[len(rows.NAMES) :], strict=True)),
            )
            for row in found
        ]
        return int(number), {outcome.partition: outcome for outcome in outcomes}

    def last_commit(self) -> int:
        """The id of the latest commit; 0 before the first."""
        with self._database.reading() as connection:
            return int(connection.execute(select(func.coalesce(func.max(db.commit.c.id), 0))).scalar_one())

    def heads(self, partitions: Iterable[Partition]) -> dict[Partition, Head]:
        """What a writer must know of each partition, all as of one commit."""
        months: dict[Series, set[str]] = {}
        for partition in partitions:
            months.setdefault(partition.series, set()).add(partition.month)
        heads: dict[Partition, Head] = {}
        with self._database.reading() as connection:
            for series, named in months.items():
                mine = and_(rows.of_series(series), db.partition.c.month.in_(named))
                states = {state.partition: state for state in rows.states(connection, mine)}
                files = rows.segments(connection, and_(mine, rows.live()))
                runs = rows.runs(connection, mine)
                for partition in (Partition(series, month) for month in named):
                    live = tuple(segment for segment in files if segment.partition == partition)
                    heads[partition] = Head(states.get(partition), live, tuple(runs.get(partition, ())))
        return heads

    def segments(
        self, series: Series | None = None, months: tuple[str, str] | None = None, *, as_of: int | None = None
    ) -> list[Segment]:
        """The files to read, sorted by partition and time, all as of one commit.

        Args:
            series: None for all.
            months: first and last month, both included; None for all.
            as_of: as they were right after this commit (0: before the first); None for now. LedgerError if there
                is no such commit.
        """
        where = and_(
            rows.live(as_of),
            rows.of_series(series) if series else true(),
            db.partition.c.month.between(*months) if months else true(),
        )
        with self._database.reading() as connection:
            known = select(db.commit.c.id).where(db.commit.c.id == as_of)
            if as_of and connection.execute(known).first() is None:
                raise LedgerError(f"the lake has no commit {as_of}")
            return rows.segments(connection, where)

    def paths(self) -> set[str]:
        """Every file a commit ever named, live or replaced."""
        with self._database.reading() as connection:
            return set(connection.execute(select(db.segment.c.path)).scalars())

    def runs(self, series: Series, window: Window) -> list[Run]:
        """What is known about the instants of ``window``; the unknown ones are in no run."""
        inside = and_(db.coverage.c.start < window.end, db.coverage.c.end > window.start)
        with self._database.reading() as connection:
            found = rows.runs(connection, and_(rows.of_series(series), inside))
        return merged(clipped((run for runs in found.values() for run in runs), window))

    def states(self, series: Series | None = None) -> list[PartitionState]:
        """Every partition that was ever committed to, sorted."""
        with self._database.reading() as connection:
            return rows.states(connection, rows.of_series(series) if series else true())

    def rejected(self, partition: Partition) -> list[Rejected]:
        """Every row that was not let in, in order of time; one that came again for the same reason is there once."""
        where = and_(rows.of_series(partition.series), db.partition.c.month == partition.month)
        query = select(db.quarantine).join(db.partition).where(where)
        query = query.order_by(db.quarantine.c.open_at, db.quarantine.c.reason, db.quarantine.c.row)
        with self._database.reading() as connection:
            return [Rejected(row.open_at, json.loads(row.row), row.reason) for row in connection.execute(query)]

    def record_verdicts(self, verdicts: Sequence[Verdict]) -> None:
        """Keep what the rules said of these partitions instead of all they said before: one judgement, one state."""
        with self._database.writing() as connection:
            ids = rows.partition_ids(connection, {verdict.partition for verdict in verdicts})
            connection.execute(delete(db.verdict).where(db.verdict.c.partition_id.in_(ids.values())))
            for verdict in verdicts:
                kept = {name: getattr(verdict, name) for name in rows.VERDICT}
                connection.execute(insert(db.verdict).values(kept | {"partition_id": ids[verdict.partition]}))

    def verdicts(self, series: Series | None = None) -> list[Verdict]:
        """What the rules said of each partition when it was last judged, sorted."""
        query = select(*rows.NAMES, *(db.verdict.c[name] for name in rows.VERDICT)).join_from(db.verdict, db.partition)
        where = rows.of_series(series) if series else true()
        with self._database.reading() as connection:
            found = connection.execute(query.where(where).order_by(*rows.NAMES, db.verdict.c.rule)).all()
        return [Verdict(rows.named(row), *row[len(rows.NAMES) :]) for row in found]

    def log(self, series: Series | None = None, limit: int = 100) -> list[Commit]:
        """The latest commits, newest first, with counts summed over the partitions (of ``series``)."""
        counts = [func.count().label("partitions")]
        counts += [func.sum(db.change.c[name]).label(name) for name in ("new", "changed", "unchanged")]
        about = [db.commit.c[name] for name in ("id", "at", "run_id", "source", "code_version")]
        query = select(*about, *counts).select_from(db.commit.join(db.change).join(db.partition)).group_by(*about)
        query = query.where(rows.of_series(series) if series else true())
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(db.commit.c.id.desc()).limit(limit)).all()
        return [Commit(*row) for row in found]


def _now() -> int:
    return time.time_ns() // 1_000_000
