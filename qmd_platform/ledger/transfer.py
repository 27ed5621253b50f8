"""Moving a ledger to another database, so that at every instant at most one of the two can be used.

What lives here: copying all tables, proving that the copy is the same, and handing over. What does not: the data
files (``lake.moving``), the databases (``ledger.sqlite``, ``ledger.postgres``).

| step, each one transaction | killed after it |
|---|---|
| the copy is made, and says that it is unconfirmed (``arriving``) | the old ledger is the one; the copy is refused |
| the old one says where it went (``moved``) | both are refused, until this is run again |
| the copy is confirmed | the new ledger is the one; the old one is refused |

From the first step to the second the old ledger is locked: nothing is committed to it that the copy lacks.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, and_, delete, func, insert, not_, select

from qmd_platform.errors import LedgerError
from qmd_platform.ledger import rows
from qmd_platform.ledger import schema as db
from qmd_platform.ledger.database import ARRIVING, MOVED, Database
from qmd_platform.ledger.database import refuse_moved as _refuse_moved
from qmd_platform.ledger.records import Segment

BATCH = 2_000
"""Rows written at a time."""

Progress = Callable[[int, int], None]
"""``progress(done, total)``, in rows; every row counts twice, as it is copied and as it is read back."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """What was moved. ``copied`` is False where only the handing over was left to do."""

    rows: int
    commit: int
    """The last commit."""
    copied: bool


def refuse_moved(database: Database) -> None:
    """LedgerError if ``database`` is not the ledger any more, or not yet."""
    with database.reading() as connection:
        _refuse_moved(connection, database.where)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a ledger expects to find: the files of now, and those of the past that were not given up yet."""

    commit: int
    live: tuple[Segment, ...]
    replaced: tuple[Segment, ...]


def kept(database: Database) -> Kept:
    """Every segment whose file has to be there, and the last commit."""
    with database.reading() as connection:
        live = rows.segments(connection, rows.live())
        replaced = rows.segments(connection, and_(not_(rows.live()), db.segment.c.gone_at.is_(None)))
        return Kept(_last(connection), tuple(live), tuple(replaced))


def has_all_of(mine: Connection, theirs: Connection) -> bool:
    """Whether every commit of ``theirs`` is in ``mine`` too."""
    last = _last(theirs)
    return last <= _last(mine) and _history(mine, last) == _history(theirs, last)


def transfer(
    source: Database,
    target: Database,
    progress: Progress | None = None,
    *,
    meanwhile: Callable[[], object] | None = None,
) -> Transferred:
    """Move the ledger in ``source`` to ``target``, which is made where needed. Killed at any instant, run it again.

    ``target`` may hold an older state of the same ledger, or nothing; ``source`` is left as it was but for the note
    that it was moved.

    Args:
        source: the ledger there is.
        target: where it is to be.
        progress: told of every batch of rows.
        meanwhile: what else to do before the switch, while nobody can commit to ``source``; its error calls all off.

    Raises:
        LedgerError: ``source`` was moved elsewhere, or is damaged; ``target`` is of another lake, or has commits that
            ``source`` does not have; one of them cannot be used; the copy is not the same. Both are as before.
    """
    if source.where == target.where:
        raise LedgerError(f"the ledger already is {target.where}", hint="name another database")
    target.migrate()
    with source.moving() as mine:
        if (moved := _about(mine).get(MOVED)) is None:
            _refuse_moved(mine, source.where)
            _refuse_damaged(source)
            done = _copied(source, mine, target, progress)
            if meanwhile is not None:
                meanwhile()
            mine.execute(insert(db.about).values(key=MOVED, value=target.where))
        elif moved == target.where:
            done = _found(mine, target)
        else:
            raise LedgerError(f"the ledger {source.where} was moved to {moved} before", hint="move that one")
    with target.moving() as theirs:
        theirs.execute(delete(db.about).where(db.about.c.key == ARRIVING))
    return done


