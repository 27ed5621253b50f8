"""What the ledger is asked about the lake as it is now, or was after a commit.

What lives here: one read transaction a question. What does not: who made it so and when (``ledger.history``),
changing it (``ledger.ledger``).
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, and_, select, true

from qmd_platform.ledger import evidence, rows
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.checksums import checksum, damaged
from qmd_platform.ledger.database import Database
from qmd_platform.ledger.records import Head, Outcome, PartitionState, Rejected, Segment, Verdict, View
from qmd_platform.ledger.snapshots import AsOf, resolved
from qmd_platform.model.evidence import Answered, Attempt
from qmd_platform.model.series import Partition, Series
from qmd_platform.model.spans import Run, State, clipped, merged
from qmd_platform.model.window import Window, month_of


class Questions:
    """The reading half of the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def about(self, key: str) -> str | None:
        """What the ledger says of itself: ``lake`` (its id), ``world``, ``moved``; None if it does not say."""
        with self._database.reading() as connection:
            return connection.execute(select(db.about.c.value).where(db.about.c.key == key)).scalar()

    def last_commit(self) -> int:
        """The id of the latest commit; 0 before the first."""
        with self._database.reading() as connection:
            return resolved(connection, None)

    def resolved(self, as_of: AsOf, series: Series | None = None) -> int:
        """The commit a snapshot (of ``series``; None for all) is of; 0 for before the first.

        Raises:
            BadSnapshot: there is no such commit, or no pin of this name.
            Vacuumed: a vacuum took what it was made of.
        """
        with self._database.reading() as connection:
            return resolved(connection, as_of, series)

    def view(self, series: Series, window: Window | None = None, *, as_of: AsOf = None) -> View:
        """Files and coverage of ``series`` in one snapshot; only those that ``window`` touches.

        Raises:
            LedgerError: there is no such snapshot, or the ledger is damaged.
            Vacuumed: its files are gone.
        """
        return self.views([series], window, as_of=as_of)[series]

    def views(
        self, series: Collection[Series], window: Window | None = None, *, as_of: AsOf = None
    ) -> dict[Series, View]:
        """As ``view``, of several series in the same snapshot, in one question."""
        months = (month_of(window.start), month_of(window.end - 1)) if window else None
        mine = and_(rows.of_any(series), db.partition.c.month.between(*months) if months else true())
        with self._database.reading() as connection:
            # A pin may hold some of the series only.
            commit = max((resolved(connection, as_of, one) for one in series), default=resolved(connection, None))
            parts = _now(connection, mine) if as_of is None else _past(connection, mine, commit)
        return {one: _view(commit, [part for part in parts if part[0] == one], window) for one in series}

    def heads(self, partitions: Iterable[Partition]) -> dict[Partition, Head]:
        """What a writer must know of each partition, all as of one commit; LedgerError if the ledger is damaged."""
        wanted = list(dict.fromkeys(partitions))
        with self._database.reading() as connection:
            found = checked_heads(connection, rows.of_partitions(wanted))
            for one, asked in evidence.attempts(connection, rows.of_partitions(wanted)).items():
                found[one] = replace(found.get(one, Head()), attempts=asked)
        return {one: found.get(one, Head()) for one in wanted}

    def committed(self, idem_key: str) -> tuple[int, dict[Partition, Outcome]] | None:
        """The commit made under ``idem_key`` and what it did; None if there is none."""
        with self._database.reading() as connection:
            number = connection.execute(select(db.commit.c.id).where(db.commit.c.idem_key == idem_key)).scalar()
            if number is None:
                return None
            mine = db.partition.c.id.in_(select(db.change.c.partition_id).where(db.change.c.commit_id == number))
            runs = rows.runs(connection, mine, number)
            columns = [db.change.c[name] for name in rows.OUTCOME]
            query = select(*rows.NAMES, *columns).select_from(db.change.join(db.partition))
            found = connection.execute(query.where(db.change.c.commit_id == number)).all()
        outcomes = [
            Outcome(
                partition=(name := rows.named(row)),
                runs=runs.get(name, ()),
                **dict(zip(rows.OUTCOME, row[len(rows.NAMES) :], strict=True)),
            )
            for row in found
        ]
        return int(number), {outcome.partition: outcome for outcome in outcomes}

    def segments(
        self, series: Series | None = None, months: tuple[str, str] | None = None, *, as_of: AsOf = None
    ) -> list[Segment]:
        """The files to read, sorted by partition and time, all as of one commit.

        Args:
            series: None for all.
            months: first and last month, both included; None for all.
            as_of: a snapshot; LedgerError if there is no such one.
        """
        mine = and_(
            rows.of_series(series) if series else true(), db.partition.c.month.between(*months) if months else true()
        )
        with self._database.reading() as connection:
            commit = None if as_of is None else resolved(connection, as_of, series)
            return rows.segments(connection, and_(mine, rows.live(as_of=commit)))

    def paths(self) -> set[str]:
        """Every file a commit ever named, live or replaced."""
        with self._database.reading() as connection:
            return set(connection.execute(select(db.segment.c.path)).scalars())

    def names(self, path: str) -> bool:
        """Whether a commit ever named the file ``path``."""
        with self._database.reading() as connection:
            return connection.execute(select(db.segment.c.path).where(db.segment.c.path == path)).first() is not None

    def runs(self, series: Series, window: Window, *, as_of: AsOf = None) -> list[Run]:
        """What is known about the instants of ``window``; the unknown ones are in no run."""
        return list(self.view(series, window, as_of=as_of).runs)

    def in_state(self, *states: State) -> dict[Partition, tuple[Run, ...]]:
        """Every run of these states in the whole lake: all its gaps in one question."""
        with self._database.reading() as connection:
            return rows.runs(connection, db.coverage.c.state.in_([state.value for state in states]))

    def states(self, series: Series | None = None, *, as_of: AsOf = None) -> list[PartitionState]:
        """Every partition that was ever committed to, sorted."""
        where = rows.of_series(series) if series else true()
        with self._database.reading() as connection:
            if as_of is None:
                return rows.states(connection, where)
            return rows.past_states(connection, where, resolved(connection, as_of, series))

    def attempts(self, series: Collection[Series]) -> dict[Series, list[Attempt]]:
        """What was asked for in vain and is still not there, in order of time; LedgerError if it is damaged."""
        with self._database.reading() as connection:
            return evidence.attempts_by_series(connection, series)

    def gaps_of(self, series: Collection[Series]) -> dict[Series, list[Run]]:
        """What is known of all candles of each series, merged over its months: quick, as no file is named or compared.

        LedgerError if it is damaged so that it means nothing; whether it is what was committed is not looked at.
        """
        with self._database.reading() as connection:
            return evidence.known_by_series(connection, series)

    def evidence(
        self, series: Series, window: Window | None = None, *, as_of: AsOf = None
    ) -> list[tuple[int, Answered]]:
        """Every answer about ``window`` with the commit it was kept by, oldest first; LedgerError if it is damaged."""
        with self._database.reading() as connection:
            return evidence.answers(connection, series, window, as_of)

    def rejected(self, partition: Partition) -> list[Rejected]:
        """Every row that was not let in, in order of time; one that came again for the same reason is there once."""
        return self.rejected_of([partition]).get(partition, [])

    def rejected_of(self, partitions: Collection[Partition]) -> dict[Partition, list[Rejected]]:
        """As ``rejected``, of several partitions; one without such rows is not there."""
        columns = db.quarantine.c
        query = select(*rows.NAMES, db.quarantine).join(db.partition).where(rows.of_partitions(partitions))
        found: dict[Partition, list[Rejected]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query.order_by(*rows.NAMES, columns.open_at, columns.reason, columns.row)):
                said = Rejected(row.open_at, json.loads(row.row), row.reason)
                found.setdefault(rows.named(row), []).append(said)
        return found

    def verdicts(self, series: Series | None = None) -> list[Verdict]:
        """What the rules said of each partition when it was last judged, sorted."""
        query = select(*rows.NAMES, *(db.verdict.c[name] for name in rows.VERDICT)).join_from(db.verdict, db.partition)
        where = rows.of_series(series) if series else true()
        with self._database.reading() as connection:
            found = connection.execute(query.where(where).order_by(*rows.NAMES, db.verdict.c.rule)).all()
        return [Verdict(rows.named(row), *row[len(rows.NAMES) :]) for row in found]


