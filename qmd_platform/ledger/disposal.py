"""What vacuum asks of the ledger: which files nothing reaches any more, and that they are going.

What lives here: reachability (now, pins, the time kept), the marks ``trashed_at`` and ``gone_at``. What does not:
deleting files, and files no commit names (``lake.vacuum``).

A file goes in two steps. First it is marked as trash, and stays readable. After the grace it is marked as gone, and
only then deleted: stopped in between, it is a file the ledger knows to be of no use, and the next vacuum deletes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from qmd_platform.ledger import rows
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.history import History
from qmd_platform.ledger.questions import pinned
from qmd_platform.ledger.records import Pin, Segment
from qmd_platform.model.series import Series
from qmd_platform.model.window import Instant


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """What a vacuum found: segments it marked as trash, took back out of it, and gave up for good."""

    trashed: tuple[Segment, ...] = ()
    rescued: tuple[Segment, ...] = ()
    gone: tuple[Segment, ...] = ()
    expired: tuple[Pin, ...] = ()
    """Pins whose time is over."""


@dataclass(frozen=True, slots=True)
class _Old:
    """A segment that is not live any more."""

    segment: Segment
    added: int
    removed: int
    removed_at: Instant
    trashed_at: Instant | None

    def is_pinned(self, pins: Sequence[Pin]) -> bool:
        return _is_pinned(self.added, self.removed, self.segment.partition.series, pins)


class Disposal(History):
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
            old = _replaced(connection)
            free = [one for one in old if one.removed_at <= now - keep_ms and not one.is_pinned(valid)]
            loose = {one.segment.path for one in free}
            said = Reclaimed(
                trashed=tuple(one.segment for one in free if one.trashed_at is None),
                rescued=tuple(one.segment for one in old if one.trashed_at and one.segment.path not in loose),
                gone=tuple(one.segment for one in free if one.trashed_at and one.trashed_at <= now - grace_ms),
                expired=tuple(pin for pin in pins if pin not in valid),
            )
            if not dry_run:
                _mark(connection, said.trashed, trashed_at=now)
                _mark(connection, said.rescued, trashed_at=None)
                _mark(connection, said.gone, gone_at=now)
                forgotten = _forget_coverage(connection, valid, now - keep_ms - grace_ms)
                _move_oldest(connection, [one.removed for one in free if one.segment in said.gone] + forgotten)
        return said

    def gone(self) -> set[str]:
        """The files given up for good; what of them is still there may be deleted."""
        with self._database.reading() as connection:
            return set(connection.execute(select(db.segment.c.path).where(db.segment.c.gone_at.is_not(None))).scalars())

    def mark_gone(self, there: set[str], now: Instant) -> None:
        """Mark as gone every file that is not live and not among the paths ``there``: for a ledger made again."""
        with self._database.writing() as connection:
            lost = [one for one in _replaced(connection) if one.segment.path not in there]
            _mark(connection, [one.segment for one in lost], gone_at=now)
            _move_oldest(connection, [one.removed for one in lost])


def _replaced(connection: Connection) -> list[_Old]:
    columns = db.segment.c
    query = select(*rows.NAMES, db.segment, db.commit.c.at.label("removed_at"))
    query = query.join_from(db.segment, db.partition).join(db.commit, db.commit.c.id == columns.removed_commit)
    found = connection.execute(query.where(columns.gone_at.is_(None)).order_by(columns.path))
    return [
        _Old(rows.segment_of(row), row.added_commit, row.removed_commit, row.removed_at, row.trashed_at)
        for row in found
    ]


def _is_pinned(added: int, removed: int, series: Series, pins: Sequence[Pin]) -> bool:
    return any(added <= pin.commit < removed and pin.covers(series) for pin in pins)


def _mark(connection: Connection, segments: Sequence[Segment], **values: Instant | None) -> None:
    if segments:
        query = update(db.segment).where(db.segment.c.path == bindparam("b_path")).values(values)
        connection.execute(query, [{"b_path": segment.path} for segment in segments])


def _forget_coverage(connection: Connection, pins: Sequence[Pin], before: Instant) -> list[int]:
    """Drop coverage that was replaced before ``before`` and that no pin reaches; the commits that replaced it."""
    columns = db.coverage.c
    query = select(*rows.NAMES, db.coverage).join_from(db.coverage, db.partition)
    query = query.join(db.commit, db.commit.c.id == columns.removed_commit).where(db.commit.c.at <= before)
    gone = [
        row
        for row in connection.execute(query).all()
        if not _is_pinned(row.added_commit, row.removed_commit, rows.named(row).series, pins)
    ]
    if gone:
        keys = ("partition_id", "start", "added_commit")
        mine = (columns[key] == bindparam(f"b_{key}") for key in keys)
        said = [{f"b_{key}": getattr(row, key) for key in keys} for row in gone]
        connection.execute(delete(db.coverage).where(*mine), said)
    return [row.removed_commit for row in gone]


def _move_oldest(connection: Connection, removed_by: Sequence[int]) -> None:
    """From now on the snapshots before these commits are not whole any more."""
    mine = db.about.c.key == "oldest"
    before = connection.execute(select(db.about.c.value).where(mine)).scalar()
    oldest = max([int(before or 0), *removed_by])
    if before is None and oldest:
        connection.execute(insert(db.about).values(key="oldest", value=str(oldest)))
    elif before is not None and oldest > int(before):
        connection.execute(update(db.about).where(mine).values(value=str(oldest)))