def copy(source: Connection, target: Connection, progress: Progress | None = None) -> dict[str, int]:
    """Make the tables of ``target`` hold exactly the rows of ``source``, and prove it; the number of rows by table.

    What ``source`` says of having been moved is not copied.

    Raises:
        LedgerError: what is read back is not what was written; the caller must roll back.
    """
    for table in reversed(db.metadata.sorted_tables):
        target.execute(delete(table))
    counts = {table.name: _count(source, table) for table in db.metadata.sorted_tables}
    tell = _Telling(progress, 2 * sum(counts.values()))
    digests = {}
    for table in db.metadata.sorted_tables:
        digest = hashlib.sha256()
        for batch in _batches(source, table):
            target.execute(insert(table), [dict(row._mapping) for row in batch])  # noqa: SLF001 - SQLAlchemy's public name
            _take_in(digest, batch)
            tell(len(batch))
        digests[table.name] = digest.digest()
    _set_sequences(target)
    for table in db.metadata.sorted_tables:
        digest = hashlib.sha256()
        for batch in _batches(target, table):
            _take_in(digest, batch)
            tell(len(batch))
        if digest.digest() != digests[table.name]:
            raise LedgerError(f"the copy of the table {table.name} is not the same", hint="nothing was changed")
    return counts


def _copied(source: Database, mine: Connection, target: Database, progress: Progress | None) -> Transferred:
    with target.moving() as theirs:
        _refuse_another(mine, source, theirs, target)
        counts = copy(mine, theirs, progress)
        theirs.execute(insert(db.about).values(key=ARRIVING, value=source.where))
        return Transferred(sum(counts.values()), _last(theirs), copied=True)


def _refuse_damaged(source: Database) -> None:
    if problems := source.problems():
        hint = "make it anew first: `qmd rebuild`"
        raise LedgerError(f"the ledger {source.where} is damaged: {problems[0]}", hint=hint)


def _found(mine: Connection, target: Database) -> Transferred:
    """What a run that was stopped after the second step has left in ``target``."""
    with target.reading() as theirs:
        if _about(theirs).get("lake") != _about(mine).get("lake") or _last(theirs) < _last(mine):
            hint = "put that database back from its backup, or make the ledger anew: `qmd rebuild`"
            raise LedgerError(f"the ledger was moved to {target.where}, which does not hold it any more", hint=hint)
        return Transferred(
            sum(_count(theirs, table) for table in db.metadata.sorted_tables), _last(theirs), copied=False
        )


def _refuse_another(mine: Connection, source: Database, theirs: Connection, target: Database) -> None:
    """LedgerError unless all that ``theirs`` holds is in ``mine`` too."""
    if not _last(theirs):
        return
    if _about(theirs).get("lake") != _about(mine).get("lake"):
        hint = "name another database, or another ?schema="
        raise LedgerError(f"{target.where} holds the ledger of another lake; nothing was changed", hint=hint)
    if not has_all_of(mine, theirs):
        hint = "it is the one to use; if this one is the one, name another database or ?schema="
        raise LedgerError(f"{target.where} has commits that {source.where} does not have", hint=hint)


def _history(connection: Connection, last: int) -> bytes:
    """A digest of the commits up to ``last``."""
    digest = hashlib.sha256()
    for batch in _batches(connection, db.commit):
        _take_in(digest, [row for row in batch if row.id <= last])
    return digest.digest()


def _batches(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    """All rows to be copied, by primary key."""
    query = _select(table).order_by(*table.primary_key).execution_options(yield_per=BATCH)
    return connection.execute(query).partitions()


def _select(table: Table) -> Select[Any]:
    query = select(table)
    return query.where(db.about.c.key.not_in((MOVED, ARRIVING))) if table is db.about else query


def _take_in(digest: "hashlib._Hash", found: Sequence[Row[Any]]) -> None:
    """Numbers, texts and truth values have the same repr whichever database they come from."""
    for row in found:
        digest.update(repr(tuple(row)).encode())


def _set_sequences(connection: Connection) -> None:
    """PostgreSQL numbers new partitions from a sequence, which does not see the rows that came with their numbers."""
    if connection.dialect.name == "postgresql":
        last = (
            "SELECT setval(pg_get_serial_sequence('partition', 'id'), coalesce(max(id), 0) + 1, false) FROM partition"
        )
        connection.exec_driver_sql(last)


def _about(connection: Connection) -> Mapping[str, str]:
    return {row.key: row.value for row in connection.execute(select(db.about))}


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(_select(table).subquery())).scalar_one())


def _last(connection: Connection) -> int:
    return int(connection.execute(select(func.coalesce(func.max(db.commit.c.id), 0))).scalar_one())


@dataclass(slots=True)
class _Telling:
    progress: Progress | None
    total: int
    done: int = field(default=0)

    def __call__(self, more: int) -> None:
        self.done += more
        if self.progress is not None:
            self.progress(self.done, self.total)