Part = tuple[Series, Sequence[Segment], Sequence[Run]]
"""A partition's part of a view."""


def _now(connection: Connection, where: ColumnElement[bool]) -> list[Part]:
    return [(one.series, head.segments, head.runs) for one, head in checked_heads(connection, where).items()]


def _past(connection: Connection, where: ColumnElement[bool], commit: int) -> list[Part]:
    files = rows.segments(connection, and_(where, rows.live(as_of=commit)))
    runs = rows.runs(connection, where, commit)
    return [
        *((segment.partition.series, [segment], ()) for segment in files),
        *((partition.series, (), said) for partition, said in runs.items()),
    ]


def _view(commit: int, parts: Iterable[Part], window: Window | None) -> View:
    held = list(parts)
    files = [segment for _, segments, _ in held for segment in segments]
    runs = merged(run for _, _, said in held for run in said)
    if window is None:
        return View(commit, tuple(files), tuple(runs))
    touched = [one for one in files if one.window is None or one.window.intersection(window)]
    return View(commit, tuple(touched), tuple(clipped(runs, window)))


def checked_heads(connection: Connection, where: ColumnElement[bool]) -> dict[Partition, Head]:
    """Partitions as they are now, in order; LedgerError if one is not what was kept of it."""
    files: dict[Partition, list[Segment]] = {}
    for segment in rows.segments(connection, and_(where, rows.live())):
        files.setdefault(segment.partition, []).append(segment)
    runs = rows.runs(connection, where)
    kept = rows.checksums(connection, where)
    heads: dict[Partition, Head] = {}
    for state in rows.states(connection, where):
        one = state.partition
        heads[one] = Head(state, tuple(files.pop(one, ())), runs.pop(one, ()))
        if kept[one] is not None and kept[one] != checksum(state, heads[one].segments, heads[one].runs):
            raise damaged(one)
    for orphan in (*files, *runs):
        raise damaged(orphan)
    return heads
