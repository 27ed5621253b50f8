"""What vacuum asks of the ledger: which files nothing reaches any more, and that they are going.

What lives here: reachability (now, pins, the time kept), the marks ``trashed_at`` and ``gone_at``. What does not:
deleting files, and files no commit names (``lake.vacuum``).

A file goes in two steps. First it is marked as trash, and stays readable. After the grace it is marked as gone, and
only then deleted: stopped in between, it is a file the ledger knows to be of no use, and the next vacuum deletes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Table, bindparam, delete, insert, select, update

from qmd_platform.ledger import rows
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.records import Pin, Segment
from qmd_platform.ledger.snapshots import pinned
from qmd_platform.ledger.tracing import Tracing
from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """What a vacuum found: segments it marked as trash, took back out of it, and gave up for good."""

    trashed: tuple[Segment, ...] = ()
    rescued: tuple[Segment, ...] = ()
    gone: tuple[Segment, ...] = ()
    expired: tuple[Pin, ...] = ()
    """Pins whose time is over."""


@dataclass(frozen=True, slots=True)
class _Old(Generic[T]):
    """Something that is not live any more: a segment, or the key of a run of coverage."""

    what: T
    series: Series
    added: int
    removed: int
    removed_at: Instant
    trashed_at: Instant | None

    def is_reached(self, pins: Sequence[Pin]) -> bool:
        """Whether a pin's snapshot has it."""
        return any(self.added <= pin.commit < self.removed and pin.covers(self.series) for pin in pins)


@dataclass(frozen=True, slots=True)
class _Sorted(Generic[T]):
    """What is to be done with old things."""

    trashed: list[_Old[T]]
    rescued: list[_Old[T]]
    gone: list[_Old[T]]


class Disposal(Tracing):
    """The ledger's part of a vacuum."""

    def reclaim(self, *, now: Instant, keep_ms: int, grace_ms: int, dry_run: bool = False) -> Reclaimed:
        """Mark what nothing reaches; one transaction.

        Args:
            now: the clock's time.
            keep_ms: every snapshot of this last time stays readable.
            grace_ms: how long trash stays readable.
            dry_run: only say what would be done.
        """
        context = self._database.reading() if dry_run else self._database.writing()
        with context as connection:
            pins = pinned(connection)
            valid = [pin for pin in pins if pin.until is None or pin.until > now]
            files = _sorted(_old_segments(connection), valid, now - keep_ms, now - grace_ms)
            runs = _sorted(_old_runs(connection), valid, now - keep_ms, now - grace_ms)
            if not dry_run:
                _mark_segments(connection, files, now)
                _mark_runs(connection, runs, now)
                _move_oldest(connection, [*(one.removed for one in files.gone), *(one.removed for one in runs.gone)])
        return Reclaimed(
            trashed=tuple(one.what for one in files.trashed),
            rescued=tuple(one.what for one in files.rescued),
            gone=tuple(one.what for one in files.gone),
            expired=tuple(pin for pin in pins if pin not in valid),
        )

    def gone(self) -> set[str]:
        """The files given up for good; what of them is still there may be deleted."""
        with self._database.reading() as connection:
            return set(connection.execute(select(db.segment.c.path).where(db.segment.c.gone_at.is_not(None))).scalars())

    def mark_gone(self, there: set[str], now: Instant) -> None:
        """Mark as gone every file that is not live and not among the paths ``there``: for a ledger made again."""
        with self._database.writing() as connection:
            lost = [one for one in _old_segments(connection) if one.what.path not in there]
            _set(connection, db.segment, ("path",), [(one.what.path,) for one in lost], gone_at=now)
            _move_oldest(connection, [one.removed for one in lost])


def _old_segments(connection: Connection) -> list[_Old[Segment]]:
    columns = db.segment.c
    query = select(*rows.NAMES, db.segment, db.commit.c.at.label("removed_at"))
    query = query.join_from(db.segment, db.partition).join(db.commit, db.commit.c.id == columns.removed_commit)
    found = connection.execute(query.where(columns.gone_at.is_(None)).order_by(columns.path))
    return [_old(row, rows.segment_of(row)) for row in found]


_RUN = ("partition_id", "start", "added_commit")
"""What tells one row of coverage from all others."""


def _old_runs(connection: Connection) -> list[_Old[tuple[int, ...]]]:
    columns = db.coverage.c
    query = select(*rows.NAMES, db.coverage, db.commit.c.at.label("removed_at"))
    query = query.join_from(db.coverage, db.partition).join(db.commit, db.commit.c.id == columns.removed_commit)
    return [_old(row, tuple(getattr(row, key) for key in _RUN)) for row in connection.execute(query)]


def _old(row: Row[Any], what: T) -> _Old[T]:
    series = rows.named(row).series
    return _Old(what, series, row.added_commit, row.removed_commit, row.removed_at, row.trashed_at)


def _sorted(old: Sequence[_Old[T]], pins: Sequence[Pin], kept_since: Instant, trash_before: Instant) -> _Sorted[T]:
    free = [one.removed_at <= kept_since and not one.is_reached(pins) for one in old]
    return _Sorted(
        trashed=[one for one, is_free in zip(old, free, strict=True) if is_free and one.trashed_at is None],
        rescued=[one for one, is_free in zip(old, free, strict=True) if not is_free and one.trashed_at is not None],
        gone=[
            one
            for one, is_free in zip(old, free, strict=True)
            if is_free and one.trashed_at is not None and one.trashed_at <= trash_before
        ],
    )


def _mark_segments(connection: Connection, files: _Sorted[Segment], now: Instant) -> None:
    for part, values in ((files.trashed, {"trashed_at": now}), (files.rescued, {"trashed_at": None})):
        _set(connection, db.segment, ("path",), [(one.what.path,) for one in part], **values)
    _set(connection, db.segment, ("path",), [(one.what.path,) for one in files.gone], gone_at=now)


def _mark_runs(connection: Connection, runs: _Sorted[tuple[int, ...]], now: Instant) -> None:
    """As segments; but what is gone is deleted, as there is no file that has to be remembered."""
    _set(connection, db.coverage, _RUN, [one.what for one in runs.trashed], trashed_at=now)
    _set(connection, db.coverage, _RUN, [one.what for one in runs.rescued], trashed_at=None)
    if runs.gone:
        query = delete(db.coverage).where(*_same(db.coverage, _RUN))
        connection.execute(query, _bound(_RUN, [one.what for one in runs.gone]))


def _set(
    connection: Connection, table: Table, key: Sequence[str], which: Sequence[tuple[Any, ...]], **values: Instant | None
) -> None:
    if which:
        connection.execute(update(table).where(*_same(table, key)).values(values), _bound(key, which))


def _same(table: Table, key: Sequence[str]) -> list[ColumnElement[bool]]:
    return [table.c[name] == bindparam(f"b_{name}") for name in key]


def _bound(key: Sequence[str], which: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [{f"b_{name}": value for name, value in zip(key, one, strict=True)} for one in which]


def _move_oldest(connection: Connection, removed_by: Sequence[int]) -> None:
    """From now on the snapshots before these commits are not whole any more."""
    mine = db.about.c.key == "oldest"
    before = connection.execute(select(db.about.c.value).where(mine)).scalar()
    oldest = max([int(before or 0), *removed_by])
    if before is None and oldest:
        connection.execute(insert(db.about).values(key="oldest", value=str(oldest)))
    elif before is not None and oldest > int(before):
        connection.execute(update(db.about).where(mine).values(value=str(oldest)))
